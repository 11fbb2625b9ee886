"""The built-in sketch engine as a provider: no network, no key, no cost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ..cue import Cost
from ..version import VERSION
from ..worker import WorkerProcess
from .base import JobHandle, JobProgress, Output, Provider, Request, Submission


class Sketch(Provider):
    """Runs the engine in a process of its own, so that it cannot block Blender. The handle contains the whole request."""

    name = "sketch"
    submit_mode = "collect"
    caches_output = False

    async def prepare(self, request: Request) -> Submission:
        """Store the request itself; nothing is uploaded."""
        proxy = request.proxy
        data: dict[str, Any] = {
            "endpoint": request.model.endpoint,
            "proxy": str(proxy.path) if proxy else None,
            "samples": request.samples,
            "prompt": request.prompt,
            "negative": request.negative,
            "seed": request.seed,
            "params": dict(request.params),
            "hits": [hit.to_list() for hit in request.hits],
        }
        return Submission.new(self.name, data)

    async def submit(self, submission: Submission) -> JobHandle:
        """Return the handle; `collect` does the work."""
        return JobHandle(self.name, submission.id, submission.data)

    async def poll(self, handle: JobHandle) -> JobProgress:  # noqa: ARG002 - the shape of every provider
        """Report done, so that `collect` begins."""
        return JobProgress("done")

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Generate the sound."""
        data = dict(handle.data)
        worker = WorkerProcess("sketch.engine:generate_audio", {**data, "folder": str(folder)})
        try:
            output = await asyncio.to_thread(worker.result)
        finally:
            worker.kill()
        stems = {name: Path(path) for name, path in output["stems"].items()}
        cost = Cost("0", "USD", estimated=False)
        return Output(
            Path(output["file"]),
            data["seed"],
            VERSION,
            cost,
            stems,
            output["understood"],
            notes=tuple(output["notes"]),
        )

    async def cancel(self, handle: JobHandle) -> bool:  # noqa: ARG002
        """Return True: cancelling the task of `collect` ends the process."""
        return True


def create_provider() -> Provider:
    """Return the provider."""
    return Sketch()
