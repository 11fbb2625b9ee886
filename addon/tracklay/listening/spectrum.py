"""Short-time spectrum in bands, and its rises: what onsets, flux and textures are found in."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]
    Curve = npt.NDArray[np.float32]
    ReadSamples = Callable[[int, int], Samples]

WINDOW_SECONDS = 0.0213
"""Length of a spectrum's window: 1024 samples at 48 kHz."""

HOPS_PER_WINDOW = 2
"""Spectra begin half a window apart, 10.7 ms."""

LOWEST_HZ, HIGHEST_HZ, BANDS = 60.0, 16_000.0, 20
"""Edges and number of the bands. They are equally wide in octaves, as hearing is."""

FLOOR_POWER = 1e-9
"""Power added to each band, -90 dBFS: the noise of 16 bits and less is no sound."""

CHUNK_FRAMES = 64
"""Spectra computed at a time, 0.3 s: memory does not grow with the sound, and the arrays stay in the processor's cache, which makes them
more than twice as fast as those of several seconds."""

RISE_CAP_DB = 30.0
"""Highest rise that counts in one band. Out of digital silence a rise has no meaning beyond it."""

RISE_FROM, RISE_TO = 4, 1
"""A band's rise is measured over its loudest of the spectra up to 3 hops before: a fluctuating noise has been as loud before."""


class BandSpectrum(NamedTuple):
    """Band levels of a sound over time.

    Attributes:
        levels_db: shape (frames, bands), dB of full scale.
        hop: samples between two frames; frame `t` is centred on sample `t * hop`.
    """

    levels_db: Curve
    hop: int


def measure_bands(samples: Samples, sample_rate: int) -> BandSpectrum:
    """Return the band levels of a sound, (samples, channels). Channels count by the sum of their powers."""
    return measure_bands_of(lambda start, stop: samples[start:stop], len(samples), sample_rate)


def measure_bands_of(read: ReadSamples, length: int, sample_rate: int) -> BandSpectrum:
    """Return the band levels of a sound of `length` samples, of which `read(start, stop)` returns a stretch."""
    window_samples = 1 << round(np.log2(WINDOW_SECONDS * sample_rate))
    hop = window_samples // HOPS_PER_WINDOW
    window = np.hanning(window_samples + 1)[:-1].astype(np.float32)
    weights = _band_weights(window_samples, sample_rate) / np.float32(np.sum(window**2) * window_samples / 2)
    frames = length // hop + 1
    levels = np.empty((frames, weights.shape[1]), np.float32)
    for first in range(0, frames, CHUNK_FRAMES):
        count = min(CHUNK_FRAMES, frames - first)
        start = first * hop - window_samples // 2
        needed = (count - 1) * hop + window_samples
        power = np.zeros((count, window_samples // 2 + 1), np.float32)
        # A take that ends while it sounds has no onset there: its end is mirrored.
        mirrored = min(max(0, start + needed - length), length)
        part = padded(read, start, start + needed, length)
        if mirrored:
            beyond = part[length - start :]
            beyond[:mirrored] = read(length - mirrored, length)[::-1][: len(beyond)]
        for channel in part.T:
            strides = channel.strides[0]
            blocks = np.lib.stride_tricks.as_strided(channel, (count, window_samples), (hop * strides, strides))
            spectrum = np.fft.rfft(blocks * window, axis=1)
            power += (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)
        levels[first : first + count] = 10 * np.log10(power @ weights + np.float32(FLOOR_POWER))
    return BandSpectrum(levels, hop)


def padded(read: ReadSamples, start: int, stop: int, length: int) -> Samples:
    """Return the samples from `start` to `stop`, zeros where the sound of `length` samples is not."""
    part = read(max(0, start), max(0, min(stop, length)))
    before, after = max(0, min(stop, 0) - start), max(0, stop - max(start, length))
    return np.pad(part, ((before, after), (0, 0))) if before or after else part


def band_rises_db(levels_db: Curve) -> Curve:
    """Return for each frame how far its bands rise above their recent past: the mean over the bands, dB.

    Bands that fall count as 0. Before the first frame is silence.

    This is spectral flux in decibels, against the maximum of the past as in Böck and Widmer, "Maximum filter vibrato
    suppression for onset detection" (DAFx 2013), with the maximum taken over time.
    """
    frames = len(levels_db)
    silence = np.full((RISE_FROM, levels_db.shape[1]), 10 * np.log10(FLOOR_POWER), np.float32)
    earlier = np.concatenate([silence, levels_db])
    recent = earlier[:frames]
    for delay in range(RISE_TO, RISE_FROM):
        recent = np.maximum(recent, earlier[RISE_FROM - delay : RISE_FROM - delay + frames])
    rises: Curve = np.clip(levels_db - recent, 0, RISE_CAP_DB).mean(axis=1)
    return rises


def spectral_flux(levels_db: Curve) -> Curve:
    """Return for each frame what its bands gain on the frame before: the mean over the bands, dB, losses not counted."""
    gained: Curve = np.clip(np.diff(levels_db, axis=0, prepend=levels_db[:1]), 0, None).mean(axis=1)
    return gained


def _band_weights(window_samples: int, sample_rate: int) -> npt.NDArray[np.float32]:
    """Return the share of each transform bin in each band, (bins, bands). Bands narrower than a bin are joined."""
    top = min(HIGHEST_HZ, sample_rate * 0.45)
    edges = np.geomspace(LOWEST_HZ, top, BANDS + 1) * window_samples / sample_rate
    bins = np.unique(np.rint(edges).astype(int))
    weights = np.zeros((window_samples // 2 + 1, len(bins) - 1), np.float32)
    for band, (low, high) in enumerate(pairwise(bins)):
        weights[max(1, low) : max(high, low + 1), band] = 1
    return weights
