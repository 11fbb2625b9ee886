"""A Cog container: one PUT that returns the result, waiting for a free slot, and its own faults."""

from __future__ import annotations

import asyncio

import pytest
from tracklay.errors import (
    Cancelled,
    InvalidInput,
    ModelFailed,
    ProviderTimeout,
    ProviderUnavailable,
    RefusedInput,
    ResultExpired,
)
from tracklay.providers.base import JobHandle, JobProgress
from tracklay.providers.cog import MAX_BUSY_ATTEMPTS, Cog

from tests.clips import clicks, hear
from tests.fakes import server as faults
from tests.fakes.server import Fault
from tests.providers.conftest import FLASHES
from tests.providers.provider_flow import FakeSleep, fast_policy, generate, request, run

PUT = "PUT /predictions/.*"


def new_provider(sleep: FakeSleep | None = None, attempt_seconds: float = 10.0) -> Cog:
    """Return the provider with delays that take no time."""
    return Cog(fast_policy(sleep, attempt_seconds), run_timeout_seconds=attempt_seconds)


def test_a_video_comes_back_as_the_models_own_file(cog, proxy, tmp_path):
    """The proxy goes along as a data URI, the MP4 comes back as one; the id in path and body is our own."""
    ticket, output = run(generate(new_provider(), request("cog/mmaudio", proxy), tmp_path))
    assert len(clicks(hear(output.file))) == len(FLASHES)
    assert (output.file.suffix, output.seed, output.cost.amount) == (".mp4", 7, "0")
    (sent,) = cog.calls(PUT)
    assert sent.path == f"/predictions/{ticket.request}"
    assert set(sent.json) == {"id", "input"}
    assert sent.json["input"]["video"].startswith("data:video/mp4;base64,")
    assert "authorization" not in sent.headers


def test_words_alone_make_a_flac(cog, tmp_path):
    """Without a picture FLAC comes back, and no file goes along."""
    _, output = run(generate(new_provider(), request("cog/mmaudio", params={"mode": "text"}), tmp_path))
    (sent,) = cog.calls(PUT)
    assert output.file.suffix == ".flac"
    assert set(sent.json["input"]) == {"prompt", "negative_prompt", "duration", "num_steps", "cfg_strength", "seed"}


def test_a_container_that_starts_is_waited_for(cog, proxy, tmp_path):
    """Its health check shows when it is ready, and the progress has the reason for the wait."""
    cog.app.starting = 2
    looks: list[JobProgress] = []
    run(generate(new_provider(), request("cog/mmaudio", proxy), tmp_path, looks))
    assert [look.message for look in looks] == ["the container is starting"] * 2 + ["running in the container"]


