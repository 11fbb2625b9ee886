"""One machine's part of a work list, by the number that the farm gives its task: Slurm, Deadline, or any that sets a variable.

    sbatch --array=0-31 --wrap "python scripts/examples/farm_shard.py work.toml"
    TASK=3 TASKS=32 python scripts/examples/farm_shard.py work.toml --max-cost 5

Run the same task again after a crash: what it made it does not make again. When all are over, `tracklay batch work.toml --merge` joins
their results.
"""

from __future__ import annotations

import os
import subprocess
import sys

COUNTS = (
    # The task's number, the lowest number, and how many there are.
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT"),
    ("TASK", "TASK_FIRST", "TASKS"),
)


def shard() -> str:
    """`4/32`: this task's part, counted from 1."""
    for number, first, count in COUNTS:
        if number in os.environ and count in os.environ:
            return f"{int(os.environ[number]) - int(os.environ.get(first, '0')) + 1}/{os.environ[count]}"
    sys.exit("no farm here: set TASK and TASKS, or run it as an array of Slurm's")


if __name__ == "__main__":
    # --farm keeps the ledger beside the list, so that whichever machine runs the task again knows what was sent.
    command = ["tracklay", "batch", *sys.argv[1:], "--shard", shard(), "--farm"]
    sys.exit(subprocess.call(command))
