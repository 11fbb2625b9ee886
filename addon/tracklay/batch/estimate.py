"""Estimates the cost and the duration of a work list without sending anything: prices from the catalogue, times from the ledger."""

from __future__ import annotations

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, TracklayError
from ..jobs import create_job_spec, ledger_schema
from ..jobs.costs import cost_groups, parse_amount, summarize_costs
from ..jobs.ledger import Ledger
from ..jobs.scheduler import HOSTED_PROVIDER_LIMIT
from ..jobs.states import FINAL_STATES
from ..providers.base import get_provider
from .history import RowHistory, missing_takes
from .open_picture import OpenPicture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..models import Model
    from .executor import BatchOptions
    from .worklist import WorkList, WorkListRow

FINISHED_STATES = frozenset({*FINAL_STATES, "ready"})

DURATION_SAMPLE_SIZE = 50
"""Newest takes of a model whose median duration is the estimate for one more."""


@dataclass(slots=True)
class ModelEstimate:
    """The work of one model.

    Attributes:
        model: its id.
        currency: the currency of the cost.
        concurrency: takes that are generated at the same time.
        seconds_per_take: median duration of a take, None if the ledger has none of the model.
        rows, takes: numbers of what is missing.
        picture_seconds: total length of the spans, counted once for each take.
        requests: number of requests: a span that is longer than the model's has one for each of its parts.
        cost: total cost, None if the price is unknown.
    """

    model: str
    currency: str
    concurrency: int
    seconds_per_take: float | None
    rows: int = 0
    takes: int = 0
    picture_seconds: Fraction = Fraction(0)
    requests: int = 0
    cost: Decimal | None = Decimal(0)

    @property
    def total_seconds(self) -> float | None:
        """Duration of all requests in seconds, None if it is unknown."""
        return None if self.seconds_per_take is None else self.seconds_per_take * -(-self.requests // self.concurrency)


@dataclass(slots=True)
class BatchEstimate:
    """The estimate of a list: its models, the rows that are already done, and the errors of rows that cannot run."""

    models: dict[str, ModelEstimate] = field(default_factory=dict)
    rows_done: int = 0
    rows: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)

    @property
    def cost_by_currency(self) -> dict[str, Decimal]:
        """The known cost by currency; models without a price are left out."""
        costs: defaultdict[str, Decimal] = defaultdict(Decimal)
        for part in self.models.values():
            costs[part.currency] += part.cost or 0
        return dict(costs)

    @property
    def unpriced_models(self) -> list[str]:
        """Ids of the models whose price is unknown."""
        return [part.model for part in self.models.values() if part.cost is None]

    @property
    def total_seconds(self) -> float | None:
        """Duration in seconds, None if that of one model is unknown. Providers work in parallel, the models of one in sequence."""
        by_provider: defaultdict[str, float] = defaultdict(float)
        for name, part in self.models.items():
            if part.total_seconds is None:
                return None
            by_provider[name.partition("/")[0]] += part.total_seconds
        return max(by_provider.values(), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as JSON holds it. Its keys are documented in docs/batch.md."""
        parts = [
            {
                "model": part.model,
                "rows": part.rows,
                "takes": part.takes,
                "picture_seconds": round(float(part.picture_seconds), 3),
                "requests": part.requests,
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
    """Open every picture with missing takes and add up their cost and duration. Nothing is sent or written.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    found = BatchEstimate(rows=len(rows))
    widths = options.concurrency_by_provider({model.provider for model in worklist.models.values()})
    missing: defaultdict[tuple[str, str], list[tuple[WorkListRow, int]]] = defaultdict(list)
    ledger = Ledger() if ledger_schema.ledger_path().exists() else None
    try:
        for row, count in _count_missing(ledger, worklist, rows, options):
            if not count:
                found.rows_done += 1
                continue
            missing[row.lay_group].append((row, count))
            if row.model not in found.models:
                found.models[row.model] = _estimate_model(ledger, worklist.models[row.model], widths)
    finally:
        if ledger is not None:
            ledger.close()
    # Opening a picture waits for the disk and for ffprobe as much as it computes: twice the processors.
    with ThreadPoolExecutor((os.cpu_count() or 1) * 2) as pool:
        for outcomes in pool.map(lambda group: _measure_spans(worklist, group), missing.values()):
            for row, count, outcome in outcomes:
                _add_row(found, worklist.models[row.model], row, count, outcome, options.describe)
    return found


def _estimate_model(ledger: Ledger | None, model: Model, concurrency: dict[str, int]) -> ModelEstimate:
    durations = [] if ledger is None else ledger.durations(model.id, DURATION_SAMPLE_SIZE)
    parallel = concurrency.get(model.provider, HOSTED_PROVIDER_LIMIT)
    return ModelEstimate(model.id, model.price.currency, parallel, median(durations) if durations else None)


def _count_missing(
    ledger: Ledger | None, worklist: WorkList, rows: Sequence[WorkListRow], options: BatchOptions
) -> list[tuple[WorkListRow, int]]:
    history = RowHistory(ledger, worklist, options.prior_results, options.verdicts)
    counts = []
    for row in rows:
        takes = history.produced_takes(ledger, row, worklist.models)
        counts.append((row, sum(count for _, count in missing_takes(row, takes, remake_all=options.remake_all))))
    return counts


def _measure_spans(
    worklist: WorkList, group: Sequence[tuple[WorkListRow, int]]
) -> list[tuple[WorkListRow, int, list[Fraction] | TracklayError]]:
    """Return the length of each row's span in seconds and those of its requests, or the error that stops it."""
    try:
        picture = OpenPicture(group[0][0].picture)
    except TracklayError as error:
        return [(row, count, error) for row, count in group]
    outcomes: list[tuple[WorkListRow, int, list[Fraction] | TracklayError]] = []
    for row, count in group:
        try:
            cue = picture.cue(row)
            if cue.picture.error:
                raise InvalidInput("cue.picture_error", "{reason}", reason=cue.picture.error)
            spec = create_job_spec(cue, Path(), "", worklist.models, check_key=False)
            outcomes.append((row, count, [cue.span.seconds, *spec.request_seconds]))
        except TracklayError as error:
            outcomes.append((row, count, error.prefix_with(row.picture.name)))
    return outcomes


def _add_row(
    estimate: BatchEstimate,
    model: Model,
    row: WorkListRow,
    count: int,
    outcome: list[Fraction] | TracklayError,
    describe: Callable[[TracklayError], str],
) -> None:
    part = estimate.models[model.id]
    if isinstance(outcome, TracklayError):
        estimate.errors.append((row.id, describe(outcome)))
        return
    span, *requests = outcome
    part.rows += 1
    part.takes += count
    part.requests += len(requests) * count
    part.picture_seconds += span * count
    for seconds in requests:
        cost = model.estimate_cost(seconds, row.params)
        part.cost = None if cost is None or part.cost is None else part.cost + cost * count


def check_cap(worklist: WorkList, rows: Sequence[WorkListRow], options: BatchOptions) -> None:
    """Check that the list's cost so far and the cost of its missing takes together stay below its cap.

    Raises:
        InvalidInput: they exceed it, a price is unknown, or the cap is not an amount.
    """
    if options.cap is None:
        return
    cap = parse_amount(options.cap, "the cost cap")
    estimate = estimate_batch(worklist, rows, options)
    for name in estimate.unpriced_models:
        # A provider that estimates a request itself enforces the cap at submission.
        if "estimate" not in get_provider(worklist.models[name].provider).capabilities:
            raise InvalidInput(
                "batch.price_unknown",
                "The price of {model} is unknown, so the cost cap cannot be enforced.",
                model=name,
            )
    spent = _spent_so_far(options.run_id(worklist))
    total = spent + sum(estimate.cost_by_currency.values(), Decimal(0))
    if total > cap:
        raise InvalidInput(
            "batch.over_cap",
            "{worklist} would cost about {total:.2f} in total, {spent:.2f} of it already spent; the cap is {cap:.2f}.",
            worklist=worklist.path.name,
            total=total,
            spent=spent,
            cap=cap,
        )


def _spent_so_far(run_id: str) -> Decimal:
    """Return the cost of the list's finished jobs. Takes of unfinished ones are still missing, and estimated as such."""
    if not ledger_schema.ledger_path().exists():
        return Decimal(0)
    ledger = Ledger()
    try:
        ended = [group for group in cost_groups(ledger, run=run_id) if group["state"] in FINISHED_STATES]
    finally:
        ledger.close()
    return sum((cost.confirmed + cost.estimated for cost in summarize_costs(ended, "provider")), Decimal(0))
