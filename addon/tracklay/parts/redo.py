"""The frames of a part or a stretch of a take that is generated again. Frames count from the take's first."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..models import Model
    from ..timing import Span


def part_frames(take: str, parts: Sequence[Mapping[str, Any]], start: int, number: int) -> tuple[int, int]:
    """Return the first frame of a part and the one after its last.

    Args:
        take: file name of the take, for messages.
        parts: its parts, as the manifest has them.
        start: the take's first frame, as the manifest has it.
        number: number of the part, from 1.

    Raises:
        InvalidInput: the take has no such part, or none at all, or they are music, which was fitted after it was joined.
    """
    check_part(take, parts, number)
    part = parts[number - 1]
    if "start" not in part:
        raise InvalidInput(
            "redo.music_part",
            "The parts of {take} are music without a place of their own. Name a stretch by its in and out points.",
            take=take,
        )
    first = int(part["start"]) - start
    return first, first + int(part["frames"])


def check_part(take: str, parts: Sequence[Mapping[str, Any]], number: int) -> None:
    """Check that a take has a part; arguments as `part_frames`.

    Raises:
        InvalidInput: it has none of this number, or none at all.
    """
    if not parts:
        raise InvalidInput(
            "redo.no_parts",
            "The take was not made in parts: {take}. Name a stretch by its in and out points.",
            take=take,
        )
    if not 1 <= number <= len(parts):
        raise InvalidInput(
            "redo.no_such_part",
            "{take} has {count} parts, and no part {part}.",
            take=take,
            count=len(parts),
            part=number,
        )


def check_stretch(first: int, end: int, span: Span) -> None:
    """Check that a stretch is inside the take of a span.

    Raises:
        InvalidInput: it is not, or it is empty.
    """
    if 0 <= first < end <= span.frames:
        return
    seconds = [f"{float(span.rate.seconds(span.start + frame)):.2f}" for frame in (first, end, 0, span.frames)]
    raise InvalidInput(
        "redo.outside_take",
        "The stretch from {first} to {end} s is not inside the take, which has {start} to {stop} s.",
        **dict(zip(("first", "end", "start", "stop"), seconds, strict=True)),
    )


def lengthen_stretch(first: int, end: int, span: Span, model: Model) -> tuple[int, int]:
    """Return the frames of a stretch, lengthened to what the model makes at least, as far as the take reaches."""
    video = model.parameter_for_role("video")
    least = math.ceil(Fraction(str(max(model.seconds.least, (video and video.minimum) or 0))) * span.rate.fps)
    missing = max(0, least - (end - first))
    first = max(0, first - missing // 2)
    end = min(span.frames, max(end, first + least))
    return max(0, min(first, end - least)), end
