"""The job spec: a validated cue with its model, and where its takes go. Also its stored form, and the keys it is found by."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..cue import SAMPLE_RATE, Cue, Failure, ProxySpec
from ..errors import InvalidInput, LedgerError, TracklayError
from ..models import Model, find_model, load_catalogue
from ..models.model import TEMPO_FIELD, prompt_required_error
from ..parts.handles import limit_handles
from ..parts.sizes import WHOLE, extension_frames, extension_sizes, part_sizes
from ..untrusted_data import clean_text
from .delivery import Delivery, delivery_of_plan
from .pictures.stored_cue import cue_to_dict, stored_cue

if TYPE_CHECKING:
    from ..cue import ParamValue
    from ..parts.sizes import PartSizes

Stage = Literal["extract", "generate", "conform", "ready", "failed"]
"""Stages of a take as front ends show them. The ledger's states are finer (`states`)."""

RANDOM_SEED = -1
"""Value that means "choose a seed", as in the providers' own web pages."""

FIT_MARGIN = Fraction(6, 5)
"""Music that is fitted is asked for at this many times the span's length."""

MAX_TAKES = 99
"""Takes of one cue, at most."""

SEED_LIMIT = 1 << 31
"""Upper bound of random seeds (excluded): the smallest range among the providers, unless a model's parameter states a smaller one."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A validated cue, its model, and where its takes go: `folder`/`stem`.<model>.take<K>.wav.

    `delivery` says who lays the takes, and where, also after a restart; the ledger stores it. `sample_rate` is the takes', in Hz.
    """

    cue: Cue
    model: Model
    folder: Path
    stem: str
    delivery: Delivery = field(default_factory=Delivery)
    sample_rate: int = SAMPLE_RATE

    @property
    def project(self) -> str:
        """The name that costs are summed by: the takes folder."""
        return str(self.folder)

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as the ledger stores it."""
        # What is stored identifies work that was paid for, also by earlier versions: what does not apply to a cue is left out.
        cue = self.cue if self.part_sizes is not None else replace(self.cue, parts=WHOLE)
        cue = cue if self.fits_takes else replace(cue, fit="off")
        return {
            "cue": cue_to_dict(cue),
            "folder": str(self.folder),
            "stem": self.stem,
            "laying": self.delivery.to_dict(),
            "sample_rate": self.sample_rate,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], catalogue: Mapping[str, Model]) -> JobSpec:
        """Rebuild a spec from its stored form.

        Raises:
            InvalidInput: its model is no longer in the catalogue.
            LedgerError: it is damaged.
        """
        cue = cls.cue_from_dict(data)
        model, sample_rate = find_model(cue.model, catalogue), data.get("sample_rate", SAMPLE_RATE)
        with _readable_plan():
            return cls(cue, model, Path(data["folder"]), data["stem"], delivery_of_plan(data), sample_rate)

    @classmethod
    def cue_from_dict(cls, data: Mapping[str, Any]) -> Cue:
        """Rebuild only the cue, even if its model no longer exists.

        Raises:
            LedgerError: it is damaged.
        """
        with _readable_plan():
            return stored_cue(data)

    @property
    def lands_takes(self) -> bool:
        """True if takes are moved to the picture's contacts."""
        return self.cue.land == "auto" and can_land(self.model, self.cue.params)

    @property
    def fits_takes(self) -> bool:
        """True if takes are music that is fitted to the span and its hits. Music for a picture follows that picture already."""
        sees_picture = self.model.picture_input(self.cue.params) is not None
        return self.cue.fit == "auto" and can_fit(self.model) and not sees_picture and self.cue.patch is None

    @property
    def seconds_to_ask(self) -> Fraction:
        """The length that one request asks for: the tail too, and where music is fitted more, so that there are bars to leave out.

        Music for a picture has the picture's length.
        """
        cue, seconds = self.cue, self.cue.request_span.seconds
        parameter = self.model.parameter_for_role("seconds")
        if parameter is None or self.model.picture_input(cue.params) or cue.patch is not None:
            return seconds
        margin = FIT_MARGIN if self.fits_takes else 1
        limits = [Fraction(str(most)) for most in (self.model.seconds.most, parameter.maximum) if most is not None]
        return max(seconds, min([cue.sound_span.seconds * margin, *limits]))

    @property
    def is_free_music(self) -> bool:
        """True for music that no picture shapes. Its parts are joined on bars, or continue each other, and may begin anywhere."""
        return self.model.is_free_music and self.cue.patch is None

    @property
    def part_sizes(self) -> PartSizes | None:
        """The sizes of the parts that a take is generated in; None if it is one request, or none."""
        cue, span = self.cue, self.cue.request_span
        if not cue.generates:
            return None
        if cue.extends:
            return extension_sizes(self.model, self.frames_in_parts, span.rate)
        return part_sizes(self.model, span.frames, span.rate, cue.parts, is_patch=cue.patch is not None)

    @property
    def frames_in_parts(self) -> int:
        """The length that a take's requested parts have together, in frames: the span's; of music as much as `seconds_to_ask` says.

        Of music that continues an earlier take's, it is what is added to that.
        """
        cue = self.cue
        if not self.is_free_music:
            return cue.request_span.frames
        wanted = math.ceil(cue.sound_span.frames * (FIT_MARGIN if self.fits_takes else 1))
        return extension_frames(self.model, wanted - cue.extends, cue.span.rate) if cue.extends else wanted

    @property
    def request_seconds(self) -> list[Fraction]:
        """The length of each request of a take, in seconds. The picture may move the ends of parts, but not change their number.

        Parts that an earlier take has are not requested.
        """
        rate, sizes = self.cue.span.rate, self.part_sizes
        if sizes is None:
            return [self.seconds_to_ask]
        lengths = [rate.seconds(each) for each in sizes.lengths(self.frames_in_parts)]
        recipes = self.cue.part_recipes[1:] if self.cue.extends else self.cue.part_recipes
        return [each for number, each in enumerate(lengths) if not (recipes and recipes[number].is_made)]

    @property
    def tempo_sent(self) -> str:
        """The tempo as a request states it besides the user's own prompt and parameters: words, `NAME=VALUE`, or nothing."""
        cue, parameter = self.cue, self.model.parameter_for_role("tempo")
        if cue.tempo is None or (parameter is not None and parameter.name in cue.params):
            return ""
        if parameter is not None:
            is_allowed = (parameter.minimum or 0) <= cue.tempo <= (parameter.maximum or math.inf)
            return f"{parameter.name}={cue.tempo:g}" if is_allowed else ""
        from ..sketch.music.prompt_parser import find_prompt_tempo  # noqa: PLC0415 - rarely needed, and slow to load

        is_typed = find_prompt_tempo(cue.prompt)[0] is not None
        words = "" if is_typed else self.model.tempo_words.replace(TEMPO_FIELD, f"{cue.tempo:g}")
        prompt = self.model.parameter_for_role("prompt")
        longest = math.inf if prompt is None or prompt.maximum is None else prompt.maximum
        return words if len(_join_words(cue.prompt, words)) <= longest else ""

    @property
    def request_prompt(self) -> str:
        """The prompt of a request: the user's, and words for the tempo."""
        sent = self.tempo_sent
        return self.cue.prompt if self.model.parameter_for_role("tempo") else _join_words(self.cue.prompt, sent)

    @property
    def request_params(self) -> dict[str, ParamValue]:
        """The parameters of a request: the cue's, and the tempo."""
        parameter = self.model.parameter_for_role("tempo")
        params = dict(self.cue.params)
        if parameter is not None and self.cue.tempo is not None and self.tempo_sent:
            params[parameter.name] = parameter.validate(
                round(self.cue.tempo) if parameter.type == "integer" else self.cue.tempo
            )
        return params

    @property
    def scores_takes(self) -> bool:
        """True if takes are scored."""
        return self.cue.best

    def take_name(self, number: int, stem: str = "") -> str:
        """Return the file name of a take, or of one of its stems."""
        model = self.model.id.replace("/", "-")
        return f"{self.stem}.{model}.take{number}{'.' + stem if stem else ''}.wav"


