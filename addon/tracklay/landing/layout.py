"""Lays units out: how far each moves, and which part of the take is heard at which sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .units import Unit

LEAST_HEARD_SECONDS = 0.03
"""Two attacks are laid at least this far apart: nearer ones would fuse, and one would be lost to the ear."""

LEAST_BACKGROUND_SECONDS = 0.08
"""Shortest stretch of background that stays between two cuts."""


class ShiftTarget(NamedTuple):
    """The shift that one onset needs to land, in samples, and its weight against others of its unit."""

    shift: int
    weight: float


class Ring(NamedTuple):
    """A decay that goes on by extrapolation: in the untouched take it sounds freely from `start` to `stop`; it moved by `shift`."""

    start: int
    stop: int
    shift: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the laid take that comes from one place.

    Attributes:
        start: first sample in the laid take.
        stop: the sample after its last.
        shift: samples that it moved by; None: filled with background.
        attack: the sample of its first attack in the laid take, if it begins with a unit.
        ring: the decay that goes on over it, if it follows a unit that rings on.
    """

    start: int
    stop: int
    shift: int | None
    attack: int | None = None
    ring: Ring | None = None


@dataclass(frozen=True, slots=True)
class Overlay:
    """The rest of a decay that goes on under a later unit: where it is heard, and the samples that it moved by."""

    start: int
    stop: int
    shift: int


def choose_shifts(
    units: Sequence[Unit], targets: Mapping[int, ShiftTarget], base: int, length: int, sample_rate: int
) -> list[int]:
    """Return each unit's shift in samples.

    A unit without a target, or whose move would make one of its onsets worse, lose one or change the order of attacks, moves by `base`
    like the background.
    """
    shifts = [_unit_shift([targets[onset] for onset in unit.onsets if onset in targets], base) for unit in units]
    apart = round(LEAST_HEARD_SECONDS * sample_rate)
    for at, unit in enumerate(units):
        if not 0 <= unit.attack + shifts[at] < length - apart or unit.start + shifts[at] < 0:
            shifts[at] = base
    # The least sure of two that would collide stays, until none does.
    weight = [max((targets[onset].weight for onset in unit.onsets if onset in targets), default=0.0) for unit in units]
    while True:
        collisions = [
            (min(weight[a], weight[b]), a, b)
            for a, b in pairwise(range(len(units)))
            if (shifts[a] != base or shifts[b] != base)
            and units[b].attack + shifts[b] - units[a].attack - shifts[a]
            < min(apart, units[b].attack - units[a].attack)
        ]
        if not collisions:
            return shifts
        _, a, b = min(collisions)
        moved = [each for each in (a, b) if shifts[each] != base]
        shifts[min(moved, key=lambda each: weight[each])] = base


def _unit_shift(targets: Sequence[ShiftTarget], base: int) -> int:
    """Return the shift with a unit's onsets nearest to where they belong, and none of them farther away."""
    best, least = base, sum(target.weight * abs(target.shift - base) for target in targets)
    for candidate in (target.shift for target in targets):
        cost = sum(target.weight * abs(target.shift - candidate) for target in targets)
        worse = any(abs(target.shift - candidate) > abs(target.shift - base) for target in targets)
        if cost < least and not worse:
            best, least = candidate, cost
    return best


def lay_out(
    units: Sequence[Unit], shifts: Sequence[int], base: int, length: int, sample_rate: int
) -> tuple[list[Piece], list[Overlay]]:
    """Return the pieces of the laid take, which cover it from 0 to `length` without a gap, and the decays under them.

    A unit is heard from its start until its decay is over or the next unit starts. Everywhere else the background stays where it is
    (moved by `base`); where a moved unit was, it is filled.
    """
    # Units keep their order.
    laid = [
        (unit.start + shift, min(unit.stop + shift, length), shift, unit)
        for unit, shift in zip(units, shifts, strict=True)
    ]
    vacated = [
        (unit.start + base, unit.stop + base) for unit, shift in zip(units, shifts, strict=True) if shift != base
    ]
    vacated += [(0, base), (length + base, length)]
    least = round(LEAST_BACKGROUND_SECONDS * sample_rate)
    pieces: list[Piece] = []
    decays: list[Overlay] = []
    position, ring = 0, None
    for at, (start, stop, shift, unit) in enumerate(laid):
        if start > position:
            pieces += (replace(piece, ring=ring) for piece in _background(position, start, vacated, base, least))
        heard_until = min(stop, laid[at + 1][0]) if at + 1 < len(laid) else stop
        if heard_until > max(start, position):
            pieces.append(Piece(max(start, position), heard_until, shift, attack=unit.attack + shift))
        # What the next unit drowns is in that unit's sound, and goes on there.
        ring = None if unit.rings_from is None else Ring(unit.rings_from, unit.stop, shift)
        if heard_until < stop and ring is None:
            decays.append(Overlay(heard_until, stop, shift))
        position = max(position, heard_until)
    if position < length:
        pieces += _background(position, length, vacated, base, least)
    pieces = _join(pieces)
    # A piece of the same shift has the decay in it already.
    overlays = [
        Overlay(max(decay.start, piece.start), min(decay.stop, piece.stop), decay.shift)
        for decay in decays
        for piece in pieces
        if piece.shift != decay.shift and piece.start < decay.stop and piece.stop > decay.start
    ]
    return pieces, _join_overlays(overlays)


def _background(start: int, stop: int, vacated: Sequence[tuple[int, int]], base: int, least: int) -> list[Piece]:
    """Return the pieces of background from `start` to `stop`: the take's own, and fills where units were.

    Of its own, stretches shorter than `least` are filled too: a cut at each end would leave nothing of them.
    """
    pieces, position = [], start
    for begin, end in [*sorted(vacated), (stop, stop)]:
        fill_from, fill_until = max(begin, position), min(end, stop)
        if fill_from > stop or (fill_until <= fill_from and begin != stop):
            continue
        if fill_from - position >= least:
            pieces.append(Piece(position, fill_from, base))
        elif fill_from > position:
            pieces.append(Piece(position, fill_from, None))
        if fill_until > fill_from:
            pieces.append(Piece(fill_from, fill_until, None))
        position = max(position, fill_until)
    return pieces


def _join(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces with neighbours of one shift joined: where nothing moves, there is no cut."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and (joined[-1].shift, joined[-1].ring) == (piece.shift, piece.ring):
            joined[-1] = replace(joined[-1], stop=piece.stop)
        else:
            joined.append(piece)
    return joined


def _join_overlays(overlays: Sequence[Overlay]) -> list[Overlay]:
    joined: list[Overlay] = []
    for overlay in overlays:
        if joined and joined[-1].shift == overlay.shift and joined[-1].stop == overlay.start:
            joined[-1] = replace(joined[-1], stop=overlay.stop)
        else:
            joined.append(overlay)
    return joined
