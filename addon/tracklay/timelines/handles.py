"""Handles that the user asks for: as many frames before and after a cue as its source has picture there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ..cue import MAX_HANDLE_SECONDS
from ..errors import InvalidInput
from ..media.image_sequence import DEFAULT_SEQUENCE_RATE
from ..media.probe import probe_media
from ..timing import parse_fraction

if TYPE_CHECKING:
    from pathlib import Path

    from ..cue import Cue, Picture
    from ..media.probe import VideoStream

ROUNDING_FRAMES = Fraction(1, 4)
"""Frames by which the times of other programs' files may be beside a frame's own."""


def parse_handles(text: str) -> Fraction:
    """Return the seconds of handles as the user writes them.

    Raises:
        InvalidInput: it is no number of seconds from 0 to `MAX_HANDLE_SECONDS`.
    """
    try:
        seconds = parse_fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        seconds = Fraction(-1)
    if not 0 <= seconds <= MAX_HANDLE_SECONDS:
        raise InvalidInput(
            "handles.invalid",
            "Handles must be from 0 to {most} seconds, not {value}.",
            most=MAX_HANDLE_SECONDS,
            value=text[:60],
        )
    return seconds


def add_handles(cues: Sequence[Cue], text: str) -> list[Cue]:
    """Return cues that are asked for with handles, on both sides as far as their source has picture.

    A picture that the editor renders, or that plays several sources, has none beside its cue.

    Args:
        cues: the cues.
        text: the length of each handle, as `parse_handles` takes it.

    Raises:
        InvalidInput: it is not a length.
        MediaError: a source cannot be read.
    """
    seconds = parse_handles(text)
    seen: dict[Path, VideoStream | None] = {}
    return [replace(cue, handles=_find_handles(cue, seconds, seen)) for cue in cues]


def _find_handles(cue: Cue, seconds: Fraction, seen: dict[Path, VideoStream | None]) -> tuple[int, int]:
    picture, span = cue.picture, cue.span
    if picture.error or picture.is_joined or picture.render is not None:
        return 0, 0
    wanted = math.ceil(seconds * span.rate.fps)
    shows = _shown(picture, seen)
    before = next((n for n in range(wanted) if not shows(span.start - 1 - n)), wanted)
    return before, next((n for n in range(wanted) if not shows(span.end + n)), wanted)


def _shown(picture: Picture, seen: dict[Path, VideoStream | None]) -> Callable[[int], bool]:
    """Return a function that says whether the source has a picture on a timeline frame."""
    if picture.images:
        fps = (picture.rate or DEFAULT_SEQUENCE_RATE).fps
        return lambda frame: _has_image(picture, picture.time_map.source_seconds(frame) * fps + ROUNDING_FRAMES)
    if picture.source not in seen:
        seen[picture.source] = probe_media(picture.source).video
    video = seen[picture.source]
    if video is None or video.is_still:  # there at all times
        return lambda _: True
    length, spare = video.end - video.start, ROUNDING_FRAMES / video.rate.fps
    return lambda frame: -spare <= picture.time_map.source_seconds(frame) < length - spare


def _has_image(picture: Picture, number: Fraction) -> bool:
    index = math.floor(number)
    return 0 <= index < len(picture.images) and (picture.source / picture.images[index]).is_file()
