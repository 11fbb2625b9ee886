"""Tests of the cues of an OTIO timeline: which clips are visible, when, of which media, and the errors of those unreadable."""

from __future__ import annotations

import json
import struct
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import opentimelineio as otio
import pytest
from tracklay import timelines
from tracklay.errors import InvalidInput
from tracklay.media.frame_timing.file_timecode import read_timecode_rate
from tracklay.timelines.otio.media_references import resolve_media_path
from tracklay.timing import Rate, parse_time

from tests.clips import FFMPEG, flash_clip, halve_timecode_rate
from tests.timelines.cuts import clip, gap, span, speed, timeline, track


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Return a clip of four seconds at 25 frames per second; only its header is read."""
    return flash_clip(tmp_path_factory.mktemp("media") / "clip.mp4", Fraction(25), 100, ())


def cues(film: Path, *points, **more):
    """Return the cues as literals: id, first frame, frames, first second of the source, and its speed."""
    found = timelines.open_timeline(film).cues(*points, model="sketch/foley", **more)
    rows = []
    for cue in found:
        first, end = (
            cue.picture.time_map.source_seconds(cue.span.start),
            cue.picture.time_map.source_seconds(cue.span.end),
        )
        rows.append((cue.id, cue.span.start, cue.span.frames, first, (end - first) / cue.span.seconds))
    return rows


def test_the_topmost_picture_is_what_plays(tmp_path, media):
    """A covered part of a clip is no cue; disabled items, gaps, audio and titles cover nothing."""
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


def test_black_covers_clips_below_it_and_is_no_cue(tmp_path, media):
    """Generators that fill the frame are visible and have no sound."""
    black = otio.schema.Clip("black", otio.schema.GeneratorReference(generator_kind="black"), span(0, 10, 25))
    film = timeline(tmp_path / "film.otio", track(clip(media, 0, 30, 25)), track(gap(10, 25), black))
    assert [cue[:3] for cue in cues(film)] == [("clip", 0, 10), ("clip 2", 20, 10)]


def test_a_dissolve_is_cut_where_the_edit_is(tmp_path, media):
    """A transition has no length: each cue ends at the edit point, in the middle of the overlap."""
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
def test_speeds_count_from_the_start_of_the_source_range(tmp_path, media, effects, first, slope):
    """The clip keeps its length; backwards, its first frame shows the last frame of the same stretch."""
    film = timeline(tmp_path / "film.otio", track(clip(media, 10, 20, 25, *effects)))
    assert cues(film) == [("clip", 0, 20, Fraction(first, 25), slope)]


def test_speeds_of_nested_stacks_multiply(tmp_path, media):
    """A stack backwards at double speed plays its clips in reverse order, each backwards; a freeze shows one frame of it."""
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


def test_a_nested_timeline_file_is_read(tmp_path, media):
    """A clip whose media is an .otio shows that timeline; its relative paths start from its own folder."""
    (tmp_path / "reels").mkdir()
    (tmp_path / "reels" / "near.mp4").write_bytes(media.read_bytes())
    start = otio.opentime.RationalTime(1000, 25)
    timeline(tmp_path / "reels" / "reel.otio", track(gap(5, 25), clip("near.mp4", 3, 40, 25)), start=start)
    film = timeline(tmp_path / "film.otio", track(gap(2, 25), clip("reels/reel.otio", 0, 20, 25, zero=1010)))
    assert cues(film) == [("near", 2, 20, Fraction(8, 25), 1)]
    (cue,) = timelines.open_timeline(film).cues(model="sketch/foley")
    assert cue.picture.source == tmp_path / "reels" / "near.mp4"


def test_clips_of_other_rates_round_to_frames_without_drift(tmp_path, media):
    """A hundred clips of 7 frames at 30 fps on a timeline at 25 fps: each edge is the frame nearest to its exact time."""
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
def test_media_begins_at_its_range_or_its_timecode(tmp_path, start, begin, options, first):
    """The available range if the clip is in it, else the file's timecode if the clip is after it, else 0."""
    media = flash_clip(tmp_path / "clip.mov", Fraction(25), 50, (), "-c:v", "mjpeg", *options)
    has = None if start is None else span(start, 50, 25)
    shot = otio.schema.Clip("a", otio.schema.ExternalReference(media.as_uri(), has), span(begin, 20, 25))
    assert cues(timeline(tmp_path / "film.otio", track(shot))) == [("a", 0, 20, Fraction(first, 25), 1)]


