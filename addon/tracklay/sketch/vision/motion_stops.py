"""Detects abrupt stops of fast motion from frame differences: the picture changed somewhere more and more, then no longer.

That is an impact whose object moves too far from frame to frame to be tracked, or that stood still for so long before that it
is part of the background. Only the amount of change in each cell of a grid is examined; nothing about the object must be
known. The order in time separates a stop from a start, and a soft stop or a turn slows down first.

    earlier frames      just before     last change   after
    change, increasing  largest change  0.25 to 1.8   almost none
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .background import foreground_probability
from .image_ops import STATIC_CAMERA_PIXELS, SimilarityTransform, upper_median

if TYPE_CHECKING:
    from .background import AnalysisFrame, BackgroundModel

ChangeGrid = npt.NDArray[np.float32]
"""Changed pixels in each cell; pixels just above the threshold count partly."""
CellMask = npt.NDArray[np.bool_]

CELL_PIXELS = 8
"""Side of a cell in pixels: coarse enough that a fast object's steps overlap or touch, fine enough to separate two objects."""
MIN_FRAME_SECONDS = 0.03
"""Frames that follow sooner are skipped, so that the change between two frames is of similar size at any frame rate."""
MIN_DIFFERENCE = 8.0
NOISE_MULTIPLE = 4.0
"""A pixel has changed when it differs by more than this many grey levels and standard deviations of the noise."""
GLOBAL_CHANGE_SHARE = 0.35
"""When more than this share of the picture changes, it is a change of the whole picture (cut, flash) and not an object."""
MIN_CELL_CHANGE = 1.0
"""Changed pixels from which a cell contains motion."""
MIN_PATCH_CHANGE = 65.0
"""Changed pixels per frame that a moving object makes at least; smaller changes are too easily noise."""
JUST_BEFORE_SECONDS, EARLIER_SECONDS, AFTER_SECONDS = 0.045, 0.11, 0.06
"""Lengths of the periods that are compared: just before the last frame that changed, before that, and after it."""
MAX_REMAINING_SHARE = 0.25
"""Largest change after a stop, as a share of the change just before: a rebound or a shake may remain."""
MAX_EARLIER_RATIO = 1.05
"""Largest earlier change, relative to the change just before: with more, the object was slowing down, a soft stop."""
MIN_EARLIER_RATIO = 0.1
"""Least earlier change, relative to the change just before: with less, something lit up or appeared at once."""
MIN_FRAME_SHARE = 0.5
"""Least change of each frame just before, relative to the largest: with less, the picture blinked."""
LAST_CHANGE_RANGE = (0.25, 1.8)
"""Range of the last change relative to the one before it. The object stops within that interval, so the last one is usually
smaller; below the range, the stop was an interval earlier."""
MIN_SPEED = 0.5
"""Widths per second at which an object must arrive; slower ones are tracked."""
HISTORY_SECONDS = 0.35
"""Time for which the grids are held: the three periods and a margin."""
MIN_SPEED_RATIO = 0.9
"""Least speed just before, relative to the earlier speed: with less, the object was slowing down."""


@dataclass(frozen=True, slots=True)
class MotionStop:
    """One abrupt stop."""

    time: float
    """Seconds, interpolated between frames."""
    speed: float
    """Speed before the stop in widths per second."""
    position: complex
    """Pixels from the frame's centre, y down."""
    size: float
    """Side in pixels of a square of as many pixels as changed per frame."""


@dataclass(frozen=True, slots=True)
class _FrameChange:
    """The change from the previous frame to this one."""

    time: float
    grid: ChangeGrid | None
    """On the canvas; None where the whole picture changed."""
    to_frame: SimilarityTransform
    """From the canvas to this frame."""


