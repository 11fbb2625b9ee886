"""Cost estimates, budget caps that are enforced before anything is sent, and sums of what was spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, OverBudget
from ..untrusted_data import MAX_AMOUNT, read_amount

if TYPE_CHECKING:
    from ..cue import Cost
    from .job_spec import JobSpec
    from .ledger import Job, Ledger

UNCHARGED_STATES = frozenset({"failed", "cancelled"})
"""States in which an estimate no longer counts, only a cost that the provider reported."""


def estimate_cost(spec: JobSpec) -> Decimal | None:
    """Return the cost of all takes of a spec in its price's currency, or None if the catalogue has no price."""
    if spec.cue.refit is not None:
        return Decimal(0)
    costs = [spec.model.estimate_cost(seconds, spec.cue.params) for seconds in spec.request_seconds]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) * spec.cue.takes if len(known) == len(costs) else None


def parse_amount(text: str, name: str) -> Decimal:
    """Return an amount of money that the user entered. `name` is its option or column, for the message.

    Raises:
        InvalidInput: it is not a number, or negative.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= MAX_AMOUNT:
        raise InvalidInput(
            "cost.not_an_amount",
            "Not an amount for {name}: {value!r}. Write a number such as 2.50.",
            name=name,
            value=text,
        )
    return amount


def check_budget(specs: Sequence[JobSpec], cap: str | None) -> None:
    """Refuse to start if the estimates together exceed the cap.

    Of a model without a catalogue price, the provider is asked before each submission, and the cap is enforced there.

    Raises:
        InvalidInput: they exceed it, or a price is unknown, or the cap is not an amount.
    """
    if cap is None:
        return
    from ..providers.base import get_provider  # noqa: PLC0415 - loads asyncio, which a price does not need

    limit, total = parse_amount(cap, "the cost cap"), Decimal(0)
    for spec in specs:
        cost = estimate_cost(spec)
        if cost is None and "estimate" not in get_provider(spec.model.provider).capabilities:
            raise InvalidInput(
                "cost.unknown_price", "Unknown price: {model}. The cost cap cannot be enforced.", model=spec.model.id
            )
        total += cost or 0
    if total > limit:
        raise InvalidInput(
            "cost.estimate_over_cap",
            "Estimated cost {total} exceeds the cap of {cap}. Use fewer takes, a shorter span, or a higher cap.",
            total=f"{total:.2f}",
            cap=f"{limit:.2f}",
        )


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
        spent = sum(
            (_counted_amount(row)[0] for row in ledger.cost_rows(**filters) if row["currency"] == cost.currency),
            Decimal(0),
        )
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


def _counted_amount(row: Any) -> tuple[Decimal, bool]:
    """Return the amount that a row counts for, and whether it is confirmed."""
    if row["cost"] is not None:
        return read_amount(row["cost"]) or Decimal(0), bool(row["cost_confirmed"])
    if row["state"] in UNCHARGED_STATES or row["estimate"] is None:
        return Decimal(0), row["state"] in UNCHARGED_STATES
    return read_amount(row["estimate"]) or Decimal(0), False


@dataclass(frozen=True, slots=True)
class CostSummary:
    """The cost of several jobs in one currency.

    `confirmed` is what providers reported, `estimated` the estimates of the other jobs. `unpriced_count` jobs have neither.
    """

    name: str
    currency: str
    job_count: int
    confirmed: Decimal
    estimated: Decimal
    unpriced_count: int

    def to_dict(self) -> dict[str, Any]:
        """Return the sum as JSON."""
        return {
            "name": self.name,
            "currency": self.currency,
            "jobs": self.job_count,
            "confirmed": f"{self.confirmed:f}",
            "estimated": f"{self.estimated:f}",
            "unknown": self.unpriced_count,
        }


def summarize_costs(rows: Sequence[Mapping[str, Any]], group_by: str) -> list[CostSummary]:
    """Return the sums of all submitted jobs by `provider`, `project` or `day` (UTC), each currency separately."""
    sums: dict[tuple[str, str], CostSummary] = {}
    for row in rows:
        key = row[group_by], row["currency"]
        old = sums.get(key, CostSummary(*key, 0, Decimal(0), Decimal(0), 0))
        amount, confirmed = _counted_amount(row)
        unpriced = row["cost"] is None and row["estimate"] is None and row["state"] not in UNCHARGED_STATES
        sums[key] = CostSummary(
            *key,
            old.job_count + 1,
            old.confirmed + (amount if confirmed else 0),
            old.estimated + (0 if confirmed else amount),
            old.unpriced_count + unpriced,
        )
    return [sums[key] for key in sorted(sums)]
