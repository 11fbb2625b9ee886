"""Which square of a picture the model that only sees a square is shown: named, by a number, or where the motion is."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

NAMED_POSITIONS = {
    "centre": Fraction(1, 2),
    "left": Fraction(0),
    "right": Fraction(1),
}
"""How far along the picture's longer side each lies; of an upright picture left is the top."""

MOTION = "motion"

NOISE_THRESHOLD = 6
"""Steps of 8-bit luma from one frame to the next that are no motion: film grain, and what compression makes of it."""


def crop_position(square: str) -> Fraction | None:
    """How far along the longer side a square lies: 0 at the left or top, 1 at the right or bottom; None where motion must say.

    Args:
        square: `centre`, `left`, `right`, `motion`, or a number from 0 to 1.

    Raises:
        BadInput: it is none of these.
    """
    if square == MOTION:
        return None
    try:
        at = NAMED_POSITIONS[square] if square in NAMED_POSITIONS else Fraction(square)
    except (ValueError, ZeroDivisionError):
        at = Fraction(-1)
    if not 0 <= at <= 1:
        names = ", ".join([*NAMED_POSITIONS, MOTION])
        raise InvalidInput(
            f"the square cannot be {square!r}: it is one of {names}, or a number from 0 (left) to 1 (right)"
        )
    return at


def find_motion_crop(frames: Iterable[npt.NDArray[np.uint8]]) -> Fraction:
    """The place of the square with the most motion in it, of frames of (height, width) luma; the centre where there is none.

    Motion is how much each column (of an upright picture: row) changes from frame to frame, less what all of them change by: a pan
    or a flash moves everything and points nowhere.
    """
    import numpy as np  # noqa: PLC0415 - only where it is asked for

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
    sums = np.concatenate([[0.0], np.cumsum(moved)])
    within = sums[side:] - sums[:-side]
    # Of all squares that hold as much, the one whose middle is nearest to the motion's own.
    best = np.flatnonzero(within >= within.max() * 0.98)
    middle = float((moved * np.arange(len(moved))).sum() / moved.sum())
    first = int(best[np.argmin(np.abs(best + (side - 1) / 2 - middle))])
    return Fraction(first, len(moved) - side)
