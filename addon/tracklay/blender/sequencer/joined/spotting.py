"""Turns a range of the timeline into one spot, whose picture is all that plays there."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ....cue import EditorRender, Picture, PicturePiece
from ....errors import InvalidInput
from ....timing import Span, TimeMap
from .. import compat, scene_cues, selection
from ..selection import AUTOMATIC, FILE_STRIP_TYPES, FROM_FILE, CueSource
from ..strip_source import PICTURE_TYPES, source_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..scene_cues import StripRange
    from ..selection import StripLevel

REASON_JOINED = "its shots play straight from their files"
REASON_OVERLAID = "other strips are seen over its shots"


def joined_range(scene: Any, ranges: Sequence[StripRange]) -> StripRange | None:
    """Return what one cue over the selection covers: its first strip, first frame and number of frames.

    It is all frames from the first to the last selected strip, or the preview range. None if that is one strip: its own cue is the same.

    Args:
        scene: the scene.
        ranges: its `selection.selected_ranges`.
    """
    level = selection.active_level(scene)
    if not ranges or level is None:
        return None
    if selection.selected_pictures(scene, level):
        first, end = ranges[0][1], max(start + frames for _, start, frames in ranges)
    else:
        first, end = scene.frame_preview_start, scene.frame_preview_end + 1
    if len(ranges) == 1 and ranges[0][1:] == (first, end - first):
        return None
    return ranges[0][0], first, end - first


def spot_selection(scene: Any, *, as_one: bool) -> list[CueSource]:
    """Return the spots of the selection or the preview range: one for each strip, or with `as_one` a single one over all of it.

    Raises:
        InvalidInput: as `selection.spot_ranges`.
    """
    ranges = selection.selected_ranges(scene)
    joined = joined_range(scene, ranges) if as_one else None
    level = selection.active_level(scene)
    if joined is None or level is None:
        return selection.spot_ranges(scene, ranges)
    return [spot_range(scene, level, *joined[1:])]


def spot_range(scene: Any, level: StripLevel, first: int, frames: int) -> CueSource:
    """Return the spot of all that plays on some frames of a level. It is found again by its first visible strip.

    Raises:
        InvalidInput: nothing plays there, or as `selection.spot_ranges`.
    """
    span = Span(first, frames, selection.scene_rate(scene))
    parts = list(selection.topmost_ranges(level, first, first + frames))
    if not parts:
        raise InvalidInput(
            "selection.nothing_visible", "No video strip is visible in the range. Move it, or unmute one."
        )
    anchor = parts[0][0]
    settings = getattr(scene, "tracklay", None)  # a headless process has not registered the extension
    picture = _read_picture(scene, level, parts, span, AUTOMATIC if settings is None else settings.picture)
    source = source_path(anchor) if anchor.type in FILE_STRIP_TYPES else Path(bpy.path.clean_name(anchor.name))
    picture = replace(picture, source=source)
    return CueSource(scene.session_uid, anchor.name, span, picture, compat.content_start(anchor), anchor.type)


def _read_picture(scene: Any, level: StripLevel, parts: Sequence[StripRange], span: Span, mode: str) -> Picture:
    """Return the picture joined from the files of its strips if they show what plays, else Blender's render of all of it."""
    context = selection.gather_sequence_context(scene, level, parts)
    spans = [Span(first, frames, span.rate) for _, first, frames in parts]
    pictures = [
        selection.read_picture(context, part[0], inside, mode) for part, inside in zip(parts, spans, strict=True)
    ]
    rendered = [picture.reason for picture in pictures if picture.render is not None]
    if mode != FROM_FILE and _is_overlaid(level, span):
        rendered.append(REASON_OVERLAID)
    if not rendered:
        pieces = tuple(PicturePiece(*each) for each in zip(spans, pictures, strict=True))
        return Picture(Path(), TimeMap.linear(span, Fraction(0)), reason=REASON_JOINED, pieces=pieces)
    render = EditorRender(
        compat.blender_script_command(), scene.name, parts[0][0].name, script=compat.RENDER_SCRIPT, whole=True
    )
    reason = "; ".join(dict.fromkeys(rendered))
    return Picture(Path(), TimeMap.linear(span, span.start_seconds), rate=span.rate, render=render, reason=reason)


def _is_overlaid(level: StripLevel, span: Span) -> bool:
    """Return whether anything is seen over or through the topmost strips: titles, adjustment layers, strips that are not opaque."""
    frames = range(span.start, span.end)
    over = compat.unmuted_strip_spans(level.strips, level.channels, compat.seen_types() - PICTURE_TYPES, frames)
    shown = compat.unmuted_strip_spans(level.strips, level.channels, PICTURE_TYPES, frames)
    ordered = sorted(shown, key=lambda each: each[1])
    return bool(over) or any(
        not scene_cues.is_opaque(strip) and _overlaps_another(strip, first, frames_, ordered)
        for strip, first, frames_ in ordered
    )


def _overlaps_another(strip: Any, first: int, frames: int, shown: Sequence[StripRange]) -> bool:
    """Return whether a strip lies over another one."""
    return any(
        other != strip and other.channel < strip.channel and start < first + frames and start + length > first
        for other, start, length in shown
    )
