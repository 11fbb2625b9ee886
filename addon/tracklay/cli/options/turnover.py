"""Options of `tracklay turnover`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parser import Commands, add_command, add_json_option


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    turnover = add_command(
        commands, "turnover", "turnover:run_turnover", help="hand the laid sounds over to a mixing room or an editor"
    )
    turnover.add_argument(
        "source", metavar="SOURCE", type=Path, help="manifest, timeline, .blend, results of a batch, or picture"
    )
    turnover.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="output folder")
    turnover.add_argument(
        "--format",
        dest="formats",
        metavar="NAMES",
        help="some of aaf,rpp,otio,fcpxml,xml,edl,wav (default: aaf,rpp,otio)",
    )
    turnover.add_argument(
        "--for",
        dest="program",
        choices=("resolve", "premiere", "protools", "reaper"),
        help="formats and options that a program reads best",
    )
    turnover.add_argument(
        "--handles", type=float, metavar="SECONDS", help="kept around a part of a longer file (default: 1)"
    )
    turnover.add_argument("--mono", action="store_true", help="one file and one track for each channel")
    turnover.add_argument("--embed", action="store_true", help="put the sound into the AAF")
    turnover.add_argument("--absolute", action="store_true", help="refer to media by absolute paths")
    add_json_option(turnover, "the files, tracks and notes")
