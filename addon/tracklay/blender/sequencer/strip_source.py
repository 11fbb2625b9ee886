"""Decides whether a strip's picture can be read from its file, and by which time map. Of files it reads only the kind.

The fast path decodes the strip's frames from its source file. It is valid if what plays depends on the file's time alone and the whole
picture is visible. Everything else is rendered by Blender.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...cue import Picture
from ...errors import InvalidInput
from ...timing import Rate
from . import compat, file_kinds
from .retiming import LinearClock, StripTiming, build_time_map
from .strip_dna import read_strip_dna

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...timing import Span
    from .retiming import FloatArray
    from .strip_dna import StripDna

PICTURE_TYPES = frozenset({"MOVIE", "IMAGE", "META", "SCENE", "MOVIECLIP", "MASK"})
"""Types of strips that have a picture of their own."""

RENDER_ONLY_TYPES = {
    "SCENE": "it shows a scene",
    "MOVIECLIP": "it shows a movie clip",
    "MASK": "it shows a mask",
}
"""Types of strips that only Blender can show, and the reason in words."""

REASON_DIRECT = "it plays straight from its file"
REASON_RETIMED = "its retiming keys say how it plays"
REASON_STILLS = "it plays straight from its images"
REASON_RENDER_CHOSEN = "you asked for Blender's render"

FRAME_OVERHANG_TOLERANCE = 0.02
"""Overhang, as a fraction of the frame, that still counts as fully visible: some 1080-line files are coded as 1088 lines."""


@dataclass(frozen=True, slots=True)
class FastPathBlocker:
    """A reason why the file does not show what plays. With `affects_timing` no time map is right; otherwise only the appearance differs."""

    reason: str
    affects_timing: bool


@dataclass(frozen=True, slots=True)
class SequenceContext:
    """The surroundings of the strips that are read, gathered once for all of them.

    Attributes:
        scene: the scene.
        rate: its frame rate.
        effects_by_strip: by strip name, the effects over it: name, first frame, first frame after it. Only those in the frames read.
        animated_strips: names of strips with animated properties.
    """

    scene: Any
    rate: Rate
    effects_by_strip: dict[str, list[tuple[str, int, int]]]
    animated_strips: frozenset[str]

    @classmethod
    def from_scene(cls, scene: Any, strips: Any, frames: range) -> SequenceContext:
        """Gather the context for reading strips of one level on these frames."""
        effects: dict[str, list[tuple[str, int, int]]] = {}
        for effect in compat.strips_of_types(strips, compat.EFFECT_TYPES, frames):
            if not effect.mute:
                place = (effect.name, compat.strip_start(effect), compat.strip_end(effect))
                for taken in compat.effect_inputs(effect):
                    effects.setdefault(taken.name, []).append(place)
        rate = Rate.from_blender(scene.render.fps, scene.render.fps_base)
        return cls(scene, rate, effects, frozenset(compat.animated_strip_names(scene)))


def source_path(strip: Any) -> Path:
    """Return the path of a movie's file, or of an image strip's folder."""
    return Path(bpy.path.abspath(strip.filepath if strip.type == "MOVIE" else strip.directory))


def read_picture_from_file(
    context: SequenceContext, strip: Any, span: Span
) -> tuple[Picture | None, list[FastPathBlocker]]:
    """Return what plays of a strip in a span by its file's frames, and every reason against using it.

    The picture is None if no time map can describe it. Meta strips are followed into the single strip that they show.
    """
    import numpy as np  # noqa: PLC0415 - only where something is read

    frames = np.arange(span.start, span.end).astype(np.float32)
    blockers: list[FastPathBlocker] = []
    while strip.type in ("META", "MOVIE", "IMAGE"):
        blockers += _appearance_blockers(context, strip, span)
        dna = read_strip_dna(strip, float(compat.content_start(strip)), compat.content_trim_start(strip))
        if dna is None or dna.content_frames < 1:
            return None, [*blockers, FastPathBlocker("Blender does not expose how it plays", affects_timing=True)]
        if any(key.is_transition for key in dna.retiming_keys):
            return None, [*blockers, FastPathBlocker("it is retimed with a transition", affects_timing=True)]
        plays = _strip_timing(context, strip, dna)
        if strip.type != "META":
            return _build_picture(context, strip, plays, frames, span), blockers
        if not np.array_equal(plays.content_positions(frames) + np.float32(plays.start), frames):
            # Retimed or reversed metas: Blender 5.2 sometimes shows another frame than its own formula gives (measured: 1 of 26 when
            # reversed), so they are rendered.
            return None, [
                *blockers,
                FastPathBlocker("it is a meta strip that does not play frame after frame", affects_timing=True),
            ]
        inner = _single_inner_strip(strip, float(frames.min()), float(frames.max()))
        if inner is None:
            return None, [
                *blockers,
                FastPathBlocker("it is a meta strip that shows more than one strip", affects_timing=True),
            ]
        context, strip = SequenceContext.from_scene(context.scene, strip.strips, range(span.start, span.end)), inner
    return None, [
        *blockers,
        FastPathBlocker(RENDER_ONLY_TYPES.get(strip.type, "it is an effect"), affects_timing=True),
    ]


def _strip_timing(context: SequenceContext, strip: Any, dna: StripDna) -> StripTiming:
    render = context.scene.render
    factor, exact = None, Fraction(1)
    if dna.own_rate:
        factor = (dna.own_rate, render.fps / render.fps_base)
        exact = Rate.from_value(round(dna.own_rate, 4)).fps / context.rate.fps
    return StripTiming(
        float(compat.content_start(strip)),
        compat.content_frames(strip),
        dna.content_frames,
        compat.content_trim_start(strip),
        factor,
        exact,
        is_reversed=strip.use_reverse_frames,
        strobe=strip.strobe,
        caches_source_frames=compat.caches_source_frames(context.scene),
        retiming_keys=dna.retiming_keys,
        last_key_at_end=compat.LAST_RETIMING_KEY_AT_END,
    )


def _build_picture(
    context: SequenceContext, strip: Any, timing: StripTiming, frames: FloatArray, span: Span
) -> Picture:
    numbers = timing.source_frames(frames)
    line: LinearClock | None = timing.linear_clock(span.start)
    runs = bool(timing.retiming_keys) and timing.strobe <= 1
    if strip.type == "MOVIE":
        rate = Rate.from_value(round(strip.elements[0].orig_fps, 4))
        why = REASON_RETIMED if timing.retiming_keys else REASON_DIRECT
        plan = build_time_map(span.start, numbers, line, rate.seconds(1), is_continuous=runs)
        return Picture(source_path(strip), plan, rate=rate, reason=why)
    names = [element.filename for element in strip.elements]
    if len(names) == 1:
        numbers[:] = 0
        line = None
    first, last = int(numbers.min()), min(int(numbers.max()), len(names) - 1)
    line = None if line is None else LinearClock(line.position - first, line.step)
    plan = build_time_map(span.start, numbers - first, line, context.rate.seconds(1), is_continuous=runs)
    why = REASON_RETIMED if timing.retiming_keys else REASON_STILLS
    return Picture(source_path(strip), plan, tuple(names[first : last + 1]), context.rate, reason=why)


def _single_inner_strip(meta: Any, first: float, last: float) -> Any:
    """The one strip that is seen in a meta strip from frame to frame; None where there is none, or more."""
    channels = meta.channels
    seen = [
        strip
        for strip in meta.strips
        if strip.type != "SOUND"
        and not (strip.mute or channels[strip.channel].mute)
        and compat.strip_start(strip) <= last
        and compat.strip_end(strip) > first
    ]
    if len(seen) != 1:
        return None
    inside = compat.strip_start(seen[0]) <= first and compat.strip_end(seen[0]) > last
    return seen[0] if inside and seen[0].type in PICTURE_TYPES else None


def _appearance_blockers(context: SequenceContext, strip: Any, span: Span) -> Iterator[FastPathBlocker]:
    """Yield the settings of a strip, and the effects over it, that change its appearance in a way that matters to a model.

    Colour adjustments are left out: they do not change what happens in the picture.
    """
    over = [
        name
        for name, first, end in context.effects_by_strip.get(strip.name, ())
        if first < span.end and end > span.start
    ]
    if over:
        yield FastPathBlocker(f"it runs through {', '.join(over)}", affects_timing=True)
    if strip.name in context.animated_strips:
        yield FastPathBlocker("it is animated", affects_timing=False)
    if strip.blend_alpha < 1:
        yield FastPathBlocker("it is not opaque", affects_timing=False)
    if strip.use_flip_x or strip.use_flip_y:
        yield FastPathBlocker("it is mirrored", affects_timing=False)
    if any(getattr(strip.crop, side) for side in ("min_x", "max_x", "min_y", "max_y")):
        yield FastPathBlocker("it is cropped", affects_timing=False)
    if strip.transform.rotation:
        yield FastPathBlocker("it is turned", affects_timing=False)
    if _exceeds_frame(context.scene.render, strip):
        yield FastPathBlocker("it reaches beyond the frame", affects_timing=False)
    if masked := [each.name for each in strip.modifiers if each.type in compat.RESHAPING_MODIFIERS and not each.mute]:
        yield FastPathBlocker(f"it is changed by {', '.join(masked)}", affects_timing=False)


def _exceeds_frame(render: Any, strip: Any) -> bool:
    if not getattr(strip, "elements", None):
        return False
    placed = strip.transform
    width, height = strip.elements[0].orig_width, strip.elements[0].orig_height
    half = width * abs(placed.scale_x) / 2, height * abs(placed.scale_y) / 2
    room = render.resolution_x / 2, render.resolution_y / 2
    off = abs(placed.offset_x), abs(placed.offset_y)
    return any(o + h > r * (1 + FRAME_OVERHANG_TOLERANCE) + 1 for o, h, r in zip(off, half, room, strict=True))


def contributing_strips(context: SequenceContext, strip: Any) -> Iterator[Any]:
    """Yield the strips that contribute to a strip's picture: itself, the strips inside it, effects over it, and their inputs."""
    queue, seen = [strip], set()
    level = context.scene.sequence_editor.strips_all
    while queue:
        each = queue.pop()
        if each.name in seen:
            continue
        seen.add(each.name)
        yield each
        over = (level.get(name) for name, _, _ in context.effects_by_strip.get(each.name, ()))
        queue += [effect for effect in over if effect is not None]
        queue += compat.effect_inputs(each)
        if each.type == "META":
            first, end = compat.strip_start(each), compat.strip_end(each)
            queue += [
                inner
                for inner in each.strips
                if not inner.mute and compat.strip_start(inner) < end and compat.strip_end(inner) > first
            ]


