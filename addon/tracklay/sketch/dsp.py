"""Signal arithmetic that foley and music share: decibels, panning and the frequencies of a transform.

The limiters and noise generators of the two are different algorithms and stay with their users: foley limits sample by
sample with a 5 ms look-ahead where music limits on a grid of 64 samples. Reverbs of both use `convolution`.
"""

from __future__ import annotations

from typing import overload

import numpy as np
import numpy.typing as npt

from ..cue import SAMPLE_RATE

Samples = npt.NDArray[np.float32]
Curve = npt.NDArray[np.float64]


@overload
def db_to_gain(decibels: float) -> float: ...
@overload
def db_to_gain(decibels: Curve) -> Curve: ...
def db_to_gain(decibels: float | Curve) -> float | Curve:
    """Return decibels as a linear gain: 0 dB is 1, -20 dB is 0.1."""
    gain: float | Curve = 10 ** (decibels / 20)
    return gain


@overload
def pan_gains(position: float) -> tuple[float, float]: ...
@overload
def pan_gains(position: Curve) -> tuple[Curve, Curve]: ...
def pan_gains(position: float | Curve) -> tuple[float | Curve, float | Curve]:
    """Return the gains of left and right that pan a mono sound to `position`, -1 (left) to 1 (right).

    Their squares add up to one, so that a sound is equally loud at every position (equal-power panning).
    """
    angle = pan_angle(position)
    return np.cos(angle), np.sin(angle)


@overload
def pan_angle(position: float) -> float: ...
@overload
def pan_angle(position: Curve) -> Curve: ...
def pan_angle(position: float | Curve) -> float | Curve:
    """Return the equal-power angle of a position from -1 to 1, in radians: 0 is left, pi / 2 right."""
    return np.pi / 4 * (1 + position)


def fft_frequencies(size: int) -> Curve:
    """Return the frequency of each bin of a real transform of `size` samples, in Hz: (size // 2 + 1,)."""
    return np.arange(size // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / size)
