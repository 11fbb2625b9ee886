"""What `tracklay batch` does."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import sys
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from .. import report
from ..batch import dask_cluster, results
from ..batch.estimate import check_cap, estimate_batch
from ..batch.executor import BatchExecutor, BatchOptions
from ..batch.worklist import shard_rows, worklist_stem
from ..batch.worklist_loader import load_worklist
from ..errors import InvalidInput, TracklayError
from ..jobs.cost import parse_amount
from ..jobs.process_lock import exclusive_lock
from ..paths import ensure_folder, tracklay_home
from ..providers.client import set_process_count
from . import batch_tables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from ..batch.worklist import WorkList, WorkListRow

EXIT_OK, EXIT_FAILED = 0, 1

_SHARD_PATTERN = re.compile(r"(\d+)/(\d+)")


def run_batch(options: argparse.Namespace) -> int:
    """Do it; the exit status.

    Raises:
        TracklayError: the list is refused, or the ledger cannot be used.
    """
    shard = _parse_shard(options)
    if options.workers is not None and options.workers < 1:
        raise InvalidInput(f"--workers must be 1 or more, not {options.workers}")
    if options.max_cost is not None:
        parse_amount(options.max_cost, "--max-cost")
    path = options.worklist.absolute()
    if options.on is not None:
        _run_on_cluster(path, options)
    if options.farm:
        _use_farm_home(path, shard)
    work = load_worklist(path, check_keys=options.merge is None and not options.dry_run)
    rows = list(work.rows) if shard is None else shard_rows(work.rows, *shard)
    to = results.results_path(work, shard)
    wanted = BatchOptions(
        shard,
        options.workers,
        options.together or (shard[1] if shard else 1),
        _shard_cap(options.max_cost, len(rows), len(work.rows)),
        options.again,
        _load_prior_results(options, work, to),
        results.read_worklist_verdicts(options.verdicts, work) if options.verdicts else {},
        options.merge is not None,
    )
    if options.dry_run:
        return _print_dry_run(work, rows, wanted, options)
    ensure_folder(path.parent)
    with exclusive_lock(wanted.run_id(work), wait=options.farm):
        check_cap(work, rows, wanted)
        return _execute(work, rows, wanted, to, options)


def _parse_shard(options: argparse.Namespace) -> tuple[int, int] | None:
    if options.together is not None and options.together < 1:
        raise InvalidInput(f"--together must be 1 or more, not {options.together}")
    if options.shard is None:
        return None
    match = _SHARD_PATTERN.fullmatch(options.shard)
    shard, shards = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= shard <= shards:
        raise InvalidInput(f"--shard {options.shard!r} is no part of anything: write 1/8 to 8/8 for eight parts")
    if options.merge is not None:
        raise InvalidInput("--merge joins all shards: leave --shard out")
    return shard, shards


def _run_on_cluster(path: Path, options: argparse.Namespace) -> None:
    """Have the shards run elsewhere; what is left to do here is to join them."""
    if options.shard is not None or options.merge is not None:
        raise InvalidInput("--on splits and joins the list by itself: leave --shard and --merge out")
    if options.shards is not None and options.shards < 1:
        raise InvalidInput(f"--shards must be 1 or more, not {options.shards}")
    if options.dry_run:
        return
    rows = len(load_worklist(path, check_keys=False).rows)  # the workers have them
    arguments = ["batch", str(path)]
    for name in ("workers", "max_cost", "verdicts"):
        if (value := getattr(options, name)) is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value.absolute() if name == "verdicts" else value)]
    arguments += ["--again"] if options.again else []
    count = 1
    for count, ended, told in dask_cluster.run_shards(options.on, arguments, options.shards, rows):
        print(f"tracklay: {ended} of {count} shards{told and '; '}{told}", file=sys.stderr, flush=True)  # noqa: T201
    options.merge = [
        found
        for number in range(1, count + 1)
        if (found := path.with_name(f"{worklist_stem(path)}.{number}of{count}.tracklay.results.json")).exists()
    ]
    options.again, options.max_cost, options.farm = False, None, True


def _use_farm_home(path: Path, shard: tuple[int, int] | None) -> None:
    """Have the ledger, and all that is kept, beside the list: one place a shard. The person's own models come along."""
    name = "whole" if shard is None else f"{shard[0]}of{shard[1]}"
    place = ensure_folder(path.with_name(f"{path.stem}.tracklay.farm") / name)
    own = tracklay_home() / "models"
    if own.is_dir():
        shutil.copytree(own, place / "models", dirs_exist_ok=True)
    os.environ["TRACKLAY_HOME"] = str(place)


