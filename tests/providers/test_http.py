"""The one way to call an API: waiting, repeating, following, resuming; and what it costs before it is used."""

from __future__ import annotations

import asyncio
import base64
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.errors import (
    InsufficientCredit,
    InvalidInput,
    KeyRefused,
    NotFound,
    OutputError,
    ProviderTimeout,
    ProviderUnavailable,
    RefusedContent,
    RefusedInput,
    SubmissionUnknown,
)
from tracklay.providers import credentials
from tracklay.providers.download import download
from tracklay.providers.http import Api, FileBody, base_url, parse_origin
from tracklay.providers.rate_limit import RateLimiter
from tracklay.providers.response import Response, error_from_response
from tracklay.providers.retry import FailedAttempt, NextStep, RetryPolicy, next_step

from tests.fakes.server import HTML_502, Fault, Reply, Server, Site
from tests.providers.provider_flow import FakeSleep, fast_policy, run

BLOB = bytes(range(256)) * 2000


class Files(Site):
    """Serves one file. `etag` names its content; `ranges` says whether parts of it can be had."""

    def __init__(self) -> None:
        super().__init__()
        self.content, self.etag, self.ranges = BLOB, '"one"', True
        self.route("GET", "/file")(self._file)
        self.route("POST", "/make")(lambda seen: Reply(201, {"id": "x"}))
        self.route("GET", "/thing")(lambda seen: Reply(200, {"a": 1}))
        self.route("PUT", "/put")(lambda seen: Reply(200, {"size": len(seen.body)}))

    def _file(self, seen) -> Reply:
        asked = seen.headers.get("range", "")
        headers = {"etag": self.etag} if self.etag else {}
        if self.ranges and asked and seen.headers.get("if-range", self.etag) == self.etag:
            first = int(asked.removeprefix("bytes=").rstrip("-"))
            if first >= len(self.content):
                return Reply(416, b"")
            part = f"bytes {first}-{len(self.content) - 1}/{len(self.content)}"
            return Reply(206, self.content[first:], {**headers, "content-range": part})
        return Reply(200, self.content, headers)


@pytest.fixture
def site():
    """The file server."""
    with Server(Files()) as server:
        yield server


def api(server, sleep: FakeSleep | None = None, attempt_seconds: float = 10.0, **more) -> Api:
    """An API there."""
    return Api("Example", (server.url,), retry_policy=fast_policy(sleep, attempt_seconds), **more)


# --- waiting


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


# --- repeating


def test_it_gives_up_after_as_many_tries_as_are_allowed(site):
    """A read that always fails ends with the server's message, without a page of HTML."""
    sleep = FakeSleep()
    site.go_wrong("GET /thing", *[HTML_502] * 50)
    with pytest.raises(ProviderUnavailable, match="502: 502 Bad Gateway") as caught:
        run(api(site, sleep).request("GET", "/thing", "read"))
    assert "<" not in str(caught.value)
    assert len(site.requests) == fast_policy().max_attempts["read"]


@pytest.mark.parametrize("kind", ["read", "upload", "submit", "cancel"])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 413, 422])
def test_a_refusal_is_never_repeated(site, kind, status):
    """Whatever the call: once."""
    site.go_wrong("POST /make", *[Fault("answer", status)] * 5)
    with pytest.raises((KeyRefused, InsufficientCredit, NotFound, RefusedInput)):
        run(api(site, key_variables="A_KEY").request("POST", "/make", kind))
    assert len(site.requests) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
def test_a_submission_with_a_server_error_is_unknown(site, status):
    """A 5xx may have begun the work."""
    site.go_wrong("POST /make", *[Fault("answer", status)] * 5)
    with pytest.raises(SubmissionUnknown):
        run(api(site).request("POST", "/make", "submit"))
    assert len(site.requests) == 1


def test_a_proxy_in_the_environment_is_not_for_this_machine(site, monkeypatch):
    """What is reached over loopback never goes through a proxy."""
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    assert run(api(site).request("GET", "/thing", "read")).json_object == {"a": 1}


