"""Options of `tracklay resolve` and of its actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parser import CommandParser, Commands, add_command, add_json_option


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    resolve = add_command(
        commands, "resolve", "resolve:run_status", help="sound in DaVinci Resolve: install, open, test"
    )
    actions = resolve.add_subparsers(metavar="ACTION", title="actions", required=True, parser_class=CommandParser)
    for name, summary in (
        ("install", "add Tracklay to Resolve's menu Workspace > Scripts"),
        ("uninstall", "remove it from there"),
    ):
        action = _add_action(actions, name, summary)
        action.add_argument("--all-users", action="store_true", help="for all users of this machine")
    status = _add_action(actions, "status", "show where it is installed, and whether Resolve answers")
    add_json_option(status, "the status")
    window = _add_action(actions, "open", "open the window for the timeline that Resolve shows")
    window.add_argument("--to", type=Path, metavar="FOLDER", help="output folder (default: tracklay/ beside the media)")
    window.add_argument("--no-browser", action="store_true", help="only print the window's address")
    window.add_argument("--bridge", action="store_true", help="talk to Resolve's menu script over stdin and stdout")
    test = _add_action(actions, "selftest", "lay clicks in a new timeline, read them back, delete it")
    add_json_option(test, "the findings")


def _add_action(actions: Commands[Any], name: str, summary: str) -> CommandParser:
    action: CommandParser = actions.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    action.add_argument("-v", "--verbose", action="count", default=0, help="log to stderr")
    action.set_defaults(run=f"resolve:run_{name}", parser=action)
    return action
