"""Fake Beatoven server, by `docs/api-notes/beatoven.md`. Its files are on another host."""

from __future__ import annotations

import re
import tempfile
import uuid
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from tests.fakes.click_model import click_track, write
from tests.fakes.server import Reply, Seen, Server, Site

KEY = "Fake_BeatovenKey0123456789"
RATE = 44_100
LONGER = Fraction(17, 10)
"""Seconds that a track is longer than asked for: it keeps to the length about."""

CLICKS = {
    "track": Fraction(1, 4),
    "bass": Fraction(2, 4),
    "chords": Fraction(3, 4),
    "melody": Fraction(4, 4),
    "percussion": Fraction(5, 4),
}
"""The click of each file in seconds, by which the tests distinguish them."""

MIME = {"wav": "audio/wav", "mp3": "audio/mpeg", "aac": "audio/mp4"}


class Beatoven(Site):
    """The API, with its other host in `files`. A test sets its attributes.

    `steps`: a task's statuses before its end. `ends`: the last one, with `failure` beside it. `stems`: those that a track has; None
    leaves `stems_url` out. `lacking`: parts whose file is not there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.files_url = ""
        self.tasks: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self.steps: tuple[str, ...] = ("started", "composing", "composing", "running")
        self.ends, self.failure = "composed", {"error": "the composer crashed"}
        self.stems: tuple[str, ...] | None = ("bass", "chords", "melody", "percussion")
        self.lacking: tuple[str, ...] = ()
        self.signatures: set[str] = set()
        self.before = self._authorized
        for method, path, handler in (
            ("POST", "/api/v1/tracks/compose", self._compose),
            ("GET", "/api/v1/tasks/{name}", self._task),
        ):
            self.route(method, path)(handler)
        self.files = Site()
        self.files.route("GET", "/{task}/{name}")(self._deliver)

    @staticmethod
    def _authorized(seen: Seen) -> Reply | None:
        return None if seen.headers.get("authorization") == f"Bearer {KEY}" else Reply(401, {"error": "Unauthorized"})

    def _compose(self, seen: Seen) -> Reply:
        given = seen.json
        wrong = (
            not isinstance(given, dict)
            or set(given) - {"prompt", "format", "looping"}
            or not isinstance(given.get("prompt"), dict)
            or set(given["prompt"]) != {"text"}
            or not str(given["prompt"]["text"]).strip()
            or given.get("format", "wav") not in MIME
            or not isinstance(given.get("looping", False), bool)
        )
        if wrong or seen.headers.get("content-type") != "application/json":
            return Reply(400, {"error": "Bad request: prompt.text, format (mp3, aac, wav), looping"})
        name = f"{uuid.uuid4()}_1"
        self.tasks[name] = given
        return Reply(200, {"status": "started", "task_id": name})

    def _task(self, seen: Seen, name: str) -> Reply:
        if name not in self.tasks:
            return Reply(404, {"error": "Task not found"})
        look = self.looks[name] = self.looks.get(name, -1) + 1
        if look < len(self.steps):
            return Reply(200, {"status": self.steps[look], "meta": {}})
        if self.ends != "composed":
            return Reply(200, {"status": self.ends, **self.failure})
        signature = uuid.uuid4().hex
        self.signatures.add(signature)

        def address(part: str) -> str:
            return f"{self.files_url}/{name}/{part}.{self.tasks[name].get('format', 'wav')}?X-Amz-Signature={signature}"

        meta = {
            "project_id": str(uuid.uuid4()),
            "track_id": name.partition("_")[0],
            "prompt": self.tasks[name]["prompt"],
            "version": 1,
            "track_url": address("track"),
        }
        if self.stems is not None:
            meta["stems_url"] = {stem: address(stem) for stem in self.stems}
        return Reply(200, {"status": "composed", "meta": meta})

    def expire(self) -> None:
        """Let every address end that was given out so far."""
        self.signatures.clear()

    def _deliver(self, seen: Seen, task: str, name: str) -> Reply:
        part, _, kind = name.partition(".")
        if "authorization" in seen.headers:
            return Reply(400, b"<Error><Message>Only one auth mechanism allowed</Message></Error>")
        if seen.query.get("X-Amz-Signature") not in self.signatures:
            return Reply(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
        if part in self.lacking:
            return Reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
        asked = re.search(r"(\d+) seconds?", self.tasks[task]["prompt"]["text"])
        seconds = (Fraction(asked[1]) if asked else Fraction(30)) + LONGER
        with tempfile.TemporaryDirectory() as folder:
            track = click_track([CLICKS[part]], seconds, RATE)
            content = write(track, RATE, "mp4" if kind == "aac" else kind, Path(folder)).read_bytes()
        return Reply(200, content, {"content-type": MIME[kind]})


class Hosts:
    """The API and its other host, each on a socket of its own: `with Hosts() as hosts: hosts.api.url`."""

    def __init__(self) -> None:
        self.beatoven = Beatoven()
        self.api, self.files = Server(self.beatoven), Server(self.beatoven.files)

    def __enter__(self) -> Self:
        self.api.__enter__()
        self.files.__enter__()
        self.beatoven.files_url = self.files.url
        return self

    def __exit__(self, *error: object) -> None:
        self.files.__exit__(*error)
        self.api.__exit__(*error)

    @property
    def url(self) -> str:
        """What TRACKLAY_BEATOVEN_URL is set to."""
        return self.api.url
