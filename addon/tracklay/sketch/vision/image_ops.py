"""Image kernels on small luma frames, in numpy: smoothing, warping, the median, phase correlation.

OpenCV has all of them; its wheel is 61 MB for each platform, and its results differ between processors. These give the same
bits everywhere, so the same clip has the same events on every machine. `tests/sketch/test_image_ops.py` checks each against scipy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
Luma = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]

STATIC_CAMERA_PIXELS = 0.06
"""Pixels: a smaller move of the picture's corners is the noise of a camera that stands."""
TRANSLATION_ONLY_PIXELS = 0.25
"""Pixels: a picture whose corners turn and zoom no more than this is only shifted."""
WARP_SUBPIXEL_STEPS = 256
"""A pixel in the whole numbers that `warp_image` counts places in."""
SHIFT_SUBPIXEL_STEPS = 16
"""A pixel in the whole numbers of `_translate_image`: twice that many bits and those of a grey level are sixteen."""
PACKED_BYTE_MASK = np.uint32(0x00FF00FF)
"""Two of four packed bytes."""


@dataclass(frozen=True, slots=True)
class SimilarityTransform:
    """Where a world point is in a frame: `turn * z + shift`, z complex in pixels from the picture's centre (y down)."""

    scale_rotation: complex = 1 + 0j
    translation: complex = 0j

    def compose(self, other: SimilarityTransform) -> SimilarityTransform:
        """This view of another's pixels: first `other`, then this."""
        return SimilarityTransform(
            self.scale_rotation * other.scale_rotation, self.scale_rotation * other.translation + self.translation
        )

    def inverse(self) -> SimilarityTransform:
        """The way back: from the frame to the world."""
        return SimilarityTransform(1 / self.scale_rotation, -self.translation / self.scale_rotation)

    def apply(self, point: complex) -> complex:
        """Where the world point `point` is."""
        return self.scale_rotation * point + self.translation

    def max_displacement(self, shape: tuple[int, int]) -> float:
        """The farthest that a corner of the picture moves, in pixels."""
        return abs(self.translation) + abs(self.scale_rotation - 1) * math.hypot(*shape) / 2


def smooth_image(picture: Luma) -> FloatImage:
    """The picture under a 3 by 3 binomial (1 2 1); the outermost pixels stay."""
    width = picture.shape[1]
    # Sums of whole sixteenths: exact in 16 bits, and half the memory of floats.
    source = picture.astype(np.uint16)
    rows = source << 2
    inner = rows[1:-1]
    np.add(source[1:-1], source[1:-1], out=inner)
    inner += source[:-2]
    inner += source[2:]
    flat = rows.ravel()
    both = flat << 2
    inner = both[1:-1]
    np.add(flat[1:-1], flat[1:-1], out=inner)
    inner += flat[:-2]
    inner += flat[2:]
    whole = both.reshape(-1, width)
    np.left_shift(rows[:, :: width - 1], 2, out=whole[:, :: width - 1])
    out: FloatImage = whole.astype(np.float32)
    out *= np.float32(1 / 16)
    return out


def upper_median(values: npt.NDArray[np.floating]) -> float:
    """The median; the upper of the two in the middle where their count is even."""
    flat = values.flatten()
    at = flat.size // 2
    flat.partition(at)
    return float(flat[at])


