"""The selection in Resolve that sound is made for: the selected clips, the clip at the playhead, the in to out range, or everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..errors import InvalidInput
from .calls import call_if_present
from .clips import frame_position

if TYPE_CHECKING:
    from fractions import Fraction

    from fusionscript import Timeline, TimelineItem

    from .timeline_clock import TimelineClock
    from .visible_parts import VisiblePart

Scope = Literal["selected", "current", "range", "all"]
"""A way to choose clips. `selected` needs Resolve 21.0.4."""

SCOPES: tuple[Scope, ...] = get_args(Scope)


def select_parts(
    timeline: Timeline, clock: TimelineClock, parts: Sequence[VisiblePart], scope: Scope | None = None
) -> tuple[Scope, list[VisiblePart]]:
    """Return the parts that are chosen, and how: by `scope`, or by the first of selection, playhead and range that finds any.

    Generators and titles are chosen only by selecting them.

    Raises:
        InvalidInput: nothing is chosen.
    """
    for each in (scope,) if scope else SCOPES[:3]:
        if each in ("selected", "current"):
            ids = {str(item.GetUniqueId()) for item in _chosen_items(timeline, each)}
            found = [part for part in parts if part.clip.item_id in ids]
        elif (points := _range_points(timeline, clock, each)) is not None:
            trimmed = (part.trim(*points) for part in parts if not part.clip.is_overlay)
            found = [part for part in trimmed if part is not None]
        else:
            found = []
        if found:
            return each, found
    raise InvalidInput(
        "resolve.nothing_selected",
        "No clip with picture is selected in {timeline}. Select clips, move the playhead over one, or set an in and an out point.",
        timeline=timeline.GetName(),
    )


def _chosen_items(timeline: Timeline, scope: Scope) -> list[TimelineItem]:
    if scope == "current":
        return [item] if (item := timeline.GetCurrentVideoItem()) else []
    items = [item for item in call_if_present(timeline, "GetSelectedClips") or [] if item is not None]
    # Linked sound is selected with its picture.
    return [item for item in items if item.GetTrackTypeAndIndex()[0] == "video"]


def _range_points(timeline: Timeline, clock: TimelineClock, scope: Scope) -> tuple[Fraction, Fraction] | None:
    """Return the first frame of the range and the one after its last; None if no point is set."""
    if scope == "all":
        return frame_position(clock.start), frame_position(timeline.GetEndFrame())
    # Relative to the timeline's start. Without points the keys are missing.
    marks: Mapping[str, Any] = (timeline.GetMarkInOut() or {}).get("video") or {}
    if "in" not in marks and "out" not in marks:
        return None
    first = clock.start + marks.get("in", 0)
    end = clock.start + marks["out"] + 1 if "out" in marks else timeline.GetEndFrame()
    return frame_position(first), frame_position(end)
