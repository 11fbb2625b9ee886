"""Applies what the job thread reports to the status of cues, to the inbox of takes and to placeholders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import bpy

from ...cue import Failure, Take
from ...errors import Cancelled, InvalidInput, TracklayError
from ...jobs import StageProgress
from ..sequencer import placeholders, placement
from ..sequencer.cue_index import shared_cue_index
from ..settings.i18n.translate import translate_error, translate_ui
from .cue_status import CueStatus, running_cues
from .lookups import model_bills
from .repairs import REPAIR_INDEX, is_repair

if TYPE_CHECKING:
    from ...jobs.events import RunnerEvent, TakeFinished, TakeResumed
    from .blocking_batch import BlockingBatch
    from .cue_status import TakeKey
    from .presence import PresenceTracker
    from .repairs import RepairPlanner
    from .take_inbox import TakeInbox

FINAL_STATES = ("failed", "cancelled", "laid")
"""Ledger states of a job that will not run again."""


class EventHandler:
    """Handles the events of the job thread, on Blender's main thread.

    Args:
        inbox: where arrived takes are queued.
        presence: knows which jobs were cancelled because their placeholders were deleted.
        repairs: plans the repair of a cue whose takes have arrived.
        retry_take: generates a failed take again; raises TracklayError if its request is no longer valid.
    """

    def __init__(
        self,
        inbox: TakeInbox,
        presence: PresenceTracker,
        repairs: RepairPlanner,
        retry_take: Callable[[CueStatus, int], None],
    ) -> None:
        self._inbox, self._presence, self._repairs, self._retry_take = inbox, presence, repairs, retry_take
        self.batches: list[BlockingBatch] = []
        """Batches that scripts wait for."""
        self.pending_lookups = 0
        """Ledger lookups whose answers have not arrived."""
        self.ledger_error = ""
        """The error of the last lookup; empty if it succeeded."""
        self.cues_to_retry: set[str] = set()
        """Cues of earlier sessions that the user retries. Their jobs are looked up in the ledger first."""

    def handle(self, event: RunnerEvent) -> None:
        """Apply one event."""
        from ...jobs import events  # noqa: PLC0415 - the runner that sent the event has loaded it; enabling must not

        match event:
            case StageProgress():
                if (status := running_cues().get(event.cue)) and event.take_index in status.steps:
                    status.steps[event.take_index] = event
            case events.TakeResumed():
                status = self._status_for(event)
                status.job_id_by_take[event.take_index] = event.job_id
                status.blocked_reasons.pop(event.take_index, None)
                status.finished.discard(event.take_index)
                if event.blocked_reason:
                    status.blocked_reasons[event.take_index] = event.blocked_reason
            case events.TakeFinished():
                self._on_take_finished(event)
            case events.RepairPlanned():
                self._repairs.on_planned(event, self._batch_of((event.cue, REPAIR_INDEX)))
                if status := running_cues().get(event.cue):
                    self.remove_if_finished(status)
            case events.LookupDone():
                self.pending_lookups -= 1
                self.ledger_error = event.error
                for cue_id in event.unknown_cues:
                    self._mark_unknown(cue_id)

    def remove_if_finished(self, status: CueStatus) -> None:
        """Remove a cue's status once all its takes are in their strips and it has no error or note."""
        cue_id = status.cue.id
        if not (self._inbox.has_waiting(cue_id) or status.is_running or status.errors or status.note):
            running_cues().pop(cue_id, None)

    def remove_placeholders(self, key: TakeKey) -> None:
        """Remove the placeholders of a take, as one undo step."""
        scenes = placeholders.remove_placeholders(shared_cue_index.take_strips(*key))
        self._presence.removed_by_undo.discard(key)
        shared_cue_index.is_dirty = True
        if scenes and (scene := bpy.data.scenes.get(scenes[0])):
            placement.push_undo(scene, placement.UNDO_CANCEL)

    def _status_for(self, event: TakeResumed | TakeFinished) -> CueStatus:
        """Return the status of the event's cue. A job of an earlier session has none yet."""
        cue_id = event.cue.id
        if cue_id not in running_cues():
            is_in_open_file = bool(shared_cue_index.cue_strips(cue_id))
            running_cues()[cue_id] = CueStatus(event.cue, event.delivery, {}, is_in_open_file=is_in_open_file)
        status = running_cues()[cue_id]
        resumed = StageProgress(cue_id, event.take_index, "generate", message=translate_ui("resumed"))
        status.steps.setdefault(event.take_index, resumed)
        return status

    def _on_take_finished(self, event: TakeFinished) -> None:
        key = event.cue.id, event.take_index
        model_bills.forget_bills()
        status = self._status_for(event)
        if event.job_id is not None:
            status.job_id_by_take[event.take_index] = event.job_id
        status.blocked_reasons.pop(event.take_index, None)
        status.finished.add(event.take_index)
        batch = self._batch_of(key)
        received = self._inbox.receive(key, [result for result in event.results if isinstance(result, Take)])
        if batch is None:
            self._inbox.fill_queue.extend(each for each, _ in received)
        else:
            batch.received += received
        if received:
            status.steps[event.take_index] = StageProgress(*key, "ready", 1.0)
        errors = [result.error for result in event.results if isinstance(result, Failure)]
        for error in errors:
            self._record_failure(status, event, error, batch)
        repair = self._repairs.begin(status)
        if batch is not None:
            batch.pending |= {repair} if repair else set()
            batch.pending.discard(key)
            return
        if errors and event.cue.id in self.cues_to_retry and not is_repair(key[1]):
            self.cues_to_retry.discard(event.cue.id)
            try:
                self._retry_take(status, event.take_index)
            except TracklayError as error:
                status.errors[event.take_index] = error
        self.remove_if_finished(status)

    def _batch_of(self, key: TakeKey) -> BlockingBatch | None:
        """Return the batch that waits for a take."""
        return next((batch for batch in self.batches if key in batch.pending), None)

    def _record_failure(
        self, status: CueStatus, event: TakeFinished, error: TracklayError, batch: BlockingBatch | None
    ) -> None:
        key, index = (event.cue.id, event.take_index), event.take_index
        if isinstance(error, Cancelled):
            self._record_cancellation(status, key, error, batch)
            return
        is_final = event.state is None or event.state in FINAL_STATES
        if is_final and is_repair(index):
            self._inbox.final_errors[key] = translate_error(error)
            self._repairs.drop(key, error, batch)
            self.remove_placeholders(key)
            return
        status.set_failure(index, error, "failed" if is_final else "unclear" if event.state == "unclear" else "stopped")
        if batch is not None:
            batch.add_error(event.cue.id, translate_error(error))
        elif is_final:
            self._set_final_error(key, status.take_error(index))

    def _record_cancellation(
        self, status: CueStatus, key: TakeKey, error: Cancelled, batch: BlockingBatch | None
    ) -> None:
        # The error says whether anything was sent, so whether the cancelled job may be charged.
        reason = translate_error(error)
        self._inbox.final_errors[key] = reason
        status.steps.pop(key[1], None)
        if key in self._presence.cancelled_by_deletion:
            status.note = translate_ui("The placeholder was deleted. {}", reason)
        elif batch is None:
            status.note = reason
            self.remove_placeholders(key)
        else:
            batch.add_error(key[0], reason)

    def _mark_unknown(self, cue_id: str) -> None:
        error = InvalidInput(
            "blender.unknown_job",
            "The job ledger of this computer has no job of this cue. Delete the placeholder or generate again.",
        )
        for ref in shared_cue_index.cue_strips(cue_id):
            self._inbox.final_errors[cue_id, ref.tag.take] = translate_error(error)
            placeholders.set_error([ref], translate_error(error))
        shared_cue_index.is_dirty = True

    def _set_final_error(self, key: TakeKey, message: str) -> None:
        self._inbox.final_errors[key] = message
        placeholders.set_error(shared_cue_index.take_strips(*key), message)
        shared_cue_index.is_dirty = True
