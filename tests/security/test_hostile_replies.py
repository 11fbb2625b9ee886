"""Replies that are valid HTTP and still harmful: compressed without measure, not finite, not Unicode, too deep, of another type."""

from __future__ import annotations

import gzip
import json
import math
import tracemalloc
import zlib
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.cue import Cost
from tracklay.errors import OverBudget, ProviderUnavailable, SubmissionUnknown
from tracklay.jobs.costs import enforce_caps, summarize_costs
from tracklay.jobs.ledger import Ledger, NewJob
from tracklay.providers import replicate_output
from tracklay.providers.base import MAX_OUTPUTS, MIN_OUTPUTS, JobHandle, checked_replies, requested_outputs, submit_once
from tracklay.providers.download import download
from tracklay.providers.fal import Fal
from tracklay.providers.fal_responses import parse_unit_price
from tracklay.providers.replicate_output import parse_log_progress, parse_log_seed
from tracklay.providers.response import Response
from tracklay.providers.scenario import _cost_in_units
from tracklay.untrusted_data import MAX_DEPTH, MAX_VALUES, clean_json, parse_json

from tests.fakes.server import Fault, Reply
from tests.providers.example_api import BLOB, api
from tests.providers.provider_flow import FakeSleep, fast_policy, generate, request, run

MIB = 1 << 20


def compressed(path, body, encoding="gzip"):
    """Return a route that answers with a compressed body."""
    return lambda site: site.app.route("GET", path)(lambda seen: Reply(200, body, {"content-encoding": encoding}))


@pytest.mark.parametrize(
    ("encoding", "layers"),
    [("gzip", 1), ("gzip, gzip", 2), ("deflate", 0), ("br", 0)],
    ids=["one", "two", "deflate", "br"],
)
def test_a_compressed_reply_takes_no_memory(site, encoding, layers):
    """64 MiB of zeros in 64 KiB: reading stops at the limit. What was not asked for is not decompressed at all."""
    body = bytes(64 * MIB)
    for _ in range(max(1, layers)):
        body = gzip.compress(body, 1) if layers else zlib.compress(body, 1)
    compressed("/bomb", body, encoding)(site)
    policy = replace(fast_policy(), max_body_bytes=4 * MIB)
    tracemalloc.start()
    with pytest.raises(ProviderUnavailable, match=r"more than 4 MiB|compression cannot be read"):
        run(api(site).request("GET", "/bomb", "read", policy=policy, expect_json=False))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * MIB
    assert site.requests[0].headers["accept-encoding"] == "gzip"


def test_a_gzip_reply_is_read(site):
    """The one compression that is asked for. One that is cut short is an error and no half reply."""
    whole = gzip.compress(json.dumps({"a": list(range(5000))}).encode())
    compressed("/good", whole)(site)
    assert run(api(site).request("GET", "/good", "read")).json_object["a"][-1] == 4999
    compressed("/cut", whole[:-9])(site)
    with pytest.raises(ProviderUnavailable, match="cut short"):
        run(api(site).request("GET", "/cut", "read"))


def test_a_compressed_download_is_the_file(site, tmp_path):
    """It was asked for uncompressed. Its limit counts what is written."""
    compressed("/packed", gzip.compress(BLOB))(site)
    assert run(download(api(site), f"{site.url}/packed", tmp_path / "file")).read_bytes() == BLOB
    compressed("/zeros", gzip.compress(bytes(8 * MIB)))(site)
    with pytest.raises(ProviderUnavailable, match="more than 1 MiB"):
        run(download(api(site), f"{site.url}/zeros", tmp_path / "zeros", max_bytes=MIB))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize(
    "fault", [Fault("answer", 201, (("content-encoding", "br"),), b"?"), Fault("answer", 201, (), b" " * MIB)]
)
def test_a_submission_with_an_unusable_reply_is_unknown(site, fault):
    """The reply came, so the work may have begun: it is never taken for a refusal."""
    site.go_wrong("POST /make", *[fault] * 5)
    policy = replace(fast_policy(), max_body_bytes=1 << 10)
    with pytest.raises(SubmissionUnknown):
        run(api(site).request("POST", "/make", "submit", policy=policy))
    assert len(site.requests) == 1


