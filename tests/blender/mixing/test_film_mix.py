"""`tracklay mix film.blend`: a copy with keyframes, and Blender's mixdown."""

from __future__ import annotations

import json

import bpy
import pytest
from tracklay.errors import InvalidInput
from tracklay.timelines.mixing.blend_mix import mix_blend

from .scenes import lay_sounds, write_sounds


def test_a_film_is_mixed_in_a_copy(scene, tmp_path):
    """The film stays byte for byte; the copy has the keys, and a second mix replaces only what the first has written."""
    lay_sounds(scene, write_sounds(tmp_path))
    film = tmp_path / "film.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(film))
    before = film.read_bytes()
    with pytest.raises(InvalidInput, match="No sound has this name: A9"):
        mix_blend(film, "film", kinds={"A9": "music"})
    with pytest.raises(InvalidInput, match="A Blender file has no stems"):
        mix_blend(film, "film", with_stems=True)
    assert sorted(path.name for path in (tmp_path / "tracklay").iterdir()) == []
    result = mix_blend(film, "film", target_lufs=-20, kinds={"room tone": "off"})
    assert film.read_bytes() == before
    assert abs(result.reply["lufs"] + 20) < 0.2
    assert result.reply["true_peak"] <= -1
    curves = json.loads(result.curves.read_text())
    assert {sound["id"]: sound["kind"] for sound in curves["sounds"]} == {
        "DX 1": "dialogue",
        "Music": "music",
        "foley": "effects",
    }
    bpy.ops.wm.open_mainfile(filepath=str(result.mix))
    mixed = bpy.context.scene
    assert len(mixed.animation_data.action.layers[0].strips[0].channelbags[0].fcurves) == 3
    assert bpy.ops.tracklay.clear_mix("EXEC_DEFAULT") == {"FINISHED"}
    result.curves.unlink()
    with pytest.raises(InvalidInput, match="File already exists and was not written by Tracklay"):
        mix_blend(film, "film")
