"""Runs `tracklay batch`: generates and lays a work list, whole, in shards, or on a cluster."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from .. import report, settings
from ..batch import dask_cluster, results
from ..batch.estimate import check_cap, estimate_batch
from ..batch.executor import BatchExecutor, BatchOptions
from ..batch.worklist import WorkList, WorkListRow, shard_rows, worklist_stem
from ..batch.worklist_loader import load_worklist
from ..errors import InvalidInput, TracklayError
from ..jobs.costs import parse_amount, parse_factor
from ..jobs.process_lock import exclusive_lock
from ..paths import ensure_folder, tracklay_home
from .console import PlainConsole
from .exit_status import EXIT_DONE, EXIT_FAILED
from .messages import print_json, print_message
from .progress import BatchProgress, format_duration

if TYPE_CHECKING:
    from ..batch.estimate import BatchEstimate

_SHARD_PATTERN = re.compile(r"(\d+)/(\d+)")

CAP_STEP = Decimal("0.000001")
"""Smallest part of a currency unit that a shard's cap is rounded down to, so that all shards together stay below the cap."""

MAX_ERRORS_SHOWN = 10

STATE_STYLES = {
    "laid": "green",
    "ready": "green",
    "failed": "red",
    "unclear": "yellow",
    "cancelled": "dim",
    "waiting": "dim",
}

UNKNOWN = "not known"
"""Shown for a price or a duration that neither the catalogue nor the ledger knows."""


def run_batch(options: argparse.Namespace) -> int:
    """Run the command and return the exit status.

    Raises:
        TracklayError: the list is invalid, or the ledger cannot be used.
    """
    shard = _parse_shard(options)
    _check_counts(options)
    if options.max_cost is not None:
        parse_amount(options.max_cost, "--max-cost")
    if options.max_overrun is not None:
        parse_factor(options.max_overrun, "--max-overrun")
    path = options.worklist.absolute()
    if options.on is not None:
        _run_on_cluster(path, options)
    with contextlib.ExitStack() as stack:
        if options.farm:
            stack.enter_context(settings.active(_farm_settings(path, shard)))
        return _run_worklist(path, shard, options)


def _check_counts(options: argparse.Namespace) -> None:
    for name in ("workers", "together", "shards"):
        count = getattr(options, name)
        if count is not None and count < 1:
            raise InvalidInput(
                "usage.count_below_one", "--{option} must be 1 or more, not {count}.", option=name, count=count
            )


def _parse_shard(options: argparse.Namespace) -> tuple[int, int] | None:
    if options.shard is None:
        return None
    match = _SHARD_PATTERN.fullmatch(options.shard)
    shard, shards = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= shard <= shards:
        raise InvalidInput(
            "usage.shard", "Invalid --shard: {shard!r}. Write 1/8 to 8/8 for eight shards.", shard=options.shard
        )
    if options.merge is not None:
        raise InvalidInput("usage.merge_with_shard", "--merge joins all shards. Leave out --shard.")
    return shard, shards


def _run_worklist(path: Path, shard: tuple[int, int] | None, options: argparse.Namespace) -> int:
    # A merge and a dry run send nothing: they need no keys.
    worklist = load_worklist(
        path,
        check_keys=options.merge is None and not options.dry_run,
        land=options.land or "auto",
        parts=options.parts or "auto",
        repair=options.repair,
    )
    rows = list(worklist.rows) if shard is None else shard_rows(worklist.rows, *shard)
    to = results.results_path(worklist, shard)
    batch_options = BatchOptions(
        shard,
        options.workers,
        options.together or (shard[1] if shard else 1),
        _shard_cap(options.max_cost, len(rows), len(worklist.rows)),
        options.again,
        _load_prior_results(options, worklist, to),
        results.read_worklist_verdicts(options.verdicts, worklist) if options.verdicts else {},
        options.merge is not None,
        options.max_overrun,
        options.describe,
    )
    if options.dry_run:
        return _print_dry_run(worklist, rows, batch_options, options)
    ensure_folder(path.parent)
    # Two runs of one list would pay twice for the same rows. A farm restarts a lost shard before its lock is gone: it waits.
    with exclusive_lock(batch_options.run_id(worklist), wait=options.farm):
        check_cap(worklist, rows, batch_options)
        return _execute(worklist, rows, batch_options, to, options)


