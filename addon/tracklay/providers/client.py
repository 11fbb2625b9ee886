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

Kind = Literal["read", "upload", "submit", "cancel", "download"]

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, how often and how much. Seconds where nothing else is said; what each kind of call may repeat is facts/apis.md, section 9.

    `whole` bounds one try of a call from first to last byte, however it drips; `between` bounds each silence within it.
    """

    connect: float = 10.0
    between: float = 60.0
    whole: Mapping[Kind, float] = field(
        default_factory=lambda: {"read": 120.0, "upload": 900.0, "submit": 180.0, "cancel": 20.0, "download": 1800.0}
    )
    tries: Mapping[Kind, int] = field(
        default_factory=lambda: {"read": 8, "upload": 5, "submit": 8, "cancel": 2, "download": 8}
    )
    first_pause: float = 0.5
    growth: float = 2.0
    longest_pause: float = 30.0
    longest_asked: float = 120.0
    """The longest `Retry-After` that is waited for."""
    most_body: int = 32 * MIB
    """Bytes of an answer that is read into memory."""
    most_download: int = 2048 * MIB
    """Bytes of a file."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def pause(self, tried: int, asked: float | None = None) -> float:
        """How long to wait after so many tries: exponential with jitter, and no less than the server asked for."""
        grown = min(self.longest_pause, self.first_pause * self.growth ** (tried - 1))
        jittered = grown * (0.5 + self.chance() / 2)
        return jittered if asked is None else max(jittered, min(asked, self.longest_asked))


PATIENCE = Patience()


class Lane:
    """One provider's calls of one kind: so many at once, and no sooner after one another than `gap` seconds."""

    def __init__(self, at_once: int, gap: float, patience: Patience) -> None:
        self._gate = asyncio.Semaphore(at_once)
        self._gap = gap
        self._patience = patience
        self._next = 0.0

    async def __aenter__(self) -> None:
        """Wait for a place and for its time."""
        await self._gate.acquire()
        try:
            now = self._patience.clock()
            start = max(now, self._next)
            self._next = start + self._gap
            if start > now:
                await self._patience.sleep(start - now)
        except BaseException:
            self._gate.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the place up."""
        self._gate.release()

    def hold(self, seconds: float) -> None:
        """Let nobody through for a while: the server asked one of us to wait, and means us all."""
        self._next = max(self._next, self._patience.clock() + seconds)


class _Pool:
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
        self.lanes: dict[tuple[str, Kind], Lane] = {}


_pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = weakref.WeakKeyDictionary()


def _pool() -> _Pool:
    loop = asyncio.get_running_loop()
    if loop not in _pools:
        _pools[loop] = _Pool()
    return _pools[loop]


def client() -> httpx.AsyncClient:
    """The one client of this event loop, made at the first request."""
    return _pool().client


def lane(name: str, kind: Kind, at_once: int, gap: float, patience: Patience) -> Lane:
    """A provider's lane on this event loop."""
    lanes = _pool().lanes
    if (name, kind) not in lanes:
        lanes[name, kind] = Lane(max(1, at_once // _sharing), gap * _sharing, patience)
    return lanes[name, kind]


_sharing = 1


def share(processes: int) -> None:
    """Have so many processes in mind that call the providers at the same time: each keeps to its part of what one may do."""
    global _sharing  # noqa: PLW0603 - it is the process's own place among others
    _sharing = processes


async def close() -> None:
    """Close this event loop's connections: whoever ends the loop calls it before."""
    pool = _pools.pop(asyncio.get_running_loop(), None)
    if pool is not None:
        await pool.client.aclose()
