"""Every kind of strip, and their pairs, one after the other on a timeline: what the numbers in proxies are tried on."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import bpy
from tracklay.blender.sequencer import compat, strip_dna

from ..strips import add_as_a_person, in_the_sequencer, set_handles

KEY_SELECTED = 1 << 4
"""Of a retiming key's `flag` (DNA_sequence_types.h, SEQ_KEY_SELECTED)."""

APART = 500
"""Timeline frames from the start of one case to the next: longer than any."""

MAKING = {
    "frame for frame": "each of its frames on one of the timeline's",
    "in real time": "added as a person does, in its own seconds",
    "images": "a sequence of images",
}
WINDOW = {
    "": "",
    "whole": "untrimmed",
    "held before": "drawn out to the left, its first frame held",
    "held after": "drawn out to the right, its last frame held",
}
CONTENT = {"": "", "content trimmed": "its content trimmed at the start", "slipped": "slipped under its handles"}
MOTION = {
    "": "",
    "backwards": "with Reverse Frames",
    "strobe 3": "each third frame",
    "strobe 2.5": "a strobe between two",
    "backwards, strobe 3": "both",
}
AROUND = {
    "": "",
    "in a meta": "in a meta strip",
    "in two metas": "in a meta strip in a meta strip",
    "in a trimmed meta": "in a meta strip that is trimmed",
}
PARTS = (MAKING, WINDOW, CONTENT, MOTION, AROUND)
"""What a strip that is read from its file is put together of: one of each."""

UNEVEN_META = "it is a meta strip that does not play frame after frame"

RETIMED = {
    "retimed faster": "a retiming key, the rest at another speed",
    "retimed slower": "the same, slower",
    "retimed by half": "twice as long: half of its frames fall between two of the timeline's",
    "retimed with a freeze": "a freeze frame between retiming keys",
    "retimed backwards": "retimed, with Reverse Frames",
    "retimed, strobe 3": "retimed, each third frame",
    "retimed, content trimmed": "retimed, its content trimmed at the start",
    "retimed in real time": "retimed, added as a person does",
    "frozen images": "a sequence of images with a freeze frame between retiming keys",
    "retimed in a meta": "retimed, in a meta strip",
}
"""What is retimed in ways that its keys tell exactly."""

LOOKS = {
    "through a proxy": "with Blender's own proxy of a quarter of its size",
    "in another colour space": "read as linear light",
    "graded": "brighter, by a modifier",
}
"""What looks otherwise in ways that make no sound: the file's own frames are shown."""

RENDERED = {
    "retimed with a transition": ("from one speed to another by a transition", "it is retimed with a transition"),
    "in a frozen meta": ("in a meta strip with a freeze frame", UNEVEN_META),
    "speed effect": ("under a speed effect that doubles it", "it runs through effect 2"),
    "two in a meta": ("a meta strip with a cut in it", "it is a meta strip that shows more than one strip"),
    "a scene": ("a scene strip of a timeline of its own", "it shows a scene"),
    "cropped": ("cropped by four pixels", "it is cropped"),
    "mirrored": ("upside down twice over: with Flip, and turned by half", "it is mirrored; it is turned"),
    "fading": ("animated: its opacity", "it is animated; it is not opaque"),
    "crossing": ("under a cross dissolve", "it runs through effect 8"),
    "an effect": ("the speed effect itself, selected", "it is an effect"),
    "in a backwards meta": ("in a meta strip with Reverse Frames", UNEVEN_META),
    "in a strobing meta": ("in a meta strip that shows each third frame", UNEVEN_META),
}
"""What only Blender's render shows: what it is, and why it is rendered."""


@dataclass
class Place:
    """Where a case is built: a scene, and the frame that it begins on."""

    scene: Any
    clip: Path
    images: tuple[str, ...]
    start: int
    number: int

    @property
    def strips(self) -> Any:
        return self.scene.sequence_editor.strips

    def movie(self, start: int | None = None, channel: int = 1) -> Any:
        made = self.strips.new_movie(f"strip {self.number}", str(self.clip), channel, start or self.start)
        made.select = False
        return made

    def effect(self, kind: str, channel: int, *inputs: Any) -> Any:
        given = self.strips.bl_rna.functions["new_effect"].parameters.keys()
        names = ("input1", "input2") if "input1" in given else ("seq1", "seq2")
        first, end = compat.strip_start(inputs[0]), compat.strip_end(inputs[0])
        length = {"length": end - first} if "length" in given else {"frame_end": end}
        taken = dict(zip(names, inputs, strict=False))
        return self.strips.new_effect(f"effect {self.number}", kind, channel, first, **length, **taken)


