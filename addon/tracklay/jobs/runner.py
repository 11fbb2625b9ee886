"""Who has jobs carried: a command, which waits for them in its own thread, and an editor, for which a thread of its own does."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from concurrent.futures import wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from ..cue import Failure, Take
from ..errors import Cancelled, ModelFailed, OutputError, TracklayError
from ..models import load
from . import admin
from .job_spec import Order, Step
from .ledger import Ledger
from .scheduler import Crew, fault
from .states import OVER
from .take_writer import taken

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType
    from typing import Any

    from ..cue import Cue
    from ..models import Model
    from .ledger import Job
    from .states import State

    Told = Callable[[Job, list[Take | Failure]], None]


class Run:
    """What one command has in hand, from planning to laying: the same process carries it all the way.

    `with Run(report) as run: results = run.orders(orders)`, lay the takes, `run.laid(takes)`.
    """

    def __init__(self, report: Callable[[Step], None], at_once: Mapping[str, int] | None = None) -> None:
        self._loop = asyncio.Runner()
        self._results: dict[int, tuple[Job, list[Take | Failure]]] = {}
        self._crew: Crew
        self._report, self._at_once = report, at_once

    def __enter__(self) -> Self:
        """Open the ledger.

        Raises:
            LedgerTrouble, OutputError: it cannot be used.
        """
        try:
            self._crew = self._loop.run(self._opened())
        except BaseException:
            self._loop.close()
            raise
        return self

    async def _opened(self) -> Crew:
        return await Crew(self._report, self._told, self._at_once).__aenter__()

    def _told(self, job: Job, results: list[Take | Failure]) -> None:
        self._results[job.id] = job, results

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of what is not laid: it can be taken up again."""
        try:
            self._loop.run(self._crew.__aexit__(kind, error, trace))
        finally:
            self._loop.close()

    def caps(self, orders: Sequence[Order], *, run: str | None = None, project: str | None = None) -> None:
        """Hold what is planned from now on to a cap: for this run, and for the orders' projects from now on."""

        def set_caps(ledger: Ledger) -> None:
            if run is not None:
                ledger.set_cap(f"run:{self._crew.run}", run)
            for name in {order.project for order in orders} if project is not None else ():
                ledger.set_cap(f"project:{name}", str(project))

        self._do(self._crew.desk(set_caps))

    def orders(self, orders: Sequence[Order]) -> list[Take | Failure]:
        """Make all orders, side by side, and wait for them. Interrupting lets go of them, and they can be taken up."""
        self._do(self._crew.plan(orders))
        return self._waited()

    def resume(
        self, numbers: Sequence[int] = (), belongs: Callable[[Job], bool] = lambda _: True
    ) -> list[tuple[Job, list[Take | Failure]]]:
        """Go on with jobs that nobody carries, and wait for them."""
        self._do(self._crew.take_up(numbers, belongs))
        self._waited()
        return [self._results[number] for number in sorted(self._results)]

    def call_off(self, number: int) -> Job | None:
        """Stop a job that nobody carries; None where somebody does."""
        job: Job | None = self._do(self._crew.call_off(number))
        return job

    def laid_with(self, job: Job) -> list[Take]:
        """The takes of a job's run and picture that lie there already."""
        takes: list[Take] = self._do(self._crew.laid_with(job))
        return takes

    def _waited(self) -> list[Take | Failure]:
        self._do(self._crew.idle())
        ended = sorted(self._results.values(), key=lambda each: each[0].id)
        return [result for _, results in ended for result in results]

    def laying(self, takes: Iterable[Take], target: Path) -> None:
        """Note which file laying writes, before it does: after a crash it is known for ours."""

        def note(ledger: Ledger) -> None:
            for number in {take.job for take in takes if take.job is not None}:
                ledger.note(ledger.get(number), target=str(target))

        self._do(self._crew.desk(note))

    def laid(self, takes: Iterable[Take]) -> None:
        """Note that takes lie under their picture."""
        self._do(self._crew.laid(takes))

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run(work)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a take stands, now that nobody carries its job on: `results` are its takes, and why there are no more.

    `index` is the take's place among its cue's; `laying` is its order's. `job` and `state` are the ledger's, None where no job came to be.
    """

    cue: Cue
    laying: Mapping[str, Any]
    index: int
    results: Sequence[Take | Failure]
    job: int | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Going:
    """A take whose job is on its way: with this process; or, where `words` say why, not now, or with another."""

    cue: Cue
    laying: Mapping[str, Any]
    index: int
    job: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """Cues were looked up, and told of. `unknown` are those that the ledger has nothing of, `trouble` says why it did not answer."""

    unknown: frozenset[str] = frozenset()
    trouble: str = ""


News = Step | Ended | Going | Looked


class Runner:
    """A loop in a thread of its own. `news` holds what happened since it was last read: each take's steps, and how its job ended.

    A take is known by its cue's id and its index. An order may be for some of its cue's takes only: `laying["takes"]` then holds
    their indices.
    """

    def __init__(self, at_once: Mapping[str, int] | None = None) -> None:
        self._at_once = at_once
        self.news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._crew: Crew | None = None
        self._opening = asyncio.Lock()
        self._under_way: dict[tuple[str, int], Order] = {}
        """Takes that are carried here, or about to be."""
        self._unwanted: set[tuple[str, int]] = set()
        """Those of them that were called off before they had a job."""
        self._indices: dict[str, Sequence[int]] = {}
        self._notes: list[Future[Any]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        """What this runner has asked of its crew and is not done."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="tracklay", daemon=True)
        self._thread.start()

    def start(self, order: Order) -> None:
        """Begin an order; its cue's id names it from now on."""
        for index in indices(order):
            self._under_way[order.cue.id, index] = order
        self._soon(self._started(order))

    def _soon(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(self._at_work(work), self._loop)

    async def _at_work(self, work: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it runs in one
        self._tasks.add(task)
        try:
            return await work
        finally:
            self._tasks.discard(task)

    def cap(self, project: str, amount: str, *, holds: bool) -> None:
        """Hold a project to a cap, or lift it where it is still just that one; for what is started after this."""
        self._soon(self._capped(f"project:{project}", amount, holds=holds))

    async def _capped(self, scope: str, amount: str, *, holds: bool) -> None:
        with contextlib.suppress(TracklayError):  # a ledger that cannot be written is told by the order itself
            crew = await self._ready()
            await crew.desk(Ledger.set_cap if holds else Ledger.lift_cap, scope, amount)

    async def _ready(self) -> Crew:
        async with self._opening:
            if self._crew is None:
                self._crew = await Crew(self._reported, self._told, self._at_once).__aenter__()
            return self._crew

    def _reported(self, step: Step) -> None:
        places = self._indices.get(step.cue)
        self.news.put(replace(step, index=places[step.index]) if places else step)

    async def _started(self, order: Order) -> None:
        cue, wanted = order.cue.id, [(order.cue.id, index) for index in indices(order)]
        try:
            crew = await self._ready()
            if self._unwanted.issuperset(wanted):
                raise Cancelled("nothing was sent and nothing is charged")  # noqa: TRY301 - it ends as any other that was called off
            self._indices[cue] = indices(order)
            await crew.plan([order])
            for each in self._unwanted.intersection(wanted):
                await self._called_off(*each)
            await crew.idle()
        except TracklayError as error:
            self._never_began(order, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach the person and not vanish with its task
            self._never_began(order, fault(error))

    def _never_began(self, order: Order, error: TracklayError) -> None:
        for index in indices(order):
            self._unwanted.discard((order.cue.id, index))
            if self._under_way.pop((order.cue.id, index), None):
                self.news.put(Ended(order.cue, order.laying, index, [Failure(order.cue, error)]))

    def _told(self, job: Job, results: list[Take | Failure]) -> None:
        index = index_of(job)
        if (order := self._under_way.pop((job.cue, index), None)) is not None:
            self._unwanted.discard((job.cue, index))
            self._soon(self._ended(order, index, job, results))

    async def _ended(self, order: Order, index: int, job: Job, results: list[Take | Failure]) -> None:
        """Tell of it with the state that the ledger has it in: the row that was carried is older."""
        assert self._crew is not None  # noqa: S101 - it told
        with contextlib.suppress(TracklayError):
            job = await self._crew.desk(Ledger.get, job.id)
        self.news.put(Ended(order.cue, order.laying, index, results, job.id, job.state))

    def look(self, cues: Iterable[str], hindrance: Callable[[Job], str]) -> None:
        """Look up how cues stand, and go on with their jobs that nobody carries. News comes of each of their takes.

        Args:
            cues: their ids.
            hindrance: why a job may not go on now, in words; empty where it may.
        """
        self._soon(self._looked(frozenset(cues), hindrance))

    async def _looked(self, cues: frozenset[str], hindrance: Callable[[Job], str]) -> None:
        try:
            crew = await self._ready()
            jobs = latest(await crew.desk(Ledger.of_cues, cues))
            catalogue = await asyncio.to_thread(load)
            for job in jobs:
                await self._looked_at(crew, job, catalogue, hindrance(job))
        except TracklayError as error:
            self.news.put(Looked(trouble=str(error)))
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach the person and not vanish with its task
            self.news.put(Looked(trouble=str(fault(error))))
        else:
            known = {job.cue for job in jobs} | {cue for cue, _ in self._under_way}
            self.news.put(Looked(cues - known))

    async def _looked_at(self, crew: Crew, job: Job, catalogue: Mapping[str, Model], why: str) -> None:
        index, cue, laying = index_of(job), Order.cue_of(job.plan), job.plan["laying"]
        if (job.cue, index) in self._under_way:
            return
        try:
            order = Order.of_plain(job.plan, catalogue)
        except TracklayError as error:  # its model is no longer in the catalogue
            self.news.put(Ended(cue, laying, index, [Failure(cue, error)], job.id, job.state))
            return
        if job.state in OVER:
            outcome = await asyncio.to_thread(_outcome, order, job)
            self.news.put(Ended(cue, laying, index, outcome, job.id, job.state))
        elif why:
            self.news.put(Going(cue, laying, index, job.id, why))
        else:
            self._indices[job.cue] = indices(order)
            self._under_way[job.cue, index] = order
            if await crew.take_up([job.id]):
                self.news.put(Going(cue, laying, index, job.id))
            else:
                del self._under_way[job.cue, index]
                self.news.put(Going(cue, laying, index, job.id, "another Blender, or a command, carries it"))

    def send_again(self, number: int, hindrance: Callable[[Job], str]) -> None:
        """Have an unclear job sent once more: it may be charged twice, and a person has said so."""
        self._soon(self._on_the_books(admin.send_again, number, hindrance))

    def forget(self, number: int, hindrance: Callable[[Job], str]) -> None:
        """Give a job up: one that is not over is called off first."""
        self._soon(self._forgotten(number, hindrance))

    async def _forgotten(self, number: int, hindrance: Callable[[Job], str]) -> None:
        with contextlib.suppress(TracklayError):
            crew = await self._ready()
            job = await crew.desk(Ledger.get, number)
            if job.state not in OVER and job.state != "unclear":
                await crew.call_off(number)
        await self._on_the_books(admin.forget, number, hindrance)

    async def _on_the_books(self, act: Callable[[int], Job], number: int, hindrance: Callable[[Job], str]) -> None:
        with contextlib.suppress(TracklayError):  # somebody was faster: how it stands now is told all the same
            await asyncio.to_thread(act, number)
        with contextlib.suppress(TracklayError):
            crew = await self._ready()
            job = await crew.desk(Ledger.get, number)
            await self._looked(frozenset({job.cue}), hindrance)
            return
        self.news.put(Looked())

    def laid(self, takes: Iterable[Take]) -> None:
        """Note that takes lie on the timeline: a job that is not laid is laid again after a restart."""
        if self._crew is not None:
            self._notes = [note for note in self._notes if not note.done()]
            self._notes.append(self._soon(self._crew.laid(list(takes))))

    def cancel(self, cue: str, index: int | None = None) -> None:
        """Stop a cue, or one of its takes; what is stopped ends as cancelled."""
        going = [each for each in self._under_way if each[0] == cue and index in (None, each[1])]
        self._unwanted.update(going)
        self._soon(self._called_off(cue, index))

    async def _called_off(self, cue: str, index: int | None) -> None:
        with contextlib.suppress(TracklayError):
            crew = await self._ready()
            for job in latest(await crew.desk(Ledger.of_cues, frozenset({cue}))):
                if index not in (None, index_of(job)) or job.state in OVER:
                    continue
                if job.owner == crew.token:
                    await crew.stop(job.id)
                elif (stopped := await crew.call_off(job.id)) is None:
                    await crew.desk(Ledger.note, job, stop=1)  # whoever carries it looks for the wish
                else:
                    gone = Order.cue_of(job.plan)
                    words = [Failure(gone, Cancelled(stopped.words))]
                    self.news.put(Ended(gone, job.plan["laying"], index_of(job), words, job.id, stopped.state))

    @property
    def busy(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._under_way)

    def settled(self) -> None:
        """Wait until all that was noted as laid is on disk."""
        wait(self._notes)

    def close(self) -> None:
        """Let go of everything, so that it can be taken up again, and end the thread."""

        async def wind_up() -> None:
            await asyncio.gather(*map(asyncio.wrap_future, self._notes), return_exceptions=True)
            # First whatever may still give the crew something to do: what it began while it ends would wait for the ledger for ever.
            await _ended_all(self._tasks - {asyncio.current_task()})
            if self._crew is not None:
                await self._crew.__aexit__(None, None, None)
            await _ended_all(asyncio.all_tasks() - {asyncio.current_task()})

        with contextlib.suppress(RuntimeError):
            asyncio.run_coroutine_threadsafe(wind_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _ended_all(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    """Cancel tasks, and wait until they have ended."""
    given = [task for task in tasks if task is not None]
    for task in given:
        task.cancel()
    await asyncio.gather(*given, return_exceptions=True)


def indices(order: Order) -> Sequence[int]:
    """Which of its cue's takes an order is for, in the order of its jobs."""
    named: Sequence[int] = order.laying.get("takes", range(order.cue.takes))
    return named


def index_of(job: Job) -> int:
    """Which of its cue's takes a job is."""
    named = job.plan["laying"].get("takes")
    return int(named[job.place]) if named else job.place


def latest(jobs: Iterable[Job]) -> list[Job]:
    """Of the jobs of cues the one that counts for each take: what is laid, else what is not over, else the last."""
    best: dict[tuple[str, int], Job] = {}
    for job in sorted(jobs, key=lambda job: (job.state == "laid", job.state not in OVER, job.id)):
        best[job.cue, index_of(job)] = job
    return list(best.values())


def _outcome(order: Order, job: Job) -> list[Take | Failure]:
    """What came of a job that is over: its takes, where their files are still there."""
    if job.state != "laid":
        error = Cancelled(job.words) if job.state == "cancelled" else ModelFailed(job.words)
        return [Failure(order.cue, error)]
    takes = [taken(order, job, claim) for claim in job.takes]
    gone = [take.file for take in takes if not take.file.is_file()]
    if gone:
        return [Failure(order.cue, OutputError(f"the take {gone[0]} is gone: put it back, or generate again"))]
    return list(takes)
