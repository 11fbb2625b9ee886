"""What a person asks of the ledger without carrying anything: what is there, what it cost; give up, send again, wish to stop."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from . import artifact_store, ledger_schema
from .cost import sums
from .failures import choices
from .ledger import Ledger
from .process_lock import alive
from .states import OVER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .ledger import Job

LATEST = 20
"""How many jobs that are over are listed, where not all are asked for."""

STOP_SECONDS, STOP_LOOK_SECONDS = 20.0, 0.2
"""How long another process is waited for that was told to stop a job, and how often it is looked."""


@contextlib.contextmanager
def _ledger() -> Iterator[Ledger]:
    ledger = Ledger()
    try:
        yield ledger
    finally:
        ledger.close()


def books(*, everything: bool = False) -> dict[str, Any]:
    """The jobs, and what was spent by provider, project and day; empty where there is no ledger yet."""
    if not ledger_schema.place().exists():
        return {"jobs": [], "sums": {by: [] for by in ("provider", "project", "day")}}
    with _ledger() as ledger:
        jobs, rows = ledger.listed(everything=everything, most=LATEST), ledger.money()
    told = [dict(row) for row in rows]
    return {
        "jobs": [_plain(job) for job in jobs],
        "sums": {by: [each.plain() for each in sums(told, by)] for by in ("provider", "project", "day")},
    }


def _plain(job: Job) -> dict[str, Any]:
    cue = job.plan["cue"]
    known = job.cost if job.cost is not None else job.estimate
    return {
        "id": job.id,
        "state": job.state,
        "carried": job.owner is not None and alive(job.owner),
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
        "words": f"{job.words} ({choices(job.id)})" if job.state == "unclear" else job.words,
        "made": job.made,
        "sent": job.sent,
        "changed": job.changed,
    }


def was_laying(target: Path) -> bool:
    """Whether a file is there because a run of ours was ended while it was laying its takes."""
    if not ledger_schema.place().exists():
        return False
    with _ledger() as ledger:
        return ledger.lays(str(target))


def forget(number: int) -> Job:
    """Give a job up: what was kept of it is thrown away, and it is listed no more. What it cost still counts.

    Raises:
        BadInput: there is none, or it is under way.
    """
    with _ledger() as ledger, ledger.transaction():
        job = ledger.get(number)
        if job.owner is not None and alive(job.owner):
            raise BadInput(f"job {number} is under way: `tracklay jobs cancel {number}` stops it")
        if job.state == "unclear":
            job = ledger.move(job, "cancelled", words="given up by you: it may have been charged")
        if job.state not in OVER:
            raise BadInput(f"job {number} is not over: `tracklay jobs cancel {number}` stops it")
        job = ledger.note(job, forgotten=1)
    if not any(each["folder"] == str(number) for each in _outputs_in_use()):
        artifact_store.drop_output(number)
    return job


def _outputs_in_use() -> list[dict[str, Any]]:
    with _ledger() as ledger:
        return [dict(job.output) for job in ledger.listed(everything=True, most=0) if job.output]


def send_again(number: int) -> Job:
    """Let an unclear job be sent once more: it may be charged twice, and a person has said so.

    Raises:
        BadInput: there is none, or it is not unclear.
    """
    with _ledger() as ledger, ledger.transaction():
        job = ledger.get(number)
        if job.state != "unclear":
            raise BadInput(f"job {number} is {job.state}, and only an unclear one is sent again")
        return ledger.move(job, "planned", words="sent again by you: it may be charged twice", intent=None)


def wish_stopped(number: int) -> Job:
    """Tell the process that carries a job to stop it, and wait until it has; how the job is then.

    Raises:
        BadInput: there is none, or it is over.
    """
    with _ledger() as ledger:
        with ledger.transaction():
            job = ledger.get(number)
            if job.state in OVER:
                raise BadInput(f"job {number} is {job.state} already")
            ledger.note(job, stop=1)
        patience = time.monotonic() + STOP_SECONDS
        while (job := ledger.get(number)).state not in OVER and job.owner and alive(job.owner):
            if time.monotonic() > patience:
                break
            time.sleep(STOP_LOOK_SECONDS)
        return job