def _join_words(prompt: str, words: str) -> str:
    """Return a prompt with words after it."""
    return ", ".join(part for part in (prompt.rstrip(" .,;"), words) if part) if words else prompt


@contextlib.contextmanager
def _readable_plan() -> Iterator[None]:
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, TracklayError):
            raise
        raise LedgerError(
            "job.plan_damaged",
            "The plan of a job in the ledger is damaged ({reason}). Repair the ledger.",
            reason=f"{type(error).__name__}: {error}",
        ) from error


def can_land(model: Model, params: Mapping[str, ParamValue]) -> bool:
    """Return whether takes of a model can be moved to the picture's contacts.

    Music has none; the offline engine puts its sounds on them itself; and a model that sees no moving picture places nothing.
    """
    return model.task != "music" and model.provider != "sketch" and model.picture_input(params) == "video"


def can_fit(model: Model) -> bool:
    """Return whether takes of a model can be fitted to a span: music, unless it is composed to the span already."""
    return model.task == "music" and model.provider != "sketch"


@dataclass(frozen=True, slots=True)
class StageProgress:
    """The progress of one take.

    `take_index` counts the takes of its cue in this run from 0; `fraction` runs from 0 to 1, None if unknown. `job_id` is its row in
    the ledger, `model` the ID of its model.
    """

    cue: str
    take_index: int
    stage: Stage
    fraction: float | None = None
    message: str = ""
    job_id: int | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class TakeSettings:
    """The settings of a cue without its picture: everything that can be validated before a file is opened."""

    prompt: str
    negative: str
    takes: int
    seed: int | None
    params: Mapping[str, ParamValue]

    def validate(self, model: Model) -> TakeSettings:
        """Return the settings with all of the model's parameters filled in.

        Raises:
            InvalidInput: a parameter, the seed or the number of takes is out of range, or a required prompt is missing.
        """
        params = model.validate_params(self.params)
        if not 1 <= self.takes <= MAX_TAKES:
            raise InvalidInput(
                "cue.takes_out_of_range", "Takes must be from 1 to {most}: {value}.", most=MAX_TAKES, value=self.takes
            )
        prompt = model.parameter_for_role("prompt")
        if prompt is not None and prompt.required and not self.prompt.strip():
            raise prompt_required_error(model)
        for parameter, text in ((prompt, self.prompt), (model.parameter_for_role("negative"), self.negative)):
            if parameter is not None and text:
                parameter.validate(text)
        seed = None if self.seed == RANDOM_SEED else self.seed
        if seed is not None and (parameter := model.parameter_for_role("seed")) is not None:
            # Take k gets seed + k: the last one must be in range too.
            parameter.validate(seed)
            parameter.validate(seed + self.takes - 1)
        return replace(self, params=params, seed=seed)


