"""Carries cues through extract, generate and conform: the ledger that holds every job, its way, and the runner that keeps many on it."""

from typing import TYPE_CHECKING

from ..later import names_from
from .cost import check_budget, estimate_cost
from .job_spec import JobSpec, StageProgress, create_job_spec

if TYPE_CHECKING:
    from .runner import BackgroundRunner, BlockingRunner, LookupDone, TakeFinished, TakeResumed
else:  # asyncio, SQLite and all that is done with media come along, and are needed when something is sent
    __getattr__ = names_from(
        __name__, {"runner": ("TakeFinished", "TakeResumed", "LookupDone", "BlockingRunner", "BackgroundRunner")}
    )

__all__ = [
    "BackgroundRunner",
    "BlockingRunner",
    "JobSpec",
    "LookupDone",
    "StageProgress",
    "TakeFinished",
    "TakeResumed",
    "check_budget",
    "create_job_spec",
    "estimate_cost",
]
