"""Finds where motion begins at once: shots, barks, explosions.

The change in a window rises several times over what it and its surroundings were in the frames before, and goes on. Hands that start
to move do the same more slowly; a prompt decides whether starts are used at all (`events.select_events`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .motion_windows import AREA, CELL_PIXELS, CHANGE, SPEED, WindowRow, spread_maximum

if TYPE_CHECKING:
    from .image_ops import FloatImage

BEFORE_SECONDS = 0.12
MIN_BEFORE_ROWS = 3
"""Time before a start, and the least number of intervals, whose mean change is the measure."""
MIN_RATIO = 4.0
"""Least ratio of the change to that before."""
MIN_CHANGE = 0.1
"""Grey levels by share of the picture: a smaller start is a twitch or noise."""
QUIET_CHANGE = 0.01
"""Added to the change before, which may be nothing at all."""
MIN_HELD_SHARE = 0.3
"""Least change after the start as a share of the start's: with less something blinked."""
MERGE_SECONDS, MIN_SEPARATION_SECONDS = 0.1, 0.25
"""Candidates closer than the first are one rise, of which the steepest counts; the next start is farther off than the second."""
MIN_RIVAL_SHARE = 0.15
"""Least change as a share of the largest start's in the shot: smaller ones are the same thing settling."""
VISIBLE_SHARE = 0.3
"""Share of an interval before its end at which motion within it is taken to have begun."""


@dataclass(frozen=True, slots=True)
class MotionStart:
    """One sudden start."""

    time: float
    """Seconds, interpolated between frames."""
    speed: float
    """Widths per second."""
    position: complex
    """Pixels from the frame's centre, y down."""
    size: float
    """Side in pixels of a square as large as the area that moves."""
    confidence: float


@dataclass(frozen=True, slots=True)
class _Rise:
    change: float
    ratio: float
    start: MotionStart


class StartDetector:
    """Finds the starts of one shot. Holds a fifth of a second of windows."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._rows: deque[WindowRow] = deque()
        self._spread_changes: deque[FloatImage] = deque()  # of the same intervals: `spread_maximum` of their changes
        self._rises: list[_Rise] = []

    def add(self, rows: Sequence[WindowRow]) -> None:
        """Add the next intervals."""
        if rows:
            spread = spread_maximum(np.stack([row.windows[CHANGE] for row in rows]))
            for row, spread_change in zip(rows, spread, strict=True):
                self._add_row(row, spread_change)

    def _add_row(self, row: WindowRow, spread_change: FloatImage) -> None:
        rows = self._rows
        rows.append(row)
        self._spread_changes.append(spread_change)
        interval = max(1e-3, (rows[-1].time - rows[0].time) / (len(rows) - 1)) if len(rows) > 1 else BEFORE_SECONDS
        before = max(MIN_BEFORE_ROWS, round(BEFORE_SECONDS / interval))
        # The interval examined has two after it; the first of a shot is empty and says nothing.
        while len(rows) > before + 3:
            rows.popleft()
            self._spread_changes.popleft()
        if len(rows) == before + 3 and not any(each.is_global for each in rows):
            self._examine(list(rows), interval)

    def _examine(self, rows: list[WindowRow], interval: float) -> None:
        now, following = (row.windows[CHANGE] for row in rows[-3:-1])
        change = (now + following) / 2
        if change.max() < MIN_CHANGE:
            return
        *earlier, _, spread_following, spread_last = self._spread_changes
        before = np.add.reduce(earlier) / np.float32(len(earlier))
        ratio = change / (before + np.float32(QUIET_CHANGE))
        after = np.maximum(spread_following, spread_last)
        ratio *= (change > MIN_CHANGE) & (after > MIN_HELD_SHARE * change)
        row, column = (int(index) for index in np.unravel_index(int(ratio.argmax()), ratio.shape))
        steepest = float(ratio[row, column])
        if steepest < MIN_RATIO:
            return
        height, width = self._shape
        area = float(max(each.windows[AREA, row, column] for each in rows[-3:-1]))
        speed = float(max(each.windows[SPEED, row, column] for each in rows[-3:-1])) / max(area, 1e-4)
        centre = complex((column + 0.5) * CELL_PIXELS - width / 2, (row + 0.5) * CELL_PIXELS - height / 2)
        start = MotionStart(
            rows[-3].time - VISIBLE_SHARE * interval,
            speed,
            rows[-3].to_frame.apply(centre),
            math.sqrt(area * height * width),
            steepest / (steepest + MIN_RATIO),
        )
        self._rises.append(_Rise(float(change[row, column]), steepest, start))

    def finish(self) -> list[MotionStart]:
        """Return the starts, in order of time."""
        groups: list[list[_Rise]] = []
        for rise in self._rises:
            if groups and rise.start.time - groups[-1][-1].start.time < MERGE_SECONDS:
                groups[-1].append(rise)
            else:
                groups.append([rise])
        kept: list[_Rise] = []
        for group in groups:
            steepest = max(group, key=lambda rise: rise.ratio)
            if not kept or steepest.start.time - kept[-1].start.time >= MIN_SEPARATION_SECONDS:
                kept.append(steepest)
        largest = max((rise.change for rise in kept), default=0.0)
        return [rise.start for rise in kept if rise.change >= MIN_RIVAL_SHARE * largest]
