"""Fake Cog container, by `docs/api-notes/cog.md`: one slot, a synchronous PUT, and a broken connection ends the run."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from tests.fakes import mmaudio
from tests.fakes.server import Reply, Seen, Site

MIME = {"mp4": "video/mp4", "flac": "audio/x-flac"}


class Cog(Site):
    """A container with MMAudio in it. A test sets its attributes.

    `starting`: how many health checks say so. `health`: what they say otherwise. `others`: how many calls find the place taken.
    `fails`: the model's error. `old`: answers as Cog 0.14 does when busy. `hold`: an event that a run waits for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.starting, self.health, self.others = 0, "READY", 0
        self.fails, self.old = "", False
        self.hold: asyncio.Event | None = None
        self.running: dict[str, asyncio.Task[Any]] = {}
        self.begun: list[str] = []
        self.dropped: list[str] = []
        for method, path, handler in (
            ("GET", "/health-check", self._health),
            ("POST", "/predictions", self._post),
            ("PUT", "/predictions/{name}", self._put),
            ("POST", "/predictions/{name}/cancel", self._cancel),
        ):
            self.route(method, path)(handler)

    def _health(self, seen: Seen) -> Reply:
        status = self.health
        if self.starting:
            self.starting -= 1
            status = "STARTING"
        elif status == "READY" and self.running:
            status = "BUSY"
        return Reply(
            200,
            {"status": status, "setup": {"status": "succeeded", "logs": "loading weights"}, "version": {"cog": "0.22"}},
        )

    async def _post(self, seen: Seen) -> Reply:
        return await self._predict(seen, str(seen.json.get("id", "made-up")))

    async def _put(self, seen: Seen, name: str) -> Reply:
        sent = seen.json
        if isinstance(sent, dict) and sent.get("id", name) != name:
            return Reply(
                422, {"detail": [{"loc": ["body", "id"], "msg": "must match the path", "type": "value_error"}]}
            )
        return await self._predict(seen, name)

    async def _predict(self, seen: Seen, name: str) -> Reply:  # noqa: PLR0911 - one way for each refusal
        sent = seen.json
        if not isinstance(sent, dict) or not isinstance(sent.get("input"), dict):
            return Reply(422, {"detail": [{"loc": ["body", "input"], "msg": "Field required", "type": "missing"}]})
        if self.health != "READY" or self.starting:
            return Reply(503, {"error": "not ready", "status": "failed"})
        if name in self.running:
            return Reply(202, {"id": name, "status": "processing"})
        if self.running or self.others:
            self.others = max(0, self.others - 1)
            busy = "At capacity - all prediction slots busy"
            return Reply(
                409, {"detail": "Already running a prediction"} if self.old else {"error": busy, "status": "failed"}
            )
        # Unknown inputs are dropped with a line in the log, not refused.
        given = {key: value for key, value in sent["input"].items() if key in mmaudio.PROPERTIES}
        wrong = mmaudio.problems(given)
        if wrong:
            detail = [{"loc": ["body", "input", each.field], "msg": each.words, "type": each.kind} for each in wrong]
            return Reply(422, {"detail": detail})
        task = asyncio.current_task()
        assert task is not None
        self.running[name] = task
        self.begun.append(name)
        try:
            return await self._work(name, given)
        except asyncio.CancelledError:
            if name not in self.running:
                return Reply(200, {"id": name, "logs": "", "status": "canceled", "metrics": {"predict_time": 0.1}})
            self.dropped.append(name)
            raise
        finally:
            self.running.pop(name, None)

    async def _work(self, name: str, given: dict[str, Any]) -> Reply:
        if self.hold:
            await self.hold.wait()
        metrics = {"predict_time": 3.2}
        if self.fails:
            return Reply(200, {"id": name, "error": self.fails, "logs": "", "status": "failed", "metrics": metrics})
        video, image = (mmaudio.from_data_uri(given[key]) if key in given else None for key in ("video", "image"))
        content, kind = mmaudio.make(video, given.get("duration", 8), image=image)
        seed = 4242 if given.get("seed", -1) == -1 else given["seed"]
        output = f"data:{MIME[kind]};base64,{base64.b64encode(content).decode()}"
        logs = f"Using seed: {seed}\n100%|##########| 25/25\n"
        return Reply(200, {"id": name, "output": output, "logs": logs, "status": "succeeded", "metrics": metrics})

    def _cancel(self, seen: Seen, name: str) -> Reply:
        task = self.running.pop(name, None)
        if task is None:
            return Reply(404, {})
        task.cancel()
        return Reply(200, {})
