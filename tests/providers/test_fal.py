"""fal: requests, progress, results, every fault on every call, and no key where it does not belong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tracklay.errors import (
    Cancelled,
    InsufficientCredit,
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
from tracklay.providers.base import JobHandle, JobProgress, submit_once
from tracklay.providers.fal import START_TIMEOUT_SECONDS, Fal

from tests.clips import clicks, hear
from tests.fakes import server as faults
from tests.fakes.fal import KEY
from tests.fakes.server import Fault, Reply
from tests.providers.provider_cases import FAULTS
from tests.providers.provider_flow import FakeSleep, attempt_limit, error_text, fast_policy, generate, request, run

SECRET = KEY.partition(":")[2]


def new_provider(sleep: FakeSleep | None = None, attempt_seconds: float = 10.0) -> Fal:
    """Return the provider with delays that take no time."""
    return Fal(fast_policy(sleep, attempt_seconds))


def asked(model_id: str = "fal/mmaudio-v2", proxy=None, **more):
    """A request for a model."""
    return request(model_id, proxy, **more)


def test_a_picture_goes_by_upload_with_a_short_life_and_a_request_with_a_deadline(fal, proxy, tmp_path):
    """However small; the key goes to fal's own hosts and not along with the bytes."""
    looks: list[JobProgress] = []
    _, output = run(generate(new_provider(), asked(proxy=proxy), tmp_path, looks))
    (initiate,) = fal.rest.requests
    (put, got) = fal.cdn.requests
    assert json.loads(initiate.headers["x-fal-object-lifecycle"])["expiration_duration_seconds"] <= 7200
    assert initiate.query == {"storage_type": "fal-cdn-v3"}
    assert (put.body, put.headers["content-type"]) == (proxy.read_bytes(), "video/mp4")
    (submitted,) = fal.queue.calls("POST /fal-ai/mmaudio-v2")
    assert submitted.headers["x-fal-request-start-timeout"] == str(START_TIMEOUT_SECONDS)
    assert "x-fal-store-io" not in submitted.headers
    assert SECRET.encode() not in put.raw + got.raw
    assert [(look.state, look.fraction, look.message) for look in looks] == [
        ("waiting", None, "1 ahead in the queue"),
        ("running", 0.4, "step 10 of 25"),
        ("done", 1.0, ""),
    ]
    assert (output.version, output.seed, output.cost.amount) == ("fal-ai/mmaudio-v2", 7, "0.002")


# Faults.


def test_a_request_is_found_among_its_models_defaults(fal, tmp_path):
    """Where the history shows more than what was sent."""
    fal.fills = True
    run(generate(new_provider(), asked("fal/beatoven-sfx", seed=8), tmp_path))
    fal.queue.go_wrong("POST /beatoven/.*", Fault("reset-after"))
    ticket, _ = run(generate(new_provider(), asked("fal/beatoven-sfx"), tmp_path))
    assert ticket.request == list(fal.jobs)[1]


def test_of_two_that_fit_neither_is_taken(fal):
    """Two submissions that look the same, one of them lost: unclear, unless the other one's request is known."""

    async def lose():
        api = new_provider()
        intent = await api.prepare(asked("fal/beatoven-sfx"))
        first = await api.submit(intent)
        fal.queue.go_wrong("POST /beatoven/.*", Fault("reset-after"))
        with pytest.raises(SubmissionUnknown):
            await submit_once(api, intent, sleep=FakeSleep())
        return await api.find(intent, known_requests={first.request})

    found = run(lose())
    assert found is not None
    assert list(fal.jobs)[1] == found.request


def test_a_request_is_found_on_a_later_page_of_the_history(fal):
    """Pages are followed to the end."""

    async def many():
        api = new_provider()
        first = await api.prepare(asked("fal/beatoven-sfx"))
        ticket = await api.submit(first)
        for seed in range(10, 15):
            await api.submit(await api.prepare(asked("fal/beatoven-sfx", seed=seed)))
        for _ in range(3):
            found = await api.find(first)
        return ticket, found

    ticket, found = run(many())
    assert found is not None
    assert found.request == ticket.request
    assert max(int(seen.query.get("cursor", 0)) for seen in fal.api.requests) > 0


ELSEWHERE = "https://elsewhere.example/x.mp4"


async def old_ticket(asked_for) -> JobHandle:
    """A request's ticket, as it is found a year later."""
    api = new_provider()
    ticket = await api.submit(await api.prepare(asked_for))
    return JobHandle(ticket.provider, ticket.request, {**ticket.data, "created_at": "2025-01-01T00:00:00+00:00"})


