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

from ..errors import InvalidInput, TracklayError
from ..jobs import ledger_schema
from ..jobs.cost import parse_amount, summarize_costs
from ..jobs.ledger import Ledger
from ..jobs.scheduler import HOSTED_PROVIDER_LIMIT
from ..jobs.states import FINAL_STATES
from ..providers import get_provider
from .history import RowHistory, missing_takes
from .open_picture import OpenPicture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..models import Model
    from .executor import BatchOptions
    from .worklist import WorkList, WorkListRow

FINISHED_STATES = frozenset({*FINAL_STATES, "ready"})

DURATION_SAMPLE_SIZE = 50
"""Takes of a model whose times are looked at: their median is what one more will take."""


@dataclass(slots=True)
class ModelEstimate:
    """What one model has to make. `picture_seconds` is how much picture; `seconds_per_take` how long one take is in the making, None where nobody knows."""

    model: str
    currency: str
    concurrency: int
    seconds_per_take: float | None
    rows: int = 0
    takes: int = 0
    picture_seconds: Fraction = Fraction(0)
    cost: Decimal | None = Decimal(0)

    @property
    def total_seconds(self) -> float | None:
        """How long all of it is in the making, in seconds; None where nobody knows."""
        return None if self.seconds_per_take is None else self.seconds_per_take * -(-self.takes // self.concurrency)


@dataclass(slots=True)
class BatchEstimate:
    """What a list would come to: by model, what is made already, and the rows that cannot be made."""

    models: dict[str, ModelEstimate] = field(default_factory=dict)
    rows_done: int = 0
    rows: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)

    @property
    def cost_by_currency(self) -> dict[str, Decimal]:
        """What is known of the cost, by currency."""
        costs: defaultdict[str, Decimal] = defaultdict(Decimal)
        for part in self.models.values():
            costs[part.currency] += part.cost or 0
        return dict(costs)

    @property
    def unpriced_models(self) -> list[str]:
        """Models whose price is not known."""
        return [part.model for part in self.models.values() if part.cost is None]

    @property
    def total_seconds(self) -> float | None:
        """How long it takes, in seconds: providers work side by side; None where that of one is not known."""
        lanes: defaultdict[str, float] = defaultdict(float)
        for name, part in self.models.items():
            if part.total_seconds is None:
                return None
            lanes[name.partition("/")[0]] += part.total_seconds
        return max(lanes.values(), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        parts = [
            {
                "model": part.model,
                "rows": part.rows,
                "takes": part.takes,
                "picture_seconds": round(float(part.picture_seconds), 3),
                "cost": {"amount": None if part.cost is None else f"{part.cost:f}", "currency": part.currency},
                "seconds_each": None if part.seconds_per_take is None else round(part.seconds_per_take, 3),
                "seconds": None if part.total_seconds is None else round(part.total_seconds, 1),
            }
            for part in self.models.values()
        ]
        return {
            "rows": self.rows,
            "made": self.rows_done,
            "models": parts,
            "cost": {currency: f"{total:f}" for currency, total in self.cost_by_currency.items()},
            "price_not_known": self.unpriced_models,
            "seconds": None if self.total_seconds is None else round(self.total_seconds, 1),
            "failed": [{"id": row, "error": error} for row, error in self.errors],
        }


def estimate_batch(worklist: WorkList, rows: Sequence[WorkListRow], options: BatchOptions) -> BatchEstimate:
    """Look at every picture that has something to be made, and add up; nothing is sent, and nothing is planned.

    Raises:
        LedgerTrouble: the ledger cannot be read.
    """
    found = BatchEstimate(rows=len(rows))
    widths = options.concurrency_by_provider({model.provider for model in worklist.models.values()})
    lacking: defaultdict[tuple[str, str], list[tuple[WorkListRow, int]]] = defaultdict(list)
    ledger = Ledger() if ledger_schema.ledger_path().exists() else None
    try:
        for row, count in _count_missing(ledger, worklist, rows, options):
            if not count:
                found.rows_done += 1
                continue
            lacking[row.lay_group].append((row, count))
            if row.model not in found.models:
                found.models[row.model] = _estimate_model(ledger, worklist.models[row.model], widths)
    finally:
        if ledger is not None:
            ledger.close()
    with ThreadPoolExecutor((os.cpu_count() or 1) * 2) as pool:
        for told in pool.map(lambda group: _measure_spans(worklist, group), lacking.values()):
            for row, count, outcome in told:
                _add_row(found, worklist.models[row.model], row, count, outcome, options.describe)
    return found


def _estimate_model(ledger: Ledger | None, model: Model, concurrency: dict[str, int]) -> ModelEstimate:
    each = [] if ledger is None else ledger.durations(model.id, DURATION_SAMPLE_SIZE)
    at_once = concurrency.get(model.provider, HOSTED_PROVIDER_LIMIT)
    return ModelEstimate(model.id, model.price.currency, at_once, median(each) if each else None)


def _count_missing(
    ledger: Ledger | None, worklist: WorkList, rows: Sequence[WorkListRow], options: BatchOptions
) -> list[tuple[WorkListRow, int]]:
    past = RowHistory(ledger, worklist, options.prior_results, options.verdicts)
    counts = []
    for row in rows:
        takes = past.produced_takes(ledger, row, worklist.models)
        counts.append((row, sum(count for _, count in missing_takes(row, takes, remake_all=options.remake_all))))
    return counts


def _measure_spans(
    worklist: WorkList, group: Sequence[tuple[WorkListRow, int]]
) -> list[tuple[WorkListRow, int, Fraction | TracklayError]]:
    """The length of each row's span, or why it has none."""
    try:
        scene = OpenPicture(group[0][0].picture)
    except TracklayError as error:
        return [(row, count, error) for row, count in group]
    told: list[tuple[WorkListRow, int, Fraction | TracklayError]] = []
    for row, count in group:
        try:
            cue = scene.cue(row)
            if cue.picture.error:
                raise InvalidInput(cue.picture.error)
            worklist.models[row.model].check_span(cue.span.seconds)
            told.append((row, count, cue.span.seconds))
        except TracklayError as error:
            told.append((row, count, error.prefix_with(row.picture.name)))
    return told


def _add_row(
    estimate: BatchEstimate,
    model: Model,
    row: WorkListRow,
    count: int,
    outcome: Fraction | TracklayError,
    describe: Callable[[TracklayError], str],
) -> None:
    part = estimate.models[model.id]
    if isinstance(outcome, TracklayError):
        estimate.errors.append((row.id, describe(outcome)))
        return
    cost = model.estimate_cost(outcome, row.params)
    part.rows += 1
    part.takes += count
    part.picture_seconds += outcome * count
    part.cost = None if cost is None or part.cost is None else part.cost + cost * count


def check_cap(worklist: WorkList, rows: Sequence[WorkListRow], options: BatchOptions) -> None:
    """Refuse to begin where what the list has cost so far and what is still to be made pass the cap together.

    Raises:
        BadInput: so it is, or a price can't be known, or the cap is no amount.
    """
    if options.cap is None:
        return
    most = parse_amount(options.cap, "--max-cost")
    told = estimate_batch(worklist, rows, options)
    for name in told.unpriced_models:
        if "estimate" not in get_provider(worklist.models[name].provider).capabilities:
            raise InvalidInput(f"the price of {name} is not known, so --max-cost cannot be held: leave it out to go on")
    spent = _spent_so_far(options.run_id(worklist))
    total = spent + sum(told.cost_by_currency.values(), Decimal(0))
    if total > most:
        before = f" ({spent:.2f} of it is spent)" if spent else ""
        raise InvalidInput(
            f"{worklist.path.name} would cost about {total:.2f}{before} and --max-cost allows {most:.2f}: "
            "fewer rows or takes, or a higher cap"
        )


def _spent_so_far(run_id: str) -> Decimal:
    """What jobs of the list cost that have come to an end; those under way are still to be made, and counted there."""
    if not ledger_schema.ledger_path().exists():
        return Decimal(0)
    ledger = Ledger()
    try:
        ended = [dict(row) for row in ledger.cost_rows(run=run_id) if row["state"] in FINISHED_STATES]
    finally:
        ledger.close()
    return sum((each.confirmed + each.estimated for each in summarize_costs(ended, "provider")), Decimal(0))
