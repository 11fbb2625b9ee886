"""A .blend file as PICTURE of the command: a Blender process lists its cues and lays the takes in a copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import pytest
from tracklay.blender import headless
from tracklay.blender.sequencer import compat
from tracklay.blender.sequencer.channels import channel_map
from tracklay.cli.main import main
from tracklay.errors import OutputError
from tracklay.timelines import blend_file, delivery

from tests.clips import FFMPEG, hear
from tests.timelines.cuts import clip, gap, timeline, track

from ..conftest import add, laid, set_handles, set_rate
from ..films import FRAMES, LAST, RATE, SHOTS, flashes, opened, save, three_shots
from ..render.mix import mixed_clicks, worst


@pytest.fixture
def cut(scene, clips, tmp_path):
    """A .blend file of three shots."""
    return three_shots(scene, clips, tmp_path)


def lay(*arguments) -> int:
    """Run `tracklay lay` with the clicking model."""
    return main(["lay", *(str(argument) for argument in arguments), "--model", "clicker/clicks", "--seed", "3"])


def last_message(capsys) -> str:
    """Return the last line of stderr."""
    line: str = capsys.readouterr().err.strip().splitlines()[-1]
    return line


def manifest(capsys) -> Any:
    """Return the output of `--json`; Blender prints other lines to the same stream."""
    output = capsys.readouterr().out
    return json.loads(output[output.index("{\n") :])


@pytest.fixture
def in_process(monkeypatch):
    """Calls of Blender run in the Blender that runs the tests, because a new process takes seconds to start."""

    class InProcessWorker:
        def __init__(self, function, arguments, program=()):
            self.result = lambda: getattr(headless, function.partition(":")[2])(**arguments)

        def kill(self) -> None:
            pass

    monkeypatch.setattr(blend_file, "WorkerProcess", InProcessWorker)

    async def run_here(function, *arguments, **named):
        return function(*arguments, **named)

    monkeypatch.setattr(delivery, "run_blocking", run_here)  # bpy works in the main thread only


def test_takes_are_laid_in_a_copy_of_the_film(cut, tmp_path, capsys):
    """Each shot gets its takes in a new .blend file beside the manifest, sample-accurate; the user's file does not change."""
    before = cut.read_bytes()
    assert lay(cut, "--takes", "2", "--json") == 0
    output = manifest(capsys)
    assert (output["picture"], output["rate"], output["laid"]) == ("film.blend", "25/1", "film.tracklay.blend")
    assert [(take["cue"], take["start"]["frame"]) for take in output["takes"]] == [
        (f"shot{number}", start) for number, (start, _) in enumerate(SHOTS) for _ in range(2)
    ]
    assert cut.read_bytes() == before
    scene = opened(tmp_path / "tracklay" / "film.tracklay.blend")
    takes = laid(scene)
    assert [(compat.strip_start(take), compat.strip_frames(take), take.channel, take.mute) for take in takes] == [
        (start, FRAMES, channel, channel == 3) for start, _ in SHOTS for channel in (2, 3)
    ]
    assert all(Path(bpy.path.abspath(take.sound.filepath)).is_file() for take in takes)
    assert worst(mixed_clicks(scene, tmp_path, LAST), flashes()) <= 1


def test_all_front_ends_make_the_same_takes_of_the_same_cut(in_process, cut, tmp_path, capsys, monkeypatch):
    """Three media files, a .blend file, Generate in that file and an .otio give the same spans and the same samples."""
    scene = opened(cut)
    for strip in scene.sequence_editor.strips:
        strip.select = True
    bpy.ops.tracklay.generate(seed=3, wait=True)
    window = [Path(bpy.path.abspath(take.sound.filepath)) for take in laid(scene)]
    own = shutil.copytree(Path(os.environ["TRACKLAY_HOME"]) / "models", tmp_path / "home" / "models").parent
    monkeypatch.setenv("TRACKLAY_HOME", str(own))  # else the takes of Generate would be reused
    assert lay(cut, "--to", tmp_path / "film", "--json") == 0
    output = manifest(capsys)["takes"]
    monkeypatch.setenv("TRACKLAY_HOME", str(shutil.copytree(own / "models", tmp_path / "third" / "models").parent))
    shots = [clip(tmp_path / f"shot{number}.mp4", 0, FRAMES, RATE) for number in range(len(SHOTS))]
    film = timeline(tmp_path / "film.otio", track(gap(SHOTS[0][0], RATE), *shots))
    assert lay(film, "--to", tmp_path / "otio", "--json") == 0
    through = manifest(capsys)["takes"]
    monkeypatch.setenv("TRACKLAY_HOME", str(shutil.copytree(own / "models", tmp_path / "other" / "models").parent))
    for number, (start, _) in enumerate(SHOTS):
        assert lay(tmp_path / f"shot{number}.mp4", "--to", tmp_path / "files", "--json") == 0
        (alone,) = manifest(capsys)["takes"]
        same = ("frames", "samples", "seed", "channels", "source_sha256", "model", "params")
        assert {key: alone[key] for key in same} == {key: output[number][key] for key in same}
        assert {key: through[number][key] for key in same} == {key: output[number][key] for key in same}
        assert [each[number]["cue"] for each in (through, output)] == [f"shot{number}"] * 2
        assert output[number]["start"] == through[number]["start"] == {"frame": start, "seconds": f"{start}/25"}
        heard = hear(tmp_path / "film" / output[number]["file"])
        assert (hear(tmp_path / "files" / alone["file"]) == heard).all()
        assert (hear(tmp_path / "otio" / through[number]["file"]) == heard).all()
        assert (hear(window[number]) == heard).all()


