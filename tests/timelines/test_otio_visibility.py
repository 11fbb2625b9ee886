"""What of an OTIO timeline is a cue: what is seen, when, of which media; and what is said where it cannot be told."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import opentimelineio as otio
import pytest
from tracklay import timelines
from tracklay.errors import InvalidInput
from tracklay.timelines.otio.media_references import resolve_media_path

from tests.clips import FFMPEG, flash_clip
from tests.timelines.cuts import clip, gap, span, speed, timeline, track


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Four seconds at 25 frames a second; it is only looked at."""
    return flash_clip(tmp_path_factory.mktemp("media") / "clip.mp4", Fraction(25), 100, ())


def cues(film: Path, *points, **more):
    """The cues as literals: id, first frame, frames, the source's first second and how many of its seconds a second."""
    found = timelines.open_timeline(film).cues(*points, model="sketch/foley", **more)
    told = []
    for cue in found:
        first, end = (
            cue.picture.time_map.source_seconds(cue.span.start),
            cue.picture.time_map.source_seconds(cue.span.end),
        )
        told.append((cue.id, cue.span.start, cue.span.frames, first, (end - first) / cue.span.seconds))
    return told


def test_the_topmost_picture_is_what_plays(tmp_path, media):
    """A clip under another is no cue where it is covered; what is disabled, a gap, a sound and a title cover nothing."""
    off = clip(media, 0, 50, 25, name="off")
    off.enabled = False
    title = otio.schema.Clip("title", otio.schema.GeneratorReference(generator_kind="Slug"), span(0, 50, 25))
    dark = track(clip(media, 0, 50, 25, name="dark"))
    dark.enabled = False
    film = timeline(
        tmp_path / "film.otio",
        track(clip(media, 0, 30, 25, name="wide"), clip(media, 40, 20, 25, name="late")),
        track(gap(10, 25), clip(media, 60, 10, 25, name="insert"), gap(15, 25), clip(media, 5, 10, 25, name="over")),
        track(off),
        track(title),
        dark,
        track(clip(media, 0, 50, 25, name="sound"), kind="Audio"),
    )
    second = Fraction(1, 25)
    assert cues(film) == [
        ("wide", 0, 10, 0, 1),
        ("insert", 10, 10, 60 * second, 1),
        ("wide 2", 20, 10, 20 * second, 1),
        ("late", 30, 5, 40 * second, 1),
        ("over", 35, 10, 5 * second, 1),
        ("late 2", 45, 5, 55 * second, 1),
    ]


def test_black_covers_what_is_under_it_and_is_no_cue(tmp_path, media):
    """Generators that fill the frame are seen and not heard."""
    black = otio.schema.Clip("black", otio.schema.GeneratorReference(generator_kind="black"), span(0, 10, 25))
    film = timeline(tmp_path / "film.otio", track(clip(media, 0, 30, 25)), track(gap(10, 25), black))
    assert [cue[:3] for cue in cues(film)] == [("clip", 0, 10), ("clip 2", 20, 10)]


def test_a_dissolve_is_cut_where_the_edit_is(tmp_path, media):
    """A transition takes no time of its own: each cue ends at the edit point, in the middle of the overlap."""
    ten = otio.opentime.RationalTime(10, 25)
    mix = otio.schema.Transition("mix", otio.schema.TransitionTypes.SMPTE_Dissolve, ten, ten)
    film = timeline(
        tmp_path / "film.otio", track(clip(media, 10, 30, 25, name="a"), mix, clip(media, 20, 30, 25, name="b"))
    )
    assert [cue[:3] for cue in cues(film)] == [("a", 0, 30), ("b", 30, 30)]


