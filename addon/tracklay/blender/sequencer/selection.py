"""Turns the selection into spots: which strips, which frames, and what plays on them.

Strips are never kept, because undo makes them invalid. A `CueSource` is kept instead, which finds its strip again.
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
    check_picture_files,
    check_source_file,
    contributing_strips,
    file_blockers,
    join_reasons,
    read_picture_from_file,
    source_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

AUTOMATIC, FROM_FILE, RENDER = "AUTO", "FILE", "RENDER"
"""Values of the scene's *Picture* setting: read the file where it shows what plays, always read it, or always render."""

FILE_STRIP_TYPES = frozenset({"MOVIE", "IMAGE"})
"""Types of strips with a source file, by which they can be identified."""


@dataclass(frozen=True, slots=True)
class StripLevel:
    """One level of the sequence: the timeline itself, or the inside of a meta strip. Valid during one call."""

    strips: Any
    channels: Any


@dataclass(frozen=True, slots=True)
class CueSource:
    """A span of a strip's picture as plain data: valid across undo, and able to find its strip again.

    Attributes:
        scene_uid: Blender's session id of the scene.
        strip_name: name of the strip.
        span: frames on the timeline.
        picture: what plays on them.
        content_start: timeline frame on which the strip's content began, to follow a strip that moves.
        strip_type: type of the strip.
    """

    scene_uid: int
    strip_name: str
    span: Span
    picture: Picture
    content_start: Fraction
    strip_type: str = "MOVIE"

    @property
    def is_joined(self) -> bool:
        """True for a range of the timeline: its picture is all that plays there, not one strip."""
        return bool(self.picture.pieces) or (self.picture.render is not None and self.picture.render.whole)


def scene_rate(scene: Any) -> Rate:
    """Return the scene's frame rate."""
    return Rate.from_blender(scene.render.fps, scene.render.fps_base)


def iter_levels(scene: Any) -> Iterator[StripLevel]:
    """Yield the levels of the sequence, outermost first."""
    editor = scene.sequence_editor
    waiting = [] if editor is None else [editor]
    while waiting:
        owner = waiting.pop(0)
        yield StripLevel(owner.strips, owner.channels)
        waiting += [strip for strip in owner.strips if strip.type == "META"]


def active_level(scene: Any) -> StripLevel | None:
    """Return the level that the user has open; None if the scene has no sequence."""
    editor = scene.sequence_editor
    if editor is None:
        return None
    owner = editor.meta_stack[-1] if len(editor.meta_stack) else editor
    return StripLevel(owner.strips, owner.channels)


def selected_ranges(scene: Any) -> list[tuple[Any, int, int]]:
    """Return (strip, first frame, number of frames) of each selected strip with a picture, in timeline order.

    If none is selected, return the visible parts of strips in the preview range: a selected sound does not hide it.
    """
    level = active_level(scene)
    if level is None:
        return []
    if pictures := selected_pictures(scene, level):
        return sorted(compat.strip_spans(pictures), key=lambda each: (each[1], each[0].channel))
    if scene.use_preview_range:
        return list(topmost_ranges(level, scene.frame_preview_start, scene.frame_preview_end + 1))
    return []


def selected_pictures(scene: Any, level: StripLevel) -> list[Any]:
    """Return the selected strips with a picture.

    Effects count only if nothing but effects (and sounds) is selected: with its inputs, the same picture would count twice.
    """
    chosen = compat.selected_strips(scene, level.strips)
    return [strip for strip in chosen if strip.type in PICTURE_TYPES] or [
        strip for strip in chosen if strip.type in compat.EFFECT_TYPES
    ]


def topmost_ranges(level: StripLevel, first: int, end: int) -> Iterator[tuple[Any, int, int]]:
    """Yield (strip, first frame, number of frames) of the parts that no other picture covers, from `first` to before `end`."""
    return topmost_of(
        compat.unmuted_strip_spans(level.strips, level.channels, PICTURE_TYPES, range(first, end)), first, end
    )


def topmost_of(unmuted: Sequence[tuple[Any, int, int]], first: int, end: int) -> Iterator[tuple[Any, int, int]]:
    """Yield the parts of strips (strip, first frame, number of frames) that none of the others covers."""
    extents = [StripExtent(start, start + frames, strip.channel) for strip, start, frames in unmuted]
    for index, left, right in occlusion.topmost_spans(extents, first, end):
        yield unmuted[index][0], left, right - left


