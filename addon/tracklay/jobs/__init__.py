"""Job system: the ledger that stores every job, the pipeline that runs one, and the runners that run many.

These names need neither asyncio nor SQLite, so that an editor starts fast. Import `jobs.runner` where jobs are run.
"""

from .costs import check_budget, estimate_cost
from .job_spec import JobSpec, StageProgress, create_job_spec

__all__ = ["JobSpec", "StageProgress", "check_budget", "create_job_spec", "estimate_cost"]
