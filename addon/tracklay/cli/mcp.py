"""Runs `tracklay mcp`: serves assistants over the Model Context Protocol, on standard input and output."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..mcp_server.budget import Budget
from ..resolve.otio_route import COPY_STYLE
from .exit_status import EXIT_DONE

if TYPE_CHECKING:
    import argparse


def run_mcp(options: argparse.Namespace) -> int:
    """Run the command until the assistant's program ends it, and return the exit status."""
    budget = Budget(options.max_cost)
    if find_spec("mcp") is None:
        raise InvalidInput("mcp.not_installed", "The package mcp is not installed. Run pip install 'tracklay[mcp]'.")
    from ..mcp_server.server import create_server  # noqa: PLC0415 - needs the package

    create_server(budget, {"resolve": COPY_STYLE}).run("stdio")
    return EXIT_DONE
