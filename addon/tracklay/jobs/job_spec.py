"""What is ordered: a cue with its model, and where its takes go; checked whole before anything begins."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..cue import SAMPLE_RATE, Cue, Picture, Render, Sized
from ..errors import BadInput
from ..models import Model, find
from ..timing import Rate, Span, TimeMap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..cue import Value

Stage = Literal["extract", "generate", "conform", "ready", "failed"]
RANDOM_SEED = -1
"""What a person writes for 'draw one': the providers' own custom (facts/apis.md, section 1.10)."""

MOST_TAKES = 99

SEEDS = 1 << 31
"""Random seeds are drawn below this: every provider's range holds them, or its parameter says less."""


@dataclass(frozen=True, slots=True)
class Order:
    """A checked cue, its model, and where its takes go: `folder`/`stem`.<model>.take<K>.wav.

    `laying` is plain data for whoever lays them, also after a restart: the ledger keeps it and reads nothing in it. `sample_rate` is
    the takes'.
    """

    cue: Cue
    model: Model
    folder: Path
    stem: str
    laying: Mapping[str, Any] = field(default_factory=dict)
    sample_rate: int = SAMPLE_RATE

    @property
    def project(self) -> str:
        """What its cost is counted to: the folder that its takes go to."""
        return str(self.folder)

    def plain(self) -> dict[str, Any]:
        """As the ledger holds it."""
        return {
            "cue": plain_cue(self.cue),
            "folder": str(self.folder),
            "stem": self.stem,
            "laying": dict(self.laying),
            "sample_rate": self.sample_rate,
        }

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any], catalogue: Mapping[str, Model]) -> Order:
        """It again.

        Raises:
            BadInput: its model is no longer in the catalogue.
        """
        cue = cls.cue_of(plain)
        model, sample_rate = find(cue.model, catalogue), plain.get("sample_rate", SAMPLE_RATE)
        return cls(cue, model, Path(plain["folder"]), plain["stem"], plain["laying"], sample_rate)

    @staticmethod
    def cue_of(plain: Mapping[str, Any]) -> Cue:
        """Its cue alone, whatever became of its model."""
        held = dict(plain["cue"])
        start, frames, rate = held.pop("span")
        points = tuple((Fraction(frame), Fraction(seconds)) for frame, seconds in held.pop("map"))
        images, own_rate = tuple(held.pop("images")), held.pop("rate")
        own = None if own_rate is None else Rate(Fraction(own_rate))
        render, why = _render_of(held.pop("render", None)), held.pop("why", "")
        picture = Picture(Path(held.pop("source")), TimeMap(points), images, own, render=render, why=why)
        return Cue(span=Span(start, frames, Rate(Fraction(rate))), picture=picture, **held)

    def take_name(self, number: int, stem: str = "") -> str:
        """A take's file name, or one of its stems'."""
        model = self.model.id.replace("/", "-")
        return f"{self.stem}.{model}.take{number}{'.' + stem if stem else ''}.wav"


def plain_cue(cue: Cue) -> dict[str, Any]:
    """A cue as plain data; `Order.cue_of` makes it again from `{"cue": ...}`."""
    span = cue.span
    return {
        "id": cue.id,
        "span": [span.start, span.frames, str(span.rate)],
        "source": str(cue.picture.source.absolute()),
        "map": [[str(frame), str(seconds)] for frame, seconds in cue.picture.map.points],
        "images": list(cue.picture.images),
        "rate": None if cue.picture.rate is None else str(cue.picture.rate),
        "render": _plain_render(cue.picture.render),
        "why": cue.picture.why,
        "model": cue.model,
        "prompt": cue.prompt,
        "negative": cue.negative,
        "seed": cue.seed,
        "takes": cue.takes,
        "params": dict(cue.params),
        "square": cue.square,
    }


def _plain_render(render: Render | None) -> dict[str, Any] | None:
    if render is None:
        return None
    copy = None if render.copy is None else str(render.copy)
    return {"program": list(render.program), "scene": render.scene, "strip": render.strip, "copy": copy}


