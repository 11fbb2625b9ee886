"""Fake Mirelo server, version 2, by `docs/api-notes/mirelo.md`. Its files are on another host."""

from __future__ import annotations

import tempfile
import uuid
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from tests.fakes.click_model import click_track, flashes, write
from tests.fakes.server import Reply, Seen, Server, Site

KEY = "sk-fake-mirelo-0123456789"
RATE = 44_100
CREDITS_PER_SECOND = 2
CLICK = Fraction(1, 4)
"""The click of a sound without a picture, in seconds."""


class Mirelo(Site):
    """The API, with its other host in `files`. A test sets its attributes.

    `steps`: percentages that a job shows before its end. `fails`: the error of every job. `balance`: the account's credits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.files_url = ""
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self.assets: dict[str, bytes] = {}
        self.promised: dict[str, str] = {}
        self.signatures: dict[str, str] = {}
        self.steps: tuple[int, ...] = (0, 60)
        self.fails: dict[str, Any] | None = None
        self.balance = 120
        self.before = self._authorized
        for method, path, handler in (
            ("GET", "/v2/me", self._me),
            ("POST", "/v2/assets", self._asset),
            ("GET", "/v2/{kind}/v1.5/preflight", self._preflight),
            ("POST", "/v2/{kind}/v1.5/jobs", self._submit),
            ("GET", "/v2/{kind}/v1.5/jobs/{name}", self._job),
        ):
            self.route(method, path)(handler)
        self.files = Site()
        self.files.route("PUT", "/upload/{name}")(self._put)
        self.files.route("GET", "/results/{name}/{number}.wav")(self._deliver)

    @staticmethod
    def _authorized(seen: Seen) -> Reply | None:
        return None if seen.headers.get("authorization") == f"Bearer {KEY}" else _error(401, "unauthorized", "No key")

    def _me(self, seen: Seen) -> Reply:
        account = {"id": "user_1", "email": "ada@example.com", "overage_enabled": False}
        return Reply(200, {**account, "credits_available": self.balance})

    def _asset(self, seen: Seen) -> Reply:
        if set(seen.json or {}) != {"content_type"}:
            return _error(422, "invalid_request", "content_type is required")
        name = f"asset_{uuid.uuid4().hex}"
        self.promised[name] = seen.json["content_type"]
        return Reply(200, {"asset_id": name, "upload_url": f"{self.files_url}/upload/{name}?X-Amz-Signature=1"})

    def _put(self, seen: Seen, name: str) -> Reply:
        if "authorization" in seen.headers or self.promised.get(name) != seen.headers.get("content-type"):
            return Reply(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        self.assets[name] = seen.body
        return Reply(200)

    def _preflight(self, seen: Seen, kind: str) -> Reply:
        duration = int(seen.query.get("duration_ms", 10_000))
        samples = int(seen.query.get("num_samples", 1))
        if not 1000 <= duration <= 600_000 or not 1 <= samples <= 4:
            return _error(422, "invalid_request", "duration_ms or num_samples out of range")
        return Reply(200, {"credits": duration * CREDITS_PER_SECOND * samples / 1000, "estimated_ms": 4000})

    def _submit(self, seen: Seen, kind: str) -> Reply:
        given = seen.json
        known = {"video-to-sfx": {"video", "start_offset_ms", "output"}, "text-to-sfx": {"prompt"}}.get(kind, set())
        demanded = {"video-to-sfx": {"duration_ms", "video"}, "text-to-sfx": {"prompt"}}.get(kind, set())
        if not isinstance(given, dict) or set(given) - known - {"duration_ms", "num_samples"} or demanded - set(given):
            return _error(422, "invalid_request", "Unknown or missing field")
        if not isinstance(given.get("duration_ms", 1000), int) or not 1000 <= given.get("duration_ms", 1000) <= 600_000:
            return _error(422, "invalid_request", "duration_ms must be an integer from 1000 to 600000")
        if "video" in given and given["video"].get("asset_id") not in self.assets:
            return _error(422, "invalid_video", "No such asset")
        if self.balance < given.get("duration_ms", 10_000) * CREDITS_PER_SECOND / 1000:
            return _error(402, "insufficient_credits", "Not enough credits")
        name = f"job_{uuid.uuid4().hex}"
        self.jobs[name] = given
        return Reply(202, {"job_id": name, "estimated_ms": 4000, "job_url": f"/v2/{kind}/v1.5/jobs/{name}"})

    def _job(self, seen: Seen, kind: str, name: str) -> Reply:
        if name not in self.jobs:
            return _error(404, "not_found", "No such job")
        look = self.looks[name] = self.looks.get(name, -1) + 1
        if look < len(self.steps):
            soon = "2026-12-01T00:00:00Z"
            return Reply(
                200, {"status": "processing", "progress_percent": self.steps[look], "estimated_completion_at": soon}
            )
        if self.fails:
            return Reply(200, {"status": "errored", "error": self.fails})
        self.signatures[name] = uuid.uuid4().hex
        urls = [
            f"{self.files_url}/results/{name}/{number}.wav?X-Amz-Signature={self.signatures[name]}"
            for number in range(self.jobs[name].get("num_samples", 1))
        ]
        return Reply(200, {"status": "succeeded", "result": {"result_urls": urls}})

    def _deliver(self, seen: Seen, name: str, number: str) -> Reply:
        if "authorization" in seen.headers:
            return Reply(400, b"<Error><Message>Only one auth mechanism allowed</Message></Error>")
        if seen.query.get("X-Amz-Signature") != self.signatures.get(name):
            return Reply(403, b"<Error><Code>AccessDenied</Code></Error>")
        given = self.jobs[name]
        with tempfile.TemporaryDirectory() as folder:
            times = [CLICK]
            if "video" in given:
                video = Path(folder) / "video.mp4"
                video.write_bytes(self.assets[given["video"]["asset_id"]])
                times = flashes(video)
            track = click_track(times, Fraction(given.get("duration_ms", 10_000), 1000), RATE)
            return Reply(200, write(track, RATE, "wav", Path(folder)).read_bytes(), {"content-type": "audio/wav"})


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"error": {"code": code, "message": message}})


class Hosts:
    """The API and its other host, each on a socket of its own: `with Hosts() as hosts: hosts.api.url`."""

    def __init__(self) -> None:
        self.mirelo = Mirelo()
        self.api, self.files = Server(self.mirelo), Server(self.mirelo.files)

    def __enter__(self) -> Self:
        self.api.__enter__()
        self.files.__enter__()
        self.mirelo.files_url = self.files.url
        return self

    def __exit__(self, *error: object) -> None:
        self.files.__exit__(*error)
        self.api.__exit__(*error)

    @property
    def url(self) -> str:
        """What TRACKLAY_MIRELO_URL is set to."""
        return self.api.url
