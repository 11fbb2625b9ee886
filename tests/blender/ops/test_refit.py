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
    file.write_text(music_model.MODEL.replace("0.02", "0.05"))  # what it charges is within twice the estimate
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


def test_music_that_is_too_short_is_asked_for_more(scene, clips, asked):
    """Only what is missing is asked for; what there is stays its first part. Music that is long enough is fitted for free."""
    set_rate(scene, RATE)
    picture = add(scene, clips(RATE, 300, ()), 11, 1)
    compat.set_strip_frames(picture, 100)
    bpy.ops.tracklay.generate(model="band/music", prompt="calm", seed=4, wait=True)
    compat.set_strip_frames(picture, 300)
    bpy.ops.tracklay.extend_music(wait=True)
    old, new = entries(scene)
    assert len(asked) == 2
    assert (new["samples"], new["fit"]["refit_of"]) == (576_000, old["file"])
    assert [part["cost"]["amount"] for part in new["parts"]] == ["0", "0.2"]
    assert [json.loads(strip["tracklay"])["file"] for strip in laid(scene) if not strip.mute] == [new["file"]]
    compat.set_strip_frames(picture, 250)
    bpy.ops.tracklay.extend_music(wait=True)
    assert (len(asked), entries(scene)[2]["samples"]) == (2, 480_000)


def test_a_part_of_music_is_made_again(scene, clips, asked):
    """It alone is asked for, with its own seed and prompt; the others are used again, and the whole is fitted to the same span."""
    file = MODELS / "band.toml"
    file.write_text(file.read_text().replace("price = {", "seconds = { least = 1, most = 6 }\nprice = {"))
    bpy.ops.tracklay.reload_models()
    set_rate(scene, RATE)
    add(scene, clips(RATE, 200, ()), 11, 1)
    bpy.ops.tracklay.generate(model="band/music", prompt="calm", seed=4, wait=True)
    (old,) = entries(scene)
    count = len(old["parts"])
    assert len(asked) == count >= 2
    bpy.ops.tracklay.redo_part(part=2, seed=77, prompt="drums", wait=True)
    _, new = entries(scene)
    assert (len(asked), asked[count]) == (count + 1, asked[1])
    assert [part["seed"] for part in new["parts"]] == [
        77 if part["part"] == 2 else part["seed"] for part in old["parts"]
    ]
    assert (new["samples"], new["prompt"]) == (384_000, "calm")
    with pytest.raises(RuntimeError, match=f"has {count} parts, and no part 9"):
        bpy.ops.tracklay.redo_part(part=9, wait=True)
    assert len(asked) == count + 1
