"""Every hosted model laid from Blender against its stand-in: on the sample where it sees the picture, on the span where it does not."""

from __future__ import annotations

import importlib
import json
from fractions import Fraction

import bpy
import pytest
from tracklay import models
from tracklay.blender.sequencer import compat
from tracklay.blender.settings.preferences import COG_PROVIDER, HOSTED_PROVIDERS
from tracklay.providers import base

from tests.providers.conftest import beatoven, cog, fal, replicate, scenario  # noqa: F401 - the stand-ins, as fixtures
from tests.providers.provider_flow import fast_policy

from ..conftest import add, laid, set_rate
from ..render.mix import mixed_clicks, sample, worst

LOCAL = {"sketch", "clicker"}
"""Providers that have no stand-in: the offline engine, and the tests' own."""

CATALOGUE = {name: model for name, model in models.load_catalogue().items() if model.provider not in LOCAL}
SEEING = {name for name, model in CATALOGUE.items() if model.picture_input({}) == "video"}

RATE = Fraction(24000, 1001)
FRAMES = 100
FLASHES = (12, 51, 98)
START = 31
"""The strip's first frame on the timeline."""

TOLERANCE = 1
"""Samples."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Looks that follow each other without the pauses of the real way."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.001))
    monkeypatch.setattr("tracklay.providers.base.DEFAULT_FIND_DELAYS", (0.0, 0.0))
    for name in (*HOSTED_PROVIDERS, COG_PROVIDER):
        made = getattr(importlib.import_module(f"tracklay.providers.{name}"), name.capitalize())
        monkeypatch.setitem(base._factories, name, lambda made=made: made(fast_policy()))


def generate(scene, clips, model_id: str) -> None:
    """Lay a model's sound over a clip whose first frame is dark: Blender's mixer may leave out the first sample of any sound."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, FRAMES, FLASHES), START)
    bpy.ops.tracklay.generate(model=model_id, prompt=f"calm {model_id}", wait=True)


def test_every_provider_of_the_catalogue_has_a_stand_in_here():
    """A model of a new provider is not passed over."""
    assert {model.provider for model in CATALOGUE.values()} == {*HOSTED_PROVIDERS, COG_PROVIDER}
    assert SEEING


@pytest.mark.parametrize("model_id", sorted(CATALOGUE))
def test_a_hosted_model_is_laid_on_its_span(model_id, request, scene, clips, tmp_path):
    """A strip of exactly the cue's frames, traced to its request; of a model that sees, each click on its flash's sample."""
    model = CATALOGUE[model_id]
    request.getfixturevalue(model.provider)
    generate(scene, clips, model_id)
    (take,) = laid(scene)
    assert (compat.strip_start(take), compat.strip_frames(take)) == (START, FRAMES)
    entry = json.loads(take["tracklay"])
    assert (entry["model"], entry["provider"], entry["licence"]) == (model_id, model.provider, model.licence.name)
    assert entry["request"]
    assert entry["samples"] == round(FRAMES / RATE * 48_000)
    if model_id in SEEING:
        found = mixed_clicks(scene, tmp_path, START + FRAMES + 20)
        assert worst(found, [sample(START + flash, RATE) for flash in FLASHES]) <= TOLERANCE


def test_an_extra_reaches_the_wire(replicate, scene, clips):  # noqa: F811
    """What the catalogue does not know goes along as the JSON that was typed, to the model that it was typed for."""
    scene.tracklay.model = "replicate/mmaudio"
    bpy.ops.tracklay.add_extra()
    scene.tracklay.extras[0].name, scene.tracklay.extras[0].value = "brand_new", '[1, "two"]'
    with pytest.raises(RuntimeError, match="brand_new"):
        generate(scene, clips, "replicate/mmaudio")  # the stand-in refuses it, as the real one does
    (sent,) = replicate.calls("POST /v1/predictions")
    assert sent.json["input"]["brand_new"] == [1, "two"]
