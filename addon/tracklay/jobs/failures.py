"""Maps errors to job states, and errors to and from the ledger. Also finds a submission whose answer was lost, without resending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import (
    CLASSES,
    Cancelled,
    InvalidInput,
    LedgerError,
    MediaError,
    ModelFailed,
    NotFound,
    ProviderTimeout,
    ProviderUnavailable,
    RefusedContent,
    RefusedInput,
    ResultExpired,
    SubmissionUnknown,
    TracklayError,
)
from .states import UNSENT_STATES

if TYPE_CHECKING:
    from ..providers.base import JobHandle, Provider, Submission
    from .ledger import Job, Ledger
    from .states import JobState

FINAL_ERRORS = (ModelFailed, NotFound, RefusedContent, RefusedInput, ResultExpired)
"""Errors after which a request yields no result. After any other error the request still exists and is polled again later."""


MAX_RESULT_ATTEMPTS = 5
"""Runs in which a provider answers without a usable result until the job has failed. Each repeats its requests by itself."""

NO_ANSWER_CODES = frozenset({"provider.connection_failed", "provider.no_response", "comfyui.no_server"})
"""Errors of the network, without an answer of the provider: a job waits for the network as long as it takes."""


def result_attempts(job: Job, error: TracklayError | OSError, provider: Provider) -> int:
    """Return the number of runs, with the one that ends with `error`, in which an accepted request got no usable result.

    What the user can put right does not count: the network, the API key, the account's credit, the disk. Nor does what runs here.
    """
    params = (job.error or {}).get("params") or {}
    before = params.get("attempts", 0) if isinstance(params.get("attempts"), int) else 0
    is_answer = isinstance(error, ProviderUnavailable | ProviderTimeout) and error.code not in NO_ANSWER_CODES
    is_accepted = job.state in ("running", "fetching") and bool(job.request) and provider.submit_mode == "submit"
    return before + int(is_answer and is_accepted)


def is_fetchable_again(job: Job) -> bool:
    """Return whether the provider can be asked again for the result of a job that failed."""
    return job.state == "failed" and job.job_handle is not None and bool(job.request)


def reopen_failed(ledger: Ledger, job: Job) -> Job:
    """Make a failed job `running` again, so that the provider is asked for its result once more, and return its row."""
    # An output on disk is the one that failed: it counts as a first download.
    output = None if job.output is None else {**job.output, "fetched": 1}
    return ledger.transition(job, "running", hidden=0, cancel_requested=0, output=output)


class FindOnlyProvider:
    """A provider whose submission has been sent already and got no answer: `submit_once` then only looks for it."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.name, self.capabilities, self.find_delays = provider.name, provider.capabilities, provider.find_delays

    async def submit(self, submission: Submission) -> JobHandle:  # noqa: ARG002 - the signature of every provider
        """Raise the error of a lost answer and send nothing. `submit_once` reacts to it by looking for the submission."""
        raise SubmissionUnknown(
            "submission.interrupted",
            "Unknown whether {provider} received the request: it was interrupted while it was sent. "
            "It is not resent automatically because it may have been charged.",
            provider=self.name,
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)


def state_after_error(state: JobState, error: TracklayError | OSError) -> JobState | None:
    """Return the state that an error leads to. None: the job keeps its state and can be resumed."""
    if isinstance(error, LedgerError):
        return None  # nothing about the job is known to be wrong, and nothing can be written now
    end: JobState | None = None
    match state:
        case "planned" | "extracting":
            end = "failed"  # nothing was sent, so the user can simply generate again
        case "unclear":
            end = "unclear"
        case "submitting":
            # The provider's own refusal is certain. A lost answer, or an error of the operating system in the middle of sending,
            # leaves open whether the request arrived.
            end = (
                "unclear" if isinstance(error, SubmissionUnknown) or not isinstance(error, TracklayError) else "failed"
            )
        case "running" if isinstance(error, Cancelled):
            end = "cancelled"
        case "running" | "fetching":
            end = "failed" if isinstance(error, FINAL_ERRORS) else None
        case "conforming":
            # An input that is invalid here is the provider's file: the user cannot choose another.
            end = "failed" if isinstance(error, InvalidInput | MediaError | ModelFailed) else None
    return end


