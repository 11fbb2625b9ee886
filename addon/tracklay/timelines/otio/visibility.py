"""What is seen on an OTIO timeline, clip by clip: tracks over tracks, nested ones, trims, speeds, freezes. Arithmetic alone.

The topmost picture is what plays, as an editor's viewer shows it. OTIO says nothing of opacity: a clip with media is taken to cover
what lies under it; one without media, and a title, is looked through. All times are exact seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import opentimelineio as otio

from ...errors import InvalidInput
from ...timing import Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

MAX_NESTING = 32
"""How many levels of nesting are followed: no editor makes as many."""

MAX_DENOMINATOR = 240_000
"""OTIO's numbers are floats: each is the simplest fraction near it that has no larger denominator (NTSC's ticks are among them)."""

OPAQUE_GENERATORS = ("black", "solid", "colo", "bars", "matte")
"""What is in the names of generators that cover the whole frame and hold nothing to be heard; all others are looked through.
Among them slugs: that is what Premiere calls a title in XML."""

RETIME_EFFECT_ID = "timeremap"
"""The effect id of Final Cut Pro 7's retiming, whose speeds OTIO's adapter does not read."""

NestedTimeline = tuple[Any, "Path"]
"""A nested timeline of a file of its own: its OTIO object, and the folder that its media's paths begin from."""


@dataclass(frozen=True, slots=True)
class VisibleShot:
    """A clip's picture as it is seen from `start` to `end`, in seconds from the beginning of what it lies on.

    `clip_time` is the time on the clip's own clock that plays at `start`, `speed` how many of its seconds pass in one; below 0 it runs
    backwards from `clip_time`. `folder` is where relative paths of its media begin. `is_opaque` says that nothing is seen through it, `has_sound`
    that it can have sound; `error` why it cannot be read.
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
        """The part from `start` to `end`."""
        return replace(self, start=start, end=end, clip_time=self.clip_time + (start - self.start) * self.speed)


@lru_cache(maxsize=256)
def rate_from_fps(fps: float) -> Rate:
    """The rate that OTIO's float means.

    Raises:
        BadInput: it is none.
    """
    try:
        return Rate.from_value(fps)
    except (ValueError, OverflowError):
        raise InvalidInput(f"it counts a time at {fps} frames a second: export it again") from None


@lru_cache(maxsize=4096)
def to_fraction(value: float) -> Fraction:
    """A float as the fraction that was meant.

    Raises:
        BadInput: it is not finite.
    """
    try:
        return Fraction(value).limit_denominator(MAX_DENOMINATOR)
    except (ValueError, OverflowError):
        raise InvalidInput(f"a time or speed in it is {value}: export it again") from None


def to_seconds(time: Any) -> Fraction:
    """A RationalTime in exact seconds."""
    return to_fraction(time.value) / rate_from_fps(time.rate).fps


class VisibleShotFinder:
    """What is seen on a timeline.

    Args:
        open_nested: opens a nested timeline that is a file of its own, given its clip's media reference and folder; None where the
            reference is no timeline.
        duration: how many seconds a media file lasts, where the timeline does not say.
    """

    def __init__(
        self,
        open_nested: Callable[[Any, Path], NestedTimeline | None],
        media_duration: Callable[[Any, Path], Fraction | None],
    ) -> None:
        self._open_nested, self._media_duration = open_nested, media_duration

    def find_shots(self, stack: Any, folder: Path) -> list[VisibleShot]:
        """The shots of a timeline's top stack, in order of their start."""
        return sorted(self._item_shots(stack, folder, ()), key=lambda shot: (shot.start, shot.end))

    def _item_shots(self, item: Any, folder: Path, ancestors: tuple[str, ...]) -> list[VisibleShot]:
        """An item's shots, from its own beginning."""
        if len(ancestors) > MAX_NESTING:
            raise InvalidInput(f"it is nested deeper than {MAX_NESTING} levels, or within itself: flatten it first")
        if not getattr(item, "enabled", True) or isinstance(item, otio.schema.Gap):
            return []
        length = self.duration(item, folder, ancestors)
        if not length:
            return []
        speed, trouble = _read_speed(item)
        if isinstance(item, otio.schema.Clip):
            return self._clip_shots(item, folder, ancestors, length, speed, trouble)
        content = self._composition_shots(item, folder, ancestors)
        start = Fraction(0) if item.source_range is None else to_seconds(item.source_range.start_time)
        shots = _retime(content, start, length, speed)
        return [replace(shot, error=shot.error or trouble) for shot in shots] if trouble else shots

    def _composition_shots(self, item: Any, folder: Path, ancestors: tuple[str, ...]) -> list[VisibleShot]:
        """A composition's shots, from its first child's beginning and untrimmed."""
        deeper = (*ancestors, item.name)
        if isinstance(item, otio.schema.Track):
            shots, at = [], Fraction(0)
            for child in item:
                shots += [_shift(shot, at) for shot in self._item_shots(child, folder, deeper)]
                at += self.duration(child, folder, deeper)
            return shots
        first = min((begin for child in item if (begin := find_record_start(child))), default=Fraction(0))
        seen: list[VisibleShot] = []
        for child in item:
            if getattr(child, "kind", otio.schema.TrackKind.Video) != otio.schema.TrackKind.Video:
                continue
            begin = find_record_start(child)
            if begin is None:
                upper = self._item_shots(child, folder, deeper)
            elif child.enabled:
                upper = [_shift(shot, begin - first) for shot in self._composition_shots(child, folder, deeper)]
            else:
                upper = []
            seen = [*_subtract_covered(seen, upper), *upper]
            seen.sort(key=lambda shot: shot.start)
        return seen

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
            covers = any(word in media.generator_kind.lower() for word in OPAQUE_GENERATORS)
            return [VisibleShot(Fraction(0), duration, clip, folder, Fraction(0), has_sound=False)] if covers else []
        start = self._clip_start(clip)
        try:
            nested = self._open_nested(media, folder)
        except InvalidInput as error:
            nested, retime_error = None, str(error)
        if nested is not None:
            timeline, inside = nested
            begins = timeline.global_start_time
            if clip.source_range is not None and begins is not None and start >= to_seconds(begins):
                start -= to_seconds(begins)
            content = self._item_shots(timeline.tracks, inside, (*ancestors, clip.name))
            return _retime(content, start, duration, speed)
        missing = isinstance(media, otio.schema.MissingReference) or media is None
        at = start if speed >= 0 else start + duration * -speed
        return [VisibleShot(Fraction(0), duration, clip, folder, at, speed, is_opaque=not missing, error=retime_error)]

    @staticmethod
    def _clip_start(clip: Any) -> Fraction:
        """Where a clip begins, on its own clock."""
        if clip.source_range is not None:
            return to_seconds(clip.source_range.start_time)
        has = clip.media_reference and clip.media_reference.available_range
        return to_seconds(has.start_time) if has else Fraction(0)

    def duration(self, item: Any, folder: Path, ancestors: tuple[str, ...] = ()) -> Fraction:
        """How long an item is on the timeline, in seconds; a transition takes none."""
        if len(ancestors) > MAX_NESTING:
            raise InvalidInput(f"it is nested deeper than {MAX_NESTING} levels, or within itself: flatten it first")
        if isinstance(item, otio.schema.Transition):
            return Fraction(0)
        if getattr(item, "source_range", None) is not None:
            found = to_seconds(item.source_range.duration)
        elif isinstance(item, otio.schema.Clip):
            found = self._clip_media_duration(item, folder, ancestors)
        else:
            deeper = (*ancestors, item.name)
            each = [self.duration(child, folder, deeper) for child in item]
            found = sum(each, Fraction(0)) if isinstance(item, otio.schema.Track) else max(each, default=Fraction(0))
        if found < 0:
            raise InvalidInput(
                f"{item.name or 'a clip'} in it is shorter than nothing ({float(found):.3f} s): export it again"
            )
        return found

    def _clip_media_duration(self, clip: Any, folder: Path, ancestors: tuple[str, ...]) -> Fraction:
        """How long all of a clip's media is."""
        media = clip.media_reference
        if media is not None and media.available_range is not None:
            return to_seconds(media.available_range.duration)
        if (nested := self._open_nested(media, folder)) is not None:
            return self.duration(nested[0].tracks, nested[1], (*ancestors, clip.name))
        found = self._media_duration(media, folder)
        if found is None:
            raise InvalidInput(
                f"{clip.name or 'a clip'} in it has no length, and its media cannot be read: give it a source range, or its media"
            )
        return found


