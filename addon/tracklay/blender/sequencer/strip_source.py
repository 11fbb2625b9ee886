"""How a strip plays: by which map from its file, or why only Blender's own render shows it. Reads no file.

The fast way takes a strip's own frames from its file. That holds where what plays is a function of the file's time alone, and the
whole picture is seen; everything else is rendered.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...cue import Picture
from ...errors import BadInput
from ...timing import Rate
from . import compat
from .retiming import Line, Plays, time_map
from .strip_dna import hidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...timing import Span
    from .retiming import Floats
    from .strip_dna import Hidden

PICTURES = frozenset({"MOVIE", "IMAGE", "META", "SCENE", "MOVIECLIP", "MASK"})
"""Types of strips that are picture by themselves."""

RENDERED = {
    "SCENE": "it shows a scene",
    "MOVIECLIP": "it shows a movie clip",
    "MASK": "it shows a mask",
}
"""Types that only Blender shows, in words."""

STRAIGHT = "it plays straight from its file"
RETIMED = "its retiming keys say how it plays"
STILLS = "it plays straight from its images"
ASKED = "you asked for Blender's render"

REACH = 0.02
"""Of the frame: a picture that reaches beyond it by less is seen whole (1088 lines in 1080)."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why the fast way does not show what plays. `time` says that no map is true; else the picture only looks otherwise."""

    why: str
    time: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is known of a sequence beside the strip itself, gathered once for all strips that are read.

    `effects` are the names of the effects that a strip runs through, each with its frames, as far as they lie where something is read;
    `animated` the names of strips that move.
    """

    scene: Any
    rate: Rate
    effects: dict[str, list[tuple[str, int, int]]]
    animated: frozenset[str]

    @classmethod
    def of(cls, scene: Any, strips: Any, frames: range) -> Timeline:
        """Look over one level of a scene's sequence, to read strips of it on these frames."""
        effects: dict[str, list[tuple[str, int, int]]] = {}
        for effect in compat.of_kinds(strips, compat.EFFECTS, frames):
            if not effect.mute:
                place = (effect.name, compat.start(effect), compat.end(effect))
                for taken in compat.inputs(effect):
                    effects.setdefault(taken.name, []).append(place)
        rate = Rate.of_blender(scene.render.fps, scene.render.fps_base)
        return cls(scene, rate, effects, frozenset(compat.animated(scene)))


def source(strip: Any) -> Path:
    """Where a strip's picture lies: a movie's file, the folder of images."""
    return Path(bpy.path.abspath(strip.filepath if strip.type == "MOVIE" else strip.directory))


def fast(timeline: Timeline, strip: Any, span: Span) -> tuple[Picture | None, list[Hindrance]]:
    """What plays of a strip in a span by its file's own frames, and all that speaks against taking it for what is seen."""
    import numpy as np  # noqa: PLC0415 - only where something is read

    frames = np.arange(span.start, span.end).astype(np.float32)
    hindrances: list[Hindrance] = []
    while strip.type in ("META", "MOVIE", "IMAGE"):
        hindrances += _looks(timeline, strip, span)
        told = hidden(strip, float(compat.content_start(strip)), compat.trimmed(strip))
        if told is None or told.frames < 1:
            return None, [*hindrances, Hindrance("Blender does not tell how it plays", time=True)]
        if any(key.eases for key in told.keys):
            return None, [*hindrances, Hindrance("it is retimed with a transition", time=True)]
        plays = _plays(timeline, strip, told)
        if strip.type != "META":
            return _picture(timeline, strip, plays, frames, span), hindrances
        if not np.array_equal(plays.index(frames) + np.float32(plays.start), frames):
            # Blender 5.2 then shows another frame now and again than its own reckoning says (measured: one of 26, backwards).
            return None, [*hindrances, Hindrance("it is a meta strip that does not play frame after frame", time=True)]
        inner = _one_inside(strip, float(frames.min()), float(frames.max()))
        if inner is None:
            return None, [*hindrances, Hindrance("it is a meta strip that shows more than one strip", time=True)]
        timeline, strip = Timeline.of(timeline.scene, strip.strips, range(span.start, span.end)), inner
    return None, [*hindrances, Hindrance(RENDERED.get(strip.type, "it is an effect"), time=True)]


def _plays(timeline: Timeline, strip: Any, told: Hidden) -> Plays:
    render = timeline.scene.render
    factor, exact = None, Fraction(1)
    if told.own_rate:
        factor = (told.own_rate, render.fps / render.fps_base)
        exact = Rate.of(round(told.own_rate, 4)).fps / timeline.rate.fps
    return Plays(
        float(compat.content_start(strip)),
        compat.content_frames(strip),
        told.frames,
        compat.trimmed(strip),
        factor,
        exact,
        backwards=strip.use_reverse_frames,
        strobe=strip.strobe,
        remembers=compat.remembers(timeline.scene),
        keys=told.keys,
        to_end=compat.RETIMED_TO_END,
    )


