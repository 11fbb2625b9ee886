"""Mirelo: the price before, what is sent, several sounds, and the errors of its own."""

from __future__ import annotations

import pytest
from tracklay.errors import InsufficientCredit, ModelFailed, RefusedContent
from tracklay.providers.base import JobProgress
from tracklay.providers.mirelo import Mirelo

from tests.clips import clicks, hear
from tests.providers.conftest import FLASHES
from tests.providers.provider_flow import fast_policy, generate, request, run


def test_the_price_is_asked_for_before_anything_is_uploaded(mirelo, proxy):
    """In credits, for the length and the number of sounds; nothing is created."""
    wanted = request("mirelo/sfx", proxy, params={"num_samples": 3})
    cost = run(Mirelo(fast_policy()).estimate(wanted))
    assert (cost.amount, cost.currency, cost.estimated) == ("12", "credits", True)
    (seen,) = mirelo.api.requests
    assert seen.query == {"duration_ms": "2000", "num_samples": "3"}


def test_several_sounds_of_a_request_are_fetched(mirelo, proxy, tmp_path):
    """Each in sync with the picture; the request has the asset's name and no path."""
    looks: list[JobProgress] = []
    wanted = request("mirelo/sfx", proxy, params={"num_samples": 2})
    _, output = run(generate(Mirelo(fast_policy()), wanted, tmp_path, looks))
    (given,) = mirelo.mirelo.jobs.values()
    assert given == {
        "duration_ms": 2000,
        "num_samples": 2,
        "video": {"type": "asset", "asset_id": next(iter(mirelo.mirelo.assets))},
    }
    assert [len(clicks(hear(file))) for file in (output.file, *output.extra_files)] == [len(FLASHES)] * 2
    assert [look.fraction for look in looks] == [0.0, 0.6, 1.0]
    assert (output.cost.amount, output.seed) == ("8", None)


def test_a_text_is_enough_for_an_effect(mirelo, tmp_path):
    """Nothing is uploaded."""
    run(generate(Mirelo(fast_policy()), request("mirelo/text-sfx"), tmp_path))
    assert next(iter(mirelo.mirelo.jobs.values())) == {"prompt": "rain on tin", "duration_ms": 2000, "num_samples": 1}
    assert not mirelo.mirelo.assets


@pytest.mark.parametrize(
    ("message", "error"), [("out of memory", ModelFailed), ("flagged by content moderation", RefusedContent)]
)
def test_a_failed_job_says_why(mirelo, tmp_path, message, error):
    """The model's own message."""
    mirelo.mirelo.fails = {"code": "generation_failed", "http_status": 502, "message": message}
    with pytest.raises(error, match=message):
        run(generate(Mirelo(fast_policy()), request("mirelo/text-sfx"), tmp_path))


def test_an_account_without_credits_is_an_error_of_its_own(mirelo, tmp_path):
    """Nothing is created."""
    mirelo.mirelo.balance = 1
    with pytest.raises(InsufficientCredit, match="Mirelo"):
        run(generate(Mirelo(fast_policy()), request("mirelo/text-sfx"), tmp_path))
    assert not mirelo.mirelo.jobs
