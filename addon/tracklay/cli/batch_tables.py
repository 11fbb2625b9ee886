"""What the command shows of a work list: counts while thousands of rows are on their way, a forecast, and what came of it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..jobs import StageProgress
from .tables import STAGE_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from pathlib import Path
    from types import TracebackType

    from ..batch.estimate import BatchEstimate

LOG_INTERVAL_SECONDS = 15.0
"""How often a line is written where nobody looks at a terminal: into the log of a farm."""

MAX_ERRORS_SHOWN = 10

STATE_STYLES = {
    "laid": "green",
    "ready": "green",
    "failed": "red",
    "unclear": "yellow",
    "cancelled": "dim",
    "waiting": "dim",
}


class BatchProgress:
    """How far a run is, on stderr: a bar and counts on a terminal, else a line now and then.

    Args:
        total: how many are wanted, those that were made before too.
    """

    def __init__(self, total: int) -> None:
        self.states: Counter[str] = Counter()
        self.costs: Counter[str] = Counter()
        self._total, self._started_at, self._last_line_at = max(1, total), time.monotonic(), time.monotonic()
        self._stages: dict[int, str] = {}
        self._produced_count = 0
        self._live = Live(
            get_renderable=self._renderable, console=Console(stderr=True), transient=True, refresh_per_second=4
        )

    def __enter__(self) -> Self:
        """Begin to show it."""
        if self._live.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away again."""
        self._live.stop()

    def __call__(self, event: StageProgress | Mapping[str, Any]) -> None:
        """Note a step, or an entry that is final."""
        if isinstance(event, StageProgress):
            if event.job_id is not None:
                self._stages[event.job_id] = event.stage
                if event.stage in ("ready", "failed"):
                    del self._stages[event.job_id]
        else:
            self.states[event["state"]] += 1
            self._produced_count += event["seconds"] is not None
        if not self._live.console.is_terminal and time.monotonic() - self._last_line_at > LOG_INTERVAL_SECONDS:
            self._last_line_at = time.monotonic()
            print(f"tracklay: {self._status_text()}", file=sys.stderr, flush=True)  # noqa: T201 - it is a command

    @property
    def _finished_count(self) -> int:
        return sum(self.states.values())

    def _status_text(self) -> str:
        under_way = Counter(STAGE_LABELS[stage] for stage in self._stages.values())
        counts = [f"{count} {words}" for words, count in (*under_way.items(), *self.states.items())]
        return f"{self._finished_count} of {self._total} takes: {', '.join(counts) or 'nothing yet'}"

    def _renderable(self) -> Table:
        spent = time.monotonic() - self._started_at
        table = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=self._total, completed=min(self._finished_count, self._total), width=32)
        left = ""
        if self._produced_count:
            left = f", about {_format_duration(spent / self._produced_count * max(0, self._total - self._finished_count))} left"
        table.add_row(bar, Text(f"{_format_duration(spent)}{left}", "dim"))
        grid = Table.grid()
        grid.add_row(table)
        grid.add_row(Text(self._status_text()))
        return grid


def _format_duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def print_estimate(estimate: BatchEstimate) -> None:
    """What a list would come to."""
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("model", "rows", "takes", "picture", "cost", "time"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for part in estimate.models.values():
        cost = "not known" if part.cost is None else _format_cost(part.cost, part.currency)
        each = "not known" if part.total_seconds is None else f"about {_format_duration(part.total_seconds)}"
        table.add_row(part.model, str(part.rows), str(part.takes), f"{float(part.picture_seconds):.1f} s", cost, each)
    if estimate.models:
        console.print(table)
    costs = (
        " and ".join(_format_cost(total, currency) for currency, total in estimate.cost_by_currency.items())
        or "nothing"
    )
    unknown = (
        f", and what {', '.join(estimate.unpriced_models)} costs, which is not known"
        if estimate.unpriced_models
        else ""
    )
    spent = "not known" if estimate.total_seconds is None else f"about {_format_duration(estimate.total_seconds)}"
    console.print(Text(f"{estimate.rows} rows, of which {estimate.rows_done} are made already"), soft_wrap=True)
    console.print(Text(f"cost  {costs}{unknown}"), soft_wrap=True)
    console.print(Text(f"time  {spent}"), soft_wrap=True)
    _print_errors(console, [f"{row}: {error}" for row, error in estimate.errors])


def _format_cost(total: Decimal, currency: str) -> str:
    return "nothing" if total == 0 else f"about {total.normalize():f} {currency}"


def _print_errors(console: Console, errors: list[str]) -> None:
    for sentence in errors[:MAX_ERRORS_SHOWN]:
        console.print(Text(sentence, "red"), soft_wrap=True)
    if len(errors) > MAX_ERRORS_SHOWN:
        console.print(Text(f"and {len(errors) - MAX_ERRORS_SHOWN} more", "red"))


def print_results(results: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
    """What came of a list: takes by state, what failed, and where the rest is told."""
    console = Console()
    states = Counter(row["state"] for row in results["rows"])
    rows = len({row["id"] for row in results["rows"]})
    counts = Text(f"{rows} rows: ")
    for number, (state, count) in enumerate(states.items()):
        counts.append(f"{', ' if number else ''}{count} {state}", STATE_STYLES.get(state, ""))
    console.print(counts)
    _print_errors(console, [f"{row['id']}: {row['error']}" for row in results["rows"] if row["error"]])
    for what, path in paths.items():
        console.print(Text(f"{what:<9}{path}"), soft_wrap=True)
