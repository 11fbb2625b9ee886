"""Guidelines that need a whole Blender: files without the extension, an update during a job, keys and translations."""

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
    """In a Blender without the extension the clicks are at the flashes, to the sample."""
    assert blender.wait_for_results(blender.start("leave_a_file", folder), folder)["laid"] == 2
    (tmp_path / "mix.py").write_text(MIX)
    empty = os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path / "empty profile")}
    options = ["--background", "--factory-startup", str(folder / "film.blend"), "--python-exit-code", "3"]
    command = [blender.program, *options, "--python", str(tmp_path / "mix.py"), "--", str(tmp_path / "mix.wav")]
    subprocess.run(command, env=empty, check=True, timeout=120, capture_output=True)
    expected = [round((START + flash - 1) / RATE * 48_000) for flash in FLASHES]
    found = clicks(hear(tmp_path / "mix.wav"))
    assert len(found) == len(expected), (found, expected)
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1


def write_newer(extension, to) -> None:
    """Write the same extension as a later version."""
    with zipfile.ZipFile(extension) as old, zipfile.ZipFile(to, "w") as new:
        for item in old.infolist():
            content = old.read(item)
            if item.filename.endswith(("blender_manifest.toml", "version.py")):
                content = content.replace(b'"0.1.0"', b'"0.1.1"')
            new.writestr(item, content)


def test_an_update_during_a_job_loses_nothing(fresh_blender, folder):
    """The new version continues a submitted job: submitted once, laid once, one thread."""
    write_newer(fresh_blender.extension, folder / "newer.zip")
    results = fresh_blender.wait_for_results(fresh_blender.start("update_while_running", folder), folder)
    assert (results["before"], results["after"]) == ("0.1.0", "0.1.1")
    assert results["jobs"] == ["laid"]
    assert (results["submitted"], results["threads"], results["model"]) == (1, 1, "clicker/clicks")


def test_no_shortcut_is_used_by_blender(blender, folder):
    """Blender uses none of the shortcuts, and shows every entry of the German translation."""
    results = blender.wait_for_results(blender.start("read_the_keymap", folder), folder)
    assert results["taken"] == []
    assert results["english"] == []


def test_panels_are_drawn_with_two_thousand_strips(blender, folder):
    """Every cue has a row, and the panels are drawn repeatedly. Timings are printed, not asserted."""
    results = blender.wait_for_results(blender.start("draw_many", folder), folder)
    assert results["rows"] == 1001
    assert results["draws"] > 2
    print({key: value for key, value in results.items() if key.endswith("_ms")})  # noqa: T201 - timings are printed, not asserted
