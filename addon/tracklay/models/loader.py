"""Reads one model file. Its fields are the dataclasses of `build_model`, field by field; anything else is refused with its line."""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
import tomllib
import types
import typing
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InvalidInput
from .model import Model, Parameter, ParameterType, Role, suggest_nearest

if TYPE_CHECKING:
    from pathlib import Path

_MODEL_ID = re.compile(r"[a-z0-9.-]+/[a-z0-9.-]+")
SHORT_SIDE_RANGE = range(64, 2161)
"""Pixels: below, nothing can be made out; above, nobody's proxy is."""

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
}
"""What a parameter must be for Tracklay to fill it."""


def load_model_file(path: Path) -> Model:
    """One model file.

    Raises:
        BadInput: it is not TOML, or a field is unknown, missing or wrong; file and line are told.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        raise InvalidInput(
            f"{path}, line {line[1] if line else text.count(chr(10)) + 1}: this is not TOML: {error}"
        ) from error
    return _ModelParser(path, text).build_model(content)


@functools.cache
def _field_types(kind: type) -> dict[str, Any]:
    """What each field may hold; looked up once, as it takes longer than all the rest of reading a file."""
    return typing.get_type_hints(kind)


class _ModelParser:
    """Turns one file's tables into the dataclasses, keeping track of where each thing stands for the error message."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def build_model(self, content: dict[str, Any]) -> Model:
        tables = dict(content)
        parameters = tables.pop("parameters", {})
        if not isinstance(parameters, dict):
            raise self._field_error("", "parameters", "must be tables: [parameters.NAME]")
        made = tuple(self._build_parameter(name, table) for name, table in parameters.items())
        model: Model = self._build_dataclass(Model, tables, "", parameters=made)
        if not _MODEL_ID.fullmatch(model.id):
            raise self._field_error("", "id", f"must look like provider/name in lower case, not {model.id!r}")
        if model.price.amount is not None and not _DECIMAL_AMOUNT.fullmatch(model.price.amount):
            raise self._field_error("price", "amount", f"must be a decimal number as text, not {model.price.amount!r}")
        if model.short_side not in SHORT_SIDE_RANGE:
            low, high = SHORT_SIDE_RANGE[0], SHORT_SIDE_RANGE[-1]
            raise self._field_error("", "short_side", f"must be from {low} to {high} pixels, not {model.short_side}")
        if model.seconds.most is not None and model.seconds.least > model.seconds.most:
            raise self._field_error("seconds", "least", f"{model.seconds.least:g} is above most {model.seconds.most:g}")
        if model.price.times not in ("", *(parameter.name for parameter in made if parameter.type == "integer")):
            raise self._field_error(
                "price", "times", f"must name a parameter that is a whole number, not {model.price.times!r}"
            )
        holders: dict[Role, str] = {}
        for parameter in made:
            if parameter.role and holders.setdefault(parameter.role, parameter.name) != parameter.name:
                other = holders[parameter.role]
                raise self._field_error(
                    f"parameters.{parameter.name}", "role", f"{parameter.role!r} is {other}'s already"
                )
        return model

    def _build_parameter(self, name: str, table: Any) -> Parameter:
        section = f"parameters.{name}"
        if not isinstance(table, dict):
            raise self._field_error("parameters", name, f"must be a table: [{section}]")
        parameter: Parameter = self._build_dataclass(Parameter, table, section, name=name)
        if parameter.type == "choice" and not parameter.choices:
            raise self._field_error(section, "type", "is 'choice', so choices must be given")
        if parameter.role and parameter.type not in _ROLE_TYPES[parameter.role]:
            wanted = " or ".join(repr(kind) for kind in _ROLE_TYPES[parameter.role])
            raise self._field_error(section, "role", f"{parameter.role!r} is for a parameter of type {wanted}")
        if parameter.minimum is not None and parameter.maximum is not None and parameter.minimum > parameter.maximum:
            raise self._field_error(section, "minimum", f"{parameter.minimum:g} is above maximum {parameter.maximum:g}")
        if parameter.default is not None:
            try:
                parameter.validate(parameter.default)
            except InvalidInput as error:
                raise self._field_error(section, "default", f"is not allowed: {error}") from None
        return parameter

    def _build_dataclass(self, kind: Any, table: dict[str, Any], section: str, **preset: Any) -> Any:
        """A dataclass from a table, each field checked against its annotation."""
        hints = _field_types(kind)
        fields = {f.name: f for f in dataclasses.fields(kind) if f.name not in preset}
        values: dict[str, Any] = dict(preset)
        for key, value in table.items():
            if key not in fields:
                raise self._field_error(section, key, f"is no field here{suggest_nearest(key, fields)}")
            values[key] = self._convert_value(hints[key], value, section, key)
        for name, known in fields.items():
            if (
                name not in values
                and known.default is dataclasses.MISSING
                and known.default_factory is dataclasses.MISSING
            ):
                where = self._line_number(section, None)
                raise InvalidInput(
                    f"{self._path}, line {where}: {name!r} is missing{f' in [{section}]' if section else ''}"
                )
        return kind(**values)

    def _convert_value(self, hint: Any, value: Any, section: str, key: str) -> Any:  # noqa: C901, PLR0911 - one way for each annotation
        """The value, when its annotation allows it: a nested table, a tuple, a choice of words, or plain data."""
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, dict):
                raise self._field_error(section, key, f"must be a table: [{key}]")
            return self._build_dataclass(hint, value, key)
        if origin is types.UnionType or origin is typing.Union:
            options = [option for option in arguments if option is not type(None)]
            if options and (typing.get_origin(options[0]) is Literal or len(options) == 1):
                return self._convert_value(options[0], value, section, key)
            if isinstance(value, tuple(options)):
                return value
            raise self._field_error(section, key, f"must be text, a number, or true or false, not {value!r}")
        if origin is tuple:
            if not isinstance(value, list):
                raise self._field_error(section, key, f"must be a list, not {value!r}")
            return tuple(self._convert_value(arguments[0], item, section, key) for item in value)
        if origin is Literal:
            if value not in arguments:
                raise self._field_error(section, key, f"cannot be {value!r}: it is one of {', '.join(arguments)}")
            return value
        if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
            if not abs(value) <= sys.float_info.max:
                raise self._field_error(section, key, "must be a finite number")
            return float(value)
        if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
            words = {str: "text", float: "a number", int: "a whole number", bool: "true or false"}
            raise self._field_error(section, key, f"must be {words[hint]}, not {value!r}")
        return value

    def _field_error(self, section: str, key: str, problem: str) -> InvalidInput:
        name = f"{section}.{key}" if section else key
        return InvalidInput(f"{self._path}, line {self._line_number(section, key)}: {name} {problem}")

    def _line_number(self, section: str, key: str | None) -> int:
        """The line of a key, or else of the table that it is in: what tomllib does not keep."""
        wanted = ".".join(filter(None, (section, key)))
        here, found, nearest_yet = "", 1, 0
        for number, line in enumerate(self._lines, 1):
            if head := _TABLE_LINE.match(line):
                here = path = head[1].replace('"', "").strip()
            elif named := _KEY_LINE.match(line):
                path = ".".join(filter(None, (here, named[1].replace('"', "").strip())))
            else:
                continue
            if (wanted == path or wanted.startswith(f"{path}.")) and len(path) > nearest_yet:
                found, nearest_yet = number, len(path)
        return found
