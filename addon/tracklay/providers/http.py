"""Requests to one API: which URLs may be followed, where the API key may go, and the loop that sends a request until it succeeds.

`retry.next_step` decides after each failed attempt, `rate_limit` delays each one, `response` reads the answers. `download` builds
on this module for files. The meaning of one provider's own errors stays in that provider's file.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from .. import settings
from ..errors import (
    InvalidInput,
    KeyRefused,
    ProviderTimeout,
    ProviderUnavailable,
    SubmissionUnknown,
    TracklayError,
)
from .client import get_client, get_limiter
from .response import (
    ACCEPT_ENCODING,
    Response,
    UnreadableEncoding,
    error_from_response,
    message_suffix,
    read_chunks,
    sanitize_message,
)
from .retry import (
    DEFAULT_RETRY_POLICY,
    MIB,
    FailedAttempt,
    NextStep,
    RequestKind,
    RetryPolicy,
    is_not_sent,
    is_retryable,
    may_have_arrived,
    next_step,
)

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 16
"""Bytes of a file that are read at a time."""

Origin = tuple[str, str, int]
"""Scheme, host and port of a URL."""


@dataclass(frozen=True, slots=True)
class FileBody:
    """A file, or `size` bytes of it from byte `start`, sent as the body of a request."""

    path: Path
    start: int = 0
    size: int | None = None

    @property
    def length(self) -> int:
        """The body's length in bytes."""
        rest = self.path.stat().st_size - self.start
        return rest if self.size is None else min(self.size, rest)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body in small chunks: the write timeout then applies to each chunk and not to the whole file."""
        left = self.length
        with self.path.open("rb") as file:
            file.seek(self.start)
            while left and (chunk := file.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it goes out, the same at each attempt. `Api.request` documents the parts."""

    method: str
    url: str
    headers: Mapping[str, str]
    json: Any = None
    query: Mapping[str, str | int] | None = None
    content: FileBody | None = None
    form: Mapping[str, tuple[str, Path, str]] | None = None
    fields: Mapping[str, str | list[str]] | None = None


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def base_url(variable: str, default: str) -> str:
    """Return an API's base URL without a final slash: the environment variable's value, or the default.

    Raises:
        InvalidInput: the variable holds neither an https URL nor an http URL of this machine.
    """
    url = (settings.current().base_url(variable) or default).strip().rstrip("/")
    try:
        scheme, host, _ = parse_origin(url)
    except ValueError:
        # The value is not shown: it may hold a password.
        raise InvalidInput(
            "provider.base_url_invalid", "Not a web address: {variable}. Write https://host.", variable=variable
        ) from None
    if scheme != "https" and not is_loopback(host):
        raise InvalidInput(
            "provider.base_url_insecure",
            "{variable} must start with https://. Plain http:// is accepted for this machine only.",
            variable=variable,
        )
    return url


