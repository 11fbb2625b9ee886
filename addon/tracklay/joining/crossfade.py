"""Crossfades of constant power for two sides of any correlation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..listening.spectrum import Samples

    Fade = npt.NDArray[np.float32]
    CrossfadeKind = Literal["equal power", "equal gain"]

LEAST_CORRELATION = -0.95
"""Sides that cancel each other more than this are not raised further: the rest would be noise."""

EQUAL_GAIN_CORRELATION = 0.5
"""Correlation from which a crossfade is nearer to equal gain than to equal power."""


def measure_correlation(left: Samples, right: Samples) -> float:
    """Return the correlation of two sounds of one shape at no lag, -1 to 1; 0 where one is silent."""
    energy = float(np.vdot(left, left)) * float(np.vdot(right, right))
    return float(np.vdot(left, right)) / float(np.sqrt(energy)) if energy > 0 else 0.0


def crossfade_kind(correlation: float) -> CrossfadeKind:
    """Return the usual name of the crossfade that suits a correlation."""
    return "equal gain" if correlation >= EQUAL_GAIN_CORRELATION else "equal power"


def fade_curves(count: int, correlation: float) -> tuple[Fade, Fade]:
    """Return the gains of the side that ends and of the one that begins, (count,) each.

    The power of the sum is constant for two sides of equal power and this correlation. At 0 the curves are those of equal power
    (sine and cosine of one angle), at 1 the two add up to 1: equal gain.
    """
    # Level at both ends: a bend of the gain there would be heard in short crossfades.
    angle = (1 - np.cos((np.arange(count) + 0.5) * (np.pi / max(1, count)))) * (np.pi / 4)
    scale = 1 / np.sqrt(1 + max(correlation, LEAST_CORRELATION) * np.sin(2 * angle))
    return (np.cos(angle) * scale).astype(np.float32), (np.sin(angle) * scale).astype(np.float32)


def crossfade_sounds(left: Samples, right: Samples, correlation: float | None = None) -> Samples:
    """Return the crossfade from one sound to another of the same shape.

    Args:
        left: the side that ends, (samples, channels).
        right: the side that begins.
        correlation: of the two; measured where None.
    """
    if correlation is None:
        correlation = measure_correlation(left, right)
    fall, rise = fade_curves(len(left), correlation)
    mixed: Samples = left * fall[:, None] + right * rise[:, None]
    return mixed
