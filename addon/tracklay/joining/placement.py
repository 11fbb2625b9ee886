"""The place and length of a crossfade inside an overlap: where both sides are quiet and alike, and neither has an attack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..listening.onsets import detect_onsets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ..listening.spectrum import Samples

    Curve = npt.NDArray[np.float64]

STEP_SECONDS = 0.0025
"""Resolution of the search."""

LONGEST_SECONDS, SHORTEST_SECONDS = 1.0, 0.01
"""Lengths of a crossfade. Over the longest, a change of texture is no event; the shortest does not click."""

CUT_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.11)
"""Lengths of the crossfade at a picture cut. The shortest is right where the ambience changes; tones in other phases need more."""

HALVING_DB = 2.5
"""Half the length is worth this much less level: a change of texture over a short time is easier to hear."""

UNLIKE_WEIGHT = 0.3
"""Cost in dB of each dB by which the levels of the two sides differ."""

NEAR_CUT_DB = 6.0
"""Cost in dB of each 10 ms from a picture cut."""

BEFORE_ATTACK_SECONDS, AFTER_ATTACK_SECONDS = 0.005, 0.02
"""Around an attack, no crossfade."""

PAIR_SECONDS = 0.06
"""Attacks of both sides that are no farther apart are the same event. A seam between the two would double or lose it."""

ATTACK_DB = 40.0
"""Cost in dB of a crossfade on an attack, for an overlap full of them; the attack's strength adds to it."""

CLICK_DB, CLICK_WEIGHT = 8.0, 1.5
"""A single peak is too short to be an onset: one this many dB over its surroundings costs this much for each dB beyond."""

CLICK_AROUND_SECONDS = 0.1
"""Reach of a peak's surroundings."""

FLOOR_POWER = 1e-9
"""Power added to both sides, -90 dB of full scale: quieter is not better."""

EDGE_SECONDS = 0.02
"""A part that begins or ends while it sounds is faded there, which is no attack."""

CONTEXT_SECONDS = 0.75
"""Sound around an overlap that the detection of onsets sees."""


class Place(NamedTuple):
    """A crossfade inside an overlap: its first sample, from the overlap's first, and its length in samples."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an overlap with its context.

    Attributes:
        samples: (samples, channels), of the overlap.
        attacks: those near and inside the overlap: their samples from the overlap's first, and their strengths.
    """

    samples: Samples
    attacks: tuple[tuple[int, float], ...]


def analyze_side(sound: Samples, before: int, overlap: int, sample_rate: int) -> Side:
    """Return a side of an overlap from a sound that begins `before` samples earlier and reaches past it."""
    edge = round(EDGE_SECONDS * sample_rate)
    first = 0 if before else edge
    end = len(sound) - (0 if len(sound) > before + overlap else edge)
    attacks = tuple(
        (onset.sample - before, onset.strength)
        for onset in detect_onsets(sound, sample_rate)
        if first <= onset.sample < end
    )
    return Side(sound[before : before + overlap], attacks)


