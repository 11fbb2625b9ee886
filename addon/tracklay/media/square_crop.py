"""Position of the square crop, for models that only accept a square: by name, by a number, or where the motion is."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..timing import parse_fraction

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

NAMED_POSITIONS = {
    "centre": Fraction(1, 2),
    "left": Fraction(0),
    "right": Fraction(1),
}
"""Positions along the longer side. In an upright picture, left is the top."""

MOTION = "motion"

NOISE_THRESHOLD = 6
"""Changes of 8-bit luma up to this are noise, not motion: film grain and compression."""


def crop_position(square: str) -> Fraction | None:
    """Return the position of a square along the longer side, from 0 (left or top) to 1 (right or bottom); None for `motion`.

    Args:
        square: `centre`, `left`, `right`, `motion`, or a number from 0 to 1.

    Raises:
        InvalidInput: it is none of these.
    """
    if square == MOTION:
        return None
    try:
        at = NAMED_POSITIONS[square] if square in NAMED_POSITIONS else parse_fraction(square)
    except (ValueError, ZeroDivisionError):
        at = Fraction(-1)
    if not 0 <= at <= 1:
        names = ", ".join([*NAMED_POSITIONS, MOTION])
        raise InvalidInput(
            "square.invalid",
            "Invalid square: {square}. It is one of {names}, or a number from 0 (left) to 1 (right).",
            square=square,
            names=names,
        )
    return at


def find_motion_crop(frames: Iterable[npt.NDArray[np.uint8]]) -> Fraction:
    """Return the position of the square with the most motion in it; the centre if there is no motion.

    Motion is the change of each column (in an upright picture: row) from frame to frame, less the median change: a pan or a flash
    changes all of them, and says nothing about the position.

    Args:
        frames: 8-bit luma, shape (height, width).
    """
    import numpy as np  # noqa: PLC0415 - only the `motion` crop needs it

    before: npt.NDArray[np.int16] | None = None
    moved: npt.NDArray[np.float64] | None = None
    side = 0
    for frame in frames:
        now = frame.astype(np.int16)
        side = min(now.shape)
        if before is not None:
            change = np.abs(now - before)
            along = np.where(change > NOISE_THRESHOLD, change, 0).mean(axis=0 if now.shape[1] >= now.shape[0] else 1)
            along = np.maximum(along - np.median(along), 0)
            moved = along if moved is None else moved + along
        before = now
    if moved is None or len(moved) == side or not moved.any():
        return NAMED_POSITIONS["centre"]
    # The motion within each possible square, by differences of the running sum.
    sums = np.concatenate([[0.0], np.cumsum(moved)])
    within = sums[side:] - sums[:-side]
    # Squares with nearly the most motion are many when it fits into less than a square: the one centred on the motion is taken.
    best = np.flatnonzero(within >= within.max() * 0.98)
    middle = float((moved * np.arange(len(moved))).sum() / moved.sum())
    first = int(best[np.argmin(np.abs(best + (side - 1) / 2 - middle))])
    return Fraction(first, len(moved) - side)
