"""Loudness and true peak of a sound at 48 kHz, after ITU-R BS.1770-4."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from ..cue import SAMPLE_RATE

Curve = npt.NDArray[np.float64]

SILENCE_LUFS: Final = -70.0
"""Loudness of silence: the absolute gate, below which nothing counts."""

CHANNEL_WEIGHTS: Final = {6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41), 8: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41, 1.41, 1.41)}
"""Weights of the channels of 5.1 and 7.1 in the order of WAV (BS.1770-4, table 3): low frequencies do not count, surrounds count more."""

PART_SAMPLES: Final = SAMPLE_RATE // 10
"""Samples of one part: gating blocks of 400 ms start every 100 ms."""

_PARTS_PER_BLOCK = 4
_RELATIVE_GATE_LU = -10.0
OFFSET_LUFS = -0.691  # the constant of BS.1770-4, annex 1: a sine of 997 Hz and 0 dBFS in one channel is -3.01 LUFS

_CHUNK_SAMPLES = 6 * PART_SAMPLES  # samples filtered at a time
_FFT_SAMPLES = 32_768
# The filter's response has fallen below -170 dB there, far below the steps of a float32.
_FILTER_TAPS = _FFT_SAMPLES - _CHUNK_SAMPLES + 1
# Coefficients of the two stages at 48 kHz (BS.1770-4, tables 1 and 2): numerator and denominator.
_K_WEIGHTING = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)

_OVERSAMPLING = 4
_PEAK_TAPS = 24  # samples on which a value between two samples depends
PEAK_REACH_SAMPLES: Final = _PEAK_TAPS // 2
"""Samples to either side of a peak between two samples on which it depends."""

MAX_OVERSHOOT: Final = 2.34
"""Factor by which a peak between samples may exceed all samples near it: the sum of the magnitudes of the filter's taps is 2.333."""

_PEAK_STEP = 16  # samples whose peaks are computed together, or not at all
_SEARCH_SAMPLES, _SEARCH_STEP = 1 << 16, 64  # samples searched for the highest peak at a time, and those skipped if low


class LoudnessMeter:
    """Measures the integrated loudness of a sound that comes in blocks of any size."""

    def __init__(self, channels: int = 2) -> None:
        self._weights = CHANNEL_WEIGHTS.get(channels, (1.0,) * channels)
        self._pending = np.zeros((channels, 0), np.float32)
        self._before = np.zeros((channels, _FILTER_TAPS - 1), np.float32)
        self._powers: list[float] = []

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Measure the next samples: (channels, n)."""
        self._pending = np.concatenate((self._pending, block), axis=1)
        while self._pending.shape[1] >= _CHUNK_SAMPLES:
            self._powers.extend(self._filter(self._pending[:, :_CHUNK_SAMPLES]))
            self._pending = self._pending[:, _CHUNK_SAMPLES:]

    def _filter(self, chunk: npt.NDArray[np.float32]) -> list[float]:
        """Return the K-weighted power of each 100 ms of a chunk, all channels added; a shorter rest is left out."""
        count = chunk.shape[1]
        padded = np.zeros((len(chunk), _FFT_SAMPLES), np.float32)
        padded[:, : _FILTER_TAPS - 1] = self._before
        padded[:, _FILTER_TAPS - 1 : _FILTER_TAPS - 1 + count] = chunk
        weighted = np.fft.irfft(np.fft.rfft(padded) * _k_weighting_spectrum(), _FFT_SAMPLES)
        power = np.square(weighted[:, _FILTER_TAPS - 1 : _FILTER_TAPS - 1 + count], dtype=np.float64)
        power = np.asarray(self._weights) @ power
        self._before = padded[:, count : count + _FILTER_TAPS - 1].copy()
        whole = count - count % PART_SAMPLES
        return [float(part) for part in power[:whole].reshape(-1, PART_SAMPLES).mean(axis=1)] or [float(power.mean())]

    def part_powers(self) -> Curve:
        """Return the K-weighted power of each 100 ms so far; of all when the sound is shorter."""
        powers = list(self._powers)
        if self._pending.shape[1] >= PART_SAMPLES or (not powers and self._pending.shape[1]):
            before = self._before
            powers += self._filter(self._pending)
            self._before = before
        return np.array(powers)

    def integrated_lufs(self) -> float:
        """Return the integrated loudness so far, gated; SILENCE_LUFS when there is none."""
        return gated_loudness(self.part_powers())


def gated_loudness(part_powers: Curve) -> float:
    """Return the integrated loudness in LUFS of the K-weighted powers of consecutive 100 ms, or SILENCE_LUFS."""
    if not len(part_powers):
        return SILENCE_LUFS
    width = min(_PARTS_PER_BLOCK, len(part_powers))
    blocks = np.convolve(part_powers, np.full(width, 1 / width), mode="valid")
    blocks = blocks[blocks > power_of_lufs(SILENCE_LUFS)]
    if not len(blocks):
        return SILENCE_LUFS
    return lufs_of_power(float(blocks[blocks > blocks.mean() * 10 ** (_RELATIVE_GATE_LU / 10)].mean()))


def integrated_loudness(sound: npt.NDArray[np.float32]) -> float:
    """Return the integrated loudness of a whole sound, (2, n), in LUFS."""
    meter = LoudnessMeter()
    meter.add(sound)
    return meter.integrated_lufs()


def true_peaks(sound: npt.NDArray[np.float32], step: int, worth: float = 0.0) -> Curve:
    """Return the highest true peak (linear, of all rows) in each `step` samples of a sound: (n / step,).

    Peaks between samples are found by fourfold oversampling (BS.1770-4, annex 2). Where every sample is so low that no
    peak could reach `worth`, the highest sample is returned instead, which is much faster.
    """
    rows, count = sound.shape
    peaks: Curve = np.abs(sound).max(axis=0).reshape(-1, step).max(axis=1).astype(np.float64)
    if not count or float(peaks.max()) * MAX_OVERSHOOT < worth:
        return peaks
    loud = np.flatnonzero(_with_neighbours(peaks) * MAX_OVERSHOOT >= worth)
    padded = np.pad(sound, ((0, 0), (_PEAK_TAPS // 2 - 1, _PEAK_TAPS // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _PEAK_TAPS, axis=1)[:, :count]
    windows = windows.reshape(rows, count // step, step, _PEAK_TAPS)[:, loud]
    between = windows @ _interpolation_taps()
    peaks[loud] = np.maximum(peaks[loud], np.abs(between).max(axis=(0, 2, 3)))
    return peaks


def highest_true_peak(sound: npt.NDArray[np.float32]) -> float:
    """Return the highest true peak of a whole sound, (n, channels), linear, at any sample rate; 0 without samples."""
    highest = float(np.abs(sound).max(initial=0))
    size = _SEARCH_SAMPLES + 2 * _SEARCH_STEP
    for start in range(0, len(sound), _SEARCH_SAMPLES):
        first = start - _SEARCH_STEP
        part = sound[max(0, first) : first + size].T
        before = max(0, -first)
        part = np.pad(part, ((0, 0), (before, size - before - part.shape[1])))
        # The steps at both ends see a cut that is not in the sound.
        highest = max(highest, float(true_peaks(part, _SEARCH_STEP, highest)[1:-1].max()))
    return highest


def peaks_between(sound: npt.NDArray[np.float32], worth: float = 0.0) -> npt.NDArray[np.float32]:
    """Return the highest true peak (linear, of all rows) at each sample of a sound, (n,): its own, and those up to both neighbours.

    Where all samples are so low that no peak could reach `worth`, the samples' own are returned, which is much faster.
    """
    peaks: npt.NDArray[np.float32] = np.abs(sound).max(axis=0)
    count = len(peaks)
    steps = -(-count // _PEAK_STEP)
    highest = np.pad(peaks, (0, steps * _PEAK_STEP - count)).reshape(steps, _PEAK_STEP).max(axis=1)
    loud = np.flatnonzero(_with_neighbours(highest) * MAX_OVERSHOOT >= worth)
    if not len(loud):
        return peaks
    padded = np.pad(sound, ((0, 0), (_PEAK_TAPS // 2 - 1, _PEAK_TAPS // 2 + steps * _PEAK_STEP - count)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _PEAK_STEP + _PEAK_TAPS - 1, axis=1)[:, ::_PEAK_STEP]
    after = np.abs(windows[:, loud] @ _step_taps()).max(axis=0).reshape(len(loud), _PEAK_STEP, -1).max(axis=2)
    between = np.zeros((steps, _PEAK_STEP), np.float32)
    between[loud] = after
    flat = between.reshape(-1)[:count]
    np.maximum(peaks, flat, out=peaks)
    np.maximum(peaks[1:], flat[:-1], out=peaks[1:])
    return peaks


def _with_neighbours(highest: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the highest of each step and both of its neighbours, on which its peaks between samples depend as well."""
    padded = np.pad(highest, 1)
    return np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])


