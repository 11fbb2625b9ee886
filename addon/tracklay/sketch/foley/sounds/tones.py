"""Layers of tones: chords of horns, whistles and sirens by their harmonics, and things that are struck again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ....cue import SAMPLE_RATE
from ...dsp import db_to_gain
from .layers import MAX_LAYER_SAMPLES, Layer, SpectrumPoints, Strike, filtered_noise
from .sustained import fade_ends

if TYPE_CHECKING:
    from ..noise import Mono

_HIGHEST_HZ = 15_000.0
"""Harmonics above it are left out: they would alias, and are hardly heard."""

_CONTROL_SAMPLES = 64
"""Samples between two values of a pitch curve."""

_SOFT_TILT_DB = 7.0
"""How much each octave of harmonics is lower at strength 0 than at strength 1, dB: less air, or less current, is duller."""


@dataclass(frozen=True, slots=True)
class ToneLayer:
    """Notes that sound together, each with the same harmonics: reeds, diaphragms, pipes, oscillators.

    Attributes:
        notes: pitches of the notes, Hz.
        harmonics: level of each harmonic from the first, dB.
        seconds: usual length.
        level_db: RMS in its middle, dB.
        contour: factor on the pitch as (seconds from the start, factor) points: a horn that speaks, a kettle that comes to the boil.
        cycle: factor on the pitch as (seconds, factor) points that repeat: a siren. Empty: none.
        trill: (Hz, share of the pitch, depth of the level from 0 to 1) of a fast change, irregular as the pea of a whistle.
        pulses: seconds on and off in turn, repeated; empty: it goes on.
        unsteadiness: share by which the pitch wanders.
        breath: spectrum of the air that is heard beside the tone; empty: none.
        breath_db: its level relative to the tone, dB.
        rise: seconds from silence to its loudest, of each pulse too.
        fall: seconds of its fade.
        spread: share by which the notes are out of tune with each other.
        variation: octaves by which the pitch differs from sound to sound.
        effort: octaves by which the pitch rises from strength 0 to 1: a whistle that is blown harder.
        size_power: the pitch falls as the size to this power.
    """

    notes: tuple[float, ...]
    harmonics: tuple[float, ...]
    seconds: float
    level_db: float = 0.0
    contour: tuple[tuple[float, float], ...] = ()
    cycle: tuple[tuple[float, float], ...] = ()
    trill: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pulses: tuple[float, ...] = ()
    unsteadiness: float = 0.001
    breath: SpectrumPoints = ()
    breath_db: float = -20.0
    rise: float = 0.03
    fall: float = 0.08
    spread: float = 0.004
    variation: float = 0.1
    effort: float = 0.0
    size_power: float = 0.25

    def render_layer(self, strike: Strike) -> tuple[int, Mono]:
        """Return the start in samples relative to the attack, and the samples."""
        rng = strike.rng
        seconds = self.seconds * rng.uniform(0.85, 1.2) if strike.duration is None else strike.duration
        count = min(max(int(seconds * SAMPLE_RATE), 2400), MAX_LAYER_SAMPLES)
        octaves = rng.uniform(-self.variation, self.variation) + self.effort * (strike.strength - 0.8)
        tuning = 2.0**octaves * strike.pitch_factor**self.size_power
        bend, level = self._curves(count, rng)
        wave = np.zeros(count, np.float32)
        for note in self.notes:
            out_of_tune = 1 + self.spread * rng.uniform(-1, 1)
            wave += self._render_note(note * tuning * out_of_tune, bend, strike)
        wave /= np.float32(np.sqrt(np.mean(wave**2)) + 1e-9)
        if self.breath:
            wave += filtered_noise(self.breath, count, rng, moved=tuning) * np.float32(db_to_gain(self.breath_db))
        wave *= level * fade_ends(count, self.rise, self.fall) * np.float32(db_to_gain(self.level_db))
        return 0, wave

    def _curves(self, count: int, rng: np.random.Generator) -> tuple[Mono, Mono]:
        """Return the factor on the pitch and that on the level: each (count,)."""
        grid = np.arange(0, count + _CONTROL_SAMPLES, _CONTROL_SAMPLES)
        seconds = grid / SAMPLE_RATE
        bend = np.ones(len(grid))
        if self.contour:
            times, factors = np.array(self.contour).T
            bend *= np.exp(np.interp(seconds, times, np.log(factors)))
        if self.cycle:
            times, factors = np.array(self.cycle).T
            bend *= np.exp(np.interp((seconds + rng.random() * times[-1]) % times[-1], times, np.log(factors)))
        tenths = np.arange(0, seconds[-1] + 0.2, 0.1)
        wander = np.interp(seconds, tenths, rng.standard_normal(len(tenths)))
        bend *= 1 + self.unsteadiness * wander
        level = np.ones(len(grid))
        hertz, share, depth = self.trill
        if hertz:
            # The pea circles unevenly: its rate wanders by a tenth.
            turns = np.cumsum(hertz * (1 + 0.1 * wander)) * _CONTROL_SAMPLES / SAMPLE_RATE + rng.random()
            bend *= 1 + share * np.sin(2 * np.pi * turns)
            level *= 1 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * turns))
        bent, shaped = (np.interp(np.arange(count), grid, curve).astype(np.float32) for curve in (bend, level))
        if self.pulses:
            shaped *= _pulse_envelope(self.pulses, count, self.rise)
        return bent, shaped

    def _render_note(self, hertz: float, bend: Mono, strike: Strike) -> Mono:
        """Return the harmonics of one note."""
        turns = np.cumsum(bend, dtype=np.float64) * (hertz / SAMPLE_RATE) + strike.rng.random()
        one = np.exp(2j * np.pi * (turns % 1)).astype(np.complex64)
        power, wave = one.copy(), np.zeros(len(bend), np.float32)
        highest = hertz * float(bend.max())
        for number, level_db in enumerate(self.harmonics, 1):
            if number * highest > _HIGHEST_HZ:
                break
            duller = _SOFT_TILT_DB * (1 - strike.strength) * np.log2(number)
            # Each harmonic begins at its own phase, as the paths through a horn or a room give it.
            phase = np.exp(2j * np.pi * strike.rng.random())
            wave += (power.real * np.float32(phase.real) - power.imag * np.float32(phase.imag)) * np.float32(
                db_to_gain(level_db - duller)
            )
            power *= one
        return wave


def _pulse_envelope(pulses: tuple[float, ...], count: int, edge: float) -> Mono:
    """Return an envelope of times on and off in turn, repeated, with soft edges: (count,)."""
    period = np.zeros(max(int(sum(pulses) * SAMPLE_RATE), 1), np.float32)
    at = 0
    for number, seconds in enumerate(pulses):
        length = int(seconds * SAMPLE_RATE)
        if number % 2 == 0:
            period[at : at + length] = fade_ends(length, edge, edge)
        at += length
    repeated: Mono = np.tile(period, -(-count // len(period)))[:count]
    return repeated


@dataclass(frozen=True, slots=True)
class RepeatLayer:
    """A layer that is struck again and again: the clapper of an electric bell, an alarm clock.

    Attributes:
        layer: what is struck.
        rate_hz: strikes a second.
        seconds: usual length.
        unevenness: share by which the times and levels of strikes vary.
        alternating: every second strike is on another body, tuned by this factor; 1: on the same one.
    """

    layer: Layer
    rate_hz: float
    seconds: float
    unevenness: float = 0.03
    alternating: float = 1.0

    def render_layer(self, strike: Strike) -> tuple[int, Mono]:
        """Return the start in samples relative to the attack, and the samples."""
        rng = strike.rng
        seconds = self.seconds * rng.uniform(0.85, 1.2) if strike.duration is None else strike.duration
        count = min(max(int(seconds * SAMPLE_RATE), 2400), MAX_LAYER_SAMPLES)
        step = SAMPLE_RATE / (self.rate_hz * rng.uniform(0.93, 1.07))
        # The same body each time: one sound per gong, of which the size is that of the pitch.
        sizes = strike.size, min(strike.size / self.alternating**2, 1.0)
        bodies = [self.layer.render_layer(Strike(strike.strength, size, rng))[1] for size in sizes]
        wave = np.zeros(count, np.float32)
        for number in range(int(count / step) + 1):
            at = int(max(number + self.unevenness * rng.uniform(-1, 1), 0) * step)
            body = bodies[number % 2 if self.alternating != 1 else 0][: max(count - at, 0)]
            wave[at : at + len(body)] += body * np.float32(1 + self.unevenness * rng.uniform(-1, 1))
        return 0, wave * fade_ends(count, 0.0005, 0.06)
