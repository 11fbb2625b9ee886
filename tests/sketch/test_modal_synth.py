"""Modal synthesis: the physical properties that distinguish one material from another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracklay.cue import SAMPLE_RATE
from tracklay.sketch.foley.materials import MATERIALS
from tracklay.sketch.foley.modal_synth import (
    MAX_IMPACT_SAMPLES,
    _render_modes,
    render_impact,
    render_whoosh,
    shaped_noise,
    spectrum_amplitudes,
)

HITS = 8
"""Hits over which a varying property is averaged."""


def hits(material: str, *, strength: float = 0.8, size: float = 0.15) -> list[np.ndarray]:
    """Return HITS hits with the same settings and different seeds."""
    return [
        render_impact(MATERIALS[material], strength=strength, size=size, rng=np.random.default_rng(number))
        for number in range(HITS)
    ]


def centroid(material: str, *, strength: float = 0.8, size: float = 0.15) -> float:
    """Return the spectral centroid in Hz, the median of several hits."""
    values = []
    for hit in hits(material, strength=strength, size=size):
        power = np.abs(np.fft.rfft(hit, 2**18)) ** 2
        values.append(float((np.fft.rfftfreq(2**18, 1 / SAMPLE_RATE) * power).sum() / power.sum()))
    return float(np.median(values))


def decay(material: str) -> float:
    """Return the seconds until a thousandth of a hit's energy remains, the median of several hits."""
    values = []
    for hit in hits(material):
        left = np.cumsum(hit[::-1].astype(float) ** 2)[::-1]
        values.append(int(np.argmax(left < 1e-3 * left[0])) / SAMPLE_RATE)
    return float(np.median(values))


def test_materials_have_realistic_decay_times() -> None:
    """Cloth and stone decay fastest, then wood, then glass and a drum; metal rings longest."""
    seconds = {name: decay(name) for name in MATERIALS}
    assert seconds["stone"] < seconds["wood"] < seconds["drum"] < seconds["metal"]
    assert seconds["cloth"] < seconds["wood"] < seconds["glass"] < seconds["metal"]
    assert seconds["wood"] < 0.2
    assert seconds["metal"] > 0.6


def test_materials_have_realistic_brightness() -> None:
    """From dull to bright: cloth, wood, stone, glass; a drum and rubber are duller than wood, metal brighter."""
    hertz = {name: centroid(name) for name in MATERIALS}
    assert hertz["cloth"] < hertz["wood"] < hertz["stone"] < hertz["glass"] < hertz["shatter"]
    assert max(hertz["drum"], hertz["rubber"]) < hertz["wood"] < hertz["metal"] < hertz["glass"]
    assert hertz["step"] < hertz["gravel"]


def test_a_mode_is_one_decaying_tone_without_seams() -> None:
    """A mode fulfils the equation of a damped oscillator from the first sample to the last."""
    single_mode = replace(MATERIALS["metal"], modes=(1.0,), mode_split=0.0)
    tone = _render_modes(single_mode, 440.0, 1e-4, np.random.default_rng(3)).astype(float)[: SAMPLE_RATE // 2]
    before = np.stack([tone[1:-1], tone[:-2]], axis=1)
    (first, second), *_ = np.linalg.lstsq(before, tone[2:], rcond=None)
    assert np.abs(before @ (first, second) - tone[2:]).max() < 1e-5
    assert np.arccos(first / 2 / np.sqrt(-second)) * SAMPLE_RATE / 2 / np.pi == pytest.approx(440, rel=1e-3)
    assert -np.log(-second) / 2 * SAMPLE_RATE == pytest.approx(sum(np.array(single_mode.damping) * (1, 440)), rel=0.3)


def test_a_drum_has_the_modes_of_a_membrane() -> None:
    """The lowest peaks of a drum have the ratios of a circular membrane, not those of a harmonic tone."""
    power = np.abs(
        np.fft.rfft(render_impact(MATERIALS["drum"], strength=0.2, size=0.15, rng=np.random.default_rng(4)), 2**18)
    )
    hertz = np.fft.rfftfreq(2**18, 1 / SAMPLE_RATE)
    band = (hertz > 70) & (hertz < 260)
    inner = power[1:-1]
    peaks = [
        h
        for h, is_peak in zip(
            hertz[1:-1],
            (inner > power[:-2]) & (inner > power[2:]) & (inner > 0.08 * power[band].max()) & band[1:-1],
            strict=True,
        )
        if is_peak
    ]
    lowest = peaks[0]
    assert any(abs(h / lowest - 1.593) < 0.06 for h in peaks)
    assert any(abs(h / lowest - 2.136) < 0.08 for h in peaks)
    assert not any(abs(h / lowest - 2.0) < 0.03 for h in peaks)


@pytest.mark.parametrize("material", MATERIALS)
def test_the_first_sample_is_audible_and_the_attack_is_short(material: str) -> None:
    """A hit is audible on its first sample and exceeds a tenth of its peak within a tenth of a millisecond."""
    for strength in (0.05, 0.5, 1.0):
        for hit in hits(material, strength=strength):
            level = np.abs(hit)
            assert level[0] > 0.005 * level.max()
            assert int(np.argmax(level > 0.1 * level.max())) <= 5


@pytest.mark.parametrize("material", MATERIALS)
def test_strength_makes_a_hit_louder_and_brighter(material: str) -> None:
    """Each step of strength is more than 3 dB louder, and a hard hit is not duller than a soft one."""
    levels = [np.median([np.abs(hit).max() for hit in hits(material, strength=s)]) for s in (0, 0.25, 0.5, 0.75, 1)]
    assert np.all(np.diff(20 * np.log10(levels)) > 3)
    assert centroid(material, strength=1) > centroid(material, strength=0.1) * 0.98


@pytest.mark.parametrize("material", MATERIALS)
def test_size_lowers_the_pitch(material: str) -> None:
    """A large object sounds lower than a small one of the same material."""
    assert centroid(material, size=0.6) < 0.85 * centroid(material, size=0.05)


@pytest.mark.parametrize("material", MATERIALS)
def test_the_seed_decides_a_hit(material: str) -> None:
    """Hits with different seeds differ; the same seed gives identical samples."""
    first, again = hits(material), hits(material)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    short = min(map(len, first))
    for number, hit in enumerate(first[1:]):
        assert abs(np.corrcoef(hit[:short], first[number][:short])[0, 1]) < 0.98


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(MATERIALS)),
    st.floats(-0.5, 1.5),
    st.floats(0, 1),
    st.integers(0, 2**32),
)
def test_every_hit_is_valid_audio(material: str, strength: float, size: float, seed: int) -> None:
    """Every hit is finite, below -3 dBFS, without a large offset, of limited length, and ends in silence."""
    hit = render_impact(MATERIALS[material], strength=strength, size=size, rng=np.random.default_rng(seed))
    assert hit.dtype == np.float32
    assert np.isfinite(hit).all()
    assert 0 < np.abs(hit).max() < 10 ** (-3 / 20)
    assert abs(hit.mean()) < 0.1 * np.abs(hit).max()
    assert 0.02 * SAMPLE_RATE < len(hit) <= MAX_IMPACT_SAMPLES
    assert hit[-1] == 0


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
