"""Writes one model's file: what `reader` reads back to the equal model, laid out as a person would have written it."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..models.model import Model

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def model_to_toml(model: Model, comment: str = "") -> str:
    """The file's text.

    Args:
        model: it. A field that is as it would be without a line has none.
        comment: one line for a comment at the top.

    Raises:
        ValueError: a text in it cannot be written in UTF-8.
    """
    lines = [f"# {' '.join(comment.split())}"] if comment else []
    lines += _field_lines(model, exclude="parameters")
    for parameter in model.parameters:
        lines += ["", f"[parameters.{_format_key(parameter.name)}]", *_field_lines(parameter, exclude="name")]
    return "\n".join(lines) + "\n"


def _field_lines(instance: Any, exclude: str) -> list[str]:
    """A line for each field that is not as its default."""
    named = {field.name: getattr(instance, field.name) for field in _changed_fields(instance) if field.name != exclude}
    # A default's type is kept, 8.0 is not 8; a limit is a number of whatever type.
    return [
        f"{name} = {repr(value) if isinstance(value, float) and name == 'default' else _format_value(value)}"
        for name, value in named.items()
    ]


def _changed_fields(instance: Any) -> list[dataclasses.Field[Any]]:
    return [
        field for field in dataclasses.fields(instance) if not _is_default(field.default, getattr(instance, field.name))
    ]


def _is_default(default: Any, value: Any) -> bool:
    return value is None or (type(value) is type(default) and value == default)


def _format_value(value: Any) -> str:
    """A value as TOML writes it."""
    if dataclasses.is_dataclass(value):
        return f"{{ {', '.join(_field_lines(value, exclude=''))} }}"
    if isinstance(value, tuple):
        items = [_format_value(item) for item in value]
        short = f"[{', '.join(items)}]"
        return short if len(short) <= 100 or len(items) < 2 else "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    if isinstance(value, str):
        return _quote_string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value)


def _quote_string(text: str) -> str:
    return '"' + "".join(_SHORT_ESCAPES.get(c) or (c if c.isprintable() else _escape_character(c)) for c in text) + '"'


def _escape_character(character: str) -> str:
    character.encode()  # half of a pair of surrogates is no character, escaped or not
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def _format_key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _quote_string(name)