def spot_ranges(scene: Any, ranges: Sequence[tuple[Any, int, int]] | None = None) -> list[CueSource]:
    """Return the spots of ranges (strip, first frame, number of frames), by default of `selected_ranges`.

    Pictures that must be rendered have no copy of the timeline yet; `timeline_copy` writes it when the job is submitted.

    Raises:
        InvalidInput: nothing is selected, a file is missing, or the file alone does not show what plays and rendering is turned off.
    """
    chosen, level = selected_ranges(scene) if ranges is None else ranges, active_level(scene)
    if not chosen or level is None:
        raise InvalidInput(
            "selection.no_picture",
            "No video strip selected. Select one, or clear the selection and set a preview range.",
        )
    timeline = gather_sequence_context(scene, level, chosen)
    return [spot_strip(timeline, strip, first, frames) for strip, first, frames in chosen]


def gather_sequence_context(scene: Any, level: StripLevel, ranges: Sequence[tuple[Any, int, int]]) -> SequenceContext:
    """Return the context for reading these ranges (strip, first frame, number of frames) of a level."""
    first = min((first for _, first, _ in ranges), default=0)
    end = max((first + frames for _, first, frames in ranges), default=0)
    return SequenceContext.from_scene(scene, level.strips, range(first, end))


def spot_strip(context: SequenceContext, strip: Any, first: int, frames: int) -> CueSource:
    """Return the spot of a strip's frames.

    Raises:
        InvalidInput: as `spot_ranges`.
    """
    scene, span = context.scene, Span(first, frames, context.rate)
    settings = getattr(scene, "tracklay", None)  # a headless process has not registered the extension
    picture = read_picture(context, strip, span, AUTOMATIC if settings is None else settings.picture)
    return CueSource(scene.session_uid, strip.name, span, picture, compat.content_start(strip), strip.type)


def read_picture(context: SequenceContext, strip: Any, span: Span, mode: str) -> Picture:
    """Return what plays of a strip in a span: read from its file if that shows it, else rendered.

    Args:
        context: the strip's surroundings.
        strip: the strip.
        span: frames on the timeline.
        mode: `AUTOMATIC`, `FROM_FILE` (differences in appearance are accepted, differences in timing are not) or `RENDER`.

    Raises:
        InvalidInput: a file is missing, or `mode` is `FROM_FILE` and the file alone does not show what plays.
    """
    if error := unreadable_error(strip):
        raise error
    read, blockers = read_picture_from_file(context, strip, span)
    if read is not None:
        blockers = [*blockers, *file_blockers(read)]
    relevant = blockers if mode == AUTOMATIC else [each for each in blockers if each.affects_timing]
    if read is not None and mode != RENDER and not relevant:
        check_picture_files(strip, read, span)
        return read
    if mode == FROM_FILE:
        raise InvalidInput(
            "strip.needs_render",
            "The file of {strip} does not show what plays: {reason}.",
            strip=strip.name,
            reason=join_reasons(relevant),
        )
    # Every file that contributes to the render is checked now, so that the error names the strip instead of ending a long render.
    for each in contributing_strips(context, strip):
        if error := unreadable_error(each):
            raise error
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
        reason=REASON_RENDER_CHOSEN if mode == RENDER else join_reasons(blockers),
    )


def unreadable_error(strip: Any) -> InvalidInput | None:
    """Return the error of a strip whose file Blender could not open; None if it could. Reads no file."""
    # Blender knows the size and rate of a movie only after it has opened it.
    if strip.type == "MOVIE" and not (strip.elements and strip.elements[0].orig_fps > 0):
        return InvalidInput("strip.file_not_opened", "Blender cannot open the file of {strip}.", strip=strip.name)
    return None


def find_strip(scene: Any, spot: CueSource) -> tuple[StripLevel, Any]:
    """Return the level and the strip of a spot, even if the strip has moved or was renamed since.

    It is the strip of that name, type and file; after renaming, the only one of that file whose content begins on the same frame.

    Raises:
        TracklayError: it was removed.
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
    raise TracklayError("strip.removed", "{strip} is no longer on the timeline.", strip=spot.strip_name)


def find_level(scene: Any, strip: Any) -> StripLevel:
    """Return the level of a strip."""
    owner = strip.parent_meta() or scene.sequence_editor
    return StripLevel(owner.strips, owner.channels)


def _matches_spot(strip: Any, spot: CueSource) -> bool:
    return strip.type == spot.strip_type and (
        strip.type not in FILE_STRIP_TYPES or source_path(strip) == spot.picture.source
    )