def check_source_file(strip: Any, path: Path) -> None:
    """Check that a strip's file can be read. It is not opened: opening a named pipe would block forever.

    Raises:
        InvalidInput: it does not exist, is not a regular file, or is empty.
    """
    if not path.exists():
        raise InvalidInput("strip.file_missing", "File of {strip} not found: {path}.", strip=strip.name, path=path)
    if not path.is_file():
        raise InvalidInput("strip.not_a_file", "Source of {strip} is not a file: {path}.", strip=strip.name, path=path)
    if path.stat().st_size == 0:
        raise InvalidInput("strip.file_empty", "File of {strip} is empty: {path}.", strip=strip.name, path=path)


def check_picture_files(strip: Any, picture: Picture, span: Span) -> None:
    """Check that the file of a picture that is read can be read, or each image that is on screen in a span.

    Raises:
        InvalidInput: as `check_source_file`.
    """
    if not picture.images:
        check_source_file(strip, picture.source)
        return
    try:
        there = {entry.name for entry in os.scandir(picture.source)}
    except OSError:
        there = set()
    from ...media.fingerprint import shown_images  # noqa: PLC0415 - loads what enabling the extension must not

    shown = shown_images(picture, span)
    # One listing of the folder finds what is missing; the first image is checked further.
    missing = next((name for name in shown if name not in there), None)
    if missing is not None and picture.source.is_dir():
        raise InvalidInput(
            "strip.image_missing",
            "Image of {strip} is missing: {path}. Render it, or cut the strip before it.",
            strip=strip.name,
            path=picture.source / missing,
        )
    check_source_file(strip, picture.source / shown[0])


def file_blockers(picture: Picture) -> list[FastPathBlocker]:
    """Return the reasons in a picture's own file against reading it."""
    if picture.images:
        reason = file_kinds.image_blocker(picture.source, picture.images)
        return [FastPathBlocker(reason, affects_timing=False)] if reason else []
    reason = file_kinds.movie_blocker(picture.source)
    return [FastPathBlocker(reason, affects_timing=True)] if reason else []


def join_reasons(blockers: Iterable[FastPathBlocker]) -> str:
    """Return the reasons as one phrase."""
    return "; ".join(dict.fromkeys(each.reason for each in blockers))
