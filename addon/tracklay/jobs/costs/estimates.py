"""Estimates of what specs will cost, checked against a cap before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInput
from ...untrusted_data import MAX_AMOUNT

if TYPE_CHECKING:
    from ..job_spec import JobSpec


def estimate_cost(spec: JobSpec) -> Decimal | None:
    """Return the cost of all takes of a spec in its price's currency, or None if the catalogue has no price."""
    if not spec.cue.generates:
        return Decimal(0)
    costs = [spec.model.estimate_cost(seconds, spec.cue.params) for seconds in spec.request_seconds]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) * spec.cue.takes if len(known) == len(costs) else None


def estimate_to_dict(spec: JobSpec) -> dict[str, Any]:
    """Return length, number of parts and estimated cost of a spec's takes, as JSON; and handles, in seconds, and tempo, if asked for.

    The length is that of the request: with its handles.
    """
    cost, tempo, rate = estimate_cost(spec), spec.cue.tempo, spec.cue.span.rate
    before, after = (round(float(rate.seconds(frames)), 3) for frames in spec.cue.handles)
    return {
        "cue": spec.cue.id,
        "model": spec.model.id,
        "takes": spec.cue.takes,
        "seconds": round(float(spec.cue.request_span.seconds), 3),
        **({"handles": {"before": before, "after": after}} if before or after else {}),
        "parts": len(spec.request_seconds),
        "cost": {"amount": None if cost is None else f"{cost:f}", "currency": spec.model.price.currency},
        **({} if tempo is None else {"tempo": {"asked": tempo, "sent": spec.tempo_sent}}),
    }


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


def parse_factor(text: str, name: str) -> Decimal:
    """Return how many times an estimate a bill may be, which the user entered. `name` is its option, for the message.

    Raises:
        InvalidInput: it is not a number of at least 1.
    """
    factor = parse_amount(text, name)
    if factor < 1:
        raise InvalidInput("cost.factor_below_one", "{name} must be 1 or more, not {value}.", name=name, value=text)
    return factor


def check_budget(specs: Sequence[JobSpec], cap: str | None) -> None:
    """Refuse to start if the estimates together exceed the cap.

    Of a model without a catalogue price, the provider is asked before each submission, and the cap is enforced there.

    Raises:
        InvalidInput: they exceed it, or a price is unknown, or the cap is not an amount.
    """
    if cap is None:
        return
    from ...providers.base import get_provider  # noqa: PLC0415 - loads asyncio, which a price does not need

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
