"""Reads what plays on the timeline: which strips are meant, their spans, and where in their files they are on each frame.

Laying is another file's. Strips are Blender's and not kept: what is kept is a `Spot`, which finds its strip again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...cue import Picture, Render
from ...errors import BadInput, TracklayError
from ...timing import Rate, Span, TimeMap
from . import compat, occlusion
from .occlusion import Lying
from .strip_source import ASKED, PICTURES, Timeline, because, check_file, fast, made_of, source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

AUTOMATIC, FROM_FILE, RENDER = "AUTO", "FILE", "RENDER"
"""What a person can wish: the fast way wherever it shows what plays, always, or never."""

FILED = frozenset({"MOVIE", "IMAGE"})
"""Types of strips that have a file of their own, by which they are known."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the sequence: the timeline itself, or the inside of a meta strip. It lives as long as one call."""

    strips: Any
    channels: Any


@dataclass(frozen=True, slots=True)
class Spot:
    """A span of a strip's picture, in plain data: outlives undo, and finds its strip again by name, file and content.

    `content_start` is where the strip's content began when the spot was made, so that a strip that moved is followed; `kind` is the
    strip's type.
    """

    scene: int
    strip: str
    span: Span
    picture: Picture
    content_start: Fraction
    kind: str = "MOVIE"


def rate(scene: Any) -> Rate:
    """The scene's frame rate."""
    return Rate.of_blender(scene.render.fps, scene.render.fps_base)


def levels(scene: Any) -> Iterator[Level]:
    """The sequence's levels, outermost first."""
    editor = scene.sequence_editor
    waiting = [] if editor is None else [editor]
    while waiting:
        owner = waiting.pop(0)
        yield Level(owner.strips, owner.channels)
        waiting += [strip for strip in owner.strips if strip.type == "META"]


def shown(scene: Any) -> Level | None:
    """The level that the person is in."""
    editor = scene.sequence_editor
    if editor is None:
        return None
    owner = editor.meta_stack[-1] if len(editor.meta_stack) else editor
    return Level(owner.strips, owner.channels)


def selected(scene: Any) -> list[tuple[Any, int, int]]:
    """What a Generate is for: (strip, first frame, frames) of each selected strip with picture, in the timeline's order.

    Where no strip is selected: of what is on top within the preview range. An effect that is selected by itself is meant as what it
    shows.
    """
    level = shown(scene)
    if level is None:
        return []
    chosen = compat.selected(scene, level.strips)
    if chosen:
        meant = [strip for strip in chosen if strip.type in PICTURES] or [
            strip for strip in chosen if strip.type in compat.EFFECTS
        ]
        return sorted(compat.spans(meant), key=lambda each: (each[1], each[0].channel))
    if scene.use_preview_range:
        return list(on_top(level, scene.frame_preview_start, scene.frame_preview_end + 1))
    return []


def on_top(level: Level, first: int, end: int) -> Iterator[tuple[Any, int, int]]:
    """What is seen from `first` to `end`: of each strip the parts that no other picture covers."""
    seen = compat.playing(level.strips, level.channels, PICTURES, range(first, end))
    lying = [Lying(start, start + frames, strip.channel) for strip, start, frames in seen]
    for index, left, right in occlusion.on_top(lying, first, end):
        yield seen[index][0], left, right - left


def spots(scene: Any, ranges: Sequence[tuple[Any, int, int]] | None = None) -> list[Spot]:
    """The spots of ranges (strip, first frame, frames), by default of those that a Generate is for now.

    What must be rendered has no copy of the timeline yet: `copies` writes one when it is sent.

    Raises:
        BadInput: nothing is selected, a file is gone, or a strip plays in a way that its file alone does not show, and the person
            wants no render.
    """
    chosen, level = selected(scene) if ranges is None else ranges, shown(scene)
    if not chosen or level is None:
        raise BadInput(
            "nothing with picture is selected: select a movie strip, or set a preview range over one and select nothing"
        )
    timeline = looked_over(scene, level, chosen)
    return [spot(timeline, strip, first, frames) for strip, first, frames in chosen]


