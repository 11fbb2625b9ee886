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
"""Time to both sides of a candidate over which its window's usual motion is taken."""
CHUNK_ROWS = 64
"""Intervals that are examined at a time: enough that the cost of a call to numpy does not count, few enough to hold."""
MIN_LOSS = 0.014
"""Widths per second by share of the picture: a smaller loss is not examined at all. The contacts of the made scenes lose more."""
MIN_SEPARATION_SECONDS = 0.1
"""Of candidates closer than this the strongest counts: hands do not strike faster."""
RIVAL_SECONDS = 0.6
"""Time to both sides within which a candidate is compared with the strongest: the upswing loses its motion less sharply."""
MIN_RIVAL_SHARE = 0.3
"""Least loss as a share of that strongest one: what is lost as a hand is lifted or comes to rest, beside the blow."""
LOST_AREA_SHARE, LOST_REVERSAL, STOPPED_AREA_SHARE = 0.6, 0.2, 0.5
"""Where at least the first share of the area still changes after the loss, and next to nothing moves back, the flow lost something too
fast for it. It stops an interval later if the change then falls below the last share."""
REVERSAL_WEIGHT = 0.5
"""Motion gained in the opposite direction counts by this much in addition to what was lost."""
DIRECTION_WEIGHTS = np.array([0.8, 1.0, 1.0, 1.0, 0.8, 0.45, 0.4, 0.45], np.float32)
"""Weight of a loss by its direction (right, right down, down, …): things strike downwards mostly, and upwards they slow down."""
REFERENCE_LOSS, REFERENCE_SECONDS = 0.02, 1 / 30
"""Units of the loss and of the interval in `_confidence`."""
MIN_CONFIDENCE = 0.6
"""Candidates that are less sure are no contacts, and do not sound: near a half, another compression of the same picture decides."""


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
    sharpness: float
    """The loss less what is lost around it, as a share of the motion before."""
    remaining: float
    """Motion in the same direction after it, nearby, as a share of the motion before."""
    leaving: float
    """Share of the motion before that was about to leave the picture."""
    direction: int
    reversal: float
    concentration: float
    """Share of the picture's motion that is in the window."""
    usual: float
    """The median motion in the window and direction, as a share of the motion before."""
    area_after: float
    """Changed area after it, as a share of the area before."""
    area_earlier: float
    area_later: float
    """Changed area two intervals before and after, as a share of the area."""
    flow_after: float
    """Speed over changed area after it, as a share of that before: next to 0 where the flow lost a thing too fast for it."""
    interval: float
    """Seconds."""
    speed: float
    position: complex
    size: float
    aftermath: Aftermath = NO_AFTERMATH


