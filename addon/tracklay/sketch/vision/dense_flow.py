"""Dense motion: how far each small part of the picture moved between two frames, by Lucas-Kanade on a pyramid of two levels.

The levels are a quarter and an eighth of the frames' size: fast motion is found on the small one and refined on the larger one. The
equations of a pixel are summed over five by five pixels, so that an edge moves with its surroundings. Of the ways compared on
film and on drawn scenes (block matching, exhaustive and hierarchical; OpenCV's DIS as the reference) this one costs the least for
the contacts that it lets `motion_losses` find.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .image_ops import FloatImage, Luma, upper_median

FlowField = npt.NDArray[np.complex64]
"""x + iy of the motion of each pixel of the quarter-size picture, in pixels of the whole frame, from the first frame to the second."""

QUARTER = 4
"""Pixels of the frame for each pixel of the flow, along both axes."""
ITERATIONS = 2
"""Gauss-Newton steps on each level."""
MAX_STEP = 1.0
"""Pixels of the level by which a step may move: farther out the linear model of the picture does not hold."""
MARGIN = 8
"""Pixels of the level beyond the border that a motion may point to; the border's pixels repeat there."""
TEXTURE_FLOOR = 36.0
"""Added to the squared gradients of five by five pixels: where the picture is plain, noise must not look like motion. It is the
squared gradient of noise of one grey level in the pooled pictures."""


@dataclass(slots=True)
class _Level:
    """One size of a frame, with what the equations need of it."""

    picture: FloatImage
    padded: npt.NDArray[np.float32]
    """The picture with `MARGIN` repeated pixels around it, flat."""
    gradient: npt.NDArray[np.float32]
    """By x and by y: (2, height, width)."""
    inverse: npt.NDArray[np.float32]
    """The inverse matrices of the normal equations, (3, height, width): xx, xy and yy."""


class FlowPyramid:
    """A frame of at least 24 by 24 pixels, prepared for `estimate_flow`.

    Attributes:
        half: sums of two by two pixels of the frame, int16.
        quarter: sums of four by four pixels, uint16: at most 4080.
    """

    def __init__(self, luma: Luma) -> None:
        self.half = _pool(luma.astype(np.uint16)).view(np.int16)
        self.quarter = _pool(self.half.view(np.uint16))
        self._levels: tuple[_Level, _Level] | None = None

    @property
    def levels(self) -> tuple[_Level, _Level]:
        """The frame's eighth and its quarter; made when they are first used, as between still frames they are not."""
        if self._levels is None:
            self._levels = _make_level(_pool(self.quarter), 64), _make_level(self.quarter, 16)
        return self._levels


