"""What is ordered: a cue with its model, and where its takes go; checked whole before anything begins."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..cue import SAMPLE_RATE, Cue, EditorRender, Picture, ProxySpec
from ..errors import InvalidInput
from ..models import Model, find_model
from ..timing import Rate, Span, TimeMap
from .delivery import Delivery, delivery_of_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..cue import ParamValue

Stage = Literal["extract", "generate", "conform", "ready", "failed"]
RANDOM_SEED = -1
"""What a person writes for 'draw one': the providers' own custom (facts/apis.md, section 1.10)."""

MAX_TAKES = 99

SEED_LIMIT = 1 << 31
"""Random seeds are drawn below this: every provider's range holds them, or its parameter says less."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A checked cue, its model, and where its takes go: `folder`/`stem`.<model>.take<K>.wav.

    `delivery` says who lays them, and where: the ledger keeps it for after a restart. `sample_rate` is the takes'.
    """

    cue: Cue
    model: Model
    folder: Path
    stem: str
    delivery: Delivery = field(default_factory=Delivery)
    sample_rate: int = SAMPLE_RATE

    @property
    def project(self) -> str:
        """What its cost is counted to: the folder that its takes go to."""
        return str(self.folder)

    def to_dict(self) -> dict[str, Any]:
        """As the ledger holds it."""
        return {
            "cue": cue_to_dict(self.cue),
            "folder": str(self.folder),
            "stem": self.stem,
            "laying": self.delivery.to_dict(),
            "sample_rate": self.sample_rate,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], catalogue: Mapping[str, Model]) -> JobSpec:
        """It again.

        Raises:
            BadInput: its model is no longer in the catalogue.
        """
        cue = cls.cue_from_dict(data)
        model, sample_rate = find_model(cue.model, catalogue), data.get("sample_rate", SAMPLE_RATE)
        return cls(cue, model, Path(data["folder"]), data["stem"], delivery_of_plan(data), sample_rate)

    @staticmethod
    def cue_from_dict(data: Mapping[str, Any]) -> Cue:
        """Its cue alone, whatever became of its model."""
        held = dict(data["cue"])
        start, frames, rate = held.pop("span")
        points = tuple((Fraction(frame), Fraction(seconds)) for frame, seconds in held.pop("map"))
        images, own_rate = tuple(held.pop("images")), held.pop("rate")
        own = None if own_rate is None else Rate(Fraction(own_rate))
        render, why = _render_from_dict(held.pop("render", None)), held.pop("why", "")
        picture = Picture(Path(held.pop("source")), TimeMap(points), images, own, render=render, reason=why)
        return Cue(span=Span(start, frames, Rate(Fraction(rate))), picture=picture, **held)

    def take_name(self, number: int, stem: str = "") -> str:
        """A take's file name, or one of its stems'."""
        model = self.model.id.replace("/", "-")
        return f"{self.stem}.{model}.take{number}{'.' + stem if stem else ''}.wav"


def cue_to_dict(cue: Cue) -> dict[str, Any]:
    """A cue as plain data; `JobSpec.cue_from_dict` makes it again from `{"cue": ...}`."""
    span = cue.span
    return {
        "id": cue.id,
        "span": [span.start, span.frames, str(span.rate)],
        "source": str(cue.picture.source.absolute()),
        "map": [[str(frame), str(seconds)] for frame, seconds in cue.picture.time_map.points],
        "images": list(cue.picture.images),
        "rate": None if cue.picture.rate is None else str(cue.picture.rate),
        "render": _render_to_dict(cue.picture.render),
        "why": cue.picture.reason,
        "model": cue.model,
        "prompt": cue.prompt,
        "negative": cue.negative,
        "seed": cue.seed,
        "takes": cue.takes,
        "params": dict(cue.params),
        "square": cue.square,
    }


def _render_to_dict(render: EditorRender | None) -> dict[str, Any] | None:
    if render is None:
        return None
    copy = None if render.timeline_copy is None else str(render.timeline_copy)
    script = None if render.script is None else str(render.script)
    return {
        "program": list(render.program),
        "script": script,
        "scene": render.scene,
        "strip": render.strip,
        "copy": copy,
    }


def _render_from_dict(data: Mapping[str, Any] | None) -> EditorRender | None:
    if data is None:
        return None
    copy = None if data["copy"] is None else Path(data["copy"])
    script = Path(data["script"]) if data.get("script") else None
    return EditorRender(tuple(data["program"]), data["scene"], data["strip"], copy, script)


