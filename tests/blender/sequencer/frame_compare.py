"""Compares the numbers in proxies with those in Blender's own render, in whatever Blender this runs."""

from __future__ import annotations

import os
import subprocess
from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from tracklay.blender.sequencer import compat, selection, timeline_copy
from tracklay.cancellation import CancelToken
from tracklay.media.editor_render import render_in_editor as render
from tracklay.media.extract import extract_proxy

from tests.clips import FFMPEG, encode
from tests.media.numbered_clips import SIZE, drawn, numbered, read

from ..strips import set_rate
from .strip_matrix import APART, Case, Place, pairs, rendered, retimed, singles

FRAMES = 150

UNEVEN = "25, uneven"
SOURCES = {str(rate): rate for rate in map(Fraction, ("24000/1001", "25", "30000/1001", "30", "50", "60000/1001"))}
SOURCES[UNEVEN] = Fraction(25)


ALL = bool(os.environ.get("TRACKLAY_ALL_NUMBERS"))
"""All pairs of kinds. With every rate it is the whole matrix: half an hour for each Blender."""

TIMELINES = [Fraction(text) for text in ("24000/1001", "24", "25", "30000/1001", "50", "60000/1001")]
EVERY = [(source, timeline) for source in SOURCES for timeline in TIMELINES]
SOME = [("25", Fraction(24)), ("30000/1001", Fraction(60000, 1001)), (UNEVEN, Fraction(30000, 1001))]
READ_AT = EVERY if os.environ.get("TRACKLAY_EVERY_RATE") else SOME
"""Sources and timelines at which what is read from files is compared."""

RENDERED_AT = [("25", Fraction(24)), ("60000/1001", Fraction(30000, 1001)), (UNEVEN, Fraction(25))][: 3 if ALL else 1]
"""And what Blender renders."""

SOME_RENDERED = ("retimed with a transition", "in a backwards meta")


def read_at(source: str, timeline: Fraction) -> list[Case]:
    """Every pair where all are wanted; else each kind once, and at other rates what rates make a difference to."""
    if ALL:
        return [*pairs(), *retimed()]
    if (source, timeline) == SOME[0]:
        return [*singles(), *retimed()]
    return [case for case in pairs() if case.name in ("in real time", "in real time, whole", "in real time, backwards")]


def rendered_at() -> list[Case]:
    """What only Blender shows: all of it where all are wanted, else some."""
    return rendered() if ALL else [case for case in rendered() if case.name in SOME_RENDERED]


class Sources:
    """Numbered clips by the name of their rate, each made once, and the same as images beside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str) -> tuple[Path, tuple[str, ...]]:
        path = self._folder / f"{name.replace('/', '-')}.mp4"
        uneven = ("-vf", "select=not(eq(mod(n\\,5)\\,3)+eq(mod(n\\,7)\\,2))", "-fps_mode", "passthrough")
        if not path.exists():
            options = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "24", "-bf", "2")
            numbered(path, SOURCES[name], FRAMES, *options, *(uneven if name == UNEVEN else ()))
        if not (self._folder / "images.0000.png").exists():
            frames = (drawn(number) for number in range(FRAMES))
            pattern = self._folder / "images.%04d.png"
            encode(pattern, frames, SIZE, Fraction(24), "-start_number", "0", "-c:v", "png")
        return path, tuple(f"images.{number:04}.png" for number in range(FRAMES))


def numbers(path: Path, *options: str) -> list[int]:
    """The numbers that a file's frames carry; they are as large as the clips. `options` are ffmpeg's for reading it."""
    command = [FFMPEG, "-v", "error", *options, "-i", str(path), "-fps_mode", "passthrough"]
    data = subprocess.run([*command, "-pix_fmt", "gray", "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    return [read(frame) for frame in np.frombuffer(data, np.uint8).reshape(-1, SIZE[1], SIZE[0])]


def built(scene: Any, cases: list[Case], clip: tuple[Path, tuple[str, ...]], rate: Fraction) -> list[Any]:
    """Each case's strip, on a timeline as large as the clip."""
    set_rate(scene, rate)
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.view_settings.view_transform = "Standard"
    made = []
    for number, case in enumerate(cases):
        place = Place(scene, *clip, 100 + number * APART, number if case.number < 0 else case.number)
        made.append(case.build(place))
        set_rate(scene, rate)  # what a person adds may bring its own
    for strip in scene.sequence_editor.strips_all:
        strip.select = False
    return made


