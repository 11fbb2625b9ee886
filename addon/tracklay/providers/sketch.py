"""The built-in sketch engine as a provider: no network, no key, no cost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ..cue import Cost
from ..version import VERSION
from ..worker import Worker
from .base import Intent, Output, Progress, Provider, Request, Ticket


class Sketch(Provider):
    """Runs the engine in a process of its own, so that no editor waits for it. The ticket holds the whole request."""

    name = "sketch"
    sends_at = "collect"
    keeps = False

    async def prepare(self, request: Request) -> Intent:
        """Nothing leaves the machine: the request itself is what is kept."""
        proxy = request.proxy
        data: dict[str, Any] = {
            "endpoint": request.model.endpoint,
            "proxy": str(proxy.path) if proxy else None,
            "samples": request.samples,
            "prompt": request.prompt,
            "negative": request.negative,
            "seed": request.seed,
            "params": dict(request.params),
        }
        return Intent.new(self.name, data)

    async def submit(self, intent: Intent) -> Ticket:
        """The work is done while collecting."""
        return Ticket(self.name, intent.id, intent.data)

    async def poll(self, ticket: Ticket) -> Progress:  # noqa: ARG002 - the shape of every provider
        """The work is done while collecting."""
        return Progress("done")

    async def collect(self, ticket: Ticket, folder: Path) -> Output:
        """Make the sound."""
        data = dict(ticket.data)
        worker = Worker("sketch.engine:make", {**data, "folder": str(folder)})
        try:
            made = await asyncio.to_thread(worker.result)
        finally:
            worker.kill()
        stems = {name: Path(path) for name, path in made["stems"].items()}
        cost = Cost("0", "USD", estimated=False)
        return Output(Path(made["file"]), data["seed"], VERSION, cost, stems, made["understood"])

    async def cancel(self, ticket: Ticket) -> bool:  # noqa: ARG002
        """Cancelling `collect` ends the process; there is nobody else to tell."""
        return True


def make() -> Provider:
    """The provider."""
    return Sketch()
