"""Noise of a given spectrum, chirps, and the whoosh of something that passes: what ambiences, rooms and movement are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ...cue import SAMPLE_RATE
from ..dsp import db_to_gain, fft_frequencies

Mono = npt.NDArray[np.float32]
SpectrumShape = Sequence[tuple[float, float]]
"""A spectrum as (Hz, dB) points, straight between them on a scale of octaves."""

_LN_1000 = 6.9078
"""60 dB in nepers: a decay of `rate` nepers per second falls by 60 dB in _LN_1000 / rate seconds."""


def shaped_noise(shape: SpectrumShape, samples: int, rng: np.random.Generator) -> Mono:
    """Return `samples` samples of steady noise with the spectrum `shape` and RMS 1.

    It is one period of a periodic signal: looping it is audible.
    """
    bins = samples // 2 + 1
    spectrum = spectrum_amplitudes(shape, samples) * np.exp(2j * np.pi * rng.random(bins))
    wave: Mono = np.fft.irfft(spectrum, samples).astype(np.float32)
    return wave / np.float32(np.sqrt(np.mean(np.square(wave))) + 1e-9)


def spectrum_amplitudes(shape: SpectrumShape, samples: int, moved: float = 1.0) -> npt.NDArray[np.float64]:
    """Return the linear amplitude of `shape` in each bin of a transform of `samples` samples; zero at 0 Hz.

    `moved` is a factor on the frequencies of the shape.
    """
    octaves = np.log2(np.maximum(fft_frequencies(samples) / moved, 1.0))
    points = np.array(shape, dtype=np.float64)
    # Below the lowest point the spectrum falls by 12 dB per octave: energy below the audible range only costs headroom.
    decibels = np.interp(octaves, np.log2(points[:, 0]), points[:, 1])
    decibels -= 12.0 * np.maximum(np.log2(points[0, 0]) - octaves, 0.0)
    linear: npt.NDArray[np.float64] = db_to_gain(decibels)
    linear[0] = 0.0
    return linear


WHOOSH_HOP_SAMPLES: Final = 512
"""Samples between the control frames of moving air."""


def band_magnitudes(
    rms_levels: npt.NDArray[np.float64], centres_hz: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Return the magnitudes of moving air in frames of 2 * WHOOSH_HOP_SAMPLES: (frames, WHOOSH_HOP_SAMPLES + 1).

    The curves have one value per frame: `rms_levels` the linear RMS, `centres_hz` the centre of the band in Hz.
    """
    size = 2 * WHOOSH_HOP_SAMPLES
    hertz = np.arange(WHOOSH_HOP_SAMPLES + 1) * (SAMPLE_RATE / size) + 1.0
    ratio = (hertz / centres_hz[:, None]).astype(np.float32)
    # A resonance about one octave wide for the turbulence, and a faint hiss two octaves above it.
    power = 1 / (1 + 2.2 * (ratio - 1 / ratio) ** 2) ** 2 + 0.012 / (1 + (ratio / 4 - 4 / ratio) ** 2)
    power[:, 0] = 0  # no DC offset
    power *= (rms_levels**2 * size**2 / (2 * power.sum(axis=1)))[:, None].astype(np.float32)
    magnitudes: npt.NDArray[np.float32] = np.sqrt(power)
    return magnitudes


def join_frames(spectra: npt.NDArray[np.complexfloating], gains: npt.NDArray[np.float64] | float = 1.0) -> Mono:
    """Return overlapping frames as one sound: ((frames + 1) * WHOOSH_HOP_SAMPLES,). `gains` are linear, one per frame."""
    size = 2 * WHOOSH_HOP_SAMPLES
    # Sine window at half overlap: its squares add up to one, so independent noise keeps its power from frame to frame.
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    frame = (np.fft.irfft(spectra, size, axis=1) * window * np.reshape(gains, (-1, 1))).astype(np.float32)
    joined = np.zeros((len(spectra) + 1) * WHOOSH_HOP_SAMPLES, np.float32)
    joined[:-WHOOSH_HOP_SAMPLES] += frame[:, :WHOOSH_HOP_SAMPLES].reshape(-1)
    joined[WHOOSH_HOP_SAMPLES:] += frame[:, WHOOSH_HOP_SAMPLES:].reshape(-1)
    return joined


def random_phasors(shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.complex64]:
    """Return complex numbers of magnitude one and random phase."""
    phases = rng.random(shape, dtype=np.float32) * np.float32(2 * np.pi)
    phasors: npt.NDArray[np.complex64] = (np.cos(phases) + 1j * np.sin(phases)).astype(np.complex64)
    return phasors


def render_whoosh(
    rms_levels: npt.NDArray[np.float64],
    centres_hz: npt.NDArray[np.float64],
    pan_angles: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Return the sound of a passing object: stereo noise in a moving band, ((frames + 1) * WHOOSH_HOP_SAMPLES, 2).

    The curves have one value per frame: those of `band_magnitudes`, and `pan_angles`, the equal-power angle in radians,
    0 (left) to pi/2 (right). The sound fades in over the first hop and out over the last, so that consecutive whooshes
    that overlap by one hop join without a seam.
    """
    magnitudes = band_magnitudes(rms_levels, centres_hz)
    shared, own = random_phasors((2, *magnitudes.shape), rng)
    # Correlation 0.62 between the channels: wide, yet clearly localised. 0.9 ** 2 + 0.436 ** 2 = 1 keeps the power.
    left = join_frames(magnitudes * (0.9 * shared - 0.436 * own), np.cos(pan_angles))
    right = join_frames(magnitudes * (0.9 * shared + 0.436 * own), np.sin(pan_angles))
    return np.stack([left, right], axis=1)


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
