"""Events in the queue of `runner.BackgroundRunner`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .job_spec import StageProgress

if TYPE_CHECKING:
    from ..cue import Cue, Failure, Take
    from ..errors import TracklayError
    from .delivery import Delivery
    from .job_spec import JobSpec
    from .states import JobState


@dataclass(frozen=True, slots=True)
class TakeFinished:
    """A take whose job has ended, or was never started. `results` are its takes and, if there is one, its failure.

    `take_index` counts the cue's takes from 0; `delivery` is the job spec's. `job_id` and `state` are None if no job was added.
    """

    cue: Cue
    delivery: Delivery
    take_index: int
    results: Sequence[Take | Failure]
    job_id: int | None = None
    state: JobState | None = None


@dataclass(frozen=True, slots=True)
class TakeResumed:
    """A take with an open job: running in this process, or, if `blocked_reason` is not empty, not running here."""

    cue: Cue
    delivery: Delivery
    take_index: int
    job_id: int
    blocked_reason: str = ""


@dataclass(frozen=True, slots=True)
class LookupDone:
    """The end of a lookup. The ledger has no job of `unknown_cues`; `error` is why it could not be read, or empty."""

    unknown_cues: frozenset[str] = frozenset()
    error: str = ""


@dataclass(frozen=True, slots=True)
class RepairPlanned:
    """The end of a plan of a cue's repair, which a front end makes in a thread: the job of the stretch.

    `spec` is None if no stretch is worth it, or for `error`.
    """

    cue: str
    spec: JobSpec | None = None
    error: TracklayError | None = None


RunnerEvent = StageProgress | TakeFinished | TakeResumed | LookupDone | RepairPlanned
