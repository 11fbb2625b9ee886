"""Finds when, between two frames, the motion was lost that `motion_losses` found: the instant of a contact.

A first estimate is geometric: the motion of an interval is the mean of that before the contact and that after it. What it leaves out
(motion blur, a rebound within the interval, motion too fast for the flow) is corrected by a line fitted to the made scenes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .motion_windows import AREA, CHANGE, DIRECTIONS, SPEED, WindowRow

if TYPE_CHECKING:
    Series = npt.NDArray[np.float32]

FLOW_LOST_ROWS = 1
"""Intervals by which a contact may be later than the loss of motion: the flow lost what had become too fast for it."""
DIP_SHARE, DIP_RISE, DIP_RETURN, MIN_RETURN_SHARE = 0.75, 1.2, 0.25, 0.25
"""A thing that rebounds hardly moves in the interval of its contact: the changed area falls below the first share of that at the loss,
and in the next interval rises to the second multiple of this, and to the third share of that at the loss, while the thing returns with at
least the last share of the motion before."""
DIP_TIME_SHARE = 0.3
"""Share of that interval that had passed at the contact: nothing is displaced if it returns with 0.4 of its speed."""
STILL_SHARE = 0.3
"""Where less than this share of the changed area changes in the next interval, the thing stopped."""
REFERENCE_SECONDS = 1 / 30
"""Unit of the interval in `correction_features`."""
SLOWEST_SPEED = 0.05
"""Widths per second, added to the speed before its logarithm is taken."""
MAX_RATIO = 3.0
"""Ratios in `correction_features` are limited to this."""
FAINT_MOTION, FAINT_SHARE = 1e-4, 1e-5
"""Added to what ratios are taken of, as shares of the picture."""
MAX_CORRECTION = 1.0
"""Intervals by which the fitted line may move a contact."""


@dataclass(frozen=True, slots=True)
class LossWindow:
    """The window in which motion was lost, over all intervals, and the interval of the loss."""

    k: int
    """Index of the interval."""
    values: Series
    """(intervals, channels) of the window."""
    spread: Series
    """(intervals, directions), the largest motion of the window and those around it."""
    direction: int
    """Index of the direction of the motion that was lost."""
    interval: float
    """Usual seconds of an interval."""
    speed: float
    """Widths per second that were lost."""

    @property
    def opposite(self) -> int:
        """Index of the opposite direction."""
        return (self.direction + DIRECTIONS // 2) % DIRECTIONS

    def around(self, values: Series) -> Sequence[float]:
        """Return five numbers of a series: two intervals before the loss to two after it; the series' ends repeat."""
        found: Sequence[float] = values[np.arange(self.k - 2, self.k + 3).clip(0, len(values) - 1)].tolist()
        return found


def contact_time(rows: Sequence[WindowRow], window: LossWindow) -> float:
    """Return the seconds of a contact; about half of them are within an eighth of an interval."""
    correction = CORRECTION_BIAS + sum(
        weight * feature for weight, feature in zip(CORRECTION_WEIGHTS, correction_features(window), strict=True)
    )
    return first_estimate(rows, window) + window.interval * min(MAX_CORRECTION, max(-MAX_CORRECTION, correction))


def first_estimate(rows: Sequence[WindowRow], window: LossWindow) -> float:
    """Return when motion in a direction was lost, between the start of its interval and the end of the next one."""
    k, values, direction, opposite = window.k, window.values, window.direction, window.opposite
    last = min(k + FLOW_LOST_ROWS, len(values) - 2)
    still = k + int(values[k : last + 1, AREA].argmin())
    before = float(values[k - 1 : k + 1, direction].max())
    if (
        still > k
        and values[still, AREA] < DIP_SHARE * values[k, AREA]
        and values[still + 1, AREA] > max(DIP_RISE * values[still, AREA], DIP_RETURN * values[k, AREA])
        and window.spread[still + 1, opposite] > MIN_RETURN_SHARE * before
    ):
        start, share = rows[still - 1].time, DIP_TIME_SHARE
        return start + share * (rows[still].time - start)
    now = float(values[k, direction] - values[k, opposite])
    after = min(0.0, float(values[k + 1, direction] - values[k + 1, opposite]))
    # The motion within the interval is the mean of that before and that after, by the share of the interval that each lasted.
    share = (now - after) / (before - after + 1e-9)
    if values[k + 1, AREA] < STILL_SHARE * values[k, AREA]:
        # What stops and was too fast for the flow still changed the picture.
        share = max(share, 2 * float(values[k, AREA] / max(values[k - 1, AREA], 1e-9)) - 1)
    share = min(1.0, max(0.0, share))
    start = rows[k - 1].time
    return start + share * (rows[k].time - start)


def correction_features(window: LossWindow) -> list[float]:
    """Return the numbers that `CORRECTION_WEIGHTS` weighs: how motion, area and change develop around the loss."""
    values, direction, opposite = window.values, window.direction, window.opposite
    motion = window.around(values[:, direction] - values[:, opposite])
    before = max(*values[window.k - 1 : window.k + 1, direction].tolist(), FAINT_MOTION)
    area = window.around(values[:, AREA])
    largest_area = max(*area[1:4], FAINT_MOTION)
    change = window.around(values[:, CHANGE])
    largest_change = max(*change[1:4], FAINT_MOTION)
    speed = window.around(values[:, SPEED])
    returning = window.around(window.spread[:, opposite])
    remaining = window.around(window.spread[:, direction])
    ratios = [
        *(each / before for each in motion),
        *(each / largest_area for each in area),
        min(returning[3] / before, 2.0),
        min(returning[4] / before, 2.0),
        min(remaining[3] / before, 1.5),
        *(each / largest_change for each in change[1:4]),
        min(speed[1] / max(speed[2], FAINT_SHARE), 2.0),
        min(speed[3] / max(speed[2], FAINT_SHARE), 2.0),
    ]
    return [
        *(min(MAX_RATIO, max(-MAX_RATIO, ratio)) for ratio in ratios),
        math.log(window.speed + SLOWEST_SPEED),
        math.log(window.interval / REFERENCE_SECONDS),
    ]


CORRECTION_WEIGHTS = (
    0.073, 0.164, -0.006, 0.015, -0.188, 0.0, -0.161, -0.07, 0.18, -0.053,
    -0.144, -0.141, 1.976, 0.006, 0.128, 0.016, -0.001, -0.013, -0.1, -0.071,
)  # fmt: skip
CORRECTION_BIAS = -0.036
"""Weights of `correction_features` and their offset, in intervals, by robust linear regression: `scripts/fit_impact_weights.py`."""
