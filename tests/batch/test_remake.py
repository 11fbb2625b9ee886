"""Takes of work lists that are made again: a stretch of one, and music that is fitted to a changed row."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from tracklay.cli.main import main
from tracklay.providers import base

from tests.clips import flash_clip, hear
from tests.fakes import music_model

LIST = """
[defaults]
model = "clicker/clicks"
folder = "sound"
[[rows]]
id = "one"
picture = "plates/a.mp4"
seed = 3
[[rows]]
id = "two"
picture = "plates/b.mp4"
"""

MUSIC = """
[[rows]]
id = "score"
picture = "film.mp4"
folder = "sound"
model = "band/music"
prompt = "house"
out = "12"
hits = "4.36"
"""


@pytest.fixture
def again(capsys):
    """A function that runs a command and returns its exit status, and the rows that it prints or its message."""

    def run(*arguments):
        capsys.readouterr()
        status = main([*map(str, arguments), "--json"])
        captured = capsys.readouterr()
        return status, json.loads(captured.out)["rows"] if captured.out else captured.err

    return run


def test_a_stretch_is_made_again_in_its_row(clips, listed, batch, clicking, again):
    """The new take is laid first, the row lists both, all other entries stay, and the list generates nothing more."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    _, before = batch(path)
    first = folder / "sound" / before["rows"][0]["take"]["file"]
    old = first.read_bytes()
    status, rows = again("redo", first, "--in", "0.2", "--out", "0.6", "--seed", "9")
    assert status == 0
    assert [(row["id"], row["take"]["take"], row["state"], row["take"]["seed"]) for row in rows] == [
        ("one", 1, "laid", 3),
        ("one", 2, "laid", 9),
    ]
    assert rows[1]["take"]["replaced"]["take"] == first.name
    assert first.read_bytes() == old
    listed_rows = json.loads((folder / "work.tracklay.results.json").read_text())["rows"]
    assert listed_rows == [*rows, before["rows"][1]]
    manifest = json.loads((folder / "sound" / "a.tracklay.json").read_text())
    assert [take["take"] for take in manifest["takes"]] == [2, 1]
    laid = {file: file.stat().st_mtime_ns for file in (folder / "sound").iterdir()}
    status, after = batch(path)
    assert (status, after["rows"]) == (0, listed_rows)
    assert {file: file.stat().st_mtime_ns for file in (folder / "sound").iterdir()} == laid


def test_a_stretch_of_an_outdated_take_is_refused(clips, listed, batch, clicking, again):
    """The list would not lay it. So is a take of a row that is gone; nothing is written."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    _, content = batch(path)
    take = folder / "sound" / content["rows"][0]["take"]["file"]
    files = sorted((folder / "sound").iterdir())
    for text, words in (
        (LIST.replace("seed = 3", 'seed = 3\nprompt = "steps"'), "has changed since the take was made"),
        (LIST.replace('"one"', '"other"'), "no longer has the row 'one'"),
    ):
        listed(text)
        status, message = again("redo", take, "--in", "0.2", "--out", "0.6")
        assert status == 2
        assert words in message
        assert len(message.splitlines()) == 1
    assert sorted((folder / "sound").iterdir()) == files


def test_music_is_fitted_to_its_row_as_it_is_now(tmp_path, home, listed, batch, again):
    """Span and hits were changed in the list: nothing is asked for, the row has its take, and the list generates nothing more."""
    (home / "models").mkdir(exist_ok=True)
    (home / "models" / "band.toml").write_text(music_model.MODEL)
    band = music_model.Band([])
    base.register("band", lambda: band)
    flash_clip(tmp_path / "film.mp4", Fraction(25), 400, ())
    path = listed(MUSIC)
    _, content = batch(path)
    take = tmp_path / "sound" / content["rows"][0]["take"]["file"]
    status, message = again("refit", take, "--out", "9")
    assert (status, "belongs to work.toml" in message) == (2, True)
    listed(MUSIC.replace('"12"', '"9.6"').replace("4.36", "7"))
    status, rows = again("refit", take)
    assert status == 0
    assert [(row["state"], row["take"]["samples"], row["take"]["cost"]["amount"]) for row in rows] == [
        ("laid", 460_800, "0")
    ]
    assert rows[0]["take"]["fit"]["refit_of"] == take.name
    assert [hit["at"] for hit in rows[0]["take"]["fit"]["hits"]] == [7 * 48_000]
    assert np.abs(hear(tmp_path / "sound" / rows[0]["take"]["file"])[-480:]).max() < 0.02
    status, after = batch(path)
    assert (status, after["rows"]) == (0, rows)
    assert len(band.asked) == 1
    assert take.exists()


def test_music_that_is_too_short_for_its_row_is_asked_for_more(tmp_path, home, listed, batch, again):
    """Within the cap, and only what is missing; the new take is the row's, and the list generates nothing more."""
    (home / "models").mkdir(exist_ok=True)
    (home / "models" / "band.toml").write_text(music_model.MODEL)
    band = music_model.Band([])
    base.register("band", lambda: band)
    flash_clip(tmp_path / "film.mp4", Fraction(25), 400, ())
    path = listed(MUSIC.replace('"12"', '"6"'))
    _, content = batch(path)
    take = tmp_path / "sound" / content["rows"][0]["take"]["file"]
    listed(MUSIC.replace('"12"', '"16"'))
    status, message = again("refit", take, "--ask-more", "--max-cost", "0.01")
    assert (status, "is asked for 20.0 s for 0.40 USD" in message, len(band.asked)) == (2, True, 1)
    status, rows = again("refit", take, "--ask-more")
    assert (status, [float(each) for each in band.asked]) == (0, [7.2, 20])
    (row,) = rows
    assert (row["state"], row["take"]["samples"], row["take"]["fit"]["refit_of"]) == ("laid", 768_000, take.name)
    assert [part["cost"]["amount"] for part in row["take"]["parts"]] == ["0", "0.2"]
    status, after = batch(path)
    assert (status, after["rows"], len(band.asked)) == (0, rows, 2)