def find_record_start(track: Any) -> Fraction | None:
    """Where on the record tape a track begins, in seconds, as OTIO's EDL adapter writes it down; None of any other track.

    It gives a track a source range that begins at minus the record time (`cmx_3600.py`, `add_clip`), which trims nothing.
    """
    if not isinstance(track, otio.schema.Track) or track.source_range is None:
        return None
    start = to_seconds(track.source_range.start_time)
    return -start if start < 0 and start + to_seconds(track.source_range.duration) <= 0 else None


def _read_speed(item: Any) -> tuple[Fraction, str]:
    """How fast an item plays its media, by all its effects together, and why that cannot be known."""
    speed = Fraction(1)
    for effect in item.effects:
        if not getattr(effect, "enabled", True):
            continue
        if isinstance(effect, otio.schema.LinearTimeWarp):
            speed *= to_fraction(effect.time_scalar)
        elif isinstance(effect, otio.schema.TimeEffect) or _is_time_remap(effect):
            kind = effect.effect_name or effect.name or effect.schema_name()
            return speed, (
                f"{item.name or 'a clip'} is retimed by {kind}, which OTIO says no speeds of: "
                "render it to a movie, or give it a constant speed"
            )
    return speed, ""


def _is_time_remap(effect: Any) -> bool:
    held = getattr(effect, "metadata", {}).get("fcp_xml", {})
    return hasattr(held, "get") and held.get("effectid") == RETIME_EFFECT_ID


def _shift(shot: VisibleShot, offset: Fraction) -> VisibleShot:
    return replace(shot, start=shot.start + offset, end=shot.end + offset) if offset else shot


def _retime(shots: Sequence[VisibleShot], start: Fraction, duration: Fraction, speed: Fraction) -> list[VisibleShot]:
    """What is seen in `duration` seconds that play `find_shots` from `start` on at a speed; backwards, the same stretch from its end."""
    if not speed:
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
    """What is still seen of the lower shots; both are in order of their start."""
    over = [shot for shot in upper if shot.is_opaque]
    first = 0
    for shot in lower:
        while first < len(over) and over[first].end <= shot.start:
            first += 1
        at, index = shot.start, first
        while index < len(over) and over[index].start < shot.end:
            if over[index].start > at:
                yield shot.trim(at, over[index].start)
            at = max(at, over[index].end)
            index += 1
        if at < shot.end:
            yield shot.trim(at, shot.end)
