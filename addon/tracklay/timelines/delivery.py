"""The last stage of a job, for the command and for batches: check the folder, note the target, lay the takes, mark them as laid.

Blender lays takes strip by strip and does not use this module: it has no target file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput, TracklayError
from ..jobs.admin import is_interrupted_output
from ..jobs.context import run_blocking
from ..paths import ensure_folder
from ..scoring.ranking import order_takes

if TYPE_CHECKING:
    from ..cue import Failure, Take
    from ..jobs.scheduler import Scheduler
    from .base import LayResult, Timeline


NO_INTERCHANGE_NOTE = "No XML and EDL beside the timeline: {error}"


def check_delivery(timeline: Timeline, folder: Path) -> None:
    """Create the folder if it is missing, and check that laying would overwrite no file of the user's.

    Call it before anything is generated: takes that cannot be laid would be wasted money.

    Raises:
        OutputError: the folder cannot be created or written to.
        InvalidInput: a file that Tracklay did not write has a name that laying would use.
    """
    ensure_folder(folder)
    try:
        timeline.check_folder(folder)
    except InvalidInput:
        # A process that was killed between writing the file and writing the manifest leaves a file that no manifest lists.
        # The ledger knows it by the target noted in `deliver_takes`. A timeline that signs its files does not need the ledger.
        if timeline.self_identifying or not is_interrupted_output(timeline.laid_path(folder)):
            raise


async def deliver_takes(
    scheduler: Scheduler,
    timeline: Timeline,
    takes: Sequence[Take],
    failed: Sequence[Failure],
    folder: Path,
    *,
    drop_original: bool,
    is_last_step: bool = True,
    describe: Callable[[TracklayError], str] = str,
) -> LayResult:
    """Lay takes on a timeline, and mark their jobs as laid if all of them could be laid.

    The order is what makes a crash harmless. The target is on disk in the ledger before the file is written, so that the
    next run may overwrite it. Jobs become `laid` only after the file and its manifest exist: until then the next run, or
    `resume`, lays their takes again without generating them.

    Args:
        scheduler: the open scheduler of the jobs; it also deletes what no job needs once they are laid.
        timeline: the timeline.
        takes: the takes to lay, each cue's first one audible, or its best one if it asks for that. Jobs that are laid already are left
            as they are.
        failed: the cues that have no take, for the manifest.
        folder: the folder of the copy and its manifest.
        drop_original: leave the timeline's own sound out of the copy.
        is_last_step: mark the jobs as laid. A caller that does more with the copy marks them itself, when that is done.
        describe: words the errors of the manifest, as the front end does.

    Raises:
        LedgerError, OutputError: the ledger cannot be written. Errors of laying itself are in the result.
    """
    takes = order_takes(takes)
    # Pictures of one name, as shot.mov and shot.mp4, must see each other's manifest, which decides on the names of their files.
    async with scheduler.keyed_lock(f"lay {folder} {timeline.stem}"):
        await scheduler.record_target(takes, timeline.laid_path(folder))
        result = await run_blocking(timeline.lay, takes, failed, folder, drop_original=drop_original, describe=describe)
        if timeline.style.interchange and takes and not result.failures:
            from .turnover.interchange import write_interchange  # noqa: PLC0415 - OpenTimelineIO may not be installed

            try:
                notes = await asyncio.to_thread(write_interchange, timeline, folder)
            except TracklayError as error:
                notes = [NO_INTERCHANGE_NOTE.format(error=describe(error))]
            result = replace(result, notes=(*result.notes, *notes))
    if is_last_step and not result.failures:
        await scheduler.mark_laid(takes)
    return result
