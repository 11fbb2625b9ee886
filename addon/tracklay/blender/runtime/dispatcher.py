"""Connects the job thread to Blender's main thread: submits jobs, handles their events, and fills placeholders as takes arrive.

The dispatcher is a scheduler: a timer calls `Dispatcher.process`, which runs at most one short task a tick. Nothing here blocks, except
`wait` and `resume_jobs`, which scripts call. Running jobs are kept in memory as plain data, without strips or scenes. A cue is known
by its id, which its strips store: a take can only fill a strip of its own cue, whatever file is open by then.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from ... import log
from ...errors import InvalidInput
from ...jobs import StageProgress, create_job_spec
from ...jobs.delivery import BlenderDelivery
from ...providers.credentials import redact
from ..sequencer import cue_index, placeholders, placement, staleness, strip_dna, takes
from ..sequencer.cue_index import shared_cue_index
from ..settings import catalogue, network, preferences
from ..settings.i18n.translate import translate_ui
from .blocking_batch import BlockingBatch
from .cue_status import CueStatus, running_cues
from .event_handler import EventHandler
from .job_start import create_folder_and_start, preload_runner, with_delivery
from .placeholder_queue import PlaceholderQueue
from .presence import PresenceTracker
from .repairs import UNDO_REPAIR, RepairPlanner, is_repair, sibling_strip
from .take_inbox import TakeInbox
from .timeline_scan import TimelineScan
from .user_activity import is_user_moving_strips

if TYPE_CHECKING:
    from ...cue import Cue
    from ...jobs import JobSpec
    from ...jobs.delivery import Delivery
    from ...jobs.runner import BackgroundRunner
    from ..sequencer.cue_index import StripRef
    from ..sequencer.selection import CueSource
    from .cue_status import TakeKey

MAX_EVENTS_PER_TICK = 32
"""More events than this wait for the next tick, so that no tick is long."""

HELD_RECHECK_SECONDS = 5.0
"""Seconds between two lookups of jobs that another process owns, or that are blocked."""

WAIT_TIMEOUT_SECONDS = 0.2
"""Longest sleep of a blocking wait in seconds, so that Ctrl-C is noticed soon."""


class Dispatcher:
    """Connects the job thread to Blender's main thread: submits cues, and processes events and takes in the ticks of a timer.

    Its state is in five places: the takes that have arrived (`TakeInbox`), the placeholders that are missing (`PresenceTracker`), the
    scans of the timeline (`TimelineScan`), the batches that scripts wait for (`EventHandler`), and the status of each cue
    (`running_cues`).
    """

    def __init__(self) -> None:
        self.inbox = TakeInbox()
        self.presence = PresenceTracker()
        self.timeline_scan = TimelineScan()
        self._runner: BackgroundRunner | None = None
        # One thread, so that folders are created and jobs are started and cancelled in the order of the user's actions.
        self._start_executor = ThreadPoolExecutor(1, "tracklay-start")
        self.repairs = RepairPlanner(self.inbox, self._start_executor, lambda: self.runner)
        self.placing = PlaceholderQueue(self._start_job)
        self._events = EventHandler(self.inbox, self.presence, self.repairs, self._retry_take)
        self._speed_cache = staleness.SpeedEffectCache()
        self._held_checked_at = 0.0

    @property
    def runner(self) -> BackgroundRunner:
        """The runner of the jobs, created by the first use, on the main thread."""
        if self._runner is None:
            from ...jobs.runner import BackgroundRunner  # noqa: PLC0415 - loads asyncio, SQLite and the media package

            log.configure(redact)
            self._runner = BackgroundRunner(preferences.jobs_per_provider())
        return self._runner

    # The scheduler

    @property
    def is_busy(self) -> bool:
        """True if anything is running, or waits to be put into a strip."""
        return bool(
            any(batch.pending for batch in self._events.batches)  # an interrupted batch stays until its jobs have ended
            or self._events.pending_lookups
            or self.inbox.fill_queue
            or self.placing.is_active
            or self.inbox.refill_queue
            or self.presence.missing_since
            or any(status.is_running for status in running_cues().values())
        )

    @property
    def is_scanning(self) -> bool:
        """True if a scan of the timeline has begun and continues with the next tick."""
        return self.timeline_scan.is_active

    def process(self) -> bool:
        """Handle some events, then run the first task that is due: lay, scan, refill or check staleness.

        Laying comes first, because the user waits for takes, unless a scan is overdue. Returns whether there was anything to do.
        """
        has_handled_events = self._process_events()
        must_scan = self.timeline_scan.is_due(
            has_changes=shared_cue_index.is_dirty or bool(self.presence.missing_since)
        )
        has_strips_to_lay = bool(self.placing.is_active or self.inbox.fill_queue or self.repairs.to_place)
        may_lay = has_strips_to_lay and not is_user_moving_strips()
        if may_lay and not (must_scan and self.timeline_scan.is_overdue()):
            self._lay_next()
        elif must_scan:
            self.timeline_scan.run_slice(self._scan_steps)
        elif self.inbox.refill_queue:
            self._refill()
        elif self.timeline_scan.staleness_queue:
            self._check_staleness()
        else:
            self._recheck_held()
            return has_handled_events
        return True

    def _process_events(self) -> bool:
        if self._runner is None:
            return False
        for handled in range(MAX_EVENTS_PER_TICK):
            try:
                self._events.handle(self._runner.events.get_nowait())
            except queue.Empty:
                return handled > 0
        return True

    # Commands of the user

    def submit(
        self,
        job_specs: Sequence[tuple[JobSpec, CueSource]],
        *,
        wait: bool = False,
        repair: bool = False,
        on_placed: Callable[[], None] | None = None,
    ) -> BlockingBatch | None:
        """Submit jobs, all of them or none. Each take gets a placeholder: a few at once, more in the next ticks.

        Args:
            job_specs: each job with the spot that its takes are for.
            wait: the caller waits: no placeholders are placed, and the batch to `wait` for is returned.
            repair: generate the worst stretch of each cue's best take again when its takes have arrived.
            on_placed: called when the strips exist, within the same undo step.

        Raises:
            TracklayError: no channel is free above one of the pictures; nothing was sent.
        """
        speed_cache = staleness.SpeedEffectCache()
        requests = {spec.cue.id: placement.make_cue_request(spec, spot, speed_cache) for spec, spot in job_specs}
        amount, is_enforced = preferences.budget_cap()
        for project in {spec.project for spec, _ in job_specs} if amount else ():
            self.runner.set_project_cap(project, amount, enabled=is_enforced)
        self.runner.set_max_overrun(preferences.max_overrun())
        if wait:
            placement.check_free_channels(job_specs)
            pending = {(spec.cue.id, index) for spec, _ in job_specs for index in range(spec.cue.takes)}
            batch = BlockingBatch({spec.cue.id: spot for spec, spot in job_specs}, requests, pending, on_placed)
            self._events.batches.append(batch)
        else:
            orders = [(spec, spot, requests[spec.cue.id]) for spec, spot in job_specs]
            self.placing.add(orders, repair=repair, on_placed=on_placed)
            return None
        for spec, spot in job_specs:
            self._start_job(with_delivery(spec, spot, repair=repair))
        return batch

    def _start_job(self, spec: JobSpec, take_indices: Sequence[int] = ()) -> None:
        cue = spec.cue
        steps = {index: StageProgress(cue.id, index, "extract") for index in take_indices or range(cue.takes)}
        running_cues()[cue.id] = CueStatus(cue, spec.delivery, steps)
        self._start_executor.submit(create_folder_and_start, self.runner, spec)

    def retry(self, cue_id: str) -> None:
        """Generate the failed takes of a cue again; its other takes stay.

        Raises:
            TracklayError: the request is no longer valid.
        """
        status = running_cues().get(cue_id)
        if status is None:
            # It failed in an earlier session: the ledger knows the request, and the answer continues in the event handler.
            self._events.cues_to_retry.add(cue_id)
            self._request_lookup({cue_id})
            return
        failed = status.takes_in_state("failed")
        if failed and not status.is_running:
            self._resubmit_failed(status.cue, status.delivery, failed)

    def _retry_take(self, status: CueStatus, take_index: int) -> None:
        self._resubmit_failed(status.cue, status.delivery, [take_index])

    def _resubmit_failed(self, cue: Cue, delivery: Delivery, failed: list[int]) -> None:
        if not isinstance(delivery, BlenderDelivery):
            raise InvalidInput("delivery.not_from_blender", "Cue was not generated in Blender: {cue}.", cue=cue.id)
        # Take n of a cue has the seed of the cue plus n: the first failed take begins where it did.
        seed = None if cue.seed is None else cue.seed + failed[0]
        if error := network.offline_error(catalogue.get_model(cue.model)):
            raise error
        spec = create_job_spec(
            replace(cue, takes=len(failed), seed=seed), delivery.folder, delivery.stem, catalogue.MODELS
        )
        for index in failed:
            self.inbox.final_errors.pop((cue.id, index), None)
            placeholders.clear_error(shared_cue_index.take_strips(cue.id, index))
        shared_cue_index.is_dirty = True
        self._start_job(replace(spec, delivery=replace(delivery, take_indices=tuple(failed))), failed)

    def cancel(self, cue_id: str) -> None:
        """Cancel the jobs of a cue."""
        self.repairs.cancel(cue_id)
        self._start_executor.submit(self.runner.cancel, cue_id)

    def dismiss(self, cue_id: str) -> None:
        """Remove a cue's error or note from the list. Its placeholders keep their message."""
        status = running_cues().get(cue_id)
        if status and (status.error or status.note) and not status.is_running:
            del running_cues()[cue_id]

    def recheck(self, cue_id: str) -> None:
        """Look up a cue's unclear or stopped jobs at the provider again, and resume those that are found. Nothing is sent."""
        if status := running_cues().get(cue_id):
            for index in status.takes_in_state("unclear", "stopped"):
                message = translate_ui("looking for the job")
                status.clear_failure(index, StageProgress(cue_id, index, "generate", message=message))
        self._request_lookup({cue_id})

    def resubmit(self, cue_id: str) -> None:
        """Send a cue's unclear jobs again. They may be charged twice."""
        status = running_cues()[cue_id]
        for index in status.takes_in_state("unclear"):
            status.clear_failure(index, StageProgress(cue_id, index, "extract"))
            self._events.pending_lookups += 1
            self.runner.resubmit(status.job_id_by_take[index], network.make_blocked_reason())

    def discard(self, cue_id: str) -> None:
        """Discard a cue's unclear or stopped jobs and remove their placeholders."""
        status = running_cues()[cue_id]
        for index in status.takes_in_state("unclear", "stopped"):
            self._events.pending_lookups += 1
            self.runner.discard(status.job_id_by_take[index], network.make_blocked_reason())
            self.inbox.final_errors[cue_id, index] = translate_ui("Discarded. It may have been charged.")
            self._events.remove_placeholders((cue_id, index))
            del status.errors[index], status.failure_states[index], status.steps[index]
        if not status.steps:
            del running_cues()[cue_id]

    # Blocking calls of scripts

    def wait(self, batch: BlockingBatch) -> None:
        """Block until a batch is laid. An interrupt cancels the batch and is raised again."""
        try:
            while batch.pending:
                with contextlib.suppress(queue.Empty):
                    self._events.handle(self.runner.events.get(timeout=WAIT_TIMEOUT_SECONDS))
        except KeyboardInterrupt:
            for cue_id in {cue_id for cue_id, _ in batch.pending}:
                self.cancel(cue_id)
            raise
        self._events.batches.remove(batch)
        batch.lay(self.runner.mark_laid)
        shared_cue_index.is_dirty = True
        for cue_id in batch.spots:
            if status := running_cues().get(cue_id):
                self._events.remove_if_finished(status)

    def resume_jobs(self) -> list[str]:
        """Resume all jobs that the open file waits for, block until their takes are laid, and return errors of those that are not."""
        self.on_file_opened()
        self.scan()
        while self._events.pending_lookups or any(
            status.is_running and not status.blocked_reasons for status in running_cues().values()
        ):
            with contextlib.suppress(queue.Empty):
                self._events.handle(self.runner.events.get(timeout=WAIT_TIMEOUT_SECONDS))
            while self.inbox.fill_queue or self.repairs.to_place:
                self._lay_next()
        left = [
            f"{status.picture_name}: {status.error or status.message}"
            for status in running_cues().values()
            if status.steps
        ]
        return [self._events.ledger_error, *left] if self._events.ledger_error else left

    # Task 1: fill placeholders, and place those of repairs

    def _lay_next(self) -> None:
        """Place the next placeholders, else put the next take that has arrived into its strips, else place the next repair."""
        if self.timeline_scan.abort():
            shared_cue_index.is_dirty = True
        if self.placing.is_active:
            self.placing.place_next()
            return
        if not self.inbox.fill_queue:
            self.repairs.place_next()
            return
        key = self.inbox.next_to_fill()
        scenes = self._fill(key)
        if status := running_cues().get(key[0]):
            self._events.remove_if_finished(status)
        if self.inbox.ends_undo_step(has_changed=bool(scenes)) and (scene := bpy.data.scenes.get(scenes[0])):
            placement.push_undo(scene, UNDO_REPAIR if is_repair(key[1]) else placement.UNDO_LAY)

    def _fill(self, key: TakeKey) -> list[str]:
        """Put a take into all its strips and return the scenes that changed. Without strips it stays in the inbox."""
        received, refs = self.inbox.received[key], shared_cue_index.take_strips(*key)
        scenes = placeholders.fill_placeholders(refs, received.take.file, received.entry_json)
        if scenes:
            takes.on_placeholders_filled(refs)
        if not refs and (sibling := sibling_strip(key, received.take.cue)):
            request = sibling.read_request()
            if request and (name := placement.place_beside(sibling, received.take.cue, key[1], request, received.take)):
                scenes = [sibling.scene]
                if is_repair(key[1]):
                    takes.on_takes_filled(bpy.data.scenes[sibling.scene], [name])
        if refs or scenes:
            self.runner.mark_laid([received.take])
            shared_cue_index.is_dirty = True
        elif (status := running_cues().get(key[0])) and key in self.presence.removed_by_undo:
            status.note = translate_ui(
                "Its placeholder was undone; redo restores it. The take is in {}.",
                received.take.file.parent,
            )
        return scenes

    # Task 2: scan the timeline

    def scan(self, *, after_undo: bool = False) -> None:
        """Scan the whole timeline now: refill strips that have reappeared, and note which placeholders are missing.

        Args:
            after_undo: an undo step has just been made, so missing placeholders were undone, not deleted.
        """
        self.timeline_scan.abort()
        self.placing.abort()  # an undo or a redo has taken away what was placed: its undo step was not pushed yet
        shared_cue_index.refresh()
        self._on_scan_finished(after_undo=after_undo)
        self._refill()

    def _scan_steps(self) -> Iterator[bool]:
        """Scan strip by strip. Handling the findings is a slice of its own, so it follows a True."""
        for _ in shared_cue_index.refresh_steps():
            yield False
        yield True
        self._on_scan_finished()

    def _on_scan_finished(self, *, after_undo: bool = False) -> None:
        present: dict[TakeKey, list[StripRef]] = {}
        for refs in shared_cue_index.strips_by_cue.values():
            for ref in refs:
                if not ref.tag.stem:
                    present.setdefault((ref.tag.cue, ref.tag.take), []).append(ref)
        is_first_of_file = self.timeline_scan.finish(
            (ref.scene, ref.strip) for refs in present.values() for ref in refs if ref.is_filled
        )
        if is_first_of_file:
            self.presence.open_file()
            for status in running_cues().values():
                status.is_in_open_file = status.cue.id in shared_cue_index.strips_by_cue
        self._repair_placeholders(present)
        self._track_missing(present, after_undo=after_undo)
        self._speed_cache = staleness.SpeedEffectCache()
        if is_first_of_file:
            self._request_lookup(self._unresolved_cues())
            if not bpy.app.background:
                strip_dna.preload()
                self._start_executor.submit(preload_runner)

    def _repair_placeholders(self, present: Mapping[TakeKey, list[StripRef]]) -> None:
        """Queue refills for empty placeholders whose take has arrived, and set the error of those whose take failed."""
        empty = {key: [ref for ref in refs if not ref.is_filled] for key, refs in present.items()}
        for key in self.inbox.queue_refills(key for key, refs in empty.items() if refs):
            placeholders.set_error(empty[key], self.inbox.final_errors[key])

    def _track_missing(self, present: Mapping[TakeKey, object], *, after_undo: bool) -> None:
        """Cancel jobs whose placeholders were deleted. Cues of a blocking batch have none to delete."""
        tracked = [
            status
            for status in running_cues().values()
            if status.is_in_open_file and not any(status.cue.id in batch.spots for batch in self._events.batches)
        ]
        keys = [(status.cue.id, index) for status in tracked for index in status.steps]
        failed = {(status.cue.id, index) for status in tracked for index in status.errors}
        settled = failed | self.inbox.received.keys() | self.repairs.unplaced
        for key in self.presence.update(keys, present, settled, after_undo=after_undo):
            self._start_executor.submit(self.runner.cancel, *key)
        self.presence.keep_cues(running_cues())

    # Task 3: refill placeholders that have reappeared

    def _refill(self) -> None:
        """Refill strips for one slice. No undo step is pushed: it would discard the steps that can be redone."""
        has_time = self.timeline_scan.time_slice()
        while self.inbox.refill_queue and (bpy.app.background or has_time()):
            key = self.inbox.refill_queue.popleft()
            self._fill(key)
            if status := running_cues().get(key[0]):
                status.note = ""
                self._events.remove_if_finished(status)

    # Task 4: check staleness

    def _check_staleness(self) -> None:
        """Update the stale flag of strips for one slice."""
        has_time = self.timeline_scan.time_slice()
        while self.timeline_scan.staleness_queue and has_time():
            scene_name, name = self.timeline_scan.staleness_queue[0]
            scene = bpy.data.scenes.get(scene_name)
            strip = scene.sequence_editor.strips_all.get(name) if scene and scene.sequence_editor else None
            is_take = strip is not None and cue_index.CUE_PROPERTY in strip
            if is_take and not staleness.read_pictures(scene, strip, self._speed_cache, has_time):
                return
            self.timeline_scan.staleness_queue.popleft()
            if is_take and staleness.update_stale_flag(scene, strip, self._speed_cache):
                shared_cue_index.is_dirty = True

    # Jobs of earlier sessions

    def on_file_opened(self) -> None:
        """Note that a file was opened, or the extension enabled in it: the next tick resumes the jobs its placeholders wait for."""
        shared_cue_index.is_dirty = True
        self.placing.abort()
        self.timeline_scan.open_file()

    def _unresolved_cues(self) -> set[str]:
        """Return the cues of the open file with unfilled takes that this session knows nothing about."""
        return {
            cue_id
            for cue_id, refs in shared_cue_index.strips_by_cue.items()
            if cue_id not in running_cues()
            and any(
                not ref.is_filled and not ref.error and (cue_id, ref.tag.take) not in self.inbox.received
                for ref in refs
            )
        }

    def _request_lookup(self, cue_ids: Iterable[str]) -> None:
        if wanted := set(cue_ids):
            self._events.pending_lookups += 1
            self.runner.refresh_cues(wanted, network.make_blocked_reason())

    def _recheck_held(self) -> None:
        held = {
            status.cue.id for status in running_cues().values() if status.blocked_reasons and status.is_in_open_file
        }
        if held and time.monotonic() - self._held_checked_at > HELD_RECHECK_SECONDS:
            self._held_checked_at = time.monotonic()
            self._request_lookup(held)

    def close(self) -> None:
        """Release all jobs, so that another process can resume them, and end the threads."""
        self._start_executor.shutdown(cancel_futures=True)
        if self._runner is not None:
            self._runner.close()


_dispatcher: Dispatcher | None = None


def get_dispatcher() -> Dispatcher:
    """Return the dispatcher of this session, created by the first call."""
    global _dispatcher  # noqa: PLW0603 - Blender has one main thread, and it has one dispatcher
    if _dispatcher is None:
        _dispatcher = Dispatcher()
    return _dispatcher


def running_dispatcher() -> Dispatcher | None:
    """Return the dispatcher, or None if there is none yet."""
    return _dispatcher


def close_dispatcher() -> None:
    """End everything that runs. Its jobs stay in the ledger and can be resumed."""
    global _dispatcher  # noqa: PLW0603
    if _dispatcher is not None:
        _dispatcher.close()
        _dispatcher = None
        from ...worker import end_idle_workers  # noqa: PLC0415 - what a dispatcher has loaded, and enabling has not

        end_idle_workers()
    running_cues().clear()
