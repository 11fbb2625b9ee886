"""Modal synthesis of impacts, and synthesis of whooshes.

An impact is mono and dry, one at a time: `renderer` places it in time and in the stereo image and adds the room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ...cue import SAMPLE_RATE
from ..dsp import db_to_gain, fft_frequencies

if TYPE_CHECKING:
    from .materials import GrainBurst, Material, SpectrumShape

Mono = npt.NDArray[np.float32]

MAX_IMPACT_SAMPLES: Final = int(3.2 * SAMPLE_RATE)
"""Longest impact in samples; what rings longer is faded out."""

_LN_1000 = 6.9078
"""60 dB in nepers: a decay of `rate` nepers per second falls by 60 dB in _LN_1000 / rate seconds."""
_REFERENCE_SIZE = 0.15
"""Share of the frame's width at which a material sounds at its `pitch_hz`."""
_ATTACK_SAMPLES = (12, 38)
"""Rise time of a hit in samples, from hard (0.25 ms) to soft (0.8 ms)."""
_DYNAMIC_RANGE_DB = 20.0
"""Difference between the softest and the hardest hit, dB."""
_PHASOR_ROW_SAMPLES = 256
"""Samples in a row of the matrix that the modes are computed as (see `_render_modes`)."""
_PHASOR_FINE_STEPS = 16
"""Powers that `_exponential_powers` computes one by one; the others are products of two."""


