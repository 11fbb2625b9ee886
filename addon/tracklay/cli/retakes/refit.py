"""Runs `tracklay refit`: fits the music of a take to its picture as it is now, and lays the new take in place of the old one."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ...batch.remake import find_row, refit_row_spec
from ...errors import InvalidInput
from ...jobs.costs import check_budget, estimate_cost
from ...jobs.delivery import BatchDelivery
from ...jobs.job_spec import create_job_spec
from ...jobs.parted.made_takes import find_made_take
from ...jobs.parted.music_again import extend_music, is_music_short, music_seconds
from ...timelines import open_timeline
from ...timelines.refit import refit_cue
from ..messages import print_message
from .redo import generate_beside, generate_in_row, require_file_delivery

if TYPE_CHECKING:
    import argparse

    from ...cue import Cue
    from ...jobs.parted.made_takes import MadeTake


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
        spec = refit_row_spec(made, worklist, row, ask_more=options.ask_more)
        _show_what_is_asked(made, spec.cue, options)
        check_budget([spec], options.max_cost)
        return generate_in_row(worklist, row, spec, options)
    file_delivery = require_file_delivery(made)
    timeline = open_timeline(file_delivery.picture, file_delivery.style)
    cue = refit_cue(
        made, timeline, in_point=options.in_point, out_point=options.out_point, hits=options.hits, tail=options.tail
    )
    cue = extend_music(made, cue) if options.ask_more else cue
    _show_what_is_asked(made, cue, options)
    return generate_beside(made, cue, timeline, options, max_cost=options.max_cost)


def _show_what_is_asked(made: MadeTake, cue: Cue, options: argparse.Namespace) -> None:
    """Print whether more music is asked for, with its price; or how it can be."""
    if not cue.generates and not is_music_short(made, cue):
        if options.ask_more:
            print_message("The music is long enough: nothing is asked for.")
        return
    have, need = float(music_seconds(made) or 0), float(cue.sound_span.seconds)
    if not cue.generates:
        print_message(
            f"The music of {have:.1f} s is shorter than the span of {need:.1f} s."
            f" `tracklay refit {shlex.quote(str(options.take))} --ask-more` asks {cue.model} for more."
        )
        return
    spec = create_job_spec(cue, made.spec.folder, made.spec.stem)
    added, price = float(sum(spec.request_seconds)), estimate_cost(spec)
    cost = "at an unknown price" if price is None else f"for {price:f} {spec.model.price.currency}"
    print_message(
        f"The music of {have:.1f} s is too short for {need:.1f} s: {cue.model} is asked for {added:.1f} s {cost}."
    )
