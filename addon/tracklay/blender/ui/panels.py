"""The Tracklay tab of the sequencer's sidebar, and the entries in the sequencer's menus.

Drawing reads memory only: no file, no network.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...cue import Cue, Picture
from ...errors import InvalidInput, TracklayError
from ...jobs import JobSpec, estimate_cost
from ...jobs.job_spec import can_fit, can_land
from ...models.model import is_json, not_json_error, prompt_required_error
from ...models.plan_terms import plan_terms
from ...parts.sizes import request_lengths
from ...timing import Span, TimeMap
from ..ops.generate_ops import TRACKLAY_OT_generate
from ..runtime import model_bills, prompt_words
from ..sequencer import compat, selection
from ..sequencer.joined import spotting
from ..settings import catalogue, properties
from ..settings.i18n.translate import translate_error, translate_ui
from ..settings.network import offline_error
from ..settings.preferences import missing_key_error
from . import presets
from .layout_helpers import draw_duration, draw_error_box, draw_wrapped_text

if TYPE_CHECKING:
    from ...models import Model

MAX_LISTED_STRIPS = 4
"""Selected strips that are listed by name; the others are counted."""

LABEL_WIDTH_FRACTION = 0.4
"""Fraction of the width that Blender gives to labels where labels and values are split."""

GENERATE_ICON = "SPEAKER"

DUMMY_PICTURE = Picture(Path(), TimeMap(((Fraction(0), Fraction(0)), (Fraction(1), Fraction(1)))))
"""Placeholder of a cue's picture where only its price is needed."""


