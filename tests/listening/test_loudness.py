"""True peaks of whole sounds. Integrated loudness is tested with the takes of the sketch engine."""

from __future__ import annotations

import numpy as np
import pytest
from tracklay.listening.limiter import limit_peaks
from tracklay.listening.loudness import _interpolation_taps, highest_true_peak, peaks_between

RATE = 48_000


@pytest.mark.parametrize("length", [1, 63, 64, 65_536, 65_600, 200_001])
def test_a_block_border_is_no_peak(length: int) -> None:
    """A tone has its own height, however long it is: neither a border between blocks nor padding adds one."""
    fade = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / 2000)
    tone = 0.7 * fade * np.sin(2 * np.pi * 997 / RATE * np.arange(length))
    sound = np.stack([tone, 0.5 * tone], axis=1).astype(np.float32)
    assert highest_true_peak(sound) == pytest.approx(
        0.7 * fade.max() if length > 4000 else np.abs(sound).max(), abs=0.02
    )


@pytest.mark.parametrize("at", [1000, 65_530, 65_536, 131_080])
def test_a_peak_between_samples_is_found_wherever_it_is(at: int) -> None:
    """A burst at a quarter of the sample rate, sampled beside its tops, has its true peak of 1; its samples reach 0.71."""
    count = 400
    burst = np.sin(np.pi / 2 * np.arange(count) + np.pi / 4) * np.hanning(count) ** 0.25
    sound = np.zeros((140_000, 1), np.float32)
    sound[at - count // 2 : at + count // 2, 0] = burst
    assert np.abs(sound).max() < 0.72
    assert highest_true_peak(sound) == pytest.approx(1.0, abs=0.02)


def test_no_samples_have_no_peak() -> None:
    """An empty sound has the peak 0."""
    assert highest_true_peak(np.zeros((0, 2), np.float32)) == 0


def test_no_peak_between_low_samples_is_missed():
    """The worst sound that there is: each sample has the sign of the filter's tap for it. Its samples alone are far below the ceiling."""
    taps = _interpolation_taps()[:, 1]
    for place in range(2000, 2064):
        sound = np.zeros((1, 4096), np.float32)
        sound[0, place : place + len(taps)] = 0.45 * np.sign(taps)
        assert peaks_between(sound, 1.0).max() == pytest.approx(1.05, abs=0.01)
        assert highest_true_peak(sound.T) == pytest.approx(1.05, abs=0.01)
        (limited,) = limit_peaks([sound.T], 0.891, between_samples=True)
        assert highest_true_peak(limited) <= 0.892