def test_what_the_queue_has_forgotten_is_taken_from_the_history(fal, tmp_path):
    """A job that is resumed hours later still gets its sound, without another charge."""
    fal.steps, fal.forgotten = (), True
    ticket = run(old_ticket(asked("fal/beatoven-sfx")))
    fal.queue.go_wrong("GET /.*/status", Fault("answer", 404, body=b'{"status":"NOT_FOUND"}'))

    async def later():
        api = new_provider()
        assert (await api.poll(ticket)).state == "done"
        return await api.collect(ticket, tmp_path)

    assert clicks(hear(run(later()).file)) == [12_000]
    fal.jobs.clear()
    with pytest.raises(ResultExpired):
        run(new_provider().collect(ticket, tmp_path))


def test_a_new_request_may_be_unknown_for_a_while(fal, tmp_path):
    """A few 404 right after its creation are no error: the output comes, and the status was requested again each time."""
    fal.deaf = 3
    _, output = run(generate(new_provider(), asked("fal/beatoven-sfx"), tmp_path))
    assert clicks(hear(output.file)) == [12_000]
    assert len(fal.queue.calls("GET /.*/status")) > 3


def test_an_old_request_that_is_unknown_is_not_found(fal, proxy):
    """Neither the queue nor the history has it."""
    handle = run(old_ticket(asked(proxy=proxy)))
    fal.queue.go_wrong("GET /.*/status", Fault("answer", 404))
    with pytest.raises(NotFound):
        run(new_provider().poll(JobHandle(handle.provider, "another", handle.data)))


def test_a_lost_request_is_searched_for_over_minutes():
    """The history may list a request only after it has ended."""
    assert sum(Fal.find_delays) > 300


# Ends.


def detail(name: str, kind: str, message: str) -> dict[str, Any]:
    """An error of a model as fal writes it."""
    return {"detail": [{"loc": ["body", name], "msg": message, "type": kind}]}


