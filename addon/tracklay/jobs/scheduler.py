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

from ..atomic_io import NumberedFile
from ..cue import Failure, Take
from ..errors import Cancelled, TracklayError
from ..models import load_catalogue
from ..providers import close_client
from . import artifact_store
from .context import JobContext
from .job_spec import JobSpec, random_seed, request_keys
from .ledger import Ledger, NewJob
from .ledger_writer import LedgerWriter
from .pipeline import JobPipeline
from .process_lock import ProcessLock, is_alive, remove_stale
from .process_lock import stale_tokens as dead_owners
from .states import FINAL_STATES, UNSENT_STATES
from .take_writer import take_from_claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from ..models import Model
    from .job_spec import StageProgress
    from .ledger import Job

    JobFinishedCallback = Callable[[Job, list[Take | Failure]], None]

Resource = TypeVar("Resource", ProcessLock, LedgerWriter)

CPU_COUNT = os.cpu_count() or 1

DEFAULT_LIMITS = {"extract": max(1, CPU_COUNT // 2), "render": 1, "conform": CPU_COUNT, "sketch": CPU_COUNT, "cog": 1}
"""How many of a kind of work run together where the person's own machine does it: ffmpeg has threads of its own, Blender takes
all there are, sketch has one process each, a Cog container has one place."""

HOSTED_PROVIDER_LIMIT = 8
"""How many submissions one hosted provider gets at a time."""

JOBS_PER_SLOT = 2
"""How many jobs of a provider are on their way for each that it may have: the others extract, or conform, meanwhile."""

CANCEL_POLL_SECONDS = 1.0
"""How often another process's wish to stop a job is looked for."""

ORPHAN_CLEANUP_DELAY_SECONDS = 1.0
"""By then an ffmpeg that a killed process had just started has opened what it writes, and it can be found and cleared away."""

PLAN_BATCH_SIZE = 256
"""Orders that are planned in one transaction."""


class ConcurrencyLimits:
    """Bounds each kind of work."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = {**DEFAULT_LIMITS, **limits}
        self._semaphores: dict[str, asyncio.Semaphore] = {}

    def limit(self, kind: str) -> int:
        """How many of a kind may run together."""
        return self._limits.get(kind, HOSTED_PROVIDER_LIMIT)

    def __call__(self, kind: str) -> contextlib.AbstractAsyncContextManager[None]:
        """The context that waits for a place."""
        if kind not in self._semaphores:
            self._semaphores[kind] = asyncio.Semaphore(self.limit(kind))
        return self._semaphores[kind]


async def _open_in_thread(factory: Callable[[], Resource]) -> Resource:
    """What `factory` makes, aside; closed again where the task is cancelled while it is made."""
    making = asyncio.get_running_loop().run_in_executor(
        None, factory
    )  # no task: whoever cancels all tasks leaves it be
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        (await making).close()
        raise


class Scheduler:
    """Plans orders as rows, and carries them; lives on one event loop, from `async with` to its end.

    Args:
        report_progress: is told of each step.
        on_job_finished: is told how each job ended: its takes, and why there are no more.
        limits: how many of a kind of work may run together, where it is not the usual number.
        run_id: what its jobs are counted to; by default each crew is a run of its own.
    """

    def __init__(
        self,
        report_progress: Callable[[StageProgress], None],
        on_job_finished: JobFinishedCallback,
        limits: Mapping[str, int] | None = None,
        run_id: str = "",
    ) -> None:
        self._limits = ConcurrencyLimits(limits or {})
        self._report_progress, self._on_job_finished = report_progress, on_job_finished
        self._catalogue: dict[str, Model] = {}
        self._queues: dict[str, deque[int]] = defaultdict(deque)
        self._workers: dict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._running: dict[int, asyncio.Task[list[Take | Failure]]] = {}
        self._fatal_error: BaseException | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self.run_id = run_id or secrets.token_hex(8)

    async def __aenter__(self) -> Self:
        """Open the ledger, and clear up after processes that were killed.

        Raises:
            LedgerTrouble, OutputError: the ledger or its folder cannot be used.
        """
        self._process_lock = await _open_in_thread(ProcessLock)
        try:
            self.ledger_writer = await _open_in_thread(lambda: LedgerWriter(Ledger))
            try:
                self.owner_token = self._process_lock.token
                self._context = JobContext(self.ledger_writer, self.owner_token, self._limits, self._report_progress)
                await self._clean_up_after_crashes()
            except BaseException:
                self.ledger_writer.close()
                raise
        except BaseException:
            self._process_lock.close()
            raise
        self._cancel_watcher = asyncio.ensure_future(self._watch_cancel_requests())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of all that is under way: it can be taken up again."""
        await asyncio.gather(self._stale_cleanup, return_exceptions=True)
        tasks = [self._cancel_watcher, *(task for workers in self._workers.values() for task in workers)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TracklayError):
            await self.ledger_writer(Ledger.release_jobs, self.owner_token)
        await asyncio.to_thread(self.ledger_writer.close)
        await asyncio.to_thread(artifact_store.delete_work_dir, self.owner_token)
        self._process_lock.close()
        await close_client()

    async def _clean_up_after_crashes(self) -> None:
        """Clear up after processes that were killed: now, and again when what they had started has begun to write, or never will."""
        projects = await self.ledger_writer(Ledger.owner_projects)
        dead = await asyncio.to_thread(dead_owners)
        for token in dead:
            await asyncio.to_thread(artifact_store.clean_up_after_owner, token, projects)
        await collect_garbage(self.ledger_writer)

        async def clean_up_again() -> None:
            if dead:
                await asyncio.sleep(ORPHAN_CLEANUP_DELAY_SECONDS)
            for token in dead:
                await asyncio.to_thread(artifact_store.clean_up_after_owner, token, projects)
                await asyncio.to_thread(remove_stale, token)

        self._stale_cleanup = asyncio.ensure_future(clean_up_again())

    async def add_jobs(self, specs: Sequence[JobSpec]) -> None:
        """Begin orders. What was begun for the very same before and is nobody's now is gone on with, and not begun again."""
        self._catalogue.update({order.model.id: order.model for order in specs})
        for start in range(0, len(specs), PLAN_BATCH_SIZE):
            some = specs[start : start + PLAN_BATCH_SIZE]
            lasts, words = await asyncio.to_thread(_last_takes_and_request_keys, some)
            self.enqueue(await self.ledger_writer(self._create_all_jobs, some, lasts, words))

    def _create_all_jobs(
        self,
        ledger: Ledger,
        specs: Sequence[JobSpec],
        last_take_numbers: Sequence[int],
        request_keys: Sequence[Sequence[str]],
    ) -> list[tuple[str, int]]:
        free = {
            wish: [job for job in ledger.find_by_request_key(wish, self.owner_token) if self._is_unowned(job)]
            for wish in {wish for wished in request_keys for wish in wished}
        }
        each = zip(specs, last_take_numbers, request_keys, strict=True)
        return [job for order, last, wished in each for job in self._create_jobs(ledger, order, last, wished, free)]

    def _create_jobs(
        self,
        ledger: Ledger,
        spec: JobSpec,
        last_take_number: int,
        request_keys: Sequence[str],
        resumable: Mapping[str, list[Job]],
    ) -> list[tuple[str, int]]:
        """Provider and number of each take's job. `resumable` are earlier ones that may be gone on with; those that are leave it."""
        plan = {**spec.to_dict(), "after": last_take_number}
        begun = []
        for place, words in enumerate(request_keys):
            new = NewJob(
                self.run_id,
                spec.project,
                spec.cue.id,
                place,
                spec.model.id,
                spec.model.provider,
                random_seed(spec) if spec.cue.seed is None else spec.cue.seed + place,
                plan,
                words,
            )
            earlier = resumable[words].pop(0) if resumable[words] else None
            if earlier is not None:
                after = earlier.plan["after"] if earlier.takes else last_take_number
                kept = {
                    "run": self.run_id,
                    "cue": spec.cue.id,
                    "place": place,
                    "plan": {**plan, "after": after},
                    "stop": 0,
                }
                if ledger.claim_job(earlier.id, self.owner_token, earlier.owner, **kept) is None:
                    earlier = None
            number = earlier.id if earlier is not None else ledger.add_jobs([new], self.owner_token)[0]
            begun.append((spec.model.provider, number))
        return begun

    def _is_unowned(self, job: Job) -> bool:
        return job.owner is None or (job.owner != self.owner_token and not is_alive(job.owner))

    async def resume(self, job_ids: Sequence[int] = (), matches: Callable[[Job], bool] = lambda _: True) -> list[Job]:
        """Go on with jobs that nobody carries: those named, or all that `matches` says yes to. Those taken up."""

        def claim_jobs(ledger: Ledger) -> list[Job]:
            found = []
            for number in ledger.open_job_ids(job_ids):
                job = ledger.get_job(number)
                if matches(job) and self._is_unowned(job):
                    taken = ledger.claim_job(number, self.owner_token, job.owner)
                    found += [taken] if taken else []
            return found

        jobs = await self.ledger_writer(claim_jobs)
        self.enqueue([(job.provider, job.id) for job in jobs])
        return jobs

    def enqueue(self, jobs: Iterable[tuple[str, int]]) -> None:
        """Put jobs of this crew into their providers' lanes."""
        for name, number in jobs:
            self._queues[name].append(number)
            self._idle.clear()
            workers = self._workers[name]
            if sum(not worker.done() for worker in workers) < self._limits.limit(name) * JOBS_PER_SLOT:
                worker = asyncio.ensure_future(self._run_queue(name))
                workers.add(worker)
                worker.add_done_callback(partial(self._on_worker_done, workers))

    def _on_worker_done(self, workers: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        workers.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._fatal_error = error
        if self._fatal_error or not any(self._workers.values()):
            self._idle.set()

    async def wait_until_idle(self) -> None:
        """Wait until nothing is under way.

        Raises:
            LedgerTrouble: the ledger cannot be used any more.
        """
        await self._idle.wait()
        if self._fatal_error:
            raise self._fatal_error

    async def _run_queue(self, provider_name: str) -> None:
        lane = self._queues[provider_name]
        while lane:
            number = lane.popleft()
            job = await self.ledger_writer(Ledger.get_job, number)
            if number in self._context.cancelling:
                await self._cancel_unsent(job)
            else:
                self._on_job_finished(job, await self._run_job(job))

    async def _run_job(self, job: Job) -> list[Take | Failure]:
        try:
            order = await self._job_spec(job)
            trip = JobPipeline(job, order, self._context)
        except TracklayError as trouble:
            with contextlib.suppress(TracklayError):
                await self.ledger_writer(Ledger.update, job, kind=trouble.kind, words=str(trouble))
                await self.ledger_writer(Ledger.release_jobs, self.owner_token, job.id)
            return [Failure(JobSpec.cue_from_dict(job.plan), trouble)]
        task = self._running[job.id] = asyncio.ensure_future(trip.run())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if job.id in self._context.cancelling and task.done():
                return [Failure(order.cue, Cancelled(trip.job.words or "cancelled"))]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach the person and not vanish with its task
            with contextlib.suppress(TracklayError):
                await self.ledger_writer(Ledger.release_jobs, self.owner_token, job.id)
            return [Failure(order.cue, internal_error(error))]
        finally:
            del self._running[job.id]
            await asyncio.to_thread(artifact_store.delete_work_dir, self.owner_token, job.id)
            if trip.job.state in FINAL_STATES:
                with contextlib.suppress(TracklayError):
                    await collect_garbage(self.ledger_writer)

    async def _job_spec(self, job: Job) -> JobSpec:
        if job.model not in self._catalogue:
            self._catalogue = {**await asyncio.to_thread(load_catalogue), **self._catalogue}
        return JobSpec.from_dict(job.plan, self._catalogue)

    async def cancel(self, *job_ids: int) -> None:
        """Stop jobs of this crew for good: the wish reaches the provider."""
        for number in job_ids:
            self._context.cancelling.add(number)
            if task := self._running.get(number):
                task.cancel()
            for lane in self._queues.values():
                if number in lane:
                    lane.remove(number)
                    await self._cancel_unsent(await self.ledger_writer(Ledger.get_job, number))

    async def _cancel_unsent(self, job: Job) -> None:
        words = "nothing was sent and nothing is charged"
        if job.state in UNSENT_STATES:
            job = await self.ledger_writer(Ledger.transition, job, "cancelled", kind=Cancelled.kind, words=words)
        self._on_job_finished(job, [Failure(JobSpec.cue_from_dict(job.plan), Cancelled(words))])

    async def cancel_cue(self, cue: str) -> None:
        """Stop all jobs of a cue."""
        await self.cancel(*await self.ledger_writer(Ledger.job_ids_of_cue, self.owner_token, cue))

    async def _watch_cancel_requests(self) -> None:
        while True:
            await asyncio.sleep(CANCEL_POLL_SECONDS)
            with contextlib.suppress(TracklayError):
                wished = await self.ledger_writer(Ledger.cancel_requests, self.owner_token)
                await self.cancel(*(number for number in wished if number not in self._context.cancelling))

    async def cancel_unowned(self, job_id: int) -> Job | None:
        """Stop a job that nobody carries; None where somebody does."""

        def claim_job(ledger: Ledger) -> Job | None:
            job = ledger.get_job(job_id)
            return ledger.claim_job(job_id, self.owner_token, job.owner) if self._is_unowned(job) else None

        job = await self.ledger_writer(claim_job)
        if job is None:
            return None
        job = await JobPipeline(job, await self._job_spec(job), self._context).cancel_unowned()
        await self.ledger_writer(Ledger.release_jobs, self.owner_token, job_id)
        return job

    async def laid_takes_of_run(self, job: Job) -> list[Take]:
        """The takes of a job's run and timeline that lie there already."""
        orders = [(each, await self._job_spec(each)) for each in await self.ledger_writer(Ledger.laid_jobs, job.run)]
        return [
            take_from_claim(order, each, claim)
            for each, order in orders
            if each.plan["laying"] == job.plan["laying"] and each.project == job.project
            for claim in each.takes
        ]

    async def mark_laid(self, takes: Iterable[Take]) -> None:
        """Note that takes lie under their picture. What they were made of is kept where it would cost something again."""
        numbers = sorted({take.job_id for take in takes if take.job_id is not None})

        def move_to_laid(ledger: Ledger) -> None:
            for number in numbers:
                if (job := ledger.get_job(number)).state == "ready":
                    ledger.transition(job, "laid")

        await self.ledger_writer(move_to_laid)
        await collect_garbage(self.ledger_writer)


async def collect_garbage(ledger_writer: LedgerWriter) -> None:
    """Throw away proxies that no job needs, and outputs that are not worth keeping when they are laid.

    What is thrown away was seen in an earlier transaction: that nothing needs it is on disk by then, and a crash can't undo it.
    """
    proxies, copies, jobs = await ledger_writer(_find_garbage)

    def delete_garbage(ledger: Ledger) -> None:
        for name in proxies:
            if not ledger.is_proxy_needed(name):  # nobody may begin to want it while this transaction lasts
                artifact_store.delete_proxy(name)
        for copy in copies:
            if not ledger.is_timeline_copy_needed(copy):
                artifact_store.delete_timeline_copy(copy)
        for job in jobs:
            artifact_store.delete_output(job.id)
            ledger.update(job, output=None)

    if proxies or copies or jobs:
        await ledger_writer(delete_garbage)


def _find_garbage(ledger: Ledger) -> tuple[list[str], list[Path], list[Job]]:
    proxies = [name for name in artifact_store.list_proxies() if not ledger.is_proxy_needed(name)]
    return (
        proxies,
        [copy for copy in artifact_store.list_timeline_copies() if not ledger.is_timeline_copy_needed(copy)],
        ledger.collectable_outputs(),
    )


def _last_takes_and_request_keys(specs: Sequence[JobSpec]) -> tuple[list[int], list[list[str]]]:
    """Each order's last take number so far, and what its takes are known by."""
    return [NumberedFile.last_number(order.folder, order.take_name) for order in specs], [
        request_keys(order) for order in specs
    ]


def internal_error(error: Exception) -> TracklayError:
    """A fault of our own as an error that a person reads."""
    fault = TracklayError(f"a fault in Tracklay itself: {type(error).__name__}: {error}")
    fault.__cause__ = error
    return fault
