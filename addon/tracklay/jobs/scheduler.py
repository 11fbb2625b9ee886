"""Adds jobs to the ledger and runs them concurrently on one event loop. A waiting job is a row and a number, not a task.

Each provider has its own queue, so a slow provider delays no other. `runner` owns the event loop and receives the results.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..atomic_io import NumberedFile
from ..cue import Failure, Take
from ..errors import TracklayError
from ..media import proxy_cache
from ..models import load_catalogue
from ..providers.client import close_client
from . import artifact_store, process_lock
from .context import JobContext
from .delivery import delivery_of_plan
from .failures import (
    error_columns,
    internal_error,
    is_fetchable_again,
    reopen_failed,
    stored_error,
    unsent_cancelled,
)
from .job_spec import JobSpec, random_seed, request_keys
from .ledger import Job, Ledger, NewJob
from .ledger_writer import LedgerWriter
from .parted.choice import create_pipeline
from .process_lock import ProcessLock
from .states import FINAL_STATES, UNSENT_STATES
from .takes.claims import take_from_claim

if TYPE_CHECKING:
    from ..models import Model
    from .job_spec import StageProgress

JobFinishedCallback = Callable[[Job, list[Take | Failure]], None]

Resource = TypeVar("Resource", ProcessLock, LedgerWriter)

CPU_COUNT = os.cpu_count() or 1

DEFAULT_LIMITS = {"extract": max(1, CPU_COUNT // 2), "render": 1, "conform": CPU_COUNT, "sketch": CPU_COUNT, "cog": 1}
"""Concurrent jobs of each kind of local work. ffmpeg has threads of its own, so extraction uses half the cores; Blender uses all cores
for one render; each sketch job is one single-threaded process; a Cog container runs one prediction at a time."""

HOSTED_PROVIDER_LIMIT = 8
"""Concurrent submissions to one hosted provider."""

JOBS_PER_SLOT = 2
"""Worker tasks for each concurrent submission: while one job waits for the provider, the other extracts or conforms."""

CANCEL_POLL_SECONDS = 1.0
"""Interval at which the ledger is checked for cancellations that other processes request."""

ORPHAN_CLEANUP_DELAY_SECONDS = 1.0
"""Delay of the second clean-up: by then an ffmpeg that a killed process had just started has created the file that it writes."""

PLAN_BATCH_SIZE = 256
"""Job specs that are added in one transaction: bounds how long the ledger is locked for other processes."""


class ConcurrencyLimits:
    """One semaphore for each kind of work."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = {**DEFAULT_LIMITS, **limits}
        self._semaphores: dict[str, asyncio.Semaphore] = {}

    def limit(self, kind: str) -> int:
        """Return how many jobs of a kind may run concurrently."""
        return self._limits.get(kind, HOSTED_PROVIDER_LIMIT)

    def __call__(self, kind: str) -> contextlib.AbstractAsyncContextManager[None]:
        """Return the context that waits for a slot and holds it."""
        if kind not in self._semaphores:
            self._semaphores[kind] = asyncio.Semaphore(self.limit(kind))
        return self._semaphores[kind]


async def _open_in_thread(factory: Callable[[], Resource]) -> Resource:
    """Return what `factory` opens in a thread. If the task is cancelled meanwhile, close it again."""
    # An executor future, not a task: code that cancels all tasks would leave an open lock behind.
    opening = asyncio.get_running_loop().run_in_executor(None, factory)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        (await opening).close()
        raise


