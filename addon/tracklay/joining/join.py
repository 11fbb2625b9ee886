"""Joins parts that overlap to one sound, block by block."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ..errors import InvalidInput
from ..listening.limiter import limit_peaks
from .colours import CENTRES_HZ, coloured_reader, match_colours
from .crossfade import crossfade_kind, crossfade_sounds
from .cut_placement import place_at_cut
from .levels import beside_difference, level_difference, solve_gains, weighted_correlation
from .placement import CONTEXT_SECONDS, Place, Side, analyze_side, place_crossfade
from .prediction import BRIDGE_SECONDS, HISTORY_SECONDS, bridge_sounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..listening.spectrum import ReadSamples, Samples
    from .colours import ColourMatch, Curve
    from .levels import LevelDifference, PartGains

BLOCK_SAMPLES = 1 << 16
"""Samples that are read at a time."""

GAP_FADE_SECONDS = 0.005
"""Fade of a part that ends where none follows, and of one that begins where none was before."""

FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.001, 0.006
"""Ends of parts that no crossfade uses: a part that begins or ends while it sounds is faded there when it is conformed."""

EDGE_ROOM_SECONDS = 0.03
"""Overlap from which its ends are left out."""

LIMITER_SECONDS = 0.002
"""Look-ahead of the limiter that keeps a crossfade below full scale."""

LEVEL_REACH_SECONDS = 0.3
"""Levels are matched over the crossfade and this much of the overlap around it."""

MATCHED_SECONDS = 0.4
"""Sound of each side, beside an overlap that is shorter, by which levels and colours are matched: the window of momentary loudness."""


@dataclass(frozen=True, slots=True)
class PartSound:
    """A part of a joined sound.

    Attributes:
        read: returns its samples from `start` to `stop`, counted from its own first.
        start: its first sample in the joined sound.
        length: in samples.
        hard_cut: it begins at a picture cut: the crossfade is short, and at the cut.
        boundary: the cut's sample in the joined sound; None for the middle of the overlap.
        is_fixed: it keeps its level, to the bit where no crossfade is.
        crossfade: first sample and length of the crossfade with the part before, in the joined sound; None to search for the best.
    """

    read: ReadSamples
    start: int
    length: int
    hard_cut: bool = False
    boundary: int | None = None
    is_fixed: bool = False
    crossfade: tuple[int, int] | None = None

    @property
    def end(self) -> int:
        """The sample after its last in the joined sound."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Seam:
    """A join of two parts.

    Attributes:
        position: first sample of the crossfade in the joined sound; of a gap, its first silent sample.
        length: of the crossfade or gap, in samples.
        kind: crossfade of equal power or of equal gain, whichever is nearer; a bridge, predicted from the part before, where the
            second begins at the very end of the first; a gap where samples are missing between them.
        correlation: of the two sides in the crossfade, -1 to 1; the crossfade keeps the power for exactly this.
        left_db, right_db: gain of the part before and of the part after at the seam, beyond the gain of the whole part.
        difference_db: how much louder the part before was (K-weighted); None where one side is silent or the overlap too short.
        hard_cut: whether it is at a picture cut.
        colour_db: gains of the octaves from 62.5 Hz of the part before and of the part after; empty if their colours are alike.
    """

    position: int
    length: int
    kind: Literal["equal power", "equal gain", "bridge", "gap"]
    correlation: float
    left_db: float
    right_db: float
    difference_db: float | None
    hard_cut: bool
    colour_db: tuple[tuple[float, ...], tuple[float, ...]] | tuple[()] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the seam as the manifest has it."""
        return {
            "position": self.position,
            "length": self.length,
            "kind": self.kind,
            "correlation": round(self.correlation, 3),
            "gains_db": [round(self.left_db, 2), round(self.right_db, 2)],
            "difference_db": None if self.difference_db is None else round(self.difference_db, 2),
            "hard_cut": self.hard_cut,
            **({"colour_db": [[round(gain, 1) for gain in side] for side in self.colour_db]} if self.colour_db else {}),
        }


@dataclass(frozen=True, slots=True)
class Join:
    """Parts and their seams.

    Attributes:
        seams: one between each part and the next.
        levels_db: for each part, the gain of the whole part; 0 unless a seam cannot be matched without it.
        length: of the joined sound, in samples.
    """

    seams: tuple[Seam, ...]
    levels_db: tuple[float, ...]
    length: int
    _parts: tuple[PartSound, ...] = field(repr=False)
    _channels: int = field(repr=False)
    _sample_rate: int = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the join as the manifest has it."""
        return {"seams": [seam.to_dict() for seam in self.seams], "levels_db": [round(db, 2) for db in self.levels_db]}

    def blocks(self) -> Iterator[Samples]:
        """Yield the joined sound, (samples, channels) each. Together the blocks have exactly the join's length."""
        position = 0
        for index, part in enumerate(self._parts):
            before = self.seams[index - 1] if index else None
            after = self.seams[index] if index < len(self.seams) else None
            start, end = self._own_span(index)
            yield from self._silence(start - position)
            for first in range(start, end, BLOCK_SAMPLES):
                stop = min(end, first + BLOCK_SAMPLES)
                block = self._read(index, first, stop)
                if (before is not None and before.kind == "gap") or (before is None and part.start > 0):
                    self._fade(block, first - start, 1)
                if (after is not None and after.kind == "gap") or (after is None and part.end < self.length):
                    self._fade(block[::-1], end - stop, 1)
                yield block
            position = end
            if after is not None and after.kind != "gap":
                yield self._crossfade(index, after)
                position += after.length
        yield from self._silence(self.length - position)

    def _own_span(self, index: int) -> tuple[int, int]:
        """Return the first sample that is a part's alone and the one after the last."""
        part = self._parts[index]
        start, end = max(0, part.start), min(self.length, part.end)
        if index and self.seams[index - 1].kind != "gap":
            start = self.seams[index - 1].position + self.seams[index - 1].length
        if index < len(self.seams) and self.seams[index].kind != "gap":
            end = self.seams[index].position
        return start, max(start, end)

    def _gain(self, index: int, first: int, stop: int) -> Samples | None:
        """Return a part's gain, (samples, 1); None for 0 dB. Between its seams it is eased from one's to the other's."""
        at_start = self.seams[index - 1].right_db if index else 0.0
        at_end = self.seams[index].left_db if index < len(self.seams) else 0.0
        if at_start == at_end == self.levels_db[index] == 0:
            return None
        start, end = self._own_span(index)
        share = np.clip((np.arange(first, stop) - start) / max(1, end - start), 0, 1)
        decibels = at_start + (at_end - at_start) * (0.5 - 0.5 * np.cos(np.pi * share)) + self.levels_db[index]
        gain: Samples = (10 ** (decibels / 20)).astype(np.float32)[:, None]
        return gain

    def _read(self, index: int, first: int, stop: int) -> Samples:
        """Return a part's samples at its gain, by their position in the joined sound."""
        part = self._parts[index]
        block = to_channels(part.read(first - part.start, stop - part.start), self._channels)
        gain = self._gain(index, first, stop)
        return block.copy() if gain is None else block * gain

    def _crossfade(self, index: int, seam: Seam) -> Samples:
        stop = seam.position + seam.length
        if seam.kind == "bridge":
            first = max(self._parts[index].start, seam.position - round(HISTORY_SECONDS * self._sample_rate))
            return bridge_sounds(self._read(index, first, seam.position), self._read(index + 1, seam.position, stop))
        left, right = self._read(index, seam.position, stop), self._read(index + 1, seam.position, stop)
        ceiling = max(1.0, float(np.abs(left).max(initial=0)), float(np.abs(right).max(initial=0)))
        mixed = crossfade_sounds(left, right, seam.correlation)
        return next(limit_peaks((mixed,), ceiling, lookahead=round(LIMITER_SECONDS * self._sample_rate)))

    def _fade(self, block: Samples, offset: int, least: int) -> None:
        """Fade the start of a block in, which begins `offset` samples after the silence."""
        count = max(least, round(GAP_FADE_SECONDS * self._sample_rate))
        touched = block[: max(0, count - offset)]
        touched *= ((np.arange(offset, offset + len(touched)) + 0.5) / count).astype(np.float32)[:, None]

    def _silence(self, count: int) -> Iterator[Samples]:
        for first in range(0, count, BLOCK_SAMPLES):
            yield np.zeros((min(BLOCK_SAMPLES, count - first), self._channels), np.float32)


