"""Limits on how many requests of one kind a provider gets at a time, and how soon after one another."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .retry import RetryPolicy

_log = logging.getLogger(__name__)


class RateLimiter:
    """An async context manager around each request of one kind to one provider.

    At most `max_concurrent` run at the same time, and they start at least `interval_seconds` apart. `label` names them in the log.
    """

    def __init__(
        self, max_concurrent: int, interval_seconds: float, retry_policy: RetryPolicy, label: str = "requests"
    ) -> None:
        self._semaphore = asyncio.Semaphore(max_concurrent)
        self._interval_seconds = interval_seconds
        self._retry_policy = retry_policy
        self._label = label
        self._next_start = 0.0

    async def __aenter__(self) -> None:
        """Wait until a place is free and the interval has passed."""
        await self._semaphore.acquire()
        try:
            now = self._retry_policy.clock()
            start = max(now, self._next_start)
            # Reserve the start before sleeping: the next request waits for its own interval after it.
            self._next_start = start + self._interval_seconds
            if start > now:
                _log.debug("%s: rate limit, waiting %.2f s", self._label, start - now)
                await self._retry_policy.sleep(start - now)
        except BaseException:
            # A task that is cancelled while it waits must not keep its place.
            self._semaphore.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the place."""
        self._semaphore.release()

    def pause_for(self, seconds: float) -> None:
        """Start no request for some seconds: a throttled request means that the whole account is throttled."""
        _log.info("%s: the server is throttling, no request starts for %.1f s", self._label, seconds)
        self._next_start = max(self._next_start, self._retry_policy.clock() + seconds)
