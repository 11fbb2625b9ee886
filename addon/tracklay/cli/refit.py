"""Runs `tracklay refit`: fits the music of a take to its picture as it is now, and lays the new take in place of the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..timelines import open_timeline
from ..timelines.redo import find_made_take
from ..timelines.refit import refit_cue
from .redo import generate_beside, require_file_delivery

if TYPE_CHECKING:
    import argparse


def run_refit(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    made = find_made_take(options.take)
    delivery = require_file_delivery(made)
    timeline = open_timeline(delivery.picture)
    cue = refit_cue(
        made, timeline, in_point=options.in_point, out_point=options.out_point, hits=options.hits, tail=options.tail
    )
    return generate_beside(made, cue, timeline, options)
