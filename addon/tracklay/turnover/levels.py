"""Gains as other programs hold them: in decibels, with straight lines of decibels between points."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from ..mix.gain_curve import RAMP_STEP_DB, db_of_gain, gain_of_db

if TYPE_CHECKING:
    from ..mix.gain_curve import GainCurve

SILENT_DB = -96.0
"""Decibels of a gain of 0: the lowest level of Final Cut Pro."""


def decibel_points(curve: GainCurve, samples: int) -> list[tuple[int, float]]:
    """Return a curve over a number of samples as points (sample, decibels); lines of decibels between them differ by less than 0.03 dB.

    A constant curve has one point.
    """
    if curve.is_constant:
        return [(0, _level(curve.points[0][1]))]
    points = dict([(0, curve.at(0)), *curve.within(0, samples).points, (samples, curve.at(samples))])
    found: list[tuple[int, float]] = []
    for (begin, low), (end, high) in itertools.pairwise(points.items()):
        from_db, to_db = _level(low), _level(high)
        steps = max(1, math.ceil(abs(to_db - from_db) / RAMP_STEP_DB))
        found.append((begin, from_db))
        for step in range(1, steps):
            level = from_db + (to_db - from_db) * step / steps
            at = round(begin + (end - begin) * (gain_of_db(level) - low) / (high - low))
            if at > found[-1][0]:
                found.append((at, level))
    found.append((samples, _level(curve.at(samples))))
    return found


def _level(gain: float) -> float:
    return max(SILENT_DB, db_of_gain(gain))
