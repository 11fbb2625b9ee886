"""Finds the frames in which a camera that stands still has not moved, many at a time: part of `camera_motion`.

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
    weights = residuals * residuals
    weights /= allowed_variance
    median = np.partition(weights, middle, 1)[:, middle]
    # The robust weights, as for a single frame.
    weights *= (1 / (8 * np.maximum(np.float32(0.5), median)))[:, None]
    weights += np.float32(1)
    weights *= weights
    weights *= allowed_variance
    np.divide(np.float32(1), weights, out=weights)
    products = (jacobian[:, None] * jacobian).reshape(jacobian.shape[0] ** 2, -1)
    matrix = (weights @ products.T).astype(np.float64).reshape(-1, 6, 6)
    diagonal = np.arange(6)
    matrix[:, diagonal, diagonal] += REGULARIZATION
    weights *= residuals
    gradient = (weights @ jacobian.T).astype(np.float64)
    motion = np.linalg.solve(matrix, -gradient[:, :, None])[:, :4, 0]
    threshold = MOTION_SCREENING_SIGNIFICANCE * np.maximum(1, median / MEDIAN_SQUARED_NOISE)
    is_still = (motion_chi_squared(matrix, motion) < threshold) & (median <= max_residual)
    is_still &= changed < CUT_MIN_CHANGED_SHARE * residuals.shape[1]
    flags: list[bool] = is_still.tolist()
    return flags


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
