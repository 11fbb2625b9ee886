"""What is known of a cue that is under way: a line of the spotting list, in plain data. No strip, no scene."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..settings.i18n.translate import translate_ui

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...cue import Cue
    from ...jobs import StageProgress

STAGE_RANGES = {
    "extract": (0.0, 0.15),
    "generate": (0.15, 0.75),
    "conform": (0.9, 0.1),
    "ready": (1.0, 0.0),
    "failed": (1.0, 0.0),
}
"""Where each stage begins on a take's bar, and how much of it it is."""

STAGE_LABELS = {
    "extract": "Extracting the picture",
    "generate": "Generating",
    "conform": "Conforming",
    "ready": "Ready",
    "failed": "Failed",
}

TakeKey = tuple[str, int]
"""A cue's id and which of its takes."""


@dataclass(slots=True)
class CueStatus:
    """A cue that runs or has failed: its stages while it runs, its error or a note afterwards."""

    cue: Cue
    laying: Mapping[str, Any]
    steps: dict[int, StageProgress]
    finished: set[int] = field(default_factory=set)
    """Takes whose jobs nobody carries on: they came, or went wrong."""
    blocked_reasons: dict[int, str] = field(default_factory=dict)
    """Why takes do not go on now."""
    errors: dict[int, str] = field(default_factory=dict)
    failure_states: dict[int, str] = field(default_factory=dict)
    """What became of those: "failed", "stopped" (it can be gone on with) or "unclear" (a person decides)."""
    job_id_by_take: dict[int, int] = field(default_factory=dict)
    """Each take's row in the ledger."""
    note: str = ""
    is_in_open_file: bool = True
    """Whether the open file has, or had, its strips."""

    @property
    def picture_name(self) -> str:
        """The name of its picture."""
        return str(self.laying.get("picture", self.cue.picture.source.name))

    @property
    def scene_name(self) -> str:
        """The name its scene had."""
        return str(self.laying.get("scene", ""))

    @property
    def blend_file(self) -> str:
        """The .blend file that it was asked for in; empty where that was never saved."""
        return str(self.laying.get("file", ""))

    @property
    def takes_folder(self) -> str:
        """Where its takes go."""
        return str(self.laying.get("folder", ""))

    @property
    def error(self) -> str:
        """What went wrong, in words."""
        return "; ".join(dict.fromkeys(self.errors.values()))

    @property
    def state(self) -> str:
        """What that made of it; empty where nothing went wrong."""
        return next((state for state in ("unclear", "stopped", "failed") if state in self.failure_states.values()), "")

    @property
    def job_ids(self) -> tuple[int, ...]:
        """Its rows in the ledger, as far as they are known."""
        return tuple(self.job_id_by_take[each] for each in sorted(self.job_id_by_take))

    @property
    def fraction(self) -> float:
        """How far all its takes are together, from 0 to 1."""
        return sum(map(take_fraction, self.steps.values())) / len(self.steps) if self.steps else 1.0

    @property
    def message(self) -> str:
        """What the slowest of its takes does."""
        if not self.steps:
            return self.note
        words = self.take_message(min(self.steps, key=lambda each: STAGE_RANGES[self.steps[each].stage][0]))
        done = sum(step.stage in ("ready", "failed") for step in self.steps.values())
        return words if len(self.steps) == 1 else translate_ui("{} ({} of {} takes)", words, done, len(self.steps))

    def take_message(self, number: int) -> str:
        """What one of its takes does."""
        if number in self.blocked_reasons:
            return translate_ui("Waiting: {}", self.blocked_reasons[number])
        step = self.steps[number]
        words = translate_ui(STAGE_LABELS[step.stage])
        return f"{words}: {step.message}" if step.message and step.stage == "generate" else words


_statuses: dict[str, CueStatus] = {}


def running_cues() -> dict[str, CueStatus]:
    """Return the cues that run or have failed, by cue id. The dispatcher writes it; the list, the overlay and the operators read it."""
    return _statuses


def take_fraction(step: StageProgress) -> float:
    """How far a take is, from 0 to 1."""
    begins, lasts = STAGE_RANGES[step.stage]
    return begins + lasts * (step.fraction or 0.0)
