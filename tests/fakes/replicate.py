"""Fake Replicate server, by `docs/api-notes/replicate.md`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes import mmaudio
from tests.fakes.server import Reply, Seen, Site

TOKEN = "r8_FakeToken0123456789abcdef"  # noqa: S105 - not a real one
VERSION = "0123456789abcdef" * 4
LARGEST_DATA_URI = 256_000
"""Characters."""
LARGEST_FILE = 100 << 20
PAGE = 2
"""Predictions on a page of the list: few, so that a test of a few sees pages."""

PROBLEM = {"content-type": "application/problem+json"}


class Replicate(Site):
    """The whole API for one model. A test sets its attributes.

    `ends`: the status that predictions end with. `error`: the message of a failed one. `credit`: whether the account has any.
    `deaf`: how many polls of a new prediction are answered with 404. `erased`: results are deleted. `output`: makes another
    shape of the output from the file's address. `steps`: the statuses before the end. `version`: the newest one's id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.predictions: dict[str, dict[str, Any]] = {}
        self.files: dict[str, tuple[bytes, str]] = {}
        self.results: dict[str, bytes] = {}
        self.looks: dict[str, int] = {}
        self.ends, self.error = "succeeded", "CUDA out of memory (E1001)"
        self.credit, self.erased, self.deaf = True, False, 0
        self.steps = ("starting", "processing")
        self.official, self.version = False, VERSION
        self.output: Any = lambda address: address
        self.before = self._authorized
        for method, path, handler in (
            ("GET", "/v1/account", self._account),
            ("GET", "/v1/models/zsxkib/mmaudio", self._model),
            ("GET", "/v1/models/zsxkib/mmaudio/versions/{version}", self._version),
            ("POST", "/v1/files", self._upload),
            ("GET", "/v1/files/{name}", self._file),
            ("POST", "/v1/predictions", self._create),
            ("GET", "/v1/predictions", self._list),
            ("GET", "/v1/predictions/{name}", self._get),
            ("POST", "/v1/predictions/{name}/cancel", self._cancel),
            ("GET", "/delivery/{name}", self._deliver),
        ):
            self.route(method, path)(handler)

    @staticmethod
    def _authorized(seen: Seen) -> Reply | None:
        if seen.headers.get("authorization") in (f"Bearer {TOKEN}", f"Token {TOKEN}"):
            return None
        message = "You did not pass a valid authentication token"
        return Reply(401, {"title": "Unauthenticated", "detail": message, "status": 401}, PROBLEM)

    @staticmethod
    def _here(seen: Seen) -> str:
        return f"http://{seen.headers['host']}"

    def _account(self, seen: Seen) -> Reply:
        return Reply(200, {"type": "user", "username": "ada", "name": "Ada", "github_url": "https://github.com/ada"})

    def _version_body(self) -> dict[str, Any]:
        schemas = {
            "Input": {"type": "object", "properties": mmaudio.PROPERTIES},
            "Output": {"type": "string", "format": "uri", "title": "Output"},
        }
        return {
            "id": self.version,
            "created_at": "2025-01-01T00:00:00.000Z",
            "cog_version": "0.14.0",
            "openapi_schema": {"components": {"schemas": schemas}},
        }

    def _model(self, seen: Seen) -> Reply:
        return Reply(
            200,
            {
                "url": "https://replicate.com/zsxkib/mmaudio",
                "owner": "zsxkib",
                "name": "mmaudio",
                "description": "Sound for a video",
                "visibility": "public",
                "github_url": None,
                "paper_url": None,
                "license_url": None,
                "run_count": 1,
                "is_official": self.official,
                "cover_image_url": None,
                "default_example": None,
                "latest_version": self._version_body(),
            },
        )

    def _version(self, seen: Seen, version: str) -> Reply:
        return (
            Reply(200, self._version_body())
            if version == self.version
            else Reply(404, {"detail": "Not found"}, PROBLEM)
        )

    def _upload(self, seen: Seen) -> Reply:
        if "content" not in seen.parts:
            return Reply(400, {"detail": "missing part: content", "status": 400}, PROBLEM)
        name, kind, content = seen.parts["content"]
        if not name or len(name.encode()) > 255:
            return Reply(400, {"detail": "a file needs a name of at most 255 bytes", "status": 400}, PROBLEM)
        if len(content) > LARGEST_FILE:
            return Reply(413, b"<html><head><title>413 Request Entity Too Large</title></head></html>")
        key = uuid.uuid4().hex
        self.files[key] = content, kind
        now = datetime.now(UTC)
        body = {
            "id": key,
            "name": name,
            "content_type": kind,
            "size": len(content),
            "etag": key,
            "checksums": {"sha256": "", "md5": ""},
            "metadata": {},
            "created_at": _iso(now),
            "expires_at": _iso(now + timedelta(days=1)),
            "urls": {"get": f"{self._here(seen)}/v1/files/{key}"},
        }
        return Reply(201, body)

    def _file(self, seen: Seen, name: str) -> Reply:
        return Reply(200, self.files[name][0]) if name in self.files else Reply(404, {"detail": "Not found"}, PROBLEM)

    def _create(self, seen: Seen) -> Reply:  # noqa: PLR0911 - one way for each refusal
        sent = seen.json
        if not isinstance(sent, dict):
            return Reply(400, {"detail": "Failed to parse request body as JSON: EOF", "status": 400}, PROBLEM)
        if not self.credit:
            message = (
                "You have insufficient credit to run this model. Go to billing to buy credit, and wait a few minutes."
            )
            return Reply(402, {"title": "Insufficient credit", "detail": message, "status": 402}, PROBLEM)
        if set(sent) - {"version", "input", "webhook", "webhook_events_filter", "stream"}:
            return Reply(400, {"detail": "Additional body property", "status": 400}, PROBLEM)
        if sent.get("version") not in (
            self.version,
            f"zsxkib/mmaudio:{self.version}",
            *(["zsxkib/mmaudio"] if self.official else []),
        ):
            message = "The specified version does not exist (or perhaps you don't have permission to use it?)"
            return Reply(422, {"title": "Invalid version or not permitted", "detail": message, "status": 422}, PROBLEM)
        wrong = mmaudio.problems(sent.get("input", {}))
        if wrong:
            fields = [{"type": each.kind, "field": each.field, "description": each.words} for each in wrong]
            message = "".join(f"- {each.field + ': ' if each.field else ''}{each.words}\n" for each in wrong)
            body = {"title": "Input validation failed", "detail": message, "status": 422, "invalid_fields": fields}
            return Reply(422, body, PROBLEM)
        for name in ("video", "image"):
            address = sent["input"].get(name, "")
            if address.startswith("data:") and len(address) > LARGEST_DATA_URI:
                return Reply(400, {"detail": "Failed to parse request body as JSON: EOF", "status": 400}, PROBLEM)
        key = uuid.uuid4().hex[:26]
        here = f"{self._here(seen)}/v1/predictions/{key}"
        self.predictions[key] = {
            "id": key,
            "model": "zsxkib/mmaudio",
            "version": self.version,
            "input": sent["input"],
            "logs": "",
            "output": None,
            "error": None,
            "status": "starting",
            "created_at": _iso(datetime.now(UTC)),
            "urls": {"get": here, "cancel": f"{here}/cancel"},
        }
        self.looks[key] = 0
        return Reply(201, self.predictions[key])

    def _list(self, seen: Seen) -> Reply:
        start = int(seen.query.get("cursor", 0))
        newest_first = list(self.predictions.values())[::-1]
        more = f"{self._here(seen)}/v1/predictions?cursor={start + PAGE}" if len(newest_first) > start + PAGE else None
        return Reply(200, {"next": more, "previous": None, "results": newest_first[start : start + PAGE]})

    def _get(self, seen: Seen, name: str) -> Reply:
        if name not in self.predictions:
            return Reply(404, {"detail": "Not found"}, PROBLEM)
        prediction = self.predictions[name]
        self.looks[name] += 1
        look = self.looks[name] - 1
        if look < self.deaf:
            return Reply(404, {"detail": "Not found"}, PROBLEM)
        look -= self.deaf
        if prediction["status"] in ("starting", "processing"):
            if look < len(self.steps):
                prediction["status"] = self.steps[look]
                if prediction["status"] == "processing":
                    prediction["logs"] = (
                        f"Using seed: {self._seed(prediction)}\n  0%|          | 0/25\r\n 40%|####      | 10/25 [00:01<00:02]\n"
                    )
            else:
                self._end(prediction, self._here(seen))
        if self.erased and prediction["output"]:
            prediction.update(output=None, input={}, logs=None, data_removed=True)
        return Reply(200, prediction)

    @staticmethod
    def _seed(prediction: dict[str, Any]) -> int:
        seed = prediction["input"].get("seed", -1)
        return 4242 if seed == -1 else int(seed)

    def _end(self, prediction: dict[str, Any], here: str) -> None:
        prediction["status"], prediction["completed_at"] = self.ends, _iso(datetime.now(UTC))
        if self.ends == "failed":
            prediction["error"] = self.error
        if self.ends in ("failed", "canceled"):
            # The time until then is billed, and reported.
            prediction["metrics"] = {"predict_time": 3.2, "total_time": 4.0}
        if self.ends != "succeeded":
            return
        given = prediction["input"]
        video, image = (self._content(given.get(name, "")) for name in ("video", "image"))
        content, kind = mmaudio.make(video, given.get("duration", 8), image=image)
        self.results[f"{prediction['id']}.{kind}"] = content
        prediction["output"] = self.output(f"{here}/delivery/{prediction['id']}.{kind}")
        prediction["metrics"] = {"predict_time": 3.2, "total_time": 4.0}

    def _content(self, address: str) -> bytes | None:
        if not address:
            return None
        return (
            mmaudio.from_data_uri(address) if address.startswith("data:") else self.files[address.rpartition("/")[2]][0]
        )

    def _cancel(self, seen: Seen, name: str) -> Reply:
        if name not in self.predictions:
            return Reply(404, {"detail": "Not found"}, PROBLEM)
        prediction = self.predictions[name]
        if prediction["status"] in ("starting", "processing"):
            prediction["status"] = "canceled"
        return Reply(200, prediction)

    def _deliver(self, seen: Seen, name: str) -> Reply:
        if name not in self.results or self.erased:
            return Reply(404, b"<html><title>404 Not Found</title></html>")
        content, etag = self.results[name], f'"{name}"'
        asked = seen.headers.get("range", "")
        if asked.startswith("bytes=") and seen.headers.get("if-range", etag) == etag:
            first = int(asked[6:].partition("-")[0])
            part = f"bytes {first}-{len(content) - 1}/{len(content)}"
            return Reply(206, content[first:], {"etag": etag, "content-range": part})
        return Reply(200, content, {"etag": etag, "accept-ranges": "bytes"})


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
