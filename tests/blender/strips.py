"""Adds and trims strips in any supported version of Blender."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import bpy
from tracklay.blender.sequencer import compat, cue_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path


def set_rate(scene: Any, rate: Fraction) -> None:
    """Set the scene's frame rate as in Blender's settings: 29.97 is 30 over 1.001."""
    scene.render.fps = -(-rate.numerator // rate.denominator)
    scene.render.fps_base = 1.001 if rate.denominator == 1001 else 1.0


def add(scene: Any, clip: Path, start: int, channel: int = 1) -> Any:
    """Add a movie strip that plays frame for frame, and select it."""
    strip = scene.sequence_editor.strips.new_movie(clip.stem, str(clip), channel, start)
    strip.select = True
    return strip


@contextlib.contextmanager
def in_the_sequencer(scene: Any) -> Iterator[None]:
    """Override the context for the sequencer's operators."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    region = next(region for region in area.regions if region.type == "WINDOW")
    if "sequencer_scene" in bpy.types.WorkSpace.bl_rna.properties:
        window.workspace.sequencer_scene = scene
    with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
        yield


def add_from_menu(scene: Any, clip: Path, start: int, channel: int = 1, *, sound: bool = False) -> Any:
    """Add a movie strip as the Add menu does: it plays in real time at any frame rate of the scene."""
    options = {"filepath": str(clip), "frame_start": start, "channel": channel, "sound": sound}
    options |= {"use_framerate": False, "adjust_playback_rate": True}
    if "move_strips" in bpy.ops.sequencer.movie_strip_add.get_rna_type().properties:
        options["move_strips"] = False  # else 5.0 begins to drag the strip, and crashes where there is no mouse
    with in_the_sequencer(scene):
        bpy.ops.sequencer.movie_strip_add(**options)
    return scene.sequence_editor.active_strip


def set_handles(strip: Any, first: int, end: int) -> None:
    """Trim a strip to the frames from `first` to `end` (exclusive)."""
    setattr(strip, compat.time_property("left_handle", bpy.types.Strip), first)
    compat.set_strip_frames(strip, end - first)


def laid(scene: Any) -> list[Any]:
    """Return the strips that Tracklay laid, in order of start and channel."""
    return sorted(
        (s for s in scene.sequence_editor.strips_all if cue_index.ENTRY_PROPERTY in s),
        key=lambda s: (compat.strip_start(s), s.channel),
    )
