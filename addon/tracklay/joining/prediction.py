"""Bridges two sounds that meet without an overlap: the first is continued by linear prediction and faded into the second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .crossfade import crossfade_sounds

if TYPE_CHECKING:
    from ..listening.spectrum import Samples

HISTORY_SECONDS = 0.05
"""Seconds from which the prediction is learnt."""

BRIDGE_SECONDS = 0.005
"""Length of the predicted sound: longer than a period of what clicks, shorter than an attack is late."""

ORDER = 32
"""Samples from which the next is predicted."""


def predict_sound(history: Samples, count: int) -> Samples:
    """Return `count` samples that continue a sound, (count, channels), by linear prediction of each channel."""
    length = len(history)
    order = min(ORDER, length // 3)
    predicted = np.zeros((count, history.shape[1]), np.float32)
    if order < 1:
        return predicted
    size = 1 << (2 * length).bit_length()
    lags = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    for channel, sound in enumerate(history.T.astype(np.float64)):
        spectrum = np.fft.rfft(sound * np.hanning(length + 2)[1:-1], size)
        correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[: order + 1]
        matrix = correlation[lags] + np.eye(order) * (correlation[0] * 1e-6 + 1e-12)
        predictor = np.linalg.solve(matrix, correlation[1:])
        values = np.concatenate([sound[-order:], np.zeros(count)])
        for at in range(order, order + count):
            values[at] = predictor @ values[at - order : at][::-1]
        # The method of autocorrelation is stable, so a prediction does not grow; the limit is for rounding.
        predicted[:, channel] = np.clip(values[order:], -np.abs(sound).max(), np.abs(sound).max())
    return predicted


def bridge_sounds(history: Samples, following: Samples) -> Samples:
    """Return the beginning of a sound, changed so that it continues another without a click.

    What goes on without a step, as music does from the very next sample, comes back as it is.

    Args:
        history: the end of the sound before, (samples, channels).
        following: the first samples of the sound after; as many come back.
    """
    if len(history) > 1 and len(following):
        step = np.abs(following[0] - history[-1]).max()
        if step <= np.abs(np.diff(history, axis=0)).max():
            return following
    bridged: Samples = crossfade_sounds(predict_sound(history, len(following)), following, 1.0)
    return bridged
