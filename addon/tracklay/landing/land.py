"""Plans and renders the landing of one take: pure functions of samples and contacts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ..listening.limiter import limit_peaks
from ..listening.loudness import LoudnessMeter
from ..listening.onsets import find_onsets
from ..listening.spectrum import measure_bands_of
from .layout import ShiftTarget, choose_shifts, lay_out
from .matching import Contact, estimate_lag, match_onsets
from .renderer import BLOCK_SAMPLES, LayoutRenderer
from .texture import Background
from .units import Unit, split_into_units

if TYPE_CHECKING:
    from ..listening.onsets import Onset
    from ..listening.spectrum import ReadSamples, Samples
    from .matching import Pair

TOLERANCE = Fraction(1, 50)
"""Seconds. A sound this near to its contact is on it and stays: the ear does not notice, and every move costs something."""

SALIENT_SHARE = 0.3
"""An onset is an event, and not part of the background, if it has this share of the strength of the take's strong ones, or a contact."""

LOUDNESS_TOLERANCE_LU, LARGEST_GAIN_DB = 0.1, 1.0
"""A change of integrated loudness that needs no gain, and the largest gain."""

PEAK_CEILING = 0.988
"""Highest sample of a landed take, -0.1 dBFS, unless the untouched one has a higher one: then it is that."""

MOST_MOVED = 0.05
"""Seconds at the take's ends in which a lag's correction may lose no event."""


@dataclass(frozen=True, slots=True)
class Move:
    """One event that was moved.

    Attributes:
        start: exact seconds of its attack in the untouched take.
        to: exact seconds of its attack in the landed take.
        confidence: probability that it, or the event that it sounds together with, belongs to its contact, 0 to 1.
        contact_confidence: that of the contact.
        strength: that of the onset.
    """

    start: Fraction
    to: Fraction
    confidence: float
    contact_confidence: float
    strength: float


@dataclass(frozen=True, slots=True)
class Landing:
    """The plan of a take's landing.

    Attributes:
        lag: exact seconds by which all of the take, its background too, was late; 0 if it had no constant lag.
        moves: the events that move, in order.
        cuts: samples of the landed take at which pieces meet.
    """

    lag: Fraction
    moves: tuple[Move, ...]
    cuts: tuple[int, ...]
    renderer: LayoutRenderer | None = field(repr=False, compare=False)
    ceiling: float = field(default=PEAK_CEILING, repr=False, compare=False)

    @property
    def changes_anything(self) -> bool:
        """True if the landed take differs from the untouched one."""
        return self.renderer is not None

    def blocks(self) -> Iterator[Samples]:
        """Yield the landed take's samples; nothing if nothing moves."""
        if self.renderer is not None:
            # Sounds that do not correlate add up in crossfades, and a moved sound adds to the decay that it is moved into.
            yield from limit_peaks(self.renderer.blocks(), self.ceiling)


@dataclass(frozen=True, slots=True)
class LandedTake:
    """A landed take: as many samples as before, the lag that was corrected, and the moves."""

    samples: Samples
    lag: Fraction
    moves: tuple[Move, ...]


def land_take(
    samples: Samples, sample_rate: int, contacts: Sequence[Contact], tolerance: Fraction = TOLERANCE
) -> LandedTake:
    """Return a take with its events on their contacts.

    Args:
        samples: shape (samples, channels), full scale at 1.
        sample_rate: Hz.
        contacts: in order of time.
        tolerance: exact seconds; an event this near to its contact stays.
    """
    landing = plan_landing(lambda start, stop: samples[start:stop], len(samples), sample_rate, contacts, tolerance)
    landed = np.concatenate(list(landing.blocks())) if landing.changes_anything else samples
    return LandedTake(landed, landing.lag, landing.moves)


