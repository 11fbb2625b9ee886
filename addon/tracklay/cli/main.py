"""Entry point of the `tracklay` command: parses, runs one command, turns errors into a line on stderr and an exit status."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from .. import settings
from ..errors import InvalidInput, TracklayError, describe
from ..untrusted_data import clean_text
from .error_hints import hints_for
from .exit_status import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_INTERRUPTED
from .messages import print_message
from .options import build_parser

MAX_NAME_SHOWN = 80
"""Characters of a name that a message quotes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status."""
    describe_error: Callable[[TracklayError], str] = describe
    try:
        _check_names(sys.argv[1:] if arguments is None else arguments)
        options = build_parser().parse_args(arguments)
        hints = hints_for(options.command, options.parser.option_names)
        describe_error = options.describe = partial(describe, hints=hints)
        with settings.active(settings.Settings.from_environment()):
            return _run_command(options)
    except TracklayError as error:
        print_message(describe_error(error))
        return EXIT_BAD_INPUT if isinstance(error, InvalidInput) else EXIT_FAILED
    except KeyboardInterrupt:
        print_message("Interrupted. Run the same command again to continue.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of stdout is gone (`tracklay jobs | head`). Python would fail once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        name = str(error.filename)
        print_message(f"Name too long: {name[:MAX_NAME_SHOWN]}… ({len(name)} characters). Shorten it.")
        return EXIT_BAD_INPUT


def _check_names(arguments: Sequence[str]) -> None:
    """Refuse file names that are not valid Unicode: neither a ledger nor a timeline could store them.

    Raises:
        InvalidInput: there is one among the arguments.
    """
    for argument in arguments:
        if clean_text(argument) != argument:
            raise InvalidInput(
                "path.not_unicode", "Name is not valid Unicode: {name}. Rename the file.", name=clean_text(argument)
            )


def _run_command(options: argparse.Namespace) -> int:
    """Import what the command needs and run it. `--help`, `--version` and usage errors never get here."""
    from .. import log  # noqa: PLC0415 - logging is slow to import
    from ..providers.credentials import redact  # noqa: PLC0415 - its package comes with it

    log.configure(redact, options.verbose)
    module, _, function = options.run.partition(":")
    run: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(f".{module}", __package__), function)
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
