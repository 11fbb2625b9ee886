"""The least squares of `camera_motion`, and the frames in which a camera that stands still has not moved, many at a time.

Most cameras stand on a tripod. The quick test that a frame passes there costs a few calls to numpy, which take longer than their
arithmetic: over a dozen frames at once it costs a fifth. A frame that does not pass is examined by itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MEDIAN_SQUARED_NOISE = 0.455
"""Median of the square of a standard normal variable: it turns a median of squared residuals into a variance."""
MOTION_SCREENING_SIGNIFICANCE = 8.0
"""Chi-squared value, of four degrees of freedom, below which a camera that stood still has not moved. Above it `camera_motion` makes the
exact test, which resamples the picture."""
CHANGED_GREY_LEVELS = 7.5
"""A point has changed if it differs by more than three deviations of the noise of 1.5 grey levels, and 3 of quantization."""
CUT_MIN_CHANGED_SHARE = 0.25
"""Least share of points that change at a cut. A flash changes all of them too, a large object leaves most unchanged."""
REGULARIZATION = 0.0025
"""Added to the diagonal of the normal equations: it keeps them regular where a picture has no texture at all."""

_Values = npt.NDArray[np.float32]


def find_still_frames(
    samples: _Values, point_values: _Values, allowed_variance: _Values, jacobian: _Values, max_residual: float
) -> list[bool]:
    """Return for each of several frames whether it certainly shows what the keyframe shows, at the same place.

    Args:
        samples: (frames, points), the grey levels at the keyframe's points.
        point_values: (points), those of the keyframe.
        allowed_variance: (points), of the residuals, in squared grey levels.
        jacobian: (6, points), derivatives of the residuals by shift, zoom, rotation, gain and offset.
        max_residual: largest median of the squared residuals over their allowed variance.
    """
    residuals = samples - point_values
    middle = residuals.shape[1] // 2
    change = residuals - np.partition(residuals, middle, 1)[:, middle : middle + 1]
    changed = np.count_nonzero(np.abs(change, out=change) > CHANGED_GREY_LEVELS, 1)
    squares = residuals * residuals
    squares /= allowed_variance
    median = np.partition(squares, middle, 1)[:, middle]
    matrix, gradient = normal_equations(squares, median, residuals, allowed_variance, jacobian)
    motion = np.linalg.solve(matrix, -gradient[:, :, None])[:, :4, 0].astype(np.float64)
    threshold = MOTION_SCREENING_SIGNIFICANCE * np.maximum(1, median / MEDIAN_SQUARED_NOISE)
    is_still = (motion_chi_squared(matrix, motion) < threshold) & (median <= max_residual)
    is_still &= changed < CUT_MIN_CHANGED_SHARE * residuals.shape[1]
    flags: list[bool] = is_still.tolist()
    return flags


def normal_equations(
    normalized_squares: _Values,
    median_squares: _Values,
    residuals: _Values,
    allowed_variance: _Values,
    jacobian: _Values,
    inside: _Values | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the matrix (frames, 6, 6) and the gradient (frames, 6) of the weighted least squares of several frames.

    The step is `-inverse(matrix) @ gradient`. The weights are those of the Geman-McClure cost: its derivative over that of the square.

    Args:
        normalized_squares: (frames, points), the squared residuals over their allowed variance.
        median_squares: (frames), the medians of those: the scale of the cost follows them, down to the variance of the usual noise, so
            that a nearly perfect fit does not treat its own noise as outliers.
        residuals: (frames, points), in grey levels.
        allowed_variance: (points), of the residuals.
        jacobian: (6, points), derivatives of the residuals by shift, zoom, rotation, gain and offset.
        inside: (frames, points), 0 for points outside the picture, 1 for the others; None where all are inside.
    """
    weights = normalized_squares * (1 / (8 * np.maximum(np.float32(0.5), median_squares)))[:, None]
    weights += np.float32(1)
    weights *= weights
    weights *= allowed_variance
    weighted = jacobian / weights[:, None]
    if inside is not None:
        weighted *= inside[:, None]
    matrix = (weighted @ jacobian.T).astype(np.float64)
    matrix.reshape(len(matrix), -1)[:, :: len(jacobian) + 1] += REGULARIZATION
    return matrix, (weighted @ residuals[:, :, None])[:, :, 0].astype(np.float64)


def motion_chi_squared(matrix: npt.NDArray[np.float64], motion: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the chi-squared value of the motion of each of several frames, whatever the light did.

    Gain and offset are eliminated from the normal equations by the Schur complement.

    Args:
        matrix: (frames, 6, 6), of the normal equations.
        motion: (frames, 4), the steps of shift, zoom and rotation.
    """
    column = motion[:, :, None]
    square = (column * (matrix[:, :4, :4] @ column)).sum((1, 2))
    x, y = (matrix[:, 4:, :4] @ column)[:, :, 0].T
    a, b, d = matrix[:, 4, 4], matrix[:, 4, 5], matrix[:, 5, 5]
    chi_squared: npt.NDArray[np.float64] = square - (d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b)
    return chi_squared
