"""What a person sees: the Tracklay tab of the sequencer's sidebar, and the entries in its menus. Drawing reads memory only."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...cue import Cue, Picture
from ...errors import InvalidInput
from ...jobs import JobSpec, estimate_cost
from ...models.model import is_json
from ...timing import Span, TimeMap
from ..ops.generate_ops import TRACKLAY_OT_generate
from ..sequencer import compat, selection
from ..settings import catalogue, properties
from ..settings.i18n.translate import translate_ui
from ..settings.network import offline_error
from ..settings.preferences import missing_key_message
from . import presets
from .layout_helpers import draw_duration, draw_error_box, draw_wrapped_text

if TYPE_CHECKING:
    from ...models import Model

MAX_LISTED_STRIPS = 4
"""Selected strips that are named one by one; more are counted."""

LABEL_WIDTH_FRACTION = 0.4
"""Of the width, what Blender gives a property's name where names and values are split."""

GENERATE_ICON = "SPEAKER"

DUMMY_PICTURE = Picture(Path(), TimeMap(((Fraction(0), Fraction(0)), (Fraction(1), Fraction(1)))))
"""Stands where only a price is asked for."""


class TRACKLAY_PT_sidebar(bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """What is selected, what shall be made for it, and how far it is."""

    bl_label = "Tracklay"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Tracklay"

    def draw(self, context: Any) -> None:
        """Draw it."""
        layout, scene = self.layout, compat.active_sequencer_scene(context)
        ranges = selection.selected_ranges(scene)
        trouble = _draw_selection(context, layout, scene, ranges)
        for error in catalogue.LOAD_ERRORS:
            draw_error_box(context, layout, error, "tracklay.reload_models", "FILE_REFRESH")
        model = catalogue.MODELS.get(scene.tracklay.model)
        if model is None:
            draw_error_box(
                context, layout, translate_ui("The model of this file is not in the catalogue: choose another"), "", ""
            )
            layout.menu(TRACKLAY_MT_models.__name__, text="Model")
            return
        _draw_settings(context, layout, scene.tracklay, model)
        hindrances = _generate_blockers(scene, model, ranges)
        row = layout.row()
        row.scale_y = 1.5
        row.enabled = bool(ranges) and not trouble and not hindrances
        row.operator(
            TRACKLAY_OT_generate.bl_idname,
            text="  ·  ".join((translate_ui("Generate"), _price_text(scene, ranges))),
            translate=False,
            icon=GENERATE_ICON,
        )
        for hindrance in hindrances:
            draw_error_box(context, layout, hindrance, "", "")


def _draw_selection(context: Any, layout: Any, scene: Any, ranges: list[tuple[Any, int, int]]) -> str:
    """What is selected, with lengths; why it cannot be read, if so, is shown and given back."""
    rate = selection.scene_rate(scene)
    box = layout.box().column(align=True)
    if not ranges:
        box.label(text="Select a movie strip", icon="INFO")
        box.label(text="or set a preview range", icon="BLANK1")
        return ""
    for strip, _, frames in ranges[:MAX_LISTED_STRIPS]:
        split = box.split(factor=0.5)
        split.label(text=strip.name, icon="FILE_MOVIE", translate=False)
        draw_duration(split, frames, rate)
    if len(ranges) > 1:
        split = box.split(factor=0.5)
        split.label(text=translate_ui("{} in all", len(ranges)), icon="BLANK1", translate=False)
        draw_duration(split, sum(frames for _, _, frames in ranges), rate)
    trouble = next(
        (found for strip, _, _ in ranges[:MAX_LISTED_STRIPS] if (found := selection.unreadable_reason(strip))), ""
    )
    if trouble:
        draw_error_box(context, layout, trouble, "", "")
    return trouble


class TRACKLAY_MT_models(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """The models by what they are for; those that cannot be used now say why."""

    bl_label = "Model"

    def draw(self, context: Any) -> None:
        """Draw it."""
        scene = compat.active_sequencer_scene(context)
        ranges = selection.selected_ranges(scene)
        for task, heading in catalogue.TASK_LABELS.items():
            of_task = [model for model in catalogue.MODELS.values() if model.task == task]
            if not of_task:
                continue
            self.layout.separator()
            self.layout.label(text=heading)
            for model in of_task:
                why = _unavailable_reason(scene, model, ranges)
                text = f"{model.title}  ·  {why}" if why else model.title
                self.layout.prop_enum(scene.tracklay, "model", model.id, text=text)


def _unavailable_reason(scene: Any, model: Model, ranges: list[tuple[Any, int, int]]) -> str:
    """In two or three words why a model cannot be used now; empty where it can."""
    if missing_key_message(model.provider):
        return translate_ui("no key")
    if offline_error(model):
        return translate_ui("not online")
    return translate_ui("not for this length") if _span_length_error(scene, model, ranges) else ""


def _span_length_error(scene: Any, model: Model, ranges: list[tuple[Any, int, int]]) -> str:
    """Why a model cannot make sound for what is selected: it is too long for it, or too short."""
    rate = selection.scene_rate(scene)
    try:
        for frames in sorted({frames for _, _, frames in ranges}, reverse=True):
            model.check_span(rate.seconds(frames))
    except InvalidInput as error:
        return str(error)
    return ""


def _generate_blockers(scene: Any, model: Model, ranges: list[tuple[Any, int, int]]) -> list[str]:
    """All that stands against a Generate and that the person can mend, each in a sentence."""
    settings = scene.tracklay
    found = [missing_key_message(model.provider), str(offline_error(model) or ""), _span_length_error(scene, model, ranges)]
    prompt = model.parameter_for_role("prompt")
    if prompt and prompt.required and not settings.prompt.strip() and settings.prompt_from == "NONE":
        found.append(f"{model.id} needs a prompt: write what should be heard")
    try:
        extras = properties.extra_params(settings, model)
    except InvalidInput as error:
        found.append(str(error))
    else:
        wrong = (name for name, value in extras.items() if not is_json(str(value)))
        found += [f"{name} must be JSON: text stands in double quotes" for name in wrong]
    return [sentence for sentence in found if sentence]


def _draw_settings(context: Any, layout: Any, settings: Any, model: Model) -> None:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    split = column.split(factor=LABEL_WIDTH_FRACTION)
    label = split.row()
    label.alignment = "RIGHT"
    label.label(text=catalogue.TASK_LABELS[model.task])
    split.menu(TRACKLAY_MT_models.__name__, text=model.title)
    group = properties.model_params(settings.params)
    if mode := model.parameter_for_role("mode"):
        column.prop(group, mode.name)
    if model.parameter_for_role("prompt"):
        column.prop(settings, "prompt", placeholder=translate_ui("wood, metal, rain …"))
    if model.parameter_for_role("negative"):
        column.prop(settings, "negative_prompt")
    header, body = layout.panel("tracklay_settings", default_closed=True)
    header.label(text=translate_ui("{} Settings", model.title), translate=False)
    presets.TRACKLAY_PT_presets.draw_panel_header(header)
    if body:
        body.use_property_split = True
        body.use_property_decorate = False
        if model.parameter_for_role("prompt"):
            body.prop(settings, "prompt_from")
        for parameter in model.settable:
            if parameter is not mode:
                body.prop(group, parameter.name)
        _draw_picture_settings(body, settings, model)
        if model.gives == "stems":
            body.prop(settings, "stems", text="Lay Stems")
        _draw_extras(body, settings, model)
        body.operator("tracklay.reset_params", icon="LOOP_BACK")
    row = layout.row(align=True)
    row.prop(settings, "takes")
    row.prop(settings, "seed", text="Seed: random" if settings.seed < 0 else "Seed")
    if model.licence.commercial is False:
        draw_wrapped_text(
            context, layout.column(align=True), translate_ui("Not for commercial use: {}", model.licence.name), "INFO"
        )


def _draw_picture_settings(layout: Any, settings: Any, model: Model) -> None:
    """How the picture is made, and what of it is shown, for a model that looks at one."""
    if model.picture_input(properties.param_values(settings.params, model)):
        layout.prop(settings, "picture")
        layout.prop(settings, "square")
        if settings.square == properties.MANUAL_SQUARE:
            layout.prop(settings, "square_at")


def _draw_extras(layout: Any, settings: Any, model: Model) -> None:
    """What the person sends beyond the catalogue: a row each, and a button for another."""
    shown = set(properties.extra_rows(settings, model))
    for index, extra in enumerate(settings.extras):
        if extra in shown:
            row = layout.row(align=True)
            row.use_property_split = False
            row.prop(extra, "name", text="", placeholder=translate_ui("name"))
            value = row.row(align=True)
            value.alert = bool(extra.value.strip()) and not is_json(extra.value)
            value.prop(extra, "value", text="", placeholder="JSON")
            row.operator("tracklay.remove_extra", text="", icon="X").index = index
    layout.operator("tracklay.add_extra", text="Extra Parameter", icon="ADD")


def _price_text(scene: Any, ranges: list[tuple[Any, int, int]]) -> str:
    """What a Generate will cost, as far as the catalogue knows."""
    settings, total = scene.tracklay, Decimal(0)
    model = catalogue.MODELS[settings.model]
    if model.price.amount is None:
        return translate_ui("price not known")
    rate, params = selection.scene_rate(scene), properties.param_values(settings.params, model)
    for frames, count in Counter(frames for _, _, frames in ranges).items():
        cue = Cue("", Span(0, frames, rate), DUMMY_PICTURE, model.id, takes=settings.takes, params=params)
        total += count * (estimate_cost(JobSpec(cue, model, DUMMY_PICTURE.source, "")) or 0)
    return translate_ui("about {} {}", f"{total:.2f}", model.price.currency) if total else translate_ui("free")


class TRACKLAY_MT_strip(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """All that Tracklay does to the selected strips and the markers."""

    bl_label = "Tracklay"

    def draw(self, _context: Any) -> None:
        """Draw it."""
        layout = self.layout
        layout.operator(TRACKLAY_OT_generate.bl_idname, icon=GENERATE_ICON)
        layout.operator("tracklay.cues_from_cuts")
        layout.operator("tracklay.effects_at_markers", icon="MARKER_HLT")
        layout.separator()
        layout.operator("tracklay.switch_take", text="Next Take").direction = "NEXT"
        layout.operator("tracklay.switch_take", text="Previous Take").direction = "PREVIOUS"
        layout.operator("tracklay.compare_takes")
        layout.operator("tracklay.favourite_take")
        layout.operator("tracklay.keep_take")
        layout.operator("tracklay.lay_stems")
        layout.separator()
        layout.operator("tracklay.regenerate", text="Regenerate with New Seed").same_seed = False
        layout.operator("tracklay.regenerate", text="Regenerate for Changed Picture").same_seed = True
        layout.separator()
        layout.menu("TRACKLAY_MT_cue")
        layout.operator("tracklay.delete_dropped", icon="TRASH")


def _draw_generate_entry(self: Any, _context: Any) -> None:
    self.layout.separator()
    self.layout.operator(TRACKLAY_OT_generate.bl_idname, icon=GENERATE_ICON)


def _draw_tracklay_submenu(self: Any, _context: Any) -> None:
    self.layout.separator()
    self.layout.menu(TRACKLAY_MT_strip.__name__, icon=GENERATE_ICON)


def _draw_marker_entry(self: Any, _context: Any) -> None:
    self.layout.separator()
    self.layout.operator("tracklay.effects_at_markers")


MENU_ENTRIES = {
    "SEQUENCER_MT_strip": _draw_tracklay_submenu,
    "SEQUENCER_MT_context_menu": _draw_tracklay_submenu,
    "SEQUENCER_MT_add": _draw_generate_entry,
    "SEQUENCER_MT_marker": _draw_marker_entry,
}
"""Blender's menus, and what is added to each."""


def register() -> None:
    """Add the menus' entries."""
    for menu, entry in MENU_ENTRIES.items():
        getattr(bpy.types, menu).append(entry)


def unregister() -> None:
    """Take them out again."""
    for menu, entry in MENU_ENTRIES.items():
        getattr(bpy.types, menu).remove(entry)


CLASSES = (TRACKLAY_MT_models, TRACKLAY_MT_strip, TRACKLAY_PT_sidebar)
