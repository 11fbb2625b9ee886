"""Finds where much motion is lost between one frame and the next: contacts of hands and tools, as film shows them.

A thing that strikes need not stop: a stick rebounds, a hand moves on, an arm never was one clean patch. But the motion that it had in
its direction is gone within an interval or two, and is gone around it as well. A soft stop loses it over many intervals, and
what leaves a window is found in the next. Each candidate is then weighed by how it compares with its surroundings in time and place,
and by what the picture shows after it (`motion_aftermath`); the weights were fitted on the made scenes of
`benchmarks/impact_detection.py` and give about the share of such candidates that are contacts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .contact_timing import REFERENCE_SECONDS, LossWindow, contact_time
from .motion_aftermath import NO_AFTERMATH, Aftermath, measure_aftermath
from .motion_windows import (
    AREA,
    CELL_PIXELS,
    DIRECTION_ANGLES,
    DIRECTIONS,
    LEAVING,
    SPEED,
    WindowRow,
    spread_maximum,
)

Windows = npt.NDArray[np.float32]
"""(intervals, directions, rows, columns)"""

AROUND_SECONDS = 0.2
"""Time to both sides of a contact in which no more motion may be lost: what keeps losing it slows down softly."""
CONTEXT_SECONDS = 1.0
"""Time to both sides of a candidate over which the usual losses, and the background, are taken."""
CHUNK_ROWS = 64
"""Intervals that are examined at a time: enough that the cost of a call to numpy does not count, few enough to hold."""
MIN_LOSS = 0.01
"""Widths per second by share of the picture: a smaller loss is not examined at all. The contacts of the made scenes lose more."""
MIN_SEPARATION_SECONDS = 0.1
"""Of candidates closer than this the strongest counts: hands do not strike faster."""
RIVAL_SECONDS = 0.6
"""Time to both sides within which a candidate is compared with the strongest: the upswing loses its motion less sharply."""
REVERSAL_WEIGHT = 0.5
"""Motion gained in the opposite direction counts by this much in addition to what was lost."""
DIRECTION_WEIGHTS = np.array([0.8, 1.0, 1.0, 1.0, 0.8, 0.45, 0.4, 0.45], np.float32)
"""Weight of a loss by its direction (right, right down, down, …): things strike downwards mostly, and upwards they slow down."""
FAINT_LOSS, FAINT_SPEED = 0.002, 1e-4
"""Added to losses and to the speed of the picture, in their units, before ratios are taken."""
SLOW_SPEED = 0.6
"""Widths per second: what closes in more slowly strikes less surely. Gestures are slower, blows faster."""
FAST_SPEED = 0.6
"""Widths per second: of what was faster, what the picture shows after it says more, as the flow may have lost it."""
MAX_INTERVAL_RATIO = 2.0
"""Longer intervals count as this one over the reference: what is gone never makes a candidate surer."""
MIN_AREA_EARLIER = 0.4
"""A thing whose changed area was a smaller share of that at the loss has only just come in, too fast to be followed."""
MIN_CONFIDENCE, MIN_CONFIDENCE_ALONE, SURE_CONFIDENCE = 0.25, 0.6, 0.7
"""Candidates that are less sure than the first are no contacts, and do not sound. It is enough near a contact of the third, as blows come
in series; a candidate without one needs the second. Another codec changes a confidence by 0.3, and with one limit for all, blows of a
series came and went with it. Chosen by cross-validation on the scenes of the fit, and on other scenes in other codecs."""
SERIES_SECONDS = 2.5
"""Time to both sides of a sure contact within which others are expected."""


@dataclass(frozen=True, slots=True)
class MotionLoss:
    """One contact."""

    time: float
    """Seconds, interpolated between frames."""
    speed: float
    """Widths per second that the moving area lost."""
    position: complex
    """Pixels from the frame's centre, y down."""
    size: float
    """Side in pixels of a square as large as the area that moved."""
    confidence: float


@dataclass(frozen=True, slots=True)
class _LossCandidate:
    """A loss of motion, with what separates contacts from other losses."""

    time: float
    loss: float
    """Weighted by direction."""
    prominence: float
    """Logarithm of the loss over the mean of the largest ones of the intervals around it: where much moves, losses are usual."""
    remaining: float
    """Motion in the same direction after it, nearby, as a share of the motion before."""
    leaving: float
    """Share of the motion before that was about to leave the picture."""
    direction: int
    closing_speed: float
    """Widths per second, the mean of what moved: hands that gesture are slower than those that strike."""
    area_earlier: float
    area_later: float
    """Changed area two intervals before and after, as a share of the area."""
    picture_after: float
    """Logarithm of the motion of the whole picture after it over that before."""
    interval: float
    """Seconds."""
    speed: float
    """Widths per second that were lost."""
    position: complex
    size: float
    aftermath: Aftermath = NO_AFTERMATH