def warp_image(picture: Luma, transform: SimilarityTransform) -> Luma:
    """The picture resampled so that its pixel `z` shows what it had at `transform.point_indices(z)`; the border is repeated."""
    height, width = picture.shape
    if transform.max_displacement((height, width)) < STATIC_CAMERA_PIXELS:
        return picture
    if abs(transform.scale_rotation - 1) * math.hypot(height, width) / 2 < TRANSLATION_ONLY_PIXELS:
        return _translate_image(picture, transform.translation)
    # In whole 1/256 of a pixel: four neighbours are packed into one number, fetched at once and mixed two at a time.
    x = np.arange(width) - (width - 1) / 2
    y = np.arange(height)[:, None] - (height - 1) / 2
    turned, lifted = transform.scale_rotation * WARP_SUBPIXEL_STEPS, transform.translation * WARP_SUBPIXEL_STEPS
    px = _round_to_int32(turned.real * x + (lifted.real + (width - 1) / 2 * WARP_SUBPIXEL_STEPS)) - _round_to_int32(
        turned.imag * y
    )
    py = _round_to_int32(turned.imag * x) + _round_to_int32(
        turned.real * y + (lifted.imag + (height - 1) / 2 * WARP_SUBPIXEL_STEPS)
    )
    for place, size in ((px, width), (py, height)):
        np.maximum(place, 0, out=place)
        np.minimum(place, (size - 1) * WARP_SUBPIXEL_STEPS - 1, out=place)
    packed = picture.astype(np.uint32).ravel()
    packed[:-1] |= packed[1:] << 8
    packed[:-width] |= packed[width:] << 16
    found = packed.take((py >> 8) * width + (px >> 8))
    right, down = (px & 255).view(np.uint32), (py & 255).view(np.uint32)
    left = found & PACKED_BYTE_MASK
    found >>= 8
    found &= PACKED_BYTE_MASK
    found *= right
    found += left * (WARP_SUBPIXEL_STEPS - right)
    lower = found >> 16
    found &= 0xFFFF
    found *= WARP_SUBPIXEL_STEPS - down
    found += lower * down
    found += 0x8000
    found >>= 16
    moved: Luma = found.astype(np.uint8)
    return moved


def _round_to_int32(values: Matrix) -> npt.NDArray[np.int32]:
    rounded: npt.NDArray[np.int32] = np.rint(values).astype(np.int32)
    return rounded


def _translate_image(picture: Luma, translation: complex) -> Luma:
    """`warp_image` where nothing but a shift is left: whole rows and columns are taken at once, and mixed in sixteenths of a pixel."""
    height, width = picture.shape
    across, along = round(translation.real * SHIFT_SUBPIXEL_STEPS), round(translation.imag * SHIFT_SUBPIXEL_STEPS)
    down, right = along // SHIFT_SUBPIXEL_STEPS, across // SHIFT_SUBPIXEL_STEPS
    rows = picture.take(np.arange(down, down + height + 1).clip(0, height - 1), 0).astype(np.uint16)
    mixed = rows[1:] * np.uint16(along % SHIFT_SUBPIXEL_STEPS)
    rows *= np.uint16(SHIFT_SUBPIXEL_STEPS - along % SHIFT_SUBPIXEL_STEPS)
    mixed += rows[:-1]
    wide = np.empty((height, width + 1), np.uint16)
    at = min(max(right, -width), width - 1)
    left, end = max(0, -at), min(width + 1, width - at)
    wide[:, left:end] = mixed[:, left + at : end + at]
    wide[:, :left], wide[:, end:] = mixed[:, :1], mixed[:, -1:]
    flat = wide.ravel()
    out = flat * np.uint16(SHIFT_SUBPIXEL_STEPS - across % SHIFT_SUBPIXEL_STEPS)
    flat *= np.uint16(across % SHIFT_SUBPIXEL_STEPS)
    out[:-1] += flat[1:]
    out += np.uint16(SHIFT_SUBPIXEL_STEPS * SHIFT_SUBPIXEL_STEPS // 2)
    out >>= 8
    moved: Luma = out.reshape(height, width + 1)[:, :-1].astype(np.uint8)
    return moved


def phase_correlation_shift(first: FloatImage, second: FloatImage) -> complex:
    """The whole-pixel shift of `second` against `first` by phase correlation."""
    height, width = first.shape
    window = np.hanning(height)[:, None] * np.hanning(width)
    cross = np.fft.rfft2((second - second.mean()) * window) * np.conj(np.fft.rfft2((first - first.mean()) * window))
    peak = np.fft.irfft2(cross / (np.abs(cross) + 1e-6), first.shape)
    y, x = np.unravel_index(int(peak.argmax()), peak.shape)
    return complex((x + width // 2) % width - width // 2, (y + height // 2) % height - height // 2)
