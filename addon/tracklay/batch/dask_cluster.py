"""A work list on a Dask cluster: each shard is a task that runs the command itself, on whichever worker is free.

A shard's ledger lies beside the list (`--farm`), so that another worker goes on with it where one is lost. Keys are in the workers' own
environment, and never sent.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHARDS_PER_SLOT = 4
"""Shards for each place that the cluster has: what a lost or slow worker holds up is small."""

CONNECT_TIMEOUT_SECONDS = 20

COMPLETED_STATUSES = (0, 1)
"""Statuses of a shard whose results are there."""


def run_shard(arguments: Sequence[str]) -> tuple[int, str]:
    """Run the command with these arguments, here; its status, and the last thing it said."""
    program = __name__.partition(".")[0]
    done = subprocess.run(
        [sys.executable, "-m", program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.strip().rpartition("\n")[2].removeprefix("tracklay: ")


def run_shards(
    address: str, arguments: Sequence[str], shard_count: int | None, row_count: int
) -> Iterator[tuple[int, int, str]]:
    """Have all shards run, and tell of each as it ends: how many there are, how many are over, and what is wrong with it.

    Args:
        address: `dask://HOST:PORT`, the scheduler's.
        arguments: those of the command, but for the shard.
        shard_count: how many; by default some for each place that the cluster has.
        row_count: how many there are to share out.

    Raises:
        BadInput: there is no cluster there, or it has no workers.
    """
    try:
        distributed: Any = importlib.import_module("distributed")  # an extra: only --on needs it
    except ImportError:
        raise InvalidInput("--on needs Dask: pip install 'tracklay[dask]'") from None
    kind, mark, where = address.partition("://")
    if kind != "dask" or not mark or ":" not in where:
        raise InvalidInput(f"--on {address!r} is no cluster: write dask://HOST:PORT, the scheduler's")
    try:
        client = distributed.Client(f"tcp://{where}", timeout=CONNECT_TIMEOUT_SECONDS)
    except OSError as error:
        raise InvalidInput(f"no Dask scheduler answers at {where}: start one, or correct --on") from error
    with client:
        places = sum(client.nthreads().values())
        if not places:
            raise InvalidInput(f"the Dask cluster at {where} has no workers: start some")
        count = max(1, min(row_count, shard_count or places * SHARDS_PER_SLOT))
        shared = ["--together", str(min(count, places))]
        lines = [[*arguments, *shared, "--farm", "--shard", f"{number}/{count}"] for number in range(1, count + 1)]
        with_ids = dict(zip(client.map(run_shard, lines, pure=False), lines, strict=True))
        for ended, future in enumerate(distributed.as_completed(list(with_ids)), 1):
            told = ""
            try:
                status, said = future.result()
                told = "" if status in COMPLETED_STATUSES else said or f"it ended with status {status}"
            except Exception as error:  # noqa: BLE001 - whatever a cluster does to a shard is told, and the others go on
                told = f"{type(error).__name__}: {error}"
            yield count, ended, told and f"shard {with_ids[future][-1]}: {' '.join(told.split())}"
