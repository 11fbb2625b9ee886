"""What all calls share: the numbers they live by, one httpx client for each event loop, and lanes that bound each provider."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import random
import time
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ..version import VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

    import httpx

RequestKind = Literal["read", "upload", "submit", "cancel", "download"]

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long, how often and how much. Seconds where nothing else is said; what each kind of call may repeat is facts/apis.md, section 9.

    `attempt_seconds` bounds one try of a call from first to last byte, however it drips; `read_seconds` bounds each silence within it.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    attempt_seconds: Mapping[RequestKind, float] = field(
        default_factory=lambda: {"read": 120.0, "upload": 900.0, "submit": 180.0, "cancel": 20.0, "download": 1800.0}
    )
    max_attempts: Mapping[RequestKind, int] = field(
        default_factory=lambda: {"read": 8, "upload": 5, "submit": 8, "cancel": 2, "download": 8}
    )
    first_delay_seconds: float = 0.5
    backoff_factor: float = 2.0
    max_delay_seconds: float = 30.0
    max_retry_after_seconds: float = 120.0
    """The longest `Retry-After` that is waited for."""
    max_body_bytes: int = 32 * MIB
    """Bytes of an answer that is read into memory."""
    max_download_bytes: int = 2048 * MIB
    """Bytes of a file."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    random_fraction: Callable[[], float] = random.random

    def next_delay(self, attempt: int, retry_after: float | None = None) -> float:
        """How long to wait after so many tries: exponential with jitter, and no less than the server asked for."""
        grown = min(self.max_delay_seconds, self.first_delay_seconds * self.backoff_factor ** (attempt - 1))
        jittered = grown * (0.5 + self.random_fraction() / 2)
        return jittered if retry_after is None else max(jittered, min(retry_after, self.max_retry_after_seconds))


DEFAULT_RETRY_POLICY = RetryPolicy()


class RateLimiter:
    """One provider's calls of one kind: so many at once, and no sooner after one another than `interval_seconds` seconds."""

    def __init__(self, max_concurrent: int, interval_seconds: float, retry_policy: RetryPolicy) -> None:
        self._semaphore = asyncio.Semaphore(max_concurrent)
        self._interval_seconds = interval_seconds
        self._retry_policy = retry_policy
        self._next_start = 0.0

    async def __aenter__(self) -> None:
        """Wait for a place and for its time."""
        await self._semaphore.acquire()
        try:
            now = self._retry_policy.clock()
            start = max(now, self._next_start)
            self._next_start = start + self._interval_seconds
            if start > now:
                await self._retry_policy.sleep(start - now)
        except BaseException:
            self._semaphore.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the place up."""
        self._semaphore.release()

    def pause_for(self, seconds: float) -> None:
        """Let nobody through for a while: the server asked one of us to wait, and means us all."""
        self._next_start = max(self._next_start, self._retry_policy.clock() + seconds)


class _LoopState:
    """One event loop's client and lanes."""

    def __init__(self) -> None:
        import httpx  # noqa: PLC0415 - registering the add-on costs no network client

        # At this level HTTP/2's header compression writes every header, keys too, into the log.
        logging.getLogger("hpack").setLevel(logging.INFO)
        self.client = httpx.AsyncClient(
            http2=importlib.util.find_spec("h2") is not None,
            follow_redirects=False,
            headers={"User-Agent": f"tracklay/{VERSION}"},
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30.0),
            # A proxy of the person's is for what is far away, never for this machine itself.
            mounts=dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]")),
        )
        self.limiters: dict[tuple[str, RequestKind], RateLimiter] = {}


_loop_states: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopState] = weakref.WeakKeyDictionary()


def _current_loop_state() -> _LoopState:
    loop = asyncio.get_running_loop()
    if loop not in _loop_states:
        _loop_states[loop] = _LoopState()
    return _loop_states[loop]


def get_client() -> httpx.AsyncClient:
    """The one client of this event loop, made at the first request."""
    return _current_loop_state().client


def get_limiter(
    name: str, kind: RequestKind, max_concurrent: int, interval_seconds: float, retry_policy: RetryPolicy
) -> RateLimiter:
    """A provider's lane on this event loop."""
    lanes = _current_loop_state().limiters
    if (name, kind) not in lanes:
        lanes[name, kind] = RateLimiter(
            max(1, max_concurrent // _process_count), interval_seconds * _process_count, retry_policy
        )
    return lanes[name, kind]


_process_count = 1


def set_process_count(processes: int) -> None:
    """Have so many processes in mind that call the providers at the same time: each keeps to its part of what one may do."""
    global _process_count  # noqa: PLW0603 - it is the process's own place among others
    _process_count = processes


async def close_client() -> None:
    """Close this event loop's connections: whoever ends the loop calls it before."""
    pool = _loop_states.pop(asyncio.get_running_loop(), None)
    if pool is not None:
        await pool.client.aclose()
