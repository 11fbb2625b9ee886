"""The visible shots of an OTIO timeline: tracks over tracks, nested timelines, trims, speeds, freezes.

The topmost picture is what plays, as in an editor's viewer. OTIO stores no opacity: a clip with media is taken to cover
everything below it; a clip without media, and a title, cover nothing. All times are exact seconds.

How it works: every item returns the shots visible in it, in seconds from its own beginning. A track concatenates its children's
shots; a stack puts the shots of each child over those below (`_subtract_covered`); trims and speeds of the item map the
result to the parent's clock (`_retime`). Nothing here opens a media file, except to learn a length that the timeline omits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from ...errors import InvalidInput
from .effects import find_title_name, is_opaque_generator, read_speed
from .exact_numbers import to_seconds

MAX_NESTING = 32
"""Levels of nesting that are followed: more than any editor writes. Deeper ones are taken for a timeline that contains itself."""

NestedTimeline = tuple[Any, Path]
"""A nested timeline in a file of its own: its OTIO object, and the folder that its media's paths are relative to."""


@dataclass(frozen=True, slots=True)
class VisibleShot:
    """A part of a clip that is visible from `start` to `end`, in seconds from the beginning of the item that contains it.

    Attributes:
        start: the first second.
        end: the second after the last.
        clip: OTIO's clip.
        folder: the folder that relative paths of its media start from.
        clip_time: the time on the clip's own clock that plays at `start`.
        speed: seconds of the clip's clock per second; below 0 it plays backwards from `clip_time`, at 0 it freezes there.
        is_opaque: it hides what is below it.
        has_sound: it can have sound, so it becomes a cue.
        error: why its picture cannot be read; empty if it can.
    """

    start: Fraction
    end: Fraction
    clip: Any
    folder: Path
    clip_time: Fraction
    speed: Fraction = Fraction(1)
    is_opaque: bool = True
    has_sound: bool = True
    error: str = ""

    def trim(self, start: Fraction, end: Fraction) -> VisibleShot:
        """Return the part from `start` to `end`."""
        return replace(self, start=start, end=end, clip_time=self.clip_time + (start - self.start) * self.speed)


