"""Cooperative cancellation of work that runs on another thread or in another process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from .errors import Cancelled


class CancelToken:
    """A thread-safe flag that is set once, with callbacks for work that cannot poll it, such as a blocking read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._cancelled = False

    def cancel(self) -> None:
        """Set the flag and run the callbacks of all work in progress. Work that starts later is refused."""
        with self._lock:
            self._cancelled = True
            callbacks = list(self._callbacks)
        # Outside the lock: a callback may take long, or use the token itself.
        for callback in callbacks:
            callback()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` if the flag is set."""
        if self._cancelled:
            raise Cancelled("work.cancelled", "Cancelled.")

    @contextlib.contextmanager
    def on_cancel(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback`, on the cancelling thread, if the flag is set within the block.

        Raises:
            Cancelled: the flag was set before the block, or while it ran.
        """
        # Checked and registered under one lock, or a cancellation in between would reach neither.
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
        self.raise_if_cancelled()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)
        # A callback usually kills a process, which looks like a normal end of its output: report the cancellation instead.
        self.raise_if_cancelled()
