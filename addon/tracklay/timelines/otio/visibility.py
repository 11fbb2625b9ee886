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

from ...errors import BadInput
from ...timing import Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

DEEPEST = 32
"""How many levels of nesting are followed: no editor makes as many."""

FINEST = 240_000
"""OTIO's numbers are floats: each is the simplest fraction near it that has no larger denominator (NTSC's ticks are among them)."""

COVERS = ("black", "solid", "colo", "bars", "matte")
"""What is in the names of generators that cover the whole frame and hold nothing to be heard; all others are looked through.
Among them slugs: that is what Premiere calls a title in XML."""

RETIMES = "timeremap"
"""The effect id of Final Cut Pro 7's retiming, whose speeds OTIO's adapter does not read."""

Opened = tuple[Any, "Path"]
"""A nested timeline of a file of its own: its OTIO object, and the folder that its media's paths begin from."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A clip's picture as it is seen from `start` to `end`, in seconds from the beginning of what it lies on.

    `at` is the time on the clip's own clock that plays at `start`, `slope` how many of its seconds pass in one; below 0 it runs
    backwards from `at`. `folder` is where relative paths of its media begin. `covers` says that nothing is seen through it, `heard`
    that it can have sound; `trouble` why it cannot be read.
    """

    start: Fraction
    end: Fraction
    clip: Any
    folder: Path
    at: Fraction
    slope: Fraction = Fraction(1)
    covers: bool = True
    heard: bool = True
    trouble: str = ""

    def cut(self, start: Fraction, end: Fraction) -> Shot:
        """The part from `start` to `end`."""
        return replace(self, start=start, end=end, at=self.at + (start - self.start) * self.slope)


@lru_cache(maxsize=256)
def rate_of(fps: float) -> Rate:
    """The rate that OTIO's float means.

    Raises:
        BadInput: it is none.
    """
    try:
        return Rate.of(fps)
    except (ValueError, OverflowError):
        raise BadInput(f"it counts a time at {fps} frames a second: export it again") from None


@lru_cache(maxsize=4096)
def number(value: float) -> Fraction:
    """A float as the fraction that was meant.

    Raises:
        BadInput: it is not finite.
    """
    try:
        return Fraction(value).limit_denominator(FINEST)
    except (ValueError, OverflowError):
        raise BadInput(f"a time or speed in it is {value}: export it again") from None


def seconds(time: Any) -> Fraction:
    """A RationalTime in exact seconds."""
    return number(time.value) / rate_of(time.rate).fps


class Seen:
    """What is seen on a timeline.

    Args:
        opened: opens a nested timeline that is a file of its own, given its clip's media reference and folder; None where the
            reference is no timeline.
        length: how many seconds a media file lasts, where the timeline does not say.
    """

    def __init__(
        self, opened: Callable[[Any, Path], Opened | None], length: Callable[[Any, Path], Fraction | None]
    ) -> None:
        self._opened, self._length = opened, length

    def shots(self, stack: Any, folder: Path) -> list[Shot]:
        """The shots of a timeline's top stack, in order of their start."""
        return sorted(self._seen(stack, folder, ()), key=lambda shot: (shot.start, shot.end))

    def _seen(self, item: Any, folder: Path, within: tuple[str, ...]) -> list[Shot]:
        """An item's shots, from its own beginning."""
        if len(within) > DEEPEST:
            raise BadInput(f"it is nested deeper than {DEEPEST} levels, or within itself: flatten it first")
        if not getattr(item, "enabled", True) or isinstance(item, otio.schema.Gap):
            return []
        length = self.length(item, folder, within)
        if not length:
            return []
        speed, trouble = _speed(item)
        if isinstance(item, otio.schema.Clip):
            return self._clip(item, folder, within, length, speed, trouble)
        content = self._content(item, folder, within)
        start = Fraction(0) if item.source_range is None else seconds(item.source_range.start_time)
        shots = _retimed(content, start, length, speed)
        return [replace(shot, trouble=shot.trouble or trouble) for shot in shots] if trouble else shots

    def _content(self, item: Any, folder: Path, within: tuple[str, ...]) -> list[Shot]:
        """A composition's shots, from its first child's beginning and untrimmed."""
        deeper = (*within, item.name)
        if isinstance(item, otio.schema.Track):
            shots, at = [], Fraction(0)
            for child in item:
                shots += [_moved(shot, at) for shot in self._seen(child, folder, deeper)]
                at += self.length(child, folder, deeper)
            return shots
        first = min((begin for child in item if (begin := recorded(child))), default=Fraction(0))
        seen: list[Shot] = []
        for child in item:
            if getattr(child, "kind", otio.schema.TrackKind.Video) != otio.schema.TrackKind.Video:
                continue
            begin = recorded(child)
            if begin is None:
                upper = self._seen(child, folder, deeper)
            elif child.enabled:
                upper = [_moved(shot, begin - first) for shot in self._content(child, folder, deeper)]
            else:
                upper = []
            seen = [*_uncovered(seen, upper), *upper]
            seen.sort(key=lambda shot: shot.start)
        return seen

    def _clip(
        self, clip: Any, folder: Path, within: tuple[str, ...], length: Fraction, speed: Fraction, trouble: str
    ) -> list[Shot]:
        media = clip.media_reference
        if isinstance(media, otio.schema.GeneratorReference):
            covers = any(word in media.generator_kind.lower() for word in COVERS)
            return [Shot(Fraction(0), length, clip, folder, Fraction(0), heard=False)] if covers else []
        start = self._start(clip)
        try:
            nested = self._opened(media, folder)
        except BadInput as error:
            nested, trouble = None, str(error)
        if nested is not None:
            timeline, inside = nested
            begins = timeline.global_start_time
            if clip.source_range is not None and begins is not None and start >= seconds(begins):
                start -= seconds(begins)
            content = self._seen(timeline.tracks, inside, (*within, clip.name))
            return _retimed(content, start, length, speed)
        missing = isinstance(media, otio.schema.MissingReference) or media is None
        at = start if speed >= 0 else start + length * -speed
        return [Shot(Fraction(0), length, clip, folder, at, speed, covers=not missing, trouble=trouble)]

    @staticmethod
    def _start(clip: Any) -> Fraction:
        """Where a clip begins, on its own clock."""
        if clip.source_range is not None:
            return seconds(clip.source_range.start_time)
        has = clip.media_reference and clip.media_reference.available_range
        return seconds(has.start_time) if has else Fraction(0)

    def length(self, item: Any, folder: Path, within: tuple[str, ...] = ()) -> Fraction:
        """How long an item is on the timeline, in seconds; a transition takes none."""
        if len(within) > DEEPEST:
            raise BadInput(f"it is nested deeper than {DEEPEST} levels, or within itself: flatten it first")
        if isinstance(item, otio.schema.Transition):
            return Fraction(0)
        if getattr(item, "source_range", None) is not None:
            found = seconds(item.source_range.duration)
        elif isinstance(item, otio.schema.Clip):
            found = self._whole(item, folder, within)
        else:
            deeper = (*within, item.name)
            each = [self.length(child, folder, deeper) for child in item]
            found = sum(each, Fraction(0)) if isinstance(item, otio.schema.Track) else max(each, default=Fraction(0))
        if found < 0:
            raise BadInput(
                f"{item.name or 'a clip'} in it is shorter than nothing ({float(found):.3f} s): export it again"
            )
        return found

    def _whole(self, clip: Any, folder: Path, within: tuple[str, ...]) -> Fraction:
        """How long all of a clip's media is."""
        media = clip.media_reference
        if media is not None and media.available_range is not None:
            return seconds(media.available_range.duration)
        if (nested := self._opened(media, folder)) is not None:
            return self.length(nested[0].tracks, nested[1], (*within, clip.name))
        found = self._length(media, folder)
        if found is None:
            raise BadInput(
                f"{clip.name or 'a clip'} in it has no length, and its media cannot be read: give it a source range, or its media"
            )
        return found