@pytest.mark.parametrize(
    ("effects", "first", "slope"),
    [
        ((), 10, 1),
        ((speed(2.5),), 10, Fraction(5, 2)),
        ((speed(1 / 3),), 10, Fraction(1, 3)),
        ((speed(-1),), 10 + 19, -1),
        ((speed(-2),), 10 + 2 * 19, -2),
        ((speed(2), speed(-0.5)), 10 + 19, -1),
        ((otio.schema.FreezeFrame(),), 10, 0),
        ((otio.schema.Effect(effect_name="Blur"),), 10, 1),
    ],
    ids=["plain", "fast", "slow", "back", "twice back", "two effects", "freeze", "no time effect"],
)
def test_speeds_are_followed_from_the_source_range_on(tmp_path, media, effects, first, slope):
    """The clip keeps its length; backwards, the first frame shows the last one that it would show forwards."""
    film = timeline(tmp_path / "film.otio", track(clip(media, 10, 20, 25, *effects)))
    assert cues(film) == [("clip", 0, 20, Fraction(first, 25), slope)]


def test_speeds_of_nested_stacks_multiply(tmp_path, media):
    """A stack backwards at double speed: its clips in the other order, each backwards; a freeze holds what is seen there."""
    inside = [track(clip(media, 0, 20, 25, name="a"), clip(media, 50, 20, 25, speed(0.5), name="b"))]
    nest = otio.schema.Stack("nest", inside, span(10, 15, 25))
    nest.effects.append(speed(-2))
    still = otio.schema.Stack("still", [track(clip(media, 30, 40, 25, name="held"))], span(7, 12, 25))
    still.effects.append(otio.schema.FreezeFrame())
    film = timeline(tmp_path / "film.otio", track(nest, still))
    second = Fraction(1, 25)
    assert cues(film) == [
        ("b", 0, 10, (50 + 10 - 1) * second, -1),
        ("a", 10, 5, (20 - 2) * second, -2),
        ("held", 15, 12, 37 * second, 0),
    ]


def test_a_timeline_in_a_timeline_of_its_own_file_is_followed(tmp_path, media):
    """A clip whose media is an .otio shows what that one shows; its relative paths begin at its own folder."""
    (tmp_path / "reels").mkdir()
    (tmp_path / "reels" / "near.mp4").write_bytes(media.read_bytes())
    start = otio.opentime.RationalTime(1000, 25)
    timeline(tmp_path / "reels" / "reel.otio", track(gap(5, 25), clip("near.mp4", 3, 40, 25)), start=start)
    film = timeline(tmp_path / "film.otio", track(gap(2, 25), clip("reels/reel.otio", 0, 20, 25, zero=1010)))
    assert cues(film) == [("near", 2, 20, Fraction(8, 25), 1)]
    (cue,) = timelines.open_timeline(film).cues(model="sketch/foley")
    assert cue.picture.source == tmp_path / "reels" / "near.mp4"


def test_clips_of_other_rates_lie_on_the_nearest_frames_and_nothing_drifts(tmp_path, media):
    """A hundred clips of 7 frames at 30 on a timeline at 25: each edge is the nearest frame to its own exact time."""
    start = otio.opentime.RationalTime(0, 25)
    film = timeline(tmp_path / "film.otio", track(*(clip(media, 7, 7, 30) for _ in range(100))), start=start)
    edges = [round(Fraction(7 * n * 25, 30)) for n in range(101)]
    found = cues(film)
    assert [(at, frames) for _, at, frames, _, _ in found] == [(a, b - a) for a, b in pairwise(edges)]
    exact = [Fraction(7, 30) + Fraction(edge, 25) - Fraction(7 * n, 30) for n, edge in enumerate(edges[:-1])]
    assert [first for _, _, _, first, _ in found] == exact


