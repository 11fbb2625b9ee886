"""Joins the jobs' thread to Blender's own: orders go out, news comes in by a timer, and each take is laid as it comes.

Nothing here waits, except `wait`, which scripts ask for. What is under way is kept in memory, in plain data: no strip, no scene.
A cue is known by its id, which its strips carry: a take can come into no other strip, whatever file is open by then.
"""

from __future__ import annotations

import contextlib
import json
import queue
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ... import jobs, log
from ...cue import Failure, Take
from ...errors import Cancelled, InvalidInput, TracklayError
from ...jobs import StageProgress, create_job_spec
from ...jobs.job_spec import MAX_TAKES
from ...paths import ensure_folder
from ...providers.credentials import redact
from ..sequencer import cue_index, placeholders, placement, staleness
from ..sequencer.cue_index import CueRequest, shared_cue_index
from ..settings import catalogue, network, preferences
from .cue_status import CueStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ...cue import Cue
    from ...jobs import BackgroundRunner, JobSpec, LookupDone, TakeFinished, TakeResumed
    from ..sequencer.cue_index import StripRef
    from ..sequencer.selection import CueSource
    from .cue_status import TakeKey

IDLE_INTERVAL_SECONDS = 0.05
"""Seconds between two looks for news: a take is to lie there a tenth of a second after it is made."""

BUSY_INTERVAL_SECONDS = 0.01
"""Seconds to the next look when this one found something: takes are laid one by one, and the window is drawn between."""

MAX_EVENTS_PER_TICK = 32
"""More than this waits for the next tick: a tick must stay short."""

SCAN_INTERVAL_SECONDS = 0.25
"""Seconds between two looks through the timeline while it is being changed."""

SCAN_OVERDUE_SECONDS = 1.0
"""Seconds after which a look goes before takes that come: until then they lie there the sooner."""

SLICE_SECONDS = 0.0007
"""Seconds of a tick that may go into looking through the timeline, into letting takes back, or into seeing whether they are stale."""

DELETION_GRACE_SECONDS = 4.0
"""Seconds that a placeholder may be gone before its job is cancelled: cut and pasted, or deleted and brought back, it is not."""

HELD_RECHECK_SECONDS = 5.0
"""Seconds between two looks at jobs that another process carries, or that may not go on."""

MAX_SEPARATE_UNDO_STEPS = 4
"""Takes that wait to be laid, up to which each gets a step of the undo history of its own; a flood gets one, for the history is short."""

EXTRA_TAKE_STRIDE = MAX_TAKES + 1
"""What the further sounds of a job are counted up by: no take of the cue has such a number."""

WAIT_TIMEOUT_SECONDS = 0.2
"""Seconds a blocking wait sleeps at most, so that an interrupt is noticed."""

DELIVERY_KIND = "blender"
"""What the ledger keeps of a job says who lays it: Blender."""

MOVE_OPERATOR_PREFIXES = ("TRANSFORM_OT_", "SEQUENCER_OT_")
"""Operators in whose midst nothing is laid: they hold on to strips, and their undo step is still to come."""


@dataclass(slots=True)
class BlockingBatch:
    """Cues that somebody waits for. They have no placeholders: their takes are laid when the last has come, as one undo step."""

    spots: dict[str, CueSource]
    requests: dict[str, CueRequest]
    pending: set[TakeKey]
    on_placed: Callable[[], None] | None = None
    received: list[tuple[TakeKey, Take]] = field(default_factory=list)
    laid_strips: list[str] = field(default_factory=list)
    changed_scenes: set[int] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def add_error(self, cue: str, message: str) -> None:
        """Note what went wrong; the same once."""
        sentence = f"{self.spots[cue].strip_name}: {message}"
        if sentence not in self.errors:
            self.errors.append(sentence)


@dataclass(frozen=True, slots=True)
class ReceivedTake:
    """A take as its strips have it."""

    take: Take
    entry_json: str