@dataclass(frozen=True)
class Case:
    """A strip to be read: what it is called, and how it is built."""

    name: str
    what: str
    build: Callable[[Place], Any] = field(compare=False)
    number: int = -1
    way: str = ""


def pairs() -> list[Case]:
    """Each part alone, and each two of different kinds together."""
    plain = tuple(next(iter(part)) for part in PARTS)
    found: dict[tuple[str, ...], None] = {}
    for (one, first), (other, second) in itertools.combinations(enumerate(PARTS), 2):
        for a, b in itertools.product(first, second):
            wanted = list(plain)
            wanted[one], wanted[other] = a, b
            found[tuple(wanted)] = None
    return [
        Case(
            ", ".join(word for word in words if word),
            "; ".join(part[word] for part, word in zip(PARTS, words, strict=True) if part[word]),
            partial(_read, words=words),
        )
        for words in found
    ]


def retimed() -> list[Case]:
    """Those whose retiming keys say how they play, and those that only look otherwise."""
    more = [*RETIMED.items(), *LOOKS.items()]
    return [Case(name, what, _BUILDERS[name], 200 + number) for number, (name, what) in enumerate(more)]


def rendered() -> list[Case]:
    """Those that Blender must render."""
    return [
        Case(name, what, _BUILDERS[name], number, f"render: {why}")
        for number, (name, (what, why)) in enumerate(RENDERED.items())
    ]


def singles() -> list[Case]:
    """Each part once."""
    alone = {name for part in PARTS[1:] for name in part if name}
    return [case for case in pairs() if case.name.removeprefix("frame for frame, ") in {*alone, *MAKING}]


def table() -> str:
    """All cases as the documentation lists them."""
    read = [f"| {case.name} | {case.what} |" for case in [*pairs(), *retimed()]]
    made = [f"| {case.name} | {case.what} | {case.way.removeprefix('render: ')} |" for case in rendered()]
    return "\n".join(
        [
            "# How each strip's picture is made",
            "",
            "`tests/blender/sequencer/test_frame_accuracy.py` writes this file. It builds each case in Blender from a clip whose frames carry",
            "their numbers, and finds the same numbers in the proxy as in Blender's own render of those frames: in the bpy module 4.5 and",
            "5.0, and by `tests/window/test_frame_accuracy.py` in Blender 5.2. It runs some rates and kinds; with `TRACKLAY_EVERY_RATE`",
            "clips of 23.976, 25, 29.97, 30, 50, 59.94 and uneven rates in timelines of 23.976 to 59.94, and with `TRACKLAY_ALL_NUMBERS`",
            "all pairs of kinds; with both, all of these at all of those.",
            "",
            "Where the source is the faster, the frames between the timeline's are in the proxy too, each within half a timeline frame of",
            "where Blender shows it. Where it is the slower, Blender 5.0 and later show some frames twice and leave others out, for their",
            "cache keeps them by the whole part of their place. The proxy shows the same on each timeline frame, and what was left out",
            "in between. Right after it has opened an uneven file, Blender may show the first frame that it seeks in it one too late, and",
            "shows the right one when it is asked again: that is what the proxy shows.",
            "",
            "## From the file",
            "",
            "ffmpeg reads what plays from the strip's own file.",
            "",
            "| strip | which is |",
            "|---|---|",
            *read,
            "",
            "## By Blender's render",
            "",
            "Another Blender renders the strip alone, from a copy of the timeline, small, with the person's settings left as they are.",
            "",
            "| strip | which is | why |",
            "|---|---|---|",
            *made,
            "",
        ]
    )


def _read(place: Place, words: tuple[str, ...]) -> Any:
    making, window, content, motion, around = words
    strip = made(place, making)
    _cut_to(strip, window, content)
    strip.use_reverse_frames = motion.startswith("backwards")
    if "strobe" in motion:
        strip.strobe = float(motion.rpartition(" ")[2])
    for _ in range({"": 0, "in two metas": 2}.get(around, 1)):
        strip = within(place, [strip])
    if around == "in a trimmed meta":
        set_handles(strip, compat.strip_start(strip) + 4, compat.strip_end(strip) - 3)
    return strip


def made(place: Place, making: str) -> Any:
    """A strip of the clip or its images, made in one of the ways."""
    if making == "images":
        first = str(place.clip.parent / place.images[0])
        strip = place.strips.new_image(f"strip {place.number}", first, 1, place.start)
        for name in place.images[1:]:
            strip.elements.append(name)
        compat.set_strip_frames(strip, len(place.images))
        return strip
    if making == "frame for frame":
        return place.movie()
    strip = add_as_a_person(place.scene, place.clip, place.start)
    strip.name = f"strip {place.number}"
    strip.transform.scale_x = strip.transform.scale_y = (
        1.0  # Blender fits what a person adds into the frame of that moment
    )
    strip.select = False
    return strip


