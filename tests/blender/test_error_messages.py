"""Errors in Blender: in the user's language, with the next step in Blender."""

from __future__ import annotations

from fractions import Fraction

import bpy
import pytest
from tracklay.blender.settings import error_hints
from tracklay.blender.settings.i18n import translate
from tracklay.blender.settings.i18n.translate import translate_error
from tracklay.errors import InvalidInput, ModelFailed

from .conftest import add


def german(text: str) -> str:
    """Return a text in German, as Blender does. The bpy module has no languages to choose from."""
    return translate.TRANSLATIONS["de_DE"].get((translate.ANY_CONTEXT, text), text)


def test_a_hint_follows_the_error():
    """It belongs to the error's code, and is a template over the same values."""
    error = InvalidInput("network.offline", "{name} needs internet access, which is turned off in Blender.", name="x")
    assert translate_error(error) == (
        "x needs internet access, which is turned off in Blender. "
        "Turn on Allow Online Access in Preferences > System > Network."
    )
    assert translate_error(error.prefix_with("shot 7")).startswith("shot 7: x needs")


def test_an_error_without_a_hint_stays_the_same():
    """Braces in a value or in a plain message are not fields."""
    assert translate_error(ModelFailed("test.failed", "The model failed: {reason}.", reason="{x}")) == (
        "The model failed: {x}."
    )
    assert translate_error(ModelFailed("plain {text}")) == "plain {text}"


def test_an_error_is_translated_before_its_values_are_set():
    """So are its hint and the errors among its values."""
    inner = InvalidInput("extra.duplicate", "Extra parameter set twice: {name}.", name="gain")
    outer = InvalidInput("cue.prompt_required", "Prompt required by the model: {model}.", model=inner)
    assert translate_error(outer, german) == (
        "Das Modell braucht einen Prompt: Weiterer Parameter doppelt gesetzt: gain. Entfernen Sie eine seiner Zeilen.. "
        "Schreiben Sie einen Prompt in das Panel."
    )


def test_hints_are_sentences_without_command_options():
    """Blender's next steps name buttons and preferences."""
    assert [hint for hint in error_hints.HINTS.values() if "--" in hint or "`tracklay" in hint] == []
    assert [hint for hint in error_hints.HINTS.values() if hint[-1] not in ".?"] == []


def test_a_failed_operator_reports_the_next_step(scene, clips, monkeypatch):
    """For a hosted model without online access the report names the preference."""
    from tracklay.blender.settings import network

    add(scene, clips(Fraction(25), 60, (20,)), 11)
    monkeypatch.setattr(network, "online_access_allowed", lambda: False)
    with pytest.raises(RuntimeError, match=r"Turn on Allow Online Access in Preferences > System > Network\."):
        bpy.ops.tracklay.generate(model="fal/mmaudio-v2", wait=True)
