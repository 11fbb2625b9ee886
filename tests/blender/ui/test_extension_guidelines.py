"""Guidelines of the extension platform: names, texts, clean removal, and files that do not need the extension."""

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
from tracklay.blender.runtime.mixing import mix_status
from tracklay.blender.sequencer import selection, takes
from tracklay.blender.settings import catalogue, properties
from tracklay.blender.settings.i18n import translate
from tracklay.blender.settings.shot_prompt import SHOT_PROMPT
from tracklay.blender.ui import cue_list, keymap, mix_panel
from tracklay.jobs.take_writer import SILENT_NOTE
from tracklay.scoring.ranking import REASON_TEMPLATES
from tracklay.sketch.foley.renderer import NO_CONTACT_NOTES

from ..conftest import laid

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(tracklay.__path__[0]) / "blender"
CLASS_NAME = re.compile(r"TRACKLAY_(OT|PT|MT|UL|PG)_\w+|TracklayPreferences")

LOWER_CASE_WORDS = {
    "a",
    "an",
    "and",
    "at",
    "by",
    "for",
    "from",
    "in",
    "of",
    "on",
    "or",
    "the",
    "to",
    "with",
    "ffmpeg",
    "fal",
}
"""Words that Blender writes in lower case within a name, and names that are spelled so."""


def operators() -> list[Any]:
    """Return the extension's operators."""
    return [each for each in CLASSES if issubclass(each, bpy.types.Operator)]


def test_every_class_has_a_name_of_blenders_pattern():
    """Names begin with the add-on's, and operators are in its module."""
    assert [each.__name__ for each in CLASSES if not CLASS_NAME.fullmatch(each.__name__)] == []
    assert [each.bl_idname for each in operators() if not each.bl_idname.startswith("tracklay.")] == []


def test_names_and_tooltips_follow_blenders_style(scene):
    """Names are in title case, tooltips have no full stop, and every property has both."""
    wrong = []
    for each in operators():
        texts = [(each.bl_label, each.bl_description)]
        if "INTERNAL" not in getattr(each, "bl_options", ()):
            own = vars(each).get("__annotations__", {}).values()
            texts += [(prop.keywords.get("name", ""), prop.keywords.get("description", "")) for prop in own]
        wrong += [(each.bl_idname, pair) for pair in texts if not _in_blenders_style(*pair)]
    for group in (scene.tracklay, scene.tracklay_mix, properties.model_params(scene.tracklay.params, "sketch/foley")):
        wrong += [
            (prop.identifier, prop.description)
            for prop in group.bl_rna.properties
            if prop.identifier not in ("rna_type", "name", "params")
            and (not prop.description or prop.description.endswith("."))
        ]
    assert wrong == []


def _in_blenders_style(name: str, description: str) -> bool:
    lower = [word for word in re.findall(r"[A-Za-z]+", name)[1:] if word[0].islower() and word not in LOWER_CASE_WORDS]
    return bool(name) and not lower and bool(description) and description[0].isupper() and description[-1] not in ".!"


TEXT_ARGUMENTS = {"text", "heading", "placeholder", "title", "confirm_text"}
"""Arguments of Blender's layouts that users read."""

UNTRANSLATED = re.compile(r"(\d+(\.\d+)? kHz)?|Unique name used in the code and scripting")
"""Texts that are the same in every language, or are Blender's."""


def interface_texts(scene) -> set[tuple[str, str]]:
    """Return every text of the extension in Blender, with its context: of classes, properties and layouts."""
    found: set[tuple[str, str]] = set()
    for each in CLASSES:
        context = translate.OPERATOR_CONTEXT if issubclass(each, bpy.types.Operator) else translate.ANY_CONTEXT
        found.add((context, getattr(each, "bl_label", "")))
        found.add((translate.ANY_CONTEXT, getattr(each, "bl_description", "")))
        for prop in vars(each).get("__annotations__", {}).values():
            keywords = prop.keywords
            items = [item[1:3] for item in keywords.get("items", ())]
            found |= {
                (translate.ANY_CONTEXT, text)
                for texts in ((keywords.get("name", ""), keywords.get("description", "")), *items)
                for text in texts
            }
    kinds = [
        scene.tracklay.bl_rna,
        type(scene.tracklay.extras.add()).bl_rna,
        bpy.context.window_manager.tracklay.bl_rna,
        scene.tracklay_mix.bl_rna,
    ]
    found |= set(property_texts(bpy.types.Strip.bl_rna.properties["tracklay_mix_kind"]))
    mix_words = (*mix_panel.ORIGINS.values(), *mix_panel.KIND_LABELS.values(), *mix_status.STAGES)
    found |= {(translate.ANY_CONTEXT, word) for word in mix_words}
    for kind in kinds:
        found |= {
            text
            for prop in kind.properties
            if prop.identifier not in ("rna_type", "params")
            for text in property_texts(prop)
        }
    found |= set(property_texts(bpy.types.Strip.bl_rna.properties[SHOT_PROMPT]))
    for path in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call):
                found |= set(call_texts(call))
    found |= {
        (translate.ANY_CONTEXT, label) for label in (*cue_status.STAGE_LABELS.values(), *catalogue.TASK_LABELS.values())
    }
    found |= {
        (translate.OPERATOR_CONTEXT, label) for choices in cue_list.STATE_ACTIONS.values() for _, label in choices
    }
    found |= {(translate.ANY_CONTEXT, sentence) for sentence in REASON_TEMPLATES.values()}
    found.add((translate.ANY_CONTEXT, properties.MODEL_DEFAULT_LABEL))
    found |= {(translate.ANY_CONTEXT, note) for note in (*NO_CONTACT_NOTES, SILENT_NOTE)}
    return {(context, text) for context, text in found if not UNTRANSLATED.fullmatch(text)}