@pytest.mark.parametrize(
    ("start", "begin", "options", "first"),
    [
        (86_400, 86_400, (), 0),
        (0, 12, (), 12),
        (None, 12, (), 12),
        (None, 90_012, ("-timecode", "01:00:00:00"), 12),
        (0, 90_012, ("-timecode", "01:00:00:00"), 12),
        (None, 12, ("-timecode", "01:00:00:00"), 12),
    ],
    ids=[
        "range with time code",
        "from 0",
        "no range",
        "file's time code",
        "range from 0 all the same",
        "no time code used",
    ],
)
def test_the_media_begins_where_its_range_or_its_file_says(tmp_path, start, begin, options, first):
    """Its available range, else the time code in the file, where the clip lies after it; else 0."""
    media = flash_clip(tmp_path / "clip.mov", Fraction(25), 50, (), "-c:v", "mjpeg", *options)
    has = None if start is None else span(start, 50, 25)
    shot = otio.schema.Clip("a", otio.schema.ExternalReference(media.as_uri(), has), span(begin, 20, 25))
    assert cues(timeline(tmp_path / "film.otio", track(shot))) == [("a", 0, 20, Fraction(first, 25), 1)]


def test_a_file_at_24000_1001_that_is_counted_by_24_is_counted_in_frames(tmp_path):
    """Lists and exports that round a rate mean the file's own frames: after ten minutes the difference would be 14 of them."""
    media = flash_clip(tmp_path / "clip.mp4", Fraction(24000, 1001), 60, ())
    film = timeline(tmp_path / "film.otio", track(clip(media, 40, 12, 24, zero=86_400)))
    assert cues(film) == [("clip", 0, 12, Fraction(40 * 1001, 24000), Fraction(1001, 1000))]


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("a b.mov", "a b.mov"),
        ("sub/a%20b.mov", "sub/a b.mov"),
        ("100%25.mov", "100%.mov"),
        ("100%.mov", "100%.mov"),
        ("file:///{root}/%C3%BCber.mov", "über.mov"),
        ("file://localhost/{root}/a b.mov", "a b.mov"),
        ("file:/{root}/a#b.mov", "a#b.mov"),
        ("/{root}/a b.mov", "a b.mov"),
        ("../{name}/a b.mov", "a b.mov"),
    ],
)
def test_paths_are_found_however_they_are_written(tmp_path, url, there):
    """URLs and paths, absolute and relative, with escapes and without."""
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_bytes(b"")
    url = url.replace("{root}", str(tmp_path).lstrip("/")).replace("{name}", tmp_path.name)
    assert resolve_media_path(url, tmp_path).samefile(tmp_path / there)


def test_images_of_every_second_number_and_those_that_are_missing(tmp_path, media):
    """A step plays each image longer; a missing one is held where the timeline says so, and else told."""
    command = [FFMPEG, "-v", "error", "-i", str(media), "-frames:v", "10", str(tmp_path / "s.%03d.png")]
    subprocess.run(command, check=True)
    for number in (2, 4, 6, 8, 10, 7):
        (tmp_path / f"s.{number:03}.png").unlink()
    policy = otio.schema.ImageSequenceReference.MissingFramePolicy
    for missing, trouble in ((policy.hold, ""), (policy.error, "s.007.png does not exist")):
        frames = otio.schema.ImageSequenceReference(
            "", "s.", ".png", 1, 2, 24, 3, missing, available_range=span(0, 10, 24)
        )
        film = timeline(tmp_path / "film.otio", track(otio.schema.Clip("s", frames, span(0, 10, 24))))
        (cue,) = timelines.open_timeline(film).cues(model="sketch/foley")
        assert trouble in cue.picture.error
        if not trouble:
            assert cue.picture.images == ("s.001.png", "s.003.png", "s.005.png", "s.005.png", "s.009.png")
            assert cue.picture.rate is not None
            assert cue.picture.rate.fps == 12


def film_of_three(folder: Path, media: Path) -> Path:
    """Clips a, b and a again from 01:00:00:00, with a point on b and a range from within b to the end."""
    first = otio.opentime.RationalTime(90_000, 25)
    film = timeline(
        folder / "film.otio",
        track(clip(media, 0, 30, 25, name="a"), clip(media, 10, 30, 25, name="b"), clip(media, 40, 30, 25, name="a")),
        start=first,
    )
    made = otio.adapters.read_from_file(str(film))
    made.tracks.markers.extend(
        [otio.schema.Marker("hit", span(35, 1, 25)), otio.schema.Marker("fight", span(50, 40, 25))]
    )
    made.tracks[0][2].markers.append(otio.schema.Marker("this", span(45, 1, 25)))
    otio.adapters.write_to_file(made, str(film))
    return film


