"""Likeness of beats: the pitch classes and the timbre of each beat, and how alike every two beats are.

J. Foote, "Visualizing music and audio using self-similarity", ACM Multimedia 1999, on the beat grid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .beats import Beats
    from .features import MusicFeatures

    Matrix = npt.NDArray[np.float32]

PITCH_PARTS, TIMBRE_PARTS = 2, 4
"""Equal parts of a beat that are described apart: chords change on halves, drums play sixteenths."""

TIMBRE_RANGE_DB = 50.0
"""Levels further below the loudest band are alike."""

TIMBRE_SPREAD_DB = 8.0
"""Root mean square difference of two beats' band levels at which their timbre's likeness is 0.61."""


def describe_beats(features: MusicFeatures, edges: Beats) -> tuple[Matrix, Matrix]:
    """Return pitch classes, (beats, 24), and band levels in dB, (beats, 4 * bands), between the edges, in samples.

    There is one beat less than edges. The pitch classes' mean is 0 and their length 1, or 0 in silence.
    """
    pitches = _mean_between(features.pitches, edges / features.pitch_hop, PITCH_PARTS)
    pitches -= pitches.mean(axis=1, keepdims=True)
    length = np.linalg.norm(pitches, axis=1, keepdims=True)
    pitches = np.divide(pitches, length, out=np.zeros_like(pitches), where=length > 1e-6)
    floor = features.levels_db.max() - TIMBRE_RANGE_DB
    timbre = _mean_between(np.maximum(features.levels_db, floor), edges / features.hop, TIMBRE_PARTS)
    return pitches, timbre


def compare_beats(pitches: Matrix, timbre: Matrix) -> Matrix:
    """Return how alike every two beats are, (beats, beats), 0 to 1: the mean of pitch and timbre."""
    tonal = np.clip(pitches @ pitches.T, 0, 1)
    # Two silent beats have no pitch and are alike.
    silent = ~pitches.any(axis=1)
    tonal[np.ix_(silent, silent)] = 1
    squares = np.sum(timbre**2, axis=1)
    apart = np.maximum(0, squares[:, None] + squares[None, :] - 2 * (timbre @ timbre.T)) / timbre.shape[1]
    colour = np.exp(-0.5 * apart / TIMBRE_SPREAD_DB**2)
    likeness: Matrix = (0.5 * (tonal + colour)).astype(np.float32)
    return likeness


def _mean_between(frames: Matrix, edges: Beats, parts: int) -> Matrix:
    """Return the mean of the frames in each of `parts` equal parts between edges, in frames: (edges - 1, parts * columns)."""
    count, columns = len(edges) - 1, frames.shape[1]
    share = np.arange(count * parts + 1) / parts
    bounds = np.rint(np.interp(share, np.arange(count + 1), edges)).astype(int).clip(0, len(frames) - 1)
    sums = np.concatenate([np.zeros((1, columns)), np.cumsum(frames, axis=0, dtype=np.float64)])
    first = bounds[:-1]
    last = np.maximum(bounds[1:], first + 1)
    means = (sums[last] - sums[first]) / (last - first)[:, None]
    described: Matrix = means.reshape(count, parts * columns).astype(np.float32)
    return described