def _render_of(plain: Mapping[str, Any] | None) -> Render | None:
    if plain is None:
        return None
    copy = None if plain["copy"] is None else Path(plain["copy"])
    return Render(tuple(plain["program"]), plain["scene"], plain["strip"], copy)


@dataclass(frozen=True, slots=True)
class Step:
    """Where a take is on its way. `index` counts the takes of its cue in this run from 0; `fraction` is None where nobody knows.

    `job` is its row in the ledger.
    """

    cue: str
    index: int
    stage: Stage
    fraction: float | None = None
    words: str = ""
    job: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a cue says of the sound that is wanted, without its picture: all that can be checked before the picture is looked at."""

    prompt: str
    negative: str
    takes: int
    seed: int | None
    params: Mapping[str, Value]

    def checked(self, model: Model) -> Asked:
        """It with all parameters, when the model can do it.

        Raises:
            BadInput: a parameter or the seed is wrong, or a prompt is missing.
        """
        params = model.check(self.params)
        if not 1 <= self.takes <= MOST_TAKES:
            raise BadInput(f"takes must be from 1 to {MOST_TAKES}, not {self.takes}")
        prompt = model.role("prompt")
        if prompt is not None and prompt.required and not self.prompt.strip():
            raise BadInput(f"{model.id} needs a prompt: give it with --prompt")
        for parameter, text in ((prompt, self.prompt), (model.role("negative"), self.negative)):
            if parameter is not None and text:
                parameter.check(text)
        seed = None if self.seed == RANDOM_SEED else self.seed
        if seed is not None and (parameter := model.role("seed")) is not None:
            parameter.check(seed)
            parameter.check(seed + self.takes - 1)
        return replace(self, params=params, seed=seed)


def checked(cue: Cue, folder: Path, stem: str, catalogue: Mapping[str, Model] | None = None) -> Order:
    """The order for a cue, when its model can do it.

    Raises:
        BadInput: no such model, a parameter, the seed or the square is wrong, a prompt is missing, the span is too long, or its
            picture cannot be read.
        KeyMissing: the provider wants a key and none is set.
    """
    model = find(cue.model, catalogue)
    asked = Asked(cue.prompt, cue.negative, cue.takes, cue.seed, cue.params).checked(model)
    if cue.picture.trouble:
        raise BadInput(cue.picture.trouble)
    if cue.square:
        from ..media.square_crop import place  # noqa: PLC0415 - few ask for one, and Blender starts without

        place(cue.square)
    model.check_span(cue.span.seconds)
    from ..providers import provider  # noqa: PLC0415 - asyncio comes along, and a price needs none

    provider(model.provider).ready()
    return Order(replace(cue, params=asked.params, seed=asked.seed), model, folder, stem)


def sized(model: Model, square: str) -> Sized:
    """What the picture must be like that a model is shown for a cue of this square: by this proxies are found again."""
    return Sized(model.short_side, square, Fraction(str(model.seconds.least)))


def drawn(order: Order) -> int:
    """A random seed that the model takes; never one that asks the provider to draw, so that it can be told."""
    parameter = order.model.role("seed")
    low = 0 if parameter is None or parameter.minimum is None else max(0, int(parameter.minimum))
    high = SEEDS if parameter is None or parameter.maximum is None else min(SEEDS, int(parameter.maximum) + 1)
    return low + secrets.randbelow(high - low)


def wishes(order: Order) -> list[str]:
    """What each of an order's takes is known by when it is asked for again: the cue and where its takes go, not when it was asked.

    The picture is known by its file's size and time of change, so that this costs no reading.
    """
    plain = order.plain()
    cue = {name: value for name, value in plain["cue"].items() if name not in ("id", "seed", "takes", "why")}
    try:
        seen = order.cue.picture.source.stat()
        file = [seen.st_size, seen.st_mtime_ns]
    except OSError:
        file = []
    seeds = [None if order.cue.seed is None else order.cue.seed + place for place in range(order.cue.takes)]
    told = [
        json.dumps([cue, plain["folder"], plain["stem"], plain["sample_rate"], file, seed], sort_keys=True)
        for seed in seeds
    ]
    return [hashlib.sha256(words.encode()).hexdigest() for words in told]