@dataclass(frozen=True, slots=True)
class StageProgress:
    """Where a take is on its way. `take_index` counts the takes of its cue in this run from 0; `fraction` is None where nobody knows.

    `job_id` is its row in the ledger.
    """

    cue: str
    take_index: int
    stage: Stage
    fraction: float | None = None
    message: str = ""
    job_id: int | None = None


@dataclass(frozen=True, slots=True)
class TakeSettings:
    """What a cue says of the sound that is wanted, without its picture: all that can be checked before the picture is looked at."""

    prompt: str
    negative: str
    takes: int
    seed: int | None
    params: Mapping[str, ParamValue]

    def validate(self, model: Model) -> TakeSettings:
        """It with all parameters, when the model can do it.

        Raises:
            BadInput: a parameter or the seed is wrong, or a prompt is missing.
        """
        params = model.validate_params(self.params)
        if not 1 <= self.takes <= MAX_TAKES:
            raise InvalidInput(f"takes must be from 1 to {MAX_TAKES}, not {self.takes}")
        prompt = model.parameter_for_role("prompt")
        if prompt is not None and prompt.required and not self.prompt.strip():
            raise InvalidInput(f"{model.id} needs a prompt: give it with --prompt")
        for parameter, text in ((prompt, self.prompt), (model.parameter_for_role("negative"), self.negative)):
            if parameter is not None and text:
                parameter.validate(text)
        seed = None if self.seed == RANDOM_SEED else self.seed
        if seed is not None and (parameter := model.parameter_for_role("seed")) is not None:
            parameter.validate(seed)
            parameter.validate(seed + self.takes - 1)
        return replace(self, params=params, seed=seed)


def create_job_spec(cue: Cue, folder: Path, stem: str, catalogue: Mapping[str, Model] | None = None) -> JobSpec:
    """The order for a cue, when its model can do it.

    Raises:
        BadInput: no such model, a parameter, the seed or the square is wrong, a prompt is missing, the span is too long, or its
            picture cannot be read.
        KeyMissing: the provider wants a key and none is set.
    """
    model = find_model(cue.model, catalogue)
    asked = TakeSettings(cue.prompt, cue.negative, cue.takes, cue.seed, cue.params).validate(model)
    if cue.picture.error:
        raise InvalidInput(cue.picture.error)
    if cue.square:
        from ..media.square_crop import crop_position  # noqa: PLC0415 - few ask for one, and Blender starts without

        crop_position(cue.square)
    model.check_span(cue.span.seconds)
    from ..providers.base import get_provider  # noqa: PLC0415 - asyncio comes along, and a price needs none

    get_provider(model.provider).check_ready()
    return JobSpec(replace(cue, params=asked.params, seed=asked.seed), model, folder, stem)


def proxy_spec(model: Model, square: str) -> ProxySpec:
    """What the picture must be like that a model is shown for a cue of this square: by this proxies are found again."""
    return ProxySpec(model.short_side, square, Fraction(str(model.seconds.least)))


def random_seed(spec: JobSpec) -> int:
    """A random seed that the model takes; never one that asks the provider to draw, so that it can be told."""
    parameter = spec.model.parameter_for_role("seed")
    low = 0 if parameter is None or parameter.minimum is None else max(0, int(parameter.minimum))
    high = SEED_LIMIT if parameter is None or parameter.maximum is None else min(SEED_LIMIT, int(parameter.maximum) + 1)
    return low + secrets.randbelow(high - low)


def request_keys(spec: JobSpec) -> list[str]:
    """What each of an order's takes is known by when it is asked for again: the cue and where its takes go, not when it was asked.

    The picture is known by its file's size and time of change, so that this costs no reading.
    """
    plain = spec.to_dict()
    cue = {name: value for name, value in plain["cue"].items() if name not in ("id", "seed", "takes", "why")}
    from ..media.fingerprint import source_id  # noqa: PLC0415 - Blender starts without it

    try:
        file = source_id(spec.cue.picture.source, "stat")
    except OSError:
        file = []
    seeds = [None if spec.cue.seed is None else spec.cue.seed + place for place in range(spec.cue.takes)]
    told = [
        json.dumps([cue, plain["folder"], plain["stem"], plain["sample_rate"], file, seed], sort_keys=True)
        for seed in seeds
    ]
    return [hashlib.sha256(words.encode()).hexdigest() for words in told]