class LossDetector:
    """Finds the contacts of one shot. Holds some seconds of windows."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._rows: list[WindowRow] = []
        self._next_index = 1  # of the first row in `_rows` that is not examined yet
        self._candidates: list[_LossCandidate] = []

    def add(self, row: WindowRow) -> None:
        """Add the next interval."""
        self._rows.append(row)
        context = self._context_rows()
        if len(self._rows) - self._next_index >= CHUNK_ROWS + context:
            self._examine(len(self._rows) - context)
            surplus = max(0, self._next_index - context)
            del self._rows[:surplus]
            self._next_index -= surplus

    def finish(self) -> list[MotionLoss]:
        """Return the contacts, in order of time."""
        self._examine(len(self._rows) - 1)
        kept: list[_LossCandidate] = []
        for candidate in sorted(self._candidates, key=lambda each: -each.loss):
            if all(abs(candidate.time - other.time) >= MIN_SEPARATION_SECONDS for other in kept):
                kept.append(candidate)
        found = []
        for candidate in sorted(kept, key=lambda each: each.time):
            rival = max(other.loss for other in kept if abs(other.time - candidate.time) <= RIVAL_SECONDS)
            confidence = _confidence(candidate, rival)
            if confidence >= MIN_CONFIDENCE and candidate.loss >= MIN_RIVAL_SHARE * rival:
                found.append(
                    MotionLoss(candidate.time, candidate.speed, candidate.position, candidate.size, confidence)
                )
        return found

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
        for k in range(self._next_index, end):
            loss = float(flat[k, strongest[k]])
            if loss < MIN_LOSS or any(row.is_global for row in self._rows[k - 1 : k + 2]):
                continue
            direction, row, column = (int(index) for index in np.unravel_index(strongest[k], motion.shape[1:]))
            nearby = motion[max(0, k - context) : k + context, direction, row, column]
            candidate = self._describe(
                k, loss, losses, windows, (direction, row, column), float(np.median(nearby)), interval
            )
            # No aftermath and no rival makes a candidate surer: one that is not sure without needs no look at the pictures.
            if _confidence(candidate, loss) >= MIN_CONFIDENCE:
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
        usual: float,
        interval: float,
    ) -> _LossCandidate:
        direction, row, column = where
        motion = windows[:, direction, row, column]
        before = max(float(motion[k]), float(motion[k - 1]), 1e-9)
        fastest = k - 1 if motion[k - 1] > motion[k] else k
        early, late = max(0.0, float(motion[k - 1] - motion[k])), max(0.0, float(motion[k] - motion[k + 1]))
        start, end = self._rows[k - 1].time, self._rows[k].time
        # What was lost late in the interval was there for most of it.
        time = start + late / (early + late + 1e-9) * (end - start)
        nearby = (slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2))
        area = max(float(windows[k, AREA, row, column]), float(windows[k - 1, AREA, row, column]))
        area_after = float(windows[k + 1, AREA][nearby].max())
        reversal = float(losses.reversal[k, direction, row, column]) / before
        if (
            k + 2 < len(windows)
            and area_after > LOST_AREA_SHARE * area
            and reversal < LOST_REVERSAL
            and float(windows[k + 2, AREA][nearby].max()) < STOPPED_AREA_SHARE * area_after
        ):
            time = (end + self._rows[k + 1].time) / 2
        areas = windows[:, AREA, nearby[0], nearby[1]]
        nearby_area = float(areas[k - 1 : k + 1].max()) + 1e-4
        area_earlier = float(areas[k - 2].max()) / nearby_area if k >= 2 else 0.0
        area_later = float(areas[k + 2].max()) / nearby_area if k + 2 < len(windows) else 0.0
        speed = max(float(windows[k, SPEED, row, column]), float(windows[k - 1, SPEED, row, column]))
        speed_after = float(windows[k + 1, SPEED][nearby].max())
        leaving = windows[k - 1 : k + 1, LEAVING + direction, row, column].max()
        height, width = self._shape
        centre = complex((column + 0.5) * CELL_PIXELS - width / 2, (row + 0.5) * CELL_PIXELS - height / 2)
        return _LossCandidate(
            time,
            loss,
            float(losses.sudden[k, direction, row, column] - losses.around[k, direction, row, column]) / before,
            float(losses.spread[k + 1, direction, row, column]) / before,
            float(leaving) / before,
            direction,
            reversal,
            float(windows[fastest, SPEED, row, column]) / (self._rows[fastest].speed + 1e-9),
            usual / before,
            area_after / (area + 1e-4),
            area_earlier,
            area_later,
            ((speed_after + 1e-4) / (area_after + 2e-3)) / ((speed + 1e-4) / (area + 2e-3)),
            interval,
            (1 + reversal) * speed / max(area, 1e-4),
            self._rows[k].to_frame.apply(centre),
            math.sqrt(area * height * width),
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
        math.log(candidate.loss / REFERENCE_LOSS),
        candidate.sharpness,
        min(candidate.remaining, 1.5),
        candidate.leaving,
        math.sin(DIRECTION_ANGLES[candidate.direction]),
        math.log(candidate.loss / rival),
        candidate.reversal,
        candidate.concentration,
        candidate.usual,
        min(candidate.area_after, 2.0),
        math.log(candidate.flow_after),
        math.log(candidate.interval / REFERENCE_SECONDS),
        candidate.aftermath.continued,
        candidate.aftermath.gone,
        min(candidate.area_later, 1.3),
        min(candidate.area_earlier, 1.5),
    )


WEIGHTS = (
    0.83, 4.79, -1.5, -2.83, 1.33, 2.12, 1.69, 0.93, -7.84, 0.54, -0.09, -1.88, -7.53, -2.95, 3.78, -2.45,
)  # fmt: skip
BIAS = -4.1
"""Weights of `_features` and their offset, by logistic regression."""


def _confidence(candidate: _LossCandidate, rival: float) -> float:
    """Return the share of candidates like this one that are contacts."""
    value = BIAS + sum(weight * feature for weight, feature in zip(WEIGHTS, _features(candidate, rival), strict=True))
    return 1 / (1 + math.exp(-min(max(value, -30.0), 30.0)))
