"""Measures what the picture shows after motion was lost: a thing that struck is still there, one that went on or left is not.

The flow loses what moves faster than about 20 pixels a frame, as it comes in, goes out, or swings. Its motion then seems gone, but the
picture shows it: a thing that goes on covers what it had not covered before, and one that left uncovers the background. A thing that
rests does neither, nor one that rebounds, as it returns to where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .motion_windows import CELL, WindowRow

if TYPE_CHECKING:
    from .image_ops import FloatImage

REACH = 14
"""Pixels of the flow to each side that are examined: what was too fast for the flow is that far away on the next frame or the one
after."""
BEFORE_ROWS, AFTER_ROWS = 6, 2
"""Intervals before the loss whose pictures show what the thing had covered, and after it, when it must not cover more."""
TOLERANCE = 4.0
"""Grey levels that are noise."""
FAINT_CHANGE = 5.0
"""Grey levels, summed: added to both terms of a ratio, which says nothing where hardly anything changed."""
BACKGROUND_PICTURES = 20
"""Pictures around the loss whose median is the background."""
MIN_CANVAS_SHARE = 0.75
"""Least share of them on the same canvas: as a camera pans they are of a shorter time, in which a thing may rest."""
MOSTLY_THERE = 0.7
"""Share of the foreground before that remains when a thing strikes; more says no more."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """Signs that a loss of motion was no stop; both are 0 for a stop, and where nothing can be seen."""

    continued: float
    """Change that the pictures before did not show, as a share of the largest change between two of them; at most 1."""
    gone: float
    """How much less of the foreground is left than `MOSTLY_THERE`, as a share of the foreground before."""


NO_AFTERMATH = Aftermath(0.0, 0.0)


def measure_aftermath(rows: Sequence[WindowRow], k: int, cell: tuple[int, int], context: int) -> Aftermath:
    """Return what the pictures show after the interval `k` around a cell (row, column).

    Args:
        rows: intervals of one shot; only pictures of the canvas of `rows[k]` are used.
        k: the interval after which the motion was lost.
        cell: middle of the window.
        context: intervals to both sides over which the background is taken.
    """
    middle_row, middle_column = (CELL * index + CELL // 2 for index in cell)
    area = (
        slice(max(0, middle_row - REACH), middle_row + REACH),
        slice(max(0, middle_column - REACH), middle_column + REACH),
    )
    canvas_id = rows[k].canvas_id

    def grey_levels(index: int) -> FloatImage | None:
        if not 0 <= index < len(rows) or rows[index].canvas_id != canvas_id:
            return None
        levels: FloatImage = rows[index].picture[area] * np.float32(1 / 16)
        return levels

    now, last, following = grey_levels(k), grey_levels(k - 1), grey_levels(k + 1)
    if now is None or last is None or following is None:
        return NO_AFTERMATH
    older, later = grey_levels(k - 2), grey_levels(k + AFTER_ROWS)
    later = following if later is None else later
    before = np.stack([
        picture for j in range(k - BEFORE_ROWS, k + 1) if (picture := grey_levels(j)) is not None
    ])  # fmt: skip
    change = _excess(now - last)
    if older is not None:
        change = max(change, _excess(last - older))
    unseen = np.maximum(later - before.max(0), before.min(0) - later)
    continued = _excess(np.maximum(unseen, np.float32(0))) / (change + FAINT_CHANGE)
    step = max(1, 2 * context // BACKGROUND_PICTURES)
    around = [j for j in range(k - context // step * step, k + context + 1, step) if 0 <= j < len(rows)]
    pictures = [picture for j in around if (picture := grey_levels(j)) is not None]
    if len(pictures) < MIN_CANVAS_SHARE * len(around):
        return Aftermath(min(continued, 1.0), 0.0)
    background = _median(pictures)
    present = max(_excess(last - background), _excess(now - background))
    left = min(_excess(following - background), _excess(later - background))
    gone = MOSTLY_THERE - (left + FAINT_CHANGE) / (present + FAINT_CHANGE)
    return Aftermath(min(continued, 1.0), max(0.0, gone))


def _excess(difference: npt.NDArray[np.float32]) -> float:
    """Return the sum of the differences beyond the tolerance."""
    return float(np.maximum(np.abs(difference) - np.float32(TOLERANCE), np.float32(0)).sum())


def _median(pictures: Sequence[FloatImage]) -> FloatImage:
    """Return the median of each pixel; of an even number of pictures the upper one."""
    middle: FloatImage = np.partition(np.stack(pictures), len(pictures) // 2, axis=0)[len(pictures) // 2]
    return middle
