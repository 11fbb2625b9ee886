"""Runs `tracklay refit`: fits the music of a take to its picture as it is now, and lays the new take in place of the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...batch.remake import find_row, refit_row_spec
from ...errors import InvalidInput
from ...jobs.delivery import BatchDelivery
from ...timelines import open_timeline
from ...timelines.redo import find_made_take
from ...timelines.refit import refit_cue
from .redo import generate_beside, generate_in_row, require_file_delivery

if TYPE_CHECKING:
    import argparse


def run_refit(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    made = find_made_take(options.take)
    delivery = made.spec.delivery
    if isinstance(delivery, BatchDelivery):
        if any(each is not None for each in (options.in_point, options.out_point, options.hits, options.tail)):
            raise InvalidInput(
                "refit.row_options",
                "{take} belongs to {list}. Change in, out, hits and tail of the row {row!r} there, and leave them out here.",
                take=made.take.file.name,
                list=delivery.worklist.name,
                row=delivery.row,
            )
        worklist, row = find_row(made, delivery)
        return generate_in_row(worklist, row, refit_row_spec(made, worklist, row), options)
    file_delivery = require_file_delivery(made)
    timeline = open_timeline(file_delivery.picture, file_delivery.style)
    cue = refit_cue(
        made, timeline, in_point=options.in_point, out_point=options.out_point, hits=options.hits, tail=options.tail
    )
    return generate_beside(made, cue, timeline, options)
