"""Submits a job's request and records the answer, so that a request is never lost and never sent twice.

The base of `pipeline.JobPipeline`: the part that handles money.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from ..cue import Cost, Failure
from ..errors import LedgerError, TracklayError
from ..providers.base import JobHandle, Request, Submission, catalogue_cost, checked_replies, get_provider, submit_once
from . import costs
from .failures import (
    MAX_RESULT_ATTEMPTS,
    NO_ERROR,
    FindOnlyProvider,
    error_columns,
    error_for_user,
    result_attempts,
    state_after_error,
)
from .job_spec import StageProgress
from .ledger import Ledger, utc_timestamp

if TYPE_CHECKING:
    from ..providers.base import Provider
    from .context import JobContext
    from .job_spec import JobSpec, Stage
    from .ledger import Job
    from .states import JobState

SUBMIT_GRACE_SECONDS = 10.0
"""Time that a request being sent has to return its handle when the process is asked to end."""

LEDGER_RETRY_DELAYS = (1.0, 4.0, 15.0)
"""Seconds before each retry of writing a job handle: a full disk may have been cleared meanwhile."""


class SubmissionStage:
    """One job's row, spec and provider, the transitions of the row, and the submission of its request."""

    def __init__(self, job: Job, spec: JobSpec, context: JobContext) -> None:
        self.job, self.spec, self.context = job, spec, context
        self.provider: Provider = get_provider(job.provider)

    def _report(self, stage: Stage, fraction: float | None = None, message: str = "") -> None:
        self.context.report_progress(
            StageProgress(self.job.cue, self.job.take_index, stage, fraction, message, self.job.id, self.spec.model.id)
        )

    async def _transition(self, new_state: JobState, **fields: Any) -> None:
        """Move the job to another state. The transition is on disk when this returns."""
        job = self.job
        self.job = await self.context.ledger_writer(Ledger.transition, job, new_state, **fields)

    @property
    def _is_cancelling(self) -> bool:
        """True if the user has cancelled the job, or the one that it is a part of."""
        return not self.context.cancelling.isdisjoint((self.job.id, self.job.parent))

    def _state_after(self, error: TracklayError | OSError) -> JobState | None:
        """Return the state that an error leads to. None: the job keeps its state and can be resumed."""
        return state_after_error(self.job.state, error)

    async def _record_failure(self, error: TracklayError | OSError) -> Failure:
        """Store the error, move the job to the state it leads to, and return the failure."""
        job = self.job
        attempts = result_attempts(job, error, self.provider)
        new_state = self._state_after(error)
        if new_state is None and attempts >= MAX_RESULT_ATTEMPTS:
            new_state = "failed"
        user_error = error_for_user(job, error, new_state, attempts)
        columns = error_columns(user_error)
        if new_state == "failed" and job.state == "submitting":
            columns |= {"cost": "0"}  # the provider refused it
        elif new_state in ("failed", "cancelled") and job.state == "running":
            columns |= await self._charge_columns()
        with contextlib.suppress(LedgerError):  # the first error is the one to report
            if new_state is None or new_state == job.state:
                self.job = await self.context.ledger_writer(Ledger.update, job, **columns)
            else:
                await self._transition(new_state, **columns)
            await self.context.ledger_writer(Ledger.release_jobs, self.context.owner_token, job.id)
        self._report("failed", message=str(user_error))
        return Failure(self.spec.cue, user_error.prefix_with(self.spec.cue.picture.source.name))

    async def _charge_columns(self) -> dict[str, Any]:
        """Return the columns of what a job was charged that has no result, if its provider says so."""
        charge = None
        with contextlib.suppress(TracklayError), checked_replies(self.provider.name):
            charge = await self.provider.charge_without_result(self._job_handle)
        if charge is None:
            return {}
        known = {} if charge.estimated else {"cost": charge.amount, "cost_confirmed": 1}
        return {**known, "compute_seconds": charge.compute_seconds}

    async def _submit(self, request: Request, submission: Submission) -> None:
        """Send the request. The ledger has the submission before the request leaves, and the job handle before any other step."""
        estimate = await self._estimate_cost(request, submission)
        job = self.job

        def record_submission(ledger: Ledger) -> Job:
            # One transaction checks the caps and counts this job, so two processes cannot both use the last of a budget.
            costs.enforce_caps(ledger, job, estimate)
            costs.enforce_max_overrun(ledger, job)
            columns = {"currency": estimate.currency, "estimate": estimate.amount, "submitted_at": utc_timestamp()}
            return ledger.transition(job, "submitting", submission=submission.to_dict(), **columns)

        known_requests = await self.context.request_ids(self.provider.name)

        async def send() -> JobHandle:
            self.job = await self.context.ledger_writer(record_submission)
            self._report("generate")
            return await submit_once(self.provider, submission, known_requests)

        # Record and request are one task: a cancellation between them would leave a job marked as possibly sent that was never sent.
        await self._wait_for_handle(asyncio.ensure_future(send()))

    async def _estimate_cost(self, request: Request, submission: Submission) -> Cost:
        """Return the catalogue's estimate, or the provider's own if a cap applies and the provider can give one."""
        job, prepared = self.job, submission.data.get("cost")
        estimate = Cost(**prepared) if isinstance(prepared, dict) else catalogue_cost(request)
        if "estimate" in self.provider.capabilities and await self.context.ledger_writer(costs.has_cap, job):
            with checked_replies(self.provider.name):
                return await self.provider.estimate(request) or estimate
        return estimate

    async def _wait_for_handle(self, sending: asyncio.Future[JobHandle]) -> None:
        """Wait for a job handle and store it, even while the process is ending: a sent request cannot be recalled."""
        try:
            job_handle = await asyncio.shield(sending)
        except asyncio.CancelledError:
            # If the user cancelled this job, wait as long as it takes: only with a handle can the provider be asked to stop. If the
            # process is ending, wait a moment; without a handle the next process looks for the request.
            await asyncio.wait([sending], timeout=None if self._is_cancelling else SUBMIT_GRACE_SECONDS)
            if not sending.done():
                sending.cancel()
            elif error := sending.exception():
                if isinstance(error, TracklayError | OSError):
                    await self._record_failure(error)
            else:
                await self._record_handle(sending.result())
            raise
        writing = asyncio.ensure_future(self._record_handle(job_handle))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.gather(writing, return_exceptions=True)
            raise

    async def _record_handle(self, job_handle: JobHandle) -> None:
        (await self.context.request_ids(self.provider.name)).add(job_handle.request)
        price = job_handle.data.get("cost")
        columns = {**NO_ERROR, "job_handle": job_handle.to_dict(), "request": job_handle.request}
        # A provider that names its charge at once does not replace the estimate: the two are compared afterwards.
        if isinstance(price, dict) and (price["estimated"] or self.job.estimate is None):
            columns |= {"estimate": price["amount"], "currency": price["currency"]}
        # The handle is the only way to a result that is paid for, so a full disk gets a few retries.
        for pause in (*LEDGER_RETRY_DELAYS, None):
            try:
                await self._transition("running", **columns)
            except LedgerError as error:
                if pause is None:
                    raise LedgerError(
                        "ledger.handle_not_saved",
                        "{error} {provider} accepted request {request}, but the ledger could not record it.",
                        error=error,
                        provider=self.provider.name,
                        request=job_handle.request,
                    ) from error
                await asyncio.sleep(pause)
            else:
                return

    async def _find_submission(self) -> None:
        """Look for a submission whose answer was lost. It is never sent again.

        Raises:
            SubmissionUnknown: the provider does not list it.
        """
        assert self.job.submission is not None  # noqa: S101 - written with the transition to `submitting`
        submission = Submission.from_dict(self.job.submission)
        if self.provider.submit_mode == "collect":
            # Such a provider sends nothing before it collects, so there is no request that could be lost.
            await self._record_handle(await self.provider.submit(submission))
            return
        known = await self.context.request_ids(self.provider.name)
        await self._wait_for_handle(
            asyncio.ensure_future(submit_once(FindOnlyProvider(self.provider), submission, known))
        )

    @property
    def _job_handle(self) -> JobHandle:
        assert self.job.job_handle is not None  # noqa: S101 - written with the transition to `running`
        return JobHandle.from_dict(self.job.job_handle)