def k_weighting_response(size: int) -> npt.NDArray[np.complex128]:
    """Return the complex gain of the K-weighting at 48 kHz in each bin of a transform of `size` samples."""
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones(len(delay), np.complex128)
    for numerator, denominator in _K_WEIGHTING:
        response *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return response


@cache
def _k_weighting_spectrum() -> npt.NDArray[np.complex64]:
    """Return the K-weighting filter as the transform of its first taps."""
    size = 4 * _FFT_SAMPLES
    taps = np.fft.irfft(k_weighting_response(size), size)[:_FILTER_TAPS]
    spectrum: npt.NDArray[np.complex64] = np.fft.rfft(taps, _FFT_SAMPLES).astype(np.complex64)
    return spectrum


@cache
def _interpolation_taps() -> npt.NDArray[np.float32]:
    """Return the taps of the values at 1/4, 2/4 and 3/4 between the two samples in the middle: a windowed sinc."""
    distances = np.arange(_PEAK_TAPS)[:, None] - (_PEAK_TAPS // 2 - 1) - np.arange(1, _OVERSAMPLING) / _OVERSAMPLING
    taps = np.sinc(distances) * np.cos(np.pi * distances / (_PEAK_TAPS + 1)) ** 2
    normalized: npt.NDArray[np.float32] = (taps / taps.sum(axis=0)).astype(np.float32)
    return normalized


@cache
def _step_taps() -> npt.NDArray[np.float32]:
    """Return the taps of all values between the samples of one step: (samples of a step and its neighbours, values)."""
    taps = _interpolation_taps()
    matrix = np.zeros((_PEAK_STEP + _PEAK_TAPS - 1, _PEAK_STEP, _OVERSAMPLING - 1), np.float32)
    for sample in range(_PEAK_STEP):
        matrix[sample : sample + _PEAK_TAPS, sample] = taps
    return matrix.reshape(len(matrix), -1)


def lufs_of_power(power: float) -> float:
    """Return the loudness in LUFS of a K-weighted power above 0."""
    return float(OFFSET_LUFS + 10 * np.log10(power))


def power_of_lufs(lufs: float) -> float:
    """Return the K-weighted power of a loudness in LUFS."""
    return float(10 ** ((lufs - OFFSET_LUFS) / 10))
