"""Music that is fitted: asked for with a margin, with its own ending on the span's end, on its hits, and fitted again for nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from tracklay.cli.main import main
from tracklay.cue import Cue, PartRecipe, Picture
from tracklay.hits import Hit
from tracklay.jobs.job_spec import JobSpec, create_job_spec
from tracklay.jobs.ledger import Ledger
from tracklay.models import load_catalogue
from tracklay.providers import base
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import encode, flash_clip, hear
from tests.fakes import music_model


def add_model(home, text=music_model.MODEL) -> music_model.Band:
    """Add a fake music model to the catalogue, and return it: it has what it is asked for."""
    (home / "models").mkdir(exist_ok=True)
    (home / "models" / "band.toml").write_text(text)
    band = music_model.Band([])
    base.register("band", lambda: band)
    return band


@pytest.fixture
def asked(home):
    """Add the fake music model to the catalogue, and return the lengths that it is asked for, in seconds."""
    return add_model(home).asked


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
    assert take["cost"]["amount"] == "0.2"


def test_a_tail_ends_after_the_span_and_off_cuts(clip, asked, capsys):
    """The take is longer than its span by the tail; without fitting the music is cut, as it came, and asked for exactly."""
    take = lay(capsys, clip, "--in", "2", "--out", "10", "--tail", "1.2")
    assert (take["frames"], take["tail"], take["samples"]) == (200, 30, round(9.2 * 48_000))
    whole = run(capsys, "lay", clip, "--model", "band/music", "--prompt", "house", "--seed", "1", "--tail", "1.2")
    (last,) = whole["takes"]
    assert whole["notes"] == [
        f"the copy ends with its picture: the last 1.20 s of the music are only in {last['file']}"
    ]
    assert len(hear(clip.parent / "tracklay" / whole["laid"])) == pytest.approx(16 * 48_000, abs=1024)
    plain = lay(capsys, clip, "--out", "10", "--fit", "off")
    assert "fit" not in plain
    assert asked[2] == 10
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
    assert [job.cost for job in (ledger.get_job(number) for number in (1, 2, 3))] == ["0.2", "0", "0"]
    ledger.close()


def test_music_that_is_too_short_is_asked_for_more(clip, asked, capsys):
    """Only with `--ask-more`, within the cap, and only what is missing: it is joined to what there is, on a bar of its tempo."""
    first = lay(capsys, clip, "--out", "6")
    take = clip.parent / "tracklay" / first["file"]
    refit = ("refit", str(take), "--out", "16")
    assert main([*refit, "--ask-more", "--max-cost", "0.01"]) == 2
    assert "is asked for 20.0 s for 0.40 USD" in capsys.readouterr().err
    assert len(asked) == 1
    assert main([*refit, "--ask-more", "--json"]) == 0
    new = json.loads(capsys.readouterr().out)["takes"][0]
    assert [float(each) for each in asked] == [7.2, 20]
    assert (new["samples"], new["fit"]["refit_of"]) == (768_000, first["file"])
    assert [part["cost"]["amount"] for part in new["parts"]] == ["0", "0.2"]
    assert new["cost"]["amount"] == "0.2"
    assert [seam["join"] for seam in new["seams"]] == ["downbeat"]
    whole, earlier = hear(take.with_name(new["fit"]["unfitted"])), hear(take.with_name(first["fit"]["unfitted"]))
    assert len(whole) >= 18 * 48_000
    # The beginning is the music that there was.
    known, part = earlier[4800 : 2 * 48_000, 0], whole[4800 : 2 * 48_000, 0]
    assert np.corrcoef(known, part)[0, 1] > 0.999
    assert main(["refit", str(take.with_name(new["file"])), "--out", "15", "--ask-more"]) == 0
    assert "long enough: nothing is asked for" in capsys.readouterr().err
    assert main([*refit]) == 0
    assert "--ask-more` asks band/music for more" in capsys.readouterr().err
    assert len(asked) == 2
    # A process that resumes the job reads all of it from the ledger.
    ledger = Ledger()
    spec = JobSpec.from_dict(ledger.get_job(2).plan, load_catalogue())
    ledger.close()
    assert (spec.cue.refit, spec.cue.extends, spec.cue.tempo) == (take, 180, None)  # too short to be sure of its tempo
    recipes = (PartRecipe(3, "house", is_made=True), PartRecipe(4, "drums", is_made=False))
    again = replace(spec, cue=replace(spec.cue, part_recipes=recipes))
    assert JobSpec.from_dict(again.to_dict(), load_catalogue()).cue.part_recipes == recipes


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
        (("--hits", "15"), "The hit 15 is outside of the span, from 0 s to before 6 s."),
        (("--tail", "soon"), "Invalid tail. Not a time"),
        (("--tail", "90"), "The tail is too long: 90. It may be 60 s at most."),
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


WITH_WORDS = music_model.MODEL.replace("price =", 'tempo_words = "at {tempo} BPM"\nprice =')
WITH_PARAMETER = f"""{music_model.MODEL}
[parameters.bpm]
type = "integer"
role = "tempo"
help = "Beats per minute."
minimum = 70
maximum = 160
"""


def test_the_tempo_whose_beats_fall_on_the_hits_is_asked_for_in_words(clip, home, capsys):
    """The hits are on first beats of bars at 100. What came is measured, and both are stated; the prompt stays the user's."""
    band = add_model(home, WITH_WORDS)
    take = lay(capsys, clip, "--hits", "2.4,4.8,7.2")
    assert band.words == [("house, at 100 BPM", None)]
    assert take["prompt"] == "house"
    assert take["tempo"].pop("measured") == pytest.approx(120, abs=0.5)
    assert take["tempo"] == {"asked": 100, "sent": "at 100 BPM"}
    assert "tempo: asked 100, measured 120.0" in take["notes"]
    # Asked for again, also by another process, it is the same request: the output is reused.
    again = lay(capsys, clip, "--hits", "2.4,4.8,7.2")
    assert len(band.words) == 1
    assert again["tempo"]["asked"] == 100
    ledger = Ledger()
    spec = JobSpec.from_dict(ledger.get_job(1).plan, load_catalogue())
    ledger.close()
    assert spec.request_prompt == "house, at 100 BPM"
    # The music of a refit was asked for before.
    refitted = run(capsys, "refit", clip.parent / "tracklay" / take["file"], "--hits", "3")["takes"][0]
    assert "tempo" not in refitted


