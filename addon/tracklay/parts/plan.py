"""Plans the parts of a span: boundaries at cuts where there are any in reach, else where the picture is calmest, never at a contact.

Whole frames on the span's own grid: a part's samples are computed from its frames, so nothing drifts however many parts there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..timing import Rate
    from .sizes import PartSizes

    Values = npt.NDArray[np.float64]
    Indices = npt.NDArray[np.int64]

WIDE_OVERLAP_SECONDS = 1
"""Overlap of two parts within a shot where there is room for it."""

CUT_OVERLAP_SECONDS = Fraction(3, 25)
"""Overlap at a cut, before it: the sound of the new shot begins on its first frame. Tones in other phases need a crossfade this long."""

CONTACT_SECONDS = Fraction(3, 25)
"""Distance from a contact within which no boundary is put: its attack and the first of its decay."""

REACH = 0.5
"""Share of a part's length by which a boundary may move to a cut or a calm moment."""

JOINT_COST, MOTION_COST, OVERLAPPED_CUT_COST, OVERLAPPED_CONTACT_COST, CONTACT_COST = 1.0, 1.0, 0.5, 3.0, 1000.0
"""Costs of a boundary: away from a cut; times the motion there, 0 to 1; for each cut and contact in its overlap; on a contact. A part
that is half as long as preferred costs 1, and so does one a quarter longer."""

MAX_CANDIDATES = 240
"""Frames that are tried for one boundary, besides cuts."""

SHORT_WEIGHT, LONG_WEIGHT, TOO_SHORT_COST = 4.0, 16.0, 100.0


@dataclass(frozen=True, slots=True)
class PictureNotes:
    """The observations of a span's picture that matter to its parts.

    Attributes:
        cuts: frames on which a new shot begins, counted from the span's first.
        contacts: frames of contacts.
        motion: speed of the fastest object on each frame, in any unit; empty if it is not known.
    """

    cuts: Sequence[int] = ()
    contacts: Sequence[int] = ()
    motion: Sequence[float] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """The frames from `start` to `end` (half open) of the span. With `at_cut` it begins with a shot, and the part before ends there."""

    start: int
    end: int
    at_cut: bool = False

    @property
    def frames(self) -> int:
        """Its length."""
        return self.end - self.start


def plan_parts(frames: int, rate: Rate, sizes: PartSizes, notes: PictureNotes | None = None) -> list[PlannedPart]:
    """Return the parts of a span, in order: `sizes.count` of them, which overlap and cover every frame.

    Args:
        frames: length of the span.
        rate: its frame rate.
        sizes: lengths of the parts.
        notes: what the picture shows; None if the model sees none.
    """
    count = sizes.count(frames)
    if count == 1:
        return [PlannedPart(0, frames)]
    joints = _Joints.measure(frames, rate, sizes, notes or PictureNotes())
    bounds = _choose_boundaries(frames, count, sizes, joints)
    return _ensure_least(_widen_overlaps(frames, rate, bounds, sizes, joints), frames, sizes.least)


def plan_evenly(frames: int, sizes: PartSizes) -> list[PlannedPart]:
    """Return the parts of music that no picture shapes: as long as the price counts them, each overlapping the one before.

    Args:
        frames: length of the music to make; together the parts are that long at least.
        sizes: lengths of the parts.
    """
    parts, start = [], 0
    for length in sizes.lengths(frames):
        parts.append(PlannedPart(start, start + length))
        start += length - sizes.overlap
    return parts


