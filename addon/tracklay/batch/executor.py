"""Carries the rows of a work list: opened, made and laid picture by picture, so many at a time; what waits is a row and nothing more."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..cue import Failure, Take
from ..errors import InvalidInput, OutputError, TracklayError
from ..jobs import admin, create_job_spec
from ..jobs.context import run_blocking
from ..jobs.job_spec import MAX_TAKES
from ..jobs.ledger import Ledger
from ..jobs.process_lock import is_alive
from ..jobs.scheduler import DEFAULT_LIMITS, HOSTED_PROVIDER_LIMIT, Scheduler
from ..paths import ensure_folder as made_folder
from . import results
from .history import RowHistory, accepted_takes, missing_takes
from .open_picture import OpenPicture
from .results import ProducedTake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..jobs import JobSpec, StageProgress
    from ..jobs.ledger import Job
    from .worklist import WorkList, WorkListRow

BATCH_LAYING_KIND = "batch"
"""The kind of laying that a work list's jobs have: `jobs resume` brings them as far as a take, and the list lays them."""

CPU_COUNT = os.cpu_count() or 1

QUEUED_TAKES_PER_SLOT = 4
"""Takes that are in the ledger for each that a provider may have at a time: enough that none waits for the next to be opened."""

MIN_QUEUED_TAKES = max(MAX_TAKES, 128)
"""And at least so many: all takes of a row are planned together."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a list is to be run.

    Args:
        shard: which part of how many; None for all of it.
        workers: how many takes each provider is asked for at a time, by all shards together.
        concurrent_shards: how many shards run at the same time.
        cap: what the list may cost, as decimal text.
        remake_all: make every row anew, whatever was made before.
        prior_results: what result lists of before tell.
        verdicts: verdicts given now.
        lay_only: make nothing, and lay what is there.
        describe: words an error, as the front end does.
    """

    shard: tuple[int, int] | None = None
    workers: int | None = None
    concurrent_shards: int = 1
    cap: str | None = None
    remake_all: bool = False
    prior_results: results.PriorResults = field(default_factory=results.PriorResults)
    verdicts: Mapping[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    lay_only: bool = False
    describe: Callable[[TracklayError], str] = str

    def run_id(self, worklist: WorkList) -> str:
        """What the ledger counts the jobs to: one budget for all times that the list, or this shard of it, is run."""
        return worklist.ledger_key if self.shard is None else f"{worklist.ledger_key}-{self.shard[0]}of{self.shard[1]}"

    def concurrency_by_provider(self, providers: Iterable[str]) -> dict[str, int]:
        """How many of each kind of work this process may have under way: its part of what all shards together may."""
        shard = self.shard[0] if self.shard else 1
        local = {kind: min(width, self.workers or width) for kind, width in DEFAULT_LIMITS.items()}
        whole = self.workers or HOSTED_PROVIDER_LIMIT
        mine = whole // self.concurrent_shards + (
            1 if (shard - 1) % self.concurrent_shards < whole % self.concurrent_shards else 0
        )
        return {**{name: max(1, mine) for name in providers if name not in DEFAULT_LIMITS}, **local}


@dataclass(slots=True)
class _RowState:
    """A row under way: how many of its jobs are still to end, what came of the others, and what was made before."""

    row: WorkListRow
    known_takes: list[ProducedTake]
    pending_takes: int = 0
    produced_takes: list[tuple[Take, ProducedTake]] = field(default_factory=list)
    failures: list[tuple[Failure, int | None]] = field(default_factory=list)


