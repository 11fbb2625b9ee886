"""Finds where fast motion ends at once: the picture changed more and more somewhere, and from one frame to the next no longer.

That is what a blow looks like when the thing goes too far from frame to frame to be followed, or waited too long to be told from
the ground. Only how much changes is looked at, cell by cell, so nothing has to be known of the thing. Time's direction tells a stop
from a start; a soft stop or a turn slows down first.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .background import surplus
from .camera_motion import LOCKED, View, middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .background import Frame, Ground

Grid = npt.NDArray[np.float32]
Cells = npt.NDArray[np.bool_]

CELL = 8
"""Pixels of luma: a cell's side."""
STEP_SECONDS = 0.03
"""Frames that follow faster are passed over, so that a slow change is as plain at any rate."""
FLOOR = 8.0
NOISES = 4.0
"""A pixel has changed when it differs by more than both: grey levels, times the noise."""
GLOBAL_SHARE = 0.35
"""When more of the picture than this changes it is no thing that moves."""
ACTIVE = 1.0
"""Changed pixels in a cell that something moves in."""
BUSY = 65.0
"""Changed pixels a frame that a thing must make while it moves."""
JUST_SECONDS, BEFORE_SECONDS, AFTER_SECONDS = 0.045, 0.11, 0.06
"""About the last frame that changed: just before it, before that, and after it."""
STILL = 0.25
"""Share of the change just before that may be left after it."""
SLOWING = 1.05
"""Times the change just before that there may have been before that: more, and the thing was slowing down."""
SUDDEN = 0.1
"""Times the change just before that there must have been before that: less, and something lit up or was cut in."""
STEADY = 0.5
"""Share of it that each frame just before must have: less, and the picture blinked."""
LAST = (0.25, 1.8)
"""The last change, to the one before it."""
LEAST_SPEED = 0.5
"""Widths a second."""
HELD_SECONDS = 0.35
GROWING = 0.9
"""Share of its earlier speed that the thing must have kept."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop: when (seconds), the speed that ended (widths a second), where (pixels from the middle), how large."""

    time: float
    speed: float
    place: complex
    size: float


@dataclass(frozen=True, slots=True)
class _Change:
    """What changed on the canvas from the frame before to this one, and the way to this one's own pixels.

    There is no grid where the whole picture changed.
    """

    time: float
    grid: Grid | None
    way: View


