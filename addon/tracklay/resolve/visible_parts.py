"""The parts of a Resolve timeline's clips that are seen: the topmost clip plays, and hides what is below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from .clips import ResolveClip, read_track_clips

if TYPE_CHECKING:
    from fusionscript import Timeline

    from .timeline_clock import TimelineClock


@dataclass(frozen=True, slots=True)
class VisiblePart:
    """The frames of a clip from `start` to `end` in which nothing is above it. `cue_id` is unique on its timeline."""

    clip: ResolveClip
    start: Fraction
    end: Fraction
    cue_id: str = ""

    def trim(self, start: Fraction | int, end: Fraction | int) -> VisiblePart | None:
        """Return what of the part is between two frames; None if that is nothing."""
        first, last = max(self.start, Fraction(start)), min(self.end, Fraction(end))
        return replace(self, start=first, end=last) if first < last else None


def find_visible_parts(timeline: Timeline, clock: TimelineClock) -> list[VisiblePart]:
    """Return the visible parts of all clips of the enabled video tracks, in timeline order, with the ids of their cues.

    A clip without media (a generator, a title) hides nothing, because most are titles. An id is the clip's name, numbered from the
    second part of that name on: a clip has the same id whatever part of the timeline is asked for.
    """
    covered: list[tuple[Fraction, Fraction]] = []
    found: list[VisiblePart] = []
    for index in range(timeline.GetTrackCount("video"), 0, -1):
        if timeline.GetIsTrackEnabled("video", index) is False:
            continue
        clips = read_track_clips(timeline, clock, index)
        for clip in clips:
            found += [VisiblePart(clip, *part) for part in _subtract((clip.start, clip.end), covered)]
        covered += [(clip.start, clip.end) for clip in clips if not clip.is_overlay]
    return _with_ids(sorted(found, key=lambda part: (part.start, part.end)))


def _subtract(
    whole: tuple[Fraction, Fraction], covered: Iterable[tuple[Fraction, Fraction]]
) -> list[tuple[Fraction, Fraction]]:
    parts = [whole]
    for start, end in covered:
        parts = [
            (first, last)
            for begin, stop in parts
            for first, last in ((begin, min(stop, start)), (max(begin, end), stop))
            if first < last
        ]
    return parts


def _with_ids(parts: Sequence[VisiblePart]) -> list[VisiblePart]:
    used: set[str] = set()
    named = []
    for part in parts:
        cue_id, count = part.clip.name, 1
        while cue_id in used:
            count += 1
            cue_id = f"{part.clip.name} {count}"
        used.add(cue_id)
        named.append(replace(part, cue_id=cue_id))
    return named
