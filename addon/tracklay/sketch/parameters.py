"""Checks of the parameters that a user sets on a sketch model."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InvalidInput


def check_known(model: str, name: str, known: Iterable[str]) -> None:
    """Raise `InvalidInput` when a model has no parameter of this name."""
    if name not in (names := tuple(known)):
        raise InvalidInput(
            "sketch.unknown_parameter",
            "Unknown parameter of {model}: {name}. Known parameters: {known}.",
            model=model,
            name=name,
            known=", ".join(names),
        )


def check_choice(model: str, name: str, value: object, choices: Iterable[str]) -> str:
    """Return the value of a parameter with choices.

    Raises:
        InvalidInput: the value is none of the choices.
    """
    if value not in (names := tuple(choices)):
        raise InvalidInput(
            "sketch.unknown_choice",
            "Invalid value for {name} of {model}: {value}. Choices: {choices}.",
            model=model,
            name=name,
            value=value,
            choices=", ".join(names),
        )
    return str(value)


def not_a_number(model: str, name: str, value: object) -> InvalidInput:
    """Return the error of a parameter whose value is no finite number."""
    return InvalidInput(
        "sketch.not_a_number",
        "Not a number: {value} for {name} of {model}.",
        model=model,
        name=name,
        value=value,
    )
