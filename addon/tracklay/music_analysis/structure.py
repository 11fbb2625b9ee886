"""Structure of a piece on the beat grid: where sections begin, and how strong the accent on each beat is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .beats import Strength
    from .likeness import Matrix

REACHES = ((4, 1.0), (1, 0.3))
"""Bars before and after a point that are compared, and weights: a phrase has all chords of the progression, a bar is exact."""

PITCH_WEIGHT_DB = 10.0
"""Difference of timbre, in dB, that counts as much as pitch classes that have nothing in common."""

LEAST_EDGE_BARS = 2
"""Bars that a section has at least."""

LEAST_NOVELTY = 0.4
"""Lowest novelty of a section's start, as a share of the piece's greatest."""

SECTION_ACCENT = 0.35
"""Added to the accent of a section's first beat."""

BAR_ACCENT = 0.15
"""Added to the accent of a bar's first beat."""


def find_sections(pitches: Matrix, timbre: Matrix, places: npt.NDArray[np.int64], meter: int) -> npt.NDArray[np.int64]:
    """Return the first beats of sections, in order; the piece's first bar is one.

    A section begins where the mean pitch classes and timbre of the phrase after differ most from those of the phrase before.
    """
    firsts = np.flatnonzero(places == 0)
    beats = len(places)
    if not len(firsts):
        return np.zeros(min(1, beats), np.int64)
    novelty = np.zeros(len(firsts))
    for bars, weight in REACHES:
        reach = bars * meter
        colour = _change(timbre, firsts, reach) / np.sqrt(timbre.shape[1])
        novelty += weight * (colour + PITCH_WEIGHT_DB * _change(pitches, firsts, reach) / np.sqrt(2))
    edge = LEAST_EDGE_BARS * meter
    novelty[(firsts < edge) | (firsts > beats - edge)] = 0
    greatest = novelty.max()
    found = [int(firsts[0])]
    for at in range(1, len(firsts)):
        around = novelty[max(0, at - LEAST_EDGE_BARS) : at + LEAST_EDGE_BARS + 1]
        if novelty[at] > 0 and novelty[at] >= around.max() and novelty[at] >= LEAST_NOVELTY * greatest:
            found.append(int(firsts[at]))
    return np.array(found, np.int64)


def _change(values: Matrix, at: npt.NDArray[np.int64], reach: int) -> Strength:
    """Return the distance between the means of the beats before and after some beats, over `reach` beats."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    first, last = np.maximum(at - reach, 0), np.minimum(at + reach, len(values))
    before = (sums[at] - sums[first]) / np.maximum(at - first, 1)[:, None]
    after = (sums[last] - sums[at]) / np.maximum(last - at, 1)[:, None]
    distance: Strength = np.linalg.norm(after - before, axis=1)
    return distance


def measure_accents(
    onsets: Strength, low: Strength, levels_db: Strength, places: npt.NDArray[np.int64], sections: npt.NDArray[np.int64]
) -> Strength:
    """Return the strength of the accent on each beat, 0 to 1.

    Args:
        onsets: strength of the onset at each beat, all bands.
        low: the same of the low bands.
        levels_db: level of each beat, dB.
        places: place of each beat in its bar.
        sections: first beats of sections.
    """
    if not len(onsets):
        return np.zeros(0)
    rise = np.diff(levels_db, prepend=levels_db[:1])
    ranks = (_rank(onsets) + 0.5 * _rank(low) + 0.5 * _rank(rise) + 0.25 * _rank(levels_db)) / 2.25
    ranks = 0.65 * ranks + BAR_ACCENT * (places == 0)
    ranks[sections] += SECTION_ACCENT
    accents: Strength = np.clip(ranks, 0, 1)
    return accents


def _rank(values: Strength) -> Strength:
    """Return each value's share of values that are not greater: 0 to 1, whatever their distribution."""
    ranks: Strength = np.searchsorted(np.sort(values), values, side="right") / len(values)
    return ranks
