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

from ..errors import BadInput, ProviderTrouble, TimedOut, TracklayError, Unclear
from .client import PATIENCE, Kind, Patience, client, close, lane
from .response import Answer, refusal, tidy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping
    from pathlib import Path

    import httpx

__all__ = ["Answer", "Api", "Piece", "base_url", "close"]

CHUNK = 1 << 16
"""Bytes of a file that are read at a time."""

AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that may be different the next time; any other 5xx too."""

TOO_MANY = 429

Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Piece:
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
            while left and (chunk := file.read(min(CHUNK, left))):
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
        scheme, host, _ = origin(url)
    except ValueError:
        raise BadInput(f"{variable} is no web address: write https://host") from None
    if scheme != "https" and not is_loopback(host):
        raise BadInput(f"{variable} must begin with https:// (http is for this machine alone)")
    return url


def origin(url: str) -> Origin:
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
        bases: its addresses as `base_url` gave them; the first is the one that paths (`/predictions`) are of.
        key: makes the headers that carry the key; asked anew for each call.
        key_names: the environment variables that hold it, for messages.
        key_hosts: further hosts that may see the key: `host` or `*.domain`, https only.
        hosts: hosts whose addresses may be followed without the key.
        explain: the provider's own reading of a refusal; None leaves it to what all have in common.
        at_once: calls of a kind at the same time.
        gaps: seconds between the starts of calls of a kind: its rate limit.
        jobs: where a person looks at what runs there, for messages.
    """

    name: str
    bases: tuple[str, ...]
    key: Callable[[], Mapping[str, str]] = dict
    key_names: str = ""
    key_hosts: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    explain: Callable[[Answer], TracklayError | None] = lambda answer: None  # noqa: ARG005
    at_once: int = 8
    gaps: Mapping[Kind, float] = field(default_factory=dict)
    jobs: str = "its website"
    patience: Patience = PATIENCE

    def url(self, path: str, *, key: bool) -> str:
        """A path's address, or an address that the server named, when it may be followed.

        Raises:
            ProviderTrouble: it is not one of the provider's own hosts.
        """
        path = self.bases[0] + path if path.startswith("/") else path
        try:
            scheme, host, port = origin(path)
        except ValueError:
            raise ProviderTrouble(f"{self.name} names something that is no web address; it was not followed") from None
        if (scheme, host, port) in {origin(base) for base in self.bases}:
            return path
        if not key and is_loopback(host) and host in {origin(base)[1] for base in self.bases}:
            return path  # a stand-in, or the person's own server: its files may lie on another port of the same machine
        allowed = self.key_hosts if key else (*self.key_hosts, *self.hosts)
        if scheme == "https" and port == 443 and any(_matches(host, pattern) for pattern in allowed):
            return path
        raise ProviderTrouble(
            f"{self.name} names an address on {tidy(host)}, which is not its own; it was not followed"
        )

    async def call(
        self,
        method: str,
        path: str,
        kind: Kind,
        *,
        json: Any = None,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        content: Piece | None = None,
        form: Mapping[str, tuple[str, Path, str]] | None = None,
        key: bool = True,
        expect_json: bool = True,
        accept: Collection[int] = (),
        silence: float | None = None,
        whole: float | None = None,
        most: int | None = None,
        tries: int | None = None,
    ) -> Answer:
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
            key: whether the key goes along.
            expect_json: an answer that is no JSON object or list is then trouble, not success.
            accept: statuses that are answers here and no errors.
            silence: seconds without a byte, where the provider is known to think long.
            whole: seconds for one try.
            most: bytes of the answer.
            tries: how often at most, where it is not as often as its kind is.

        Raises:
            Unclear: a submission left, and what came back does not tell what became of it.
            KeyMissing, KeyRefused, NoCredit, RefusedInput, RefusedContent, NotThere: refused; never repeated.
            ProviderTrouble, TimedOut: as often as allowed, it did not work.
        """
        url = self.url(path, key=key)
        headers = {**(headers or {}), **(self.key() if key else {})}
        passage = lane(self.name, kind, self.at_once, self.gaps.get(kind, 0.0), self.patience)
        limit = self.patience.whole[kind] if whole is None else whole
        tried = 0
        while True:
            tried += 1
            asked = None
            async with passage:
                try:
                    async with asyncio.timeout(limit):
                        answer = await self._once(
                            method,
                            url,
                            headers,
                            json,
                            query,
                            content,
                            form,
                            silence,
                            self.patience.most_body if most is None else most,
                        )
                except Exception as error:
                    trouble = self._trouble(error)
                    if trouble is None:
                        raise
                    sent = not _never_sent(error)
                else:
                    if answer.status in accept or (answer.good and (answer.data is not None or not expect_json)):
                        return answer
                    if not answer.good and not _again(answer.status):
                        raise self.refused(answer)
                    trouble = self._puzzle(answer) if answer.good else self.refused(answer)
                    sent = answer.status != TOO_MANY
                    asked = answer.retry_after
            if kind == "submit" and sent:
                raise self.unclear(str(trouble).partition(";")[0]) from trouble
            if tried >= (tries or self.patience.tries[kind]):
                raise trouble
            pause = self.patience.pause(tried, asked)
            if asked is not None:
                passage.hold(pause)
            await self.patience.sleep(pause)

    async def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json: Any,
        query: Mapping[str, str | int] | None,
        content: Piece | None,
        form: Mapping[str, tuple[str, Path, str]] | None,
        silence: float | None,
        most: int,
    ) -> Answer:
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
            async with client().stream(
                method, url, headers=dict(headers), timeout=self._timeout(silence), **sent
            ) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > most:
                        raise ProviderTrouble(
                            f"{self.name} sends an answer of more than {most >> 20} MiB; it was not read"
                        )
                return Answer(response.status_code, response.headers, bytes(body))

    def _timeout(self, silence: float | None) -> httpx.Timeout:
        import httpx  # noqa: PLC0415

        between = self.patience.between if silence is None else silence
        return httpx.Timeout(self.patience.between, connect=self.patience.connect, read=between)

    def refused(self, answer: Answer) -> TracklayError:
        """The error that an answer means."""
        if 300 <= answer.status < 400:
            host = urlsplit(answer.headers.get("location", "")).hostname or "nowhere"
            return ProviderTrouble(f"{self.name} redirects to {tidy(host)}; it was not followed, for the key's sake")
        return self.explain(answer) or refusal(answer, self.name, self.key_names)

    def unclear(self, reason: str) -> Unclear:
        """The error of a submission that was lost."""
        return Unclear(
            f"nobody knows whether {self.name} began the work ({reason}); it is not sent again by itself: "
            f"look at {self.jobs} before you try again, it may have been charged"
        )

    def _puzzle(self, answer: Answer) -> TracklayError:
        said = f": {answer.words}" if answer.body else ""
        what = "nothing" if not answer.body else "something that is no JSON"
        return ProviderTrouble(f"{self.name} answers {answer.status} with {what}{said}; try again later")

    def _trouble(self, error: Exception) -> TracklayError | None:
        """A fault of the network as an error of ours; None for a fault of our own."""
        import httpx  # noqa: PLC0415

        made: TracklayError
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            made = TimedOut(f"{self.name} does not answer in time; look at your network, or try again later")
        elif isinstance(error, httpx.RequestError) and not isinstance(
            error, httpx.LocalProtocolError | httpx.UnsupportedProtocol
        ):
            made = ProviderTrouble(
                f"the connection to {self.name} failed ({tidy(error) or type(error).__name__}); look at your network"
            )
        else:
            return None
        made.__cause__ = error
        return made

    async def download(self, url: str, to: Path, *, key: bool = False, most: int | None = None) -> Path:
        """A file that the provider made, written to `to` whole or not at all; what broke off goes on where it stopped.

        Args:
            url: as the server named it.
            to: the file.
            key: whether the key goes along, where the host may see it.
            most: bytes.

        Raises:
            ProviderTrouble: it is too large, empty, elsewhere than on the provider's hosts, or it does not come whole.
            ResultGone, NotThere, KeyRefused: the server does not give it.
            TimedOut: it comes too slowly.
            OutputError: it cannot be written.
        """
        from .download import Download  # noqa: PLC0415

        return await Download(self, url, to, key=key, most=self.patience.most_download if most is None else most).run()

    def next_hop(self, url: str, location: str, *, key: bool) -> tuple[str, bool]:
        """Where a file's address leads on to, and whether the key may go along.

        Raises:
            ProviderTrouble: it is not one of the provider's own hosts.
        """
        there = urljoin(url, location)
        if key:
            with contextlib.suppress(ProviderTrouble):
                return self.url(there, key=True), True
        return self.url(there, key=False), False


def _again(status: int) -> bool:
    return status in AGAIN or status >= 500


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _never_sent(error: Exception) -> bool:
    """Whether a call failed before anything left: only then may a submission be repeated."""
    import httpx  # noqa: PLC0415

    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError)
