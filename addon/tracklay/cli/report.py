"""Runs `tracklay report`: writes the page, the cue sheet and the reel of what `batch` or `lay` made."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..report.page import write_report
from ..report.rows import read_report_input
from ..report.verdicts import read_verdicts
from ..untrusted_data import printable_text
from .exit_status import EXIT_DONE

RESULT_SUFFIXES = (".json", ".results", ".tracklay")
"""Suffixes of results and manifests, from the last to the first. The rest of the name is the report's title."""


def run_report(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    results = read_report_input(options.results)
    verdicts = read_verdicts(options.verdicts) if options.verdicts else ()
    path: Path = options.results.absolute()
    to: Path = options.to or (path if path.is_dir() else path.parent) / "report"
    title = path.name
    for suffix in RESULT_SUFFIXES:
        title = title.removesuffix(suffix)
    paths = [write_report(results, to, title=title, verdicts=verdicts, on_progress=_print_progress)]
    if options.reel:
        from ..report.reel import write_reel  # noqa: PLC0415 - moviepy takes a second to import

        paths.append(write_reel(results, to / "reel.mp4", verdicts=verdicts, on_progress=_print_progress))
    for path in paths:
        print(printable_text(str(path)))  # noqa: T201 - a command prints
    return EXIT_DONE


def _print_progress(done: int, total: int) -> None:
    """Print the progress on a terminal; a log file would fill up with it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done:,} of {total:,} rows" + ("\n" if done == total else ""))
        sys.stderr.flush()
