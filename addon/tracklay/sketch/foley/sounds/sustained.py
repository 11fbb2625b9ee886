"""Layers that last as long as their event: friction, rolling, teeth of a zipper, moving air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....cue import SAMPLE_RATE
from ...dsp import db_to_gain
from ..noise import WHOOSH_HOP_SAMPLES, Mono, band_magnitudes, join_frames, random_phasors
from .layers import (
    MAX_LAYER_SAMPLES,
    SpectrumPoints,
    Strike,
    filtered_noise,
    render_grain,
    scatter_grains,
    slow_modulation,
    uneven_levels,
)


@dataclass(frozen=True, slots=True)
class FrictionLayer:
    """Noise or grains that go on: two surfaces that rub, a wheel, teeth.

    Attributes:
        shape: spectrum of the noise or of one grain.
        seconds: usual length.
        level_db: RMS in its middle, dB.
        grain_rate: grains per second at its start and its end; (0, 0) is plain noise.
        regular: 1: grains are evenly spaced, as teeth are; 0: at random, as grit is.
        unevenness: spread of the grains' levels.
        flutter: depth of the random slow modulation.
        flutter_hz: bandwidth of that modulation.
        turn_hz: revolutions per second of something that rolls, 0 for none.
        turn_depth: depth of the modulation by revolutions, 0 to 1.
        rise: seconds from silence to its loudest.
        fall: seconds of the fade at its end.
        softness: octaves by which a sound at strength 0 is duller than at strength 1.
        cutoff_hz: corner of the low-pass that strength moves.
        size_power: the spectrum moves down as the size to this power.
        grain_seconds: time in which a grain falls by 20 dB.
    """

    shape: SpectrumPoints
    seconds: float
    level_db: float = 0.0
    grain_rate: tuple[float, float] = (0.0, 0.0)
    regular: float = 0.0
    unevenness: float = 0.5
    flutter: float = 0.4
    flutter_hz: float = 14.0
    turn_hz: float = 0.0
    turn_depth: float = 0.0
    rise: float = 0.03
    fall: float = 0.08
    softness: float = 1.0
    cutoff_hz: float = 10000.0
    size_power: float = 0.2
    grain_seconds: float = 0.003

    def render_layer(self, strike: Strike) -> tuple[int, Mono]:
        """Return the start in samples relative to the attack, and the samples."""
        rng = strike.rng
        seconds = self.seconds * rng.uniform(0.8, 1.25) if strike.duration is None else strike.duration
        count = min(max(int(seconds * SAMPLE_RATE), 2400), MAX_LAYER_SAMPLES)
        moved = strike.pitch_factor**self.size_power
        cutoff = self.cutoff_hz * 2.0 ** (self.softness * (strike.strength - 1))
        if self.grain_rate[0]:
            wave = self._render_grains(count, cutoff, moved, rng)
        else:
            wave = filtered_noise(self.shape, count, rng, cutoff, moved)
        if self.flutter:
            wave *= slow_modulation(count, self.flutter, self.flutter_hz, rng)
        if self.turn_hz:
            speed = self.turn_hz * rng.uniform(0.8, 1.25) * strike.pitch_factor**0.5
            turns = np.arange(count, dtype=np.float32) * np.float32(2 * np.pi * speed / SAMPLE_RATE)
            wave *= 1 + np.float32(self.turn_depth) * np.sin(turns + np.float32(rng.uniform(0, 6.28)))
        wave *= fade_ends(count, self.rise, self.fall) * np.float32(db_to_gain(self.level_db))
        return 0, wave

    def _render_grains(self, count: int, cutoff_hz: float, moved: float, rng: np.random.Generator) -> Mono:
        first, last = (rate * moved**-0.3 for rate in self.grain_rate)
        total = max(int(0.5 * (first + last) * count / SAMPLE_RATE), 3)
        # The rate moves evenly from the first to the last: the time of the k-th grain solves a quadratic equation.
        share = (np.arange(total) + 0.5) / total
        share = np.clip(share + (1 - self.regular) * rng.uniform(-0.5, 0.5, total) * 4 / total, 0, 0.999)
        slope = (last - first) / (first + last)
        at = share if abs(slope) < 1e-6 else (np.sqrt((1 - slope) ** 2 + 4 * slope * share) - (1 - slope)) / (2 * slope)
        levels = uneven_levels(total, self.unevenness, rng)
        if self.regular < 1:
            levels *= rng.choice((-1.0, 1.0), total)
        grain = render_grain(self.shape, self.grain_seconds, cutoff_hz, rng, moved)
        wave = scatter_grains((at * (count - 1)).astype(int), levels, count, grain)
        wave *= np.float32(np.sqrt(SAMPLE_RATE / (0.5 * (first + last))))
        return wave


def fade_ends(count: int, rise: float, fall: float) -> Mono:
    """Return an envelope of `count` samples that rises over `rise` seconds and falls to zero over `fall` seconds."""
    envelope = np.ones(count, np.float32)
    first, last = (min(max(int(seconds * SAMPLE_RATE), 24), count // 2) for seconds in (rise, fall))
    envelope[:first] = np.sin(np.linspace(0, np.pi / 2, first, dtype=np.float32)) ** 2
    envelope[count - last :] *= np.cos(np.linspace(0, np.pi / 2, last, dtype=np.float32)) ** 2
    return envelope


@dataclass(frozen=True, slots=True)
class SweepLayer:
    """Noise in a band that moves: air around something that passes.

    Attributes:
        seconds: usual length.
        centre_hz: centre of the band at the start, at the loudest point and at the end.
        level_db: RMS at the loudest point, dB.
        peak: the loudest point as a share of the length.
        start: seconds after the attack; negative for a sound that leads up to it.
        stretched: its length is that of the event.
    """

    seconds: float
    centre_hz: tuple[float, float, float]
    level_db: float = 0.0
    peak: float = 0.55
    start: float = 0.0
    stretched: bool = True

    def render_layer(self, strike: Strike) -> tuple[int, Mono]:
        """Return the start in samples relative to the attack, and the samples."""
        rng = strike.rng
        seconds = self.seconds * rng.uniform(0.8, 1.25)
        if self.stretched and strike.duration is not None:
            seconds = strike.duration
        frames = min(max(int(seconds * SAMPLE_RATE / WHOOSH_HOP_SAMPLES), 4), MAX_LAYER_SAMPLES // WHOOSH_HOP_SAMPLES)
        at = (np.arange(frames) + 0.5) / frames
        peak = np.clip(self.peak + rng.uniform(-0.08, 0.08), 0.1, 0.9)
        bell = np.where(at < peak, np.sin(0.5 * np.pi * at / peak), np.cos(0.5 * np.pi * (at - peak) / (1 - peak))) ** 2
        centre = np.exp(np.interp(at, (0, peak, 1), np.log(self.centre_hz)))
        centre *= strike.pitch_factor**0.3 * 2.0 ** (1.2 * (strike.strength - 0.8) + rng.uniform(-0.25, 0.25))
        magnitudes = band_magnitudes(bell, centre)
        wave = join_frames(magnitudes * random_phasors(magnitudes.shape, rng))
        return round(self.start * SAMPLE_RATE), wave * np.float32(db_to_gain(self.level_db))
