"""Every error of the shipped packages and every next step has a German sentence; texts of the interface are short."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import tracklay
from tracklay.blender.settings import error_hints
from tracklay.blender.settings.i18n import translate

from scripts.build_extension import COMMAND_ONLY
from scripts.check_structure import raised_errors

from .test_extension_guidelines import interface_texts

PACKAGE = Path(tracklay.__path__[0])

CODE = re.compile(r"[a-z_]+\.[a-z_]+")
"""The code of an error: `area.problem`."""

MAX_TEXT_CHARACTERS = 70


def shipped_errors() -> dict[str, set[str]]:
    """Return the templates of the errors that packages in the extension raise, by code.

    Any call with a code and a sentence counts, not only one of an error class: `type(error)("job.kept", …)` raises one as well.
    """
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in COMMAND_ONLY:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            texts = call_texts(node)
            if len(texts) == 2 and CODE.fullmatch(texts[0]):
                found.setdefault(texts[0], set()).add(texts[1])
    return found


def call_texts(node: ast.AST) -> list[str]:
    """Return the arguments of a call that are literal text. Errors are raised with two by position, and the rest by name."""
    if not isinstance(node, ast.Call) or len(node.args) != 2:
        return []
    return [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def shipped_templates() -> set[str]:
    """Return the templates that have words of their own: `{error}` has nothing to translate."""
    templates = {template for each in shipped_errors().values() for template in each}
    return {template for template in templates if re.search(r"\w", re.sub(r"\{.*?\}", "", template))}


def fields(template: str) -> set[tuple[str, str, str | None]]:
    """Return the fields in a template's braces: name, format and conversion."""
    return {(name, spec or "", conversion) for _, name, spec, conversion in string.Formatter().parse(template) if name}


def test_the_search_finds_every_error():
    """Each call of an error class has a code and a template, and the search includes it."""
    command_only = tuple(f"addon/tracklay/{name}" for name in COMMAND_ONLY)
    codes = {call_texts(call)[0] for place, call in raised_errors() if not place.startswith(command_only)}
    assert sorted(codes - shipped_errors().keys()) == []


def test_every_error_has_a_german_sentence():
    """The template is translated, before Blender sets its values."""
    assert sorted(shipped_templates() - translate.GERMAN_ERRORS.keys()) == []


def test_every_hint_has_a_german_sentence():
    """It is shown behind the error."""
    assert sorted(set(error_hints.HINTS.values()) - translate.GERMAN_ERRORS.keys()) == []


def test_every_hint_belongs_to_an_error():
    """Its code is raised in the extension."""
    assert sorted(error_hints.HINTS.keys() - shipped_errors().keys()) == []


def test_german_has_no_error_that_is_not_raised():
    """A template that was reworded leaves no line behind."""
    assert sorted(translate.GERMAN_ERRORS.keys() - shipped_templates() - set(error_hints.HINTS.values())) == []


def test_german_errors_have_the_same_fields():
    """Each value is shown in the same format, and the sentence ends as the English one does."""
    wrong = [english for english, german in translate.GERMAN_ERRORS.items() if fields(english) != fields(german)]
    wrong += [english for english, german in translate.GERMAN_ERRORS.items() if english[-1] != german[-1]]
    assert wrong == []


def test_texts_of_the_interface_are_short(scene):
    """Labels and tooltips have 70 characters at most."""
    assert sorted(text for _, text in interface_texts(scene) if len(text) > MAX_TEXT_CHARACTERS) == []