@pytest.mark.parametrize(
    ("file_rate", "clip_rate", "timecode"),
    [
        (Fraction(50), 25, "10:00:00:00"),
        (Fraction(24), 25, "10:00:00:00"),
        (Fraction(25), 50, "10:00:00:00"),
        (Fraction(60), 24, "10:00:00:00"),
        (Fraction(60000, 1001), Fraction(30000, 1001), "10:00:00;00"),
    ],
)
def test_a_timecode_counts_at_its_own_rate(tmp_path, file_rate, clip_rate, timecode):
    """The clip begins one second of timecode after the file: the timeline's frames and the file's are not the same number."""
    media = flash_clip(tmp_path / "cam.mov", file_rate, 100, (), "-c:v", "mjpeg", "-timecode", timecode)
    nominal = round(clip_rate)
    first = parse_time(timecode, Rate(Fraction(clip_rate))) + nominal
    shot = otio.schema.Clip("a", otio.schema.ExternalReference(media.as_uri()), span(first, 10, clip_rate))
    ((_, _, _, begins, slope),) = cues(timeline(tmp_path / "film.otio", track(shot)))
    assert (begins, slope) == (Fraction(nominal) / Fraction(clip_rate), 1)


@pytest.mark.parametrize(
    "clip_rate", [Fraction(24), Fraction(25), Fraction(50), Fraction(24000, 1001), Fraction(60000, 1001)]
)
def test_drop_frame_follows_the_clock_at_other_rates(tmp_path, clip_rate):
    """An hour of 29.97 in drop-frame is an hour at 24 and 25; at 24000/1001, whose hour is longer, the count of frames agrees."""
    options = ("-c:v", "mjpeg", "-timecode", "01:00:00;00")
    media = flash_clip(tmp_path / "cam.mov", Fraction(30000, 1001), 100, (), *options)
    rate = Rate(clip_rate)
    first = rate.frames(Fraction(3600)) + rate.nominal_fps
    shot = otio.schema.Clip("a", otio.schema.ExternalReference(media.as_uri()), span(first, 10, clip_rate))
    ((_, _, _, begins, _),) = cues(timeline(tmp_path / "film.otio", track(shot)))
    assert abs(begins - rate.seconds(rate.nominal_fps)) < rate.seconds(1)


def test_a_range_that_is_too_short_counts_if_the_file_is_long_enough(tmp_path):
    """Kdenlive writes the length of a range in frames of the project at the rate of the media."""
    media = flash_clip(tmp_path / "low.mov", Fraction(50), 100, (), "-c:v", "mjpeg", "-timecode", "00:00:00:20")
    shot = otio.schema.Clip("a", otio.schema.ExternalReference(media.as_uri(), span(0, 50, 50)), span(30, 10, 25))
    assert cues(timeline(tmp_path / "film.otio", track(shot))) == [("a", 0, 10, Fraction(6, 5), 1)]


def test_the_timecode_track_has_a_rate_of_its_own(tmp_path):
    """A camera at 59.94 that counts 30 timecode frames per second; other files have no such track."""
    fast, normal = Rate(Fraction(60000, 1001)), Rate(Fraction(30000, 1001))
    media = flash_clip(tmp_path / "cam.mov", fast.fps, 4, (), "-c:v", "mjpeg", "-timecode", "00:00:00;00")
    assert read_timecode_rate(media, fast) == fast
    halve_timecode_rate(media)
    assert read_timecode_rate(media, fast) == normal
    plain = flash_clip(tmp_path / "plain.mp4", Fraction(25), 4, ())
    assert read_timecode_rate(plain, fast) is None
    assert read_timecode_rate(Path(__file__), fast) is None


