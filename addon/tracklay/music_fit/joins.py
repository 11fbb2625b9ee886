"""Joins between beats: how well one beat can play in place of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..music_analysis.analyzer import MusicAnalysis

    Costs = npt.NDArray[np.float64]
    Matrix = npt.NDArray[np.float32]
    Beats = npt.NDArray[np.int64]

CONTEXT = ((-2, 0.1), (-1, 0.3), (0, 0.35), (1, 0.15), (2, 0.1))
"""Beats around a join that are compared, and their weights: what was heard before, and what would have come."""

GOOD_SIMILARITY = 0.6
"""Lowest similarity of a join that is crossfaded. Below it the music fades out over a bar before the join."""

JOIN_COST = 0.8
"""Cost of any join. It is also the unit: 1 is about a join that a musician hears when listening for it."""

DIFFERENCE_COST = 6.0
"""Cost of a join of beats that are not alike at all."""

BAD_COST = 2.5
"""Added where the similarity is below `GOOD_SIMILARITY`."""

INNER_COST = 0.5
"""Added where the join is inside a bar."""

METER_COST = 1.2
"""Added where the join makes a bar longer or shorter."""

NEAR_COST = 1.0
"""Added where the join repeats or leaves out less than a bar."""

CANDIDATES = 12
"""Joins to each beat that are considered: the cheapest ones."""

HIT_JOIN_COST, HIT_DIFFERENCE_COST = 0.5, 3.5
"""The same on a hit, where a change is wanted and the accent covers the join."""


@dataclass(frozen=True, slots=True)
class JoinTable:
    """Costs of joins, beats by beats: `[i, j]` is the join at which beat `j` plays in place of beat `i`.

    Attributes:
        similarity: 0 to 1.
        sources: shape (beats, `CANDIDATES`): for each beat `j` the beats `i` that it replaces at least cost.
        costs: shape (beats, `CANDIDATES`): costs of these joins; infinite where there is none.
        at_hits: shape (beats, beats): costs of joins on a hit, from any beat to any.
    """

    similarity: Matrix
    sources: Beats
    costs: Costs
    at_hits: Matrix


def rate_joins(analysis: MusicAnalysis) -> JoinTable:
    """Return the costs of all joins of a piece."""
    similarity = _compare_contexts(analysis.likeness)
    beats = len(analysis.beats)
    costs = JOIN_COST + DIFFERENCE_COST * (1 - similarity.astype(np.float64))
    costs += np.where(similarity < GOOD_SIMILARITY, BAD_COST, 0.0)
    places = analysis.places
    costs += np.where((places == 0)[None, :], 0.0, INNER_COST)
    costs += np.where(places[:, None] == places[None, :], 0.0, METER_COST)
    apart = np.abs(np.subtract.outer(np.arange(beats), np.arange(beats)))
    costs += np.where(apart < analysis.meter, NEAR_COST, 0.0)
    np.fill_diagonal(costs, np.inf)
    # Beat 0 has nothing before it that could be left.
    costs[0, :] = np.inf
    count = min(CANDIDATES, beats)
    sources = np.argpartition(costs, count - 1, axis=0)[:count].T
    at_hits = (HIT_JOIN_COST + HIT_DIFFERENCE_COST * (1 - similarity)).astype(np.float32)
    np.fill_diagonal(at_hits, 0)
    return JoinTable(similarity, sources, np.take_along_axis(costs.T, sources, axis=1), at_hits)


def _compare_contexts(likeness: Matrix) -> Matrix:
    """Return the weighted mean of likeness along each diagonal, over `CONTEXT`."""
    beats = len(likeness)
    total = np.zeros_like(likeness)
    weight = np.zeros_like(likeness)
    for shift, share in CONTEXT:
        first, last = max(0, -shift), min(beats, beats - shift)
        if first < last:
            total[first:last, first:last] += (
                share * likeness[first + shift : last + shift, first + shift : last + shift]
            )
            weight[first:last, first:last] += share
    return total / weight
