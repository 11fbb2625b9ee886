"""Finds the stretch of a take that scores worst. `parts.splice` puts other sound there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from .faults import SampleSpan

    Samples = npt.NDArray[np.float32]

BIN_SECONDS = 0.05
"""Resolution of the search for the worst stretch."""

MARGIN_SECONDS = 0.2
"""Sound added around a fault: an event's attack and decay."""

QUIET_REACH_SECONDS = 0.4
"""Reach of the search for a quiet point."""

QUIET_WINDOW_SECONDS = 0.02
WORTH_POINTS = 3.0
"""A stretch that costs fewer points is not worth another request."""

WIDEST_SHARE = 0.7
"""If the worst stretch is longer than this share of the take, the whole take is bad, and another take is the better remedy."""


def find_worst_stretch(
    samples: Samples, sample_rate: int, score: Mapping[str, Any], min_seconds: float, max_seconds: float | None = None
) -> SampleSpan | None:
    """Return the stretch of a take, (first, end) in samples, whose replacement promises most; None if there is none.

    Its ends are quiet points of the take, or the take's own ends.

    Args:
        samples: [n, channels], full scale 1.
        sample_rate: in Hz.
        score: the take's score, as the manifest has it.
        min_seconds: shortest length: the model's, in seconds.
        max_seconds: longest length; None for no limit.
    """
    length = len(samples)
    size = max(1, round(BIN_SECONDS * sample_rate))
    badness = np.zeros(-(-length // size))
    for reason in score["reasons"]:
        spans = [(start, end) for start, end in reason.get("spans", ()) if start < end]
        covered = sum(end - start for start, end in spans)
        for start, end in spans:
            first, last = start // size, max(start // size + 1, -(-end // size))
            badness[first:last] += reason["points"] * (end - start) / covered / (last - first)
    densest = _densest(badness)
    if badness.sum() < WORTH_POINTS or densest is None:
        return None
    first, last = densest
    start, end = first * size - round(MARGIN_SECONDS * sample_rate), last * size + round(MARGIN_SECONDS * sample_rate)
    missing = round(min_seconds * sample_rate) - (end - start)
    if missing > 0:
        start, end = start - missing // 2, end + missing - missing // 2
    # A stretch that reaches past an end is moved inside: it must keep its length.
    start, end = start - min(start, 0), end - min(start, 0)
    start, end = max(0, start - max(0, end - length)), min(end, length)
    start = quiet_point(samples, sample_rate, max(0, start - round(QUIET_REACH_SECONDS * sample_rate)), start)
    end = quiet_point(samples, sample_rate, end, min(length, end + round(QUIET_REACH_SECONDS * sample_rate)))
    if end - start > WIDEST_SHARE * length or (max_seconds is not None and end - start > max_seconds * sample_rate):
        return None
    return start, end


def _densest(badness: npt.NDArray[np.float64]) -> SampleSpan | None:
    """Return the run of bins with the highest sum of what exceeds the mean (Kadane's algorithm); None if all are alike."""
    excess = badness - badness.mean()
    at: SampleSpan | None = None
    best, total, start = 1e-9, 0.0, 0
    for index, value in enumerate(excess):
        if total <= 0:
            total, start = 0.0, index
        total += float(value)
        if total > best:
            best, at = total, (start, index + 1)
    return at


def quiet_point(samples: Samples, sample_rate: int, first: int, end: int) -> int:
    """Return the quietest sample of a take from `first` to `end`; the take's own ends stay as they are."""
    if first <= 0 and end <= 0:
        return 0
    if end >= len(samples) and first >= len(samples):
        return len(samples)
    if first <= 0:
        return 0
    if end >= len(samples):
        return len(samples)
    return first + _quietest(_power(samples, first, end, round(QUIET_WINDOW_SECONDS * sample_rate)))


def _quietest(power: npt.NDArray[np.float64]) -> int:
    return int(power.argmin()) if len(power) else 0


def _power(samples: Samples, first: int, end: int, window: int) -> npt.NDArray[np.float64]:
    """Return the mean power around each sample from `first` to `end`."""
    half = max(1, window // 2)
    low, high = max(0, first - half), min(len(samples), end + half)
    square = np.square(samples[low:high].astype(np.float64)).mean(axis=1)
    total = np.concatenate([[0.0], np.cumsum(square)])
    at = np.arange(first, end) - low
    begin, stop = np.maximum(at - half, 0), np.minimum(at + half, len(square))
    power: npt.NDArray[np.float64] = (total[stop] - total[begin]) / np.maximum(1, stop - begin)
    return power
