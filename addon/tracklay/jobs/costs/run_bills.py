"""The bills of a run, summed once and then kept up to date: each submission checks them, and a run may have thousands of jobs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ...untrusted_data import read_amount

if TYPE_CHECKING:
    from ..ledger import Ledger

_Amounts = tuple[str, Decimal, Decimal]
"""Currency, billed, estimated."""


class _RunBills:
    """The sums of one run. `seen` counts the entries of `Ledger.billed_jobs` that are in them."""

    def __init__(self, ledger: Ledger, run: str, version: int) -> None:
        self.version = version
        self.seen = len(ledger.billed_jobs)
        self._amounts: dict[int, _Amounts] = {}
        self.sums: dict[str, tuple[Decimal, Decimal]] = {}
        self._run = run
        for row in _select_bills(ledger, "run = ?", run):
            self._set(row[0], _amounts(row))

    def update(self, ledger: Ledger) -> None:
        """Read the jobs again whose cost was written since."""
        changed, self.seen = set(ledger.billed_jobs[self.seen :]), len(ledger.billed_jobs)
        for job_id in changed:
            rows = _select_bills(ledger, "id = ? AND run = ?", job_id, self._run)
            self._set(job_id, _amounts(rows[0]) if rows else None)

    def _set(self, job_id: int, amounts: _Amounts | None) -> None:
        before = self._amounts.pop(job_id, None)
        for each, sign in ((before, -1), (amounts, 1)):
            if each is not None:
                currency, billed, estimated = each
                old = self.sums.get(currency, (Decimal(0), Decimal(0)))
                self.sums[currency] = old[0] + sign * billed, old[1] + sign * estimated
        if amounts is not None:
            self._amounts[job_id] = amounts


_known: WeakKeyDictionary[Ledger, dict[str, _RunBills]] = WeakKeyDictionary()


def billed_totals(ledger: Ledger, run: str) -> list[tuple[str, Decimal, Decimal]]:
    """Return (currency, billed, estimated) of the jobs of a run for which both amounts are known.

    The rows are read once. After that only those are read whose cost this process has written, as long as no other process writes to
    the ledger.
    """
    # The number changes when another connection has written.
    version = int(ledger.select_values("PRAGMA data_version")[0][0])
    runs = _known.setdefault(ledger, {})
    bills = runs.get(run)
    if bills is None or bills.version != version:
        bills = runs[run] = _RunBills(ledger, run, version)
    else:
        bills.update(ledger)
    return [(currency, *sums) for currency, sums in bills.sums.items()]


def _select_bills(ledger: Ledger, condition: str, *values: Any) -> list[Any]:
    return ledger.select_values(
        "SELECT id, currency, cost, estimate FROM jobs WHERE cost_confirmed = 1 AND cost IS NOT NULL "  # noqa: S608
        f"AND estimate IS NOT NULL AND submitted_at IS NOT NULL AND currency IS NOT NULL AND {condition}",
        *values,
    )


def _amounts(row: Any) -> _Amounts:
    return str(row[1]), read_amount(row[2]) or Decimal(0), read_amount(row[3]) or Decimal(0)
