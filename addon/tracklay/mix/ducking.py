"""Gain curves of ducks: down before speech, held under it, up again in gaps that are long enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..cue import SAMPLE_RATE
from .gain_curve import GainCurve, ramp

if TYPE_CHECKING:
    from .presets import Duck


class Stretch(NamedTuple):
    """A stretch of speech with no longer gap in it: its first sample, the first one after it, and the depth under it in decibels."""

    start: int
    stop: int
    depth: float


def merge_stretches(stretches: Iterable[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """Return stretches in order, joined where at most `gap` samples are between them."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(stretches):
        if merged and start - merged[-1][1] <= gap:
            merged[-1] = merged[-1][0], max(merged[-1][1], stop)
        else:
            merged.append((start, stop))
    return merged


def duck_curve(stretches: Sequence[Stretch], duck: Duck) -> GainCurve:
    """Return the gain under stretches of speech, at least so far apart that it comes up between them."""
    points: list[tuple[int, float]] = []
    for start, stop, depth in stretches:
        begin = start - round(duck.look_ahead * SAMPLE_RATE)
        end = stop + round(duck.hold * SAMPLE_RATE)
        points += ramp(begin, begin + max(1, round(duck.rise * SAMPLE_RATE)), 0, -depth)
        points += ramp(end, end + max(1, round(duck.recovery * SAMPLE_RATE)), -depth, 0)
    return GainCurve(_in_order(points) or ((0, 1.0),))


def _in_order(points: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """Return points without those that are not after the one before: a short word ends before the gain is down."""
    kept: list[tuple[int, float]] = []
    for time, gain in points:
        if not kept or time > kept[-1][0]:
            kept.append((time, gain))
    return tuple(kept)