class Dispatcher:
    """All that is under way."""

    def __init__(self) -> None:
        self.statuses: dict[str, CueStatus] = {}
        self._runner: BackgroundRunner | None = None
        self._start_executor = ThreadPoolExecutor(1, "tracklay-start")
        self._batches: list[BlockingBatch] = []
        self._received: dict[TakeKey, ReceivedTake] = {}
        """Takes that came, for as long as Blender runs: undo, redo, paste and opening a file bring placeholders back."""
        self._final_errors: dict[TakeKey, str] = {}
        """Why others never will, for the same reason."""
        self._fill_queue: deque[TakeKey] = deque()
        self._missing_since: dict[TakeKey, float] = {}
        """Takes whose placeholders were deleted, and when."""
        self._removed_by_undo: set[TakeKey] = set()
        """Those whose placeholders an undo took away: a redo may bring them back, and they are not given up."""
        self._cancelled_by_deletion: set[TakeKey] = set()
        """Those that are being cancelled because their placeholders were deleted."""
        self._cues_to_retry: set[str] = set()
        """Cues that are looked up in the ledger to be made again."""
        self._staleness_queue: deque[tuple[str, str]] = deque()
        """Strips still to be looked at whether they are stale."""
        self._speed_cache = staleness.SpeedEffectCache()
        """By what they are."""
        self._scanned_at = self._held_checked_at = 0.0
        self._pending_lookups = 0
        """How many questions to the ledger are still to be answered."""
        self.ledger_error = ""
        """Why the ledger did not answer the last."""
        self._is_bulk_fill = False
        self._is_file_load_pending = True
        """Whether a file was opened, and its placeholders are still to be looked up."""
        self._active_scan: Iterator[bool] | None = None
        """A look through the timeline that goes on with the next tick."""
        self._refill_queue: deque[TakeKey] = deque()
        """Takes whose strips came back without them."""

    @property
    def runner(self) -> BackgroundRunner:
        """Who carries the jobs: begun with the first, by Blender's own thread."""
        if self._runner is None:
            log.configure(redact)
            self._runner = jobs.BackgroundRunner(preferences.jobs_per_provider())
        return self._runner

    # Asking

    def submit(
        self,
        job_specs: Sequence[tuple[JobSpec, CueSource]],
        *,
        wait: bool = False,
        on_placed: Callable[[], None] | None = None,
    ) -> BlockingBatch | None:
        """Send orders on their way, all of them or none. A placeholder of each take lies there when this comes back.

        Args:
            job_specs: what is asked for, and where.
            wait: somebody waits: no placeholders are laid, and the batch to wait for is given back.
            on_placed: done when the strips lie there, within the same step of the undo history.

        Raises:
            TracklayError: there is no room above one of the pictures; nothing was sent.
        """
        look = staleness.SpeedEffectCache()
        asked = {order.cue.id: placement.make_cue_request(order, spot, look) for order, spot in job_specs}
        amount, holds = preferences.budget_cap()
        for project in {order.project for order, _ in job_specs} if amount else ():
            self.runner.set_project_cap(project, amount, enabled=holds)
        batch = None
        if wait:
            placement.check_free_channels(job_specs)
            keys = {(order.cue.id, each) for order, _ in job_specs for each in range(order.cue.takes)}
            batch = BlockingBatch({order.cue.id: spot for order, spot in job_specs}, asked, keys, on_placed)
            self._batches.append(batch)
        else:
            placement.place_placeholders([(order, spot, asked[order.cue.id]) for order, spot in job_specs])
            shared_cue_index.is_dirty = True
            if on_placed is not None:
                on_placed()
            placement.push_undo(placement.find_scene(job_specs[0][1], ""), placement.UNDO_GENERATE)
        for order, spot in job_specs:
            self._start_job(_with_delivery(order, spot))
        return batch

    def _start_job(self, spec: JobSpec, take_indices: Sequence[int] = ()) -> None:
        cue = spec.cue
        first = {each: StageProgress(cue.id, each, "extract") for each in take_indices or range(cue.takes)}
        self.statuses[cue.id] = CueStatus(cue, spec.delivery, first)
        self._start_executor.submit(_create_folder_and_start, self.runner, spec)

    def retry(self, cue: str) -> None:
        """Make what did not come of a cue once more; what came stays.

        Raises:
            TracklayError: it cannot be asked for as it was.
        """
        line = self.statuses.get(cue)
        if line is None:
            self._cues_to_retry.add(cue)
            self._request_lookup({cue})
            return
        failed = sorted(number for number, state in line.failure_states.items() if state == "failed")
        if not failed or self._is_running(line):
            return
        self._resubmit_failed(line.cue, line.laying, failed)

    def _resubmit_failed(self, cue: Cue, delivery: Mapping[str, Any], failed: list[int]) -> None:
        seed = None if cue.seed is None else cue.seed + failed[0]
        once_more = replace(cue, takes=len(failed), seed=seed)
        if trouble := network.offline_reason(catalogue.get_model(cue.model)):
            raise InvalidInput(trouble)
        order = create_job_spec(once_more, Path(delivery["folder"]), str(delivery["stem"]), catalogue.MODELS)
        for number in failed:
            self._final_errors.pop((cue.id, number), None)
            placeholders.clear_error(self._strip_refs((cue.id, number)))
        shared_cue_index.is_dirty = True
        self._start_job(replace(order, delivery={**delivery, "takes": failed}), failed)

    def cancel(self, cue: str) -> None:
        """Stop a cue."""
        self._start_executor.submit(self.runner.cancel, cue)

    def dismiss(self, cue: str) -> None:
        """Forget a cue's error or note. Its placeholders stay, and say what they say."""
        if (line := self.statuses.get(cue)) and (line.error or line.note) and not self._is_running(line):
            del self.statuses[cue]

    def recheck(self, cue: str) -> None:
        """Look once more for a cue's jobs that are unclear or were given a rest, and go on with what is found."""
        if line := self.statuses.get(cue):
            for number in [number for number, state in line.failure_states.items() if state != "failed"]:
                del line.errors[number], line.failure_states[number]
                line.finished.discard(number)
                line.steps[number] = StageProgress(cue, number, "generate", message="looking for it")
        self._request_lookup({cue})

    def resubmit(self, cue: str) -> None:
        """Have a cue's unclear jobs sent once more: they may be charged twice."""
        line = self.statuses[cue]
        for number in [number for number, state in line.failure_states.items() if state == "unclear"]:
            del line.errors[number], line.failure_states[number]
            line.finished.discard(number)
            line.steps[number] = StageProgress(cue, number, "extract")
            self._pending_lookups += 1
            self.runner.resubmit(line.job_id_by_take[number], network.make_blocked_reason())

    def discard(self, cue: str) -> None:
        """Give a cue's unclear jobs up, and take their placeholders away."""
        line = self.statuses[cue]
        for number in [number for number, state in line.failure_states.items() if state != "failed"]:
            self._pending_lookups += 1
            self.runner.discard(line.job_id_by_take[number], network.make_blocked_reason())
            self._final_errors[cue, number] = "given up by you: it may have been charged"
            self._remove_placeholders((cue, number))
            del line.errors[number], line.failure_states[number], line.steps[number]
        if not line.steps:
            del self.statuses[cue]

    # What comes

    @property
    def is_busy(self) -> bool:
        """Whether anything is still to come or to be laid."""
        return bool(
            self._batches
            or self._pending_lookups
            or self._fill_queue
            or self._refill_queue
            or self._missing_since
            or any(map(self._is_running, self.statuses.values()))
        )

    def _is_running(self, status: CueStatus) -> bool:
        """Whether any take of a cue is still to come."""
        return bool(status.steps.keys() - status.finished)

    def process(self) -> bool:
        """Take in some news, and do one more thing at most; whether anything was to do."""
        heard = self._process_events()
        looks = self.is_scanning or self._is_file_load_pending or self._is_scan_due()
        if self._fill_queue and not _is_user_moving_strips() and not (looks and self._is_scan_overdue()):
            self._postpone_scan()
            self._fill_next()
        elif looks:
            self._continue_scan()
        elif self._refill_queue:
            self._refill()
        elif self._staleness_queue:
            self._check_staleness()
        else:
            self._recheck_held()
            return heard
        return True

    def _process_events(self) -> bool:
        if self._runner is None:
            return False
        for heard in range(MAX_EVENTS_PER_TICK):
            try:
                self._handle_event(self._runner.events.get_nowait())
            except queue.Empty:
                return heard > 0
        return True

    def wait(self, batch: BlockingBatch) -> None:
        """Block until a batch is laid; an interrupt cancels it and goes on up."""
        try:
            while batch.pending:
                try:
                    self._handle_event(self.runner.events.get(timeout=WAIT_TIMEOUT_SECONDS))
                except queue.Empty:
                    continue
        except KeyboardInterrupt:
            for cue in {cue for cue, _ in batch.pending}:
                self.cancel(cue)
            raise
        self._lay_batch(batch)

    def _handle_event(self, event: StageProgress | TakeFinished | TakeResumed | LookupDone) -> None:
        match event:
            case StageProgress():
                if (line := self.statuses.get(event.cue)) and event.take_index in line.steps:
                    line.steps[event.take_index] = event
            case jobs.TakeResumed():
                line = self._status_for(event)
                line.job_id_by_take[event.take_index] = event.job_id
                line.blocked_reasons.pop(event.take_index, None)
                line.finished.discard(event.take_index)
                if event.blocked_reason:
                    line.blocked_reasons[event.take_index] = event.blocked_reason
            case jobs.TakeFinished():
                self._on_take_finished(event)
            case jobs.LookupDone():
                self._pending_lookups -= 1
                self.ledger_error = event.error
                for cue in event.unknown_cues:
                    self._mark_unknown(cue)

    def _status_for(self, event: TakeResumed | TakeFinished) -> CueStatus:
        """A cue's line, begun where it was not under way as far as this Blender knew."""
        cue = event.cue.id
        if cue not in self.statuses:
            self.statuses[cue] = CueStatus(
                event.cue, event.delivery, {}, is_in_open_file=bool(shared_cue_index.cue_strips(cue))
            )
        line = self.statuses[cue]
        line.steps.setdefault(event.take_index, StageProgress(cue, event.take_index, "generate", message="taken up"))
        return line

    def _on_take_finished(self, event: TakeFinished) -> None:
        key = event.cue.id, event.take_index
        line = self._status_for(event)
        if event.job_id is not None:
            line.job_id_by_take[event.take_index] = event.job_id
        line.blocked_reasons.pop(event.take_index, None)
        line.finished.add(event.take_index)
        takes = [result for result in event.results if isinstance(result, Take)]
        errors = [result.error for result in event.results if isinstance(result, Failure)]
        batch = next((each for each in self._batches if key in each.pending), None)
        for place, take in enumerate(sorted(takes, key=lambda take: take.number)):
            # A job that gives several sounds: those after the first get numbers that no other take of the cue has.
            which = key[0], event.take_index + place * EXTRA_TAKE_STRIDE
            self._received[which] = ReceivedTake(take, json.dumps(take.to_manifest_entry(), ensure_ascii=False))
            if batch is None:
                self._fill_queue.append(which)
            else:
                batch.received.append((which, take))
        if takes:
            line.steps[event.take_index] = StageProgress(*key, "ready", 1.0)
        for error in errors:
            self._record_failure(line, event, error, batch)
        if batch is not None:
            batch.pending.discard(key)
            return
        if errors and event.cue.id in self._cues_to_retry:
            self._cues_to_retry.discard(event.cue.id)
            self._retry_take(line, event.take_index)
        self._remove_if_finished(line)

    def _retry_take(self, status: CueStatus, take_index: int) -> None:
        try:
            self._resubmit_failed(status.cue, status.laying, [take_index])
        except TracklayError as error:
            status.errors[take_index] = str(error)

    def _record_failure(
        self, status: CueStatus, event: TakeFinished, error: TracklayError, batch: BlockingBatch | None
    ) -> None:
        key, number = (event.cue.id, event.take_index), event.take_index
        if isinstance(error, Cancelled):
            self._final_errors[key] = f"cancelled: {error}"
            status.steps.pop(number, None)
            if key in self._cancelled_by_deletion:
                status.note = f"the placeholder was deleted, so its job was cancelled: {error}"
            elif batch is None:
                status.note = f"cancelled: {error}"
                self._remove_placeholders(key)
            else:
                batch.add_error(event.cue.id, "cancelled")
            return
        over = event.state is None or event.state in ("failed", "cancelled", "laid")
        status.failure_states[number] = "failed" if over else "unclear" if event.state == "unclear" else "stopped"
        status.errors[number] = str(error)
        status.steps[number] = StageProgress(*key, "failed")
        if batch is not None:
            batch.add_error(event.cue.id, str(error))
        elif over:
            self._final_errors[key] = str(error)
            placeholders.set_error(self._strip_refs(key), str(error))
            shared_cue_index.is_dirty = True

    def _mark_unknown(self, cue: str) -> None:
        words = "the ledger of this computer does not know this cue: delete the placeholder, or generate again"
        for place in shared_cue_index.cue_strips(cue):
            self._final_errors[cue, place.tag.take] = words
            placeholders.set_error([place], words)
        shared_cue_index.is_dirty = True

    def _remove_placeholders(self, key: TakeKey) -> None:
        """Take the placeholders of a take away, as one step of the undo history."""
        scenes = placeholders.remove_placeholders(self._strip_refs(key))
        self._removed_by_undo.discard(key)
        shared_cue_index.is_dirty = True
        if scenes and (scene := bpy.data.scenes.get(scenes[0])):
            placement.push_undo(scene, placement.UNDO_CANCEL)

    def _remove_if_finished(self, status: CueStatus) -> None:
        """Take a cue's line away, once all its takes have come and there is nothing to say."""
        waits = any(cue == status.cue.id for cue, _ in self._fill_queue)
        if not (waits or self._is_running(status) or status.errors or status.note):
            self.statuses.pop(status.cue.id, None)

    def _strip_refs(self, key: TakeKey) -> list[StripRef]:
        """The strips of a take. Those that were copied since the last look are seen by the next."""
        return [
            place for place in shared_cue_index.cue_strips(key[0]) if place.tag.take == key[1] and not place.tag.stem
        ]

    # Laying

    def _fill_next(self) -> None:
        """Let the next take that came into its strips. It is off the list before: whatever happens then, it is laid once."""
        self._is_bulk_fill = self._is_bulk_fill or len(self._fill_queue) > MAX_SEPARATE_UNDO_STEPS
        key = self._fill_queue.popleft()
        scenes = self._fill(key)
        if line := self.statuses.get(key[0]):
            self._remove_if_finished(line)
        if scenes and (not self._is_bulk_fill or not self._fill_queue):
            self._is_bulk_fill = False
            if (scene := bpy.data.scenes.get(scenes[0])) is not None:
                placement.push_undo(scene, placement.UNDO_LAY)

    def _fill(self, key: TakeKey) -> list[str]:
        """Let a take into all strips of it; the scenes that were changed. Where there are none it waits for one to come back."""
        held, places = self._received[key], self._strip_refs(key)
        scenes = placeholders.fill_placeholders(places, held.take.file, held.entry_json)
        if scenes:
            _notify_takes_filled(places)
        if not places and key[1] >= EXTRA_TAKE_STRIDE:
            with_it = self._strip_refs((key[0], key[1] % EXTRA_TAKE_STRIDE))
            told = with_it[0].read_request() if with_it else None
            if told and placement.place_extra_take(with_it[0], held.take, key[1], told):
                scenes = [with_it[0].scene]
        if places or scenes:
            self.runner.mark_laid([held.take])
            shared_cue_index.is_dirty = True
        elif (line := self.statuses.get(key[0])) is None:
            pass
        elif key in self._removed_by_undo:
            line.note = f"undone before its take came: it is in {held.take.file.parent}, and redo brings it back"
        return scenes

    def _lay_batch(self, batch: BlockingBatch) -> None:
        """Lay all takes of a batch."""
        self._batches.remove(batch)
        for (cue, number), take in sorted(
            batch.received, key=lambda each: (list(batch.spots).index(each[0][0]), each[0][1])
        ):
            spot = batch.spots[cue]
            try:
                batch.laid_strips.append(placement.lay_take(spot, take, number, batch.requests[cue]))
            except TracklayError as error:
                batch.add_error(cue, str(error))
                if line := self.statuses.get(cue):
                    line.errors[number], line.failure_states[number] = str(error), "failed"
            else:
                self.runner.mark_laid([take])
                batch.changed_scenes.add(spot.scene_uid)
        shared_cue_index.is_dirty = True
        if batch.on_placed is not None:
            batch.on_placed()
        for cue in batch.spots:
            if line := self.statuses.get(cue):
                self._remove_if_finished(line)
        from ..sequencer import takes  # noqa: PLC0415

        for scene in bpy.data.scenes:
            if scene.session_uid in batch.changed_scenes:
                takes.on_takes_filled(scene, batch.laid_strips)
                placement.push_undo(scene, placement.UNDO_LAY)

    # The timeline as it is

    def _is_scan_due(self) -> bool:
        return (
            shared_cue_index.is_dirty or bool(self._missing_since)
        ) and time.monotonic() - self._scanned_at > SCAN_INTERVAL_SECONDS

    def scan(self, *, after_undo: bool = False) -> None:
        """Look through the timeline at once: let takes into strips that came back, and see which placeholders have gone.

        Args:
            after_undo: an undo has just been made: what is gone is undone, and not deleted.
        """
        self._active_scan = None
        shared_cue_index.refresh()
        self._on_scan_finished(after_undo=after_undo)
        self._refill()

    @property
    def is_scanning(self) -> bool:
        """Whether a look through the timeline goes on with the next tick."""
        return self._active_scan is not None

    def _is_scan_overdue(self) -> bool:
        """Whether a look can't wait until takes have landed: a flood of them would put it off for ever."""
        return self._is_file_load_pending or time.monotonic() - self._scanned_at > SCAN_OVERDUE_SECONDS

    def _postpone_scan(self) -> None:
        """Give up a look that is half done: what it has seen is about to change."""
        shared_cue_index.is_dirty = shared_cue_index.is_dirty or self.is_scanning
        self._active_scan = None

    def _continue_scan(self) -> None:
        """The same for as long as a slice lasts."""
        until = time.perf_counter() + SLICE_SECONDS
        self._active_scan = self._active_scan or self._iterate_scan()
        for ends in self._active_scan:
            if ends or time.perf_counter() > until:
                return
        self._active_scan = None

    def _iterate_scan(self) -> Iterator[bool]:
        """A look, strip by strip, and what was seen by itself: whether a slice ends there, however little it took."""
        for _ in shared_cue_index.refresh_steps():
            yield False
        yield True
        self._on_scan_finished()

    def _on_scan_finished(self, *, after_undo: bool = False) -> None:
        self._scanned_at = time.monotonic()
        if opening := self._is_file_load_pending:
            self._is_file_load_pending = False
            self._missing_since.clear()
            self._removed_by_undo.clear()
            for line in self.statuses.values():
                line.is_in_open_file = line.cue.id in shared_cue_index.strips_by_cue
        there: dict[TakeKey, list[StripRef]] = {}
        for places in shared_cue_index.strips_by_cue.values():
            for place in places:
                if not place.tag.stem:
                    there.setdefault((place.tag.cue, place.tag.take), []).append(place)
        self._repair(there)
        self._track_missing(there, after_undo=after_undo)
        self._speed_cache = staleness.SpeedEffectCache()
        self._staleness_queue = deque(
            dict.fromkeys(
                (place.scene, place.strip) for places in there.values() for place in places if place.is_filled
            )
        )
        if opening:
            self._request_lookup(self._unresolved_cues())
            if not bpy.app.background:
                self._start_executor.submit(_preload_runner)

    def _repair(self, present: Mapping[TakeKey, list[StripRef]]) -> None:
        self._refill_queue.clear()
        for key, places in present.items():
            empty = [place for place in places if not place.is_filled]
            if not empty:
                continue
            if key in self._received and key not in self._fill_queue:
                self._refill_queue.append(key)
            elif key in self._final_errors:
                placeholders.set_error(empty, self._final_errors[key])

    def _refill(self) -> None:
        """Let takes into strips that came back, for as long as a slice lasts. No step of the undo history: there may be some to redo."""
        until = time.perf_counter() + SLICE_SECONDS
        while self._refill_queue and (bpy.app.background or time.perf_counter() < until):
            key = self._refill_queue.popleft()
            self._fill(key)
            if line := self.statuses.get(key[0]):
                line.note = ""
                self._remove_if_finished(line)

    def _track_missing(self, present: Mapping[TakeKey, object], *, after_undo: bool) -> None:
        now = time.monotonic()
        for line in self.statuses.values():
            if not line.is_in_open_file or any(line.cue.id in batch.spots for batch in self._batches):
                continue
            for number in line.steps:
                key = line.cue.id, number
                if key in present:
                    self._removed_by_undo.discard(key)
                    self._missing_since.pop(key, None)
                elif (
                    key in self._removed_by_undo
                    or number in line.errors
                    or key in self._received
                    or key in self._cancelled_by_deletion
                ):
                    pass
                elif after_undo and key not in self._missing_since:
                    self._removed_by_undo.add(key)
                elif now - self._missing_since.setdefault(key, now) > DELETION_GRACE_SECONDS:
                    del self._missing_since[key]
                    self._cancelled_by_deletion.add(key)
                    self._start_executor.submit(self.runner.cancel, *key)
        self._missing_since = {key: since for key, since in self._missing_since.items() if key[0] in self.statuses}

    def _check_staleness(self) -> None:
        """Look whether some strips are stale, for as long as a slice lasts."""
        until = time.perf_counter() + SLICE_SECONDS
        while self._staleness_queue and time.perf_counter() < until:
            scene_name, name = self._staleness_queue.popleft()
            scene = bpy.data.scenes.get(scene_name)
            strip = scene.sequence_editor.strips_all.get(name) if scene and scene.sequence_editor else None
            if (
                strip is not None
                and cue_index.CUE_PROPERTY in strip
                and staleness.update_stale_flag(scene, strip, self._speed_cache)
            ):
                shared_cue_index.is_dirty = True

    # Files

    def on_file_opened(self) -> None:
        """A file was opened, or Tracklay was switched on in it: the next tick goes on with what its placeholders wait for."""
        self._is_file_load_pending = shared_cue_index.is_dirty = True
        self._active_scan = None

    def _unresolved_cues(self) -> set[str]:
        """Cues of the open file whose takes are still to come, and that this Blender knows nothing of."""
        return {
            cue
            for cue, places in shared_cue_index.strips_by_cue.items()
            if cue not in self.statuses
            and any(
                not each.is_filled and not each.error and (cue, each.tag.take) not in self._received for each in places
            )
        }

    def _request_lookup(self, cue_ids: Iterable[str]) -> None:
        if wanted := set(cue_ids):
            self._pending_lookups += 1
            self.runner.refresh_cues(wanted, network.make_blocked_reason())

    def _recheck_held(self) -> None:
        held = {line.cue.id for line in self.statuses.values() if line.blocked_reasons and line.is_in_open_file}
        if held and time.monotonic() - self._held_checked_at > HELD_RECHECK_SECONDS:
            self._held_checked_at = time.monotonic()
            self._request_lookup(held)

    def resume_jobs(self) -> list[str]:
        """For scripts: go on with all that the open file waits for, and block until it is laid; what is not, in words."""
        self.on_file_opened()
        self.scan()
        while self._pending_lookups or any(
            self._is_running(line) and not line.blocked_reasons for line in self.statuses.values()
        ):
            with contextlib.suppress(queue.Empty):
                self._handle_event(self.runner.events.get(timeout=WAIT_TIMEOUT_SECONDS))
            while self._fill_queue:
                self._fill_next()
        left = [f"{line.picture_name}: {line.error or line.message}" for line in self.statuses.values() if line.steps]
        return [self.ledger_error, *left] if self.ledger_error else left

    def close(self) -> None:
        """Let go of everything, so that it can be taken up again, and end the threads."""
        self._start_executor.shutdown(cancel_futures=True)
        if self._runner is not None:
            self._runner.close()


