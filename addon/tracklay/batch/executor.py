"""Runs the rows of a work list picture by picture. Only a bounded number of takes is in the ledger: a waiting row is just a row."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..cue import Failure, Take
from ..errors import InvalidInput, OutputError, OverBudget, TracklayError
from ..jobs import create_job_spec
from ..jobs.costs import overrun_scope
from ..jobs.delivery import BatchDelivery
from ..jobs.job_spec import MAX_TAKES
from ..jobs.ledger import Ledger
from ..jobs.process_lock import is_alive
from ..jobs.scheduler import DEFAULT_LIMITS, HOSTED_PROVIDER_LIMIT, Scheduler
from ..mix.presets import load_preset
from ..scoring.repair import plan_repairs
from ..timelines.delivery import check_delivery, deliver_takes
from ..timelines.mixing.delivery import MixOptions, mix_timeline
from . import results
from .history import RowHistory, accepted_takes, missing_takes
from .open_picture import OpenPicture
from .results import ProducedTake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..jobs import JobSpec, StageProgress
    from ..jobs.ledger import Job
    from .worklist import WorkList, WorkListRow

CPU_COUNT = os.cpu_count() or 1

QUEUED_TAKES_PER_SLOT = 4
"""Takes in the ledger for each one that the provider may run at a time, so that a free slot never waits for a picture to open."""

MIN_QUEUED_TAKES = max(MAX_TAKES, 128)
"""Smallest number of takes in the ledger: all takes of one row are planned together, so they must fit."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Options for running a list.

    Args:
        shard: number of the shard, from 1, and number of shards; None for the whole list.
        workers: takes that each provider runs at a time, for all shards together.
        concurrent_shards: shards that run at the same time.
        cap: highest cost of the list, as decimal text.
        max_overrun: how many times their estimates the list's bills may be, as decimal text; None for the default.
        remake_all: generate every row again, also those with takes.
        prior_results: entries of earlier result lists.
        verdicts: new verdicts, (row, take) to (verdict, note).
        lay_only: generate no missing take, and lay the existing ones.
        describe: words an error, as the front end does.
        extra_jobs: jobs besides those for missing takes, by row.
    """

    shard: tuple[int, int] | None = None
    workers: int | None = None
    concurrent_shards: int = 1
    cap: str | None = None
    remake_all: bool = False
    prior_results: results.PriorResults = field(default_factory=results.PriorResults)
    verdicts: Mapping[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    lay_only: bool = False
    max_overrun: str | None = None
    describe: Callable[[TracklayError], str] = str
    extra_jobs: Mapping[str, Sequence[JobSpec]] = field(default_factory=dict)

    def run_id(self, worklist: WorkList) -> str:
        """Return the ledger's key for the cost cap: all runs of the list, or of this shard, share one budget."""
        return worklist.ledger_key if self.shard is None else f"{worklist.ledger_key}-{self.shard[0]}of{self.shard[1]}"

    def concurrency_by_provider(self, providers: Iterable[str]) -> dict[str, int]:
        """Return the limit of parallel work by kind for this process: its part of the limit for all shards together."""
        shard = self.shard[0] if self.shard else 1
        local = {kind: min(width, self.workers or width) for kind, width in DEFAULT_LIMITS.items()}
        total = self.workers or HOSTED_PROVIDER_LIMIT
        # The first shards get one more each where the limit does not divide evenly.
        own = total // self.concurrent_shards + (
            1 if (shard - 1) % self.concurrent_shards < total % self.concurrent_shards else 0
        )
        return {**{name: max(1, own) for name in providers if name not in DEFAULT_LIMITS}, **local}


@dataclass(slots=True)
class _RowState:
    """A running row: its earlier takes, the number of unfinished takes, and the results of the others."""

    row: WorkListRow
    known_takes: list[ProducedTake]
    pending_takes: int = 0
    produced_takes: list[tuple[Take, ProducedTake]] = field(default_factory=list)
    failures: list[tuple[Failure, int | None]] = field(default_factory=list)