class _Overlap(NamedTuple):
    """Measurements of an overlap: the crossfade's place in the joined sound, and the levels and likeness of the sides there."""

    position: int
    length: int
    correlation: float
    difference: LevelDifference | None


def plan_join(parts: Sequence[PartSound], sample_rate: int, length: int, channels: int) -> Join:
    """Return the join of parts: where each seam is, and the gain of each part.

    Where parts do not overlap there is a gap, which is silent, as are the stretches before the first part and after the last.

    Args:
        parts: in order of their starts; neighbours overlap.
        sample_rate: Hz, of all parts.
        length: of the joined sound, in samples.
        channels: of the joined sound; a part with one channel sounds in all.

    Raises:
        InvalidInput: there are no parts, they are not in order, or one lies inside another.
    """
    _check_parts(parts)
    colours = [_match_colours(left, right, sample_rate, channels) for left, right in pairwise(parts)]
    parts, shares = _colour_parts(parts, colours, sample_rate)
    overlaps: list[_Overlap | None] = []
    earliest = 0
    for left, right in pairwise(parts):
        start, end = _overlap_span(left, right, earliest, length, sample_rate)
        overlaps.append(_measure_overlap(left, right, start, end, sample_rate, channels) if end > start else None)
        place = overlaps[-1]
        earliest = place.position + place.length if place else right.start
        if place is None and right.start == left.end:
            earliest += round(BRIDGE_SECONDS * sample_rate)
    gains = solve_gains(
        [overlap.difference if overlap else None for overlap in overlaps],
        [_headroom_db(part) if len(parts) > 1 else 0.0 for part in parts],
        [part.is_fixed for part in parts],
    )
    seams = tuple(
        replace(
            _describe_seam(overlap, left, right, gains, index, sample_rate),
            colour_db=()
            if (match := colours[index]) is None
            else (tuple(match.left * shares[index]), tuple(match.right * shares[index + 1])),
        )
        for index, (overlap, (left, right)) in enumerate(zip(overlaps, pairwise(parts), strict=True))
    )
    return Join(seams, tuple(float(level) for level in gains.level), length, tuple(parts), channels, sample_rate)


