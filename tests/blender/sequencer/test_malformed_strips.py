"""Files that lie, and names that look like something else, as strips: the right frames or one sentence, and nothing hangs."""

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
from .strip_matrix import Place, within

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
    """A clip that flashes once, on a timeline at its rate."""
    set_rate(scene, RATE)
    scene.render.resolution_x, scene.render.resolution_y = 192, 108
    path: Path = clips(RATE, FRAMES, (FLASH,))
    return path


def refused(scene: Any, strip: Any) -> str:
    """What is said where nothing can be made of a strip: one sentence."""
    for each in scene.sequence_editor.strips_all:
        each.select = each == strip
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.tracklay.generate(wait=True)
    said = str(caught.value).removeprefix("Error: ").strip()
    assert "\n" not in said
    assert "Traceback" not in said
    return said


def test_a_name_may_be_anything(scene, still, tmp_path):
    """Spaces, quotes, per cent signs, what a shell, ffmpeg or an option begins with: each plays what is in it."""
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


def test_a_render_minds_no_name_either(scene, still, tmp_path):
    """Nor that of a strip, nor of its scene."""
    path = tmp_path / '-it\'s 100% %d "ü".mp4'
    shutil.copy(still, path)
    strip = add(scene, path, 11)
    strip.name, scene.name = '-a "b" 100% %d/ü\\', "--scene's 100%"
    strip.crop.min_y = 4
    bpy.ops.tracklay.generate(wait=True)
    assert worst(mixed_clicks(scene, tmp_path, 60), [sample(11 + FLASH, RATE)]) <= 1


def pipe(path: Path) -> None:
    """What nobody writes to: whoever opens it waits for ever."""
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    """Another thing of that name."""
    path.unlink()
    path.mkdir()


GONE = [
    (pipe, "is no file"),
    (folder, "is no file"),
    (Path.unlink, "does not exist"),
    (lambda path: os.truncate(path, 0), "is empty"),
]


@pytest.mark.parametrize(("change", "why"), GONE, ids=["pipe", "folder", "gone", "empty"])
def test_what_is_no_file_any_more_is_refused_before_anything_is_opened(change, why, scene, still, tmp_path):
    """Whether the file itself is to be read or Blender is to render it, alone, in a meta strip, or under an effect."""
    path = tmp_path / "clip.mp4"
    shutil.copy(still, path)
    strip = add(scene, path, 11)
    change(path)
    wanted = f"the file of clip, {path}, {why}: choose it again in the strip's Source panel"
    assert wanted in refused(scene, strip)
    strip.crop.min_y = 4
    with pytest.raises(InvalidInput) as caught:
        selection.spot_ranges(scene, [(strip, 11, FRAMES)])
    assert str(caught.value) == wanted
    meta = within(Place(scene, path, (), 11, 0), [strip])
    with pytest.raises(InvalidInput) as caught:
        selection.spot_ranges(scene, [(meta, 11, FRAMES)])
    assert str(caught.value) == wanted


def test_a_file_that_ends_early_gives_what_is_there_or_a_sentence(scene, still, tmp_path):
    """Cut off after the strip was made: the frames that are there play; for the others it says where the file ends."""
    path = flash_clip(
        tmp_path / "clip.ts", RATE, 100, (FLASH,), "-c:v", "libx264", "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p"
    )
    strip = add(scene, path, 11)
    os.truncate(path, path.stat().st_size // 2)
    assert "was it cut short?" in refused(scene, strip)
    set_handles(strip, 11, 31)
    bpy.ops.tracklay.generate(wait=True)
    assert worst(mixed_clicks(scene, tmp_path, 60), [sample(11 + FLASH, RATE)]) <= 1


def lying(path: Path, kinds: tuple[tuple[bytes, int], ...], change: Any) -> None:
    """Change numbers of four bytes in an MP4's boxes: `kinds` are boxes and where in each."""
    data = bytearray(path.read_bytes())
    for kind, offset in kinds:
        at = data.find(kind) + 4
        struct.pack_into(">I", data, at + offset, change(struct.unpack_from(">I", data, at + offset)[0]))
    path.write_bytes(data)


@pytest.mark.parametrize("factor", [100, 0])
def test_a_file_that_lies_of_its_length_plays_what_is_in_it(factor, scene, still, tmp_path):
    """An hour, or nothing at all: on the frames that it has, the flash is where Blender shows it."""
    path = tmp_path / "clip.mp4"
    shutil.copy(still, path)
    lying(path, ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16)), lambda length: length * factor)
    strip = add(scene, path, 11)
    if not strip.elements[0].orig_fps:
        assert "could not open" in refused(scene, strip)
        return
    set_handles(strip, 11, 11 + FRAMES)
    bpy.ops.tracklay.generate(wait=True)
    assert worst(mixed_clicks(scene, tmp_path, 60), [sample(11 + FLASH, RATE)]) <= 1


@pytest.mark.parametrize("rate", [(0, 1), (25, 0), (0, 0)], ids=str)
def test_a_stream_that_says_it_has_no_rate_plays_or_is_told(rate, scene, still, tmp_path):
    """An AVI of 0 frames a second, or of a scale of nothing: what Blender makes of it plays, else one sentence."""
    path = flash_clip(tmp_path / "clip.avi", RATE, FRAMES, (FLASH,), "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
    data = bytearray(path.read_bytes())
    struct.pack_into("<II", data, data.find(b"strh") + 28, rate[1], rate[0])
    path.write_bytes(data)
    strip = add(scene, path, 11)
    if not strip.elements or not strip.elements[0].orig_fps:
        assert "could not open" in refused(scene, strip)
        return
    set_handles(strip, 11, 11 + FRAMES)
    bpy.ops.tracklay.generate(wait=True)
    assert worst(mixed_clicks(scene, tmp_path, 60), [sample(11 + FLASH, RATE)]) <= 1
