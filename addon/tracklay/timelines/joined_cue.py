"""One cue over all that plays in a stretch of a timeline: its picture is joined from those of the timeline's own cues."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ..cue import Picture, PicturePiece
from ..hits import hits_in_span
from ..timing import TimeMap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..cue import Cue
    from ..timing import Span


def join_cues(cues: Sequence[Cue], span: Span, cue_id: str, marks: Iterable[tuple[int, str]] = ()) -> Cue:
    """Return one cue over a span, whose picture is that of several cues. Frames of none of them are black.

    Args:
        cues: the cues, at least one, in timeline order; their spans do not overlap.
        span: the frames of the cue.
        cue_id: its id.
        marks: frame and name of each hit point of the timeline.
    """
    hits = hits_in_span(list(marks), span)
    if len(cues) == 1 and cues[0].span == span:
        return replace(cues[0], id=cue_id)
    sources = len({cue.picture.source for cue in cues})
    picture = Picture(
        cues[0].picture.source,
        TimeMap.linear(span, Fraction(0)),
        error=next((cue.picture.error for cue in cues if cue.picture.error), ""),
        reason=f"it is joined from {len(cues)} pieces of {sources} files",
        pieces=tuple(PicturePiece(cue.span, cue.picture) for cue in cues),
    )
    return replace(cues[0], id=cue_id, span=span, picture=picture, hits=hits)