class StopDetector:
    """Detects the stops of one shot, on the canvas of its background. Holds a third of a second of grids."""

    def __init__(self, background: BackgroundModel) -> None:
        self._background, self._shape = background, background.shape
        self._last_frame: AnalysisFrame | None = None
        self._history: deque[_FrameChange] = deque()
        self._next_index = 0  # of the first change in `_history` that is not examined yet
        self._noise = 1.5

    def add(self, frame: AnalysisFrame) -> list[MotionStop]:
        """Add the next frame; return the stops that the frames so far confirm."""
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
        """Return the number of frames in a period, at the rate of the frames held; 1 at least."""
        if len(self._history) < 2:
            return 1
        interval = (self._history[-1].time - self._history[0].time) / (len(self._history) - 1)
        return max(1, round(seconds / interval))

    def _change_grid(self, frame: AnalysisFrame) -> ChangeGrid | None:
        """Return the change from the last frame added, without the camera's motion and changes of the light."""
        height, width = self._shape
        rows, cols = -(-height // CELL_PIXELS), -(-width // CELL_PIXELS)
        if self._last_frame is None:
            return np.zeros((rows, cols), np.float32)
        last_picture = self._background.align_smoothed(self._last_frame)
        difference = self._background.align_smoothed(frame) - last_picture
        difference -= np.float32(upper_median(difference[1::4, 1::4]))  # the offset of the light
        np.abs(difference, out=difference)
        # As in `BackgroundModel.estimate_foreground`: a standard deviation from the median, smoothed over about ten frames.
        self._noise += 0.1 * (min(6.0, 1.4826 * upper_median(difference[1::4, 1::4])) - self._noise)
        threshold = max(MIN_DIFFERENCE, NOISE_MULTIPLE * self._noise)
        camera_motion = self._last_frame.transform.compose(frame.transform.inverse())
        if camera_motion.max_displacement(self._shape) > STATIC_CAMERA_PIXELS:
            # Edges and uncovered borders differ although nothing moves.
            probability = foreground_probability(difference, threshold, last_picture)
            self._background.mask_uncovered(probability, (frame, self._last_frame))
            indices = np.flatnonzero(probability > 0)
            amount = probability.ravel().take(indices)
        else:
            indices = np.flatnonzero(difference > threshold)
            amount = np.minimum(difference.ravel().take(indices) / np.float32(threshold) - 1, 1)
        if indices.size > GLOBAL_CHANGE_SHARE * height * width:
            return None
        y, x = np.divmod(indices, width)
        y //= CELL_PIXELS
        y *= cols
        x //= CELL_PIXELS
        y += x  # the index of the cell
        grid: ChangeGrid = np.bincount(y, amount, rows * cols).astype(np.float32).reshape(rows, cols)
        return grid

    def _find_stops(self, index: int) -> list[MotionStop]:
        """Return the stops whose last change is that of `_history[index]`."""
        first = index - max(3, self._frame_count(EARLIER_SECONDS))
        end = index + 1 + max(2, self._frame_count(AFTER_SECONDS))
        if first < 0:
            return []
        grids = [grid for j in range(first, end) if (grid := self._history[j].grid) is not None]
        if len(grids) < end - first:  # the whole picture changed on one of them
            return []
        last_grid = index - first
        moving = np.maximum(grids[last_grid], grids[last_grid - 1]) > MIN_CELL_CHANGE
        # The quick test that most frames fail.
        if max(grids[last_grid].sum(), grids[last_grid - 1].sum()) < MIN_PATCH_CHANGE or not moving.any():
            return []
        return [
            stop
            for patch in _connected_patches(moving)
            if (stop := self._stop_in_patch(index, grids, last_grid, patch)) is not None
        ]

    def _stop_in_patch(
        self, index: int, grids: Sequence[ChangeGrid], last_grid: int, cells: CellMask
    ) -> MotionStop | None:
        """Return the stop of the object that moved in these cells, if it is one.

        Args:
            index: index in `_history` of the last change.
            grids: the grids from the earlier period to the end of the period after.
            last_grid: index of the last change among `grids`.
            cells: a connected patch of cells with motion.
        """
        nearby = _dilate(cells)
        last_ratio = float(grids[last_grid][nearby].sum() / max(grids[last_grid - 1][nearby].sum(), 1e-6))
        if not LAST_CHANGE_RANGE[0] < last_ratio < LAST_CHANGE_RANGE[1]:
            return None
        # After: one more cell around, where a rebound or an overshoot would be.
        surroundings = _dilate(nearby)
        just_before = self._frame_count(JUST_BEFORE_SECONDS)
        after = [float(grid[surroundings].sum()) for grid in grids[last_grid + 1 :]]
        remaining = max(after[0], sum(after) / len(after))
        # Against the whole picture first, which is cheaper than to trace the object back and never rejects more.
        if remaining > MAX_REMAINING_SHARE * max(grid.sum() for grid in grids[last_grid - just_before : last_grid + 1]):
            return None
        trail = _trace_back(grids[: last_grid + 1], nearby)
        change = np.array([grid[where].sum() for grid, where in trail])
        full_change = float(change[-1 - just_before :].max())
        if full_change < MIN_PATCH_CHANGE or remaining > MAX_REMAINING_SHARE * full_change:
            return None
        earlier = change[: -1 - just_before]
        if (
            earlier.mean() < MIN_EARLIER_RATIO * full_change
            or earlier.max() > MAX_EARLIER_RATIO * full_change
            or change[-1 - just_before : -1].min() < MIN_FRAME_SHARE * full_change
        ):
            return None
        centroids = [_change_centroid(grid, where) for grid, where in trail]
        times = np.array([change.time for change in self._history][index - last_grid : index + 1])
        speeds = np.abs(np.diff(centroids)) / np.diff(times) / self._shape[1]
        # Without the last interval, in which the object stopped.
        speed = float(speeds[-1 - just_before : -1].mean())
        if speed < MIN_SPEED or speed < MIN_SPEED_RATIO * float(speeds[: -1 - just_before].mean()):
            return None
        # The object moved for as much of the last interval as the change in it is smaller than the one before.
        moving_share = min(1.0, last_ratio)
        height, width = self._shape
        position = self._history[index].to_frame.apply(centroids[-1] - complex((width - 1) / 2, (height - 1) / 2))
        time = float(times[-2] + moving_share * (times[-1] - times[-2]))
        return MotionStop(time, speed, position, float(np.sqrt(full_change)))


def _dilate(cells: CellMask) -> CellMask:
    """Return the cells and their eight neighbours."""
    vertical = cells.copy()
    vertical[1:] |= cells[:-1]
    vertical[:-1] |= cells[1:]
    dilated = vertical.copy()
    dilated[:, 1:] |= vertical[:, :-1]
    dilated[:, :-1] |= vertical[:, 1:]
    return dilated


def _connected_patches(moving: CellMask) -> list[CellMask]:
    """Return the groups of moving cells; cells with at most two free cells between them are in one group.

    The grid is one large integer, a bit for each cell: dilating a patch is then four shifts, and the few hundred cells need
    no loop in Python.
    """
    rows, cols = moving.shape
    stride = cols + 1  # a free cell at the end of each row keeps the rows apart
    padded = np.zeros((rows, stride), bool)
    padded[:, :cols] = moving
    moving_bits = int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")
    padded[:, :cols] = True
    grid_bits = int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")

    def dilate(cells: int) -> int:
        cells |= cells << stride | cells >> stride
        return (cells | cells << 1 | cells >> 1) & grid_bits

    # Dilated cells touch if there are at most two free cells between them. Each patch grows from its lowest bit until it stops.
    remaining, patches = dilate(moving_bits), []
    while remaining:
        previous, patch = 0, remaining & -remaining
        while patch != previous:
            previous, patch = patch, dilate(patch) & remaining
        remaining &= ~patch
        patches.append(patch & moving_bits)
    size = -(-rows * stride // 8)
    return [
        np.unpackbits(np.frombuffer(patch.to_bytes(size, "little"), np.uint8), bitorder="little")[: rows * stride]
        .reshape(rows, stride)[:, :cols]
        .astype(bool)
        for patch in patches
    ]


def _trace_back(grids: Sequence[ChangeGrid], end_cells: CellMask) -> list[tuple[ChangeGrid, CellMask]]:
    """Return each grid with the cells where the object was that ends in `end_cells`, in order of time.

    Backwards from the last grid: on the frame before, the object was within two cells of those where it made a change.
    """
    trail = [(grids[-1], end_cells)]
    cells = end_cells
    for grid in grids[-2::-1]:
        trail.append((grid, cells))
        moved = cells & (grid > MIN_CELL_CHANGE)
        cells = _dilate(_dilate(moved)) if moved.any() else cells
    return trail[::-1]


def _change_centroid(grid: ChangeGrid, cells: CellMask) -> complex:
    """Return the centroid of the change in some cells, in pixels from the picture's top left pixel."""
    y, x = np.nonzero(cells)
    weight = grid[cells] + 1e-6  # a frame without any change has the centroid of the cells
    return (
        complex(x @ weight, y @ weight) / float(weight.sum()) * CELL_PIXELS
        + complex(CELL_PIXELS - 1, CELL_PIXELS - 1) / 2
    )
