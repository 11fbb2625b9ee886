"""The options of each command. Each module has one function, `add_parser`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...version import VERSION
from ..parser import CommandParser
from . import batch, demo, doctor, jobs, land, lay, mcp, mix, models, redo, refit, report, resolve, turnover, verify

if TYPE_CHECKING:
    import argparse

COMMANDS = (lay, redo, refit, land, mix, turnover, models, jobs, batch, report, verify, resolve, mcp, demo, doctor)
"""In the order in which `tracklay --help` lists them."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = CommandParser(prog="tracklay", description="Generate sound for video and lay it in sync, sample-accurate.")
    parser.add_argument("--version", action="version", version=f"tracklay {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=CommandParser)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
