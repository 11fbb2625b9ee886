"""Retries: delays, rate limits, the decision after each failed attempt, and the log."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.errors import (
    ProviderUnavailable,
)
from tracklay.providers.rate_limit import RateLimiter
from tracklay.providers.response import Response
from tracklay.providers.retry import FailedAttempt, NextStep, RetryPolicy, next_step

from tests.fakes.server import HTML_502, Fault
from tests.providers.example_api import api
from tests.providers.provider_flow import FakeSleep, fast_policy, run


@given(st.integers(1, 40), st.floats(0, 1))
def test_pauses_grow_with_jitter_up_to_the_longest(tried, chance):
    """Between half and all of an exponential that stops growing."""
    times = RetryPolicy(random_fraction=lambda: chance)
    whole = min(times.max_delay_seconds, times.first_delay_seconds * 2 ** (tried - 1))
    assert whole / 2 <= times.next_delay(tried) <= whole


@given(st.floats(0, 1e9))
def test_what_the_server_asks_for_is_waited_for_up_to_a_limit(asked):
    """No less than asked, and never longer than the limit."""
    times = RetryPolicy()
    assert (
        min(asked, times.max_retry_after_seconds)
        <= times.next_delay(1, asked)
        <= max(times.max_retry_after_seconds, times.first_delay_seconds)
    )


@pytest.mark.parametrize(
    ("headers", "body", "low", "high"),
    [
        ({"retry-after": "7"}, b"", 7, 7),
        ({"retry-after": "1.5"}, b"", 1.5, 1.5),
        (
            {"retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)},
            b"",
            1800,
            3600,
        ),  # the suite may take its time
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, b"", 0, 0),
        ({}, b'{"detail":"Request was throttled. Your rate limit resets in ~30s."}', 30, 30),
    ],
)
def test_retry_after_is_read_in_every_form(headers, body, low, high):
    """Seconds, a date to come, a date gone by, or Replicate's own words."""
    asked = Response(429, headers, body).retry_after
    assert asked is not None
    assert low <= asked <= high


@pytest.mark.parametrize("text", ["soon", "-", "Fri, 99 Foo"])
def test_a_retry_after_that_says_nothing_is_ignored(text):
    """Nonsense is no wait and no crash."""
    assert Response(429, {"retry-after": text}, b"").retry_after is None


def test_throttling_one_call_holds_all_of_them(site):
    """The server means everybody: the next call of the lane waits too."""
    sleep = FakeSleep()
    site.go_wrong("GET /thing", Fault("answer", 429, (("retry-after", "50"),)))
    run(api(site, sleep).request("GET", "/thing", "read"))
    assert sleep.clock() >= 50


def test_a_lane_lets_only_so_many_through_and_not_too_fast():
    """The limits on concurrency and rate hold for every request."""
    sleep = FakeSleep()

    async def go() -> int:
        passage = RateLimiter(2, 0.25, fast_policy(sleep))
        inside = most = 0

        async def one() -> None:
            nonlocal inside, most
            async with passage:
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(one() for _ in range(9)))
        return most

    assert run(go()) == 2
    assert sleep.clock() >= 8 * 0.25


# --- decisions and their log


@pytest.mark.parametrize(
    ("kind", "is_temporary", "may_have_arrived", "attempt", "expected"),
    [
        ("read", True, True, 1, NextStep.RETRY),
        ("read", True, True, 8, NextStep.RAISE),
        ("read", False, True, 1, NextStep.RAISE),
        ("upload", True, True, 1, NextStep.RETRY),
        ("submit", True, False, 1, NextStep.RETRY),
        ("submit", True, False, 8, NextStep.RAISE),
        ("submit", True, True, 1, NextStep.RAISE_UNKNOWN),
        ("submit", True, True, 8, NextStep.RAISE_UNKNOWN),
        ("submit", False, True, 1, NextStep.RAISE),
    ],
)
def test_a_submission_that_may_have_arrived_is_never_resent(kind, is_temporary, may_have_arrived, attempt, expected):
    """The whole table of decisions."""
    error = ProviderUnavailable("test.code", "A message.")
    failure = FailedAttempt(error, "status 500", is_temporary=is_temporary, may_have_arrived=may_have_arrived)
    assert next_step(kind, failure, attempt, max_attempts=8) is expected


def test_each_retry_is_logged_without_keys_and_queries(site, caplog):
    """The log has the reason and the delay of each retry, and the wait that a throttled request causes."""
    caplog.set_level("DEBUG", "tracklay")
    site.go_wrong("GET /thing", HTML_502, Fault("answer", 429, (("retry-after", "7"),)))
    call = api(site, auth_headers=lambda: {"Authorization": "Bearer top-secret"}).request
    run(call("GET", "/thing", "read", query={"signature": "abcdef"}))
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("tracklay.providers")]
    assert re.fullmatch(r"Example: read request failed \(status 502\), attempt 1 of 8; retrying in \d\.\d s", lines[0])
    assert re.fullmatch(r"Example: read request failed \(status 429\), attempt 2 of 8; retrying in 7\.0 s", lines[1])
    assert lines[2] == "Example read: the server is throttling, no request starts for 7.0 s"
    assert "top-secret" not in caplog.text
    assert "abcdef" not in "".join(lines)
