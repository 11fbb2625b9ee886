"""What orders will cost, the caps that are held before anything is sent, and what was spent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, OverBudget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..cue import Cost
    from .job_spec import Order
    from .ledger import Job, Ledger

UNCHARGED = frozenset({"failed", "cancelled"})
"""States in which an estimate says nothing any more: only what the provider told counts."""


def estimate(order: Order) -> Decimal | None:
    """What all takes of an order will cost in the price's currency; None where the catalogue does not know."""
    each = order.model.cost(order.cue.span.seconds, order.cue.params)
    return None if each is None else each * order.cue.takes


def amount(text: str, option: str) -> Decimal:
    """An amount of money as a person writes it.

    Raises:
        BadInput: it is none.
    """
    try:
        most = Decimal(text)
    except InvalidOperation:
        most = Decimal(-1)
    if not most.is_finite() or most < 0:
        raise BadInput(f"{option} {text!r} is no amount: write a number such as 2.50")
    return most


def within_budget(orders: Sequence[Order], cap: str | None) -> None:
    """Refuse to begin where the estimates together pass the cap.

    A price that only the provider can tell is asked for, and held to the cap, before each submission.

    Raises:
        BadInput: they do, or one can't be known, or the cap is no amount.
    """
    if cap is None:
        return
    from ..providers import provider  # noqa: PLC0415 - asyncio comes along, and a price needs none

    most, total = amount(cap, "--max-cost"), Decimal(0)
    for order in orders:
        cost = estimate(order)
        if cost is None and "estimate" not in provider(order.model.provider).offers:
            raise BadInput(
                f"the price of {order.model.id} is not known, so --max-cost cannot be held: leave it out to go on"
            )
        total += cost or 0
    if total > most:
        raise BadInput(
            f"this would cost about {total:.2f} and --max-cost allows {most:.2f}: fewer takes, a shorter span, or a higher cap"
        )


def scopes(job: Job) -> dict[str, tuple[str, dict[str, str]]]:
    """The caps that a job stands under: scope to (its name for people, the rows that count)."""
    return {
        f"run:{job.run}": ("this run", {"run": job.run}),
        f"project:{job.project}": (f"the project {job.project}", {"project": job.project}),
    }


def capped(ledger: Ledger, job: Job) -> bool:
    """Whether any cap stands over a job."""
    return any(ledger.cap(scope) is not None for scope in scopes(job))


def hold(ledger: Ledger, job: Job, cost: Cost) -> None:
    """Let a submission pass that keeps within every cap; what others have under way is counted as spent.

    Raises:
        OverBudget: it does not, or its price is not known.
    """
    for scope, (name, which) in scopes(job).items():
        cap = ledger.cap(scope)
        if cap is None:
            continue
        if cost.amount is None:
            raise OverBudget(
                f"the price of {job.model} is not known, so the cap of {name} cannot be held: nothing was sent"
            )
        spent = sum((_counted(row)[0] for row in ledger.money(**which) if row["currency"] == cost.currency), Decimal(0))
        if spent + Decimal(cost.amount) > Decimal(cap):
            raise OverBudget(
                f"with {cost.amount} {cost.currency} more, {name} would pass its cap of {cap} "
                f"({spent:f} are spent or under way): nothing was sent; raise the cap to go on"
            )


def _counted(row: Any) -> tuple[Decimal, bool]:
    """What a row counts for, and whether the provider told it."""
    if row["cost"] is not None:
        return Decimal(row["cost"]), bool(row["exact"])
    if row["state"] in UNCHARGED or row["estimate"] is None:
        return Decimal(0), row["state"] in UNCHARGED
    return Decimal(row["estimate"]), False


@dataclass(frozen=True, slots=True)
class Sum:
    """What jobs cost together. `told` is what providers said, `about` is estimated; `unknown` jobs have no price at all."""

    name: str
    currency: str
    jobs: int
    told: Decimal
    about: Decimal
    unknown: int

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "currency": self.currency,
            "jobs": self.jobs,
            "told": f"{self.told:f}",
            "estimated": f"{self.about:f}",
            "unknown": self.unknown,
        }


def sums(rows: Sequence[Mapping[str, Any]], by: str) -> list[Sum]:
    """What was sent, summed by `provider`, `project` or `day` (UTC), each currency by itself."""
    found: dict[tuple[str, str], Sum] = {}
    for row in rows:
        key = row[by], row["currency"]
        old = found.get(key, Sum(*key, 0, Decimal(0), Decimal(0), 0))
        counted, told = _counted(row)
        unknown = row["cost"] is None and row["estimate"] is None and row["state"] not in UNCHARGED
        found[key] = Sum(
            *key,
            old.jobs + 1,
            old.told + (counted if told else 0),
            old.about + (0 if told else counted),
            old.unknown + unknown,
        )
    return [found[key] for key in sorted(found)]
