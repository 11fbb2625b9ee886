"""Plans orders as rows, and carries jobs side by side on one event loop: what waits is a row and a number.

Each provider has a lane of its own, so that a slow one holds up no other. Whose loop it is, and who hears of it, is the runner's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections import defaultdict, deque
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from ..cue import Failure, Take
from ..errors import Cancelled, TracklayError
from ..models import load
from ..paths import Numbered
from ..providers import close
from . import artifact_store
from .context import Means
from .job_spec import Order, drawn, wishes
from .ledger import Ledger, Plan
from .ledger_writer import Desk
from .pipeline import Trip
from .process_lock import Owner, alive, bury
from .process_lock import dead as dead_owners
from .states import OVER, UNSENT
from .take_writer import taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from ..models import Model
    from .job_spec import Step
    from .ledger import Job

    Told = Callable[[Job, list[Take | Failure]], None]

Held = TypeVar("Held", Owner, Desk)

CORES = os.cpu_count() or 1

AT_ONCE = {"extract": max(1, CORES // 2), "render": 1, "conform": CORES, "sketch": CORES, "cog": 1}
"""How many of a kind of work run together where the person's own machine does it: ffmpeg has threads of its own, Blender takes
all there are, sketch has one process each, a Cog container has one place."""

AT_ONCE_HOSTED = 8
"""How many submissions one hosted provider gets at a time."""

AHEAD = 2
"""How many jobs of a provider are on their way for each that it may have: the others extract, or conform, meanwhile."""

STOP_LOOK_SECONDS = 1.0
"""How often another process's wish to stop a job is looked for."""

ORPHANS_SECONDS = 1.0
"""By then an ffmpeg that a killed process had just started has opened what it writes, and it can be found and cleared away."""

TOGETHER = 256
"""Orders that are planned in one transaction."""


class Gates:
    """Bounds each kind of work."""

    def __init__(self, at_once: Mapping[str, int]) -> None:
        self._at_once = {**AT_ONCE, **at_once}
        self._gates: dict[str, asyncio.Semaphore] = {}

    def width(self, kind: str) -> int:
        """How many of a kind may run together."""
        return self._at_once.get(kind, AT_ONCE_HOSTED)

    def __call__(self, kind: str) -> contextlib.AbstractAsyncContextManager[None]:
        """The context that waits for a place."""
        if kind not in self._gates:
            self._gates[kind] = asyncio.Semaphore(self.width(kind))
        return self._gates[kind]


async def _held(make: Callable[[], Held]) -> Held:
    """What `make` makes, aside; closed again where the task is cancelled while it is made."""
    making = asyncio.get_running_loop().run_in_executor(None, make)  # no task: whoever cancels all tasks leaves it be
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        (await making).close()
        raise


