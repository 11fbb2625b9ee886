"""Extrapolation of decays."""

from __future__ import annotations

import numpy as np
import pytest
from tracklay.landing.ringing import RESPONSE_SAMPLES, extrapolate_ring

from tests.landing.made_takes import RATE, strike


def level_db(sound) -> float:
    """Return the mean power in dB of full scale."""
    return 10 * float(np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-20))


@pytest.mark.parametrize("seed", range(4))
def test_metal_goes_on_as_it_rings(seed: int) -> None:
    """80 ms of a decay are enough to continue it without a seam, and at its own level within 2 dB for 150 ms."""
    sound = strike("metal", np.random.default_rng(seed))
    known, end = round(0.08 * RATE), round(0.2 * RATE)
    ring = extrapolate_ring(np.stack([sound, sound / 2], axis=1)[end - known : end].astype(np.float32), RATE)
    first = slice(0, round(0.02 * RATE))
    assert level_db(ring[first, 0] - sound[end:][first]) < level_db(sound[end:][first]) - 40
    for begin in (0.0, 0.05, 0.1):
        part = slice(round(begin * RATE), round((begin + 0.05) * RATE))
        assert level_db(ring[part, 0]) == pytest.approx(level_db(sound[end:][part]), abs=2)
    assert np.allclose(ring[:, 1], ring[:, 0] / 2, atol=1e-4)


@pytest.mark.parametrize("kind", ["noise", "tone", "silence", "short"])
def test_no_extrapolation_grows(kind: str) -> None:
    """Noise is over at once, a tone that does not decay is damped and ends, silence stays silent; nothing is ever louder than before."""
    count = 9 if kind == "short" else 4000
    known = {
        "noise": np.random.default_rng(1).standard_normal((count, 1)),
        "tone": np.sin(0.1 * np.arange(count))[:, None],
        "silence": np.zeros((count, 1)),
        "short": np.ones((count, 1)),
    }[kind].astype(np.float32)
    ring = extrapolate_ring(known, RESPONSE_SAMPLES + 10)
    assert np.isfinite(ring).all()
    assert np.abs(ring).max() <= 1.2 * np.abs(known).max()
    assert level_db(ring[RATE // 4 :]) < max(level_db(known) - 10, -150)
    assert not ring[-10:].any()