def test_an_mxf_file_states_the_rate_of_its_timecode(tmp_path):
    """The base is a whole number: the picture decides between 30 and 30000/1001."""
    fast = Rate(Fraction(60000, 1001))
    media = flash_clip(tmp_path / "cam.mxf", fast.fps, 4, (), "-c:v", "mpeg2video", "-timecode", "10:00:00:00")
    assert read_timecode_rate(media, fast) == fast
    halve_timecode_rate(media)
    assert read_timecode_rate(media, fast) == Rate(Fraction(30000, 1001))
    plain = tmp_path / "cut.mxf"
    plain.write_bytes(media.read_bytes()[:100])
    assert read_timecode_rate(plain, fast) is None


def test_boxes_where_they_do_not_belong_are_no_timecode_track(tmp_path):
    """A thousand levels of the same box are not followed."""
    boxes = b""
    for _ in range(1500):
        boxes = struct.pack(">I4s", len(boxes) + 8, b"moov") + boxes
    (tmp_path / "deep.mov").write_bytes(boxes)
    assert read_timecode_rate(tmp_path / "deep.mov", Rate(Fraction(25))) is None


def test_a_file_at_24000_1001_counted_at_24_is_read_in_frames(tmp_path):
    """EDLs and exports that round a rate mean the file's frames: after ten minutes the difference would be 14 of them."""
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
def test_media_paths_are_resolved_in_every_notation(tmp_path, url, there):
    """URLs and paths, absolute and relative, with and without escapes."""
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_bytes(b"")
    url = url.replace("{root}", str(tmp_path).lstrip("/")).replace("{name}", tmp_path.name)
    assert resolve_media_path(url, tmp_path).samefile(tmp_path / there)


def test_image_sequences_with_steps_and_missing_images(tmp_path, media):
    """A step shows each image longer; a missing image is held if the timeline says so, else it is an error."""
    command = [FFMPEG, "-v", "error", "-i", str(media), "-frames:v", "10", str(tmp_path / "s.%03d.png")]
    subprocess.run(command, check=True)
    for number in (2, 4, 6, 8, 10, 7):
        (tmp_path / f"s.{number:03}.png").unlink()
    policy = otio.schema.ImageSequenceReference.MissingFramePolicy
    for missing, error in ((policy.hold, ""), (policy.error, "s.007.png. Render it, or relink the clip.")):
        frames = otio.schema.ImageSequenceReference(
            "", "s.", ".png", 1, 2, 24, 3, missing, available_range=span(0, 10, 24)
        )
        film = timeline(tmp_path / "film.otio", track(otio.schema.Clip("s", frames, span(0, 10, 24))))
        (cue,) = timelines.open_timeline(film).cues(model="sketch/foley")
        assert error in cue.picture.error
        if not error:
            assert cue.picture.images == ("s.001.png", "s.003.png", "s.005.png", "s.005.png", "s.009.png")
            assert cue.picture.rate is not None
            assert cue.picture.rate.fps == 12


def film_of_three(folder: Path, media: Path) -> Path:
    """Write clips a, b and a again from 01:00:00:00, with a point on b and a range from the middle of b to the end."""
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
    ("points", "only", "expected"),
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
def test_points_and_names_select_cues(tmp_path, media, points, only, expected):
    """Timecode is the timeline's own, other times count from its start; a point selects the clip under it, a range trims."""
    found = cues(film_of_three(tmp_path, media), *points, only=only)
    assert [(name, at - 90_000, frames) for name, at, frames, _, _ in found] == expected


@pytest.mark.parametrize(
    ("points", "only", "words"),
    [
        (("00:00:01:00", None), (), "runs from 01:00:00:00 to 01:00:03:15"),
        ((None, "91f"), (), "The out point is outside film.otio: 91f"),
        (("50f", "50f"), (), "The out point must be later"),
        (("soon", None), (), "Invalid in point. Not a time: 'soon'. Write seconds"),
        ((), ("c",), "No clip or marker of film.otio is named 'c'. It has: a, b, a 2, hit, fight, this."),
        (("0f", "10f"), ("b",), "No video clip is visible between the in and out points of .*film.otio"),
    ],
)
def test_unknown_points_and_names_are_errors(tmp_path, media, points, only, words):
    """One error, with the possible values."""
    with pytest.raises(InvalidInput, match=words.replace("(", r"\(")):
        cues(film_of_three(tmp_path, media), *points, only=only)


