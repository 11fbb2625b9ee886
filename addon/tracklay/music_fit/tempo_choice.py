"""The tempo whose beats fall on most hits, for models that take a tempo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

LOWEST_TEMPO, HIGHEST_TEMPO = 60.0, 180.0
"""Range of tempos, beats per minute."""

HINT_OCTAVES = 0.35
"""Standard deviation, in octaves, of the tempos that suit a prompt, around the one it suggests."""

USUAL_TEMPO, USUAL_OCTAVES = 110.0, 0.6
"""The same without a hint."""

STRENGTH_OF_BEATS = (1.0, 0.6, 0.8, 0.6)
"""Value of a hit on each beat of a bar of four. With three, the last is left out."""


def choose_tempo(
    hits: Sequence[Fraction],
    frame: Fraction,
    *,
    low: float = LOWEST_TEMPO,
    high: float = HIGHEST_TEMPO,
    hint: float | None = None,
    meter: int = 4,
    step: float = 1.0,
) -> float:
    """Return the tempo, beats per minute, whose beats fall on most hits, when the music begins with the span.

    A hit counts fully when a bar's first beat is on it, less on other beats, and less the further it is away: nothing beyond two
    frames. Of equal tempos the one nearest to the hint is best.

    Args:
        hits: seconds from the beginning of the span.
        frame: length of a frame, seconds.
        low: lowest tempo.
        high: highest tempo.
        hint: tempo that suits the prompt; None for none.
        meter: beats in a bar.
        step: distance of the tempos that are tried; 1 where a model takes whole numbers.
    """
    tempos = low + step * np.arange(int((high - low) / step + 1e-9) + 1)
    centre, spread = (USUAL_TEMPO, USUAL_OCTAVES) if hint is None else (hint, HINT_OCTAVES)
    suits = np.exp(-0.5 * (np.log2(tempos / centre) / spread) ** 2)
    if not hits:
        return float(tempos[int(np.argmax(suits))])
    seconds = np.array([float(hit) for hit in hits])
    beats = seconds[None, :] * tempos[:, None] / 60
    nearest = np.rint(beats)
    away = np.abs(beats - nearest) * 60 / tempos[:, None] / (2 * float(frame))
    values = np.array(STRENGTH_OF_BEATS[:meter] if meter == 3 else STRENGTH_OF_BEATS)
    met = np.maximum(0, 1 - away**2) * values[nearest.astype(int) % len(values)]
    return float(tempos[int(np.argmax((met.mean(axis=1) + 0.02) * (0.4 + 0.6 * suits)))])
