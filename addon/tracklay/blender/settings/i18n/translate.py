"""Translates labels, tooltips, reports and errors with Blender's own translation system.

Each language has a module with its tables. Operators' names have a context of their own, as in Blender itself.
Models' names and help are not translated: they come from model files.
"""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ....errors import TracklayError, describe
from ..error_hints import HINTS
from . import de, de_errors, de_mix, de_panel, de_turnover, de_vendors

OPERATOR_CONTEXT, ANY_CONTEXT = "Operator", "*"
"""Translation contexts of operators' names and of everything else (`bpy.app.translations.contexts`)."""

GERMAN_OPERATORS = de_panel.OPERATORS | de_mix.OPERATORS | de.OPERATORS
GERMAN_ERRORS = de_errors.ERRORS | de_mix.ERRORS
GERMAN_TEXTS = (
    de_panel.WORDS
    | de_panel.TOOLTIPS
    | de_mix.WORDS
    | de_mix.TOOLTIPS
    | de_turnover.WORDS
    | de_turnover.TOOLTIPS
    | de.WORDS
    | de.TOOLTIPS
    | de_vendors.LABELS
    | de_vendors.KEYS
    | de_vendors.PLANS
    | GERMAN_ERRORS
)
"""German from the modules of each part; where two translate one text, the older holds."""

TRANSLATIONS = {
    "de_DE": {(OPERATOR_CONTEXT, english): local for english, local in GERMAN_OPERATORS.items()}
    | {(ANY_CONTEXT, english): local for english, local in GERMAN_TEXTS.items()}
}
"""Translations by language, in the form that `bpy.app.translations.register` expects."""


def translate_ui(text: str, *values: object) -> str:
    """Return a text of the interface in the user's language, with the values in its braces."""
    translated = str(bpy.app.translations.pgettext_iface(text))
    return translated.format(*values) if values else translated


def translate_report(text: str, *values: object) -> str:
    """Return a report in the user's language, which has a switch of its own in Blender's preferences."""
    translated = str(bpy.app.translations.pgettext_rpt(text))
    return translated.format(*values) if values else translated


def translate_error(error: TracklayError, translate: Callable[[str], str] = translate_ui) -> str:
    """Return an error as Blender shows it: in the user's language, with the next step in Blender.

    Args:
        error: the error; errors among its parameters are translated too.
        translate: `translate_ui` for panels and strips, `translate_report` for reports.
    """
    return describe(error, HINTS, translate)


def register() -> None:
    """Add the translations to Blender's."""
    bpy.app.translations.register(__name__, TRANSLATIONS)


def unregister() -> None:
    """Remove the translations."""
    bpy.app.translations.unregister(__name__)
