"""Motion in overlapping windows of the picture, by eight directions: what `motion_losses` and `motion_starts` examine.

A window is three by three cells of 16 pixels, nearly a third of the picture's width, and there is one around each cell. For each
interval between two frames it has the sum of speed over area by direction, the area that changed, and by how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .dense_flow import QUARTER, estimate_flow, grey_differences, pool_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .background import AnalysisFrame, BackgroundModel
    from .dense_flow import FlowField, HalfPictures, QuarterPicture
    from .image_ops import FloatImage, SimilarityTransform

WindowGrid = npt.NDArray[np.float32]
"""(`CHANNELS`, rows, columns): a value for each channel and window."""

CELL = 4
"""Side of a cell in pixels of the flow."""
CELL_PIXELS = CELL * QUARTER
DIRECTIONS = 8
"""To the right, right down, down, …: each an eighth of a turn further."""
DIRECTION_ANGLES = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
LEAVING = DIRECTIONS
"""First channel of the same eight directions for what will be out of the picture on the next frame or the one after."""
SPEED, AREA, CHANGE = 2 * DIRECTIONS, 2 * DIRECTIONS + 1, 2 * DIRECTIONS + 2
"""Channels: speed over area in any direction (widths per second by share of the picture), changed area (share of the picture), and
change (grey levels by share of the picture)."""
CHANNELS = 2 * DIRECTIONS + 3
MIN_CHANGE = 2.0
NOISE_MULTIPLE = 3.0
"""A part of the picture moves when it changed by more than this many grey levels, and noise levels. It counts fully at twice that."""
NOISE_PERCENTILE = 0.4
"""Share of the picture that is taken to be still, where the noise is measured."""
NOISE_WEIGHT, NOISE_GROWTH = 0.15, 1.5
"""Weight of a frame in the noise level, and the most that one frame may exceed it: something that covers the picture is no noise."""
MIN_MOVING_PIXELS = 3
"""Pixels of the flow: less is a speck of noise."""
MAX_CHANGE = 30.0
"""Grey levels: a larger change does not count for more, as contrast says nothing about motion."""
EXIT_INTERVALS, EXIT_MARGIN = 0.75, 1.0
"""What is within the margin (pixels of the flow) of the border after that part of an interval is leaving the picture."""
GLOBAL_CHANGE_SHARE = 0.7
"""When more than this share of the picture changes it is a change of the light or of the whole picture."""

BATCH_INTERVALS, MAX_HELD_INTERVALS = 12, 64
"""Moving intervals that are measured at a time: a dozen of such small pictures cost little more than one; and the most intervals,
moving or not, that wait for it."""


@dataclass(frozen=True, slots=True)
class WindowRow:
    """The windows of one interval."""

    time: float
    """Seconds, of the interval's end."""
    windows: WindowGrid
    speed: float
    """Speed over area of the whole picture: widths per second by share of the picture."""
    is_still: bool
    """Nothing at all changed."""
    is_global: bool
    """The picture changed as a whole: the windows are empty."""
    to_frame: SimilarityTransform
    """From the canvas to the frame at the interval's end."""
    picture: QuarterPicture
    """Of the frame at the interval's end, on the canvas."""
    canvas_id: int
    """Pictures of the same canvas can be compared."""


@dataclass(frozen=True, slots=True)
class _Interval:
    """The time between two frames, until its windows are measured."""

    time: float
    """Seconds, of the interval's end."""
    seconds: float
    is_still: bool
    is_global: bool
    to_frame: SimilarityTransform
    picture: QuarterPicture
    canvas_id: int
    last_picture: QuarterPicture | None = None
    """The picture at the interval's beginning; None where nothing is measured."""
    offset: float = 0.0
    """Grey levels by which the frame at the end is brighter as a whole."""
    change: FloatImage | None = None
    """Remaining change in grey levels."""
    threshold: float = 0.0
    """Least change in grey levels of what moves."""


