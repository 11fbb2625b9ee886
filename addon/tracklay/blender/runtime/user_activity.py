"""The user's activity in Blender's windows."""

from __future__ import annotations

import bpy

MOVE_OPERATOR_PREFIXES = ("TRANSFORM_OT_", "SEQUENCER_OT_")
"""Modal operators during which no strip is changed: they hold pointers to strips, and their own undo step is not pushed yet."""


def is_user_moving_strips() -> bool:
    """Return whether a modal operator is moving strips."""
    return any(
        operator.bl_idname.startswith(MOVE_OPERATOR_PREFIXES)
        for window in bpy.context.window_manager.windows
        for operator in window.modal_operators
    )
