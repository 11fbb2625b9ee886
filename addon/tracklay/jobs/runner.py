"""Two runners of jobs: one that blocks, for commands, and one in a background thread, for editors.

Import this module where it is needed, and not when the extension is enabled: it loads asyncio, SQLite and the media package.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from ..cue import Failure, Take
from ..errors import OutputError, TracklayError
from ..models import load_catalogue
from . import admin
from .costs import overrun_scope
from .delivery import delivery_of_plan
from .events import LookupDone, RunnerEvent, TakeFinished, TakeResumed
from .failures import internal_error, stored_error, unsent_cancelled
from .job_spec import JobSpec, StageProgress
from .ledger import Ledger
from .scheduler import Scheduler
from .states import FINAL_STATES
from .takes.claims import take_from_claim

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ..models import Model
    from .ledger import Job


OTHER_PROCESS_MESSAGE = "another Blender or a command is running it"
"""Reason why a job cannot be resumed here."""

Params = ParamSpec("Params")
Result = TypeVar("Result")


class BlockingRunner:
    """Runs jobs for a command, which waits for them.

    `with BlockingRunner(report_progress) as runner: results = runner.run_jobs(specs)`; then
    `runner.call(deliver_takes, …)` lays the takes.
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
            LedgerError, OutputError: it cannot be used.
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
        """Release the jobs that are not laid, so that they can be resumed."""
        try:
            self._asyncio_runner.run(self._scheduler.__aexit__(kind, error, trace))
        finally:
            self._asyncio_runner.close()

    def set_caps(
        self,
        specs: Sequence[JobSpec],
        *,
        run_cap: str | None = None,
        project_cap: str | None = None,
        max_overrun: str | None = None,
    ) -> None:
        """Set budget caps, as decimal text: for this run, and permanently for the specs' projects.

        `max_overrun` is how many times their estimates the run's bills may be.
        """

        def write_caps(ledger: Ledger) -> None:
            ledger.set_cap(overrun_scope(self._scheduler.run_id), max_overrun)
            if run_cap is not None:
                ledger.set_cap(f"run:{self._scheduler.run_id}", run_cap)
            for name in {spec.project for spec in specs} if project_cap is not None else ():
                ledger.set_cap(f"project:{name}", str(project_cap))

        self._run(self._scheduler.ledger_writer(write_caps))

    def run_jobs(self, specs: Sequence[JobSpec]) -> list[Take | Failure]:
        """Run all jobs concurrently and return their results. Interrupted jobs can be resumed."""
        self._run(self._scheduler.add_jobs(specs))
        return self._wait_for_results()

    def resume(
        self, job_ids: Sequence[int] = (), matches: Callable[[Job], bool] = lambda _: True, *, may_submit: bool = True
    ) -> list[tuple[Job, list[Take | Failure]]]:
        """Resume jobs that no process runs, and return each with its results. Arguments as `Scheduler.resume`."""
        self._run(self._scheduler.resume(job_ids, matches, may_submit=may_submit))
        self._wait_for_results()
        return [self._results[job_id] for job_id in sorted(self._results)]

    def cancel_unowned(self, job_id: int) -> Job | None:
        """Cancel a job that no process runs, and return its new row. Return None if a process runs it."""
        job: Job | None = self._run(self._scheduler.cancel_unowned(job_id))
        return job

    def laid_takes_of_run(self, job: Job) -> list[Take]:
        """Return the takes of a job's run and timeline that are laid already."""
        takes: list[Take] = self._run(self._scheduler.laid_takes_of_run(job))
        return takes

    def _wait_for_results(self) -> list[Take | Failure]:
        self._run(self._scheduler.wait_until_idle())
        finished = sorted(self._results.values(), key=lambda each: each[0].id)
        return [result for _, results in finished for result in results]

    def call(
        self,
        step: Callable[Concatenate[Scheduler, Params], Coroutine[Any, Any, Result]],
        *args: Params.args,
        **kwargs: Params.kwargs,
    ) -> Result:
        """Run a coroutine function, whose first argument is this command's scheduler, and return its result."""
        return self._asyncio_runner.run(step(self._scheduler, *args, **kwargs))

    def mark_laid(self, takes: Iterable[Take]) -> None:
        """Record takes as laid."""
        self._run(self._scheduler.mark_laid(takes))

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._asyncio_runner.run(coroutine)


