"""Inside Blender nobody is told of the command's options."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import bpy
import pytest
import tracklay
from tracklay.blender.settings import error_text

from .conftest import add

ROOT = Path(tracklay.__path__[0])
BELOW = ("cue.py", "paths.py", "errors.py", "media", "models", "providers", "jobs")
"""The rooms whose errors reach the panel."""

COMMANDS_OWN = ("--max-cost", "tracklay models add")
"""What only the command asks for, and only it is told of."""


def sentences() -> list[str]:
    """Every sentence that the rooms below can say, with values in it."""
    files = [
        path
        for name in BELOW
        for path in ([ROOT / name] if name.endswith(".py") else sorted((ROOT / name).glob("*.py")))
    ]
    found = []
    for path in files:
        tree = ast.parse(path.read_text("utf-8"))
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if id(node) in documents or id(node) in inner:
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "7" for part in node.values)
                found.append("".join(map(str, parts)))
    return found


def test_no_sentence_of_the_rooms_below_names_an_option():
    """Each one that speaks of the command's options or of the command itself has the panel's words."""
    speaks = re.compile(r"--[a-z]+|`tracklay|same command")
    told = [text for text in sentences() if speaks.search(text) and not any(own in text for own in COMMANDS_OWN)]
    assert len(told) > 10
    # What to do about an unclear job stands in brackets after what happened.
    whole = [f"lost ({text})" if text.startswith("job 7: ") else text for text in told]
    assert [text for text in whole if speaks.search(error_text.panel_error_text(text))] == []


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("x needs a prompt: give it with --prompt", "x needs a prompt: write what should be heard"),
        (
            "no answer (it is kept as job 12: the same again, or `tracklay jobs resume`, goes on with it)",
            "no answer (it is kept as job 12: Go On goes on with it)",
        ),
        (
            "lost (job 3: `tracklay jobs resume 3` looks again, `tracklay jobs forget 3` gives it up)",
            "lost",
        ),
    ],
)
def test_what_is_said_instead(said, heard):
    """The same, with what there is to press."""
    assert error_text.panel_error_text(said) == heard


def test_generate_speaks_the_panels_words(scene, clips, monkeypatch):
    """A prompt that is missing is asked for as a person at the panel gives it."""
    from fractions import Fraction

    add(scene, clips(Fraction(25), 60, (20,)), 11)
    monkeypatch.setenv("BEATOVEN_API_KEY", "0123456789")
    with pytest.raises(RuntimeError, match="Prompt required by the model"):
        bpy.ops.tracklay.generate(model="beatoven/track", wait=True)
