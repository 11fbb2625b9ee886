"""The number and length of a span's parts, from lengths alone: what the price needs before any picture is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..timing import parse_fraction

if TYPE_CHECKING:
    from ..models import Model
    from ..timing import Rate

AUTO, WHOLE = "auto", "whole"
"""Modes: parts if the span is longer than the model's, and one request in any case. Any other text is a length in seconds."""

NATIVE_TOLERANCE = Fraction(5, 4)
"""A model whose longest length is open makes this much more than its native length before it is worth a seam."""

OVERLAP_SECONDS = Fraction(1, 2)
"""Shortest overlap of two parts within a shot, where the parts are long enough for it."""

OVERLAP_SHARE = Fraction(1, 8)
"""An overlap is no longer than this share of a part."""

MUSIC_OVERLAP_SECONDS, MUSIC_OVERLAP_SHARE = Fraction(8), Fraction(1, 3)
"""Overlap of two parts of music that are joined on a downbeat: two bars of four beats at 60; and the largest share of a part."""

SHORTEST_PART_SECONDS = 1
"""Shortest length that can be asked for as SECONDS."""


@dataclass(frozen=True, slots=True)
class PartSizes:
    """Lengths of parts in frames.

    Attributes:
        least: the shortest that the model accepts.
        preferred: the length that a part should have, and that their number is computed with.
        most: the longest.
        overlap: the shortest overlap of two parts within a shot.
    """

    least: int
    preferred: int
    most: int
    overlap: int

    def count(self, frames: int) -> int:
        """Return the number of parts of a span: as few as fit, each of the preferred length at most."""
        return max(1, -(-(frames - self.overlap) // (self.preferred - self.overlap)))

    def lengths(self, frames: int) -> list[int]:
        """Return the parts' lengths where no picture moves their ends: equal, to one frame."""
        count = self.count(frames)
        each, longer = divmod(frames + (count - 1) * self.overlap, count)
        return [max(self.least, each + (index < longer)) for index in range(count)]


def part_sizes(model: Model, frames: int, rate: Rate, mode: str, *, is_patch: bool = False) -> PartSizes | None:
    """Return the sizes of the parts that a span is generated in; None if it is one request.

    Args:
        model: the model; its shortest and longest picture counts as a length of its sound.
        frames: length of the span.
        rate: its frame rate.
        mode: `auto`, `whole`, or a length in seconds that no part exceeds.
        is_patch: the span is a stretch of an earlier take: also parts of music stay on their frames.

    Raises:
        InvalidInput: the mode is none of these, or the model makes no sound of that length.
    """
    video = model.parameter_for_role("video")
    least = max(model.seconds.least, (video and video.minimum) or 0.0)
    most = min(model.seconds.most or math.inf, (video and video.maximum) or math.inf)
    single: Fraction | float = most
    overlap_seconds, share = OVERLAP_SECONDS, OVERLAP_SHARE
    if model.is_free_music and not is_patch:
        overlap_seconds, share = MUSIC_OVERLAP_SECONDS, MUSIC_OVERLAP_SHARE
        if model.continues is not None:
            overlap_seconds = Fraction(str(model.continues.seconds))
            most -= model.continues.seconds
    asked = parse_part_seconds(mode)
    if mode == WHOLE:
        return None
    if asked is not None:
        if not max(least, SHORTEST_PART_SECONDS) <= asked <= most:
            raise _length_error(model.id, asked, max(least, SHORTEST_PART_SECONDS), most)
        preferred = longest = single = asked
    elif model.seconds.native:
        preferred = Fraction(str(min(model.seconds.native, most)))
        longest = min(preferred * NATIVE_TOLERANCE, Fraction(str(most)) if most != math.inf else preferred * 2)
        single = longest
    elif most != math.inf:
        preferred = longest = Fraction(str(most))
    else:
        return None
    if rate.seconds(frames) <= single:
        return None
    overlap = max(1, math.ceil(min(overlap_seconds, preferred * share) * rate.fps))
    whole = max(overlap + 1, math.floor(preferred * rate.fps))
    return PartSizes(
        math.ceil(Fraction(str(least)) * rate.fps), whole, max(whole, math.floor(longest * rate.fps)), overlap
    )


def extension_frames(model: Model, missing: int, rate: Rate) -> int:
    """Return the frames of music that a piece is continued by so that it becomes `missing` frames longer: with its overlap."""
    overlap = _music_overlap(model, rate)
    return overlap + max(missing, overlap)


def extension_sizes(model: Model, frames: int, rate: Rate) -> PartSizes:
    """Return the sizes of the parts, one at least, that a piece of music is continued by.

    Args:
        model: the model.
        frames: their length together, as `extension_frames` returns it.
        rate: the frame rate.
    """
    sizes = part_sizes(model, frames, rate, AUTO)
    if sizes is not None:
        return sizes
    return PartSizes(
        math.ceil(Fraction(str(model.seconds.least)) * rate.fps), frames, frames, _music_overlap(model, rate)
    )


def _music_overlap(model: Model, rate: Rate) -> int:
    """Return the frames by which music that a model adds overlaps the music before."""
    given = Fraction(str(model.continues.seconds)) if model.continues is not None else MUSIC_OVERLAP_SECONDS
    longest = Fraction(str(model.seconds.most)) * MUSIC_OVERLAP_SHARE if model.seconds.most is not None else given
    return max(1, math.ceil(min(given, longest) * rate.fps))


def request_lengths(model: Model, frames: int, rate: Rate, mode: str) -> list[int]:
    """Return the length of each request that a span is generated with, in frames: the span's own, or those of its parts.

    Raises:
        InvalidInput: as `part_sizes`, and the span is too long for one request that must not be split.
    """
    sizes = part_sizes(model, frames, rate, mode)
    if sizes is not None:
        return sizes.lengths(frames)
    model.check_span(rate.seconds(frames))
    return [frames]


def parse_part_seconds(mode: str) -> Fraction | None:
    """Return the length in a mode, in seconds; None for `auto` and `whole`.

    Raises:
        InvalidInput: it is neither of them nor a length.
    """
    if mode in (AUTO, WHOLE):
        return None
    try:
        seconds = parse_fraction(mode.strip())
    except (ValueError, ZeroDivisionError):
        seconds = Fraction(0)
    if seconds <= 0:
        raise InvalidInput(
            "parts.invalid", "Not a length of parts: {value!r}. Write auto, whole, or seconds above 0.", value=mode[:60]
        )
    return seconds


def _length_error(model: str, asked: Fraction, least: float, most: float) -> InvalidInput:
    if most == math.inf:
        return InvalidInput(
            "parts.too_short",
            "Parts for {model} must be {least:g} s or longer: {value:g} s.",
            model=model,
            least=float(least),
            value=float(asked),
        )
    return InvalidInput(
        "parts.out_of_range",
        "Parts for {model} must be from {least:g} to {most:g} s long: {value:g} s.",
        model=model,
        least=float(least),
        most=float(most),
        value=float(asked),
    )
