"""Runs `tracklay land`: lands a take again, on a picture that was re-cut."""

from __future__ import annotations

import argparse

from ...timelines.landing_again import land_again
from ..exit_status import EXIT_DONE
from ..messages import print_json, print_message
from ..tables import show_written_file


def run_land(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    landed = land_again(options.take, options.picture, options.in_point, options.prompt)
    if options.json:
        print_json({"file": None if landed.file is None else str(landed.file), "landing": landed.landing})
    elif landed.file is None:
        print_message("Nothing moves: every sound is on its contact already, or belongs to none.")
    else:
        show_written_file(landed.file)
    return EXIT_DONE
