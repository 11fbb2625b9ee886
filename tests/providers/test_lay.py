"""`tracklay lay` from a clip to its takes, with the fake servers: in sync, traced, complete, and with no key anywhere."""

from __future__ import annotations

import base64
import json
import logging
import threading
from fractions import Fraction

import pytest
from tracklay.cli.main import main
from tracklay.cue import Failure
from tracklay.errors import Cancelled
from tracklay.jobs import create_job_spec
from tracklay.jobs.events import TakeFinished
from tracklay.jobs.runner import BackgroundRunner
from tracklay.providers import base
from tracklay.providers.replicate import Replicate
from tracklay.timelines.media_file import MediaFile

from tests.clips import clicks, flash_clip, hear
from tests.fakes.replicate import TOKEN, VERSION
from tests.fakes.server import EMPTY_202, HTML_502, THROTTLED, Fault
from tests.providers.provider_flow import fast_policy

LIT = (25, 48, 60, 91)
"""Frames of `clip` that are white."""


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Look again at once."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.001))
    monkeypatch.setattr("tracklay.providers.base.DEFAULT_FIND_DELAYS", (0.0, 0.0))


@pytest.fixture(params=[Fraction(24000, 1001), Fraction(25), Fraction(60)], ids=str)
def clip(request, tmp_path):
    """A clip with flashes, at rates that divide 48 kHz and that don't."""
    return flash_clip(tmp_path / "clip.mp4", request.param, 110, LIT), request.param


def lay(*arguments) -> int:
    """Run `tracklay lay`."""
    return main(["lay", *(str(argument) for argument in arguments)])


def assert_in_sync(file, rate, start, frames):
    """Every click within one sample of its flash, and as many samples as the span has."""
    heard = hear(file)
    assert len(heard) == round(frames / rate * 48_000)
    exact = [(flash - start) / rate * 48_000 for flash in LIT if start <= flash < start + frames]
    found = clicks(heard)
    assert len(found) == len(exact)
    assert max(abs(a - b) for a, b in zip(found, exact, strict=True)) <= 1


@pytest.mark.parametrize("model", ["replicate/mmaudio", "cog/mmaudio"])
def test_every_click_lies_within_a_sample_of_its_flash(replicate, cog, clip, capsys, model):
    """The proxy goes there, MMAudio's MP4 comes back, its sound lies where the picture flashes; the manifest traces it."""
    path, rate = clip
    assert (
        lay(
            path,
            "--model",
            model,
            "--in",
            "21f",
            "--out",
            "97f",
            "--prompt",
            "wood",
            "--seed",
            "5",
            "--takes",
            "2",
            "--json",
        )
        == 0
    )
    made = json.loads(capsys.readouterr().out)
    folder = path.parent / "tracklay"
    for take in made["takes"]:
        assert_in_sync(folder / take["file"], rate, 21, 76)
        assert (take["provider"], take["prompt"], take["negative"]) == (model.partition("/")[0], "wood", "")
        assert take["params"] == {"mode": "video", "num_steps": 25, "cfg_strength": 4.5}
        assert take["licence"].startswith("CC-BY-NC-4.0")
    assert sorted(take["seed"] for take in made["takes"]) == [5, 6]
    assert len({take["request"] for take in made["takes"]}) == 2
    if model == "replicate/mmaudio":
        assert {take["version"] for take in made["takes"]} == {VERSION}
        assert {take["request"] for take in made["takes"]} == set(replicate.app.predictions)
        cost = made["takes"][0]["cost"]
        assert (cost["amount"], cost["currency"], cost["estimated"]) == (None, "USD", True)
    asked = [
        seen.json["input"]["duration"] for seen in (*replicate.calls("POST /v1/predictions"), *cog.calls("PUT .*"))
    ]
    assert all(0 <= seconds - 76 / rate < 0.001 for seconds in asked)


@pytest.fixture
def short(tmp_path):
    """Half a second: shorter than the model's least."""
    return flash_clip(tmp_path / "short.mp4", Fraction(25), 13, (5,))


def test_a_span_shorter_than_the_models_least_asks_for_the_least(replicate, short):
    """A second is asked for, and the take is the span's."""
    assert lay(short, "--model", "replicate/mmaudio") == 0
    (created,) = replicate.calls("POST /v1/predictions")
    assert created.json["input"]["duration"] == 1
    assert len(hear(short.parent / "tracklay" / "short.replicate-mmaudio.take1.wav")) == 13 * 1920


