"""Options of `tracklay jobs` and of its actions."""

from __future__ import annotations

import argparse
from typing import Any

from ..parser import CommandParser, Commands, add_command, add_json_option

ALIASES = {"resubmit": "send", "discard": "forget"}
"""Earlier names of actions, which scripts may still use."""


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    jobs = add_command(commands, "jobs", "jobs:run_list", help="list jobs and their cost, resume or cancel them")
    _add_list_options(jobs, default=False)
    actions = jobs.add_subparsers(metavar="ACTION", title="actions (default: list)", parser_class=CommandParser)
    _add_action(actions, "list", "run_list", "list jobs and their cost")
    _add_action(actions, "resume", "run_resume", "continue unfinished jobs", job_ids="*")
    _add_action(actions, "collect", "run_collect", "download finished results, send nothing", job_ids="*")
    _add_action(actions, "cancel", "run_cancel", "cancel jobs", job_ids="+")
    _add_action(
        actions, "resubmit", "run_resubmit", "resend jobs of unknown status (may be charged twice)", job_ids="+"
    )
    _add_action(actions, "discard", "run_discard", "remove jobs and their output; their cost still counts", job_ids="+")
    _add_action(actions, "repair", "run_repair", "save what can be read of a damaged ledger into a new one")


def _add_action(actions: Commands[Any], name: str, run: str, summary: str, job_ids: str = "") -> None:
    aliases = [ALIASES[name]] if name in ALIASES else []
    action: CommandParser = actions.add_parser(
        name, aliases=aliases, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
    )
    if job_ids:
        help_text = "job ID, as `tracklay jobs` lists them" + (" (default: all)" if job_ids == "*" else "")
        action.add_argument("ids", nargs=job_ids, type=int, metavar="ID", help=help_text)
    # Suppressed defaults: an action's parser would overwrite what `tracklay jobs --json ACTION` has set already.
    _add_list_options(action, default=argparse.SUPPRESS)
    action.add_argument("-v", "--verbose", action="count", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    action.set_defaults(run=f"jobs:{run}", parser=action)


def _add_list_options(parser: argparse.ArgumentParser, default: Any) -> None:
    parser.add_argument("--all", action="store_true", default=default, help="include finished jobs, 1,000 at a time")
    parser.add_argument(
        "--before",
        type=int,
        metavar="ID",
        default=None if default is False else default,
        help="with --all: the jobs before this one",
    )
    parser.add_argument(
        "--costs", action="store_true", default=default, help="only what was spent, by project, model and month"
    )
    parser.add_argument(
        "--since",
        metavar="DAY",
        default=None if default is False else default,
        help="with --costs: from this day or month on (UTC)",
    )
    parser.add_argument(
        "--csv", action="store_true", default=default, help="with --costs: print a line for each job as CSV"
    )
    add_json_option(parser, "jobs", default=default)