def _cut_to(strip: Any, window: str, content: str) -> None:
    if content == "content trimmed":
        setattr(strip, compat.time_property("content_trim_start", bpy.types.MovieStrip), 9)
    begin, long = int(compat.content_start(strip)), compat.content_frames(strip)
    if window != "whole":
        inside = {"": (20, 46), "held before": (-6, 12), "held after": (long - 12, long + 6)}[window]
        set_handles(strip, begin + inside[0], begin + inside[1])
    if content == "slipped":
        first, end = compat.strip_start(strip), compat.strip_end(strip)
        setattr(strip, compat.time_property("content_start", bpy.types.Strip), begin - 5)
        set_handles(strip, first, end)


def within(place: Place, strips: list[Any]) -> Any:
    """A meta strip of these, exactly as long, as a person makes it."""
    for each in place.scene.sequence_editor.strips_all:
        each.select = each in strips
    place.scene.sequence_editor.active_strip = strips[0]
    with in_the_sequencer(place.scene):
        assert bpy.ops.sequencer.meta_make() == {"FINISHED"}
    meta = place.scene.sequence_editor.active_strip
    meta.name, meta.select = f"meta {place.number}", False
    return meta


def retime(place: Place, strip: Any, operator: str, **given: int) -> None:
    """Have an operator do something with the retiming of a strip."""
    for each in place.scene.sequence_editor.strips_all:
        each.select = each == strip
    place.scene.sequence_editor.active_strip = strip
    with in_the_sequencer(place.scene):
        assert getattr(bpy.ops.sequencer, operator)(**given) == {"FINISHED"}
    _select_key(strip, -1)


def key_fields(strip: Any, field: str, kind: Any) -> list[Any]:
    """A field of each of a strip's retiming keys, to be changed.

    No script can select them; and of the frame that one is on, Blender looks for the strip that it is of and finds any that has none.
    """
    layouts = strip_dna._load_layouts()
    assert layouts
    told = layouts[strip_dna.STRIP_STRUCT].unpack(
        ctypes.string_at(strip.as_pointer(), layouts[strip_dna.STRIP_STRUCT].size)
    )
    layout = layouts[strip_dna.RETIMING_KEY_STRUCT]
    first = told["*retiming_handles"] + layout.fields[field][0]
    return [kind.from_address(first + number * layout.size) for number in range(told["retiming_handle_num"])]


def _select_key(strip: Any, chosen: int) -> None:
    """Select one of a strip's retiming keys, or none: the operators mean those that are."""
    for number, flag in enumerate(key_fields(strip, "flag", ctypes.c_int)):
        flag.value = flag.value | KEY_SELECTED if number == chosen else flag.value & ~KEY_SELECTED


def _retimed(place: Place, to: int, making: str = "frame for frame", content: str = "") -> Any:
    strip = made(place, making)
    if content:
        _cut_to(strip, "whole", content)
    begin = int(compat.content_start(strip))
    retime(place, strip, "retiming_key_add", timeline_frame=begin + 40)
    for frame in key_fields(strip, "strip_frame_index", ctypes.c_double)[1:]:
        frame.value += to - 40  # as when a person drags it: what comes after it keeps its speed
    set_handles(strip, begin + 2, begin + 40)
    return strip


def _eased(place: Place) -> Any:
    strip = _retimed(place, 20)
    _select_key(strip, 1)
    strip.select, strip.show_retiming_keys = False, True
    with in_the_sequencer(place.scene):
        assert bpy.ops.sequencer.retiming_transition_add(duration=12) == {"FINISHED"}
    _select_key(strip, -1)
    assert len(strip.retiming_keys) == 6
    return strip


def _frozen(place: Place, making: str = "frame for frame") -> Any:
    strip = made(place, making)
    _freeze(place, strip)
    return strip


def _freeze(place: Place, strip: Any) -> None:
    place.scene.frame_current = place.start + 15
    retime(place, strip, "retiming_key_add", timeline_frame=place.start + 15)
    retime(place, strip, "retiming_freeze_frame_add", duration=10)
    set_handles(strip, place.start, place.start + 40)


def _backwards(place: Place) -> Any:
    strip = _retimed(place, 25)
    strip.use_reverse_frames = True
    return strip


def _strobing(place: Place) -> Any:
    strip = _retimed(place, 90)
    strip.strobe = 3.0
    return strip


def _frozen_meta(place: Place) -> Any:
    meta = within(place, [place.movie()])
    _freeze(place, meta)
    return meta


def _backwards_meta(place: Place) -> Any:
    meta = _read(place, ("frame for frame", "", "", "", "in a meta"))
    meta.use_reverse_frames = True
    return meta