def _picture(timeline: Timeline, strip: Any, plays: Plays, frames: Floats, span: Span) -> Picture:
    numbers = plays.numbers(frames)
    line: Line | None = plays.line(span.start)
    runs = bool(plays.keys) and plays.strobe <= 1
    if strip.type == "MOVIE":
        rate = Rate.of(round(strip.elements[0].orig_fps, 4))
        why = RETIMED if plays.keys else STRAIGHT
        plan = time_map(span.start, numbers, line, rate.seconds(1), runs=runs)
        return Picture(source(strip), plan, rate=rate, why=why)
    names = [element.filename for element in strip.elements]
    if len(names) == 1:
        numbers[:] = 0
        line = None
    first, last = int(numbers.min()), min(int(numbers.max()), len(names) - 1)
    line = None if line is None else Line(line.at - first, line.step)
    plan = time_map(span.start, numbers - first, line, timeline.rate.seconds(1), runs=runs)
    why = RETIMED if plays.keys else STILLS
    return Picture(source(strip), plan, tuple(names[first : last + 1]), timeline.rate, why=why)


def _one_inside(meta: Any, first: float, last: float) -> Any:
    """The one strip that is seen in a meta strip from frame to frame; None where there is none, or more."""
    channels = meta.channels
    seen = [
        strip
        for strip in meta.strips
        if strip.type != "SOUND"
        and not (strip.mute or channels[strip.channel].mute)
        and compat.start(strip) <= last
        and compat.end(strip) > first
    ]
    if len(seen) != 1:
        return None
    inside = compat.start(seen[0]) <= first and compat.end(seen[0]) > last
    return seen[0] if inside and seen[0].type in PICTURES else None


def _looks(timeline: Timeline, strip: Any, span: Span) -> Iterator[Hindrance]:
    """What of a strip's own settings, and of the effects over it, changes what is seen in a way that matters."""
    over = [name for name, first, end in timeline.effects.get(strip.name, ()) if first < span.end and end > span.start]
    if over:
        yield Hindrance(f"it runs through {', '.join(over)}", time=True)
    if strip.name in timeline.animated:
        yield Hindrance("it is animated", time=False)
    if strip.blend_alpha < 1:
        yield Hindrance("it is not opaque", time=False)
    if strip.use_flip_x or strip.use_flip_y:
        yield Hindrance("it is mirrored", time=False)
    if any(getattr(strip.crop, side) for side in ("min_x", "max_x", "min_y", "max_y")):
        yield Hindrance("it is cropped", time=False)
    if strip.transform.rotation:
        yield Hindrance("it is turned", time=False)
    if _reaches_out(timeline.scene.render, strip):
        yield Hindrance("it reaches beyond the frame", time=False)
    if masked := [each.name for each in strip.modifiers if each.type in compat.RESHAPING and not each.mute]:
        yield Hindrance(f"it is changed by {', '.join(masked)}", time=False)


def _reaches_out(render: Any, strip: Any) -> bool:
    if not getattr(strip, "elements", None):
        return False
    placed = strip.transform
    width, height = strip.elements[0].orig_width, strip.elements[0].orig_height
    half = width * abs(placed.scale_x) / 2, height * abs(placed.scale_y) / 2
    room = render.resolution_x / 2, render.resolution_y / 2
    off = abs(placed.offset_x), abs(placed.offset_y)
    return any(o + h > r * (1 + REACH) + 1 for o, h, r in zip(off, half, room, strict=True))


def made_of(timeline: Timeline, strip: Any) -> Iterator[Any]:
    """The strips that Blender makes a strip's picture of: itself, what is in it, and what the effects over it are made of."""
    waiting, seen = [strip], set()
    level = timeline.scene.sequence_editor.strips_all
    while waiting:
        each = waiting.pop()
        if each.name in seen:
            continue
        seen.add(each.name)
        yield each
        over = (level.get(name) for name, _, _ in timeline.effects.get(each.name, ()))
        waiting += [effect for effect in over if effect is not None]
        waiting += compat.inputs(each)
        if each.type == "META":
            first, end = compat.start(each), compat.end(each)
            waiting += [
                inner
                for inner in each.strips
                if not inner.mute and compat.start(inner) < end and compat.end(inner) > first
            ]


def check_file(strip: Any, path: Path) -> None:
    """Refuse a strip whose file cannot be read. Looks at it, and does not open it: a pipe would never answer.

    Raises:
        BadInput: it is gone, no file, or empty.
    """
    what = "does not exist" if not path.exists() else "is no file" if not path.is_file() else ""
    if what or path.stat().st_size == 0:
        raise BadInput(
            f"the file of {strip.name}, {path}, {what or 'is empty'}: choose it again in the strip's Source panel"
        )


def because(hindrances: Iterable[Hindrance]) -> str:
    """Why, in one phrase."""
    return "; ".join(dict.fromkeys(each.why for each in hindrances))