class TRACKLAY_PT_sidebar(bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """The main panel: the selection, the model's settings, and the Generate button with its price."""

    bl_label = "Tracklay"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Tracklay"

    def draw(self, context: Any) -> None:
        layout, scene = self.layout, compat.active_sequencer_scene(context)
        ranges = selection.selected_ranges(scene)
        model = catalogue.MODELS.get(scene.tracklay.model)
        joined = spotting.joined_range(scene, ranges)
        if joined is not None and model is not None and properties.as_one_setting(scene.tracklay, model):
            ranges, count = [joined], len({strip.name for strip, _, _ in ranges})
        else:
            count = 0
        is_readable = _draw_selection(context, layout, scene, ranges, count)
        for error in catalogue.LOAD_ERRORS:
            draw_error_box(context, layout, translate_error(error), "tracklay.reload_models", "FILE_REFRESH")
        if model is None:
            draw_error_box(context, layout, translate_ui("This file's model is not in the catalogue. Choose another."))
            layout.menu(TRACKLAY_MT_models.__name__, text="Model")
            return
        _draw_settings(context, layout, scene.tracklay, model)
        blockers = _generate_blockers(scene, model, ranges)
        if text := _parts_text(scene, model, ranges):
            layout.label(text=text, icon="MOD_ARRAY", translate=False)
        if joined is not None:
            layout.row(align=True).prop(scene.tracklay, "cues", expand=True)
        row = layout.row()
        row.scale_y = 1.5
        row.enabled = bool(ranges) and is_readable and not blockers
        row.operator(
            TRACKLAY_OT_generate.bl_idname,
            text="  ·  ".join((translate_ui("Generate"), _price_text(scene, ranges))),
            translate=False,
            icon=GENERATE_ICON,
        )
        for error in blockers:
            draw_error_box(context, layout, translate_error(error))


def _draw_selection(
    context: Any, layout: Any, scene: Any, ranges: list[tuple[Any, int, int]], joined_count: int = 0
) -> bool:
    """Draw the selected strips with their lengths. Return false, and draw the reason, if one of them cannot be read.

    With `joined_count`, the number of strips under one cue, they are one line.
    """
    rate = selection.scene_rate(scene)
    box = layout.box().column(align=True)
    if not ranges:
        box.label(text="Select a movie strip", icon="INFO")
        box.label(text="or set a preview range", icon="BLANK1")
        return True
    for strip, _, frames in ranges[:MAX_LISTED_STRIPS]:
        split = box.split(factor=0.5)
        text = translate_ui("One cue over {} strips", joined_count) if joined_count else strip.name
        split.label(text=text, icon="FILE_MOVIE", translate=False)
        draw_duration(split, frames, rate)
    if len(ranges) > 1:
        split = box.split(factor=0.5)
        split.label(text=translate_ui("{} strips", len(ranges)), icon="BLANK1", translate=False)
        draw_duration(split, sum(frames for _, _, frames in ranges), rate)
    for strip, _, _ in ranges[:MAX_LISTED_STRIPS]:
        if error := selection.unreadable_error(strip):
            draw_error_box(context, layout, translate_error(error))
            return False
    return True


class TRACKLAY_MT_models(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """The models by task. A model that cannot be used now shows the reason."""

    bl_label = "Model"

    def draw(self, context: Any) -> None:
        scene = compat.active_sequencer_scene(context)
        ranges = selection.selected_ranges(scene)
        for task, heading in catalogue.TASK_LABELS.items():
            of_task = [model for model in catalogue.MODELS.values() if model.task == task]
            if not of_task:
                continue
            self.layout.separator()
            self.layout.label(text=heading)
            for model in of_task:
                reason = _unavailable_reason(scene, model, ranges)
                text = f"{model.title}  ·  {reason}" if reason else model.title
                self.layout.prop_enum(scene.tracklay, "model", model.id, text=text)


def _unavailable_reason(scene: Any, model: Model, ranges: list[tuple[Any, int, int]]) -> str:
    """Return in a few words why a model cannot be used now, or an empty string."""
    if missing_key_error(model.provider):
        return translate_ui("no key")
    if offline_error(model):
        return translate_ui("offline")
    return translate_ui("unsupported length") if _span_length_error(scene, model, ranges) else ""


def _span_length_error(scene: Any, model: Model, ranges: list[tuple[Any, int, int]]) -> InvalidInput | None:
    """Return the error of a selection that is too long or too short for a model, or None."""
    rate = selection.scene_rate(scene)
    try:
        for frames in sorted({frames for _, _, frames in ranges}, reverse=True):
            request_lengths(model, frames, rate, properties.parts_setting(scene.tracklay))
    except InvalidInput as error:
        return error
    return None


def _generate_blockers(scene: Any, model: Model, ranges: list[tuple[Any, int, int]]) -> list[TracklayError]:
    """Return the errors that disable the Generate button."""
    settings = scene.tracklay
    checks = (missing_key_error(model.provider), offline_error(model), _span_length_error(scene, model, ranges))
    errors: list[TracklayError] = [error for error in checks if error is not None]
    prompt = model.parameter_for_role("prompt")
    if prompt and prompt.required and not settings.prompt.strip() and settings.prompt_from == "NONE":
        errors.append(prompt_required_error(model))
    try:
        extras = properties.extra_params(settings, model)
    except InvalidInput as error:
        errors.append(error)
    else:
        errors += [not_json_error(name, value) for name, value in extras.items() if not is_json(str(value))]
    return errors


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
    _draw_unknown_words(context, layout, settings, model)
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
    row.prop(settings, "seed", text="Random Seed" if settings.seed < 0 else "Seed")
    row = layout.row(align=True)
    row.prop(settings, "best", text="Best")
    row.prop(settings, "repair")
    if not model.repeats_by_seed:
        draw_wrapped_text(
            context, layout.column(align=True), translate_ui("Another sound each time, whatever the seed"), "INFO"
        )
    _draw_licence(context, layout, model)


def _draw_licence(context: Any, layout: Any, model: Model) -> None:
    """Draw what the licence, or the user's plan with the vendor, does not allow or leaves open."""
    column = layout.column(align=True)
    if model.licence.commercial is False:
        draw_wrapped_text(context, column, translate_ui("Not for commercial use: {}", model.licence.name), "INFO")
    try:
        terms = plan_terms(model)
    except InvalidInput as error:
        draw_wrapped_text(context, column, translate_error(error), "ERROR")
        return
    if terms is not None and not terms.plan:
        draw_wrapped_text(
            context, column, translate_ui("Commercial use depends on your plan: set it in the preferences"), "INFO"
        )
    elif terms is not None:
        text = translate_ui("Plan {}: {} (terms of {})", terms.plan, terms.allows, terms.date)
        draw_wrapped_text(context, column, text, "INFO")


def _draw_unknown_words(context: Any, layout: Any, settings: Any, model: Model) -> None:
    """Draw the words of the prompt that the built-in engine does not know, with the word that replaces each."""
    if model.id != prompt_words.MODEL or not (settings.prompt or settings.negative_prompt):
        return
    unknown = prompt_words.known_unknown_words(settings.prompt, settings.negative_prompt)
    if unknown:
        words = [translate_ui("{} (heard as {})", word, known) if known else word for word, known in unknown]
        column = layout.column(align=True)
        draw_wrapped_text(context, column, translate_ui("Unknown: {}", ", ".join(words)), "QUESTION")
        draw_wrapped_text(context, column, translate_ui("Only English words are known"), "BLANK1")


def _draw_picture_settings(layout: Any, settings: Any, model: Model) -> None:
    """Draw the settings of the picture, for a model that uses one, of music, and of a long span."""
    params = properties.param_values(settings.params, model)
    if model.picture_input(params):
        layout.prop(settings, "picture")
        layout.prop(settings, "square")
        if settings.square == properties.MANUAL_SQUARE:
            layout.prop(settings, "square_at")
    if can_land(model, params):
        layout.prop(settings, "land")
    if model.task == "music":
        if can_fit(model) and not model.picture_input(params):
            layout.prop(settings, "fit")
        layout.prop(settings, "tail")
    if model.seconds.native or model.seconds.most:
        layout.prop(settings, "parts")
        if settings.parts == "SECONDS":
            layout.prop(settings, "part_seconds")


def _draw_extras(layout: Any, settings: Any, model: Model) -> None:
    """Draw a row for each of the user's extra parameters, and a button that adds one."""
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
    layout.operator("tracklay.add_extra", icon="ADD")


def _price_text(scene: Any, ranges: list[tuple[Any, int, int]]) -> str:
    """Return the estimated cost of Generate for the selection, translated."""
    model = catalogue.MODELS[scene.tracklay.model]
    if model.price.amount is None or model.price.per == "compute_second":
        return _charged_text(model) or translate_ui("price unknown")
    total = _total_cost(scene, model, ranges)
    if not total:
        return translate_ui("free")
    text = translate_ui("about {} {}", f"{total:.2f}", model.price.currency)
    return translate_ui("{} and a repair", text) if scene.tracklay.repair else text


def _charged_text(model: Model) -> str:
    """Return what a take of the model was charged so far, translated; empty if nothing is known."""
    bills = model_bills.known_bills(model.id)
    if bills is None or bills.amounts is None:
        return ""
    least, most = (f"{amount:.3g}" for amount in bills.amounts)
    if least == most:
        return translate_ui("{} {} so far", least, bills.currency)
    return translate_ui("{} to {} {} so far", least, most, bills.currency)


def _total_cost(scene: Any, model: Model, ranges: list[tuple[Any, int, int]]) -> Decimal:
    """Return the sum of the known prices; 0 if the length of parts is not allowed, which is shown as an error."""
    try:
        return sum((estimate_cost(spec) or Decimal(0) for spec in _priced_specs(scene, model, ranges)), Decimal(0))
    except InvalidInput:
        return Decimal(0)


def _parts_text(scene: Any, model: Model, ranges: list[tuple[Any, int, int]]) -> str:
    """Return the length, the number of parts and the price of the selection, translated; empty if nothing is made in parts."""
    if _span_length_error(scene, model, ranges):
        return ""
    specs = _priced_specs(scene, model, ranges)
    count = sum(len(spec.request_seconds) for spec in specs)
    if count == len(specs):
        return ""
    seconds = float(sum(spec.cue.span.seconds for spec in specs))
    total = _total_cost(scene, model, ranges)
    price = f"{total:.2f} {model.price.currency}" if total else _price_text(scene, ranges)
    return translate_ui("{} s in {} parts, {}", f"{round(seconds, 2):g}", count, price)


def _priced_specs(scene: Any, model: Model, ranges: list[tuple[Any, int, int]]) -> list[JobSpec]:
    """Return a spec for each selected range, without its picture: enough for the price."""
    settings, rate = scene.tracklay, selection.scene_rate(scene)
    cue = Cue(
        "",
        Span(0, 1, rate),
        DUMMY_PICTURE,
        model.id,
        takes=settings.takes,
        params=properties.param_values(settings.params, model),
        parts=properties.parts_setting(settings),
        tail=properties.tail_setting(settings, rate) if model.task == "music" else 0,
        fit=properties.fit_setting(settings),
    )
    cues = [replace(cue, span=Span(0, frames, rate)) for _, _, frames in ranges]
    return [JobSpec(cue, model, DUMMY_PICTURE.source, "") for cue in cues]


class TRACKLAY_MT_strip(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """The operators on selected strips and markers."""

    bl_label = "Tracklay"

    def draw(self, _context: Any) -> None:
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
        layout.operator("tracklay.switch_landing")
        layout.operator("tracklay.tidy_channels")
        layout.separator()
        layout.operator("tracklay.regenerate", text="Regenerate with New Seed").same_seed = False
        layout.operator("tracklay.regenerate", text="Regenerate for Changed Picture").same_seed = True
        layout.operator("tracklay.refit")
        layout.operator("tracklay.follow_picture")
        layout.operator("tracklay.land_again")
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


def _draw_export_entry(self: Any, _context: Any) -> None:
    self.layout.operator("tracklay.turnover")


MENU_ENTRIES = {
    "TOPBAR_MT_file_export": _draw_export_entry,
    "SEQUENCER_MT_strip": _draw_tracklay_submenu,
    "SEQUENCER_MT_context_menu": _draw_tracklay_submenu,
    "SEQUENCER_MT_add": _draw_generate_entry,
    "SEQUENCER_MT_marker": _draw_marker_entry,
}
"""Blender's menus, and the function that draws Tracklay's entry in each."""


def register() -> None:
    """Add the menu entries."""
    for menu, entry in MENU_ENTRIES.items():
        getattr(bpy.types, menu).append(entry)


def unregister() -> None:
    """Remove the menu entries."""
    for menu, entry in MENU_ENTRIES.items():
        getattr(bpy.types, menu).remove(entry)


CLASSES = (TRACKLAY_MT_models, TRACKLAY_MT_strip, TRACKLAY_PT_sidebar)