class LossDetector:
    """Finds the contacts of one shot. Holds some seconds of windows."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._rows: list[WindowRow] = []
        self._next_index = 3  # of the first row in `_rows` that is not examined yet; the first of a shot is empty
        self._candidates: list[_LossCandidate] = []

    def add(self, row: WindowRow) -> None:
        """Add the next interval."""
        self._rows.append(row)
        if len(self._rows) - self._next_index < CHUNK_ROWS:
            return
        context = self._context_rows()
        if len(self._rows) - self._next_index >= CHUNK_ROWS + context:
            self._examine(len(self._rows) - context)
            surplus = max(0, self._next_index - context)
            del self._rows[:surplus]
            self._next_index -= surplus

    def finish(self) -> list[MotionLoss]:
        """Return the contacts, in order of time."""
        weighed = [(candidate, contact_probability(features)) for candidate, features in self.weigh_candidates()]
        sure = [candidate.time for candidate, confidence in weighed if confidence >= SURE_CONFIDENCE]
        return [
            MotionLoss(candidate.time, candidate.speed, candidate.position, candidate.size, confidence)
            for candidate, confidence in weighed
            if confidence >= MIN_CONFIDENCE_ALONE
            or (confidence >= MIN_CONFIDENCE and any(abs(candidate.time - time) <= SERIES_SECONDS for time in sure))
        ]

    def weigh_candidates(self) -> list[tuple[_LossCandidate, Sequence[float]]]:
        """Return the candidates of the shot, sure or not, with their features, in order of time."""
        self._examine(len(self._rows) - 1)
        kept: list[_LossCandidate] = []
        for candidate in sorted(self._candidates, key=lambda each: -each.loss):
            if all(abs(candidate.time - other.time) >= MIN_SEPARATION_SECONDS for other in kept):
                kept.append(candidate)
        kept.sort(key=lambda each: each.time)
        rivals = [
            max(other.loss for other in kept if abs(other.time - candidate.time) <= RIVAL_SECONDS) for candidate in kept
        ]
        return [(candidate, _features(candidate, rival)) for candidate, rival in zip(kept, rivals, strict=True)]

    def _interval(self) -> float:
        """Return the usual seconds between two frames."""
        times = [row.time for row in self._rows[-CHUNK_ROWS:]]
        return max(1e-3, (times[-1] - times[0]) / (len(times) - 1)) if len(times) > 1 else REFERENCE_SECONDS

    def _context_rows(self) -> int:
        return max(2, round(CONTEXT_SECONDS / self._interval()))

    def _examine(self, end: int) -> None:
        """Add the candidates of the rows from the next one up to `end`."""
        if end <= self._next_index:
            return
        interval, context = self._interval(), self._context_rows()
        windows = np.stack([row.windows for row in self._rows])
        motion = windows[:, :DIRECTIONS]
        losses = _Losses(motion, max(2, round(AROUND_SECONDS / interval)))
        weighted = losses.score * DIRECTION_WEIGHTS[:, None, None]
        flat = weighted.reshape(weighted.shape[0], -1)
        strongest = flat.argmax(1)
        largest = flat.max(1)
        for k in range(self._next_index, end):
            loss = float(flat[k, strongest[k]])
            if loss < MIN_LOSS or any(row.is_global for row in self._rows[k - 1 : k + 2]):
                continue
            direction, row, column = (int(index) for index in np.unravel_index(strongest[k], motion.shape[1:]))
            around = np.concatenate([largest[max(0, k - context) : k - 1], largest[k + 2 : k + context + 1]])
            candidate = self._describe(k, loss, losses, windows, (direction, row, column), around, interval)
            # No aftermath and no rival makes a candidate surer: one that is not sure without needs no look at the pictures.
            if contact_probability(_features(candidate, loss)) >= MIN_CONFIDENCE:
                candidate = replace(
                    candidate,
                    aftermath=measure_aftermath(self._rows, k, (row, column), round(CONTEXT_SECONDS / interval)),
                )
            self._candidates.append(candidate)
        self._next_index = end

    def _describe(
        self,
        k: int,
        loss: float,
        losses: _Losses,
        windows: Windows,
        where: tuple[int, int, int],
        around: npt.NDArray[np.float32],
        interval: float,
    ) -> _LossCandidate:
        """Return the candidate of the interval `k`; `around` are the largest losses of the intervals around it."""
        direction, row, column = where
        motion = windows[:, direction, row, column]
        before = max(float(motion[k]), float(motion[k - 1]), 1e-9)
        fastest = k - 1 if motion[k - 1] > motion[k] else k
        area = max(float(windows[k, AREA, row, column]), float(windows[k - 1, AREA, row, column]), 1e-4)
        nearby = (slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2))
        areas = windows[:, AREA, nearby[0], nearby[1]]
        nearby_area = float(areas[k - 1 : k + 1].max()) + 1e-4
        speed = max(float(windows[k, SPEED, row, column]), float(windows[k - 1, SPEED, row, column])) / area
        reversal = float(losses.reversal[k, direction, row, column]) / before
        leaving = windows[k - 1 : k + 1, LEAVING + direction, row, column].max()
        picture_speed, picture_speed_after = self._rows[fastest].speed, self._rows[k + 1].speed
        height, width = self._shape
        centre = complex((column + 0.5) * CELL_PIXELS - width / 2, (row + 0.5) * CELL_PIXELS - height / 2)
        lost_speed = (1 + reversal) * speed
        window = LossWindow(
            k, windows[:, :, row, column], losses.spread[:, :, row, column], direction, interval, lost_speed
        )
        return _LossCandidate(
            time=contact_time(self._rows, window),
            loss=loss,
            prominence=math.log(loss / ((float(around.mean()) if around.size else 0.0) + FAINT_LOSS)),
            remaining=float(losses.spread[k + 1, direction, row, column]) / before,
            leaving=float(leaving) / before,
            direction=direction,
            closing_speed=speed,
            area_earlier=float(areas[k - 2].max()) / nearby_area if k >= 2 else 0.0,
            area_later=float(areas[k + 2].max()) / nearby_area if k + 2 < len(windows) else 0.0,
            picture_after=math.log((picture_speed_after + FAINT_SPEED) / (picture_speed + FAINT_SPEED)),
            interval=interval,
            speed=lost_speed,
            position=self._rows[k].to_frame.apply(centre),
            size=math.sqrt(area * height * width),
        )


class _Losses:
    """The motion lost in each interval, by direction and window."""

    def __init__(self, motion: Windows, around: int) -> None:
        self.spread = spread_maximum(motion)
        # What moves on from a window is still there in one beside it.
        lost = motion[:-1] - self.spread[1:]
        np.maximum(lost, np.float32(0), out=lost)
        self.sudden: Windows = lost.copy()
        np.maximum(lost[1:], motion[:-2] - self.spread[2:], out=self.sudden[1:])
        nearby = spread_maximum(lost)
        sums = np.concatenate([np.zeros_like(nearby[:1]), np.cumsum(nearby, 0)])
        index = np.arange(len(nearby))
        first, last = np.clip(index - around, 0, None), np.clip(index + around, None, len(nearby))
        self.around: Windows = sums[last] - sums[first] - nearby
        self.around[1:] -= nearby[:-1]
        np.maximum(self.around, np.float32(0), out=self.around)
        opposite = np.roll(motion, DIRECTIONS // 2, 1)
        gained = opposite[1:] - np.roll(self.spread, DIRECTIONS // 2, 1)[:-1]
        reversal = np.minimum(np.maximum(gained, np.float32(0)), lost)
        reversal *= np.float32(REVERSAL_WEIGHT)
        self.reversal: Windows = reversal.copy()
        np.maximum(reversal[1:], reversal[:-1], out=self.reversal[1:])
        self.score: Windows = self.sudden - self.around + self.reversal


def _features(candidate: _LossCandidate, rival: float) -> Sequence[float]:
    """Return the numbers that `WEIGHTS` weighs; `rival` is the strongest loss nearby in time."""
    return (
        candidate.prominence,
        math.log(candidate.loss / rival),
        min(candidate.remaining, 1.5),
        candidate.leaving,
        candidate.aftermath.gone,
        candidate.aftermath.continued,
        max(0.0, math.log(SLOW_SPEED / (candidate.closing_speed + 1e-3))),
        math.sin(DIRECTION_ANGLES[candidate.direction]),
        min(candidate.area_later, 1.3),
        min(candidate.area_earlier, 1.5),
        max(0.0, MIN_AREA_EARLIER - candidate.area_earlier),
        max(candidate.picture_after, -6.0),
        math.log(candidate.interval / REFERENCE_SECONDS),
        # The flow loses what is fast, and at a low frame rate more moves between two pictures.
        candidate.aftermath.continued * max(0.0, math.log((candidate.speed + 1e-3) / FAST_SPEED)),
        candidate.aftermath.gone * math.log(min(candidate.interval / REFERENCE_SECONDS, MAX_INTERVAL_RATIO)),
    )


WEIGHTS = (0.98, 2.16, -19.03, -3.25, -7.29, -6.07, -17.14, 2.38, 5.33, -4.57, -6.02, -0.14, -4.02, -3.52, 9.25)
BIAS = 2.21
"""Weights of `_features` and their offset, by logistic regression: `scripts/fit_impact_weights.py`."""


def contact_probability(features: Sequence[float]) -> float:
    """Return the share of candidates with these features that are contacts."""
    value = BIAS + sum(weight * feature for weight, feature in zip(WEIGHTS, features, strict=True))
    return 1 / (1 + math.exp(-min(max(value, -30.0), 30.0)))
