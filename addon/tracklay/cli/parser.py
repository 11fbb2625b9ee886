"""Parser pieces that all commands share.

Option modules (`cli/options/`) import nothing but this, so that `--help` and usage errors need none of the heavy packages. A
parser names the function that runs its command as text; `main` imports it after parsing.
"""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from ..errors import InvalidInput

PARTS_HELP = "auto, whole or seconds (default: auto)"
"""Values of `--parts`, for its help text."""

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what `add_subparsers` returns


class CommandParser(argparse.ArgumentParser):
    """An argument parser that reports wrong usage as one line, like all other errors."""

    def error(self, message: str) -> NoReturn:
        """Raise the error instead of printing the usage and exiting."""
        problem = message[:1].upper() + message[1:]
        raise InvalidInput("usage.invalid", "{problem}. See `{program} --help`.", problem=problem, program=self.prog)

    @property
    def option_names(self) -> frozenset[str]:
        """The options that the command understands, as they are written."""
        return frozenset(self._option_string_actions)


def add_command(commands: Commands[Any], name: str, run: str, **parser_options: Any) -> CommandParser:
    """Add the parser of a command, with the options that every command has.

    Args:
        commands: the parsers of all commands, as `add_subparsers` returns them.
        name: the command's name.
        run: the function that runs it, `module:function` in the package `cli`; it takes the options and returns the exit status.
        parser_options: passed on to the parser, `help` above all.
    """
    parser: CommandParser = commands.add_parser(name, **parser_options)
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="log to stderr; twice: with details for debugging"
    )
    parser.set_defaults(command=name, run=run, parser=parser)
    return parser


def add_max_overrun_option(parser: argparse.ArgumentParser) -> None:
    """Add `--max-overrun`."""
    parser.add_argument(
        "--max-overrun", metavar="FACTOR", help="stop when bills exceed their estimates this often (default: 2)"
    )


def add_json_option(parser: argparse.ArgumentParser, content: str, **argument_options: Any) -> None:
    """Add `--json`, which leaves stdout to the result alone."""
    parser.add_argument("--json", action="store_true", help=f"print {content} as JSON on stdout", **argument_options)
