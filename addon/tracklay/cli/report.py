"""`tracklay report`: a report, a cue sheet and, if wished, a reel of what a batch or a `lay` made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..report.page import write_report
from ..report.rows import read_report_input
from ..report.verdicts import read_verdicts

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

RESULT_SUFFIXES = (".json", ".results", ".tracklay")
"""What the names of results and manifests end in, last first: the rest is what the report is called."""


def run_report(options: argparse.Namespace) -> list[Path]:
    """Make all that was asked for; where page and reel lie (the cue sheet is beside them).

    Raises:
        TracklayError: as `write` and `reel.write`.
    """
    results = read_report_input(options.results)
    verdicts = read_verdicts(options.verdicts) if options.verdicts else ()
    to: Path = options.to or options.results.absolute().parent / "report"
    title = options.results.name
    for suffix in RESULT_SUFFIXES:
        title = title.removesuffix(suffix)
    page = write_report(results, to, title=title, verdicts=verdicts, on_progress=_print_progress)
    made = [page]
    if options.reel:
        from ..report.reel import write_reel  # noqa: PLC0415 - moviepy is slow to import

        made.append(write_reel(results, to / "reel.mp4", verdicts=verdicts, on_progress=_print_progress))
    return made


def _print_progress(done: int, total: int) -> None:
    """How far it is, on a terminal that somebody looks at."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done:,} of {total:,} rows" + ("\n" if done == total else ""))
        sys.stderr.flush()
