"""Voices by source and filter: pulses of a larynx, a reed or an engine through the resonances of a tube."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ....cue import SAMPLE_RATE
from ...dsp import db_to_gain
from .layers import MAX_LAYER_SAMPLES, Strike, transform_size
from .sustained import fade_ends

if TYPE_CHECKING:
    from ..noise import Mono

Formants = tuple[tuple[float, float, float], ...]
"""Resonances as (Hz, bandwidth in Hz, level in dB)."""


@dataclass(frozen=True, slots=True)
class VoiceLayer:
    """One call, or several, of a source through resonances.

    Attributes:
        seconds: length of a call.
        pitch: the source's pitch as (share of the call, Hz) points.
        formants: sets of resonances that the call goes through, first to last.
        level_db: RMS in its middle, dB.
        pulse: width of a pulse as a share of its period: small is bright and harsh, 0.5 nearly a sine.
        breath_db: level of the noise beside the pulses, dB.
        jitter: share by which periods vary.
        rough: how much pulses differ in level: 0: even; 1: a growl.
        vibrato: (Hz, share) of a periodic change of pitch.
        rise: seconds of a call's rise.
        fall: seconds of its fall.
        calls: fewest and most calls.
        gap: seconds between the starts of calls beyond a call's own length, fewest and most.
        variation: octaves by which the pitch differs from sound to sound.
        size_power: pitch and resonances fall as the size to this power.
        stretched: one call is as long as the event; otherwise calls repeat for as long.
        shuffled: each call takes its sets of resonances at random, as speech does.
        start: seconds after the attack.
        floor_db: level of what lies between the resonances, dB.
        droop_db: how much quieter a call is at its end than after its rise, dB.
    """

    seconds: float
    pitch: tuple[tuple[float, float], ...]
    formants: tuple[Formants, ...]
    level_db: float = 0.0
    pulse: float = 0.15
    breath_db: float = -20.0
    jitter: float = 0.01
    rough: float = 0.1
    vibrato: tuple[float, float] = (0.0, 0.0)
    rise: float = 0.03
    fall: float = 0.06
    calls: tuple[int, int] = (1, 1)
    gap: tuple[float, float] = (0.05, 0.15)
    variation: float = 0.15
    size_power: float = 0.3
    stretched: bool = False
    shuffled: bool = False
    start: float = 0.0
    floor_db: float = -36.0
    droop_db: float = 4.0

    def render_layer(self, strike: Strike) -> tuple[int, Mono]:
        """Return the start in samples relative to the attack, and the samples."""
        rng = strike.rng
        tuning = 2.0 ** rng.uniform(-self.variation, self.variation) * strike.pitch_factor**self.size_power
        tuning *= 2.0 ** (0.25 * (strike.strength - 0.8))  # effort raises the pitch
        length = self.seconds
        count = int(rng.integers(self.calls[0], self.calls[1] + 1))
        if strike.duration is not None:
            if self.stretched:
                length = strike.duration
            else:
                count = max(round(strike.duration / (self.seconds + sum(self.gap) / 2)), 1)
        parts, at, longest = [], 0, 0
        for _ in range(count):
            seconds = length if strike.duration is not None and self.stretched else length * rng.uniform(0.8, 1.25)
            call = self._render_call(max(seconds, 0.02), tuning * 2.0 ** rng.uniform(-0.05, 0.05), strike)
            parts.append((at, call))
            longest = at + len(call)
            at = longest + int(rng.uniform(*self.gap) * SAMPLE_RATE)
            if longest > MAX_LAYER_SAMPLES:
                break
        wave = np.zeros(longest, np.float32)
        for place, call in parts:
            wave[place : place + len(call)] += call
        return round(self.start * SAMPLE_RATE), wave * np.float32(db_to_gain(self.level_db))

    def _render_call(self, seconds: float, tuning: float, strike: Strike) -> Mono:
        rng = strike.rng
        count = min(int(seconds * SAMPLE_RATE), MAX_LAYER_SAMPLES)
        points = np.array(self.pitch)
        grid = np.linspace(0, 1, max(count // 64, 8))
        hertz = np.exp(np.interp(grid, points[:, 0], np.log(points[:, 1]))) * tuning
        hertz *= 1 + self.jitter * rng.standard_normal(len(grid))
        if self.vibrato[0]:
            hertz *= 1 + self.vibrato[1] * np.sin(2 * np.pi * (self.vibrato[0] * grid * seconds + rng.random()))
        phase = np.cumsum(np.interp(np.linspace(0, 1, count), grid, hertz)) / SAMPLE_RATE
        cycle = phase.astype(np.int32)
        inside = (phase - cycle).astype(np.float32)
        # A Gaussian pulse has no sharp edge to alias; its width decides how bright it is.
        width = self.pulse * 1.6 ** (0.8 - strike.strength)
        width = max(width, 2.2 * float(hertz.max()) / SAMPLE_RATE)
        pulses = np.exp(-(((inside - np.float32(0.5)) / np.float32(width)) ** 2))
        gains = np.exp(0.9 * self.rough * rng.standard_normal(int(cycle[-1]) + 1)).astype(np.float32)
        pulses *= gains[cycle]
        noise = rng.standard_normal(count, dtype=np.float32)
        # Breath flows most while the glottis is open.
        noise *= np.float32(db_to_gain(self.breath_db)) * (np.float32(0.4) + pulses) * np.float32(2.0)
        pulses -= pulses.mean()
        source = pulses / np.float32(np.sqrt(np.mean(pulses**2)) + 1e-9) + noise
        call = self._filter_source(source, tuning**0.5, strike) * fade_ends(count, self.rise, self.fall)
        return call * db_to_gain(np.linspace(0, -self.droop_db, count)).astype(np.float32)

    def _filter_source(self, source: Mono, tuning: float, strike: Strike) -> Mono:
        """Return the source through the sets of resonances, one fading into the next, with RMS near 1."""
        rng, count = strike.rng, len(source)
        size = transform_size(count)
        hertz = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(SAMPLE_RATE / size)
        shade = hertz * np.float32(2.0 ** (1.6 * (1 - strike.strength)) / 9000.0)  # a soft voice is dull
        # No rumble below the voice.
        spectrum = np.fft.rfft(source, size) * (np.minimum(hertz / np.float32(60.0), 1) / (1 + shade * shade))
        wave = np.zeros(count, np.float32)
        sets = self.formants
        if self.shuffled:
            sets = tuple(
                self.formants[index]
                for index in rng.choice(len(self.formants), min(2, len(self.formants)), replace=False)
            )
        for index, formants in enumerate(sets):
            gains = np.full(len(hertz), db_to_gain(self.floor_db), np.float32)
            for centre, width, level_db in formants:
                moved = centre * tuning * rng.uniform(0.95, 1.05)
                gains += np.float32(db_to_gain(level_db)) / (
                    1 + np.abs((hertz - np.float32(moved)) / np.float32(0.5 * width * tuning)) ** 2
                )
            part = np.fft.irfft(spectrum * gains, size)[:count].astype(np.float32)
            part /= np.float32(np.sqrt(np.mean(part**2)) + 1e-9)
            if len(sets) > 1:
                distance = np.abs(np.linspace(0, len(sets) - 1, count, dtype=np.float32) - index)
                part *= np.clip(1 - distance, 0, 1)
            wave += part
        return wave
