"""Options of `tracklay land`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parser import Commands, add_command, add_json_option


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    land = add_command(
        commands, "land", "retakes.land:run_land", help="land a take again, after the picture was re-cut"
    )
    land.add_argument(
        "take", metavar="TAKE", type=Path, help="WAV of a take; its untouched form is used if it is beside it"
    )
    land.add_argument("picture", metavar="PICTURE", type=Path, help="the picture as it is now, as for `tracklay lay`")
    land.add_argument(
        "--in",
        dest="in_point",
        metavar="TIME",
        help="frame of the picture at which the take begins (default: the first)",
    )
    land.add_argument("--prompt", metavar="TEXT", help="sounds of the take (default: as in its manifest)")
    add_json_option(land, "the landing")
