"""Runs a work list on a Dask cluster: each shard is a task that runs the command on any free worker.

A shard's ledger is a file beside the list (`--farm`), so that another worker can resume it if its worker is lost. API keys stay in the
workers' environments and are never sent.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import InvalidInput

SHARDS_PER_SLOT = 4
"""Shards for each thread of the cluster: with several, a lost or slow worker delays only a small part."""

CONNECT_TIMEOUT_SECONDS = 20

COMPLETED_STATUSES = (0, 1)
"""Exit statuses of a shard that has written its results."""


def run_shard(arguments: Sequence[str]) -> tuple[int, str]:
    """Run the command on this machine and return its exit status and the last line of its stderr."""
    program = __name__.partition(".")[0]
    # -P: a worker's current folder may be shared, and is no place for modules.
    done = subprocess.run(
        [sys.executable, "-P", "-m", program, *arguments],
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
    """Run all shards and yield for each that ends: the number of shards, the number of ended ones, and its error or an empty text.

    Args:
        address: the scheduler's, `dask://HOST:PORT`.
        arguments: the command's arguments without the shard.
        shard_count: number of shards; by default `SHARDS_PER_SLOT` for each thread of the cluster.
        row_count: number of rows; there are never more shards.

    Raises:
        InvalidInput: Dask is not installed, the scheduler does not answer, or it has no workers.
    """
    try:
        distributed: Any = importlib.import_module("distributed")  # an optional dependency
    except ImportError:
        raise InvalidInput("dask.not_installed", "Dask is not installed.") from None
    kind, mark, host = address.partition("://")
    if kind != "dask" or not mark or ":" not in host:
        raise InvalidInput(
            "dask.invalid_address",
            "Not the address of a Dask scheduler: {address!r}. Use dask://HOST:PORT.",
            address=address,
        )
    try:
        client = distributed.Client(f"tcp://{host}", timeout=CONNECT_TIMEOUT_SECONDS)
    except OSError as error:
        raise InvalidInput("dask.unreachable", "No Dask scheduler answers at {host}.", host=host) from error
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise InvalidInput("dask.no_workers", "The Dask cluster at {host} has no workers.", host=host)
        count = max(1, min(row_count, shard_count or threads * SHARDS_PER_SLOT))
        # Shards that run at the same time share each provider's limit.
        shared = ["--together", str(min(count, threads))]
        lines = [[*arguments, *shared, "--farm", "--shard", f"{number}/{count}"] for number in range(1, count + 1)]
        with_ids = dict(zip(client.map(run_shard, lines, pure=False), lines, strict=True))
        for ended, future in enumerate(distributed.as_completed(list(with_ids)), 1):
            message = ""
            try:
                status, last_line = future.result()
                message = "" if status in COMPLETED_STATUSES else last_line or f"exit status {status}"
            except Exception as error:  # noqa: BLE001 - any failure of a shard is reported, and the others continue
                message = f"{type(error).__name__}: {error}"
            yield count, ended, message and f"shard {with_ids[future][-1]}: {' '.join(message.split())}"