def _strobing_meta(place: Place) -> Any:
    meta = _read(place, ("frame for frame", "", "", "", "in a meta"))
    meta.strobe = 3.0
    return meta


def _sped(place: Place) -> Any:
    strip = place.movie()
    set_handles(strip, place.start + 4, place.start + 30)
    effect = place.effect("SPEED", 3, strip)
    effect.speed_control = "MULTIPLY"
    effect.speed_factor = 2.0
    effect.select = False
    return strip


def _effect(place: Place) -> Any:
    _sped(place)
    return place.scene.sequence_editor.strips_all[f"effect {place.number}"]


def _cut(place: Place) -> Any:
    first, second = place.movie(), place.movie(place.start - 60, 2)
    set_handles(first, place.start, place.start + 12)
    set_handles(second, place.start + 12, place.start + 24)
    return within(place, [first, second])


def _scene(place: Place) -> Any:
    inner = bpy.data.scenes.new(f"inner {place.number}")
    inner.render.resolution_x, inner.render.resolution_y = (
        place.scene.render.resolution_x,
        place.scene.render.resolution_y,
    )
    inner.render.fps, inner.render.fps_base = place.scene.render.fps, place.scene.render.fps_base
    inner.view_settings.view_transform = "Standard"
    inner.frame_start, inner.frame_end = 1, 60
    inner.sequence_editor_create().strips.new_movie("inside", str(place.clip), 1, 1)
    strip = place.strips.new_scene(f"strip {place.number}", inner, 1, place.start)
    strip.scene_input = "SEQUENCER"
    set_handles(strip, place.start + 6, place.start + 26)
    return strip


def _cropped(place: Place) -> Any:
    strip = _read(place, ("frame for frame", "", "", "", ""))
    strip.crop.min_y = 4
    return strip


def _mirrored(place: Place) -> Any:
    strip = _read(place, ("frame for frame", "", "", "", ""))
    strip.use_flip_x = strip.use_flip_y = True
    strip.transform.rotation = 3.141592653589793
    return strip


def _fading(place: Place) -> Any:
    strip = _read(place, ("frame for frame", "", "", "", ""))
    for frame, alpha in ((compat.strip_start(strip), 0.8), (compat.strip_end(strip), 1.0)):
        strip.blend_alpha = alpha
        strip.keyframe_insert("blend_alpha", frame=frame)
    return strip


def _proxied(place: Place) -> Any:
    strip = _read(place, ("frame for frame", "", "", "", ""))
    strip.use_proxy = strip.proxy.build_25 = True
    for each in place.scene.sequence_editor.strips_all:
        each.select = each == strip
    with in_the_sequencer(place.scene):
        assert bpy.ops.sequencer.rebuild_proxy() == {"FINISHED"}
    strip.select = False
    return strip


def _linear(place: Place) -> Any:
    strip = _read(place, ("frame for frame", "", "", "", ""))
    strip.colorspace_settings.name = "Linear Rec.709"
    return strip


def _graded(place: Place) -> Any:
    strip = _read(place, ("frame for frame", "", "", "", ""))
    strip.modifiers.new("bright", "BRIGHT_CONTRAST").bright = 5.0
    return strip


def _crossing(place: Place) -> Any:
    strip = _read(place, ("frame for frame", "", "", "", ""))
    other = place.movie(place.start - 40, 3)
    set_handles(other, compat.strip_start(strip), compat.strip_end(strip))
    place.effect("CROSS", 4, strip, other).select = False
    return strip


_BUILDERS: dict[str, Callable[[Place], Any]] = {
    "retimed faster": lambda place: _retimed(place, 18),
    "retimed slower": lambda place: _retimed(place, 90),
    "retimed by half": lambda place: _retimed(place, 80),
    "retimed with a freeze": _frozen,
    "retimed backwards": _backwards,
    "retimed, strobe 3": _strobing,
    "retimed, content trimmed": lambda place: _retimed(place, 25, content="content trimmed"),
    "retimed in real time": lambda place: _retimed(place, 25, "in real time"),
    "frozen images": lambda place: _frozen(place, "images"),
    "through a proxy": _proxied,
    "in another colour space": _linear,
    "graded": _graded,
    "retimed with a transition": _eased,
    "in a frozen meta": _frozen_meta,
    "retimed in a meta": lambda place: within(place, [_retimed(place, 25)]),
    "speed effect": _sped,
    "two in a meta": _cut,
    "a scene": _scene,
    "cropped": _cropped,
    "mirrored": _mirrored,
    "fading": _fading,
    "crossing": _crossing,
    "an effect": _effect,
    "in a backwards meta": _backwards_meta,
    "in a strobing meta": _strobing_meta,
}