def test_a_dry_run_says_the_tempo_whose_beats_fall_on_the_cuts(tmp_path, home, capsys):
    """Shots of 2.4 s, four beats at 100: `--hits cuts` takes the cuts, and the tempo is known before anything is sent."""
    band = add_model(home, WITH_WORDS)
    shades = [np.full((54, 96), 40 + 90 * (frame // 60 % 2), np.uint8) for frame in range(240)]
    film = encode(tmp_path / "cut.mp4", shades, (96, 54), Fraction(25))
    options = ("lay", film, "--model", "band/music", "--prompt", "house", "--hits", "cuts", "--dry-run")
    (cue,) = run(capsys, *options)["cues"]
    assert cue["tempo"] == {"asked": 100, "sent": "at 100 BPM"}
    assert main([*map(str, options)]) == 0
    assert capsys.readouterr().out.rstrip().endswith(", tempo 100")
    assert not band.words


def test_the_tempo_is_sent_as_the_parameter_of_a_model_that_has_one(clip, home, capsys):
    """And measured also where the music is not fitted."""
    band = add_model(home, WITH_PARAMETER)
    take = lay(capsys, clip, "--hits", "2.4,4.8,7.2", "--fit", "off")
    assert band.words == [("house", 100)]
    assert (take["tempo"]["sent"], round(take["tempo"]["measured"])) == ("bpm=100", 120)
    assert "bpm" not in take["params"]


@pytest.mark.parametrize(
    ("model", "prompt", "params", "sent", "tempo"),
    [
        (WITH_WORDS, "house", {}, ("house, at 100 BPM", None), 100),
        (WITH_WORDS, "house, 96 bpm", {}, ("house, 96 bpm", None), 96),
        (WITH_WORDS, "", {}, ("at 100 BPM", None), 100),
        (WITH_PARAMETER, "house", {}, ("house", 100), 100),
        (WITH_PARAMETER, "house, 96 bpm", {}, ("house, 96 bpm", 96), 96),
        (WITH_PARAMETER, "house, 190 bpm", {}, ("house, 190 bpm", None), 190),
        (WITH_PARAMETER, "house", {"bpm": 90}, ("house", 90), 90),
        (music_model.MODEL, "house", {}, ("house", None), None),
    ],
)
def test_a_tempo_that_the_user_typed_wins(tmp_path, home, model, prompt, params, sent, tempo):
    """In the prompt or as the parameter, where it allows that; and a model that takes none is asked for none."""
    add_model(home, model)
    hits = tuple(Hit(Fraction(seconds)) for seconds in ("2.4", "4.8", "7.2"))
    span = Span(0, 225, Rate(Fraction(25)))
    picture = Picture(tmp_path / "clip.mp4", TimeMap.linear(span, Fraction(0)))
    cue = Cue("1", span, picture, "band/music", prompt=prompt, params=params, hits=hits)
    spec = create_job_spec(cue, tmp_path, "clip")
    assert (spec.request_prompt, spec.request_params.get("bpm")) == sent
    assert spec.cue.tempo == tempo
    again = JobSpec.from_dict(spec.to_dict(), load_catalogue())
    assert (again.request_prompt, again.request_params) == (spec.request_prompt, spec.request_params)
    assert create_job_spec(replace(cue, hits=()), tmp_path, "clip").tempo_sent in ("", f"bpm={tempo}")


def test_stems_have_the_cuts_of_their_music(clip, home, capsys):
    """Their sum is the take, in the fit and in a refit; the whole stems are kept beside the whole music."""
    add_model(home, music_model.MODEL.replace('"audio"', '"stems"'))
    folder = clip.parent / "tracklay"
    first = lay(capsys, clip, "--out", "12", "--hits", "4.36")
    again = run(capsys, "refit", folder / first["file"], "--out", "9.5", "--hits", "7")["takes"][0]
    for take in (first, again):
        assert take["fit"]["ending"]["kept"]
        assert take["fit"]["joins"]
        assert sorted(take["stems"]) == ["high", "low"]
        sound, *stems = (hear(folder / name) for name in (take["file"], *take["stems"].values()))
        assert {len(stem) for stem in stems} == {take["samples"]}
        np.testing.assert_allclose(sum(stems), sound, atol=2e-4)
        stem = take["file"].removesuffix(".wav")
        assert len(hear(folder / f"{stem}.low.unfitted.wav")) == len(hear(folder / take["fit"]["unfitted"]))
    assert again["cost"]["amount"] == "0"
