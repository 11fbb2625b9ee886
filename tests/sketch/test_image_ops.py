"""Image kernels against scipy's: smoothing, warping, the median, phase correlation, and the algebra of transforms."""

from __future__ import annotations

import cmath

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from tracklay.sketch.vision.image_ops import (
    FINE_STEPS,
    STATIC_CAMERA_PIXELS,
    SUBPIXEL_STEPS,
    SimilarityTransform,
    phase_correlation_shift,
    smooth_image,
    upper_median,
    warp_image,
)

SHAPE = (90, 160)
BINOMIAL = np.outer([1, 2, 1], [1, 2, 1]) / 16

seeds = st.integers(0, 2**32 - 1)
coordinates = st.floats(-60, 60)
points = st.builds(complex, coordinates, coordinates)
transforms = st.builds(
    lambda zoom, angle, translation: SimilarityTransform(cmath.rect(zoom, angle), translation),
    st.floats(0.5, 2),
    st.floats(-3, 3),
    points,
)


def noise_picture(seed: int, shape: tuple[int, int] = SHAPE) -> npt.NDArray[np.uint8]:
    """Return independent grey levels: the hardest picture to interpolate."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def warp_with_scipy(picture: npt.NDArray[np.uint8], transform: SimilarityTransform) -> npt.NDArray[np.float64]:
    """Return what `warp_image` approximates, with exact positions and without rounding to grey levels."""
    height, width = picture.shape
    y, x = np.mgrid[:height, :width].astype(float)
    centre = complex((width - 1) / 2, (height - 1) / 2)
    source = transform.scale_rotation * (x + 1j * y - centre) + transform.translation + centre
    warped: npt.NDArray[np.float64] = ndimage.map_coordinates(
        picture.astype(float), [source.imag, source.real], order=1, mode="nearest"
    )
    return warped


@given(seeds, st.integers(3, 40), st.integers(3, 40))
@settings(max_examples=30, deadline=None)
def test_smoothing_is_the_binomial_convolution(seed: int, height: int, width: int) -> None:
    """Inside the border every pixel is exactly scipy's; border rows and columns are smoothed along themselves, corners stay."""
    picture = noise_picture(seed, (height, width))
    smoothed, source = smooth_image(picture) / FINE_STEPS, picture.astype(np.float32)
    assert np.array_equal(smoothed[1:-1, 1:-1], ndimage.convolve(source, BINOMIAL)[1:-1, 1:-1])
    along_rows = ndimage.convolve1d(source, [0.25, 0.5, 0.25], axis=1)
    along_columns = ndimage.convolve1d(source, [0.25, 0.5, 0.25], axis=0)
    for row in (0, -1):
        assert np.array_equal(smoothed[row, 1:-1], along_rows[row, 1:-1])
    for column in (0, -1):
        assert np.array_equal(smoothed[1:-1, column], along_columns[1:-1, column])
    assert np.array_equal(smoothed[:: height - 1, :: width - 1], source[:: height - 1, :: width - 1])


