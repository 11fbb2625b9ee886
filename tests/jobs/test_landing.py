"""Landing in the pipeline: a model's late and early strikes are laid on the contacts, and the untouched take stays beside them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tracklay import demo
from tracklay.cli.main import main
from tracklay.cue import Cost
from tracklay.errors import MediaError
from tracklay.jobs.ledger import Ledger
from tracklay.listening.onsets import detect_onsets
from tracklay.media.wav_reader import WavReader
from tracklay.providers import base
from tracklay.providers.base import JobHandle, Output

from tests.clips import FFMPEG, xmp_of_wav
from tests.fakes.click_model import Clicker
from tests.landing.made_takes import RATE, strike, write_wav

pytestmark = pytest.mark.lands

IMPACTS = (0.70, 1.71, 2.43, 2.95, *demo.STRIKE_TIMES)
"""The demo's visible impacts, in seconds; the ball's later and smaller ones are left out."""

JITTER = (0.15, -0.12, 0.2, -0.18, 0.1, -0.2, 0.16, -0.1)
"""Seconds by which the model's strikes are off, in turn."""


class Striker(Clicker):
    """A model that strikes near the demo's visible impacts."""

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        rng = np.random.default_rng(4)
        sound = rng.standard_normal((round(Fraction(handle.data["seconds"]) * RATE), 2)) * 0.002
        for number, time in enumerate(IMPACTS):
            start = round((time + JITTER[number % len(JITTER)]) * RATE)
            hit = strike("wood", rng)[: len(sound) - start] * 0.3
            sound[start : start + len(hit)] += hit[:, None]
        file = folder / "strikes.wav"
        write_wav(file, [sound.astype(np.float32)])
        return Output(file, handle.data["seed"], "1", Cost("0", "USD", estimated=False))


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """The demo's clip."""
    return demo.make_clip(tmp_path_factory.mktemp("clip") / "demo.mp4")


@pytest.fixture
def striking(clicking):
    """Let the fake model strike."""
    base.register("clicker", Striker)


def lay(clip, folder, capsys, *arguments):
    """Run `tracklay lay` and return the manifest."""
    capsys.readouterr()
    assert (
        main(["lay", str(clip), "--model", "clicker/clicks", "--seed", "1", "--json", "--to", str(folder), *arguments])
        == 0
    )
    return json.loads(capsys.readouterr().out)


def hear(path):
    """Return the samples of a take."""
    with WavReader(path) as wav:
        return wav.read(0, wav.format.samples)


def test_strikes_are_laid_on_the_contacts(striking, clip, tmp_path, capsys):
    """Strikes that are 0.1 to 0.2 s off land within a frame; the untouched take is beside; the ledger knows both; off leaves all."""
    manifest = lay(clip, tmp_path / "auto", capsys)
    (take,) = manifest["takes"]
    landing = take["landing"]
    landed_file = tmp_path / "auto" / take["file"]
    untouched_file = tmp_path / "auto" / landing["untouched"]
    landed, untouched = hear(landed_file), hear(untouched_file)
    assert landing["mode"] == "auto"
    assert untouched_file.name == landed_file.name.replace(".wav", ".unlanded.wav")
    assert landed.shape == untouched.shape == (take["samples"], take["channels"])
    assert hashlib.sha256(landed_file.read_bytes()).hexdigest() == take["sha256"]
    assert len(landing["moves"]) >= 6
    onsets = np.array([onset.sample / RATE for onset in detect_onsets(landed, RATE)])
    for move in landing["moves"]:
        before, after = Fraction(move["from"]), Fraction(move["to"])
        assert np.abs(onsets - float(after)).min() < 0.002
        assert 0.05 < abs(before - after) < 0.3
        assert 0.6 <= move["confidence"] <= 1
        assert min(abs(float(after) - time) for time in IMPACTS) < 2 / demo.FPS
    ledger = Ledger()
    assert ledger.hashes_of([untouched_file.name])[untouched_file.name] == {
        hashlib.sha256(untouched_file.read_bytes()).hexdigest()
    }
    ledger.close()
    (off,) = lay(clip, tmp_path / "off", capsys, "--land", "off")["takes"]
    assert off["landing"] == {"mode": "off"}
    assert np.array_equal(hear(tmp_path / "off" / off["file"]), untouched)
    assert len(list((tmp_path / "off").glob("*.wav"))) == 1


def test_a_take_lands_again_on_a_picture_that_was_cut(striking, clip, tmp_path, capsys):
    """Of a film that lost its first half second, `tracklay land` lands the untouched take again; no file changes, no model is asked."""
    folder = tmp_path / "takes"
    (take,) = lay(clip, folder, capsys)["takes"]
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    shorter = tmp_path / "shorter.mp4"
    lost = 12
    cut = ["-vf", f"select=gte(n\\,{lost}),setpts=PTS-STARTPTS", "-an", "-c:v", "libx264"]
    subprocess.run([FFMPEG, "-v", "error", "-i", clip, *cut, shorter], check=True)
    assert main(["land", str(folder / take["file"]), str(shorter), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    file = folder / f"{Path(take['file']).stem}.landed1.wav"
    assert result["file"] == str(file)
    assert result["landing"]["untouched"] == take["landing"]["untouched"]
    assert len(result["landing"]["moves"]) >= 4
    onsets = np.array([onset.sample / RATE for onset in detect_onsets(hear(file), RATE)])
    for move in result["landing"]["moves"]:
        after = float(Fraction(move["to"]))
        assert np.abs(onsets - after).min() < 0.002
        assert min(abs(after + lost / demo.FPS - time) for time in IMPACTS) < 2 / demo.FPS
    assert hear(file).shape == hear(folder / take["file"]).shape
    assert xmp_of_wav(file) == xmp_of_wav(folder / take["file"])  # it is generated sound as before
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path != file} == kept
    assert main(["land", str(folder / "none.wav"), str(shorter)]) == 2
    assert "none.wav" in capsys.readouterr().err


def test_a_picture_that_is_gone_does_not_lose_a_paid_take(striking, clip, tmp_path, capsys, monkeypatch):
    """An output is reused after its picture's proxy became unreadable: the take is whole, and a note has the reason."""
    lay(clip, tmp_path / "first", capsys, "--out", "2")

    def fail(*arguments, **keywords):
        raise MediaError("proxy.gone", "No picture: {name}.", name="demo.mp4")

    monkeypatch.setattr("tracklay.jobs.pipeline.find_pinned", lambda key: None)
    monkeypatch.setattr("tracklay.jobs.pipeline.extract_pinned", fail)
    (take,) = lay(clip, tmp_path / "again", capsys, "--out", "2")["takes"]
    assert "landing" not in take
    assert any(note == "not landed: No picture: demo.mp4." for note in take["notes"])
    assert hear(tmp_path / "again" / take["file"]).shape[0] == take["samples"]
