"""Reads what plays on the timeline: which strips are meant, their spans, and where in their files they are on each frame.

Laying is another file's. Strips are Blender's and not kept: what is kept is a `CueSource`, which finds its strip again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...cue import EditorRender, Picture
from ...errors import InvalidInput, TracklayError
from ...timing import Rate, Span, TimeMap
from . import compat, occlusion
from .occlusion import StripExtent
from .strip_source import (
    PICTURE_TYPES,
    REASON_RENDER_CHOSEN,
    SequenceContext,
    check_source_file,
    contributing_strips,
    join_reasons,
    read_picture_from_file,
    source_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

AUTOMATIC, FROM_FILE, RENDER = "AUTO", "FILE", "RENDER"
"""What a person can wish: the fast way wherever it shows what plays, always, or never."""

FILE_STRIP_TYPES = frozenset({"MOVIE", "IMAGE"})
"""Types of strips that have a file of their own, by which they are known."""


@dataclass(frozen=True, slots=True)
class StripLevel:
    """One level of the sequence: the timeline itself, or the inside of a meta strip. It lives as long as one call."""

    strips: Any
    channels: Any


@dataclass(frozen=True, slots=True)
class CueSource:
    """A span of a strip's picture, in plain data: outlives undo, and finds its strip again by name, file and content.

    `content_start` is where the strip's content began when the spot was made, so that a strip that moved is followed; `strip_type` is the
    strip's type.
    """

    scene_uid: int
    strip_name: str
    span: Span
    picture: Picture
    content_start: Fraction
    strip_type: str = "MOVIE"


def scene_rate(scene: Any) -> Rate:
    """The scene's frame rate."""
    return Rate.from_blender(scene.render.fps, scene.render.fps_base)


def iter_levels(scene: Any) -> Iterator[StripLevel]:
    """The sequence's levels, outermost first."""
    editor = scene.sequence_editor
    waiting = [] if editor is None else [editor]
    while waiting:
        owner = waiting.pop(0)
        yield StripLevel(owner.strips, owner.channels)
        waiting += [strip for strip in owner.strips if strip.type == "META"]


def active_level(scene: Any) -> StripLevel | None:
    """The level that the person is in."""
    editor = scene.sequence_editor
    if editor is None:
        return None
    owner = editor.meta_stack[-1] if len(editor.meta_stack) else editor
    return StripLevel(owner.strips, owner.channels)


def selected_ranges(scene: Any) -> list[tuple[Any, int, int]]:
    """What a Generate is for: (strip, first frame, frames) of each selected strip with picture, in the timeline's order.

    Where no strip is selected: of what is on top within the preview range. An effect that is selected by itself is meant as what it
    shows.
    """
    level = active_level(scene)
    if level is None:
        return []
    chosen = compat.selected_strips(scene, level.strips)
    if chosen:
        meant = [strip for strip in chosen if strip.type in PICTURE_TYPES] or [
            strip for strip in chosen if strip.type in compat.EFFECT_TYPES
        ]
        return sorted(compat.strip_spans(meant), key=lambda each: (each[1], each[0].channel))
    if scene.use_preview_range:
        return list(topmost_ranges(level, scene.frame_preview_start, scene.frame_preview_end + 1))
    return []


def topmost_ranges(level: StripLevel, first: int, end: int) -> Iterator[tuple[Any, int, int]]:
    """What is seen from `first` to `end`: of each strip the parts that no other picture covers."""
    seen = compat.unmuted_strip_spans(level.strips, level.channels, PICTURE_TYPES, range(first, end))
    lying = [StripExtent(start, start + frames, strip.channel) for strip, start, frames in seen]
    for index, left, right in occlusion.topmost_spans(lying, first, end):
        yield seen[index][0], left, right - left


def spot_ranges(scene: Any, ranges: Sequence[tuple[Any, int, int]] | None = None) -> list[CueSource]:
    """The spots of ranges (strip, first frame, frames), by default of those that a Generate is for now.

    What must be rendered has no copy of the timeline yet: `copies` writes one when it is sent.

    Raises:
        BadInput: nothing is selected, a file is gone, or a strip plays in a way that its file alone does not show, and the person
            wants no render.
    """
    chosen, level = selected_ranges(scene) if ranges is None else ranges, active_level(scene)
    if not chosen or level is None:
        raise InvalidInput(
            "nothing with picture is selected: select a movie strip, or set a preview range over one and select nothing"
        )
    timeline = gather_sequence_context(scene, level, chosen)
    return [spot_strip(timeline, strip, first, frames) for strip, first, frames in chosen]


