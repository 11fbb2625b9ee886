"""Image kernels on small luma frames, in numpy: smoothing, warping, the median, phase correlation.

OpenCV has all of them; its wheel is 61 MB for each platform, and its results differ between processors. These give the same
bits everywhere, so the same clip has the same events on every machine. `tests/sketch/test_image_ops.py` checks each against scipy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
Luma = npt.NDArray[np.uint8]
FineLuma = npt.NDArray[np.int16]
"""Grey levels in steps of `1 / FINE_STEPS`: half the memory of floats, in which the same pictures would be as exact."""
Matrix = npt.NDArray[np.float64]

FINE_STEPS = 16
"""Steps of a grey level in a `FineLuma`: the sum of the weights of `smooth_image`."""
STATIC_CAMERA_PIXELS = 0.06
"""Pixels: when the corners of the picture move less than this, it is noise and the camera stands still."""
TRANSLATION_ONLY_PIXELS = 0.25
"""Pixels: when rotation and zoom move the corners less than this, `warp_image` applies the translation only, which is faster."""
SUBPIXEL_BITS = 4
SUBPIXEL_STEPS = 1 << SUBPIXEL_BITS
"""Positions per pixel in `warp_image`: two weights of 4 bits and a grey level of 8 fit exactly in 16 bits."""


@dataclass(frozen=True, slots=True)
class SimilarityTransform:
    """A shift, rotation and uniform zoom of the plane: `scale_rotation * z + translation`.

    Points are complex numbers in pixels from the picture's centre, y down. The transform of a frame maps world points (the
    pixels of the shot's first frame) to the pixels of that frame.
    """

    scale_rotation: complex = 1 + 0j
    translation: complex = 0j

    def compose(self, other: SimilarityTransform) -> SimilarityTransform:
        """Return the transform that applies `other` first and then this one."""
        return SimilarityTransform(
            self.scale_rotation * other.scale_rotation, self.scale_rotation * other.translation + self.translation
        )

    def inverse(self) -> SimilarityTransform:
        """Return the inverse transform: from the frame to the world."""
        return SimilarityTransform(1 / self.scale_rotation, -self.translation / self.scale_rotation)

    def apply(self, point: complex) -> complex:
        """Return the image of a point."""
        return self.scale_rotation * point + self.translation

    def max_displacement(self, shape: tuple[int, int]) -> float:
        """Return an upper bound, in pixels, of how far any pixel of a picture of this shape (height, width) moves."""
        return abs(self.translation) + abs(self.scale_rotation - 1) * math.hypot(*shape) / 2


def smooth_image(picture: Luma) -> FineLuma:
    """Return the picture smoothed with the binomial kernel 1-2-1 along both axes.

    The first and last rows are smoothed along the row only, the first and last columns along the column only.
    """
    height, width = picture.shape
    source = picture.astype(np.int16)
    # 1-2-1 is 1-1 applied twice: two additions for each axis.
    pairs = source[:-1] + source[1:]
    vertical = np.empty_like(source)
    np.add(pairs[:-1], pairs[1:], out=vertical[1:-1])
    np.left_shift(source[:: height - 1], 2, out=vertical[:: height - 1])  # the border rows keep their value
    # One pass over the flat array instead of one slice per row: it is faster, and only the first and last columns, where
    # a row runs into the next one, come out wrong. They are overwritten below.
    flat = vertical.ravel()
    flat_pairs = flat[:-1] + flat[1:]
    smoothed: FineLuma = np.empty_like(source)
    np.add(flat_pairs[:-1], flat_pairs[1:], out=smoothed.ravel()[1:-1])
    np.left_shift(vertical[:, :: width - 1], 2, out=smoothed[:, :: width - 1])
    return smoothed


def upper_median(values: npt.NDArray[np.number]) -> float:
    """Return the median; of an even number of values the upper of the two in the middle.

    `np.median` averages those two, which costs a second partition and gains nothing here.
    """
    flat = values.flatten()
    middle = flat.size // 2
    flat.partition(middle)
    return float(flat[middle])


def warp_image(picture: Luma, transform: SimilarityTransform) -> Luma:
    """Return the picture resampled: pixel `z` of the result is the picture at `transform.apply(z)`, by bilinear interpolation.

    Positions are rounded to 1/16 pixel (each of their two terms where the picture is rotated); beyond the border its pixels repeat.
    """
    height, width = picture.shape
    if transform.max_displacement((height, width)) < STATIC_CAMERA_PIXELS:
        return picture
    if abs(transform.scale_rotation - 1) * math.hypot(height, width) / 2 < TRANSLATION_ONLY_PIXELS:
        return _translate_image(picture, transform.translation)
    x, y = _centred_positions(height, width)
    rotation, shift = transform.scale_rotation * SUBPIXEL_STEPS, transform.translation * SUBPIXEL_STEPS
    first = shift + complex(width - 1, height - 1) / 2 * SUBPIXEL_STEPS
    # Each coordinate is a sum of a term by column and one by row, rounded apart: a row and a column of numbers are rounded
    # instead of a whole picture.
    by_column = _round_to_int16(np.array([[rotation.real], [rotation.imag]]) * x + np.array([[first.real], [0.0]]))
    by_row = _round_to_int16(np.array([[-rotation.imag], [rotation.real]]) * y + np.array([[0.0], [first.imag]]))
    px, py = by_column[:, None] + by_row[:, :, None]
    # The highest position is one step short of the last pixel, so that a right and a lower neighbour always exist.
    px.clip(0, (width - 1) * SUBPIXEL_STEPS - 1, out=px)
    py.clip(0, (height - 1) * SUBPIXEL_STEPS - 1, out=py)
    # In few bits as long as possible, and never two types in one operation: numpy converts those in small pieces.
    pixel = (py >> SUBPIXEL_BITS).astype(np.int32)
    pixel *= np.int32(width)
    pixel += (px >> SUBPIXEL_BITS).astype(np.int32)
    index = pixel.astype(np.intp)
    px &= SUBPIXEL_STEPS - 1
    py &= SUBPIXEL_STEPS - 1
    right, down = px.view(np.uint16), py.view(np.uint16)
    # A pixel and its right neighbour packed into one number: one fetch instead of two.
    packed = picture.astype(np.uint16).ravel()
    packed[:-1] |= packed[1:] << 8
    mixed, lower = (_mix_packed(rows.take(index, mode="clip"), right) for rows in (packed, packed[width:]))
    lower -= mixed
    lower *= down
    mixed <<= SUBPIXEL_BITS
    mixed += lower
    mixed += SUBPIXEL_STEPS * SUBPIXEL_STEPS // 2  # rounds to the nearest grey level
    mixed >>= 2 * SUBPIXEL_BITS
    warped: Luma = mixed.astype(np.uint8)
    return warped


@lru_cache(maxsize=4)
def _centred_positions(height: int, width: int) -> tuple[Matrix, Matrix]:
    """Return the x of each column and the y of each row, in pixels from the picture's centre."""
    x = np.arange(width, dtype=np.float64) - (width - 1) / 2
    y = np.arange(height, dtype=np.float64) - (height - 1) / 2
    return x, y


