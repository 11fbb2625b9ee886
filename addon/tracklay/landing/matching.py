"""Matches onsets to contacts: one to one, in order, each pair with its probability.

All order-preserving matchings are weighed, not only the best: a pair's probability is the share of the matchings that contain it.
Two pairs that exclude each other cannot both be above one half, so what passes that is itself one to one and in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

WINDOW_SECONDS = 0.65
"""Farthest distance, less the lag, of an onset from its contact."""

LEAST_PROBABILITY = 0.6
"""A pair below this is unsure. It must be over one half (see above)."""

WIDEST_SECONDS, NARROWEST_SECONDS = 0.3, 0.04
"""Bounds of the standard deviation of distances: where nothing is known yet, and of a take that is nearly right."""

CLUTTER_PER_SECOND = 0.25
"""Expected onsets a second that belong to no contact."""

SURE = 0.97
"""Highest certainty that an onset or a contact is one."""

WEAK_SHARE = 0.35
"""An onset this weak, against the take's strong ones, is as likely background as event."""

LAG_WINDOW_SECONDS, LAG_KERNEL_SECONDS = 1.0, 0.03
"""Largest lag that is looked for, and the standard deviation of distances around a constant lag."""

LAG_SHARE, LAG_LEAST_PAIRS = 0.6, 3
"""A lag is constant if this share of the contacts, and this number of them, have an onset within two standard deviations of it."""

NO_LAG_SHARE = 0.85
"""There is no lag if being on time explains the onsets this well against the best lag: a roll has an onset near everything."""

WINDOW_OF_CONTACTS, OVERLAP_OF_CONTACTS = 256, 32
"""Contacts weighed at a time: memory grows with their square."""


@dataclass(frozen=True, slots=True)
class Contact:
    """An instant at which the picture shows the cause of a sound.

    Attributes:
        time: exact seconds from the take's first sample.
        confidence: 0 to 1, the probability that it is real.
    """

    time: Fraction
    confidence: float = 1.0


class Pair(NamedTuple):
    """An onset and its contact by their indices, and the probability that they belong together."""

    onset: int
    contact: int
    probability: float