def _preload_runner() -> None:
    """Import what carries jobs aside: enabling does not need it, and the first Generate need not wait for it."""
    _ = jobs.BackgroundRunner


def _create_folder_and_start(runner: BackgroundRunner, spec: JobSpec) -> None:
    """The folder of an order is made aside: it may lie on a slow disk."""
    try:
        ensure_folder(spec.folder)
    except TracklayError as error:
        for each in spec.delivery.get("takes", range(spec.cue.takes)):
            runner.events.put(jobs.TakeFinished(spec.cue, spec.delivery, each, [Failure(spec.cue, error)]))
    else:
        runner.start(spec)


def _with_delivery(spec: JobSpec, spot: CueSource) -> JobSpec:
    """An order with all that must be known to lay its takes, in plain data."""
    scene = placement.find_scene(spot, "")
    held = {
        "kind": DELIVERY_KIND,
        "file": bpy.data.filepath,
        "scene": scene.name,
        "picture": spot.strip_name,
        "content_start": str(spot.content_start),
        "folder": str(spec.folder),
        "stem": spec.stem,
    }
    return replace(spec, delivery=held)


def _notify_takes_filled(refs: Iterable[StripRef]) -> None:
    """Let the takes of a cue be as the person wishes them, now that one has come."""
    from ..sequencer import takes  # noqa: PLC0415 - it asks this file to send what is made anew

    names: dict[str, list[str]] = {}
    for place in refs:
        names.setdefault(place.scene, []).append(place.strip)
    for name, strips in names.items():
        if (scene := bpy.data.scenes.get(name)) is not None:
            takes.on_takes_filled(scene, strips)


