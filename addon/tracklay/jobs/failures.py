"""Where an error leads a job, how a lost submission is looked for, and what a person can do about an unclear one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import (
    Cancelled,
    LedgerError,
    MediaError,
    ModelFailed,
    NotFound,
    RefusedContent,
    RefusedInput,
    ResultExpired,
    SubmissionUnknown,
    TracklayError,
)

if TYPE_CHECKING:
    from ..providers.base import JobHandle, Provider, Submission
    from .states import JobState

FINAL_ERRORS = (ModelFailed, NotFound, RefusedContent, RefusedInput, ResultExpired)
"""Errors after which a submission brings nothing any more. After any other it is still there, and is looked at again later."""


class FindOnlyProvider:
    """A provider whose submission has left already, and brought no answer: `submit_once` then only looks for it."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.name, self.capabilities, self.find_delays = provider.name, provider.capabilities, provider.find_delays

    async def submit(self, submission: Submission) -> JobHandle:  # noqa: ARG002 - the shape of every provider
        """Nothing is sent."""
        raise SubmissionUnknown(
            f"nobody knows whether {self.name} began the work: the program ended, or the answer was lost, while it was sent; "
            "it is not sent again by itself, for it may have been charged"
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)


def unclear_job_options(job_id: int) -> str:
    """What a person can do about an unclear job."""
    return (
        f"job {job_id}: `tracklay jobs resume {job_id}` looks for it again, `tracklay jobs send {job_id}` sends it again and may "
        f"be charged twice, `tracklay jobs forget {job_id}` gives it up"
    )


def state_after_error(state: JobState, error: TracklayError | OSError) -> JobState | None:
    """Where an error leads to; None where the job stays, and can be gone on with."""
    if isinstance(error, LedgerError):
        return None
    end: JobState | None = None
    match state:
        case "planned" | "extracting":
            end = "failed"
        case "unclear":
            end = "unclear"
        case "submitting":
            end = (
                "unclear" if isinstance(error, SubmissionUnknown) or not isinstance(error, TracklayError) else "failed"
            )
        case "running" if isinstance(error, Cancelled):
            end = "cancelled"
        case "running" | "fetching":
            end = "failed" if isinstance(error, FINAL_ERRORS) else None
        case "conforming":
            end = "failed" if isinstance(error, MediaError | ModelFailed) else None
    return end
