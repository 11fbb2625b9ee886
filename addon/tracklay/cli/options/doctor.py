"""Options of `tracklay doctor`."""

from __future__ import annotations

from typing import Any

from ..parser import Commands, add_command


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    add_command(commands, "doctor", "doctor:run_doctor", help="check programs, folders, API keys and providers")
