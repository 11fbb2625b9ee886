"""Loads one model file. Its tables are the dataclasses of `model`, field by field; errors have the file and the line."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import sys
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, Literal

from ..errors import InvalidInput
from .model import TEMPO_FIELD, ContinuationInput, Model, Parameter, ParameterType, Role, suggest_nearest

_MODEL_ID = re.compile(r"[a-z0-9.-]+/[a-z0-9.-]+")
SHORT_SIDE_RANGE = range(64, 2161)
"""Pixels of a proxy: less shows nothing, and no model asks for more than 4K."""

# A JSON or TOML number would become a binary float, so a price is text.
_DECIMAL_AMOUNT = re.compile(r"\d+(\.\d+)?", re.ASCII)
_TABLE_LINE = re.compile(r"\s*\[{1,2}([^\[\]]+)\]{1,2}\s*(?:#.*)?$")
_KEY_LINE = re.compile(r"\s*((?:\"[^\"]*\"|[\w.-]+)+)\s*=")

_ROLE_TYPES: dict[Role, tuple[ParameterType, ...]] = {
    "prompt": ("text",),
    "negative": ("text",),
    "seed": ("integer",),
    "seconds": ("number", "integer"),
    "video": ("file",),
    "image": ("file",),
    "mode": ("choice",),
    "tempo": ("number", "integer"),
}
"""Types that a parameter may have so that Tracklay can fill it."""


def load_model_file(path: Path) -> Model:
    """Load one model file.

    Raises:
        InvalidInput: it is not TOML, or a field is unknown, missing or wrong; the message has file and line.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("model_file.unreadable", "Cannot read {path}: {reason}.", path=path, reason=error) from error
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # tomllib names the line in its message only, and none for an error at the end of the file or a too deep nesting.
        line = re.search(r"at line (\d+)", str(error))
        invalid = InvalidInput("model_file.not_toml", "Not valid TOML: {reason}.", reason=error)
        raise invalid.prefix_with(_location(path, int(line[1]) if line else text.count("\n") + 1)) from error
    return _ModelParser(path, text).build_model(content)


def _location(path: Path, line: int) -> str:
    return f"{path}, line {line}"


# Cached: resolving the annotations takes longer than all other work on a file.
@functools.cache
def _field_types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


