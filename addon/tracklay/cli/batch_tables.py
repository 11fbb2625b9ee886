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

from ..jobs import Step
from .tables import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from pathlib import Path
    from types import TracebackType

    from ..batch.estimate import Forecast

LINE_SECONDS = 15.0
"""How often a line is written where nobody looks at a terminal: into the log of a farm."""

FAILURES_SHOWN = 10

STYLES = {"laid": "green", "ready": "green", "failed": "red", "unclear": "yellow", "cancelled": "dim", "waiting": "dim"}


class Progress:
    """How far a run is, on stderr: a bar and counts on a terminal, else a line now and then.

    Args:
        takes: how many are wanted, those that were made before too.
    """

    def __init__(self, takes: int) -> None:
        self.states: Counter[str] = Counter()
        self.costs: Counter[str] = Counter()
        self._takes, self._began, self._said = max(1, takes), time.monotonic(), time.monotonic()
        self._stages: dict[int, str] = {}
        self._made = 0
        self._live = Live(
            get_renderable=self._shown, console=Console(stderr=True), transient=True, refresh_per_second=4
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

    def __call__(self, news: Step | Mapping[str, Any]) -> None:
        """Note a step, or an entry that is final."""
        if isinstance(news, Step):
            if news.job is not None:
                self._stages[news.job] = news.stage
                if news.stage in ("ready", "failed"):
                    del self._stages[news.job]
        else:
            self.states[news["state"]] += 1
            self._made += news["seconds"] is not None
        if not self._live.console.is_terminal and time.monotonic() - self._said > LINE_SECONDS:
            self._said = time.monotonic()
            print(f"tracklay: {self._words()}", file=sys.stderr, flush=True)  # noqa: T201 - it is a command

    @property
    def _over(self) -> int:
        return sum(self.states.values())

    def _words(self) -> str:
        under_way = Counter(STAGES[stage] for stage in self._stages.values())
        counts = [f"{count} {words}" for words, count in (*under_way.items(), *self.states.items())]
        return f"{self._over} of {self._takes} takes: {', '.join(counts) or 'nothing yet'}"

    def _shown(self) -> Table:
        spent = time.monotonic() - self._began
        table = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=self._takes, completed=min(self._over, self._takes), width=32)
        left = ""
        if self._made:
            left = f", about {_clock(spent / self._made * max(0, self._takes - self._over))} left"
        table.add_row(bar, Text(f"{_clock(spent)}{left}", "dim"))
        grid = Table.grid()
        grid.add_row(table)
        grid.add_row(Text(self._words()))
        return grid


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def show_forecast(told: Forecast) -> None:
    """What a list would come to."""
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("model", "rows", "takes", "picture", "cost", "time"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for part in told.parts.values():
        cost = "not known" if part.cost is None else _money(part.cost, part.currency)
        each = "not known" if part.time is None else f"about {_clock(part.time)}"
        table.add_row(part.model, str(part.rows), str(part.takes), f"{float(part.seconds):.1f} s", cost, each)
    if told.parts:
        console.print(table)
    costs = " and ".join(_money(total, currency) for currency, total in told.costs.items()) or "nothing"
    unknown = f", and what {', '.join(told.unpriced)} costs, which is not known" if told.unpriced else ""
    spent = "not known" if told.time is None else f"about {_clock(told.time)}"
    console.print(Text(f"{told.rows} rows, of which {told.made} are made already"), soft_wrap=True)
    console.print(Text(f"cost  {costs}{unknown}"), soft_wrap=True)
    console.print(Text(f"time  {spent}"), soft_wrap=True)
    _show_troubles(console, [f"{row}: {error}" for row, error in told.troubles])


def _money(total: Decimal, currency: str) -> str:
    return "nothing" if total == 0 else f"about {total.normalize():f} {currency}"


def _show_troubles(console: Console, told: list[str]) -> None:
    for sentence in told[:FAILURES_SHOWN]:
        console.print(Text(sentence, "red"), soft_wrap=True)
    if len(told) > FAILURES_SHOWN:
        console.print(Text(f"and {len(told) - FAILURES_SHOWN} more", "red"))


def show_results(held: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
    """What came of a list: takes by state, what failed, and where the rest is told."""
    console = Console()
    states = Counter(row["state"] for row in held["rows"])
    rows = len({row["id"] for row in held["rows"]})
    counts = Text(f"{rows} rows: ")
    for number, (state, count) in enumerate(states.items()):
        counts.append(f"{', ' if number else ''}{count} {state}", STYLES.get(state, ""))
    console.print(counts)
    _show_troubles(console, [f"{row['id']}: {row['error']}" for row in held["rows"] if row["error"]])
    for what, path in paths.items():
        console.print(Text(f"{what:<9}{path}"), soft_wrap=True)
