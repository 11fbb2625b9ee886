"""Takes the camera out: how each luma frame lies to the first one, and where one shot ends.

A frame is laid on a recent one (the anchor) by Gauss-Newton on its textured points, for shift, zoom and turn together with the
light's gain and lift, each point weighed down as it disagrees, so that what moves in the picture does not move the camera. The
least motion that explains what is seen is taken: a camera stands, or is shifted only, until it surely does more. Phase correlation
finds the way where the step is too large for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .image_ops import (
    STATIC_CAMERA_PIXELS,
    FloatImage,
    Matrix,
    SimilarityTransform,
    phase_correlation_shift,
    upper_median,
)

PointValues = npt.NDArray[np.float32]

KEYPOINT_TILE_PIXELS = 4
"""Pixels: the strongest gradient of each square tile is one point."""
BORDER_PIXELS = 3
"""Pixels at the border that carry no point."""
MAX_ITERATIONS = 6
"""Gauss-Newton rounds at most; two or three do."""
CONVERGED_PIXELS = 0.25
"""Pixels: a smaller correction is the last; what it leaves is far less."""
CONVERGED_GREY_LEVELS = 0.5
"""Grey levels: where the light changed no more than this the first round may be the last."""
MOTION_SIGNIFICANCE = 30.0
"""How unlikely a camera's move must be to come of noise alone, as its square over the variance: less, and it stands. Were points
independent, four such numbers would stay below it but for once in a hundred thousand; those of a block of the codec are not."""
MOTION_SCREENING_SIGNIFICANCE = 8.0
"""The same: less, and it isn't even tried whether it has."""
ROTATION_ZOOM_SIGNIFICANCE = 15.0
"""The same of its zoom and turn: less, and it is only shifted. What is missed of a slow one adds up until it is found."""
ESTIMATE_DECAY = 0.8
"""Share of what was known of the camera's turn that still counts when the next anchor is set."""
KEYFRAME_SECONDS = 0.12
STATIC_KEYFRAME_SECONDS = 0.5
KEYFRAME_MAX_PIXELS = 4.0
"""A new anchor is set after that time, or a longer one while the camera stands, and past this move in pixels."""
ALIGNMENT_TOLERANCE_PIXELS = 0.3
"""Pixels of misplacement that a point is allowed before its gradient counts against it."""
LOST_RESIDUAL = 3.0
"""Points that miss by more than this many times the usual say that the way was not found."""
CUT_MAX_CORRELATION = 0.5
CUT_MIN_CHANGED_SHARE = 0.25
"""A cut: the points correlate less than that and more than this share of them changed."""
NOISE_GREY_LEVELS = 1.5
"""Grey levels of noise that a point is allowed."""
MEDIAN_SQUARED_NOISE = 0.455
"""The median of the square of noise, beside its variance."""


@dataclass(frozen=True, slots=True)
class _RotationZoomEstimate:
    """What points tell of how a camera zooms (the real part) and turns (the other), in pixels at half the picture's width.

    `information_matrix` is the inverse variance, a symmetrical matrix of 2 by 2 (zoom, both, turn), and `information_vector` is that times what they most likely are.
    """

    information_vector: complex = 0j
    information_matrix: tuple[float, float, float] = (1.0, 0.0, 1.0)

    @classmethod
    def from_measurement(
        cls, value: complex, information_matrix: tuple[float, float, float], variance_ratio: float
    ) -> _RotationZoomEstimate:
        """What one picture tells, the variance being so many times what was allowed."""
        a, b, d = information_matrix
        return cls(
            _multiply_symmetric(information_matrix, value) / variance_ratio,
            (a / variance_ratio, b / variance_ratio, d / variance_ratio),
        )

    def is_noise(self) -> bool:
        """Whether it may all come of noise."""
        (a, b, d), x, y = self.information_matrix, self.information_vector.real, self.information_vector.imag
        return d * x * x - 2 * b * x * y + a * y * y < ROTATION_ZOOM_SIGNIFICANCE * (a * d - b * b)

    def combine(self, newer: _RotationZoomEstimate) -> _RotationZoomEstimate:
        """With what was found later, what was known before having faded."""
        (a, b, d), (a2, b2, d2) = self.information_matrix, newer.information_matrix
        return _RotationZoomEstimate(
            ESTIMATE_DECAY * self.information_vector + newer.information_vector,
            (ESTIMATE_DECAY * a + a2, ESTIMATE_DECAY * b + b2, ESTIMATE_DECAY * d + d2),
        )