def _overlap_span(left: PartSound, right: PartSound, earliest: int, length: int, sample_rate: int) -> tuple[int, int]:
    """Return the stretch of two parts in which a crossfade may be: not in the short fades at their ends, where there is room."""
    start, end = max(right.start, earliest), min(left.end, length)
    if right.crossfade is None and end - start >= round(EDGE_ROOM_SECONDS * sample_rate):
        start, end = start + round(FADE_IN_SECONDS * sample_rate), end - round(FADE_OUT_SECONDS * sample_rate)
    return start, end


def _beside(left: PartSound, right: PartSound, sample_rate: int, channels: int) -> tuple[Samples, Samples]:
    """Return the sound of both sides by which they are matched: that of their overlap, or beside it where it is short."""
    reach = round(MATCHED_SECONDS * sample_rate)
    start, end = right.start, left.end
    if end - start < reach and left.end >= right.start:
        spans = (max(left.start, end - reach), end), (start, min(right.end, start + reach))
    else:
        spans = (start, end), (start, end)
    sounds = [
        to_channels(part.read(first - part.start, stop - part.start), channels)
        for part, (first, stop) in zip((left, right), spans, strict=True)
    ]
    return sounds[0], sounds[1]


def _match_colours(left: PartSound, right: PartSound, sample_rate: int, channels: int) -> ColourMatch | None:
    """Return the gains of octaves at a seam; None for none. A seam that the caller places is on a beat of music: notes are no colour."""
    if left.end < right.start or right.crossfade is not None:
        return None
    moves = not left.is_fixed, not right.is_fixed
    return match_colours(*_beside(left, right, sample_rate, channels), sample_rate, moves=moves)


def _colour_parts(
    parts: Sequence[PartSound], colours: Sequence[ColourMatch | None], sample_rate: int
) -> tuple[list[PartSound], list[float]]:
    """Return parts that are read with the colours of their seams, and the share of its gains that each has."""
    coloured, shares = [], []
    for index, part in enumerate(parts):
        before = colours[index - 1] if index else None
        after = colours[index] if index < len(colours) else None
        if (before is None and after is None) or part.is_fixed:
            coloured.append(part)
            shares.append(1.0)
            continue
        plain = np.zeros(len(CENTRES_HZ))
        first = parts[index - 1].end - part.start if index else 0
        last = parts[index + 1].start - part.start if index < len(colours) else part.length
        gains = (plain if before is None else before.right), (plain if after is None else after.left)
        part, share = _colour_part(part, gains, (first, last), sample_rate)  # noqa: PLW2901
        coloured.append(part)
        shares.append(share)
    return coloured, shares


def _colour_part(
    part: PartSound, gains: tuple[Curve, Curve], eased: tuple[int, int], sample_rate: int
) -> tuple[PartSound, float]:
    """Return a part that is read with gains of its octaves at its start and end, and the share of them that keeps it below full scale."""
    ceiling = max(0.0, -_headroom_db(part))
    for share in (1.0, 0.5, 0.25):
        at_start, at_end = (share * gain for gain in gains)
        read = coloured_reader(part.read, part.length, at_start, at_end, eased, sample_rate)
        filtered = replace(part, read=read)
        if max(at_start.max(), at_end.max()) <= 0 or -_headroom_db(filtered) <= ceiling:
            return filtered, share
    return part, 0.0