def gather_sequence_context(scene: Any, level: StripLevel, ranges: Sequence[tuple[Any, int, int]]) -> SequenceContext:
    """What is known of a level beside the strips of these ranges (strip, first frame, frames)."""
    first = min((first for _, first, _ in ranges), default=0)
    end = max((first + frames for _, first, frames in ranges), default=0)
    return SequenceContext.from_scene(scene, level.strips, range(first, end))


def spot_strip(context: SequenceContext, strip: Any, first: int, frames: int) -> CueSource:
    """The spot of a strip's frames.

    Raises:
        BadInput: as `spot_ranges`.
    """
    scene, span = context.scene, Span(first, frames, context.rate)
    settings = getattr(scene, "tracklay", None)  # where no add-on is registered, there are none
    picture = read_picture(context, strip, span, AUTOMATIC if settings is None else settings.picture)
    return CueSource(scene.session_uid, strip.name, span, picture, compat.content_start(strip), strip.type)


def read_picture(context: SequenceContext, strip: Any, span: Span, mode: str) -> Picture:
    """What plays of a strip in a span, read from its file or to be rendered, as it must be and the person wishes.

    Raises:
        BadInput: a file is gone, or the person wants no render where nothing else shows it.
    """
    if trouble := unreadable_reason(strip):
        raise InvalidInput(trouble)
    read, hindrances = read_picture_from_file(context, strip, span)
    against = hindrances if mode == AUTOMATIC else [each for each in hindrances if each.affects_timing]
    if read is not None and mode != RENDER and not against:
        check_source_file(strip, read.source / read.images[0] if read.images else read.source)
        return read
    why = REASON_RENDER_CHOSEN if mode == RENDER else join_reasons(hindrances)
    if mode == FROM_FILE:
        why = join_reasons(against)
        raise InvalidInput(f"{strip.name} is not in its file as it plays, for {why}: set Picture to Automatic")
    for each in contributing_strips(context, strip):
        if trouble := unreadable_reason(each):
            raise InvalidInput(trouble)
        if each.type in FILE_STRIP_TYPES:
            check_source_file(
                each, source_path(each) / each.elements[0].filename if each.type == "IMAGE" else source_path(each)
            )
    return Picture(
        source_path(strip) if strip.type in FILE_STRIP_TYPES else Path(bpy.path.clean_name(strip.name)),
        TimeMap.linear(span, span.start_seconds),
        rate=span.rate,
        render=EditorRender(
            compat.blender_script_command(), context.scene.name, strip.name, script=compat.RENDER_SCRIPT
        ),
        reason=why,
    )


def unreadable_reason(strip: Any) -> str:
    """Why nothing can be seen of a strip, and the mend, in a sentence; nothing where it can. Reads no file."""
    if strip.type == "MOVIE" and not (strip.elements and strip.elements[0].orig_fps > 0):
        return f"{strip.name} has a file that Blender could not open: choose it again in the strip's Source panel"
    return ""


def find_strip(scene: Any, spot: CueSource) -> tuple[StripLevel, Any]:
    """The strip of a spot, wherever it has moved since, and its level.

    It is the one of that name, type and file; after a new name, the only one of that file whose content begins where it did.

    Raises:
        TracklayError: it has gone.
    """
    named = scene.sequence_editor.strips_all.get(spot.strip_name) if scene.sequence_editor else None
    if named is not None and _matches_spot(named, spot):
        return find_level(scene, named), named
    unmoved = [
        (level, strip)
        for level in iter_levels(scene)
        for strip in level.strips
        if _matches_spot(strip, spot)
        and strip.type in FILE_STRIP_TYPES
        and compat.content_start(strip) == spot.content_start
    ]
    if len(unmoved) == 1:
        return unmoved[0]
    raise TracklayError(f"{spot.strip_name} is no longer on the timeline")


def find_level(scene: Any, strip: Any) -> StripLevel:
    """The level that a strip is on."""
    owner = strip.parent_meta() or scene.sequence_editor
    return StripLevel(owner.strips, owner.channels)


def _matches_spot(strip: Any, spot: CueSource) -> bool:
    return strip.type == spot.strip_type and (
        strip.type not in FILE_STRIP_TYPES or source_path(strip) == spot.picture.source
    )
