"""Evidence for a camera's rotation and zoom, accumulated over keyframes: part of `camera_motion`."""

from __future__ import annotations

from dataclasses import dataclass

ROTATION_ZOOM_SIGNIFICANCE = 15.0
"""Threshold for rotation and zoom, two degrees of freedom. Evidence accumulates over keyframes, so a slow zoom is found later
rather than never."""
ESTIMATE_DECAY = 0.8
"""Weight of the accumulated rotation and zoom at each new keyframe: what a camera did a second ago hardly counts."""


@dataclass(frozen=True, slots=True)
class RotationZoomEstimate:
    """The camera's zoom (real part) and rotation (imaginary part), in pixels at half the picture's width, with their certainty.

    Kept in information form, the inverse covariance matrix (zoom, both, rotation) and its product with the mean: independent
    measurements are combined by addition. The initial value is a prior of zero with a deviation of one pixel.
    """

    information_vector: complex = 0j
    information_matrix: tuple[float, float, float] = (1.0, 0.0, 1.0)

    @classmethod
    def from_measurement(
        cls, value: complex, information_matrix: tuple[float, float, float], variance_ratio: float
    ) -> RotationZoomEstimate:
        """Return the estimate from one frame, whose residuals have `variance_ratio` times the allowed variance."""
        a, b, d = information_matrix
        return cls(
            multiply_symmetric(information_matrix, value) / variance_ratio,
            (a / variance_ratio, b / variance_ratio, d / variance_ratio),
        )

    def is_noise(self) -> bool:
        """Return whether the value is not significantly different from zero."""
        # The chi-squared value v' inverse(M) v with both sides multiplied by the determinant, which may be tiny.
        (a, b, d), x, y = self.information_matrix, self.information_vector.real, self.information_vector.imag
        return d * x * x - 2 * b * x * y + a * y * y < ROTATION_ZOOM_SIGNIFICANCE * (a * d - b * b)

    def combine(self, newer: RotationZoomEstimate) -> RotationZoomEstimate:
        """Return the estimate from both, with this one's weight reduced by `ESTIMATE_DECAY`."""
        (a, b, d), (a2, b2, d2) = self.information_matrix, newer.information_matrix
        return RotationZoomEstimate(
            ESTIMATE_DECAY * self.information_vector + newer.information_vector,
            (ESTIMATE_DECAY * a + a2, ESTIMATE_DECAY * b + b2, ESTIMATE_DECAY * d + d2),
        )


def multiply_symmetric(matrix: tuple[float, float, float], vector: complex) -> complex:
    """Return the product of a symmetric matrix (upper left, both others, lower right) and a vector."""
    a, b, d = matrix
    return complex(a * vector.real + b * vector.imag, b * vector.real + d * vector.imag)
