"""The states of a job and every transition between them: one table, which the ledger enforces and `docs/jobs.md` shows."""

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
    "planned": "a row in the ledger; nothing has been done yet",
    "extracting": "the picture is read, its proxy is made and uploaded; no request has been sent",
    "submitting": "the request is on disk and is sent once; the answer is not on disk yet",
    "running": "the provider accepted the request; its handle is on disk. Of a cue in parts: the jobs of its parts are on disk",
    "fetching": "the provider has finished; the output is being downloaded",
    "conforming": "the output is on disk and is being made into a take",
    "ready": "the take is a file and can be laid. Of a part: its sound can be joined",
    "laid": "the take is on the timeline",
    "failed": "no take was made; the error is stored",
    "cancelled": "the user cancelled or discarded the job",
    "unclear": "the request was sent and no answer came; the user decides",
}
"""The meaning of each state."""


class Transition(NamedTuple):
    """An allowed step from one state to another, and when it happens."""

    before: JobState
    after: JobState
    condition: str


TRANSITIONS: tuple[Transition, ...] = (
    Transition("planned", "extracting", "a worker starts the job"),
    Transition("planned", "failed", "the picture or the model no longer exists"),
    Transition("planned", "cancelled", "the user cancelled; nothing was sent"),
    Transition(
        "extracting", "submitting", "the request is complete and within every cap; it is on disk before it is sent"
    ),
    Transition(
        "extracting", "conforming", "an earlier job made the same; its output is on disk and is reused at no cost"
    ),
    Transition("extracting", "running", "the cue is made in parts: their jobs are on disk"),
    Transition(
        "extracting", "failed", "the picture cannot be read, the provider rejects it, or a cap would be exceeded"
    ),
    Transition("extracting", "cancelled", "the user cancelled; nothing was sent"),
    Transition("submitting", "running", "the provider answered, or a lost request was found; the handle is on disk"),
    Transition("submitting", "failed", "the provider refused the request; no work was started"),
    Transition("submitting", "unclear", "no answer came, and the provider does not list the request"),
    Transition("running", "fetching", "the provider reports that it has finished; or all parts are ready"),
    Transition("running", "failed", "the model failed, or five runs got no usable answer"),
    Transition("running", "cancelled", "the user cancelled; the message says whether the provider confirmed"),
    Transition(
        "fetching", "conforming", "the output, or the joined parts, are on disk: a temporary name, synced, renamed"
    ),
    Transition("fetching", "failed", "the provider has deleted the output, or five runs got no usable answer"),
    Transition("fetching", "cancelled", "the user cancelled; the output was made and is charged"),
    Transition("conforming", "ready", "the take is a file of exactly the span's samples"),
    Transition("conforming", "fetching", "the downloaded file is damaged; it is downloaded once more"),
    Transition("conforming", "failed", "the output holds no sound"),
    Transition("conforming", "cancelled", "the user cancelled; the output stays on disk"),
    Transition("ready", "laid", "the take is on the timeline"),
    Transition("ready", "conforming", "the take's file was deleted before it was laid; it is rebuilt from the output"),
    Transition("ready", "cancelled", "the user discarded the job; the file stays"),
    Transition("failed", "running", "the user has the provider asked for the result again; nothing is sent"),
    Transition("unclear", "running", "the request was looked for again and found"),
    Transition("unclear", "planned", "the user has the request sent again; it may be charged twice"),
    Transition("unclear", "cancelled", "the user discarded the job; it may have been charged"),
)
"""All allowed transitions. A trigger in the ledger refuses every other one."""

FINAL_STATES: frozenset[JobState] = frozenset({"laid", "failed", "cancelled"})
"""States in which nothing more happens by itself. Only the user leads out of one: a failed job's result can be fetched again."""

UNSENT_STATES: frozenset[JobState] = frozenset({"planned", "extracting"})
"""States before any request is sent."""

IN_FLIGHT_STATES: frozenset[JobState] = frozenset(
    {"submitting", "running", "fetching", "conforming", "ready", "unclear"}
)
"""Open states in which a request was sent and may be charged."""
