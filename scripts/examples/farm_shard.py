"""Runs one shard of a work list, by the task number that a farm sets: Slurm, or any farm that can set variables.

    sbatch --array=0-31 --wrap "python scripts/examples/farm_shard.py work.toml"
    TASK=3 TASKS=32 python scripts/examples/farm_shard.py work.toml --max-cost 5

A task that is restarted after a crash continues where it stopped. `tracklay batch work.toml --merge` joins the results of all tasks.
"""

from __future__ import annotations

import os
import subprocess
import sys

COUNTS = (
    # Variables of the task's number, of the lowest number, and of the number of tasks.
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT"),
    ("TASK", "TASK_FIRST", "TASKS"),
)


def shard() -> str:
    """Return this task's shard, counted from 1, as `4/32`."""
    for number, first, count in COUNTS:
        if number in os.environ and count in os.environ:
            return f"{int(os.environ[number]) - int(os.environ.get(first, '0')) + 1}/{os.environ[count]}"
    sys.exit("Not on a farm. Set TASK and TASKS, or run this as a Slurm job array.")


if __name__ == "__main__":
    # --farm keeps the ledger beside the list, so that any machine that restarts the task knows what was sent.
    command = ["tracklay", "batch", *sys.argv[1:], "--shard", shard(), "--farm"]
    sys.exit(subprocess.call(command))
