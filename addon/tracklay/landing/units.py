"""Units: the stretches of a take that move as a whole, each from the quiet point before an attack to the end of its decay.

An attack that begins while an earlier one still sounds belongs to that one's unit, unless it drowns what still rings: then the earlier
unit's decay goes on by extrapolation (`ringing`) where the two are moved apart. A decay is never just cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ..listening.onsets import Onset
    from ..listening.spectrum import BandSpectrum

CUT_BEFORE_ATTACK_SECONDS = 0.009
"""The cut before an attack is at least this far from it: the crossfade fits before the attack."""

BEFORE_ATTACK_SECONDS = 0.25
"""Seconds before an attack that show what sounds without it."""

ORDINARY_PERCENTILE, QUIET_PERCENTILE = 60, 20
AFTER_EVENT_SECONDS, LEAST_AWAY_SECONDS = 0.6, 1.0
"""Time after an event from which its decay is no part of what ordinarily sounds, and the least of such time in a take."""

OVER_DB = -55.0
"""A decay is over where its power, above what sounded before, is this far below its peak, where it is not heard any more."""

SEPARABLE_DB = -26.0
"""A decay may be faded out before the next attack from here on: the next attack is heard, the fade is not."""

DROWNING_DB, LEAST_RING_SECONDS, ATTACK_NOISE_SECONDS = 6.0, 0.1, 0.005
"""An attack this far above what rings on before it begins a unit of its own, if the ring has lasted long enough to be extrapolated, without
the noise of its own attack."""

PEAK_SECONDS = 0.06
"""Seconds after the attack in which its peak is."""

LONGEST_SECONDS = 6.0
"""A decay is followed for so long. What is still louder then is no decay but a change of the background."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch of a take that moves as a whole.

    Attributes:
        start: its first sample, in the quiet before the attack.
        attack: the sample of its first attack.
        stop: the sample after its last.
        onsets: indices of its onsets, in order.
        rings_from: where its decay, which the next unit drowns at `stop`, begins to be free of its attack; None if it ends by itself.
    """

    start: int
    attack: int
    stop: int
    onsets: tuple[int, ...]
    rings_from: int | None = None


def split_into_units(
    onsets: Sequence[Onset], events: Sequence[int], bands: BandSpectrum, length: int, sample_rate: int
) -> list[Unit]:
    """Return the units of a take, in order; they do not overlap.

    Args:
        onsets: all onsets.
        events: indices of those that are events; the others are part of the background, or of a decay.
        bands: the take's band levels.
        length: samples of the take.
        sample_rate: Hz.
    """
    power = 10 ** (bands.levels_db / 10)
    ordinary = _ordinary_power(power, [onsets[index].sample for index in events], bands.hop, sample_rate)
    units: list[Unit] = []
    reference, rings_on = ordinary, False
    for at, index in enumerate(events):
        onset = onsets[index]
        start = max(0, min(onset.quiet, onset.sample - round(CUT_BEFORE_ATTACK_SECONDS * sample_rate)))
        following = onsets[events[at + 1]] if at + 1 < len(events) else None
        limit = length if following is None else following.sample
        if not rings_on:
            earlier = onsets[events[at - 1]].sample if at else None
            reference = 2 * np.maximum(_power_before(onset.sample, earlier, power, bands.hop, sample_rate), ordinary)
        stop, separable = _decay_end(onset.sample, limit, power, bands.hop, reference, sample_rate)
        # What rings into this event is no background: both decays are over where the first would be.
        rings_on = stop == limit
        if units and start < units[-1].stop:
            # The earlier decay still sounds here.
            unit = units.pop()
            units.append(Unit(unit.start, unit.attack, stop, (*unit.onsets, index)))
        else:
            units.append(Unit(start, onset.sample, stop, (index,)))
        if following is None:
            continue
        next_start = max(0, min(following.quiet, following.sample - round(CUT_BEFORE_ATTACK_SECONDS * sample_rate)))
        is_drowned = not separable and _drowns(following, onset, next_start, sample_rate)
        if separable or is_drowned:
            unit = units.pop()
            rings_from = onset.sample + round(ATTACK_NOISE_SECONDS * sample_rate) if is_drowned else None
            stop = max(unit.attack + 1, min(unit.stop, next_start))
            units.append(replace(unit, stop=stop, rings_from=rings_from))
    return [replace(unit, stop=min(unit.stop, length)) for unit in units]


def _drowns(following: Onset, onset: Onset, next_start: int, sample_rate: int) -> bool:
    """Return whether an attack drowns what still rings of the onset before it, which can be extrapolated."""
    if next_start - onset.sample < LEAST_RING_SECONDS * sample_rate:
        return False
    return following.level_db - following.before_db >= DROWNING_DB


def _ordinary_power(
    power: npt.NDArray[np.floating], attacks: Sequence[int], hop: int, sample_rate: int
) -> npt.NDArray[np.floating]:
    """Return the power in each band that ordinarily sounds without an event: of the frames long after one, else of the quietest."""
    frames = np.arange(len(power))
    starts = np.array([-len(power), *(attack // hop for attack in attacks)])
    since = frames - starts[np.searchsorted(starts, frames + 2, side="right") - 1]
    away = power[since * hop > AFTER_EVENT_SECONDS * sample_rate]
    if len(away) * hop < LEAST_AWAY_SECONDS * sample_rate:
        return np.asarray(np.percentile(power, QUIET_PERCENTILE, axis=0))
    return np.asarray(np.percentile(away, ORDINARY_PERCENTILE, axis=0))


def _power_before(
    attack: int, earlier: int | None, power: npt.NDArray[np.floating], hop: int, sample_rate: int
) -> npt.NDArray[np.floating]:
    """Return the power in each band that sounds before an attack: the loudest of 0.25 s, without the peak of the event before.

    `earlier` is the attack of that event.
    """
    # The frame around the attack has it in its window, and so has the one before it.
    first = attack // hop
    begin = max(0, first - max(2, round(BEFORE_ATTACK_SECONDS * sample_rate / hop)))
    if earlier is not None:
        begin = max(begin, min((earlier + round(PEAK_SECONDS * sample_rate)) // hop, first - 3))
    highest: npt.NDArray[np.floating] = power[begin : max(1, first - 1)].max(axis=0)
    return highest


def _decay_end(
    attack: int,
    limit: int,
    power: npt.NDArray[np.floating],
    hop: int,
    reference: npt.NDArray[np.floating],
    sample_rate: int,
) -> tuple[int, bool]:
    """Return the sample at which the decay of an attack is over, at most `limit`, and whether it may be cut there.

    `reference` is the power in each band of what sounds without the event: the loudest just before it, and at least what ordinarily
    does, with 3 dB of fluctuation.
    """
    first = attack // hop
    frames = min(len(power), first + 2 + round(LONGEST_SECONDS * sample_rate / hop))
    # A frame's window reaches one hop further: the last frame before the limit is free of the next attack.
    last = min(frames, max(first + 1, limit // hop - 1))
    excess = np.maximum(power[first:last] - reference, 0).sum(axis=1)
    if len(excess) == 0:
        return limit, False
    peak = float(excess[: max(2, round(PEAK_SECONDS * sample_rate / hop))].max())
    if peak <= 0:
        return min(limit, attack + round(PEAK_SECONDS * sample_rate)), True
    # Over after three quiet frames: what rises later is another sound, such as a note of music.
    quiet = excess <= peak * 10 ** (OVER_DB / 10)
    over = np.flatnonzero(quiet[:-2] & quiet[1:-1] & quiet[2:])
    end = first + int(over[0]) + 1 if len(over) else last
    if end < last:
        return min(limit, end * hop), True
    if last * hop < limit - 2 * hop:
        return last * hop, True
    return limit, bool(excess[-1] < peak * 10 ** (SEPARABLE_DB / 10))
