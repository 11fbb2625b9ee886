"""What a model is: its fields, its parameters, and the checks that a request must pass before anything is sent."""

from __future__ import annotations

import difflib
import json
import math
import sys
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..cue import ParamValue  # noqa: TC001 - annotations are read while running: they say what a file may hold
from ..errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal


Role = Literal["prompt", "negative", "seed", "seconds", "video", "image", "mode"]
ParameterType = Literal["text", "integer", "number", "boolean", "choice", "file", "json"]

EXTRA_PREFIX = "+"
"""Begins the name of a parameter that the catalogue does not know and that the person sends all the same: `--set +name=JSON`.
Its value is kept as the JSON text."""

_OVERRIDABLE_ROLES = frozenset({"negative", "seconds"})
"""Roles that Tracklay fills, and that a person may set by name instead."""

_TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
_FALSE_WORDS = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that can be set. `wire` is its name at the provider where that differs; a `parameter_for_role` is what Tracklay itself fills it with.

    `minimum` and `maximum` are allowed values themselves; of a text they count characters, of the role `video` seconds of picture.
    `step` is what a slider moves by. `unit` is what a number counts. A `file` is a path or a URL, `json` a list or table as JSON text.
    The role `mode` is not sent: it says whether the model is given `video`, `image` or only `text`.
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
        """The name the provider knows it by."""
        return self.wire or self.name

    def parse(self, text: str) -> ParamValue:
        """The value that a person wrote.

        Raises:
            BadInput: it is not of this type.
        """
        try:
            if self.type == "integer":
                return int(text)
            if self.type == "number":
                return float(text)
        except ValueError:
            raise InvalidInput(f"{self.name} must be a number, not {text!r}") from None
        if self.type == "boolean":
            if text.lower() not in _TRUE_WORDS | _FALSE_WORDS:
                raise InvalidInput(f"{self.name} must be true or false, not {text!r}")
            return text.lower() in _TRUE_WORDS
        if self.type == "file" and text and not is_url(text):
            return str(Path(text).absolute())
        return text

    def validate(self, value: ParamValue) -> ParamValue:
        """The value itself, when it may be sent; a whole number given for a fraction becomes one.

        Raises:
            BadInput: wrong type, out of range, or none of the choices.
        """
        if self.type in ("integer", "number"):
            return self._validate_number(value)
        if self.type == "boolean":
            if not isinstance(value, bool):
                raise InvalidInput(f"{self.name} must be true or false, not {value!r}")
        elif not isinstance(value, str):
            raise InvalidInput(f"{self.name} must be text, not {value!r}")
        elif self.choices and value not in self.choices:
            raise InvalidInput(
                f"{self.name} cannot be {value!r}{suggest_nearest(value, self.choices)}: it is one of {', '.join(self.choices)}"
            )
        elif self.type == "text" and not (self.minimum or 0) <= len(value) <= (self.maximum or math.inf):
            raise InvalidInput(f"{self.name} must have {self.limits_text}, and has {len(value)}")
        elif self.type == "json" and value and not is_json(value):
            raise InvalidInput(f"{self.name} must be JSON, not {value!r}: text stands in double quotes")
        elif self.type == "file" and value and not is_url(value) and not Path(value).is_file():
            raise InvalidInput(f"{self.name}: there is no file {value}")
        return value

    def _validate_number(self, value: ParamValue) -> ParamValue:
        whole = self.type == "integer"
        said = f"{self.name} must be a {'whole number' if whole else 'number'}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInput(f"{said}, not {value!r}")
        if not abs(value) <= sys.float_info.max:
            raise InvalidInput(f"{self.name} must be a finite number")
        if whole and value != int(value):
            raise InvalidInput(f"{said}, not {value!r}")
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise InvalidInput(f"{self.name} must be {self.limits_text}, not {_format_number(value)}")
        return int(value) if whole else float(value)

    @property
    def limits_text(self) -> str:
        """The allowed range in words: `from 0 to 10`, `one of a, b`, or nothing."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        low = None if self.minimum is None else f"{_format_number(self.minimum)}"
        high = None if self.maximum is None else f"{_format_number(self.maximum)}"
        said = (
            f"from {low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""
        )
        return f"{said} characters" if said and self.type == "text" else said


@dataclass(frozen=True, slots=True)
class DurationLimits:
    """How long a sound the model can make; `native` is the length it was trained on."""

    least: float = 0.0
    most: float | None = None
    native: float | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """What a take costs. `amount` is a decimal as text, missing where nobody could read it; `read` is the day it was read.

    `times` is the parameter that multiplies it: how many sounds one request makes.
    """

    amount: str | None = None
    currency: str = "USD"
    per: Literal["take", "second"] = "take"
    times: str = ""
    read: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Licence:
    """What the sound may be used for."""

    name: str
    commercial: bool | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """One model: what it is for, where it is, what it takes and gives, and every parameter.

    `short_side` is how many pixels the shorter side of a picture should have for it: 384 loses nothing for MMAudio (measured), and
    more is only bytes to whoever squashes it to a square of that size. `looks` says what of a picture it really sees, in a phrase; empty
    where nobody published it.
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
    price: Price = Price()
    version: str = ""
    short_side: int = 384
    looks: str = ""
    unconfirmed: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = field(default=(), repr=False)

    def parameter_for_role(self, role: Role) -> Parameter | None:
        """The parameter that Tracklay fills with its prompt, seed, picture and so on."""
        return next((parameter for parameter in self.parameters if parameter.role == role), None)

    @property
    def settable(self) -> tuple[Parameter, ...]:
        """The parameters that a person sets by name: all that Tracklay does not fill itself."""
        return tuple(parameter for parameter in self.parameters if parameter.role in (None, "mode"))

    @property
    def settable_by_name(self) -> tuple[Parameter, ...]:
        """Those, and the ones that a person may set instead of what Tracklay fills in."""
        return tuple(
            parameter for parameter in self.parameters if parameter.role in (None, "mode", *_OVERRIDABLE_ROLES)
        )

    def picture_input(self, params: Mapping[str, ParamValue]) -> Literal["video", "image"] | None:
        """What of the picture a request with these parameters carries."""
        if mode := self.parameter_for_role("mode"):
            chosen = params.get(mode.name, mode.default)
            return "video" if chosen == "video" else "image" if chosen == "image" else None
        known = (*self.needs, *self.takes)
        return "video" if "video" in known else "image" if "image" in known else None

    def find_parameter(self, name: str) -> Parameter:
        """A parameter by name.

        Raises:
            BadInput: there is none of that name; the nearest is told.
        """
        found = next((parameter for parameter in self.settable_by_name if parameter.name == name), None)
        if found is None:
            names = [parameter.name for parameter in self.settable_by_name]
            raise InvalidInput(
                f"{self.id} has no parameter {name!r}{suggest_nearest(name, names)}: `tracklay models {self.id}` lists them"
            )
        return found

    def validate_params(self, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """All parameters that a request will carry: those given, checked, and the defaults of the rest.

        Raises:
            BadInput: a name or a value is wrong, or a required one is missing.
        """
        try:
            given = {
                name: self._validate_extra(name, value)
                if name.startswith(EXTRA_PREFIX)
                else self.find_parameter(name).validate(value)
                for name, value in params.items()
            }
        except InvalidInput as error:
            raise InvalidInput(f"{self.id}: {error}" if not str(error).startswith(self.id) else str(error)) from None
        for parameter in self.settable:
            if parameter.required and parameter.name not in given:
                raise InvalidInput(f"{self.id} needs {parameter.name}: give it with --set {parameter.name}=…")
        defaults = {p.name: p.default for p in self.settable if p.default is not None}
        return {**defaults, **given}

    def _validate_extra(self, name: str, value: ParamValue) -> str:
        """The JSON text of a parameter that the catalogue does not know."""
        bare = name.removeprefix(EXTRA_PREFIX)
        if not bare or any(bare in (p.name, p.wire_name) for p in self.parameters):
            raise InvalidInput(
                f"{name}: the plus is for parameters that the catalogue does not know, and it knows {bare!r}"
            )
        if not is_json(str(value)):
            raise InvalidInput(f"{name} must be JSON, not {value!r}: text stands in double quotes")
        return str(value)

    def estimate_cost(self, seconds: Fraction, params: Mapping[str, ParamValue]) -> Decimal | None:
        """What one request costs in the price's currency; None where nobody knows."""
        if self.price.amount is None:
            return None
        from decimal import Decimal  # noqa: PLC0415 - wanted by models with a price alone

        amount = Decimal(self.price.amount)
        if self.price.per == "second":
            amount = amount * seconds.numerator / seconds.denominator
        if self.price.times:
            amount *= int(params.get(self.price.times, self.find_parameter(self.price.times).default or 1))
        return amount

    def check_span(self, seconds: Fraction) -> None:
        """Refuse a span longer than the model can make; a shorter one than its least is padded by whoever asks.

        Raises:
            BadInput: the span is too long, or its picture is too short or too long to be looked at.
        """
        video = self.parameter_for_role("video")
        if video and not (video.minimum or 0) <= seconds <= (video.maximum or math.inf):
            raise InvalidInput(
                f"{self.id} looks at a picture {video.limits_text} s long, and the span is {float(seconds):.2f} s: change it"
            )
        if self.seconds.most is not None and seconds > Fraction(self.seconds.most):
            raise InvalidInput(
                f"{self.id} makes {_format_number(self.seconds.most)} s at most, and the span is {float(seconds):.2f} s: "
                "shorten it or choose another model"
            )


def _format_number(number: float) -> str:
    """A number as a person writes it: 2147483647 and 0.05, not 2.14748e+09."""
    return str(int(number)) if number == int(number) else f"{number:g}"


def is_json(text: str) -> bool:
    """Whether text is JSON; NaN and Infinity are not."""
    try:
        json.loads(text, parse_constant=lambda name: float(f"{name} is no JSON"))
    except ValueError:
        return False
    return True


def is_url(text: str) -> bool:
    """Whether a file is named by its web address."""
    return text.lower().startswith(("https://", "http://"))


def suggest_nearest(name: str, names: Iterable[str]) -> str:
    """A question after the name that was probably meant, or nothing."""
    near = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""
