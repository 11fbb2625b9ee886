"""Operations on the ledger that run no job: list jobs and costs, discard, resubmit, request a cancellation."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled, InvalidInput
from . import artifact_store, ledger_schema
from .costs import COST_GROUPS, billed_range, cost_groups, cost_rows, summarize_costs
from .failures import error_columns
from .ledger import Ledger
from .process_lock import is_alive
from .states import FINAL_STATES

if TYPE_CHECKING:
    from .costs import BilledRange
    from .ledger import Job

RECENT_JOBS_LIMIT = 20
"""Finished jobs that are listed by default."""

PAGE_JOBS = 1000
"""Jobs of a page of all jobs: a ledger may have a million."""

CANCEL_TIMEOUT_SECONDS, CANCEL_POLL_SECONDS = 20.0, 0.2
"""Time that another process has to cancel a job, and the interval at which its row is read."""


@contextlib.contextmanager
def _open_ledger() -> Iterator[Ledger]:
    ledger = Ledger()
    try:
        yield ledger
    finally:
        ledger.close()


def list_jobs(*, include_finished: bool = False, before: int | None = None) -> dict[str, Any]:
    """Return the jobs, and the costs by each of `COST_GROUPS`, as JSON. Both are empty if there is no ledger yet.

    With finished ones, a page of `PAGE_JOBS`: the latest of those with a number below `before`. `older` is the number below which the
    next page begins, None on the last.
    """
    if not ledger_schema.ledger_path().exists():
        return {"jobs": [], "older": None, "sums": sum_costs([])}
    older = None
    with _open_ledger() as ledger:
        if include_finished:
            jobs = ledger.page_of_jobs(before, PAGE_JOBS + 1)
            older = jobs[1].id if len(jobs) > PAGE_JOBS else None
            jobs = jobs[-PAGE_JOBS:]
        else:
            jobs = ledger.list_jobs(limit=RECENT_JOBS_LIMIT)
        groups = cost_groups(ledger)
    return {"jobs": [_job_to_dict(job) for job in jobs], "older": older, "sums": sum_costs(groups)}


def list_costs(since: str = "") -> list[dict[str, Any]]:
    """Return what each submitted job was expected to cost and was billed, as `cost_rows`; empty if there is no ledger yet."""
    if not ledger_schema.ledger_path().exists():
        return []
    with _open_ledger() as ledger:
        return cost_rows(ledger, since=since)


def list_cost_sums(since: str = "") -> dict[str, list[dict[str, Any]]]:
    """Return the sums of all submitted jobs from a day on by each of `COST_GROUPS`, as JSON."""
    if not ledger_schema.ledger_path().exists():
        return sum_costs([])
    with _open_ledger() as ledger:
        return sum_costs(cost_groups(ledger, since=since))


def sum_costs(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the sums of `cost_rows` or `cost_groups` by each of `COST_GROUPS`, as JSON."""
    return {group: [each.to_dict() for each in summarize_costs(rows, group)] for group in COST_GROUPS}


def model_bills(model: str) -> BilledRange | None:
    """Return what takes of a model were billed so far on this machine; None if no provider reported it."""
    if not ledger_schema.ledger_path().exists():
        return None
    with _open_ledger() as ledger:
        return billed_range(ledger, model)


def _job_to_dict(job: Job) -> dict[str, Any]:
    cue = job.plan["cue"]
    amount = job.cost if job.cost is not None else job.estimate
    return {
        "id": job.id,
        "state": job.state,
        "active": job.owner is not None and is_alive(job.owner),
        "model": job.model,
        "provider": job.provider,
        "picture": cue["source"],
        "cue": job.cue,
        "take": job.take_index + 1,
        "part": job.plan["part"][0] if job.parent is not None else None,
        "prompt": cue["prompt"],
        "seed": job.seed,
        "project": job.project,
        "request": job.request,
        "cost": {
            "amount": amount,
            "currency": job.currency,
            "estimated": not job.cost_confirmed,
            "estimate": job.estimate,
        },
        "files": [claim["file"] for claim in job.takes],
        "kind": job.kind,
        "message": job.message,
        "error": job.error,
        "created_at": job.created_at,
        "submitted_at": job.submitted_at,
        "updated_at": job.updated_at,
    }


def is_interrupted_output(target: Path) -> bool:
    """Return whether a file exists because a run of Tracklay was interrupted while it laid takes."""
    if not ledger_schema.ledger_path().exists():
        return False
    with _open_ledger() as ledger:
        return ledger.has_open_target(str(target))


def discard_job(job_id: int) -> Job:
    """Remove a job from the list and delete its stored output, and return its row. Its cost still counts.

    Raises:
        InvalidInput: there is no such job, or it is running or open.
    """
    with _open_ledger() as ledger, ledger.transaction():
        job = ledger.get_job(job_id)
        if job.owner is not None and is_alive(job.owner):
            raise InvalidInput("job.running", "Job {job} is running.", job=job_id)
        if job.state == "unclear":
            error = Cancelled("job.discarded_unclear", "Discarded by the user. It may have been charged.")
            job = ledger.transition(job, "cancelled", **error_columns(error))
        if job.state not in FINAL_STATES:
            raise InvalidInput("job.not_finished", "Job {job} is not finished ({state}).", job=job_id, state=job.state)
        discarded = [job, *ledger.parts_of(job_id)]
        for each in discarded:
            ledger.update(each, hidden=1)
        job = ledger.get_job(job_id)
        # Another job may have reused one of these outputs: its folder is named after the job that paid for it.
        unused = [each for each in discarded if not ledger.is_output_needed(str(each.id))]
    for each in unused:
        artifact_store.delete_output(each.id)
    return job


def resubmit_job(job_id: int) -> Job:
    """Make an unclear job `planned` again, so that its request is sent once more, and return its row.

    It may be charged twice: the caller has asked the user.

    Raises:
        InvalidInput: there is no such job, or its state is not `unclear`.
    """
    with _open_ledger() as ledger, ledger.transaction():
        job = ledger.get_job(job_id)
        if job.state != "unclear":
            raise InvalidInput(
                "job.not_unclear",
                "Job {job} is {state}. Only unclear jobs can be resubmitted.",
                job=job_id,
                state=job.state,
            )
        message = "Resubmitted by the user; it may be charged twice."
        return ledger.transition(job, "planned", message=message, error=None, submission=None)


def request_cancel(job_id: int) -> Job:
    """Ask the process that runs a job to cancel it, wait until it has (20 s at most), and return the row as it is then.

    Raises:
        InvalidInput: there is no such job, or it is finished.
    """
    with _open_ledger() as ledger:
        job_id = ledger.joining_job(job_id)
        with ledger.transaction():
            job = ledger.get_job(job_id)
            if job.state in FINAL_STATES:
                raise InvalidInput("job.already_finished", "Job {job} is already {state}.", job=job_id, state=job.state)
            ledger.update(job, cancel_requested=1)
        deadline = time.monotonic() + CANCEL_TIMEOUT_SECONDS
        while (job := ledger.get_job(job_id)).state not in FINAL_STATES and job.owner and is_alive(job.owner):
            if time.monotonic() > deadline:
                break
            time.sleep(CANCEL_POLL_SECONDS)
        return job
