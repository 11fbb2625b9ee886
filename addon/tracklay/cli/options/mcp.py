"""Options of `tracklay mcp`."""

from __future__ import annotations

from typing import Any

from ..parser import Commands, add_command


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    mcp = add_command(commands, "mcp", "mcp:run_mcp", help="serve assistants over MCP, on stdin and stdout")
    mcp.add_argument(
        "--max-cost", metavar="AMOUNT", help="what assistants may spend in this session (default: nothing)"
    )
