"""The ledger's writer thread. Batches writes from concurrent jobs: up to 64 operations share one transaction and one fsync."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from ..errors import LedgerError

if TYPE_CHECKING:
    from .ledger import Ledger

Result = TypeVar("Result")
Params = ParamSpec("Params")
WriteRequest = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]
"""An operation, and the loop and future of the task that waits for it."""

MAX_BATCH_SIZE = 64
"""Operations in one transaction, at most: bounds how long one operation waits for others."""


class LedgerWriter:
    """Runs operations on the ledger in one thread: `await ledger_writer(Ledger.get_job, 12)` returns when the result is on disk.

    Group commit: while one transaction is synced to disk, which takes milliseconds, further requests queue up. The next
    transaction takes all of them. So a job that waits for the disk blocks no other job and no event loop, and twenty jobs that
    finish together cost one sync and not twenty.
    """

    def __init__(self, open_ledger: Callable[[], Ledger]) -> None:
        """Open the ledger and start the thread.

        Raises:
            LedgerError, OutputError: as `ledger_schema.connect_ledger`.
        """
        self.ledger = open_ledger()
        self._requests: queue.SimpleQueue[WriteRequest | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="tracklay-ledger", daemon=True)
        self._thread.start()

    async def __call__(
        self, operation: Callable[Concatenate[Ledger, Params], Result], *args: Params.args, **kwargs: Params.kwargs
    ) -> Result:
        """Run an operation. Once queued it runs, even if the waiting task is cancelled.

        Raises:
            LedgerError: the ledger could not be written. What the operation itself raises comes through unchanged.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._requests.put((lambda: operation(self.ledger, *args, **kwargs), loop, future))
        # The shield keeps a cancelled task from cancelling the future: the operation still runs, and sets its result.
        return await asyncio.shield(future)

    def close(self) -> None:
        """Run the queued operations, then close the ledger. Blocks until both are done."""
        self._requests.put(None)
        self._thread.join()
        self.ledger.close()

    def _run(self) -> None:
        while (first := self._requests.get()) is not None:
            batch, closing = [first], False
            with contextlib.suppress(queue.Empty):
                while len(batch) < MAX_BATCH_SIZE and not closing:
                    request = self._requests.get_nowait()
                    closing = request is None
                    if request is not None:
                        batch.append(request)
            self._commit_batch(batch)
            if closing:
                return

    def _commit_batch(self, requests: list[WriteRequest]) -> None:
        outcomes: list[tuple[Any, BaseException | None]] = []
        try:
            with self.ledger.transaction():
                for operation, _, _ in requests:
                    # Each operation has a savepoint, so that a failed one does not undo the others of its batch.
                    try:
                        with self.ledger.savepoint():
                            outcomes.append((operation(), None))
                    except Exception as error:  # noqa: BLE001 - it belongs to the task that waits for this operation
                        self.ledger.raise_if_rolled_back(error)
                        outcomes.append((None, error))
        except LedgerError as error:
            # Nothing was committed, so every operation has failed, whatever it returned before.
            outcomes = [(None, error)] * len(requests)
        # Only now, after the commit, does any task learn its result: what it does next relies on the disk.
        for (_, loop, future), outcome in zip(requests, outcomes, strict=True):
            with contextlib.suppress(RuntimeError):  # the loop is closed, so no task waits
                loop.call_soon_threadsafe(_set_future, future, *outcome)


def _set_future(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
