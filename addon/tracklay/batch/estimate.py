"""What a work list would cost and how long it would take, before anything is sent: prices from the catalogue, times from the ledger."""

from __future__ import annotations

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, TracklayError
from ..jobs import ledger_schema
from ..jobs.cost import amount, sums
from ..jobs.ledger import Ledger
from ..jobs.scheduler import AT_ONCE_HOSTED
from ..jobs.states import OVER
from ..providers import provider
from .history import Past, missing
from .open_picture import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models import Model
    from .executor import Wanted
    from .worklist import Row, WorkList

ENDED = frozenset({*OVER, "ready"})

LATEST = 50
"""Takes of a model whose times are looked at: their median is what one more will take."""


@dataclass(slots=True)
class Part:
    """What one model has to make. `seconds` is how much picture; `each` how long one take is in the making, None where nobody knows."""

    model: str
    currency: str
    at_once: int
    each: float | None
    rows: int = 0
    takes: int = 0
    seconds: Fraction = Fraction(0)
    cost: Decimal | None = Decimal(0)

    @property
    def time(self) -> float | None:
        """How long all of it is in the making, in seconds; None where nobody knows."""
        return None if self.each is None else self.each * -(-self.takes // self.at_once)


@dataclass(slots=True)
class Forecast:
    """What a list would come to: by model, what is made already, and the rows that cannot be made."""

    parts: dict[str, Part] = field(default_factory=dict)
    made: int = 0
    rows: int = 0
    troubles: list[tuple[str, str]] = field(default_factory=list)

    @property
    def costs(self) -> dict[str, Decimal]:
        """What is known of the cost, by currency."""
        costs: defaultdict[str, Decimal] = defaultdict(Decimal)
        for part in self.parts.values():
            costs[part.currency] += part.cost or 0
        return dict(costs)

    @property
    def unpriced(self) -> list[str]:
        """Models whose price is not known."""
        return [part.model for part in self.parts.values() if part.cost is None]

    @property
    def time(self) -> float | None:
        """How long it takes, in seconds: providers work side by side; None where that of one is not known."""
        lanes: defaultdict[str, float] = defaultdict(float)
        for name, part in self.parts.items():
            if part.time is None:
                return None
            lanes[name.partition("/")[0]] += part.time
        return max(lanes.values(), default=0.0)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        parts = [
            {
                "model": part.model,
                "rows": part.rows,
                "takes": part.takes,
                "picture_seconds": round(float(part.seconds), 3),
                "cost": {"amount": None if part.cost is None else f"{part.cost:f}", "currency": part.currency},
                "seconds_each": None if part.each is None else round(part.each, 3),
                "seconds": None if part.time is None else round(part.time, 1),
            }
            for part in self.parts.values()
        ]
        return {
            "rows": self.rows,
            "made": self.made,
            "models": parts,
            "cost": {currency: f"{total:f}" for currency, total in self.costs.items()},
            "price_not_known": self.unpriced,
            "seconds": None if self.time is None else round(self.time, 1),
            "failed": [{"id": row, "error": error} for row, error in self.troubles],
        }


def forecast(work: WorkList, rows: Sequence[Row], wanted: Wanted) -> Forecast:
    """Look at every picture that has something to be made, and add up; nothing is sent, and nothing is planned.

    Raises:
        LedgerTrouble: the ledger cannot be read.
    """
    found = Forecast(rows=len(rows))
    widths = wanted.at_once({model.provider for model in work.models.values()})
    lacking: defaultdict[tuple[str, str], list[tuple[Row, int]]] = defaultdict(list)
    ledger = Ledger() if ledger_schema.place().exists() else None
    try:
        for row, count in _lacking(ledger, work, rows, wanted):
            if not count:
                found.made += 1
                continue
            lacking[row.group].append((row, count))
            if row.model not in found.parts:
                found.parts[row.model] = _part(ledger, work.models[row.model], widths)
    finally:
        if ledger is not None:
            ledger.close()
    with ThreadPoolExecutor((os.cpu_count() or 1) * 2) as pool:
        for told in pool.map(lambda group: _lengths(work, group), lacking.values()):
            for row, count, outcome in told:
                _add(found, work.models[row.model], row, count, outcome)
    return found


def _part(ledger: Ledger | None, model: Model, widths: dict[str, int]) -> Part:
    each = [] if ledger is None else ledger.lasted(model.id, LATEST)
    at_once = widths.get(model.provider, AT_ONCE_HOSTED)
    return Part(model.id, model.price.currency, at_once, median(each) if each else None)


def _lacking(ledger: Ledger | None, work: WorkList, rows: Sequence[Row], wanted: Wanted) -> list[tuple[Row, int]]:
    past = Past(ledger, work, wanted.known, wanted.judged)
    counts = []
    for row in rows:
        takes = past.takes(ledger, row, work.models)
        counts.append((row, sum(count for _, count in missing(row, takes, again=wanted.again))))
    return counts


def _lengths(work: WorkList, group: Sequence[tuple[Row, int]]) -> list[tuple[Row, int, Fraction | TracklayError]]:
    """The length of each row's span, or why it has none."""
    try:
        scene = Scene(group[0][0].picture)
    except TracklayError as error:
        return [(row, count, error) for row, count in group]
    told: list[tuple[Row, int, Fraction | TracklayError]] = []
    for row, count in group:
        try:
            cue = scene.cue(row)
            if cue.picture.trouble:
                raise BadInput(cue.picture.trouble)
            work.models[row.model].check_span(cue.span.seconds)
            told.append((row, count, cue.span.seconds))
        except TracklayError as error:
            told.append((row, count, error.about(row.picture.name)))
    return told


def _add(found: Forecast, model: Model, row: Row, count: int, outcome: Fraction | TracklayError) -> None:
    part = found.parts[model.id]
    if isinstance(outcome, TracklayError):
        found.troubles.append((row.id, str(outcome)))
        return
    cost = model.cost(outcome, row.params)
    part.rows += 1
    part.takes += count
    part.seconds += outcome * count
    part.cost = None if cost is None or part.cost is None else part.cost + cost * count


def check_cap(work: WorkList, rows: Sequence[Row], wanted: Wanted) -> None:
    """Refuse to begin where what the list has cost so far and what is still to be made pass the cap together.

    Raises:
        BadInput: so it is, or a price can't be known, or the cap is no amount.
    """
    if wanted.cap is None:
        return
    most = amount(wanted.cap, "--max-cost")
    told = forecast(work, rows, wanted)
    for name in told.unpriced:
        if "estimate" not in provider(work.models[name].provider).offers:
            raise BadInput(f"the price of {name} is not known, so --max-cost cannot be held: leave it out to go on")
    spent = _spent(wanted.run(work))
    total = spent + sum(told.costs.values(), Decimal(0))
    if total > most:
        before = f" ({spent:.2f} of it is spent)" if spent else ""
        raise BadInput(
            f"{work.path.name} would cost about {total:.2f}{before} and --max-cost allows {most:.2f}: "
            "fewer rows or takes, or a higher cap"
        )


def _spent(run: str) -> Decimal:
    """What jobs of the list cost that have come to an end; those under way are still to be made, and counted there."""
    if not ledger_schema.place().exists():
        return Decimal(0)
    ledger = Ledger()
    try:
        ended = [dict(row) for row in ledger.money(run=run) if row["state"] in ENDED]
    finally:
        ledger.close()
    return sum((each.told + each.about for each in sums(ended, "provider")), Decimal(0))
