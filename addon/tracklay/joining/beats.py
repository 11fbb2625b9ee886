"""Joins of two pieces of music on a downbeat, with the bars aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..listening.spectrum import measure_bands
from .join import to_channels
from .levels import weighted_powers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..listening.spectrum import Samples

CROSSFADE_BEATS, LONGEST_CROSSFADE_SECONDS = 0.25, 0.12
"""Length of the crossfade: a part of a beat. It ends where the downbeat begins, so that the downbeat is heard once."""

BEFORE_DOWNBEAT_SECONDS = 0.01
"""A beat is measured to about this; its attack may be earlier."""

COMPARED_BEATS = 2
"""Beats before and after the downbeat over which the two pieces are compared."""

SHIFT_DB_PER_BAR = 3.0
"""Cost of moving the second piece by a bar, in dB of unlike spectra."""

PLACE_DB = 1.5
"""Cost in dB of a beat of the second piece that was not found to be a downbeat: which beat is the first is less sure than the beats."""

TEMPO_DB = 0.5
"""Cost in dB for each ms by which the next downbeats of both pieces differ after the join."""


class BeatJoin(NamedTuple):
    """A join on a downbeat.

    Attributes:
        downbeat: the downbeat's sample in the first piece.
        right_downbeat: the sample of the second piece's downbeat that falls on it.
        crossfade: length of the crossfade in samples; it ends just before the downbeat.
        unlike_db: mean difference of the band levels of both around it.
    """

    downbeat: int
    right_downbeat: int
    crossfade: int
    unlike_db: float

    @property
    def start(self) -> int:
        """First sample of the second piece, counted in the first."""
        return self.downbeat - self.right_downbeat

    def crossfade_span(self, sample_rate: int) -> tuple[int, int]:
        """Return the first sample of the crossfade, counted in the first piece, and its length."""
        end = self.downbeat - round(BEFORE_DOWNBEAT_SECONDS * sample_rate)
        return end - self.crossfade, self.crossfade


def find_beat_join(
    left: Samples,
    right: Samples,
    sample_rate: int,
    left_downbeats: Sequence[int],
    right_downbeats: Sequence[int],
    beat_samples: float,
    expected_start: int | None = None,
    earliest_start: int | None = None,
    right_beats: Sequence[int] = (),
) -> BeatJoin | None:
    """Return the downbeats on which one piece of music is joined to another with the least change; None if there is no pair.

    Args:
        left: the piece that ends, (samples, channels).
        right: the piece that begins.
        sample_rate: Hz.
        left_downbeats: downbeats of the first piece, in its own samples, in order.
        right_downbeats: those of the second, in its own samples.
        beat_samples: length of a beat.
        expected_start: where the second piece would begin in the first without a shift; None where any place is equal.
        earliest_start: where it may begin in the first at the earliest; None where it may anywhere.
        right_beats: all beats of the second, if likeness may decide which of them falls on the downbeat.
    """
    right = to_channels(right, left.shape[1])
    reach = round(COMPARED_BEATS * beat_samples)
    crossfade = round(min(CROSSFADE_BEATS * beat_samples, LONGEST_CROSSFADE_SECONDS * sample_rate))
    bar = float(np.median(np.diff(left_downbeats))) if len(left_downbeats) > 1 else 4 * beat_samples
    beats = list(right_beats) or list(right_downbeats)
    is_downbeat = set(right_downbeats)
    beats_in_bar = _beats_in_bar(beats, right_downbeats)
    margin = crossfade + round(BEFORE_DOWNBEAT_SECONDS * sample_rate)
    before, after = _Spectra(left, sample_rate), _Spectra(right, sample_rate)
    best: tuple[float, BeatJoin] | None = None
    for index, here in enumerate(left_downbeats):
        for other, there in enumerate(beats):
            if here < margin or there < margin or here > len(left):
                continue
            if earliest_start is not None and here - there < earliest_start:
                continue
            unlike = before.difference_db(after, here, there, reach)
            bar_after = beats[other + beats_in_bar] - there if other + beats_in_bar < len(beats) else None
            cost = unlike + _tempo_cost(left_downbeats, index, bar_after, sample_rate)
            cost += 0.0 if there in is_downbeat else PLACE_DB
            if expected_start is not None:
                cost += SHIFT_DB_PER_BAR * abs(here - there - expected_start) / bar
            if best is None or cost < best[0]:
                best = cost, BeatJoin(int(here), int(there), crossfade, unlike)
    return best[1] if best else None


def _beats_in_bar(beats: Sequence[int], downbeats: Sequence[int]) -> int:
    if min(len(beats), len(downbeats)) < 2:
        return 1
    return max(1, round(float(np.median(np.diff(downbeats)) / np.median(np.diff(beats)))))


def _tempo_cost(left: Sequence[int], index: int, bar_after: int | None, sample_rate: int) -> float:
    """Return the cost of a bar before the join that is longer or shorter than the one after it."""
    if index == 0 or bar_after is None:
        return 0.0
    return TEMPO_DB * abs(left[index] - left[index - 1] - bar_after) / (0.001 * sample_rate)


class _Spectra:
    """Band levels of a piece, relative to its loudness."""

    def __init__(self, sound: Samples, sample_rate: int) -> None:
        bands = measure_bands(sound, sample_rate)
        powers = weighted_powers(sound, sample_rate)
        self.levels_db = bands.levels_db - np.float32(10 * np.log10(powers.mean() + 1e-9))
        self.hop = bands.hop

    def difference_db(self, other: _Spectra, here: int, there: int, reach: int) -> float:
        """Return the mean difference of the band levels around a sample of each piece; where one has no sound, nothing is compared."""
        first = -min(reach, here, there)
        own_end, other_end = (len(each.levels_db) * each.hop for each in (self, other))
        last = min(reach, own_end - here, other_end - there)
        count = (last - first) // self.hop
        if count < 1:
            return float("inf")
        own = self.levels_db[(here + first) // self.hop :][:count]
        theirs = other.levels_db[(there + first) // self.hop :][:count]
        count = min(len(own), len(theirs))
        return float(np.abs(own[:count] - theirs[:count]).mean())
