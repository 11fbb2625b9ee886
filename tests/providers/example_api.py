"""An example API of a few routes, for the tests of the modules under the providers."""

from __future__ import annotations

from tracklay.providers.http import Api

from tests.fakes.server import Reply, Site
from tests.providers.provider_flow import FakeSleep, fast_policy

BLOB = bytes(range(256)) * 2000


class ExampleSite(Site):
    """Serves one file and a few JSON routes. `etag` identifies the file's content; `ranges` allows partial downloads."""

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


def api(server, sleep: FakeSleep | None = None, attempt_seconds: float = 10.0, **more) -> Api:
    """Return the `Api` of a server."""
    return Api("Example", (server.url,), retry_policy=fast_policy(sleep, attempt_seconds), **more)
