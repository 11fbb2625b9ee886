"""Attacks near the beats, to a millisecond: the features' frames are too coarse for a crossfade that must end before an attack.

The spectrum's rise is strongest when its window is well inside a sound, 5 to 8 ms after the sound begins. Here the level itself is
followed around each beat, with high frequencies raised, which is where attacks are sharp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..listening.spectrum import padded

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..listening.spectrum import ReadSamples

    Samples = npt.NDArray[np.int64]

BEFORE_STEPS, AFTER_STEPS = 16, 6
"""An attack is searched this far before and after the place that the frames give, in steps."""

STEP_SECONDS = 0.001
"""Resolution of the level."""

SIDE_STEPS = 6
"""Steps before and after an attack whose levels are compared."""

LEAST_RISE_DB = 8.0
"""Least rise of an attack."""

QUIET_DB = 40.0
"""Levels this far below the loudest around the beats are taken as equal: noise would have attacks."""


def place_on_attacks(
    read: ReadSamples, length: int, rate: int, beats: Samples, attacks: Samples
) -> tuple[Samples, Samples]:
    """Return a grid of beats that is moved to the attacks on it, and the attacks.

    The whole grid is moved by the median: beats that sound alike stay as far apart as they are, so that they can be joined.

    Args:
        read: reads a stretch of the sound, (samples, channels).
        length: samples of the sound.
        rate: Hz.
        beats: samples of the grid, rising.
        attacks: the attack on each beat as far as frames show it, or the beat itself.

    Returns:
        both, samples of the sound.
    """
    found = find_attack_samples(read, length, rate, attacks)
    known = found >= 0
    if not known.any():
        return beats, attacks
    moved = round(float(np.median(found[known] - attacks[known])))
    return np.maximum(beats + moved, 0), np.where(known, found, np.maximum(attacks + moved, 0))


def find_attack_samples(read: ReadSamples, length: int, rate: int, places: Samples) -> Samples:
    """Return the first samples of the steepest rises of level near some places; -1 where it hardly rises. Arguments as above."""
    step = max(1, round(STEP_SECONDS * rate))
    levels = np.stack([_levels(read, length, int(place), step) for place in places])
    levels = np.maximum(levels, levels.max() - QUIET_DB)
    sums = np.pad(np.cumsum(levels, axis=1), ((0, 0), (1, 0)))
    means = (sums[:, SIDE_STEPS:] - sums[:, :-SIDE_STEPS]) / SIDE_STEPS
    rises = means[:, SIDE_STEPS:] - means[:, :-SIDE_STEPS]
    found = np.full(len(places), -1, np.int64)
    for index, level in enumerate(levels):
        border = int(np.argmax(rises[index]))
        if rises[index, border] < LEAST_RISE_DB:
            continue
        # The attack is the first step above the middle between both sides.
        middle = (means[index, border] + means[index, border + SIDE_STEPS]) / 2
        sides = level[border : border + 2 * SIDE_STEPS]
        # Not a peak of the sound before it: from there on it stays above.
        below = np.flatnonzero(sides[: SIDE_STEPS + 1] <= middle)
        first = border + (int(below[-1]) + 1 if len(below) else 0)
        found[index] = max(0, places[index] + (first - BEFORE_STEPS - SIDE_STEPS) * step)
    return found


def _levels(read: ReadSamples, length: int, place: int, step: int) -> npt.NDArray[np.float64]:
    """Return the level of each step around a place, dB: where attacks are searched, and the sides that this needs at both ends."""
    first, last = BEFORE_STEPS + SIDE_STEPS, AFTER_STEPS + SIDE_STEPS
    sound = padded(read, place - first * step - 1, place + last * step, length).mean(axis=1, dtype=np.float64)
    power = np.diff(sound) ** 2
    levels: npt.NDArray[np.float64] = 10 * np.log10(power.reshape(-1, step).mean(axis=1) + 1e-12)
    return levels