def nested(depth):
    """Return lists within lists as JSON."""
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"seed": NaN, "a": [Infinity, -Infinity, 1e999, 1.5]}', {"seed": None, "a": [None, None, None, 1.5]}),
        (
            b'{"n": ' + b"9" * 5000 + b', "m": 9223372036854775807, "k": 9223372036854775808}',
            {"n": None, "m": 2**63 - 1, "k": None},
        ),
        (rb'{"\ud800a": "x\udfff"}', {"\ufffda": "x\ufffd"}),
        (b'{"log": "caf\xe9", "ok": 1}', {"log": "caf\ufffd", "ok": 1}),
        (rb'"\ud83d\ude00"', "\N{GRINNING FACE}"),
    ],
    ids=["not finite", "large integers", "surrogates", "latin-1", "pairs stay"],
)
def test_values_that_no_strict_reader_accepts_are_replaced(text, expected):
    """The rest of the reply is used: a paid result is not lost for the sake of one value."""
    assert parse_json(text) == expected


def test_depth_and_number_of_values_are_bounded():
    """Too deep is cut or refused, too many refused before anything is built."""
    with pytest.raises(ValueError, match="too many levels"):
        parse_json(nested(200_000))
    value, levels = parse_json(nested(MAX_DEPTH + 9)), 0
    while value:
        value, levels = value[0], levels + 1
    assert levels == MAX_DEPTH - 1 or value is None
    with pytest.raises(ValueError, match="too many values"):
        parse_json(b"[" + b"0," * MAX_VALUES + b"0]")


TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_cleaned_can_always_be_stored_and_read(value):
    """Strict JSON, valid UTF-8, and the same when cleaned again."""
    clean = clean_json(value)
    text = json.dumps(clean, allow_nan=False, ensure_ascii=False).encode()
    assert json.loads(text, parse_constant=pytest.fail) == clean == clean_json(clean)


def test_long_logs_are_parsed_in_linear_time():
    """Many empty lines, many bars and many digits. Each step of the pattern is counted by the length that it can look at."""
    lines = "\n" * 200_000
    assert parse_log_progress(lines + " 40%|####      | 10/25 [00:01]") == (0.4, "step 10 of 25")
    assert parse_log_progress("  1%|" * 60_000) == (None, "")
    assert (parse_log_progress("7%|x| 1/" + "9" * 5000)[0] or 0) < 1
    assert parse_log_seed("Using seed: " + "9" * 5000) is None
    assert parse_log_seed("x" * replicate_output.MAX_LOG_CHARS + "Using seed: 17") == 17


@pytest.mark.parametrize("amount", [-1, -1e-9, math.nan, math.inf, 1e300, True, "3"])
def test_a_cost_that_is_none_is_no_cost(amount):
    """Negative, not finite or absurd: the estimate stays, and no cap is passed by it."""
    assert _cost_in_units(clean_json(amount)) is None


@pytest.mark.parametrize("price", ["1e999999", "1e-999999", "-1", "NaN", "1e7", None])
def test_a_price_that_is_none_is_no_price(price):
    """A large exponent would be written out in full."""
    assert parse_unit_price({"unit": "second", "unit_price": price}) is None


class StrangeProvider:
    """A provider whose replies have a value of an unexpected type."""

    name, capabilities, find_delays = "strange", frozenset({"find"}), (0.0,)

    async def submit(self, submission):
        return JobHandle(self.name, str(submission.data["id"]), {"cost": submission.data["missing"]})

    async def find(self, submission, known_requests=()):
        return len(submission)


