"""Estimates the camera's motion: the transform from the first frame of a shot to each later one, and where a shot ends.

Each frame is aligned to a recent one, the keyframe, by Gauss-Newton on the keyframe's textured points. The parameters are the
shift, zoom and rotation of the picture and the gain and offset of the light. Points are weighted by a robust cost, so that
objects moving in front of the background do not move the camera. Among the explanations of a frame the one with the least
motion wins: the camera stands still, or only shifts, until more is statistically significant. Otherwise the noise of a plain
picture would add up to a drift. Where the step between frames is too large for Gauss-Newton, phase correlation finds a start.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .image_ops import (
    FINE_STEPS,
    STATIC_CAMERA_PIXELS,
    FineLuma,
    Matrix,
    SimilarityTransform,
    phase_correlation_shift,
    upper_median,
)
from .rotation_zoom import RotationZoomEstimate, multiply_symmetric
from .standstill import (
    CHANGED_GREY_LEVELS,
    CUT_MIN_CHANGED_SHARE,
    MEDIAN_SQUARED_NOISE,
    MOTION_SCREENING_SIGNIFICANCE,
    find_still_frames,
    motion_chi_squared,
    normal_equations,
)

PointValues = npt.NDArray[np.float32]
"""One number for each point of a keyframe."""

KEYPOINT_TILE_PIXELS = 4
"""Side of the square tiles of which each gives one point, that of its strongest gradient: the points cover the whole picture."""
BORDER_PIXELS = 3
"""No points this close to the border: their gradient needs neighbours, and most steps would move them out of the picture."""
MAX_ITERATIONS = 6
"""Upper limit of Gauss-Newton iterations; two or three are usual."""
CONVERGED_PIXELS = 0.25
"""A smaller step ends the iteration. Each step reduces the error many times: what remains is far below this."""
CONVERGED_GREY_LEVELS = 0.5
"""The first iteration may be the last only if the light changed by less than this, as light and motion interact."""
MOTION_SIGNIFICANCE = 30.0
"""Threshold for the motion of a camera that stood still, as a chi-squared value of four degrees of freedom. Independent noise
exceeds it 5 times in a million frames; the errors of codec blocks are correlated, so the margin is needed."""
KEYFRAME_SECONDS = 0.12
"""Age at which a keyframe of a moving camera is replaced: few enough replacements that their errors do not add up."""
STATIC_KEYFRAME_SECONDS = 0.5
"""The same while the camera stands still, where nothing but the light changes."""
MIN_BATCH_FRAMES = 3
"""Fewer frames are not worth examining together."""
KEYFRAME_MAX_PIXELS = 4.0
"""A keyframe is also replaced when the picture has moved this far, while most of its points are still visible."""
ALIGNMENT_TOLERANCE_PIXELS = 0.3
"""Misalignment that every point is allowed: a strong edge then differs much without being an outlier."""
LOST_RESIDUAL = 3.0
"""A median squared residual above this many times the allowed variance means that the alignment failed."""
CUT_MAX_CORRELATION = 0.5
"""At a cut the points of the two frames correlate less, and more than `CUT_MIN_CHANGED_SHARE` of them changed. A flash changes all
points but leaves them correlated; a large object lowers the correlation but leaves most points unchanged."""
CUT_MAX_KEPT_SHARE = 0.25
"""In a new shot next to no part of the old picture is left. Where at least this share is, something large has come in front of the
camera."""
PART_POINTS = (4, 6)
"""Rows and columns of points in a part of the picture: enough for a correlation that chance does not give."""
PART_MIN_CONTRAST = 3.0
"""Grey levels of standard deviation: a plainer part correlates with anything, so that only its grey levels count."""
PART_MIN_CORRELATION, PART_MAX_CHANGE, PLAIN_PART_MAX_CHANGE = 0.8, 12.0, 3.0
"""Least correlation of a part that is still there, and its largest mean change in grey levels with and without contrast."""
NOISE_GREY_LEVELS = 1.5
"""Standard deviation of the noise that every point is allowed: grain and compression of a typical proxy after smoothing."""
GAIN_UNIT = 50
"""Grey levels: a step of the gain is counted by its effect on a point this far from the mean, so that all six parameters are of
similar size (pixels, grey levels) and the normal equations are well conditioned."""


@dataclass(frozen=True, slots=True)
class _Alignment:
    """The result of aligning a picture to a keyframe."""

    transform: SimilarityTransform
    """From the keyframe's pixels to the picture's."""
    samples: PointValues
    """The picture's grey level at each point."""
    residual: float
    """Median squared residual over the allowed variance."""
    rotation_zoom: RotationZoomEstimate
    """Evidence for rotation and zoom, also where only a shift was applied."""


