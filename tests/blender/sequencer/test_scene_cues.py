"""A saved film as PICTURE of the command: spotted, and laid in a copy, by a Blender in a process of its own."""

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
from tracklay.blender.sequencer import compat, placement
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
    """The film of three shots."""
    return three_shots(scene, clips, tmp_path)


def lay(*arguments) -> int:
    """Run `tracklay lay` with the clicking model."""
    return main(["lay", *(str(argument) for argument in arguments), "--model", "clicker/clicks", "--seed", "3"])


def said(capsys) -> str:
    """The command's last words."""
    words: str = capsys.readouterr().err.strip().splitlines()[-1]
    return words


def manifest(capsys) -> Any:
    """What `--json` printed; Blender says other things on the same output."""
    told = capsys.readouterr().out
    return json.loads(told[told.index("{\n") :])


@pytest.fixture
def at_once(monkeypatch):
    """What the command asks of Blender is done by the Blender that runs the tests: a process of its own takes seconds to start."""

    class AtOnce:
        def __init__(self, function, arguments, program=()):
            self.result = lambda: getattr(headless, function.partition(":")[2])(**arguments)

        def kill(self) -> None:
            pass

    monkeypatch.setattr(blend_file, "WorkerProcess", AtOnce)

    async def run_here(function, *arguments, **named):
        return function(*arguments, **named)

    monkeypatch.setattr(delivery, "run_blocking", run_here)  # bpy works in the main thread only