class MotionWindows:
    """Measures the windows of one shot, on the canvas of its background.

    Whether a frame moved at all is known at once; the windows of `BATCH_INTERVALS` moving intervals are measured at a time. Holds their
    pictures.
    """

    def __init__(self, background: BackgroundModel) -> None:
        self._background = background
        height, width = background.shape
        self._flow_shape = height // QUARTER, width // QUARTER
        self._grid_shape = -(-self._flow_shape[0] // CELL), -(-self._flow_shape[1] // CELL)
        self._last_frame: AnalysisFrame | None = None
        self._last_half: HalfPictures | None = None
        self._last_quarter: QuarterPicture | None = None
        self._last_canvas_id = -1
        self._noise: float | None = None
        self._intervals: list[_Interval] = []
        self._moving_intervals = 0

    def add(self, frames: Sequence[AnalysisFrame]) -> list[bool]:
        """Add the next frames, all on the present canvas; return for each whether nothing at all changed since the one before.

        That is False for the first frame of the shot.
        """
        intervals = self._compare(frames)
        self._intervals += intervals
        self._moving_intervals += sum(interval.change is not None for interval in intervals)
        return [interval.is_still for interval in intervals]

    def take_rows(self, *, all_rows: bool = False) -> list[WindowRow]:
        """Return the windows of the intervals added since the last call that are measured, in order; with `all_rows`, of all."""
        if self._moving_intervals < BATCH_INTERVALS and len(self._intervals) < MAX_HELD_INTERVALS and not all_rows:
            return []
        empty = np.zeros((CHANNELS, *self._grid_shape), np.float32)
        moving = [
            (interval, interval.last_picture, interval.change)
            for interval in self._intervals
            if interval.last_picture is not None and interval.change is not None
        ]
        measured = iter(self._measure(*zip(*moving, strict=True)) if moving else ())
        rows = []
        for interval in self._intervals:
            windows, speed = (empty, 0.0) if interval.change is None else next(measured)
            rows.append(
                WindowRow(
                    interval.time,
                    windows,
                    speed,
                    interval.is_still,
                    interval.is_global,
                    interval.to_frame,
                    interval.picture,
                    interval.canvas_id,
                )
            )
        self._intervals, self._moving_intervals = [], 0
        return rows

    def _compare(self, frames: Sequence[AnalysisFrame]) -> list[_Interval]:
        """Return the interval before each of the next frames, with the change of the picture if anything moved."""
        halves, quarters = pool_frames([self._background.align(frame) for frame in frames])
        last, last_half, last_quarter = self._last_frame, self._last_half, self._last_quarter
        if last is not None and self._last_canvas_id != frames[0].canvas_id:
            last_half, (last_quarter,) = pool_frames([self._background.align(last)])
        self._last_frame, self._last_canvas_id = frames[-1], frames[-1].canvas_id
        self._last_half, self._last_quarter = halves[-1:], quarters[-1]
        to_canvas = self._background.canvas_transform.inverse()
        intervals = []
        if last is None or last_half is None or last_quarter is None:
            first = frames[0]
            intervals.append(
                _Interval(
                    first.time,
                    0.0,
                    is_still=False,
                    is_global=False,
                    to_frame=first.transform.compose(to_canvas),
                    picture=quarters[0],
                    canvas_id=first.canvas_id,
                )
            )
            chain, pictures = list(frames), list(quarters)
        else:
            halves = np.concatenate([last_half, halves])
            chain, pictures = [last, *frames], [last_quarter, *quarters]
        if len(chain) < 2:
            return intervals
        offsets, changes = grey_differences(halves)
        for change, before, after in zip(changes, chain[:-1], chain[1:], strict=True):
            self._background.mask_uncovered(change, (after, before), QUARTER)
        thresholds = [max(MIN_CHANGE, NOISE_MULTIPLE * noise) for noise in self._update_noise(changes)]
        moving = np.count_nonzero(changes > np.array(thresholds, np.float32)[:, None, None], (1, 2)).tolist()
        pixels = changes[0].size
        for k, frame in enumerate(chain[1:]):
            is_measured = MIN_MOVING_PIXELS <= moving[k] <= GLOBAL_CHANGE_SHARE * pixels
            intervals.append(
                _Interval(
                    frame.time,
                    max(1e-3, frame.time - chain[k].time),
                    is_still=not moving[k],
                    is_global=moving[k] > GLOBAL_CHANGE_SHARE * pixels,
                    to_frame=frame.transform.compose(to_canvas),
                    picture=pictures[k + 1],
                    canvas_id=frame.canvas_id,
                    last_picture=pictures[k] if is_measured else None,
                    offset=offsets[k],
                    change=changes[k] if is_measured else None,
                    threshold=thresholds[k],
                )
            )
        return intervals

    def _update_noise(self, changes: npt.NDArray[np.float32]) -> Iterator[float]:
        """Yield the noise level in grey levels after each interval: the change that a still part of the picture does not exceed."""
        flat = changes.reshape(len(changes), -1)
        index = int(NOISE_PERCENTILE * flat.shape[1])
        for level in np.partition(flat, index, 1)[:, index].tolist():
            if self._noise is None:
                self._noise = level
            else:
                limited = min(level, NOISE_GROWTH * self._noise + 0.1)
                self._noise += NOISE_WEIGHT * (limited - self._noise)
            yield self._noise

    def _measure(
        self,
        intervals: Sequence[_Interval],
        last_pictures: Sequence[QuarterPicture],
        changes: Sequence[FloatImage],
    ) -> Iterator[tuple[WindowGrid, float]]:
        """Yield the windows of each of several intervals, and the speed over area of its whole picture."""
        flow = estimate_flow(last_pictures, [each.picture for each in intervals], [each.offset for each in intervals])
        change = np.stack(changes, -1)
        threshold = np.array([each.threshold for each in intervals], np.float32)
        share = change / threshold
        share -= np.float32(1)
        share.clip(0, 1, out=share)
        change -= threshold
        change.clip(0, MAX_CHANGE, out=change)
        cells = self._sum_cells(flow, share, change, np.array([each.seconds for each in intervals]))
        windows = np.ascontiguousarray(_sum_windows(cells).transpose(3, 0, 1, 2))
        yield from zip(windows, cells[SPEED].sum((0, 1)).tolist(), strict=True)

    def _sum_cells(
        self,
        flow: FlowField,
        share: npt.NDArray[np.float32],
        change: npt.NDArray[np.float32],
        seconds: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float32]:
        """Return the channels summed over the cells: (`CHANNELS`, rows, columns, intervals)."""
        height, width = self._flow_shape
        rows, cols = self._grid_shape
        pixels = np.zeros((CHANNELS, rows * CELL, cols * CELL, seconds.size), np.float32)
        inner = pixels[:, :height, :width]
        velocity = flow * (share * (1 / (width * seconds)).astype(np.float32))
        x, y = velocity
        diagonal = np.float32(np.sqrt(0.5))
        for direction, projection in enumerate((x, (x + y) * diagonal, y, (y - x) * diagonal)):
            np.maximum(projection, np.float32(0), out=inner[direction])
            np.subtract(inner[direction], projection, out=inner[direction + DIRECTIONS // 2])
        flow *= np.float32(EXIT_INTERVALS)
        column, row = flow
        column += np.arange(width, dtype=np.float32)[:, None]
        row += np.arange(height, dtype=np.float32)[:, None, None]
        leaving = (column < EXIT_MARGIN) | (column > width - 1 - EXIT_MARGIN)
        leaving |= (row < EXIT_MARGIN) | (row > height - 1 - EXIT_MARGIN)
        np.multiply(inner[:DIRECTIONS], leaving, out=inner[LEAVING : LEAVING + DIRECTIONS])
        velocity *= velocity
        x += y
        np.sqrt(x, out=inner[SPEED])
        inner[AREA] = share
        inner[CHANGE] = change
        lines = pixels[:, 0::CELL] + pixels[:, 1::CELL]
        lines += pixels[:, 2::CELL]
        lines += pixels[:, 3::CELL]
        cells = lines[:, :, 0::CELL] + lines[:, :, 1::CELL]
        cells += lines[:, :, 2::CELL]
        cells += lines[:, :, 3::CELL]
        cells *= np.float32(1 / (height * width))
        return cells


def _sum_windows(cells: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the sums over three by three cells; (channels, rows, columns, intervals), as the cells."""
    vertical = cells.copy()
    vertical[:, 1:] += cells[:, :-1]
    vertical[:, :-1] += cells[:, 1:]
    windows = vertical.copy()
    windows[:, :, 1:] += vertical[:, :, :-1]
    windows[:, :, :-1] += vertical[:, :, 1:]
    return windows


def spread_maximum(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return for each window, on the last two axes, the largest value of it and its eight neighbours."""
    vertical = windows.copy()
    np.maximum(vertical[..., 1:, :], windows[..., :-1, :], out=vertical[..., 1:, :])
    np.maximum(vertical[..., :-1, :], windows[..., 1:, :], out=vertical[..., :-1, :])
    spread = vertical.copy()
    np.maximum(spread[..., 1:], vertical[..., :-1], out=spread[..., 1:])
    np.maximum(spread[..., :-1], vertical[..., 1:], out=spread[..., :-1])
    return spread
