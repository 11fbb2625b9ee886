"""Blender's application handlers: a file was opened, or an undo, a redo or any other change was made.

Each handler returns at once. The work is done by the timer.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..sequencer.cue_index import shared_cue_index
from ..settings.redraw import redraw_sequencers
from . import solo_playback
from .dispatcher import get_dispatcher
from .mixing import mix_status
from .timer import start_timer


def _on_load(*_: Any) -> None:
    solo_playback.update_solo()
    get_dispatcher().on_file_opened()
    mix_status.note_change()
    start_timer()


def _on_undo(*_: Any) -> None:
    solo_playback.update_solo()  # the step may be from during playback, or from before
    # Scanned here, not by the timer: only now is it known that missing placeholders were undone, not deleted.
    get_dispatcher().scan(after_undo=True)
    mix_status.note_change()
    start_timer()
    redraw_sequencers()


def _on_redo(*_: Any) -> None:
    solo_playback.update_solo()
    get_dispatcher().scan()
    mix_status.note_change()
    start_timer()
    redraw_sequencers()


def _before_change(*_: Any) -> None:
    # What the mix has begun to write will not exist.
    mix_status.stop_job()


def _on_depsgraph_update(*_: Any) -> None:
    # Called for every change; while a strip is dragged, for every mouse move. So it only sets flags.
    mix_status.note_change()
    if not shared_cue_index.is_dirty:
        shared_cue_index.is_dirty = True
        start_timer()


def _on_playback_begin(*_: Any) -> None:
    solo_playback.update_solo(is_heard=True)


def _on_playback_end(*_: Any) -> None:
    solo_playback.update_solo(is_heard=False)


def _before_save(*_: Any) -> None:
    solo_playback.update_solo(is_heard=False)


def _after_save(*_: Any) -> None:
    solo_playback.update_solo()


HANDLERS = {
    "animation_playback_pre": _on_playback_begin,
    "animation_playback_post": _on_playback_end,
    "save_pre": _before_save,
    "save_post": _after_save,
    "save_post_fail": _after_save,
    "load_pre": _before_change,
    "undo_pre": _before_change,
    "redo_pre": _before_change,
    "load_post": _on_load,
    "undo_post": _on_undo,
    "redo_post": _on_redo,
    "depsgraph_update_post": _on_depsgraph_update,
}
for _function in HANDLERS.values():
    persistent(_function)  # otherwise Blender removes it when it opens another file


def register() -> None:
    """Add the handlers. The open file is scanned by the timer: while an extension is being enabled, it cannot access Blender's data."""
    for name, function in HANDLERS.items():
        getattr(bpy.app.handlers, name).append(function)
    get_dispatcher().on_file_opened()
    start_timer()


def unregister() -> None:
    """Remove the handlers."""
    mix_status.stop_job()
    for name, function in HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(function)
