"""Runs `tracklay redo`: generates a part or a stretch of a take again, and lays the new take in place of the old one, which stays."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from ..cue import Failure, Take
from ..errors import InvalidInput
from ..jobs.cost import check_budget
from ..jobs.delivery import FileDelivery
from ..jobs.job_spec import create_job_spec
from ..jobs.runner import BlockingRunner
from ..timelines import open_timeline
from ..timelines.delivery import check_delivery, deliver_takes
from ..timelines.redo import find_made_take, redo_cue
from .exit_status import EXIT_DONE, EXIT_FAILED
from .messages import print_json, print_messages
from .progress import TakeProgressTable
from .tables import show_result

if TYPE_CHECKING:
    from ..timelines.redo import MadeTake


def run_redo(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    if (options.part is None) == (options.in_point is None and options.out_point is None):
        raise InvalidInput("usage.redo_what", "Name what to redo: either --part N, or --in TIME and --out TIME.")
    made = find_made_take(options.take)
    delivery = made.spec.delivery
    if not isinstance(delivery, FileDelivery):
        raise InvalidInput(
            "redo.made_elsewhere",
            "The take was made by a work list or by Blender: {take}. Redo it there.",
            take=made.take.file.name,
        )
    cue = redo_cue(
        made,
        part=options.part,
        in_point=options.in_point,
        out_point=options.out_point,
        prompt=options.prompt,
        seed=options.seed,
    )
    spec = replace(
        create_job_spec(cue, made.spec.folder, made.spec.stem),
        delivery=FileDelivery(delivery.picture, delivery.drop_original),
        sample_rate=made.spec.sample_rate,
    )
    check_budget([spec], options.max_cost)
    timeline, to = open_timeline(delivery.picture), made.spec.folder
    check_delivery(timeline, to)
    with TakeProgressTable([spec]) as progress, BlockingRunner(progress.update) as runner:
        runner.set_caps([spec], run_cap=options.max_cost)
        results = runner.run_jobs([spec])
        progress.set_laying()
        takes = [result for result in results if isinstance(result, Take)]
        failed = [result for result in results if isinstance(result, Failure)]
        laid = runner.call(
            deliver_takes,
            timeline,
            _takes_to_lay(takes, runner.laid_takes_of_run(made.job), made),
            failed,
            to,
            drop_original=delivery.drop_original,
            describe=options.describe,
        )
    if options.json:
        print_json(laid.manifest)
    else:
        show_result(laid.manifest, to, timeline.manifest_path(to))
    print_messages([*laid.notes, *(failure["error"] for failure in laid.manifest["failed"])])
    return EXIT_FAILED if laid.manifest["failed"] else EXIT_DONE


def _takes_to_lay(new: list[Take], earlier: list[Take], made: MadeTake) -> list[Take]:
    """Return the new take first, so that it is heard, then those that were laid with the old one. No score reorders them."""
    takes = [*new, *(earlier or [made.take])]
    return [replace(take, cue=replace(take.cue, best=False)) for take in takes]
