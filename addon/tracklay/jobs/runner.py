"""Who has jobs carried: a command, which waits for them in its own thread, and an editor, for which a thread of its own does."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from concurrent.futures import wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from ..cue import Failure, Take
from ..errors import Cancelled, ModelFailed, OutputError, TracklayError
from ..models import load_catalogue
from . import admin
from .delivery import delivery_of_plan
from .job_spec import JobSpec, StageProgress
from .ledger import Ledger
from .scheduler import Scheduler, internal_error
from .states import FINAL_STATES
from .take_writer import take_from_claim

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Any

    from ..cue import Cue
    from ..models import Model
    from .delivery import Delivery
    from .ledger import Job
    from .states import JobState

    JobFinishedCallback = Callable[[Job, list[Take | Failure]], None]

Params = ParamSpec("Params")
Result = TypeVar("Result")


class BlockingRunner:
    """What one command has in hand, from planning to laying: the same process carries it all the way.

    `with BlockingRunner(report) as run: results = run.run_jobs(specs)`, then `run.call(deliver_takes, …)` lays the takes.
    """

    def __init__(
        self, report_progress: Callable[[StageProgress], None], limits: Mapping[str, int] | None = None
    ) -> None:
        self._asyncio_runner = asyncio.Runner()
        self._results: dict[int, tuple[Job, list[Take | Failure]]] = {}
        self._scheduler: Scheduler
        self._report_progress, self._limits = report_progress, limits

    def __enter__(self) -> Self:
        """Open the ledger.

        Raises:
            LedgerTrouble, OutputError: it cannot be used.
        """
        try:
            self._scheduler = self._asyncio_runner.run(self._open_scheduler())
        except BaseException:
            self._asyncio_runner.close()
            raise
        return self

    async def _open_scheduler(self) -> Scheduler:
        return await Scheduler(self._report_progress, self._on_job_finished, self._limits).__aenter__()

    def _on_job_finished(self, job: Job, results: list[Take | Failure]) -> None:
        self._results[job.id] = job, results

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of what is not laid: it can be taken up again."""
        try:
            self._asyncio_runner.run(self._scheduler.__aexit__(kind, error, trace))
        finally:
            self._asyncio_runner.close()

    def set_caps(self, specs: Sequence[JobSpec], *, run_cap: str | None = None, project_cap: str | None = None) -> None:
        """Hold what is planned from now on to a cap: for this run, and for the orders' projects from now on."""

        def write_caps(ledger: Ledger) -> None:
            if run_cap is not None:
                ledger.set_cap(f"run:{self._scheduler.run_id}", run_cap)
            for name in {order.project for order in specs} if project_cap is not None else ():
                ledger.set_cap(f"project:{name}", str(project_cap))

        self._run(self._scheduler.ledger_writer(write_caps))

    def run_jobs(self, specs: Sequence[JobSpec]) -> list[Take | Failure]:
        """Make all orders, side by side, and wait for them. Interrupting lets go of them, and they can be taken up."""
        self._run(self._scheduler.add_jobs(specs))
        return self._wait_for_results()

    def resume(
        self, job_ids: Sequence[int] = (), matches: Callable[[Job], bool] = lambda _: True
    ) -> list[tuple[Job, list[Take | Failure]]]:
        """Go on with jobs that nobody carries, and wait for them."""
        self._run(self._scheduler.resume(job_ids, matches))
        self._wait_for_results()
        return [self._results[number] for number in sorted(self._results)]

    def cancel_unowned(self, job_id: int) -> Job | None:
        """Stop a job that nobody carries; None where somebody does."""
        job: Job | None = self._run(self._scheduler.cancel_unowned(job_id))
        return job

    def laid_takes_of_run(self, job: Job) -> list[Take]:
        """The takes of a job's run and picture that lie there already."""
        takes: list[Take] = self._run(self._scheduler.laid_takes_of_run(job))
        return takes

    def _wait_for_results(self) -> list[Take | Failure]:
        self._run(self._scheduler.wait_until_idle())
        ended = sorted(self._results.values(), key=lambda each: each[0].id)
        return [result for _, results in ended for result in results]

    def call(
        self,
        step: Callable[Concatenate[Scheduler, Params], Coroutine[Any, Any, Result]],
        *args: Params.args,
        **kwargs: Params.kwargs,
    ) -> Result:
        """Run a coroutine function, whose first argument is this command's scheduler, and return its result."""
        return self._asyncio_runner.run(step(self._scheduler, *args, **kwargs))

    def mark_laid(self, takes: Iterable[Take]) -> None:
        """Note that takes lie under their picture."""
        self._run(self._scheduler.mark_laid(takes))

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._asyncio_runner.run(coroutine)


