"""Options of `tracklay report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parser import Commands, add_command


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    report = add_command(commands, "report", "report:run_report", help="write a review page, a cue sheet and a reel")
    report.add_argument(
        "results",
        metavar="RESULTS_OR_MANIFEST",
        type=Path,
        help="results of `batch`, *.tracklay.json of `lay`, or a folder of these",
    )
    report.add_argument("--to", type=Path, metavar="FOLDER", help="output folder (default: report/ beside the results)")
    report.add_argument(
        "--verdicts", type=Path, metavar="FILE", help="verdicts of an earlier report; rejected takes are left out"
    )
    report.add_argument("--reel", action="store_true", help="also write reel.mp4: all takes with picture, labelled")
