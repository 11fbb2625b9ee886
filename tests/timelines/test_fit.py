"""Music that is fitted: asked for with a margin, with its own ending on the span's end, on its hits, and fitted again for nothing."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from tracklay.cli.main import main
from tracklay.jobs.ledger import Ledger
from tracklay.providers import base

from tests.clips import flash_clip, hear
from tests.fakes import music_model


@pytest.fixture
def asked(home):
    """Add the fake music model to the catalogue, and return the lengths that it is asked for, in seconds."""
    (home / "models").mkdir(exist_ok=True)
    (home / "models" / "band.toml").write_text(music_model.MODEL)
    lengths: list[Fraction] = []
    base.register("band", lambda: music_model.Band(lengths))
    return lengths


@pytest.fixture
def clip(tmp_path):
    """Sixteen seconds at 25 frames a second."""
    return flash_clip(tmp_path / "clip.mp4", Fraction(25), 400, ())


def run(capsys, *arguments) -> dict[str, Any]:
    """Run a command and return its JSON."""
    assert main([*map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def lay(capsys, clip, *arguments) -> dict[str, Any]:
    """Lay music of the fake model, and return the take's entry."""
    options = ("--model", "band/music", "--prompt", "house", "--seed", "1", *arguments)
    take: dict[str, Any] = run(capsys, "lay", clip, *options)["takes"][0]
    return take


def test_music_ends_with_the_span_and_meets_its_hits(clip, asked, capsys):
    """A fifth more is asked for. The take has the span's samples, the music's own ending, and an accent on the hit."""
    take = lay(capsys, clip, "--out", "12", "--hits", "4.36")
    folder = clip.parent / "tracklay"
    assert asked == [Fraction(72, 5)]
    assert (take["samples"], len(hear(folder / take["file"]))) == (576_000, 576_000)
    assert take["fit"]["ending"]["kept"]
    (hit,) = take["fit"]["hits"]
    assert abs(hit["error_ms"]) < 40
    whole, fitted = hear(folder / take["fit"]["unfitted"]), hear(folder / take["file"])
    assert len(whole) == round(14.4 * 48_000)
    # The beginning is the music's, to the sample, and the last decay is its ending's: both are quiet at the end.
    assert np.abs(fitted[:4800] - whole[:4800]).max() < 1e-3
    assert np.abs(fitted[-480:]).max() < 0.02
    assert take["cost"]["amount"] == "0.5"


def test_a_tail_ends_after_the_span_and_off_cuts(clip, asked, capsys):
    """The take is longer than its span by the tail; without fitting the music is cut, as it came, and asked for exactly."""
    take = lay(capsys, clip, "--in", "2", "--out", "10", "--tail", "1.2")
    assert (take["frames"], take["tail"], take["samples"]) == (200, 30, round(9.2 * 48_000))
    plain = lay(capsys, clip, "--out", "10", "--fit", "off")
    assert "fit" not in plain
    assert asked[1] == 10
    assert plain["samples"] == 480_000


def test_a_recut_costs_nothing(clip, asked, capsys):
    """`refit` sends nothing, keeps the old take, and lays the music on the new span with the hits that still lie in it."""
    first = lay(capsys, clip, "--out", "12", "--hits", "4,11")
    folder = clip.parent / "tracklay"
    before = (folder / first["file"]).read_bytes()
    new, old = run(capsys, "refit", folder / first["file"], "--in", "1", "--out", "9")["takes"]
    assert len(asked) == 1
    assert (new["take"], new["samples"], new["cost"]["amount"]) == (2, 384_000, "0")
    assert (new["request"], new["seed"]) == (first["request"], first["seed"])
    assert [hit["at"] for hit in new["fit"]["hits"]] == [3 * 48_000]
    assert old["file"] == first["file"]
    assert (folder / first["file"]).read_bytes() == before
    longer = run(capsys, "refit", folder / new["file"], "--in", "0", "--out", "16")["takes"][0]
    assert longer["samples"] == 768_000
    assert longer["fit"]["ending"]["kept"]
    assert len(asked) == 1
    ledger = Ledger()
    assert [job.cost for job in (ledger.get_job(number) for number in (1, 2, 3))] == ["0.5", "0", "0"]
    ledger.close()


def test_the_built_in_music_is_composed_again_for_a_new_span(clip, capsys):
    """From the same seed, so it is the same piece in style and key."""
    first = run(capsys, "lay", clip, "--model", "sketch/music", "--seed", "5", "--out", "5")["takes"][0]
    again = run(capsys, "refit", clip.parent / "tracklay" / first["file"], "--out", "3", "--hits", "2")["takes"][0]
    assert (again["samples"], again["seed"]) == (144_000, 5)
    for name in ("key", "style", "mode"):
        assert again["understood"][name] == first["understood"][name]
    assert [hit["seconds"] for hit in again["understood"]["hits"]] == ["2"]


def test_a_refit_that_cannot_be_is_one_sentence(clip, asked, capsys):
    """Nothing new is written."""
    first = lay(capsys, clip, "--out", "6")
    folder = clip.parent / "tracklay"
    files = sorted(folder.iterdir())
    for arguments, words in (
        (("--out", "90"), "past the end"),
        (("--hits", "15"), "The hit 15 is outside of the span."),
        (("--tail", "soon"), "Invalid tail. Not a time"),
        (("--tail", "90"), "The tail has 90; it may have 60 s."),
    ):
        assert main(["refit", str(folder / first["file"]), *arguments]) == 2
        assert words in capsys.readouterr().err
        assert sorted(folder.iterdir()) == files


def test_only_fitted_music_can_be_fitted_again(clip, asked, capsys):
    """Foley is none; music that was only cut is none; and the whole music may be gone."""
    folder = clip.parent / "tracklay"
    foley = run(capsys, "lay", clip, "--out", "1")["takes"][0]
    plain = lay(capsys, clip, "--out", "4", "--fit", "off")
    fitted = lay(capsys, clip, "--out", "5")
    (folder / fitted["fit"]["unfitted"]).unlink()
    for take, status, words in (
        (foley, 2, "it is no music"),
        (plain, 2, "it was generated without fitting"),
        (fitted, 1, "was fitted from is missing"),
    ):
        assert main(["refit", str(folder / take["file"]), "--out", "3"]) == status
        captured = capsys.readouterr()
        assert words in captured.err + captured.out
