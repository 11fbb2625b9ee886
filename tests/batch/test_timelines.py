"""Timelines in work lists: each cue is a row, run on any machine, and the timeline is laid once all takes exist."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from tracklay.cli.main import main

from tests.clips import flash_clip
from tests.timelines.cuts import clip, timeline, track

RATE = Fraction(25)


@pytest.fixture
def film(tmp_path):
    """Six clips of half a second each, cut one after the other."""
    for name in ("a", "b", "c"):
        flash_clip(tmp_path / f"{name}.mp4", RATE, 50, (12,))
    return cut(tmp_path, 5, 5, 5, 5, 5, 5)


def cut(folder, *starts):
    """The edit, each clip starting at some frame of its file."""
    files = [folder / f"{name}.mp4" for name in "abcabc"]
    clips = [
        clip(file, start, 12, RATE, name=f"shot{number}")
        for number, (file, start) in enumerate(zip(files, starts, strict=True))
    ]
    return timeline(folder / "film.otio", track(*clips))


def test_a_planned_timeline_gives_the_takes_that_laying_gives(film, batch, clicking, capsys):
    """The same cues with the same samples at the same places, in one copy of the timeline."""
    lay = ["lay", str(film), "--model", "clicker/clicks", "--seed", "7"]
    assert main([*lay, "--plan"]) == 0
    status, content = batch(film.with_name("film.tracklay.toml"))
    assert status == 0
    assert [row["id"] for row in content["rows"]] == [row["cue"] for row in content["rows"]]
    assert len(content["rows"]) == 6
    capsys.readouterr()
    assert main([*lay, "--to", str(film.with_name("laid")), "--json"]) == 0
    laid = json.loads(capsys.readouterr().out)["takes"]
    made = [row["take"] for row in content["rows"]]
    assert [(take["cue"], take["start"], take["samples"]) for take in made] == [
        (take["cue"], take["start"], take["samples"]) for take in laid
    ]
    assert (film.parent / "tracklay" / "film.tracklay.otio").exists()


def test_a_timelines_rows_are_run_in_shards_and_laid_when_merged(film, batch, clicking, tmp_path):
    """No shard lays a part of it; after an edit only the changed cue is generated again."""
    path = tmp_path / "work.toml"
    path.write_text('pictures = ["film.otio"]\nmodels = ["clicker/clicks"]\n')
    laid = tmp_path / "tracklay" / "film.tracklay.otio"
    for shard in ("1/2", "2/2"):
        batch(path, "--shard", shard)
        assert not laid.exists()
    status, content = batch(path, "--merge")
    assert (status, {row["state"] for row in content["rows"]}) == (0, {"laid"})
    assert laid.exists()
    before = {row["cue"]: row["take"]["file"] for row in content["rows"]}
    cut(tmp_path, 5, 9, 5, 5, 5, 5)
    status, content = batch(path)
    assert status == 0
    after = {row["cue"]: row["take"]["file"] for row in content["rows"]}
    assert after.keys() == before.keys()
    assert [cue for cue in before if before[cue] != after[cue]] == [list(before)[1]]


def test_a_cue_that_a_timeline_does_not_have_is_reported(film, tmp_path, capsys):
    """With the row, and before anything is generated."""
    path = tmp_path / "work.toml"
    path.write_text('[[rows]]\nid = "x"\npicture = "film.otio"\ncue = "z"\n')
    assert main(["batch", str(path)]) == 2
    assert "work.toml, row 'x' (line 1): film.otio has no cue 'z'" in capsys.readouterr().err


def test_timelines_that_contain_each_other_are_rejected_with_their_row(film, tmp_path, capsys):
    """A timeline whose clip is a timeline whose clip is the first one."""
    timeline(tmp_path / "one.otio", track(clip(tmp_path / "two.otio", 0, 25, RATE)))
    timeline(tmp_path / "two.otio", track(clip(tmp_path / "one.otio", 0, 25, RATE)))
    path = tmp_path / "work.csv"
    path.write_text("id,picture\ngood,film.otio\nround,one.otio\n")
    assert main(["batch", str(path)]) == 2
    assert "work.csv, row 'round' (line 3): " in (stderr := capsys.readouterr().err)
    assert "contains itself. Flatten it first." in stderr
    assert not (tmp_path / "tracklay").exists()


def test_one_cue_over_a_range_is_one_row(film, batch, clicking):
    """A planned range runs as one row, across its cuts; a row may choose one with `as_one`."""
    lay = ["lay", str(film), "--model", "clicker/clicks", "--seed", "7"]
    assert main([*lay, "--as-one", "--only", "shot1", "--only", "shot3", "--plan"]) == 0
    status, content = batch(film.with_name("film.tracklay.toml"))
    assert status == 0
    (row,) = content["rows"]
    assert (row["take"]["start"]["frame"], row["take"]["frames"]) == (12, 36)
    assert row["take"]["samples"] == 36 * 1920
