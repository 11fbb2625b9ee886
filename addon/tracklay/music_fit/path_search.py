"""The cheapest path through the beats of a piece, from its start over the hits to its ending.

Between two anchors the path is found by dynamic programming over the number of beats played and the beat that is reached. Each
step plays a beat, and continues with the next one or, at a cost, with another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .anchors import ACCENT_COST, MAX_TIME_CHANGE, closing_costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from .joins import Costs, JoinTable

START_COST = 1.5
"""Added to a join in the first bar: the music's own start is kept."""

SLACK_BEATS = 2.0
"""Beats by which a path may be longer or shorter than the time between two anchors, beyond the change of time."""


@dataclass(frozen=True, slots=True)
class Leg:
    """The path between two anchors.

    Attributes:
        played: beats that are played, in order; the beat on the next anchor is not among them.
        arrived: the beat that would follow the last.
        samples: length of the music.
    """

    played: tuple[int, ...]
    arrived: int
    samples: int


@dataclass(frozen=True, slots=True)
class SearchGrid:
    """A piece as the search sees it.

    Attributes:
        joins: costs of joins.
        lengths: shape (beats,): samples of each beat.
        accents: shape (beats,): 0 to 1.
        meter: beats in a bar.
        first_beat: beat at which the path begins.
        ending_beat: beat at which it ends: no join is after it.
        max_trim: samples by which the final decay may be shortened.
        is_tight: the ending is the final chord alone, which may follow a pause.
    """

    joins: JoinTable
    lengths: npt.NDArray[np.int64]
    accents: Costs
    meter: int
    first_beat: int
    ending_beat: int
    max_trim: int
    is_tight: bool = False

    @property
    def beat(self) -> float:
        """Length of the median beat, samples."""
        return float(np.median(self.lengths))


class _LegSearch:
    """Search of one leg: all paths from some beats, by the number of beats played."""

    def __init__(self, grid: SearchGrid, starts: Costs, span: int, *, is_first: bool) -> None:
        self._grid = grid
        self._is_first = is_first
        beat = grid.beat
        most = (
            int(
                (span * (1 + 2 * MAX_TIME_CHANGE) + (SLACK_BEATS * beat) + grid.max_trim)
                / max(1.0, float(grid.lengths.min()))
            )
            + 1
        )
        self._most = min(most, int((span * (1 + 2 * MAX_TIME_CHANGE) + grid.max_trim) / beat + SLACK_BEATS + 8))
        beats = len(grid.lengths)
        self.costs = np.full((self._most + 1, beats), np.inf)
        self.samples = np.zeros((self._most + 1, beats))
        self._links = np.zeros((self._most + 1, beats), np.int32)
        self.costs[0] = starts
        sources, join_costs = grid.joins.sources, grid.joins.costs
        # A join at beat i leaves beat i - 1; there is none inside the ending.
        blocked = (sources < 1) | (sources > grid.ending_beat) | (np.arange(beats)[:, None] > grid.ending_beat)
        costs = np.where(blocked, np.inf, join_costs)
        before = np.maximum(sources - 1, 0)
        for step in range(1, self._most + 1):
            last = self.costs[step - 1]
            joined = last[before] + costs
            if is_first and step < grid.meter:
                joined += START_COST
            best = np.argmin(joined, axis=1)
            cheapest = np.take_along_axis(joined, best[:, None], axis=1)[:, 0]
            straight = np.concatenate([[np.inf], last[:-1]])
            goes_on = straight <= cheapest
            origin = np.where(goes_on, np.arange(beats) - 1, np.take_along_axis(before, best[:, None], axis=1)[:, 0])
            origin = np.maximum(origin, 0)
            self.costs[step] = np.where(goes_on, straight, cheapest)
            self._links[step] = origin
            self.samples[step] = self.samples[step - 1][origin] + grid.lengths[origin]

    def arrivals(self, span: int, *, is_last: bool) -> tuple[Costs, npt.NDArray[np.int64]]:
        """Return for each beat the cost of arriving there after `span` samples, and the beats played."""
        grid = self._grid
        totals = self.costs + closing_costs(
            span - self.samples,
            self.samples,
            grid.beat,
            may_pause=not is_last or grid.is_tight,
            max_trim=grid.max_trim if is_last else 0,
        )
        if not self._is_first:
            totals[0] = np.inf  # the beat on a hit is played
        steps = np.argmin(totals, axis=0)
        return totals[steps, np.arange(totals.shape[1])], steps

    def trace(self, step: int, beat: int) -> Leg:
        """Return the path that reaches a beat after `step` beats."""
        played: list[int] = []
        arrived = beat
        samples = round(float(self.samples[step, beat]))
        for at in range(step, 0, -1):
            beat = int(self._links[at, beat])
            played.append(beat)
        return Leg(tuple(reversed(played)), arrived, samples)


def find_path(grid: SearchGrid, lead: int, hits: Sequence[int], ending: int) -> tuple[list[Leg], list[int], float]:
    """Return the legs from the start over the hits to the ending, the beats on the hits, and the cost.

    Args:
        grid: the piece.
        lead: sample of the span at which the first beat plays.
        hits: samples of the hits, rising.
        ending: sample of the span at which the ending's first beat plays.
    """
    beats = len(grid.lengths)
    starts = np.full(beats, np.inf)
    starts[grid.first_beat] = 0
    accent_costs = ACCENT_COST * (1 - grid.accents)
    # The ending itself cannot be on a hit before the end: it would be heard twice.
    accent_costs[grid.ending_beat + 1 :] = np.inf
    searches: list[_LegSearch] = []
    choices: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    at = lead
    for index, hit in enumerate(hits):
        search = _LegSearch(grid, starts, hit - at, is_first=index == 0)
        arrived, steps = search.arrivals(hit - at, is_last=False)
        onward = arrived[:, None] + grid.joins.at_hits
        origins = np.argmin(onward, axis=0)
        starts = onward[origins, np.arange(beats)] + accent_costs
        searches.append(search)
        choices.append((origins, steps))
        at = hit
    search = _LegSearch(grid, starts, ending - at, is_first=not hits)
    arrived, steps = search.arrivals(ending - at, is_last=True)
    cost = float(arrived[grid.ending_beat])
    if not np.isfinite(cost):
        return [], [], cost
    legs = [search.trace(int(steps[grid.ending_beat]), grid.ending_beat)]
    on_hits: list[int] = []
    for search, (origins, steps) in zip(reversed(searches), reversed(choices), strict=True):
        on_hit = legs[-1].played[0] if legs[-1].played else legs[-1].arrived
        origin = int(origins[on_hit])
        on_hits.append(on_hit)
        legs.append(search.trace(int(steps[origin]), origin))
    return legs[::-1], on_hits[::-1], cost
