"""The cues of a whole scene: every visible picture strip in the scene's frame range, or the strips that are named.

Each strip is read separately: one that cannot be read costs its own cue only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInput, TracklayError
from ...timing import Span
from . import compat, occlusion, selection, strip_source
from .occlusion import StripExtent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .selection import CueSource, StripLevel

OPAQUE_BLEND_TYPES = frozenset({"REPLACE", "CROSS", "ALPHA_OVER"})
"""Blend types in which an opaque strip hides what is below it."""

StripRange = tuple[Any, int, int]
"""A strip, the first of its frames that count, and their number."""


@dataclass(frozen=True, slots=True)
class UnreadableStrip:
    """A strip whose picture cannot be read: its name, the frames that were requested, and the error."""

    strip: str
    span: Span
    error: TracklayError


def find_cue_ranges(
    scene: Any,
    names: Sequence[str] = (),
    first: int | None = None,
    end: int | None = None,
    *,
    shown: tuple[int, int] | None = None,
) -> list[StripRange]:
    """Return the strips of a scene's cues in timeline order, each with all its frames.

    A strip is visible if it is unmuted, overlaps the scene's frame range, and is not covered over its whole length. Only the timeline
    itself counts: a meta strip is one picture.

    Args:
        scene: the scene.
        names: names of strips, visible or not, and of markers, which stand for the strips visible there; by default all visible strips.
        first: first timeline frame; strips are cut at it.
        end: first frame after the range; strips are cut at it.
        shown: first and last frame that count instead of the scene's; strips are not cut at them.

    Raises:
        InvalidInput: there is no such strip or marker, or no strip is visible.
    """
    level = next(selection.iter_levels(scene), None)
    begin, last = shown or (scene.frame_start, scene.frame_end)
    begin, stop = begin if first is None else first, last + 1 if end is None else end
    strips = _strips_by_name(scene, level, names) if names else _visible_strips(level, begin, stop)
    found = []
    for strip in sorted(strips, key=lambda strip: (compat.strip_start(strip), strip.channel)):
        left = compat.strip_start(strip) if first is None else max(compat.strip_start(strip), first)
        right = compat.strip_end(strip) if end is None else min(compat.strip_end(strip), end)
        if left < right:
            found.append((strip, left, right - left))
    if not found:
        raise InvalidInput(
            "scene.no_picture",
            "No visible video strip in {scene} from frame {first} to {last}.",
            scene=scene.name,
            first=begin,
            last=stop - 1,
        )
    return found


def _strips_by_name(scene: Any, level: StripLevel | None, names: Sequence[str]) -> list[Any]:
    """Return the strips with these names, and those visible at markers with these names."""
    here = [] if level is None else compat.strips_of_types(level.strips, strip_source.PICTURE_TYPES)
    markers = [marker for marker in scene.timeline_markers if marker.name in names]
    there = {strip.name for strip in here}
    if unknown := set(names) - there - {marker.name for marker in markers}:
        raise InvalidInput(
            "scene.unknown_name",
            "No video strip or marker named {names} in {scene}. Video strips: {known}.",
            names=", ".join(sorted(unknown)),
            scene=scene.name,
            known=", ".join(sorted(there)) or "none",
        )
    frames = {marker.frame for marker in markers}
    at_markers = {strip.name for frame in frames for strip in _visible_strips(level, frame, frame + 1)}
    return [strip for strip in here if strip.name in names or strip.name in at_markers]


def _visible_strips(level: StripLevel | None, first: int, end: int) -> list[Any]:
    """Return the picture strips that are visible anywhere from frame `first` to before `end`."""
    if level is None:
        return []
    playing = compat.unmuted_strip_spans(level.strips, level.channels, strip_source.PICTURE_TYPES, range(first, end))
    extents = [StripExtent(start, start + frames, strip.channel, is_opaque(strip)) for strip, start, frames in playing]
    return [playing[index][0] for index in occlusion.visible_indices(extents, first, end)]


def is_opaque(strip: Any) -> bool:
    """Return whether a strip hides everything below it. A still image may be a title or a logo with alpha, so it never does."""
    if strip.type == "IMAGE" and len(strip.elements) == 1:
        return False
    if strip.blend_type not in OPAQUE_BLEND_TYPES or strip.blend_alpha < 1:
        return False
    form, crop = strip.transform, strip.crop
    moved = form.offset_x or form.offset_y or form.rotation or form.scale_x < 1 or form.scale_y < 1
    return not (moved or crop.min_x or crop.max_x or crop.min_y or crop.max_y)


def try_spot_ranges(scene: Any, strip_ranges: Iterable[StripRange]) -> list[CueSource | UnreadableStrip]:
    """Return the spot of each range, or the error."""
    level = next(selection.iter_levels(scene), None)
    if level is None:
        return []
    ranges = list(strip_ranges)
    timeline = selection.gather_sequence_context(scene, level, ranges)
    return [_try_spot_strip(timeline, *each) for each in ranges]


def _try_spot_strip(
    context: strip_source.SequenceContext, strip: Any, first: int, frames: int
) -> CueSource | UnreadableStrip:
    try:
        return selection.spot_strip(context, strip, first, frames)
    except TracklayError as error:
        return UnreadableStrip(strip.name, Span(first, frames, context.rate), error)
