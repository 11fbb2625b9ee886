"""The words that a person reads in Blender, in other languages. What comes from outside it, errors and models' own words, stays English.

Each language has a file that gives its words by context. Names of operators have a context of their own, as Blender's have.
"""

from __future__ import annotations

import bpy

from . import de

OPERATOR_CONTEXT, ANY_CONTEXT = "Operator", "*"
"""The contexts of operators' names and of everything else (`bpy.app.translations.contexts`)."""

TRANSLATIONS = {
    "de_DE": {(OPERATOR_CONTEXT, english): local for english, local in de.OPERATORS.items()}
    | {(ANY_CONTEXT, english): local for english, local in (de.WORDS | de.TOOLTIPS | de.KEYS).items()}
}
"""As Blender takes it."""


def translate_ui(text: str, *values: object) -> str:
    """A text in the person's language, with values for its braces."""
    found = str(bpy.app.translations.pgettext_iface(text))
    return found.format(*values) if values else found


def translate_report(text: str, *values: object) -> str:
    """The same of a report, which a person may have set to stay English."""
    return str(bpy.app.translations.pgettext_rpt(text)).format(*values)


def register() -> None:
    """Give Blender the table."""
    bpy.app.translations.register(__name__, TRANSLATIONS)


def unregister() -> None:
    """Take it back."""
    bpy.app.translations.unregister(__name__)
