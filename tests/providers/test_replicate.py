"""Replicate: requests, progress, results, every fault on every call, and no key where it does not belong."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from tracklay.errors import (
    Cancelled,
    InsufficientCredit,
    InvalidInput,
    KeyMissing,
    KeyRefused,
    ModelFailed,
    NotFound,
    ProviderTimeout,
    ProviderUnavailable,
    RefusedContent,
    RefusedInput,
    ResultExpired,
    SubmissionUnknown,
)
from tracklay.providers.base import JobProgress, submit_once
from tracklay.providers.replicate import Replicate

from tests.clips import FFMPEG, clicks, hear
from tests.fakes import server as faults
from tests.fakes.replicate import TOKEN, VERSION
from tests.fakes.server import Fault
from tests.providers.conftest import FLASHES
from tests.providers.provider_flow import FakeSleep, error_text, fast_policy, generate, request, run


def new_provider(sleep: FakeSleep | None = None, attempt_seconds: float = 10.0) -> Replicate:
    """Return the provider with delays that take no time."""
    return Replicate(fast_policy(sleep, attempt_seconds))


def test_a_video_comes_back_as_the_models_own_file(replicate, proxy, tmp_path):
    """Upload, create, look, fetch: the MP4 clicks where the proxy flashes, the version is the newest, the seed is from the logs."""
    looks: list[JobProgress] = []
    _, output = run(generate(new_provider(), request("replicate/mmaudio", proxy), tmp_path, looks))
    heard = clicks(hear(output.file))
    assert len(heard) == len(FLASHES)
    assert (output.file.suffix, output.version, output.seed) == (".mp4", VERSION, 7)
    assert (output.cost.amount, output.cost.estimated) == (None, True)
    assert [(look.state, look.fraction, look.message) for look in looks] == [
        ("waiting", None, "starting"),
        ("running", 0.4, "step 10 of 25"),
        ("done", 1.0, ""),
    ]
    (created,) = replicate.calls("POST /v1/predictions")
    assert set(created.json) == {"version", "input"}
    (upload,) = replicate.calls("POST /v1/files")
    name, kind, content = upload.parts["content"]
    assert (name, kind, content) == ("proxy.mp4", "video/mp4", proxy.read_bytes())


def test_words_alone_make_a_flac_and_send_no_picture(replicate, proxy, tmp_path):
    """In text mode nothing is uploaded, and the answer is FLAC."""
    asked = request("replicate/mmaudio", proxy, params={"mode": "text"})
    _, output = run(generate(new_provider(), asked, tmp_path))
    assert output.file.suffix == ".flac"
    assert not replicate.calls("POST /v1/files")
    (created,) = replicate.calls("POST /v1/predictions")
    assert set(created.json["input"]) == {"prompt", "negative_prompt", "duration", "num_steps", "cfg_strength", "seed"}


def test_a_still_goes_as_the_image(replicate, proxy, tmp_path):
    """In image mode the still is uploaded under its own name, and no video."""
    still = tmp_path / "still.png"
    asked = request("replicate/mmaudio", proxy, params={"mode": "image"}, still=still)
    subprocess.run([FFMPEG, "-v", "error", "-i", proxy, "-frames:v", "1", still], check=True)
    _, output = run(generate(new_provider(), asked, tmp_path))
    (created,) = replicate.calls("POST /v1/predictions")
    assert "image" in created.json["input"]
    assert "video" not in created.json["input"]
    assert output.file.suffix == ".mp4"


def test_a_random_seed_is_read_back(replicate, proxy, tmp_path):
    """Where the model draws the seed, its logs say which."""
    _, output = run(generate(new_provider(), request("replicate/mmaudio", proxy, seed=-1), tmp_path))
    assert output.seed == 4242


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("num_steps", (25, 1, 1000)),
        ("cfg_strength", (4.5, 1.0, 50.0)),
        ("duration", (8.0, 1.0, 300.0)),
        ("negative_prompt", ("music", "", "voices, music")),
    ],
)
def test_every_parameter_reaches_the_wire_under_its_own_name(replicate, proxy, name, values):
    """Default, least and something large, as they were set; the fake server accepts each."""
    for value in values:
        replicate.requests.clear()
        asked = request("replicate/mmaudio", proxy, params={name: value})

        async def create(asked=asked):
            api = new_provider()
            await api.submit(await api.prepare(asked))

        run(create())
        (created,) = replicate.calls("POST /v1/predictions")
        assert created.json["input"][name] == value


def test_what_is_not_set_has_the_seeds_defaults(replicate, proxy):
    """Prompt, seed and length are the cue's; the rest is as the model's page says."""

    async def create():
        api = new_provider()
        await api.submit(await api.prepare(request("replicate/mmaudio", proxy, prompt="", seed=-1)))

    run(create())
    (created,) = replicate.calls("POST /v1/predictions")
    sent = created.json["input"]
    assert sent.pop("video").startswith(replicate.url + "/v1/files/")
    assert sent == {
        "prompt": "",
        "negative_prompt": "music",
        "duration": 2.0,
        "num_steps": 25,
        "cfg_strength": 4.5,
        "seed": -1,
    }


@pytest.mark.parametrize(("name", "value"), [("cfg_strength", 0.99), ("duration", 0.99), ("num_steps", 25.5)])
def test_a_value_past_its_end_is_refused_before_anything_is_sent(replicate, proxy, name, value):
    """The catalogue holds the limits."""
    with pytest.raises(InvalidInput, match=name):
        request("replicate/mmaudio", proxy, params={name: value})
    assert not replicate.requests


def test_an_extra_that_the_catalogue_does_not_know_is_sent_and_may_be_refused(replicate, proxy, tmp_path):
    """`+name` goes along as JSON; the refusal names no field of ours, but the extra."""
    asked = request("replicate/mmaudio", proxy, params={"+style": '{"dark": [1, 2]}'})
    with pytest.raises(RefusedInput, match="Additional property style"):
        run(generate(new_provider(), asked, tmp_path))
    (created,) = replicate.calls("POST /v1/predictions")
    assert created.json["input"]["style"] == {"dark": [1, 2]}


CREATE = "POST /v1/predictions"


def test_of_two_that_fit_neither_is_taken(replicate, proxy, tmp_path):
    """Two submissions that look the same, one of them lost: unclear, unless the other one's request is known."""

    async def lose():
        api = new_provider()
        intent = await api.prepare(request("replicate/mmaudio", proxy, params={"mode": "text"}))
        first = await api.submit(intent)
        replicate.go_wrong(CREATE, Fault("reset-after"))
        with pytest.raises(SubmissionUnknown):
            await submit_once(api, intent, sleep=FakeSleep())
        return await api.find(intent, known_requests={first.request})

    found = run(lose())
    assert found is not None
    assert list(replicate.app.predictions)[1] == found.request
    assert len(replicate.calls(CREATE)) == 2


