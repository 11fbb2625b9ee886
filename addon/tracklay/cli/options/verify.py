"""Options of `tracklay verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parser import Commands, add_command, add_json_option


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    verify = add_command(commands, "verify", "verify:run_verify", help="show what a file is and where it comes from")
    verify.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a take, a film, or any other sound or film"
    )
    add_json_option(verify, "the findings")
