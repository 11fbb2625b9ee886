"""Music that a model continues: the end of the given tail in the model's reply, and the join behind it.

Models return either the given tail and what follows, or only what follows. The tail has been through a codec and a resampler, and its
level may have changed; its waveform is still like the given one, and correlates with it at one lag only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .crossfade import crossfade_sounds
from .join import to_channels
from .prediction import BRIDGE_SECONDS, HISTORY_SECONDS, bridge_sounds

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..listening.spectrum import Samples

    Signal = npt.NDArray[np.float64]

LOWEST_HZ, HIGHEST_HZ = 60.0, 9000.0
"""Band that codecs of 128 kbit/s keep as a waveform."""

LEAST_CORRELATION = 0.5
"""Correlation of the given tail with that of the reply. Other music of the same key and tempo stays below 0.3."""

BLOCKS, BLOCK_SHARE = 16, 0.25
"""Blocks of the tail, of which all but this share must correlate: the same drums in two bars prove nothing if the notes differ."""

QUIET_BLOCK = 1e-4
"""Blocks with less than this share of the loudest one's energy do not count."""

LEAST_SECONDS = 0.25
"""Shortest end of the tail that is recognised in a reply."""

NEAR_START_SECONDS = 0.25
"""A reply that has the whole tail begins with it, except for this much delay of a codec."""

RIVAL = 0.9
"""A tail that is found elsewhere must be found there only: a loop is like its tail at every repetition."""

CANDIDATES = 12
"""Lags that are compared in full."""

CROSSFADE_SECONDS = 0.03
"""Length of the crossfade from the given tail to the same sound in the reply."""


class Continuation(NamedTuple):
    """The beginning of what is new in a model's reply.

    Attributes:
        contains_tail: the reply contains the given tail, or its end.
        end: the sample of the reply after the tail's last; 0 where the reply contains only what follows.
        gain: factor that gives the reply the tail's level; 1 where it contains only what follows.
        correlation: of the tail and the reply at that place, the lower quartile of several blocks.
    """

    contains_tail: bool
    end: int
    gain: float
    correlation: float


def find_continuation(tail: Samples, reply: Samples, sample_rate: int) -> Continuation:
    """Return where a reply has the end of the tail that the model was given, to the sample.

    A loop that repeats to the sample is found at its first repetition that continues it.

    Args:
        tail: (samples, channels), as given to the model.
        reply: (samples, channels), at the same rate.
        sample_rate: Hz.
    """
    given, answer = (_filter_band(sound.mean(axis=1), sample_rate) for sound in (tail, reply))
    least = min(len(given), round(LEAST_SECONDS * sample_rate))
    if len(answer) < least or not least:
        return _following(0.0)
    found = sorted(
        (_compare(given, answer, lag), lag) for lag in _find_lags(given, answer, least, round(0.002 * sample_rate))
    )
    near = [each for each in found if abs(each[1]) <= NEAR_START_SECONDS * sample_rate]
    best, lag = near[-1] if near and near[-1][0] >= LEAST_CORRELATION else found[-1]
    rivals = [value for value, other in found if abs(other - lag) > 0.05 * sample_rate]
    is_near = abs(lag) <= NEAR_START_SECONDS * sample_rate
    if best < LEAST_CORRELATION or (not is_near and max(rivals, default=0.0) > RIVAL * best):
        return _following(best)
    # Of the sounds as they are: a filter rings differently in each, and tones at its edge would be weighed differently.
    whole = [sound.mean(axis=1).astype(np.float64) for sound in (tail, reply)]
    own, there = _aligned(whole[0], whole[1], lag)
    gain = float(np.dot(own, there) / np.dot(there, there))
    return Continuation(contains_tail=True, end=lag + len(given), gain=gain, correlation=best)


def _following(correlation: float) -> Continuation:
    """Return the result for a reply that contains only what follows."""
    return Continuation(contains_tail=False, end=0, gain=1.0, correlation=correlation)


