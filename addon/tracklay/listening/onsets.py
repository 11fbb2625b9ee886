"""Onset detection: where sounds begin, to the sample.

Onsets are first found as peaks of the band spectrum's rise. Each is then placed by the attack itself: the sound before it
predicts what would follow, and the attack is where the prediction begins to fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .spectrum import band_rises_db, measure_bands_of, padded

if TYPE_CHECKING:
    import numpy.typing as npt

    from .spectrum import BandSpectrum, Curve, ReadSamples, Samples

LEAST_RISE_DB = 1.6
"""Lowest mean rise of the bands at an onset. Steady rain reaches about 1.2 dB by chance."""

LOCAL_SECONDS, LOCAL_FACTOR = 0.6, 2.5
"""An onset rises this many times more than the mean of the rises within this time around it: in a restless sound only
its strongest changes are onsets."""

APART_SECONDS = 0.032
"""Shortest time between two onsets. Nearer ones fuse to one for the ear, and the strongest counts."""

FULL_STRENGTH_DB = 15.0
"""Mean rise of the bands at which an onset's strength is 1."""

HISTORY_SECONDS = 0.05
"""Seconds before an attack from which the prediction is learnt."""

BEFORE_SECONDS, AFTER_SECONDS = 0.032, 0.022
"""Reach of the search for the attack around the spectrum's peak."""

PREDICTOR_ORDER = 16
"""Samples from which the next is predicted: enough to whiten noise and a few resonances."""

LEVEL_SECONDS = 0.03
"""Seconds after the attack over which an onset's level is taken, and before it for the level there."""

SEARCH_QUIET_SECONDS = 0.02
"""Reach of the search for the quiet point before an attack."""

START_COMPARED_SECONDS, START_HIT_DB = (0.15, 0.3), 6.0
"""A hit in the take's first 30 ms is this many dB louder than what sounds at these seconds."""

QUIET_SECONDS = 0.002
"""Length of the quietest stretch before an attack."""


@dataclass(frozen=True, slots=True)
class Onset:
    """The beginning of a sound.

    Attributes:
        sample: first sample of the attack.
        strength: 0 to 1: mean rise of the bands, 1 from `FULL_STRENGTH_DB` on.
        level_db: power of the attack's first 30 ms, dB of full scale.
        before_db: power of the 30 ms before it.
        quiet: the sample before the attack where the sound is quietest: where it can be cut.
    """

    sample: int
    strength: float
    level_db: float
    before_db: float
    quiet: int


def detect_onsets(samples: Samples, sample_rate: int) -> tuple[Onset, ...]:
    """Return the onsets of a sound, in order.

    Args:
        samples: shape (samples, channels), full scale at 1.
        sample_rate: Hz.
    """
    if not len(samples):
        return ()

    def read(start: int, stop: int) -> Samples:
        return samples[start:stop]

    return find_onsets(read, len(samples), sample_rate, measure_bands_of(read, len(samples), sample_rate))


def find_onsets(read: ReadSamples, length: int, sample_rate: int, bands: BandSpectrum) -> tuple[Onset, ...]:
    """Return the onsets of a sound of `length` samples, of which `read(start, stop)` returns a stretch, from its band levels.

    It is never held whole.
    """
    rises = band_rises_db(bands.levels_db)
    onsets: list[Onset] = []
    for frame in _pick_peaks(rises, sample_rate / bands.hop):
        least = onsets[-1].sample + round(APART_SECONDS * sample_rate / 2) if onsets else -length
        attack = _locate_attack(read, length, sample_rate, frame * bands.hop, least)
        onset = _describe(read, length, sample_rate, attack, float(rises[frame]))
        if attack < LEVEL_SECONDS * sample_rate and not _is_hit_at_start(read, length, sample_rate, onset):
            continue
        if onsets and attack - onsets[-1].sample < APART_SECONDS * sample_rate:
            if onset.strength <= onsets[-1].strength:
                continue
            onsets.pop()
        onsets.append(onset)
    return tuple(onsets)


def _is_hit_at_start(read: ReadSamples, length: int, sample_rate: int, onset: Onset) -> bool:
    """Return whether an onset at the very start is louder than what follows: else it is only where the take begins."""
    begin, end = (round(seconds * sample_rate) for seconds in START_COMPARED_SECONDS)
    later = padded(read, begin, end, length).astype(np.float64)
    return onset.level_db > 10 * float(np.log10(np.sum(later**2, axis=1).mean() + 1e-10)) + START_HIT_DB


