"""Timeouts, retries and delays: `RetryPolicy` has the numbers, `next_step` decides after each failed attempt.

The rule that protects the user's money: a submission is never resent once it may have reached the server, because each one that
arrives is charged.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from ..errors import TracklayError

RequestKind = Literal["read", "upload", "submit", "cancel", "download"]
"""What a request does, which decides how often it may be sent. Only `submit` starts work that is charged."""

MIB = 1 << 20

RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP statuses of temporary failures. Any other 5xx is temporary too (`is_retryable`)."""

TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Timeouts, numbers of attempts, delays and size limits of requests. Times are in seconds.

    `attempt_seconds` bounds one attempt from its first to its last byte, so that a server that sends one byte now and then
    cannot hold it open; `read_seconds` bounds each silence within it.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    write_seconds: float = 60.0
    """The longest wait until the server accepts the next bytes, and until a connection of the pool is free."""
    attempt_seconds: Mapping[RequestKind, float] = field(
        default_factory=lambda: {"read": 120.0, "upload": 900.0, "submit": 180.0, "cancel": 20.0, "download": 1800.0}
    )
    # Two attempts to cancel: the user waits for the answer. With the delays below, eight attempts last about a minute.
    max_attempts: Mapping[RequestKind, int] = field(
        default_factory=lambda: {"read": 8, "upload": 5, "submit": 8, "cancel": 2, "download": 8}
    )
    first_delay_seconds: float = 0.5
    backoff_factor: float = 2.0
    max_delay_seconds: float = 30.0
    max_retry_after_seconds: float = 120.0
    """The longest `Retry-After` that is obeyed in full."""
    max_body_bytes: int = 32 * MIB
    """The largest response that is read into memory."""
    max_download_bytes: int = 2048 * MIB
    """The largest file that is downloaded."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    random_fraction: Callable[[], float] = random.random

    def next_delay(self, attempt: int, retry_after: float | None = None) -> float:
        """Return the seconds to wait after failed attempt number `attempt` (from 1).

        The delay grows exponentially. It is at least `retry_after`, up to `max_retry_after_seconds`.
        """
        grown = min(self.max_delay_seconds, self.first_delay_seconds * self.backoff_factor ** (attempt - 1))
        # Jitter of up to a half, so that clients that failed together do not return together.
        jittered = grown * (0.5 + self.random_fraction() / 2)
        return jittered if retry_after is None else max(jittered, min(retry_after, self.max_retry_after_seconds))

    def with_limits(
        self, kind: RequestKind, *, max_attempts: int | None = None, attempt_seconds: float | None = None
    ) -> Self:
        """Return a copy with other limits for one kind of request."""
        attempts, seconds = dict(self.max_attempts), dict(self.attempt_seconds)
        if max_attempts is not None:
            attempts[kind] = max_attempts
        if attempt_seconds is not None:
            seconds[kind] = attempt_seconds
        return replace(self, max_attempts=attempts, attempt_seconds=seconds)


DEFAULT_RETRY_POLICY = RetryPolicy()


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One attempt without a usable response.

    Attributes:
        error: what is raised if there is no further attempt.
        reason: a few words for the log: a status or the class of a network error, never text of the server or a URL.
        is_temporary: the same request may succeed later. False for a refusal.
        may_have_arrived: the server may have acted on the request.
        retry_after: seconds that the server asked to wait, if it did.
    """

    error: TracklayError
    reason: str
    is_temporary: bool
    may_have_arrived: bool
    retry_after: float | None = None


class NextStep(Enum):
    """The possible steps after a failed attempt."""

    RETRY = "send the request again after a delay"
    RAISE = "raise the attempt's error"
    RAISE_UNKNOWN = "raise SubmissionUnknown: the request may have started work that is charged"


def next_step(kind: RequestKind, failure: FailedAttempt, attempt: int, max_attempts: int) -> NextStep:
    """Decide what follows failed attempt number `attempt` (from 1) of a request."""
    if not failure.is_temporary:
        return NextStep.RAISE
    # Before the count of attempts: even the first failure of a submission that may have arrived ends it. The caller then looks
    # for the job in the provider's list (`base.submit_once`).
    if kind == "submit" and failure.may_have_arrived:
        return NextStep.RAISE_UNKNOWN
    return NextStep.RETRY if attempt < max_attempts else NextStep.RAISE


def is_retryable(status: int) -> bool:
    """Return whether an HTTP status means a temporary failure."""
    return status in RETRYABLE_STATUSES or status >= 500


def may_have_arrived(status: int) -> bool:
    """Return whether a request answered with this status of failure may still have been acted on.

    Only 429 rules it out: a throttled request is turned away before it is read. A 5xx can come from a proxy in front of a server
    that did act.
    """
    return status != TOO_MANY_REQUESTS


def is_not_sent(error: Exception) -> bool:
    """Return whether a network error came before any byte of the request left this machine.

    A submission that failed so may be sent again. Errors of reading or writing do not count: the server may have everything.
    """
    import httpx  # noqa: PLC0415 - loaded at the first request

    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError)
