"""Manners that only a whole Blender shows: files without the extension, an update while it works, its keys and its languages."""

from __future__ import annotations

import os
import subprocess
import zipfile

from tests.clips import clicks, hear

from .conftest import FLASHES

START = 31
RATE = 25

MIX = """\
import importlib.util, sys, time
from pathlib import Path
import bpy
assert "tracklay" not in dir(bpy.ops) or not hasattr(bpy.types.Scene, "tracklay")
bpy.context.scene.render.ffmpeg.audio_mixrate = 48000
to = Path(sys.argv[-1])
bpy.ops.sound.mixdown(filepath=str(to), container="WAV", codec="PCM", format="S24")
size = -1
while size != (size := to.stat().st_size if to.exists() else 0) or not size:
    time.sleep(1.0)
"""


def test_a_file_with_takes_plays_without_the_extension(blender, folder, tmp_path):
    """Opened in a Blender as it comes: the clicks are heard where the flashes are, to the sample."""
    assert blender.told(blender.start("leave_a_file", folder), folder)["laid"] == 2
    (tmp_path / "mix.py").write_text(MIX)
    empty = os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path / "nobody")}
    options = ["--background", "--factory-startup", str(folder / "film.blend"), "--python-exit-code", "3"]
    command = [blender.program, *options, "--python", str(tmp_path / "mix.py"), "--", str(tmp_path / "mix.wav")]
    subprocess.run(command, env=empty, check=True, timeout=120, capture_output=True)
    expected = [round((START + flash - 1) / RATE * 48_000) for flash in FLASHES]
    found = clicks(hear(tmp_path / "mix.wav"))
    assert len(found) == len(expected), (found, expected)
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1


def newer(extension, to) -> None:
    """The same extension as a later version."""
    with zipfile.ZipFile(extension) as old, zipfile.ZipFile(to, "w") as new:
        for item in old.infolist():
            held = old.read(item)
            if item.filename.endswith(("blender_manifest.toml", "version.py")):
                held = held.replace(b'"0.1.0"', b'"0.1.1"')
            new.writestr(item, held)


def test_an_update_while_it_works_loses_nothing(fresh_blender, folder):
    """A job that is at its provider is carried on by the new version: submitted once, laid once, one thread."""
    newer(fresh_blender.extension, folder / "newer.zip")
    told = fresh_blender.told(fresh_blender.start("update_while_running", folder), folder)
    assert (told["before"], told["after"]) == ("0.1.0", "0.1.1")
    assert told["jobs"] == ["laid"]
    assert (told["submitted"], told["threads"], told["model"]) == (1, 1, "clicker/clicks")


def test_no_key_is_blenders_own(blender, folder):
    """Whatever a key of ours does, it did nothing before; and every word of the German table reaches the person."""
    told = blender.told(blender.start("read_the_keymap", folder), folder)
    assert told["taken"] == []
    assert told["english"] == []


def test_panels_are_drawn_with_two_thousand_strips(blender, folder):
    """Every cue is a row, and the panels are drawn again and again; what it costs is printed, not judged by a clock."""
    told = blender.told(blender.start("draw_many", folder), folder)
    assert told["rows"] == 1001
    assert told["draws"] > 2
    print({key: value for key, value in told.items() if key.endswith("_ms")})  # noqa: T201 - the figures are what it is for
