"""Compares a take's onsets with the picture's contacts: contacts met, contacts in silence, sounds where nothing strikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ..landing.matching import Contact
    from ..listening.onsets import Onset

    Samples = npt.NDArray[np.float32]

EXACT_SECONDS = 0.045
"""Distance up to which a sound is on its contact: sound 45 ms early is where viewers begin to notice (ITU-R BT.1359)."""

LATEST_SECONDS = 0.2
"""Distance from which a sound does not belong to the contact any more."""

EXTRA_SECONDS = 0.25
"""An onset farther than this from every contact is extra."""

SALIENT_SHARE = 0.35
"""An onset counts as an event from this share of the take's strong ones on."""

SILENT_DB = -58.0
"""Level around a contact below which nothing is heard there, dBFS."""

SILENT_BELOW_LOUD_DB = 38.0
"""A contact is silent too if its sound is this far below the take's loudest tenth of a second."""

AROUND_SECONDS = (0.06, 0.16)
"""Time before and after a contact in which its sound is looked for."""


@dataclass(frozen=True, slots=True)
class ContactFit:
    """The fit of a take's onsets to the contacts.

    Attributes:
        weight: sum of the contacts' confidences.
        met: share of that weight that is met, 0 to 1; a late sound counts in part.
        met_count: contacts with a sound.
        missed: times in seconds of the contacts without one.
        silent: times of those of them at which nothing is heard at all.
        error: mean distance of the met contacts in seconds, weighted; 0 without any.
        extra: times of the onsets that belong to no contact.
        events: number of onsets that count as events.
    """

    weight: float
    met: float
    met_count: int
    missed: tuple[float, ...]
    silent: tuple[float, ...]
    error: float
    extra: tuple[float, ...]
    events: int


def fit_contacts(
    samples: Samples, sample_rate: int, onsets: Sequence[Onset], contacts: Sequence[Contact]
) -> ContactFit:
    """Return the fit of a take, [n, channels] at full scale 1, to the picture's contacts."""
    strengths = np.array([onset.strength for onset in onsets])
    floor = SALIENT_SHARE * float(np.percentile(strengths, 80)) if len(strengths) else 0.0
    times = np.array([onset.sample / sample_rate for onset in onsets])
    wanted = np.array([float(contact.time) for contact in contacts])
    confidence = np.array([contact.confidence for contact in contacts])
    pairs = _best_pairs(times, strengths, wanted, confidence)
    credit = {contact: _closeness(abs(times[onset] - wanted[contact])) for onset, contact in pairs}
    weight = float(confidence.sum())
    met = sum(confidence[contact] * share for contact, share in credit.items()) / weight if weight else 0.0
    error = (
        float(np.average([abs(times[o] - wanted[c]) for o, c in pairs], weights=[confidence[c] for _, c in pairs]))
        if pairs
        else 0.0
    )
    missed = [index for index in range(len(contacts)) if index not in credit]
    loudest = _loudest_db(samples, sample_rate)
    silent = [
        index
        for index in missed
        if _level_db(samples, sample_rate, wanted[index]) < max(SILENT_DB, loudest - SILENT_BELOW_LOUD_DB)
    ]
    taken = {onset for onset, _ in pairs}
    events = [index for index, strength in enumerate(strengths) if strength >= floor]
    extra = [
        index
        for index in events
        if index not in taken and (not len(wanted) or np.abs(wanted - times[index]).min() > EXTRA_SECONDS)
    ]
    return ContactFit(
        weight,
        float(met),
        len(credit),
        tuple(float(wanted[index]) for index in missed),
        tuple(float(wanted[index]) for index in silent),
        error,
        tuple(float(times[index]) for index in extra),
        len(events),
    )


def _closeness(distance: float) -> float:
    """Return the credit of a sound at a distance from its contact: 1 up to `EXACT_SECONDS`, falling to 0 at `LATEST_SECONDS`."""
    return float(np.clip((LATEST_SECONDS - distance) / (LATEST_SECONDS - EXACT_SECONDS), 0, 1))


def _best_pairs(
    times: npt.NDArray[np.float64],
    strengths: npt.NDArray[np.float64],
    wanted: npt.NDArray[np.float64],
    confidence: npt.NDArray[np.float64],
) -> list[tuple[int, int]]:
    """Return (onset, contact) pairs, one to one and in order, with the highest sum of credits."""
    table = np.zeros((len(times) + 1, len(wanted) + 1))
    for row, (time, strength) in enumerate(zip(times, strengths, strict=True)):
        gain = confidence * np.clip((LATEST_SECONDS - np.abs(wanted - time)) / (LATEST_SECONDS - EXACT_SECONDS), 0, 1)
        # Of two sounds as near, the stronger is the contact's.
        gain *= 0.9 + 0.1 * min(1.0, strength)
        table[row + 1] = table[row]
        table[row + 1, 1:] = np.maximum(table[row, 1:], table[row, :-1] + gain)
        table[row + 1] = np.maximum.accumulate(table[row + 1])
    pairs = []
    row, column = len(times), len(wanted)
    while row and column:
        if table[row, column] == table[row - 1, column]:
            row -= 1
        elif table[row, column] == table[row, column - 1]:
            column -= 1
        else:
            row, column = row - 1, column - 1
            pairs.append((row, column))
    return pairs[::-1]


def _level_db(samples: Samples, sample_rate: int, time: float) -> float:
    first = max(0, round((time - AROUND_SECONDS[0]) * sample_rate))
    stretch = samples[first : round((time + AROUND_SECONDS[1]) * sample_rate)]
    return _power_db(stretch)


def _loudest_db(samples: Samples, sample_rate: int) -> float:
    size = max(1, sample_rate // 10)
    return max((_power_db(samples[start : start + size]) for start in range(0, len(samples), size)), default=-120.0)


def _power_db(stretch: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(stretch), dtype=np.float64) + 1e-12)) if stretch.size else -120.0
