"""Hit points: read from markers and from times, kept by the ledger, met by the music, refused in one sentence."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from tracklay.cli.main import main
from tracklay.hits import Hit, hits_in_span, marker_hit_name
from tracklay.jobs.job_spec import JobSpec
from tracklay.jobs.pictures.stored_cue import cue_to_dict
from tracklay.timelines import open_timeline
from tracklay.timing import Rate, Span

from tests.clips import FFMPEG, flash_clip, hear

RATE = Fraction(25)


@pytest.mark.parametrize(
    ("name", "hit"),
    [
        ("hit", ""),
        ("Hit: door slam", "door slam"),
        ("hit:stop.001", "stop"),
        (" HIT ", ""),
        ("hitman", None),
        ("sfx: hit", None),
        ("a hit", None),
    ],
)
def test_a_marker_is_a_hit_by_its_name(name, hit):
    """`hit` or `hit: …`, without the number that Blender appends."""
    assert marker_hit_name(name) == hit


def test_hits_belong_to_the_span_that_shows_them():
    """The first frame is in, the frame after the last is not; one for each frame, in order, in exact seconds."""
    span = Span(100, 50, Rate(Fraction(24_000, 1001)))
    hits = hits_in_span([(150, "late"), (149, "end"), (100, "a"), (99, "early"), (100, "b")], span)
    assert hits == (Hit(Fraction(0), "b"), Hit(Fraction(49 * 1001, 24_000), "end"))


def test_markers_of_an_otio_timeline_are_hits_of_the_clips_under_them(tmp_path):
    """On the timeline, on a track, and on a clip, where the source's time of the marker is shown; others are no hits."""
    flash_clip(tmp_path / "a.mp4", RATE, 100, ())

    def at(frame: int, frames: int = 1) -> otio.opentime.TimeRange:
        return otio.opentime.TimeRange(otio.opentime.RationalTime(frame, 25), otio.opentime.RationalTime(frames, 25))

    film = otio.schema.Timeline("film", global_start_time=otio.opentime.RationalTime(90_000, 25))
    track = otio.schema.Track("V1", kind="Video")
    for name, first in (("one", 10), ("two", 40)):
        media = otio.schema.ExternalReference("a.mp4", at(0, 100))
        track.append(otio.schema.Clip(name, media, at(first, 30)))
    film.tracks.append(track)
    film.tracks.markers.append(otio.schema.Marker("hit: crash", at(35)))
    track.markers.append(otio.schema.Marker("hit", at(5)))
    track.markers.append(otio.schema.Marker("lunch", at(6)))
    track[1].markers.append(otio.schema.Marker("hit: on clip", at(60)))
    track[1].markers.append(otio.schema.Marker("hit: trimmed away", at(10)))
    otio.adapters.write_to_file(film, str(tmp_path / "film.otio"))
    one, two = open_timeline(tmp_path / "film.otio").cues(model="sketch/music")
    assert one.hits == (Hit(Fraction(5, 25)),)
    assert two.hits == (Hit(Fraction(5, 25), "crash"), Hit(Fraction(20, 25), "on clip"))
    assert JobSpec.cue_from_dict({"cue": cue_to_dict(two)}).hits == two.hits


def lay(*arguments) -> int:
    """Run `tracklay lay` with the music of the sketch engine."""
    return main(["lay", *map(str, arguments), "--model", "sketch/music", "--seed", "1"])


def test_music_meets_the_hits_that_are_named(tmp_path, capsys):
    """Times of any form count from the picture's start; the manifest lists each with its error; a hit is another request."""
    clip = flash_clip(tmp_path / "clip.mp4", RATE, 200, ())
    assert lay(clip, "--in", "1", "--hits", "3.4,00:00:05:10", "--json") == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    hits = take["understood"]["hits"]
    assert [(hit["seconds"], abs(hit["error_ms"]) < 0.02) for hit in hits] == [("12/5", True), ("22/5", True)]
    samples = hear(Path(tmp_path / "tracklay" / take["file"]))
    for seconds in (2.4, 4.4):
        first = round(seconds * 48_000)
        assert abs(samples[first : first + 2400]).max() > 2 * abs(samples[first - 1200 : first]).max()
    assert lay(clip, "--in", "1", "--json") == 0
    assert "hits" not in json.loads(capsys.readouterr().out)["takes"][0]["understood"]


def test_cuts_of_the_picture_are_hits(tmp_path, capsys):
    """`cuts` is each first frame of a new shot."""
    clip = tmp_path / "cut.mp4"
    sources = [
        part for color in ("red", "white", "navy") for part in ("-f", "lavfi", "-i", f"color={color}:160x90:25:d=2")
    ]
    subprocess.run(
        [FFMPEG, "-y", *sources, "-filter_complex", "concat=n=3", "-pix_fmt", "yuv420p", str(clip)],
        check=True,
        capture_output=True,
    )
    assert lay(clip, "--hits", "cuts", "--json") == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    assert [hit["seconds"] for hit in take["understood"]["hits"]] == ["2", "4"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--hits", "9"), "The hit 9 is outside of the span, from "),
        (("--hits", "soon"), "Invalid hit. Not a time: 'soon'."),
        (("--hits", "1,,2"), "Invalid hit. Not a time: ''."),
        (("--hits", "1", "--model", "sketch/foley"), "--hits needs a music model"),
    ],
)
def test_a_hit_that_cannot_be_is_one_sentence(tmp_path, capsys, arguments, words):
    """Nothing is written."""
    clip = flash_clip(tmp_path / "clip.mp4", RATE, 50, ())
    model = () if "--model" in arguments else ("--model", "sketch/music")
    assert main(["lay", str(clip), *arguments, *model]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "tracklay").exists()


def test_a_row_of_a_work_list_has_hits(tmp_path, capsys):
    """The field is that of the option, and a list that `--plan` writes has it."""
    clip = flash_clip(tmp_path / "clip.mp4", RATE, 100, ())
    assert lay(clip, "--hits", "1.2", "--plan") == 0
    assert 'hits = "1.2"' in (tmp_path / "clip.tracklay.toml").read_text("utf-8")
    assert main(["batch", str(tmp_path / "clip.tracklay.toml"), "--json", "--no-report"]) == 0
    manifest = json.loads((tmp_path / "tracklay" / "clip.tracklay.json").read_text("utf-8"))
    assert [hit["seconds"] for hit in manifest["takes"][0]["understood"]["hits"]] == ["6/5"]
    capsys.readouterr()