def test_a_reply_of_another_type_is_one_sentence():
    """When polling the job is kept; when submitting it is unknown whether it was charged, and nothing is resent."""
    with (
        pytest.raises(ProviderUnavailable, match=r"strange sent a reply that cannot be used: KeyError"),
        checked_replies("strange"),
    ):
        json.loads("{}")["status"]
    submission = type("Submission", (), {"data": {"id": 1}})()
    with pytest.raises(SubmissionUnknown, match="not resent"):
        run(submit_once(cast("Any", StrangeProvider()), submission, sleep=FakeSleep()))


def test_no_more_sounds_are_fetched_than_were_requested(fal, tmp_path):
    """Models return a few variations unasked, but not any number."""
    wanted = request("fal/beatoven-sfx")
    assert requested_outputs(wanted) == MIN_OUTPUTS
    assert requested_outputs(replace(wanted, params={**wanted.params, "num_samples": 12})) == 12
    assert requested_outputs(replace(wanted, params={**wanted.params, "num_samples": 10**6})) == MAX_OUTPUTS
    fal.shape = lambda made: {"audio": [made["audio"]] * 150}
    _, output = run(generate(Fal(fast_policy()), wanted, tmp_path))
    assert 1 + len(output.extra_files) == MIN_OUTPUTS == len(list(tmp_path.iterdir()))


@pytest.mark.parametrize("amount", ["-5", "NaN", "Infinity", "1e999999", "much"])
def test_a_stored_cost_that_is_none_neither_breaks_nor_passes_a_cap(home, amount):
    """It counts as nothing, and a submission without a price that can be compared is not sent."""
    spent = {"cost": amount, "cost_confirmed": 1, "state": "laid", "estimate": None, "currency": "USD", "provider": "x"}
    summary = summarize_costs([spent, {**spent, "cost": "2"}], "provider")[0]
    assert (summary.confirmed, summary.estimated) == (Decimal(2), Decimal(0))
    ledger = Ledger()
    job = ledger.get_job(
        ledger.add_jobs([NewJob("r", "p", "1", 0, "m", "x", 1, {"cue": {"source": "x", "prompt": ""}}, "k")], "me")[0]
    )
    ledger.set_cap("run:r", "1")
    with pytest.raises(OverBudget, match="Unknown price"):
        enforce_caps(ledger, job, Cost(amount, "USD", estimated=True))
    ledger.close()


def test_what_a_ledger_stores_it_can_read(home):
    """Values that came past the border, too."""
    ledger = Ledger()
    job = ledger.get_job(
        ledger.add_jobs(
            [NewJob("r", "p", "1", 0, "m", "x", 1, {"cue": {"source": "x", "prompt": "\ud800"}}, "k")], "me"
        )[0]
    )
    job = ledger.update(job, error={"seed": math.nan, "x": "\udfff"}, request="\ud83d", message="half \ud800")
    assert (job.error, job.request) == ({"seed": None, "x": "\ufffd"}, "\ufffd")
    assert ledger.all_jobs() == [job]
    ledger.close()


@pytest.mark.parametrize("location", ["http://[", "//", "http://a b", "\\\\x", "http://user@h/", ""])
def test_a_redirect_to_no_address_is_one_sentence(site, tmp_path, location):
    """Of a reply and of a file."""
    site.app.route("GET", "/away")(lambda seen: Reply(302, b"", {"location": location}))
    with pytest.raises(ProviderUnavailable):
        run(api(site).request("GET", "/away", "read"))
    with pytest.raises(ProviderUnavailable):
        run(download(api(site), f"{site.url}/away", tmp_path / "file"))


@pytest.mark.parametrize("value", ["1e999", "nan", "-5", "Fri, 31 Dec 99999 23:59:59 GMT", "\u00b2", "9" * 5000, "Fri"])
def test_a_strange_delay_is_no_delay_or_a_long_one(value):
    """Whatever `Retry-After` holds."""
    seconds = Response(429, {"retry-after": value}, b"").retry_after
    assert seconds is None or seconds >= 0