@given(seeds, st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_the_median_is_the_upper_of_the_middle_two(seed: int, count: int) -> None:
    """An odd number of values gives numpy's median, an even number the upper of the two in the middle; the input stays."""
    values = np.random.default_rng(seed).normal(size=count).astype(np.float32)
    before = values.copy()
    assert upper_median(values) == np.sort(values)[count // 2]
    assert np.array_equal(values, before)
    if count % 2:
        assert upper_median(values) == np.median(values)


@given(seeds, st.floats(0.85, 1.2), st.floats(-0.3, 0.3), points)
@settings(max_examples=50, deadline=None)
def test_a_warp_is_bilinear_interpolation(seed: int, zoom: float, angle: float, translation: complex) -> None:
    """Rotation, zoom and shift of noise match scipy within the fixed-point precision, beyond the border too."""
    transform = SimilarityTransform(cmath.rect(zoom, angle), translation)
    if abs(transform.scale_rotation - 1) < 0.01:  # corners move about a pixel; less is treated as a translation
        transform = SimilarityTransform(transform.scale_rotation + 0.02, translation)
    picture = noise_picture(seed)
    # A position is off by at most 1/16 pixel along each axis (two roundings by half a step, or the clamp at the border),
    # neighbours differ by at most 255, and the result is rounded to a grey level.
    tolerance = 0.5 + 2 * 255 / SUBPIXEL_STEPS + 1e-6
    difference = np.abs(warp_image(picture, transform) - warp_with_scipy(picture, transform))
    assert difference.max() <= tolerance
    assert difference.mean() < 6  # neighbours of noise differ by 85 on average


@given(seeds, st.integers(-3000, 3000), st.integers(-3000, 3000))
@settings(max_examples=50, deadline=None)
def test_a_translation_is_bilinear_interpolation(seed: int, steps_x: int, steps_y: int) -> None:
    """A shift by whole sixteenths of a pixel matches scipy up to the rounding of grey levels, out of the picture too."""
    translation = complex(steps_x, steps_y) / SUBPIXEL_STEPS
    picture = noise_picture(seed)
    transform = SimilarityTransform(1 + 0j, translation)
    assert np.abs(warp_image(picture, transform) - warp_with_scipy(picture, transform)).max() <= 0.5


@given(seeds, points)
@settings(max_examples=30, deadline=None)
def test_a_translation_is_rounded_to_a_sixteenth(seed: int, translation: complex) -> None:
    """Any other shift gives exactly the picture of the nearest sixteenth of a pixel."""
    rounded = complex(
        round(translation.real * SUBPIXEL_STEPS) / SUBPIXEL_STEPS,
        round(translation.imag * SUBPIXEL_STEPS) / SUBPIXEL_STEPS,
    )
    if min(abs(translation), abs(rounded)) < STATIC_CAMERA_PIXELS:  # not resampled at all
        return
    picture = noise_picture(seed)
    assert np.array_equal(
        warp_image(picture, SimilarityTransform(1 + 0j, translation)),
        warp_image(picture, SimilarityTransform(1 + 0j, rounded)),
    )


def test_a_camera_that_stands_costs_no_warp() -> None:
    """A move below the noise of a static camera returns the picture itself, not a copy."""
    picture = noise_picture(0)
    assert warp_image(picture, SimilarityTransform(1 + 0j, 0.9 * STATIC_CAMERA_PIXELS + 0j)) is picture
    assert warp_image(picture, SimilarityTransform(1 + 0j, 1.1 * STATIC_CAMERA_PIXELS + 0j)) is not picture


@given(seeds, st.integers(-50, 50), st.integers(-28, 28), st.floats(0.7, 1))
@settings(max_examples=30, deadline=None)
def test_phase_correlation_finds_a_large_shift(seed: int, right: int, down: int, gain: float) -> None:
    """A shift of up to a third of the picture is found exactly, with other grain and less light on the second picture."""
    height, width = SHAPE
    scene = noise_picture(seed, (height + 60, width + 100))
    first = scene[30 : 30 + height, 50 : 50 + width]
    second = scene[30 - down : 30 - down + height, 50 - right : 50 - right + width]
    grain = np.random.default_rng(seed + 1).normal(0, 1.5, SHAPE)
    darker = np.clip(second * gain + grain, 0, 255).astype(np.uint8)
    assert phase_correlation_shift(smooth_image(first), smooth_image(darker)) == complex(right, down)


@given(transforms, transforms, points)
def test_compose_applies_the_argument_first(
    first: SimilarityTransform, second: SimilarityTransform, z: complex
) -> None:
    """Applying a composition equals applying its parts, the argument before the receiver."""
    assert second.compose(first).apply(z) == pytest.approx(second.apply(first.apply(z)), abs=1e-9)


@given(transforms, transforms, transforms, points)
def test_composition_is_associative(
    a: SimilarityTransform, b: SimilarityTransform, c: SimilarityTransform, z: complex
) -> None:
    """Three transforms compose to the same, however they are grouped."""
    assert a.compose(b).compose(c).apply(z) == pytest.approx(a.compose(b.compose(c)).apply(z), abs=1e-9)


@given(transforms, points)
def test_the_inverse_undoes_a_transform(transform: SimilarityTransform, z: complex) -> None:
    """Both compositions with the inverse are the identity, and the identity is neutral."""
    identity = SimilarityTransform()
    assert transform.inverse().apply(transform.apply(z)) == pytest.approx(z, abs=1e-9)
    for both in (transform.compose(transform.inverse()), transform.inverse().compose(transform)):
        assert both.apply(z) == pytest.approx(z, abs=1e-9)
    assert transform.compose(identity) == identity.compose(transform) == transform


@given(transforms)
def test_the_displacement_bounds_every_corner(transform: SimilarityTransform) -> None:
    """No corner moves farther than the bound; a pure translation moves exactly that far."""
    height, width = SHAPE
    corners = [complex(x * width, y * height) / 2 for x in (-1, 1) for y in (-1, 1)]
    bound = transform.max_displacement(SHAPE)
    assert max(abs(transform.apply(corner) - corner) for corner in corners) <= bound + 1e-9
    shift = SimilarityTransform(1 + 0j, transform.translation)
    assert shift.max_displacement(SHAPE) == abs(transform.translation)