def shown(scene: Any, first: int, frames: int, to: Path) -> list[int]:
    """The numbers in Blender's own render of timeline frames, made here and now."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.compression = "PNG", 0
    scene.frame_start, scene.frame_end = first, first + frames - 1
    scene.render.filepath = str(to / "shown.####")
    bpy.ops.render.render(animation=True)
    found = numbers(to / "shown.%04d.png", "-start_number", str(first))
    assert len(found) == frames
    for frame in range(first, first + frames):
        (to / f"shown.{frame:04}.png").unlink()
    return found


def proxied(spot: Any, to: Path) -> tuple[list[int], list[Fraction]]:
    """The numbers in the proxy of a spot, and their times in timeline frames."""
    picture = spot.picture
    if picture.render is not None:
        picture = replace(
            picture, render=replace(picture.render, timeline_copy=timeline_copy.write_scene_copy(picture.render.scene))
        )
        picture = render(picture, spot.span, SIZE[1], cancel_token=CancelToken()).as_picture(picture, spot.span)
    proxy = extract_proxy(picture, spot.span, to / "proxy.mp4")
    return numbers(proxy.path), [time * spot.span.rate.fps for time in proxy.times]


def wrong(seen: list[int], proxy: tuple[list[int], list[Fraction]]) -> list[tuple[int, int]]:
    """Timeline frames and numbers that a proxy does not show when Blender does.

    Where it has frames between the timeline's, a number may come half a timeline frame early or late.
    """
    held, times = proxy
    between = any(time.denominator != 1 and abs(time - round(time)) > Fraction(1, 50) for time in times)
    room = Fraction(1, 2) if between else Fraction(1, 50)
    missing = []
    for frame, number in enumerate(seen):
        first = max(0, bisect_right(times, frame - room if between else frame + room) - 1)
        last = bisect_right(times, frame + room) - 1
        if number not in held[first : last + 1]:
            missing.append((frame, number))
    return missing


def _forget(scene: Any) -> None:
    """Have Blender throw away the frames that it keeps."""
    editor = scene.sequence_editor
    for _ in range(2):
        editor.use_cache_raw = not editor.use_cache_raw


def compared(scene: Any, cases: list[Case], clip: Any, rate: Fraction, folder: Path) -> dict[str, str]:
    """Compare each case; the way that each was taken, by its name.

    Right after it has opened an uneven file, Blender 4.5 and 5.0 may show the first frame that they seek in it one too late, and show the
    right one when they are asked again: where something differs, Blender renders it once more, the file still open.
    """
    ways, faults = {}, []
    for case, strip in zip(cases, built(scene, cases, clip, rate), strict=True):
        first, frames = compat.strip_start(strip), compat.strip_frames(strip)
        (spot,) = selection.spot_ranges(scene, [(strip, first, frames)])
        seen = shown(scene, first, frames, folder)
        made = proxied(spot, folder)
        missing = wrong(seen, made)
        if missing:
            _forget(scene)
            missing = wrong(seen := shown(scene, first, frames, folder), made)
        if missing:
            faults.append((case.name, missing[:8], seen[:20], made[0][:24]))
        ways[case.name] = f"{'render' if spot.picture.render else 'source'}: {spot.picture.reason}"
    assert not faults, "\n".join(map(str, [f"{len(faults)} of {len(cases)}", *faults]))
    return ways