@pytest.mark.parametrize(("mode", "suffix"), [("text", ".flac"), ("image", ".mp4")])
def test_a_still_or_words_alone_make_a_take_too(replicate, short, mode, suffix):
    """The modes that look at no moving picture go the same way."""
    assert lay(short, "--model", "replicate/mmaudio", "--set", f"mode={mode}", "--set", "+x=1") == 1
    assert lay(short, "--model", "replicate/mmaudio", "--set", f"mode={mode}", "--set", "duration=2") == 0
    assert [name.rpartition(".")[2] for name in replicate.app.results] == [suffix[1:]]
    assert replicate.calls("POST /v1/predictions")[-1].json["input"]["duration"] == 2
    uploads = replicate.calls("POST /v1/files")
    assert [seen.parts["content"][1] for seen in uploads] == {"text": [], "image": ["image/png"] * 2}[mode]


def test_several_files_become_several_takes(replicate, short, capsys):
    """A model that makes two sounds of one request has two takes, paid for once."""
    replicate.app.output = lambda address: [address, address]
    assert lay(short, "--model", "replicate/mmaudio", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert [take["take"] for take in made["takes"]] == [1, 2]
    assert [take["cost"]["amount"] for take in made["takes"]] == [None, "0"]
    assert len({take["request"] for take in made["takes"]}) == 1


def test_half_a_file_is_no_take(replicate, short, capsys):
    """A file that is cut short by a server that vouches for its length is found out by decoding it, and fetched once more."""
    replicate.go_wrong("GET /delivery/.*", Fault("half-json"))
    assert lay(short, "--model", "replicate/mmaudio") == 0
    for path in (short.parent / "tracklay").glob("*.wav"):  # the take, and the file with its handles
        path.unlink()
    replicate.go_wrong("GET /delivery/.*", *[Fault("half-json")] * 2)
    assert lay(short, "--model", "replicate/mmaudio") == 1
    assert "The model's file output0.mp4 has no sound." in capsys.readouterr().err
    assert not list((short.parent / "tracklay").glob("*.wav"))


def test_an_error_names_clip_provider_and_fix(replicate, short, capsys):
    """One line, with everything that a user needs."""
    replicate.app.credit = False
    assert lay(short, "--model", "replicate/mmaudio", "--json") == 1
    shown = capsys.readouterr()
    (failed,) = json.loads(shown.out)["failed"]
    assert failed["kind"] == "no-credit"
    assert failed["error"].startswith("short.mp4: The Replicate account has no credit left")
    assert "Add credit" in failed["error"]


def test_a_missing_key_is_an_error_before_anything_starts(replicate, short, monkeypatch, capsys):
    """Nothing is extracted, uploaded or written."""
    monkeypatch.delenv("REPLICATE_API_TOKEN")
    assert lay(short, "--model", "replicate/mmaudio") == 1
    assert "REPLICATE_API_TOKEN" in capsys.readouterr().err
    assert not replicate.requests
    assert not (short.parent / "tracklay").exists()


@pytest.mark.parametrize(
    "setting",
    ["cfg_strength=0.9", "duration=0.5", "num_steps=2.5", "nonsense=1", "+duration=3", "+x=dark", "mode=smell"],
)
def test_a_wrong_setting_is_refused_before_anything_is_sent(replicate, short, setting):
    """Status 2, and the fake server received nothing."""
    assert lay(short, "--model", "replicate/mmaudio", "--set", setting) == 2
    assert not replicate.requests


def test_the_key_is_nowhere_but_in_its_header(replicate, cog, elsewhere, short, home, tmp_path, capsys, caplog):
    """After successes, faults, refusals that quote it and redirects: not in files, output, logs, addresses, nor at other hosts."""
    caplog.set_level(logging.DEBUG)
    quoting = Fault(
        "answer", 422, (("content-type", "application/json"),), json.dumps({"detail": f"bad {TOKEN}"}).encode()
    )
    lay(short, "--model", "replicate/mmaudio")
    lay(short, "--model", "cog/mmaudio")
    for call, fault in (
        ("POST /v1/predictions", quoting),
        ("POST /v1/predictions", Fault("redirect", to=elsewhere.url)),
        ("POST /v1/predictions", Fault("reset")),
        ("GET /v1/predictions/.*", Fault("redirect", to=elsewhere.url)),
        ("GET /delivery/.*", Fault("redirect", to=elsewhere.url)),
        ("POST /v1/files", quoting),
    ):
        replicate.go_wrong(call, fault)
        lay(short, "--model", "replicate/mmaudio", "--json", "--set", f"mode={'video' if 'files' in call else 'text'}")
    replicate.app.ends, replicate.app.error = "failed", f"crashed with {TOKEN}"
    lay(short, "--model", "replicate/mmaudio", "--json")
    printed = capsys.readouterr()
    shown = (
        printed.out + printed.err + caplog.text + "".join(seen.path + str(seen.query) for seen in replicate.requests)
    )
    files = [path.read_bytes() for folder in (home, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 3
    others = [seen.raw for seen in (*cog.requests, *elsewhere.requests)]
    for form in (TOKEN.encode(), base64.b64encode(TOKEN.encode())):
        assert not [held for held in (*files, *others, shown.encode()) if form in held]
    assert all(seen.headers["authorization"] == f"Bearer {TOKEN}" for seen in replicate.requests)


@pytest.mark.parametrize(
    "fault", [Fault("reset-after"), EMPTY_202, THROTTLED, HTML_502], ids=lambda fault: f"{fault.how} {fault.status}"
)
def test_a_fault_of_the_submission_never_makes_two(replicate, short, capsys, fault):
    """Found again, sent again where nothing was made, or unclear: one prediction at most."""
    replicate.go_wrong("POST /v1/predictions", fault)
    status = lay(short, "--model", "replicate/mmaudio", "--json")
    made = json.loads(capsys.readouterr().out)
    assert len(replicate.app.predictions) == len(made["takes"]) == (0 if fault is HTML_502 else 1)
    assert status == len(made["failed"])
    assert [failed["kind"] for failed in made["failed"]] == ["unclear"] * status


def begin(replicate, clip, folder, until):
    """Start an order as the editor does, cancel it as soon as `until()` holds; how it ended."""
    timeline = MediaFile.open(clip)
    cue = timeline.spot("1", timeline.span(None, None), model="replicate/mmaudio")
    runner, pause = BackgroundRunner(), threading.Event()
    try:
        runner.start(create_job_spec(cue, folder, "clip"))
        while not until():
            pause.wait(0.01)
        runner.cancel("1")
        while not isinstance(news := runner.events.get(timeout=20), TakeFinished):
            pass
    finally:
        runner.close()
    (failure,) = news.results
    assert isinstance(failure, Failure)
    return failure.error


def test_cancelling_an_order_cancels_the_prediction(replicate, short, tmp_path):
    """The order ends as cancelled, and Replicate was asked to stop."""
    replicate.app.steps = ("starting",) * 1_000_000
    error = begin(replicate, short, tmp_path, lambda: sum(replicate.app.looks.values()))
    assert isinstance(error, Cancelled)
    assert [prediction["status"] for prediction in replicate.app.predictions.values()] == ["canceled"]


def test_cancelling_while_the_submission_is_under_way_cancels_it_too(replicate, short, tmp_path, monkeypatch):
    """Its answer never comes; it is found, and then stopped: nothing runs on that is not needed."""
    monkeypatch.setitem(base._factories, "replicate", lambda: Replicate(fast_policy(attempt_seconds=1.0)))
    replicate.go_wrong("POST /v1/predictions", Fault("delay-after"))
    error = begin(replicate, short, tmp_path, lambda: replicate.app.predictions)
    assert isinstance(error, Cancelled)
    assert [prediction["status"] for prediction in replicate.app.predictions.values()] == ["canceled"]
    assert len(replicate.calls("POST /v1/predictions")) == 1


def test_a_prediction_that_never_ends_is_given_up_and_named(replicate, short, capsys, monkeypatch):
    """After the provider's time limit the error names the request."""
    monkeypatch.setattr(Replicate, "max_wait_seconds", 0.3)
    replicate.app.steps = ("processing",) * 1_000_000
    assert lay(short, "--model", "replicate/mmaudio", "--json") == 1
    (failed,) = json.loads(capsys.readouterr().out)["failed"]
    (name,) = replicate.app.predictions
    assert failed["kind"] == "timed-out"
    assert name in failed["error"]