def test_ids_do_not_depend_on_the_selection(tmp_path, media):
    """A clip's cue has the same id each time, whatever part of the timeline is selected."""
    film = film_of_three(tmp_path, media)
    ids = [cue[0] for cue in cues(film)]
    assert [cue[0] for cue in cues(film, "65f", None)] == ids[2:]
    assert [cue[0] for cue in cues(film)] == ids


def test_unreadable_clips_are_errors_and_without_media_cover_nothing(tmp_path, media):
    """Offline, missing, on the web, or at an unknown speed: one error each, which begins with the clip's name."""
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
    errors = {name: cue.picture.error for name, cue in found.items() if cue.picture.error}
    assert errors["offline"] == "offline: Media is offline. Relink it, and export the timeline again."
    assert errors["gone"].startswith("gone: ")
    assert str(tmp_path / "gone.mp4") in errors["gone"]
    assert errors["far"] == "far: Media is not a file: https://example.com/a.mp4. Download it, and relink the clip."
    assert errors["ramp"].startswith("ramp: Unknown speed: OTIO stores no speeds of the effect Ramp.")


def avid_effect(**maps: list[list[float]]) -> otio.schema.LinearTimeWarp:
    """Return a speed of 1 as the AAF adapter makes it of Avid's key frames."""
    parameters = {name: {"_aaf_keyframed_property": True, "keyframe_values": points} for name, points in maps.items()}
    metadata = {"AAF": {"Parameters": {"SpeedRatio": "1", **parameters}}}
    return otio.schema.LinearTimeWarp(time_scalar=1.0, metadata=metadata)


@pytest.mark.parametrize(
    ("effect", "is_ramp"),
    [
        (avid_effect(PARAM_OFFSET_MAP_U=[[0.0, 0.0], [0.27, 5.6], [0.73, 9.4], [1.0, 15.0]]), True),
        (avid_effect(PARAM_SPEED_MAP_U=[[0.0, 1.0], [1.0, 2.0]]), True),
        (avid_effect(PARAM_SPEED_MAP_U=[[0.0, 1.0]], PARAM_SPEED_OFFSET_MAP_U=[[0.0, 0.0], [8.0, 8.0]]), False),
        (avid_effect(PARAM_SPEED_OFFSET_MAP_U=[[0.0, 7.0], [4.0, 3.0], [8.0, -1.0]]), False),
        (avid_effect(), False),
    ],
)
def test_a_speed_ramp_of_an_aaf_is_an_error_and_a_constant_speed_is_none(tmp_path, media, effect, is_ramp):
    """The adapter makes a constant speed of both: its key frames say which it was."""
    film = timeline(tmp_path / "film.otio", track(clip(media, 0, 10, 25, effect, name="shot")))
    (cue,) = timelines.open_timeline(film).cues(model="sketch/foley")
    assert ("Unknown speed" in cue.picture.error) == is_ramp


@pytest.mark.parametrize(
    ("clip_name", "effect_name", "ids"),
    [
        ("Text+", "Text+", ["under"]),
        ("Opening", "Text+", ["under"]),
        ("Mine", "Mine", ["under"]),
        ("Solid Color", "Solid Color", ["under"]),
        ("offline.mov", "Transform", ["under", "offline.mov"]),
    ],
)
def test_titles_of_resolve_are_no_cues(tmp_path, media, clip_name, effect_name, ids):
    """A clip without media that an effect makes; with an effect that needs a picture it is offline."""
    title = otio.schema.Clip(clip_name, otio.schema.MissingReference(), span(0, 20, 25))
    title.effects.append(otio.schema.Effect(metadata={"Resolve_OTIO": {"Effect Name": effect_name, "Enabled": True}}))
    film = timeline(tmp_path / "film.otio", track(clip(media, 0, 50, 25, name="under")), track(title))
    found = timelines.open_timeline(film).cues(model="sketch/foley")
    assert sorted(cue.id for cue in found) == sorted(ids)
    assert found[0].span.start == (20 if clip_name == "Solid Color" else 0)


