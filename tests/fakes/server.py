"""Runs a fake server (an ASGI application) on a loopback socket in its own thread, records every request, and fails on demand.

h11 parses the requests. Broken responses are written by hand, because h11 sends only correct ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.parser
import email.policy
import json
import re
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

READ_SIZE = 1 << 16
LONGEST_DELAY = 20.0
"""Seconds after which a delayed response ends although the client still waits: longer than any test's timeout."""

DRIPS = 20
"""Parts of a dripping response, sent DRIP_PAUSE seconds apart."""
DRIP_PAUSE = 0.05


@dataclass(frozen=True)
class Fault:
    """One failure of one response.

    `delay`: the request is not served, and nothing is sent until the client closes the connection. `delay-after`: it is served, and
    nothing is sent. `reset`: the connection breaks before the request is served. `reset-after`: it is served, then the connection
    breaks. `truncate`: half of the body, then the end. `longer`: the declared length exceeds the body. `half-json`: half of the
    body, declared as all of it. `empty`: the status without a body. `drip`: a few bytes at a time, slowly. `answer`: not served;
    `status`, `headers` and `body` are sent instead. `redirect`: not served; redirects to `to`.
    """

    how: Literal[
        "delay",
        "delay-after",
        "reset",
        "reset-after",
        "truncate",
        "longer",
        "half-json",
        "empty",
        "drip",
        "answer",
        "redirect",
    ]
    status: int = 502
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    to: str = ""


BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
HTML_502 = Fault("answer", 502, (("content-type", "text/html"),), BAD_GATEWAY)
THROTTLED = Fault("answer", 429, (("content-type", "application/json"),), b'{"detail":"Request was throttled."}')
THROTTLED_SECONDS = Fault("answer", 429, (("retry-after", "7"),), b'{"detail":"Request was throttled."}')
THROTTLED_DATE = Fault("answer", 429, (("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT"),), b"slow down")
EMPTY_202 = Fault("empty", 202)


@dataclass(frozen=True)
class Seen:
    """A received request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    raw: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """The body parsed as JSON, or None."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def parts(self) -> dict[str, tuple[str | None, str, bytes]]:
        """The multipart parts: name to (file name, content type, bytes)."""
        head = f"Content-Type: {self.headers.get('content-type', '')}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
        found = {}
        for part in message.iter_parts() if message.is_multipart() else ():
            name = part.get_param("name", header="content-disposition")
            found[str(name)] = (part.get_filename(), part.get_content_type(), bytes(part.get_payload(decode=True)))
        return found


@dataclass(frozen=True)
class Reply:
    """A handler's response: `body` is sent as JSON unless it is bytes."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[..., Reply | Awaitable[Reply]]


class Site:
    """An ASGI application of routes: `@site.route("GET", "/v1/jobs/{id}")` on a function of the request and the path's parts."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self.before: Callable[[Seen], Reply | None] = lambda seen: None

    def route(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Serve requests of a path; `{name}` is one of its parts, `{name:path}` the rest of it."""
        pattern = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+)", path)
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)

        def keep(handler: Handler) -> Handler:
            self._routes.append((method, re.compile(pattern), handler))
            return handler

        return keep

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Serve one call (ASGI 3)."""
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode()))
        seen = Seen(scope["method"], scope["path"], query, headers, body, b"")
        reply = self.before(seen) or await self._serve(seen, receive)
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        sent = dict(reply.headers)
        if not isinstance(reply.body, bytes):
            sent.setdefault("content-type", "application/json")
        sent["content-length"] = str(len(content))
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
            }
        )
        await send({"type": "http.response.body", "body": content})

    async def _serve(self, seen: Seen, receive: Callable[[], Awaitable[Any]]) -> Reply:
        for method, pattern, handler in self._routes:
            if method == seen.method and (match := pattern.fullmatch(seen.path)):
                result = handler(seen, **match.groupdict())
                if isinstance(result, Reply):
                    return result
                return await self._until_gone(result, receive)
        return Reply(404, {"detail": "Not found"})

    @staticmethod
    async def _until_gone(result: Awaitable[Reply], receive: Callable[[], Awaitable[Any]]) -> Reply:
        """Wait for the reply. A client that disconnects cancels it, as in a server that watches its connections."""
        work, gone = asyncio.ensure_future(result), asyncio.ensure_future(receive())
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not work.done():
            work.cancel()
        return await work


