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
from ..batch.estimate import check_cap, forecast
from ..batch.executor import Carrying, Wanted
from ..batch.worklist import part, read, stem_of
from ..errors import BadInput, TracklayError
from ..jobs.cost import amount
from ..jobs.process_lock import alone
from ..paths import folder, home
from ..providers import share
from . import batch_tables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from ..batch.worklist import Row, WorkList

DONE, FAILED = 0, 1

_SHARD = re.compile(r"(\d+)/(\d+)")


def run(options: argparse.Namespace) -> int:
    """Do it; the exit status.

    Raises:
        TracklayError: the list is refused, or the ledger cannot be used.
    """
    shard = _shard(options)
    if options.workers is not None and options.workers < 1:
        raise BadInput(f"--workers must be 1 or more, not {options.workers}")
    if options.max_cost is not None:
        amount(options.max_cost, "--max-cost")
    path = options.worklist.absolute()
    if options.on is not None:
        _on_a_cluster(path, options)
    if options.farm:
        _move_in(path, shard)
    work = read(path, keys=options.merge is None and not options.dry_run)
    rows = list(work.rows) if shard is None else part(work.rows, *shard)
    to = results.path_of(work, shard)
    wanted = Wanted(
        shard,
        options.workers,
        options.together or (shard[1] if shard else 1),
        _own_cap(options.max_cost, len(rows), len(work.rows)),
        options.again,
        _known(options, work, to),
        results.verdicts(options.verdicts, work) if options.verdicts else {},
        options.merge is not None,
    )
    if options.dry_run:
        return _dry_run(work, rows, wanted, options)
    folder(path.parent)
    with alone(wanted.run(work), wait=options.farm):
        check_cap(work, rows, wanted)
        return _carry(work, rows, wanted, to, options)


def _shard(options: argparse.Namespace) -> tuple[int, int] | None:
    if options.together is not None and options.together < 1:
        raise BadInput(f"--together must be 1 or more, not {options.together}")
    if options.shard is None:
        return None
    match = _SHARD.fullmatch(options.shard)
    shard, shards = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= shard <= shards:
        raise BadInput(f"--shard {options.shard!r} is no part of anything: write 1/8 to 8/8 for eight parts")
    if options.merge is not None:
        raise BadInput("--merge joins all shards: leave --shard out")
    return shard, shards


def _on_a_cluster(path: Path, options: argparse.Namespace) -> None:
    """Have the shards run elsewhere; what is left to do here is to join them."""
    if options.shard is not None or options.merge is not None:
        raise BadInput("--on splits and joins the list by itself: leave --shard and --merge out")
    if options.shards is not None and options.shards < 1:
        raise BadInput(f"--shards must be 1 or more, not {options.shards}")
    if options.dry_run:
        return
    rows = len(read(path, keys=False).rows)  # the workers have them
    arguments = ["batch", str(path)]
    for name in ("workers", "max_cost", "verdicts"):
        if (value := getattr(options, name)) is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value.absolute() if name == "verdicts" else value)]
    arguments += ["--again"] if options.again else []
    count = 1
    for count, ended, told in dask_cluster.over(options.on, arguments, options.shards, rows):
        print(f"tracklay: {ended} of {count} shards{told and '; '}{told}", file=sys.stderr, flush=True)  # noqa: T201
    options.merge = [
        found
        for number in range(1, count + 1)
        if (found := path.with_name(f"{stem_of(path)}.{number}of{count}.tracklay.results.json")).exists()
    ]
    options.again, options.max_cost, options.farm = False, None, True


def _move_in(path: Path, shard: tuple[int, int] | None) -> None:
    """Have the ledger, and all that is kept, beside the list: one place a shard. The person's own models come along."""
    name = "whole" if shard is None else f"{shard[0]}of{shard[1]}"
    place = folder(path.with_name(f"{path.stem}.tracklay.farm") / name)
    own = home() / "models"
    if own.is_dir():
        shutil.copytree(own, place / "models", dirs_exist_ok=True)
    os.environ["TRACKLAY_HOME"] = str(place)


def _own_cap(cap: str | None, rows: int, of: int) -> str | None:
    """A shard's part of what the list may cost: shards have no ledger in common."""
    if cap is None or rows == of:
        return cap
    return str((Decimal(cap) * rows / of).quantize(Decimal("0.000001"), ROUND_DOWN))


def _known(options: argparse.Namespace, work: WorkList, to: Path) -> results.Known:
    """What was made before, by the result lists that say it."""
    files = [to] if to.exists() else []
    if options.merge is not None:
        found = sorted(work.path.parent.glob(f"{glob.escape(work.stem)}.*of*.tracklay.results.json"))
        files += options.merge or found
        if not files:
            raise BadInput(f"there are no results of shards beside {work.path}: name them")
    elif options.shard and (whole := results.path_of(work)).exists():
        files.insert(0, whole)
    return results.Known(files)


def _dry_run(work: WorkList, rows: Sequence[Row], wanted: Wanted, options: argparse.Namespace) -> int:
    told = forecast(work, rows, wanted)
    if options.json:
        print(json.dumps(told.plain(), indent=2, ensure_ascii=False))  # noqa: T201 - it is a command
    else:
        batch_tables.show_forecast(told)
    return FAILED if told.troubles else DONE


async def _until_told(carrying: Carrying) -> None:
    """Carry until it is done, or a farm's manager has it end: as an interruption does, that leaves all to be taken up."""
    task = asyncio.current_task()
    with contextlib.suppress(NotImplementedError):  # Windows has no such signal
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: task and task.cancel())
    await carrying.run()


def _carry(work: WorkList, rows: Sequence[Row], wanted: Wanted, to: Path, options: argparse.Namespace) -> int:
    share(wanted.together)
    with results.Spool() as spool:
        try:
            with batch_tables.Progress(sum(row.takes for row in rows)) as progress, asyncio.Runner() as loop:
                loop.run(_until_told(Carrying(work, rows, wanted, spool, progress)))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            results.write(work, rows, spool, wanted.known, to)
            share(1)
    held = results.read(to)
    good = all(row["state"] in ("laid", "ready") and not row["error"] for row in held["rows"])
    paths = {"results": to}
    if wanted.shard is None and not options.no_report:
        try:
            paths["report"] = report.write(
                report.read(to), to.with_name(f"{work.stem}.tracklay.report"), title=work.stem
            )
        except TracklayError as error:
            good = False
            print(f"tracklay: the report could not be made: {error}", file=sys.stderr)  # noqa: T201
    if options.json:
        with to.open(encoding="utf-8") as file:
            shutil.copyfileobj(file, sys.stdout)
    else:
        batch_tables.show_results(held, paths)
    return DONE if good else FAILED
