"""Connects strips: many groups at the price of one.

Blender connects what is selected, one group a call, and brings the whole scene up to date around each call that a script makes (8 ms among
2,000 strips, and 0.3 for the rest; 4.5 to 5.2). So the calls are the steps of one macro, and between those it does not.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any

import bpy

from . import compat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

GROUPS_PER_CALL = 128
"""Groups that one call of the macro connects at most."""

_pending_groups: deque[list[Any]] = deque()
_current_group: list[Any] = []


class TRACKLAY_OT_select_group(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Select the strips that are connected next."""

    bl_idname = "tracklay.select_group"
    bl_description = "Select the strips that are connected next"
    bl_label = "Select Group"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Select the next group, and nothing of the one before; where none is left the macro ends."""
        _deselect_group()
        if not _pending_groups:
            return {"CANCELLED"}
        _current_group.extend(_pending_groups.popleft())
        for strip in _current_group:
            strip.select = True
        return {"FINISHED"}


class TRACKLAY_OT_connect_groups(bpy.types.Macro):  # type: ignore[misc]  # noqa: N801
    """Connect the strips of each group with each other."""

    bl_idname = "tracklay.connect_groups"
    bl_description = "Connect the strips of each group with each other"
    bl_label = "Connect Groups"
    bl_options = {"INTERNAL"}


def _deselect_group() -> None:
    for strip in _current_group:
        strip.select = False
    _current_group.clear()


def connect_groups(scene: Any, groups: Iterable[list[Any]]) -> None:
    """Connect the strips of each group with each other, of the level that the person is in. None of them is selected afterwards."""
    with compat.sequencer_context(scene) as works:
        if not works or not bpy.ops.sequencer.connect.poll():
            return
        _pending_groups.extend(groups)
        try:
            while _pending_groups:
                bpy.ops.tracklay.connect_groups()
        finally:
            _pending_groups.clear()
            _deselect_group()


CLASSES = (TRACKLAY_OT_select_group, TRACKLAY_OT_connect_groups)


def register() -> None:
    """Add the two, and give the macro its steps."""
    for made in CLASSES:
        bpy.utils.register_class(made)
    for _ in range(GROUPS_PER_CALL):
        TRACKLAY_OT_connect_groups.define(TRACKLAY_OT_select_group.__name__)
        TRACKLAY_OT_connect_groups.define("SEQUENCER_OT_connect").properties.toggle = False


def unregister() -> None:
    """Take them out again."""
    for made in reversed(CLASSES):
        bpy.utils.unregister_class(made)


@contextlib.contextmanager
def temporarily_registered() -> Iterator[None]:
    """They are there meanwhile, also where the add-on is not."""
    if TRACKLAY_OT_select_group.is_registered:
        yield
        return
    register()
    try:
        yield
    finally:
        unregister()
