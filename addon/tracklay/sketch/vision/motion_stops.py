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

from .background import foreground_probability
from .image_ops import STATIC_CAMERA_PIXELS, SimilarityTransform, upper_median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .background import AnalysisFrame, BackgroundModel

ChangeGrid = npt.NDArray[np.float32]
CellMask = npt.NDArray[np.bool_]

CELL_PIXELS = 8
"""Pixels of luma: a cell's side."""
MIN_FRAME_SECONDS = 0.03
"""Frames that follow faster are passed over, so that a slow change is as plain at any rate."""
MIN_DIFFERENCE = 8.0
NOISE_MULTIPLE = 4.0
"""A pixel has changed when it differs by more than both: grey levels, times the noise."""
GLOBAL_CHANGE_SHARE = 0.35
"""When more of the picture than this changes it is no thing that moves."""
MIN_CELL_CHANGE = 1.0
"""Changed pixels in a cell that something moves in."""
MIN_PATCH_CHANGE = 65.0
"""Changed pixels a frame that a thing must make while it moves."""
JUST_BEFORE_SECONDS, EARLIER_SECONDS, AFTER_SECONDS = 0.045, 0.11, 0.06
"""About the last frame that changed: just before it, before that, and after it."""
MAX_REMAINING_SHARE = 0.25
"""Share of the change just before that may be left after it."""
MAX_EARLIER_RATIO = 1.05
"""Times the change just before that there may have been before that: more, and the thing was slowing down."""
MIN_EARLIER_RATIO = 0.1
"""Times the change just before that there must have been before that: less, and something lit up or was cut in."""
MIN_FRAME_SHARE = 0.5
"""Share of it that each frame just before must have: less, and the picture blinked."""
LAST_CHANGE_RANGE = (0.25, 1.8)
"""The last change, to the one before it."""
MIN_SPEED = 0.5
"""Widths a second."""
HISTORY_SECONDS = 0.35
MIN_SPEED_RATIO = 0.9
"""Share of its earlier speed that the thing must have kept."""


@dataclass(frozen=True, slots=True)
class MotionStop:
    """One stop: when (seconds), the speed that ended (widths a second), where (pixels from the middle), how large."""

    time: float
    speed: float
    position: complex
    size: float


@dataclass(frozen=True, slots=True)
class _FrameChange:
    """What changed on the canvas from the frame before to this one, and the way to this one's own pixels.

    There is no grid where the whole picture changed.
    """

    time: float
    grid: ChangeGrid | None
    to_frame: SimilarityTransform


