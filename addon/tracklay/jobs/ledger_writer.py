"""The ledger's one writer in a process: a thread that takes what many jobs have to write and puts it on disk together.

A job that waits for the disk holds up no other, and twenty that end at once cost one sync and not twenty.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from ..errors import LedgerTrouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from .ledger import Ledger

Result = TypeVar("Result")
Given = ParamSpec("Given")
Act = tuple["Callable[[], Any]", asyncio.AbstractEventLoop, "asyncio.Future[Any]"]

TOGETHER = 64
"""Acts that are put on disk with one sync, at most."""


class Desk:
    """`await desk(Ledger.get, 12)` does that on the ledger, in a transaction, and comes back when it is on disk."""

    def __init__(self, open_ledger: Callable[[], Ledger]) -> None:
        """Open the ledger.

        Raises:
            LedgerTrouble, OutputError: as `schema.connect`.
        """
        self.ledger = open_ledger()
        self._acts: queue.SimpleQueue[Act | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="tracklay-ledger", daemon=True)
        self._thread.start()

    async def __call__(
        self, act: Callable[Concatenate[Ledger, Given], Result], *given: Given.args, **named: Given.kwargs
    ) -> Result:
        """Do it. Once begun it is done, whether or not its asker still waits.

        Raises:
            LedgerTrouble: it could not be written.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._acts.put((lambda: act(self.ledger, *given, **named), loop, future))
        return await asyncio.shield(future)

    def close(self) -> None:
        """Do what is still to be done, and close the ledger."""
        self._acts.put(None)
        self._thread.join()
        self.ledger.close()

    def _work(self) -> None:
        while (first := self._acts.get()) is not None:
            acts, over = [first], False
            with contextlib.suppress(queue.Empty):
                while len(acts) < TOGETHER and not over:
                    act = self._acts.get_nowait()
                    over = act is None
                    if act is not None:
                        acts.append(act)
            self._together(acts)
            if over:
                return

    def _together(self, acts: list[Act]) -> None:
        told: list[tuple[Any, BaseException | None]] = []
        try:
            with self.ledger.transaction():
                for act, _, _ in acts:
                    try:
                        with self.ledger.part():
                            told.append((act(), None))
                    except Exception as error:  # noqa: BLE001 - it is its asker's, and no other's
                        self.ledger.check_transaction(error)
                        told.append((None, error))
        except LedgerTrouble as trouble:
            told = [(None, trouble)] * len(acts)
        for (_, loop, future), outcome in zip(acts, told, strict=True):
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_settle, future, *outcome)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
