"""What Blender tells: a file was opened, something was undone, redone or changed. Each is one short call; the work is the pump's."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..sequencer.cue_index import index
from .dispatcher import pump, redraw, watch


def _opened(*_: Any) -> None:
    """Another file is there: its placeholders are looked up by the timer, when Blender is done with opening it."""
    pump().opened()
    watch()


def _undone(*_: Any) -> None:
    pump().look(undoing=True)
    watch()
    redraw()


def _redone(*_: Any) -> None:
    pump().look()
    watch()
    redraw()


def _changed(*_: Any) -> None:
    """Called for every change, while a strip is dragged with every move of the mouse: it only takes note."""
    if not index.changed:
        index.changed = True
        watch()


HANDLERS = {"load_post": _opened, "undo_post": _undone, "redo_post": _redone, "depsgraph_update_post": _changed}
for _function in HANDLERS.values():
    persistent(_function)  # else Blender forgets it when it opens a file


def register() -> None:
    """Listen from now on. What is open already is looked at by the timer: while an add-on is switched on, it may not look itself."""
    for name, function in HANDLERS.items():
        getattr(bpy.app.handlers, name).append(function)
    pump().opened()
    watch()


def unregister() -> None:
    """Listen no more."""
    for name, function in HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(function)
