"""The limiter: no peak above the ceiling, nothing late, and the samples around loud peaks alone are changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from .loudness import PEAK_REACH_SAMPLES, peaks_between

Samples = TypeVar("Samples", npt.NDArray[np.float32], npt.NDArray[np.float64])

PEAK_CEILING: Final = 10 ** (-1.05 / 20)
"""Highest sample of foley and landed takes, linear. 0.05 dB below -1 dBFS, so that rounding never exceeds -1 dBFS."""

_LOOKAHEAD_SAMPLES = 240
"""Look-ahead of the limiter to either side, 5 ms; its gain is smoothed over as much again."""

_HIGHEST_OVERSHOOT = 1.6
"""Factor by which a peak between samples may exceed the samples of a block: below, a block needs no look between its samples."""


def limit_peaks(
    blocks: Iterator[Samples], ceiling: float = PEAK_CEILING, *, between_samples: bool = False
) -> Iterator[Samples]:
    """Yield the same blocks, (samples, channels), with every peak limited to `ceiling` by a look-ahead gain that moves over 10 ms.

    Args:
        blocks: the sound; its blocks have the type of the result.
        ceiling: highest peak, linear.
        between_samples: limit the true peaks (BS.1770-4, annex 2), which lie between samples, too.
    """
    reach = 2 * _LOOKAHEAD_SAMPLES + (PEAK_REACH_SAMPLES if between_samples else 0)
    block = next(blocks, None)
    before = None if block is None else np.zeros((reach, block.shape[1]), block.dtype)
    while block is not None and before is not None:
        after = next(blocks, None)
        coming = block[:0] if after is None else after[:reach]
        context = np.concatenate([before, block, np.pad(coming, ((0, reach - len(coming)), (0, 0)))])
        before = np.concatenate([before, block])[-reach:] if len(block) < reach else block[-reach:]
        # Most blocks have no peak above the ceiling, in themselves or within reach: they stay bit for bit as they are.
        highest = max(float(context.max()), -float(context.min()))
        if highest * (_HIGHEST_OVERSHOOT if between_samples else 1) > ceiling:
            if between_samples:
                peaks = peaks_between(context.T.astype(np.float32), ceiling)[PEAK_REACH_SAMPLES:-PEAK_REACH_SAMPLES]
            else:
                peaks = np.abs(context).max(axis=1)
            block = block * _limiter_gain(peaks, ceiling)[:, None].astype(block.dtype)
        yield block
        block = after


def _limiter_gain(peaks: npt.NDArray[np.float32], ceiling: float) -> npt.NDArray[np.float32]:
    """Return the limiter's gain; `peaks` has 2 * _LOOKAHEAD_SAMPLES more samples on each side.

    The gain that each sample needs is first held at its minimum over the look-ahead on either side, then averaged over
    as much. Every value in an average is at most what the sample in its middle needs, so the average is too.
    """
    needed = np.minimum(ceiling / np.maximum(peaks.astype(np.float64), ceiling), 1.0)
    width = 2 * _LOOKAHEAD_SAMPLES + 1
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
