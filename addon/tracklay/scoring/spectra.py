"""Spectra of a take that the measures of speech and music share: fine in time for voices, fine in frequency for notes.

Everything is computed near 16 kHz and below 4 kHz, where voices and notes differ from noise, so that a take's band width does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

ANALYSIS_RATE = 16_000
"""Sample rate in Hz near which a take is analysed: its own, divided by a whole number."""

HOP_SECONDS = 0.01
"""Interval of the fine frames: a stop consonant lasts 10 to 30 ms."""

VOICE_WINDOW_SECONDS = 0.04
"""Three periods of the deepest voice, which an autocorrelation needs (Boersma 1993)."""

NOTE_WINDOW_SECONDS = 0.256
NOTE_HOPS = 6
"""Fine frames between two note frames."""

MEL_BANDS = 24
BAND_HZ = (100.0, 4000.0)
PITCH_HZ = (75.0, 420.0)
PITCH_BAND_HZ = (70.0, 2000.0)
CHUNK_FRAMES = 2048
"""Frames transformed together, which bounds the memory of a long take."""


@dataclass(frozen=True, slots=True)
class TakeSpectra:
    """The analysis of one take, mixed to one channel.

    Attributes:
        rate: its sample rate in Hz.
        mel: [frames, `MEL_BANDS`] power in mel bands from 100 to 4000 Hz, every `HOP_SECONDS`.
        tilt: [frames] share of the band's power above 1500 Hz.
        flatness: [frames] geometric by arithmetic mean of the power from 300 to 3400 Hz, 1 for white noise.
        voicing: [frames] highest normalised autocorrelation at a pitch period, 1 for a periodic signal.
        pitch: [frames] frequency of that period in Hz.
        notes: [note frames, bins] magnitude of the long spectra, every `NOTE_HOPS` frames.
        note_hz: [bins] frequencies of these bins.
    """

    rate: float
    mel: Floats
    tilt: Floats
    flatness: Floats
    voicing: Floats
    pitch: Floats
    notes: Floats
    note_hz: Floats


def analyse_spectra(samples: Floats, sample_rate: int) -> TakeSpectra:
    """Return the spectra of a take.

    Args:
        samples: [n] or [n, channels], full scale 1.
        sample_rate: in Hz.
    """
    mono = samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)
    x, rate = decimate(mono.astype(np.float32, copy=False), sample_rate)
    hop = round(HOP_SECONDS * rate)
    size = round(VOICE_WINDOW_SECONDS * rate)
    fft = 1 << (size - 1).bit_length()
    frames = max(1, -(-len(x) // hop))
    window = np.hanning(size).astype(np.float32)
    hz = np.fft.rfftfreq(fft, 1 / rate)
    filters = _mel_filters(hz)
    high = (hz >= 1500) & (hz < BAND_HZ[1])
    band = (hz >= BAND_HZ[0]) & (hz < BAND_HZ[1])
    speech = (hz >= 300) & (hz < 3400)
    pitch_band = ((hz >= PITCH_BAND_HZ[0]) & (hz < PITCH_BAND_HZ[1])).astype(np.float32)
    lags = np.arange(int(rate / PITCH_HZ[1]), min(int(rate / PITCH_HZ[0]) + 1, size - 1))
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * fft)) ** 2)[:size]
    taper = np.maximum(own / own[0], 0.15)[lags].astype(np.float32)
    padded = np.pad(x, (size // 2, size))
    parts = []
    for start in range(0, frames, CHUNK_FRAMES):
        count = min(CHUNK_FRAMES, frames - start)
        view = np.lib.stride_tricks.sliding_window_view(
            padded[start * hop : start * hop + (count - 1) * hop + size], size
        )
        power = np.abs(np.fft.rfft(view[::hop] * window, fft)).astype(np.float32) ** 2 + np.float32(1e-10)
        correlation = np.fft.irfft(power * pitch_band, axis=1).astype(np.float32)
        normal = correlation[:, lags] / (correlation[:, :1] * taper)
        # The taper's correction lifts long lags of noise: a small preference for short ones, as Boersma's octave cost.
        normal -= np.float32(0.02) * np.log2(lags / lags[0]).astype(np.float32)
        best = normal.argmax(axis=1)
        in_speech = power[:, speech]
        parts.append(
            (
                power @ filters,
                power[:, high].sum(axis=1) / power[:, band].sum(axis=1),
                np.exp(np.log(in_speech).mean(axis=1)) / in_speech.mean(axis=1),
                normal[np.arange(count), best],
                (rate / lags[best]).astype(np.float32),
            )
        )
    mel, tilt, flatness, voicing, pitch = (np.concatenate(column) for column in zip(*parts, strict=True))
    notes, note_hz = _note_spectra(x, rate, hop * NOTE_HOPS)
    return TakeSpectra(rate, mel, tilt, flatness, voicing, pitch, notes, note_hz)


def decimate(x: Floats, sample_rate: int) -> tuple[Floats, float]:
    """Return a signal at its rate divided by the whole number that leads nearest to `ANALYSIS_RATE`, and that rate."""
    factor = max(1, round(sample_rate / ANALYSIS_RATE))
    if factor == 1:
        return x, float(sample_rate)
    taps = 16 * factor + 1
    time = np.arange(taps) - taps // 2
    kernel = (np.sinc(time * 0.9 / factor) * np.hanning(taps + 2)[1:-1]).astype(np.float32)
    kernel /= kernel.sum()
    padded = np.pad(x, (taps // 2, taps // 2 + factor))
    count = -(-len(x) // factor)
    # One product for each tap over the kept samples only.
    out = np.zeros(count, np.float32)
    for index, weight in enumerate(kernel):
        out += weight * padded[index : index + (count - 1) * factor + 1 : factor]
    return out, sample_rate / factor


def _mel_filters(hz: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return [bins, bands] triangles that are evenly spaced on the mel scale."""
    low, high = (2595 * np.log10(1 + edge / 700) for edge in BAND_HZ)
    edges = 700 * (10 ** (np.linspace(low, high, MEL_BANDS + 2) / 2595) - 1)
    rising = (hz[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[None, 2:] - hz[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def _note_spectra(x: Floats, rate: float, hop: int) -> tuple[Floats, Floats]:
    """Return [frames, bins] magnitudes of spectra that resolve a semitone from 200 Hz on, and the bins' frequencies."""
    size = round(NOTE_WINDOW_SECONDS * rate)
    fft = 1 << (size - 1).bit_length()
    hz = np.fft.rfftfreq(fft, 1 / rate)
    kept = (hz >= BAND_HZ[0]) & (hz < BAND_HZ[1])
    window = np.hanning(size).astype(np.float32)
    frames = max(1, -(-len(x) // hop))
    padded = np.pad(x, (size // 2, size))
    rows = []
    for start in range(0, frames, CHUNK_FRAMES // 8):
        count = min(CHUNK_FRAMES // 8, frames - start)
        view = np.lib.stride_tricks.sliding_window_view(
            padded[start * hop : start * hop + (count - 1) * hop + size], size
        )
        rows.append(np.abs(np.fft.rfft(view[::hop] * window, fft)[:, kept]).astype(np.float32))
    return np.concatenate(rows), hz[kept].astype(np.float32)
