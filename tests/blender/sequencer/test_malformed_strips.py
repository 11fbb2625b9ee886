"""Malformed files and unusual file names: a strip plays the right frames or gives one error sentence, and nothing hangs."""

from __future__ import annotations

import os
import shutil
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import pytest
from tracklay.blender.sequencer import selection
from tracklay.errors import InvalidInput

from tests.clips import flash_clip

from ..conftest import add, set_handles, set_rate
from ..render.mix import mixed_clicks, sample, worst
from .strip_matrix import Place, make_meta

RATE = Fraction(25)
FRAMES = 30
FLASH = 12
NAMES = (
    "a film.mp4",
    "it's.mp4",
    'say "hi".mp4',
    "100%.mp4",
    "shot.%04d.mp4",
    "-i.mp4",
    "für 日本 ☃.mp4",
    "a;b&c|d$(e).mp4",
    "[x]{y}*?.mp4",
    "file:a,b=c.mp4",
)


@pytest.fixture
def still(scene, clips) -> Path:
    """A clip that flashes once, in a scene with its frame rate."""
    set_rate(scene, RATE)
    scene.render.resolution_x, scene.render.resolution_y = 192, 108
    path: Path = clips(RATE, FRAMES, (FLASH,))
    return path


def generate_error(scene: Any, strip: Any) -> str:
    """Return the one error sentence with which Generate refuses a strip."""
    for each in scene.sequence_editor.strips_all:
        each.select = each == strip
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.tracklay.generate(wait=True)
    message = str(caught.value).removeprefix("Error: ").strip()
    assert "\n" not in message
    assert "Traceback" not in message
    return message


def test_a_file_name_may_have_any_characters(scene, still, tmp_path):
    """Spaces, quotes, per cent signs and the special characters of shells, ffmpeg and options: each file plays its own frames."""
    folder = tmp_path / '-it\'s 100% %d "ü"'
    folder.mkdir()
    for number, name in enumerate(NAMES):
        shutil.copy(still, folder / name)
        add(scene, folder / name, 11 + 40 * number).name = name
    images = [f"-i'm {number} of 100%.png" for number in range(20)]
    flash_clip(tmp_path / "%04d.png", RATE, 20, (7,), "-start_number", "0", "-c:v", "png")
    for number, name in enumerate(images):
        (tmp_path / f"{number:04}.png").rename(folder / name)
    strip = scene.sequence_editor.strips.new_image("images", str(folder / images[0]), 1, 11 + 40 * len(NAMES))
    for name in images[1:]:
        strip.elements.append(name)
    set_handles(strip, 11 + 40 * len(NAMES), 31 + 40 * len(NAMES))
    strip.select = True
    bpy.ops.tracklay.generate(wait=True)
    expected = [*(11 + 40 * number + FLASH for number in range(len(NAMES))), 11 + 40 * len(NAMES) + 7]
    assert worst(mixed_clicks(scene, tmp_path, 500), [sample(at, RATE) for at in expected]) <= 1


def test_a_rendered_strip_may_have_any_name(scene, still, tmp_path):
    """The same is true of the names of the strip and of its scene."""
    path = tmp_path / '-it\'s 100% %d "ü".mp4'
    shutil.copy(still, path)
    strip = add(scene, path, 11)
    strip.name, scene.name = '-a "b" 100% %d/ü\\', "--scene's 100%"
    strip.crop.min_y = 4
    bpy.ops.tracklay.generate(wait=True)
    assert worst(mixed_clicks(scene, tmp_path, 60), [sample(11 + FLASH, RATE)]) <= 1


def replace_by_pipe(path: Path) -> None:
    """Replace a file with a pipe that has no writer: opening it blocks."""
    path.unlink()
    os.mkfifo(path)


def replace_by_folder(path: Path) -> None:
    """Replace a file with a folder of its name."""
    path.unlink()
    path.mkdir()


UNREADABLE = [
    (replace_by_pipe, "Source of clip is not a file: {path}."),
    (replace_by_folder, "Source of clip is not a file: {path}."),
    (Path.unlink, "File of clip not found: {path}."),
    (lambda path: os.truncate(path, 0), "File of clip is empty: {path}."),
]