def test_in_and_out_points_trim_the_shots(in_process, cut, tmp_path, capsys):
    """Each shot gives its frames between the points, and shots outside give no cue."""
    assert lay(cut, "--in", "20f", "--out", "00:00:03:00", "--json") == 0
    output = manifest(capsys)["takes"]
    assert [(take["cue"], take["start"]["frame"], take["frames"]) for take in output] == [
        ("shot0", 20, 41),
        ("shot1", 61, 14),
    ]


def test_only_selects_shots_by_name_or_marker(in_process, cut, capsys):
    """`--only` takes names of strips and of markers."""
    scene = opened(cut)
    scene.timeline_markers.new("bang", frame=61 + 5)
    save(cut)
    assert lay(cut, "--only", "shot2", "--only", "bang", "--json") == 0
    assert [take["cue"] for take in manifest(capsys)["takes"]] == ["shot1", "shot2"]


def test_one_cue_over_a_film_is_laid_once(in_process, cut, tmp_path, capsys):
    """`--as-one` hears all shots in one take, from the first to the last frame or between the points."""
    assert lay(cut, "--as-one", "--json") == 0
    (take,) = manifest(capsys)["takes"]
    first, frames = SHOTS[0][0], len(SHOTS) * FRAMES
    assert (take["cue"], take["start"]["frame"], take["frames"]) == ("film", first, frames)
    assert lay(cut, "--as-one", "--in", "20f", "--out", "75f", "--to", tmp_path / "part", "--json") == 0
    (take,) = manifest(capsys)["takes"]
    assert (take["cue"], take["start"]["frame"], take["frames"]) == ("film 00:00:00:20-00:00:03:00", 20, 55)
    scene = opened(tmp_path / "tracklay" / "film.tracklay.blend")
    (strip,) = laid(scene)
    assert (compat.strip_start(strip), compat.strip_frames(strip)) == (first, frames)
    assert worst(mixed_clicks(scene, tmp_path, LAST + 10), flashes()) <= 1


def test_jobs_resume_lays_takes_that_could_not_be_laid(in_process, cut, tmp_path, capsys, monkeypatch):
    """The takes are kept; `jobs resume` opens the film again and lays all takes of the run."""
    with monkeypatch.context() as full:

        def refuse(*_, **__):
            raise OutputError("the disk is full")

        full.setattr(blend_file.BlendFile, "_write", refuse)
        assert lay(cut) == 1
        assert "the disk is full" in capsys.readouterr().err
    assert main(["jobs", "resume"]) == 0
    takes = laid(opened(tmp_path / "tracklay" / "film.tracklay.blend"))
    assert [(compat.strip_start(take), compat.strip_frames(take), take.mute) for take in takes] == [
        (start, FRAMES, False) for start, _ in SHOTS
    ]


def test_a_work_list_of_a_film_gives_the_same_result_as_lay(cut, tmp_path):
    """The list has a row for each shot, and the batch gives the result of `lay`."""
    assert (
        main(
            [
                "lay",
                str(cut),
                "--model",
                "clicker/clicks",
                "--seed",
                "3",
                "--only",
                "shot1",
                "--only",
                "shot2",
                "--plan",
            ]
        )
        == 0
    )
    plan = tmp_path / "film.tracklay.toml"
    rows = tomllib.loads(plan.read_text())["rows"]
    assert [(row["id"], row["cue"]) for row in rows] == [("shot1", "shot1"), ("shot2", "shot2")]
    assert main(["batch", str(plan), "--no-report"]) == 0
    takes = laid(opened(tmp_path / "tracklay" / "film.tracklay.blend"))
    assert [compat.strip_start(take) for take in takes] == [start for start, _ in SHOTS[1:]]