def estimate_lag(onsets: Values, strengths: Values, contacts: Values, confidences: Values) -> float:
    """Return the constant lag of the onsets behind the contacts in seconds; 0 if there is none that most of them share.

    Args:
        onsets: seconds, in order.
        strengths: of each onset, 0 to 1.
        contacts: seconds, in order.
        confidences: of each contact, 0 to 1.
    """
    if len(contacts) < LAG_LEAST_PAIRS or len(onsets) < LAG_LEAST_PAIRS:
        return 0.0
    step = LAG_KERNEL_SECONDS / 3
    grid = np.arange(-LAG_WINDOW_SECONDS, LAG_WINDOW_SECONDS + step / 2, step)
    first = np.searchsorted(onsets, contacts - LAG_WINDOW_SECONDS)
    last = np.searchsorted(onsets, contacts + LAG_WINDOW_SECONDS)
    support = np.zeros(len(grid))
    for contact, confidence, start, stop in zip(contacts, confidences, first, last, strict=True):
        away = onsets[start:stop] - contact
        near = np.exp(-0.5 * ((grid[:, None] - away) / LAG_KERNEL_SECONDS) ** 2) * strengths[start:stop]
        # Of several onsets only one can be this contact's.
        support += confidence * near.max(axis=1, initial=0)
    # Even spacing makes equal peaks a spacing apart: the nearest to zero is the lag.
    support *= 1 - 0.3 * np.abs(grid) / LAG_WINDOW_SECONDS
    if support[len(grid) // 2] >= NO_LAG_SHARE * support.max():
        return 0.0
    lag = float(grid[int(np.argmax(support))])
    distances = _nearest_distances(onsets - lag, contacts)
    close = distances[np.abs(distances) < 2 * LAG_KERNEL_SECONDS]
    if len(close) < max(LAG_LEAST_PAIRS, LAG_SHARE * len(contacts)):
        return 0.0
    return lag + float(np.median(close))


def _nearest_distances(onsets: Values, contacts: Values) -> Values:
    """Return the distance from each contact to its nearest onset, seconds, positive if the onset is later."""
    after = (
        np.clip(np.searchsorted(onsets, contacts), 1, len(onsets) - 1)
        if len(onsets) > 1
        else np.zeros(len(contacts), int)
    )
    later, earlier = onsets[after] - contacts, onsets[np.maximum(after - 1, 0)] - contacts
    nearest: Values = np.where(np.abs(later) < np.abs(earlier), later, earlier)
    return nearest


def match_onsets(onsets: Values, strengths: Values, contacts: Values, confidences: Values, lag: float) -> list[Pair]:
    """Return the sure pairs, in order. Arguments as `estimate_lag`; `lag` is the expected distance, seconds."""
    if not len(onsets) or not len(contacts):
        return []
    strong = float(np.percentile(strengths, 80))
    salience = np.clip(strengths / max(strong, 1e-6), 0, 1)
    # Odds of being an event: even at WEAK_SHARE, and growing with the square of the strength.
    onset_odds = np.minimum((salience / WEAK_SHARE) ** 2, SURE / (1 - SURE))
    sure = np.clip(confidences, 0.02, SURE)
    contact_odds = sure / (1 - sure)
    spread = WIDEST_SECONDS
    pairs: list[Pair] = []
    for _ in range(3):
        pairs = _weigh_in_windows(onsets - lag, onset_odds, contacts, contact_odds, spread)
        if len(pairs) < LAG_LEAST_PAIRS:
            break
        away = np.array([onsets[pair.onset] - lag - contacts[pair.contact] for pair in pairs])
        # A take that is nearly right matches only what is near; a third more than measured, as the far ones may be missing.
        spread = float(np.clip(1.33 * np.sqrt(np.mean(away**2)), NARROWEST_SECONDS, WIDEST_SECONDS))
    return [pair for pair in pairs if pair.probability >= LEAST_PROBABILITY]


def _weigh_in_windows(
    onsets: Values, onset_odds: Values, contacts: Values, contact_odds: Values, spread: float
) -> list[Pair]:
    """Return the pairs above one half, weighed over overlapping windows of contacts; each window decides for its inner ones."""
    pairs: list[Pair] = []
    for first in range(0, len(contacts), WINDOW_OF_CONTACTS):
        begin = max(0, first - OVERLAP_OF_CONTACTS)
        inner = min(len(contacts), first + WINDOW_OF_CONTACTS)
        end = min(len(contacts), inner + OVERLAP_OF_CONTACTS)
        low = int(np.searchsorted(onsets, contacts[begin] - WINDOW_SECONDS))
        high = int(np.searchsorted(onsets, contacts[end - 1] + WINDOW_SECONDS))
        found = _weigh_matchings(
            onsets[low:high], onset_odds[low:high], contacts[begin:end], contact_odds[begin:end], spread
        )
        for onset, contact, probability in found:
            pair = Pair(low + onset, begin + contact, probability)
            in_order = not pairs or (pair.onset > pairs[-1].onset and pair.contact > pairs[-1].contact)
            if first <= pair.contact < inner and in_order:
                pairs.append(pair)
    return pairs


def _weigh_matchings(
    onsets: Values, onset_odds: Values, contacts: Values, contact_odds: Values, spread: float
) -> list[Pair]:
    """Return the pairs above one half.

    `forward[i, j]` is the summed weight of all order-preserving matchings of the first `i` onsets with the first `j` contacts,
    `backward[i, j]` of those from `i` and `j` on. A matching's weight is the product of its pairs'; leaving all unmatched has 1.
    """
    away = onsets[:, None] - contacts
    density = np.exp(-0.5 * (away / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
    weight = np.where(
        np.abs(away) <= WINDOW_SECONDS, onset_odds[:, None] * contact_odds * density / CLUTTER_PER_SECOND, 0.0
    )
    forward, forward_log = _sum_matchings(weight)
    backward, backward_log = _sum_matchings(weight[::-1, ::-1])
    backward, backward_log = backward[::-1, ::-1], backward_log[::-1]
    count = len(onsets)
    pairs = []
    for onset in range(count):
        scale = np.exp(forward_log[onset] + backward_log[onset + 1] - forward_log[count])
        share = forward[onset, :-1] * weight[onset] * backward[onset + 1, 1:] * scale / forward[count, -1]
        contact = int(np.argmax(share))
        if share[contact] > 0.5:
            pairs.append(Pair(onset, contact, min(1.0, float(share[contact]))))
    return pairs


def _sum_matchings(weight: Values) -> tuple[Values, Values]:
    """Return the summed weights, (onsets + 1, contacts + 1), each row scaled to 1 at most, and the logarithm of each row's scale."""
    rows, columns = weight.shape
    sums = np.ones((rows + 1, columns + 1))
    logs = np.zeros(rows + 1)
    for row in range(rows):
        sums[row + 1] = sums[row]
        # The onset is left out, or matched with any contact, after those that earlier onsets took.
        sums[row + 1, 1:] += np.cumsum(weight[row] * sums[row, :-1])
        highest = sums[row + 1].max()
        sums[row + 1] /= highest
        logs[row + 1] = logs[row] + np.log(highest)
    return sums, logs
