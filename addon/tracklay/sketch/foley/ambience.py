"""Synthesis of ambiences: rain, wind, rooms, the sea and more as endless stereo textures. Presets are in `ambience_presets`.

An ambience is noise with a drifting spectrum, synthesised as overlapping frames in the frequency domain, with small
sounds (grains) on top. It never repeats, and its memory does not grow with its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ...cue import SAMPLE_RATE
from ..dsp import db_to_gain, fft_frequencies, pan_gains
from .crowd_sounds import render_cheer, render_clap, render_clink, render_murmur
from .noise import Mono, render_chirp, shaped_noise, spectrum_amplitudes

if TYPE_CHECKING:
    from .ambience_presets import AmbiencePreset, GrainLayer, NoiseLayer, Swell

Stereo = npt.NDArray[np.float32]

BLOCK_SAMPLES: Final = 8192
"""Samples in a block. A frame is two blocks, so the spectrum can change about six times per second."""
_FRAME_SAMPLES = 2 * BLOCK_SAMPLES
_BLOCK_SECONDS = BLOCK_SAMPLES / SAMPLE_RATE
_WINDOW = np.sin(np.pi * (np.arange(_FRAME_SAMPLES) + 0.5) / _FRAME_SAMPLES).astype(np.float32)
"""Sine window. At a hop of half a frame its squares add up to one, so independent noise keeps its power in the overlap."""


@cache
def _random_phasors() -> npt.NDArray[np.complex64]:
    """Return a table of complex numbers of magnitude 1 and random phase.

    Any slice of it is the spectrum of white noise; slicing is much faster than drawing new random numbers for every frame.
    """
    turns = np.random.default_rng(8192).random(1 << 17)
    phasors: npt.NDArray[np.complex64] = np.exp(2j * np.pi * turns).astype(np.complex64)
    return phasors


def render_ambience(
    presets: Sequence[AmbiencePreset], rng: np.random.Generator, *, stereo_width: float = 1.0
) -> Iterator[Stereo]:
    """Yield the sum of `presets` as endless (BLOCK_SAMPLES, 2) blocks at SAMPLE_RATE.

    `stereo_width` ranges from 0 (mono) to 1 (wide). The sound starts at full level, without a fade. The same state of
    `rng` gives the same samples.
    """
    noise_layers = []
    for preset in presets:
        # Layers of one preset with the same period share a seed: a wave and its foam swell together.
        swell_seed = int(rng.integers(2**32))
        noise_layers += [_NoiseLayerState(layer, rng, swell_seed) for layer in preset.noise_layers]
    grain_layers = [_GrainLayerState(layer, rng) for preset in presets for layer in preset.grain_layers]
    # Two independent noises, cross-mixed with gains whose squares add up to one: at width 0 both channels are the same,
    # at width 1 nearly independent, and the power is the same at every width.
    near, far = (np.float32(gain) for gain in pan_gains(-0.85 * stereo_width))  # float64 gains would promote all blocks
    tail = np.zeros((2, BLOCK_SAMPLES), np.float32)
    first = True
    ahead = np.zeros((0, 2), np.float32)
    while True:
        power = np.zeros((2, BLOCK_SAMPLES + 1), np.float32)
        for noise in noise_layers:
            noise.add_to(power, stereo_width)
        one, other = (
            _random_phasors()[at : at + BLOCK_SAMPLES + 1]
            for at in rng.integers(0, len(_random_phasors()) - BLOCK_SAMPLES, 2).tolist()
        )
        phasors = np.stack([near * one, far * one])
        phasors[0] += far * other
        phasors[1] += near * other
        phasors *= np.sqrt(power, out=power)
        frame = np.fft.irfft(phasors, _FRAME_SAMPLES, axis=1).astype(np.float32, copy=False)
        frame *= _WINDOW
        overlapped = tail + frame[:, :BLOCK_SAMPLES]
        tail = frame[:, BLOCK_SAMPLES:]
        if first:  # half a frame is missing before it: the block would fade in
            first = False
            continue
        for grains in grain_layers:
            ahead = grains.add_to(ahead, stereo_width)
        block = overlapped.T
        block[: len(ahead)] += ahead[:BLOCK_SAMPLES]
        ahead = ahead[BLOCK_SAMPLES:]
        yield block


class _NoiseLayerState:
    """A noise layer and its position in time."""

    def __init__(self, layer: NoiseLayer, rng: np.random.Generator, swell_seed: int) -> None:
        self._layer = layer
        self._rng = rng
        full_power = spectrum_amplitudes(layer.full_spectrum, _FRAME_SAMPLES) ** 2
        # A random-phase frame of power p in each bin has mean square 2 * sum(p) / N**2.
        gain = 10 ** (layer.level_db / 10) * _FRAME_SAMPLES**2 / (2 * full_power.sum())
        self._full_power = (full_power * gain).astype(np.float32)
        self._rest_power = (spectrum_amplitudes(layer.rest_spectrum, _FRAME_SAMPLES) ** 2 * gain).astype(np.float32)
        self._drift = self._smoothed_drift = rng.standard_normal()
        self._whistle_position = rng.random()
        self._active_swells: list[tuple[float, float, float]] = []
        self._time_seconds = 0.0
        self._next_swell_seconds = 0.0
        if layer.swell is not None:
            # Start four periods or more in the past: some swells are under way at the first sample.
            self._swell_rng = np.random.default_rng([swell_seed, int(1000 * layer.swell.period_seconds)])
            self._next_swell_seconds = -4 * layer.swell.period_seconds * (1 + self._swell_rng.random())

    def add_to(self, power: npt.NDArray[np.float32], stereo_width: float) -> None:
        """Add this frame's power spectrum to both rows of `power`, and advance by one block."""
        layer = self._layer
        if layer.swell is None:
            # An Ornstein-Uhlenbeck process (random walk with a pull to its mean, variance 1), then a low-pass: a gust
            # has no corners. The logistic function maps it to 0..1.
            keep = np.exp(-_BLOCK_SECONDS / layer.drift_seconds)
            self._drift = keep * self._drift + np.sqrt(1 - keep * keep) * self._rng.standard_normal()
            self._smoothed_drift += (1 - keep**4) * (self._drift - self._smoothed_drift)
            parts = [(1 / (1 + np.exp(-1.8 * self._smoothed_drift)), 0.0)]
        else:
            parts = self._swell_levels(layer.swell)
        power += self._rest_power * max(1 - max((fullness for fullness, _ in parts), default=0.0), 0.0)
        for fullness, position in parts:
            spectrum = self._full_power * np.float32(fullness)
            if layer.whistle is not None:
                spectrum *= self._whistle_gain(layer.whistle, fullness)
            left, right = pan_gains(position * stereo_width)
            power[0] += spectrum * np.float32(2 * left**2)
            power[1] += spectrum * np.float32(2 * right**2)

    def _swell_levels(self, swell: Swell) -> list[tuple[float, float]]:
        """Return the level (0 to 1) and the position (-1 to 1) of each swell that is under way, and advance by one block."""
        while self._next_swell_seconds <= self._time_seconds:
            strength = self._swell_rng.uniform(0.25, 1.0)
            direction = self._swell_rng.choice((-1.0, 1.0)) if swell.is_passing else 0.0
            self._active_swells.append((self._next_swell_seconds, strength, float(direction)))
            self._next_swell_seconds += swell.period_seconds * self._swell_rng.uniform(0.55, 1.45)
        # Five fall times after its peak a swell is 39 dB down (exp(-1.8 * 5) in power), below the other layers.
        self._active_swells = [
            each
            for each in self._active_swells
            if self._time_seconds < each[0] + 2 * swell.rise_seconds + 5 * swell.fall_seconds
        ]
        parts = []
        for start, strength, direction in self._active_swells:
            age = (self._time_seconds - start) - 2 * swell.rise_seconds
            scale = swell.rise_seconds if age < 0 else swell.fall_seconds
            # A passing car rises and falls as a bell curve; a wave rises as one and runs out exponentially.
            fullness = (
                strength * np.exp(-((1.6 * age / scale) ** 2))
                if swell.is_passing or age < 0
                else strength * np.exp(-1.8 * age / scale)
            )
            # tanh crosses the image fastest at the peak, as a passing car does; 0.8 keeps it off the very edges.
            parts.append((float(fullness), direction * float(np.tanh(age / swell.rise_seconds)) * 0.8))
        self._time_seconds += _BLOCK_SECONDS
        return parts

    def _whistle_gain(self, whistle: tuple[float, float, float], fullness: float) -> npt.NDArray[np.float32]:
        """Return the gain of each bin's power for a resonance that wanders, and rises with the gust."""
        low, high, decibels = whistle
        self._whistle_position = min(max(self._whistle_position + 0.10 * self._rng.standard_normal(), 0.0), 1.0)
        centre = low * (high / low) ** (0.55 * fullness + 0.45 * self._whistle_position)
        octaves = np.log2(_BIN_HZ / np.float32(centre))
        lift: npt.NDArray[np.float32] = np.exp(-np.square(octaves / np.float32(_WHISTLE_OCTAVES)))
        return 1 + np.float32(10 ** (decibels / 10) * fullness) * lift