@dataclass(frozen=True, slots=True)
class TakeFinished:
    """How a take stands, now that nobody carries its job on: `results` are its takes, and why there are no more.

    `take_index` is the take's place among its cue's; `delivery` is its order's. `job_id` and `state` are the ledger's, None where no job came to be.
    """

    cue: Cue
    delivery: Delivery
    take_index: int
    results: Sequence[Take | Failure]
    job_id: int | None = None
    state: JobState | None = None


@dataclass(frozen=True, slots=True)
class TakeResumed:
    """A take whose job is on its way: with this process; or, where `blocked_reason` say why, not now, or with another."""

    cue: Cue
    delivery: Delivery
    take_index: int
    job_id: int
    blocked_reason: str = ""


@dataclass(frozen=True, slots=True)
class LookupDone:
    """Cues were looked up, and told of. `unknown_cues` are those that the ledger has nothing of, `error` says why it did not answer."""

    unknown_cues: frozenset[str] = frozenset()
    error: str = ""


RunnerEvent = StageProgress | TakeFinished | TakeResumed | LookupDone


class BackgroundRunner:
    """A loop in a thread of its own. `events` holds what happened since it was last read: each take's steps, and how its job ended.

    A take is known by its cue's id and its index. An order may be for some of its cue's takes only: `delivery.take_indices` then
    holds them.
    """

    def __init__(self, limits: Mapping[str, int] | None = None) -> None:
        self._limits = limits
        self.events: queue.SimpleQueue[RunnerEvent] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._scheduler: Scheduler | None = None
        self._open_lock = asyncio.Lock()
        self._active: dict[tuple[str, int], JobSpec] = {}
        """Takes that are carried here, or about to be."""
        self._cancelled_before_start: set[tuple[str, int]] = set()
        """Those of them that were called off before they had a job."""
        self._take_indices: dict[str, Sequence[int]] = {}
        self._laid_writes: list[Future[Any]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        """What this runner has asked of its crew and is not done."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="tracklay", daemon=True)
        self._thread.start()

    def start(self, spec: JobSpec) -> None:
        """Begin an order; its cue's id names it from now on."""
        for index in take_indices(spec):
            self._active[spec.cue.id, index] = spec
        self._schedule(self._start(spec))

    def _schedule(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(self._track_task(coroutine), self._loop)

    async def _track_task(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it runs in one
        self._tasks.add(task)
        try:
            return await coroutine
        finally:
            self._tasks.discard(task)

    def set_project_cap(self, project: str, amount: str, *, enabled: bool) -> None:
        """Hold a project to a cap, or lift it where it is still just that one; for what is started after this."""
        self._schedule(self._set_cap(f"project:{project}", amount, enabled=enabled))

    async def _set_cap(self, scope: str, amount: str, *, enabled: bool) -> None:
        with contextlib.suppress(TracklayError):  # a ledger that cannot be written is told by the order itself
            crew = await self._get_scheduler()
            await crew.ledger_writer(Ledger.set_cap if enabled else Ledger.remove_cap, scope, amount)

    async def _get_scheduler(self) -> Scheduler:
        async with self._open_lock:
            if self._scheduler is None:
                self._scheduler = await Scheduler(self._on_progress, self._on_job_finished, self._limits).__aenter__()
            return self._scheduler

    def _on_progress(self, step: StageProgress) -> None:
        places = self._take_indices.get(step.cue)
        self.events.put(replace(step, take_index=places[step.take_index]) if places else step)

    async def _start(self, spec: JobSpec) -> None:
        cue, wanted = spec.cue.id, [(spec.cue.id, index) for index in take_indices(spec)]
        try:
            crew = await self._get_scheduler()
            if self._cancelled_before_start.issuperset(wanted):
                raise Cancelled("nothing was sent and nothing is charged")  # noqa: TRY301 - it ends as any other that was called off
            self._take_indices[cue] = take_indices(spec)
            await crew.add_jobs([spec])
            for each in self._cancelled_before_start.intersection(wanted):
                await self._cancel(*each)
            await crew.wait_until_idle()
        except TracklayError as error:
            self._report_not_started(spec, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach the person and not vanish with its task
            self._report_not_started(spec, internal_error(error))

    def _report_not_started(self, spec: JobSpec, error: TracklayError) -> None:
        for index in take_indices(spec):
            self._cancelled_before_start.discard((spec.cue.id, index))
            if self._active.pop((spec.cue.id, index), None):
                self.events.put(TakeFinished(spec.cue, spec.delivery, index, [Failure(spec.cue, error)]))

    def _on_job_finished(self, job: Job, results: list[Take | Failure]) -> None:
        index = job_take_index(job)
        if (order := self._active.pop((job.cue, index), None)) is not None:
            self._cancelled_before_start.discard((job.cue, index))
            self._schedule(self._report_finished(order, index, job, results))

    async def _report_finished(self, spec: JobSpec, index: int, job: Job, results: list[Take | Failure]) -> None:
        """Tell of it with the state that the ledger has it in: the row that was carried is older."""
        assert self._scheduler is not None  # noqa: S101 - it told
        with contextlib.suppress(TracklayError):
            job = await self._scheduler.ledger_writer(Ledger.get_job, job.id)
        self.events.put(TakeFinished(spec.cue, spec.delivery, index, results, job.id, job.state))

    def refresh_cues(self, cues: Iterable[str], blocked_reason: Callable[[Job], str]) -> None:
        """Look up how cues stand, and go on with their jobs that nobody carries. News comes of each of their takes.

        Args:
            cues: their ids.
            blocked_reason: why a job may not go on now, in words; empty where it may.
        """
        self._schedule(self._refresh_cues(frozenset(cues), blocked_reason))

    async def _refresh_cues(self, cues: frozenset[str], blocked_reason: Callable[[Job], str]) -> None:
        try:
            crew = await self._get_scheduler()
            jobs = current_jobs(await crew.ledger_writer(Ledger.jobs_of_cues, cues))
            catalogue = await asyncio.to_thread(load_catalogue)
            for job in jobs:
                await self._refresh_job(crew, job, catalogue, blocked_reason(job))
        except TracklayError as error:
            self.events.put(LookupDone(error=str(error)))
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach the person and not vanish with its task
            self.events.put(LookupDone(error=str(internal_error(error))))
        else:
            known = {job.cue for job in jobs} | {cue for cue, _ in self._active}
            self.events.put(LookupDone(cues - known))

    async def _refresh_job(
        self, crew: Scheduler, job: Job, catalogue: Mapping[str, Model], blocked_reason: str
    ) -> None:
        index, cue, delivery = job_take_index(job), JobSpec.cue_from_dict(job.plan), delivery_of_plan(job.plan)
        if (job.cue, index) in self._active:
            return
        try:
            order = JobSpec.from_dict(job.plan, catalogue)
        except TracklayError as error:  # its model is no longer in the catalogue
            self.events.put(TakeFinished(cue, delivery, index, [Failure(cue, error)], job.id, job.state))
            return
        if job.state in FINAL_STATES:
            outcome = await asyncio.to_thread(_finished_results, order, job)
            self.events.put(TakeFinished(cue, delivery, index, outcome, job.id, job.state))
        elif blocked_reason:
            self.events.put(TakeResumed(cue, delivery, index, job.id, blocked_reason))
        else:
            self._take_indices[job.cue] = take_indices(order)
            self._active[job.cue, index] = order
            if await crew.resume([job.id]):
                self.events.put(TakeResumed(cue, delivery, index, job.id))
            else:
                del self._active[job.cue, index]
                self.events.put(TakeResumed(cue, delivery, index, job.id, "another Blender, or a command, carries it"))

    def resubmit(self, job_id: int, blocked_reason: Callable[[Job], str]) -> None:
        """Have an unclear job sent once more: it may be charged twice, and a person has said so."""
        self._schedule(self._run_admin_action(admin.resubmit_job, job_id, blocked_reason))

    def discard(self, job_id: int, blocked_reason: Callable[[Job], str]) -> None:
        """Give a job up: one that is not over is called off first."""
        self._schedule(self._discard(job_id, blocked_reason))

    async def _discard(self, job_id: int, blocked_reason: Callable[[Job], str]) -> None:
        with contextlib.suppress(TracklayError):
            crew = await self._get_scheduler()
            job = await crew.ledger_writer(Ledger.get_job, job_id)
            if job.state not in FINAL_STATES and job.state != "unclear":
                await crew.cancel_unowned(job_id)
        await self._run_admin_action(admin.discard_job, job_id, blocked_reason)

    async def _run_admin_action(
        self, action: Callable[[int], Job], job_id: int, blocked_reason: Callable[[Job], str]
    ) -> None:
        with contextlib.suppress(TracklayError):  # somebody was faster: how it stands now is told all the same
            await asyncio.to_thread(action, job_id)
        with contextlib.suppress(TracklayError):
            crew = await self._get_scheduler()
            job = await crew.ledger_writer(Ledger.get_job, job_id)
            await self._refresh_cues(frozenset({job.cue}), blocked_reason)
            return
        self.events.put(LookupDone())

    def mark_laid(self, takes: Iterable[Take]) -> None:
        """Note that takes lie on the timeline: a job that is not laid is laid again after a restart."""
        if self._scheduler is not None:
            self._laid_writes = [note for note in self._laid_writes if not note.done()]
            self._laid_writes.append(self._schedule(self._scheduler.mark_laid(list(takes))))

    def cancel(self, cue: str, index: int | None = None) -> None:
        """Stop a cue, or one of its takes; what is stopped ends as cancelled."""
        going = [each for each in self._active if each[0] == cue and index in (None, each[1])]
        self._cancelled_before_start.update(going)
        self._schedule(self._cancel(cue, index))

    async def _cancel(self, cue: str, index: int | None) -> None:
        with contextlib.suppress(TracklayError):
            crew = await self._get_scheduler()
            for job in current_jobs(await crew.ledger_writer(Ledger.jobs_of_cues, frozenset({cue}))):
                if index not in (None, job_take_index(job)) or job.state in FINAL_STATES:
                    continue
                if job.owner == crew.owner_token:
                    await crew.cancel(job.id)
                elif (stopped := await crew.cancel_unowned(job.id)) is None:
                    await crew.ledger_writer(Ledger.update, job, stop=1)  # whoever carries it looks for the wish
                else:
                    gone = JobSpec.cue_from_dict(job.plan)
                    words = [Failure(gone, Cancelled(stopped.words))]
                    self.events.put(
                        TakeFinished(
                            gone, delivery_of_plan(job.plan), job_take_index(job), words, job.id, stopped.state
                        )
                    )

    @property
    def is_busy(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._active)

    def wait_for_laid(self) -> None:
        """Wait until all that was noted as laid is on disk."""
        wait(self._laid_writes)

    def close(self) -> None:
        """Let go of everything, so that it can be taken up again, and end the thread."""

        async def shut_down() -> None:
            await asyncio.gather(*map(asyncio.wrap_future, self._laid_writes), return_exceptions=True)
            # First whatever may still give the crew something to do: what it began while it ends would wait for the ledger for ever.
            await _cancel_and_wait(self._tasks - {asyncio.current_task()})
            if self._scheduler is not None:
                await self._scheduler.__aexit__(None, None, None)
            await _cancel_and_wait(asyncio.all_tasks() - {asyncio.current_task()})

        with contextlib.suppress(RuntimeError):
            asyncio.run_coroutine_threadsafe(shut_down(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_and_wait(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    """Cancel tasks, and wait until they have ended."""
    given = [task for task in tasks if task is not None]
    for task in given:
        task.cancel()
    await asyncio.gather(*given, return_exceptions=True)


def take_indices(spec: JobSpec) -> Sequence[int]:
    """Which of its cue's takes an order is for, in the order of its jobs."""
    return spec.delivery.take_indices or range(spec.cue.takes)


def job_take_index(job: Job) -> int:
    """Which of its cue's takes a job is."""
    named = delivery_of_plan(job.plan).take_indices
    return named[job.place] if named else job.place


def current_jobs(jobs: Iterable[Job]) -> list[Job]:
    """Of the jobs of cues the one that counts for each take: what is laid, else what is not over, else the last."""
    best: dict[tuple[str, int], Job] = {}
    for job in sorted(jobs, key=lambda job: (job.state == "laid", job.state not in FINAL_STATES, job.id)):
        best[job.cue, job_take_index(job)] = job
    return list(best.values())


def _finished_results(spec: JobSpec, job: Job) -> list[Take | Failure]:
    """What came of a job that is over: its takes, where their files are still there."""
    if job.state != "laid":
        error = Cancelled(job.words) if job.state == "cancelled" else ModelFailed(job.words)
        return [Failure(spec.cue, error)]
    takes = [take_from_claim(spec, job, claim) for claim in job.takes]
    gone = [take.file for take in takes if not take.file.is_file()]
    if gone:
        return [Failure(spec.cue, OutputError(f"the take {gone[0]} is gone: put it back, or generate again"))]
    return list(takes)
