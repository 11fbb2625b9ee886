"""Loops the span of a cue: Blender's preview range, with the range that the user had before."""

from __future__ import annotations

from typing import Any

LOOP_PROPERTY = "tracklay_loop"
"""Custom property of a scene while a cue is looped: whether the preview range was used before, and its first and last frame."""


def is_looping(scene: Any) -> bool:
    """Return whether a cue is looped."""
    return LOOP_PROPERTY in scene


def start_loop(scene: Any, start: int, end: int) -> None:
    """Set the preview range to a span, and the playhead to its first frame.

    Args:
        scene: the scene.
        start: first timeline frame.
        end: first frame after the span.
    """
    if not is_looping(scene):
        scene[LOOP_PROPERTY] = [int(scene.use_preview_range), scene.frame_preview_start, scene.frame_preview_end]
    scene.use_preview_range = True
    # In this order: Blender keeps the start below the end.
    scene.frame_preview_end = max(end - 1, start)
    scene.frame_preview_start = start
    scene.frame_preview_end = max(end - 1, start)
    scene.frame_current = start


def end_loop(scene: Any) -> None:
    """Set the preview range to what it was before the loop."""
    was_used, first, last = scene[LOOP_PROPERTY]
    del scene[LOOP_PROPERTY]
    scene.use_preview_range = bool(was_used)
    scene.frame_preview_end = max(last, first)
    scene.frame_preview_start, scene.frame_preview_end = first, last