def _is_user_moving_strips() -> bool:
    """Whether the person is in the midst of moving strips."""
    return any(
        operator.bl_idname.startswith(MOVE_OPERATOR_PREFIXES)
        for window in bpy.context.window_manager.windows
        for operator in window.modal_operators
    )


_dispatcher: Dispatcher | None = None


def get_dispatcher() -> Dispatcher:
    """The pump, made now if it was not yet."""
    global _dispatcher  # noqa: PLW0603 - Blender has one main thread, and it has one pump
    if _dispatcher is None:
        _dispatcher = Dispatcher()
    return _dispatcher


def running_cues() -> dict[str, CueStatus]:
    """What is under way or went wrong, by cue: what the panel shows."""
    return _dispatcher.statuses if _dispatcher else {}


def start_timer() -> None:
    """Have the timer look for news until nothing is under way. In the background there is none."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, first_interval=BUSY_INTERVAL_SECONDS, persistent=True)


def _on_timer() -> float | None:
    if _dispatcher is None:
        return None
    if not _dispatcher.process():
        return IDLE_INTERVAL_SECONDS if _dispatcher.is_busy or shared_cue_index.is_dirty else None
    if not _dispatcher.is_scanning:
        redraw_sequencers()
    return BUSY_INTERVAL_SECONDS


def redraw_sequencers() -> None:
    """Draw the sequencers' panels and strips again, and nothing else."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


def close_dispatcher() -> None:
    """End all that is under way."""
    global _dispatcher  # noqa: PLW0603
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)
    if _dispatcher is not None:
        _dispatcher.close()
        _dispatcher = None
