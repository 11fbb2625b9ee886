"""The numbers of enumerations: a menu stores them as 32-bit floats, and files may store them."""

from __future__ import annotations

import zlib

import bpy
import numpy as np
from tracklay.blender.settings import catalogue, preferences, properties

from ..conftest import MODELS

SKETCH_FOLEY = 1821253
"""The number of `sketch/foley`: zlib.crc32(b"sketch/foley") modulo 2^24."""


def enumerations():
    """Yield each enumeration of the extension, with `OWNER.NAME`."""
    scene = bpy.types.Scene.bl_rna.properties["tracklay"].fixed_type
    owners = [scene, *(pointer.fixed_type for pointer in scene.properties["params"].fixed_type.properties[2:])]
    owners += [kind.bl_rna for kind in preferences.CLASSES]
    owners += [getattr(bpy.ops.tracklay, name).get_rna_type() for name in dir(bpy.ops.tracklay)]
    for owner in owners:
        for each in owner.properties:
            if each.type == "ENUM" and each.identifier not in ("rna_type", "bl_icon"):
                yield f"{owner.identifier}.{each.identifier}", each


def test_every_number_is_exact_as_a_float_and_distinct(scene):
    """A menu always sets the item that was clicked."""
    found = {name: [item.value for item in each.enum_items if item.identifier] for name, each in enumerations()}
    assert {"TRACKLAY_PG_scene.model", "TRACKLAY_PG_clicker_clicks.material"} <= set(found)
    for name, values in found.items():
        assert [int(np.float32(value)) for value in values] == values, name
        assert len(set(values)) == len(values), name


def test_the_numbers_of_models_do_not_depend_on_the_other_models():
    """Another catalogue and another order give a model the same number, in this session and the next."""
    ids = list(catalogue.MODELS)
    numbered = properties.numbers(ids)
    assert properties.numbers(reversed(ids)) == numbered
    assert properties.numbers([*ids, "aaa/first"]) == {**numbered, "aaa/first": numbered_alone("aaa/first")}
    assert numbered["sketch/foley"] == SKETCH_FOLEY


def numbered_alone(model_id: str) -> int:
    """Return the number of a model in a catalogue of its own."""
    return properties.numbers([model_id])[model_id]


def test_ids_with_the_same_checksum_have_distinct_numbers(monkeypatch):
    """The later in the alphabet takes the next free number."""
    monkeypatch.setattr(zlib, "crc32", lambda _: (1 << 24) - 1)
    assert properties.numbers(["b", "c", "a"]) == {"a": (1 << 24) - 1, "b": 1, "c": 2}


def old_number(model_id: str) -> int:
    """Return the number that the previous version wrote to files."""
    return zlib.crc32(model_id.encode()) & 0x7FFFFFFF


def set_old_number(scene, number: int) -> None:
    """Set the scene to what a file of the previous version stores."""
    scene.tracklay.property_unset("model_id")
    scene.tracklay["model"] = number


def test_the_number_in_an_older_file_names_its_model(scene, tmp_path):
    """Also after the file is saved and opened."""
    for model_id in catalogue.MODELS:
        set_old_number(scene, old_number(model_id))
        assert scene.tracklay.model == model_id
    set_old_number(scene, old_number("sketch/music"))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    settings = bpy.context.scene.tracklay
    assert settings.model == "sketch/music"
    settings.model = "sketch/foley"
    assert settings.model == "sketch/foley"


def test_an_unknown_number_is_no_model(scene):
    """The model of an older file may be missing in the catalogue."""
    set_old_number(scene, old_number("unknown/model"))
    assert scene.tracklay.model == ""


def test_a_new_scene_has_the_default_model(scene):
    """Its file stores none."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert bpy.context.scene.tracklay.model == properties.DEFAULT_MODEL


def test_a_saved_model_returns_with_its_file(scene, tmp_path):
    """The .blend file stores the ID while the model is missing in the catalogue."""
    text = (MODELS / "clicker.toml").read_text()
    (MODELS / "extra.toml").write_text(text.replace("clicker/clicks", "extra/clicks"))
    try:
        bpy.ops.tracklay.reload_models()
        bpy.context.scene.tracklay.model = "extra/clicks"
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
        (MODELS / "extra.toml").unlink()
        bpy.ops.tracklay.reload_models()
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
        assert bpy.context.scene.tracklay.model == ""
        (MODELS / "extra.toml").write_text(text.replace("clicker/clicks", "extra/clicks"))
        bpy.ops.tracklay.reload_models()
        assert bpy.context.scene.tracklay.model == "extra/clicks"
    finally:
        (MODELS / "extra.toml").unlink(missing_ok=True)
        bpy.ops.tracklay.reload_models()
