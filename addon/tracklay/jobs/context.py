"""State that the jobs of one process share: ledger writer, concurrency limits, cancelled jobs, known request IDs, locks, poll intervals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from ..cancellation import CancelToken
from .ledger import Ledger

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from ..worker import WorkerProcess
    from .job_spec import StageProgress
    from .ledger_writer import LedgerWriter

Result = TypeVar("Result")

MAX_LATENESS = 0.05
"""Share of the elapsed time by which a poll may be late: three seconds after a minute, a tenth of a second after two seconds."""

FIRST_POLL_AT = 0.9
"""Share of a model's typical duration before which a poll only serves to show progress."""

SMOOTHING_FACTOR = 0.3
"""Weight of the latest run in a model's typical duration (exponential moving average)."""


async def run_blocking(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Run a blocking function in a thread. It must take a `cancel_token`, which is cancelled with the task.

    When this returns or raises, the function has ended: no thread keeps writing to a folder that is about to be deleted.
    """
    cancel_token = CancelToken()
    # An executor future, not a task: code that cancels all tasks must not abandon the thread.
    work = asyncio.get_running_loop().run_in_executor(
        None, partial(function, *args, cancel_token=cancel_token, **kwargs)
    )
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        cancel_token.cancel()
        await asyncio.wait([work])
        work.exception()  # marks it as retrieved, or asyncio would log it
        raise


class PollSchedule:
    """The interval between two polls of a running submission: long while it cannot be done, short when it should be.

    Learned from the durations of each model's runs in this process. All times are in seconds.
    """

    def __init__(self) -> None:
        self._typical_seconds: dict[str, float] = {}

    def next_delay(self, model: str, elapsed_seconds: float, min_delay: float, max_delay: float) -> float:
        """Return the seconds until the next poll of a run that started `elapsed_seconds` ago."""
        typical = self._typical_seconds.get(model, 0.0)
        # Before the typical end, sleep until just before it. After it (or when nothing is known), the delay grows with the
        # elapsed time, so that a long run costs few polls and a short one is noticed at once.
        delay = (
            typical * FIRST_POLL_AT - elapsed_seconds
            if elapsed_seconds < typical * FIRST_POLL_AT
            else elapsed_seconds * MAX_LATENESS
        )
        return min(max_delay, max(min_delay, delay))

    def record(self, model: str, seconds: float) -> None:
        """Update a model's typical duration with a finished run's."""
        known = self._typical_seconds.get(model, seconds)
        self._typical_seconds[model] = known + (seconds - known) * SMOOTHING_FACTOR


@dataclass
class JobContext:
    """State that the jobs of one process share.

    Attributes:
        ledger_writer: runs operations on the ledger.
        owner_token: this process's lock token, which the ledger stores beside its jobs.
        concurrency_slot: returns the context that bounds a kind of work: `extract`, `conform`, `render`, or a provider's name.
        report_progress: receives each step of each job.
        cancelling: numbers of the jobs that the user has cancelled.
        may_submit: whether parts that were never sent may be: `collect` only downloads.
    """

    ledger_writer: LedgerWriter
    owner_token: str
    concurrency_slot: Callable[[str], AbstractAsyncContextManager[None]]
    report_progress: Callable[[StageProgress], None]
    cancelling: set[int] = field(default_factory=set)
    may_submit: bool = True
    poll_schedule: PollSchedule = field(default_factory=PollSchedule)
    known_request_ids: dict[str, set[str]] = field(default_factory=dict)
    # Weak values: a lock disappears with the last task that holds or awaits it, however many sources a batch has.
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def keyed_lock(self, key: str) -> asyncio.Lock:
        """Return the lock of a resource that only one job at a time may make."""
        return self._locks.setdefault(key, asyncio.Lock())

    async def request_ids(self, provider_name: str) -> set[str]:
        """Return the IDs of a provider's requests that belong to jobs. The set grows as this process submits more.

        A lost submission is looked for in the provider's list; requests in this set belong to other jobs.
        """
        if provider_name not in self.known_request_ids:
            stored = await self.ledger_writer(Ledger.request_ids, provider_name)
            self.known_request_ids.setdefault(provider_name, stored)
        return self.known_request_ids[provider_name]


def wait_for_worker(worker: WorkerProcess, cancel_token: CancelToken) -> Any:
    """Return a worker's result; the worker is dead afterwards, whatever happens.

    Raises:
        TracklayError: as `WorkerProcess.result`; of a cancelled worker that it ended without a result.
    """
    try:
        with cancel_token.on_cancel(worker.kill):
            return worker.result()
    finally:
        worker.kill()