class BatchExecutor:
    """One run of a list's rows, or of a shard's.

    Args:
        worklist: the list.
        rows: those of it that are to be made.
        options: how.
        spool: takes the entries.
        on_event: is told of each step of a job, and of each entry that is final.
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
        mine = {row.id for row in rows}
        # What is laid together and made by several shards is laid when they are merged.
        self._cross_shard_groups = {row.lay_group for row in worklist.rows if row.id not in mine}
        self._row_states: dict[str, _RowState] = {}
        self._row_done_events: dict[str, asyncio.Event] = {}
        self._started_at: dict[int, float] = {}
        self._concurrency = options.concurrency_by_provider({model.provider for model in worklist.models.values()})
        self._queue_slots: dict[str, tuple[asyncio.Lock, asyncio.Semaphore]] = {}
        self._lay_semaphore = asyncio.Semaphore(CPU_COUNT)

    async def run(self) -> None:
        """Make what is missing, lay it, and note what came of each row.

        Raises:
            LedgerTrouble, OutputError: the ledger cannot be used.
            BadInput: another process has rows of this list in hand.
        """
        async with Scheduler(self._on_step, self._on_job_done, self._concurrency, self._run_id) as self._scheduler:
            desk = self._scheduler.ledger_writer
            await desk(Ledger.set_cap, f"run:{self._run_id}", self._options.cap)
            self._history = await desk(RowHistory, self._worklist, self._options.prior_results, self._options.verdicts)
            self._check_not_running_elsewhere(await desk(Ledger.owned_worklist_rows, self._worklist.ledger_key))
            try:
                async with asyncio.TaskGroup() as self._task_group:
                    watch = self._task_group.create_task(self._watch_scheduler())
                    await self._start_feeders()
                    await asyncio.gather(*self._feeder_tasks)
                    while self._finish_tasks:
                        await asyncio.wait(self._finish_tasks)
                    watch.cancel()
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None

    def _check_not_running_elsewhere(self, running_rows: list[tuple[str, str]]) -> None:
        """Two processes must not make the same rows: each would pay for them."""
        owners = dict(running_rows)
        for row in (row for group in self._groups.values() for row in group):
            if (owner := owners.get(row.id)) and is_alive(owner):
                raise InvalidInput(
                    f"{self._worklist.path.name}, {row.location}: another process is at work on it; wait for it to end"
                )

    async def _watch_scheduler(self) -> None:
        """Raise what breaks the crew, while others wait for it."""
        while True:
            await self._scheduler.wait_until_idle()
            await asyncio.sleep(0.25)

    async def _start_feeders(self) -> None:
        """Share the pictures out to feeders, some for each provider: a slow one holds up no other."""
        lanes: dict[str, deque[list[WorkListRow]]] = defaultdict(deque)
        for rows in self._groups.values():
            lanes[self._worklist.models[rows[0].model].provider].append(rows)
        self._groups.clear()
        self._finish_tasks: set[asyncio.Task[None]] = set()
        self._feeder_tasks = [
            self._task_group.create_task(self._feed(lane)) for lane in lanes.values() for _ in range(CPU_COUNT + 1)
        ]

    async def _feed(self, queue: deque[list[WorkListRow]]) -> None:
        while queue:
            await self._start_group(queue.popleft())

    def _provider_slots(self, name: str) -> tuple[asyncio.Lock, asyncio.Semaphore]:
        """What bounds a provider's takes in the ledger, and the lock of whoever waits for places in it."""
        if name not in self._queue_slots:
            width = self._concurrency.get(name, HOSTED_PROVIDER_LIMIT)
            self._queue_slots[name] = (
                asyncio.Lock(),
                asyncio.Semaphore(max(MIN_QUEUED_TAKES, width * QUEUED_TAKES_PER_SLOT)),
            )
        return self._queue_slots[name]

    async def _reserve_slots(self, name: str, takes: int) -> None:
        """Wait for so many places. One row at a time waits: two that each held some would wait for one another."""
        lock, window = self._provider_slots(name)
        async with lock:
            for _ in range(takes):
                await window.acquire()

    async def _start_group(self, rows: list[WorkListRow]) -> None:
        """Plan what a picture's rows still need; where that is nothing, note what is there."""
        asked = []
        for row in rows:
            before = await self._scheduler.ledger_writer(self._history.produced_takes, row, self._worklist.models)
            asked.append(_RowState(row, before))
        wanted = [
            (each, missing_takes(each.row, each.known_takes, remake_all=self._options.remake_all)) for each in asked
        ]
        if self._options.lay_only:
            self._record_missing(wanted)
            wanted = [(each, []) for each in asked]
        laid = (
            all(made.laid for each in asked for made in each.known_takes)
            or rows[0].lay_group in self._cross_shard_groups
        )
        if laid and not any(lacking for _, lacking in wanted):
            for each in asked:
                self._record_row(each)
            return
        try:
            scene = await asyncio.to_thread(OpenPicture, rows[0].picture)
            await asyncio.to_thread(self._check_folder, scene, rows[0])
        except TracklayError as error:
            for each, lacking in wanted:
                self._record_refusal(each, error, sum(count for _, count in lacking))
                self._record_row(each)
            return
        for each, lacking in wanted:
            orders = self._job_specs(scene, each, lacking)
            if orders:
                each.pending_takes = sum(order.cue.takes for order in orders)
                await self._reserve_slots(orders[0].model.provider, each.pending_takes)
                self._row_states[each.row.id], self._row_done_events[each.row.id] = each, asyncio.Event()
                await self._scheduler.add_jobs(orders)
        finishing = self._task_group.create_task(self._finish_group(scene, asked))
        self._finish_tasks.add(finishing)
        finishing.add_done_callback(self._finish_tasks.discard)

    def _record_missing(self, missing: list[tuple[_RowState, list[tuple[int | None, int]]]]) -> None:
        """Where nothing is to be made: what was told of the takes that are not there."""
        for each, lacking in missing:
            if lacking:
                self._record_entries(
                    *(
                        self._options.prior_results.failures(each.row)
                        or [results.waiting_entry(self._worklist, each.row)]
                    )
                )

    def _job_specs(
        self, picture: OpenPicture, row_state: _RowState, missing: list[tuple[int | None, int]]
    ) -> list[JobSpec]:
        row, orders = row_state.row, []
        for seed, count in missing:
            try:
                cue = replace(picture.cue(row), seed=seed, takes=count)
                order = create_job_spec(cue, row.folder, picture.stem, self._worklist.models)
            except TracklayError as error:
                self._record_refusal(row_state, error, count)
                continue
            laying = {"kind": BATCH_LAYING_KIND, "row": row.id, "digest": row.digest, "list": str(self._worklist.path)}
            orders.append(replace(order, delivery=laying))
        return orders

    @staticmethod
    def _check_folder(picture: OpenPicture, row: WorkListRow) -> None:
        """Refuse to begin where a person's own file has a name that laying would write."""
        made_folder(row.folder)
        try:
            picture.timeline.check_folder(row.folder)
        except InvalidInput:
            if not admin.is_interrupted_output(picture.timeline.laid_path(row.folder)):
                raise

    def _record_refusal(self, row_state: _RowState, error: TracklayError, count: int) -> None:
        self._record_entries(
            *[self._failed_entry(row_state.row, error.prefix_with(row_state.row.picture.name), None)] * count
        )

    def _on_step(self, step: StageProgress) -> None:
        if step.stage == "generate" and step.message != "waiting" and step.job_id is not None:
            self._started_at.setdefault(step.job_id, time.monotonic())
        self._on_event(step)

    def _on_job_done(self, job: Job, outcome: list[Take | Failure]) -> None:
        """A job has ended."""
        row = job.plan["laying"]["row"]
        each = self._row_states[row]
        began = self._started_at.pop(job.id, None)
        seconds = None if began is None else time.monotonic() - began
        for one in outcome:
            if isinstance(one, Take):
                each.produced_takes.append((one, ProducedTake(one.to_manifest_entry(), job.id, seconds)))
            else:
                each.failures.append((one, job.id))
        self._provider_slots(job.provider)[1].release()
        each.pending_takes -= 1
        if not each.pending_takes:
            del self._row_states[row]
            self._row_done_events[row].set()

    async def _finish_group(self, picture: OpenPicture, row_states: list[_RowState]) -> None:
        """Wait for a picture's rows, lay what stands, and note what came of them."""
        for each in row_states:
            if (over := self._row_done_events.get(each.row.id)) is not None:
                await over.wait()
                del self._row_done_events[each.row.id]
        trouble = None
        if row_states[0].row.lay_group not in self._cross_shard_groups:
            async with self._lay_semaphore:
                trouble = await self._lay_group(picture, row_states)
        for each in row_states:
            each.known_takes += [made for _, made in sorted(each.produced_takes, key=lambda one: one[0].number)]
            self._record_row(
                each,
                laid=trouble is None and row_states[0].row.lay_group not in self._cross_shard_groups,
                lay_error=trouble,
            )

    async def _lay_group(self, picture: OpenPicture, row_states: list[_RowState]) -> TracklayError | None:
        """Lay the takes of a picture's rows; what hindered it."""
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
            numbers = {take.job_id for take in takes if take.job_id is not None}
            target = str(picture.timeline.laid_path(folder))

            def note(ledger: Ledger) -> None:
                for number in numbers:
                    ledger.update(ledger.get_job(number), target=target)

            await self._scheduler.ledger_writer(note)
            failures = [failure for each in row_states for failure, _ in each.failures]
            laid = await run_blocking(picture.timeline.lay, takes, failures, folder, drop_original=drop)
        except TracklayError as error:
            return error
        if len(laid["failed"]) > len(failures):
            return OutputError(laid["failed"][-1]["error"])
        await self._scheduler.mark_laid(takes)
        return None

    def _record_row(self, row_state: _RowState, *, laid: bool = False, lay_error: TracklayError | None = None) -> None:
        """Note what came of a row."""
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

    def _failed_entry(self, row: WorkListRow, error: TracklayError, job: int | None) -> Mapping[str, Any]:
        return results.failed_entry(self._worklist, row, error, job, self._options.describe)

    def _record_entries(self, *entries: Mapping[str, Any]) -> None:
        for entry in entries:
            self._spool.add(entry)
            self._on_event(entry)
