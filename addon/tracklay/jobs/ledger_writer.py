"""The ledger's one writer in a process: a thread that takes what many jobs have to write and puts it on disk together.

A job that waits for the disk holds up no other, and twenty that end at once cost one sync and not twenty.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from ..errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .ledger import Ledger

Result = TypeVar("Result")
Params = ParamSpec("Params")
WriteRequest = tuple["Callable[[], Any]", asyncio.AbstractEventLoop, "asyncio.Future[Any]"]

MAX_BATCH_SIZE = 64
"""Acts that are put on disk with one sync, at most."""


class LedgerWriter:
    """`await desk(Ledger.get, 12)` does that on the ledger, in a transaction, and comes back when it is on disk."""

    def __init__(self, open_ledger: Callable[[], Ledger]) -> None:
        """Open the ledger.

        Raises:
            LedgerTrouble, OutputError: as `schema.connect`.
        """
        self.ledger = open_ledger()
        self._requests: queue.SimpleQueue[WriteRequest | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="tracklay-ledger", daemon=True)
        self._thread.start()

    async def __call__(
        self, operation: Callable[Concatenate[Ledger, Params], Result], *args: Params.args, **kwargs: Params.kwargs
    ) -> Result:
        """Do it. Once begun it is done, whether or not its asker still waits.

        Raises:
            LedgerTrouble: it could not be written.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._requests.put((lambda: operation(self.ledger, *args, **kwargs), loop, future))
        return await asyncio.shield(future)

    def close(self) -> None:
        """Do what is still to be done, and close the ledger."""
        self._requests.put(None)
        self._thread.join()
        self.ledger.close()

    def _run(self) -> None:
        while (first := self._requests.get()) is not None:
            acts, over = [first], False
            with contextlib.suppress(queue.Empty):
                while len(acts) < MAX_BATCH_SIZE and not over:
                    act = self._requests.get_nowait()
                    over = act is None
                    if act is not None:
                        acts.append(act)
            self._commit_batch(acts)
            if over:
                return

    def _commit_batch(self, requests: list[WriteRequest]) -> None:
        told: list[tuple[Any, BaseException | None]] = []
        try:
            with self.ledger.transaction():
                for act, _, _ in requests:
                    try:
                        with self.ledger.savepoint():
                            told.append((act(), None))
                    except Exception as error:  # noqa: BLE001 - it is its asker's, and no other's
                        self.ledger.raise_if_rolled_back(error)
                        told.append((None, error))
        except LedgerError as trouble:
            told = [(None, trouble)] * len(requests)
        for (_, loop, future), outcome in zip(requests, told, strict=True):
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_set_future, future, *outcome)


def _set_future(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
