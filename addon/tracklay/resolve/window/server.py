"""Serves the window on loopback. Only the browser that has its one-time token may talk to it, and only from the window's own page.

The token is in the address's fragment, which no browser sends or logs; the page exchanges it for a key once. Requests with another `Host`
or `Origin` are refused, so that neither a foreign page nor a name that resolves to this machine reaches Resolve.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
import time
import webbrowser
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import settings
from ...errors import TracklayError
from .session import WindowSession

if TYPE_CHECKING:
    from fusionscript import Resolve

LOOPBACK = "127.0.0.1"

PAGE_FOLDER = Path(__file__).parent / "page"

PAGES = {
    "/": ("window.html", "text/html; charset=utf-8"),
    "/window.css": ("window.css", "text/css; charset=utf-8"),
    "/window.js": ("window.js", "text/javascript; charset=utf-8"),
}

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src blob:; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

KEY_HEADER = "X-Tracklay-Key"

MAX_REQUEST_BYTES = 1 << 20
"""Bytes of a request: a prompt and a few hundred names of clips."""

IDLE_SECONDS = 300
"""Time after the page's last request until the server ends, unless takes are being generated."""

AUDIO_PATH = re.compile(r"/api/takes/(\d{1,9})/audio")


class WindowServer(ThreadingHTTPServer):
    """The server of one window. `address` opens it, once."""

    daemon_threads = True

    def __init__(self, session: WindowSession) -> None:
        super().__init__((LOOPBACK, 0), WindowRequest)
        self.session = session
        self.settings = settings.current()
        self.token, self.key = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.lock = threading.Lock()
        self.last_request = time.monotonic()

    @property
    def origin(self) -> str:
        """The origin of the window's page."""
        return f"http://{LOOPBACK}:{self.server_port}"

    @property
    def address(self) -> str:
        """The address of the window, with its token."""
        return f"{self.origin}/#{self.token}"

    def exchange_token(self, token: str) -> str | None:
        """Return the key for the token, and forget the token; None if it is not the token, or was used."""
        with self.lock:
            if not self.token or not hmac.compare_digest(token.encode(), self.token.encode()):
                return None
            self.token = ""
            return self.key

    def is_idle(self) -> bool:
        """Return True if the page is gone and nothing is generated any more."""
        return time.monotonic() - self.last_request > IDLE_SECONDS and not self.session.is_busy


class WindowRequest(BaseHTTPRequestHandler):
    """One request of the page."""

    server: WindowServer
    server_version, sys_version = "Tracklay", ""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing: standard error is the user's."""

    def do_GET(self) -> None:
        if not self._is_from_here(needs_origin=False):
            return
        if (page := PAGES.get(self.path)) is not None:
            name, kind = page
            self._send(HTTPStatus.OK, (PAGE_FOLDER / name).read_bytes(), kind)
        elif self._has_key():
            self._answer(self._get)

    def do_POST(self) -> None:
        if not self._is_from_here(needs_origin=True):
            return
        body = self._read_body()
        if body is None:
            self._send_error(HTTPStatus.BAD_REQUEST, "Not a request of this window.")
        elif self.path == "/api/session":
            key = self.server.exchange_token(str(body.get("token", "")))
            if key is None:
                self._send_error(
                    HTTPStatus.FORBIDDEN, "This address works once. Open Tracklay from Resolve's menu again."
                )
            else:
                self._send_json({"key": key})
        elif self._has_key():
            self._answer(lambda: self._post(body))

    def _is_from_here(self, *, needs_origin: bool) -> bool:
        """Return whether the request is for this server by its own name, and from its own page. Refuse it otherwise."""
        origin = self.headers.get("Origin")
        is_own = origin == self.server.origin or (origin is None and not needs_origin)
        if self.headers.get("Host") == self.server.origin.removeprefix("http://") and is_own:
            return True
        self._send_error(HTTPStatus.FORBIDDEN, "Not from this window.")
        return False

    def _has_key(self) -> bool:
        if hmac.compare_digest(self.headers.get(KEY_HEADER, "").encode(), self.server.key.encode()):
            self.server.last_request = time.monotonic()
            return True
        self._send_error(HTTPStatus.FORBIDDEN, "This window has no key. Open Tracklay from Resolve's menu again.")
        return False

    def _read_body(self) -> Mapping[str, Any] | None:
        try:
            length = int(self.headers.get("Content-Length", "0"))
            if not 0 <= length <= MAX_REQUEST_BYTES or self.headers.get_content_type() != "application/json":
                return None
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError:
            return None
        return body if isinstance(body, dict) else None

    def _answer(self, act: Callable[[], Any]) -> None:
        """Send what a step returns, or its error as a sentence."""
        with settings.active(self.server.settings):
            try:
                result = act()
            except TracklayError as error:
                self._send_error(HTTPStatus.UNPROCESSABLE_ENTITY, self.server.session.describe(error))
                return
        if isinstance(result, Path):
            self._send_file(result)
        elif result is None:
            self._send_error(HTTPStatus.NOT_FOUND, "No such page.")
        else:
            self._send_json(result)

    def _get(self) -> Any:
        session = self.server.session
        if match := AUDIO_PATH.fullmatch(self.path):
            return session.take_file(int(match[1]))
        if self.path == "/api/models":
            return session.list_models()
        return session.to_dict() if self.path == "/api/state" else None

    def _post(self, body: Mapping[str, Any]) -> Any:
        session = self.server.session
        take = body.get("take")
        number = take if isinstance(take, int) else 0
        actions: dict[str, Callable[[], Any]] = {
            "/api/refresh": lambda: session.refresh(str(body.get("scope") or "")),
            "/api/estimate": lambda: session.estimate(body),
            "/api/generate": lambda: {"takes": session.generate(body)},
            "/api/keep": lambda: {"notes": session.keep(number)},
            "/api/selftest": lambda: {"checks": session.test_resolve()},
            "/api/cancel": lambda: session.cancel(number),
            "/api/close": self._close,
        }
        return actions[self.path]() if self.path in actions else None

    def _close(self) -> dict[str, Any]:
        threading.Thread(target=self.server.shutdown, daemon=True).start()
        return {}

    def _send_json(self, value: Any) -> None:
        self._send(HTTPStatus.OK, json.dumps(value).encode(), "application/json")

    def _send_error(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True
        self._send(status, json.dumps({"error": message}).encode(), "application/json")

    def _send_file(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            self._send_error(HTTPStatus.NOT_FOUND, f"Cannot read {path.name}: {error.strerror}.")
            return
        self._send(HTTPStatus.OK, content, "audio/wav")

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def serve_window(
    resolve: Resolve,
    *,
    to: Path | None = None,
    opens_browser: bool = True,
    announce: Callable[[str], None],
    describe: Callable[[TracklayError], str] = str,
) -> None:
    """Serve the window until it is closed, or has been left alone.

    Args:
        resolve: the application.
        to: the folder of takes; None for that of the timeline.
        opens_browser: open the page in the system's browser.
        announce: prints the address for the user.
        describe: words an error.
    """
    session = WindowSession(resolve, to, describe)
    session.refresh()
    with WindowServer(session) as server:
        announce(server.address)
        if opens_browser:
            webbrowser.open(server.address)
        threading.Thread(target=_end_when_idle, args=(server,), daemon=True).start()
        server.serve_forever(poll_interval=0.2)


def _end_when_idle(server: WindowServer) -> None:
    while not server.is_idle():
        time.sleep(1)
    server.shutdown()
