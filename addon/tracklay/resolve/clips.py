"""The clips of a Resolve timeline's picture: what each one plays, or why only Resolve itself can show it.

Sources of the facts: Blackmagic's README; for what the numbers really are, measurements on Studio 21 (docs/resolve.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .calls import call_if_present

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fusionscript import MediaPoolItem, Timeline, TimelineItem

    from .timeline_clock import TimelineClock

UNTOUCHED = {
    **dict.fromkeys(("Pan", "Tilt", "RotationAngle", "AnchorPointX", "AnchorPointY", "Pitch", "Yaw"), 0.0),
    **dict.fromkeys(("CropLeft", "CropRight", "CropTop", "CropBottom", "Distortion"), 0.0),
    **dict.fromkeys(("ZoomX", "ZoomY"), 1.0),
    "Opacity": 100.0,
    "CompositeMode": 0.0,
}
"""Properties of a clip that change its picture, with the values at which they do not."""

SPEED_STEP = Fraction(1, 10_000)
"""The steps of Resolve's speeds: a hundredth of a percent."""

OWN_KINDS = {
    "compound": "a compound clip",
    "fusion": "a Fusion clip",
    "generator": "a generator or a title",
    "timeline": "a nested timeline",
    "multicam": "a multicam clip",
    "adjustment": "an adjustment clip",
}
"""Words in a clip's `Type` that name a picture without a file, and how a message calls each."""


NO_MEDIA = "it is a generator, a title or a Fusion composition"


@dataclass(frozen=True, slots=True)
class ResolveClip:
    """A clip of the picture.

    Attributes:
        item_id: Resolve's id of it.
        name: its name on the timeline.
        start: its first frame, from timecode zero; exact, it may begin between frames.
        end: the frame after its last.
        file: its media file, or the pattern of an image sequence; None for a picture without a file.
        source_start: the frame of the file that plays first.
        speed: how fast it plays; below 0 backwards, 0 for a freeze.
        source_rate: the frame rate that Resolve assumes for the file, as text.
        unreadable: why the file does not show what plays, as the end of a sentence; empty if it does.
        is_offline: the media is offline: Resolve cannot show it either.
        is_overlay: it has no media at all (a title, a generator): most of these hide nothing.
    """

    item_id: str
    name: str
    start: Fraction
    end: Fraction
    file: Path | None
    source_start: int = 0
    speed: Fraction = Fraction(1)
    source_rate: str = ""
    unreadable: str = ""
    is_offline: bool = False
    is_overlay: bool = False


def read_track_clips(timeline: Timeline, clock: TimelineClock, index: int) -> list[ResolveClip]:
    """Return the enabled clips of a video track, in order, without its transitions."""
    items = [item for item in timeline.GetItemListInTrack("video", index) or [] if item is not None]
    clips = [read_clip(item, clock) for item in items if item.GetClipEnabled() is not False and not is_transition(item)]
    return sorted(clips, key=lambda clip: clip.start)


def is_transition(item: TimelineItem) -> bool:
    """Return True for a transition, which Resolve lists among the clips: it has neither media nor properties."""
    kind = call_if_present(item, "GetType")  # since 21.1
    if kind is not None:
        return "transition" in str(kind).lower()
    return not item.GetMediaPoolItem() and not read_all(item.GetProperty)


def read_clip(item: TimelineItem, clock: TimelineClock) -> ResolveClip:
    """Return what an item of a video track plays."""
    item_id, name = str(item.GetUniqueId()), str(item.GetName() or "clip")
    start, end = frame_position(item.GetStart(True)), frame_position(item.GetEnd(True))  # noqa: FBT003 - Resolve's own parameter
    media = item.GetMediaPoolItem()
    if not media:
        return ResolveClip(item_id, name, start, end, None, unreadable=NO_MEDIA, is_overlay=True)
    facts = _clip_facts(media)
    kind = facts.get("Type", "").lower()
    file = facts.get("File Path", "")
    if not file:
        known = next((title for word, title in OWN_KINDS.items() if word in kind), "a clip without a file")
        return ResolveClip(item_id, name, start, end, None, unreadable=f"it is {known}")
    if facts.get("Online Status", "").lower() == "offline":
        return ResolveClip(item_id, name, start, end, Path(file), is_offline=True)
    speed, unreadable = _read_speed(item, end - start, clock)
    source_start = _source_start(item)
    return ResolveClip(
        item_id,
        name,
        start,
        end,
        Path(file),
        source_start or 0,
        speed,
        facts.get("FPS", ""),
        _changed_by(item) or unreadable or ("Resolve does not state which frames play" if source_start is None else ""),
    )