class _ModelParser:
    """Converts the tables of one file into the dataclasses, and finds the line of each key for error messages."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def build_model(self, content: dict[str, Any]) -> Model:
        tables = dict(content)
        parameters = tables.pop("parameters", {})
        if not isinstance(parameters, dict):
            raise self._locate(_not_a_table_error("parameters", "parameters.NAME"), "parameters")
        built = tuple(self._build_parameter(name, table) for name, table in parameters.items())
        model: Model = self._build_dataclass(Model, tables, "", parameters=built)
        self._check_model(model)
        holders: dict[Role, str] = {}
        for parameter in model.parameters:
            if parameter.role and holders.setdefault(parameter.role, parameter.name) != parameter.name:
                field = f"parameters.{parameter.name}.role"
                error = InvalidInput(
                    "model_file.role_twice",
                    "{field} {role!r} is already the role of {other}.",
                    field=field,
                    role=parameter.role,
                    other=holders[parameter.role],
                )
                raise self._locate(error, field)
        return model

    def _check_model(self, model: Model) -> None:
        """Check the rules that span more than one field or that a type cannot express."""
        seconds, price = model.seconds, model.price
        if not _MODEL_ID.fullmatch(model.id):
            error = InvalidInput(
                "model_file.invalid_id",
                "{field} must look like provider/name in lower case, not {value!r}.",
                field="id",
                value=model.id,
            )
            raise self._locate(error, "id")
        if price.amount is not None and not _DECIMAL_AMOUNT.fullmatch(price.amount):
            error = InvalidInput(
                "model_file.invalid_amount",
                "{field} must be a decimal number as text, not {value!r}.",
                field="price.amount",
                value=price.amount,
            )
            raise self._locate(error, "price.amount")
        if model.short_side not in SHORT_SIDE_RANGE:
            error = InvalidInput(
                "model_file.invalid_short_side",
                "{field} must be from {low} to {high} pixels, not {value}.",
                field="short_side",
                low=SHORT_SIDE_RANGE[0],
                high=SHORT_SIDE_RANGE[-1],
                value=model.short_side,
            )
            raise self._locate(error, "short_side")
        if seconds.most is not None and seconds.least > seconds.most:
            raise self._locate(_limits_error("seconds.least", seconds.least, "most", seconds.most), "seconds.least")
        countable = [parameter.name for parameter in model.parameters if parameter.type == "integer"]
        if model.tempo_words and TEMPO_FIELD not in model.tempo_words:
            error = InvalidInput(
                "model_file.invalid_tempo_words",
                "{field} must contain {tempo}, not {value!r}.",
                field="tempo_words",
                tempo=TEMPO_FIELD,
                value=model.tempo_words,
            )
            raise self._locate(error, "tempo_words")
        if price.times not in ("", *countable):
            error = InvalidInput(
                "model_file.invalid_multiplier",
                "{field} must name a parameter of type 'integer', not {value!r}.",
                field="price.times",
                value=price.times,
            )
            raise self._locate(error, "price.times")
        if model.continues is not None:
            self._check_continues(model, model.continues)

    def _check_continues(self, model: Model, given: ContinuationInput) -> None:
        names = {kind: [each.name for each in model.parameters if each.type == kind] for kind in ("file", "boolean")}
        for key, name, kind in (("sound", given.sound, "file"), ("switch", given.switch, "boolean")):
            if name not in (names[kind] if key == "sound" else ["", *names[kind]]):
                error = InvalidInput(
                    "model_file.invalid_continuation",
                    "{field} must name a parameter of type {type!r}, not {value!r}.",
                    field=f"continues.{key}",
                    type=kind,
                    value=name,
                )
                raise self._locate(error, f"continues.{key}")
        if not 0 < given.seconds <= (model.seconds.most or math.inf) / 2:
            error = InvalidInput(
                "model_file.invalid_continuation_length",
                "{field} must be above 0, and at most half of seconds.most, not {value:g}.",
                field="continues.seconds",
                value=given.seconds,
            )
            raise self._locate(error, "continues.seconds")

    def _build_parameter(self, name: str, table: Any) -> Parameter:
        section = f"parameters.{name}"
        if not isinstance(table, dict):
            raise self._locate(_not_a_table_error(section, section), section)
        parameter: Parameter = self._build_dataclass(Parameter, table, section, name=name)
        if parameter.type == "choice" and not parameter.choices:
            error = InvalidInput(
                "model_file.no_choices", "{field} is 'choice': choices must be given.", field=f"{section}.type"
            )
            raise self._locate(error, f"{section}.type")
        if parameter.role and parameter.type not in _ROLE_TYPES[parameter.role]:
            error = InvalidInput(
                "model_file.role_of_other_type",
                "{field} {role!r} is for a parameter of type {types}.",
                field=f"{section}.role",
                role=parameter.role,
                types=" or ".join(repr(kind) for kind in _ROLE_TYPES[parameter.role]),
            )
            raise self._locate(error, f"{section}.role")
        if parameter.minimum is not None and parameter.maximum is not None and parameter.minimum > parameter.maximum:
            error = _limits_error(f"{section}.minimum", parameter.minimum, "maximum", parameter.maximum)
            raise self._locate(error, f"{section}.minimum")
        if parameter.role == "tempo" and parameter.default is not None:
            error = InvalidInput(
                "model_file.tempo_default",
                "{field} must be left out: without a tempo, the model's own is used.",
                field=f"{section}.default",
            )
            raise self._locate(error, f"{section}.default")
        if parameter.default is not None:
            try:
                parameter.validate(parameter.default)
            except InvalidInput as reason:
                error = InvalidInput(
                    "model_file.invalid_default",
                    "{field} is not allowed: {error}",
                    field=f"{section}.default",
                    error=reason,
                )
                raise self._locate(error, f"{section}.default") from None
        return parameter

    def _build_dataclass(self, kind: Any, table: dict[str, Any], section: str, **preset: Any) -> Any:
        """Return a dataclass built from a table, each value checked against its field's annotation."""
        hints = _field_types(kind)
        fields = {f.name: f for f in dataclasses.fields(kind) if f.name not in preset}
        values: dict[str, Any] = dict(preset)
        for key, value in table.items():
            if key not in fields:
                error = InvalidInput(
                    "model_file.unknown_field",
                    "{field} is not a known field{suggestion}.",
                    field=_join(section, key),
                    suggestion=suggest_nearest(key, fields),
                )
                raise self._locate(error, _join(section, key))
            values[key] = self._convert_value(hints[key], value, _join(section, key))
        for name, known in fields.items():
            if (
                name not in values
                and known.default is dataclasses.MISSING
                and known.default_factory is dataclasses.MISSING
            ):
                error = InvalidInput("model_file.missing_field", "{field} is missing.", field=_join(section, name))
                raise self._locate(error, section)
        return kind(**values)

    def _convert_value(self, hint: Any, value: Any, field: str) -> Any:  # noqa: C901, PLR0911 - one way for each annotation
        """Return the value as its annotation describes it: a nested table, a tuple, a choice of words, or plain data."""
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, dict):
                raise self._locate(_not_a_table_error(field, field), field)
            return self._build_dataclass(hint, value, field)
        if origin is types.UnionType or origin is typing.Union:
            options = [option for option in arguments if option is not type(None)]
            if options and (typing.get_origin(options[0]) is Literal or len(options) == 1):
                return self._convert_value(options[0], value, field)
            if isinstance(value, tuple(options)):
                return value
            raise self._locate(_wrong_type_error(field, "text, a number, or true or false", value), field)
        if origin is tuple:
            if not isinstance(value, list):
                raise self._locate(_wrong_type_error(field, "a list", value), field)
            return tuple(self._convert_value(arguments[0], item, field) for item in value)
        if origin is Literal:
            if value not in arguments:
                raise self._locate(_wrong_type_error(field, f"one of {', '.join(arguments)}", value), field)
            return value
        # bool is a subclass of int, and TOML's 8 is a number like 8.0.
        if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
            if not abs(value) <= sys.float_info.max:
                raise self._locate(_wrong_type_error(field, "a finite number", value), field)
            return float(value)
        if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
            expected = {str: "text", float: "a number", int: "a whole number", bool: "true or false"}[hint]
            raise self._locate(_wrong_type_error(field, expected, value), field)
        return value

    def _locate(self, error: InvalidInput, field: str) -> InvalidInput:
        """Return the error with the file and the line of a field in front."""
        return error.prefix_with(_location(self._path, self._line_number(field)))

    def _line_number(self, field: str) -> int:
        """Return the line of a dotted key, or else of the innermost table around it. tomllib keeps no line numbers.

        A line-based search is enough: only strings of several lines could look like keys, and then just the number is off.
        """
        table, found, longest = "", 1, 0
        for number, line in enumerate(self._lines, 1):
            if header := _TABLE_LINE.match(line):
                table = path = header[1].replace('"', "").strip()
            elif key := _KEY_LINE.match(line):
                path = _join(table, key[1].replace('"', "").strip())
            else:
                continue
            # The longest path that leads to the field wins: an inline table's own line before its parent's header.
            if (field == path or field.startswith(f"{path}.")) and len(path) > longest:
                found, longest = number, len(path)
        return found


def _join(section: str, key: str) -> str:
    return f"{section}.{key}" if section else key


def _wrong_type_error(field: str, expected: str, value: object) -> InvalidInput:
    return InvalidInput(
        "model_file.wrong_value",
        "{field} must be {expected}, not {value!r}.",
        field=field,
        expected=expected,
        value=value,
    )


def _not_a_table_error(field: str, table: str) -> InvalidInput:
    return InvalidInput("model_file.not_a_table", "{field} must be a table: [{table}].", field=field, table=table)


def _limits_error(field: str, low: float, upper_name: str, high: float) -> InvalidInput:
    return InvalidInput(
        "model_file.limits_reversed",
        "{field} {low:g} is above {upper_name} {high:g}.",
        field=field,
        low=low,
        upper_name=upper_name,
        high=high,
    )
