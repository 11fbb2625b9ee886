"""Runs `tracklay redo`: generates a part or a stretch of a take again, and lays the new take in place of the old one, which stays."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from ...batch.remake import find_row, redo_row_spec, run_in_row
from ...cue import Failure, Take
from ...errors import InvalidInput
from ...jobs.costs import check_budget
from ...jobs.delivery import BatchDelivery, FileDelivery
from ...jobs.job_spec import create_job_spec
from ...jobs.parted.made_takes import find_made_take
from ...jobs.runner import BlockingRunner
from ...timelines import open_timeline
from ...timelines.delivery import check_delivery
from ...timelines.redo import redo_cue
from ...version import VERSION
from ..batch import print_results, report_path, write_list_report
from ..exit_status import EXIT_DONE, EXIT_FAILED
from ..messages import print_json, print_messages
from ..mix import lay_and_mix, show_mix
from ..progress import BatchProgress, TakeProgressTable
from ..tables import show_result

if TYPE_CHECKING:
    from ...batch.worklist import WorkList, WorkListRow
    from ...cue import Cue
    from ...jobs import JobSpec
    from ...jobs.parted.made_takes import MadeTake
    from ...timelines.base import Timeline


def run_redo(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    if (options.part is None) == (options.in_point is None and options.out_point is None):
        raise InvalidInput("usage.redo_what", "Name what to redo: either --part N, or --in TIME and --out TIME.")
    made = find_made_take(options.take)
    delivery = made.spec.delivery
    cue = redo_cue(
        made,
        part=options.part,
        in_point=options.in_point,
        out_point=options.out_point,
        prompt=options.prompt,
        seed=options.seed,
    )
    if isinstance(delivery, BatchDelivery):
        worklist, row = find_row(made, delivery)
        spec = redo_row_spec(made, delivery, worklist, row, cue)
        check_budget([spec], options.max_cost)
        return generate_in_row(worklist, row, spec, options)
    file_delivery = require_file_delivery(made)
    timeline = open_timeline(file_delivery.picture, file_delivery.style)
    return generate_beside(made, cue, timeline, options, max_cost=options.max_cost)


def generate_in_row(worklist: WorkList, row: WorkListRow, spec: JobSpec, options: argparse.Namespace) -> int:
    """Generate a take of a work list's row, lay its picture, print the row's results, and return the exit status."""
    with BatchProgress(1) as progress:
        path, entries = run_in_row(worklist, row, spec, progress, options.describe)
    paths = {"results": path}
    if report_path(worklist).exists():
        paths["report"] = write_list_report(worklist, path)
    content = {"tracklay": VERSION, "rows": entries}
    if options.json:
        print_json(content)
    else:
        print_results(content, paths)
    succeeded = all(entry["state"] in ("laid", "ready") and not entry["error"] for entry in entries)
    return EXIT_DONE if succeeded else EXIT_FAILED


def require_file_delivery(made: MadeTake) -> FileDelivery:
    """Return where a take was laid by this command.

    Raises:
        InvalidInput: it was laid by Blender.
    """
    if isinstance(made.spec.delivery, FileDelivery):
        return made.spec.delivery
    raise InvalidInput(
        "redo.made_elsewhere",
        "The take was made in Blender: {take}. Open its file there, and use Redo Part or Refit Music in the cue's box.",
        take=made.take.file.name,
    )


def generate_beside(
    made: MadeTake, cue: Cue, timeline: Timeline, options: argparse.Namespace, max_cost: str | None = None
) -> int:
    """Generate a cue in the place of a take, lay both, the new one first, print the result, and return the exit status.

    Args:
        made: the earlier take, which stays.
        cue: the cue to generate.
        timeline: the picture of both.
        options: the command's options.
        max_cost: budget cap as decimal text.
    """
    delivery = require_file_delivery(made)
    spec = replace(
        create_job_spec(cue, made.spec.folder, made.spec.stem),
        delivery=replace(delivery, take_indices=()),
        sample_rate=made.spec.sample_rate,
    )
    check_budget([spec], max_cost)
    to = made.spec.folder
    check_delivery(timeline, to)
    with TakeProgressTable([spec]) as progress, BlockingRunner(progress.update) as runner:
        runner.set_caps([spec], run_cap=max_cost)
        results = runner.run_jobs([spec])
        progress.set_laying()
        takes = [result for result in results if isinstance(result, Take)]
        failed = [result for result in results if isinstance(result, Failure)]
        laid, mixed, mix_notes = lay_and_mix(
            runner,
            timeline,
            _takes_to_lay(takes, runner.laid_takes_of_run(made.job), made),
            failed,
            to,
            delivery,
            options.describe,
        )
    if mixed:
        laid.manifest["mix"] = mixed.summary()
    if options.json:
        print_json(laid.manifest)
    else:
        show_result(laid.manifest, to, timeline.manifest_path(to))
        if mixed:
            show_mix(mixed)
    print_messages([*mix_notes, *laid.notes, *(failure["error"] for failure in laid.manifest["failed"])])
    is_unmixed = bool(delivery.mix) and mixed is None
    return EXIT_FAILED if laid.manifest["failed"] or is_unmixed else EXIT_DONE


def _takes_to_lay(new: list[Take], earlier: list[Take], made: MadeTake) -> list[Take]:
    """Return the new take first, so that it is heard, then those that were laid with the old one. No score reorders them."""
    takes = [*new, *(earlier or [made.take])]
    return [replace(take, cue=replace(take.cue, best=False)) for take in takes]
