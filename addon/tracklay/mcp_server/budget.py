"""The budget of a session: what an assistant may spend, as its user has set it at the start."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..jobs.costs import estimate_cost, parse_amount

if TYPE_CHECKING:
    from ..cue import Take
    from ..jobs.job_spec import JobSpec


class Budget:
    """The amount that is left. What may be spent is reserved before a request leaves, so that two requests do not share it."""

    def __init__(self, amount: str | None) -> None:
        """Set the amount; None for a session that spends nothing.

        Raises:
            InvalidInput: it is not an amount.
        """
        self.left = None if amount is None else parse_amount(amount, "--max-cost")
        self._lock = threading.Lock()

    def reserve(self, specs: Sequence[JobSpec]) -> Decimal:
        """Take the estimate of specs off the budget, and return it.

        Raises:
            InvalidInput: there is no budget, it is exceeded, or a price is not known.
        """
        total = sum_costs_known(specs)
        if total == 0:
            return Decimal(0)
        if self.left is None:
            raise InvalidInput(
                "mcp.no_budget",
                "This costs {cost}, and the session has no budget. Ask the user to start `tracklay mcp --max-cost AMOUNT`.",
                cost="an unknown amount" if total is None else f"{total:.2f} {specs[0].model.price.currency}",
            )
        if total is None:
            raise InvalidInput(
                "mcp.unknown_price",
                "The price of {model} is not known, so the budget cannot be kept. Use another model.",
                model=next(spec.model.id for spec in specs if estimate_cost(spec) is None),
            )
        with self._lock:
            if total > self.left:
                raise InvalidInput(
                    "mcp.over_budget",
                    "This costs {cost:.2f}, and {left:.2f} of the budget is left. Use fewer takes or a shorter span.",
                    cost=total,
                    left=self.left,
                )
            self.left -= total
        return total

    def settle(self, reserved: Decimal, takes: Sequence[Take]) -> None:
        """Replace a reserved amount by what the takes of its request cost, as far as their providers report it."""
        spent = sum((Decimal(take.cost.amount) for take in takes if take.cost.amount is not None), Decimal(0))
        with self._lock:
            if self.left is not None:
                # What failed may be charged all the same: only what was charged beyond the estimate changes the rest.
                self.left = max(Decimal(0), self.left - max(Decimal(0), spent - reserved))


def sum_costs_known(specs: Sequence[JobSpec]) -> Decimal | None:
    """Return the sum of the estimates of specs; None if one is not known."""
    costs = [estimate_cost(spec) for spec in specs]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None