class BackgroundRunner:
    """Runs jobs on an event loop in a thread of its own. `events` queues what happens; any thread may read it.

    A take is identified by its cue's ID and its index. A spec may ask for some of its cue's takes only: `delivery.take_indices` then
    holds their indices.

    Public methods return at once and schedule their work on the loop, so that an editor's main thread never waits for the ledger.
    """

    def __init__(self, limits: Mapping[str, int] | None = None) -> None:
        self._limits = limits
        self.events: queue.SimpleQueue[RunnerEvent] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._scheduler: Scheduler | None = None
        self._open_lock = asyncio.Lock()
        self._active: dict[tuple[str, int], JobSpec] = {}
        """Takes that run here, or are about to."""
        self._cancelled_before_start: set[tuple[str, int]] = set()
        """Those of them that were cancelled before they had a job."""
        self._take_indices: dict[str, Sequence[int]] = {}
        self._laid_writes: list[Future[Any]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        """Calls into the scheduler that have not ended."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="tracklay", daemon=True)
        self._thread.start()

    def start(self, spec: JobSpec) -> None:
        """Start the jobs of a spec. Its cue's ID identifies them from now on."""
        for index in take_indices(spec):
            self._active[spec.cue.id, index] = spec
        self._schedule(self._start(spec))

    def _schedule(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(self._track_task(coroutine), self._loop)

    async def _track_task(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._tasks.add(task)
        try:
            return await coroutine
        finally:
            self._tasks.discard(task)

    def set_project_cap(self, project: str, amount: str, *, enabled: bool) -> None:
        """Set a project's budget cap, or remove it if it still is `amount`. Applies to what is started after this."""
        self._schedule(self._set_cap(f"project:{project}", amount, enabled=enabled))

    def set_max_overrun(self, factor: str) -> None:
        """Set how many times their estimates the bills of this run may be. Applies to what is started after this."""
        self._schedule(self._set_max_overrun(factor))

    async def _set_max_overrun(self, factor: str) -> None:
        with contextlib.suppress(TracklayError):  # the job itself reports a ledger that cannot be written
            scheduler = await self._get_scheduler()
            await scheduler.ledger_writer(Ledger.set_cap, overrun_scope(scheduler.run_id), factor)

    async def _set_cap(self, scope: str, amount: str, *, enabled: bool) -> None:
        with contextlib.suppress(TracklayError):  # the job itself reports a ledger that cannot be written
            scheduler = await self._get_scheduler()
            await scheduler.ledger_writer(Ledger.set_cap if enabled else Ledger.remove_cap, scope, amount)

    async def _get_scheduler(self) -> Scheduler:
        async with self._open_lock:
            if self._scheduler is None:
                self._scheduler = await Scheduler(self._on_progress, self._on_job_finished, self._limits).__aenter__()
            return self._scheduler

    def _on_progress(self, step: StageProgress) -> None:
        indices = self._take_indices.get(step.cue)
        self.events.put(replace(step, take_index=indices[step.take_index]) if indices else step)

    async def _start(self, spec: JobSpec) -> None:
        cue, wanted = spec.cue.id, [(spec.cue.id, index) for index in take_indices(spec)]
        try:
            scheduler = await self._get_scheduler()
            if self._cancelled_before_start.issuperset(wanted):
                raise unsent_cancelled()  # noqa: TRY301 - it ends like any other cancelled job
            self._take_indices[cue] = take_indices(spec)
            await scheduler.add_jobs([spec])
            for each in self._cancelled_before_start.intersection(wanted):
                await self._cancel(*each)
            await scheduler.wait_until_idle()
        except TracklayError as error:
            self._report_not_started(spec, error)
        except Exception as error:  # noqa: BLE001 - an unexpected error must reach the user and not vanish with its task
            self._report_not_started(spec, internal_error(error))

    def _report_not_started(self, spec: JobSpec, error: TracklayError) -> None:
        for index in take_indices(spec):
            self._cancelled_before_start.discard((spec.cue.id, index))
            if self._active.pop((spec.cue.id, index), None):
                self.events.put(TakeFinished(spec.cue, spec.delivery, index, [Failure(spec.cue, error)]))

    def _on_job_finished(self, job: Job, results: list[Take | Failure]) -> None:
        index = job_take_index(job)
        if (spec := self._active.pop((job.cue, index), None)) is not None:
            self._cancelled_before_start.discard((job.cue, index))
            self.events.put(TakeFinished(spec.cue, spec.delivery, index, results, job.id, job.state))

    def refresh_cues(self, cues: Iterable[str], blocked_reason: Callable[[Job], str]) -> None:
        """Look up cues in the ledger and resume their jobs that no process runs. An event follows for each of their takes.

        Args:
            cues: their IDs.
            blocked_reason: returns why a job may not be resumed now, as text for the user, or an empty text.
        """
        self._schedule(self._refresh_cues(frozenset(cues), blocked_reason))

    async def _refresh_cues(self, cues: frozenset[str], blocked_reason: Callable[[Job], str]) -> None:
        try:
            scheduler = await self._get_scheduler()
            jobs = current_jobs(await scheduler.ledger_writer(Ledger.jobs_of_cues, cues))
            catalogue = await asyncio.to_thread(load_catalogue)
            for job in jobs:
                await self._refresh_job(scheduler, job, catalogue, blocked_reason(job))
        except TracklayError as error:
            self.events.put(LookupDone(error=str(error)))
        except Exception as error:  # noqa: BLE001 - an unexpected error must reach the user and not vanish with its task
            self.events.put(LookupDone(error=str(internal_error(error))))
        else:
            known = {job.cue for job in jobs} | {cue for cue, _ in self._active}
            self.events.put(LookupDone(cues - known))

    async def _refresh_job(
        self, scheduler: Scheduler, job: Job, catalogue: Mapping[str, Model], blocked_reason: str
    ) -> None:
        index, cue, delivery = job_take_index(job), JobSpec.cue_from_dict(job.plan), delivery_of_plan(job.plan)
        if (job.cue, index) in self._active:
            return
        try:
            spec = JobSpec.from_dict(job.plan, catalogue)
        except TracklayError as error:  # its model is no longer in the catalogue
            self.events.put(TakeFinished(cue, delivery, index, [Failure(cue, error)], job.id, job.state))
            return
        if job.state in FINAL_STATES:
            outcome = await asyncio.to_thread(_finished_results, spec, job)
            self.events.put(TakeFinished(cue, delivery, index, outcome, job.id, job.state))
        elif blocked_reason:
            self.events.put(TakeResumed(cue, delivery, index, job.id, blocked_reason))
        else:
            self._take_indices[job.cue] = take_indices(spec)
            self._active[job.cue, index] = spec
            if await scheduler.resume([job.id]):
                self.events.put(TakeResumed(cue, delivery, index, job.id))
            else:
                del self._active[job.cue, index]
                self.events.put(TakeResumed(cue, delivery, index, job.id, OTHER_PROCESS_MESSAGE))

    def resubmit(self, job_id: int, blocked_reason: Callable[[Job], str]) -> None:
        """Send the request of an unclear job again, which may be charged twice. The user has confirmed it."""
        self._schedule(self._run_admin_action(admin.resubmit_job, job_id, blocked_reason))

    def discard(self, job_id: int, blocked_reason: Callable[[Job], str]) -> None:
        """Discard a job: remove it from the list. An open job is cancelled first."""
        self._schedule(self._discard(job_id, blocked_reason))

    async def _discard(self, job_id: int, blocked_reason: Callable[[Job], str]) -> None:
        with contextlib.suppress(TracklayError):
            scheduler = await self._get_scheduler()
            job = await scheduler.ledger_writer(Ledger.get_job, job_id)
            if job.state not in FINAL_STATES and job.state != "unclear":
                await scheduler.cancel_unowned(job_id)
        await self._run_admin_action(admin.discard_job, job_id, blocked_reason)

    async def _run_admin_action(
        self, action: Callable[[int], Job], job_id: int, blocked_reason: Callable[[Job], str]
    ) -> None:
        with contextlib.suppress(
            TracklayError
        ):  # the state has changed meanwhile: the lookup below reports the new one
            await asyncio.to_thread(action, job_id)
        with contextlib.suppress(TracklayError):
            scheduler = await self._get_scheduler()
            job = await scheduler.ledger_writer(Ledger.get_job, job_id)
            await self._refresh_cues(frozenset({job.cue}), blocked_reason)
            return
        self.events.put(LookupDone())

    def mark_laid(self, takes: Iterable[Take]) -> None:
        """Record takes as laid. Until then a job is laid again after a restart."""
        if self._scheduler is not None:
            self._laid_writes = [write for write in self._laid_writes if not write.done()]
            self._laid_writes.append(self._schedule(self._scheduler.mark_laid(list(takes))))

    def cancel(self, cue: str, index: int | None = None) -> None:
        """Cancel all jobs of a cue, or the job of one of its takes."""
        # Marked at once: the jobs may not be in the ledger yet, and `_start` must see the cancellation before it adds them.
        active = [each for each in self._active if each[0] == cue and index in (None, each[1])]
        self._cancelled_before_start.update(active)
        self._schedule(self._cancel(cue, index))

    async def _cancel(self, cue: str, index: int | None) -> None:
        with contextlib.suppress(TracklayError):
            scheduler = await self._get_scheduler()
            for job in current_jobs(await scheduler.ledger_writer(Ledger.jobs_of_cues, frozenset({cue}))):
                if index not in (None, job_take_index(job)) or job.state in FINAL_STATES:
                    continue
                if job.owner == scheduler.owner_token:
                    await scheduler.cancel(job.id)
                elif (cancelled := await scheduler.cancel_unowned(job.id)) is None:
                    await scheduler.ledger_writer(
                        Ledger.update, job, cancel_requested=1
                    )  # its process polls this column
                else:
                    cancelled_cue = JobSpec.cue_from_dict(job.plan)
                    results = [Failure(cancelled_cue, stored_error(cancelled))]
                    self.events.put(
                        TakeFinished(
                            cancelled_cue,
                            delivery_of_plan(job.plan),
                            job_take_index(job),
                            results,
                            job.id,
                            cancelled.state,
                        )
                    )

    @property
    def is_busy(self) -> bool:
        """True while any take is running or about to."""
        return bool(self._active)

    def wait_for_laid(self) -> None:
        """Block until all takes recorded as laid are on disk."""
        wait(self._laid_writes)

    def close(self) -> None:
        """Release all jobs, so that they can be resumed, and end the thread. Blocks until both are done."""

        async def shut_down() -> None:
            await asyncio.gather(*map(asyncio.wrap_future, self._laid_writes), return_exceptions=True)
            # First end every call that may give the scheduler more work: work started while it closes would wait forever for a ledger
            # writer that has ended.
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
    cancelled = [task for task in tasks if task is not None]
    for task in cancelled:
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)


def take_indices(spec: JobSpec) -> Sequence[int]:
    """Return the indices of the cue's takes that a spec asks for, in the order of its jobs."""
    return spec.delivery.take_indices or range(spec.cue.takes)


def job_take_index(job: Job) -> int:
    """Return the index of a job's take among its cue's. `Job.take_index` counts only the takes of one spec."""
    indices = delivery_of_plan(job.plan).take_indices
    return indices[job.take_index] if indices else job.take_index


def current_jobs(jobs: Iterable[Job]) -> list[Job]:
    """Return the job that counts for each take: the laid one, else an open one, else the last."""
    current: dict[tuple[str, int], Job] = {}
    # Sorted from the least to the most important: each overwrites the one before.
    for job in sorted(jobs, key=lambda job: (job.state == "laid", job.state not in FINAL_STATES, job.id)):
        current[job.cue, job_take_index(job)] = job
    return list(current.values())


def _finished_results(spec: JobSpec, job: Job) -> list[Take | Failure]:
    """Return the takes of a finished job, if their files still exist, or its failure."""
    if job.state != "laid":
        return [Failure(spec.cue, stored_error(job))]
    takes = [take_from_claim(spec, job, claim) for claim in job.takes]
    missing = [take.file for take in takes if not take.file.is_file()]
    if missing:
        error = OutputError(
            "job.take_missing", "The take no longer exists: {path}. Restore it or generate again.", path=missing[0]
        )
        return [Failure(spec.cue, error)]
    return list(takes)
