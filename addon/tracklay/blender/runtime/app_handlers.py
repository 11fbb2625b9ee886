"""What Blender tells: a file was opened, something was undone, redone or changed. Each is one short call; the work is the pump's."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..sequencer.cue_index import shared_cue_index
from ..settings.redraw import redraw_sequencers
from .dispatcher import get_dispatcher
from .timer import start_timer


def _on_load(*_: Any) -> None:
    """Another file is there: its placeholders are looked up by the timer, when Blender is done with opening it."""
    get_dispatcher().on_file_opened()
    start_timer()


def _on_undo(*_: Any) -> None:
    get_dispatcher().scan(after_undo=True)
    start_timer()
    redraw_sequencers()


def _on_redo(*_: Any) -> None:
    get_dispatcher().scan()
    start_timer()
    redraw_sequencers()


def _on_depsgraph_update(*_: Any) -> None:
    """Called for every change, while a strip is dragged with every move of the mouse: it only takes note."""
    if not shared_cue_index.is_dirty:
        shared_cue_index.is_dirty = True
        start_timer()


HANDLERS = {
    "load_post": _on_load,
    "undo_post": _on_undo,
    "redo_post": _on_redo,
    "depsgraph_update_post": _on_depsgraph_update,
}
for _function in HANDLERS.values():
    persistent(_function)  # else Blender forgets it when it opens a file


def register() -> None:
    """Listen from now on. What is open already is looked at by the timer: while an add-on is switched on, it may not look itself."""
    for name, function in HANDLERS.items():
        getattr(bpy.app.handlers, name).append(function)
    get_dispatcher().on_file_opened()
    start_timer()


def unregister() -> None:
    """Listen no more."""
    for name, function in HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(function)