class Stops:
    """Watches the changes of one shot, on its ground's canvas, for stops; a third of a second of small grids is held."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._shape = ground, ground.shape
        self._last: Frame | None = None
        self._held: deque[_Change] = deque()
        self._next = 0  # the first of `_held` that has not been judged
        self._noise = 1.5

    def add(self, frame: Frame) -> list[Stop]:
        """Take a frame in; gives the stops that are certain by now."""
        time = frame.time
        if self._held and time - self._held[-1].time < STEP_SECONDS:
            return []
        self._held.append(_Change(time, self._changed(frame), frame.view.of(self._ground.canvas.back())))
        self._last = frame
        found: list[Stop] = []
        while self._next + max(2, self._count(AFTER_SECONDS)) < len(self._held):
            found += self._judge(self._next)
            self._next += 1
        while self._held[0].time < time - HELD_SECONDS and self._next > 1:
            self._held.popleft()
            self._next -= 1
        return found

    def _count(self, seconds: float) -> int:
        """Frames in that time, at the rate of the frames held."""
        if len(self._held) < 2:
            return 1
        step = (self._held[-1].time - self._held[0].time) / (len(self._held) - 1)
        return max(1, round(seconds / step))

    def _changed(self, frame: Frame) -> Grid | None:
        """How many pixels of each cell differ from the frame before, camera and light taken out."""
        height, width = self._shape
        rows, cols = -(-height // CELL), -(-width // CELL)
        if self._last is None:
            return np.zeros((rows, cols), np.float32)
        laid = self._ground.see(self._last)
        apart = self._ground.see(frame) - laid
        apart -= np.float32(middle(apart[1::4, 1::4]))
        np.abs(apart, out=apart)
        self._noise += 0.1 * (min(6.0, 1.4826 * middle(apart[1::4, 1::4])) - self._noise)
        floor = max(FLOOR, NOISES * self._noise)
        if self._last.view.of(frame.view.back()).reach(self._shape) > LOCKED:
            sure = surplus(apart, floor, laid)
            self._ground.blank(sure, (frame, self._last))
            at = np.flatnonzero(sure > 0)
            amount = sure.ravel().take(at)
        else:
            at = np.flatnonzero(apart > floor)
            amount = np.minimum(apart.ravel().take(at) / np.float32(floor) - 1, 1)
        if at.size > GLOBAL_SHARE * height * width:
            return None
        y, x = np.divmod(at, width)
        y //= CELL
        y *= cols
        x //= CELL
        y += x
        grid: Grid = np.bincount(y, amount, rows * cols).astype(np.float32).reshape(rows, cols)
        return grid

    def _judge(self, k: int) -> list[Stop]:
        """The stops whose last change is that of `_held[k]`."""
        first, end = k - max(3, self._count(BEFORE_SECONDS)), k + 1 + max(2, self._count(AFTER_SECONDS))
        if first < 0:
            return []
        grids = [self._held[j].grid for j in range(first, end)]
        known = [grid for grid in grids if grid is not None]
        if len(known) < len(grids):
            return []
        at = k - first
        moving = np.maximum(known[at], known[at - 1]) > ACTIVE
        if max(known[at].sum(), known[at - 1].sum()) < BUSY or not moving.any():
            return []
        return [stop for patch in _patches(moving) if (stop := self._stop(k, known, at, patch)) is not None]

    def _stop(self, k: int, grids: Sequence[Grid], at: int, cells: Cells) -> Stop | None:
        """The stop of what moved in these cells, if it is one; `at` is its last change among the grids."""
        near = _wider(cells)
        last = float(grids[at][near].sum() / max(grids[at - 1][near].sum(), 1e-6))
        if not LAST[0] < last < LAST[1]:
            return None
        whence = _wider(near)
        just = self._count(JUST_SECONDS)
        after = [float(grid[whence].sum()) for grid in grids[at + 1 :]]
        left = max(after[0], sum(after) / len(after))
        if left > STILL * max(grid.sum() for grid in grids[at - just : at + 1]):
            return None
        came = _trail(grids[: at + 1], near)
        change = np.array([grid[where].sum() for grid, where in came])
        full = float(change[-1 - just :].max())
        if full < BUSY or left > STILL * full:
            return None
        earlier = change[: -1 - just]
        if (
            earlier.mean() < SUDDEN * full
            or earlier.max() > SLOWING * full
            or change[-1 - just : -1].min() < STEADY * full
        ):
            return None
        places = [_middle(grid, where) for grid, where in came]
        times = np.array([change.time for change in self._held][k - at : k + 1])
        speeds = np.abs(np.diff(places)) / np.diff(times) / self._shape[1]
        speed = float(speeds[-1 - just : -1].mean())
        if speed < LEAST_SPEED or speed < GROWING * float(speeds[: -1 - just].mean()):
            return None
        share = min(1.0, last)
        height, width = self._shape
        place = self._held[k].way.at(places[-1] - complex((width - 1) / 2, (height - 1) / 2))
        time = float(times[-2] + share * (times[-1] - times[-2]))
        return Stop(time, speed, place, float(np.sqrt(full)))


def _wider(cells: Cells) -> Cells:
    """The cells and their eight neighbours."""
    tall = cells.copy()
    tall[1:] |= cells[:-1]
    tall[:-1] |= cells[1:]
    wide = tall.copy()
    wide[:, 1:] |= tall[:, :-1]
    wide[:, :-1] |= tall[:, 1:]
    return wide


def _patches(moving: Cells) -> list[Cells]:
    """The sets of moving cells that are no farther apart than two others."""
    rows, cols = moving.shape
    stride = cols + 1  # one cell at the end of each row keeps the rows apart
    padded = np.zeros((rows, stride), bool)
    padded[:, :cols] = moving
    field = int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")
    padded[:, :cols] = True
    whole = int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")

    def wider(cells: int) -> int:
        cells |= cells << stride | cells >> stride
        return (cells | cells << 1 | cells >> 1) & whole

    left, found = wider(field), []
    while left:
        before, patch = 0, left & -left
        while patch != before:
            before, patch = patch, wider(patch) & left
        left &= ~patch
        found.append(patch & field)
    size = -(-rows * stride // 8)
    return [
        np.unpackbits(np.frombuffer(patch.to_bytes(size, "little"), np.uint8), bitorder="little")[: rows * stride]
        .reshape(rows, stride)[:, :cols]
        .astype(bool)
        for patch in found
    ]


def _trail(grids: Sequence[Grid], near: Cells) -> list[tuple[Grid, Cells]]:
    """Each grid with the cells where the thing that ends in `near` was then, followed backwards."""
    trail = [(grids[-1], near)]
    for grid in grids[-2::-1]:
        trail.append((grid, near))
        moved = near & (grid > ACTIVE)
        near = _wider(_wider(moved)) if moved.any() else near
    return trail[::-1]


def _middle(grid: Grid, cells: Cells) -> complex:
    """The centre of the change in those cells, in pixels from the picture's top left."""
    y, x = np.nonzero(cells)
    weight = grid[cells] + 1e-6
    return complex(x @ weight, y @ weight) / float(weight.sum()) * CELL + complex(CELL - 1, CELL - 1) / 2
