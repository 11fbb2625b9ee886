"""Parts from Blender: a take in parts is laid like any other, and one part, or the preview range, is made again as a new take."""

from __future__ import annotations

import json
from typing import Any

import bpy
import pytest
from tracklay.blender.sequencer import compat

from ..conftest import laid


def entries(scene) -> list[dict[str, Any]]:
    """Return the manifest entries of the laid takes, the oldest first."""
    return sorted((json.loads(strip["tracklay"]) for strip in laid(scene)), key=lambda entry: entry["take"])


def test_a_part_and_the_preview_range_are_redone(scene, strip):
    """Each new take is as long as the old one, joins its cue and is heard; a take of a redone part still knows its parts."""
    bpy.ops.tracklay.generate(model="clicker/clicks", parts="1", wait=True)
    (first,) = laid(scene)
    (old,) = entries(scene)
    assert len(old["parts"]) == 3
    assert compat.strip_frames(first) == 60
    bpy.ops.tracklay.redo_part(part=2, seed=7, wait=True)
    _, new = entries(scene)
    assert (new["seed"], new["samples"]) == (7, old["samples"])
    assert (new["replaced"]["take"], new["replaced"]["frames"]) == (old["file"], old["parts"][1]["frames"])
    assert new["replaced"]["start"] == old["parts"][1]["start"]
    assert [take.mute for take in sorted(laid(scene), key=lambda take: json.loads(take["tracklay"])["take"])] == [
        True,
        False,
    ]
    start = compat.strip_start(first)
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = start + 10, start + 39
    bpy.ops.tracklay.redo_part(prompt="rain", wait=True)
    third = entries(scene)[2]
    assert (third["replaced"]["start"], third["replaced"]["frames"]) == (start + 10, 30)
    assert third["prompt"] == "rain"
    bpy.ops.tracklay.redo_part(part=3, wait=True)
    assert len(laid(scene)) == 4


def test_what_cannot_be_redone(scene, strip):
    """A part that is not there, a range outside of the take and no choice at all are errors, and nothing is laid."""
    bpy.ops.tracklay.generate(model="clicker/clicks", wait=True)
    with pytest.raises(RuntimeError, match="was not made in parts"):
        bpy.ops.tracklay.redo_part(part=1, wait=True)
    with pytest.raises(RuntimeError, match="No part is chosen"):
        bpy.ops.tracklay.redo_part(wait=True)
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 500, 600
    with pytest.raises(RuntimeError, match="is not inside the take"):
        bpy.ops.tracklay.redo_part(wait=True)
    assert len(laid(scene)) == 1