_WHISTLE_OCTAVES = 0.16
"""Half-width of a whistle in octaves, to where its power gain has fallen to 1/e."""
_BIN_HZ = (fft_frequencies(_FRAME_SAMPLES) + 1.0).astype(np.float32)
"""Frequency of each bin of a frame in Hz; 1 Hz too high, so that its logarithm exists at 0 Hz."""


class _GrainLayerState:
    """A grain layer: its random state and its prepared sounds."""

    _VARIANT_COUNT = 96
    """Sounds prepared per layer. Each use picks one at random and varies position and level, so no repetition is heard."""
    _FEW_VARIANTS: Final = {"murmur": 32, "cheer": 24, "clink": 24}
    """The same of sounds that take longer to make. Of voices several always sound at once, and none is heard by itself."""

    def __init__(self, layer: GrainLayer, rng: np.random.Generator) -> None:
        self._layer = layer
        self._rng = rng
        synths = {
            "drop": _render_drop,
            "patter": _render_patter,
            "bubble": _render_bubble,
            "crackle": _render_crackle,
            "cricket": _render_cricket,
            "murmur": render_murmur,
            "cheer": render_cheer,
            "clap": render_clap,
            "clink": render_clink,
        }
        count = self._FEW_VARIANTS.get(layer.kind, self._VARIANT_COUNT)
        self._variants = [synths[layer.kind](rng) for _ in range(count)] if layer.kind in synths else []

    def add_to(self, pending: Stereo, stereo_width: float) -> Stereo:
        """Return `pending` with the grains that start in the next block, extended to hold their tails."""
        rng = self._rng
        count = int(rng.poisson(self._layer.rate_per_second * _BLOCK_SECONDS))
        starts = rng.integers(0, BLOCK_SAMPLES, count)
        # Distances vary: few grains are near and loud, most are far and soft. 7 dB above the layer's level is the limit,
        # because a single grain must not stand out like an event.
        levels = db_to_gain(self._layer.level_db + np.minimum(rng.normal(-4, 5, count), 7))
        left, right = pan_gains(stereo_width * rng.uniform(-0.95, 0.95, count))
        gains = np.stack([levels * left, levels * right], axis=1).astype(np.float32)
        for start, gain in zip(starts, gains, strict=True):
            sound = self._variants[int(rng.integers(len(self._variants)))] if self._variants else _render_bird(rng)
            end = int(start) + len(sound)
            if end > len(pending):
                pending = np.concatenate([pending, np.zeros((end - len(pending), 2), np.float32)])
            pending[start:end] += sound[:, None] * gain
        return pending


