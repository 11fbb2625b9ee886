"""Sums of what was spent, and what each job was expected to cost and was billed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInput
from ...untrusted_data import read_amount

if TYPE_CHECKING:
    from ..ledger import Ledger

COST_GROUPS = ("provider", "project", "model", "month", "day")
"""Columns of `cost_rows` by which costs can be summed."""

MONTH_CHARS = len("2026-11")

UNCHARGED_STATES = frozenset({"failed", "cancelled"})
"""States in which an estimate no longer counts, only a cost that the provider reported."""


def counted_amount(row: Any) -> tuple[Decimal, bool]:
    """Return the amount that a row counts for, and whether it is confirmed."""
    if row["cost"] is not None:
        return read_amount(row["cost"]) or Decimal(0), bool(row["cost_confirmed"])
    if row["state"] in UNCHARGED_STATES or row["estimate"] is None:
        return Decimal(0), row["state"] in UNCHARGED_STATES
    return read_amount(row["estimate"]) or Decimal(0), False


def cost_rows(ledger: Ledger, *, since: str = "", **filters: str) -> list[dict[str, Any]]:
    """Return what each submitted job was expected to cost and was billed.

    Args:
        ledger: the ledger.
        since: the first day, as `YYYY-MM-DD` (UTC); by default all.
        filters: columns of the ledger and the values that they must have.

    Returns:
        id, submitted_at, day, month, provider, project, model, request, state, currency, estimate, cost, cost_confirmed, compute_seconds.
    """
    condition = "".join(f" AND {name} = ?" for name in filters)
    rows = ledger.select_values(
        "SELECT id, submitted_at, substr(submitted_at, 1, 10) AS day, substr(submitted_at, 1, 7) AS month, provider, project, model, "  # noqa: S608
        "request, state, currency, estimate, cost, cost_confirmed, compute_seconds FROM jobs "
        f"WHERE submitted_at IS NOT NULL AND submitted_at >= ? AND currency IS NOT NULL{condition} ORDER BY id",
        since,
        *filters.values(),
    )
    return [dict(row) for row in rows]


def cost_groups(ledger: Ledger, *, since: str = "", **filters: str) -> list[dict[str, Any]]:
    """Return what submitted jobs were expected to cost and were billed, one row for all jobs of equal columns and amounts.

    Arguments as `cost_rows`; a filter is one of the columns.

    Returns:
        day, month, run, provider, project, model, state, currency, estimate, cost, cost_confirmed, jobs (their number).
    """
    condition = "".join(f" AND {name} = ?" for name in filters)
    rows = ledger.select_values(
        "SELECT run, day, substr(day, 1, 7) AS month, provider, project, model, state, currency, nullif(estimate, '') AS estimate, "  # noqa: S608
        f"nullif(cost, '') AS cost, cost_confirmed, jobs FROM cost_groups WHERE day >= ?{condition}",
        since,
        *filters.values(),
    )
    return [dict(row) for row in rows]


@dataclass(frozen=True, slots=True)
class BilledRange:
    """The charges for takes of a model so far: least and most amount, None if not known, and least and most seconds of computing."""

    currency: str
    amounts: tuple[float, float] | None
    compute_seconds: tuple[float, float]


def billed_range(ledger: Ledger, model: str) -> BilledRange | None:
    """Return what takes of a model were billed so far; None if the provider never reported seconds of computing.

    A model that is billed by computing time has no other estimate.
    """
    rows = ledger.select_values(
        "SELECT currency, min(CAST(cost AS REAL)), max(CAST(cost AS REAL)), min(compute_seconds), max(compute_seconds) FROM jobs "
        "WHERE model = ? AND compute_seconds IS NOT NULL GROUP BY currency ORDER BY count(*) DESC LIMIT 1",
        model,
    )
    if not rows:
        return None
    currency, least, most, *seconds = rows[0]
    return BilledRange(currency, None if least is None else (least, most), (seconds[0], seconds[1]))


def parse_day(text: str) -> str:
    """Return a day that the user entered, as `YYYY-MM-DD`; a month means its first day.

    Raises:
        InvalidInput: it is neither.
    """
    try:
        return date.fromisoformat(f"{text}-01" if len(text) == MONTH_CHARS else text).isoformat()
    except ValueError:
        raise InvalidInput(
            "cost.not_a_day", "Not a day: {value!r}. Write it as 2026-11-30, or a month as 2026-11.", value=text
        ) from None


def _estimate(row: Mapping[str, Any]) -> Decimal:
    return read_amount(row["estimate"]) or Decimal(0)


@dataclass(frozen=True, slots=True)
class CostSummary:
    """The cost of several jobs in one currency.

    `confirmed` is what providers reported, `expected` what the same jobs were estimated at, `estimated` the estimates of the other jobs.
    `unpriced_count` jobs have neither.
    """

    name: str
    currency: str
    job_count: int
    confirmed: Decimal
    expected: Decimal
    estimated: Decimal
    unpriced_count: int

    def to_dict(self) -> dict[str, Any]:
        """Return the sum as JSON."""
        return {
            "name": self.name,
            "currency": self.currency,
            "jobs": self.job_count,
            "confirmed": f"{self.confirmed:f}",
            "expected": f"{self.expected:f}",
            "estimated": f"{self.estimated:f}",
            "unknown": self.unpriced_count,
        }


def summarize_costs(rows: Iterable[Mapping[str, Any]], group_by: str) -> list[CostSummary]:
    """Return the sums of all submitted jobs by one of `COST_GROUPS`, each currency separately: of `cost_rows` or `cost_groups`."""
    sums: dict[tuple[str, str], CostSummary] = {}
    for row in rows:
        key = row[group_by], row["currency"]
        old = sums.get(key, CostSummary(*key, 0, Decimal(0), Decimal(0), Decimal(0), 0))
        amount, confirmed = counted_amount(row)
        jobs = row.get("jobs", 1)
        unpriced = row["cost"] is None and row["estimate"] is None and row["state"] not in UNCHARGED_STATES
        sums[key] = CostSummary(
            *key,
            old.job_count + jobs,
            old.confirmed + (amount * jobs if confirmed else 0),
            old.expected + (_estimate(row) * jobs if confirmed and row["cost"] is not None else 0),
            old.estimated + (0 if confirmed else amount * jobs),
            old.unpriced_count + jobs * unpriced,
        )
    return [sums[key] for key in sorted(sums)]


BILL_COLUMNS = (
    "id",
    "submitted_at",
    "project",
    "model",
    "provider",
    "request",
    "state",
    "currency",
    "estimate",
    "cost",
    "cost_confirmed",
    "compute_seconds",
)
"""Columns of the CSV of costs, in order."""


def bills_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows of `cost_rows` as CSV with a heading."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["job", *BILL_COLUMNS[1:-3], "charged", "charge_reported", "compute_seconds"])
    for row in rows:
        writer.writerow(
            [
                *(row[name] for name in BILL_COLUMNS[:-2]),
                "yes" if row["cost_confirmed"] else "no",
                row["compute_seconds"],
            ]
        )
    return text.getvalue()
