"""Makes a take of a work list's row again: a stretch of it, or its music fitted to the row as it is now.

The new take is another one of its row, so that it is laid, listed and found by later runs as if the list had made it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..jobs import create_job_spec
from ..jobs.delivery import BatchDelivery
from ..jobs.parted.music_again import extend_music
from ..jobs.process_lock import exclusive_lock
from ..timelines.refit import check_fitted, with_music_of
from . import results
from .executor import BatchExecutor, BatchOptions
from .open_picture import OpenPicture
from .worklist_loader import load_worklist

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..cue import Cue, LandMode
    from ..errors import TracklayError
    from ..jobs import JobSpec, StageProgress
    from ..jobs.parted.made_takes import MadeTake
    from .worklist import WorkList, WorkListRow


def find_row(made: MadeTake, delivery: BatchDelivery) -> tuple[WorkList, WorkListRow]:
    """Return the list and the row that a take was made for, as they are now.

    Raises:
        InvalidInput: the list cannot be read, or has no such row any more.
    """
    cue = made.spec.cue
    # Land and parts may have been options of the run. A take that is one request does not say which parts were asked for.
    found = [_load_row(delivery, cue.land, parts) for parts in dict.fromkeys((cue.parts, "auto"))]
    return next((each for each in found if each[1].digest == delivery.digest), found[-1])


def _load_row(delivery: BatchDelivery, land: LandMode, parts: str) -> tuple[WorkList, WorkListRow]:
    worklist = load_worklist(delivery.worklist, check_keys=False, land=land, parts=parts)
    for row in worklist.rows:
        if row.id == delivery.row:
            return worklist, row
    raise InvalidInput(
        "remake.row_removed",
        "{list} no longer has the row {row!r} that the take was made for. Add it again.",
        list=delivery.worklist.name,
        row=delivery.row,
    )


def redo_row_spec(made: MadeTake, delivery: BatchDelivery, worklist: WorkList, row: WorkListRow, cue: Cue) -> JobSpec:
    """Return the job that makes a stretch of a row's take again.

    Args:
        made: the take.
        delivery: its delivery.
        worklist: the list as it is now.
        row: its row.
        cue: the cue of the stretch.

    Raises:
        InvalidInput: row or picture have changed since the take was made.
        KeyMissing: the provider needs a key and none is set.
    """
    if row.digest != delivery.digest:
        raise InvalidInput(
            "remake.row_changed",
            "{list}, {row}: the row or its picture has changed since the take was made. Run tracklay batch {list} first.",
            list=worklist.path.name,
            row=row.location,
        )
    # The row says whether the best take is laid.
    spec = create_job_spec(replace(cue, best=row.best), made.spec.folder, made.spec.stem)
    return replace(spec, delivery=delivery, sample_rate=made.spec.sample_rate)


def refit_row_spec(made: MadeTake, worklist: WorkList, row: WorkListRow, *, ask_more: bool = False) -> JobSpec:
    """Return the job that fits the music of a take to its row as it is now: picture, span, hits and tail.

    Args:
        made: the take.
        worklist: the list as it is now.
        row: its row.
        ask_more: ask for more music where there is too little (`extend_music`).

    Raises:
        InvalidInput: the take is no music that was fitted, or the row asks for other music now.
    """
    check_fitted(made)
    if row.model != made.spec.model.id or row.fit == "off":
        raise InvalidInput(
            "remake.other_music",
            "{list}, {row}: the row no longer asks for music of {model} that is fitted.",
            list=worklist.path.name,
            row=row.location,
            model=made.spec.model.id,
        )
    picture = OpenPicture(row.picture)
    cue = with_music_of(made, picture.cue(row))
    cue = extend_music(made, cue) if ask_more else cue
    spec = create_job_spec(cue, row.folder, picture.stem, check_key=ask_more)
    return replace(spec, delivery=BatchDelivery(row.id, row.digest, worklist.path), sample_rate=made.spec.sample_rate)


def run_in_row(
    worklist: WorkList,
    row: WorkListRow,
    spec: JobSpec,
    on_event: Callable[[StageProgress | Mapping[str, Any]], None],
    describe: Callable[[TracklayError], str],
) -> tuple[Path, list[dict[str, Any]]]:
    """Run a job for a row, lay the row's picture, and update the results; return their path and the row's entries.

    Raises:
        InvalidInput: another process runs the list.
        LedgerError, OutputError: the ledger or the results cannot be written.
    """
    rows = [each for each in worklist.rows if each.lay_group == row.lay_group]
    path = results.results_path(worklist)
    options = BatchOptions(
        prior_results=results.PriorResults(results.existing_results(worklist)),
        lay_only=True,
        extra_jobs={row.id: [spec]},
        describe=describe,
    )
    with exclusive_lock(options.run_id(worklist), wait=False), results.ResultSpool() as spool:
        try:
            with asyncio.Runner() as loop:
                loop.run(BatchExecutor(worklist, rows, options, spool, on_event).run())
        finally:
            finished = [each for each in rows if spool.entries(each.id)]
            if finished:
                path = results.update_results(worklist, finished, spool)
        entries = [entry for entry in results.read_results(path)["rows"] if entry["id"] == row.id]
    return path, entries