def render_impact(material: Material, *, strength: float, size: float, rng: np.random.Generator) -> Mono:
    """Return one hit as mono samples at SAMPLE_RATE. The first sample is the onset and already audible; the last is zero.

    `strength` and `size` range from 0 to 1. The loudest 30 ms are near -14 dBFS at full strength and 20 dB lower at
    strength 0; peaks stay below -4 dBFS. The same state of `rng` gives the same samples.
    """
    strength = min(max(strength, 0.0), 1.0)
    lowering = (_REFERENCE_SIZE / min(max(size, 0.02), 1.0)) ** material.size_power
    # Up to 0.7 semitones off, so that repeated hits do not sound like one recording.
    pitch = material.pitch_hz * lowering * 2.0 ** rng.uniform(-0.06, 0.06)
    # A harder hit has a shorter contact (Hertz: speed to the power -1/5). The effect is exaggerated here, because a soft
    # hit is perceived as dull well before physics makes it so.
    contact = material.contact_seconds * 3.2 ** (1.0 - strength) * lowering**-0.5
    body = _render_modes(material, pitch, contact, rng)
    crack = _render_contact_noise(material, contact, rng)
    hit = np.zeros(min(max(len(body), len(crack)), MAX_IMPACT_SAMPLES), np.float32)
    hit[: len(body)] += body[: len(hit)]
    hit[: len(crack)] += crack * np.float32(db_to_gain(material.noise_db))
    if material.pitch_glide:
        hit = _apply_pitch_glide(hit, material.pitch_glide * (0.3 + 0.7 * strength))
    for burst in material.grain_bursts:
        hit = _add_grains(hit, burst, strength, lowering**0.5, rng)
    if material.second_contact is not None:
        after, level = material.second_contact
        start = int((after + rng.uniform(-0.015, 0.02)) * SAMPLE_RATE)
        # The ball of the foot is softer than the heel: a longer contact, which sounds duller.
        later = _render_contact_noise(material, 2.5 * contact, rng) * np.float32(db_to_gain(level + rng.uniform(-3, 2)))
        later[: _ATTACK_SAMPLES[1]] *= np.linspace(0, 1, _ATTACK_SAMPLES[1], dtype=np.float32)
        hit = _add_at(hit, later, start)
    attack = int(np.clip(0.5 * contact * SAMPLE_RATE, *_ATTACK_SAMPLES))
    # The ramp starts above zero: the onset sample itself must be audible.
    hit[:attack] *= np.linspace(1 / attack, 1, attack, dtype=np.float32)
    tail = min(len(hit), SAMPLE_RATE // 50)
    hit[-tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
    return hit * _level_gain(hit, strength, material.trim_db + rng.uniform(-1.0, 1.0))


def shaped_noise(shape: SpectrumShape, samples: int, rng: np.random.Generator) -> Mono:
    """Return `samples` samples of steady noise with the spectrum `shape` and RMS 1.

    It is one period of a periodic signal: looping it is audible.
    """
    bins = samples // 2 + 1
    spectrum = spectrum_amplitudes(shape, samples) * np.exp(2j * np.pi * rng.random(bins))
    wave: Mono = np.fft.irfft(spectrum, samples).astype(np.float32)
    return wave / np.float32(np.sqrt(np.mean(np.square(wave))) + 1e-9)


def spectrum_amplitudes(shape: SpectrumShape, samples: int) -> npt.NDArray[np.float64]:
    """Return the linear amplitude of `shape` in each bin of a transform of `samples` samples; zero at 0 Hz."""
    octaves = np.log2(np.maximum(fft_frequencies(samples), 1.0))
    points = np.array(shape, dtype=np.float64)
    # Below the lowest point the spectrum falls by 12 dB per octave: energy below the audible range only costs headroom.
    decibels = np.interp(octaves, np.log2(points[:, 0]), points[:, 1])
    decibels -= 12.0 * np.maximum(np.log2(points[0, 0]) - octaves, 0.0)
    linear: npt.NDArray[np.float64] = db_to_gain(decibels)
    linear[0] = 0.0
    return linear


WHOOSH_HOP_SAMPLES: Final = 512
"""Samples between the control frames of a whoosh."""


def render_whoosh(
    rms_levels: npt.NDArray[np.float64],
    centres_hz: npt.NDArray[np.float64],
    pan_angles: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Return the sound of a passing object: stereo noise in a moving band, ((frames + 1) * WHOOSH_HOP_SAMPLES, 2).

    The curves have one value per frame: `rms_levels` the linear RMS, `centres_hz` the band's centre in Hz, `pan_angles`
    the equal-power angle in radians, 0 (left) to pi/2 (right). The sound fades in over the first hop and out over the
    last, so that consecutive whooshes that overlap by one hop join without a seam.
    """
    frames, size = len(rms_levels), 2 * WHOOSH_HOP_SAMPLES
    hertz = np.arange(WHOOSH_HOP_SAMPLES + 1) * (SAMPLE_RATE / size) + 1.0
    ratio = (hertz / centres_hz[:, None]).astype(np.float32)
    # A resonance about one octave wide for the turbulence, and a faint hiss two octaves above it.
    power = 1 / (1 + 2.2 * (ratio - 1 / ratio) ** 2) ** 2 + 0.012 / (1 + (ratio / 4 - 4 / ratio) ** 2)
    power[:, 0] = 0  # no DC offset
    power *= (rms_levels**2 * size**2 / (2 * power.sum(axis=1)))[:, None].astype(np.float32)
    phases = rng.random((2, *power.shape), dtype=np.float32) * np.float32(2 * np.pi)
    shared, own = (np.cos(phase) + 1j * np.sin(phase) for phase in phases)
    # Sine window at half overlap: its squares add up to one, so independent noise keeps its power from frame to frame.
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    air = np.zeros(((frames + 1) * WHOOSH_HOP_SAMPLES, 2), np.float32)
    for channel, gain in enumerate((np.cos(pan_angles), np.sin(pan_angles))):
        # Correlation 0.62 between the channels: wide, yet clearly localised. 0.9 ** 2 + 0.436 ** 2 = 1 keeps the power.
        phasors = 0.9 * shared + (0.436 if channel else -0.436) * own
        frame = np.fft.irfft(np.sqrt(power) * phasors, size, axis=1) * window * gain[:, None]
        air[:-WHOOSH_HOP_SAMPLES, channel] += frame[:, :WHOOSH_HOP_SAMPLES].reshape(-1).astype(np.float32)
        air[WHOOSH_HOP_SAMPLES:, channel] += frame[:, WHOOSH_HOP_SAMPLES:].reshape(-1).astype(np.float32)
    return air


def _render_modes(material: Material, pitch_hz: float, contact_seconds: float, rng: np.random.Generator) -> Mono:
    """Return the body's modes, struck together, with an RMS near 1 over the first 10 ms."""
    ratios = np.repeat(np.array(material.modes), 2) if material.mode_split else np.array(material.modes)
    hertz = pitch_hz * ratios * (1 + material.mode_spread * rng.uniform(-1, 1, len(ratios)) * (ratios > 1))
    if material.mode_split:
        hertz[1::2] = hertz[::2] * (1 + material.mode_split * rng.uniform(0.3, 1.0, len(ratios) // 2))
    # The point of impact decides which modes it excites: none at a mode's node, most at its antinode.
    excitation = rng.uniform(0.25, 1.0, len(ratios))
    level = excitation * ratios**-material.mode_tilt / (1 + (2 * hertz * contact_seconds) ** 2)
    audible = hertz < 0.42 * SAMPLE_RATE  # a margin below the Nyquist frequency: no mode may alias
    decay = (material.damping[0] + material.damping[1] * hertz) * rng.uniform(0.85, 1.2, len(ratios))
    phase = rng.uniform(-0.7, 0.7, len(ratios))
    # 15 % beyond the 60 dB point a mode is inaudible; computing it further would only cost time.
    lengths = np.minimum((_LN_1000 * 1.15 / decay * SAMPLE_RATE).astype(int) + 1, MAX_IMPACT_SAMPLES)
    level /= np.sqrt(0.5 * np.sum(level[audible] ** 2)) + 1e-12
    # exp(step * (row * ROW + column)) factors into an outer product over rows and columns, so the sum of all modes is one
    # matrix product: phases are exact and no sample needs an exponential.
    rows = -(-int(lengths[audible].max(initial=_PHASOR_ROW_SAMPLES)) // _PHASOR_ROW_SAMPLES)
    step = (1j * 2 * np.pi * hertz[audible] - decay[audible]) / SAMPLE_RATE
    down = _exponential_powers(_PHASOR_ROW_SAMPLES * step, rows)
    down[np.arange(rows)[:, None] * _PHASOR_ROW_SAMPLES >= lengths[audible]] = 0
    across = _exponential_powers(step, _PHASOR_ROW_SAMPLES).T * (np.exp(1j * phase[audible]) * level[audible])[:, None]
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


def _render_contact_noise(material: Material, contact_seconds: float, rng: np.random.Generator) -> Mono:
    """Return the noise of the contact, with RMS near 1 at its start and the material's decay."""
    seconds = material.noise_seconds * rng.uniform(0.85, 1.2)
    # A power of two keeps the transform fast; the burst is at least 20 % longer than its 60 dB decay.
    samples = 2 ** int(np.ceil(np.log2(1.2 * seconds * SAMPLE_RATE)))
    softening = [
        (hertz, decibels - 20 * np.log10(1 + (hertz * contact_seconds) ** 2))
        for hertz, decibels in material.noise_shape
    ]
    burst = shaped_noise(softening, samples, rng)
    # Rotate the noise so that its largest sample is the first, and positive like the modes: the two then add up to one
    # clear onset instead of cancelling.
    start = int(np.abs(burst).argmax())
    burst = np.roll(burst, -start) * np.float32(np.sign(burst[start]))
    burst *= np.exp(-_LN_1000 / (seconds * SAMPLE_RATE) * np.arange(samples)).astype(np.float32)
    return burst


def _apply_pitch_glide(hit: Mono, amount: float) -> Mono:
    """Return the hit with its pitch raised by the share `amount` at its start, settling over 60 ms.

    A membrane has more tension, and so a higher pitch, while a hit stretches it.
    """
    settle = 0.06 * SAMPLE_RATE
    position = np.arange(len(hit), dtype=np.float64)
    position += amount * settle * (1 - np.exp(-position / settle))
    return np.interp(position, np.arange(len(hit)), hit, right=0.0).astype(np.float32)


def _add_grains(hit: Mono, burst: GrainBurst, strength: float, pitch_ratio: float, rng: np.random.Generator) -> Mono:
    """Return `hit` with a burst of grains: fewer for a soft hit, sparser and quieter with time."""
    count = max(int(rng.poisson(burst.count * (0.25 + 0.75 * strength))), 1)
    starts = np.sort(rng.exponential(burst.seconds * 0.45, count))
    starts = starts[starts < 2.5 * burst.seconds]  # the exponential distribution has no end; stragglers sound detached
    for start in starts:
        hertz = min(burst.min_hz * (burst.max_hz / burst.min_hz) ** rng.random() * pitch_ratio, 0.4 * SAMPLE_RATE)
        seconds = burst.decay_cycles / hertz * rng.uniform(0.6, 1.4)
        level = db_to_gain(burst.level_db) * rng.uniform(0.3, 1.5) * np.exp(-start / burst.seconds)
        hit = _add_at(
            hit, render_chirp(hertz, seconds, burst.pitch_rise, rng) * np.float32(level), int(start * SAMPLE_RATE)
        )
    return hit


def render_chirp(hertz: float, seconds: float, pitch_rise: float, rng: np.random.Generator) -> Mono:
    """Return a tone of amplitude 1.4 that falls by 60 dB in `seconds` while its pitch rises by the share `pitch_rise`."""
    samples = max(int(seconds * SAMPLE_RATE), 8)
    done = np.arange(samples, dtype=np.float32) / np.float32(samples)
    cycles = np.float32(hertz * seconds) * (done + np.float32(0.5 * pitch_rise) * done * done) + np.float32(
        rng.random()
    )
    wave = np.sin(np.float32(2 * np.pi) * cycles) * np.exp(np.float32(-_LN_1000) * done) * np.float32(1.414)
    wave[:6] *= np.linspace(0.1, 1, 6, dtype=np.float32)  # the random phase would start with a click
    return np.asarray(wave, np.float32)


def _add_at(hit: Mono, other: Mono, start: int) -> Mono:
    end = min(start + len(other), MAX_IMPACT_SAMPLES)
    if end > len(hit):
        hit = np.concatenate([hit, np.zeros(end - len(hit), np.float32)])
    if end > start:
        hit[start:end] += other[: end - start]
    return hit


def _level_gain(hit: Mono, strength: float, trim_db: float) -> np.float32:
    """Return the gain that sets the loudest 30 ms to the level of `strength`, less where peaks would exceed -4 dBFS."""
    window = int(0.03 * SAMPLE_RATE)
    opening = hit[: 8 * window].astype(np.float64) ** 2  # an impact is loudest in its first quarter of a second
    powers = np.add.reduceat(opening, np.arange(0, len(opening), window)) / window
    target_rms = db_to_gain(-14 - _DYNAMIC_RANGE_DB * (1 - strength) + trim_db)
    max_peak = db_to_gain(-4 - _DYNAMIC_RANGE_DB * (1 - strength))
    return np.float32(min(target_rms / np.sqrt(powers.max() + 1e-20), max_peak / (np.abs(hit).max() + 1e-9)))
