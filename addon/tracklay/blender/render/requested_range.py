"""The frames that a render was started with: since Blender 5.0 they may be others than the scene's, and no handler is given them.

In a window the running operator knows them. Without one, the call of a script in 5.0 and 5.1 does; in 5.2 an operator is called from C, and
nothing in Python has its arguments before the first frame is rendered.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    from types import FrameType

RENDER_OPERATOR = "RENDER_OT_render"
RANGE_OPTIONS = ("frame_start", "frame_end")
"""Options of the render operator from Blender 5.0 on. One that is left out is that of the scene."""


def find_requested_range(scene: Any) -> tuple[int, int] | None:
    """Return the first and last frame that the running render was started with; None if they are those of the scene.

    Call it on the main thread, in a handler. A script's call of `bpy.ops.render.render` runs the handlers before it returns: it is on
    Python's stack, with its arguments (bpy 5.0.1; not in Blender 5.2.2).
    """
    options = _options_of_running_operator() or _options_of_calling_script()
    if not options:
        return None
    return int(options.get("frame_start", scene.frame_start)), int(options.get("frame_end", scene.frame_end))


def _options_of_running_operator() -> dict[str, Any]:
    for window in bpy.context.window_manager.windows:
        for operator in window.modal_operators:
            if operator.bl_idname == RENDER_OPERATOR:
                given = operator.properties
                return {name: getattr(given, name) for name in RANGE_OPTIONS if given.is_property_set(name)}
    return {}


def _options_of_calling_script() -> dict[str, Any]:
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the only way to the callers
    while frame is not None:
        # Blender's own wrapper of an operator (`scripts/modules/bpy/ops.py`): its keyword arguments are the operator's options.
        if frame.f_code.co_name == "__call__":
            operator: Any = frame.f_locals.get("self")
            arguments = frame.f_locals.get("kw")
            is_operator = type(operator).__module__ == "bpy.ops"
            if is_operator and isinstance(arguments, dict) and operator.idname() == RENDER_OPERATOR:
                return {name: arguments[name] for name in RANGE_OPTIONS if name in arguments}
        frame = frame.f_back
    return {}