def plan_landing(
    read: ReadSamples,
    length: int,
    sample_rate: int,
    contacts: Sequence[Contact],
    tolerance: Fraction = TOLERANCE,
) -> Landing:
    """Return the landing of a take of `length` samples, of which `read(start, stop)` returns a stretch.

    The take is never held whole. Arguments as `land_take`.
    """
    end = Fraction(length, sample_rate)
    contacts = [contact for contact in contacts if 0 <= contact.time < end]
    nothing = Landing(Fraction(0), (), (), None)
    if not contacts or not length:
        return nothing
    bands = measure_bands_of(read, length, sample_rate)
    onsets = find_onsets(read, length, sample_rate, bands)
    if not onsets:
        return nothing
    seconds = np.array([onset.sample / sample_rate for onset in onsets])
    strengths = np.array([onset.strength for onset in onsets])
    times = np.array([float(contact.time) for contact in contacts])
    confidences = np.array([contact.confidence for contact in contacts])
    strong = float(np.percentile(strengths, 80))
    salient = strengths >= SALIENT_SHARE * strong
    lag = estimate_lag(seconds[salient], strengths[salient], times, confidences)
    if abs(lag) <= tolerance:
        lag = 0.0
    pairs = match_onsets(seconds, strengths, times, confidences, lag)
    events = sorted({pair.onset for pair in pairs} | set(map(int, np.flatnonzero(salient))))
    units = split_into_units(onsets, events, bands, length, sample_rate)
    base = _base_shift(-round(lag * sample_rate), units, onsets, length, sample_rate)
    targets = _targets(pairs, onsets, contacts, base, sample_rate, tolerance)
    shifts = choose_shifts(units, targets, base, length, sample_rate)
    if all(shift == 0 for shift in shifts) and base == 0:
        return nothing
    pieces, overlays = lay_out(units, shifts, base, length, sample_rate)
    background = Background(read, length, sample_rate, [(unit.start, unit.stop) for unit in units])
    renderer = LayoutRenderer(read, length, sample_rate, pieces, overlays, background)
    ceiling = max(PEAK_CEILING, _highest_sample(read, length))
    renderer.gain = _matching_gain(read, renderer, ceiling)
    moves = _list_moves(units, shifts, base, pairs, onsets, contacts, sample_rate)
    return Landing(Fraction(-base, sample_rate), tuple(moves), tuple(renderer.cuts), renderer, ceiling)


def _highest_sample(read: ReadSamples, length: int) -> float:
    """Return the highest sample of a take, without a sign."""
    starts = range(0, length, BLOCK_SAMPLES)
    return max((float(np.abs(read(start, min(start + BLOCK_SAMPLES, length))).max()) for start in starts), default=0.0)


def _matching_gain(read: ReadSamples, renderer: LayoutRenderer, ceiling: float) -> float:
    """Return the gain that gives the laid take the loudness of the untouched one; 1 if it is near enough.

    Integrated loudness is gated: sounds between silences count otherwise at other instants, although none became louder.
    """
    before, after, peak, start = LoudnessMeter(), LoudnessMeter(), 0.0, 0
    for laid in limit_peaks(renderer.blocks(), ceiling):
        peak = max(peak, float(np.abs(laid).max(initial=0)))
        for meter, block in ((before, read(start, start + len(laid))), (after, laid)):
            # A single channel counts twice, which changes both by the same.
            meter.add(block[:, [0, min(1, block.shape[1] - 1)]].T)
        start += len(laid)
    change_lu = after.integrated_lufs() - before.integrated_lufs()
    if abs(change_lu) < LOUDNESS_TOLERANCE_LU:
        return 1.0
    wanted = float(10 ** (-np.clip(change_lu, -LARGEST_GAIN_DB, LARGEST_GAIN_DB) / 20))
    # A gain must not make the limiter work.
    return min(wanted, max(1.0, ceiling / max(peak, 1e-9)))


def _list_moves(
    units: Sequence[Unit],
    shifts: Sequence[int],
    base: int,
    pairs: Sequence[Pair],
    onsets: Sequence[Onset],
    contacts: Sequence[Contact],
    sample_rate: int,
) -> list[Move]:
    """Return the moved events, in order: those with a contact, and those that moved with one because they sound together.

    What moved with the whole take only, and has no contact, is not listed: the lag says it.
    """
    pair_of = {pair.onset: pair for pair in pairs}
    moves = []
    for unit, shift in zip(units, shifts, strict=True):
        found = [pair_of[onset] for onset in unit.onsets if onset in pair_of]
        for onset in unit.onsets if found and shift != 0 else ():
            pair = pair_of.get(onset) or max(found, key=lambda each: each.probability)
            if onset in pair_of or shift != base:
                sample = onsets[onset].sample
                moves.append(
                    Move(
                        Fraction(sample, sample_rate),
                        Fraction(sample + shift, sample_rate),
                        pair.probability,
                        contacts[pair.contact].confidence,
                        onsets[onset].strength,
                    )
                )
    return moves


def _base_shift(shift: int, units: Sequence[Unit], onsets: Sequence[Onset], length: int, sample_rate: int) -> int:
    """Return the shift of the whole take: 0 if it would push an event out."""
    margin = round(MOST_MOVED * sample_rate)
    lost = any(unit.start + shift < 0 or onsets[unit.onsets[-1]].sample + shift > length - margin for unit in units)
    return 0 if lost else shift


def _targets(
    pairs: Sequence[Pair],
    onsets: Sequence[Onset],
    contacts: Sequence[Contact],
    base: int,
    sample_rate: int,
    tolerance: Fraction,
) -> dict[int, ShiftTarget]:
    """Return the shift that each matched onset needs; one that is near enough after the base shift needs no more."""
    targets = {}
    for pair in pairs:
        onset = onsets[pair.onset]
        shift = round(contacts[pair.contact].time * sample_rate) - onset.sample
        if abs(shift - base) <= tolerance * sample_rate:
            shift = base
        targets[pair.onset] = ShiftTarget(shift, pair.probability * max(onset.strength, 0.05))
    return targets
