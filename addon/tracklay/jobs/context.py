"""What the jobs of a process share on their way: the ledger's desk, the gates, who is to be stopped, which requests are known."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from ..cancellation import CancelToken
from .ledger import Ledger
from .poll_schedule import PollSchedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from .job_spec import StageProgress
    from .ledger_writer import LedgerWriter

Result = TypeVar("Result")


async def run_blocking(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Run a blocking function of ours in a thread, and end it for good when the task is cancelled."""
    cancel_token = CancelToken()
    # No task: whoever cancels all tasks must not leave the thread behind.
    work = asyncio.get_running_loop().run_in_executor(
        None, partial(function, *args, cancel_token=cancel_token, **kwargs)
    )
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        cancel_token.cancel()
        await asyncio.wait([work])
        work.exception()
        raise


@dataclass
class JobContext:
    """What the jobs of a process share.

    `concurrency_slot` bounds a kind of work: `extract`, `conform`, or a provider's name. `cancelling` are the jobs that a person wishes stopped.
    """

    ledger_writer: LedgerWriter
    owner_token: str
    concurrency_slot: Callable[[str], AbstractAsyncContextManager[None]]
    report_progress: Callable[[StageProgress], None]
    cancelling: set[int] = field(default_factory=set)
    poll_schedule: PollSchedule = field(default_factory=PollSchedule)
    known_request_ids: dict[str, set[str]] = field(default_factory=dict)
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def keyed_lock(self, key: str) -> asyncio.Lock:
        """The lock of something that only one job at a time may make."""
        return self._locks.setdefault(key, asyncio.Lock())

    async def request_ids(self, provider_name: str) -> set[str]:
        """The requests at a provider that belong to jobs; it grows as this process makes more."""
        if provider_name not in self.known_request_ids:
            found = await self.ledger_writer(Ledger.request_ids, provider_name)
            self.known_request_ids.setdefault(provider_name, found)
        return self.known_request_ids[provider_name]