class VisibleShotFinder:
    """Computes the visible shots of timelines.

    Args:
        open_nested: opens the nested timeline that a clip's media is, given the media reference and the folder; returns None if
            the media is not a timeline.
        media_duration: returns the length of a media file in seconds, given the same, or None if it cannot be read. Called only
            where the timeline has no length.
    """

    def __init__(
        self,
        open_nested: Callable[[Any, Path], NestedTimeline | None],
        media_duration: Callable[[Any, Path], Fraction | None],
    ) -> None:
        self._open_nested, self._media_duration = open_nested, media_duration

    def find_shots(self, stack: Any, folder: Path) -> list[VisibleShot]:
        """Return the shots of a timeline's top stack, sorted by start.

        Raises:
            InvalidInput: the timeline has an impossible time, length or nesting.
        """
        return sorted(self._item_shots(stack, folder, ()), key=lambda shot: (shot.start, shot.end))

    def _item_shots(self, item: Any, folder: Path, ancestors: tuple[str, ...]) -> list[VisibleShot]:
        """Return an item's shots, from its own beginning: trimmed, at its own speed."""
        _check_nesting(ancestors)
        if not getattr(item, "enabled", True) or isinstance(item, otio.schema.Gap):
            return []
        length = self.duration(item, folder, ancestors)
        if not length:
            return []
        speed, retime_error = read_speed(item)
        if isinstance(item, otio.schema.Clip):
            return self._clip_shots(item, folder, ancestors, length, speed, retime_error)
        content = self._composition_shots(item, folder, ancestors)
        start = Fraction(0) if item.source_range is None else to_seconds(item.source_range.start_time)
        shots = _retime(content, start, length, speed)
        return [replace(shot, error=shot.error or retime_error) for shot in shots] if retime_error else shots

    def _composition_shots(self, item: Any, folder: Path, ancestors: tuple[str, ...]) -> list[VisibleShot]:
        """Return the shots of a track or stack, from its first child's beginning and untrimmed."""
        nested = (*ancestors, item.name)
        if isinstance(item, otio.schema.Track):
            shots, start = [], Fraction(0)
            for child in item:
                shots += [_shift(shot, start) for shot in self._item_shots(child, folder, nested)]
                start += self.duration(child, folder, nested)
            return shots
        # A stack's children all begin together, except for tracks from an EDL, whose record times differ: their
        # earliest one is the stack's beginning. Children are in order from bottom to top.
        first = min((begin for child in item if (begin := find_record_start(child))), default=Fraction(0))
        visible: list[VisibleShot] = []
        for child in item:
            # Nested clips and stacks have no kind: they are picture.
            if getattr(child, "kind", otio.schema.TrackKind.Video) != otio.schema.TrackKind.Video:
                continue
            begin = find_record_start(child)
            if begin is None:
                upper = self._item_shots(child, folder, nested)
            elif child.enabled:
                # Not `_item_shots`: the source range of such a track holds the record time and trims nothing.
                upper = [_shift(shot, begin - first) for shot in self._composition_shots(child, folder, nested)]
            else:
                upper = []
            visible = [*_subtract_covered(visible, upper), *upper]
            visible.sort(key=lambda shot: shot.start)
        return visible

    def _clip_shots(
        self,
        clip: Any,
        folder: Path,
        ancestors: tuple[str, ...],
        duration: Fraction,
        speed: Fraction,
        retime_error: str,
    ) -> list[VisibleShot]:
        media = clip.media_reference
        if isinstance(media, otio.schema.GeneratorReference):
            is_opaque = is_opaque_generator(media.generator_kind)
            return [VisibleShot(Fraction(0), duration, clip, folder, Fraction(0), has_sound=False)] if is_opaque else []
        start = self._clip_start(clip)
        try:
            nested = self._open_nested(media, folder)
        except InvalidInput as error:
            nested, retime_error = None, str(error)
        if nested is not None:
            timeline, nested_folder = nested
            global_start = timeline.global_start_time
            # Programs count such a clip from the nested timeline's time code, or from 0: both occur. A start before the time
            # code can only be the second.
            if clip.source_range is not None and global_start is not None and start >= to_seconds(global_start):
                start -= to_seconds(global_start)
            content = self._item_shots(timeline.tracks, nested_folder, (*ancestors, clip.name))
            return _retime(content, start, duration, speed)
        is_missing = isinstance(media, otio.schema.MissingReference) or media is None
        if is_missing and (title := find_title_name(clip)):
            is_opaque = is_opaque_generator(title)
            return [VisibleShot(Fraction(0), duration, clip, folder, Fraction(0), has_sound=False)] if is_opaque else []
        # Backwards, the clip plays the same stretch of media as forwards at that speed, from its end.
        clip_time = start if speed >= 0 else start + duration * -speed
        # Without media the clip may have been a title: it hides nothing.
        return [
            VisibleShot(
                Fraction(0), duration, clip, folder, clip_time, speed, is_opaque=not is_missing, error=retime_error
            )
        ]

    @staticmethod
    def _clip_start(clip: Any) -> Fraction:
        """Return the first second of a clip on its own clock."""
        if clip.source_range is not None:
            return to_seconds(clip.source_range.start_time)
        available = clip.media_reference and clip.media_reference.available_range
        return to_seconds(available.start_time) if available else Fraction(0)

    def duration(self, item: Any, folder: Path, ancestors: tuple[str, ...] = ()) -> Fraction:
        """Return the length of an item on the timeline, in seconds. Transitions overlap their neighbours and have none.

        Raises:
            InvalidInput: the length is negative or unknown, or the item is nested too deep.
        """
        _check_nesting(ancestors)
        if isinstance(item, otio.schema.Transition):
            return Fraction(0)
        # A speed does not change the length: OTIO's source range counts the frames that the item plays for.
        if getattr(item, "source_range", None) is not None:
            length = to_seconds(item.source_range.duration)
        elif isinstance(item, otio.schema.Clip):
            length = self._clip_media_duration(item, folder, ancestors)
        else:
            nested = (*ancestors, item.name)
            lengths = [self.duration(child, folder, nested) for child in item]
            is_track = isinstance(item, otio.schema.Track)
            length = sum(lengths, Fraction(0)) if is_track else max(lengths, default=Fraction(0))
        if length < 0:
            raise InvalidInput(
                "otio.negative_length",
                "Negative length of {clip}: {seconds:.3f} s. Export the timeline again.",
                clip=item.name or "a clip",
                seconds=float(length),
            )
        return length

    def _clip_media_duration(self, clip: Any, folder: Path, ancestors: tuple[str, ...]) -> Fraction:
        """Return the length of all of a clip's media, in seconds."""
        media = clip.media_reference
        if media is not None and media.available_range is not None:
            return to_seconds(media.available_range.duration)
        if (nested := self._open_nested(media, folder)) is not None:
            return self.duration(nested[0].tracks, nested[1], (*ancestors, clip.name))
        length = self._media_duration(media, folder)
        if length is None:
            raise InvalidInput(
                "otio.unknown_length",
                "Unknown length of {clip}: it has no source range, and its media cannot be read. Add one of them.",
                clip=clip.name or "a clip",
            )
        return length


