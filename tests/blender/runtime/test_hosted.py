"""Every hosted model against its fake server, from Blender: takes have the right span, and video models are sample-accurate."""

from __future__ import annotations

import json

import bpy
import pytest
from tracklay import models
from tracklay.blender.sequencer import compat
from tracklay.blender.settings.preferences import COG_PROVIDER, HOSTED_PROVIDERS

from tests.providers.conftest import (  # noqa: F401 - the fake servers, as fixtures
    beatoven,
    cog,
    elevenlabs,
    fal,
    mirelo,
    replicate,
    scenario,
)

from ..conftest import add, laid, set_rate
from ..hosted_clip import FLASHES, FRAMES, RATE, START, without_pauses  # noqa: F401 - an autouse fixture
from ..render.mix import mixed_clicks, sample, worst

LOCAL = {"sketch", "clicker"}
"""Providers without a fake server: the offline engine and the model of the tests."""

CATALOGUE = {
    name: model
    for name, model in models.load_catalogue().items()
    if model.provider not in LOCAL and not any(each.required and each.role is None for each in model.parameters)
}
"""Models that need nothing but a strip and a prompt: one that works on a sound is tested with its provider."""

OF_EACH_KIND = {
    (model.provider, model.task, model.picture_input({})): name for name, model in sorted(CATALOGUE.items())
}
"""A model of each provider, task and picture: what Blender adds to a request does not depend on more of it."""

VIDEO_MODELS = {name for name, model in CATALOGUE.items() if model.picture_input({}) == "video"}

TOLERANCE = 1
"""Samples."""


def generate(scene, clips, model_id: str) -> None:
    """Lay a model's sound over a clip whose first frame is dark, because Blender's mixer may drop the first sample of a sound."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, FRAMES, FLASHES), START)
    bpy.ops.tracklay.generate(model=model_id, prompt=f"calm {model_id}", wait=True)


def test_every_provider_of_the_catalogue_has_a_fake_server():
    """A new provider must be added to these tests."""
    assert {model.provider for model in CATALOGUE.values()} == {*HOSTED_PROVIDERS, COG_PROVIDER}
    assert VIDEO_MODELS


@pytest.mark.parametrize("model_id", sorted(OF_EACH_KIND.values()))
def test_a_hosted_model_is_laid_on_its_span(model_id, request, scene, clips, tmp_path):
    """The strip has exactly the cue's frames, and a video model's clicks are on the samples of the flashes."""
    model = CATALOGUE[model_id]
    request.getfixturevalue(model.provider)
    generate(scene, clips, model_id)
    (take,) = laid(scene)
    assert (compat.strip_start(take), compat.strip_frames(take)) == (START, FRAMES)
    entry = json.loads(take["tracklay"])
    assert (entry["model"], entry["provider"], entry["licence"]) == (model_id, model.provider, model.licence.name)
    assert entry["request"]
    assert entry["samples"] == round(FRAMES / RATE * 48_000)
    if model_id in VIDEO_MODELS:
        found = mixed_clicks(scene, tmp_path, START + FRAMES + 20)
        assert worst(found, [sample(START + flash, RATE) for flash in FLASHES]) <= TOLERANCE


def test_an_extra_parameter_reaches_the_provider(replicate, scene, clips):  # noqa: F811
    """A parameter that is not in the catalogue is sent as the JSON value that the user typed."""
    scene.tracklay.model = "replicate/mmaudio"
    bpy.ops.tracklay.add_extra()
    scene.tracklay.extras[0].name, scene.tracklay.extras[0].value = "brand_new", '[1, "two"]'
    with pytest.raises(RuntimeError, match="brand_new"):
        generate(scene, clips, "replicate/mmaudio")  # the fake server refuses it, as the provider does
    (sent,) = replicate.calls("POST /v1/predictions")
    assert sent.json["input"]["brand_new"] == [1, "two"]