def join_continuation(before: Samples, reply: Samples, sample_rate: int, tail_samples: int) -> Samples:
    """Return music and its continuation as one sound, continuous to the sample, (samples, channels).

    Args:
        before: the music so far, (samples, channels).
        reply: the model's reply, at the same rate.
        sample_rate: Hz.
        tail_samples: length of the end of `before` that the model was given.
    """
    reply = to_channels(reply, before.shape[1])
    found = find_continuation(before[-tail_samples:], reply, sample_rate)
    following = reply[found.end :] * np.float32(_safe_gain(found.gain, reply[found.end :]))
    if not found.contains_tail:
        history = before[-round(HISTORY_SECONDS * sample_rate) :]
        count = min(len(following), round(BRIDGE_SECONDS * sample_rate))
        return np.concatenate([before, bridge_sounds(history, following[:count]), following[count:]])
    fade = min(round(CROSSFADE_SECONDS * sample_rate), found.end, len(before))
    same = reply[found.end - fade : found.end] * np.float32(_safe_gain(found.gain, reply[found.end - fade :]))
    return np.concatenate(
        [before[: len(before) - fade], crossfade_sounds(before[len(before) - fade :], same), following]
    )


def _safe_gain(gain: float, sound: Samples) -> float:
    """Return a gain, lowered so that it raises no sample over full scale."""
    peak = float(np.abs(sound).max(initial=0.0))
    return gain if gain <= 1 or gain * peak <= 1 else max(1.0, 1 / peak)


def _filter_band(sound: npt.NDArray[np.float32], sample_rate: int) -> Signal:
    """Return a sound between `LOWEST_HZ` and `HIGHEST_HZ`, its phase unchanged."""
    spectrum = np.fft.rfft(sound.astype(np.float64))
    frequencies = np.fft.rfftfreq(len(sound), 1 / sample_rate)
    spectrum[(frequencies < LOWEST_HZ) | (frequencies > HIGHEST_HZ)] = 0
    filtered: Signal = np.fft.irfft(spectrum, len(sound))
    return filtered


def _find_lags(given: Signal, answer: Signal, least: int, apart: int) -> list[int]:
    """Return the lags at which the tail may be in the reply, by the peaks of their correlation with flattened spectra.

    At lag `n` the tail's first sample is the reply's sample `n`.
    """
    size = 1 << (len(given) + len(answer)).bit_length()
    cross = np.fft.rfft(answer, size) * np.conj(np.fft.rfft(given, size))
    # Half way to a flat spectrum: bass notes correlate at many lags, what is above them at one.
    magnitude = np.abs(cross)
    cross /= np.sqrt(magnitude + 1e-6 * magnitude.max() + 1e-30)
    correlation = np.fft.irfft(cross, size)
    lags = np.concatenate([np.arange(len(answer) - least + 1), np.arange(least - len(given), 0)])
    values = correlation[lags]
    found: list[int] = []
    for _ in range(CANDIDATES):
        lag = int(lags[int(np.argmax(values))])
        found.append(lag)
        values = np.where(np.abs(lags - lag) <= apart, -np.inf, values)
        if not np.isfinite(values).any():
            break
    return found


def _aligned(given: Signal, answer: Signal, lag: int) -> tuple[Signal, Signal]:
    """Return the stretches of both sounds that coincide at a lag."""
    first, last = max(0, -lag), min(len(given), len(answer) - lag)
    return given[first:last], answer[first + lag : last + lag]


def _compare(given: Signal, answer: Signal, lag: int) -> float:
    """Return the correlation of both sounds at a lag: the lower quartile of several blocks."""
    own, there = _aligned(given, answer, lag)
    pairs = list(zip(np.array_split(own, BLOCKS), np.array_split(there, BLOCKS), strict=True))
    energies = np.array([float(np.dot(one, one)) for one, _ in pairs])
    counted = energies > QUIET_BLOCK * energies.max(initial=0.0)
    values = sorted(
        float(np.dot(one, other)) / float(np.sqrt(energy * np.dot(other, other)) + 1e-30)
        for (one, other), energy, counts in zip(pairs, energies, counted, strict=True)
        if counts
    )
    return values[int(BLOCK_SHARE * len(values))] if values else 0.0
