"""Colours of parts: the levels of their octaves beside a seam, and the filters that make both sides alike, eased over the part.

The filters change no phase and are short, so that an attack stays on its sample.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .levels import FRAME_SECONDS, HOP_SECONDS, LEAST_SECONDS, OUTLIER_DB

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ..listening.spectrum import ReadSamples, Samples

    Curve = npt.NDArray[np.float64]
    Response = npt.NDArray[np.complex64]

CENTRES_HZ = 62.5 * 2.0 ** np.arange(9)
"""Centres of the octaves, Hz: 62.5 to 16,000."""

LIMIT_DB = 3.0
"""Highest gain of an octave of a side: half the limit of levels, as events are filtered with their texture."""

AUDIBLE_DB = -60.0
"""An octave that is this far below the loudest one of its side has no colour."""

FLOOR_POWER = 1e-10
"""Power of an octave that counts as silent, -100 dB of full scale."""

WORTH_DB = 1.5
"""Colours that differ by less in every octave stay as they are: noise measures as much of itself."""

TAPS = 1025
"""Length of a filter in samples at 48 kHz: 21 ms, half of it before an attack, where the attack masks it."""

TRANSFORM_SAMPLES = 1 << 14
"""Length of the transforms that filter."""


class ColourMatch(NamedTuple):
    """Gains in dB of each octave of the left side of a seam and of the right one, (octaves,) each."""

    left: Curve
    right: Curve


def match_colours(
    left: Samples, right: Samples, sample_rate: int, *, moves: tuple[bool, bool] = (True, True)
) -> ColourMatch | None:
    """Return the gains that make the colours of two sides of a seam alike; None where they are already, or one is silent.

    Each side moves by half the difference, and by at most `LIMIT_DB`. Events do not count. Levels are matched afterwards.

    Args:
        left: sound beside the seam, (samples, channels).
        right: the same of the other side.
        sample_rate: Hz.
        moves: whether the left side and the right one may be changed.
    """
    powers = [_octave_powers(sound, sample_rate) for sound in (left, right)]
    if any(power is None for power in powers) or not any(moves):
        return None
    levels = [10 * np.log10(power) for power in powers if power is not None]
    heard = np.logical_and(*(level > max(level.max() + AUDIBLE_DB, 10 * np.log10(FLOOR_POWER)) for level in levels))
    if heard.sum() < 2:
        return None
    difference = np.where(heard, levels[0] - levels[1], 0.0)
    difference = np.where(heard, difference - difference[heard].mean(), 0.0)
    if np.abs(difference).max() < WORTH_DB:
        return None
    share = 1 / sum(moves)
    gains = [
        np.clip(sign * share * difference * moved, -LIMIT_DB, LIMIT_DB)
        for sign, moved in zip((-1, 1), moves, strict=True)
    ]
    return ColourMatch(gains[0], gains[1])


def _octave_powers(sound: Samples, sample_rate: int) -> Curve | None:
    """Return the power of each octave of a texture, channels added; None if there is too little sound."""
    size, hop = round(FRAME_SECONDS * sample_rate), round(HOP_SECONDS * sample_rate)
    if len(sound) < size:
        return None
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(sound, size, axis=0)[::hop]
    spectra = np.fft.rfft(frames * window, axis=2)
    powers = (spectra.real**2 + spectra.imag**2).sum(axis=1) / (size * float(np.sum(window**2)) / 2)
    whole = powers.sum(axis=1)
    counted = whole > FLOOR_POWER
    if not counted.any():
        return None
    counted &= whole <= np.median(whole[counted]) * 10 ** (OUTLIER_DB / 10)
    if counted.sum() * HOP_SECONDS < LEAST_SECONDS:
        return None
    octaves: Curve = powers[counted].mean(axis=0) @ _octave_weights(size, sample_rate) + FLOOR_POWER
    return octaves


@cache
def _octave_weights(size: int, sample_rate: int) -> Curve:
    """Return for each bin of a transform the octave that it counts to, (bins, octaves)."""
    hertz = np.arange(size // 2 + 1) * (sample_rate / size)
    octave = np.floor(np.log2(np.maximum(hertz, 1) / CENTRES_HZ[0]) + 0.5)
    weights: Curve = (octave[:, None] == np.arange(len(CENTRES_HZ))).astype(np.float64)
    return weights


def colour_filter(gains_db: Curve, sample_rate: int) -> Curve:
    """Return the taps of the filter with a gain in each octave, and between them on a line; it is symmetric, of odd length."""
    taps = round(TAPS * sample_rate / 48_000) | 1
    size = 1 << (4 * taps).bit_length()
    hertz = np.arange(size // 2 + 1) * (sample_rate / size)
    decibels = np.interp(np.log2(np.maximum(hertz, 1)), np.log2(CENTRES_HZ), gains_db)
    response = np.fft.irfft(10 ** (decibels / 20), size)
    centred = np.roll(response, taps // 2)[:taps]
    kernel: Curve = centred * np.hanning(taps + 2)[1:-1]
    return kernel


def coloured_reader(
    read: ReadSamples, length: int, at_start: Curve, at_end: Curve, eased: tuple[int, int], sample_rate: int
) -> ReadSamples:
    """Return a function that reads a part through its filters.

    Args:
        read: reads the part.
        length: its samples.
        at_start: gains of each octave in dB at its start.
        at_end: those at its end.
        eased: samples of the part between which the filter changes from one to the other.
        sample_rate: Hz.
    """
    kernels = [colour_filter(gains, sample_rate) for gains in (at_start, at_end)]
    half = len(kernels[0]) // 2
    responses = [np.fft.rfft(kernel, TRANSFORM_SAMPLES).astype(np.complex64) for kernel in kernels]

    def read_filtered(start: int, stop: int) -> Samples:
        first, last = max(0, start - half), min(length, stop + half)
        sound = read(first, last)
        around = [(max(0, half - start), max(0, stop + half - length)), (0, 0)]
        # A part may be cut off while it sounds: what is beyond its ends is its mirror image.
        sound = np.pad(sound, around, mode="symmetric" if len(sound) > half else "constant")
        filtered = np.empty((stop - start, sound.shape[1]), np.float32)
        step = TRANSFORM_SAMPLES - 2 * half
        for at in range(0, stop - start, step):
            end = min(stop - start, at + step)
            share = np.clip((np.arange(start + at, start + end) - eased[0]) / max(1, eased[1] - eased[0]), 0, 1)
            late = (0.5 - 0.5 * np.cos(np.pi * share)).astype(np.float32)
            filtered[at:end] = _filter_stretch(sound[at : end + 2 * half], responses, half, late).T
        return filtered

    return read_filtered


def _filter_stretch(sound: Samples, responses: Sequence[Response], half: int, late: Samples) -> Samples:
    """Return a stretch through both filters, (channels, samples); `late` is the share of the second one in each sample."""
    spectrum = np.fft.rfft(np.ascontiguousarray(sound.T), TRANSFORM_SAMPLES, axis=1)
    stretch = slice(2 * half, 2 * half + len(late))
    filtered = np.zeros((sound.shape[1], len(late)), np.float32)
    for response, weight in zip(responses, (1 - late, late), strict=True):
        if weight.any():
            filtered += weight * np.fft.irfft(spectrum * response, TRANSFORM_SAMPLES, axis=1)[:, stretch]
    return filtered