def recorded(track: Any) -> Fraction | None:
    """Where on the record tape a track begins, in seconds, as OTIO's EDL adapter writes it down; None of any other track.

    It gives a track a source range that begins at minus the record time (`cmx_3600.py`, `add_clip`), which trims nothing.
    """
    if not isinstance(track, otio.schema.Track) or track.source_range is None:
        return None
    start = seconds(track.source_range.start_time)
    return -start if start < 0 and start + seconds(track.source_range.duration) <= 0 else None


def _speed(item: Any) -> tuple[Fraction, str]:
    """How fast an item plays its media, by all its effects together, and why that cannot be known."""
    speed = Fraction(1)
    for effect in item.effects:
        if not getattr(effect, "enabled", True):
            continue
        if isinstance(effect, otio.schema.LinearTimeWarp):
            speed *= number(effect.time_scalar)
        elif isinstance(effect, otio.schema.TimeEffect) or _remaps(effect):
            kind = effect.effect_name or effect.name or effect.schema_name()
            return speed, (
                f"{item.name or 'a clip'} is retimed by {kind}, which OTIO says no speeds of: "
                "render it to a movie, or give it a constant speed"
            )
    return speed, ""


def _remaps(effect: Any) -> bool:
    held = getattr(effect, "metadata", {}).get("fcp_xml", {})
    return hasattr(held, "get") and held.get("effectid") == RETIMES


def _moved(shot: Shot, by: Fraction) -> Shot:
    return replace(shot, start=shot.start + by, end=shot.end + by) if by else shot


def _retimed(shots: Sequence[Shot], start: Fraction, length: Fraction, speed: Fraction) -> list[Shot]:
    """What is seen in `length` seconds that play `shots` from `start` on at a speed; backwards, the same stretch from its end."""
    if not speed:
        return [
            replace(
                shot, start=Fraction(0), end=length, at=shot.at + (start - shot.start) * shot.slope, slope=Fraction(0)
            )
            for shot in shots
            if shot.start <= start < shot.end
        ]
    end = start + length * abs(speed)
    parts = [
        shot.cut(max(shot.start, start), min(shot.end, end)) for shot in shots if shot.start < end and shot.end > start
    ]
    if speed == 1:
        return [_moved(part, -start) for part in parts]
    if speed > 0:
        return [
            replace(part, start=(part.start - start) / speed, end=(part.end - start) / speed, slope=part.slope * speed)
            for part in parts
        ]
    return [
        replace(
            part,
            start=(end - part.end) / -speed,
            end=(end - part.start) / -speed,
            at=part.at + (part.end - part.start) * part.slope,
            slope=part.slope * speed,
        )
        for part in reversed(parts)
    ]


def _uncovered(lower: Sequence[Shot], upper: Sequence[Shot]) -> Iterator[Shot]:
    """What is still seen of the lower shots; both are in order of their start."""
    over = [shot for shot in upper if shot.covers]
    first = 0
    for shot in lower:
        while first < len(over) and over[first].end <= shot.start:
            first += 1
        at, index = shot.start, first
        while index < len(over) and over[index].start < shot.end:
            if over[index].start > at:
                yield shot.cut(at, over[index].start)
            at = max(at, over[index].end)
            index += 1
        if at < shot.end:
            yield shot.cut(at, shot.end)