def test_a_connection_that_was_never_made_may_be_tried_again(replicate, proxy, monkeypatch, tmp_path):
    """Nothing was sent: after all attempts it is an ordinary error and not an unknown submission."""
    intent = run(new_provider().prepare(request("replicate/mmaudio", proxy)))
    monkeypatch.setenv("TRACKLAY_REPLICATE_URL", "http://127.0.0.1:1/v1")
    sleep = FakeSleep()
    with pytest.raises(ProviderUnavailable, match="Replicate"):
        run(submit_once(new_provider(sleep), intent, sleep=sleep))
    assert len(sleep.seconds) == fast_policy().max_attempts["submit"] - 1


ELSEWHERE = "https://elsewhere.example/x.mp4"


def test_a_result_on_a_foreign_host_is_not_fetched(replicate, proxy, tmp_path):
    """An address that is not Replicate's own is not followed, with or without the key."""
    replicate.app.output = lambda address: ELSEWHERE
    with pytest.raises(ProviderUnavailable, match="not its own"):
        run(generate(new_provider(), request("replicate/mmaudio", proxy), tmp_path))


@pytest.mark.parametrize("how", ["named", "redirected"])
def test_another_port_of_this_machine_never_sees_the_key(replicate, elsewhere, proxy, tmp_path, how):
    """Where the API itself is on this machine its files may lie on another port, and are fetched without the key."""
    if how == "named":
        replicate.app.output = lambda address: elsewhere.url + "/file.mp4"
    else:
        replicate.go_wrong("GET /delivery/.*", Fault("redirect", to=elsewhere.url + "/file.mp4"))
    run(generate(new_provider(), request("replicate/mmaudio", proxy), tmp_path))
    (seen,) = elsewhere.requests
    assert TOKEN.encode() not in seen.raw
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("shape", [lambda a: [a], lambda a: {"sound": a}, lambda a: [[a]], lambda a: {"all": [a, a]}])
def test_an_output_may_have_any_shape(replicate, proxy, tmp_path, shape):
    """A list, an object, both: every file in it is fetched, the first is the take."""
    replicate.app.output = shape
    _, output = run(generate(new_provider(), request("replicate/mmaudio", proxy), tmp_path))
    assert len(output.extra_files) == json.dumps(shape("x")).count("x") - 1
    assert all(len(clicks(hear(file))) == len(FLASHES) for file in (output.file, *output.extra_files))


@pytest.mark.parametrize(
    ("ends", "error", "expected"),
    [
        ("failed", "CUDA out of memory (E1001)", ModelFailed),
        ("failed", "NSFW content detected in the prompt", RefusedContent),
        ("failed", f"leaked {TOKEN}", ModelFailed),
        ("canceled", "", Cancelled),
        ("aborted", "", ProviderTimeout),
        ("sideways", "", ProviderUnavailable),
    ],
)
def test_every_other_end_is_its_own_error(replicate, proxy, tmp_path, ends, error, expected):
    """Failed, refused, cancelled, aborted; an unknown status is an error and never a success."""
    replicate.app.ends, replicate.app.error = ends, error
    with pytest.raises(expected) as caught:
        run(generate(new_provider(), request("replicate/mmaudio", proxy), tmp_path))
    assert TOKEN not in error_text(caught.value)
    assert error.removesuffix(TOKEN) in str(caught.value)


