"""Anchors: what of the music has to fall on which sample of the span, and what it costs to close a difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Costs = npt.NDArray[np.float64]

MAX_TIME_CHANGE = 0.02
"""Largest change of time, as a share: at 2 % a tempo of 120 becomes 117.6 or 122.4."""

TIME_CHANGE_COST = 1.0
"""Cost of the largest change of time."""

PAUSE_COST, PAUSE_BEAT_COST = 1.5, 2.0
"""Cost of a pause before a hit, and of each beat of it. A pause is shorter than a beat."""

CUT_COST, CUT_BEAT_COST, MAX_CUT_BEATS = 2.0, 4.0, 0.7
"""Cost of a beat that a hit cuts short, of each beat that is cut, and the most that is."""

MISS_COST = 40.0
"""Cost of a difference that nothing closes: a hit is missed, or the ending comes at another time."""

TRIM_COST = 0.4
"""Cost of the longest shortening of the final decay."""

ACCENT_COST = 4.0
"""Cost of a hit on a beat with no accent."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The means by which a difference between music and span is closed, samples.

    Attributes:
        stretch: added to the music's time by corrections; negative makes it shorter.
        pause: silence before the anchor; negative cuts the beat before it.
        trim: shortening of the final decay.
        missed: left over.
    """

    stretch: int
    pause: int
    trim: int
    missed: int


def closing_costs(differences: Costs, lengths: Costs, beat: float, *, may_pause: bool, max_trim: float = 0) -> Costs:
    """Return the cost of closing differences, in samples, of stretches of music of some lengths.

    Args:
        differences: span minus music.
        lengths: of the music.
        beat: length of a beat.
        may_pause: the anchor is a strong accent, before which the music may pause or be cut.
        max_trim: samples by which the final decay may be shortened: it is heard less than a change of time.
    """
    reach = MAX_TIME_CHANGE * np.maximum(lengths, 1)
    trimmed = np.clip(-differences, 0, max_trim)
    rest = differences + trimmed
    costs: Costs = TIME_CHANGE_COST * np.minimum(1, np.abs(rest) / reach) ** 1.5 + TRIM_COST * trimmed / max(
        max_trim, 1
    )
    left = np.sign(rest) * np.maximum(0, np.abs(rest) - reach)
    open_cost = MISS_COST * (1 + np.abs(left) / beat)
    if may_pause:
        pause = np.where(left <= beat, PAUSE_COST + PAUSE_BEAT_COST * left / beat, np.inf)
        cut = np.where(left >= -MAX_CUT_BEATS * beat, CUT_COST - CUT_BEAT_COST * left / beat, np.inf)
        open_cost = np.minimum(open_cost, np.where(left > 0, pause, cut))
    return costs + np.where(np.abs(left) < 1, 0, open_cost)


def close_difference(difference: int, length: int, beat: float, *, may_pause: bool, max_trim: int = 0) -> Closing:
    """Return how a difference is closed: by the ways that `closing_costs` counts."""
    reach = int(MAX_TIME_CHANGE * max(length, 0)) + 1  # a sample more than the cost allows: it rounds
    trim = min(max(0, -difference), max_trim)
    rest = difference + trim
    stretch = max(-reach, min(reach, rest))
    rest -= stretch
    if may_pause and -MAX_CUT_BEATS * beat - 1 <= rest <= beat + 1:
        return Closing(stretch, rest, trim, 0)
    return Closing(stretch, 0, trim, rest)
