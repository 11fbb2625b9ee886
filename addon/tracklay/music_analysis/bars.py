"""Bars: three or four beats, and the beat that is the first.

A bar begins where the bass and the kick drum play, chords change and the strongest onsets are; and what a bar has on a beat,
the next has too. The first beats are found together, so that a piece may leave out a beat once, at a cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .beats import Strength
    from .likeness import Matrix

METERS = (3, 4)
"""Beats in a bar that are distinguished."""

CHORD_WEIGHT, LOW_WEIGHT, ONSET_WEIGHT, RHYTHM_WEIGHT = 1.0, 0.7, 0.5, 4.0
"""Weights of a change of chord, of the low bands' onset, of all bands' onset, and of the likeness of bars."""

FIRST_BEAT_BONUS = 0.25
"""Added for the phase in which the piece's first beat is a bar's first: most pieces begin with a bar."""

SLIP_COST = 12.0
"""Cost of a bar with a beat too many or too few."""


def find_bars(low: Strength, onsets: Strength, pitches: Matrix, likeness: Matrix) -> tuple[int, npt.NDArray[np.int64]]:
    """Return the beats in a bar, and for each beat its place in the bar, from 0.

    Args:
        low: strength of the low bands' onset at each beat.
        onsets: strength of the onset at each beat.
        pitches: pitch classes of each beat, from `describe_beats`.
        likeness: from `compare_beats`.
    """
    beats = len(low)
    if beats < 2 * max(METERS):
        return 4, np.arange(beats) % 4
    accents = (
        CHORD_WEIGHT * _standardize(_chord_changes(pitches))
        + LOW_WEIGHT * _standardize(np.log1p(low))
        + ONSET_WEIGHT * _standardize(np.log1p(onsets))
    )
    scores = []
    for meter in METERS:
        phases = [float(accents[phase::meter].mean()) for phase in range(meter)]
        repeats = np.mean([np.diagonal(likeness, meter * bars).mean() for bars in (1, 2) if meter * bars < beats])
        scores.append(max(phases) + RHYTHM_WEIGHT * float(repeats))
    meter = METERS[int(np.argmax(scores))]
    return meter, _follow_bars(accents, meter)


def _chord_changes(pitches: Matrix) -> Strength:
    """Return for each beat how much the pitches of this beat and the next differ from those of the two before, 0 to 1."""
    beats = len(pitches)
    sums = np.concatenate([np.zeros((2, pitches.shape[1])), pitches, pitches[-1:]])
    before, after = sums[:beats] + sums[1 : beats + 1], sums[2 : beats + 2] + sums[3 : beats + 3]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    change = np.zeros(beats)
    np.divide(np.sum(before * after, axis=1), lengths, out=change, where=lengths > 1e-6)
    change = np.where(lengths > 1e-6, (1 - change) / 2, 0)
    change[:2] = change.mean()
    return change


def _standardize(values: Strength) -> Strength:
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 1e-9 else np.zeros_like(values)


def _follow_bars(accents: Strength, meter: int) -> npt.NDArray[np.int64]:
    """Return the place in the bar of each beat: the series that has most accents on its first beats."""
    beats = len(accents)
    places = np.arange(meter)
    totals = np.where(places == 0, FIRST_BEAT_BONUS * beats / meter * 0.1, 0.0)
    links = np.zeros((beats, meter), np.int64)
    for beat in range(beats):
        if beat:
            straight = np.roll(totals, 1)
            slipped = totals.max() - SLIP_COST
            links[beat] = np.where(straight >= slipped, (places - 1) % meter, int(np.argmax(totals)))
            totals = np.maximum(straight, slipped)
        totals = totals + np.where(places == 0, accents[beat], -accents[beat] / (meter - 1))
    found = np.empty(beats, np.int64)
    found[-1] = int(np.argmax(totals))
    for beat in range(beats - 1, 0, -1):
        found[beat - 1] = links[beat, found[beat]]
    return found