def test_a_shot_that_cannot_be_laid_does_not_stop_the_others(in_process, cut, tmp_path, capsys):
    """No channel is free over one shot: the output reports it, and the other takes are laid."""
    scene = opened(cut)
    for channel in range(2, channel_map.MAX_CHANNELS + 1):
        sound = scene.sequence_editor.strips.new_effect("full", "COLOR", channel, 61, **_length(FRAMES))
        sound.mute = True
    save(cut)
    assert lay(cut, "--json") == 1
    output = manifest(capsys)
    assert [failure["cue"] for failure in output["failed"]] == ["shot1"]
    assert "No free channel above shot1" in output["failed"][0]["error"]
    assert len(output["takes"]) == 3
    assert [compat.strip_start(take) for take in laid(opened(tmp_path / "tracklay" / output["laid"]))] == [11, 111]


def _length(frames: int) -> dict[str, int]:
    """Return the argument for an effect's length, which has two names in Blender's versions."""
    function = bpy.types.StripsTopLevel.bl_rna.functions["new_effect"]
    return {"length": frames} if "length" in function.parameters else {"frame_end": 61 + frames}


def test_drop_original_mutes_the_sound_of_the_shots(in_process, scene, clips, tmp_path):
    """It mutes sound strips of the shots' own files in the copy, and no others."""
    set_rate(scene, RATE)
    clip = tmp_path / "with-sound.mp4"
    sound = ["-f", "lavfi", "-i", "sine=d=2:r=48000", "-c:v", "copy", "-c:a", "aac"]
    silent = clips(Fraction(25), FRAMES, (10,))
    subprocess.run([FFMPEG, "-v", "error", "-i", str(silent), *sound, str(clip)], check=True)
    add(scene, clip, 11, channel=2)
    strips = scene.sequence_editor.strips
    for name, start in (("own", 11), ("elsewhere", 111)):
        strip = strips.new_sound(name, str(clip), 1, start)
        set_handles(strip, start, start + FRAMES)
    cut = save(tmp_path / "film.blend")
    assert lay(cut, "--drop-original") == 0
    made = opened(tmp_path / "tracklay" / "film.tracklay.blend").sequence_editor.strips
    assert (made["own"].mute, made["elsewhere"].mute) == (True, False)


def test_a_second_run_uses_the_next_take_numbers(in_process, cut, tmp_path):
    """Only the copy of the .blend file is overwritten."""
    assert lay(cut, "--only", "shot0") == 0
    first = (tmp_path / "tracklay" / "film.clicker-clicks.take1.wav").read_bytes()
    assert lay(cut, "--only", "shot0", "--prompt", "again") == 0
    assert (tmp_path / "tracklay" / "film.clicker-clicks.take1.wav").read_bytes() == first
    assert len(json.loads((tmp_path / "tracklay" / "film.tracklay.json").read_text())["takes"]) == 2


def test_each_error_about_a_film_is_one_sentence(in_process, cut, tmp_path, capsys, monkeypatch):
    """An invalid file, a missing file, an unknown name, an empty span and a missing Blender give status 2."""
    (tmp_path / "none.blend").write_text("text")
    assert lay(tmp_path / "none.blend") == 2
    assert "cannot open" in last_message(capsys)
    assert lay(tmp_path / "missing.blend") == 2
    assert last_message(capsys) == f"tracklay: File not found: {tmp_path / 'missing.blend'}."
    assert lay(cut, "--only", "shot9") == 2
    assert last_message(capsys).endswith(
        "No video strip or marker named shot9 in Scene. Video strips: shot0, shot1, shot2."
    )
    assert lay(cut, "--in", "300f") == 2
    assert "No visible video strip in Scene from frame 300 to 170" in last_message(capsys)
    monkeypatch.setenv("TRACKLAY_BLENDER", "no-such-blender")
    assert lay(cut) == 2
    assert last_message(capsys).endswith(
        "TRACKLAY_BLENDER is not an executable: no-such-blender. Set it to a Blender program, 4.5 or later."
    )
