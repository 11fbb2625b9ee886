"""One pass over the sound of a piece: onset strength, band levels, pitch classes and level over time.

The sound is read in stretches: memory grows with the features only, about 15 kB for each second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..listening.spectrum import measure_bands_of, padded

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..listening.spectrum import ReadSamples

    Curve = npt.NDArray[np.float32]

PITCH_WINDOW_SECONDS = 0.17
"""Length of the window for pitch classes: 8192 samples at 48 kHz, which separates semitones from about 100 Hz on."""

LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 65.0, 2100.0
"""Range of the pitch classes. Above it overtones prevail, below it semitones are not separate."""

CHUNK_FRAMES = 256
"""Spectra computed at a time, 11 s."""

FLUX_FLOOR_DB = 60.0
"""Levels this far below the loudest band are no sound: in a quiet passage, noise would have onsets."""

BROAD_CAP_DB = 6.0
"""Highest rise that counts in a band of the broad onset: a beat is heard in many bands, an effect loudly in a few."""

RISE_FRAMES = 2
"""A band's rise is taken over this many hops: the window is as long as both."""


class MusicFeatures(NamedTuple):
    """Features of a sound over time.

    Attributes:
        rate: Hz, of the sound.
        samples: length of the sound.
        levels_db: shape (frames, bands), dB of full scale.
        hop: samples between two frames of `levels_db` and `onset`.
        onset: shape (frames,): mean rise of the bands, dB.
        broad_onset: shape (frames,): the same with each band's rise capped: it counts how many bands rise.
        low_onset: shape (frames,): mean rise of the lowest fifth of the bands, below 200 Hz: kick drum and bass.
        high_onset: shape (frames,): mean rise of the upper two fifths, above 2 kHz: cymbals and plucks.
        pitches: shape (pitch frames, 12): pitch classes from C on, each frame's greatest is 1, silence is 0.
        pitch_hop: samples between two frames of `pitches`.
    """

    rate: int
    samples: int
    levels_db: Curve
    hop: int
    onset: Curve
    broad_onset: Curve
    low_onset: Curve
    high_onset: Curve
    pitches: Curve
    pitch_hop: int

    @property
    def frame_rate(self) -> float:
        """Frames of `onset` in a second."""
        return self.rate / self.hop

    @property
    def power(self) -> npt.NDArray[np.float64]:
        """Power of each frame of `levels_db`, full scale at 1."""
        total: npt.NDArray[np.float64] = np.sum(10 ** (self.levels_db.astype(np.float64) / 10), axis=1)
        return total


def measure_features(read: ReadSamples, length: int, rate: int) -> MusicFeatures:
    """Return the features of a sound of `length` samples at `rate` Hz, of which `read(start, stop)` returns a stretch."""
    bands = measure_bands_of(read, length, rate)
    levels = bands.levels_db
    floored = np.maximum(levels, levels.max() - FLUX_FLOOR_DB) if len(levels) else levels
    rises = np.zeros_like(floored)
    rises[RISE_FRAMES:] = np.maximum(0, floored[RISE_FRAMES:] - np.maximum(floored[:-RISE_FRAMES], floored[1:-1]))
    low, high = max(1, levels.shape[1] // 5), levels.shape[1] * 3 // 5
    pitches, pitch_hop = _measure_pitches(read, length, rate)
    return MusicFeatures(
        rate=rate,
        samples=length,
        levels_db=levels,
        hop=bands.hop,
        onset=rises.mean(axis=1),
        broad_onset=np.minimum(rises, BROAD_CAP_DB).mean(axis=1),
        low_onset=rises[:, :low].mean(axis=1),
        high_onset=rises[:, high:].mean(axis=1),
        pitches=pitches,
        pitch_hop=pitch_hop,
    )


def _measure_pitches(read: ReadSamples, length: int, rate: int) -> tuple[Curve, int]:
    """Return pitch classes, (frames, 12), and the samples between two frames; frame `t` is centred on sample `t * hop`."""
    window_samples = 1 << round(np.log2(PITCH_WINDOW_SECONDS * rate))
    hop = window_samples // 4
    window = np.hanning(window_samples + 1)[:-1].astype(np.float32)
    first_bin = int(LOWEST_PITCH_HZ * window_samples / rate)
    last_bin = min(int(HIGHEST_PITCH_HZ * window_samples / rate) + 1, window_samples // 2)
    weights = _pitch_weights(np.arange(first_bin, last_bin) * rate / window_samples)
    frames = length // hop + 1
    pitches = np.zeros((frames, 12), np.float32)
    for first in range(0, frames, CHUNK_FRAMES):
        count = min(CHUNK_FRAMES, frames - first)
        start = first * hop - window_samples // 2
        part = padded(read, start, start + (count - 1) * hop + window_samples, length)
        mono = np.ascontiguousarray(part.mean(axis=1, dtype=np.float32))
        blocks = np.lib.stride_tricks.sliding_window_view(mono, window_samples)[::hop]
        spectrum = np.abs(np.fft.rfft(blocks * window, axis=1)[:, first_bin:last_bin]).astype(np.float32)
        # The square root lets quiet chord notes count beside a loud bass.
        pitches[first : first + count] = np.sqrt(spectrum / window_samples) @ weights
    pitches -= pitches.min(axis=1, keepdims=True)
    greatest = pitches.max(axis=1, keepdims=True)
    return np.divide(pitches, greatest, out=np.zeros_like(pitches), where=greatest > 1e-4), hop


def _pitch_weights(frequencies: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the share of each frequency in each pitch class, (frequencies, 12): a bell of a quarter tone."""
    semitones = 12 * np.log2(np.maximum(frequencies, 1.0) / 440.0) + 9  # C is 0
    apart = (semitones[:, None] - np.arange(12) + 6) % 12 - 6
    bells = np.exp(-0.5 * (apart / 0.35) ** 2)
    # Bins are equally far apart in Hz, so that a high octave has more of them.
    return (100 * bells / np.maximum(frequencies, 1.0)[:, None]).astype(np.float32)
