"""Finds the cuts within a picture: the timeline frames on which another shot begins. ffmpeg's scene detection judges, on a small proxy."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from ..paths import scratch
from . import ffmpeg
from .cache import extracted

if TYPE_CHECKING:
    from pathlib import Path

    from ..cue import Picture
    from ..timing import Span
    from .ffmpeg import Stop

SHORT_SIDE = 96
"""Pixels: a cut is as plain at this size."""

THRESHOLD = 10
"""How much of a hundred a frame differs from the one before: ffmpeg's own number for a cut (its `scdet`)."""

_TIME = re.compile(r"pts_time:(\d+(?:\.\d+)?)")


def cuts(picture: Picture, span: Span, folder: Path, *, shortest: int = 1, stop: Stop | None = None) -> tuple[int, ...]:
    """The first frames of the shots of a span, all but its own first, in order.

    Args:
        picture: what plays.
        span: the timeline frames.
        folder: where files of the moment may lie.
        shortest: frames. A cut nearer than this to the one before, or to either end, is none: a flash is no shot.
        stop: the person's wish to stop.

    Raises:
        MediaError, OutputError, Cancelled: as `media.extract`.
    """
    with scratch(folder) as work:
        proxy = extracted(picture, span, work / "look.mp4", short_side=SHORT_SIDE, stop=stop)
        stream = ffmpeg.source(proxy.path).video.filter("scdet", threshold=THRESHOLD)
        stream = stream.filter("metadata", mode="print", key="lavfi.scd.time", file="pipe:1")
        told, _ = ffmpeg.capture(
            stream.output("pipe:", format="null"), f"could not look at {proxy.path.name}", stop=stop
        )
    found: list[int] = []
    for time in _TIME.findall(told):
        frame = span.start + span.rate.frames(Fraction(time))
        if frame - (found[-1] if found else span.start) >= shortest and span.end - frame >= shortest:
            found.append(frame)
    return tuple(found)
