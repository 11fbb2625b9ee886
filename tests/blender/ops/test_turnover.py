"""File > Export > Tracklay Turnover: what is heard on the timeline, with volumes, other takes, kinds and markers, is handed over."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path

import aaf2
import bpy
import pytest
from tracklay.timelines.turnover.sessions import read_session
from tracklay.turnover.export import TurnoverOptions, write_turnover

from tests.turnover import readers
from tests.turnover.made_session import click_wav

from ..conftest import add, set_rate

RATE = Fraction(25)
FRAME = 1920
"""Samples of a frame."""


def add_sound(scene, path: Path, channel: int, frame: int):
    """Add a sound strip."""
    return scene.sequence_editor.strips.new_sound(path.stem, str(path), channel, frame)


@pytest.fixture
def film(scene, clips, tmp_path):
    """Two takes of a cue, dialogue that is trimmed and fades, music that is turned down, a sound on a muted channel, and a marker."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, 100, ()), 11, 1)
    scene.frame_start, scene.frame_end = 1, 110
    bpy.ops.tracklay.generate(model="sketch/foley", prompt="a door", takes=2, seed=4, wait=True)
    speech = add_sound(scene, click_wav(tmp_path / "speech.wav", 100 * FRAME, (50 * FRAME,), 1), 8, 21)
    if hasattr(speech, "left_handle"):
        speech.left_handle = 31
    else:
        speech.frame_final_start = 31
    for frame, volume in ((31, 0.0), (41, 1.0), (61, 1.0), (71, 0.25)):
        speech.volume = volume
        speech.keyframe_insert("volume", frame=frame)
    music = add_sound(scene, click_wav(tmp_path / "theme.wav", 100 * FRAME, (7,)), 9, 1)
    music.volume = 0.5
    scene.sequence_editor.channels[9].name = "Music"
    add_sound(scene, click_wav(tmp_path / "guide.wav", 10 * FRAME, (7,)), 10, 1)
    scene.sequence_editor.channels[10].mute = True
    scene.timeline_markers.new("hit: slam", frame=51)
    return scene


def check(path: Path) -> None:
    """The project has each sound on the track of its kind, on its sample, with its takes, volumes and markers."""
    events, marks = readers.read_rpp(path)
    found = {event.track: event for event in events}
    assert list(found) == ["Dialogue", "Foley", "Music"]
    assert len(events) == 3
    assert (found["Foley"].start, found["Foley"].samples) == (10 * FRAME, 100 * FRAME)
    assert len(readers.rpp_takes(path, found["Foley"].name)) == 2
    speech = found["Dialogue"]
    assert (speech.name, speech.start, speech.samples) == ("speech", 30 * FRAME, 90 * FRAME)
    assert speech.source_in == 10 * FRAME
    assert speech.gain
    assert speech.gain[2] == pytest.approx(0.25, abs=1e-3)
    assert found["Music"].gain == (0.5, 0.5, 0.5)
    assert ("hit: slam", 50 * FRAME, 0) in marks
    assert any(samples == 100 * FRAME for _, _, samples in marks)
    assert "PROJOFFS 0.04 0 0" in path.read_text()


def test_the_timeline_is_exported(film, tmp_path):
    """The operator writes the chosen formats to the folder, and refuses to write them again."""
    arguments = {"directory": str(tmp_path / "out"), "formats": {"rpp", "aaf"}, "name": "film", "wait": True}
    assert bpy.ops.tracklay.turnover(**arguments) == {"FINISHED"}
    check(tmp_path / "out" / "film.rpp")
    with aaf2.open(str(tmp_path / "out" / "film.aaf")) as file:
        assert [mob.name for mob in file.content.toplevel()] == ["film"]
    rights = tmp_path / "out" / "film rights"
    with (rights / "cue-sheet.csv").open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["in"], line["out"], line["licence"]) == ("00:00:00:11", "00:00:04:11", "CC0-1.0")
    assert f"file:           {line['file']}" in (rights / "content-id-dispute.txt").read_text()
    with pytest.raises(RuntimeError, match="Already there"):
        bpy.ops.tracklay.turnover(**arguments)


def test_a_preset_of_a_program(film, tmp_path):
    """Its formats and options are used, whatever is chosen."""
    bpy.ops.tracklay.turnover(directory=str(tmp_path / "out"), program="premiere", name="film", wait=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "film.xml",
        "film.otio",
        "film media",
        "film rights",
    }
    urls = [
        media["target_url"]
        for track in json.loads((tmp_path / "out" / "film.otio").read_text())["tracks"]["children"]
        for item in track["children"]
        for media in item.get("media_references", {}).values()
    ]
    assert urls
    assert all(url.startswith("file:///") for url in urls)


def test_the_command_reads_the_same_from_the_saved_file(film, tmp_path):
    """`tracklay turnover film.blend` hands the same sounds over, read by a Blender in the background."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    session = read_session(tmp_path / "film.blend", tmp_path)
    write_turnover(session, TurnoverOptions(("rpp",)), tmp_path / "out")
    check(tmp_path / "out" / "film.rpp")