def _pool(picture: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Return the sums of two by two pixels; an odd last row or column is dropped."""
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    rows = picture[0:height:2, :width] + picture[1:height:2, :width]
    pooled: npt.NDArray[np.uint16] = rows[:, 0::2] + rows[:, 1::2]
    return pooled


def _make_level(sums: npt.NDArray[np.uint16], pixels: int) -> _Level:
    """Return the level of a picture that was pooled from `pixels` pixels each."""
    picture: FloatImage = sums.astype(np.float32)
    picture *= np.float32(1 / pixels)
    height, width = picture.shape
    rows = np.arange(-MARGIN, height + MARGIN).clip(0, height - 1)
    columns = np.arange(-MARGIN, width + MARGIN).clip(0, width - 1)
    padded = picture.take(rows, 0).take(columns, 1)
    gradient = np.zeros((2, height, width), np.float32)
    np.subtract(picture[:, 2:], picture[:, :-2], out=gradient[0, :, 1:-1])
    np.subtract(picture[2:], picture[:-2], out=gradient[1, 1:-1])
    gradient *= np.float32(0.5)
    products = np.empty((3, height, width), np.float32)
    np.multiply(gradient[0], gradient, out=products[:2])
    np.multiply(gradient[1], gradient[1], out=products[2])
    matrix = _sum_neighbourhood(products)
    matrix[0] += np.float32(TEXTURE_FLOOR)
    matrix[2] += np.float32(TEXTURE_FLOOR)
    determinant = matrix[0] * matrix[2]
    determinant -= matrix[1] * matrix[1]
    inverse = np.empty_like(matrix)
    np.divide(matrix[2], determinant, out=inverse[0])
    np.divide(matrix[1], determinant, out=inverse[1])
    np.divide(matrix[0], determinant, out=inverse[2])
    return _Level(picture, padded.ravel(), gradient, inverse)


def _sum_neighbourhood(pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the sums over five by five pixels of each of several pictures, weighted 1-2-3-2-1 along both axes, over 9."""
    for _ in range(2):
        vertical = pictures.copy()
        vertical[:, 1:] += pictures[:, :-1]
        vertical[:, :-1] += pictures[:, 1:]
        pictures = vertical.copy()
        pictures[:, :, 1:] += vertical[:, :, :-1]
        pictures[:, :, :-1] += vertical[:, :, 1:]
    pictures *= np.float32(1 / 9)
    return pictures


def grey_difference(first: FlowPyramid, second: FlowPyramid) -> tuple[float, FloatImage]:
    """Return by how much the second frame is brighter as a whole, and the remaining change, (height // 4, width // 4) grey levels."""
    difference = second.half - first.half
    offset = int(upper_median(difference[::3, ::3].astype(np.float32)))
    difference -= np.int16(offset)
    np.abs(difference, out=difference)
    change: FloatImage = _pool(difference.view(np.uint16)).astype(np.float32)
    change *= np.float32(1 / 16)
    return offset / 4, change


def _refine(first: _Level, second: _Level, motion: npt.NDArray[np.float32], offset: float) -> npt.NDArray[np.float32]:
    """Return a motion (2, height, width) in pixels of the level after `ITERATIONS` steps from the one given."""
    expected = first.picture + np.float32(offset) if offset else first.picture
    height, width = first.picture.shape
    stride = width + 2 * MARGIN
    corner = (np.arange(height)[:, None] + MARGIN) * stride + np.arange(width) + MARGIN
    neighbours = np.array([0, 1, stride, stride + 1])[:, None, None]
    for _ in range(ITERATIONS):
        np.maximum(motion, np.float32(1 - MARGIN), out=motion)
        np.minimum(motion, np.float32(MARGIN - 2), out=motion)
        whole = np.floor(motion)
        right, down = motion - whole
        steps = whole.astype(np.intp)
        index = steps[1] * stride
        index += steps[0]
        index += corner
        upper_left, upper_right, lower_left, lower_right = second.padded.take(index + neighbours)
        upper_right -= upper_left
        upper_right *= right
        upper_right += upper_left
        lower_right -= lower_left
        lower_right *= right
        lower_right += lower_left
        lower_right -= upper_right
        lower_right *= down
        upper_right += lower_right
        upper_right -= expected
        x, y = _sum_neighbourhood(first.gradient * upper_right)
        xx, xy, yy = first.inverse
        step = np.stack([xy * y - xx * x, xy * x - yy * y])
        np.maximum(step, np.float32(-MAX_STEP), out=step)
        np.minimum(step, np.float32(MAX_STEP), out=step)
        motion += step
    return motion


def estimate_flow(first: FlowPyramid, second: FlowPyramid, offset: float = 0.0) -> FlowField:
    """Return the motion from the first frame to the second.

    Args:
        first: the earlier frame.
        second: the later one, of the same shape (height, width).
        offset: grey levels by which the second is brighter as a whole.

    Returns:
        (height // 4, width // 4); an accuracy of about a pixel of the frame where it moves, up to about 24 pixels.
    """
    small, large = first.levels
    motion = _refine(small, second.levels[0], np.zeros((2, *small.picture.shape), np.float32), offset)
    height, width = large.picture.shape
    rows, columns = np.arange(height) // 2, np.arange(width) // 2
    doubled = motion.take(rows.clip(0, motion.shape[1] - 1), 1).take(columns.clip(0, motion.shape[2] - 1), 2)
    doubled += doubled
    x, y = _refine(large, second.levels[1], doubled, offset)
    flow: FlowField = np.empty((height, width), np.complex64)
    flow.real, flow.imag = x, y
    flow *= QUARTER
    return flow