@dataclass(frozen=True, slots=True)
class _AlignmentFit:
    """The residuals of one transform, gain and offset at a keyframe's points."""

    samples: PointValues
    """The picture's grey level at each point."""
    inside: PointValues | float
    """1 for each point within the picture, 0 for the others; a single 1 where all are."""
    residuals: PointValues
    """Grey levels by which the picture is brighter than predicted."""
    normalized_squares: PointValues
    """Squared residuals over the allowed variance of the point."""
    median_square: float


class _Keyframe:
    """A frame that others are aligned to: its textured points and their derivatives by each parameter.

    The derivatives are taken from the keyframe once instead of from each frame in each iteration; near the solution the two
    pictures have the same gradients.
    """

    def __init__(self, picture: FineLuma, transform: SimilarityTransform, time: float) -> None:
        self.picture, self.transform, self.time = picture, transform, time
        height, width = picture.shape
        # Central differences, twice the gradient; along x over the flat array, which is wrong only at the border.
        gy, gx = np.zeros_like(picture), np.zeros_like(picture)
        np.subtract(picture[2:], picture[:-2], out=gy[1:-1])
        flat = picture.ravel()
        np.subtract(flat[2:], flat[:-2], out=gx.ravel()[1:-1])
        power, power_y = gx.astype(np.float32), gy.astype(np.float32)
        power *= power
        power_y *= power_y
        power += power_y
        rows, cols = (
            (height - 2 * BORDER_PIXELS) // KEYPOINT_TILE_PIXELS,
            (width - 2 * BORDER_PIXELS) // KEYPOINT_TILE_PIXELS,
        )
        tiles = power[
            BORDER_PIXELS : BORDER_PIXELS + rows * KEYPOINT_TILE_PIXELS,
            BORDER_PIXELS : BORDER_PIXELS + cols * KEYPOINT_TILE_PIXELS,
        ]
        tiles = (
            tiles.reshape(rows, KEYPOINT_TILE_PIXELS, cols, KEYPOINT_TILE_PIXELS)
            .transpose(0, 2, 1, 3)
            .reshape(rows, cols, KEYPOINT_TILE_PIXELS * KEYPOINT_TILE_PIXELS)
        )
        strongest = tiles.argmax(2)
        py = (
            BORDER_PIXELS + np.arange(rows)[:, None] * KEYPOINT_TILE_PIXELS + strongest // KEYPOINT_TILE_PIXELS
        ).ravel()
        px = (
            BORDER_PIXELS + np.arange(cols)[None, :] * KEYPOINT_TILE_PIXELS + strongest % KEYPOINT_TILE_PIXELS
        ).ravel()
        self.grid_shape = rows, cols
        self.point_indices = py * width + px
        self.point_values = _to_grey_levels(picture.ravel().take(self.point_indices))
        dx, dy = (_to_grey_levels(each.ravel().take(self.point_indices)) * np.float32(0.5) for each in (gx, gy))
        # A misaligned edge differs by its gradient times the misalignment.
        self.allowed_variance: PointValues = dx * dx + dy * dy
        self.allowed_variance *= np.float32(ALIGNMENT_TOLERANCE_PIXELS * ALIGNMENT_TOLERANCE_PIXELS)
        self.allowed_variance += np.float32(NOISE_GREY_LEVELS * NOISE_GREY_LEVELS)
        self.half_width = width / 2
        x, y = px - np.float32((width - 1) / 2), py - np.float32((height - 1) / 2)
        one = np.ones_like(self.point_values)
        self.point_coordinates = np.stack([x, y, one])
        # Zoom and rotation are counted in pixels at half the picture's width.
        x, y = x / np.float32(self.half_width), y / np.float32(self.half_width)
        self.mean_value = float(self.point_values.mean())
        # The gain turns about the mean grey level, which makes it nearly independent of the offset.
        self.centered_values = self.point_values - np.float32(self.mean_value)
        # Derivatives of the residual by shift x, shift y, zoom, rotation, gain and offset: (6, points).
        self.jacobian = np.stack([dx, dy, dx * x + dy * y, dy * x - dx * y, self.centered_values / -GAIN_UNIT, -one])

    def align(
        self,
        picture: FineLuma,
        initial: SimilarityTransform,
        *,
        allow_rotation_zoom: bool = True,
        assume_static: bool = False,
    ) -> _Alignment:
        """Return the transform from this keyframe to a picture.

        Args:
            picture: the smoothed picture, of the keyframe's shape.
            initial: the transform to start from.
            allow_rotation_zoom: estimate all four motion parameters; otherwise `initial` is only shifted.
            assume_static: return `initial` unless the motion from it is significant.
        """
        transform, gain, offset, rotation_zoom = initial, 1.0, 0.0, RotationZoomEstimate()
        fit = self._evaluate_fit(picture, transform, gain, offset)
        for iteration in range(MAX_ITERATIONS):
            matrix, gradient = self._normal_equations(fit)
            covariance = np.linalg.inv(matrix)
            step = covariance @ -gradient
            if (
                assume_static
                and iteration == 0
                and not self._has_moved(picture, transform, fit, matrix, gradient, step)
            ):
                break
            # The certainty of rotation and zoom with all other parameters unknown: the inverse of their block of the covariance.
            (a, b), (_, d) = covariance[2:4, 2:4].tolist()
            # Where all points are on one line the block is singular but for rounding.
            determinant = max(a * d - b * b, 1e-9 * a * d)
            information = d / determinant, -b / determinant, a / determinant
            rotation_zoom_step = complex(*step[2:4].tolist())
            rotation_zoom = RotationZoomEstimate.from_measurement(
                (transform.scale_rotation - 1) * self.half_width + rotation_zoom_step,
                information,
                _variance_ratio(fit.median_square),
            )
            if not allow_rotation_zoom:
                # The best step among those that leave rotation and zoom unchanged: the other parameters move along, as far as
                # they are correlated with these two.
                multiplier = multiply_symmetric(information, rotation_zoom_step)
                step -= covariance[:, 2] * multiplier.real + covariance[:, 3] * multiplier.imag
            transform, gain, offset = self._apply_step(transform, gain, offset, step)
            *motion, gain_step, offset_step = map(abs, step.tolist())
            if max(motion) < CONVERGED_PIXELS and (
                iteration > 0 or max(gain_step, offset_step) < CONVERGED_GREY_LEVELS
            ):
                break
            fit = self._evaluate_fit(picture, transform, gain, offset)
        return _Alignment(transform, fit.samples, fit.median_square, rotation_zoom)

    def _evaluate_fit(
        self, picture: FineLuma, transform: SimilarityTransform, gain: float, offset: float
    ) -> _AlignmentFit:
        samples, inside = self._sample_points(picture, transform)
        residuals = samples - np.float32(gain) * self.centered_values
        residuals -= np.float32(self.mean_value + offset)
        squares = residuals * residuals
        squares /= self.allowed_variance
        return _AlignmentFit(samples, inside, residuals, squares, upper_median(squares))

    def _normal_equations(self, fit: _AlignmentFit) -> tuple[Matrix, Matrix]:
        """Return the matrix (6, 6) and the gradient (6) of the weighted least squares; the step is `-inverse(matrix) @ gradient`."""
        squares, median_squares = fit.normalized_squares[None], np.array([fit.median_square], np.float32)
        inside = None if isinstance(fit.inside, float) else fit.inside[None]
        (matrix,), (gradient,) = normal_equations(
            squares, median_squares, fit.residuals[None], self.allowed_variance, self.jacobian, inside
        )
        return matrix, gradient

    def _apply_step(
        self, transform: SimilarityTransform, gain: float, offset: float, step: Matrix
    ) -> tuple[SimilarityTransform, float, float]:
        x, y, zoom, rotation, gain_step, offset_step = step.tolist()
        stepped = SimilarityTransform(
            transform.scale_rotation + complex(zoom, rotation) / self.half_width, transform.translation + complex(x, y)
        )
        return stepped, gain + gain_step / GAIN_UNIT, offset + offset_step

    def _has_moved(
        self,
        picture: FineLuma,
        transform: SimilarityTransform,
        fit: _AlignmentFit,
        matrix: Matrix,
        gradient: Matrix,
        step: Matrix,
    ) -> bool:
        """Return whether a camera that stood still has moved significantly, by a likelihood ratio test of `step`.

        The cost of standing still, with the best light, is compared with the cost after the step. The cheaper test on the
        normal equations alone would miss real motion: the points that show it are outliers of the static fit and have next
        to no weight in the equations.
        """
        variance_ratio = _variance_ratio(fit.median_square)
        if motion_chi_squared(matrix[None], step[None, :4])[0] < MOTION_SCREENING_SIGNIFICANCE * variance_ratio:
            return False
        light_step = np.linalg.solve(matrix[4:, 4:], -gradient[4:]).astype(np.float32)
        static_residuals = fit.residuals + light_step @ self.jacobian[4:]
        moved_fit = self._evaluate_fit(picture, *self._apply_step(transform, 1.0, 0.0, step))
        return (
            _robust_cost(static_residuals * static_residuals / self.allowed_variance, fit.median_square)
            - _robust_cost(moved_fit.normalized_squares, fit.median_square)
            >= MOTION_SIGNIFICANCE * variance_ratio
        )

    def find_still(self, pictures: Sequence[FineLuma]) -> list[bool]:
        """Return for each of several pictures whether the camera certainly has not moved since the keyframe."""
        samples = np.stack([picture.ravel().take(self.point_indices) for picture in pictures])
        return find_still_frames(
            _to_grey_levels(samples), self.point_values, self.allowed_variance, self.jacobian, LOST_RESIDUAL
        )

    def kept_share(self, picture: FineLuma, transform: SimilarityTransform) -> float:
        """Return the share of the keyframe's parts that a picture still shows at their transformed places."""
        rows, cols = (size // points * points for size, points in zip(self.grid_shape, PART_POINTS, strict=True))

        def split(values: PointValues) -> PointValues:
            grid = values.reshape(self.grid_shape)[:rows, :cols]
            parts = grid.reshape(rows // PART_POINTS[0], PART_POINTS[0], cols // PART_POINTS[1], PART_POINTS[1])
            return parts.transpose(0, 2, 1, 3).reshape(-1, PART_POINTS[0] * PART_POINTS[1])

        before, after = split(self.point_values), split(self._sample_points(picture, transform)[0])
        change = np.abs(after - before).mean(1)
        before = before - before.mean(1, keepdims=True)
        after = after - after.mean(1, keepdims=True)
        deviations = np.sqrt((before * before).mean(1)), np.sqrt((after * after).mean(1))
        correlated = (before * after).mean(1) > PART_MIN_CORRELATION * deviations[0] * deviations[1]
        kept = np.where(
            deviations[0] > PART_MIN_CONTRAST, correlated & (change < PART_MAX_CHANGE), change < PLAIN_PART_MAX_CHANGE
        )
        return float(np.count_nonzero(kept) / kept.size)

    def _sample_points(
        self, picture: FineLuma, transform: SimilarityTransform
    ) -> tuple[PointValues, PointValues | float]:
        """Return the picture's grey level at each transformed point, and 1 for each point inside the picture, 0 for the others."""
        height, width = picture.shape
        flat = picture.ravel()
        if transform == SimilarityTransform():
            return _to_grey_levels(flat.take(self.point_indices)), 1.0
        rotation, shift = transform.scale_rotation, transform.translation
        affine = [
            [rotation.real, -rotation.imag, shift.real + (width - 1) / 2],
            [rotation.imag, rotation.real, shift.imag + (height - 1) / 2],
        ]
        positions = np.array(affine, np.float32) @ self.point_coordinates
        inside: PointValues | float = 1.0
        if not self._stays_inside(transform, (height, width)):
            # A thousandth short of the last pixel, so that a right and a lower neighbour always exist.
            clamped = np.maximum(positions, np.float32(0))
            np.minimum(clamped, np.array([[width - 1.001], [height - 1.001]], np.float32), out=clamped)
            inside = (positions == clamped).all(0).astype(np.float32)
            positions = clamped
        whole = np.floor(positions)
        right, down = positions - whole
        x, y = whole
        y *= np.float32(width)  # exact: whole numbers below the 2^24 that a float32 holds
        y += x
        index = y.astype(np.intp)
        neighbours = np.empty((2, 2, index.size), np.int16)
        for column in (0, 1):
            for row in (0, 1):
                flat[row * width + column :].take(index, out=neighbours[column, row], mode="clip")
        pairs = neighbours.astype(np.float32)
        pairs[1] -= pairs[0]
        pairs[1] *= right
        upper, samples = np.add(pairs[0], pairs[1], out=pairs[0])
        samples -= upper
        samples *= down
        samples += upper
        samples *= np.float32(1 / FINE_STEPS)
        return samples, inside

    def _stays_inside(self, transform: SimilarityTransform, shape: tuple[int, int]) -> bool:
        """Return whether a transform leaves all points within the picture: the corners of the field that they cover stay in it."""
        right, down = (shape[1] - 1) / 2, (shape[0] - 1) / 2
        # The corner that moves farthest out in a direction is the one whose coordinates have the signs of the coefficients.
        x, y = right - BORDER_PIXELS, down - BORDER_PIXELS
        a, b = abs(transform.scale_rotation.real), abs(transform.scale_rotation.imag)
        shift = transform.translation
        return a * x + b * y + abs(shift.real) < right - 0.01 and b * x + a * y + abs(shift.imag) < down - 0.01


def _to_grey_levels(values: npt.NDArray[np.int16]) -> PointValues:
    """Return values of a `FineLuma` in grey levels."""
    return values * np.float32(1 / FINE_STEPS)


def _variance_ratio(median_square: float) -> float:
    """Return the variance of the residuals over the allowed one, by their median square; 1 at least."""
    return max(1.0, median_square / MEDIAN_SQUARED_NOISE)


def _robust_cost(normalized_squares: PointValues, median_square: float) -> float:
    """Return the sum of the Geman-McClure cost r^2 / (1 + r^2 / c): quadratic for small residuals, at most c for an outlier.

    The scale c is 8 times the median square, about 3.6 times the variance: residuals beyond two deviations count for little.
    """
    return float(
        (
            normalized_squares / (normalized_squares * np.float32(1 / (8 * max(0.5, median_square))) + np.float32(1))
        ).sum()
    )


class CameraTracker:
    """Estimates the transform of each frame of a stream. Holds one frame, the keyframe."""

    def __init__(self) -> None:
        self._keyframe: _Keyframe | None = None
        # Both relative to the keyframe: the last frame's transform, and the step that led to it.
        self._last_motion = self._last_transform = SimilarityTransform()
        self._rotation_zoom, self._allow_rotation_zoom = RotationZoomEstimate(), False

    def add_all(
        self, pictures: Sequence[FineLuma], times: Sequence[float]
    ) -> Iterator[tuple[SimilarityTransform, bool]]:
        """Add the next frames, and yield what `add` returns for each. Of a camera that stands still they are examined together."""
        index = 0
        while index < len(pictures):
            for _ in range(self._count_still(pictures[index:], times[index:])):
                yield self._keyframe_transform(), False
                index += 1
            if index < len(pictures):
                yield self.add(pictures[index], times[index])
                index += 1

    def _count_still(self, pictures: Sequence[FineLuma], times: Sequence[float]) -> int:
        """Return how many of the next frames certainly show the keyframe at the same place, before it is due to be replaced."""
        keyframe = self._keyframe
        if keyframe is None or not self._last_transform == self._last_motion == SimilarityTransform():
            return 0
        held = bisect_left(times, keyframe.time + STATIC_KEYFRAME_SECONDS)
        if held < MIN_BATCH_FRAMES:
            return 0
        is_still = keyframe.find_still(pictures[:held])
        return is_still.index(False) if False in is_still else held

    def _keyframe_transform(self) -> SimilarityTransform:
        return self._keyframe.transform if self._keyframe is not None else SimilarityTransform()

    def add(self, picture: FineLuma, time: float) -> tuple[SimilarityTransform, bool]:
        """Add the next frame.

        Args:
            picture: the frame smoothed by `smooth_image`, all frames of one shape.
            time: the frame's time in seconds.

        Returns:
            The transform from the shot's first frame to this one, and whether this frame begins a new shot; its transform is
            then the identity.
        """
        keyframe = self._keyframe
        if keyframe is None:
            self._reset(picture, time)
            return SimilarityTransform(), False
        shape = (picture.shape[0], picture.shape[1])
        # A moving camera is expected to go on as before, one that stood still to stand.
        initial = SimilarityTransform(
            self._last_transform.scale_rotation, self._last_transform.translation + self._last_motion.translation
        )
        alignment = keyframe.align(
            picture,
            initial,
            allow_rotation_zoom=self._allow_rotation_zoom,
            assume_static=initial == self._last_transform,
        )
        if alignment.residual > LOST_RESIDUAL:
            jump = SimilarityTransform(1 + 0j, phase_correlation_shift(keyframe.picture, picture))
            retry = keyframe.align(picture, jump, allow_rotation_zoom=self._allow_rotation_zoom)
            if retry.residual < alignment.residual:
                alignment = retry
        if not self._allow_rotation_zoom and not self._rotation_zoom.combine(alignment.rotation_zoom).is_noise():
            self._allow_rotation_zoom = True
            alignment = keyframe.align(picture, alignment.transform)
        transform = alignment.transform
        if _looks_new(keyframe.point_values, alignment.samples):
            kept, transform = max(
                ((keyframe.kept_share(picture, each), each) for each in (transform, self._last_transform)),
                key=lambda pair: pair[0],
            )
            if kept < CUT_MAX_KEPT_SHARE:
                self._reset(picture, time)
                return SimilarityTransform(), True
        # Snap to the last frame or to the keyframe: transforms that are exactly equal need no warp later on.
        if transform.compose(self._last_transform.inverse()).max_displacement(shape) < STATIC_CAMERA_PIXELS:
            transform = self._last_transform
        if transform.max_displacement(shape) < STATIC_CAMERA_PIXELS:
            transform = SimilarityTransform()
        self._last_motion = SimilarityTransform(1 + 0j, transform.translation - self._last_transform.translation)
        self._last_transform = transform
        frame_transform = transform.compose(keyframe.transform)
        max_age = STATIC_KEYFRAME_SECONDS if transform == SimilarityTransform() else KEYFRAME_SECONDS
        if time - keyframe.time >= max_age or transform.max_displacement(shape) > KEYFRAME_MAX_PIXELS:
            self._keyframe = _Keyframe(picture, frame_transform, time)
            self._last_transform = SimilarityTransform()
            # One measurement for each keyframe: those of frames on the same keyframe share its noise.
            self._rotation_zoom = self._rotation_zoom.combine(alignment.rotation_zoom)
            self._allow_rotation_zoom = not self._rotation_zoom.is_noise()
        return frame_transform, False

    def _reset(self, picture: FineLuma, time: float) -> None:
        self._keyframe = _Keyframe(picture, SimilarityTransform(), time)
        self._last_motion = self._last_transform = SimilarityTransform()
        self._rotation_zoom, self._allow_rotation_zoom = RotationZoomEstimate(), False


def _looks_new(before: PointValues, samples: PointValues) -> bool:
    """Return whether a frame's values at a keyframe's points have changed and do not resemble the keyframe's."""
    change = samples - before
    change -= np.float32(upper_median(change))  # the offset of the light
    if np.count_nonzero(np.abs(change) > CHANGED_GREY_LEVELS) < CUT_MIN_CHANGED_SHARE * change.size:
        return False
    # A picture without any contrast correlates with nothing: for example black before a fade-in.
    first, second = before - before.mean(), samples - samples.mean()
    return float(first @ second) <= CUT_MAX_CORRELATION * float(np.sqrt((first @ first) * (second @ second)))