def test_a_container_that_runs_says_so_and_one_that_does_not_is_asked_once(cog, monkeypatch):
    """It has no key: the check shows whether it responds, in one attempt."""
    assert run(new_provider().check_key()) == ""
    sleep = FakeSleep()
    monkeypatch.setenv("TRACKLAY_COG_URL", "http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable, match=r"^No Cog server at http://127\.0\.0\.1:9\. Start the container"):
        run(new_provider(sleep).check_key())
    assert not sleep.seconds


@pytest.mark.parametrize("old", [False, True])
def test_a_slot_that_another_client_uses_is_waited_for(cog, proxy, tmp_path, old):
    """409 began nothing: it is asked again, in both generations of Cog, until there is a place."""
    cog.app.others, cog.app.old = 3, old
    sleep = FakeSleep()
    ticket, _ = run(generate(new_provider(sleep), request("cog/mmaudio", proxy), tmp_path))
    assert len(cog.calls(PUT)) == 4
    assert cog.app.begun == [ticket.request]


def test_a_place_that_is_never_free_ends_the_waiting(cog, proxy, tmp_path):
    """It is asked for long enough, and no longer."""
    cog.app.others = MAX_BUSY_ATTEMPTS
    with pytest.raises(ProviderUnavailable, match="no free place"):
        run(generate(new_provider(), request("cog/mmaudio", proxy), tmp_path))
    assert not cog.app.begun


@pytest.mark.parametrize("health", ["SETUP_FAILED", "DEFUNCT", "UNHEALTHY", "SIDEWAYS"])
def test_a_container_that_cannot_run_is_an_error(cog, proxy, tmp_path, health):
    """The error of each permanent state has the container's log, and no run is sent."""
    cog.app.health = health
    with pytest.raises(ProviderUnavailable, match=f"{health}: loading weights"):
        run(generate(new_provider(), request("cog/mmaudio", proxy), tmp_path))
    assert not cog.calls(PUT)


def test_a_model_that_fails_says_so_with_status_200(cog, proxy, tmp_path):
    """200 and `failed` is a failure."""
    cog.app.fails = "CUDA out of memory"
    with pytest.raises(ModelFailed, match="CUDA out of memory"):
        run(generate(new_provider(), request("cog/mmaudio", proxy), tmp_path))


def test_a_refused_input_names_its_field(cog, proxy, tmp_path):
    """The error of an invalid input has its name."""
    asked = request("cog/mmaudio", proxy)
    wrong = type(asked)(
        asked.model, "x", "", 7, {**asked.params, "num_steps": "many"}, asked.seconds, asked.samples, None
    )
    with pytest.raises(RefusedInput, match="num_steps") as caught:
        run(generate(new_provider(), wrong, tmp_path))
    assert caught.value.field == "num_steps"


@pytest.mark.parametrize(
    "fault", [faults.THROTTLED, faults.THROTTLED_SECONDS, Fault("answer", 503), Fault("answer", 409)]
)
def test_a_call_that_began_nothing_is_made_again(cog, proxy, tmp_path, fault):
    """Throttled, not ready, busy: the next attempt returns the result."""
    cog.go_wrong(PUT, fault)
    run(generate(new_provider(), request("cog/mmaudio", proxy), tmp_path))
    assert len(cog.calls(PUT)) == 2
    assert len(cog.app.begun) == 1


def test_a_missing_container_is_an_error(monkeypatch, proxy, tmp_path):
    """The error names the address that could not be reached."""
    monkeypatch.setenv("TRACKLAY_COG_URL", "http://127.0.0.1:1")
    with pytest.raises(ProviderUnavailable, match="The connection to Cog failed"):
        run(generate(new_provider(), request("cog/mmaudio", proxy), tmp_path))


def test_a_container_elsewhere_must_be_reached_by_https(monkeypatch):
    """Plain http is for this machine alone."""
    monkeypatch.setenv("TRACKLAY_COG_URL", "http://gpu.example:5000")
    with pytest.raises(InvalidInput, match="TRACKLAY_COG_URL"):
        Cog()


def _while_it_runs(cog, proxy, tmp_path, act):
    """Begin a run that is held, do something, and give both results."""

    async def go():
        cog.app.hold = asyncio.Event()
        api = new_provider(attempt_seconds=30)
        ticket = await api.submit(await api.prepare(request("cog/mmaudio", proxy)))
        work = asyncio.ensure_future(api.collect(ticket, tmp_path))
        while not cog.app.running:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0)
        acted = await act(api, ticket, work)
        return acted, (await asyncio.gather(work, return_exceptions=True))[0]

    return run(go())


def test_a_run_can_be_cancelled_from_another_connection(cog, proxy, tmp_path):
    """The container stops it, and the one who waits learns that."""
    stopped, result = _while_it_runs(cog, proxy, tmp_path, lambda api, ticket, work: api.cancel(ticket))
    assert stopped is True
    assert isinstance(result, Cancelled)


def test_cancelling_what_does_not_run_is_no_error(cog):
    """There is nothing to stop, and it says so."""
    assert run(new_provider().cancel(JobHandle("cog", "nothing", {}))) is False


def test_a_waiting_task_that_is_cancelled_ends_the_run_there(cog, proxy, tmp_path):
    """The connection goes, and the container drops the work."""

    async def act(api, ticket, work):
        work.cancel()
        await asyncio.wait([work])
        while not cog.app.dropped:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0)
        return ticket.request

    name, result = _while_it_runs(cog, proxy, tmp_path, act)
    assert isinstance(result, asyncio.CancelledError)
    assert cog.app.dropped == [name]


def test_a_second_put_while_it_runs_begins_nothing(cog, proxy, tmp_path):
    """Of two processes with the same handle the second learns that the job is running."""

    async def act(api, ticket, work):
        with pytest.raises(ProviderUnavailable, match="already"):
            await api.collect(ticket, tmp_path)
        return await api.cancel(ticket)

    _while_it_runs(cog, proxy, tmp_path, act)
    assert len(cog.app.begun) == 1


def test_a_ticket_whose_proxy_is_gone_cannot_be_taken_up(cog, tmp_path):
    """The files went with the process that made them, and nothing was spent."""
    ticket = JobHandle("cog", "x", {"input": {}, "files": {"video": str(tmp_path / "gone.mp4")}, "seed": 1})
    with pytest.raises(ResultExpired, match="at no cost"):
        run(new_provider().collect(ticket, tmp_path))


def test_a_run_that_thinks_too_long_is_given_up(cog, proxy, tmp_path):
    """There is an end to every wait."""
    cog.go_wrong(PUT, Fault("delay"))
    with pytest.raises(ProviderUnavailable) as caught:
        run(generate(new_provider(attempt_seconds=1.0), request("cog/mmaudio", proxy), tmp_path))
    assert isinstance(caught.value.__cause__.__cause__, ProviderTimeout)  # type: ignore[union-attr]
