"""The one way to call an API: time-outs, the retries that are allowed, hosts that may be followed, and no key where it does not belong.

What a provider's words mean beyond what all have in common stays in its own file.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from ..errors import InvalidInput, ProviderTimeout, ProviderUnavailable, SubmissionUnknown, TracklayError
from .client import DEFAULT_RETRY_POLICY, RequestKind, RetryPolicy, close_client, get_client, get_limiter
from .response import Response, error_from_response, sanitize_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping
    from pathlib import Path

    import httpx

__all__ = ["Api", "FileBody", "Response", "base_url", "close_client"]

CHUNK_BYTES = 1 << 16
"""Bytes of a file that are read at a time."""

RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that may be different the next time; any other 5xx too."""

TOO_MANY_REQUESTS = 429

Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class FileBody:
    """A file, or `size` bytes of it from `start`, sent as a body."""

    path: Path
    start: int = 0
    size: int | None = None

    @property
    def length(self) -> int:
        """Bytes."""
        rest = self.path.stat().st_size - self.start
        return rest if self.size is None else min(self.size, rest)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, little by little: a slow line's time-out counts each part by itself."""
        left = self.length
        with self.path.open("rb") as file:
            file.seek(self.start)
            while left and (chunk := file.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def base_url(variable: str, default: str) -> str:
    """Where an API is: what the environment says, else its own place; without a slash at the end.

    Raises:
        BadInput: it is no https address, nor http to this machine.
    """
    url = (os.environ.get(variable) or default).strip().rstrip("/")
    try:
        scheme, host, _ = parse_origin(url)
    except ValueError:
        raise InvalidInput(f"{variable} is no web address: write https://host") from None
    if scheme != "https" and not is_loopback(host):
        raise InvalidInput(f"{variable} must begin with https:// (http is for this machine alone)")
    return url


def parse_origin(url: str) -> Origin:
    """An address's scheme, host and port.

    Raises:
        ValueError: it is not a plain web address; one with a user's name in it is not.
    """
    if any(not "!" <= character <= "~" or character == "\\" for character in url):
        raise ValueError(url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(url)
    return parts.scheme, parts.hostname.lower(), parts.port or (443 if parts.scheme == "https" else 80)


@dataclass(frozen=True, slots=True)
class Api:
    """One API as the network sees it.

    Args:
        name: for people: `Replicate`.
        base_urls: its addresses as `base_url` gave them; the first is the one that paths (`/predictions`) are of.
        auth_headers: makes the headers that carry the key; asked anew for each call.
        key_variables: the environment variables that hold it, for messages.
        key_hosts: further hosts that may see the key: `host` or `*.domain`, https only.
        keyless_hosts: hosts whose addresses may be followed without the key.
        explain_error: the provider's own reading of a refusal; None leaves it to what all have in common.
        max_concurrent: calls of a kind at the same time.
        min_intervals: seconds between the starts of calls of a kind: its rate limit.
        dashboard: where a person looks at what runs there, for messages.
    """

    name: str
    base_urls: tuple[str, ...]
    auth_headers: Callable[[], Mapping[str, str]] = dict
    key_variables: str = ""
    key_hosts: tuple[str, ...] = ()
    keyless_hosts: tuple[str, ...] = ()
    explain_error: Callable[[Response], TracklayError | None] = lambda answer: None  # noqa: ARG005
    max_concurrent: int = 8
    min_intervals: Mapping[RequestKind, float] = field(default_factory=dict)
    dashboard: str = "its website"
    retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY

    def resolve_url(self, path: str, *, send_key: bool) -> str:
        """A path's address, or an address that the server named, when it may be followed.

        Raises:
            ProviderTrouble: it is not one of the provider's own hosts.
        """
        path = self.base_urls[0] + path if path.startswith("/") else path
        try:
            scheme, host, port = parse_origin(path)
        except ValueError:
            raise ProviderUnavailable(
                f"{self.name} names something that is no web address; it was not followed"
            ) from None
        if (scheme, host, port) in {parse_origin(base) for base in self.base_urls}:
            return path
        if not send_key and is_loopback(host) and host in {parse_origin(base)[1] for base in self.base_urls}:
            return path  # a stand-in, or the person's own server: its files may lie on another port of the same machine
        allowed = self.key_hosts if send_key else (*self.key_hosts, *self.keyless_hosts)
        if scheme == "https" and port == 443 and any(_host_matches(host, pattern) for pattern in allowed):
            return path
        raise ProviderUnavailable(
            f"{self.name} names an address on {sanitize_message(host)}, which is not its own; it was not followed"
        )

    async def request(
        self,
        method: str,
        path: str,
        kind: RequestKind,
        *,
        json: Any = None,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        content: FileBody | None = None,
        form: Mapping[str, tuple[str, Path, str]] | None = None,
        send_key: bool = True,
        expect_json: bool = True,
        accept_statuses: Collection[int] = (),
        read_seconds: float | None = None,
        attempt_seconds: float | None = None,
        max_bytes: int | None = None,
        max_attempts: int | None = None,
    ) -> Response:
        """Call, and call again where that is allowed; a good answer, or one of those accepted.

        Args:
            method: GET, POST, PUT, DELETE.
            path: from the first base, with a slash, or a whole address that the server named.
            kind: what may be repeated, and how long it may last.
            json: sent as the body.
            query: added to the address.
            headers: further ones.
            content: a file sent as the body; say its Content-Type in `headers`.
            form: multipart parts: name to (file name, path, content type).
            send_key: whether the key goes along.
            expect_json: an answer that is no JSON object or list is then trouble, not success.
            accept_statuses: statuses that are answers here and no errors.
            read_seconds: seconds without a byte, where the provider is known to think long.
            attempt_seconds: seconds for one try.
            max_bytes: bytes of the answer.
            max_attempts: how often at most, where it is not as often as its kind is.

        Raises:
            Unclear: a submission left, and what came back does not tell what became of it.
            KeyMissing, KeyRefused, NoCredit, RefusedInput, RefusedContent, NotThere: refused; never repeated.
            ProviderTrouble, TimedOut: as often as allowed, it did not work.
        """
        url = self.resolve_url(path, send_key=send_key)
        headers = {**(headers or {}), **(self.auth_headers() if send_key else {})}
        passage = get_limiter(
            self.name, kind, self.max_concurrent, self.min_intervals.get(kind, 0.0), self.retry_policy
        )
        limit = self.retry_policy.attempt_seconds[kind] if attempt_seconds is None else attempt_seconds
        tried = 0
        while True:
            tried += 1
            asked = None
            async with passage:
                try:
                    async with asyncio.timeout(limit):
                        answer = await self._send_once(
                            method,
                            url,
                            headers,
                            json,
                            query,
                            content,
                            form,
                            read_seconds,
                            self.retry_policy.max_body_bytes if max_bytes is None else max_bytes,
                        )
                except Exception as error:
                    trouble = self.network_error(error)
                    if trouble is None:
                        raise
                    sent = not _not_sent(error)
                else:
                    if answer.status in accept_statuses or (
                        answer.is_success and (answer.data is not None or not expect_json)
                    ):
                        return answer
                    if not answer.is_success and not _is_retryable(answer.status):
                        raise self.response_error(answer)
                    trouble = self._invalid_response(answer) if answer.is_success else self.response_error(answer)
                    sent = answer.status != TOO_MANY_REQUESTS
                    asked = answer.retry_after
            if kind == "submit" and sent:
                raise self.submission_unknown(str(trouble).partition(";")[0]) from trouble
            if tried >= (max_attempts or self.retry_policy.max_attempts[kind]):
                raise trouble
            pause = self.retry_policy.next_delay(tried, asked)
            if asked is not None:
                passage.pause_for(pause)
            await self.retry_policy.sleep(pause)

    async def _send_once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json: Any,
        query: Mapping[str, str | int] | None,
        content: FileBody | None,
        form: Mapping[str, tuple[str, Path, str]] | None,
        read_seconds: float | None,
        max_bytes: int,
    ) -> Response:
        sent: dict[str, Any] = {"json": json} if json is not None else {}
        with contextlib.ExitStack() as open_files:
            if form:
                sent["files"] = {
                    part: (name, open_files.enter_context(path.open("rb")), mime)
                    for part, (name, path, mime) in form.items()
                }
            if content:
                sent["content"] = content.chunks()
                headers = {**headers, "Content-Length": str(content.length)}
            if query:
                sent["params"] = query
            async with get_client().stream(
                method, url, headers=dict(headers), timeout=self.httpx_timeout(read_seconds), **sent
            ) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > max_bytes:
                        raise ProviderUnavailable(
                            f"{self.name} sends an answer of more than {max_bytes >> 20} MiB; it was not read"
                        )
                return Response(response.status_code, response.headers, bytes(body))

    def httpx_timeout(self, read_seconds: float | None) -> httpx.Timeout:
        import httpx  # noqa: PLC0415

        between = self.retry_policy.read_seconds if read_seconds is None else read_seconds
        return httpx.Timeout(self.retry_policy.read_seconds, connect=self.retry_policy.connect_seconds, read=between)

    def response_error(self, response: Response) -> TracklayError:
        """The error that an answer means."""
        if 300 <= response.status < 400:
            host = urlsplit(response.headers.get("location", "")).hostname or "nowhere"
            return ProviderUnavailable(
                f"{self.name} redirects to {sanitize_message(host)}; it was not followed, for the key's sake"
            )
        return self.explain_error(response) or error_from_response(response, self.name, self.key_variables)

    def submission_unknown(self, reason: str) -> SubmissionUnknown:
        """The error of a submission that was lost."""
        return SubmissionUnknown(
            f"nobody knows whether {self.name} began the work ({reason}); it is not sent again by itself: "
            f"look at {self.dashboard} before you try again, it may have been charged"
        )

    def _invalid_response(self, response: Response) -> TracklayError:
        said = f": {response.message}" if response.body else ""
        what = "nothing" if not response.body else "something that is no JSON"
        return ProviderUnavailable(f"{self.name} answers {response.status} with {what}{said}; try again later")

    def network_error(self, error: Exception) -> TracklayError | None:
        """A fault of the network as an error of ours; None for a fault of our own."""
        import httpx  # noqa: PLC0415

        made: TracklayError
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            made = ProviderTimeout(f"{self.name} does not answer in time; look at your network, or try again later")
        elif isinstance(error, httpx.RequestError) and not isinstance(
            error, httpx.LocalProtocolError | httpx.UnsupportedProtocol
        ):
            made = ProviderUnavailable(
                f"the connection to {self.name} failed ({sanitize_message(error) or type(error).__name__}); look at your network"
            )
        else:
            return None
        made.__cause__ = error
        return made

    async def download(self, url: str, to: Path, *, send_key: bool = False, max_bytes: int | None = None) -> Path:
        """A file that the provider made, written to `to` whole or not at all; what broke off goes on where it stopped.

        Args:
            url: as the server named it.
            to: the file.
            send_key: whether the key goes along, where the host may see it.
            max_bytes: bytes.

        Raises:
            ProviderTrouble: it is too large, empty, elsewhere than on the provider's hosts, or it does not come whole.
            ResultGone, NotThere, KeyRefused: the server does not give it.
            TimedOut: it comes too slowly.
            OutputError: it cannot be written.
        """
        from .download import Download  # noqa: PLC0415

        return await Download(
            self,
            url,
            to,
            send_key=send_key,
            max_bytes=self.retry_policy.max_download_bytes if max_bytes is None else max_bytes,
        ).run()

    def resolve_redirect(self, url: str, location: str, *, send_key: bool) -> tuple[str, bool]:
        """Where a file's address leads on to, and whether the key may go along.

        Raises:
            ProviderTrouble: it is not one of the provider's own hosts.
        """
        there = urljoin(url, location)
        if send_key:
            with contextlib.suppress(ProviderUnavailable):
                return self.resolve_url(there, send_key=True), True
        return self.resolve_url(there, send_key=False), False


def _is_retryable(status: int) -> bool:
    return status in RETRYABLE_STATUSES or status >= 500


def _host_matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _not_sent(error: Exception) -> bool:
    """Whether a call failed before anything left: only then may a submission be repeated."""
    import httpx  # noqa: PLC0415

    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError)
