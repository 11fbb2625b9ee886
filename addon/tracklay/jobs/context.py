"""What the jobs of a process share on their way: the ledger's desk, the gates, who is to be stopped, which requests are known."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from ..media.ffmpeg import Stop
from .ledger import Ledger
from .poll_schedule import Pace

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from .job_spec import Step
    from .ledger_writer import Desk

Result = TypeVar("Result")


async def aside(function: Callable[..., Result], *args: Any, **named: Any) -> Result:
    """Run a blocking function of ours in a thread, and end it for good when the task is cancelled."""
    stop = Stop()
    # No task: whoever cancels all tasks must not leave the thread behind.
    work = asyncio.get_running_loop().run_in_executor(None, partial(function, *args, stop=stop, **named))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([work])
        work.exception()
        raise


@dataclass
class Means:
    """What the jobs of a process share.

    `gate` bounds a kind of work: `extract`, `conform`, or a provider's name. `stopping` are the jobs that a person wishes stopped.
    """

    desk: Desk
    token: str
    gate: Callable[[str], AbstractAsyncContextManager[None]]
    report: Callable[[Step], None]
    stopping: set[int] = field(default_factory=set)
    pace: Pace = field(default_factory=Pace)
    known: dict[str, set[str]] = field(default_factory=dict)
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def alone(self, what: str) -> asyncio.Lock:
        """The lock of something that only one job at a time may make."""
        return self._locks.setdefault(what, asyncio.Lock())

    async def requests(self, name: str) -> set[str]:
        """The requests at a provider that belong to jobs; it grows as this process makes more."""
        if name not in self.known:
            found = await self.desk(Ledger.requests, name)
            self.known.setdefault(name, found)
        return self.known[name]
