"""Silences what Solo leaves out while Blender plays, and only then. Blender calls this when playback begins and ends."""

from __future__ import annotations

import bpy

from ..sequencer.cue_index import editable_scenes
from ..sequencer.hearing import solo


def has_solo() -> bool:
    """Return whether a cue of any scene is heard alone when it plays."""
    return any(solo.solo_cue_id(scene) for scene in editable_scenes())


def is_playing() -> bool:
    """Return whether a window plays its animation and no render runs."""
    windows = bpy.context.window_manager.windows
    return any(window.screen.is_animation_playing for window in windows) and not bpy.app.is_job_running("RENDER")


def update_solo(*, is_heard: bool | None = None) -> None:
    """Silence what solo leaves out, or restore it.

    Args:
        is_heard: whether the timeline plays for the user's ears; by default whether it plays now.
    """
    if is_heard is None:
        is_heard = is_playing()
    for scene in editable_scenes():
        if is_heard:
            solo.silence_others(scene)
        else:
            solo.restore_others(scene)
