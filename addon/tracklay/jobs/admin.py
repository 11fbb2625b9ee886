"""What a person asks of the ledger without carrying anything: what is there, what it cost; give up, send again, wish to stop."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from . import artifact_store, ledger_schema
from .cost import summarize_costs
from .failures import unclear_job_options
from .ledger import Ledger
from .process_lock import is_alive
from .states import FINAL_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .ledger import Job

RECENT_JOBS_LIMIT = 20
"""How many jobs that are over are listed, where not all are asked for."""

CANCEL_TIMEOUT_SECONDS, CANCEL_POLL_SECONDS = 20.0, 0.2
"""How long another process is waited for that was told to stop a job, and how often it is looked."""


@contextlib.contextmanager
def _open_ledger() -> Iterator[Ledger]:
    ledger = Ledger()
    try:
        yield ledger
    finally:
        ledger.close()


def list_jobs(*, include_finished: bool = False) -> dict[str, Any]:
    """The jobs, and what was spent by provider, project and day; empty where there is no ledger yet."""
    if not ledger_schema.ledger_path().exists():
        return {"jobs": [], "sums": {by: [] for by in ("provider", "project", "day")}}
    with _open_ledger() as ledger:
        jobs, rows = ledger.list_jobs(include_finished=include_finished, limit=RECENT_JOBS_LIMIT), ledger.cost_rows()
    told = [dict(row) for row in rows]
    return {
        "jobs": [_job_to_dict(job) for job in jobs],
        "sums": {by: [each.to_dict() for each in summarize_costs(told, by)] for by in ("provider", "project", "day")},
    }


def _job_to_dict(job: Job) -> dict[str, Any]:
    cue = job.plan["cue"]
    known = job.cost if job.cost is not None else job.estimate
    return {
        "id": job.id,
        "state": job.state,
        "carried": job.owner is not None and is_alive(job.owner),
        "model": job.model,
        "provider": job.provider,
        "picture": cue["source"],
        "cue": job.cue,
        "take": job.place + 1,
        "prompt": cue["prompt"],
        "seed": job.seed,
        "project": job.project,
        "request": job.request,
        "cost": {"amount": known, "currency": job.currency, "estimated": not job.exact},
        "files": [claim["file"] for claim in job.takes],
        "kind": job.kind,
        "words": f"{job.words} ({unclear_job_options(job.id)})" if job.state == "unclear" else job.words,
        "made": job.made,
        "sent": job.sent,
        "changed": job.changed,
    }


def is_interrupted_output(target: Path) -> bool:
    """Whether a file is there because a run of ours was ended while it was laying its takes."""
    if not ledger_schema.ledger_path().exists():
        return False
    with _open_ledger() as ledger:
        return ledger.has_open_target(str(target))


def discard_job(job_id: int) -> Job:
    """Give a job up: what was kept of it is thrown away, and it is listed no more. What it cost still counts.

    Raises:
        BadInput: there is none, or it is under way.
    """
    with _open_ledger() as ledger, ledger.transaction():
        job = ledger.get_job(job_id)
        if job.owner is not None and is_alive(job.owner):
            raise InvalidInput(f"job {job_id} is under way: `tracklay jobs cancel {job_id}` stops it")
        if job.state == "unclear":
            job = ledger.transition(job, "cancelled", words="given up by you: it may have been charged")
        if job.state not in FINAL_STATES:
            raise InvalidInput(f"job {job_id} is not over: `tracklay jobs cancel {job_id}` stops it")
        job = ledger.update(job, forgotten=1)
    if not any(each["folder"] == str(job_id) for each in _saved_outputs()):
        artifact_store.delete_output(job_id)
    return job


def _saved_outputs() -> list[dict[str, Any]]:
    with _open_ledger() as ledger:
        return [dict(job.output) for job in ledger.list_jobs(include_finished=True, limit=0) if job.output]


def resubmit_job(job_id: int) -> Job:
    """Let an unclear job be sent once more: it may be charged twice, and a person has said so.

    Raises:
        BadInput: there is none, or it is not unclear.
    """
    with _open_ledger() as ledger, ledger.transaction():
        job = ledger.get_job(job_id)
        if job.state != "unclear":
            raise InvalidInput(f"job {job_id} is {job.state}, and only an unclear one is sent again")
        return ledger.transition(job, "planned", words="sent again by you: it may be charged twice", intent=None)


def request_cancel(job_id: int) -> Job:
    """Tell the process that carries a job to stop it, and wait until it has; how the job is then.

    Raises:
        BadInput: there is none, or it is over.
    """
    with _open_ledger() as ledger:
        with ledger.transaction():
            job = ledger.get_job(job_id)
            if job.state in FINAL_STATES:
                raise InvalidInput(f"job {job_id} is {job.state} already")
            ledger.update(job, stop=1)
        patience = time.monotonic() + CANCEL_TIMEOUT_SECONDS
        while (job := ledger.get_job(job_id)).state not in FINAL_STATES and job.owner and is_alive(job.owner):
            if time.monotonic() > patience:
                break
            time.sleep(CANCEL_POLL_SECONDS)
        return job
