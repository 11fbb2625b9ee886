"""`tracklay lay` with Scenario's models, from a picture to takes: in sync, traced, and with no key anywhere."""

from __future__ import annotations

import base64
import json
import logging
from fractions import Fraction
from typing import Any

import pytest
from tracklay.cli.main import main
from tracklay.providers import base
from tracklay.providers.scenario import Scenario

from tests.clips import clicks, flash_clip, hear
from tests.fakes.mmaudio import TEXT_CLICK
from tests.fakes.scenario import KEY, PAIR, SECRET, UNITS
from tests.fakes.server import HTML_502, Fault
from tests.providers.provider_flow import fast_policy

LIT = (25, 48, 60, 91)
"""Frames of `clip` that are white."""
RATE = Fraction(24000, 1001)
START, END = 21, 97
CUT = {5: ["1.830 s cut at the span's end"], 10: ["6.830 s cut at the span's end"]}
"""Notes of a take by the least length that its model makes."""
SAMPLES = round((END - START) / RATE * 48_000)


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Look again at once."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.001))
    monkeypatch.setattr("tracklay.providers.base.DEFAULT_FIND_DELAYS", (0.0, 0.0))
    monkeypatch.setitem(base._factories, "scenario", lambda: Scenario(fast_policy()))


@pytest.fixture
def clip(tmp_path):
    """A clip with flashes, at a rate that does not divide 48 kHz."""
    return flash_clip(tmp_path / "clip.mp4", RATE, 110, LIT)


def lay(clip, model: str, *arguments: str) -> int:
    """Run `tracklay lay` over the span."""
    span = ("--in", f"{START}f", "--out", f"{END}f", "--prompt", "calm")
    return main(["lay", str(clip), "--model", model, *span, "--json", *arguments])


def laid(clip, capsys) -> Any:
    """The takes of the manifest, each of the span's samples."""
    takes = json.loads(capsys.readouterr().out)["takes"]
    assert all(len(hear(clip.parent / "tracklay" / take["file"])) == take["samples"] == SAMPLES for take in takes)
    return takes


@pytest.mark.parametrize(
    ("model", "form"),
    [
        ("scenario/mmaudio", "numSteps=4"),
        ("scenario/sonilo-music", "numSamples=2"),
        ("scenario/sonilo-effects", "audioFormat=wav"),
        ("scenario/sonilo-effects", "audioFormat=mp3"),
    ],
)
def test_every_click_of_a_video_model_lies_within_a_sample_of_its_flash(scenario, clip, capsys, model, form):
    """The proxy goes up in parts, the sound lies where the picture flashes; the manifest traces it."""
    assert lay(clip, model, "--set", form) == 0
    takes = laid(clip, capsys)
    exact = [(flash - START) / RATE * 48_000 for flash in LIT]
    for take in takes:
        found = clicks(hear(clip.parent / "tracklay" / take["file"]))
        assert len(found) == len(exact)
        assert max(abs(a - b) for a, b in zip(found, exact, strict=True)) <= 1
    (job,) = scenario.scenario.jobs
    assert {(take["request"], take["provider"], take["prompt"]) for take in takes} == {(job, "scenario", "calm")}
    assert len(takes) == (2 if form == "numSamples=2" else 1)
    costs = [take["cost"] for take in takes]
    assert costs[0] == {"amount": str(len(takes) * UNITS), "currency": "CU", "estimated": False}
    assert [cost["amount"] for cost in costs[1:]] == ["0"] * (len(takes) - 1)


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("scenario/beatoven-music", 5),
        ("scenario/beatoven-sfx", 1),
        ("scenario/musicgen", 1),
        ("scenario/sonilo-text-music", 1),
        ("scenario/sonilo-text-effects", 1),
        ("scenario/ace-step", 10),
    ],
)
def test_a_text_model_makes_a_take_of_the_spans_length(scenario, clip, capsys, model, least):
    """The span's length is asked for, no picture goes along, and what is longer is cut."""
    seed = () if "sonilo" in model else ("--seed", "7")
    assert lay(clip, model, "--fit", "off", *seed) == 0
    (take,) = laid(clip, capsys)
    (heard,) = clicks(hear(clip.parent / "tracklay" / take["file"]))
    assert abs(heard - TEXT_CLICK * 48_000) <= 1
    assert take["seed"] == (7 if seed else None)
    (sent,) = [seen.json for seen in scenario.api.calls("POST /v1/generate/.*")]
    assert 0 <= sent["duration"] - max(least, (END - START) / RATE) < 0.001
    assert not scenario.api.calls("POST /v1/uploads")
    # MusicGen answers with MP3.
    priming = ["1105 samples of encoder priming removed"] if model == "scenario/musicgen" else []
    assert take["notes"] == (CUT.get(least, [])) + priming


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        ("scenario/mmaudio", ("--set", "numSteps=51")),
        ("scenario/mmaudio", ("--seed", "65536")),
        ("scenario/mmaudio", ("--seed", "65535", "--takes", "2")),
        ("scenario/beatoven-music", ("--seed", "2147483648")),
        ("scenario/musicgen", ("--set", "inputAudio=nowhere.wav")),
        ("scenario/musicgen", ("--set", "normalizationStrategy=loud")),
        ("scenario/sonilo-music", ("--set", "numSamples=4")),
        ("scenario/beatoven-music", ("--prompt", "")),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_sent(scenario, clip, model, arguments):
    """Status 2, and the fake server received nothing."""
    assert lay(clip, model, *arguments) == 2
    assert not scenario.api.requests