def _mix_packed(packed: npt.NDArray[np.uint16], weight: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Return the low bytes mixed with the high bytes, whose weight is in `SUBPIXEL_STEPS`; sums of as many grey levels."""
    low: npt.NDArray[np.uint16] = np.bitwise_and(packed, np.uint16(0xFF))
    packed >>= 8
    packed -= low  # may wrap below zero, and wraps back in the sum
    packed *= weight
    low <<= SUBPIXEL_BITS
    low += packed
    return low


def _round_to_int16(values: Matrix) -> npt.NDArray[np.int16]:
    """Return positions as whole steps; those far beyond any picture are limited so that the sum of two fits in 16 bits."""
    rounded: npt.NDArray[np.int16] = np.rint(values).clip(-16000, 16000).astype(np.int16)
    return rounded


def _translate_image(picture: Luma, translation: complex) -> Luma:
    """Return the picture shifted as `warp_image` does it, in steps of 1/16 pixel, by mixing whole rows and columns."""
    height, width = picture.shape
    steps_x, steps_y = round(translation.real * SUBPIXEL_STEPS), round(translation.imag * SUBPIXEL_STEPS)
    first_row, first_column = steps_y // SUBPIXEL_STEPS, steps_x // SUBPIXEL_STEPS
    rows = picture.take(np.arange(first_row, first_row + height + 1).clip(0, height - 1), 0).astype(np.uint16)
    mixed = rows[1:] * np.uint16(steps_y % SUBPIXEL_STEPS)
    rows *= np.uint16(SUBPIXEL_STEPS - steps_y % SUBPIXEL_STEPS)
    mixed += rows[:-1]
    # One column more than the picture: the last pixel of a row needs a right neighbour.
    columns = np.empty((height, width + 1), np.uint16)
    offset = min(max(first_column, -width), width - 1)
    begin, end = max(0, -offset), min(width + 1, width - offset)
    columns[:, begin:end] = mixed[:, begin + offset : end + offset]
    columns[:, :begin], columns[:, end:] = mixed[:, :1], mixed[:, -1:]
    flat = columns.ravel()
    out = flat * np.uint16(SUBPIXEL_STEPS - steps_x % SUBPIXEL_STEPS)
    flat *= np.uint16(steps_x % SUBPIXEL_STEPS)
    out[:-1] += flat[1:]
    out += np.uint16(SUBPIXEL_STEPS * SUBPIXEL_STEPS // 2)  # rounds to the nearest grey level
    out >>= 8
    shifted: Luma = out.reshape(height, width + 1)[:, :-1].astype(np.uint8)
    return shifted


def phase_correlation_shift(first: FineLuma, second: FineLuma) -> complex:
    """Return by how many whole pixels `second` is shifted against `first` (x right, y down), by phase correlation.

    Reliable up to about a third of the picture's size, where the two still overlap enough.
    """
    height, width = first.shape
    # The window fades the borders, whose jump from one side to the other would correlate at no shift.
    window = np.hanning(height)[:, None] * np.hanning(width)
    cross = np.fft.rfft2((second - second.mean()) * window) * np.conj(np.fft.rfft2((first - first.mean()) * window))
    peak = np.fft.irfft2(cross / (np.abs(cross) + 1e-6), first.shape)
    y, x = np.unravel_index(int(peak.argmax()), peak.shape)
    # The transform is periodic: the upper half of the indices are shifts to the left and up.
    return complex((x + width // 2) % width - width // 2, (y + height // 2) % height - height // 2)
