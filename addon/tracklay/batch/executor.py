"""Carries the rows of a work list: opened, made and laid picture by picture, so many at a time; what waits is a row and nothing more."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..cue import Failure, Take
from ..errors import BadInput, OutputError, TracklayError
from ..jobs import admin, checked
from ..jobs.context import aside
from ..jobs.job_spec import MOST_TAKES
from ..jobs.ledger import Ledger
from ..jobs.process_lock import alive
from ..jobs.scheduler import AT_ONCE, AT_ONCE_HOSTED, Crew
from ..paths import folder as made_folder
from . import results
from .history import Past, missing, standing
from .open_picture import Scene
from .results import Made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..jobs import Order, Step
    from ..jobs.ledger import Job
    from .worklist import Row, WorkList

BATCH = "batch"
"""The kind of laying that a work list's jobs have: `jobs resume` brings them as far as a take, and the list lays them."""

CORES = os.cpu_count() or 1

AHEAD = 4
"""Takes that are in the ledger for each that a provider may have at a time: enough that none waits for the next to be opened."""

LEAST_AHEAD = max(MOST_TAKES, 128)
"""And at least so many: all takes of a row are planned together."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a list is to be run.

    Args:
        shard: which part of how many; None for all of it.
        workers: how many takes each provider is asked for at a time, by all shards together.
        together: how many shards run at the same time.
        cap: what the list may cost, as decimal text.
        again: make every row anew, whatever was made before.
        known: what result lists of before tell.
        judged: verdicts given now.
        only_lay: make nothing, and lay what is there.
    """

    shard: tuple[int, int] | None = None
    workers: int | None = None
    together: int = 1
    cap: str | None = None
    again: bool = False
    known: results.Known = field(default_factory=results.Known)
    judged: Mapping[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    only_lay: bool = False

    def run(self, work: WorkList) -> str:
        """What the ledger counts the jobs to: one budget for all times that the list, or this shard of it, is run."""
        return work.key if self.shard is None else f"{work.key}-{self.shard[0]}of{self.shard[1]}"

    def at_once(self, providers: Iterable[str]) -> dict[str, int]:
        """How many of each kind of work this process may have under way: its part of what all shards together may."""
        shard = self.shard[0] if self.shard else 1
        local = {kind: min(width, self.workers or width) for kind, width in AT_ONCE.items()}
        whole = self.workers or AT_ONCE_HOSTED
        mine = whole // self.together + (1 if (shard - 1) % self.together < whole % self.together else 0)
        return {**{name: max(1, mine) for name in providers if name not in AT_ONCE}, **local}


@dataclass(slots=True)
class _Asked:
    """A row under way: how many of its jobs are still to end, what came of the others, and what was made before."""

    row: Row
    before: list[Made]
    left: int = 0
    made: list[tuple[Take, Made]] = field(default_factory=list)
    failed: list[tuple[Failure, int | None]] = field(default_factory=list)


class Carrying:
    """One run of a list's rows, or of a shard's.

    Args:
        work: the list.
        rows: those of it that are to be made.
        wanted: how.
        spool: takes the entries.
        news: is told of each step of a job, and of each entry that is final.
    """

    def __init__(
        self,
        work: WorkList,
        rows: Sequence[Row],
        wanted: Wanted,
        spool: results.Spool,
        news: Callable[[Step | Mapping[str, Any]], None],
    ) -> None:
        self._run = wanted.run(work)
        self._work, self._wanted, self._spool, self._news = work, wanted, spool, news
        self._groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in rows:
            self._groups[row.group].append(row)
        mine = {row.id for row in rows}
        # What is laid together and made by several shards is laid when they are merged.
        self._split = {row.group for row in work.rows if row.id not in mine}
        self._asked: dict[str, _Asked] = {}
        self._over: dict[str, asyncio.Event] = {}
        self._began: dict[int, float] = {}
        self._widths = wanted.at_once({model.provider for model in work.models.values()})
        self._windows: dict[str, tuple[asyncio.Lock, asyncio.Semaphore]] = {}
        self._laying = asyncio.Semaphore(CORES)

    async def run(self) -> None:
        """Make what is missing, lay it, and note what came of each row.

        Raises:
            LedgerTrouble, OutputError: the ledger cannot be used.
            BadInput: another process has rows of this list in hand.
        """
        async with Crew(self._step, self._told, self._widths, self._run) as self._crew:
            desk = self._crew.desk
            await desk(Ledger.set_cap, f"run:{self._run}", self._wanted.cap)
            self._past = await desk(Past, self._work, self._wanted.known, self._wanted.judged)
            self._check_alone(await desk(Ledger.carried_rows, self._work.key))
            try:
                async with asyncio.TaskGroup() as self._tasks:
                    watch = self._tasks.create_task(self._watched())
                    await self._all_fed()
                    await asyncio.gather(*self._lane_tasks)
                    while self._finishing:
                        await asyncio.wait(self._finishing)
                    watch.cancel()
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None

    def _check_alone(self, carried: list[tuple[str, str]]) -> None:
        """Two processes must not make the same rows: each would pay for them."""
        owners = dict(carried)
        for row in (row for group in self._groups.values() for row in group):
            if (owner := owners.get(row.id)) and alive(owner):
                raise BadInput(
                    f"{self._work.path.name}, {row.where}: another process is at work on it; wait for it to end"
                )

    async def _watched(self) -> None:
        """Raise what breaks the crew, while others wait for it."""
        while True:
            await self._crew.idle()
            await asyncio.sleep(0.25)

    async def _all_fed(self) -> None:
        """Share the pictures out to feeders, some for each provider: a slow one holds up no other."""
        lanes: dict[str, deque[list[Row]]] = defaultdict(deque)
        for rows in self._groups.values():
            lanes[self._work.models[rows[0].model].provider].append(rows)
        self._groups.clear()
        self._finishing: set[asyncio.Task[None]] = set()
        self._lane_tasks = [
            self._tasks.create_task(self._feed(lane)) for lane in lanes.values() for _ in range(CORES + 1)
        ]

    async def _feed(self, lane: deque[list[Row]]) -> None:
        while lane:
            await self._begin(lane.popleft())

    def _window(self, name: str) -> tuple[asyncio.Lock, asyncio.Semaphore]:
        """What bounds a provider's takes in the ledger, and the lock of whoever waits for places in it."""
        if name not in self._windows:
            width = self._widths.get(name, AT_ONCE_HOSTED)
            self._windows[name] = asyncio.Lock(), asyncio.Semaphore(max(LEAST_AHEAD, width * AHEAD))
        return self._windows[name]

    async def _room(self, name: str, takes: int) -> None:
        """Wait for so many places. One row at a time waits: two that each held some would wait for one another."""
        lock, window = self._window(name)
        async with lock:
            for _ in range(takes):
                await window.acquire()

    async def _begin(self, rows: list[Row]) -> None:
        """Plan what a picture's rows still need; where that is nothing, note what is there."""
        asked = []
        for row in rows:
            before = await self._crew.desk(self._past.takes, row, self._work.models)
            asked.append(_Asked(row, before))
        wanted = [(each, missing(each.row, each.before, again=self._wanted.again)) for each in asked]
        if self._wanted.only_lay:
            self._leave(wanted)
            wanted = [(each, []) for each in asked]
        laid = all(made.laid for each in asked for made in each.before) or rows[0].group in self._split
        if laid and not any(lacking for _, lacking in wanted):
            for each in asked:
                self._settle(each)
            return
        try:
            scene = await asyncio.to_thread(Scene, rows[0].picture)
            await asyncio.to_thread(self._check_folder, scene, rows[0])
        except TracklayError as error:
            for each, lacking in wanted:
                self._refuse(each, error, sum(count for _, count in lacking))
                self._settle(each)
            return
        for each, lacking in wanted:
            orders = self._orders(scene, each, lacking)
            if orders:
                each.left = sum(order.cue.takes for order in orders)
                await self._room(orders[0].model.provider, each.left)
                self._asked[each.row.id], self._over[each.row.id] = each, asyncio.Event()
                await self._crew.plan(orders)
        finishing = self._tasks.create_task(self._finish(scene, asked))
        self._finishing.add(finishing)
        finishing.add_done_callback(self._finishing.discard)

    def _leave(self, wanted: list[tuple[_Asked, list[tuple[int | None, int]]]]) -> None:
        """Where nothing is to be made: what was told of the takes that are not there."""
        for each, lacking in wanted:
            if lacking:
                self._add(*(self._wanted.known.failures(each.row) or [results.waiting(self._work, each.row)]))

    def _orders(self, scene: Scene, each: _Asked, lacking: list[tuple[int | None, int]]) -> list[Order]:
        row, orders = each.row, []
        for seed, count in lacking:
            try:
                cue = replace(scene.cue(row), seed=seed, takes=count)
                order = checked(cue, row.folder, scene.stem, self._work.models)
            except TracklayError as error:
                self._refuse(each, error, count)
                continue
            laying = {"kind": BATCH, "row": row.id, "digest": row.digest, "list": str(self._work.path)}
            orders.append(replace(order, laying=laying))
        return orders

    @staticmethod
    def _check_folder(scene: Scene, row: Row) -> None:
        """Refuse to begin where a person's own file has a name that laying would write."""
        made_folder(row.folder)
        try:
            scene.timeline.check_folder(row.folder)
        except BadInput:
            if not admin.was_laying(scene.timeline.laid_path(row.folder)):
                raise

    def _refuse(self, each: _Asked, error: TracklayError, count: int) -> None:
        self._add(*[results.failed(self._work, each.row, error.about(each.row.picture.name), None)] * count)

    def _step(self, step: Step) -> None:
        if step.stage == "generate" and step.words != "waiting" and step.job is not None:
            self._began.setdefault(step.job, time.monotonic())
        self._news(step)

    def _told(self, job: Job, outcome: list[Take | Failure]) -> None:
        """A job has ended."""
        row = job.plan["laying"]["row"]
        each = self._asked[row]
        began = self._began.pop(job.id, None)
        seconds = None if began is None else time.monotonic() - began
        for one in outcome:
            if isinstance(one, Take):
                each.made.append((one, Made(one.entry(), job.id, seconds)))
            else:
                each.failed.append((one, job.id))
        self._window(job.provider)[1].release()
        each.left -= 1
        if not each.left:
            del self._asked[row]
            self._over[row].set()

    async def _finish(self, scene: Scene, asked: list[_Asked]) -> None:
        """Wait for a picture's rows, lay what stands, and note what came of them."""
        for each in asked:
            if (over := self._over.get(each.row.id)) is not None:
                await over.wait()
                del self._over[each.row.id]
        trouble = None
        if asked[0].row.group not in self._split:
            async with self._laying:
                trouble = await self._lay(scene, asked)
        for each in asked:
            each.before += [made for _, made in sorted(each.made, key=lambda one: one[0].number)]
            self._settle(each, laid=trouble is None and asked[0].row.group not in self._split, trouble=trouble)

    async def _lay(self, scene: Scene, asked: list[_Asked]) -> TracklayError | None:
        """Lay the takes of a picture's rows; what hindered it."""
        folder, drop = asked[0].row.folder, asked[0].row.drop_original
        takes: list[Take] = []
        try:
            for each in asked:
                fresh = {made.entry["file"]: take for take, made in each.made}
                for made in standing([*each.before, *(made for _, made in each.made)]):
                    known = fresh.get(made.entry["file"])
                    takes.append(known or Take.of_entry(made.entry, scene.cue(each.row), folder, made.job))
            if not takes:
                return None
            numbers = {take.job for take in takes if take.job is not None}
            target = str(scene.timeline.laid_path(folder))

            def note(ledger: Ledger) -> None:
                for number in numbers:
                    ledger.note(ledger.get(number), target=target)

            await self._crew.desk(note)
            failures = [failure for each in asked for failure, _ in each.failed]
            laid = await aside(scene.timeline.lay, takes, failures, folder, drop_original=drop)
        except TracklayError as error:
            return error
        if len(laid["failed"]) > len(failures):
            return OutputError(laid["failed"][-1]["error"])
        await self._crew.laid(takes)
        return None

    def _settle(self, each: _Asked, *, laid: bool = False, trouble: TracklayError | None = None) -> None:
        """Note what came of a row."""
        error, kind = ("", "") if trouble is None else (str(trouble), trouble.kind)
        for made in each.before:
            held = replace(made, laid=laid or made.laid)
            self._add(results.entry_of(self._work, each.row, held, *(("", "") if held.laid else (error, kind))))
        for failure, job in each.failed:
            self._add(results.failed(self._work, each.row, failure.error, job))

    def _add(self, *entries: Mapping[str, Any]) -> None:
        for entry in entries:
            self._spool.add(entry)
            self._news(entry)
