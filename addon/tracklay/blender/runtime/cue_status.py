"""The status of cues that run or have failed, in plain data: no strip, no scene."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...jobs import StageProgress
from ...jobs.delivery import BlenderDelivery, Delivery, FileDelivery
from ..settings.i18n.translate import translate_error, translate_ui

if TYPE_CHECKING:
    from ...cue import Cue
    from ...errors import TracklayError

STAGE_RANGES = {
    "extract": (0.0, 0.15),
    "generate": (0.15, 0.75),
    "conform": (0.9, 0.1),
    "ready": (1.0, 0.0),
    "failed": (1.0, 0.0),
}
"""Start and length of each stage on the progress bar of a take, as fractions. Generating takes by far the longest."""

STAGE_LABELS = {
    "extract": "Extracting the picture",
    "generate": "Generating",
    "conform": "Conforming",
    "ready": "Ready",
    "failed": "Failed",
}

FAILURE_STATES = ("unclear", "stopped", "failed")
"""States of failed takes, by what the user should see first.

`unclear`: it is unknown whether the provider has the job, so the user decides. `stopped`: it can be resumed. `failed`: it ended.
"""

TakeKey = tuple[str, int]
"""A cue id and the index of one of the cue's takes, from 0."""


@dataclass(slots=True)
class CueStatus:
    """A cue that runs or has failed: its stages while it runs, its error or a note afterwards.

    Attributes:
        cue: the cue.
        delivery: how its takes are laid, also after a restart.
        steps: the stage of each take, by take index.
        finished: takes whose jobs have ended, with a result or an error.
        blocked_reasons: by take index, why a job waits.
        errors: by take index, the error.
        failure_states: by take index, one of `FAILURE_STATES`.
        job_id_by_take: each take's row in the ledger.
        note: a message about something that needs no action.
        is_in_open_file: whether the open file has, or had, the cue's strips.
    """

    cue: Cue
    delivery: Delivery
    steps: dict[int, StageProgress]
    finished: set[int] = field(default_factory=set)
    blocked_reasons: dict[int, str] = field(default_factory=dict)
    errors: dict[int, TracklayError] = field(default_factory=dict)
    failure_states: dict[int, str] = field(default_factory=dict)
    job_id_by_take: dict[int, int] = field(default_factory=dict)
    note: str = ""
    is_in_open_file: bool = True

    @property
    def picture_name(self) -> str:
        """The name of the picture strip."""
        match self.delivery:
            case BlenderDelivery(strip=strip):
                return strip
            case FileDelivery(picture=path):
                return str(path)
        return self.cue.picture.source.name

    @property
    def scene_name(self) -> str:
        """The name of the scene when the cue was submitted."""
        return self.delivery.scene if isinstance(self.delivery, BlenderDelivery) else ""

    @property
    def is_running(self) -> bool:
        """True if any take is still to come."""
        return bool(self.steps.keys() - self.finished)

    @property
    def error(self) -> str:
        """The errors of all takes as the user reads them; empty if there are none."""
        return "; ".join(dict.fromkeys(map(self.take_error, self.errors)))

    @property
    def state(self) -> str:
        """The first of `FAILURE_STATES` that any take is in; empty if none has failed."""
        return next((state for state in FAILURE_STATES if state in self.failure_states.values()), "")

    @property
    def job_ids(self) -> tuple[int, ...]:
        """Its rows in the ledger, as far as they are known."""
        return tuple(self.job_id_by_take[each] for each in sorted(self.job_id_by_take))

    @property
    def fraction(self) -> float:
        """The mean progress of its takes, from 0 to 1."""
        return sum(map(take_fraction, self.steps.values())) / len(self.steps) if self.steps else 1.0

    @property
    def message(self) -> str:
        """The stage of its slowest take, or the note once none is left."""
        if not self.steps:
            return self.note
        text = self.take_message(min(self.steps, key=lambda each: STAGE_RANGES[self.steps[each].stage][0]))
        done = sum(step.stage in ("ready", "failed") for step in self.steps.values())
        return text if len(self.steps) == 1 else translate_ui("{} ({} of {} takes)", text, done, len(self.steps))

    def take_message(self, take_index: int) -> str:
        """Return the stage of one take, with the provider's message while it generates."""
        if take_index in self.blocked_reasons:
            return translate_ui("Waiting: {}", self.blocked_reasons[take_index])
        step = self.steps[take_index]
        text = translate_ui(STAGE_LABELS[step.stage])
        return f"{text}: {step.message}" if step.message and step.stage == "generate" else text

    def take_error(self, take_index: int) -> str:
        """Return the error of one take as the user reads it."""
        error = self.errors[take_index]
        # The list and the strip show which picture it belongs to: the name of its file is left out.
        return translate_error(error).removeprefix(f"{error.subject}: ")

    def set_failure(self, take_index: int, error: TracklayError, state: str) -> None:
        """Set a take to one of `FAILURE_STATES`."""
        self.errors[take_index], self.failure_states[take_index] = error, state
        self.steps[take_index] = StageProgress(self.cue.id, take_index, "failed")

    def clear_failure(self, take_index: int, step: StageProgress) -> None:
        """Let a failed take run again, in the stage of `step`."""
        del self.errors[take_index], self.failure_states[take_index]
        self.finished.discard(take_index)
        self.steps[take_index] = step

    def takes_in_state(self, *states: str) -> list[int]:
        """Return the indices of the takes that failed with one of these states."""
        return sorted(index for index, state in self.failure_states.items() if state in states)


_statuses: dict[str, CueStatus] = {}


def running_cues() -> dict[str, CueStatus]:
    """Return the cues that run or have failed, by cue id. The dispatcher writes it; the list, the overlay and the operators read it."""
    return _statuses


def take_fraction(step: StageProgress) -> float:
    """Return the progress of a take, from 0 to 1."""
    start, length = STAGE_RANGES[step.stage]
    return start + length * (step.fraction or 0.0)
