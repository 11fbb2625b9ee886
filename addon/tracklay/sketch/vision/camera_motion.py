"""Takes the camera out: how each luma frame lies to the first one, and where one shot ends.

A frame is laid on a recent one (the anchor) by Gauss-Newton on its textured points, for shift, zoom and turn together with the
light's gain and lift, each point weighed down as it disagrees, so that what moves in the picture does not move the camera. The
least motion that explains what is seen is taken: a camera stands, or is shifted only, until it surely does more. Phase correlation
finds the way where the step is too large for that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
Luma = npt.NDArray[np.uint8]
PointValues = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

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
STATIC_CAMERA_PIXELS = 0.06
"""Pixels: a smaller move of the picture's corners is the noise of a camera that stands."""
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
            jump = SimilarityTransform(1 + 0j, _phase_correlation_shift(anchor.picture, picture))
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


def _phase_correlation_shift(first: FloatImage, second: FloatImage) -> complex:
    """The whole-pixel shift of `second` against `first` by phase correlation."""
    height, width = first.shape
    window = np.hanning(height)[:, None] * np.hanning(width)
    cross = np.fft.rfft2((second - second.mean()) * window) * np.conj(np.fft.rfft2((first - first.mean()) * window))
    peak = np.fft.irfft2(cross / (np.abs(cross) + 1e-6), first.shape)
    y, x = np.unravel_index(int(peak.argmax()), peak.shape)
    return complex((x + width // 2) % width - width // 2, (y + height // 2) % height - height // 2)
