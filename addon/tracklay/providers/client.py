"""One httpx client and one set of rate limiters for each event loop, shared by all providers."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import logging
import math
import time
import weakref
from typing import TYPE_CHECKING

from .. import settings
from ..version import VERSION
from .rate_limit import RateLimiter

if TYPE_CHECKING:
    import ssl

    import httpx

    from .retry import RequestKind, RetryPolicy


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    """Return the certificates that are trusted. Reading them takes 20 to 30 ms, and every event loop can use the same."""
    import httpx  # noqa: PLC0415 - enabling the add-on loads no network client

    return httpx.create_ssl_context()


class _LoopState:
    """The client and the rate limiters of one event loop: connections and locks belong to the loop that made them."""

    def __init__(self) -> None:
        import httpx  # noqa: PLC0415 - enabling the add-on loads no network client

        # At DEBUG, HTTP/2's header compression logs every header, API keys included.
        logging.getLogger("hpack").setLevel(logging.INFO)
        self.client = httpx.AsyncClient(
            verify=_ssl_context(),
            http2=importlib.util.find_spec("h2") is not None,
            # `download` follows redirects itself, because each new host must be checked before a key goes there.
            follow_redirects=False,
            headers={"User-Agent": f"tracklay/{VERSION}"},
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30.0),
            # None means no proxy: one set in the environment serves remote hosts, never this machine.
            mounts=dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]")),
        )
        self.limiters: dict[tuple[str, RequestKind], RateLimiter] = {}
        self.answers: dict[tuple[str, str], tuple[float, str]] = {}


_loop_states: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopState] = weakref.WeakKeyDictionary()


def _current_loop_state() -> _LoopState:
    loop = asyncio.get_running_loop()
    if loop not in _loop_states:
        _loop_states[loop] = _LoopState()
    return _loop_states[loop]


def get_client() -> httpx.AsyncClient:
    """Return the client of the running event loop. The first call creates it."""
    return _current_loop_state().client


def get_limiter(
    name: str, kind: RequestKind, max_concurrent: int, interval_seconds: float, retry_policy: RetryPolicy
) -> RateLimiter:
    """Return the running event loop's rate limiter for one kind of request to one provider.

    Concurrency and rate are divided among the processes of `Settings.process_count`.
    """
    limiters = _current_loop_state().limiters
    if (name, kind) not in limiters:
        processes = settings.current().process_count
        limiters[name, kind] = RateLimiter(
            max(1, max_concurrent // processes),
            interval_seconds * processes,
            retry_policy,
            label=f"{name} {kind}",
        )
    return limiters[name, kind]


def recall_answer(provider: str, question: str, seconds: float) -> str | None:
    """Return what `keep_answer` kept in the running event loop no longer than some seconds ago; None if nothing."""
    asked, answer = _current_loop_state().answers.get((provider, question), (-math.inf, ""))
    return answer if time.monotonic() - asked <= seconds else None


def keep_answer(provider: str, question: str, answer: str) -> None:
    """Keep a provider's answer to a question that every take of a run asks."""
    _current_loop_state().answers[provider, question] = (time.monotonic(), answer)


async def close_client() -> None:
    """Close the running event loop's connections. Call it before the loop ends."""
    state = _loop_states.pop(asyncio.get_running_loop(), None)
    if state is not None:
        await state.client.aclose()
