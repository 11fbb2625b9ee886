"""What a whole film's cues are: every picture that is seen in the scene's range, or the strips that are named.

Spots are made of them one by one: a strip that cannot be read costs its own cue and no other.
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
"""Ways of blending in which a strip without alpha hides what is below it."""

StripRange = tuple[Any, int, int]
"""A strip, its first frame, and how many frames of it are meant."""


@dataclass(frozen=True, slots=True)
class UnreadableStrip:
    """A strip whose picture cannot be read, its frames that are meant, and why."""

    strip: str
    span: Span
    error: TracklayError


def find_cue_ranges(
    scene: Any, names: Sequence[str] = (), first: int | None = None, end: int | None = None
) -> list[StripRange]:
    """The strips of a film's cues in the timeline's order, each whole; with `first` or `strip_end`, the frames of it between them.

    A strip is seen that is not muted, lies in the scene's frame range, and is not hidden for all of its length by others above it.
    Strips that are named are meant wherever they are; of a marker that is named, what is seen there. Only the timeline itself
    counts: a meta strip is one picture.

    Raises:
        BadInput: there is no such strip or marker, or nothing is seen.
    """
    level = next(selection.iter_levels(scene), None)
    begin = scene.frame_start if first is None else first
    stop = scene.frame_end + 1 if end is None else end
    meant = _strips_by_name(scene, level, names) if names else _visible_strips(level, begin, stop)
    found = []
    for strip in sorted(meant, key=lambda strip: (compat.strip_start(strip), strip.channel)):
        left = compat.strip_start(strip) if first is None else max(compat.strip_start(strip), first)
        right = compat.strip_end(strip) if end is None else min(compat.strip_end(strip), end)
        if left < right:
            found.append((strip, left, right - left))
    if not found:
        raise InvalidInput(
            f"no strip with picture is seen in {scene.name} from frame {begin} to {stop - 1}: add one, or choose another range"
        )
    return found


def _strips_by_name(scene: Any, level: StripLevel | None, names: Sequence[str]) -> list[Any]:
    """The strips that are called so, and those that are seen at markers that are called so."""
    here = [] if level is None else compat.strips_of_types(level.strips, strip_source.PICTURE_TYPES)
    markers = [marker for marker in scene.timeline_markers if marker.name in names]
    there = {strip.name for strip in here}
    if unknown := set(names) - there - {marker.name for marker in markers}:
        known = ", ".join(sorted(there)) or "none at all"
        raise InvalidInput(
            f"{scene.name} has no strip with picture and no marker called {', '.join(sorted(unknown))}: its strips are {known}"
        )
    frames = {marker.frame for marker in markers}
    at_markers = {strip.name for frame in frames for strip in _visible_strips(level, frame, frame + 1)}
    return [strip for strip in here if strip.name in names or strip.name in at_markers]


def _visible_strips(level: StripLevel | None, first: int, end: int) -> list[Any]:
    """The strips with picture that are seen anywhere from frame `first` to `strip_end`."""
    if level is None:
        return []
    playing = compat.unmuted_strip_spans(level.strips, level.channels, strip_source.PICTURE_TYPES, range(first, end))
    lying = [StripExtent(start, start + frames, strip.channel, _is_opaque(strip)) for strip, start, frames in playing]
    return [playing[index][0] for index in occlusion.visible_indices(lying, first, end)]


def _is_opaque(strip: Any) -> bool:
    """Whether nothing below a strip is seen. A still may be a title or a logo: it hides nothing."""
    if strip.type == "IMAGE" and len(strip.elements) == 1:
        return False
    if strip.blend_type not in OPAQUE_BLEND_TYPES or strip.blend_alpha < 1:
        return False
    form, crop = strip.transform, strip.crop
    moved = form.offset_x or form.offset_y or form.rotation or form.scale_x < 1 or form.scale_y < 1
    return not (moved or crop.min_x or crop.max_x or crop.min_y or crop.max_y)


def try_spot_ranges(scene: Any, strip_ranges: Iterable[StripRange]) -> list[CueSource | UnreadableStrip]:
    """The spot of each range, or why there is none."""
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