def _describe_seam(
    overlap: _Overlap | None, left: PartSound, right: PartSound, gains: PartGains, index: int, sample_rate: int
) -> Seam:
    gains_db = float(gains.end[index]), float(gains.start[index + 1])
    if overlap is None and right.start > left.end:
        return Seam(left.end, right.start - left.end, "gap", 0.0, *gains_db, None, right.hard_cut)
    if overlap is None:
        bridge = min(right.length, round(BRIDGE_SECONDS * sample_rate))
        return Seam(left.end, bridge, "bridge", 0.0, *gains_db, None, right.hard_cut)
    kind = crossfade_kind(overlap.correlation)
    where = overlap.position, overlap.length
    difference_db = overlap.difference.decibels if overlap.difference else None
    return Seam(*where, kind, overlap.correlation, *gains_db, difference_db, right.hard_cut)


def _measure_overlap(
    left: PartSound, right: PartSound, start: int, end: int, sample_rate: int, channels: int
) -> _Overlap:
    """Return the place of the crossfade between `start` and `end` of the joined sound, and what is measured there."""
    context = round(CONTEXT_SECONDS * sample_rate)

    def read_around(part: PartSound) -> tuple[Samples, int]:
        first, stop = max(part.start, start - context), min(part.end, end + context)
        return to_channels(part.read(first - part.start, stop - part.start), channels), start - first

    (left_sound, left_before), (right_sound, right_before) = read_around(left), read_around(right)
    before = analyze_side(left_sound, left_before, end - start, sample_rate)
    after = analyze_side(right_sound, right_before, end - start, sample_rate)
    is_short = end - start < round(MATCHED_SECONDS * sample_rate)
    beside = beside_difference(*_beside(left, right, sample_rate, channels), sample_rate) if is_short else None
    difference = beside if is_short else level_difference(before.samples, after.samples, sample_rate)
    gain = np.float32(1.0 if difference is None else 10 ** (difference.decibels / 20))
    matched = Side(after.samples * gain, after.attacks)
    if right.hard_cut:
        cut = ((right.start + left.end) // 2 if right.boundary is None else right.boundary) - start
        around = left_sound[:left_before], right_sound[right_before + end - start :] * gain
        place = place_at_cut(before, matched, around, cut, sample_rate)
    else:
        place = place_crossfade(before, matched, sample_rate)
    if right.crossfade is not None:
        first = min(max(right.crossfade[0], start), end - 1)
        place = Place(first - start, min(right.crossfade[1], end - first))
    near = _around(place, end - start, round(LEVEL_REACH_SECONDS * sample_rate))
    if not is_short:
        difference = level_difference(before.samples[near], after.samples[near], sample_rate)
    faded = slice(place.start, place.start + place.length)
    correlation = weighted_correlation(before.samples[faded], after.samples[faded], sample_rate)
    return _Overlap(start + place.start, place.length, correlation, difference)


def _around(place: Place, length: int, reach: int) -> slice:
    """Return the stretch around a crossfade in which levels are compared."""
    return slice(max(0, place.start - reach), min(length, place.start + place.length + reach))


def _headroom_db(part: PartSound) -> float:
    """Return how far a part may be raised until its highest sample is at full scale."""
    peak = 1e-9
    for first in range(0, part.length, BLOCK_SAMPLES):
        peak = max(peak, float(np.abs(part.read(first, min(part.length, first + BLOCK_SAMPLES))).max(initial=0.0)))
    return float(-20 * np.log10(peak))


def _check_parts(parts: Sequence[PartSound]) -> None:
    if not parts:
        raise InvalidInput("joining.no_parts", "There are no parts to join.")
    for number, (left, right) in enumerate(pairwise(parts), 1):
        if right.start <= left.start or right.end <= left.end:
            raise InvalidInput(
                "joining.not_in_order",
                "Parts {number} and {next} are not in order: one begins or ends inside the other.",
                number=number,
                next=number + 1,
            )


def to_channels(sound: Samples, channels: int) -> Samples:
    """Return a sound with another number of channels: one is copied to all, several are averaged to one first."""
    if sound.shape[1] == channels:
        return sound
    mono = sound.mean(axis=1, keepdims=True) if sound.shape[1] > 1 else sound
    return np.repeat(mono, channels, axis=1)