def _multiply_symmetric(matrix: tuple[float, float, float], vector: complex) -> complex:
    a, b, d = matrix
    return complex(a * vector.real + b * vector.imag, b * vector.real + d * vector.imag)


@dataclass(frozen=True, slots=True)
class _Alignment:
    """A picture as it lies on an anchor: its view, value at each point, how far off points usually are, what they tell of its turn."""

    transform: SimilarityTransform
    samples: PointValues
    residual: float
    rotation_zoom: _RotationZoomEstimate


@dataclass(frozen=True, slots=True)
class _AlignmentFit:
    """What a view and a light leave at an anchor's points.

    The picture's value at each, whether it is within the picture, by how much that is too bright, the square of this over what is
    allowed, and the median of the squares.
    """

    samples: PointValues
    inside: PointValues | float
    residuals: PointValues
    normalized_squares: PointValues
    median_square: float


class _Keyframe:
    """A frame that others are laid on: its textured points and how each answers to shift, zoom, turn, gain and lift."""

    def __init__(self, picture: FloatImage, transform: SimilarityTransform, time: float) -> None:
        self.picture, self.transform, self.time = picture, transform, time
        height, width = picture.shape
        gy, gx = np.zeros_like(picture), np.zeros_like(picture)
        np.subtract(picture[2:], picture[:-2], out=gy[1:-1])
        flat = picture.ravel()
        np.subtract(flat[2:], flat[:-2], out=gx.ravel()[1:-1])  # wrong at the border, where no point is
        power = gx * gx
        power += gy * gy
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
        best = tiles.argmax(2)
        py = (BORDER_PIXELS + np.arange(rows)[:, None] * KEYPOINT_TILE_PIXELS + best // KEYPOINT_TILE_PIXELS).ravel()
        px = (BORDER_PIXELS + np.arange(cols)[None, :] * KEYPOINT_TILE_PIXELS + best % KEYPOINT_TILE_PIXELS).ravel()
        self.point_indices = py * width + px
        self.point_values = picture.ravel().take(self.point_indices)
        dx, dy = gx[py, px] / 2, gy[py, px] / 2
        self.allowed_variance = (
            NOISE_GREY_LEVELS * NOISE_GREY_LEVELS
            + ALIGNMENT_TOLERANCE_PIXELS * ALIGNMENT_TOLERANCE_PIXELS * (dx * dx + dy * dy)
        )
        self.half_width = unit = width / 2
        x, y = px - np.float32((width - 1) / 2), py - np.float32((height - 1) / 2)
        one = np.ones_like(self.point_values)
        self.point_coordinates = np.stack([x, y, one])
        x, y = x / np.float32(unit), y / np.float32(unit)
        self.mean_value = float(self.point_values.mean())
        self.centered_values = self.point_values - np.float32(self.mean_value)
        self.jacobian = np.stack([dx, dy, dx * x + dy * y, dy * x - dx * y, self.centered_values / -50, -one])

    def align(
        self,
        picture: FloatImage,
        initial: SimilarityTransform,
        *,
        allow_rotation_zoom: bool = True,
        assume_static: bool = False,
    ) -> _Alignment:
        """How `picture` is seen from this anchor.

        A camera that `assume_static` is left where it is unless it has surely moved; one that does not turn is only shifted.
        """
        view, gain, lift, turn = initial, 1.0, 0.0, _RotationZoomEstimate()
        fit = self._evaluate_fit(picture, view, gain, lift)
        for lap in range(MAX_ITERATIONS):
            matrix, wanted = self._normal_equations(fit)
            spread = np.linalg.inv(matrix)
            best = spread @ -wanted
            if assume_static and lap == 0 and not self._has_moved(picture, view, fit, matrix, wanted, best):
                break
            (a, b), (_, d) = spread[2:4, 2:4].tolist()
            determinant = max(a * d - b * b, 1e-9 * a * d)  # where all points lie in line it is lost in rounding
            sure = d / determinant, -b / determinant, a / determinant
            more = complex(*best[2:4].tolist())
            turn = _RotationZoomEstimate.from_measurement(
                (view.scale_rotation - 1) * self.half_width + more, sure, _variance_ratio(fit.median_square)
            )
            if not allow_rotation_zoom:  # the best of the steps that leave the turn as it is
                pull = _multiply_symmetric(sure, more)
                best -= spread[:, 2] * pull.real + spread[:, 3] * pull.imag
            view, gain, lift = self._apply_step(view, gain, lift, best)
            *move, brighter, higher = map(abs, best.tolist())
            if max(move) < CONVERGED_PIXELS and (lap > 0 or max(brighter, higher) < CONVERGED_GREY_LEVELS):
                break
            fit = self._evaluate_fit(picture, view, gain, lift)
        return _Alignment(view, fit.samples, fit.median_square, turn)

    def _evaluate_fit(
        self, picture: FloatImage, transform: SimilarityTransform, gain: float, lift: float
    ) -> _AlignmentFit:
        found, within = self._sample_points(picture, transform)
        left = found - np.float32(gain) * self.centered_values
        left -= np.float32(self.mean_value + lift)
        off = left * left
        off /= self.allowed_variance
        return _AlignmentFit(found, within, left, off, upper_median(off))

    def _normal_equations(self, fit: _AlignmentFit) -> tuple[Matrix, Matrix]:
        """Those of the next step, whose solution is the wanted one's opposite: shift (2), zoom and turn, gain, lift."""
        weight = fit.normalized_squares * np.float32(1 / (8 * max(0.5, fit.median_square)))
        weight += np.float32(1)
        weight *= weight
        weight *= self.allowed_variance
        weighted = self.jacobian * (fit.inside / weight)
        matrix = (weighted @ self.jacobian.T).astype(np.float64)
        matrix.flat[::7] += 1e-3 * NOISE_GREY_LEVELS + 1e-3
        return matrix, (weighted @ fit.residuals).astype(np.float64)

    def _apply_step(
        self, transform: SimilarityTransform, gain: float, lift: float, step: Matrix
    ) -> tuple[SimilarityTransform, float, float]:
        x, y, zoom, turn, brighter, higher = step.tolist()
        stepped = SimilarityTransform(
            transform.scale_rotation + complex(zoom, turn) / self.half_width, transform.translation + complex(x, y)
        )
        return stepped, gain + brighter / 50, lift + higher

    def _has_moved(
        self,
        picture: FloatImage,
        transform: SimilarityTransform,
        fit: _AlignmentFit,
        matrix: Matrix,
        gradient: Matrix,
        best_step: Matrix,
    ) -> bool:
        """Whether a camera that stood has moved: the best step is tried, for points that saw a move disagree and count for little."""
        doubt = _variance_ratio(fit.median_square)
        if _is_insignificant_motion(matrix, best_step, MOTION_SCREENING_SIGNIFICANCE * doubt):
            return False
        light = np.linalg.solve(matrix[4:, 4:], -gradient[4:]).astype(np.float32)
        lit = fit.residuals + light @ self.jacobian[4:]
        tried = self._evaluate_fit(picture, *self._apply_step(transform, 1.0, 0.0, best_step))
        return (
            _robust_cost(lit * lit / self.allowed_variance, fit.median_square)
            - _robust_cost(tried.normalized_squares, fit.median_square)
            >= MOTION_SIGNIFICANCE * doubt
        )

    def _sample_points(
        self, picture: FloatImage, transform: SimilarityTransform
    ) -> tuple[PointValues, PointValues | float]:
        """The picture's value at each point under a view, and 1 for each that is within it, 0 for the others."""
        height, width = picture.shape
        flat = picture.ravel()
        if transform == SimilarityTransform():
            return flat.take(self.point_indices), 1.0
        turn, shift = transform.scale_rotation, transform.translation
        way = [
            [turn.real, -turn.imag, shift.real + (width - 1) / 2],
            [turn.imag, turn.real, shift.imag + (height - 1) / 2],
        ]
        places = np.array(way, np.float32) @ self.point_coordinates
        within = np.maximum(places, np.float32(0))
        np.minimum(within, np.array([[width - 1.001], [height - 1.001]], np.float32), out=within)
        corner = within.astype(np.intp)
        right, down = within - corner.astype(np.float32)
        at = corner[1] * width
        at += corner[0]
        near = flat.take(at + np.array([[0], [1], [width], [width + 1]]))
        upper = near[0] + right * (near[1] - near[0])
        found = near[2] + right * (near[3] - near[2])
        found -= upper
        found *= down
        found += upper
        return found, (places == within).all(0).astype(np.float32)


def _variance_ratio(median_square: float) -> float:
    """How many times the variance is what was allowed, where points are usually that far off."""
    return max(1.0, median_square / MEDIAN_SQUARED_NOISE)


def _robust_cost(normalized_squares: PointValues, median_square: float) -> float:
    """What points cost that are off by this much: the less for more as one disagrees (Geman and McClure)."""
    return float(
        (
            normalized_squares / (normalized_squares * np.float32(1 / (8 * max(0.5, median_square))) + np.float32(1))
        ).sum()
    )


def _is_insignificant_motion(matrix: Matrix, step: Matrix, threshold: float) -> bool:
    """Whether a move of the camera is not `information_matrix`, whatever the light did: the light's part is taken out (Schur's complement)."""
    move = step[:4]
    (a, b), (_, d) = matrix[4:, 4:].tolist()
    x, y = (matrix[4:, :4] @ move).tolist()
    moved: float = float(move @ matrix[:4, :4] @ move) - (d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b)
    return moved < threshold


class CameraTracker:
    """Lays each frame of a stream on the first; one frame is held."""

    def __init__(self) -> None:
        self._keyframe: _Keyframe | None = None
        self._last_motion = self._last_transform = SimilarityTransform()
        self._rotation_zoom, self._allow_rotation_zoom = _RotationZoomEstimate(), False

    def add(self, picture: FloatImage, time: float) -> tuple[SimilarityTransform, bool]:
        """The view of a frame (under `smooth_image`), and whether it begins a new shot (its view then starts anew)."""
        anchor = self._keyframe
        if anchor is None:
            self._reset(picture, time)
            return SimilarityTransform(), False
        start = SimilarityTransform(
            self._last_transform.scale_rotation, self._last_transform.translation + self._last_motion.translation
        )
        laid = anchor.align(
            picture, start, allow_rotation_zoom=self._allow_rotation_zoom, assume_static=start == self._last_transform
        )
        if laid.residual > LOST_RESIDUAL:
            jump = SimilarityTransform(1 + 0j, phase_correlation_shift(anchor.picture, picture))
            again = anchor.align(picture, jump, allow_rotation_zoom=self._allow_rotation_zoom)
            if again.residual < laid.residual:
                laid = again
        if not self._allow_rotation_zoom and not self._rotation_zoom.combine(laid.rotation_zoom).is_noise():
            self._allow_rotation_zoom = True
            laid = anchor.align(picture, laid.transform)
        view = laid.transform
        if self._is_cut(anchor, laid.samples):
            self._reset(picture, time)
            return SimilarityTransform(), True
        if (
            view.compose(self._last_transform.inverse()).max_displacement((picture.shape[0], picture.shape[1]))
            < STATIC_CAMERA_PIXELS
        ):
            view = self._last_transform
        if view.max_displacement((picture.shape[0], picture.shape[1])) < STATIC_CAMERA_PIXELS:
            view = SimilarityTransform()
        self._last_motion = SimilarityTransform(1 + 0j, view.translation - self._last_transform.translation)
        self._last_transform = view
        seen = view.compose(anchor.transform)
        patience = STATIC_KEYFRAME_SECONDS if view == SimilarityTransform() else KEYFRAME_SECONDS
        if (
            time - anchor.time >= patience
            or view.max_displacement((picture.shape[0], picture.shape[1])) > KEYFRAME_MAX_PIXELS
        ):
            self._keyframe = _Keyframe(picture, seen, time)
            self._last_transform = SimilarityTransform()
            self._rotation_zoom = self._rotation_zoom.combine(laid.rotation_zoom)
            self._allow_rotation_zoom = not self._rotation_zoom.is_noise()
        return seen, False

    def _reset(self, picture: FloatImage, time: float) -> None:
        self._keyframe = _Keyframe(picture, SimilarityTransform(), time)
        self._last_motion = self._last_transform = SimilarityTransform()
        self._rotation_zoom, self._allow_rotation_zoom = _RotationZoomEstimate(), False

    def _is_cut(self, keyframe: _Keyframe, samples: PointValues) -> bool:
        before = keyframe.point_values
        change = samples - before
        change -= np.float32(upper_median(change))
        if np.count_nonzero(np.abs(change) > 3 + 3 * NOISE_GREY_LEVELS) < CUT_MIN_CHANGED_SHARE * change.size:
            return False
        return not before.std() or not samples.std() or float(np.corrcoef(samples, before)[0, 1]) < CUT_MAX_CORRELATION