def property_texts(prop: Any) -> Iterator[tuple[str, str]]:
    """Yield a property's name and tooltip, and those of its items."""
    yield translate.ANY_CONTEXT, prop.name
    yield translate.ANY_CONTEXT, prop.description
    is_translated = prop.type == "ENUM" and prop.name != "Model"  # names and help of models are English
    for item in prop.enum_items_static if is_translated else ():
        yield translate.ANY_CONTEXT, item.name
        yield translate.ANY_CONTEXT, item.description


def call_texts(call: ast.Call) -> Iterator[tuple[str, str]]:
    """Yield the texts in a call of a layout, of `translate_ui` or of `translate_report`."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = {each.arg: each.value for each in call.keywords}
    texts = [given[each] for each in TEXT_ARGUMENTS & given.keys()] if "translate" not in given else []
    texts += call.args[:1] if name in ("translate_ui", "translate_report") else []
    for text in texts:
        context = translate.OPERATOR_CONTEXT if name == "operator" else translate.ANY_CONTEXT
        choices = [text.body, text.orelse] if isinstance(text, ast.IfExp) else [text]
        constants = [each.value for each in choices if isinstance(each, ast.Constant)]
        yield from ((context, each) for each in constants if isinstance(each, str) and each)


def test_every_text_has_a_german_translation(scene):
    """The table has every name, tooltip, label and report, and no others; braces and full stops match."""
    wanted, table = interface_texts(scene), translate.TRANSLATIONS["de_DE"]
    errors = {(translate.ANY_CONTEXT, english) for english in translate.GERMAN_ERRORS}
    table = {key: german for key, german in table.items() if key not in errors}
    assert sorted(wanted - table.keys()) == []
    assert sorted(table.keys() - wanted) == []
    assert [english for (_, english), german in table.items() if english.count("{}") != german.count("{}")] == []
    assert [english for (_, english), german in table.items() if english.endswith(".") != german.endswith(".")] == []


def handlers() -> list[str]:
    """Return the module of each function among Blender's handlers."""
    lists = (name for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list))
    return [function.__module__ for name in lists for function in getattr(bpy.app.handlers, name)]


def test_disabling_leaves_nothing():
    """No handler, timer, menu item, key, class or property is left, and enabling it again adds none twice."""

    def registered_items() -> dict[str, object]:
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
            "properties": [kind for kind in ("Scene", "WindowManager") if hasattr(getattr(bpy.types, kind), "tracklay")]
            + [SHOT_PROMPT for _ in range(hasattr(bpy.types.Strip, SHOT_PROMPT))],
            "timers": bpy.app.timers.is_registered(cue_rows._build_slice),
        }

    before = registered_items()
    tracklay.unregister()
    try:
        assert not any(registered_items().values())
    finally:
        tracklay.register()
    for _ in range(3):
        tracklay.unregister()
        tracklay.register()
    gc.collect()
    assert registered_items() == before


def test_takes_are_listed_after_a_revert(scene, strip, tmp_path):
    """Changes since the file was saved are gone; its takes are in the list."""
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
    """Return a saved file with two takes."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    path: Path = tmp_path / "film.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def load_scene(film: Path, *, link: bool) -> Any:
    """Return the film's scene, appended or linked to an empty file."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(film), link=link) as (source, target):
        target.scenes = list(source.scenes)
    return target.scenes[0]


def test_an_appended_scene_has_its_cues(film):
    """Its takes are audible and listed as in their own file."""
    scene = load_scene(film, link=False)
    level = selection.active_level(scene)
    assert level is not None
    (group,) = takes.find_take_groups(level)
    assert (len(group.takes), group.audible_index) == (2, 0)
    assert Path(bpy.path.abspath(group.takes[0].full_mix.sound.filepath)).is_file()
    assert len(cue_rows.build_rows(scene)) == 1


def test_a_linked_scene_is_ignored(film):
    """It belongs to another file: its cues are not listed."""
    scene = load_scene(film, link=True)
    assert cue_rows.build_rows(scene) == []
    assert len(laid(scene)) == 2
