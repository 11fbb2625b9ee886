"""Refit Music: the music of a take follows its picture after a trim, at no cost, as a new take that is heard."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import bpy
import pytest
from tracklay.blender.sequencer import compat
from tracklay.providers import base

from tests.fakes import music_model

from ..conftest import MODELS, add, laid, set_rate

RATE = Fraction(25)


@pytest.fixture
def asked():
    """Add the fake music model to the catalogue, and return the lengths that it is asked for, in seconds."""
    file = MODELS / "band.toml"
    file.write_text(music_model.MODEL)
    lengths: list[Fraction] = []
    base.register("band", lambda: music_model.Band(lengths))
    bpy.ops.tracklay.reload_models()
    yield lengths
    file.unlink()
    bpy.ops.tracklay.reload_models()


def entries(scene) -> list[dict[str, Any]]:
    """Return the manifest entries of the laid takes, the oldest first."""
    return sorted((json.loads(strip["tracklay"]) for strip in laid(scene)), key=lambda entry: entry["take"])


def test_the_music_of_a_take_follows_its_trimmed_picture(scene, clips, asked):
    """The new take is as long as the picture now, meets the marker, and is the one that is heard; nothing is asked for."""
    set_rate(scene, RATE)
    picture = add(scene, clips(RATE, 200, ()), 11, 1)
    bpy.ops.tracklay.generate(model="band/music", prompt="calm", seed=4, wait=True)
    (old,) = entries(scene)
    assert (old["samples"], len(asked)) == (384_000, 1)
    compat.set_strip_frames(picture, 150)
    scene.timeline_markers.new("hit: door", frame=61)
    bpy.ops.tracklay.refit(wait=True)
    first, new = entries(scene)
    assert len(asked) == 1
    assert first["file"] == old["file"]
    assert (new["samples"], new["cost"]["amount"], new["seed"]) == (288_000, "0", 4)
    (hit,) = new["fit"]["hits"]
    assert (hit["at"], hit["name"]) == (96_000, "door")
    heard = [strip for strip in laid(scene) if not strip.mute]
    assert [json.loads(strip["tracklay"])["file"] for strip in heard] == [new["file"]]
    assert [compat.strip_frames(strip) for strip in heard] == [150]


def test_a_tail_makes_the_strip_longer_than_its_picture(scene, clips, asked):
    """By the argument, in frames of the scene; without fitting the music is cut where the tail ends."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, 200, ()), 11, 1)
    bpy.ops.tracklay.generate(model="band/music", prompt="calm", seed=4, tail=1.0, fit=False, wait=True)
    (strip,) = laid(scene)
    entry = json.loads(strip["tracklay"])
    assert (compat.strip_frames(strip), entry["tail"], entry["samples"]) == (225, 25, 432_000)
    assert "fit" not in entry


def test_foley_is_refused_in_a_sentence(scene, strip):
    """Only music that was fitted can be fitted again."""
    bpy.ops.tracklay.generate(model="clicker/clicks", wait=True)
    with pytest.raises(RuntimeError, match="Not music that was fitted to its picture"):
        bpy.ops.tracklay.refit(wait=True)


def test_the_music_of_a_scene_follows_its_shots(scene, clips, asked):
    """Two shots get one piece, as music does by itself; after one is trimmed, the piece is fitted to both again."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, 100, ()), 11, 1)
    last = add(scene, clips(RATE, 100, (99,)), 111, 1)
    bpy.ops.tracklay.generate(model="band/music", prompt="calm", seed=8, wait=True)
    (old,) = entries(scene)
    assert (old["samples"], len(asked)) == (384_000, 1)
    compat.set_strip_frames(last, 50)
    bpy.ops.tracklay.refit(wait=True)
    _, new = entries(scene)
    assert len(asked) == 1
    assert (new["samples"], new["cost"]["amount"]) == (288_000, "0")
    heard = [strip for strip in laid(scene) if not strip.mute]
    assert [(compat.strip_start(strip), compat.strip_frames(strip)) for strip in heard] == [(11, 150)]
