"""Options of `tracklay demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parser import Commands, add_command


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    demo = add_command(commands, "demo", "demo:run_demo", help="make a short clip with foley and music")
    demo.add_argument(
        "--to",
        type=Path,
        default=Path("tracklay-demo"),
        metavar="FOLDER",
        help="output folder (default: tracklay-demo/)",
    )