def nested(levels: int) -> str:
    """Return a timeline of stacks in stacks."""
    inner = '{"OTIO_SCHEMA": "Clip.1", "name": "c"}'
    for _ in range(levels):
        inner = f'{{"OTIO_SCHEMA": "Stack.1", "children": [{inner}]}}'
    return f'{{"OTIO_SCHEMA": "Timeline.1", "tracks": {inner}}}'


GOOD = otio.schema.Timeline("x").to_json_string()
CYCLE = '[{"OTIO_SCHEMA": "SerializableObjectRef.1", "id": "S"}]'
BAD = {
    "not JSON": ("EDL", "Line 1 is not JSON"),
    "cut short": (GOOD[: len(GOOD) // 2], "Not "),
    "cut short after a line": (GOOD[: GOOD.index('"tracks"')], "Not a complete .otio file"),
    "another thing": ("[1, 2]", "contains no timeline"),
    "a collection": (
        otio.schema.SerializableCollection("bin").to_json_string(),
        "contains SerializableCollection",
    ),
    "from the future": (GOOD.replace("Timeline.1", "Timeline.99"), "Timeline needs a newer OpenTimelineIO"),
    "tracks that are none": (GOOD.replace("Stack.1", "Marker.2"), "OpenTimelineIO cannot read"),
    "nested too deep": (nested(40), "nested deeper than 32 levels, or contains itself"),
    "nested far too deep": (nested(4000), "nested too deep to be read"),
    "a number of 5000 digits": (GOOD.replace("{", '{"n": ' + "9" * 5000 + ",", 1), "A number has too many digits"),
    "tracks that are null": (
        json.dumps(json.loads(GOOD) | {"tracks": None}),
        "OpenTimelineIO cannot read",
    ),
    "no picture": (GOOD, "No video clip is visible"),
    "itself in itself": (
        f'{{"OTIO_SCHEMA": "Timeline.1", "tracks": {{"OTIO_SCHEMA": "Stack.1", "OTIO_REF_ID": "S", "children": {CYCLE}}}}}',
        "contains itself",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_timeline_is_one_line_of_error(tmp_path, clicking, capsys, what):
    """Status 2, with the file's name; nothing is written."""
    from tracklay.cli.main import main

    content, words = BAD[what]
    film = tmp_path / "film.otio"
    film.write_text(content)
    assert main(["lay", str(film), "--model", "clicker/clicks"]) == 2
    output = capsys.readouterr().err
    assert words in output
    assert "film.otio" in output
    assert output.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["film.otio"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"value": -5}, "Negative length of clip: -0.200 s"),
        ({"value": 0}, "No video clip is visible"),
        ({"rate": 0}, "Invalid frame rate of a time: 0.0"),
        ({"value": float("nan")}, "Invalid time or speed: nan"),
    ],
    ids=["negative", "empty", "no rate", "not a number"],
)
def test_an_impossible_length_is_an_error(tmp_path, media, changed, words):
    """A clip without length is not visible; invalid times are errors of the file."""
    film = timeline(tmp_path / "film.otio", track(clip(media, 0, 10, 25)))
    held = json.loads(film.read_text())
    held["tracks"]["children"][0]["children"][0]["source_range"]["duration"].update(changed)
    film.write_text(json.dumps(held))
    with pytest.raises(InvalidInput, match=words):
        cues(film)


def test_timelines_that_contain_each_other_are_an_error(tmp_path):
    """A cycle over files ends in one error."""
    timeline(tmp_path / "a.otio", track(clip("b.otio", 0, 10, 25)))
    film = timeline(tmp_path / "b.otio", track(clip("a.otio", 0, 10, 25)))
    with pytest.raises(InvalidInput, match="contains itself"):
        cues(film)


def test_without_opentimelineio_the_error_names_the_package(tmp_path, media, monkeypatch):
    """It is an optional dependency: a media file needs none."""
    film = timeline(tmp_path / "film.otio", track(clip(media, 0, 10, 25)))
    monkeypatch.setattr("tracklay.timelines.find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match="pip install opentimelineio"):
        timelines.open_timeline(film)
    assert timelines.open_timeline(media).stem == "clip"
