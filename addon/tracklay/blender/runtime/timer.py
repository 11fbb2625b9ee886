"""The timer that runs the dispatcher on Blender's main thread while anything is running."""

from __future__ import annotations

import bpy

from ..sequencer.cue_index import shared_cue_index
from ..settings.redraw import redraw_sequencers
from . import dispatcher

IDLE_INTERVAL_SECONDS = 0.05
"""Seconds to the next tick when this one had nothing to do: a take appears within a tenth of a second after it is ready."""

BUSY_INTERVAL_SECONDS = 0.01
"""Seconds to the next tick when this one found work: takes are filled one by one, and Blender draws between them."""


def start_timer() -> None:
    """Start the timer unless it runs. It stops by itself when nothing is running. Background mode has no timer."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_on_timer):
        # Persistent: jobs continue while another file is opened.
        bpy.app.timers.register(_on_timer, first_interval=BUSY_INTERVAL_SECONDS, persistent=True)


def stop_timer() -> None:
    """Stop the timer."""
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)


def _on_timer() -> float | None:
    """Run one tick. Return the seconds to the next, or None to stop the timer."""
    running = dispatcher.running_dispatcher()
    if running is None:
        return None
    if not running.process():
        return IDLE_INTERVAL_SECONDS if running.is_busy or shared_cue_index.is_dirty else None
    if not running.is_scanning:  # a scan that has not ended has changed nothing that is drawn
        redraw_sequencers()
    return BUSY_INTERVAL_SECONDS
