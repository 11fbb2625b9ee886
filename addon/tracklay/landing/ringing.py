"""Extrapolates what rings: how a decay goes on where the take has another sound over it.

A linear prediction is learnt from the decay before (Burg's method, which is always stable): ringing modes keep their
frequencies and decays, and noise is over after a few milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..listening.spectrum import Samples

ORDER = 192
"""Samples from which the next is predicted, at most a third of those known: some fifty modes."""

RESPONSE_SAMPLES = 1 << 16
"""Length of the transform. What rings longer is damped by 60 dB over it."""

FADED_SHARE = 0.2
"""Share of the longest extrapolation at its end that is faded out."""


def extrapolate_ring(known: Samples, count: int) -> Samples:
    """Return `count` samples, (count, channels), with which a decay goes on; zeros from `RESPONSE_SAMPLES` on.

    Args:
        known: the decay before, (samples, channels).
        count: number of samples.
    """
    order = min(ORDER, len(known) // 3)
    signal = known.T.astype(np.float64)
    coefficients = _burg(signal, order)
    damped = coefficients * 10.0 ** (-3 * np.arange(order + 1) / RESPONSE_SAMPLES)
    # The free response: that of the filter to what the known samples leave in its memory.
    memory = np.stack([np.convolve(channel[-order:], damped)[order : 2 * order] for channel in signal])
    response = np.fft.rfft(-memory, RESPONSE_SAMPLES) / np.fft.rfft(damped, RESPONSE_SAMPLES)
    ring = np.fft.irfft(response, RESPONSE_SAMPLES)
    fade = round(FADED_SHARE * RESPONSE_SAMPLES)
    ring[:, -fade:] *= np.linspace(1, 0, fade)
    out = np.zeros((count, len(signal)), np.float32)
    out[:RESPONSE_SAMPLES] = ring.T[:count]
    return out


def _burg(signal: npt.NDArray[np.float64], order: int) -> npt.NDArray[np.float64]:
    """Return the prediction error filter of a signal, (channels, samples), common to its channels: (order + 1,), the first 1."""
    coefficients = np.zeros(order + 1)
    coefficients[0] = 1
    forward, backward = signal[:, 1:].copy(), signal[:, :-1].copy()
    for at in range(1, order + 1):
        energy = float((forward**2).sum() + (backward**2).sum())
        if energy <= 0:
            break
        reflection = -2 * float((forward * backward).sum()) / energy
        coefficients[: at + 1] += reflection * coefficients[: at + 1][::-1]
        forward, backward = (forward + reflection * backward)[:, 1:], (backward + reflection * forward)[:, :-1]
    return coefficients
