"""Finds how a timeline at 29.97 or 59.94 counts its timecode: in drop-frame, or every number.

OTIO stores frames and no notation. Exports of Final Cut Pro 7 XML keep it in the metadata that OTIO's adapter stores; those of DaVinci
Resolve (`Resolve_OTIO`), Premiere Pro (`PremierePro_OTIO`) and Avid (`AAF`) state none. But timelines begin at a whole hour or minute, and
at most one of the two notations makes their start one: 01:00:00;00 is frame 107,892 and 01:00:00:00 is frame 108,000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...timing import format_timecode, parse_time

if TYPE_CHECKING:
    from ...timing import Rate

_WHOLE_MINUTE = "00", "00"
"""Seconds and frames of a timecode at a whole minute."""


def find_drop_frame(timeline: Any, start_frame: int, rate: Rate) -> bool | None:
    """Return True if a timeline counts in drop-frame, False if it counts every number, None if nothing states it.

    Args:
        timeline: OTIO's timeline.
        start_frame: the frame of its start, from timecode zero.
        rate: its frame rate.
    """
    if not rate.has_drop_frame:
        return False
    if stated := _stated_format(timeline):
        return stated == "DF"
    dropping, counting = (_is_whole_minute(start_frame, rate, drop_frame=drop) for drop in (True, False))
    return None if dropping == counting else dropping


def correct_start_frame(timeline: Any, start_frame: int, rate: Rate) -> int:
    """Return the frame of a timeline's start, where its adapter read a drop-frame timecode with colons as one without drop-frame.

    The adapter of Final Cut Pro 7 XML does so where the file has no `frame` beside the `string` of its timecode.
    """
    is_misread = (
        rate.has_drop_frame
        and _stated_format(timeline) == "DF"
        and _is_whole_minute(start_frame, rate, drop_frame=False)
        and not _is_whole_minute(start_frame, rate, drop_frame=True)
    )
    if not is_misread:
        return start_frame
    written = format_timecode(start_frame, rate, drop_frame=False)
    minute = written.split(":")[1]
    # Drop-frame has no frame 0 at nine of ten minutes: such a start was not misread.
    return parse_time(written.replace(":", ";"), rate) if minute.endswith("0") else start_frame


def _stated_format(timeline: Any) -> str:
    """Return `DF` or `NDF` as Final Cut Pro 7 XML states it; empty if it does not."""
    found: Any = timeline.metadata
    for key in ("fcp_xml", "timecode", "displayformat"):
        found = found.get(key) if hasattr(found, "get") else None
    return found if found in ("DF", "NDF") else ""


def _is_whole_minute(frame: int, rate: Rate, *, drop_frame: bool) -> bool:
    if frame < 0:
        return False
    return tuple(format_timecode(frame, rate, drop_frame=drop_frame).replace(";", ":").split(":")[2:]) == _WHOLE_MINUTE