ENDS = {
    "a field": (
        (422, detail("video_url", "video_duration_too_long", "too long"), "Unprocessable Entity", None),
        RefusedInput,
    ),
    "content": (
        (422, detail("prompt", "content_policy_violation", "not that"), "Unprocessable Entity", None),
        RefusedContent,
    ),
    "content in words": ((500, {"detail": "NSFW content detected"}, "NSFW content detected", None), RefusedContent),
    "no media": (
        (422, detail("prompt", "no_media_generated", "nothing came"), "Unprocessable Entity", None),
        ModelFailed,
    ),
    "a crash": ((500, detail("body", "internal_server_error", "it crashed"), "it crashed", None), ModelFailed),
    "text alone": ((500, {"detail": "CUDA out of memory"}, "CUDA out of memory", None), ModelFailed),
    "a page": ((502, b"<html>nginx</html>", "Bad Gateway", None), ModelFailed),
    "too slow": ((504, detail("body", "generation_timeout", "too slow"), "too slow", None), ProviderTimeout),
    "not started": (
        (504, {"detail": "x", "error_type": "request_timeout"}, "not started", "request_timeout"),
        ProviderTimeout,
    ),
    "no runner": (
        (503, {"detail": "x", "error_type": "runner_disconnected"}, "gone", "runner_disconnected"),
        ProviderUnavailable,
    ),
    "cancelled": ((499, {"detail": "x", "error_type": "client_cancelled"}, "cancelled", "client_cancelled"), Cancelled),
    "no balance": (
        (403, {"detail": "User is locked. Reason: Exhausted balance."}, "Forbidden", None),
        InsufficientCredit,
    ),
    # A result that is an error although the status names none.
    "only the result": ((422, detail("video_url", "file_download_error", "unreachable"), None, None), RefusedInput),
    "only the result, a crash": ((500, detail("body", "internal_server_error", "it crashed"), None, None), ModelFailed),
    "a key in the words": ((500, {"detail": f"leaked {KEY}"}, f"leaked {KEY}", None), ModelFailed),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_completed_request_may_have_failed(fal, tmp_path, end):
    """COMPLETED with an error, or a result that is one, is never success: its own error, at once, with the field where there is one."""
    fal.fails, expected = ENDS[end]
    with pytest.raises(expected) as caught:
        run(generate(new_provider(), asked("fal/beatoven-sfx"), tmp_path))
    assert SECRET not in error_text(caught.value)
    assert len(fal.queue.calls("GET /.*/requests/[^/]+")) == 1
    if isinstance(caught.value, RefusedInput):
        assert caught.value.field == "video_url"
    if fal.fails[2]:
        assert fal.fails[2].partition(KEY)[0] in str(caught.value) or expected in (Cancelled, InsufficientCredit)


@pytest.mark.parametrize("status", ["FAILED", "CANCELED", "SIDEWAYS", None, 7])
def test_an_unknown_status_is_an_error(fal, tmp_path, status):
    """It is never a success."""
    fal.steps = (status,)
    with pytest.raises(ProviderUnavailable, match="unknown status"):
        run(generate(new_provider(), asked("fal/beatoven-sfx"), tmp_path))


@pytest.mark.parametrize(
    ("reply", "expected", "words"),
    [
        (
            Reply(403, {"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}),
            InsufficientCredit,
            "Exhausted",
        ),
        (Reply(422, detail("duration", "less_than_equal", "at most 30")), RefusedInput, "duration"),
        (Reply(400, {"detail": "no", "error_type": "bad_request"}), RefusedInput, "no"),
        (Reply(404, {"detail": 'Application "music-generation" not found'}), NotFound, "does not run this model"),
    ],
)
def test_a_refused_submission_is_sent_once(fal, tmp_path, reply, expected, words):
    """No credit, a wrong field, an unknown application: at once, clearly, never tried again."""
    fal.refuses = reply
    with pytest.raises(expected, match=words) as caught:
        run(generate(new_provider(), asked("fal/beatoven-music"), tmp_path))
    assert len(fal.queue.requests) == 1
    if isinstance(caught.value, RefusedInput) and "duration" in words:
        assert caught.value.field == "duration"


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        (lambda made: {"audio_file": made["audio"]}, 1),
        (lambda made: {"audio": made["audio"]["url"]}, 1),
        (lambda made: {"audio": [made["audio"], made["audio"]["url"]]}, 2),
        (lambda made: {"audio": made["audio"], "audios": [made["audio"], made["audio"]]}, 2),
        (lambda made: {"audio": made["audio"], "video": {"url": ELSEWHERE}}, 1),
        (lambda made: {"video": made["audio"], "images": [{"url": ELSEWHERE, "content_type": "image/png"}]}, 1),
        (lambda made: {"result": {"deep": [made["audio"]]}, "seed": 5}, 1),
        (lambda made: {"audio": {"url": "data:audio/wav;base64,UklGRg=="}}, 1),
    ],
)
def test_a_result_may_have_any_shape(fal, tmp_path, shape, count):
    """An object, a list, plain text, under any of the known names, or anything that says that it is sound."""
    fal.shape = shape
    _, output = run(generate(new_provider(), asked("fal/beatoven-sfx"), tmp_path))
    assert 1 + len(output.extra_files) == count
    assert output.file.stat().st_size
    assert output.seed in (5, 7)


@pytest.mark.parametrize(
    "result", [{}, {"audio": None}, {"audio": []}, {"audio": {"file_name": "x.wav"}}, {"prompt": "x"}]
)
def test_a_result_without_a_file_is_a_failure(fal, tmp_path, result):
    """The model ran and gave nothing."""
    fal.shape = lambda made: result
    with pytest.raises(ModelFailed, match="no sound"):
        run(generate(new_provider(), asked("fal/beatoven-sfx"), tmp_path))


# Addresses and the key.


@pytest.mark.parametrize(
    "where", [ELSEWHERE, "http://localhost:1/x", "ftp://x", "https://me:pw@queue.fal.run", "", "/status", None]
)
def test_urls_on_other_hosts_than_the_queue_are_rebuilt(fal, proxy, tmp_path, where):
    """The key follows no address to another host: status, result and cancel go to the queue all the same."""

    async def go():
        api = new_provider()
        ticket, _ = await generate(api, asked(proxy=proxy), tmp_path)
        strange = JobHandle(
            "fal", ticket.request, {**ticket.data, "urls": dict.fromkeys(("status", "result", "cancel"), where)}
        )
        assert (await api.poll(strange)).state == "done"
        await api.collect(strange, tmp_path)
        return await api.cancel(strange)

    fal.strangers = where or "nonsense"
    assert run(go()) is False
    assert len(fal.queue.calls("PUT /fal-ai/mmaudio-v2/requests/[^/]+/cancel")) == 1


def test_a_request_of_an_endpoint_with_a_path_is_addressed_by_its_application(fal, proxy, tmp_path):
    """`fal-ai/thinksound/audio` is asked for under `fal-ai/thinksound`."""
    fal.strangers = ELSEWHERE
    ticket, _ = run(generate(new_provider(), asked("fal/thinksound", proxy), tmp_path))
    assert fal.queue.calls(f"GET /fal-ai/thinksound/requests/{ticket.request}")


@pytest.mark.parametrize(
    "named", [ELSEWHERE, "http://localhost:9/x.wav", "file:///etc/passwd", "https://fal.media.example/x"]
)
def test_a_result_on_a_foreign_host_is_not_fetched(fal, tmp_path, named):
    """An address that is not fal's own is not followed, with or without the key."""
    fal.shape = lambda made: {"audio": {"url": named, "content_type": "audio/wav"}}
    with pytest.raises((ProviderUnavailable, ModelFailed)):
        run(generate(new_provider(), asked("fal/beatoven-sfx"), tmp_path))


@pytest.mark.parametrize(
    "host", ["https://v3.fal.media/a.wav", "https://v3b.fal.media/a.wav", "https://fal.media/a.wav"]
)
def test_fals_own_file_hosts_may_be_followed_without_the_key_alone(fal, host):
    """The CDN is fal's, and the key has no business there."""
    api = new_provider().api
    assert api.resolve_url(host, send_key=False) == host
    with pytest.raises(ProviderUnavailable):
        api.resolve_url(host, send_key=True)


def test_an_upload_address_on_a_foreign_host_gets_nothing(fal, proxy, tmp_path):
    """The picture goes to fal's storage or nowhere."""
    answer = json.dumps({"upload_url": ELSEWHERE, "file_url": ELSEWHERE}).encode()
    fal.rest.go_wrong("POST /storage/upload/initiate", Fault("answer", 200, body=answer))
    with pytest.raises(ProviderUnavailable, match="not its own"):
        run(generate(new_provider(), asked(proxy=proxy), tmp_path))
    assert not fal.jobs


# Cancelling, the key's check, the price.


def test_cancelling_says_whether_it_was_stopped(fal, tmp_path):
    """A waiting request can be stopped, and is cancelled then; a finished one or an unknown one cannot."""

    async def go():
        api = new_provider()
        ticket = await api.submit(await api.prepare(asked("fal/beatoven-sfx")))
        fal.queue.go_wrong("PUT /.*/cancel", faults.HTML_502)
        stopped = await api.cancel(ticket)
        with pytest.raises(Cancelled):
            await api.poll(ticket)
        late = await api.cancel(ticket)
        return stopped, late, await api.cancel(JobHandle("fal", "another", {**ticket.data, "urls": {}}))

    assert run(go()) == (True, False, False)


def test_the_key_can_be_checked_for_nothing(fal, monkeypatch):
    """By a request that cannot exist: good, refused, locked, or missing."""
    assert run(new_provider().check_key()) == ""
    fal.queue.go_wrong(
        "GET /.*/status", Fault("answer", 403, body=b'{"detail":"User is locked. Reason: Exhausted balance."}')
    )
    with pytest.raises(InsufficientCredit):
        run(new_provider().check_key())
    monkeypatch.setenv("FAL_KEY", "wrong-id:wrong-secret")
    with pytest.raises(KeyRefused, match="FAL_KEY") as caught:
        run(new_provider().check_key())
    assert "wrong-secret" not in error_text(caught.value)
    monkeypatch.delenv("FAL_KEY")
    with pytest.raises(KeyMissing, match="FAL_KEY"):
        new_provider().check_ready()
    assert not fal.jobs


@pytest.mark.parametrize(
    ("model_id", "params", "amount"),
    [
        ("fal/beatoven-music", {}, "0.08"),
        ("fal/mmaudio-v2", {}, "0.002"),
        ("fal/mirelo-sfx", {"num_samples": 3}, "0.06"),
        ("fal/thinksound", {}, None),  # by the second of computing
        ("fal/beatoven-sfx", {}, "0.1"),  # not in the list: as the catalogue has it
        ("fal/sonilo-music", {"num_samples": 2}, "0.036"),
    ],
)
def test_the_price_is_asked_for(fal, proxy, model_id, params, amount):
    """By the second or by the request, for every sample; else the catalogue's; no guess for other units."""
    cost = run(new_provider().estimate(asked(model_id, proxy, params=params)))
    assert cost is not None
    assert (cost.amount, cost.currency, cost.estimated) == (amount, "USD", True)


@pytest.mark.parametrize("fault", [name for name in FAULTS if not name.startswith("429")])
def test_a_fault_of_the_price_list_is_no_error(fal, fault):
    """The catalogue's price stands in, when the list does not come."""
    fal.api.go_wrong("GET /v1/models/pricing", *[FAULTS[fault]] * 2)
    short = fast_policy(attempt_seconds=attempt_limit(FAULTS[fault]))
    api = Fal(replace(short, max_attempts={**short.max_attempts, "read": 2}))
    cost = run(api.estimate(asked("fal/beatoven-sfx")))
    assert cost is not None
    assert cost.amount == "0.1"


@pytest.mark.parametrize("given", ["/v1", ""])
def test_the_platforms_address_may_have_its_version_or_not(fal, monkeypatch, given):
    """Both ways of writing it are known."""
    monkeypatch.setenv("TRACKLAY_FAL_API_URL", fal.api.url + given)
    assert new_provider().platform_url == fal.api.url + "/v1"