def test_a_file_is_sent_whole_or_in_pieces(site, tmp_path):
    """The bytes of the piece and their number, as one body."""
    path = tmp_path / "blob"
    path.write_bytes(BLOB)

    async def go():
        here = api(site)
        for piece in (FileBody(path), FileBody(path, 1000, 5000), FileBody(path, len(BLOB) - 10, 5000)):
            answer = await here.request("PUT", "/put", "upload", content=piece, headers={"Content-Type": "video/mp4"})
            assert answer.json_object["size"] == piece.length

    run(go())
    whole, middle, end = (seen.body for seen in site.requests)
    assert (whole, middle, end) == (BLOB, BLOB[1000:6000], BLOB[-10:])
    assert site.requests[0].headers["content-type"] == "video/mp4"
    assert "transfer-encoding" not in site.requests[0].headers


def test_an_answer_larger_than_memory_should_hold_is_not_read(site):
    """There is a limit to what is kept of an answer."""
    with pytest.raises(ProviderUnavailable, match="more than"):
        run(
            api(site).request(
                "GET", "/file", "read", policy=replace(fast_policy(), max_body_bytes=1 << 10), expect_json=False
            )
        )


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


# --- following


@given(st.text())
def test_no_text_makes_the_address_check_crash(text):
    """An address from a server is allowed or refused, whatever it is."""
    here = Api("Example", ("https://api.example",), keyless_hosts=("*.files.example",))
    try:
        assert here.resolve_url(text, send_key=False)
    except ProviderUnavailable as error:
        assert "Example" in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("url", "without_key", "with_key"),
    [
        ("https://api.example/x", True, True),
        ("https://API.example:443/x", True, True),
        ("https://keyed.example/x", True, True),
        ("https://files.example/x", True, False),
        ("https://a.files.example/x", True, False),
        ("https://a.b.files.example/x?signed=1", True, False),
        ("http://files.example/x", False, False),
        ("http://api.example/x", False, False),
        ("https://files.example:8443/x", False, False),
        ("https://evilfiles.example/x", False, False),
        ("https://files.example.evil.example/x", False, False),
        ("https://api.example@evil.example/x", False, False),
        ("https://me:pw@api.example/x", False, False),
        ("https://evil.example\\@api.example/x", False, False),
        ("https://api.example\t.evil.example/x", False, False),
        ("https://127.0.0.1/x", False, False),
        ("http://127.0.0.1:5000/x", False, False),
        ("file:///etc/passwd", False, False),
        ("ftp://api.example/x", False, False),
        ("//api.example/x\n", False, False),
        ("", False, False),
    ],
)
def test_only_the_providers_own_hosts_are_followed(url, without_key, with_key):
    """https, its own port, its own names; the key to fewer of them."""
    here = Api(
        "Example",
        ("https://api.example",),
        key_hosts=("keyed.example",),
        keyless_hosts=("files.example", "*.files.example"),
    )
    for key, allowed in ((False, without_key), (True, with_key)):
        if allowed:
            assert here.resolve_url(url, send_key=key) == url
        else:
            try:
                followed = here.resolve_url(url, send_key=key)
            except ProviderUnavailable:
                continue
            # A path is always of its own base.
            assert parse_origin(followed) == parse_origin("https://api.example")


def test_a_base_url_is_https_or_this_machine(monkeypatch):
    """The environment's word, without a slash at the end; the default where it says nothing."""
    monkeypatch.delenv("TRACKLAY_X_URL", raising=False)
    assert base_url("TRACKLAY_X_URL", "https://api.example/v1") == "https://api.example/v1"
    for good in (
        "http://127.0.0.1:8000/v1/",
        "http://localhost:1",
        "http://[::1]:2/v1",
        "https://proxy.example/replicate/",
    ):
        monkeypatch.setenv("TRACKLAY_X_URL", good)
        assert base_url("TRACKLAY_X_URL", "") == good.rstrip("/")
    for wrong in ("http://10.0.0.1", "http://localhost.evil.example", "127.0.0.1:8000", "https://", "https://a b"):
        monkeypatch.setenv("TRACKLAY_X_URL", wrong)
        with pytest.raises(InvalidInput, match="TRACKLAY_X_URL"):
            base_url("TRACKLAY_X_URL", "")


