"""The estimate of what Generate makes: the number of cues, their length and their price, as one line for panels and dialogs."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...cue import Cue, Picture
from ...errors import InvalidInput
from ...jobs import JobSpec, estimate_cost
from ...timing import Span, TimeMap
from ..sequencer import selection
from ..settings import properties
from ..settings.i18n.translate import translate_ui
from .lookups import model_bills

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...models import Model

DUMMY_PICTURE = Picture(Path(), TimeMap(((Fraction(0), Fraction(0)), (Fraction(1), Fraction(1)))))
"""Placeholder of a cue's picture where only its price is needed."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate of some cues.

    Attributes:
        cues: number of cues.
        seconds: their length together.
        requests: requests for one take of each: more than cues where one is made in parts.
        takes: takes of each cue.
        costs: the sum of all takes, by currency.
        unknown_prices: what is known instead of the price of a model that is not known before, translated.
    """

    cues: int
    seconds: Fraction
    requests: int
    takes: int
    costs: dict[str, Decimal] = field(default_factory=dict)
    unknown_prices: tuple[str, ...] = ()

    @property
    def price_text(self) -> str:
        """The price, translated."""
        known = [f"{amount:.2f} {currency}" for currency, amount in self.costs.items() if amount]
        return " + ".join((*known, *self.unknown_prices)) or translate_ui("free")

    @property
    def text(self) -> str:
        """The line, translated: `5 cues, 43 s, 2 takes each, 0.43 USD`."""
        seconds = f"{round(float(self.seconds), 2 if self.seconds < 10 else 1):g}"
        length = (
            translate_ui("{} s in {} parts", seconds, self.requests) if self.requests > self.cues else f"{seconds} s"
        )
        return ", ".join(
            (
                translate_ui("{} cues", self.cues) if self.cues > 1 else translate_ui("1 cue"),
                length,
                *([translate_ui("{} takes each", self.takes)] if self.takes > 1 else []),
                self.price_text,
            )
        )


def estimate(specs: Sequence[JobSpec]) -> Estimate:
    """Return the estimate of job specs.

    Raises:
        InvalidInput: one of them is too long or too short for its model.
    """
    costs: dict[str, Decimal] = {}
    unknown: dict[str, None] = {}
    for spec in specs:
        if spec.cue.generates and (text := unknown_price_text(spec.model)):
            unknown[text] = None
        else:
            currency = spec.model.price.currency
            costs[currency] = costs.get(currency, Decimal(0)) + (estimate_cost(spec) or Decimal(0))
    return Estimate(
        len(specs),
        sum((spec.cue.span.seconds for spec in specs), Fraction(0)),
        sum(len(spec.request_seconds) if spec.cue.generates else 1 for spec in specs),
        max((spec.cue.takes for spec in specs), default=0),
        costs,
        tuple(unknown),
    )


def unknown_price_text(model: Model) -> str:
    """Return what takes of a model were charged so far if its price is not known before, translated; empty if it is known."""
    if model.price.amount is not None and model.price.per != "compute_second":
        return ""
    bills = model_bills.known_bills(model.id)
    if bills is None or bills.amounts is None:
        return translate_ui("price unknown")
    least, most = (f"{amount:.3g}" for amount in bills.amounts)
    if least == most:
        return translate_ui("{} {} so far", least, bills.currency)
    return translate_ui("{} to {} {} so far", least, most, bills.currency)


def estimate_ranges(scene: Any, model: Model, ranges: Iterable[tuple[Any, int, int]]) -> Estimate | None:
    """Return the estimate of ranges (strip, first frame, number of frames) with the scene's settings.

    None if one of them is too long or too short for the model, which is shown as an error. Reads memory only.
    """
    settings, rate = scene.tracklay, selection.scene_rate(scene)
    tail = properties.tail_setting(settings, rate) if model.task == "music" else 0
    params, parts = properties.param_values(settings.params, model), properties.parts_setting(settings)
    specs = [
        dummy_spec(
            Cue(
                "",
                Span(0, frames, rate),
                DUMMY_PICTURE,
                model.id,
                takes=settings.takes,
                params=params,
                parts=parts,
                tail=tail,
                fit=properties.fit_setting(settings),
            ),
            model,
        )
        for _, _, frames in ranges
    ]
    try:
        return estimate(specs)
    except InvalidInput:
        return None


def dummy_spec(cue: Cue, model: Model) -> JobSpec:
    """Return a spec of a cue without its files: enough for its price."""
    return JobSpec(cue, model, DUMMY_PICTURE.source, "")
