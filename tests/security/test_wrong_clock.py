"""This machine's clock is an hour ahead of the provider's: no request is sent twice, and none is lost silently."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from tracklay.cli.main import main
from tracklay.providers import base

from tests.clips import flash_clip
from tests.fakes.server import Fault
from tests.jobs.kill_harness import kind
from tests.security.ledger_jobs import only_job

HOUR = dt.timedelta(hours=1)


class Late(dt.datetime):
    """The clock of a provider that is an hour behind ours."""

    @classmethod
    def now(cls, tz=None):
        """Return its time."""
        return dt.datetime.now(tz) - HOUR


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Return a second of picture."""
    return flash_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", Fraction(25), 25, (5,))


@pytest.fixture(params=["replicate", "fal", "scenario"])
def provider(request, monkeypatch):
    """Start a fake whose clock is an hour behind, with the environment pointing at it."""
    monkeypatch.setattr(f"tests.fakes.{request.param}.datetime", Late)
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    with kind(request.param) as fake:
        monkeypatch.setattr(type(base.get_provider(request.param)), "find_delays", (0.0,))
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        yield fake


def test_a_lost_answer_is_unclear_and_nothing_is_sent_again(provider, clip, tmp_path, capsys):
    """The request looks older than it can be: it is not taken for ours, the user decides, and a resume sends nothing."""
    provider.server.go_wrong(provider.create, Fault("reset-after"))
    assert main(["lay", str(clip), "--model", provider.model, "--prompt", "steps", "--to", str(tmp_path)]) == 1
    assert only_job().state == "unclear"
    assert "Job 1 needs a decision" in capsys.readouterr().err
    assert main(["jobs", "resume"]) == 1
    assert only_job().state == "unclear"
    assert provider.asked() == 1


def test_a_job_is_laid(provider, clip, tmp_path):
    """Nothing else depends on the clocks."""
    assert main(["lay", str(clip), "--model", provider.model, "--prompt", "steps", "--to", str(tmp_path)]) == 0
    assert (only_job().state, provider.asked()) == ("laid", 1)