def _pick_peaks(rises: Curve, frame_rate: float) -> list[int]:
    """Return the frames that are peaks of the rise: highest within `APART_SECONDS`, and well above what is around."""
    reach = max(1, round(APART_SECONDS * frame_rate))
    edges = np.pad(rises, reach, mode="constant")
    highest = np.lib.stride_tricks.sliding_window_view(edges, 2 * reach + 1).max(axis=1)
    around = max(1, round(LOCAL_SECONDS * frame_rate))
    total = np.cumsum(
        np.pad(rises.astype(np.float64), (around + 1, around), mode="reflect" if len(rises) > around + 1 else "edge")
    )
    mean = (total[2 * around + 1 :] - total[: -2 * around - 1]) / (2 * around + 1)
    threshold = np.maximum(LEAST_RISE_DB, LOCAL_FACTOR * mean)
    peaks = np.flatnonzero((rises >= highest) & (rises >= threshold))
    # Of equal neighbours, as in digital silence with a cap, the first counts.
    return [int(peak) for at, peak in enumerate(peaks) if at == 0 or peak - peaks[at - 1] > 1]


def _locate_attack(read: ReadSamples, length: int, sample_rate: int, near: int, least: int) -> int:
    """Return the first sample of the attack near a sample, not before `least`."""
    before, after = round(BEFORE_SECONDS * sample_rate), round(AFTER_SECONDS * sample_rate)
    history = round(HISTORY_SECONDS * sample_rate)
    start = max(least, near - before)
    stop = min(length, near + after)
    if stop - start < 2 * PREDICTOR_ORDER:
        return min(max(near, least, 0), length - 1)
    sound = padded(read, start - history, stop, length).astype(np.float64)
    # The 1e-5 is far below 16 bits: it keeps logarithms of silence finite.
    error = _prediction_error(sound, history)[history:] + 1e-12
    smooth = np.convolve(error, np.ones(16) / 16, mode="same")
    # Only up to the attack's peak: behind it the decay would be a second change.
    peak = int(np.argmax(smooth)) + 17
    error = error[:peak]
    count = len(error)
    index = np.arange(1, count)
    power = np.cumsum(error)
    # The change of variance that explains the errors best: Maeda's form of the Akaike information criterion.
    left, right = power[:-1] / index, (power[-1] - power[:-1]) / (count - index)
    criterion = index * np.log(left) + (count - index) * np.log(np.maximum(right, 1e-30))
    margin = 4
    found = start + margin + int(np.argmin(criterion[margin - 1 : -margin])) if count > 3 * margin else start
    return max(0, found)


def _prediction_error(sound: npt.NDArray[np.float64], history: int) -> npt.NDArray[np.float64]:
    """Return the squared error of a linear prediction learnt from the first `history` samples, summed over channels."""
    total = np.zeros(len(sound))
    for channel in sound.T:
        past = channel[:history]
        size = 1 << (2 * history - 1).bit_length()
        spectrum = np.fft.rfft(past * np.hanning(history), size)
        correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[: PREDICTOR_ORDER + 1]
        lags = np.abs(np.subtract.outer(np.arange(PREDICTOR_ORDER), np.arange(PREDICTOR_ORDER)))
        # White noise 60 dB below keeps the predictor from fitting a pure tone exactly.
        matrix = correlation[lags] + np.eye(PREDICTOR_ORDER) * (correlation[0] * 1e-6 + 1e-12)
        predictor = np.linalg.solve(matrix, correlation[1:])
        residual = np.convolve(channel, np.concatenate([[1.0], -predictor]))[: len(channel)]
        total += residual**2
    return total


def _describe(read: ReadSamples, length: int, sample_rate: int, attack: int, rise_db: float) -> Onset:
    reach = round(LEVEL_SECONDS * sample_rate)
    around = padded(read, attack - reach, attack + reach, length)
    power = np.sum(around.astype(np.float64) ** 2, axis=1)
    before_db, level_db = (10 * float(np.log10(part.mean() + 1e-10)) for part in (power[:reach], power[reach:]))
    search, width = round(SEARCH_QUIET_SECONDS * sample_rate), max(1, round(QUIET_SECONDS * sample_rate))
    sums = np.convolve(power[reach - search : reach], np.ones(width), mode="valid")
    # The latest of the quietest: nearest to the attack.
    quietest = len(sums) - 1 - int(np.argmin(sums[::-1]))
    quiet = max(0, attack - search + quietest + width // 2)
    return Onset(attack, min(1.0, rise_db / FULL_STRENGTH_DB), level_db, before_db, min(quiet, attack))
