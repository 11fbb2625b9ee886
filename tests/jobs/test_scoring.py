"""Scoring in the pipeline: the best of several takes is laid, also of two models, and a bad stretch is generated again within the cap."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tracklay import demo
from tracklay.cli.main import main
from tracklay.cue import Cost
from tracklay.media.wav_reader import WavReader
from tracklay.providers import base
from tracklay.providers.base import JobHandle, Output, Request, Submission

from tests import clips
from tests.fakes.click_model import Clicker
from tests.landing.made_takes import RATE, strike, write_wav

pytestmark = pytest.mark.lands

IMPACTS = (0.70, 1.71, 2.43, 2.95, *demo.STRIKE_TIMES)
"""The demo's visible impacts, in seconds; the ball's later and smaller ones are left out."""

GAP = (2.2, 4.8)
"""Seconds in which the model is silent with the seed `BAD_SEED`."""

BAD_SEED = 1


class UnevenModel(Clicker):
    """A model that strikes on the demo's impacts, but with one seed it stops in the middle."""

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        rng = np.random.default_rng(handle.data["seed"])
        seconds = Fraction(handle.data["seconds"])
        sound = rng.standard_normal((round(seconds * RATE), 2)) * 0.002
        # The stretch of a repair begins later: the strikes are where its picture has them.
        for time in IMPACTS if seconds == demo.DURATION_SECONDS else ():
            if handle.data["seed"] == BAD_SEED and GAP[0] < time < GAP[1]:
                continue
            hit = strike("wood", rng)[: len(sound) - round(time * RATE)] * 0.3
            sound[round(time * RATE) : round(time * RATE) + len(hit)] += hit[:, None]
        if handle.data["seed"] == BAD_SEED:
            sound[round(GAP[0] * RATE) : round(GAP[1] * RATE)] = 0
        file = folder / "strikes.wav"
        write_wav(file, [sound.astype(np.float32)])
        return Output(file, handle.data["seed"], "1", Cost("0", "USD", estimated=False))


class TextModel(UnevenModel):
    """The same without a picture."""

    async def prepare(self, request: Request) -> Submission:
        assert request.proxy is None
        return Submission.new(self.name, {"seconds": str(request.seconds), "seed": request.seed})


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """The demo's clip."""
    return demo.make_clip(tmp_path_factory.mktemp("clip") / "demo.mp4")


@pytest.fixture
def uneven(clicking):
    """Let the fake model be uneven."""
    base.register("clicker", UnevenModel)


