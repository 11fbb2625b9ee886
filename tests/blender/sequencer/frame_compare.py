"""Compares the frame numbers in proxies with those in the render of the Blender that runs the tests."""

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
from .strip_matrix import APART, Case, Place, pair_cases, rendered_cases, retimed_cases, single_cases

FRAMES = 150

UNEVEN = "25, uneven"
SOURCES = {str(rate): rate for rate in map(Fraction, ("24000/1001", "25", "30000/1001", "30", "50", "60000/1001"))}
SOURCES[UNEVEN] = Fraction(25)


ALL = bool(os.environ.get("TRACKLAY_ALL_NUMBERS"))
"""Whether to test all pairs of kinds. With every rate this is the whole matrix: half an hour for each Blender."""

TIMELINES = [Fraction(text) for text in ("24000/1001", "24", "25", "30000/1001", "50", "60000/1001")]
EVERY = [(source, timeline) for source in SOURCES for timeline in TIMELINES]
SOME = [("25", Fraction(24)), ("30000/1001", Fraction(60000, 1001)), (UNEVEN, Fraction(30000, 1001))]
SOURCE_RATES = EVERY if os.environ.get("TRACKLAY_EVERY_RATE") else SOME
"""Frame rates of sources and timelines at which strips that are read from files are compared."""

RENDER_RATES = [("25", Fraction(24)), ("60000/1001", Fraction(30000, 1001)), (UNEVEN, Fraction(25))][: 3 if ALL else 1]
"""The same for strips that Blender renders."""

SOME_RENDERED = ("retimed with a transition", "in a backwards meta")


def source_cases(source: str, timeline: Fraction) -> list[Case]:
    """Return the cases that are read from files: with `ALL` every pair, else each kind once, and fewer at the other rates."""
    if ALL:
        return [*pair_cases(), *retimed_cases()]
    if (source, timeline) == SOME[0]:
        return [*single_cases(), *retimed_cases()]
    return [
        case for case in pair_cases() if case.name in ("in real time", "in real time, whole", "in real time, backwards")
    ]


def render_cases() -> list[Case]:
    """Return the cases that Blender renders: all of them with `ALL`, else some."""
    return rendered_cases() if ALL else [case for case in rendered_cases() if case.name in SOME_RENDERED]


class Sources:
    """Numbered clips by the name of their frame rate, each written once, with the same frames as images beside them."""

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


def read_numbers(path: Path, *options: str) -> list[int]:
    """Return the numbers in a file's frames, which have the size of the clips. `options` are ffmpeg's for the input."""
    command = [FFMPEG, "-v", "error", *options, "-i", str(path), "-fps_mode", "passthrough"]
    data = subprocess.run([*command, "-pix_fmt", "gray", "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    return [read(frame) for frame in np.frombuffer(data, np.uint8).reshape(-1, SIZE[1], SIZE[0])]


def build_strips(scene: Any, cases: list[Case], clip: tuple[Path, tuple[str, ...]], rate: Fraction) -> list[Any]:
    """Return each case's strip, in a scene with the resolution of the clip."""
    set_rate(scene, rate)
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.view_settings.view_transform = "Standard"
    strips = []
    for number, case in enumerate(cases):
        place = Place(scene, *clip, 100 + number * APART, number if case.number < 0 else case.number)
        strips.append(case.build(place))
        set_rate(scene, rate)  # the Add menu may change the scene's rate
    for strip in scene.sequence_editor.strips_all:
        strip.select = False
    return strips


def render_numbers(scene: Any, first: int, frames: int, to: Path) -> list[int]:
    """Return the numbers in Blender's own render of some timeline frames."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.compression = "PNG", 0
    scene.frame_start, scene.frame_end = first, first + frames - 1
    scene.render.filepath = str(to / "shown.####")
    bpy.ops.render.render(animation=True)
    found = read_numbers(to / "shown.%04d.png", "-start_number", str(first))
    assert len(found) == frames
    for frame in range(first, first + frames):
        (to / f"shown.{frame:04}.png").unlink()
    return found


def proxy_numbers(spot: Any, to: Path) -> tuple[list[int], list[Fraction]]:
    """Return the numbers in a spot's proxy, and their times in timeline frames."""
    picture = spot.picture
    if picture.render is not None:
        picture = replace(
            picture, render=replace(picture.render, timeline_copy=timeline_copy.write_scene_copy(picture.render.scene))
        )
        picture = render(picture, spot.span, SIZE[1], cancel_token=CancelToken()).as_picture(picture, spot.span)
    proxy = extract_proxy(picture, spot.span, to / "proxy.mp4")
    return read_numbers(proxy.path), [time * spot.span.rate.fps for time in proxy.times]


def find_mismatches(seen: list[int], proxy: tuple[list[int], list[Fraction]]) -> list[tuple[int, int]]:
    """Return the timeline frames whose number Blender shows and the proxy does not, with the number.

    If the proxy has frames between those of the timeline, a number may be half a timeline frame early or late.
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


def _clear_frame_cache(scene: Any) -> None:
    """Clear Blender's cache of decoded frames."""
    editor = scene.sequence_editor
    for _ in range(2):
        editor.use_cache_raw = not editor.use_cache_raw


def compare_cases(scene: Any, cases: list[Case], clip: Any, rate: Fraction, folder: Path) -> dict[str, str]:
    """Compare each case, and return how the picture of each is read, by the name of the case.

    Right after they open an uneven file, Blender 4.5 and 5.0 may show the first frame that they seek one too late, and show the
    right one the second time. If a number differs, Blender renders the frames once more while the file is still open.
    """
    ways, faults = {}, []
    for case, strip in zip(cases, build_strips(scene, cases, clip, rate), strict=True):
        first, frames = compat.strip_start(strip), compat.strip_frames(strip)
        (spot,) = selection.spot_ranges(scene, [(strip, first, frames)])
        seen = render_numbers(scene, first, frames, folder)
        proxy = proxy_numbers(spot, folder)
        missing = find_mismatches(seen, proxy)
        if missing:
            _clear_frame_cache(scene)
            missing = find_mismatches(seen := render_numbers(scene, first, frames, folder), proxy)
        if missing:
            faults.append((case.name, missing[:8], seen[:20], proxy[0][:24]))
        ways[case.name] = f"{'render' if spot.picture.render else 'source'}: {spot.picture.reason}"
    assert not faults, "\n".join(map(str, [f"{len(faults)} of {len(cases)}", *faults]))
    return ways
