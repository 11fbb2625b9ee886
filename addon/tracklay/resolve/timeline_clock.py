"""The clock of a Resolve timeline: its exact frame rate, how it counts timecode, and the frame that it starts on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..timing import Rate, TimeError, parse_time

if TYPE_CHECKING:
    from fusionscript import Timeline

DROP_FRAME_SUFFIX = "DF"
"""The end of a `timelineFrameRate` that counts in drop-frame: `29.97 DF`."""


@dataclass(frozen=True, slots=True)
class TimelineClock:
    """The clock of a timeline. `start` is its first frame, counted from timecode zero as all frames that Resolve returns."""

    rate: Rate
    drop_frame: bool | None
    start: int


def read_clock(timeline: Timeline) -> TimelineClock:
    """Return the clock of a timeline.

    Raises:
        InvalidInput: its settings contradict each other: drop-frame at a rate without it, or a start that is no timecode.
    """
    text = str(timeline.GetSetting("timelineFrameRate") or "").strip()
    has_suffix = text.upper().endswith(DROP_FRAME_SUFFIX)
    number = text[: -len(DROP_FRAME_SUFFIX)] if has_suffix else text
    try:
        rate = Rate.from_value(number)
    except TimeError:
        raise InvalidInput(
            "resolve.invalid_rate",
            "The timeline {timeline} has no frame rate that can be read: {rate!r}. Set one in its settings.",
            timeline=timeline.GetName(),
            rate=text,
        ) from None
    start_timecode = str(timeline.GetStartTimecode() or "")
    is_drop = has_suffix or str(timeline.GetSetting("timelineDropFrameTimecode")) == "1" or ";" in start_timecode
    if is_drop and not rate.has_drop_frame:
        raise InvalidInput(
            "resolve.no_drop_frame",
            "The timeline {timeline} counts drop-frame timecode at {rate} frames per second, which does not exist. Switch drop-frame off "
            "in its settings.",
            timeline=timeline.GetName(),
            rate=number.strip(),
        )
    return TimelineClock(
        rate, is_drop if rate.has_drop_frame else None, _first_frame(timeline, rate, start_timecode, is_drop)
    )


def _first_frame(timeline: Timeline, rate: Rate, start_timecode: str, is_drop: bool) -> int:  # noqa: FBT001
    """Return the first frame: what the timeline states, else that of its start timecode."""
    stated = timeline.GetStartFrame()
    if isinstance(stated, int | float):
        return round(stated)
    try:
        return parse_time(start_timecode.replace(":", ";") if is_drop else start_timecode, rate)
    except TimeError as error:
        raise InvalidInput(
            "resolve.invalid_start",
            "The timeline {timeline} has no start that can be read: {error}",
            timeline=timeline.GetName(),
            error=error,
        ) from None