def lay(clip, folder, capsys, *arguments):
    """Run `tracklay lay` and return the manifest."""
    capsys.readouterr()
    assert main(["lay", str(clip), "--model", "clicker/clicks", "--json", "--to", str(folder), *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def hear(path):
    """Return the samples of a take."""
    with WavReader(path) as wav:
        return wav.read(0, wav.format.samples)


def test_best_take_is_laid(uneven, clip, tmp_path, capsys):
    """Of two takes the one without a gap comes first and is heard; both have their score and its reasons; without --best none has."""
    manifest = lay(clip, tmp_path, capsys, "--seed", str(BAD_SEED), "--takes", "2", "--best", "--land", "off")
    best, other = manifest["takes"]
    assert (best["seed"], other["seed"]) == (BAD_SEED + 1, BAD_SEED)
    assert best["score"]["value"] > 80 > other["score"]["value"]
    codes = {reason["code"]: reason for reason in other["score"]["reasons"]}
    assert codes["contacts"]["met"] < codes["contacts"]["of"]
    assert codes["silent_contacts"]["count"] >= 2
    assert codes["digital_silence"]["seconds"] == pytest.approx(GAP[1] - GAP[0], abs=0.05)
    laid = clips.hear(tmp_path / manifest["laid"])
    middle = slice(round(GAP[0] * RATE), round(GAP[1] * RATE))
    assert np.abs(laid[middle]).max() > 0.1
    (plain,) = lay(clip, tmp_path / "plain", capsys, "--seed", "7")["takes"]
    assert "score" not in plain


def test_bad_stretch_is_generated_again(uneven, clip, tmp_path, capsys):
    """The gap alone is asked for again; outside of it the new take is the old one to the bit; the better one is laid, both are kept."""
    manifest = lay(clip, tmp_path, capsys, "--seed", str(BAD_SEED), "--repair", "--land", "off")
    repaired, old = manifest["takes"]
    replaced = repaired["replaced"]
    assert replaced["take"] == old["file"]
    assert repaired["score"]["value"] > old["score"]["value"]
    assert repaired["seed"] != BAD_SEED
    assert replaced["start"] <= GAP[0] * demo.FPS
    assert (repaired["samples"], repaired["frames"]) == (old["samples"], old["frames"])
    first, end = replaced["samples"]
    assert first <= GAP[0] * RATE < GAP[1] * RATE <= end
    assert end - first < 0.7 * old["samples"]
    new, before = hear(tmp_path / repaired["file"]), hear(tmp_path / old["file"])
    assert np.array_equal(new[:first], before[:first])
    assert np.array_equal(new[end:], before[end:])
    assert np.abs(new[round(3.5 * RATE) : round(4 * RATE)]).max() > 0


def test_a_work_list_repairs_too(uneven, clip, tmp_path, capsys):
    """A row with `repair` gets the take with the gap and the repaired one, which is laid; a second run asks for nothing more."""
    path = tmp_path / "work.toml"
    fields = f'picture = "{clip}"\nmodel = "clicker/clicks"\nseed = {BAD_SEED}\nfolder = "takes"\nland = "off"\nrepair = true\n'
    path.write_text(f"[[rows]]\n{fields}")
    for _ in range(2):
        capsys.readouterr()
        assert main(["batch", str(path), "--no-report", "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["rows"]
        assert [row["state"] for row in rows] == ["laid", "laid"]
        takes = [row["take"] for row in rows]
        assert [bool(take.get("replaced")) for take in takes] == [False, True]
        assert takes[1]["replaced"]["take"] == takes[0]["file"]
        assert takes[1]["score"]["value"] > takes[0]["score"]["value"]
    (manifest,) = (tmp_path / "takes").glob("*.tracklay.json")
    laid = clips.hear(manifest.parent / json.loads(manifest.read_text())["laid"])
    assert np.abs(laid[round(3.5 * RATE) : round(4 * RATE)]).max() > 0


def test_a_model_that_sees_no_picture_is_scored_by_it(uneven, home, clip, tmp_path, capsys):
    """The contacts of the cue's picture count for a sound of text alone too; it is not landed."""
    spec = home / "models" / "clicker.toml"
    text = re.sub(r"(?m)^needs = .*$", 'needs = ["text"]', spec.read_text())
    spec.write_text(re.sub(r"(?m)^takes = .*$", "", text))
    base.register("clicker", TextModel)
    (take,) = lay(clip, tmp_path, capsys, "--seed", str(BAD_SEED), "--best", "--prompt", "hit")["takes"]
    reasons = {reason["code"]: reason for reason in take["score"]["reasons"]}
    assert reasons["contacts"]["of"] >= len(IMPACTS) - 1
    assert reasons["contacts"]["met"] < reasons["contacts"]["of"]
    assert not take.get("landing")


def test_several_models_need_best(uneven, clip, tmp_path, capsys):
    """Several models without --best are refused with the fix; with it, the best take of both is the only one that is heard."""
    assert main(["lay", str(clip), "--model", "clicker/clicks", "--model", "sketch/foley", "--to", str(tmp_path)]) == 2
    assert "--best" in capsys.readouterr().err
    manifest = lay(
        clip, tmp_path, capsys, "--model", "sketch/foley", "--seed", str(BAD_SEED), "--best", "--land", "off"
    )
    assert [take["model"] for take in manifest["takes"]] == ["sketch/foley", "clicker/clicks"]
