"""Where an error leads a job, how a lost submission is looked for, and what a person can do about an unclear one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import (
    Cancelled,
    LedgerTrouble,
    MediaError,
    ModelFailed,
    NotThere,
    RefusedContent,
    RefusedInput,
    ResultGone,
    TracklayError,
    Unclear,
)

if TYPE_CHECKING:
    from ..providers import Intent, Provider, Ticket
    from .states import State

FINAL = (ModelFailed, NotThere, RefusedContent, RefusedInput, ResultGone)
"""Errors after which a submission brings nothing any more. After any other it is still there, and is looked at again later."""


class Lost:
    """A provider whose submission has left already, and brought no answer: `submit_once` then only looks for it."""

    def __init__(self, maker: Provider) -> None:
        self._maker = maker
        self.name, self.offers, self.looks = maker.name, maker.offers, maker.looks

    async def submit(self, intent: Intent) -> Ticket:  # noqa: ARG002 - the shape of every provider
        """Nothing is sent."""
        raise Unclear(
            f"nobody knows whether {self.name} began the work: the program ended, or the answer was lost, while it was sent; "
            "it is not sent again by itself, for it may have been charged"
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._maker, name)


def choices(number: int) -> str:
    """What a person can do about an unclear job."""
    return (
        f"job {number}: `tracklay jobs resume {number}` looks for it again, `tracklay jobs send {number}` sends it again and may "
        f"be charged twice, `tracklay jobs forget {number}` gives it up"
    )


def end_of(state: State, error: TracklayError | OSError) -> State | None:
    """Where an error leads to; None where the job stays, and can be gone on with."""
    if isinstance(error, LedgerTrouble):
        return None
    end: State | None = None
    match state:
        case "planned" | "extracting":
            end = "failed"
        case "unclear":
            end = "unclear"
        case "submitting":
            end = "unclear" if isinstance(error, Unclear) or not isinstance(error, TracklayError) else "failed"
        case "running" if isinstance(error, Cancelled):
            end = "cancelled"
        case "running" | "fetching":
            end = "failed" if isinstance(error, FINAL) else None
        case "conforming":
            end = "failed" if isinstance(error, MediaError | ModelFailed) else None
    return end
