"""What orders will cost, the caps that are held before anything is sent, and what was spent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, OverBudget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..cue import Cost
    from .job_spec import JobSpec
    from .ledger import Job, Ledger

UNCHARGED_STATES = frozenset({"failed", "cancelled"})
"""States in which an estimate says nothing any more: only what the provider told counts."""


def estimate_cost(spec: JobSpec) -> Decimal | None:
    """What all takes of an order will cost in the price's currency; None where the catalogue does not know."""
    each = spec.model.estimate_cost(spec.cue.span.seconds, spec.cue.params)
    return None if each is None else each * spec.cue.takes


def parse_amount(text: str, option: str) -> Decimal:
    """An amount of money as a person writes it.

    Raises:
        BadInput: it is none.
    """
    try:
        most = Decimal(text)
    except InvalidOperation:
        most = Decimal(-1)
    if not most.is_finite() or most < 0:
        raise InvalidInput(f"{option} {text!r} is no amount: write a number such as 2.50")
    return most


def check_budget(specs: Sequence[JobSpec], cap: str | None) -> None:
    """Refuse to begin where the estimates together pass the cap.

    A price that only the provider can tell is asked for, and held to the cap, before each submission.

    Raises:
        BadInput: they do, or one can't be known, or the cap is no amount.
    """
    if cap is None:
        return
    from ..providers.base import get_provider  # noqa: PLC0415 - asyncio comes along, and a price needs none

    most, total = parse_amount(cap, "--max-cost"), Decimal(0)
    for order in specs:
        cost = estimate_cost(order)
        if cost is None and "estimate" not in get_provider(order.model.provider).capabilities:
            raise InvalidInput(
                f"the price of {order.model.id} is not known, so --max-cost cannot be held: leave it out to go on"
            )
        total += cost or 0
    if total > most:
        raise InvalidInput(
            f"this would cost about {total:.2f} and --max-cost allows {most:.2f}: fewer takes, a shorter span, or a higher cap"
        )


def cap_scopes(job: Job) -> dict[str, tuple[str, dict[str, str]]]:
    """The caps that a job stands under: scope to (its name for people, the rows that count)."""
    return {
        f"run:{job.run}": ("this run", {"run": job.run}),
        f"project:{job.project}": (f"the project {job.project}", {"project": job.project}),
    }


def has_cap(ledger: Ledger, job: Job) -> bool:
    """Whether any cap stands over a job."""
    return any(ledger.get_cap(scope) is not None for scope in cap_scopes(job))


def enforce_caps(ledger: Ledger, job: Job, cost: Cost) -> None:
    """Let a submission pass that keeps within every cap; what others have under way is counted as spent.

    Raises:
        OverBudget: it does not, or its price is not known.
    """
    for scope, (name, which) in cap_scopes(job).items():
        cap = ledger.get_cap(scope)
        if cap is None:
            continue
        if cost.amount is None:
            raise OverBudget(
                f"the price of {job.model} is not known, so the cap of {name} cannot be held: nothing was sent"
            )
        spent = sum(
            (_counted_amount(row)[0] for row in ledger.cost_rows(**which) if row["currency"] == cost.currency),
            Decimal(0),
        )
        if spent + Decimal(cost.amount) > Decimal(cap):
            raise OverBudget(
                f"with {cost.amount} {cost.currency} more, {name} would pass its cap of {cap} "
                f"({spent:f} are spent or under way): nothing was sent; raise the cap to go on"
            )


def _counted_amount(row: Any) -> tuple[Decimal, bool]:
    """What a row counts for, and whether the provider told it."""
    if row["cost"] is not None:
        return Decimal(row["cost"]), bool(row["exact"])
    if row["state"] in UNCHARGED_STATES or row["estimate"] is None:
        return Decimal(0), row["state"] in UNCHARGED_STATES
    return Decimal(row["estimate"]), False


@dataclass(frozen=True, slots=True)
class CostSummary:
    """What jobs cost together. `confirmed` is what providers said, `estimated` is estimated; `unpriced_count` jobs have no price at all."""

    name: str
    currency: str
    job_count: int
    confirmed: Decimal
    estimated: Decimal
    unpriced_count: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "currency": self.currency,
            "jobs": self.job_count,
            "told": f"{self.confirmed:f}",
            "estimated": f"{self.estimated:f}",
            "unknown": self.unpriced_count,
        }


def summarize_costs(rows: Sequence[Mapping[str, Any]], group_by: str) -> list[CostSummary]:
    """What was sent, summed by `get_provider`, `project` or `day` (UTC), each currency by itself."""
    found: dict[tuple[str, str], CostSummary] = {}
    for row in rows:
        key = row[group_by], row["currency"]
        old = found.get(key, CostSummary(*key, 0, Decimal(0), Decimal(0), 0))
        counted, told = _counted_amount(row)
        unknown = row["cost"] is None and row["estimate"] is None and row["state"] not in UNCHARGED_STATES
        found[key] = CostSummary(
            *key,
            old.job_count + 1,
            old.confirmed + (counted if told else 0),
            old.estimated + (0 if told else counted),
            old.unpriced_count + unknown,
        )
    return [found[key] for key in sorted(found)]