def _check_nesting(ancestors: tuple[str, ...]) -> None:
    # Depth also ends cycles over files: a.otio in b.otio in a.otio.
    if len(ancestors) > MAX_NESTING:
        raise InvalidInput(
            "otio.nested_too_deep",
            "Timeline is nested deeper than {limit} levels, or contains itself. Flatten it first.",
            limit=MAX_NESTING,
        )


def find_record_start(track: Any) -> Fraction | None:
    """Return the record time of a track from OTIO's EDL adapter, in seconds; None for any other track.

    The adapter gives a track a source range that starts at minus the record time (`cmx_3600.py`, `add_clip`). It trims nothing:
    no other program writes a range that ends before the track begins.
    """
    if not isinstance(track, otio.schema.Track) or track.source_range is None:
        return None
    start = to_seconds(track.source_range.start_time)
    return -start if start < 0 and start + to_seconds(track.source_range.duration) <= 0 else None


def _shift(shot: VisibleShot, offset: Fraction) -> VisibleShot:
    return replace(shot, start=shot.start + offset, end=shot.end + offset) if offset else shot


def _retime(shots: Sequence[VisibleShot], start: Fraction, duration: Fraction, speed: Fraction) -> list[VisibleShot]:
    """Return the shots visible in an item of `duration` seconds that plays `shots` from second `start` on, at a speed.

    Backwards, the item plays the same stretch of its content from its end to its start.
    """
    if not speed:
        # A freeze shows the one frame at `start`, of whichever shot is visible there.
        return [
            replace(
                shot,
                start=Fraction(0),
                end=duration,
                clip_time=shot.clip_time + (start - shot.start) * shot.speed,
                speed=Fraction(0),
            )
            for shot in shots
            if shot.start <= start < shot.end
        ]
    # The stretch of content that plays: as long as the item at speed 1, longer if it is faster.
    end = start + duration * abs(speed)
    parts = [
        shot.trim(max(shot.start, start), min(shot.end, end)) for shot in shots if shot.start < end and shot.end > start
    ]
    if speed == 1:
        return [_shift(part, -start) for part in parts]
    if speed > 0:
        return [
            replace(part, start=(part.start - start) / speed, end=(part.end - start) / speed, speed=part.speed * speed)
            for part in parts
        ]
    # Mirrored at the stretch's end: the last part comes first, and each part starts with what was its last moment.
    return [
        replace(
            part,
            start=(end - part.end) / -speed,
            end=(end - part.start) / -speed,
            clip_time=part.clip_time + (part.end - part.start) * part.speed,
            speed=part.speed * speed,
        )
        for part in reversed(parts)
    ]


def _subtract_covered(lower: Sequence[VisibleShot], upper: Sequence[VisibleShot]) -> Iterator[VisibleShot]:
    """Yield the parts of the lower shots that the upper ones leave visible. Both are sorted by start.

    Shots of one layer do not overlap, so one sweep is enough: linear in the number of shots, where comparing each with each
    would make a timeline of thousands of clips slow.
    """
    covers = [shot for shot in upper if shot.is_opaque]
    first = 0
    for shot in lower:
        # Covers that end before this shot end before all later ones too.
        while first < len(covers) and covers[first].end <= shot.start:
            first += 1
        visible_from, index = shot.start, first
        while index < len(covers) and covers[index].start < shot.end:
            if covers[index].start > visible_from:
                yield shot.trim(visible_from, covers[index].start)
            visible_from = max(visible_from, covers[index].end)
            index += 1
        if visible_from < shot.end:
            yield shot.trim(visible_from, shot.end)