@pytest.mark.parametrize(
    ("points", "only", "told"),
    [
        ((), (), [("a", 0, 30), ("b", 30, 30), ("a 2", 60, 30)]),
        (("01:00:00:20", "01:00:01:10"), (), [("a", 20, 10), ("b", 30, 5)]),
        (("0.8", "35f"), (), [("a", 20, 10), ("b", 30, 5)]),
        ((), ("a",), [("a", 0, 30), ("a 2", 60, 30)]),
        ((), ("a 2",), [("a 2", 60, 30)]),
        ((), ("hit",), [("b", 30, 30)]),
        ((), ("this",), [("a 2", 60, 30)]),
        ((), ("fight",), [("b", 50, 10), ("a 2", 60, 30)]),
        (("70f", None), ("fight", "a"), [("a 2", 70, 20)]),
    ],
)
def test_points_and_names_choose_what_is_a_cue(tmp_path, media, points, only, told):
    """Time code is the timeline's own, all else counts from its start; a point chooses the clip under it, a range cuts."""
    found = cues(film_of_three(tmp_path, media), *points, only=only)
    assert [(name, at - 90_000, frames) for name, at, frames, _, _ in found] == told


@pytest.mark.parametrize(
    ("points", "only", "words"),
    [
        (("00:00:01:00", None), (), "runs from 01:00:00:00 to 01:00:03:15"),
        ((None, "91f"), (), "lies outside"),
        (("50f", "50f"), (), "--out must be later"),
        (("soon", None), (), "Not a time"),
        ((), ("c",), "no clip or marker of film.otio is called 'c': there are a, b, a 2, hit, fight, this"),
        (("0f", "10f"), ("b",), "no video clip of it is seen there"),
    ],
)
def test_points_and_names_that_are_not_there_are_told(tmp_path, media, points, only, words):
    """One sentence, with what there is."""
    with pytest.raises(InvalidInput, match=words.replace("(", r"\(")):
        cues(film_of_three(tmp_path, media), *points, only=only)


def test_ids_stay_whatever_is_asked_for(tmp_path, media):
    """At every look, and however much of the timeline is meant, a clip's cue has the same id."""
    film = film_of_three(tmp_path, media)
    ids = [cue[0] for cue in cues(film)]
    assert [cue[0] for cue in cues(film, "65f", None)] == ids[2:]
    assert [cue[0] for cue in cues(film)] == ids


def test_a_clip_that_cannot_be_read_is_told_and_covers_nothing_where_it_has_no_media(tmp_path, media):
    """Offline, gone, on the net, unknown or retimed in an unknown manner: one sentence each, beginning with the clip."""
    offline = otio.schema.Clip("offline", otio.schema.MissingReference(), span(0, 10, 25))
    ramp = clip(media, 0, 10, 25, otio.schema.TimeEffect(effect_name="Ramp"), name="ramp")
    film = timeline(
        tmp_path / "film.otio",
        track(clip(media, 0, 60, 25, name="under")),
        track(offline, clip("gone.mp4", 0, 10, 25), clip("https://example.com/a.mp4", 0, 10, 25, name="far"), ramp),
    )
    found = {cue.id: cue for cue in timelines.open_timeline(film).cues(model="sketch/foley")}
    assert (found["under"].span.start, found["under"].span.frames) == (0, 10)
    assert (found["under 2"].span.start, found["under 2"].span.frames) == (40, 20)
    told = {name: cue.picture.error for name, cue in found.items() if cue.picture.error}
    assert told["offline"] == "offline is offline: relink it in your editor, and export the timeline again"
    assert told["gone"] == f"gone: {tmp_path / 'gone.mp4'} does not exist: check the name"
    assert told["far"] == "far: https://example.com/a.mp4 is no file: fetch it, and relink the clip"
    assert told["ramp"].startswith("ramp is retimed by Ramp, which OTIO says no speeds of")


