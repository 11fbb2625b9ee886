"""Finds strips that Blender itself plays or mixes at another time, or another volume, than the timeline says.

Each fault was measured in the bpy module of 4.5.15 and 5.0.1 or in Blender 5.2.2 (`findings/`). Tracklay is right beside them: what it
reads, lays and mixes follows the timeline; the user's own strips are heard as Blender plays them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import bpy

from . import compat

EARLY_UNTIL_TRIMMED = (".mp3", ".mp2")
"""Suffixes of sounds that are heard early as long as their strip begins with the file."""

LATE_AFTER_TRIM = (".ogg", ".oga", ".opus")
"""Suffixes of sounds that are heard at another place once the start of their strip is trimmed."""

LAST_VERSION_WITH_LONGER_RETIMING = (4, 5)
"""The newest Blender whose retimed strips are a frame longer than 5.0 makes them."""


class PlaybackFault(NamedTuple):
    """A strip that is affected, and a sentence that says how, and what helps."""

    strip: str
    detail: str


def find_playback_faults(scene: Any) -> list[PlaybackFault]:
    """Return the faults of a scene's strips, in the order of the timeline. Opens no file."""
    if scene.sequence_editor is None:
        return []
    strips = sorted(scene.sequence_editor.strips_all, key=lambda strip: (compat.strip_start(strip), strip.channel))
    return [PlaybackFault(strip.name, detail) for strip in strips for detail in _faults_of(scene, strip)]


def _faults_of(scene: Any, strip: Any) -> Iterator[str]:
    is_retimed = bool(getattr(strip, "retiming_keys", ()))
    if strip.type == "SOUND" and strip.sound is not None:
        yield from _sound_faults(scene, strip, is_retimed=is_retimed)
    elif is_retimed and strip.type == "META":
        yield "A retimed meta strip goes silent before its end. Retime the strips in it."
    elif is_retimed and bpy.app.version >= (5, 0, 0) and bpy.data.version[:2] <= LAST_VERSION_WITH_LONGER_RETIMING:
        yield "Blender 5 has made this retimed strip one frame shorter than 4.5 did. Check the cut after it."


def _sound_faults(scene: Any, strip: Any, *, is_retimed: bool) -> Iterator[str]:
    suffix = strip.sound.filepath.lower()
    is_trimmed = compat.strip_start(strip) > compat.content_start(strip)
    if not strip.sound.use_memory_cache:
        if suffix.endswith(EARLY_UNTIL_TRIMMED) and not is_trimmed:
            yield "Blender plays this file up to 1,105 samples early. Turn on Cache in its sound settings, or use WAV or FLAC."
        elif suffix.endswith(LATE_AFTER_TRIM) and is_trimmed:
            yield "Blender plays this trimmed file up to 0.9 s off. Turn on Cache in its sound settings, or use WAV or FLAC."
    if is_retimed:
        yield "Blender plays a retimed sound up to one frame late, also at 100 % speed. Remove its retiming if it needs none."
    if any(b - a <= 1 for a, b in pairwise(_volume_key_frames(scene, strip))):
        yield "The volume overshoots between keyframes on neighbouring frames. Put them at least two frames apart."


def _volume_key_frames(scene: Any, strip: Any) -> list[float]:
    """Return the frames of the keyframes of a strip's volume, in order."""
    animation = scene.animation_data
    curves = [] if animation is None or animation.action is None else compat.action_fcurves(animation.action)
    path = strip.path_from_id("volume")
    return sorted(point.co[0] for curve in curves if curve.data_path == path for point in curve.keyframe_points)