# --- files


def fetch(server, tmp_path, sleep=None, **more):
    """Download the file; its bytes."""
    to = tmp_path / "got.bin"
    run(download(api(server, sleep), server.url + "/file", to, **more))
    return to.read_bytes()


def test_a_broken_download_goes_on_where_it_stopped(site, tmp_path):
    """Twice cut, and no byte is asked for twice."""
    site.go_wrong("GET /file", Fault("truncate"), Fault("truncate"))
    assert fetch(site, tmp_path) == BLOB
    ranges = [seen.headers.get("range") for seen in site.requests]
    assert ranges == [None, f"bytes={len(BLOB) // 2}-", f"bytes={len(BLOB) // 2 + len(BLOB) // 4}-"]


def test_a_file_that_changed_meanwhile_is_downloaded_again(site, tmp_path):
    """Two halves of different files never become one."""
    site.go_wrong("GET /file", Fault("truncate"))
    sleep = FakeSleep()

    async def change(seconds: float) -> None:
        await sleep(seconds)
        site.app.content, site.app.etag = BLOB[::-1], '"two"'

    to = tmp_path / "got.bin"
    times = fast_policy(sleep)
    changing = replace(times, sleep=change)
    run(download(Api("Example", (site.url,), retry_policy=changing), site.url + "/file", to))
    assert to.read_bytes() == BLOB[::-1]


@pytest.mark.parametrize(("etag", "ranges"), [("", True), ('W/"weak"', True), ('"one"', False)])
def test_where_a_part_cannot_be_trusted_the_whole_file_comes_again(site, tmp_path, etag, ranges):
    """No name for the content, a weak one, or a server that knows no parts."""
    site.app.etag, site.app.ranges = etag, ranges
    site.go_wrong("GET /file", Fault("truncate"))
    assert fetch(site, tmp_path) == BLOB
    assert len(site.requests) == 2


def test_a_download_over_the_limit_is_not_kept(site, tmp_path):
    """It ends before it fills the disk, and leaves nothing."""
    with pytest.raises(ProviderUnavailable, match="not kept"):
        fetch(site, tmp_path, max_bytes=1000)
    assert not list(tmp_path.iterdir())


def test_a_file_of_nothing_is_no_file(site, tmp_path):
    """An empty file is requested again, and is an error in the end."""
    site.app.content = b""
    with pytest.raises(ProviderUnavailable, match="empty"):
        fetch(site, tmp_path)
    assert len(site.requests) == fast_policy().max_attempts["download"]
    assert not list(tmp_path.iterdir())


def test_a_download_that_drips_ends(site, tmp_path):
    """However slowly it comes, there is an end to it, and nothing half is left."""
    site.go_wrong("GET /file", Fault("drip"))
    slow = fast_policy()
    limits = {**slow.attempt_seconds, "download": 0.3}
    short = RetryPolicy(connect_seconds=1, read_seconds=10, attempt_seconds=limits, sleep=slow.sleep, clock=slow.clock)
    with pytest.raises(ProviderTimeout, match="too slow"):
        run(download(Api("Example", (site.url,), retry_policy=short), site.url + "/file", tmp_path / "got.bin"))
    assert not list(tmp_path.iterdir())


def test_redirects_in_circles_end(site, tmp_path):
    """A file's address leads on to the provider's own hosts, but not for ever."""
    site.go_wrong("GET /file", *[Fault("redirect", to="/file")] * 20)
    with pytest.raises(ProviderUnavailable, match="circles"):
        fetch(site, tmp_path)


def test_a_file_that_cannot_be_written_is_an_output_error(site, tmp_path):
    """The fault of the disk is not the network's."""
    with pytest.raises(OutputError):
        run(download(api(site), site.url + "/file", tmp_path / "missing" / "got.bin"))


# --- what answers mean


