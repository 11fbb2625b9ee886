"""Films in a Blender without a window: rendered with sound, and as the PICTURE of the command."""

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


def run_headless(blender, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `blender -b [film] --python headless.py -- …`, as a render farm does."""
    film = [] if arguments[0] in ("cut", "scenes") else [str(folder / "film.blend")]
    command = [blender.program, "--background", *film, "--python", str(SCRIPT), "--", *arguments]
    environment = blender.environment | {"TRACKLAY_HOME": str(folder / "home"), "TRACKLAY_TEST_PYTHON": sys.executable}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)


@pytest.fixture(scope="module")
def film(_installed, clip):
    """A film of three shots, saved in the folder of the clip."""
    made = run_headless(_installed, clip.parent, "cut", str(clip.parent))
    assert made.returncode == 0, made.stderr
    return clip.parent / "film.blend"


@pytest.fixture
def cut(film, folder):
    """A copy of the film in the test's folder."""
    return Path(shutil.copy(film, folder))


def max_distance(found: list[int], expected: list[int]) -> int:
    """Return the largest distance between the clicks and their expected positions, in samples."""
    assert len(found) == len(expected), (found, expected)
    return max(abs(a - b) for a, b in zip(found, expected, strict=True))


def test_a_silent_film_is_rendered_with_sound(blender, folder, cut):
    """Each shot gets its take, and the movie clicks on every flash; the second run generates nothing."""
    movie = folder / "out" / f"film_0001-{LAST:04}.mkv"
    for made in (3, 0):
        ended = run_headless(blender, folder, "--model", "clicker/clicks", "-a")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert f"tracklay: {made} made, 3 laid, 0 failed" in ended.stderr
        assert "Traceback" not in ended.stdout + ended.stderr
        assert max_distance(clicks(hear(movie)), EXPECTED) <= 1
        movie.unlink()
    wrong = run_headless(blender, folder, "--model", "no/such", "-a")
    assert wrong.returncode == 2
    assert "tracklay: Unknown model: 'no/such'" in wrong.stderr
    assert not movie.exists()


def test_the_same_cut_gives_the_same_takes_as_files_as_otio_and_as_a_film(
    blender, folder, cut, home, clicking, monkeypatch
):
    """TRACKLAY_BLENDER reads the film and lays its takes in a copy; the clip and the .otio file give the same takes."""
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
        results = json.loads((to / f"{picture.stem}.tracklay.json").read_text())["takes"]
        takes[picture.suffix] = results, [hear(to / take["file"]) for take in results]
    film, otios, alone = takes[".blend"], takes[".otio"], takes[".mp4"]
    same = ("start", "frames", "samples", "seed", "source_sha256", "params")
    assert [{key: take[key] for key in same} for take in film[0]] == [
        {key: take[key] for key in same} for take in otios[0]
    ]
    assert [take["start"]["frame"] for take in film[0]] == list(STARTS)
    for take, heard in zip(film[0], film[1], strict=True):
        assert {key: take[key] for key in same[1:]} == {key: alone[0][0][key] for key in same[1:]}
        assert all((heard == other).all() for other in (*otios[1], *alone[1]))
    assert max_distance(clicks(film[1][0]), [round(flash / RATE * 48_000) for flash in FLASHES]) <= 1
    assert cut.read_bytes() == before
    code = "import bpy; print(sorted((s.left_handle, s.duration, s.type) for s in bpy.context.scene.sequence_editor.strips))"
    copy = folder / "blend" / "film.tracklay.blend"
    command = [blender.program, "-b", "--factory-startup", str(copy), "--python-expr", code]
    seen = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True).stdout
    assert str([(start, 100, kind) for start in STARTS for kind in ("MOVIE", "SOUND")]) in seen


def test_two_renders_of_a_session_have_the_sound_of_their_scenes(blender, folder):
    """Blender 5.2's own mix writes nothing a second time in a session, and takes the window's scene."""
    ended = run_headless(blender, folder, "scenes", str(folder))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    for frame in (6, 16):
        sound = hear(folder / f"scene{frame}_0001-0025.wav")
        assert len(sound) == 48_000
        assert max_distance(clicks(sound), [1920 * (frame - 1)]) <= 1


def test_a_render_in_a_window_has_sound(blender, folder):
    """Takes are laid before the first frame, for the range that is rendered alone, and the movie clicks on the flashes."""
    results = blender.wait_for_results(blender.start("render_in_window", folder), folder)
    assert (results["laid"], results["codec"]) == (1, "NONE")
    expected = [round((11 + flash - 1) / RATE * 48_000) for flash in FLASHES]
    # Blender names a movie by the scene's range, whatever it renders of it.
    assert max_distance(clicks(hear(folder / "out" / "film_0001-0240.mkv")), expected) <= 1


def test_a_render_in_a_window_stops_without_sound(blender, folder):
    """With Stop Rendering no frame is rendered and the scene is unchanged; a still is rendered without a request."""
    results = blender.wait_for_results(blender.start("render_stopped_in_window", folder), folder)
    assert results["files"] == []
    assert results["size"] == [192, 108, 100]
    assert results["requests_of_still"] == 0
    assert results["requests_of_film"] == 1


def test_a_render_farm_renders_a_film_in_two_stages(blender, folder, cut):
    """The example script: the first stage generates the sound once; the second renders parts, each with its own sound."""
    script = Path(__file__).parents[2] / "scripts/examples" / "render_farm_two_stage.sh"
    environment = blender.environment | {"TRACKLAY_HOME": str(folder / "home"), "BLENDER": blender.program}
    summaries = []
    for task in (("sound", cut), ("frames", cut, 1, 20), ("frames", cut, 21, 40)):
        command = ["bash", str(script), *map(str, task)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        summaries.append(next(line for line in ended.stderr.splitlines() if line.endswith("failed")))
    assert summaries == ["tracklay: 3 made, 3 laid, 0 failed", *["tracklay: 0 made, 1 laid, 0 failed"] * 2]
    assert len(list((folder / "out").iterdir())) == 2
