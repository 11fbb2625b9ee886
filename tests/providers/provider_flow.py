"""Runs a request through a provider in the steps of the job pipeline, without delays: for the tests of every provider."""

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
from tracklay.providers.base import JobHandle, JobProgress, Output, Provider, Request, Submission, submit_once
from tracklay.providers.client import close_client
from tracklay.providers.retry import RequestKind, RetryPolicy

from tests.fakes.server import Fault

MAX_POLLS = 60


@dataclass
class FakeSleep:
    """A sleep that takes no time and records its delays, with a clock that counts them."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def clock(self) -> float:
        """Return the sum of all delays in seconds."""
        return sum(self.seconds)


def fast_policy(sleep: FakeSleep | None = None, attempt_seconds: float = 5.0) -> RetryPolicy:
    """Return a retry policy whose delays take no time. `attempt_seconds` limits an attempt of anything but a download."""
    limits: dict[RequestKind, float] = {
        "read": attempt_seconds,
        "upload": attempt_seconds,
        "submit": attempt_seconds,
        "cancel": attempt_seconds,
        "download": 20.0,
    }
    sleep = sleep or FakeSleep()
    return RetryPolicy(
        connect_seconds=1, read_seconds=attempt_seconds, attempt_seconds=limits, sleep=sleep, clock=sleep.clock
    )


TIMEOUT_FAULTS = ("delay", "delay-after", "drip")
"""Faults that only our own time limit ends."""


def attempt_limit(fault: Fault) -> float:
    """Return the seconds for an attempt with a fault: few if the test waits for them, else enough for a busy machine."""
    return 0.7 if fault.how in TIMEOUT_FAULTS else 10.0


def request(model_id: str, proxy: Path | None = None, seconds: Fraction = Fraction(2), **fields: Any) -> Request:
    """Return a validated request. `proxy` is a clip that needs no extraction."""
    model = models.find_model(model_id)
    params = model.validate_params(fields.pop("params", {}))
    texts = {"prompt": "rain on tin", "negative": "", "seed": 7, **fields}
    extracted = None if proxy is None else Proxy(proxy, (Fraction(0),), seconds)
    return Request(model, params=params, seconds=seconds, samples=round(seconds * 48_000), proxy=extracted, **texts)


async def generate(
    provider: Provider, wanted: Request, folder: Path, looks: list[JobProgress] | None = None
) -> tuple[JobHandle, Output]:
    """Generate a take. Submission and handle become JSON and back on the way, as if another process continued the job."""
    submission = Submission.from_dict(json.loads(json.dumps((await provider.prepare(wanted)).to_dict())))
    handle = JobHandle.from_dict(
        json.loads(json.dumps((await submit_once(provider, submission, sleep=FakeSleep())).to_dict()))
    )
    for _ in range(MAX_POLLS):
        progress = await provider.poll(handle)
        if looks is not None:
            looks.append(progress)
        if progress.state == "done":
            return handle, await provider.collect(handle, folder)
    raise AssertionError(f"not done after {MAX_POLLS} polls")


def run(work: Any) -> Any:
    """Run a coroutine on an event loop of its own, and close the loop's connections."""

    async def run_and_close() -> Any:
        try:
            return await work
        finally:
            await close_client()

    return asyncio.run(run_and_close())


def error_text(error: BaseException) -> str:
    """Return everything that an error may show: its message, its causes and its traceback."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)