def create_job_spec(
    cue: Cue, folder: Path, stem: str, catalogue: Mapping[str, Model] | None = None, *, check_key: bool = True
) -> JobSpec:
    """Validate a cue against its model and return its job spec.

    Args:
        cue: the cue.
        folder: takes folder.
        stem: first part of the takes' file names.
        catalogue: models by ID; by default the user's catalogue.
        check_key: check that the provider's key is set; an estimate needs none.

    Raises:
        InvalidInput: unknown model; a parameter, the seed, the square or the length of parts is out of range; a required prompt is
            missing; the span is too long for one request, and is not made in parts; the picture cannot be read.
        InvalidInput: a certificate is set, and cannot sign.
        KeyMissing: the provider needs a key and none is set.
    """
    model = find_model(cue.model, catalogue)
    settings = TakeSettings(cue.prompt, cue.negative, cue.takes, cue.seed, cue.params).validate(model)
    if cue.picture.error:
        raise InvalidInput("cue.picture_error", "{reason}", reason=cue.picture.error)
    pictures = (cue.picture, *(piece.picture for piece in cue.picture.pieces))
    for name in (str(folder), *(name for each in pictures for name in (str(each.source), *each.images))):
        if clean_text(name) != name:  # the ledger holds Unicode text
            raise InvalidInput(
                "path.not_unicode", "Name is not valid Unicode: {name}. Rename the file.", name=clean_text(name)
            )
    if cue.square:
        from ..media.square_crop import crop_position  # noqa: PLC0415 - rarely needed, and it would slow down Blender's start

        crop_position(cue.square)
    cue = replace(cue, handles=limit_handles(cue, model))
    if not cue.generates:
        cue = replace(cue, parts=WHOLE)
    elif JobSpec(cue, model, folder, stem).part_sizes is None:
        model.check_span(cue.request_span.seconds)
        cue = replace(cue, parts=WHOLE)
    from ..providers.base import get_provider  # noqa: PLC0415 - loads asyncio, which enabling the extension must not

    if check_key and cue.generates:
        get_provider(model.provider).check_ready()
        from ..media.marks.signing import check_signing  # noqa: PLC0415 - for the same reason

        check_signing()
        from ..models.plan_terms import plan_terms  # noqa: PLC0415 - as above

        plan_terms(model)  # raises for a plan that is not known
    # Other sounds lie where the picture's contacts are. What does not apply is left out of what identifies a request.
    hits, tail = (cue.hits, cue.tail) if model.task == "music" else ((), 0)
    fit = cue.fit if can_fit(model) else "off"
    # Stored parts are found by the very parameters that they were made with: 1 stays 1, and does not become 1.0.
    params = cue.params if cue.part_recipes else settings.params
    cue = replace(cue, params=params, seed=settings.seed, hits=hits, tail=tail, fit=fit)
    return JobSpec(replace(cue, tempo=_tempo_to_ask(cue, model)), model, folder, stem)