def test_a_missing_key_is_an_error_before_anything_starts(scenario, clip, monkeypatch, capsys):
    """Nothing is extracted, uploaded or written."""
    monkeypatch.delenv("SCENARIO_SDK_API_SECRET")
    assert lay(clip, "scenario/mmaudio") == 1
    assert "SCENARIO_SDK_API_SECRET" in capsys.readouterr().err
    assert not scenario.api.requests
    assert not (clip.parent / "tracklay").exists()


def test_the_key_is_nowhere_but_in_its_header(scenario, elsewhere, clip, home, tmp_path, capsys, caplog):
    """After successes, faults, refusals that quote it and redirects: not in files, output, logs, addresses, nor at other hosts."""
    caplog.set_level(logging.DEBUG)
    refusal = json.dumps({"status": "error", "message": f"bad {KEY} {SECRET} Basic {PAIR}"}).encode()
    quoting = Fault("answer", 400, (("content-type", "application/json"),), refusal)
    away = Fault("redirect", to=elsewhere.url)
    api, cdn, create = scenario.api, scenario.cdn, "POST /v1/generate/.*"
    cdn.go_wrong("GET /assets/.*", away, HTML_502)
    assert lay(clip, "scenario/mmaudio") == 0
    for model, host, call, fault in (
        ("scenario/beatoven-sfx", api, create, quoting),
        ("scenario/beatoven-sfx", api, create, away),
        ("scenario/mmaudio", cdn, "PUT /upload/.*", away),
        ("scenario/beatoven-sfx", api, "GET /v1/assets/.*", quoting),
        ("scenario/beatoven-sfx", api, "GET /v1/jobs/.*", away),
        ("scenario/beatoven-sfx", api, create, Fault("reset")),
    ):
        host.go_wrong(call, fault)
        lay(clip, model)
    scenario.scenario.ends, scenario.scenario.failure = "failure", {"error": f"crashed with {SECRET}"}
    lay(clip, "scenario/beatoven-sfx")
    printed = capsys.readouterr()
    shown = (
        printed.out + printed.err + caplog.text + "".join(seen.path + str(seen.query) for seen in scenario.api.requests)
    )
    files = [path.read_bytes() for folder in (home, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 3
    others = [seen.raw for seen in (*scenario.cdn.requests, *elsewhere.requests)]
    assert elsewhere.requests
    assert all("authorization" not in seen.headers for seen in (*scenario.cdn.requests, *elsewhere.requests))
    for form in (KEY, SECRET, PAIR, base64.b64encode(SECRET.encode()).decode()):
        assert not [held for held in (*files, *others, shown.encode()) if form.encode() in held]
    assert {seen.headers["authorization"] for seen in scenario.api.requests} == {f"Basic {PAIR}"}
