"""One cue over a range of a timeline: exact to the sample across cuts, laid once, and found again after a recut."""

from __future__ import annotations

import json
from fractions import Fraction

import opentimelineio as otio
import pytest
from tracklay.timelines import open_timeline
from tracklay.timelines.refit import _find_cue

from tests.clips import clicks, flash_clip, hear
from tests.timelines.cuts import clip, gap, timeline, track
from tests.timelines.test_otio_output import made, rows
from tests.timelines.test_sync import lay

RATE = Fraction(25)
MODEL = "clicker/clicks"


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Two clips of 60 frames that flash on frames of their own."""
    folder = tmp_path_factory.mktemp("media")
    return flash_clip(folder / "one.mp4", RATE, 60, (12, 40)), flash_clip(folder / "two.mp4", RATE, 60, (30,))


def film(folder, media, *children):
    """Write a timeline that begins at one hour: by default two shots with a gap between them."""
    one, two = media
    shots = children or (clip(one, 5, 20, 25, name="a"), gap(10, 25), clip(two, 20, 30, 25, name="b"))
    return timeline(folder / "film.otio", track(*shots), start=otio.opentime.RationalTime(90_000, 25))


def test_one_take_hears_the_flashes_of_all_shots(tmp_path, media, clicking, capsys):
    """Each click is within a sample of its flash, from the first shot to the last, and the take is laid as one clip."""
    assert lay(film(tmp_path, media), "--as-one", "--json") == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    assert (take["cue"], take["start"]["frame"], take["frames"], take["samples"]) == ("film", 90_000, 60, 115_200)
    found = clicks(hear(tmp_path / "tracklay" / take["file"]))
    assert [abs(at - frame * 1920) <= 1 for at, frame in zip(found, (7, 40), strict=True)] == [True, True]
    assert rows(tmp_path / "tracklay" / "film.tracklay.otio") == {"Tracklay": [("take1", 0, 60, True)]}


def test_points_and_names_choose_the_range(tmp_path, media):
    """Points are its ends, also in a gap; names are those of its first and last shot, and what is between them plays."""
    opened = open_timeline(film(tmp_path, media))
    cue = opened.joined_cue("22f", "40f", model=MODEL)
    assert (cue.id, cue.span.start, cue.span.frames) == ("film 01:00:00:22-01:00:01:15", 90_022, 18)
    assert [(each.span.start, each.span.frames) for each in cue.picture.pieces] == [(90_030, 10)]
    one, two = media
    shots = (clip(each, 0, 10, 25, name=name) for each, name in ((one, "a"), (two, "b"), (one, "c"), (two, "d")))
    named = open_timeline(film(tmp_path, media, *shots)).joined_cue(only=["a", "c"], model=MODEL)
    assert [(each.span.start, each.span.frames) for each in named.picture.pieces] == [
        (90_000 + n, 10) for n in (0, 10, 20)
    ]


def test_a_shot_without_media_is_an_error(tmp_path, media):
    """The picture of the cue has the error of the shot."""
    shots = clip(media[0], 0, 10, 25, name="a"), clip("file:///gone.mp4", 0, 10, 25, name="b")
    cue = open_timeline(film(tmp_path, media, *shots)).joined_cue(model=MODEL)
    assert "gone.mp4" in cue.picture.error


def test_its_take_follows_all_its_shots_or_is_stale(tmp_path, media):
    """Moved together, the shots take it along; with one of them trimmed, it no longer fits."""
    opened = open_timeline(film(tmp_path, media))
    cue = opened.joined_cue(model=MODEL)
    opened.lay([made(cue, 1, opened.folder)], [], opened.folder, drop_original=False)
    one, two = media
    shots = clip(one, 5, 20, 25, name="a"), gap(10, 25), clip(two, 20, 30, 25, name="b")

    def relaid(*children):
        again = open_timeline(film(tmp_path, media, *children))
        (other,) = [each for each in again.cues(model=MODEL) if each.id == "new"]
        again.lay([made(other, 2, again.folder)], [], again.folder, drop_original=False)
        laid = otio.adapters.read_from_file(str(again.laid_path(again.folder)))
        marks = [mark.metadata["tracklay"] for each in laid.tracks for child in each for mark in child.markers]
        return rows(again.laid_path(again.folder))["Tracklay"], marks

    new = clip(two, 0, 8, 25, name="new")
    laid, marks = relaid(new, *shots)
    assert (laid, marks) == ([("take2", 0, 8, True), ("take1", 8, 60, True)], [])
    _, marks = relaid(new, clip(one, 5, 19, 25, name="a"), *shots[1:])
    assert len(marks) == 1


def test_a_refit_keeps_the_range(tmp_path, media):
    """The cue to fit music to again has the take's range, with the picture of now."""
    opened = open_timeline(film(tmp_path, media))
    earlier = opened.joined_cue("5f", "50f", model=MODEL)
    one, _ = media
    again = open_timeline(film(tmp_path, media, clip(one, 0, 55, 25, name="a")))
    now = _find_cue(again, earlier, None, None)
    assert (now.id, now.span) == (earlier.id, earlier.span)
    assert now.picture.source == one
