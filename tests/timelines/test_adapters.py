"""Tests with other programs' timelines, through OTIO's own adapters: read, laid, and written back."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from tracklay import timelines
from tracklay.cli.main import main
from tracklay.timelines.otio.text_patch import find_signed_tracks, remove_tracks

from tests.clips import clicks, flash_clip, hear
from tests.timelines.cuts import clip, gap, timeline, track

EDL = """\
TITLE: REEL ONE
FCM: NON-DROP FRAME

001  A001     V     C        10:00:00:20 10:00:02:00 01:00:00:00 01:00:01:05
* FROM CLIP NAME: A001_WIDE
* FROM CLIP: {a}
* LOC: 01:00:00:10 RED     DOOR
002  A001     V     C        10:00:02:10 10:00:02:20 01:00:02:00 01:00:02:10
* FROM CLIP NAME: A001_CLOSE
* FROM CLIP: {a}
003  A001     V     C        10:00:02:20 10:00:02:20 01:00:02:10 01:00:02:10
003  B001     V     D    010 02:00:00:05 02:00:01:05 01:00:02:10 01:00:03:10
* FROM CLIP NAME: A001_CLOSE
* TO CLIP NAME: B001
* FROM CLIP: {b}
004  A001     V     C        10:00:00:00 10:00:00:20 01:00:03:10 01:00:03:20
M2   A001       050.0                10:00:00:00
* FROM CLIP NAME: A001_FAST
* FROM CLIP: {a}
"""
"""An EDL as editing systems write it: reels with their own timecode, a gap, a dissolve, a speed. 25 frames per second."""

FCP = """\
<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE xmeml>
<xmeml version="4"><sequence id="s1"><name>scene 4</name><duration>120</duration>
<rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate>
<timecode><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate><string>01:00:00;00</string><frame>107892</frame>
<displayformat>DF</displayformat></timecode>
<media><video>
<track>
<clipitem id="c1"><name>one</name><duration>140</duration><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate>
<start>0</start><end>-1</end><in>11</in><out>60</out>
<file id="f1"><name>clip.mp4</name><pathurl>{a}</pathurl><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate>
<duration>140</duration><timecode><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate><string>00:10:00;00</string>
<frame>17982</frame><displayformat>DF</displayformat></timecode></file></clipitem>
<transitionitem><start>35</start><end>49</end><alignment>center</alignment>
<effect><name>Cross Dissolve</name><effectid>Cross Dissolve</effectid></effect>
<rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate></transitionitem>
<clipitem id="c2"><name>two</name><duration>140</duration><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate>
<start>-1</start><end>90</end><in>63</in><out>118</out><file id="f1"/></clipitem>
</track>
<track>
<clipitem id="c3"><name>insert</name><duration>140</duration><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate>
<start>60</start><end>70</end><in>5</in><out>15</out><file id="f1"/></clipitem>
<clipitem id="c4"><name>ramp</name><duration>140</duration><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate>
<start>90</start><end>100</end><in>5</in><out>15</out><file id="f1"/>
<filter><effect><name>Time Remap</name><effectid>timeremap</effectid><effecttype>motion</effecttype>
<parameter><parameterid>speed</parameterid><value>50</value></parameter></effect></filter></clipitem>
</track>
</video></media>
<marker><name>chase</name><comment/><in>65</in><out>80</out></marker>
</sequence></xmeml>
"""
"""A Final Cut Pro 7 export: drop-frame timecode, a centred dissolve, a second track, a retiming. 29.97 frames per second."""


def from_edl(folder: Path) -> Path:
    """Write the EDL as an .otio with its media, and return its path."""
    wide = flash_clip(folder / "A 001.mov", Fraction(25), 75, (30,), "-c:v", "mjpeg", "-timecode", "10:00:00:00")
    other = flash_clip(folder / "b.mov", Fraction(25), 50, (10,), "-c:v", "mjpeg", "-timecode", "02:00:00:00")
    read = otio.adapters.read_from_string(EDL.format(a=wide.as_uri(), b=other), "cmx_3600", rate=25)
    film = folder / "film.otio"
    otio.adapters.write_to_file(read, str(film))
    return film


def from_fcp(folder: Path) -> Path:
    """Write the export as an .otio with its media, and return its path."""
    media = flash_clip(folder / "clip.mp4", Fraction(30000, 1001), 140, (20, 80))
    read = otio.adapters.read_from_string(FCP.format(a=media.as_uri()), "fcp_xml")
    film = folder / "film.otio"
    otio.adapters.write_to_file(read, str(film))
    return film


def cue_rows(film: Path):
    """Return the cues as literals: id, first frame from the start, frames, the source's first frame at the cue's rate, speed."""
    found = timelines.open_timeline(film).cues(model="sketch/foley")
    zero = found[0].span.start
    return [
        (
            cue.id,
            cue.span.start - zero,
            cue.span.frames,
            cue.picture.time_map.source_seconds(cue.span.start) * cue.span.rate.fps,
            (cue.picture.time_map.source_seconds(cue.span.end) - cue.picture.time_map.source_seconds(cue.span.start))
            / cue.span.seconds,
        )
        for cue in found
        if not cue.picture.error
    ]


def test_an_edl_is_read(tmp_path):
    """The record time is the start, a reel's timecode that of its file, a dissolve ends the clip before it, a speed counts."""
    film = from_edl(tmp_path)
    assert cue_rows(film) == [
        ("A001_WIDE", 0, 30, 20, 1),
        ("A001_CLOSE", 50, 10, 60, 1),
        ("B001", 60, 25, 5, 1),
        ("A001_FAST", 85, 10, 0, 2),
    ]
    cues = timelines.open_timeline(film).cues(model="sketch/foley")
    assert cues[0].span.start == 90_000
    assert [cue.id for cue in timelines.open_timeline(film).cues(only=["DOOR"], model="sketch/foley")] == ["A001_WIDE"]