class StopDetector:
    """Watches the changes of one shot, on its ground's canvas, for stops; a third of a second of small grids is held."""

    def __init__(self, background: BackgroundModel) -> None:
        self._background, self._shape = background, background.shape
        self._last_frame: AnalysisFrame | None = None
        self._history: deque[_FrameChange] = deque()
        self._next_index = 0  # the first of `_history` that has not been judged
        self._noise = 1.5

    def add(self, frame: AnalysisFrame) -> list[MotionStop]:
        """Take a frame in; gives the stops that are certain by now."""
        time = frame.time
        if self._history and time - self._history[-1].time < MIN_FRAME_SECONDS:
            return []
        self._history.append(
            _FrameChange(
                time, self._change_grid(frame), frame.transform.compose(self._background.canvas_transform.inverse())
            )
        )
        self._last_frame = frame
        found: list[MotionStop] = []
        while self._next_index + max(2, self._frame_count(AFTER_SECONDS)) < len(self._history):
            found += self._find_stops(self._next_index)
            self._next_index += 1
        while self._history[0].time < time - HISTORY_SECONDS and self._next_index > 1:
            self._history.popleft()
            self._next_index -= 1
        return found

    def _frame_count(self, seconds: float) -> int:
        """Frames in that time, at the rate of the frames held."""
        if len(self._history) < 2:
            return 1
        step = (self._history[-1].time - self._history[0].time) / (len(self._history) - 1)
        return max(1, round(seconds / step))

    def _change_grid(self, frame: AnalysisFrame) -> ChangeGrid | None:
        """How many pixels of each cell differ from the frame before, camera and light taken out."""
        height, width = self._shape
        rows, cols = -(-height // CELL_PIXELS), -(-width // CELL_PIXELS)
        if self._last_frame is None:
            return np.zeros((rows, cols), np.float32)
        laid = self._background.align_smoothed(self._last_frame)
        apart = self._background.align_smoothed(frame) - laid
        apart -= np.float32(upper_median(apart[1::4, 1::4]))
        np.abs(apart, out=apart)
        self._noise += 0.1 * (min(6.0, 1.4826 * upper_median(apart[1::4, 1::4])) - self._noise)
        floor = max(MIN_DIFFERENCE, NOISE_MULTIPLE * self._noise)
        if (
            self._last_frame.transform.compose(frame.transform.inverse()).max_displacement(self._shape)
            > STATIC_CAMERA_PIXELS
        ):
            sure = foreground_probability(apart, floor, laid)
            self._background.mask_uncovered(sure, (frame, self._last_frame))
            at = np.flatnonzero(sure > 0)
            amount = sure.ravel().take(at)
        else:
            at = np.flatnonzero(apart > floor)
            amount = np.minimum(apart.ravel().take(at) / np.float32(floor) - 1, 1)
        if at.size > GLOBAL_CHANGE_SHARE * height * width:
            return None
        y, x = np.divmod(at, width)
        y //= CELL_PIXELS
        y *= cols
        x //= CELL_PIXELS
        y += x
        grid: ChangeGrid = np.bincount(y, amount, rows * cols).astype(np.float32).reshape(rows, cols)
        return grid

    def _find_stops(self, index: int) -> list[MotionStop]:
        """The stops whose last change is that of `_held[k]`."""
        first, end = (
            index - max(3, self._frame_count(EARLIER_SECONDS)),
            index + 1 + max(2, self._frame_count(AFTER_SECONDS)),
        )
        if first < 0:
            return []
        grids = [self._history[j].grid for j in range(first, end)]
        known = [grid for grid in grids if grid is not None]
        if len(known) < len(grids):
            return []
        at = index - first
        moving = np.maximum(known[at], known[at - 1]) > MIN_CELL_CHANGE
        if max(known[at].sum(), known[at - 1].sum()) < MIN_PATCH_CHANGE or not moving.any():
            return []
        return [
            stop
            for patch in _connected_patches(moving)
            if (stop := self._stop_in_patch(index, known, at, patch)) is not None
        ]

    def _stop_in_patch(
        self, index: int, grids: Sequence[ChangeGrid], last_grid: int, cells: CellMask
    ) -> MotionStop | None:
        """The stop of what moved in these cells, if it is one; `last_grid` is its last change among the grids."""
        near = _dilate(cells)
        last = float(grids[last_grid][near].sum() / max(grids[last_grid - 1][near].sum(), 1e-6))
        if not LAST_CHANGE_RANGE[0] < last < LAST_CHANGE_RANGE[1]:
            return None
        whence = _dilate(near)
        just = self._frame_count(JUST_BEFORE_SECONDS)
        after = [float(grid[whence].sum()) for grid in grids[last_grid + 1 :]]
        left = max(after[0], sum(after) / len(after))
        if left > MAX_REMAINING_SHARE * max(grid.sum() for grid in grids[last_grid - just : last_grid + 1]):
            return None
        came = _trace_back(grids[: last_grid + 1], near)
        change = np.array([grid[where].sum() for grid, where in came])
        full = float(change[-1 - just :].max())
        if full < MIN_PATCH_CHANGE or left > MAX_REMAINING_SHARE * full:
            return None
        earlier = change[: -1 - just]
        if (
            earlier.mean() < MIN_EARLIER_RATIO * full
            or earlier.max() > MAX_EARLIER_RATIO * full
            or change[-1 - just : -1].min() < MIN_FRAME_SHARE * full
        ):
            return None
        places = [_change_centroid(grid, where) for grid, where in came]
        times = np.array([change.time for change in self._history][index - last_grid : index + 1])
        speeds = np.abs(np.diff(places)) / np.diff(times) / self._shape[1]
        speed = float(speeds[-1 - just : -1].mean())
        if speed < MIN_SPEED or speed < MIN_SPEED_RATIO * float(speeds[: -1 - just].mean()):
            return None
        share = min(1.0, last)
        height, width = self._shape
        place = self._history[index].to_frame.apply(places[-1] - complex((width - 1) / 2, (height - 1) / 2))
        time = float(times[-2] + share * (times[-1] - times[-2]))
        return MotionStop(time, speed, place, float(np.sqrt(full)))


def _dilate(cells: CellMask) -> CellMask:
    """The cells and their eight neighbours."""
    tall = cells.copy()
    tall[1:] |= cells[:-1]
    tall[:-1] |= cells[1:]
    wide = tall.copy()
    wide[:, 1:] |= tall[:, :-1]
    wide[:, :-1] |= tall[:, 1:]
    return wide


def _connected_patches(moving: CellMask) -> list[CellMask]:
    """The sets of moving cells that are no farther apart than two others."""
    rows, cols = moving.shape
    stride = cols + 1  # one cell at the end of each row keeps the rows apart
    padded = np.zeros((rows, stride), bool)
    padded[:, :cols] = moving
    field = int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")
    padded[:, :cols] = True
    whole = int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")

    def dilate(cells: int) -> int:
        cells |= cells << stride | cells >> stride
        return (cells | cells << 1 | cells >> 1) & whole

    left, found = dilate(field), []
    while left:
        before, patch = 0, left & -left
        while patch != before:
            before, patch = patch, dilate(patch) & left
        left &= ~patch
        found.append(patch & field)
    size = -(-rows * stride // 8)
    return [
        np.unpackbits(np.frombuffer(patch.to_bytes(size, "little"), np.uint8), bitorder="little")[: rows * stride]
        .reshape(rows, stride)[:, :cols]
        .astype(bool)
        for patch in found
    ]


def _trace_back(grids: Sequence[ChangeGrid], end_cells: CellMask) -> list[tuple[ChangeGrid, CellMask]]:
    """Each grid with the cells where the thing that ends in `end_cells` was then, followed backwards."""
    trail = [(grids[-1], end_cells)]
    for grid in grids[-2::-1]:
        trail.append((grid, end_cells))
        moved = end_cells & (grid > MIN_CELL_CHANGE)
        end_cells = _dilate(_dilate(moved)) if moved.any() else end_cells
    return trail[::-1]


def _change_centroid(grid: ChangeGrid, cells: CellMask) -> complex:
    """The centre of the change in those cells, in pixels from the picture's top left."""
    y, x = np.nonzero(cells)
    weight = grid[cells] + 1e-6
    return (
        complex(x @ weight, y @ weight) / float(weight.sum()) * CELL_PIXELS
        + complex(CELL_PIXELS - 1, CELL_PIXELS - 1) / 2
    )