@pytest.mark.parametrize(
    ("status", "body", "expected", "field"),
    [
        (401, b"", KeyRefused, None),
        (402, b'{"title":"Insufficient credit","detail":"buy"}', InsufficientCredit, None),
        (403, b"no", KeyRefused, None),
        (404, b'{"detail":"Application not found"}', NotFound, None),
        (413, b"<html>413</html>", RefusedInput, ""),
        (
            422,
            b'{"detail":[{"loc":["body","input","duration"],"msg":"too long","type":"x"}]}',
            RefusedInput,
            "duration",
        ),
        (
            422,
            b'{"detail":"- x\\n","invalid_fields":[{"field":"input.steps","description":"d"}]}',
            RefusedInput,
            "steps",
        ),
        (
            422,
            b'{"detail":[{"loc":["body","prompt"],"msg":"no","type":"content_policy_violation"}]}',
            RefusedContent,
            None,
        ),
        (400, b'{"error":{"type":"x","message":"odd"}}', RefusedInput, ""),
        (400, b'{"detail":', RefusedInput, ""),
        (418, b"\xff\xfe\x00", RefusedInput, ""),
        (500, b"[]", ProviderUnavailable, None),
        (429, b"null", ProviderUnavailable, None),
    ],
)
def test_every_refusal_has_its_class_and_its_field(status, body, expected, field):
    """JSON of any shape, half of it, HTML, bytes: one sentence with the provider's name."""
    error = error_from_response(Response(status, {}, body), "Example", "A_KEY")
    assert type(error) is expected
    assert "example" in str(error).lower()
    assert "\n" not in str(error)
    assert getattr(error, "field", None) == field


@given(st.binary(max_size=400), st.integers(400, 599))
def test_no_answer_is_too_strange_to_read(body, status):
    """Whatever comes: words, an error, no crash."""
    answer = Response(status, {}, body)
    assert len(answer.message) <= 300
    assert str(error_from_response(answer, "Example", "A_KEY"))


# --- keys


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789_-/+=", min_size=8, max_size=40), st.text(max_size=30))
def test_a_key_is_taken_out_of_any_text(value, around):
    """As it is, and as HTTP Basic and a URL would write it."""
    credentials.set_key("FAL_KEY", f"id:{value}")
    try:
        basic = base64.b64encode(f"id:{value}".encode()).decode()
        hidden = credentials.redact(f"{around} id:{value} {value} {basic} {quote('id:' + value, safe='')} {around}")
        assert value not in hidden.replace(around, "")
        assert basic not in hidden
    finally:
        credentials.set_key("FAL_KEY", "")


def test_the_environments_key_stands_before_a_given_one(monkeypatch):
    """The environment comes first; Blender's preferences serve where it says nothing. Neither shows in a text."""
    credentials.set_key("FAL_KEY", "from-preferences")
    try:
        assert credentials.require_key("FAL_KEY", "fal") == "from-preferences"
        monkeypatch.setenv("FAL_KEY", "from-environment")
        assert credentials.require_key("FAL_KEY", "fal") == "from-environment"
        assert "from" not in credentials.redact("from-environment from-preferences")
    finally:
        credentials.set_key("FAL_KEY", "")


# --- what it costs


def test_no_network_client_is_loaded_before_the_first_request():
    """Every provider can be made, and the catalogue checked, without httpx."""
    code = (
        "import sys, tracklay, tracklay.cli.main, tracklay.jobs, tracklay.providers\n"
        "from tracklay.providers.base import get_provider\n"
        "from tracklay import models\n"
        "models.load_catalogue()\n"
        "[get_provider(name) for name in ('sketch', 'replicate', 'cog', 'fal', 'scenario', 'beatoven')]\n"
        "print([name for name in ('httpx', 'httpcore', 'h2', 'h11', 'anyio', 'certifi') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_client_serves_a_loop_and_is_closed_with_it(site):
    """All calls of a loop share their connections; the next loop has its own."""
    from tracklay.providers.client import get_client

    async def go():
        here = api(site)
        for _ in range(3):
            await here.request("GET", "/thing", "read")
        return get_client()

    first, second = run(go()), run(go())
    assert first is not second
    assert first.is_closed
    assert second.is_closed