def _tempo_to_ask(cue: Cue, model: Model) -> float | None:
    """Return the tempo that a model's music is asked for, in beats per minute; None for none.

    It is the user's own, of the parameter or in the prompt; else, where the model takes a tempo, the one whose beats fall on most hits.
    """
    if not can_fit(model) or model.picture_input(cue.params) is not None or not cue.generates:
        return None
    if cue.extends:
        return cue.tempo  # that of the music that is continued
    parameter = model.parameter_for_role("tempo")
    if parameter is not None and parameter.name in cue.params:
        return float(cue.params[parameter.name])
    # Rarely needed, and slow to load.
    from ..music_fit.tempo_choice import HIGHEST_TEMPO, LOWEST_TEMPO, choose_tempo  # noqa: PLC0415
    from ..sketch.music.prompt_parser import find_prompt_tempo  # noqa: PLC0415

    typed, usual = find_prompt_tempo(cue.prompt)
    if typed is not None or not cue.hits or (parameter is None and not model.tempo_words):
        return typed
    low, high = (parameter.minimum, parameter.maximum) if parameter is not None else (None, None)
    low, high = max(LOWEST_TEMPO, low or 0), min(HIGHEST_TEMPO, high or HIGHEST_TEMPO)
    if low > high:
        return None
    frame = cue.span.rate.seconds(1)
    return choose_tempo([hit.seconds for hit in cue.hits], frame, low=math.ceil(low), high=high, hint=usual)


def proxy_spec(model: Model, square: str) -> ProxySpec:
    """Return the requirements on a model's proxy for a cue with this square crop. They are part of the key that finds a proxy again."""
    return ProxySpec(model.short_side, square, Fraction(str(model.seconds.least)))


def seed_range(spec: JobSpec) -> tuple[int, int]:
    """Return the lowest seed of the model, and the one after the highest. Seeds are never negative: providers read -1 as "random"."""
    parameter = spec.model.parameter_for_role("seed")
    low = 0 if parameter is None or parameter.minimum is None else max(0, int(parameter.minimum))
    high = SEED_LIMIT if parameter is None or parameter.maximum is None else min(SEED_LIMIT, int(parameter.maximum) + 1)
    return low, high


def random_seed(spec: JobSpec) -> int:
    """Return a random seed in the model's range."""
    low, high = seed_range(spec)
    return low + secrets.randbelow(high - low)


_NOT_REQUESTED = ("id", "seed", "takes", "reason", "timecode_start", "drop_frame", "best", "tempo")
"""Fields of a stored cue that are no part of what the user asks for, or follow from it."""


def request_keys(spec: JobSpec) -> list[str]:
    """Return a key for each take of a spec: the same when the user asks for the same again, so that an interrupted job is found.

    It covers the cue and where its takes go. The source counts by size and modification time, so that nothing is read.
    """
    from ..media.fingerprint import source_id  # noqa: PLC0415 - loads what enabling the extension must not

    data = spec.to_dict()
    # Neither how the cue is named nor how often it is asked for is part of the request; each take has its own seed below.
    cue = {name: value for name, value in data["cue"].items() if name not in _NOT_REQUESTED}
    picture = spec.cue.picture
    sources = [piece.picture.source for piece in picture.pieces]
    try:
        file = [source_id(each, "stat") for each in sources] if sources else source_id(picture.source, "stat")
    except OSError:
        file = []
    seeds = [None if spec.cue.seed is None else spec.cue.seed + index for index in range(spec.cue.takes)]
    requests = [
        json.dumps([cue, data["folder"], data["stem"], data["sample_rate"], file, seed], sort_keys=True)
        for seed in seeds
    ]
    return [hashlib.sha256(request.encode()).hexdigest() for request in requests]


def create_job_specs(
    cues: Sequence[Cue], to: Path, stem: str, delivery: Delivery, *, check_key: bool = True
) -> tuple[list[JobSpec], list[Failure]]:
    """Return the job specs of cues, and the cues that cannot be generated. Raises the first error if that is all of them."""
    catalogue = load_catalogue()  # once for all cues: it parses a file for each model
    specs: list[JobSpec] = []
    refused: list[Failure] = []
    for cue in cues:
        try:
            specs.append(replace(create_job_spec(cue, to, stem, catalogue, check_key=check_key), delivery=delivery))
        except TracklayError as error:
            refused.append(Failure(cue, error))
    if not specs:
        raise refused[0].error
    for failure in refused:
        failure.error.prefix_with(failure.cue.id)
    return specs, refused