def frame_position(value: Any) -> Fraction:
    """Return a frame that Resolve states as a whole number or as a float, exact to a hundred-thousandth of a frame."""
    return Fraction(value).limit_denominator(100_000)


def read_all(method: Callable[..., Any]) -> Any:
    """Return what a method returns for no name, which is everything. The README makes the name optional, the stubs do not."""
    return method()


def _clip_facts(media: MediaPoolItem) -> dict[str, str]:
    found: Any = read_all(media.GetClipProperty)
    facts: Mapping[str, Any] = found if isinstance(found, dict) else {}
    return {str(key): str(value) for key, value in facts.items()}


def _source_start(item: TimelineItem) -> int | None:
    """Return the first source frame; None if it is not known. After an import of XML, start and end are 0."""
    start, end = item.GetSourceStartFrame(), item.GetSourceEndFrame()
    if start is None or end is None or (start == end == 0 and item.GetDuration(False) > 1):  # noqa: FBT003
        return None
    return int(start)


def _read_speed(item: TimelineItem, frames: Fraction, clock: TimelineClock) -> tuple[Fraction, str]:
    """Return a clip's speed, and why it cannot be read.

    Since 21.1 `GetSpeed` states it. A ramp has a speed as well, which then differs from that of the whole. Before, only the whole is
    known: at 100 % no retime shows the same frames, at any other it may be a constant speed or a ramp.
    """
    overall = _overall_speed(item, frames, clock)
    stated = call_if_present(item, "GetSpeed")
    percentage = stated.get("Percentage") if isinstance(stated, dict) else None
    if percentage is not None:
        speed = Fraction(str(percentage)) / 100
        if overall is not None and not _is_close(abs(speed), abs(overall), frames):
            return speed, "its speed changes within the clip"
        # The direction is in the source frames: backwards, the first is after the last.
        return (-abs(speed) if overall is not None and overall < 0 else speed), ""
    if overall is None:
        return Fraction(1), ""
    if _is_close(overall, Fraction(1), frames):
        return Fraction(1), ""
    return (
        overall,
        f"it plays at {float(overall * 100):.4g} %, and Resolve before 21.1 does not state whether that changes within the clip",
    )


def _overall_speed(item: TimelineItem, frames: Fraction, clock: TimelineClock) -> Fraction | None:
    """Return the source seconds per second of the whole clip, in Resolve's steps; None if it is not known.

    From times, whose difference is right where frames are not: the last frame is counted inclusively or exclusively, by the rates.
    """
    begin, end = item.GetSourceStartTime(), item.GetSourceEndTime()
    if begin is None or end is None or begin == end == 0:
        return None
    seconds = clock.rate.seconds(frames)
    return round(Fraction(end - begin) / seconds / SPEED_STEP) * SPEED_STEP


def _is_close(speed: Fraction, other: Fraction, frames: Fraction) -> bool:
    """Return True if two speeds end a clip within a frame and a half of each other: Resolve's times are off by up to a frame."""
    return abs(speed - other) * frames <= Fraction(3, 2)


def _changed_by(item: TimelineItem) -> str:
    """Return what changes the clip's picture, as the end of a sentence; empty if nothing does."""
    if (item.GetFusionCompCount() or 0) > 0:
        return "it has a Fusion composition"
    properties: Any = read_all(item.GetProperty)
    if not isinstance(properties, dict):
        return ""
    for name, neutral in UNTOUCHED.items():
        try:
            value = float(properties.get(name, neutral))
        except (TypeError, ValueError):
            continue
        if value != neutral:
            return f"its {name} is {value:g}"
    return ""