def _shard_cap(cap: str | None, shard_rows: int, total_rows: int) -> str | None:
    """A shard's part of what the list may cost: shards have no ledger in common."""
    if cap is None or shard_rows == total_rows:
        return cap
    return str((Decimal(cap) * shard_rows / total_rows).quantize(Decimal("0.000001"), ROUND_DOWN))


def _load_prior_results(options: argparse.Namespace, worklist: WorkList, results_path: Path) -> results.PriorResults:
    """What was made before, by the result lists that say it."""
    files = [results_path] if results_path.exists() else []
    if options.merge is not None:
        found = sorted(worklist.path.parent.glob(f"{glob.escape(worklist.stem)}.*of*.tracklay.results.json"))
        files += options.merge or found
        if not files:
            raise InvalidInput(f"there are no results of shards beside {worklist.path}: name them")
    elif options.shard and (whole := results.results_path(worklist)).exists():
        files.insert(0, whole)
    return results.PriorResults(files)


def _print_dry_run(
    worklist: WorkList, rows: Sequence[WorkListRow], batch_options: BatchOptions, options: argparse.Namespace
) -> int:
    told = estimate_batch(worklist, rows, batch_options)
    if options.json:
        print(json.dumps(told.to_dict(), indent=2, ensure_ascii=False))  # noqa: T201 - it is a command
    else:
        batch_tables.print_estimate(told)
    return EXIT_FAILED if told.errors else EXIT_OK


async def _run_until_terminated(executor: BatchExecutor) -> None:
    """Carry until it is done, or a farm's manager has it end: as an interruption does, that leaves all to be taken up."""
    task = asyncio.current_task()
    with contextlib.suppress(NotImplementedError):  # Windows has no such signal
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: task and task.cancel())
    await executor.run()


def _execute(
    worklist: WorkList,
    rows: Sequence[WorkListRow],
    batch_options: BatchOptions,
    results_path: Path,
    options: argparse.Namespace,
) -> int:
    set_process_count(batch_options.concurrent_shards)
    with results.ResultSpool() as spool:
        try:
            with batch_tables.BatchProgress(sum(row.takes for row in rows)) as progress, asyncio.Runner() as loop:
                loop.run(_run_until_terminated(BatchExecutor(worklist, rows, batch_options, spool, progress)))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            results.write_results(worklist, rows, spool, batch_options.prior_results, results_path)
            set_process_count(1)
    held = results.read_results(results_path)
    good = all(row["state"] in ("laid", "ready") and not row["error"] for row in held["rows"])
    paths = {"results": results_path}
    if batch_options.shard is None and not options.no_report:
        try:
            paths["report"] = report.write_report(
                report.read_report_input(results_path),
                results_path.with_name(f"{worklist.stem}.tracklay.report"),
                title=worklist.stem,
            )
        except TracklayError as error:
            good = False
            print(f"tracklay: the report could not be made: {error}", file=sys.stderr)  # noqa: T201
    if options.json:
        with results_path.open(encoding="utf-8") as file:
            shutil.copyfileobj(file, sys.stdout)
    else:
        batch_tables.print_results(held, paths)
    return EXIT_OK if good else EXIT_FAILED