def test_final_cut_pro_xml_is_read(tmp_path):
    """Drop-frame start, media with time code, a centred dissolve, an insert over it, a range marker; a retiming is an error."""
    film = from_fcp(tmp_path)
    assert cue_rows(film) == [
        ("one", 0, 42, 11, 1),
        ("two", 42, 18, 70, 1),
        ("insert", 60, 10, 5, 1),
        ("two 2", 70, 20, 98, 1),
    ]
    found = timelines.open_timeline(film).cues(model="sketch/foley")
    assert found[0].span.start == 107_892
    assert found[-1].id == "ramp"
    assert "OTIO stores no speeds of the effect" in found[-1].picture.error
    assert "timeremap" in found[-1].picture.error.lower().replace(" ", "")
    chosen = timelines.open_timeline(film).cues(only=["chase"], model="sketch/foley")
    assert [(cue.id, cue.span.start - 107_892, cue.span.frames) for cue in chosen] == [
        ("insert", 65, 5),
        ("two 2", 70, 10),
    ]


@pytest.fixture
def laid(tmp_path, clicking):
    """Return a function that builds a timeline, lays two takes per cue, and returns the original and the copy."""

    def lay(made) -> tuple[Path, Path]:
        film = made(tmp_path)
        main(["lay", str(film), "--model", "clicker/clicks", "--takes", "2"])
        return film, tmp_path / "tracklay" / "film.tracklay.otio"

    return lay


@pytest.mark.parametrize("made", [from_edl, from_fcp])
def test_the_copy_is_the_original_plus_our_tracks(laid, made):
    """The text without our tracks is the original's, and OTIO reads the same tracks."""
    film, copy = laid(made)
    text = copy.read_text()
    assert remove_tracks(text, find_signed_tracks(text)) == film.read_text()
    before, after = (otio.adapters.read_from_file(str(path)) for path in (film, copy))
    count = len(before.tracks)
    assert [each.to_json_string() for each in after.tracks][:count] == [each.to_json_string() for each in before.tracks]
    assert [each.kind for each in after.tracks][count:] == ["Audio", "Audio"]


def test_final_cut_pro_xml_keeps_the_takes_on_their_frames(laid):
    """After the adapter wrote and read it, clips, files and positions of the audible takes are the same."""
    _, copy = laid(from_fcp)
    film = otio.adapters.read_from_file(str(copy))
    (heard, _) = [each for each in film.tracks if each.kind == "Audio"]
    xml = otio.adapters.write_to_string(film, "fcp_xml")
    back = otio.adapters.read_from_string(xml, "fcp_xml")
    (again, _) = [each for each in back.tracks if each.kind == "Audio"]
    clips = [
        [(shot.name, shot.range_in_parent(), shot.media_reference.target_url) for shot in each.find_clips()]
        for each in (heard, again)
    ]
    assert clips[0] == clips[1]
    assert len(clips[0]) == 4


def test_an_edl_of_the_copy_equals_that_of_the_original(laid):
    """The adapter writes one picture track and no sound, so nothing of ours is in it."""
    film, copy = laid(from_edl)
    lists = [
        otio.adapters.write_to_string(otio.adapters.read_from_file(str(path)), "cmx_3600", rate=25)
        for path in (film, copy)
    ]
    assert lists[0] == lists[1]
    again = otio.adapters.read_from_string(lists[1], "cmx_3600", rate=25)
    before = otio.adapters.read_from_file(str(film))
    assert [shot.duration() for shot in again.find_clips()] == [shot.duration() for shot in before.find_clips()]


def test_takes_of_an_edl_click_on_its_flashes(tmp_path, clicking, capsys):
    """With timecode in the files and no ranges at all, each take's click is on the frame of the flash."""
    film = from_edl(tmp_path)
    assert main(["lay", str(film), "--model", "clicker/clicks", "--json"]) == 0
    takes = {take["cue"]: take for take in json.loads(capsys.readouterr().out)["takes"]}
    seen = {"A001_WIDE": [10], "B001": [5], "A001_CLOSE": [], "A001_FAST": []}
    for name, frames in seen.items():
        sound = hear(tmp_path / "tracklay" / takes[name]["file"])
        assert takes[name]["samples"] == len(sound)
        assert [round(at / 1920, 2) for at in clicks(sound)] == frames or not frames


def test_a_laid_timeline_survives_final_cut_pro_xml(tmp_path):
    """Only what the format cannot store is lost: track names, disabled tracks, track markers, our metadata."""
    media = flash_clip(tmp_path / "clip.mp4", Fraction(25), 60, ())
    start = otio.opentime.RationalTime(90_000, 25)
    film = timeline(tmp_path / "film.otio", track(gap(5, 25), clip(media, 3, 20, 25, name="a")), start=start)
    assert main(["lay", str(film), "--prompt", "wood", "--takes", "2", "--seed", "1"]) == 0
    copy = otio.adapters.read_from_file(str(tmp_path / "tracklay" / "film.tracklay.otio"))
    back = otio.adapters.read_from_string(otio.adapters.write_to_string(copy, "fcp_xml"), "fcp_xml")
    assert back.global_start_time == copy.global_start_time
    shape = [[(type(child), child.name, child.duration()) for child in each] for each in copy.tracks]
    assert [[(type(child), child.name, child.duration()) for child in each] for each in back.tracks] == shape
    assert [each.name for each in back.tracks] == ["", "", ""]
    assert [each.enabled for each in back.tracks] == [True, True, True]
    assert not any("tracklay" in shot.metadata for shot in back.find_clips())