def _render_drop(rng: np.random.Generator) -> Mono:
    """Return a drop that hits a surface: a tick, and a bubble of varying level after it."""
    tick = _render_patter(rng)
    hertz = 900 * 2 ** rng.uniform(0, 2.3)
    bubble = render_chirp(hertz, rng.uniform(0.008, 0.03), rng.uniform(0, 0.3), rng) * np.float32(
        rng.uniform(0.05, 0.6)
    )
    sound = np.zeros(max(len(tick), len(bubble)), np.float32)
    sound[: len(tick)] += tick
    sound[: len(bubble)] += bubble
    return sound


def _render_patter(rng: np.random.Generator) -> Mono:
    """Return a tick of high-pitched noise, 2 to 6 ms."""
    samples = int(rng.uniform(0.002, 0.006) * SAMPLE_RATE) // 2 * 2
    centre = 2500 * 2 ** rng.uniform(0, 1.8)
    tick = shaped_noise(((centre / 4, -24), (centre, 0), (centre * 2, -8), (23000, -26)), samples, rng)
    tick *= np.exp(-6.0 * np.arange(samples) / samples).astype(np.float32)
    tick[:4] *= np.array([0.2, 0.4, 0.6, 0.8], np.float32)  # the noise would start with a click
    return tick * np.float32(0.5)


