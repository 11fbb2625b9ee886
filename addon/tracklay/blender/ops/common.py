"""Base class of the operators, and what they share."""

from __future__ import annotations

import inspect
from collections.abc import Set as AbstractSet
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from bpy.props import BoolProperty

from ..settings.i18n.translate import translate_error, translate_report

if TYPE_CHECKING:
    from ...errors import TracklayError

SKIP_SAVE = {"SKIP_SAVE"}
"""Options of an argument that is not remembered: a call that leaves it out gets the default, not the last call's value."""

WAIT_ARGUMENT = BoolProperty(name="Wait", description="Block until all takes are laid (for scripts)", options=SKIP_SAVE)


class TracklayOperator:
    """Base class of the operators. The first paragraph of a subclass's docstring is its tooltip."""

    report: Any

    bl_description: str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__doc__ and "bl_description" not in vars(cls):
            cls.bl_description = tooltip(cls.__doc__)

    def report_error(self, error: TracklayError) -> AbstractSet[str]:
        """Report an error and return the result of a failed operator."""
        self.report({"ERROR"}, translate_error(error, translate_report))
        return {"CANCELLED"}


def tooltip(docstring: str) -> str:
    """Return the first paragraph of a docstring on one line, without its full stop: Blender adds one."""
    first, _, _ = inspect.cleandoc(docstring).partition("\n\n")
    return " ".join(first.split()).removesuffix(".")


def exact_seconds(seconds: float) -> Fraction:
    """Return a number that a user typed as the fraction that was meant: Blender's properties hold 32-bit floats."""
    return Fraction(round(seconds * 1000), 1000)
