"""Writes a model file. `models.loader` reads it back as an equal model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import tomli_w

if TYPE_CHECKING:
    from ..models.model import Model

INDENT_SPACES = 2

MAX_EXACT_INTEGER = 2**53
"""Above it not every integer is a float, so that a float stays a float."""


def model_to_toml(model: Model, comment: str = "") -> str:
    """Return the text of a model file.

    Args:
        model: the model. Fields that have their default are left out.
        comment: one line for a comment at the top.

    Raises:
        ValueError: a text in it has no UTF-8 form (a lone surrogate, which JSON can hold).
    """
    content = _changed_fields(model)
    content["parameters"] = {
        parameter.name: _changed_fields(parameter, exclude="name") for parameter in model.parameters
    }
    if not model.parameters:
        del content["parameters"]
    # tomli-w writes no comments.
    header = f"# {' '.join(comment.split())}\n" if comment else ""
    text = header + tomli_w.dumps(content, indent=INDENT_SPACES)
    text.encode()
    return text


def _changed_fields(instance: Any, exclude: str = "") -> dict[str, Any]:
    """Return the fields that differ from their defaults, as plain data."""
    content = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if field.name == exclude or value is None or (type(value) is type(field.default) and value == field.default):
            continue
        # The type of a parameter's default matters, 8.0 is not 8; a limit is a number of either type and reads better as 8.
        content[field.name] = value if field.name == "default" else _to_plain(value)
    return content


def _to_plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return _changed_fields(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT_INTEGER:
        return int(value)
    return value