def _run_on_cluster(path: Path, options: argparse.Namespace) -> None:
    """Run all shards on the cluster, and turn the options into those of the merge that remains to be done here."""
    if options.shard is not None or options.merge is not None:
        raise InvalidInput(
            "usage.on_with_shard", "--on splits and joins the list itself. Leave out --shard and --merge."
        )
    if options.dry_run:
        return
    rows = len(load_worklist(path, check_keys=False).rows)  # the workers have the keys
    arguments = ["batch", str(path)]
    for name in ("workers", "max_cost", "max_overrun", "verdicts", "land", "parts"):
        if (value := getattr(options, name)) is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value.absolute() if name == "verdicts" else value)]
    arguments += [f"--{name}" for name in ("again", "repair") if getattr(options, name)]
    count = 1
    for count, finished, message in dask_cluster.run_shards(options.on, arguments, options.shards, rows):
        print_message(f"{finished} of {count} shards{message and '; '}{message}")
    options.merge = [
        results_file
        for number in range(1, count + 1)
        if (results_file := path.with_name(f"{worklist_stem(path)}.{number}of{count}.tracklay.results.json")).exists()
    ]
    options.again, options.max_cost, options.farm = False, None, True


def _farm_settings(path: Path, shard: tuple[int, int] | None) -> settings.Settings:
    """Return settings whose home is beside the list, one for each shard, with a copy of the user's own models in it."""
    name = "whole" if shard is None else f"{shard[0]}of{shard[1]}"
    home = ensure_folder(path.with_name(f"{path.stem}.tracklay.farm") / name)
    user_models = tracklay_home() / "models"
    if user_models.is_dir():
        shutil.copytree(user_models, home / "models", dirs_exist_ok=True)
    return replace(settings.current(), home=home, is_home_shared=True)


def _shard_cap(cap: str | None, shard_rows: int, total_rows: int) -> str | None:
    """Return a shard's part of the list's cap, in proportion to its rows. Shards have separate ledgers and cannot share one cap."""
    if cap is None or shard_rows == total_rows:
        return cap
    return str((Decimal(cap) * shard_rows / total_rows).quantize(CAP_STEP, ROUND_DOWN))


def _load_prior_results(options: argparse.Namespace, worklist: WorkList, results_path: Path) -> results.PriorResults:
    """Load the results of earlier runs. Later files win, so the whole list's come before a shard's."""
    files = [results_path] if results_path.exists() else []
    if options.merge is not None:
        files += options.merge or results.shard_results(worklist)
        if not files:
            raise InvalidInput(
                "batch.no_shard_results", "No results of shards beside {path}. Name the files.", path=worklist.path
            )
    elif options.shard and (whole := results.results_path(worklist)).exists():
        files.insert(0, whole)
    return results.PriorResults(files)


def _print_dry_run(
    worklist: WorkList, rows: Sequence[WorkListRow], batch_options: BatchOptions, options: argparse.Namespace
) -> int:
    estimate = estimate_batch(worklist, rows, batch_options)
    if options.json:
        print_json(estimate.to_dict())
    else:
        print_estimate(estimate)
    return EXIT_FAILED if estimate.errors else EXIT_DONE


