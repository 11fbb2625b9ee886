"""Plans the redoing of a part or a stretch of a take: a cue that generates only that, and joins it into a copy of the take."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..cue import Patch
from ..jobs.parted.music_again import redo_music_part
from ..parts.redo import check_stretch, lengthen_stretch, part_frames
from ..timing import TimeError, parse_time
from .base import empty_range_error, invalid_point_error

if TYPE_CHECKING:
    from ..cue import Cue
    from ..jobs.parted.made_takes import MadeTake
    from ..timing import Span


def redo_cue(
    made: MadeTake,
    *,
    part: int | None = None,
    in_point: str | None = None,
    out_point: str | None = None,
    prompt: str | None = None,
    seed: int | None = None,
) -> Cue:
    """Return the cue that generates a part or a stretch of a take again.

    Args:
        made: the take.
        part: number of the part, from 1.
        in_point: start of the stretch on the timeline, as the user writes a time; None: the take's start.
        out_point: its end.
        prompt: the sounds to make there; None: the take's own prompt.
        seed: the seed; None: a new one.

    Raises:
        InvalidInput: the take has no such part, or the stretch is empty or outside of the take.
    """
    cue, model = made.spec.cue, made.spec.model
    span = cue.span
    if part is not None and made.spec.is_free_music and made.parts:
        return redo_music_part(made, part, prompt, seed)
    if part is not None:
        first, end = part_frames(made.take.file.name, made.parts, span.start, part)
        first, end = max(0, first), min(span.frames, end)  # the handles of the take are no part of it
    else:
        first, end = _stretch_frames(span, in_point, out_point)
    check_stretch(first, end, span)
    first, end = lengthen_stretch(first, end, span, model)
    return replace(
        cue,
        takes=1,
        seed=seed,
        prompt=cue.prompt if prompt is None else prompt,
        patch=Patch(made.take.file, span.start + first, end - first),
        best=False,
        parts="auto",
        # The stretch is generated, whatever the take was made from.
        refit=None,
        reland=None,
        extends=0,
        part_recipes=(),
    )


def _stretch_frames(span: Span, in_point: str | None, out_point: str | None) -> tuple[int, int]:
    """Return the frames between two points on the timeline, counted from the span's first."""
    frames = []
    for name, text, default in (("in", in_point, span.start), ("out", out_point, span.end)):
        try:
            frames.append(default if text is None else parse_time(text, span.rate))
        except TimeError as error:
            raise invalid_point_error(name, error) from None
    first, end = frames
    if end <= first:
        raise empty_range_error(first, end, span.rate)
    return first - span.start, end - span.start
