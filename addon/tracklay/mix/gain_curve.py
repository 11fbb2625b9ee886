"""A gain over time as data: points on the mix's timeline, straight lines of the linear gain between them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..cue import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy.typing as npt

RAMP_STEP_DB: Final = 1.5
"""Decibels between two points of a ramp: the straight lines between them differ from one of decibels by less than 0.03 dB."""

FADE_SAMPLES: Final = SAMPLE_RATE // 200
"""Fades at edges that click: 5 ms."""

SILENCE_DB: Final = -120.0
"""Decibels of a gain of 0 where a number is needed."""


@dataclass(frozen=True)
class GainCurve:
    """Points (sample, linear gain) in the order of time, at least one. Before the first and after the last point the gain stays.

    Samples are of the mix's timeline at `SAMPLE_RATE`. Between two points the linear gain is a straight line, as between two linear
    volume keys of Blender.
    """

    points: tuple[tuple[int, float], ...] = ((0, 1.0),)

    @cached_property
    def _arrays(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The samples and the gains of the points."""
        times, gains = zip(*self.points, strict=True)
        return np.array(times, np.int64), np.array(gains, np.float64)

    def gains(self, start: int, stop: int) -> npt.NDArray[np.float64] | float:
        """Return the gain of each sample from `start` to `stop`, or one number if it is the same for all."""
        times, values = self._arrays
        first = int(np.searchsorted(times, start, "right"))
        last = int(np.searchsorted(times, stop - 1, "left"))
        around = values[max(0, first - 1) : last + 1]
        if (around == around[0]).all():
            return float(around[0])
        return np.interp(np.arange(start, stop), times, values)

    def at_samples(self, samples: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return the gains of samples, (n,)."""
        times, values = self._arrays
        gains: npt.NDArray[np.float64] = np.interp(samples, times, values)
        return gains

    def at(self, sample: int) -> float:
        """Return the gain of one sample."""
        return float(np.interp(sample, *self._arrays))

    def scaled(self, factor: float) -> GainCurve:
        """Return the curve with each gain multiplied by a factor."""
        return GainCurve(tuple((time, gain * factor) for time, gain in self.points))

    def within(self, start: int, stop: int) -> GainCurve:
        """Return the part from `start` to `stop`, with a point on either end; a constant one keeps one point."""
        times, _ = self._arrays
        inner = self.points[int(np.searchsorted(times, start, "right")) : int(np.searchsorted(times, stop, "left"))]
        return GainCurve(((start, self.at(start)), *inner, (stop, self.at(stop)))).simplified()

    def times(self, other: GainCurve) -> GainCurve:
        """Return the product of two curves, exact at the points of both."""
        times = np.union1d(self._arrays[0], other._arrays[0])
        gains = self.at_samples(times) * other.at_samples(times)
        return GainCurve(tuple(zip(times.tolist(), gains.tolist(), strict=True))).simplified()

    def simplified(self) -> GainCurve:
        """Return the curve without points that change nothing: those between two of the same gain."""
        kept: list[tuple[int, float]] = []
        for index, (time, gain) in enumerate(self.points):
            after = self.points[index + 1] if index + 1 < len(self.points) else None
            is_flat = (not kept or kept[-1][1] == gain) and (after is None or after[1] == gain)
            if not is_flat or (not kept and after is None):
                kept.append((time, gain))
        return GainCurve(tuple(kept) or (self.points[0],))

    @property
    def is_constant(self) -> bool:
        """True if the gain never changes."""
        return len({gain for _, gain in self.points}) == 1

    def to_list(self) -> list[list[float]]:
        """Return the points as JSON holds them: [sample, linear gain]."""
        return [[time, float(f"{gain:.7g}")] for time, gain in self.points]

    @classmethod
    def from_list(cls, points: Iterable[Sequence[float]]) -> GainCurve:
        """Rebuild a curve from `to_list`."""
        return cls(tuple((int(time), float(gain)) for time, gain in points))


UNITY: Final = GainCurve()
"""The curve that changes nothing."""


def ramp(start: int, stop: int, from_db: float, to_db: float) -> list[tuple[int, float]]:
    """Return the points of a ramp that is straight in decibels, both ends included."""
    steps = max(1, math.ceil(abs(to_db - from_db) / RAMP_STEP_DB))
    return [
        (round(start + (stop - start) * step / steps), gain_of_db(from_db + (to_db - from_db) * step / steps))
        for step in range(steps + 1)
    ]


def gain_of_db(decibels: float) -> float:
    """Return the linear gain of decibels."""
    return float(10 ** (decibels / 20))


def db_of_gain(gain: float) -> float:
    """Return the decibels of a linear gain; `SILENCE_DB` of none."""
    return 20 * math.log10(gain) if gain > gain_of_db(SILENCE_DB) else SILENCE_DB
