"""A model of the catalogue: its fields, its parameters, and the checks that a request must pass before it is sent."""

from __future__ import annotations

import difflib
import json
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Literal

from ..cue import ParamValue  # noqa: TC001 - the loader reads the annotations: they define what a file may hold
from ..errors import InvalidInput
from ..source_type import TRAINED, SourceType  # as above

Role = Literal["prompt", "negative", "seed", "seconds", "video", "image", "mode", "tempo"]
ParameterType = Literal["text", "integer", "number", "boolean", "choice", "file", "json"]

EXTRA_PREFIX = "+"
"""Prefix of a parameter that the catalogue does not know and that the user sends anyway: `+name`. Its value is kept as JSON text."""

TEMPO_FIELD = "{tempo}"
"""Place of the number in a model's words for a tempo."""

_OVERRIDABLE_ROLES = frozenset({"negative", "seconds"})
"""Roles that Tracklay fills, and that the user may set by name instead."""

_TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
_FALSE_WORDS = frozenset({"false", "no", "off", "0"})


TASK_TITLES = {"foley": "Foley", "effect": "Effects", "music": "Music"}
"""The word for a task in the name of a track."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a model.

    Attributes:
        name: its name in Tracklay.
        type: `file` is a path or a URL; `json` is a list or an object, as JSON text.
        help: one sentence for the user.
        default: the value that is sent if the user sets none; None sends nothing.
        minimum, maximum: limits, both inclusive: of a number, of a text's characters, of the picture's seconds for the role `video`.
        step: the increment of a slider.
        choices: the allowed texts of a `choice`.
        unit: the unit of a number, for labels.
        required: the provider rejects a request without it.
        role: the value that Tracklay itself fills in. `mode` is not sent: it selects whether `video`, `image` or only `text` is.
            `tempo`, beats per minute, is filled in for music with hits if the user sets none.
        wire: its name at the provider, where that differs. Dots separate the keys of nested objects.
    """

    name: str
    type: ParameterType
    help: str
    default: ParamValue | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    required: bool = False
    role: Role | None = None
    wire: str = ""

    @property
    def wire_name(self) -> str:
        """Its name at the provider."""
        return self.wire or self.name

    def parse(self, text: str) -> ParamValue:
        """Return the value of a text that the user wrote. It is not yet checked against the limits: see `validate`.

        Raises:
            InvalidInput: it is not of this type.
        """
        try:
            if self.type == "integer":
                return int(text)
            if self.type == "number":
                return float(text)
        except ValueError:
            raise self._not_a_number_error(text) from None
        if self.type == "boolean":
            if text.lower() not in _TRUE_WORDS | _FALSE_WORDS:
                raise self._not_boolean_error(text)
            return text.lower() in _TRUE_WORDS
        if self.type == "file" and text and not is_url(text):
            return str(Path(text).absolute())
        return text

    def validate(self, value: ParamValue) -> ParamValue:
        """Return the value as it is sent: an integer for a `number` becomes a float, and 3.0 for an `integer` becomes 3.

        Raises:
            InvalidInput: wrong type, out of range, or none of the choices.
        """
        if self.type in ("integer", "number"):
            return self._validate_number(value)
        if self.type == "boolean":
            if not isinstance(value, bool):
                raise self._not_boolean_error(value)
        elif not isinstance(value, str):
            raise InvalidInput(
                "parameter.not_text", "{parameter} must be text, not {value!r}.", parameter=self.name, value=value
            )
        elif self.choices and value not in self.choices:
            raise InvalidInput(
                "parameter.not_a_choice",
                "{parameter} must be one of {choices}, not {value!r}{suggestion}.",
                parameter=self.name,
                choices=", ".join(self.choices),
                value=value,
                suggestion=suggest_nearest(value, self.choices),
            )
        elif self.type == "text" and not (self.minimum or 0) <= len(value) <= (self.maximum or math.inf):
            raise InvalidInput(
                "parameter.text_length",
                "{parameter} must have {limits}, not {length}.",
                parameter=self.name,
                limits=self.limits_text,
                length=len(value),
            )
        elif self.type == "json" and value and not is_json(value):
            raise not_json_error(self.name, value)
        elif self.type == "file" and value and not is_url(value) and not Path(value).is_file():
            raise parameter_file_not_found_error(self.name, value)
        return value

    def _validate_number(self, value: ParamValue) -> ParamValue:
        whole = self.type == "integer"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._not_a_number_error(value)
        # Also false for NaN. An integer above it cannot become a float.
        if not abs(value) <= sys.float_info.max:
            raise InvalidInput("parameter.not_finite", "{parameter} must be a finite number.", parameter=self.name)
        if whole and value != int(value):
            raise self._not_a_number_error(value)
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise InvalidInput(
                "parameter.out_of_range",
                "{parameter} must be {limits}, not {value}.",
                parameter=self.name,
                limits=self.limits_text,
                value=_format_number(value),
            )
        return int(value) if whole else float(value)

    def _not_a_number_error(self, value: ParamValue) -> InvalidInput:
        if self.type == "integer":
            return InvalidInput(
                "parameter.not_a_whole_number",
                "{parameter} must be a whole number, not {value!r}.",
                parameter=self.name,
                value=value,
            )
        return InvalidInput(
            "parameter.not_a_number", "{parameter} must be a number, not {value!r}.", parameter=self.name, value=value
        )

    def _not_boolean_error(self, value: ParamValue) -> InvalidInput:
        return InvalidInput(
            "parameter.not_boolean",
            "{parameter} must be true or false, not {value!r}.",
            parameter=self.name,
            value=value,
        )

    @property
    def limits_text(self) -> str:
        """The allowed range as text: `from 0 to 10`, `one of a, b`, or empty."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        low = None if self.minimum is None else f"{_format_number(self.minimum)}"
        high = None if self.maximum is None else f"{_format_number(self.maximum)}"
        limits = (
            f"from {low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""
        )
        return f"{limits} characters" if limits and self.type == "text" else limits


@dataclass(frozen=True, slots=True)
class DurationLimits:
    """Lengths of a model's sound, in seconds.

    Attributes:
        least: the shortest that the model accepts.
        most: the longest, None if it is unknown.
        native: the preferred length, the one that the model was trained on: parts of a longer span come out best at it.
    """

    least: float = 0.0
    most: float | None = None
    native: float | None = None


@dataclass(frozen=True, slots=True)
class ContinuationInput:
    """The parameters by which a model continues music from its end.

    Attributes:
        sound: name of the `file` parameter that takes the end of the music so far.
        seconds: length of the end that is given. It and the length that is asked for are together no longer than the model's longest.
        switch: name of the `boolean` parameter that is true then; empty if there is none.
    """

    sound: str
    seconds: float
    switch: str = ""


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a take.

    Attributes:
        amount: a decimal as text, None if it is unknown.
        currency: an ISO code, or the provider's own unit (`CU` on Scenario).
        per: the amount's unit: one take, one second of sound, or one second of computing, whose number is known only afterwards.
        times: name of the parameter that multiplies the amount: the number of sounds of one request.
        read: the day the price was looked up, as `YYYY-MM-DD`.
        source: the page it was read from.
    """

    amount: str | None = None
    currency: str = "USD"
    per: Literal["take", "second", "compute_second"] = "take"
    times: str = ""
    read: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Licence:
    """The licence of a model's sound. `commercial` is None if it is unknown; `source` is the page that states it."""

    name: str
    commercial: bool | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the catalogue.

    Attributes:
        id: `provider/name`.
        title, summary: text for menus and lists.
        task: the kind of sound.
        provider: module name in `providers`.
        endpoint: the model's name at its provider.
        needs: inputs that a request must have.
        gives: the form of the output; `list` is several files, `stems` one file for each stem.
        licence: the licence of its sound.
        takes: all inputs that a request may have; empty if they are the same as `needs`.
        seconds: limits of the sound's length.
        continues: how it is given music to continue; None if it continues none.
        price: the price of a take.
        version: the provider's version id; empty for the newest.
        short_side: pixels of the shorter side of the picture it gets. 384 loses nothing for MMAudio (measured): it resizes every
            picture to a square of that size, so that more pixels are only more bytes.
        tempo_words: words that give a model without a parameter for it the tempo of its music, appended to the prompt: `at {tempo} BPM`.
            Empty if it is not known that the model follows such words.
        looks: how the model samples the picture, in a phrase; empty if that is not published.
        examples: prompts that show what the model understands.
        examples_source: address of the vendor's page that has the examples; empty if they are Tracklay's own.
        source_type: how its sound comes about, as a term of IPTC's digital source types.
        repeatable: False if its vendor says that the same seed does not give the same sound.
        unconfirmed: sentences about fields that were inferred, not read.
        parameters: all parameters, in the order of the file.
    """

    id: str
    title: str
    summary: str
    task: Literal["foley", "effect", "music"]
    provider: str
    endpoint: str
    needs: tuple[Literal["video", "image", "audio", "text"], ...]
    gives: Literal["audio", "video", "list", "stems"]
    licence: Licence
    takes: tuple[Literal["video", "image", "audio", "text"], ...] = ()
    seconds: DurationLimits = DurationLimits()
    continues: ContinuationInput | None = None
    price: Price = Price()
    version: str = ""
    short_side: int = 384
    tempo_words: str = ""
    looks: str = ""
    examples: tuple[str, ...] = ()
    examples_source: str = ""
    source_type: SourceType = TRAINED
    repeatable: bool = True
    unconfirmed: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = field(default=(), repr=False)

    def parameter_for_role(self, role: Role) -> Parameter | None:
        """Return the parameter that Tracklay fills with the prompt, the seed, the picture and so on; None if there is none."""
        return next((parameter for parameter in self.parameters if parameter.role == role), None)

    @property
    def settable(self) -> tuple[Parameter, ...]:
        """The parameters that the user sets: all that Tracklay does not fill itself, and the tempo, which the user may leave to it."""
        return tuple(parameter for parameter in self.parameters if parameter.role in (None, "mode", "tempo"))

    @property
    def settable_by_name(self) -> tuple[Parameter, ...]:
        """The settable parameters, and those that the user may override by name."""
        return tuple(
            parameter for parameter in self.parameters if parameter.role in (None, "mode", "tempo", *_OVERRIDABLE_ROLES)
        )

    def picture_input(self, params: Mapping[str, ParamValue]) -> Literal["video", "image"] | None:
        """Return the part of the picture that a request with these parameters contains; None for no picture."""
        if mode := self.parameter_for_role("mode"):
            chosen = params.get(mode.name, mode.default)
            return "video" if chosen == "video" else "image" if chosen == "image" else None
        known = (*self.needs, *self.takes)
        return "video" if "video" in known else "image" if "image" in known else None

    @property
    def repeats_by_seed(self) -> bool:
        """False if the same request gives another sound each time: the model takes no seed, or does not keep to it."""
        return self.repeatable and self.parameter_for_role("seed") is not None

    @property
    def is_free_music(self) -> bool:
        """True for music that sees no picture: no moment of it belongs to a frame, so its parts may be joined on any bar."""
        return self.task == "music" and not {"video", "image"} & {*self.needs, *self.takes}

    def find_parameter(self, name: str) -> Parameter:
        """Return a parameter by name.

        Raises:
            InvalidInput: the name is unknown; the message suggests the nearest.
        """
        found = next((parameter for parameter in self.settable_by_name if parameter.name == name), None)
        if found is None:
            names = [parameter.name for parameter in self.settable_by_name]
            raise InvalidInput(
                "parameter.unknown",
                "{model} has no parameter {parameter!r}{suggestion}.",
                model=self.id,
                parameter=name,
                suggestion=suggest_nearest(name, names),
            )
        return found

    def validate_params(self, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """Return all parameters of a request: the given ones, checked, and the defaults of the others.

        Raises:
            InvalidInput: a name or a value is wrong, or a required one is missing.
        """
        try:
            given = {
                name: self._validate_extra(name, value)
                if name.startswith(EXTRA_PREFIX)
                else self.find_parameter(name).validate(value)
                for name, value in params.items()
            }
        except InvalidInput as error:
            error.prefix_with(self.id)
            raise
        for parameter in self.settable:
            if parameter.required and parameter.name not in given:
                raise InvalidInput(
                    "parameter.missing",
                    "{model} needs the parameter {parameter}.",
                    model=self.id,
                    parameter=parameter.name,
                )
        defaults = {p.name: p.default for p in self.settable if p.default is not None}
        return {**defaults, **given}

    def _validate_extra(self, name: str, value: ParamValue) -> str:
        """Return the JSON text of a parameter that the catalogue does not know."""
        bare = name.removeprefix(EXTRA_PREFIX)
        if not bare or any(bare in (p.name, p.wire_name) for p in self.parameters):
            raise InvalidInput(
                "parameter.in_catalogue",
                "{parameter}: the catalogue has {bare!r}, and a plus sign is only for parameters that it does not have.",
                parameter=name,
                bare=bare,
            )
        if not is_json(str(value)):
            raise not_json_error(name, value)
        return str(value)

    def estimate_cost(self, seconds: Fraction, params: Mapping[str, ParamValue]) -> Decimal | None:
        """Return the cost of one request for a span of that length, in the price's currency.

        None if the price is unknown, or if it is for the computing time, which is known only afterwards.
        """
        if self.price.amount is None or self.price.per == "compute_second":
            return None
        amount = Decimal(self.price.amount)
        if self.price.per == "second":
            amount = amount * seconds.numerator / seconds.denominator
        if self.price.times:
            amount *= int(params.get(self.price.times, self.find_parameter(self.price.times).default or 1))
        return amount

    def check_span(self, seconds: Fraction) -> None:
        """Reject a span that is too long for the model. One shorter than `seconds.least` passes: the pipeline pads it.

        Raises:
            InvalidInput: the span is too long, or the model does not accept a picture of its length.
        """
        video = self.parameter_for_role("video")
        if video and not (video.minimum or 0) <= seconds <= (video.maximum or math.inf):
            raise InvalidInput(
                "span.picture_length",
                "The picture for {model} must be {limits} s long; the span has {seconds:.2f} s.",
                model=self.id,
                limits=video.limits_text,
                seconds=float(seconds),
            )
        if self.seconds.most is not None and seconds > Fraction(self.seconds.most):
            raise InvalidInput(
                "span.too_long",
                "{model} generates at most {limit} s; the span has {seconds:.2f} s. Shorten it or choose another model.",
                model=self.id,
                limit=_format_number(self.seconds.most),
                seconds=float(seconds),
            )


def not_json_error(name: str, value: ParamValue) -> InvalidInput:
    """Return the error for a value of a `json` parameter that is not JSON."""
    return InvalidInput(
        "parameter.not_json",
        "{parameter} must be JSON, not {value!r}. Put text in double quotes.",
        parameter=name,
        value=value,
    )


def prompt_required_error(model: Model) -> InvalidInput:
    """Return the error for a request without a prompt to a model that requires one."""
    return InvalidInput("cue.prompt_required", "Prompt required by the model: {model}.", model=model.id)


def parameter_file_not_found_error(name: str, path: str) -> InvalidInput:
    """Return the error for a `file` parameter whose file does not exist."""
    return InvalidInput(
        "parameter.file_not_found", "File of parameter {parameter} not found: {path}.", parameter=name, path=path
    )


def _format_number(number: float) -> str:
    """Return a number in plain digits: 2147483647 and 0.05, not 2.14748e+09."""
    return str(int(number)) if number == int(number) else f"{number:g}"


def is_json(text: str) -> bool:
    """Return whether a text is JSON. NaN and Infinity, which Python's parser accepts, are not."""
    try:
        # `float` of such a text raises the ValueError that rejects the constant.
        json.loads(text, parse_constant=lambda name: float(f"not JSON: {name}"))
    except ValueError:
        return False
    return True


def is_url(text: str) -> bool:
    """Return whether a file is given as a web address."""
    return text.lower().startswith(("https://", "http://"))


def suggest_nearest(name: str, names: Iterable[str]) -> str:
    """Return ` (did you mean 'NAME'?)` with the most similar name, or an empty text."""
    near = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""
