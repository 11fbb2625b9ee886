"""Faults of a signal itself: clipping, overs, digital silence, dropouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..listening.loudness import highest_true_peak

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]
    SampleSpan = tuple[int, int]

FLAT_STEP = 2e-5
"""Largest step between samples of a flat top, as a share of the peak: a sine of 50 Hz has three such samples at most."""

FLAT_SAMPLES = 4
FLAT_LEVEL = 0.5
"""Flat tops count from this share of the take's peak on: below, they are a decoder's silence."""

TOP_SHARE = 0.8
"""Share of the peak from which the shape of tops is compared."""

STEEP_TOP = 1.6
"""Steepness of a top's sides times its width by its height, over that of a parabola, from which it is a clipped one that a resampler
or a codec has rounded and rippled. Tops of recordings reach about 1."""

STEEP_RULES = ((12, 8, 0.15), (8, 20, 0.35))
"""(samples, tops, share): with this number of tops of this length or more, and this share of them steep, a signal was clipped. Of fifty
unclipped takes none had a steep top among those of 12 samples and more."""

LOUD_PEAK = 0.1
"""A take whose peak is below -20 dBFS was not clipped by a converter or a model's output."""

SILENCE_LEVEL = 10 ** (-75 / 20)
"""Peak below which a take is silent: no room tone is that quiet."""

MIN_SILENCE_SECONDS = 0.25
"""Shortest run of zeros that is reported."""

DROPOUT_SECONDS = (0.003, 0.2)
DROPOUT_LEVEL = 10 ** (-45 / 20)
"""A run of zeros between two sounds of this level is a dropout."""


@dataclass(frozen=True, slots=True)
class SignalFaults:
    """The faults of a take's signal. Spans are (first, end) in samples.

    Attributes:
        clipped: the stretches with clipped peaks.
        clipped_samples: samples within clipped peaks, the worst channel.
        true_peak: highest level between the samples, 1 at full scale.
        is_silent: nothing is above -75 dBFS.
        silences: runs of zeros on all channels, `MIN_SILENCE_SECONDS` at least.
        dropouts: short runs of zeros inside a sound.
    """

    clipped: tuple[SampleSpan, ...]
    clipped_samples: int
    true_peak: float
    is_silent: bool
    silences: tuple[SampleSpan, ...]
    dropouts: tuple[SampleSpan, ...]


def find_signal_faults(samples: Samples, sample_rate: int) -> SignalFaults:
    """Return the faults of a take, [n, channels] at full scale 1."""
    peak = float(np.abs(samples).max(initial=0))
    if peak < SILENCE_LEVEL:
        whole = ((0, len(samples)),) if len(samples) else ()
        return SignalFaults((), 0, peak, is_silent=True, silences=whole, dropouts=())
    clipped: list[SampleSpan] = []
    most = 0
    if peak >= LOUD_PEAK:
        for channel in samples.T:
            spans = clipped_spans(channel)
            most = max(most, sum(end - start for start, end in spans))
            clipped += spans
    zeros = _runs((samples == 0).all(axis=1), round(DROPOUT_SECONDS[0] * sample_rate))
    silences = [(start, end) for start, end in zeros if end - start >= MIN_SILENCE_SECONDS * sample_rate]
    dropouts = [
        span
        for span in zeros
        if span[1] - span[0] <= DROPOUT_SECONDS[1] * sample_rate and _is_dropout(samples, *span, sample_rate)
    ]
    joined = join_spans(clipped, sample_rate // 10)
    true_peak = peak if peak < 0.5 else highest_true_peak(samples)
    return SignalFaults(joined, most, true_peak, is_silent=False, silences=tuple(silences), dropouts=tuple(dropouts))


def clipped_spans(channel: npt.NDArray[np.float32]) -> list[SampleSpan]:
    """Return the clipped peaks of one channel: flat tops, or, after resampling, peaks too wide for their height."""
    level = np.abs(channel)
    peak = float(level.max(initial=0))
    if peak == 0:
        return []
    near = np.abs(np.diff(channel)) <= FLAT_STEP * peak
    flat = near & (level[1:] >= FLAT_LEVEL * peak)
    spans = [(start, end + 1) for start, end in _runs(flat, FLAT_SAMPLES - 1)]
    # Only what touches one ceiling is clipping: a square wave at rest has flat tops of any height.
    ceiling = max((float(level[start]) for start, _ in spans), default=0.0)
    spans = [(start, end) for start, end in spans if level[start] > 0.9 * ceiling]
    return spans if len(spans) >= 2 else _steep_tops(level, peak)


def _steep_tops(level: npt.NDArray[np.float32], peak: float) -> list[SampleSpan]:
    """Return the clipped tops of a signal that was resampled or coded since, or nothing if its tops are round."""
    limit = TOP_SHARE * peak
    tops = [(start, end) for start, end in _runs(level >= limit, 2) if start > 0 and end < len(level)]
    if not tops:
        return []
    starts, ends = np.array(tops).T
    rise, fall = level[starts] - level[starts - 1], level[ends - 1] - level[ends]
    steepness = np.maximum(np.minimum(rise, fall), 1e-9)
    height = np.maximum.reduceat(level, np.stack([starts, ends], axis=1).ravel())[::2] - limit
    # The width to the fraction of a sample, where the sides cross the limit.
    width = ends - starts - 1 + (level[starts] - limit) / np.maximum(rise, 1e-9)
    width += (level[ends - 1] - limit) / np.maximum(fall, 1e-9)
    steep = steepness * width > STEEP_TOP * 4 * np.maximum(height, 1e-9)
    for samples, count, share in STEEP_RULES:
        wide = width >= samples
        if wide.sum() >= count and steep[wide].mean() >= share:
            chosen = steep & (width >= STEEP_RULES[-1][0])
            return [(int(start), int(end)) for start, end in zip(starts[chosen], ends[chosen], strict=True)]
    return []


def _runs(mask: npt.NDArray[np.bool_], shortest: int) -> list[SampleSpan]:
    """Return the runs of True of a length or more, as (first, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    firsts, ends = edges[::2], edges[1::2]
    long = ends - firsts >= max(1, shortest)
    return [(int(first), int(end)) for first, end in zip(firsts[long], ends[long], strict=True)]


def _is_dropout(samples: Samples, start: int, end: int, sample_rate: int) -> bool:
    reach = sample_rate // 200
    before, after = samples[max(0, start - reach) : start], samples[end : end + reach]
    if len(before) < reach or len(after) < reach:
        return False
    return bool(min(np.abs(before).max(), np.abs(after).max()) >= DROPOUT_LEVEL)


def join_spans(spans: list[SampleSpan], gap: int) -> tuple[SampleSpan, ...]:
    """Return spans in order, with those that are at most `gap` samples apart joined."""
    joined: list[SampleSpan] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return tuple(joined)