class Server:
    """A fake server on a socket: `with Server(site) as server: server.url`. `requests` are all requests received, in order."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.requests: list[Seen] = []
        self._faults: list[tuple[str, re.Pattern[str], Fault]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._connection, "127.0.0.1", 0), self._loop
        ).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *error: object) -> None:
        async def end() -> None:
            self._server.close()
            # A connection that was accepted a moment ago gets its task in the next turns of the loop. Cancelled before it began, it
            # would leave a socket open, whose warning fails whichever test runs then.
            for _ in range(5):
                await asyncio.sleep(0)
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # Also of connections that have ended: one whose last reply was not read is still open.
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def go_wrong(self, call: str, *faults: Fault) -> None:
        """Make the next requests of `METHOD path` (a regular expression of the whole path) fail, one fault each."""
        method, _, path = call.partition(" ")
        self._faults += [(method, re.compile(path), fault) for fault in faults]

    def calls(self, call: str) -> list[Seen]:
        """Return the requests of `METHOD path`, a regular expression of the whole path."""
        method, _, path = call.partition(" ")
        return [seen for seen in self.requests if seen.method == method and re.fullmatch(path, seen.path)]

    def _fault(self, seen: Seen) -> Fault | None:
        for entry in self._faults:
            method, path, fault = entry
            if method == seen.method and path.fullmatch(seen.path):
                self._faults.remove(entry)
                return fault
        return None

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            connection = h11.Connection(h11.SERVER)
            early = bytearray()
            while await self._exchange(connection, reader, writer, early):
                connection.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError):
            pass
        finally:
            writer.close()

    async def _exchange(
        self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, early: bytearray
    ) -> bool:
        """Serve one request; return whether the connection can be used again."""
        request, body, raw = None, b"", b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                data = bytes(early) + await reader.read(READ_SIZE)
                early.clear()
                raw += data
                connection.receive_data(data)
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        assert request is not None
        target = urlsplit(request.target.decode())
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        seen = Seen(request.method.decode(), unquote(target.path), dict(parse_qsl(target.query)), headers, body, raw)
        self.requests.append(seen)
        fault = self._fault(seen)
        gone = asyncio.ensure_future(reader.read(1))
        try:
            return await self._answer(connection, writer, seen, target.query, request, fault, gone)
        finally:
            # This read waits for a disconnect, and may have read the next request's first byte instead.
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                early += await gone

    async def _answer(self, connection, writer, seen, query, request, fault, gone) -> bool:  # noqa: PLR0911, PLR0912
        how = fault.how if fault else ""
        if how == "reset":
            return _reset(writer)
        if how == "delay":
            await asyncio.wait({gone}, timeout=LONGEST_DELAY)
            return False
        if how in ("answer", "redirect"):
            status, headers, body = (
                (fault.status, fault.headers, fault.body) if how == "answer" else (302, (("location", fault.to),), b"")
            )
            headers = [(k.encode(), v.encode()) for k, v in headers] + [(b"content-length", str(len(body)).encode())]
        else:
            status, headers, body = await self._served(seen, query, request, gone)
        if how == "reset-after":
            return _reset(writer)
        if how == "delay-after":
            await asyncio.wait({gone}, timeout=LONGEST_DELAY)
            return False
        if how == "empty":
            status, body = fault.status if fault.status != 502 else status, b""
        if how == "half-json":
            body = body[: len(body) // 2]
        if how in ("empty", "half-json"):
            headers = [(k, v) for k, v in headers if k.lower() != b"content-length"] + [
                (b"content-length", str(len(body)).encode())
            ]
        if how == "longer":
            headers = [(k, v) for k, v in headers if k.lower() != b"content-length"] + [
                (b"content-length", str(len(body) + 99).encode())
            ]
        head = connection.send(h11.Response(status_code=status, headers=headers))
        writer.write(head or b"")
        if how in ("truncate", "longer"):
            writer.write(body[: len(body) // 2] if how == "truncate" else body)
            await writer.drain()
            return False
        if how == "drip":
            step = max(1, len(body) // DRIPS)
            for start in range(0, len(body), step):
                writer.write(body[start : start + step])
                await writer.drain()
                await asyncio.sleep(DRIP_PAUSE)
            return False
        if seen.method != "HEAD" and body:
            writer.write(connection.send(h11.Data(data=body)) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        return connection.our_state is h11.DONE

    async def _served(self, seen: Seen, query: str, request: h11.Request, gone: asyncio.Future[bytes]):
        """Return the application's complete response."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": seen.method,
            "scheme": "http",
            "path": seen.path,
            "query_string": query.encode(),
            "headers": [(name.lower(), value) for name, value in request.headers],
        }
        given = [{"type": "http.request", "body": seen.body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> Any:
            if given:
                return given.pop()
            await asyncio.wait({gone})
            return {"type": "http.disconnect"}

        async def send(event: Any) -> None:
            sent.append(event)

        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            if gone.done():
                raise ConnectionError from None
            raise
        body = b"".join(event.get("body", b"") for event in sent[1:])
        return sent[0]["status"], list(sent[0]["headers"]), body


def _reset(writer: asyncio.StreamWriter) -> bool:
    """Break the connection as a crashed server does: with a reset instead of an end of stream."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


def foreign() -> Server:
    """Return the server of another party: it answers every request and records what it receives."""
    site = Site()
    for method in ("GET", "POST", "PUT", "DELETE"):
        site.route(method, "/{rest:path}")(lambda seen, rest: Reply(200, {"foreign": True}))
    return Server(site)
