"""The states of a job and every move between them: one table, which the ledger itself enforces and `docs/jobs.md` shows."""

from __future__ import annotations

from typing import Literal, NamedTuple

JobState = Literal[
    "planned",
    "extracting",
    "submitting",
    "running",
    "fetching",
    "conforming",
    "ready",
    "laid",
    "failed",
    "cancelled",
    "unclear",
]

STATE_DESCRIPTIONS: dict[JobState, str] = {
    "planned": "a row in the ledger and nothing more",
    "extracting": "the picture is read, its proxy made and uploaded; nothing is asked for yet",
    "submitting": "the request is on disk and leaves once; whether it arrived is known when there is a ticket",
    "running": "the provider has taken it on: its ticket is on disk",
    "fetching": "the provider has made it, and it is being brought here",
    "conforming": "what the model made is on disk for good, and becomes a take",
    "ready": "the take is a file, and waits to be laid",
    "laid": "the take lies under its picture",
    "failed": "it came to nothing, and why is written beside it",
    "cancelled": "a person stopped it, or gave it up",
    "unclear": "the request left and nobody knows whether it arrived: a person decides",
}
"""What each state means."""


class Transition(NamedTuple):
    """A way from one state to another."""

    before: JobState
    after: JobState
    condition: str


TRANSITIONS: tuple[Transition, ...] = (
    Transition("planned", "extracting", "its turn has come"),
    Transition("planned", "failed", "its picture or its model is gone"),
    Transition("planned", "cancelled", "a person stopped it: nothing was sent"),
    Transition(
        "extracting", "submitting", "the request is complete and within the caps; it is on disk before it leaves"
    ),
    Transition("extracting", "conforming", "the same was made before: its output is on disk and costs nothing again"),
    Transition(
        "extracting", "failed", "the picture cannot be read, the provider does not take it, or a cap stands against it"
    ),
    Transition("extracting", "cancelled", "a person stopped it: nothing was sent"),
    Transition(
        "submitting", "running", "the provider has answered, or a lost submission was found: the ticket is on disk"
    ),
    Transition("submitting", "failed", "the provider refused it, so nothing was begun"),
    Transition("submitting", "unclear", "no answer came, and it was not found at the provider"),
    Transition("running", "fetching", "the provider says that it is done"),
    Transition("running", "failed", "the model failed"),
    Transition("running", "cancelled", "a person stopped it; whether the provider did is written beside it"),
    Transition("fetching", "conforming", "the output is on disk: written beside, synced, renamed"),
    Transition("fetching", "failed", "the provider no longer has it, or gave no sound"),
    Transition("fetching", "cancelled", "a person stopped it: it was made, and costs what it costs"),
    Transition("conforming", "ready", "the take is a file of exactly the span's samples"),
    Transition("conforming", "fetching", "the file that was fetched is damaged: it is fetched once more"),
    Transition("conforming", "failed", "there is no sound in the output"),
    Transition("conforming", "cancelled", "a person stopped it: the output stays on disk"),
    Transition("ready", "laid", "it lies under its picture"),
    Transition("ready", "conforming", "its file was taken away before it was laid: it is made again from the output"),
    Transition("ready", "cancelled", "a person gave it up: the file stays"),
    Transition("unclear", "running", "looked for again, and found"),
    Transition("unclear", "planned", "a person has it sent again: it may be charged twice"),
    Transition("unclear", "cancelled", "a person gave it up: it may have been charged"),
)
"""Every move there is. Nothing moves a job outside this table: a trigger in the ledger refuses it."""

FINAL_STATES: frozenset[JobState] = frozenset({"laid", "failed", "cancelled"})
"""States that nothing leads out of."""

UNSENT_STATES: frozenset[JobState] = frozenset({"planned", "extracting"})
"""States in which nothing was asked of anybody yet."""

IN_FLIGHT_STATES: frozenset[JobState] = frozenset(
    {"submitting", "running", "fetching", "conforming", "ready", "unclear"}
)
"""States in which something was asked for and may be or was charged, and which are not over."""
