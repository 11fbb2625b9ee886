"""What the extension platform and a person expect: names, words, nothing left behind, files that do without us."""

from __future__ import annotations

import ast
import gc
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
import pytest
import tracklay
from tracklay.blender import CLASSES
from tracklay.blender.runtime import cue_rows, cue_status
from tracklay.blender.sequencer import selection, takes
from tracklay.blender.settings import catalogue, properties
from tracklay.blender.settings.i18n import de_errors, translate
from tracklay.blender.ui import cue_list, keymap

from ..conftest import laid

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOM = Path(tracklay.__path__[0]) / "blender"
NAME = re.compile(r"TRACKLAY_(OT|PT|MT|UL|PG)_\w+|TracklayPreferences")

SMALL = {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "ffmpeg", "fal"}
"""Words that Blender writes small within a name, and names that are written so."""


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
        if "INTERNAL" not in getattr(each, "bl_options", ()):
            own = vars(each).get("__annotations__", {}).values()
            told += [(prop.keywords.get("name", ""), prop.keywords.get("description", "")) for prop in own]
        wrong += [(each.bl_idname, words) for words in told if not _in_voice(*words)]
    for group in (scene.tracklay, properties.model_params(scene.tracklay.params, "sketch/foley")):
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


UI = {"text", "heading", "placeholder", "title", "confirm_text"}
"""Arguments of Blender's layouts that a person reads."""

NOT_OURS = re.compile(r"(\d+(\.\d+)? kHz)?|Unique name used in the code and scripting")
"""The same in every language, or Blender's own."""


def spoken(scene) -> set[tuple[str, str]]:
    """Every text of ours that Blender shows, with its context: of classes, of their properties, and what is drawn."""
    found: set[tuple[str, str]] = set()
    for each in CLASSES:
        context = translate.OPERATOR_CONTEXT if issubclass(each, bpy.types.Operator) else translate.ANY_CONTEXT
        found.add((context, getattr(each, "bl_label", "")))
        found.add((translate.ANY_CONTEXT, getattr(each, "bl_description", "")))
        for prop in vars(each).get("__annotations__", {}).values():
            told = prop.keywords
            items = [item[1:3] for item in told.get("items", ())]
            found |= {
                (translate.ANY_CONTEXT, text)
                for words in ((told.get("name", ""), told.get("description", "")), *items)
                for text in words
            }
    kinds = [
        scene.tracklay.bl_rna,
        type(scene.tracklay.extras.add()).bl_rna,
        bpy.context.window_manager.tracklay.bl_rna,
    ]
    for kind in kinds:
        found |= {
            text
            for prop in kind.properties
            if prop.identifier not in ("rna_type", "params")
            for text in of_property(prop)
        }
    for path in ROOM.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call):
                found |= set(of_call(call))
    found |= {
        (translate.ANY_CONTEXT, words) for words in (*cue_status.STAGE_LABELS.values(), *catalogue.TASK_LABELS.values())
    }
    found |= {
        (translate.OPERATOR_CONTEXT, words) for choices in cue_list.STATE_ACTIONS.values() for _, words in choices
    }
    found.add((translate.ANY_CONTEXT, properties.MODEL_DEFAULT_LABEL))
    return {(context, text) for context, text in found if not NOT_OURS.fullmatch(text)}


def of_property(prop: Any) -> Iterator[tuple[str, str]]:
    """A property's name and tooltip, and those of its choices."""
    yield translate.ANY_CONTEXT, prop.name
    yield translate.ANY_CONTEXT, prop.description
    speaks = prop.type == "ENUM" and prop.name != "Model"  # models have words of their own
    for item in prop.enum_items_static if speaks else ():
        yield translate.ANY_CONTEXT, item.name
        yield translate.ANY_CONTEXT, item.description


def of_call(call: ast.Call) -> Iterator[tuple[str, str]]:
    """The texts that a call of a layout, of `said` or of `reported` holds."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = {each.arg: each.value for each in call.keywords}
    texts = [given[each] for each in UI & given.keys()] if "translate" not in given else []
    texts += call.args[:1] if name in ("translate_ui", "translate_report") else []
    for text in texts:
        context = translate.OPERATOR_CONTEXT if name == "operator" else translate.ANY_CONTEXT
        choices = [text.body, text.orelse] if isinstance(text, ast.IfExp) else [text]
        words = [each.value for each in choices if isinstance(each, ast.Constant)]
        yield from ((context, each) for each in words if isinstance(each, str) and each)


def test_every_word_of_ours_has_a_german_one(scene):
    """Names, tooltips, what panels say, what is reported: each is in the table, and the table has no other; braces match."""
    wanted, table = spoken(scene), translate.TRANSLATIONS["de_DE"]
    errors = {(translate.ANY_CONTEXT, english) for english in de_errors.ERRORS}
    table = {key: german for key, german in table.items() if key not in errors}
    assert sorted(wanted - table.keys()) == []
    assert sorted(table.keys() - wanted) == []
    assert [english for (_, english), german in table.items() if english.count("{}") != german.count("{}")] == []
    assert [english for (_, english), german in table.items() if english.endswith(".") != german.endswith(".")] == []


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
        added = bpy.context.window_manager.keyconfigs.addon.keymaps.get(keymap.KEYMAP[0])
        return {
            "handlers": [module for module in handlers() if module.startswith("tracklay")],
            "menus": [module for module in menus if module.startswith("tracklay")],
            "keys": [item.idname for item in (added.keymap_items if added else ()) if "tracklay" in item.idname],
            "types": [name for name in dir(bpy.types) if name.startswith("TRACKLAY")],
            "properties": [
                kind for kind in ("Scene", "WindowManager") if hasattr(getattr(bpy.types, kind), "tracklay")
            ],
            "timers": bpy.app.timers.is_registered(cue_rows._build_slice),
        }

    before = held()
    tracklay.unregister()
    try:
        assert not any(held().values())
    finally:
        tracklay.register()
    for _ in range(3):
        tracklay.unregister()
        tracklay.register()
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
    (row,) = cue_rows.build_rows(scene)
    assert row.take_count == 2


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
    level = selection.active_level(scene)
    assert level is not None
    (group,) = takes.find_take_groups(level)
    assert (len(group.takes), group.audible_index) == (2, 0)
    assert Path(bpy.path.abspath(group.takes[0].full_mix.sound.filepath)).is_file()
    assert len(cue_rows.build_rows(scene)) == 1


def test_a_linked_scene_is_left_alone(film):
    """It is another file's: nothing of ours looks for work in it or lists it."""
    scene = brought(film, link=True)
    assert cue_rows.build_rows(scene) == []
    assert len(laid(scene)) == 2
