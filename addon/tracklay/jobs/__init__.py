"""Job system: the ledger that stores every job, the pipeline that runs one, and the runners that run many.

These names need neither asyncio nor SQLite, so that an editor starts fast. Import `jobs.runner` where jobs are run.
"""

from .cost import check_budget, estimate_cost
from .events import LookupDone, TakeFinished, TakeResumed
from .job_spec import JobSpec, StageProgress, create_job_spec

__all__ = [
    "JobSpec",
    "LookupDone",
    "StageProgress",
    "TakeFinished",
    "TakeResumed",
    "check_budget",
    "create_job_spec",
    "estimate_cost",
]
