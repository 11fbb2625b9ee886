"""Requests: repeated or not, the hosts that may be followed, the meaning of responses, and the cost of an import."""

from __future__ import annotations

import base64
import subprocess
import sys
from dataclasses import replace
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
    ProviderUnavailable,
    RefusedContent,
    RefusedInput,
    SubmissionUnknown,
)
from tracklay.providers import credentials
from tracklay.providers.http import Api, FileBody, base_url
from tracklay.providers.response import Response, error_from_response

from tests.fakes.server import HTML_502, Fault
from tests.providers.example_api import BLOB, api
from tests.providers.provider_flow import FakeSleep, fast_policy, run

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
        ("http://files.example:443/x", False, False),
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
            with pytest.raises(ProviderUnavailable):
                here.resolve_url(url, send_key=key)


def test_a_base_url_is_https_or_this_machine(monkeypatch):
    """The environment's word, without a slash at the end; the default where it says nothing."""
    monkeypatch.delenv("TRACKLAY_COG_URL", raising=False)
    assert base_url("TRACKLAY_COG_URL", "https://api.example/v1") == "https://api.example/v1"
    for good in (
        "http://127.0.0.1:8000/v1/",
        "http://localhost:1",
        "http://[::1]:2/v1",
        "https://proxy.example/replicate/",
    ):
        monkeypatch.setenv("TRACKLAY_COG_URL", good)
        assert base_url("TRACKLAY_COG_URL", "") == good.rstrip("/")
    for wrong in ("http://10.0.0.1", "http://localhost.evil.example", "127.0.0.1:8000", "https://", "https://a b"):
        monkeypatch.setenv("TRACKLAY_COG_URL", wrong)
        with pytest.raises(InvalidInput, match="TRACKLAY_COG_URL"):
            base_url("TRACKLAY_COG_URL", "")


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