def parse_origin(url: str) -> Origin:
    """Return a URL's scheme, host (lower case) and port.

    Raises:
        ValueError: it is not a plain http or https URL, or it has a user name in it.
    """
    # Parsers disagree about backslashes, tabs and other characters that no URL may hold: what this one takes for the host might
    # not be the host that httpx connects to.
    if any(not "!" <= character <= "~" or character == "\\" for character in url):
        raise ValueError(url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(url)
    return parts.scheme, parts.hostname.lower(), parts.port or (443 if parts.scheme == "https" else 80)


@dataclass(frozen=True, slots=True)
class Api:
    """One provider's API: its hosts, its authentication, its limits.

    Args:
        name: the provider's name in messages: `Replicate`.
        base_urls: its base URLs, from `base_url`. Paths (`/predictions`) belong to the first.
        auth_headers: returns the headers that hold the API key; called for each request.
        key_variables: the environment variables of the key, for messages.
        key_hosts: further hosts that may receive the key: `host` or `*.domain`, https only.
        keyless_hosts: hosts whose URLs may be followed without the key.
        explain_error: returns the provider's own error for a response, or None to use `error_from_response`.
        max_concurrent: requests of one kind at the same time.
        min_intervals: seconds between the starts of requests of one kind: the provider's rate limit.
        dashboard: where users see their jobs at the provider, for messages.
        retry_policy: timeouts and retries.
    """

    name: str
    base_urls: tuple[str, ...]
    auth_headers: Callable[[], Mapping[str, str]] = dict
    key_variables: str = ""
    key_hosts: tuple[str, ...] = ()
    keyless_hosts: tuple[str, ...] = ()
    explain_error: Callable[[Response], TracklayError | None] = lambda response: None  # noqa: ARG005
    max_concurrent: int = 8
    min_intervals: Mapping[RequestKind, float] = field(default_factory=dict)
    dashboard: str = "its website"
    retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY

    def resolve_url(self, path: str, *, send_key: bool) -> str:
        """Return the URL of a path, or a URL that the server named, if it may be requested.

        Raises:
            ProviderUnavailable: the URL is not on one of the provider's hosts.
        """
        path = self.base_urls[0] + path if path.startswith("/") else path
        try:
            scheme, host, port = parse_origin(path)
        except ValueError:
            raise ProviderUnavailable(
                "provider.url_invalid", "{provider} returned an invalid web address.", provider=self.name
            ) from None
        own = {parse_origin(base) for base in self.base_urls}
        if (scheme, host, port) in own:
            return path
        # A fake server or a container on this machine may serve its files on another port. The key does not go there: the port
        # can belong to another program.
        if not send_key and is_loopback(host) and host in {own_host for _, own_host, _ in own}:
            return path
        allowed = self.key_hosts if send_key else (*self.key_hosts, *self.keyless_hosts)
        if scheme == "https" and port == 443 and any(_host_matches(host, pattern) for pattern in allowed):
            return path
        raise ProviderUnavailable(
            "provider.url_foreign",
            "{provider} returned an address on a host that is not its own: {host}. It was not followed.",
            provider=self.name,
            host=sanitize_message(host),
        )

    def resolve_redirect(self, url: str, location: str, *, send_key: bool) -> tuple[str, bool]:
        """Return the URL that a file's URL redirects to, and whether the key may go there.

        Raises:
            ProviderUnavailable: the URL is not on one of the provider's hosts.
        """
        try:
            target = urljoin(url, location)
        except ValueError:  # `http://[`: refused below, as any other address that is none
            target = ""
        if send_key:
            with contextlib.suppress(ProviderUnavailable):
                return self.resolve_url(target, send_key=True), True
        # From here on without the key, even if a later redirect leads back to the API.
        return self.resolve_url(target, send_key=False), False

    async def upload_to_signed_url(
        self, url: str, body: FileBody, kind: str, refusals: tuple[type[TracklayError], ...] = (KeyRefused,)
    ) -> None:
        """Put a file, or a part of it, to a URL that needs no key.

        Args:
            url: the URL, which the provider signed.
            body: the content.
            kind: its media type.
            refusals: errors that mean that the URL is refused: the request has no key that could be.

        Raises:
            ProviderUnavailable: the URL is refused.
            TracklayError: as `request`.
        """
        try:
            await self.request(
                "PUT", url, "upload", content=body, headers={"Content-Type": kind}, send_key=False, expect_json=False
            )
        except refusals as error:
            raise ProviderUnavailable(
                "provider.upload_refused",
                "The storage of {provider} refused the upload. Try again later.",
                provider=self.name,
            ) from error

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
        fields: Mapping[str, str | list[str]] | None = None,
        send_key: bool = True,
        expect_json: bool = True,
        accept_statuses: Collection[int] = (),
        policy: RetryPolicy | None = None,
    ) -> Response:
        """Send a request, with the retries that its kind allows, and return the response.

        Args:
            method: GET, POST, PUT or DELETE.
            path: a path of the first base URL, with its slash, or a whole URL that the server named.
            kind: decides the retries and the time limit.
            json: the body, sent as JSON.
            query: added to the URL.
            headers: sent besides the authentication.
            content: a file sent as the body; put its Content-Type into `headers`.
            form: multipart parts: name to (file name, path, content type).
            fields: text parts beside those of `form`; a list becomes a part for each value.
            send_key: whether the API key is sent.
            expect_json: a response that is not JSON is an error.
            accept_statuses: statuses that are returned and not raised.
            policy: timeouts and retries, if they differ from the API's own.

        Raises:
            SubmissionUnknown: a submission may have arrived, and no usable response came. It is not resent.
            TracklayError: the last attempt's error, or a refusal, which is never resent.
        """
        policy = policy or self.retry_policy
        url = self.resolve_url(path, send_key=send_key)
        all_headers = {**(headers or {}), **(self.auth_headers() if send_key else {})}
        outgoing = HttpRequest(method, url, all_headers, json, query, content, form, fields)
        limiter = get_limiter(
            self.name, kind, self.max_concurrent, self.min_intervals.get(kind, 0.0), self.retry_policy
        )
        max_attempts = policy.max_attempts[kind]
        attempt = 0
        while True:
            attempt += 1
            async with limiter:
                outcome = await self._attempt(
                    outgoing, kind, policy, expect_json=expect_json, accept_statuses=accept_statuses
                )
            if isinstance(outcome, Response):
                return outcome
            match next_step(kind, outcome, attempt, max_attempts):
                case NextStep.RAISE:
                    raise outcome.error
                case NextStep.RAISE_UNKNOWN:
                    raise self.submission_unknown(outcome.error) from outcome.error
            delay = policy.next_delay(attempt, outcome.retry_after)
            _log.info(
                "%s: %s request failed (%s), attempt %d of %d; retrying in %.1f s",
                *(self.name, kind, outcome.reason, attempt, max_attempts, delay),
            )
            if outcome.retry_after is not None:
                limiter.pause_for(delay)
            await policy.sleep(delay)

    async def _attempt(
        self,
        outgoing: HttpRequest,
        kind: RequestKind,
        policy: RetryPolicy,
        *,
        expect_json: bool,
        accept_statuses: Collection[int],
    ) -> Response | FailedAttempt:
        """Send a request once. Errors of this program, not of the network or the server, are raised."""
        try:
            async with asyncio.timeout(policy.attempt_seconds[kind]):
                response = await self._send(outgoing, policy)
        except ProviderUnavailable as error:
            # The response came and cannot be used. Asking again changes nothing, but a submission may have started work.
            raise (self.submission_unknown(error) if kind == "submit" else error) from error
        except Exception as error:
            known = self.network_error(error)
            if known is None:
                raise
            return FailedAttempt(
                known, type(error).__name__, is_temporary=True, may_have_arrived=not is_not_sent(error)
            )
        # A success without the JSON that was expected counts as a failure: a proxy's page, or a body that was cut short.
        usable = response.is_success and (response.data is not None or not expect_json)
        if usable or response.status in accept_statuses:
            return response
        return FailedAttempt(
            self._invalid_response(response) if response.is_success else self.response_error(response),
            f"status {response.status}",
            is_temporary=response.is_success or is_retryable(response.status),
            may_have_arrived=may_have_arrived(response.status),
            retry_after=response.retry_after,
        )

    async def _send(self, outgoing: HttpRequest, policy: RetryPolicy) -> Response:
        """Send a request over the network and read the whole response, up to `policy.max_body_bytes`."""
        headers = {"Accept-Encoding": ACCEPT_ENCODING, **outgoing.headers}
        arguments: dict[str, Any] = {"json": outgoing.json} if outgoing.json is not None else {}
        async with contextlib.AsyncExitStack() as open_files:
            if outgoing.form:
                arguments["files"] = {
                    part: (name, open_files.enter_context(path.open("rb")), mime)
                    for part, (name, path, mime) in outgoing.form.items()
                }
                arguments["data"] = outgoing.fields or {}
            if outgoing.content:
                # Closed here: after an error of the connection, httpx leaves it, with its open file, to the garbage collector.
                arguments["content"] = await open_files.enter_async_context(
                    contextlib.aclosing(outgoing.content.chunks())
                )
                # Without a length httpx sends a stream in chunked encoding, which signed upload URLs refuse.
                headers["Content-Length"] = str(outgoing.content.length)
            if outgoing.query:
                arguments["params"] = outgoing.query
            async with get_client().stream(
                outgoing.method, outgoing.url, headers=headers, timeout=httpx_timeout(policy), **arguments
            ) as response:
                body = bytearray()
                async with contextlib.aclosing(read_chunks(response)) as chunks:
                    async for chunk in chunks:
                        body += chunk
                        # Counted while it arrives: Content-Length may be absent, and compressed bodies grow.
                        if len(body) > policy.max_body_bytes:
                            raise ProviderUnavailable(
                                "provider.response_too_large",
                                "{provider} sent a response of more than {limit} MiB.",
                                provider=self.name,
                                limit=policy.max_body_bytes // MIB,
                            )
                return Response(response.status_code, response.headers, bytes(body))

    def response_error(self, response: Response) -> TracklayError:
        """Return the error for a response that is not a success."""
        if 300 <= response.status < 400:
            # A redirected request would send the key and the body to a host that the server chose.
            try:
                host = urlsplit(response.headers.get("location", "")).hostname or "nowhere"
            except ValueError:  # `http://[`
                host = "nowhere"
            return ProviderUnavailable(
                "provider.redirected",
                "{provider} redirects to another address: {host}. It was not followed, to protect the API key.",
                provider=self.name,
                host=sanitize_message(host),
            )
        return self.explain_error(response) or error_from_response(response, self.name, self.key_variables)

    def submission_unknown(self, reason: TracklayError) -> SubmissionUnknown:
        """Return the error of a submission that may have started work."""
        return SubmissionUnknown(
            "provider.submission_unknown",
            "Unknown whether {provider} received the request. {reason} It is not resent automatically because it may have "
            "been charged: check {dashboard} first.",
            provider=self.name,
            reason=reason,
            dashboard=self.dashboard,
        )

    def _invalid_response(self, response: Response) -> TracklayError:
        if not response.body:
            return ProviderUnavailable(
                "provider.response_empty",
                "{provider} sent an empty response with status {status}.",
                provider=self.name,
                status=response.status,
            )
        return ProviderUnavailable(
            "provider.response_not_json",
            "{provider} sent a response that is not JSON, with status {status}{message}.",
            provider=self.name,
            status=response.status,
            message=message_suffix(response.message),
        )

    def network_error(self, error: Exception) -> TracklayError | None:
        """Return our error for a failure of the network, or None for any other exception."""
        import httpx  # noqa: PLC0415

        known: TracklayError
        if isinstance(error, UnreadableEncoding):
            known = ProviderUnavailable(
                "provider.response_encoding",
                "{provider} sent a response whose compression cannot be read: {encoding}.",
                provider=self.name,
                encoding=sanitize_message(error).rstrip("."),
            )
        elif isinstance(error, TimeoutError | httpx.TimeoutException):
            known = ProviderTimeout(
                "provider.no_response", "{provider} did not respond in time. Check the network.", provider=self.name
            )
        elif isinstance(error, httpx.RequestError) and not isinstance(
            # These two mean that this program built a wrong request.
            error,
            httpx.LocalProtocolError | httpx.UnsupportedProtocol,
        ):
            known = ProviderUnavailable(
                "provider.connection_failed",
                "The connection to {provider} failed: {error}. Check the network.",
                provider=self.name,
                error=sanitize_message(error).rstrip(".") or type(error).__name__,
            )
        else:
            return None
        known.__cause__ = error
        return known


def httpx_timeout(policy: RetryPolicy) -> httpx.Timeout:
    """Return a policy's timeouts of single network operations as httpx takes them."""
    import httpx  # noqa: PLC0415

    return httpx.Timeout(policy.write_seconds, connect=policy.connect_seconds, read=policy.read_seconds)


def _host_matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