def test_a_film_is_laid_in_a_copy(cut, tmp_path, capsys):
    """Each shot gets its takes in a new film beside the manifest, in sync to the sample; the person's own stays as it is."""
    before = cut.read_bytes()
    assert lay(cut, "--takes", "2", "--json") == 0
    told = manifest(capsys)
    assert (told["picture"], told["rate"], told["laid"]) == ("film.blend", "25/1", "film.tracklay.blend")
    assert [(take["cue"], take["start"]["frame"]) for take in told["takes"]] == [
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


def test_the_same_cut_gives_the_same_takes_as_media_files_and_in_the_window(
    at_once, cut, tmp_path, capsys, monkeypatch
):
    """Three files, one film, Generate in that film, and an .otio: the same spans, and the same samples in every take."""
    scene = opened(cut)
    for strip in scene.sequence_editor.strips:
        strip.select = True
    bpy.ops.tracklay.generate(seed=3, wait=True)
    window = [Path(bpy.path.abspath(take.sound.filepath)) for take in laid(scene)]
    own = shutil.copytree(Path(os.environ["TRACKLAY_HOME"]) / "models", tmp_path / "home" / "models").parent
    monkeypatch.setenv("TRACKLAY_HOME", str(own))  # else what Generate made would be laid again
    assert lay(cut, "--to", tmp_path / "film", "--json") == 0
    told = manifest(capsys)["takes"]
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
        assert {key: alone[key] for key in same} == {key: told[number][key] for key in same}
        assert {key: through[number][key] for key in same} == {key: told[number][key] for key in same}
        assert [each[number]["cue"] for each in (through, told)] == [f"shot{number}"] * 2
        assert told[number]["start"] == through[number]["start"] == {"frame": start, "seconds": f"{start}/25"}
        heard = hear(tmp_path / "film" / told[number]["file"])
        assert (hear(tmp_path / "files" / alone["file"]) == heard).all()
        assert (hear(tmp_path / "otio" / through[number]["file"]) == heard).all()
        assert (hear(window[number]) == heard).all()


def test_the_span_cuts_the_shots(at_once, cut, tmp_path, capsys):
    """Between the points each shot gives what lies there, and shots outside give nothing."""
    assert lay(cut, "--in", "20f", "--out", "00:00:03:00", "--json") == 0
    told = manifest(capsys)["takes"]
    assert [(take["cue"], take["start"]["frame"], take["frames"]) for take in told] == [
        ("shot0", 20, 41),
        ("shot1", 61, 14),
    ]


def test_only_named_shots_or_those_at_a_marker(at_once, cut, capsys):
    """`--only` takes names of strips and of markers."""
    scene = opened(cut)
    scene.timeline_markers.new("bang", frame=61 + 5)
    save(cut)
    assert lay(cut, "--only", "shot2", "--only", "bang", "--json") == 0
    assert [take["cue"] for take in manifest(capsys)["takes"]] == ["shot1", "shot2"]


def test_what_could_not_be_laid_is_laid_when_it_is_resumed(at_once, cut, tmp_path, capsys, monkeypatch):
    """Takes are kept; `jobs resume` has the film opened again, and lays all of the run."""
    with monkeypatch.context() as full:

        def refuse(*_, **__):
            raise OutputError("no room left")

        full.setattr(blend_file.BlendFile, "_write", refuse)
        assert lay(cut) == 1
        assert "no room left" in capsys.readouterr().err
    assert main(["jobs", "resume"]) == 0
    takes = laid(opened(tmp_path / "tracklay" / "film.tracklay.blend"))
    assert [(compat.strip_start(take), compat.strip_frames(take), take.mute) for take in takes] == [
        (start, FRAMES, False) for start, _ in SHOTS
    ]


def test_a_film_is_planned_as_a_list_and_the_list_lays_it(cut, tmp_path):
    """A row for each shot; the batch gives what laying gives."""
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


def test_a_shot_that_cannot_be_laid_costs_only_itself(at_once, cut, tmp_path, capsys):
    """No channel is free over one shot: it is told and its take is kept, the others are laid."""
    scene = opened(cut)
    for channel in range(2, placement.MAX_CHANNELS + 1):
        sound = scene.sequence_editor.strips.new_effect("full", "COLOR", channel, 61, **_length(FRAMES))
        sound.mute = True
    save(cut)
    assert lay(cut, "--json") == 1
    told = manifest(capsys)
    assert [failure["cue"] for failure in told["failed"]] == ["shot1"]
    assert "No free channel above shot1" in told["failed"][0]["error"]
    assert len(told["takes"]) == 3
    assert [compat.strip_start(take) for take in laid(opened(tmp_path / "tracklay" / told["laid"]))] == [11, 111]


def _length(frames: int) -> dict[str, int]:
    """An effect's length, as this Blender wants it."""
    function = bpy.types.StripsTopLevel.bl_rna.functions["new_effect"]
    return {"length": frames} if "length" in function.parameters else {"frame_end": 61 + frames}


def test_the_pictures_own_sound_can_be_dropped(at_once, scene, clips, tmp_path):
    """`--drop-original` mutes the sound of the shots' own files in the copy, and nothing else."""
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


def test_a_second_run_takes_the_next_numbers(at_once, cut, tmp_path):
    """Nothing that was made before is overwritten but the copy, which is ours."""
    assert lay(cut, "--only", "shot0") == 0
    first = (tmp_path / "tracklay" / "film.clicker-clicks.take1.wav").read_bytes()
    assert lay(cut, "--only", "shot0", "--prompt", "again") == 0
    assert (tmp_path / "tracklay" / "film.clicker-clicks.take1.wav").read_bytes() == first
    assert len(json.loads((tmp_path / "tracklay" / "film.tracklay.json").read_text())["takes"]) == 2


def test_what_is_wrong_with_a_film_is_told_in_one_sentence(at_once, cut, tmp_path, capsys, monkeypatch):
    """No film, no strips, no such name, no Blender: what, where, and the mend; status 2."""
    (tmp_path / "none.blend").write_text("text")
    assert lay(tmp_path / "none.blend") == 2
    assert "cannot open" in said(capsys)
    assert lay(tmp_path / "missing.blend") == 2
    missing = said(capsys)
    assert "missing.blend" in missing
    assert "not exist" in missing
    assert lay(cut, "--only", "shot9") == 2
    assert said(capsys).endswith("No video strip or marker named shot9 in Scene. Video strips: shot0, shot1, shot2.")
    assert lay(cut, "--in", "300f") == 2
    assert "No visible video strip in Scene from frame 300 to 170" in said(capsys)
    monkeypatch.setenv("TRACKLAY_BLENDER", "no-such-blender")
    assert lay(cut) == 2
    assert said(capsys).endswith(
        "TRACKLAY_BLENDER is not an executable: no-such-blender. Set it to a Blender program, 4.5 or later."
    )
