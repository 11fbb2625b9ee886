"""The limiter: no peak above the ceiling, nothing late, and the samples around loud peaks alone are changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from .loudness import MAX_OVERSHOOT, PEAK_REACH_SAMPLES, peaks_between

Samples = TypeVar("Samples", npt.NDArray[np.float32], npt.NDArray[np.float64])
Gain = npt.NDArray[np.float32]

PEAK_CEILING: Final = 10 ** (-1.05 / 20)
"""Highest sample of foley and landed takes, linear. 0.05 dB below -1 dBFS, so that rounding never exceeds -1 dBFS."""

LOOKAHEAD_SAMPLES: Final = 240
"""Look-ahead of the limiter to either side, 5 ms at 48 kHz; its gain is smoothed over as much again."""


def limit_peaks(
    blocks: Iterable[Samples],
    ceiling: float = PEAK_CEILING,
    *,
    between_samples: bool = False,
    lookahead: int = LOOKAHEAD_SAMPLES,
) -> Iterator[Samples]:
    """Yield the same blocks, (samples, channels), with every peak limited to `ceiling`; arguments as `limiter_gains`.

    Most blocks have no peak above the ceiling, in themselves or within reach: they stay bit for bit as they are.
    """
    waiting: deque[Samples] = deque()

    def measured() -> Iterator[Samples]:
        for block in blocks:
            waiting.append(block)
            yield block

    for gain in limiter_gains(measured(), ceiling, between_samples=between_samples, lookahead=lookahead):
        block = waiting.popleft()
        yield block if gain is None else block * gain[:, None].astype(block.dtype)


def limiter_gains(
    blocks: Iterator[Samples], ceiling: float, *, between_samples: bool = False, lookahead: int = LOOKAHEAD_SAMPLES
) -> Iterator[Gain | None]:
    """Yield the gain of each block, (samples,), that limits its peaks; None for a block that needs none.

    Args:
        blocks: the sound, (samples, channels) each. One block is read ahead.
        ceiling: highest peak, linear.
        between_samples: limit the true peaks (BS.1770-4, annex 2), which lie between samples, too.
        lookahead: samples to either side of a peak over which its gain is held; it moves over as many again.
    """
    reach = 2 * lookahead + (PEAK_REACH_SAMPLES if between_samples else 0)
    block = next(blocks, None)
    before = None if block is None else np.zeros((reach, block.shape[1]), block.dtype)
    while block is not None and before is not None:
        after = next(blocks, None)
        coming = block[:0] if after is None else after[:reach]
        context = np.concatenate([before, block, np.pad(coming, ((0, reach - len(coming)), (0, 0)))])
        before = np.concatenate([before, block])[-reach:] if len(block) < reach else block[-reach:]
        highest = max(float(context.max()), -float(context.min()))
        if highest * (MAX_OVERSHOOT if between_samples else 1) <= ceiling:
            yield None
        elif between_samples:
            peaks = peaks_between(context.T.astype(np.float32), ceiling)[PEAK_REACH_SAMPLES:-PEAK_REACH_SAMPLES]
            yield _smooth_gain(peaks, ceiling, lookahead)
        else:
            yield _smooth_gain(np.abs(context).max(axis=1), ceiling, lookahead)
        block = after


def _smooth_gain(peaks: npt.NDArray[np.floating], ceiling: float, lookahead: int) -> Gain:
    """Return the limiter's gain; `peaks` has 2 * `lookahead` more samples on each side.

    The gain that each sample needs is first held at its minimum over the look-ahead on either side, then averaged over
    as much. Every value in an average is at most what the sample in its middle needs, so the average is too.
    """
    needed = np.minimum(ceiling / np.maximum(peaks.astype(np.float64), ceiling), 1.0)
    width = 2 * lookahead + 1
    # A sliding minimum over `width` samples in log2(width) passes: each doubles the span.
    lowest, span = needed, 1
    while span < width:
        step = min(span, width - span)
        lowest = np.minimum(lowest[:-step], lowest[step:])
        span += step
    # A sliding mean by differences of a cumulative sum. Summing 1 - gain, which is mostly 0, keeps rounding errors small.
    missing = np.concatenate([[0.0], np.cumsum(1 - lowest)])
    gain: npt.NDArray[np.float64] = 1 - np.maximum(missing[width:] - missing[:-width], 0) / width
    return gain.astype(np.float32)
