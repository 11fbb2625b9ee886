"""Tables of `tracklay batch`: the estimate of a dry run, and the result of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from .console import PlainConsole
from .progress import format_duration

if TYPE_CHECKING:
    from ..batch.estimate import BatchEstimate

MAX_ERRORS_SHOWN = 10

STATE_STYLES = {
    "laid": "green",
    "ready": "green",
    "failed": "red",
    "unclear": "yellow",
    "cancelled": "dim",
    "waiting": "dim",
}

UNKNOWN = "not known"
"""Shown for a price or a duration that neither the catalogue nor the ledger knows."""


def print_estimate(estimate: BatchEstimate) -> None:
    """Print the cost and the duration of a work list, by model and in total."""
    console = PlainConsole()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("model", "rows", "takes", "picture", "cost", "time"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for part in estimate.models.values():
        cost = UNKNOWN if part.cost is None else _format_cost(part.cost, part.currency)
        picture = f"{float(part.picture_seconds):.1f} s"
        if part.requests > part.takes:
            picture += f" in {part.requests} parts"
        table.add_row(part.model, str(part.rows), str(part.takes), picture, cost, _format_time(part.total_seconds))
    if estimate.models:
        console.print(table)
    costs = [_format_cost(total, currency) for currency, total in estimate.cost_by_currency.items()]
    unpriced = f"; price of {', '.join(estimate.unpriced_models)}: {UNKNOWN}" if estimate.unpriced_models else ""
    console.print(Text(f"{estimate.rows} rows, {estimate.rows_done} of them finished"), soft_wrap=True)
    console.print(Text(f"cost  {' and '.join(costs) or 'nothing'}{unpriced}"), soft_wrap=True)
    console.print(Text(f"time  {_format_time(estimate.total_seconds)}"), soft_wrap=True)
    _print_errors(console, [f"{row}: {error}" for row, error in estimate.errors])


def _format_cost(total: Decimal, currency: str) -> str:
    return "nothing" if total == 0 else f"about {total.normalize():f} {currency}"


def _format_time(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"about {format_duration(seconds)}"


def _print_errors(console: PlainConsole, errors: Sequence[str]) -> None:
    for error in errors[:MAX_ERRORS_SHOWN]:
        console.print(Text(error, "red"), soft_wrap=True)
    if len(errors) > MAX_ERRORS_SHOWN:
        console.print(Text(f"and {len(errors) - MAX_ERRORS_SHOWN} more", "red"))


def print_results(results: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
    """Print a list's takes by state, its errors, and the paths of the results and the report."""
    console = PlainConsole()
    states = Counter(row["state"] for row in results["rows"])
    rows = len({row["id"] for row in results["rows"]})
    counts = Text(f"{rows} rows: ")
    for number, (state, count) in enumerate(states.items()):
        counts.append(f"{', ' if number else ''}{count} {state}", STATE_STYLES.get(state, ""))
    console.print(counts)
    _print_errors(console, [f"{row['id']}: {row['error']}" for row in results["rows"] if row["error"]])
    for label, path in paths.items():
        console.print(Text(f"{label:<9}{path}"), soft_wrap=True)
