"""Paid jobs whose provider never gives a usable result: they end, with the reason, and can be fetched later. Nothing is paid twice."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest
from tracklay.cli.main import main
from tracklay.jobs import admin
from tracklay.providers import replicate as replicate_provider
from tracklay.providers.retry import DEFAULT_RETRY_POLICY

from tests.clips import flash_clip
from tests.fakes.server import Fault
from tests.jobs.kill_harness import kind
from tests.security.ledger_jobs import lay, only_job

ATTEMPTS = 2
"""Runs without a result in these tests; five in use."""

POLL, FILE, SUBMIT = "GET /v1/predictions/.+", "GET /delivery/.*", "POST /v1/predictions"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Return a second of picture."""
    return flash_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", Fraction(25), 25, (5,))


@pytest.fixture
def replicate(monkeypatch):
    """Start the fake of Replicate, with the environment pointing at it. A request is sent once, or twice."""
    once = dict.fromkeys(DEFAULT_RETRY_POLICY.max_attempts, 1)
    policy = dataclasses.replace(DEFAULT_RETRY_POLICY, max_attempts=once)
    monkeypatch.setattr(replicate_provider.Replicate.__init__, "__defaults__", (policy,))
    monkeypatch.setattr("tracklay.jobs.submission.MAX_RESULT_ATTEMPTS", ATTEMPTS)
    monkeypatch.setattr("tracklay.jobs.failures.MAX_RESULT_ATTEMPTS", ATTEMPTS)
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    with kind("replicate") as fake:
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        yield fake.server


@pytest.mark.parametrize(
    ("call", "fault", "state"),
    [
        (FILE, Fault("answer", 200, (), b""), "fetching"),
        (FILE, Fault("answer", 503), "fetching"),
        (POLL, Fault("answer", 200, (), b'{"id":[],"status":7}'), "running"),
    ],
    ids=["empty file", "unavailable", "unusable status"],
)
def test_a_result_that_never_comes_ends_the_job(replicate, clip, tmp_path, capsys, call, fault, state):
    """After the last run the job has failed, its cost counts; `collect` with its number then still makes the take of the paid request."""
    replicate.go_wrong(call, *[fault] * ATTEMPTS)
    assert lay(clip, tmp_path) == 1
    for run in range(1, ATTEMPTS):
        assert (only_job().state, only_job().error["params"]["attempts"]) == (state, run)
        assert main(["jobs", "resume"]) == 1
    job = only_job()
    assert (job.state, job.error["code"]) == ("failed", "job.no_result")
    assert "`tracklay jobs collect 1`" in capsys.readouterr().err
    (paid,) = admin.list_costs()
    assert paid["estimate"] == job.estimate
    assert main(["jobs", "resume"]) == 0
    assert only_job().state == "failed"
    assert main(["jobs", "collect", "1"]) == 0
    assert only_job().state == "laid"
    assert len(list(tmp_path.glob("*.wav"))) == 1
    assert len(replicate.calls(SUBMIT)) == 1


def test_a_job_waits_for_the_network_as_long_as_it_takes(replicate, clip, tmp_path):
    """A connection that breaks off is no answer, however often."""
    replicate.go_wrong(FILE, *[Fault("reset")] * (ATTEMPTS + 1))
    assert lay(clip, tmp_path) == 1
    for _ in range(ATTEMPTS):
        assert main(["jobs", "resume"]) == 1
        assert only_job().state == "fetching"
    assert main(["jobs", "resume"]) == 0
    assert only_job().state == "laid"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_link_is_not_taken_for_a_refused_key(replicate, clip, tmp_path, capsys, status):
    """The sentence names the link. The job is kept, and a later run fetches the result if there is a new link."""
    replicate.go_wrong(FILE, Fault("answer", status, (), b"<Error><Code>AccessDenied</Code></Error>"))
    assert lay(clip, tmp_path) == 1
    assert only_job().state == "fetching"
    shown = capsys.readouterr().err
    assert "refuses the link to its file" in shown
    assert "key" not in shown
    assert main(["jobs", "resume"]) == 0
    assert only_job().state == "laid"
    assert len(replicate.calls(SUBMIT)) == 1


def test_a_file_that_was_damaged_twice_is_fetched_again(replicate, clip, tmp_path):
    """A failed download that is on disk is not taken for the new one."""
    replicate.go_wrong(FILE, *[Fault("answer", 200, (), bytes(5000))] * 2)
    assert lay(clip, tmp_path) == 1
    assert only_job().state == "failed"
    assert main(["jobs", "collect", "1"]) == 0
    assert only_job().state == "laid"


def test_a_failed_model_is_asked_again_and_has_failed(replicate, clip, tmp_path, capsys):
    """Nothing is sent for it."""
    replicate.go_wrong(POLL, Fault("answer", 200, (), b'{"id":"1","status":"failed","error":"out of memory"}'))
    assert lay(clip, tmp_path) == 1
    assert only_job().state == "failed"
    replicate.go_wrong(POLL, Fault("answer", 200, (), b'{"id":"1","status":"failed","error":"out of memory"}'))
    assert main(["jobs", "collect", "1"]) == 1
    assert only_job().state == "failed"
    assert len(replicate.calls(SUBMIT)) == 1
