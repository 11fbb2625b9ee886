"""Writes one model's file: what `reader` reads back to the equal model, laid out as a person would have written it."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..models.model import Model

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def toml(model: Model, note: str = "") -> str:
    """The file's text.

    Args:
        model: it. A field that is as it would be without a line has none.
        note: one line for a comment at the top.

    Raises:
        ValueError: a text in it cannot be written in UTF-8.
    """
    lines = [f"# {' '.join(note.split())}"] if note else []
    lines += _fields(model, leave="parameters")
    for parameter in model.parameters:
        lines += ["", f"[parameters.{_key(parameter.name)}]", *_fields(parameter, leave="name")]
    return "\n".join(lines) + "\n"


def _fields(held: Any, leave: str) -> list[str]:
    """A line for each field that is not as its default."""
    named = {field.name: getattr(held, field.name) for field in _said(held) if field.name != leave}
    # A default's type is kept, 8.0 is not 8; a limit is a number of whatever type.
    return [
        f"{name} = {repr(value) if isinstance(value, float) and name == 'default' else _value(value)}"
        for name, value in named.items()
    ]


def _said(held: Any) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(held) if not _unsaid(field.default, getattr(held, field.name))]


def _unsaid(default: Any, value: Any) -> bool:
    return value is None or (type(value) is type(default) and value == default)


def _value(value: Any) -> str:
    """A value as TOML writes it."""
    if dataclasses.is_dataclass(value):
        return f"{{ {', '.join(_fields(value, leave=''))} }}"
    if isinstance(value, tuple):
        items = [_value(item) for item in value]
        short = f"[{', '.join(items)}]"
        return short if len(short) <= 100 or len(items) < 2 else "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value)


def _text(text: str) -> str:
    return '"' + "".join(_SHORT.get(c) or (c if c.isprintable() else _escape(c)) for c in text) + '"'


def _escape(character: str) -> str:
    character.encode()  # half of a pair of surrogates is no character, escaped or not
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)