@pytest.mark.parametrize(("change", "template"), UNREADABLE, ids=["pipe", "folder", "gone", "empty"])
def test_a_source_that_is_not_a_file_is_refused_before_it_is_opened(change, template, scene, still, tmp_path):
    """Also if Blender renders the strip, alone or in a meta strip."""
    path = tmp_path / "clip.mp4"
    shutil.copy(still, path)
    strip = add(scene, path, 11)
    change(path)
    expected = template.format(path=path)
    assert generate_error(scene, strip) == f"{expected} Choose the file again in the strip's Source panel."
    strip.crop.min_y = 4
    with pytest.raises(InvalidInput) as caught:
        selection.spot_ranges(scene, [(strip, 11, FRAMES)])
    assert str(caught.value) == expected
    meta = make_meta(Place(scene, path, (), 11, 0), [strip])
    with pytest.raises(InvalidInput) as caught:
        selection.spot_ranges(scene, [(meta, 11, FRAMES)])
    assert str(caught.value) == expected


def test_a_truncated_file_plays_the_frames_that_it_has(scene, still, tmp_path):
    """The file was truncated after the strip was added; a span beyond its end is an error that names the end."""
    path = flash_clip(
        tmp_path / "clip.ts", RATE, 100, (FLASH,), "-c:v", "libx264", "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p"
    )
    strip = add(scene, path, 11)
    os.truncate(path, path.stat().st_size // 2)
    assert "The file may be truncated." in generate_error(scene, strip)
    set_handles(strip, 11, 31)
    bpy.ops.tracklay.generate(wait=True)
    assert worst(mixed_clicks(scene, tmp_path, 60), [sample(11 + FLASH, RATE)]) <= 1


def change_box_values(path: Path, kinds: tuple[tuple[bytes, int], ...], change: Any) -> None:
    """Change 32-bit values in an MP4's boxes; `kinds` are box types and the offset of a value in each."""
    data = bytearray(path.read_bytes())
    for kind, offset in kinds:
        at = data.find(kind) + 4
        struct.pack_into(">I", data, at + offset, change(struct.unpack_from(">I", data, at + offset)[0]))
    path.write_bytes(data)


@pytest.mark.parametrize("factor", [100, 0])
def test_a_file_with_a_wrong_length_in_its_header_plays_its_frames(factor, scene, still, tmp_path):
    """The header's length is 100 times too long, or 0: the click is on the frame on which Blender shows the flash."""
    path = tmp_path / "clip.mp4"
    shutil.copy(still, path)
    change_box_values(path, ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16)), lambda length: length * factor)
    strip = add(scene, path, 11)
    if not strip.elements[0].orig_fps:
        assert "Blender cannot open the file of clip." in generate_error(scene, strip)
        return
    set_handles(strip, 11, 11 + FRAMES)
    bpy.ops.tracklay.generate(wait=True)
    assert worst(mixed_clicks(scene, tmp_path, 60), [sample(11 + FLASH, RATE)]) <= 1


@pytest.mark.parametrize("rate", [(0, 1), (25, 0), (0, 0)], ids=str)
def test_a_stream_with_an_invalid_frame_rate_plays_or_is_refused(rate, scene, still, tmp_path):
    """An AVI with 0 as its rate or scale plays if Blender can open it; else the error is one sentence."""
    path = flash_clip(tmp_path / "clip.avi", RATE, FRAMES, (FLASH,), "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
    data = bytearray(path.read_bytes())
    struct.pack_into("<II", data, data.find(b"strh") + 28, rate[1], rate[0])
    path.write_bytes(data)
    strip = add(scene, path, 11)
    if not strip.elements or not strip.elements[0].orig_fps:
        assert "Blender cannot open the file of clip." in generate_error(scene, strip)
        return
    set_handles(strip, 11, 11 + FRAMES)
    bpy.ops.tracklay.generate(wait=True)
    assert worst(mixed_clicks(scene, tmp_path, 60), [sample(11 + FLASH, RATE)]) <= 1