def error_for_user(
    job: Job, error: TracklayError | OSError, new_state: JobState | None, attempts: int = 0
) -> TracklayError:
    """Return the error as users see it: for a job that stays open, with its number, so that front ends can add the next step.

    `attempts` are those of `result_attempts`, which is how the next run knows them.

    The class, and with it the `kind`, stays that of the original error, which becomes the cause.
    """
    if isinstance(error, TracklayError):
        original: TracklayError = error
    else:
        original = ModelFailed(
            "job.system_error", "{model}: {reason}.", model=job.model, reason=error.strerror or str(error)
        )
        original.__cause__ = error
    if new_state == "unclear":
        # An error of the operating system while sending leaves the same doubt as a lost answer, under its own `kind`.
        wrapped = type(original)("job.unclear", "{error} Job {job} needs a decision.", error=original, job=job.id)
    elif new_state == "failed" and attempts >= MAX_RESULT_ATTEMPTS:
        wrapped = type(original)(
            "job.no_result",
            "{error} Job {job} has failed after {attempts} runs without a result. Its cost still counts.",
            error=original,
            job=job.id,
            attempts=attempts,
        )
    elif new_state is None:
        wrapped = type(original)(
            "job.kept", "{error} Job {job} is kept and can be resumed.", error=original, job=job.id, attempts=attempts
        )
    else:
        return original
    wrapped.__cause__ = original
    return wrapped


def unsent_cancelled() -> Cancelled:
    """Return the error of a job that was cancelled before anything was sent."""
    return Cancelled("job.cancelled_unsent", "Nothing was sent and nothing is charged.")


def cancelled_error(job: Job, provider_name: str, *, confirmed: bool) -> Cancelled:
    """Return the error of a cancelled job, which states what may be charged. `confirmed`: the provider confirmed the cancellation."""
    if job.state in UNSENT_STATES:
        return unsent_cancelled()
    currency = job.currency or ""
    if job.state != "running":
        cost = f"{job.cost} {currency}".strip() if job.cost else "unknown"
        return Cancelled("job.cancelled_after_output", "The output was already made and is charged: {cost}.", cost=cost)
    estimate = f"{job.estimate} {currency}".strip() if job.estimate not in (None, "0") else "unknown"
    if confirmed:
        return Cancelled(
            "job.cancel_confirmed",
            "{provider} confirmed the cancellation. The time until then may be charged (estimate: {estimate}).",
            provider=provider_name,
            estimate=estimate,
        )
    return Cancelled(
        "job.cancel_unconfirmed",
        "{provider} did not confirm the cancellation. The request may continue and be charged (estimate: {estimate}).",
        provider=provider_name,
        estimate=estimate,
    )


def error_columns(error: TracklayError) -> dict[str, Any]:
    """Return the columns that store an error: as data for the front ends, as text for everyone else."""
    return {"kind": error.kind, "message": str(error), "error": error.to_dict()}


NO_ERROR: dict[str, Any] = {"kind": "", "message": "", "error": None}
"""The columns of a job without an error."""


def stored_error(job: Job) -> TracklayError:
    """Rebuild the error of a job from the ledger. Jobs of earlier versions have only its kind and text."""
    if job.error is not None:
        try:
            return TracklayError.from_dict(job.error)
        except (KeyError, TypeError):  # written by a version with other error classes
            pass
    by_kind = {each.kind: each for each in CLASSES.values()}
    fallback = Cancelled if job.state == "cancelled" else ModelFailed
    return by_kind.get(job.kind, fallback)("job.earlier_error", "{message}", message=job.message)


def internal_error(error: Exception) -> TracklayError:
    """Return an unexpected exception as an error that front ends can show."""
    wrapped = TracklayError(
        "job.internal_error",
        "Internal error: {exception}: {reason}.",
        exception=type(error).__name__,
        reason=str(error),
    )
    wrapped.__cause__ = error
    return wrapped
