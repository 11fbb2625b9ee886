"""Repairs: when the takes of a cue have arrived, a thread plans the repair of the best one, which is then generated as a further take."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ...errors import TracklayError
from ...jobs import StageProgress, create_job_spec
from ...jobs.delivery import BlenderDelivery
from ...jobs.job_spec import MAX_TAKES
from ..sequencer import cue_index, placement
from ..sequencer.cue_index import shared_cue_index
from ..settings import catalogue, network
from ..settings.i18n.translate import translate_error, translate_ui
from .cue_status import running_cues
from .job_start import create_folder_and_start
from .take_inbox import is_extra_take, job_take_index

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ...cue import Cue, Take
    from ...jobs import JobSpec
    from ...jobs.events import RepairPlanned
    from ...jobs.runner import BackgroundRunner
    from ..sequencer.cue_index import StripRef
    from .blocking_batch import BlockingBatch
    from .cue_status import CueStatus, TakeKey
    from .take_inbox import TakeInbox

REPAIR_INDEX = MAX_TAKES
"""Index of the take of a repair: the first one that no cue gives to its own takes."""

UNDO_REPAIR = "Repair Take"
"""Name of the undo step of a repair: its placeholder is part of it, so it is pushed when the take is laid."""


def is_repair(take_index: int) -> bool:
    """Return whether a take is a repair of another take of its cue."""
    return job_take_index(take_index) == REPAIR_INDEX


class RepairPlanner:
    """Plans repairs in a thread and starts them, from the main thread.

    Args:
        inbox: the takes that have arrived.
        executor: the thread.
        get_runner: returns the runner of the jobs. Plans come back through its events.
    """

    def __init__(self, inbox: TakeInbox, executor: Executor, get_runner: Callable[[], BackgroundRunner]) -> None:
        self._inbox, self._executor, self._get_runner = inbox, executor, get_runner
        self.unplaced: set[TakeKey] = set()
        """Repairs that have no placeholder yet."""
        self.to_place: deque[JobSpec] = deque()
        """Planned repairs whose placeholders are placed next."""
        self._cancelled: set[str] = set()
        """Cues that the user has cancelled."""

    def begin(self, status: CueStatus) -> TakeKey | None:
        """Begin the plan of a cue whose takes have all arrived, if it asks for a repair; return the key of the take to come."""
        delivery, cue_id = status.delivery, status.cue.id
        if not isinstance(delivery, BlenderDelivery) or not delivery.repair or status.is_running:
            return None
        if cue_id in self._cancelled:
            return None
        key = cue_id, REPAIR_INDEX
        found = [received.take for (cue, _), received in self._inbox.received.items() if cue == cue_id]
        is_repaired = key in self._inbox.received or key in self._inbox.final_errors or REPAIR_INDEX in status.steps
        if not found or is_repaired or shared_cue_index.take_strips(*key):
            return None
        message = translate_ui("looking for a stretch to repair")
        status.steps[REPAIR_INDEX] = StageProgress(*key, "generate", message=message)
        status.finished.discard(REPAIR_INDEX)
        self.unplaced.add(key)
        self._executor.submit(_plan_repair, self._get_runner(), cue_id, found, delivery)
        return key

    def cancel(self, cue_id: str) -> None:
        """Start no repair of a cue: the user has cancelled it."""
        self._cancelled.add(cue_id)

    def on_planned(self, event: RepairPlanned, batch: BlockingBatch | None) -> None:
        """Start a planned repair, of a batch at once, else after its placeholder; or note why there is none."""
        key, status, spec = (event.cue, REPAIR_INDEX), running_cues().get(event.cue), event.spec
        error = event.error if spec is None else network.offline_error(catalogue.get_model(spec.model.id))
        if status is None or spec is None or error is not None or event.cue in self._cancelled:
            self.drop(key, error, batch)
        elif batch is not None:
            self._start(spec)
        else:
            self.to_place.append(spec)

    def drop(self, key: TakeKey, error: TracklayError | None, batch: BlockingBatch | None) -> None:
        """Forget a repair that will not be made. An error becomes a note: the takes are whole without it."""
        # The list shows which picture it belongs to: the name of its file is left out.
        reason = "" if error is None else translate_error(error).removeprefix(f"{error.subject}: ")
        note = reason and translate_ui("Not repaired: {}", reason)
        self.unplaced.discard(key)
        if (status := running_cues().get(key[0])) is not None:
            status.steps.pop(REPAIR_INDEX, None)
            status.note = note or status.note
        if batch is not None:
            batch.pending.discard(key)
            batch.notes += [f"{batch.spots[key[0]].strip_name}: {note}"] if note else []

    def place_next(self) -> None:
        """Place the placeholder of the next planned repair beside the take that it repairs, and start its job."""
        spec = self.to_place.popleft()
        key = spec.cue.id, REPAIR_INDEX
        sibling = _repaired_strip(spec.cue)
        request = None if sibling is None else sibling.read_request()
        if sibling is None or request is None:  # the user removed the take
            self.drop(key, None, None)
            return
        try:
            placement.place_beside(sibling, spec.cue, REPAIR_INDEX, request)
        except TracklayError as error:  # no channel is free
            self.drop(key, error, None)
            return
        shared_cue_index.is_dirty = True
        self.unplaced.discard(key)
        self._start(spec)

    def _start(self, spec: JobSpec) -> None:
        if (status := running_cues().get(spec.cue.id)) is not None:
            status.steps[REPAIR_INDEX] = StageProgress(spec.cue.id, REPAIR_INDEX, "extract")
        self._executor.submit(create_folder_and_start, self._get_runner(), spec)


def sibling_strip(key: TakeKey, cue: Cue) -> StripRef | None:
    """Return the strip beside which a take without a placeholder is laid; None if it has its own, or the user removed the other.

    Further sounds of a job never have one. That of a repair goes with any undo until the repair is laid: it has no undo step of its own.
    """
    if is_repair(key[1]):
        return _repaired_strip(cue)
    refs = shared_cue_index.take_strips(key[0], job_take_index(key[1])) if is_extra_take(key[1]) else []
    return refs[0] if refs else None


def _repaired_strip(cue: Cue) -> StripRef | None:
    """Return the strip of the take that a repair's stretch is put into; None if the user removed it."""
    patch = cue.patch
    for ref in shared_cue_index.cue_strips(cue.id):
        found = None if ref.tag.stem or patch is None else ref.resolve()
        if found is not None and patch is not None:
            entry = cue_index.parse_entry(str(found[1].get(cue_index.ENTRY_PROPERTY, "")))
            if entry.get("file") == patch.take.name:
                return ref
    return None


def _plan_repair(runner: BackgroundRunner, cue_id: str, takes: Sequence[Take], delivery: BlenderDelivery) -> None:
    """Plan the repair of a cue's best take and report it among the runner's events. Runs in a thread: it reads the take's file."""
    from ...jobs.events import RepairPlanned  # noqa: PLC0415 - enabling the extension must not load these
    from ...jobs.failures import internal_error  # noqa: PLC0415
    from ...scoring.repair import plan_repairs  # noqa: PLC0415

    done = partial(RepairPlanned, cue_id)
    try:
        cues = plan_repairs(takes)
        specs = [create_job_spec(cue, delivery.folder, delivery.stem, catalogue.MODELS) for cue in cues]
    except TracklayError as error:
        runner.events.put(done(error=error))
    except Exception as error:  # noqa: BLE001 - the cue would run forever
        runner.events.put(done(error=internal_error(error)))
    else:
        own = replace(delivery, take_indices=(REPAIR_INDEX,), repair=False)
        specs = [replace(spec, delivery=own, sample_rate=takes[0].sample_rate) for spec in specs]
        runner.events.put(done(specs[0] if specs else None))
