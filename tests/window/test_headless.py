"""Films without a window: rendered with their sound in, and as PICTURE of the command, by a real Blender."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tracklay.cli.main import main

from tests.clips import clicks, hear
from tests.timelines.cuts import clip, gap, timeline, track

from .conftest import FLASHES

SCRIPT = Path(__file__).parent / "headless.py"
STARTS, LAST, RATE = (11, 121, 231), 340, 25
EXPECTED = [round((start + flash - 1) / RATE * 48_000) for start in STARTS for flash in FLASHES]


def headless(blender, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `blender -b [film] --python headless.py -- …` as a farm does."""
    film = [] if arguments[0] == "cut" else [str(folder / "film.blend")]
    command = [blender.program, "--background", *film, "--python", str(SCRIPT), "--", *arguments]
    environment = blender.environment | {"TRACKLAY_HOME": str(folder / "home"), "TRACKLAY_TEST_PYTHON": sys.executable}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)


@pytest.fixture(scope="module")
def film(_installed, clip):
    """A film of three shots, saved beside the clip."""
    made = headless(_installed, clip.parent, "cut", str(clip.parent))
    assert made.returncode == 0, made.stderr
    return clip.parent / "film.blend"


@pytest.fixture
def cut(film, folder):
    """A copy of the film in the test's folder."""
    return Path(shutil.copy(film, folder))


def worst(found: list[int], expected: list[int]) -> int:
    """The largest distance in samples between clicks and where they belong."""
    assert len(found) == len(expected), (found, expected)
    return max(abs(a - b) for a, b in zip(found, expected, strict=True))


def test_a_silent_film_is_rendered_with_its_sound_in(blender, folder, cut):
    """Three shots get their takes, the movie clicks on every flash; the second time nothing is made."""
    movie = folder / "out" / f"film_0001-{LAST:04}.mkv"
    for made in (3, 0):
        ended = headless(blender, folder, "--model", "clicker/clicks", "-a")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert f"tracklay: {made} made, 3 laid, 0 failed" in ended.stderr
        assert "Traceback" not in ended.stdout + ended.stderr
        assert worst(clicks(hear(movie)), EXPECTED) <= 1
        movie.unlink()
    wrong = headless(blender, folder, "--model", "no/such", "-a")
    assert wrong.returncode == 2
    assert "tracklay: Unknown model: 'no/such'" in wrong.stderr
    assert not movie.exists()


def test_the_same_cut_gives_the_same_takes_as_files_as_otio_and_as_a_film(
    blender, folder, cut, home, clicking, monkeypatch
):
    """A Blender that is named spots the film and lays its takes in a copy; files and .otio give the same, each made for itself."""
    monkeypatch.setenv("TRACKLAY_BLENDER", blender.program)
    before = cut.read_bytes()
    children: list[object] = []
    for number, start in enumerate(STARTS):
        children += [
            gap(start if number == 0 else 10, RATE),
            clip(folder / "flashes.mp4", 0, 100, RATE, name=f"shot{number}"),
        ]
    otio = timeline(folder / "film.otio", track(*children))
    takes = {}
    for picture in (cut, otio, folder / "flashes.mp4"):
        to = folder / picture.suffix[1:]
        monkeypatch.setenv("TRACKLAY_HOME", str(shutil.copytree(home / "models", to / "home" / "models").parent))
        assert main(["lay", str(picture), "--model", "clicker/clicks", "--seed", "3", "--to", str(to)]) == 0
        told = json.loads((to / f"{picture.stem}.tracklay.json").read_text())["takes"]
        takes[picture.suffix] = told, [hear(to / take["file"]) for take in told]
    film, otios, alone = takes[".blend"], takes[".otio"], takes[".mp4"]
    same = ("start", "frames", "samples", "seed", "source_sha256", "params")
    assert [{key: take[key] for key in same} for take in film[0]] == [
        {key: take[key] for key in same} for take in otios[0]
    ]
    assert [take["start"]["frame"] for take in film[0]] == list(STARTS)
    for take, heard in zip(film[0], film[1], strict=True):
        assert {key: take[key] for key in same[1:]} == {key: alone[0][0][key] for key in same[1:]}
        assert all((heard == other).all() for other in (*otios[1], *alone[1]))
    assert worst(clicks(film[1][0]), [round(flash / RATE * 48_000) for flash in FLASHES]) <= 1
    assert cut.read_bytes() == before
    said = "import bpy; print(sorted((s.left_handle, s.duration, s.type) for s in bpy.context.scene.sequence_editor.strips))"
    copy = folder / "blend" / "film.tracklay.blend"
    command = [blender.program, "-b", "--factory-startup", str(copy), "--python-expr", said]
    seen = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True).stdout
    assert str([(start, 100, kind) for start in STARTS for kind in ("MOVIE", "SOUND")]) in seen


def test_a_render_in_a_window_has_its_sound_in(blender, folder):
    """Rendered as a person does it, the takes are laid before the first frame, and the movie clicks on the flashes."""
    told = blender.told(blender.start("render_in_window", folder), folder)
    assert (told["laid"], told["codec"]) == (1, "NONE")
    expected = [round((11 + flash - 1) / RATE * 48_000) for flash in FLASHES]
    assert worst(clicks(hear(folder / "out" / "film_0001-0120.mkv")), expected) <= 1


def test_a_render_in_a_window_can_be_stopped_for_want_of_sound(blender, folder):
    """With `stop` no frame is rendered, the scene is as it was, and a still is rendered without anything being made."""
    told = blender.told(blender.start("render_stopped_in_window", folder), folder)
    assert told["files"] == []
    assert told["size"] == [192, 108, 100]
    assert told["asked_by_a_still"] == 0
    assert told["asked_by_the_film"] == 1


def test_a_film_goes_over_a_farm_as_two_jobs(blender, folder, cut):
    """The example: first the sound, once; then frames of which each part has just its own sound, and nothing is made any more."""
    script = Path(__file__).parents[2] / "scripts/examples" / "render_farm_two_stage.sh"
    environment = blender.environment | {"TRACKLAY_HOME": str(folder / "home"), "BLENDER": blender.program}
    said = []
    for task in (("sound", cut), ("frames", cut, 1, 20), ("frames", cut, 21, 40)):
        command = ["bash", str(script), *map(str, task)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        said.append(next(line for line in ended.stderr.splitlines() if line.endswith("failed")))
    assert said == ["tracklay: 3 made, 3 laid, 0 failed", *["tracklay: 0 made, 1 laid, 0 failed"] * 2]
    assert len(list((folder / "out").iterdir())) == 2
