"""Hit points that the user names for cues, and the tail after which music ends."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ..cue import MAX_TAIL_SECONDS
from ..errors import InvalidInput
from ..hits import Hit, hits_in_span
from ..media.shot_detection import find_cuts
from ..timing import TimeError, parse_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..cue import Cue
    from ..timing import Rate
    from .base import Timeline

CUTS = "cuts"
"""The word that stands for all cuts of the picture."""


def add_hits(timeline: Timeline, cues: Sequence[Cue], text: str) -> list[Cue]:
    """Return cues with the hits that the user named beside those of the timeline's markers.

    Args:
        timeline: the timeline of the cues.
        cues: the cues.
        text: `cuts`, or times with commas between them, as the user writes times.

    Raises:
        InvalidInput: an entry is not a time, or lies in no cue.
        MediaError: a picture cannot be decoded.
    """
    if text.strip().lower() == CUTS:
        return [_with_cuts(cue) for cue in cues]
    frames = [_frame_of_hit(timeline, each) for each in text.split(",")]
    for frame, entry in zip(frames, text.split(","), strict=True):
        if not any(cue.span.start <= frame < cue.span.end for cue in cues):
            raise InvalidInput(
                "hits.outside",
                "The hit {hit} is outside of the span, from {start} s to before {end} s. Move it, or extend the span.",
                hit=entry.strip(),
                start=f"{float(min(cue.span.start_seconds for cue in cues)):g}",
                end=f"{float(max(cue.span.rate.seconds(cue.span.end) for cue in cues)):g}",
            )
    return [_with_marks(cue, [(frame, "") for frame in frames]) for cue in cues]


def tail_frames(text: str, rate: Rate) -> int:
    """Return the frames of a tail, written as a time.

    Raises:
        InvalidInput: it is not a time, or longer than `MAX_TAIL_SECONDS`.
    """
    try:
        frames = parse_time(text, rate)
    except TimeError as error:
        raise InvalidInput("tail.invalid", "Invalid tail. {error}", error=error) from None
    if rate.seconds(frames) > MAX_TAIL_SECONDS:
        raise InvalidInput(
            "tail.too_long",
            "The tail is too long: {tail}. It may be {limit} s at most.",
            tail=text,
            limit=MAX_TAIL_SECONDS,
        )
    return frames


def _frame_of_hit(timeline: Timeline, text: str) -> int:
    try:
        return timeline.frame_of_time(text.strip())
    except TimeError as error:
        raise InvalidInput("hits.invalid", "Invalid hit. {error} Or write cuts.", error=error) from None


def _with_cuts(cue: Cue) -> Cue:
    if cue.picture.error:
        return cue
    with tempfile.TemporaryDirectory() as folder:
        cuts = find_cuts(cue.picture, cue.span, Path(folder))
    return _with_marks(cue, [(frame, "") for frame in cuts])


def _with_marks(cue: Cue, marks: Sequence[tuple[int, str]]) -> Cue:
    """Return a cue with further hits; where a hit is already, its name stays."""
    added = hits_in_span(marks, cue.span)
    hits: dict[object, Hit] = {hit.seconds: hit for hit in chain(added, cue.hits)}
    return replace(cue, hits=tuple(sorted(hits.values())))
