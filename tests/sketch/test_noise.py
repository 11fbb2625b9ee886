"""Noise, and the whoosh made of it: spectra, levels and curves."""

from __future__ import annotations

import numpy as np
import pytest
from tracklay.cue import SAMPLE_RATE
from tracklay.sketch.foley.noise import render_whoosh, shaped_noise, spectrum_amplitudes


def test_noise_has_the_requested_spectrum() -> None:
    """Shaped noise has RMS 1, and its levels at two frequencies differ as in its shape."""
    shape = ((100, 0), (1000, 0), (2000, -20), (20000, -20))
    wave = shaped_noise(shape, 2**16, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(wave)) ** 2
    hertz = np.fft.rfftfreq(2**16, 1 / SAMPLE_RATE)
    low, high = (power[(hertz > a) & (hertz < b)].mean() for a, b in ((300, 900), (3000, 9000)))
    assert np.sqrt(np.mean(wave**2)) == pytest.approx(1, abs=1e-3)
    assert 10 * np.log10(low / high) == pytest.approx(20, abs=0.5)
    assert spectrum_amplitudes(shape, 2**16)[0] == 0


def test_a_whoosh_follows_its_curves() -> None:
    """Level, pitch and pan of a whoosh follow its curves frame by frame."""
    frames = 300
    levels = np.repeat([0.01, 0.1, 0.01], 100)
    centres = np.repeat([300.0, 1500.0, 4000.0], 100)
    angles = np.repeat([0.0, np.pi / 4, np.pi / 2], 100)
    whoosh = render_whoosh(levels, centres, angles, np.random.default_rng(1))
    assert whoosh.shape == ((frames + 1) * 512, 2)
    parts = [whoosh[(n * 100 + 5) * 512 : (n * 100 + 95) * 512] for n in range(3)]
    assert [np.sqrt((part.astype(float) ** 2).sum(axis=1).mean()) for part in parts] == pytest.approx(
        [0.01, 0.1, 0.01], rel=0.1
    )
    assert np.abs(parts[0][:, 1]).max() < 1e-6
    assert np.abs(parts[2][:, 0]).max() < 1e-6
    medians = []
    for part in parts:
        power = np.abs(np.fft.rfft(part.sum(axis=1))) ** 2
        medians.append(float(np.fft.rfftfreq(len(part), 1 / SAMPLE_RATE)[np.cumsum(power) > power.sum() / 2][0]))
    assert medians == pytest.approx([300, 1500, 4000], rel=0.3)