async def _run_until_terminated(executor: BatchExecutor) -> None:
    """Run until the list is finished, or until a farm manager sends SIGTERM. That counts as an interruption: all can be resumed."""
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
    settings.override(process_count=batch_options.concurrent_shards)
    with results.ResultSpool() as spool:
        try:
            with BatchProgress(sum(row.takes for row in rows)) as progress, asyncio.Runner() as loop:
                loop.run(_run_until_terminated(BatchExecutor(worklist, rows, batch_options, spool, progress)))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            # Whatever ended the run, what is finished is kept in the results.
            results.write_results(worklist, rows, spool, batch_options.prior_results, results_path)
            settings.override(process_count=None)
    written = results.read_results(results_path)
    succeeded = all(row["state"] in ("laid", "ready") and not row["error"] for row in written["rows"])
    paths = {"results": results_path}
    if batch_options.shard is None and not options.no_report:
        try:
            paths["report"] = write_list_report(worklist, results_path)
        except TracklayError as error:
            succeeded = False
            print_message(f"cannot write the report: {options.describe(error)}")
    if options.json:
        # Copied, not parsed and printed: results of thousands of rows are large.
        with results_path.open(encoding="utf-8") as file:
            shutil.copyfileobj(file, sys.stdout)
    else:
        print_results(written, paths)
    return EXIT_DONE if succeeded else EXIT_FAILED


def report_path(worklist: WorkList) -> Path:
    """Return the folder of a list's report."""
    return worklist.path.with_name(f"{worklist.stem}.tracklay.report")


def write_list_report(worklist: WorkList, results_path: Path) -> Path:
    """Write the report of a list's results, and return its path.

    Raises:
        TracklayError: it cannot be written.
    """
    return report.write_report(report.read_report_input(results_path), report_path(worklist), title=worklist.stem)


def print_estimate(estimate: BatchEstimate) -> None:
    """Print the cost and the duration of a work list, by model and in total."""
    console = PlainConsole()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("model", "rows", "takes", "picture", "cost", "time"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for part in estimate.models.values():
        cost = UNKNOWN if part.cost is None else _format_cost(part.cost, part.currency)
        picture = f"{float(part.picture_seconds):.1f} s"
        if part.requests > part.takes:
            picture += f" in {part.requests} parts"
        table.add_row(part.model, str(part.rows), str(part.takes), picture, cost, _format_time(part.total_seconds))
    if estimate.models:
        console.print(table)
    costs = [_format_cost(total, currency) for currency, total in estimate.cost_by_currency.items()]
    unpriced = f"; price of {', '.join(estimate.unpriced_models)}: {UNKNOWN}" if estimate.unpriced_models else ""
    console.print(Text(f"{estimate.rows} rows, {estimate.rows_done} of them finished"), soft_wrap=True)
    console.print(Text(f"cost  {' and '.join(costs) or 'nothing'}{unpriced}"), soft_wrap=True)
    console.print(Text(f"time  {_format_time(estimate.total_seconds)}"), soft_wrap=True)
    _print_errors(console, [f"{row}: {error}" for row, error in estimate.errors])


def _format_cost(total: Decimal, currency: str) -> str:
    return "nothing" if total == 0 else f"about {total.normalize():f} {currency}"


def _format_time(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"about {format_duration(seconds)}"


def _print_errors(console: PlainConsole, errors: Sequence[str]) -> None:
    for error in errors[:MAX_ERRORS_SHOWN]:
        console.print(Text(error, "red"), soft_wrap=True)
    if len(errors) > MAX_ERRORS_SHOWN:
        console.print(Text(f"and {len(errors) - MAX_ERRORS_SHOWN} more", "red"))


def print_results(results: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
    """Print a list's takes by state, its errors, and the paths of the results and the report."""
    console = PlainConsole()
    states = Counter(row["state"] for row in results["rows"])
    rows = len({row["id"] for row in results["rows"]})
    counts = Text(f"{rows} rows: ")
    for number, (state, count) in enumerate(states.items()):
        counts.append(f"{', ' if number else ''}{count} {state}", STATE_STYLES.get(state, ""))
    console.print(counts)
    _print_errors(console, [f"{row['id']}: {row['error']}" for row in results["rows"] if row["error"]])
    for label, path in paths.items():
        console.print(Text(f"{label:<9}{path}"), soft_wrap=True)
