"""Budget caps, and the limit of bills over estimates: both are enforced in the transaction that records a submission."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from ...errors import OverBudget
from ...untrusted_data import read_amount
from .summary import cost_groups, counted_amount

if TYPE_CHECKING:
    from ...cue import Cost
    from ..ledger import Job, Ledger

DEFAULT_MAX_OVERRUN = Decimal(2)
"""Factor by which the bills of a run may exceed their estimates before nothing more is sent."""


def cap_scopes(job: Job) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the caps that apply to a job: scope, then its name in messages and the filter of the rows that count."""
    return {
        f"run:{job.run}": ("this run", {"run": job.run}),
        f"project:{job.project}": (f"project {job.project}", {"project": job.project}),
    }


def has_cap(ledger: Ledger, job: Job) -> bool:
    """Return whether any cap applies to a job."""
    return any(ledger.get_cap(scope) is not None for scope in cap_scopes(job))


def enforce_caps(ledger: Ledger, job: Job, cost: Cost) -> None:
    """Refuse a submission that would exceed a cap. The estimates of other open jobs count as spent.

    Call it in the transaction that records the submission.

    Raises:
        OverBudget: it would exceed a cap, or its price is unknown.
    """
    for scope, (name, filters) in cap_scopes(job).items():
        cap = ledger.get_cap(scope)
        if cap is None:
            continue
        amount = None if cost.amount is None else read_amount(cost.amount)
        if amount is None:
            raise OverBudget(
                "cost.unpriced_under_cap",
                "Unknown price: {model}. The budget cap of {scope} cannot be enforced; nothing was sent.",
                model=job.model,
                scope=name,
            )
        groups = cost_groups(ledger, **filters, currency=cost.currency)
        spent = sum((counted_amount(group)[0] * group["jobs"] for group in groups), Decimal(0))
        if spent + amount > (read_amount(cap) or 0):
            raise OverBudget(
                "cost.over_cap",
                "Budget cap of {scope} exceeded: {amount} {currency} more than {spent} would pass {cap}. Nothing was sent.",
                scope=name,
                amount=cost.amount,
                currency=cost.currency,
                spent=f"{spent:f}",
                cap=cap,
            )


def overrun_scope(run: str) -> str:
    """Return the name under which the ledger stores a run's limit of bills over estimates."""
    return f"overrun:{run}"


def enforce_max_overrun(ledger: Ledger, job: Job) -> None:
    """Refuse a submission if the run's bills exceed their estimates by more than the allowed factor.

    Only jobs count of which both are known. An estimate that is far off means that a price has changed, or that something is wrong at
    the provider: the rest of the run would go on at that rate.

    Raises:
        OverBudget: they exceed it.
    """
    factor = read_amount(ledger.get_cap(overrun_scope(job.run)) or DEFAULT_MAX_OVERRUN) or DEFAULT_MAX_OVERRUN
    for currency, billed, estimated in _billed_totals(ledger, job.run):
        if billed > factor * estimated:
            raise OverBudget(
                "cost.bill_over_estimate",
                "The provider has charged {billed} {currency} for what was estimated at {estimated}: more than {factor} times as much. "
                "Nothing more was sent.",
                billed=f"{float(billed):.4g}",
                estimated=f"{float(estimated):.4g}",
                currency=currency,
                factor=f"{factor.normalize():f}",
            )


def _billed_totals(ledger: Ledger, run: str) -> list[tuple[str, Decimal, Decimal]]:
    """Return (currency, billed, estimated) of the jobs of a run for which both amounts are known."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for group in cost_groups(ledger, run=run):
        if group["cost_confirmed"] and group["cost"] is not None and group["estimate"] is not None:
            billed, estimated = sums.get(group["currency"], (Decimal(0), Decimal(0)))
            billed += (read_amount(group["cost"]) or 0) * group["jobs"]
            estimated += (read_amount(group["estimate"]) or 0) * group["jobs"]
            sums[group["currency"]] = billed, estimated
    return [(currency, *amounts) for currency, amounts in sums.items()]