def place_crossfade(
    left: Side, right: Side, sample_rate: int, cut: int | None = None, cut_seconds: float = CUT_SECONDS[0]
) -> Place:
    """Return the place where a crossfade is least heard.

    Args:
        left: the side that ends.
        right: the side that begins, of the same length, matched in level.
        sample_rate: Hz.
        cut: for a hard cut, its sample from the overlap's first.
        cut_seconds: length of the crossfade at a hard cut.
    """
    length = len(left.samples)
    step = max(1, round(STEP_SECONDS * sample_rate))
    shortest = min(length, round(SHORTEST_SECONDS * sample_rate))
    if length < 2 * shortest:
        return Place(0, length)
    powers = [_step_powers(side.samples, step) for side in (left, right)]
    both = powers[0] + powers[1] + FLOOR_POWER
    unlike = np.abs(10 * np.log10((powers[0] + FLOOR_POWER) / (powers[1] + FLOOR_POWER)))
    attacks = _attack_costs(left.attacks, right.attacks, len(both), step, sample_rate)
    for side in (left, right):
        attacks = np.maximum(attacks, click_costs(side.samples, step))
    longest = min(length, round(LONGEST_SECONDS * sample_rate))
    best, lowest = Place(0, length), np.inf
    for size in _lengths(longest, shortest) if cut is None else [min(length, round(cut_seconds * sample_rate))]:
        steps = max(1, min(len(both), -(-size // step)))
        cost = 10 * np.log10(_window_means(both, steps)) + UNLIKE_WEIGHT * _window_means(unlike, steps)
        cost += _window_highest(attacks, steps) + HALVING_DB * np.log2(longest / size)
        starts = np.minimum(np.arange(len(cost)) * step, length - size)
        if cut is not None:
            cost += NEAR_CUT_DB * np.abs(starts + size / 2 - cut) / (0.01 * sample_rate)
        at = int(np.argmin(cost))
        if cost[at] < lowest:
            lowest, best = cost[at], Place(int(starts[at]), size)
    return best


def _lengths(longest: int, shortest: int) -> list[int]:
    """Return the lengths to try, from the longest down, each 0.7 times the one before."""
    count = int(np.ceil(np.log(longest / shortest) / np.log(1 / 0.7)))
    return [max(shortest, round(longest * 0.7**number)) for number in range(count + 1)]


def _step_powers(sound: Samples, step: int) -> Curve:
    """Return the mean power of each step, channels added; the last step may be short."""
    power = np.square(sound.astype(np.float64)).sum(axis=1)
    edges = np.arange(0, len(power), step)
    sums: Curve = np.add.reduceat(power, edges) / np.diff(np.append(edges, len(power)))
    return sums


def click_costs(sound: Samples, step: int) -> Curve:
    """Return the cost of a crossfade on each step for a click in it: a peak of the sound's change that stands out."""
    change = np.abs(np.diff(sound, axis=0, prepend=sound[:1])).max(axis=1)
    peaks = 20 * np.log10(np.maximum.reduceat(change, np.arange(0, len(change), step)) + np.sqrt(FLOOR_POWER))
    reach = min(len(peaks) - 1, round(CLICK_AROUND_SECONDS / STEP_SECONDS))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(peaks, reach, mode="reflect"), 2 * reach + 1)
    costs: Curve = np.clip(CLICK_WEIGHT * (peaks - np.median(around, axis=1) - CLICK_DB), 0, ATTACK_DB)
    return costs


def _window_means(values: Curve, count: int) -> Curve:
    total = np.concatenate([[0.0], np.cumsum(values)])
    means: Curve = (total[count:] - total[:-count]) / count
    return np.maximum(means, FLOOR_POWER)


def _window_highest(values: Curve, count: int) -> Curve:
    highest: Curve = np.lib.stride_tricks.sliding_window_view(values, count).max(axis=1)
    return highest


def _attack_costs(
    left: Sequence[tuple[int, float]], right: Sequence[tuple[int, float]], steps: int, step: int, sample_rate: int
) -> Curve:
    """Return the cost of a crossfade on each step: around attacks, and between those of one event on both sides."""
    costs = np.zeros(steps)
    before, after = round(BEFORE_ATTACK_SECONDS * sample_rate), round(AFTER_ATTACK_SECONDS * sample_rate)
    reach = PAIR_SECONDS * sample_rate
    spans = [(sample, sample, strength) for sample, strength in (*left, *right)]
    for one, strength in left:
        other, weight = min(right, key=lambda attack: abs(attack[0] - one), default=(one, 0.0))
        # Only if each is the other's nearest: in a roll, every attack is near to several.
        if abs(other - one) <= reach and min(left, key=lambda attack: abs(attack[0] - other))[0] == one:
            spans.append((min(one, other), max(one, other), max(strength, weight)))
    for first, last, strength in spans:
        begin, end = max(0, (first - before) // step), max(0, -(-(last + after) // step))
        costs[begin:end] = np.maximum(costs[begin:end], ATTACK_DB * (1 + strength))
    return costs
