"""Finds strips that Blender itself plays or mixes at another time, or another volume, than the timeline says.

Each fault was measured in the bpy module of 4.5.15 and 5.0.1 or in Blender 5.2.2 (`findings/`). Tracklay is right beside them: what it
reads, lays and mixes follows the timeline; the user's own strips are heard as Blender plays them.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import bpy

from ...errors import TracklayError
from . import compat, strip_dna

EARLY_UNTIL_TRIMMED = (".mp3", ".mp2")
"""Suffixes of sounds that are heard early as long as their strip begins with the file."""

LATE_AFTER_TRIM = (".ogg", ".oga", ".opus")
"""Suffixes of sounds that are heard at another place once the start of their strip is trimmed."""

LAST_VERSION_WITH_LONGER_RETIMING = (4, 5)
"""The newest Blender whose retimed strips are a frame longer than 5.0 makes them."""


LEAST_DELAY_SECONDS = 0.001
"""Seconds from which a video's own sound starts late. Containers round times to milliseconds."""


class PlaybackFault(NamedTuple):
    """A strip that is affected, and a sentence that says how, and what helps."""

    strip: str
    detail: str


def find_playback_faults(scene: Any, *, opens_files: bool = True) -> list[PlaybackFault]:
    """Return the faults of a scene's strips, in the order of the timeline.

    Args:
        scene: the scene.
        opens_files: read the delay of sound that a script added beside its video. Blender itself notes that of sound from its menu.
    """
    if scene.sequence_editor is None:
        return []
    strips = sorted(scene.sequence_editor.strips_all, key=lambda strip: (compat.strip_start(strip), strip.channel))
    return [
        PlaybackFault(strip.name, detail)
        for strip in strips
        for detail in _faults_of(scene, strip, opens_files=opens_files)
    ]


def _faults_of(scene: Any, strip: Any, *, opens_files: bool) -> Iterator[str]:
    is_retimed = bool(getattr(strip, "retiming_keys", ()))
    if strip.type == "SOUND" and strip.sound is not None:
        yield from _sound_faults(scene, strip, is_retimed=is_retimed, opens_files=opens_files)
    elif is_retimed and strip.type == "META":
        yield "A retimed meta strip goes silent before its end. Retime the strips in it."
    elif is_retimed and bpy.app.version >= (5, 0, 0) and bpy.data.version[:2] <= LAST_VERSION_WITH_LONGER_RETIMING:
        yield "Blender 5 has made this retimed strip one frame shorter than 4.5 did. Check the cut after it."


def _sound_faults(scene: Any, strip: Any, *, is_retimed: bool, opens_files: bool) -> Iterator[str]:
    suffix = strip.sound.filepath.lower()
    is_trimmed = compat.strip_start(strip) > compat.content_start(strip)
    if not strip.sound.use_memory_cache:
        if suffix.endswith(EARLY_UNTIL_TRIMMED) and not is_trimmed:
            yield "Blender plays this file up to 1,105 samples early. Turn on Cache in its sound settings, or use WAV or FLAC."
        elif suffix.endswith(LATE_AFTER_TRIM) and is_trimmed:
            yield "Blender plays this trimmed file up to 0.9 s off. Turn on Cache in its sound settings, or use WAV or FLAC."
    if early := _seconds_early(scene, strip, opens_files=opens_files):
        yield (
            f"Blender plays the sound of this video {early * 1000:.0f} ms early: it starts late in its file. "
            "Export the video with sound from its first frame on, or put the sound on the timeline as a WAV."
        )
    if is_retimed:
        yield "Blender plays a retimed sound up to one frame late, also at 100 % speed. Remove its retiming if it needs none."
    if any(b - a <= 1 for a, b in pairwise(_volume_key_frames(scene, strip))):
        yield "The volume overshoots between keyframes on neighbouring frames. Put them at least two frames apart."


def _seconds_early(scene: Any, strip: Any, *, opens_files: bool) -> float:
    """Return by how much Blender plays a video's own sound early, in seconds; 0 if it does not.

    Where it adds a video, it moves the sound by the whole frames of the delay, and skips the rest of it instead of waiting for it: the
    sound is early by twice the rest (bpy 4.5.15, 5.0.1; Blender 5.2.2). Where a script adds the sound alone, it knows no delay.
    """
    skipped = strip_dna.read_sound_offset(strip.sound) or 0.0
    if skipped <= -LEAST_DELAY_SECONDS:
        return -2 * skipped
    if skipped or not opens_files:
        return 0.0
    path, start = Path(bpy.path.abspath(strip.sound.filepath)), compat.content_start(strip)
    videos = (each for each in scene.sequence_editor.strips_all if each.type == "MOVIE")
    is_beside_its_video = any(
        Path(bpy.path.abspath(video.filepath)) == path and compat.content_start(video) == start for video in videos
    )
    delay = float(_read_sound_delay(path)) if is_beside_its_video else 0.0
    return delay if delay >= LEAST_DELAY_SECONDS else 0.0


def _read_sound_delay(path: Path) -> Fraction:
    """Return the seconds from a video's first frame to the first packet of its sound; 0 if it cannot be read."""
    from ...media.probe import probe_audio, read_video_header  # noqa: PLC0415 - loads what enabling the extension must not

    try:
        _, packet = probe_audio(path)
        return Fraction(0) if packet is None else packet.time - read_video_header(path).start
    except TracklayError:
        return Fraction(0)


def _volume_key_frames(scene: Any, strip: Any) -> list[float]:
    """Return the frames of the keyframes of a strip's volume, in order."""
    animation = scene.animation_data
    curves = [] if animation is None or animation.action is None else compat.action_fcurves(animation.action)
    path = strip.path_from_id("volume")
    return sorted(point.co[0] for curve in curves if curve.data_path == path for point in curve.keyframe_points)
