"""The layers that sounds are made of: noise, ringing modes, crackle and small chirps.

A layer is data; its `render_layer` returns mono samples and the sample, relative to the attack, at which they start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from ....cue import SAMPLE_RATE
from ...dsp import db_to_gain, fft_frequencies
from ..noise import Mono, spectrum_amplitudes

SpectrumPoints = tuple[tuple[float, float], ...]
"""A spectrum as (Hz, dB) points, straight between them on a scale of octaves."""

MAX_LAYER_SAMPLES: Final = 8 * SAMPLE_RATE
"""Longest layer in samples."""

_LN_10 = float(np.log(10))
_REFERENCE_SIZE = 0.15
"""Share of the frame's width at which a thing sounds at the pitch of its recipe."""
_PHASOR_ROW_SAMPLES = 256
"""Samples in a row of the matrix that the modes are computed as (see `render_modes`)."""
_PHASOR_FINE_STEPS = 16
"""Powers that `_exponential_powers` computes one by one; the others are products of two."""
_GRAIN_BLOCK_SAMPLES = 1024
_EDGE_SAMPLES = 24
"""Shortest rise of a layer, 0.5 ms; below it a rise is heard as a click."""
_EDGE = np.linspace(0, 1, _EDGE_SAMPLES, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Strike:
    """The circumstances of one sound.

    Attributes:
        strength: 0 (barely touched) to 1 (as hard as it goes).
        size: width of the thing as a share of the picture's, 0 to 1.
        rng: source of all variation.
        duration: seconds of a sustained sound, or None for its usual length.
        ring_limit: longest time in which a ringing part falls by 20 dB, seconds, or None.
    """

    strength: float
    size: float
    rng: np.random.Generator
    duration: float | None = None
    ring_limit: float | None = None

    @property
    def pitch_factor(self) -> float:
        """The factor of the size on a pitch that falls with it in full."""
        return _REFERENCE_SIZE / min(max(self.size, 0.02), 1.0)


class Layer(Protocol):
    """One part of a sound."""

    def render_layer(self, strike: Strike) -> tuple[int, Mono]:
        """Return the start in samples relative to the attack, and the samples."""
        ...


@dataclass(frozen=True, slots=True)
class BurstLayer:
    """A burst of shaped noise.

    Attributes:
        shape: its spectrum.
        decay: seconds in which it falls by 20 dB after its hold.
        level_db: RMS at its loudest, dB.
        rise: seconds from silence to its loudest.
        hold: seconds that it stays loudest.
        start: seconds after the attack; negative for a sound before it.
        softness: octaves by which a sound at strength 0 is duller than at strength 1.
        cutoff_hz: corner of the low-pass that strength moves.
        size_power: the spectrum moves down as the size to this power.
        spread: share by which times vary from sound to sound.
        flutter: depth of a random slow modulation, 0 to 1: handling, rustling, turbulence.
        flutter_hz: bandwidth of that modulation.
    """

    shape: SpectrumPoints
    decay: float
    level_db: float = 0.0
    rise: float = 0.0005
    hold: float = 0.0
    start: float = 0.0
    softness: float = 1.5
    cutoff_hz: float = 9000.0
    size_power: float = 0.0
    spread: float = 0.2
    flutter: float = 0.0
    flutter_hz: float = 30.0

    def render_layer(self, strike: Strike) -> tuple[int, Mono]:
        """Return the start in samples relative to the attack, and the samples."""
        rng = strike.rng
        stretch = 1 + self.spread * rng.uniform(-1, 1)
        decay, hold = self.decay * stretch, self.hold * stretch
        if strike.ring_limit is not None:
            decay = min(decay, strike.ring_limit)
        rise = max(int(self.rise * stretch * SAMPLE_RATE), _EDGE_SAMPLES)
        held = int(hold * SAMPLE_RATE)
        fall = int(2.3 * decay * SAMPLE_RATE) + _EDGE_SAMPLES  # to -46 dB, the last part faded
        count = min(rise + held + fall, MAX_LAYER_SAMPLES)
        cutoff = self.cutoff_hz * 2.0 ** (self.softness * (strike.strength - 1))
        wave = filtered_noise(self.shape, count, rng, cutoff, strike.pitch_factor**self.size_power)
        envelope = np.ones(count, np.float32)
        envelope[:rise] = np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32)) ** 2
        tail = count - rise - held
        if tail > 0:
            envelope[rise + held :] = np.exp(
                np.arange(tail, dtype=np.float32) * np.float32(-_LN_10 / (decay * SAMPLE_RATE))
            )
        if self.flutter:
            envelope *= slow_modulation(count, self.flutter, self.flutter_hz, rng)
        faded = min(count, max(fall // 8, _EDGE_SAMPLES))
        envelope[-faded:] *= np.linspace(1, 0, faded, dtype=np.float32)
        wave *= envelope * np.float32(db_to_gain(self.level_db))
        jitter = 1 + self.spread * rng.uniform(-1, 1)
        return round(self.start * jitter * SAMPLE_RATE), wave


def slow_modulation(count: int, depth: float, hertz: float, rng: np.random.Generator) -> Mono:
    """Return a positive random curve with mean near 1 that moves at about `hertz`: (count,)."""
    step = max(int(SAMPLE_RATE / (2 * hertz)), 1)
    values = np.exp(
        1.2 * depth * rng.standard_normal(count // step + 2, dtype=np.float32) - np.float32(0.72 * depth * depth)
    )
    ramp = np.arange(step, dtype=np.float32) / np.float32(step)
    curve: Mono = (values[:-1, None] + np.diff(values)[:, None] * ramp).reshape(-1)[:count]
    return curve


@lru_cache(maxsize=256)
def _shape_gains(shape: SpectrumPoints, size: int, moved: float) -> Mono:
    """Return the linear amplitude of `shape`, moved by a factor in frequency, in the bins of a transform of `size`.

    Bins above the last one that is within 60 dB of the loudest are left out: a dull sound needs few random numbers.
    """
    gains = spectrum_amplitudes(shape, size, moved)
    # Above its points a spectrum falls by 18 dB per octave, so that what is not meant is not heard.
    gains *= np.minimum(shape[-1][0] * moved / np.maximum(fft_frequencies(size), 1.0), 1.0) ** 3
    scaled: Mono = (gains / np.sqrt(np.mean(gains**2) + 1e-20)).astype(np.float32)
    return scaled[: int(np.nonzero(scaled > 1e-3 * scaled.max())[0][-1]) + 1]


def transform_size(samples: int) -> int:
    """Return a size with small prime factors, at least `samples` and at least 512."""
    power: int = 1 << max((max(samples, 2) - 1).bit_length(), 9)
    return next(size for size in (power * 9 // 16, power * 5 // 8, power * 3 // 4, power) if size >= samples)


def filtered_noise(
    shape: SpectrumPoints, samples: int, rng: np.random.Generator, cutoff_hz: float = 0.0, moved: float = 1.0
) -> Mono:
    """Return noise with the spectrum `shape`, RMS near 1 before the low-pass at `cutoff_hz` (12 dB an octave; 0: none)."""
    size = transform_size(samples)
    gains = _shape_gains(shape, size, round(moved, 2))
    if cutoff_hz:
        ratio = np.arange(len(gains), dtype=np.float32) * np.float32(SAMPLE_RATE / size / cutoff_hz)
        gains = gains / (1 + ratio * ratio)
    parts = rng.standard_normal(2 * len(gains), dtype=np.float32)
    # White noise has independent bins: drawing them saves the transform there.
    spectrum = parts.view(np.complex64) * (gains * np.float32(np.sqrt(size / 2)))
    wave: Mono = np.fft.irfft(spectrum, size)[:samples].astype(np.float32)
    return wave


@dataclass(frozen=True, slots=True)
class ModeLayer:
    """Modes of a body, struck together.

    Attributes:
        pitch_hz: lowest mode at the reference size.
        ratios: frequencies of the modes, as ratios to the lowest.
        damping: a mode at f Hz decays by `damping[0] + damping[1] * f` nepers per second.
        contact: seconds of the contact at full strength; it removes what is above about 1 / (2 contact) Hz.
        level_db: RMS over the first milliseconds, dB.
        size_power: the pitch falls as the size to this power.
        tilt: a mode's level falls as its ratio to this power.
        spread: share by which a mode's frequency varies from hit to hit.
        split: share by which each mode is split into two that beat.
        glide: share by which the pitch starts too high (negative: too low), settling over `glide_seconds`.
        glide_seconds: time of the glide.
        start: seconds after the attack.
        detune: octaves by which the whole varies from hit to hit.
        rise: seconds of the rise.
    """

    pitch_hz: float
    ratios: tuple[float, ...]
    damping: tuple[float, float]
    contact: float = 0.0005
    level_db: float = 0.0
    size_power: float = 0.5
    tilt: float = 0.5
    spread: float = 0.02
    split: float = 0.0
    glide: float = 0.0
    glide_seconds: float = 0.03
    start: float = 0.0
    detune: float = 0.08
    rise: float = 0.0004

    def render_layer(self, strike: Strike) -> tuple[int, Mono]:
        """Return the start in samples relative to the attack, and the samples."""
        rng = strike.rng
        lowering = strike.pitch_factor**self.size_power
        pitch = self.pitch_hz * lowering * 2.0 ** rng.uniform(-self.detune, self.detune)
        # A harder hit has a shorter contact (Hertz: speed to the power -1/5), exaggerated: soft hits are heard as dull.
        contact = self.contact * 3.2 ** (1 - strike.strength) * lowering**-0.5
        ratios = np.repeat(np.array(self.ratios), 2) if self.split else np.array(self.ratios)
        hertz = pitch * ratios * (1 + self.spread * rng.uniform(-1, 1, len(ratios)) * (ratios > 1))
        if self.split:
            hertz[1::2] = hertz[::2] * (1 + self.split * rng.uniform(0.3, 1.0, len(ratios) // 2))
        # The point of impact decides which modes it excites: none at a mode's node, most at its antinode.
        level = rng.uniform(0.25, 1.0, len(ratios)) * ratios**-self.tilt / (1 + (2 * hertz * contact) ** 2)
        decay = (self.damping[0] + self.damping[1] * hertz) * rng.uniform(0.85, 1.2, len(ratios))
        if strike.ring_limit is not None:
            decay = np.maximum(decay, _LN_10 / strike.ring_limit)
        body = render_modes(hertz, level, decay, rng)
        if self.glide:
            body = bend_pitch(body, self.glide * (0.3 + 0.7 * strike.strength), self.glide_seconds)
        rise = max(int(self.rise * 1.5 ** (1 - strike.strength) * SAMPLE_RATE), 12)
        body[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
        faded = min(len(body), 480)
        body[-faded:] *= np.linspace(1, 0, faded, dtype=np.float32)
        return round(self.start * SAMPLE_RATE), body * np.float32(db_to_gain(self.level_db))


def render_modes(
    hertz: npt.NDArray[np.float64],
    level: npt.NDArray[np.float64],
    decay: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> Mono:
    """Return decaying tones that start together, with RMS near 1 at the start.

    `hertz`, `level` (linear) and `decay` (nepers per second) have one value per mode; modes near or above the Nyquist
    frequency are left out.
    """
    audible = hertz < 0.42 * SAMPLE_RATE
    hertz, level, decay = hertz[audible], level[audible], decay[audible]
    level = level / (np.sqrt(0.5 * np.sum(level**2)) + 1e-12)
    # Beyond 63 dB a mode is inaudible; computing it further would only cost time.
    lengths = np.minimum((3.15 * _LN_10 / decay * SAMPLE_RATE).astype(int) + 1, MAX_LAYER_SAMPLES)
    # exp(step * (row * ROW + column)) factors into an outer product over rows and columns, so the sum of all modes is one
    # matrix product: phases are exact and no sample needs an exponential.
    rows = -(-int(lengths.max(initial=_PHASOR_ROW_SAMPLES)) // _PHASOR_ROW_SAMPLES)
    step = (1j * 2 * np.pi * hertz - decay) / SAMPLE_RATE
    down = _exponential_powers(_PHASOR_ROW_SAMPLES * step, rows)
    down[np.arange(rows)[:, None] * _PHASOR_ROW_SAMPLES >= lengths] = 0
    phase = np.exp(1j * rng.uniform(-0.7, 0.7, len(hertz)))
    across = _exponential_powers(step, _PHASOR_ROW_SAMPLES).T * (phase * level)[:, None]
    body = np.hstack([down.real, -down.imag]).astype(np.float32) @ np.vstack([across.real, across.imag]).astype(
        np.float32
    )
    return body.reshape(-1)


def _exponential_powers(step: npt.NDArray[np.complexfloating], count: int) -> npt.NDArray[np.complexfloating]:
    """Return exp(k * step) for k from 0 to `count` - 1: (count, steps).

    A multiplication costs a tenth of an exponential, so each power is the product of a coarse and a fine one.
    """
    fine = np.exp(np.arange(_PHASOR_FINE_STEPS)[:, None] * step)
    coarse = np.exp(np.arange(-(-count // _PHASOR_FINE_STEPS))[:, None] * (_PHASOR_FINE_STEPS * step))
    powers: npt.NDArray[np.complexfloating] = (coarse[:, None] * fine).reshape(-1, step.size)[:count]
    return powers


def bend_pitch(wave: Mono, amount: float, seconds: float) -> Mono:
    """Return `wave` with its pitch raised by the share `amount` at its start, settling over `seconds`."""
    settle = seconds * SAMPLE_RATE
    position = np.arange(len(wave), dtype=np.float64)
    position += amount * settle * (1 - np.exp(-position / settle))
    return np.interp(position, np.arange(len(wave)), wave, right=0.0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class CrackleLayer:
    """Many tiny impulses through one filter: grit, crumbs, creases, teeth.

    Attributes:
        shape: spectrum of a grain.
        rate: grains per second where they are densest.
        decay: seconds in which the density falls by 20 dB.
        level_db: RMS where they are densest, dB.
        hold: seconds that the density stays.
        rise: seconds of the density's rise.
        start: seconds after the attack.
        unevenness: spread of the grains' levels; 0: all alike, 1: a few stand out.
        softness: octaves by which a sound at strength 0 is duller than at strength 1.
        cutoff_hz: corner of the low-pass that strength moves.
        spread: share by which times vary.
        grain_seconds: time in which a grain falls by 20 dB.
        size_power: the spectrum moves down as the size to this power.
    """

    shape: SpectrumPoints
    rate: float
    decay: float
    level_db: float = 0.0
    hold: float = 0.0
    rise: float = 0.002
    start: float = 0.0
    unevenness: float = 0.6
    softness: float = 1.0
    cutoff_hz: float = 12000.0
    spread: float = 0.25
    grain_seconds: float = 0.003
    size_power: float = 0.15

    def render_layer(self, strike: Strike) -> tuple[int, Mono]:
        """Return the start in samples relative to the attack, and the samples."""
        rng = strike.rng
        stretch = 1 + self.spread * rng.uniform(-1, 1)
        rise, hold, decay = self.rise * stretch, self.hold * stretch, self.decay * stretch
        count = min(int((rise + hold + 2.2 * decay) * SAMPLE_RATE) + 480, MAX_LAYER_SAMPLES)
        expected = self.rate * (rise / 2 + hold + 0.43 * decay) * (0.4 + 0.6 * strike.strength)
        shares = rng.random(max(int(rng.poisson(expected)), 3))
        # The density rises, holds and falls; its integral, inverted, places uniform numbers in time.
        fading = 0.43 * decay
        edges = np.cumsum([rise / 2, hold, fading])
        amount = shares * edges[-1]
        rising = np.sqrt(2 * amount * rise)
        left = 1 - np.clip((amount - edges[1]) / fading, 0, 0.999)
        falling = rise + hold - fading * np.log(left)
        times = np.where(amount < edges[0], rising, np.where(amount < edges[1], rise + amount - edges[0], falling))
        places = (times * SAMPLE_RATE).astype(int)
        kept = places < count - 480
        levels = uneven_levels(len(places), self.unevenness, rng) * rng.choice((-1.0, 1.0), len(places))
        levels *= np.exp(-0.5 * np.maximum(times - rise - hold, 0) / decay)
        cutoff = self.cutoff_hz * 2.0 ** (self.softness * (strike.strength - 1))
        grain = render_grain(self.shape, self.grain_seconds, cutoff, rng, strike.pitch_factor**self.size_power)
        wave = scatter_grains(places[kept], levels[kept], count, grain)
        wave *= np.float32(db_to_gain(self.level_db) * np.sqrt(SAMPLE_RATE / self.rate))
        wave[:_EDGE_SAMPLES] *= _EDGE
        wave[-480:] *= np.linspace(1, 0, 480, dtype=np.float32)
        return round(self.start * (1 + self.spread * rng.uniform(-1, 1)) * SAMPLE_RATE), wave


def uneven_levels(count: int, unevenness: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return the levels of `count` grains with RMS near 1: alike at unevenness 0, far apart at 1, none above 3."""
    levels = np.minimum(np.exp(1.2 * unevenness * (rng.standard_normal(count) - 1.2 * unevenness)), 3.0)
    scaled: npt.NDArray[np.float64] = levels / np.sqrt(np.mean(levels**2) + 1e-12)
    return np.minimum(scaled, 3.0)


def scatter_grains(
    places: npt.NDArray[np.int_],
    levels: npt.NDArray[np.float64],
    count: int,
    grain: Mono,
) -> Mono:
    """Return `count` samples with a copy of `grain` at each of `places`, at its level.

    The convolution runs in blocks of _GRAIN_BLOCK_SAMPLES: their transforms fit a cache, one over the whole would not.
    """
    hop = _GRAIN_BLOCK_SAMPLES - len(grain) + 1
    blocks = -(-count // hop)
    impulses = np.bincount(places, levels, blocks * hop).astype(np.float32).reshape(blocks, hop)
    response = np.fft.rfft(grain, _GRAIN_BLOCK_SAMPLES).astype(np.complex64)
    parts = np.fft.irfft(np.fft.rfft(impulses, _GRAIN_BLOCK_SAMPLES, axis=1) * response, _GRAIN_BLOCK_SAMPLES, axis=1)
    wave = np.zeros((blocks + 1) * hop, np.float32)
    wave[:-hop] += parts[:, :hop].reshape(-1)
    overlap = wave[hop:].reshape(blocks, hop)
    overlap[:, : len(grain) - 1] += parts[:, hop:]
    return wave[:count]


def render_grain(
    shape: SpectrumPoints, seconds: float, cutoff_hz: float, rng: np.random.Generator, moved: float = 1.0
) -> Mono:
    """Return one grain: shaped noise that falls by 20 dB in `seconds`, with energy 1."""
    length = min(int(1.6 * seconds * SAMPLE_RATE) + _EDGE_SAMPLES, _GRAIN_BLOCK_SAMPLES // 2)
    grain = filtered_noise(shape, length, rng, cutoff_hz, moved)
    grain *= np.exp(np.arange(length, dtype=np.float32) * np.float32(-_LN_10 / (seconds * SAMPLE_RATE)))
    grain[-_EDGE_SAMPLES:] *= _EDGE[::-1]
    return grain / np.float32(np.sqrt(np.sum(grain**2)) + 1e-9)


@dataclass(frozen=True, slots=True)
class ChirpLayer:
    """Small tones after a hit: bubbles, shards, coins that settle.

    Attributes:
        count: tones at full strength; a soft hit has fewer.
        seconds: time in which most of them start.
        min_hz: lowest pitch.
        max_hz: highest pitch.
        cycles: periods of its pitch in which a tone falls by 20 dB.
        level_db: level of a tone, dB.
        pitch_rise: share of its pitch by which a tone rises while it decays.
        start: seconds after the attack.
        size_power: the pitches fall as the size to this power.
    """

    count: int
    seconds: float
    min_hz: float
    max_hz: float
    cycles: float
    level_db: float
    pitch_rise: float = 0.0
    start: float = 0.0
    size_power: float = 0.25

    def render_layer(self, strike: Strike) -> tuple[int, Mono]:
        """Return the start in samples relative to the attack, and the samples."""
        rng = strike.rng
        count = max(int(rng.poisson(self.count * (0.3 + 0.7 * strike.strength))), 2)
        starts = np.minimum(rng.exponential(self.seconds * 0.45, count), 2.2 * self.seconds)
        hertz = self.min_hz * (self.max_hz / self.min_hz) ** rng.random(count) * strike.pitch_factor**self.size_power
        hertz = np.minimum(hertz, 0.4 * SAMPLE_RATE).astype(np.float32)
        decays = (self.cycles / hertz * rng.uniform(0.6, 1.4, count)).astype(np.float32)
        length = min(int(float(decays.max()) * 2.3 * SAMPLE_RATE) + 64, SAMPLE_RATE // 2)
        tones = _render_chirps(hertz, decays, self.pitch_rise, length, rng)
        level = rng.uniform(0.3, 1.5, count) * np.exp(-0.7 * starts / self.seconds) * db_to_gain(self.level_db) * 1.4
        tones *= level.astype(np.float32)[:, None]
        tones[:, :24] *= np.linspace(0, 1, 24, dtype=np.float32)
        tones[:, -64:] *= np.linspace(1, 0, 64, dtype=np.float32)
        places = (starts * SAMPLE_RATE).astype(int)
        wave = np.zeros(int(places.max()) + length, np.float32)
        for place, tone in zip(places, tones, strict=True):
            wave[place : place + length] += tone
        return round(self.start * SAMPLE_RATE), wave


def _render_chirps(hertz: Mono, decays: Mono, pitch_rise: float, length: int, rng: np.random.Generator) -> Mono:
    """Return one decaying tone for each of `hertz` and `decays` (seconds for 20 dB): (tones, length)."""
    count = len(hertz)
    phase = rng.random((count, 1), dtype=np.float32)
    if pitch_rise:
        seconds = np.arange(length, dtype=np.float32) / np.float32(SAMPLE_RATE)
        bend = (0.5 * pitch_rise / (2.3 * decays))[:, None].astype(np.float32)
        cycles = hertz[:, None] * seconds * (1 + bend * seconds) + phase
        bent: Mono = np.sin(np.float32(2 * np.pi) * cycles) * np.exp(np.float32(-_LN_10) / decays[:, None] * seconds)
        return bent
    # Tones without a bend are powers, and each power is the product of a coarse and a fine one: no sine for each sample.
    step = ((2j * np.pi * hertz - _LN_10 / decays) / SAMPLE_RATE)[:, None]
    fine = np.exp(step * np.arange(64) + 2j * np.pi * phase).astype(np.complex64)
    coarse = np.exp(step * np.arange(0, length, 64)).astype(np.complex64)[:, :, None]
    tones: Mono = coarse.real * fine.real[:, None] - coarse.imag * fine.imag[:, None]
    return tones.reshape(count, -1)[:, :length]


def mix_layers(parts: Sequence[tuple[int, Mono]]) -> tuple[Mono, int]:
    """Return the sum of layers, and the index of the attack in it. One zero sample leads."""
    first = min(*(start for start, _ in parts), 0) - 1
    end = max(start + len(wave) for start, wave in parts)
    mixed = np.zeros(end - first + 1, np.float32)
    for start, wave in parts:
        mixed[start - first : start - first + len(wave)] += wave
    return mixed, -first
