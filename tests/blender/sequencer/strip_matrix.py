"""Cases of the frame accuracy test: every kind of strip and their pairs, one after the other on a timeline."""

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

from ..strips import add_from_menu, in_the_sequencer, set_handles

KEY_SELECTED = 1 << 4
"""Bit of a retiming key's `flag` (DNA_sequence_types.h, SEQ_KEY_SELECTED)."""

APART = 500
"""Timeline frames from the start of one case to the next; no case is longer."""

MAKING = {
    "frame for frame": "each of its frames on one timeline frame",
    "in real time": "added from the Add menu, at its own speed",
    "images": "an image sequence",
}
WINDOW = {
    "": "",
    "whole": "untrimmed",
    "held before": "extended to the left, the first frame is held",
    "held after": "extended to the right, the last frame is held",
}
CONTENT = {"": "", "content trimmed": "its content trimmed at the start", "slipped": "slipped under its handles"}
MOTION = {
    "": "",
    "backwards": "with Reverse Frames",
    "strobe 3": "with a strobe of 3 frames",
    "strobe 2.5": "with a strobe of 2.5 frames",
    "backwards, strobe 3": "with Reverse Frames and a strobe of 3 frames",
}
AROUND = {
    "": "",
    "in a meta": "in a meta strip",
    "in two metas": "in a meta strip in a meta strip",
    "in a trimmed meta": "in a meta strip that is trimmed",
}
PARTS = (MAKING, WINDOW, CONTENT, MOTION, AROUND)
"""Properties of a strip that is read from its file: one of each."""

UNEVEN_META = "it is a meta strip that does not play frame after frame"

RETIMED = {
    "retimed faster": "faster up to a retiming key",
    "retimed slower": "slower up to a retiming key",
    "retimed by half": "at half speed: every second timeline frame falls between two of its frames",
    "retimed with a freeze": "a freeze frame between retiming keys",
    "retimed backwards": "retimed, with Reverse Frames",
    "retimed, strobe 3": "retimed, with a strobe of 3 frames",
    "retimed, content trimmed": "retimed, its content trimmed at the start",
    "retimed in real time": "retimed, added from the Add menu",
    "frozen images": "an image sequence with a freeze frame between retiming keys",
    "retimed in a meta": "retimed, in a meta strip",
}
"""Retimed strips whose keys define every frame."""

LOOKS = {
    "through a proxy": "with a Blender proxy of 25%",
    "in another colour space": "in the colour space Linear Rec.709",
    "graded": "with a Brightness/Contrast modifier",
}
"""Strips with another look but the same motion: the file's own frames are used."""

RENDERED = {
    "retimed with a transition": ("a transition from one speed to another", "it is retimed with a transition"),
    "in a frozen meta": ("in a meta strip with a freeze frame", UNEVEN_META),
    "speed effect": ("under a speed effect that doubles it", "it runs through effect 2"),
    "two in a meta": ("a meta strip with a cut in it", "it is a meta strip that shows more than one strip"),
    "a scene": ("a scene strip of a timeline of its own", "it shows a scene"),
    "cropped": ("cropped by four pixels", "it is cropped"),
    "mirrored": ("flipped and rotated by 180 degrees", "it is mirrored; it is turned"),
    "fading": ("with animated opacity", "it is animated; it is not opaque"),
    "crossing": ("under a cross dissolve", "it runs through effect 8"),
    "an effect": ("the speed effect itself, selected", "it is an effect"),
    "in a backwards meta": ("in a meta strip with Reverse Frames", UNEVEN_META),
    "in a strobing meta": ("in a meta strip with a strobe of 3 frames", UNEVEN_META),
}
"""Strips that need Blender's render: a description, and the reason."""


@dataclass
class Place:
    """The scene and the first frame at which a case is built."""

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
    """A strip to be read: its name, its description and the function that builds it."""

    name: str
    what: str
    build: Callable[[Place], Any] = field(compare=False)
    number: int = -1
    way: str = ""


def pair_cases() -> list[Case]:
    """Return a case for each property alone, and for each pair of properties of different kinds."""
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


def retimed_cases() -> list[Case]:
    """Return the cases whose retiming keys define every frame, and those that have only another look."""
    more = [*RETIMED.items(), *LOOKS.items()]
    return [Case(name, what, _BUILDERS[name], 200 + number) for number, (name, what) in enumerate(more)]


def rendered_cases() -> list[Case]:
    """Return the cases that Blender must render."""
    return [
        Case(name, what, _BUILDERS[name], number, f"render: {why}")
        for number, (name, (what, why)) in enumerate(RENDERED.items())
    ]


def single_cases() -> list[Case]:
    """Return a case for each property alone."""
    alone = {name for part in PARTS[1:] for name in part if name}
    return [case for case in pair_cases() if case.name.removeprefix("frame for frame, ") in {*alone, *MAKING}]


