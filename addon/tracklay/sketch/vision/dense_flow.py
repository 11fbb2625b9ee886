"""Dense motion: how far each small part of the picture moved between two frames, by Lucas-Kanade on a pyramid of two levels.

The levels are a quarter and an eighth of the frames' size: fast motion is found on the small one and refined on the larger one. The
equations of a pixel are summed over five by five pixels, so that an edge moves with its surroundings. Of the ways compared on
film and on drawn scenes (block matching, exhaustive and hierarchical; OpenCV's DIS as the reference) this one costs the least for
the contacts that it lets `motion_losses` find.

The pictures are so small that a call to numpy costs more than its arithmetic: `estimate_flow` takes many intervals at a time. They
are the last axis of its arrays, so that every shift along a row or a column is still a copy of one long stretch of memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .image_ops import Luma

FlowField = npt.NDArray[np.float32]
"""(2, height, width, intervals): x and y of the motion of each pixel of the quarter-size picture, in its pixels, from the first frame of
an interval to the second."""
QuarterPicture = npt.NDArray[np.uint16]
"""(height // 4, width // 4): the sums of four by four pixels of a frame, at most 4080."""

QUARTER = 4
"""Pixels of the frame for each pixel of the flow, along both axes."""
ITERATIONS = 2
"""Gauss-Newton steps on each level."""
MAX_STEP = 1.0
"""Pixels of the level by which a step may move: farther out the linear model of the picture does not hold."""
MARGIN = 8
"""Pixels of the level beyond the border that a motion may point to; the border's pixels repeat there."""
TEXTURE_FLOOR = 324.0
"""Added to the squared gradients of five by five pixels: where the picture is plain, noise must not look like motion. It is the
squared gradient of noise of one grey level in the pooled pictures, by the weights of `_sum_neighbourhood`, whose mean is 9."""

_Pictures = npt.NDArray[np.float32]
"""(height, width, intervals), or a number of such."""


HalfPictures = npt.NDArray[np.int16]
"""(frames, height // 2, width // 2): the sums of two by two pixels of each frame."""


def pool_frames(frames: Sequence[Luma]) -> tuple[HalfPictures, npt.NDArray[np.uint16]]:
    """Return the sums of two by two, and of four by four pixels of frames of at least 24 by 24 pixels; (frames, height, width) each."""
    height, width = frames[0].shape[0] // 2 * 2, frames[0].shape[1] // 2 * 2
    # Two pixels are one number of 16 bits: added in place, without a copy of the picture in wider numbers.
    pairs = np.stack([frame[:height, :width] for frame in frames]).view(np.uint16)
    sums = pairs & np.uint16(0xFF)
    pairs >>= np.uint16(8)
    sums += pairs
    half = sums[:, 0::2] + sums[:, 1::2]
    return half.view(np.int16), _pool(half)


def _pool(pictures: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Return the sums of two by two pixels on the last two axes; an odd last row or column is dropped."""
    height, width = pictures.shape[-2] // 2 * 2, pictures.shape[-1] // 2 * 2
    rows = pictures[..., 0:height:2, :width] + pictures[..., 1:height:2, :width]
    pooled: npt.NDArray[np.uint16] = rows[..., 0::2] + rows[..., 1::2]
    return pooled


def grey_differences(halves: HalfPictures) -> tuple[list[float], npt.NDArray[np.float32]]:
    """Compare each frame with the one before.

    Returns:
        By how many grey levels each frame but the first is brighter as a whole, and the remaining changes, (frames - 1, height // 4,
        width // 4) grey levels.
    """
    differences = halves[1:] - halves[:-1]
    sparse = differences[:, ::3, ::3].reshape(len(differences), -1)
    middle = sparse.shape[1] // 2
    offsets = np.partition(sparse, middle, 1)[:, middle]
    differences -= offsets[:, None, None]
    np.abs(differences, out=differences)
    changes = _pool(differences.view(np.uint16)).astype(np.float32)
    changes *= np.float32(1 / 16)
    return (offsets / 4).tolist(), changes


def _sum_neighbourhood(pictures: _Pictures) -> _Pictures:
    """Return the sums over five by five pixels of each of several pictures (number, height, width, intervals), weighted 1-2-3-2-1."""
    for _ in range(2):
        vertical = pictures.copy()
        vertical[:, 1:] += pictures[:, :-1]
        vertical[:, :-1] += pictures[:, 1:]
        pictures = vertical.copy()
        pictures[:, :, 1:] += vertical[:, :, :-1]
        pictures[:, :, :-1] += vertical[:, :, 1:]
    return pictures


class _FirstLevel:
    """One size of the first frames of the intervals, with what the equations need of them."""

    def __init__(self, picture: _Pictures) -> None:
        self.picture = picture
        self.gradient = np.zeros((2, *picture.shape), np.float32)
        np.subtract(picture[:, 2:], picture[:, :-2], out=self.gradient[0, :, 1:-1])
        np.subtract(picture[2:], picture[:-2], out=self.gradient[1, 1:-1])
        self.gradient *= np.float32(0.5)
        products = np.empty((3, *picture.shape), np.float32)
        np.multiply(self.gradient[0], self.gradient, out=products[:2])
        np.multiply(self.gradient[1], self.gradient[1], out=products[2])
        xx, xy, yy = _sum_neighbourhood(products)
        xx += np.float32(TEXTURE_FLOOR)
        yy += np.float32(TEXTURE_FLOOR)
        determinant = xx * yy
        determinant -= xy * xy
        np.divide(np.float32(1), determinant, out=determinant)
        # The inverse matrices of the normal equations: xx, xy and yy.
        yy *= determinant
        xy *= determinant
        xx *= determinant
        self.inverse = yy, xy, xx

    def refine(self, second: _SecondLevel, motion: _Pictures) -> _Pictures:
        """Return a motion (2, height, width, intervals) in pixels of the level after `ITERATIONS` steps from the one given."""
        xx, xy, yy = self.inverse
        work = np.empty_like(motion)
        for _ in range(ITERATIONS):
            motion.clip(1 - MARGIN, MARGIN - 2, out=motion)
            residual = second.sample(motion)
            residual -= self.picture
            x, y = _sum_neighbourhood(np.multiply(self.gradient, residual, out=work))
            step = work
            np.multiply(xy, y, out=step[0])
            step[0] -= np.multiply(xx, x, out=residual)
            np.multiply(xy, x, out=step[1])
            step[1] -= np.multiply(yy, y, out=residual)
            step.clip(-MAX_STEP, MAX_STEP, out=step)
            motion += step
        return motion


class _SecondLevel:
    """One size of the second frames of the intervals, to be sampled at moved pixels."""

    def __init__(self, picture: _Pictures) -> None:
        height, width, self._intervals = picture.shape
        rows = np.arange(-MARGIN, height + MARGIN).clip(0, height - 1)
        columns = np.arange(-MARGIN, width + MARGIN).clip(0, width - 1)
        self._padded = picture.take(rows, 0).take(columns, 1).ravel()
        self._row = (width + 2 * MARGIN) * self._intervals
        self._index = _pixel_indices(height, width, self._intervals)

    def sample(self, motion: _Pictures) -> _Pictures:
        """Return the grey levels of all pixels after a motion, by bilinear interpolation."""
        whole = np.floor(motion)
        right, down = motion - whole
        # Exact: whole numbers below the 2^24 that a float32 holds.
        whole[0] *= np.float32(self._intervals)
        whole[1] *= np.float32(self._row)
        whole[0] += whole[1]
        index = whole[0].astype(np.intp)
        index += self._index
        upper_left, upper_right, lower_left, lower_right = np.empty((4, *index.shape), np.float32)
        self._padded.take(index, out=upper_left, mode="clip")
        self._padded[self._intervals :].take(index, out=upper_right, mode="clip")
        self._padded[self._row :].take(index, out=lower_left, mode="clip")
        self._padded[self._row + self._intervals :].take(index, out=lower_right, mode="clip")
        upper_right -= upper_left
        upper_right *= right
        upper_right += upper_left
        lower_right -= lower_left
        lower_right *= right
        lower_right += lower_left
        lower_right -= upper_right
        lower_right *= down
        sampled: _Pictures = np.add(upper_right, lower_right, out=upper_right)
        return sampled


@lru_cache(maxsize=4)
def _pixel_indices(height: int, width: int, intervals: int) -> npt.NDArray[np.intp]:
    """Return the index of each pixel (height, width, intervals) in the flat padded pictures of `_SecondLevel`."""
    y, x = np.arange(MARGIN, MARGIN + height)[:, None, None], np.arange(MARGIN, MARGIN + width)[:, None]
    indices: npt.NDArray[np.intp] = (y * (width + 2 * MARGIN) + x) * intervals + np.arange(intervals)
    return indices


def estimate_flow(
    firsts: Sequence[QuarterPicture], seconds: Sequence[QuarterPicture], offsets: Sequence[float]
) -> FlowField:
    """Return the motion in each of several intervals.

    Args:
        firsts: the pictures at the intervals' beginnings.
        seconds: those at their ends, all of one shape.
        offsets: grey levels by which the second is brighter as a whole.

    Returns:
        The motion, with an accuracy of about a quarter of a pixel where something moves, up to about six pixels.
    """
    first_small, first_large = _make_pictures(firsts)
    second_small, second_large = _make_pictures(seconds)
    brighter = np.array(offsets, np.float32)
    motion = _FirstLevel(first_small).refine(
        _SecondLevel(second_small - brighter), np.zeros((2, *first_small.shape), np.float32)
    )
    height, width = first_large.shape[:2]
    rows = (np.arange(height) // 2).clip(0, motion.shape[1] - 1)
    columns = (np.arange(width) // 2).clip(0, motion.shape[2] - 1)
    doubled = motion.take(rows, 1).take(columns, 2)
    doubled += doubled
    return _FirstLevel(first_large).refine(_SecondLevel(second_large - brighter), doubled)


def _make_pictures(quarters: Sequence[QuarterPicture]) -> tuple[_Pictures, _Pictures]:
    """Return the eighth and the quarter of frames in grey levels."""
    sums = np.stack(quarters)
    small, large = (np.ascontiguousarray(pictures.transpose(1, 2, 0), np.float32) for pictures in (_pool(sums), sums))
    small *= np.float32(1 / 64)
    large *= np.float32(1 / 16)
    return small, large