class Crew:
    """Plans orders as rows, and carries them; lives on one event loop, from `async with` to its end.

    Args:
        report: is told of each step.
        told: is told how each job ended: its takes, and why there are no more.
        at_once: how many of a kind of work may run together, where it is not the usual number.
        run: what its jobs are counted to; by default each crew is a run of its own.
    """

    def __init__(
        self,
        report: Callable[[Step], None],
        told: Told,
        at_once: Mapping[str, int] | None = None,
        run: str = "",
    ) -> None:
        self._gates = Gates(at_once or {})
        self._report, self._told = report, told
        self._models: dict[str, Model] = {}
        self._lanes: dict[str, deque[int]] = defaultdict(deque)
        self._workers: dict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._carried: dict[int, asyncio.Task[list[Take | Failure]]] = {}
        self._broken: BaseException | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self.run = run or secrets.token_hex(8)

    async def __aenter__(self) -> Self:
        """Open the ledger, and clear up after processes that were killed.

        Raises:
            LedgerTrouble, OutputError: the ledger or its folder cannot be used.
        """
        self._owner = await _held(Owner)
        try:
            self.desk = await _held(lambda: Desk(Ledger))
            try:
                self.token = self._owner.token
                self._means = Means(self.desk, self.token, self._gates, self._report)
                await self._cleared_up()
            except BaseException:
                self.desk.close()
                raise
        except BaseException:
            self._owner.close()
            raise
        self._watch = asyncio.ensure_future(self._watched())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of all that is under way: it can be taken up again."""
        await asyncio.gather(self._burying, return_exceptions=True)
        tasks = [self._watch, *(task for workers in self._workers.values() for task in workers)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TracklayError):
            await self.desk(Ledger.release, self.token)
        await asyncio.to_thread(self.desk.close)
        await asyncio.to_thread(artifact_store.clear, self.token)
        self._owner.close()
        await close()

    async def _cleared_up(self) -> None:
        """Clear up after processes that were killed: now, and again when what they had started has begun to write, or never will."""
        projects = await self.desk(Ledger.projects_of_owners)
        dead = await asyncio.to_thread(dead_owners)
        for token in dead:
            await asyncio.to_thread(artifact_store.clear_up_after, token, projects)
        await tidy(self.desk)

        async def buried() -> None:
            if dead:
                await asyncio.sleep(ORPHANS_SECONDS)
            for token in dead:
                await asyncio.to_thread(artifact_store.clear_up_after, token, projects)
                await asyncio.to_thread(bury, token)

        self._burying = asyncio.ensure_future(buried())

    async def plan(self, orders: Sequence[Order]) -> None:
        """Begin orders. What was begun for the very same before and is nobody's now is gone on with, and not begun again."""
        self._models.update({order.model.id: order.model for order in orders})
        for start in range(0, len(orders), TOGETHER):
            some = orders[start : start + TOGETHER]
            lasts, words = await asyncio.to_thread(_looked_at, some)
            self.put(await self.desk(self._all_begun, some, lasts, words))

    def _all_begun(
        self, ledger: Ledger, orders: Sequence[Order], lasts: Sequence[int], words: Sequence[Sequence[str]]
    ) -> list[tuple[str, int]]:
        free = {
            wish: [job for job in ledger.wished(wish, self.token) if self._free(job)]
            for wish in {wish for wished in words for wish in wished}
        }
        each = zip(orders, lasts, words, strict=True)
        return [job for order, last, wished in each for job in self._begun(ledger, order, last, wished, free)]

    def _begun(
        self, ledger: Ledger, order: Order, last: int, wished: Sequence[str], free: Mapping[str, list[Job]]
    ) -> list[tuple[str, int]]:
        """Provider and number of each take's job. `free` are earlier ones that may be gone on with; those that are leave it."""
        plan = {**order.plain(), "after": last}
        begun = []
        for place, words in enumerate(wished):
            new = Plan(
                self.run,
                order.project,
                order.cue.id,
                place,
                order.model.id,
                order.model.provider,
                drawn(order) if order.cue.seed is None else order.cue.seed + place,
                plan,
                words,
            )
            earlier = free[words].pop(0) if free[words] else None
            if earlier is not None:
                after = earlier.plan["after"] if earlier.takes else last
                kept = {
                    "run": self.run,
                    "cue": order.cue.id,
                    "place": place,
                    "plan": {**plan, "after": after},
                    "stop": 0,
                }
                if ledger.claim(earlier.id, self.token, earlier.owner, **kept) is None:
                    earlier = None
            number = earlier.id if earlier is not None else ledger.add([new], self.token)[0]
            begun.append((order.model.provider, number))
        return begun

    def _free(self, job: Job) -> bool:
        return job.owner is None or (job.owner != self.token and not alive(job.owner))

    async def take_up(self, numbers: Sequence[int] = (), belongs: Callable[[Job], bool] = lambda _: True) -> list[Job]:
        """Go on with jobs that nobody carries: those named, or all that `belongs` says yes to. Those taken up."""

        def claimed(ledger: Ledger) -> list[Job]:
            found = []
            for number in ledger.open_jobs(numbers):
                job = ledger.get(number)
                if belongs(job) and self._free(job):
                    taken = ledger.claim(number, self.token, job.owner)
                    found += [taken] if taken else []
            return found

        jobs = await self.desk(claimed)
        self.put([(job.provider, job.id) for job in jobs])
        return jobs

    def put(self, jobs: Iterable[tuple[str, int]]) -> None:
        """Put jobs of this crew into their providers' lanes."""
        for name, number in jobs:
            self._lanes[name].append(number)
            self._idle.clear()
            workers = self._workers[name]
            if sum(not worker.done() for worker in workers) < self._gates.width(name) * AHEAD:
                worker = asyncio.ensure_future(self._work(name))
                workers.add(worker)
                worker.add_done_callback(partial(self._gone, workers))

    def _gone(self, workers: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        workers.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._broken = error
        if self._broken or not any(self._workers.values()):
            self._idle.set()

    async def idle(self) -> None:
        """Wait until nothing is under way.

        Raises:
            LedgerTrouble: the ledger cannot be used any more.
        """
        await self._idle.wait()
        if self._broken:
            raise self._broken

    async def _work(self, name: str) -> None:
        lane = self._lanes[name]
        while lane:
            number = lane.popleft()
            job = await self.desk(Ledger.get, number)
            if number in self._means.stopping:
                await self._never_begun(job)
            else:
                self._told(job, await self._carry(job))

    async def _carry(self, job: Job) -> list[Take | Failure]:
        try:
            order = await self._order(job)
            trip = Trip(job, order, self._means)
        except TracklayError as trouble:
            with contextlib.suppress(TracklayError):
                await self.desk(Ledger.note, job, kind=trouble.kind, words=str(trouble))
                await self.desk(Ledger.release, self.token, job.id)
            return [Failure(Order.cue_of(job.plan), trouble)]
        task = self._carried[job.id] = asyncio.ensure_future(trip.run())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if job.id in self._means.stopping and task.done():
                return [Failure(order.cue, Cancelled(trip.job.words or "cancelled"))]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach the person and not vanish with its task
            with contextlib.suppress(TracklayError):
                await self.desk(Ledger.release, self.token, job.id)
            return [Failure(order.cue, fault(error))]
        finally:
            del self._carried[job.id]
            await asyncio.to_thread(artifact_store.clear, self.token, job.id)
            if trip.job.state in OVER:
                with contextlib.suppress(TracklayError):
                    await tidy(self.desk)

    async def _order(self, job: Job) -> Order:
        if job.model not in self._models:
            self._models = {**await asyncio.to_thread(load), **self._models}
        return Order.of_plain(job.plan, self._models)

    async def stop(self, *numbers: int) -> None:
        """Stop jobs of this crew for good: the wish reaches the provider."""
        for number in numbers:
            self._means.stopping.add(number)
            if task := self._carried.get(number):
                task.cancel()
            for lane in self._lanes.values():
                if number in lane:
                    lane.remove(number)
                    await self._never_begun(await self.desk(Ledger.get, number))

    async def _never_begun(self, job: Job) -> None:
        words = "nothing was sent and nothing is charged"
        if job.state in UNSENT:
            job = await self.desk(Ledger.move, job, "cancelled", kind=Cancelled.kind, words=words)
        self._told(job, [Failure(Order.cue_of(job.plan), Cancelled(words))])

    async def stop_cue(self, cue: str) -> None:
        """Stop all jobs of a cue."""
        await self.stop(*await self.desk(Ledger.of_cue, self.token, cue))

    async def _watched(self) -> None:
        while True:
            await asyncio.sleep(STOP_LOOK_SECONDS)
            with contextlib.suppress(TracklayError):
                wished = await self.desk(Ledger.stops, self.token)
                await self.stop(*(number for number in wished if number not in self._means.stopping))

    async def call_off(self, number: int) -> Job | None:
        """Stop a job that nobody carries; None where somebody does."""

        def claimed(ledger: Ledger) -> Job | None:
            job = ledger.get(number)
            return ledger.claim(number, self.token, job.owner) if self._free(job) else None

        job = await self.desk(claimed)
        if job is None:
            return None
        job = await Trip(job, await self._order(job), self._means).called_off()
        await self.desk(Ledger.release, self.token, number)
        return job

    async def laid_with(self, job: Job) -> list[Take]:
        """The takes of a job's run and timeline that lie there already."""
        orders = [(each, await self._order(each)) for each in await self.desk(Ledger.laid_in, job.run)]
        return [
            taken(order, each, claim)
            for each, order in orders
            if each.plan["laying"] == job.plan["laying"] and each.project == job.project
            for claim in each.takes
        ]

    async def laid(self, takes: Iterable[Take]) -> None:
        """Note that takes lie under their picture. What they were made of is kept where it would cost something again."""
        numbers = sorted({take.job for take in takes if take.job is not None})

        def note(ledger: Ledger) -> None:
            for number in numbers:
                if (job := ledger.get(number)).state == "ready":
                    ledger.move(job, "laid")

        await self.desk(note)
        await tidy(self.desk)


async def tidy(desk: Desk) -> None:
    """Throw away proxies that no job needs, and outputs that are not worth keeping when they are laid.

    What is thrown away was seen in an earlier transaction: that nothing needs it is on disk by then, and a crash can't undo it.
    """
    proxies, copies, jobs = await desk(_unwanted)

    def drop(ledger: Ledger) -> None:
        for name in proxies:
            if not ledger.wants_proxy(name):  # nobody may begin to want it while this transaction lasts
                artifact_store.drop_proxy(name)
        for copy in copies:
            if not ledger.wants_copy(copy):
                artifact_store.drop_copy(copy)
        for job in jobs:
            artifact_store.drop_output(job.id)
            ledger.note(job, output=None)

    if proxies or copies or jobs:
        await desk(drop)


def _unwanted(ledger: Ledger) -> tuple[list[str], list[Path], list[Job]]:
    proxies = [name for name in artifact_store.kept_proxies() if not ledger.wants_proxy(name)]
    return proxies, [copy for copy in artifact_store.kept_copies() if not ledger.wants_copy(copy)], ledger.spent()


def _looked_at(orders: Sequence[Order]) -> tuple[list[int], list[list[str]]]:
    """Each order's last take number so far, and what its takes are known by."""
    return [Numbered.last(order.folder, order.take_name) for order in orders], [wishes(order) for order in orders]


def fault(error: Exception) -> TracklayError:
    """A fault of our own as an error that a person reads."""
    fault = TracklayError(f"a fault in Tracklay itself: {type(error).__name__}: {error}")
    fault.__cause__ = error
    return fault