def support_table() -> str:
    """Return the text of `docs/strip-support.md`."""
    read = [f"| {case.name} | {case.what} |" for case in [*pair_cases(), *retimed_cases()]]
    made = [f"| {case.name} | {case.what} | {case.way.removeprefix('render: ')} |" for case in rendered_cases()]
    return "\n".join(
        [
            "# How each kind of strip is read",
            "",
            "`tests/blender/sequencer/test_frame_accuracy.py` writes this file. It builds each case from a clip with numbered",
            "frames, and compares the numbers in the proxy with those in Blender's own render: in bpy 4.5 and 5.0, and in Blender",
            "5.2 (`tests/window/test_frame_accuracy.py`). By default it tests some rates and kinds. `TRACKLAY_EVERY_RATE` adds clips of",
            "23.976, 25, 29.97, 30, 50, 59.94 and uneven rates in timelines of 23.976 to 59.94 fps; `TRACKLAY_ALL_NUMBERS` adds all pairs.",
            "",
            "If the source has the higher frame rate, the proxy also has the frames between those of the timeline, each within half a",
            "timeline frame of its position in Blender. If it has the lower one, Blender 5.0 and later show some frames twice and skip",
            "others, because their cache rounds positions down to whole frames. The proxy shows the same on each timeline frame, and the",
            "skipped frames in between. Right after Blender opens a file with an uneven rate, the first frame that it seeks may be one",
            "too late; the second time it is right. The proxy has the right one.",
            "",
            "## From the file",
            "",
            "ffmpeg reads the frames from the strip's own file.",
            "",
            "| strip | description |",
            "|---|---|",
            *read,
            "",
            "## By Blender's render",
            "",
            "A second Blender renders the strip alone from a copy of the timeline, at a small size. The user's settings do not change.",
            "",
            "| strip | description | reason |",
            "|---|---|---|",
            *made,
            "",
        ]
    )


def _read(place: Place, words: tuple[str, ...]) -> Any:
    making, window, content, motion, around = words
    strip = add_source_strip(place, making)
    _cut_to(strip, window, content)
    strip.use_reverse_frames = motion.startswith("backwards")
    if "strobe" in motion:
        strip.strobe = float(motion.rpartition(" ")[2])
    for _ in range({"": 0, "in two metas": 2}.get(around, 1)):
        strip = make_meta(place, [strip])
    if around == "in a trimmed meta":
        set_handles(strip, compat.strip_start(strip) + 4, compat.strip_end(strip) - 3)
    return strip


def add_source_strip(place: Place, making: str) -> Any:
    """Add a strip of the clip or of its images: `frame for frame`, `in real time` or `images`."""
    if making == "images":
        first = str(place.clip.parent / place.images[0])
        strip = place.strips.new_image(f"strip {place.number}", first, 1, place.start)
        for name in place.images[1:]:
            strip.elements.append(name)
        compat.set_strip_frames(strip, len(place.images))
        return strip
    if making == "frame for frame":
        return place.movie()
    strip = add_from_menu(place.scene, place.clip, place.start)
    strip.name = f"strip {place.number}"
    strip.transform.scale_x = strip.transform.scale_y = 1.0  # the Add menu scales a strip to the current resolution
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


def make_meta(place: Place, strips: list[Any]) -> Any:
    """Return a meta strip of some strips, made by Blender's operator and exactly as long as they are."""
    for each in place.scene.sequence_editor.strips_all:
        each.select = each in strips
    place.scene.sequence_editor.active_strip = strips[0]
    with in_the_sequencer(place.scene):
        assert bpy.ops.sequencer.meta_make() == {"FINISHED"}
    meta = place.scene.sequence_editor.active_strip
    meta.name, meta.select = f"meta {place.number}", False
    return meta


def retime(place: Place, strip: Any, operator: str, **given: int) -> None:
    """Run a retiming operator on one strip, and deselect all its keys."""
    for each in place.scene.sequence_editor.strips_all:
        each.select = each == strip
    place.scene.sequence_editor.active_strip = strip
    with in_the_sequencer(place.scene):
        assert getattr(bpy.ops.sequencer, operator)(**given) == {"FINISHED"}
    _select_key(strip, -1)


def key_fields(strip: Any, field: str, kind: Any) -> list[Any]:
    """Return one field of each retiming key of a strip, as ctypes values that can be changed in place.

    Blender has no Python API to select keys. Its `timeline_frame` setter looks up the strip of a key, and can find a strip without keys.
    """
    layouts = strip_dna._load_layouts()
    assert layouts
    values = layouts[strip_dna.STRIP_STRUCT].unpack(
        ctypes.string_at(strip.as_pointer(), layouts[strip_dna.STRIP_STRUCT].size)
    )
    layout = layouts[strip_dna.RETIMING_KEY_STRUCT]
    first = values["*retiming_handles"] + layout.fields[field][0]
    return [kind.from_address(first + number * layout.size) for number in range(values["retiming_handle_num"])]


def _select_key(strip: Any, chosen: int) -> None:
    """Select only the retiming key with this index, or none if it is -1: the operators act on selected keys."""
    for number, flag in enumerate(key_fields(strip, "flag", ctypes.c_int)):
        flag.value = flag.value | KEY_SELECTED if number == chosen else flag.value & ~KEY_SELECTED


def _retimed(place: Place, to: int, making: str = "frame for frame", content: str = "") -> Any:
    strip = add_source_strip(place, making)
    if content:
        _cut_to(strip, "whole", content)
    begin = int(compat.content_start(strip))
    retime(place, strip, "retiming_key_add", timeline_frame=begin + 40)
    for frame in key_fields(strip, "strip_frame_index", ctypes.c_double)[1:]:
        frame.value += to - 40  # as if the key was dragged: the part after it keeps its speed
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
    strip = add_source_strip(place, making)
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
    meta = make_meta(place, [place.movie()])
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
    return make_meta(place, [first, second])


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
    "retimed in a meta": lambda place: make_meta(place, [_retimed(place, 25)]),
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