def looked_over(scene: Any, level: Level, ranges: Sequence[tuple[Any, int, int]]) -> Timeline:
    """What is known of a level beside the strips of these ranges (strip, first frame, frames)."""
    first = min((first for _, first, _ in ranges), default=0)
    end = max((first + frames for _, first, frames in ranges), default=0)
    return Timeline.of(scene, level.strips, range(first, end))


def spot(timeline: Timeline, strip: Any, first: int, frames: int) -> Spot:
    """The spot of a strip's frames.

    Raises:
        BadInput: as `spots`.
    """
    scene, span = timeline.scene, Span(first, frames, timeline.rate)
    settings = getattr(scene, "tracklay", None)  # where no add-on is registered, there are none
    picture = seen(timeline, strip, span, AUTOMATIC if settings is None else settings.picture)
    return Spot(scene.session_uid, strip.name, span, picture, compat.content_start(strip), strip.type)


def seen(timeline: Timeline, strip: Any, span: Span, wish: str) -> Picture:
    """What plays of a strip in a span, read from its file or to be rendered, as it must be and the person wishes.

    Raises:
        BadInput: a file is gone, or the person wants no render where nothing else shows it.
    """
    if trouble := unreadable(strip):
        raise BadInput(trouble)
    read, hindrances = fast(timeline, strip, span)
    against = hindrances if wish == AUTOMATIC else [each for each in hindrances if each.time]
    if read is not None and wish != RENDER and not against:
        check_file(strip, read.source / read.images[0] if read.images else read.source)
        return read
    why = ASKED if wish == RENDER else because(hindrances)
    if wish == FROM_FILE:
        why = because(against)
        raise BadInput(f"{strip.name} is not in its file as it plays, for {why}: set Picture to Automatic")
    for each in made_of(timeline, strip):
        if trouble := unreadable(each):
            raise BadInput(trouble)
        if each.type in FILED:
            check_file(each, source(each) / each.elements[0].filename if each.type == "IMAGE" else source(each))
    return Picture(
        source(strip) if strip.type in FILED else Path(bpy.path.clean_name(strip.name)),
        TimeMap.straight(span, span.start_seconds),
        rate=span.rate,
        render=Render(compat.renderer(), timeline.scene.name, strip.name),
        why=why,
    )


def unreadable(strip: Any) -> str:
    """Why nothing can be seen of a strip, and the mend, in a sentence; nothing where it can. Reads no file."""
    if strip.type == "MOVIE" and not (strip.elements and strip.elements[0].orig_fps > 0):
        return f"{strip.name} has a file that Blender could not open: choose it again in the strip's Source panel"
    return ""


def find(scene: Any, wanted: Spot) -> tuple[Level, Any]:
    """The strip of a spot, wherever it has moved since, and its level.

    It is the one of that name, type and file; after a new name, the only one of that file whose content begins where it did.

    Raises:
        TracklayError: it has gone.
    """
    named = scene.sequence_editor.strips_all.get(wanted.strip) if scene.sequence_editor else None
    if named is not None and _is_of(named, wanted):
        return level_of(scene, named), named
    unmoved = [
        (level, strip)
        for level in levels(scene)
        for strip in level.strips
        if _is_of(strip, wanted) and strip.type in FILED and compat.content_start(strip) == wanted.content_start
    ]
    if len(unmoved) == 1:
        return unmoved[0]
    raise TracklayError(f"{wanted.strip} is no longer on the timeline")


def level_of(scene: Any, strip: Any) -> Level:
    """The level that a strip is on."""
    owner = strip.parent_meta() or scene.sequence_editor
    return Level(owner.strips, owner.channels)


def _is_of(strip: Any, wanted: Spot) -> bool:
    return strip.type == wanted.kind and (strip.type not in FILED or source(strip) == wanted.picture.source)
