"""What the extension platform and a person expect: names, words, nothing left behind, files that do without us."""

from __future__ import annotations

import gc
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import pytest

import addon
from addon.blender import CLASSES, keys, pictures, properties, spotting, takes, translations

from .conftest import add, laid, set_rate

RATE = Fraction(25)
ROOM = Path(addon.__path__[0]) / "blender"
NAME = re.compile(r"TRACKLAY_(OT|PT|MT|UL|PG)_\w+|TracklayPreferences")

SMALL = {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "ffmpeg", "fal"}
"""Words that Blender writes small within a name, and names that are written so."""


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25, from frame 11."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20,)), 11)


def operators() -> list[Any]:
    """Ours."""
    return [each for each in CLASSES if issubclass(each, bpy.types.Operator)]


def test_every_class_is_named_as_blender_wants_it():
    """With the add-on's own name in front, and its operators under their own."""
    assert [each.__name__ for each in CLASSES if not NAME.fullmatch(each.__name__)] == []
    assert [each.bl_idname for each in operators() if not each.bl_idname.startswith("tracklay.")] == []


def test_names_and_tooltips_are_in_blenders_voice(scene):
    """Names in title case, tooltips sentences without a full stop, every property with both."""
    wrong = []
    for each in operators():
        told = [(each.bl_label, each.bl_description)]
        own = each.bl_rna.properties
        told += [
            (prop.name, prop.description)
            for prop in own
            if prop.identifier in each.__annotations__
            and not (prop.is_hidden or "INTERNAL" in getattr(each, "bl_options", ()))
        ]
        wrong += [(each.bl_idname, words) for words in told if not _in_voice(*words)]
    for group in (scene.tracklay, properties.chosen(scene.tracklay.params, "sketch/foley")):
        wrong += [
            (prop.identifier, prop.description)
            for prop in group.bl_rna.properties
            if prop.identifier not in ("rna_type", "name", "params")
            and (not prop.description or prop.description.endswith("."))
        ]
    assert wrong == []


def _in_voice(name: str, description: str) -> bool:
    small = [word for word in re.findall(r"[A-Za-z]+", name)[1:] if word[0].islower() and word not in SMALL]
    return bool(name) and not small and bool(description) and description[0].isupper() and description[-1] not in ".!"


def test_the_words_of_the_table_are_those_of_the_panels():
    """No line of a translation is of words that nobody shows, and every operator's name has one."""
    source = "".join(path.read_text("utf-8") for path in ROOM.glob("*.py") if path.name != "translations.py")
    joined = re.sub(r'"\s*\n\s*"', "", source)
    for texts in translations.GERMAN.values():
        assert [english for english in texts if f'"{english}"' not in joined] == []
        assert [english for english, german in texts.items() if english.count("{}") != german.count("{}")] == []
    names = {each.bl_label for each in operators() if "INTERNAL" not in getattr(each, "bl_options", ())}
    assert names - translations.GERMAN[translations.OPERATOR].keys() == set()


def handlers() -> list[str]:
    """Every function that listens to Blender, by its module."""
    lists = (name for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list))
    return [function.__module__ for name in lists for function in getattr(bpy.app.handlers, name)]


def test_nothing_is_left_of_it():
    """Switched off: no handler, timer, menu entry, key, class or property; and on and off again nothing piles up."""

    def held() -> dict[str, object]:
        menus = [
            function.__module__
            for name in ("SEQUENCER_MT_strip", "SEQUENCER_MT_add", "SEQUENCER_MT_context_menu", "SEQUENCER_MT_marker")
            for function in getattr(getattr(bpy.types, name).draw, "_draw_funcs", [])
        ]
        keymap = bpy.context.window_manager.keyconfigs.addon.keymaps.get(keys.KEYMAP[0])
        return {
            "handlers": [module for module in handlers() if module.startswith("addon")],
            "menus": [module for module in menus if module.startswith("addon")],
            "keys": [item.idname for item in (keymap.keymap_items if keymap else ()) if "tracklay" in item.idname],
            "types": [name for name in dir(bpy.types) if name.startswith("TRACKLAY")],
            "properties": [
                kind for kind in ("Scene", "WindowManager") if hasattr(getattr(bpy.types, kind), "tracklay")
            ],
            "timers": bpy.app.timers.is_registered(spotting._tick),
        }

    before = held()
    addon.unregister()
    try:
        assert not any(held().values())
    finally:
        addon.register()
    for _ in range(3):
        addon.unregister()
        addon.register()
    gc.collect()
    assert held() == before


def test_reverting_finds_the_takes_again(scene, strip, tmp_path):
    """What was done since the file was saved is gone; the takes that it had are the list's again."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    path = str(tmp_path / "film.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.tracklay.keep_take()
    bpy.ops.wm.open_mainfile(filepath=path)
    scene = bpy.context.scene
    assert len(laid(scene)) == 2
    (row,) = spotting.make(scene)
    assert row.takes == 2


@pytest.fixture
def film(scene, strip, tmp_path) -> Path:
    """A saved file with two takes in it."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    path: Path = tmp_path / "film.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def brought(film: Path, *, link: bool) -> Any:
    """The film's scene in an empty file."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(film), link=link) as (there, here):
        here.scenes = list(there.scenes)
    return here.scenes[0]


def test_an_appended_scene_has_its_cues(film):
    """Its takes are heard and switched as in their own file."""
    scene = brought(film, link=False)
    level = pictures.shown(scene)
    assert level is not None
    (group,) = takes.groups(level)
    assert (len(group.versions), group.heard) == (2, 0)
    assert Path(bpy.path.abspath(group.versions[0].whole.sound.filepath)).is_file()
    assert len(spotting.make(scene)) == 1


def test_a_linked_scene_is_left_alone(film):
    """It is another file's: nothing of ours looks for work in it or lists it."""
    scene = brought(film, link=True)
    assert spotting.make(scene) == []
    assert len(laid(scene)) == 2