def test_a_deleted_result_is_expired(replicate, proxy, tmp_path):
    """Replicate deletes results after an hour, and the error names that."""
    replicate.app.erased = True
    with pytest.raises(ResultExpired, match="has deleted the result"):
        run(generate(new_provider(), request("replicate/mmaudio", proxy), tmp_path))


def test_no_credit_is_raised_once(replicate, proxy, tmp_path):
    """402 is never tried again."""
    replicate.app.credit = False
    with pytest.raises(InsufficientCredit, match="buy credit"):
        run(generate(new_provider(), request("replicate/mmaudio", proxy), tmp_path))
    assert len(replicate.calls(CREATE)) == 1


def test_a_new_prediction_may_be_unknown_for_a_while(replicate, proxy, tmp_path):
    """A few 404 right after it was made are no error; for an old one they are."""
    replicate.app.deaf = 3
    ticket, _ = run(generate(new_provider(), request("replicate/mmaudio", proxy), tmp_path))
    replicate.app.predictions.clear()
    old = type(ticket)(ticket.provider, ticket.request, {**ticket.data, "created_at": "2020-01-01T00:00:00+00:00"})
    with pytest.raises(NotFound):
        run(new_provider().poll(old))


def test_the_pinned_version_replaces_an_unknown_newest_one(replicate, proxy):
    """Without the model's page the version of the model's own file is sent."""
    replicate.go_wrong("GET /v1/models/.*", *[Fault("answer", 404)] * 3)
    intent = run(new_provider().prepare(request("replicate/mmaudio", proxy)))
    assert intent.data["version"] == request("replicate/mmaudio").model.version


def test_cancelling_stops_it_and_says_whether(replicate, proxy, tmp_path):
    """A running prediction can be stopped; a finished one cannot; a fault is tried twice at most."""

    async def go():
        api = new_provider()
        ticket = await api.submit(await api.prepare(request("replicate/mmaudio", proxy)))
        replicate.go_wrong("POST /v1/predictions/.*/cancel", faults.HTML_502)
        stopped = await api.cancel(ticket)
        finished, _ = await generate(api, request("replicate/mmaudio", proxy), tmp_path)
        return ticket, stopped, await api.cancel(finished)

    ticket, stopped, late = run(go())
    assert (stopped, late) == (True, False)
    assert replicate.app.predictions[ticket.request]["status"] == "canceled"


def test_the_key_can_be_checked_for_nothing(replicate, monkeypatch):
    """The account's name, or that the key is refused or missing; no prediction is made."""
    assert run(new_provider().check_key()) == "ada"
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_wrongwrongwrong")
    with pytest.raises(KeyRefused, match="REPLICATE_API_TOKEN") as caught:
        run(new_provider().check_key())
    assert "r8_wrong" not in error_text(caught.value)
    monkeypatch.delenv("REPLICATE_API_TOKEN")
    with pytest.raises(KeyMissing, match="REPLICATE_API_TOKEN"):
        new_provider().check_ready()
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_two\nlines")
    with pytest.raises(KeyRefused) as caught:
        run(new_provider().check_key())
    assert "two" not in error_text(caught.value)
    assert not replicate.app.predictions


def test_a_task_that_is_cancelled_while_it_waits_leaves_nothing_open(replicate, proxy, tmp_path):
    """Cancelling a call ends it, and the next one works."""
    replicate.go_wrong("GET /v1/account", Fault("delay"))

    async def go():
        api = new_provider(attempt_seconds=30)
        asking = asyncio.ensure_future(api.check_key())
        while not replicate.requests:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return await api.check_key()

    assert run(go()) == "ada"


def test_a_plain_http_address_is_for_this_machine_alone(monkeypatch):
    """A base URL must be https, unless it is loopback; what is no address is refused."""
    for wrong in ("http://example.com/v1", "ftp://127.0.0.1", "nonsense", "https://me:secret@api.replicate.com"):
        monkeypatch.setenv("TRACKLAY_REPLICATE_URL", wrong)
        with pytest.raises(InvalidInput, match="TRACKLAY_REPLICATE_URL") as caught:
            Replicate()
        assert "secret" not in str(caught.value)


def test_a_file_that_breaks_off_goes_on_where_it_stopped(replicate, proxy, tmp_path):
    """The second try asks for the rest alone, and the file is whole."""
    replicate.go_wrong("GET /delivery/.*", Fault("truncate"))
    _, output = run(generate(new_provider(), request("replicate/mmaudio", proxy), tmp_path))
    first, second = replicate.calls("GET /delivery/.*")
    (content,) = replicate.app.results.values()
    assert "range" not in first.headers
    assert second.headers["range"] == f"bytes={len(content) // 2}-"
    assert output.file.read_bytes() == content
    assert [path for path in Path(tmp_path).iterdir() if path != output.file] == []