def _render_bubble(rng: np.random.Generator) -> Mono:
    """Return a bubble that rises in running water.

    It rings at 3.26 / radius Hz (Minnaert), and higher as it nears the surface (van den Doel, 2005).
    """
    hertz = 500 * 2 ** rng.uniform(0, 2.4)
    return render_chirp(hertz, 26 / hertz * rng.uniform(0.7, 1.4), rng.uniform(0.1, 0.4), rng)


def _render_crackle(rng: np.random.Generator) -> Mono:
    """Return a snap of burning wood, 2 to 12 ms."""
    samples = int(rng.uniform(0.002, 0.012) * SAMPLE_RATE) // 2 * 2
    snap = shaped_noise(((300, -14), (1500, -2), (4000, 0), (12000, -8), (20000, -20)), samples, rng)
    return snap * np.exp(-7.0 * np.arange(samples) / samples).astype(np.float32) * np.float32(0.5)


def _render_cricket(rng: np.random.Generator) -> Mono:
    """Return a few seconds of one cricket's song: chirps of three or four pulses of one high tone."""
    hertz, rate, pulses = rng.uniform(3800, 5400), rng.uniform(1.6, 2.6), int(rng.integers(3, 5))
    time = np.arange(int(rng.uniform(1.5, 4.0) * SAMPLE_RATE)) / SAMPLE_RATE
    beat = (time * rate) % 1 / rate * 40  # time since the chirp started, in pulses of 25 ms
    wave = np.sin(2 * np.pi * hertz * time) * np.sin(np.pi * (beat % 1)) ** 2 * (beat < pulses)
    wave *= np.minimum(1, np.minimum(time, time[-1] - time) / 0.4)
    return np.asarray(wave, np.float32)


def _render_bird(rng: np.random.Generator) -> Mono:
    """Return one bird's call: a few syllables, each a short sweep, with the echoes of a forest."""
    base = 2300 * 2 ** rng.uniform(0, 1.25)
    syllables = int(rng.integers(1, 8))
    gap, length = rng.uniform(0.07, 0.26), rng.uniform(0.03, 0.14)
    # Drawn once per call: all syllables of a call come from the same bird.
    sweep, wobble, rate = rng.uniform(-0.3, 0.3), rng.uniform(0, 0.05), rng.uniform(15, 45)
    step = rng.uniform(-0.05, 0.04)
    samples = int((syllables * max(gap, 1.15 * length) + length + 0.5) * SAMPLE_RATE)
    call = np.zeros(samples, np.float32)
    for syllable in range(syllables):
        time = np.arange(int(length * rng.uniform(0.8, 1.2) * SAMPLE_RATE)) / SAMPLE_RATE
        progress = time / (time[-1] + 1e-9)
        hertz = base * (1 + step * syllable) * (1 + sweep * (progress - 0.5) + wobble * np.sin(2 * np.pi * rate * time))
        wave = np.sin(2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE) * np.sin(np.pi * progress) ** 1.5
        wave += 0.12 * np.sin(4 * np.pi * np.cumsum(hertz) / SAMPLE_RATE) * np.sin(np.pi * progress) ** 3
        at = int(syllable * max(gap, 1.15 * length) * SAMPLE_RATE)
        call[at : at + len(wave)] += wave.astype(np.float32)
    # Each echo is of everything before it, earlier echoes included, so six of them fill half a second.
    for delay, level in ((0.031, 0.2), (0.057, 0.16), (0.093, 0.13), (0.147, 0.09), (0.211, 0.06), (0.304, 0.04)):
        shift = int(delay * rng.uniform(0.85, 1.15) * SAMPLE_RATE)
        call[shift:] += np.float32(level) * call[:-shift].copy()
    return call