class Scheduler:
    """Adds jobs and runs them. Belongs to one event loop, from `async with` to its end.

    Args:
        report_progress: receives each step of each job.
        on_job_finished: receives each finished job as the ledger now holds it, with its takes and, if there is one, its failure.
        limits: concurrent jobs for each kind of work, where it differs from `DEFAULT_LIMITS`.
        run_id: stored with the jobs, which run caps are summed by. By default each scheduler is a run of its own.
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
        """Open the ledger and clean up after killed processes.

        Raises:
            LedgerError, OutputError: the ledger or its folder cannot be used.
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
        """Stop all work and release the jobs, so that they can be resumed."""
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
        """Delete what killed processes left behind: now, and once more a moment later.

        A child process of a killed one may just be starting and create its file after the first pass.
        """
        projects = await self.ledger_writer(Ledger.owner_projects)
        dead = await asyncio.to_thread(process_lock.stale_tokens)
        for token in dead:
            await asyncio.to_thread(artifact_store.clean_up_after_owner, token, projects)
        await collect_garbage(self.ledger_writer)

        async def clean_up_again() -> None:
            if dead:
                await asyncio.sleep(ORPHAN_CLEANUP_DELAY_SECONDS)
            for token in dead:
                await asyncio.to_thread(artifact_store.clean_up_after_owner, token, projects)
                await asyncio.to_thread(process_lock.remove_stale, token)

        self._stale_cleanup = asyncio.ensure_future(clean_up_again())

    async def add_jobs(self, specs: Sequence[JobSpec]) -> None:
        """Add jobs and start them. An interrupted job of the very same request is continued and not added again."""
        self._catalogue.update({spec.model.id: spec.model for spec in specs})
        for start in range(0, len(specs), PLAN_BATCH_SIZE):
            batch = specs[start : start + PLAN_BATCH_SIZE]
            last_take_numbers, keys = await asyncio.to_thread(_last_takes_and_request_keys, batch)
            self.enqueue(await self.ledger_writer(self._create_all_jobs, batch, last_take_numbers, keys))

    def _create_all_jobs(
        self,
        ledger: Ledger,
        specs: Sequence[JobSpec],
        last_take_numbers: Sequence[int],
        request_keys: Sequence[Sequence[str]],
    ) -> list[tuple[str, int]]:
        # Found before any is claimed: equal requests within one batch must not resume each other's jobs.
        resumable = {
            key: [job for job in ledger.find_by_request_key(key, self.owner_token) if self._is_unowned(job)]
            for key in {key for keys in request_keys for key in keys}
        }
        return [
            job
            for spec, last_take_number, keys in zip(specs, last_take_numbers, request_keys, strict=True)
            for job in self._create_jobs(ledger, spec, last_take_number, keys, resumable)
        ]

    def _create_jobs(
        self,
        ledger: Ledger,
        spec: JobSpec,
        last_take_number: int,
        request_keys: Sequence[str],
        resumable: Mapping[str, list[Job]],
    ) -> list[tuple[str, int]]:
        """Return provider and number of the job of each take. Jobs taken from `resumable` are removed from it."""
        plan = {**spec.to_dict(), "after_number": last_take_number}
        jobs = []
        for take_index, key in enumerate(request_keys):
            earlier = resumable[key].pop(0) if resumable[key] else None
            if earlier is not None and not self._claim_earlier(ledger, earlier, spec, take_index, plan):
                earlier = None
            if earlier is not None:
                job_id = earlier.id
            else:
                seed = random_seed(spec) if spec.cue.seed is None else spec.cue.seed + take_index
                model = spec.model
                new_job = NewJob(
                    self.run_id, spec.project, spec.cue.id, take_index, model.id, model.provider, seed, plan, key
                )
                job_id = ledger.add_jobs([new_job], self.owner_token)[0]
            jobs.append((spec.model.provider, job_id))
        return jobs

    def _claim_earlier(self, ledger: Ledger, job: Job, spec: JobSpec, take_index: int, plan: Mapping[str, Any]) -> bool:
        """Make an interrupted job part of this run. Return False if another process claimed it first."""
        if job.takes:
            # Its take has a number and perhaps a file already: it keeps the range that it was numbered in.
            plan = {**plan, "after_number": job.plan.get("after_number", job.plan.get("after", 0))}
        columns = {
            "run": self.run_id,
            "cue": spec.cue.id,
            "take_index": take_index,
            "plan": plan,
            "cancel_requested": 0,
        }
        return ledger.claim_job(job.id, self.owner_token, job.owner, **columns) is not None

    def _is_unowned(self, job: Job) -> bool:
        return job.owner is None or (job.owner != self.owner_token and not process_lock.is_alive(job.owner))

    async def resume(
        self, job_ids: Sequence[int] = (), matches: Callable[[Job], bool] = lambda _: True, *, may_submit: bool = True
    ) -> list[Job]:
        """Claim and run jobs that no process runs, and return them.

        Args:
            job_ids: their numbers; by default all open jobs. A failed job that is named is fetched again.
            matches: returns whether a job may be resumed.
            may_submit: whether parts of takes that were never sent may be.
        """
        self._context.may_submit = may_submit

        def claim_jobs(ledger: Ledger) -> list[Job]:
            claimed = []
            for job in (ledger.get_job(ledger.joining_job(job_id)) for job_id in job_ids):
                if is_fetchable_again(job):
                    reopen_failed(ledger, job)
            for job_id in ledger.open_job_ids(job_ids):
                job = ledger.get_job(job_id)
                if matches(job) and self._is_unowned(job):
                    ours = ledger.claim_job(job_id, self.owner_token, job.owner)
                    claimed += [ours] if ours else []
            return claimed

        jobs = await self.ledger_writer(claim_jobs)
        self.enqueue([(job.provider, job.id) for job in jobs])
        return jobs

    def enqueue(self, jobs: Iterable[tuple[str, int]]) -> None:
        """Put jobs of this process (provider, number) into the queues, and start workers up to each provider's limit."""
        for provider_name, job_id in jobs:
            self._queues[provider_name].append(job_id)
            self._idle.clear()
            workers = self._workers[provider_name]
            if sum(not worker.done() for worker in workers) < self._limits.limit(provider_name) * JOBS_PER_SLOT:
                worker = asyncio.ensure_future(self._run_queue(provider_name))
                workers.add(worker)
                worker.add_done_callback(partial(self._on_worker_done, workers))

    def _on_worker_done(self, workers: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        workers.discard(task)
        # A worker itself fails only if the ledger does: then nothing can be recorded any more, and everything stops.
        if not task.cancelled() and (error := task.exception()):
            self._fatal_error = error
        if self._fatal_error or not any(self._workers.values()):
            self._idle.set()

    async def wait_until_idle(self) -> None:
        """Wait until all queued jobs have finished.

        Raises:
            LedgerError: the ledger can no longer be used.
        """
        await self._idle.wait()
        if self._fatal_error:
            raise self._fatal_error

    async def _run_queue(self, provider_name: str) -> None:
        jobs = self._queues[provider_name]
        while jobs:
            job_id = jobs.popleft()
            job = await self.ledger_writer(Ledger.get_job, job_id)
            if job_id in self._context.cancelling:
                await self._cancel_unsent(job)
            else:
                self._on_job_finished(*await self._run_job(job))

    async def _run_job(self, job: Job) -> tuple[Job, list[Take | Failure]]:
        """Run a job and return its row as it is at the end, with its results."""
        try:
            spec = await self._job_spec(job)
            pipeline = create_pipeline(job, spec, self._context)
        except TracklayError as error:  # its model or provider no longer exists
            with contextlib.suppress(TracklayError):
                job = await self.ledger_writer(Ledger.update, job, **error_columns(error))
                await self.ledger_writer(Ledger.release_jobs, self.owner_token, job.id)
            return job, [Failure(JobSpec.cue_from_dict(job.plan), error)]
        task = self._running[job.id] = asyncio.ensure_future(pipeline.run())
        try:
            results = await asyncio.shield(task)
        except asyncio.CancelledError:
            # Either this one job was cancelled (then the task has ended), or the worker is: then the job must end first.
            if job.id in self._context.cancelling and task.done():
                return pipeline.job, [Failure(spec.cue, stored_error(pipeline.job))]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        except Exception as error:  # noqa: BLE001 - an unexpected error must reach the user and not vanish with its task
            with contextlib.suppress(TracklayError):
                await self.ledger_writer(Ledger.release_jobs, self.owner_token, job.id)
            return pipeline.job, [Failure(spec.cue, internal_error(error))]
        else:
            # The row as the pipeline left it: the one that this started with is outdated.
            return pipeline.job, results
        finally:
            del self._running[job.id]
            await asyncio.to_thread(artifact_store.delete_work_dir, self.owner_token, job.id)
            if pipeline.job.state in FINAL_STATES:
                with contextlib.suppress(TracklayError):
                    await collect_garbage(self.ledger_writer)

    async def _job_spec(self, job: Job) -> JobSpec:
        if job.model not in self._catalogue:
            self._catalogue = {**await asyncio.to_thread(load_catalogue), **self._catalogue}
        return JobSpec.from_dict(job.plan, self._catalogue)

    async def cancel(self, *job_ids: int) -> None:
        """Cancel jobs of this process, at the provider too."""
        for job_id in job_ids:
            self._context.cancelling.add(job_id)
            if task := self._running.get(job_id):
                task.cancel()
            for waiting in self._queues.values():
                if job_id in waiting:
                    waiting.remove(job_id)
                    await self._cancel_unsent(await self.ledger_writer(Ledger.get_job, job_id))

    async def _cancel_unsent(self, job: Job) -> None:
        error = unsent_cancelled()
        if job.state in UNSENT_STATES:
            job = await self.ledger_writer(Ledger.transition, job, "cancelled", **error_columns(error))
        self._on_job_finished(job, [Failure(JobSpec.cue_from_dict(job.plan), error)])

    async def _watch_cancel_requests(self) -> None:
        while True:
            await asyncio.sleep(CANCEL_POLL_SECONDS)
            with contextlib.suppress(TracklayError):
                requested = await self.ledger_writer(Ledger.cancel_requests, self.owner_token)
                await self.cancel(*(job_id for job_id in requested if job_id not in self._context.cancelling))

    async def cancel_unowned(self, job_id: int) -> Job | None:
        """Cancel a job that no process runs, and return its new row. Return None if a process runs it. A part stands for its take."""

        def claim_job(ledger: Ledger) -> Job | None:
            job = ledger.get_job(ledger.joining_job(job_id))
            return ledger.claim_job(job.id, self.owner_token, job.owner) if self._is_unowned(job) else None

        job = await self.ledger_writer(claim_job)
        if job is None:
            return None
        job = await create_pipeline(job, await self._job_spec(job), self._context).cancel_unowned()
        await self.ledger_writer(Ledger.release_jobs, self.owner_token, job.id)
        return job

    async def laid_takes_of_run(self, job: Job) -> list[Take]:
        """Return the takes of a job's run and timeline that are laid already."""
        laid = [(each, await self._job_spec(each)) for each in await self.ledger_writer(Ledger.laid_jobs, job.run)]
        return [
            take_from_claim(spec, each, claim)
            for each, spec in laid
            if spec.delivery == delivery_of_plan(job.plan) and each.project == job.project
            for claim in each.takes
        ]

    def keyed_lock(self, key: str) -> asyncio.Lock:
        """Return the lock of a key, which all jobs of this scheduler share."""
        return self._context.keyed_lock(key)

    async def record_target(self, takes: Iterable[Take], target: Path) -> None:
        """Record the file that laying will write. After a crash `has_open_target` recognizes it as ours, and it may be replaced."""
        numbers = {take.job_id for take in takes if take.job_id is not None}

        def write_target(ledger: Ledger) -> None:
            for number in numbers:
                ledger.update(ledger.get_job(number), target=str(target))

        await self.ledger_writer(write_target)

    async def mark_laid(self, takes: Iterable[Take]) -> None:
        """Record takes as laid. Their outputs are kept if making them again would cost something."""
        job_ids = sorted({take.job_id for take in takes if take.job_id is not None})

        def find_parts(ledger: Ledger) -> list[Job]:
            return [part for job_id in job_ids for part in ledger.parts_of(job_id)]

        def move_to_laid(ledger: Ledger) -> None:
            for job in (*map(ledger.get_job, job_ids), *find_parts(ledger)):
                if job.state == "ready":
                    ledger.transition(job, "laid")

        # Before they are laid, so that a crash leaves no file behind: sounds of parts can be conformed again.
        for part in await self.ledger_writer(find_parts):
            artifact_store.delete_part_sounds(part.id)
        await self.ledger_writer(move_to_laid)
        await collect_garbage(self.ledger_writer)


async def collect_garbage(ledger_writer: LedgerWriter) -> None:
    """Delete proxies and timeline copies that no open job uses, and outputs of laid jobs that can be made again at no cost.

    Two transactions: the files to delete are found in an earlier one than they are deleted in. So the fact that no job uses them is
    on disk, and after a crash no open job misses its files.
    """
    proxies, copies, jobs = await ledger_writer(_find_garbage)

    def delete_garbage(ledger: Ledger) -> None:
        for name in proxies:
            # Asked again: a job may have been added since. None can be during this transaction.
            if not ledger.is_proxy_needed(name):
                proxy_cache.unpin(name)
        for copy in copies:
            if not ledger.is_timeline_copy_needed(copy):
                artifact_store.delete_timeline_copy(copy)
        for job in jobs:
            artifact_store.delete_output(job.id)
            ledger.update(job, output=None)

    if proxies or copies or jobs:
        await ledger_writer(delete_garbage)


def _find_garbage(ledger: Ledger) -> tuple[list[str], list[Path], list[Job]]:
    proxies = [name for name in proxy_cache.list_pins() if not ledger.is_proxy_needed(name)]
    return (
        proxies,
        [copy for copy in artifact_store.list_timeline_copies() if not ledger.is_timeline_copy_needed(copy)],
        ledger.collectable_outputs(),
    )


def _last_takes_and_request_keys(specs: Sequence[JobSpec]) -> tuple[list[int], list[list[str]]]:
    """Return each spec's last take number so far, and the request keys of its takes."""
    return [NumberedFile.last_number(spec.folder, spec.take_name) for spec in specs], [
        request_keys(spec) for spec in specs
    ]