@dataclass(frozen=True, slots=True)
class _Joints:
    """Every frame as a boundary: the overlap before and after it, in frames, and its cost. Arrays of `frames + 1`."""

    before: Indices
    after: Indices
    cost: Values
    at_cut: npt.NDArray[np.bool_]
    contacts_until: Indices
    cuts_until: Indices

    @classmethod
    def measure(cls, frames: int, rate: Rate, sizes: PartSizes, notes: PictureNotes) -> _Joints:
        at = np.arange(frames + 1)
        at_cut = np.zeros(frames + 1, bool)
        at_cut[[cut for cut in notes.cuts if 0 < cut < frames]] = True
        short = max(1, math.ceil(CUT_OVERLAP_SECONDS * rate.fps))
        before = np.where(at_cut, short, sizes.overlap - sizes.overlap // 2)
        after = np.where(at_cut, 0, sizes.overlap // 2)
        contacts_until, cuts_until = (_counts_until(events, frames) for events in (notes.contacts, notes.cuts))
        low, high = np.maximum(at - before, 0), np.minimum(at + after, frames)
        cost = np.where(at_cut, 0.0, JOINT_COST + MOTION_COST * _mean_motion(notes.motion, low, high, frames))
        cost += OVERLAPPED_CONTACT_COST * (contacts_until[high] - contacts_until[low])
        cost += np.where(at_cut, 0.0, OVERLAPPED_CUT_COST * (cuts_until[high] - cuts_until[low]))
        near = math.ceil(CONTACT_SECONDS * rate.fps)
        # A contact on the first frames of a shot belongs to the shot's own part.
        until = np.where(at_cut, at, np.minimum(at + near + 1, frames))
        cost += CONTACT_COST * (contacts_until[until] > contacts_until[np.maximum(at - near, 0)])
        return cls(before, after, cost, at_cut, contacts_until, cuts_until)

    def events_between(self, first: int, end: int) -> int:
        """Return the number of contacts and cuts on the frames from `first` to `end` (half open)."""
        return int(
            self.contacts_until[end] - self.contacts_until[first] + self.cuts_until[end] - self.cuts_until[first]
        )


def _counts_until(events: Sequence[int], frames: int) -> Indices:
    """Return for each frame the number of events before it."""
    inside = np.array([event for event in events if 0 <= event < frames], np.int64)
    return np.concatenate([[0], np.cumsum(np.bincount(inside, minlength=frames))]).astype(np.int64)


def _mean_motion(motion: Sequence[float], low: Indices, high: Indices, frames: int) -> Values:
    """Return the mean motion from `low` to `high`, 0 to 1: 1 is as fast as the fastest twentieth of the span."""
    if not len(motion):
        return np.zeros(len(low))
    speed = np.interp(np.arange(frames), np.linspace(0, frames - 1, len(motion)), np.asarray(motion, np.float64))
    total = np.concatenate([[0.0], np.cumsum(np.minimum(speed / max(1e-9, float(np.percentile(speed, 95))), 1.0))])
    mean: Values = (total[high] - total[low]) / np.maximum(1, high - low)
    return mean


def _choose_boundaries(frames: int, count: int, sizes: PartSizes, joints: _Joints) -> list[int]:
    """Return the boundaries with the least cost, from the span's start to its end: each within reach of where equal parts have it."""
    each = (frames + (count - 1) * sizes.overlap) / count
    reach = max(1, int(REACH * (each - sizes.overlap)))
    candidates = [np.array([0])]
    for number in range(1, count):
        middle = round(number * (each - sizes.overlap) + sizes.overlap / 2)
        candidates.append(_candidates(middle, max(1, middle - reach), min(frames - 1, middle + reach), joints.at_cut))
    candidates.append(np.array([frames]))
    totals, chosen = np.zeros(1), []
    for number in range(1, count + 1):
        here, there = candidates[number - 1], candidates[number]
        starts = here - (joints.before[here] if number > 1 else 0)
        ends = there + (joints.after[there] if number < count else 0)
        whole = totals[:, None] + _length_cost(ends[None, :] - np.maximum(starts, 0)[:, None], sizes)
        whole = np.where(there[None, :] > here[:, None], whole, np.inf)
        chosen.append(whole.argmin(axis=0))
        totals = whole.min(axis=0) + (joints.cost[there] if number < count else 0.0)
    bounds, index = [frames], 0
    for number in range(count, 0, -1):
        index = int(chosen[number - 1][index])
        bounds.append(int(candidates[number - 1][index]))
    return bounds[::-1]


def _candidates(middle: int, first: int, last: int, at_cut: npt.NDArray[np.bool_]) -> Indices:
    """Return the frames from `first` to `last` that may be a boundary: every cut, and `MAX_CANDIDATES` others at most."""
    step = -(-(last - first + 1) // MAX_CANDIDATES)
    regular = np.arange(first + (middle - first) % step, last + 1, step)
    return np.union1d(regular, first + np.flatnonzero(at_cut[first : last + 1]))


def _length_cost(lengths: Indices, sizes: PartSizes) -> Values:
    off = (lengths - sizes.preferred) / sizes.preferred
    cost = np.where(off < 0, SHORT_WEIGHT, LONG_WEIGHT) * off**2
    cost += TOO_SHORT_COST * np.maximum(0, sizes.least - lengths) / max(1, sizes.least)
    return np.where(lengths > sizes.most, np.inf, cost)


def _widen_overlaps(
    frames: int, rate: Rate, bounds: Sequence[int], sizes: PartSizes, joints: _Joints
) -> list[PlannedPart]:
    """Return the parts between boundaries, whose overlaps are widened where their neighbours are shorter than preferred."""
    starts = [0, *(bound - int(joints.before[bound]) for bound in bounds[1:-1])]
    ends = [*(bound + int(joints.after[bound]) for bound in bounds[1:-1]), frames]
    starts = [max(0, start) for start in starts]
    ends = [min(frames, end) for end in ends]
    # Each part shares what it may grow by between its two ends.
    room = [max(0, sizes.preferred - (end - start)) // 2 for start, end in zip(starts, ends, strict=True)]
    wide = math.floor(WIDE_OVERLAP_SECONDS * rate.fps)
    for number, bound in enumerate(bounds[1:-1], 1):
        grow = (wide - (ends[number - 1] - starts[number])) // 2
        if joints.at_cut[bound] or sizes.overlap < math.ceil(rate.fps / 2):
            continue
        back, ahead = min(grow, room[number]), min(grow, room[number - 1])
        while back > 0 and joints.events_between(max(0, starts[number] - back), starts[number]):
            back -= 1
        while ahead > 0 and joints.events_between(ends[number - 1], min(frames, ends[number - 1] + ahead)):
            ahead -= 1
        starts[number] = max(0, starts[number] - max(0, back))
        ends[number - 1] = min(frames, ends[number - 1] + max(0, ahead))
    cuts = [False, *(bool(joints.at_cut[bound]) for bound in bounds[1:-1])]
    return [PlannedPart(*part) for part in zip(starts, ends, cuts, strict=True)]


def _ensure_least(parts: Sequence[PlannedPart], frames: int, least: int) -> list[PlannedPart]:
    """Return the parts, those shorter than the model's least extended into the one before, or, at the start, into the next."""
    longer = []
    for part in parts:
        start = max(0, min(part.start, part.end - least))
        longer.append(PlannedPart(start, min(frames, max(part.end, start + least)), part.at_cut))
    # A part that begins with a shot ends the part before on the cut. Extended past it, they meet somewhere in the overlap.
    return [
        part if not number or longer[number - 1].end == parts[number - 1].end else PlannedPart(part.start, part.end)
        for number, part in enumerate(longer)
    ]
