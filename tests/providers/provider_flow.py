"""Walks a request through a provider as the way of a cue does, without waiting: for tests of every provider."""

from __future__ import annotations

import asyncio
import json
import traceback
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from tracklay import models
from tracklay.media.extract import Proxy
from tracklay.providers import JobHandle, JobProgress, Output, Provider, Request, Submission, close_client, submit_once
from tracklay.providers.client import RequestKind, RetryPolicy

from tests.fakes.server import Fault

MOST_LOOKS = 60


@dataclass
class Naps:
    """A sleep that takes no time, keeps how long it would have been, and tells the time that would be by then."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def clock(self) -> float:
        """Seconds slept so far."""
        return sum(self.seconds)


def patience(naps: Naps | None = None, whole: float = 5.0) -> RetryPolicy:
    """Time-outs of a test: `attempt_seconds` for a try of anything, longer for a download; pauses take no time."""
    limits: dict[RequestKind, float] = {
        "read": whole,
        "upload": whole,
        "submit": whole,
        "cancel": whole,
        "download": 20.0,
    }
    naps = naps or Naps()
    return RetryPolicy(connect_seconds=1, read_seconds=whole, attempt_seconds=limits, sleep=naps, clock=naps.clock)


ENDED_BY_US = ("delay", "delay after", "drip")


def limit(fault: str | Fault) -> float:
    """Seconds for a try under a fault: few where only our own patience ends it, else more than a busy machine needs."""
    name = fault if isinstance(fault, str) else fault.how.replace("-", " ")
    return 0.7 if name in ENDED_BY_US else 10.0


def request(model_id: str, proxy: Path | None = None, seconds: Fraction = Fraction(2), **more: Any) -> Request:
    """A checked request; `proxy` is a clip that is as it should be already."""
    model = models.find_model(model_id)
    params = model.validate_params(more.pop("params", {}))
    fields = {"prompt": "rain on tin", "negative": "", "seed": 7, **more}
    seen = None if proxy is None else Proxy(proxy, (Fraction(0),), seconds)
    return Request(model, params=params, seconds=seconds, samples=round(seconds * 48_000), proxy=seen, **fields)


async def carry(
    maker: Provider, asked: Request, folder: Path, looks: list[JobProgress] | None = None
) -> tuple[JobHandle, Output]:
    """From request to output. Intent and ticket become JSON and back on the way, as if another process took them up."""
    intent = Submission(**json.loads(json.dumps((await maker.prepare(asked)).to_dict())))
    ticket = JobHandle(**json.loads(json.dumps((await submit_once(maker, intent, sleep=Naps())).to_dict())))
    for _ in range(MOST_LOOKS):
        progress = await maker.poll(ticket)
        if looks is not None:
            looks.append(progress)
        if progress.state == "done":
            return ticket, await maker.collect(ticket, folder)
    raise AssertionError("it is never done")


def run(work: Any) -> Any:
    """Run a coroutine on a loop of its own, and close its connections."""

    async def all_of_it() -> Any:
        try:
            return await work
        finally:
            await close_client()

    return asyncio.run(all_of_it())


def told(error: BaseException) -> str:
    """Everything that an error may show: its message, its causes', its traceback's."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)
