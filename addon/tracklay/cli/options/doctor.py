"""Options of `tracklay doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parser import Commands, add_command


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    doctor = add_command(
        commands,
        "doctor",
        "doctor:run_doctor",
        help="check programs, folders, API keys and providers, or the strips of a film",
    )
    doctor.add_argument(
        "film",
        type=Path,
        nargs="?",
        metavar="FILM",
        help="a .blend file: list its strips that Blender plays out of sync",
    )