def nested(levels: int) -> str:
    """A timeline of stacks in stacks."""
    inner = '{"OTIO_SCHEMA": "Clip.1", "name": "c"}'
    for _ in range(levels):
        inner = f'{{"OTIO_SCHEMA": "Stack.1", "children": [{inner}]}}'
    return f'{{"OTIO_SCHEMA": "Timeline.1", "tracks": {inner}}}'


GOOD = otio.schema.Timeline("x").to_json_string()
CYCLE = '[{"OTIO_SCHEMA": "SerializableObjectRef.1", "id": "S"}]'
BAD = {
    "not JSON": ("EDL", "is no .otio: line 1 is not JSON"),
    "cut short": (GOOD[: len(GOOD) // 2], "is no .otio"),
    "cut short after a line": (GOOD[: GOOD.index('"tracks"')], "is no .otio"),
    "another thing": ("[1, 2]", "holds no timeline but something else"),
    "a collection": (
        otio.schema.SerializableCollection("bin").to_json_string(),
        "no timeline but SerializableCollection",
    ),
    "from the future": (GOOD.replace("Timeline.1", "Timeline.99"), "was written for a newer OpenTimelineIO"),
    "tracks that are none": (GOOD.replace("Stack.1", "Marker.2"), "is no timeline that OpenTimelineIO can read"),
    "nested too deep": (nested(40), "is nested deeper than 32 levels, or within itself"),
    "nested far too deep": (nested(4000), "is nested too deep to be read"),
    "no picture": (GOOD, "has no picture: no video clip of it is seen"),
    "itself in itself": (
        f'{{"OTIO_SCHEMA": "Timeline.1", "tracks": {{"OTIO_SCHEMA": "Stack.1", "OTIO_REF_ID": "S", "children": {CYCLE}}}}}',
        "within itself",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_timeline_is_told_in_one_sentence(tmp_path, clicking, capsys, what):
    """Status 2, the file's name, one line; nothing is written."""
    from tracklay.cli.main import main

    content, words = BAD[what]
    film = tmp_path / "film.otio"
    film.write_text(content)
    assert main(["lay", str(film), "--model", "clicker/clicks"]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "film.otio" in told
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["film.otio"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"value": -5}, "is shorter than nothing"),
        ({"value": 0}, "no video clip of it is seen"),
        ({"rate": 0}, "counts a time at 0.0 frames a second"),
        ({"value": float("nan")}, "a time or speed in it is nan"),
    ],
    ids=["negative", "empty", "no rate", "not a number"],
)
def test_a_clip_of_an_impossible_length_is_told(tmp_path, media, changed, words):
    """A clip of no length is not seen; times that are none are the file's fault."""
    film = timeline(tmp_path / "film.otio", track(clip(media, 0, 10, 25)))
    held = json.loads(film.read_text())
    held["tracks"]["children"][0]["children"][0]["source_range"]["duration"].update(changed)
    film.write_text(json.dumps(held))
    with pytest.raises(InvalidInput, match=words):
        cues(film)


def test_timelines_that_hold_each_other_are_told(tmp_path):
    """A cycle over files ends in one sentence."""
    timeline(tmp_path / "a.otio", track(clip("b.otio", 0, 10, 25)))
    film = timeline(tmp_path / "b.otio", track(clip("a.otio", 0, 10, 25)))
    with pytest.raises(InvalidInput, match="within itself"):
        cues(film)


def test_without_opentimelineio_it_is_said_how_to_get_it(tmp_path, media, monkeypatch):
    """It comes with an extra; a media file needs none of it."""
    film = timeline(tmp_path / "film.otio", track(clip(media, 0, 10, 25)))
    monkeypatch.setattr("tracklay.timelines.find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match="pip install opentimelineio"):
        timelines.open_timeline(film)
    assert timelines.open_timeline(media).stem == "clip"
