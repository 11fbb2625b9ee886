"""The states of a job and every move between them: one table, which the ledger itself enforces and `docs/jobs.md` shows."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal[
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

MEANING: dict[State, str] = {
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


class Move(NamedTuple):
    """A way from one state to another."""

    before: State
    after: State
    why: str


MOVES: tuple[Move, ...] = (
    Move("planned", "extracting", "its turn has come"),
    Move("planned", "failed", "its picture or its model is gone"),
    Move("planned", "cancelled", "a person stopped it: nothing was sent"),
    Move("extracting", "submitting", "the request is complete and within the caps; it is on disk before it leaves"),
    Move("extracting", "conforming", "the same was made before: its output is on disk and costs nothing again"),
    Move(
        "extracting", "failed", "the picture cannot be read, the provider does not take it, or a cap stands against it"
    ),
    Move("extracting", "cancelled", "a person stopped it: nothing was sent"),
    Move("submitting", "running", "the provider has answered, or a lost submission was found: the ticket is on disk"),
    Move("submitting", "failed", "the provider refused it, so nothing was begun"),
    Move("submitting", "unclear", "no answer came, and it was not found at the provider"),
    Move("running", "fetching", "the provider says that it is done"),
    Move("running", "failed", "the model failed"),
    Move("running", "cancelled", "a person stopped it; whether the provider did is written beside it"),
    Move("fetching", "conforming", "the output is on disk: written beside, synced, renamed"),
    Move("fetching", "failed", "the provider no longer has it, or gave no sound"),
    Move("fetching", "cancelled", "a person stopped it: it was made, and costs what it costs"),
    Move("conforming", "ready", "the take is a file of exactly the span's samples"),
    Move("conforming", "fetching", "the file that was fetched is damaged: it is fetched once more"),
    Move("conforming", "failed", "there is no sound in the output"),
    Move("conforming", "cancelled", "a person stopped it: the output stays on disk"),
    Move("ready", "laid", "it lies under its picture"),
    Move("ready", "conforming", "its file was taken away before it was laid: it is made again from the output"),
    Move("ready", "cancelled", "a person gave it up: the file stays"),
    Move("unclear", "running", "looked for again, and found"),
    Move("unclear", "planned", "a person has it sent again: it may be charged twice"),
    Move("unclear", "cancelled", "a person gave it up: it may have been charged"),
)
"""Every move there is. Nothing moves a job outside this table: a trigger in the ledger refuses it."""

OVER: frozenset[State] = frozenset({"laid", "failed", "cancelled"})
"""States that nothing leads out of."""

UNSENT: frozenset[State] = frozenset({"planned", "extracting"})
"""States in which nothing was asked of anybody yet."""

SENT: frozenset[State] = frozenset({"submitting", "running", "fetching", "conforming", "ready", "unclear"})
"""States in which something was asked for and may be or was charged, and which are not over."""