class BatchExecutor:
    """One run of the rows of a list or a shard.

    Args:
        worklist: the list.
        rows: the rows to run.
        options: options of the run.
        spool: receives the entries of the result list.
        on_event: called with each stage of a job and each final entry.
    """

    def __init__(
        self,
        worklist: WorkList,
        rows: Sequence[WorkListRow],
        options: BatchOptions,
        spool: results.ResultSpool,
        on_event: Callable[[StageProgress | Mapping[str, Any]], None],
    ) -> None:
        self._run_id = options.run_id(worklist)
        self._worklist, self._options, self._spool, self._on_event = worklist, options, spool, on_event
        self._groups: dict[tuple[str, str], list[WorkListRow]] = defaultdict(list)
        for row in rows:
            self._groups[row.lay_group].append(row)
        own = {row.id for row in rows}
        # A group with rows in several shards is laid when the shards are merged.
        self._cross_shard_groups = {row.lay_group for row in worklist.rows if row.id not in own}
        self._row_states: dict[str, _RowState] = {}
        self._row_done_events: dict[str, asyncio.Event] = {}
        self._started_at: dict[int, float] = {}
        self._concurrency = options.concurrency_by_provider({model.provider for model in worklist.models.values()})
        self._queue_slots: dict[str, tuple[asyncio.Lock, asyncio.Semaphore]] = {}
        self._lay_semaphore = asyncio.Semaphore(CPU_COUNT)

    async def run(self) -> None:
        """Generate the missing takes, lay them, and record the result of each row.

        Raises:
            LedgerError, OutputError: the ledger cannot be used.
            InvalidInput: another process is running rows of this list.
        """
        async with Scheduler(self._on_step, self._on_job_done, self._concurrency, self._run_id) as self._scheduler:
            write = self._scheduler.ledger_writer
            await write(Ledger.set_cap, f"run:{self._run_id}", self._options.cap)
            await write(Ledger.set_cap, overrun_scope(self._run_id), self._options.max_overrun)
            self._history = await write(RowHistory, self._worklist, self._options.prior_results, self._options.verdicts)
            self._check_not_running_elsewhere(await write(Ledger.owned_worklist_rows, self._worklist.ledger_key))
            try:
                async with asyncio.TaskGroup() as self._task_group:
                    watch = self._task_group.create_task(self._watch_scheduler())
                    await self._start_feeders()
                    await asyncio.gather(*self._feeder_tasks)
                    while self._finish_tasks:
                        await asyncio.wait(self._finish_tasks)
                    watch.cancel()
            except BaseExceptionGroup as group:
                # One failure cancels all tasks: the first is the cause of the others.
                raise group.exceptions[0] from None

    def _check_not_running_elsewhere(self, running_rows: list[tuple[str, str]]) -> None:
        """Raise InvalidInput if another process runs one of the rows: both would pay for its takes."""
        owners = dict(running_rows)
        for row in (row for group in self._groups.values() for row in group):
            if (owner := owners.get(row.id)) and is_alive(owner):
                error = InvalidInput(
                    "batch.row_running", "Another process is running this row. Wait until it finishes."
                )
                raise error.prefix_with(f"{self._worklist.path.name}, {row.location}")

    async def _watch_scheduler(self) -> None:
        """Raise a failure of the scheduler, which would leave the tasks of the rows waiting without end."""
        while True:
            await self._scheduler.wait_until_idle()
            await asyncio.sleep(0.25)

    async def _start_feeders(self) -> None:
        """Start tasks that open pictures, several for each provider, so that a slow provider does not delay the others."""
        queues: dict[str, deque[list[WorkListRow]]] = defaultdict(deque)
        for rows in self._groups.values():
            queues[self._worklist.models[rows[0].model].provider].append(rows)
        self._groups.clear()
        self._finish_tasks: set[asyncio.Task[None]] = set()
        self._feeder_tasks = [
            self._task_group.create_task(self._feed(queue)) for queue in queues.values() for _ in range(CPU_COUNT + 1)
        ]

    async def _feed(self, queue: deque[list[WorkListRow]]) -> None:
        while queue:
            await self._start_group(queue.popleft())

    def _provider_slots(self, name: str) -> tuple[asyncio.Lock, asyncio.Semaphore]:
        """Return the lock and the semaphore that bound a provider's takes in the ledger."""
        if name not in self._queue_slots:
            width = self._concurrency.get(name, HOSTED_PROVIDER_LIMIT)
            self._queue_slots[name] = (
                asyncio.Lock(),
                asyncio.Semaphore(max(MIN_QUEUED_TAKES, width * QUEUED_TAKES_PER_SLOT)),
            )
        return self._queue_slots[name]

    async def _reserve_slots(self, name: str, takes: int) -> None:
        """Wait for a number of slots. Only one row waits at a time: two that each held a part would block each other for ever."""
        lock, slots = self._provider_slots(name)
        async with lock:
            for _ in range(takes):
                await slots.acquire()

    async def _start_group(self, rows: list[WorkListRow]) -> None:
        """Plan the missing takes of a picture's rows; if there are none, record the existing ones."""
        row_states = []
        for row in rows:
            before = await self._scheduler.ledger_writer(self._history.produced_takes, row, self._worklist.models)
            row_states.append(_RowState(row, before))
        planned = [
            (state, missing_takes(state.row, state.known_takes, remake_all=self._options.remake_all))
            for state in row_states
        ]
        if self._options.lay_only:
            self._record_missing(planned)
            planned = [(state, []) for state in row_states]
        laid = (
            all(take.laid for state in row_states for take in state.known_takes)
            or rows[0].lay_group in self._cross_shard_groups
        )
        is_whole = laid and self._is_mixed(row_states)
        if is_whole and not any(missing or state.row.id in self._options.extra_jobs for state, missing in planned):
            for state in row_states:
                self._record_row(state)
            return
        try:
            picture = await asyncio.to_thread(OpenPicture, rows[0].picture)
            await asyncio.to_thread(check_delivery, picture.timeline, rows[0].folder)
        except TracklayError as error:
            for state, missing in planned:
                self._record_refusal(state, error, sum(count for _, count in missing))
                self._record_row(state)
            return
        for state, missing in planned:
            specs = [
                *self._job_specs(picture, state, missing),
                *self._options.extra_jobs.get(state.row.id, ()),
            ]
            if specs:
                await self._add_jobs(state, specs)
        finishing = self._task_group.create_task(self._finish_group(picture, row_states))
        self._finish_tasks.add(finishing)
        finishing.add_done_callback(self._finish_tasks.discard)

    def _is_mixed(self, row_states: Sequence[_RowState]) -> bool:
        """Return True if the takes of a picture are mixed as its rows ask for, or are mixed when shards are merged."""
        wanted = _mix_preset(row_states)
        if not wanted or row_states[0].row.lay_group in self._cross_shard_groups:
            return True
        name = load_preset(wanted).name
        return all(take.mix.get("preset") == name for state in row_states for take in state.known_takes)

    def _record_missing(self, missing: list[tuple[_RowState, list[tuple[int | None, int]]]]) -> None:
        """Record the earlier failures of missing takes, for a run that generates nothing."""
        for state, takes in missing:
            if takes and state.row.id not in self._options.extra_jobs:
                self._record_entries(
                    *(
                        self._options.prior_results.failures(state.row)
                        or [results.waiting_entry(self._worklist, state.row)]
                    )
                )

    def _job_specs(
        self, picture: OpenPicture, row_state: _RowState, missing: list[tuple[int | None, int]]
    ) -> list[JobSpec]:
        row, specs = row_state.row, []
        for seed, count in missing:
            try:
                cue = replace(picture.cue(row), seed=seed, takes=count)
                spec = create_job_spec(cue, row.folder, picture.stem, self._worklist.models)
            except TracklayError as error:
                self._record_refusal(row_state, error, count)
                continue
            specs.append(replace(spec, delivery=BatchDelivery(row.id, row.digest, self._worklist.path)))
        return specs

    def _record_refusal(self, row_state: _RowState, error: TracklayError, count: int) -> None:
        self._record_entries(
            *[self._failed_entry(row_state.row, error.prefix_with(row_state.row.picture.name), None)] * count
        )

    def _on_step(self, step: StageProgress) -> None:
        if step.stage == "generate" and step.message != "waiting" and step.job_id is not None:
            self._started_at.setdefault(step.job_id, time.monotonic())
        self._on_event(step)

    def _on_job_done(self, job: Job, outcome: list[Take | Failure]) -> None:
        """Add the results of a finished job to its row, and free its slot."""
        row = BatchDelivery.row_of_plan(job.plan)
        state = self._row_states[row]
        start = self._started_at.pop(job.id, None)
        seconds = None if start is None else time.monotonic() - start
        for result in outcome:
            if isinstance(result, Take):
                state.produced_takes.append((result, ProducedTake(result.to_manifest_entry(), job.id, seconds)))
            else:
                state.failures.append((result, job.id))
        self._provider_slots(job.provider)[1].release()
        state.pending_takes -= 1
        if not state.pending_takes:
            del self._row_states[row]
            self._row_done_events[row].set()

    async def _finish_group(self, picture: OpenPicture, row_states: list[_RowState]) -> None:
        """Wait for a picture's rows, lay their accepted takes, and record the results."""
        for state in row_states:
            if (done := self._row_done_events.get(state.row.id)) is not None:
                await done.wait()
                del self._row_done_events[state.row.id]
        await self._repair_rows(picture, row_states)
        lay_error, mix = None, {}
        if row_states[0].row.lay_group not in self._cross_shard_groups:
            async with self._lay_semaphore:
                lay_error = await self._lay_group(picture, row_states)
                if lay_error is None:
                    try:
                        mix = await asyncio.to_thread(_mix_group, picture, row_states)
                    except TracklayError as error:
                        lay_error = error
        for state in row_states:
            state.known_takes += [
                produced for _, produced in sorted(state.produced_takes, key=lambda pair: pair[0].number)
            ]
            state.known_takes = [replace(take, mix=mix) for take in state.known_takes]
            self._record_row(
                state,
                laid=lay_error is None and row_states[0].row.lay_group not in self._cross_shard_groups,
                lay_error=lay_error,
            )

    async def _repair_rows(self, picture: OpenPicture, row_states: list[_RowState]) -> None:
        """Generate the worst stretch of each best new take again, for rows that ask for it.

        What a cap or a model's limits forbid is left out: the takes are whole without it.
        """
        for state in row_states:
            takes = [take for take, _ in state.produced_takes]
            specs = []
            if state.row.repair and takes and state.row.id not in self._options.extra_jobs:
                with contextlib.suppress(TracklayError):
                    for cue in await asyncio.to_thread(plan_repairs, takes):
                        spec = create_job_spec(cue, state.row.folder, picture.stem, self._worklist.models)
                        delivery = BatchDelivery(state.row.id, state.row.digest, self._worklist.path)
                        specs.append(replace(spec, delivery=delivery))
            if not specs:
                continue
            before = len(state.failures)
            await self._add_jobs(state, specs)
            await self._row_done_events[state.row.id].wait()
            del self._row_done_events[state.row.id]
            state.failures[before:] = [
                failure for failure in state.failures[before:] if not isinstance(failure[0].error, OverBudget)
            ]

    async def _add_jobs(self, state: _RowState, specs: list[JobSpec]) -> None:
        """Start the jobs of a row, when there are slots for all of its takes."""
        state.pending_takes = sum(spec.cue.takes for spec in specs)
        await self._reserve_slots(specs[0].model.provider, state.pending_takes)
        # Registered before the jobs are added: one could end at once.
        self._row_states[state.row.id], self._row_done_events[state.row.id] = state, asyncio.Event()
        await self._scheduler.add_jobs(specs)

    async def _lay_group(self, picture: OpenPicture, row_states: list[_RowState]) -> TracklayError | None:
        """Lay the takes of a picture's rows and return the error that stopped it, or None."""
        folder, drop = row_states[0].row.folder, row_states[0].row.drop_original
        takes: list[Take] = []
        try:
            for each in row_states:
                fresh = {made.entry["file"]: take for take, made in each.produced_takes}
                for made in accepted_takes([*each.known_takes, *(made for _, made in each.produced_takes)]):
                    known = fresh.get(made.entry["file"])
                    takes.append(known or Take.from_manifest_entry(made.entry, picture.cue(each.row), folder, made.job))
            if not takes:
                return None
            failures = [failure for each in row_states for failure, _ in each.failures]
            laid = await deliver_takes(
                self._scheduler,
                picture.timeline,
                takes,
                failures,
                folder,
                drop_original=drop,
                describe=self._options.describe,
            )
        except TracklayError as error:
            return error
        if laid.failures:
            return OutputError("batch.not_laid", "Takes were not laid: {error}", error=laid.failures[-1].error)
        return None

    def _record_row(self, row_state: _RowState, *, laid: bool = False, lay_error: TracklayError | None = None) -> None:
        """Record the entries of a row: its takes, earlier ones included, and its failures."""
        error, kind, code = (
            ("", "", "") if lay_error is None else (self._options.describe(lay_error), lay_error.kind, lay_error.code)
        )
        for made in row_state.known_takes:
            held = replace(made, laid=laid or made.laid)
            self._record_entries(
                results.take_entry(
                    self._worklist, row_state.row, held, *(("", "", "") if held.laid else (error, kind, code))
                )
            )
        for failure, job in row_state.failures:
            self._record_entries(self._failed_entry(row_state.row, failure.error, job))

    def _record_entries(self, *entries: Mapping[str, Any]) -> None:
        for entry in entries:
            self._spool.add(entry)
            self._on_event(entry)

    def _failed_entry(self, row: WorkListRow, error: TracklayError, job: int | None) -> Mapping[str, Any]:
        return results.failed_entry(self._worklist, row, error, job, self._options.describe)


def _mix_preset(row_states: Sequence[_RowState]) -> str:
    """Return the preset that the rows of a picture are mixed with: that of the first row that has one; empty if none has."""
    return next((state.row.mix for state in row_states if state.row.mix), "")


def _mix_group(picture: OpenPicture, row_states: Sequence[_RowState]) -> dict[str, Any]:
    """Mix a picture that was laid, if its rows ask for it, and return the mix as its manifest has it.

    Raises:
        TracklayError: it cannot be mixed.
    """
    preset = _mix_preset(row_states)
    if not preset or not any(state.known_takes or state.produced_takes for state in row_states):
        return {}
    row = row_states[0].row
    # With stems: the report plays each of them alone.
    options = MixOptions(load_preset(preset), with_stems=True, to=row.folder, drop_original=row.drop_original)
    return mix_timeline(picture.timeline.path, options).summary()
