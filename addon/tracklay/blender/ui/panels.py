"""The Tracklay tab of the sequencer's sidebar, and the entries in the sequencer's menus.

Drawing reads memory only: no file, no network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ...errors import InvalidInput, KeyMissing, TracklayError
from ...models.model import is_json, not_json_error, prompt_required_error
from ...models.plan_terms import plan_terms
from ...parts.sizes import request_lengths
from ..ops.generate_ops import TRACKLAY_OT_generate
from ..runtime import estimates
from ..runtime.lookups import prompt_words
from ..sequencer import compat, selection
from ..sequencer.joined import spotting
from ..settings import catalogue, first_run, properties
from ..settings.i18n.translate import translate_error, translate_ui
from ..settings.network import offline_error
from ..settings.preferences import HOSTED_PROVIDERS, missing_key_error
from ..settings.shot_prompt import SHOT_PROMPT, shot_prompt
from . import generation_settings
from .layout_helpers import draw_duration, draw_error_box, draw_help_button, draw_wrapped_text

if TYPE_CHECKING:
    from ...models import Model

MAX_LISTED_STRIPS = 3
"""Selected strips that are listed by name; the others are counted."""

LABEL_WIDTH_FRACTION = 0.4
"""Fraction of the width that Blender gives to labels where labels and values are split."""

MODEL_COLUMN_WIDTH, MAX_MODEL_COLUMNS = 360, 3
"""Width of a column of the menu of models in pixels at 100 %, and the number of columns: one a task."""

GENERATE_ICON = "SPEAKER"


class TRACKLAY_PT_sidebar(bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """The main panel: what is made and the Generate button with its price; below it the model, the prompt, the selection and all settings.

    What can grow is below the button, so that it is in sight in a small window and at twice the resolution scale too.
    """

    bl_label = "Tracklay"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Tracklay"

    def draw_header_preset(self, _context: Any) -> None:
        """Draw the link to the help page. Blender calls this for the panel's header."""
        draw_help_button(self.layout, "blender")

    def draw(self, context: Any) -> None:
        layout, scene = self.layout, compat.active_sequencer_scene(context)
        settings = scene.tracklay
        model = catalogue.MODELS.get(settings.model)
        for error in catalogue.LOAD_ERRORS:
            draw_error_box(context, layout, translate_error(error), "tracklay.reload_models", "FILE_REFRESH")
        if model is None:
            draw_error_box(context, layout, translate_ui("This file's model is not in the catalogue. Choose another."))
            layout.menu(TRACKLAY_MT_models.__name__, text="Model")
            return
        ranges = selection.selected_ranges(scene)
        joined = spotting.joined_range(scene, ranges)
        is_one = joined is not None and properties.as_one_setting(settings, model)
        cues = [joined] if joined is not None and is_one else ranges
        blockers = _generate_blockers(scene, model, cues)
        _draw_generate(layout, scene, model, cues, is_enabled=bool(cues) and not blockers)
        if joined is not None:
            layout.row(align=True).prop(settings, "cues", expand=True)
        _draw_model(layout, settings, model)
        for blocker in blockers:
            opens = ("tracklay.show_preferences", "PREFERENCES") if isinstance(blocker, KeyMissing) else ()
            draw_error_box(context, layout, translate_error(blocker), *opens)
        _draw_long_span(layout, scene, model, cues)
        _draw_first_steps(context, layout)
        _draw_notices(context, layout, settings, model)
        _draw_selection(layout, scene, cues, len({strip.name for strip, _, _ in ranges}) if is_one else 0)
        generation_settings.draw_settings(layout, settings, model)


def _draw_model(layout: Any, settings: Any, model: Model) -> None:
    """Draw the model, its mode and the prompt, with a menu of examples."""
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    split = column.split(factor=LABEL_WIDTH_FRACTION)
    label = split.row()
    label.alignment = "RIGHT"
    label.label(text=catalogue.TASK_LABELS[model.task])
    split.menu(TRACKLAY_MT_models.__name__, text=model.title)
    if mode := model.parameter_for_role("mode"):
        column.prop(properties.model_params(settings.params), mode.name)
    if model.parameter_for_role("prompt"):
        row = column.row(align=True)
        row.prop(settings, "prompt", placeholder=translate_ui("wood, metal, rain …"))
        if model.examples:
            row.menu(TRACKLAY_MT_examples.__name__, text="", icon="DOWNARROW_HLT")


def _draw_generate(
    layout: Any, scene: Any, model: Model, cues: list[tuple[Any, int, int]], *, is_enabled: bool
) -> None:
    """Draw what is made of cues (strip, first frame, number of frames), and the Generate button."""
    summary = estimates.estimate_ranges(scene, model, cues) if cues else None
    if not cues:
        layout.label(text="Select a movie strip or set a preview range", icon="INFO")
    else:
        text = translate_ui("unsupported length") if summary is None else summary.text
        layout.label(text=text, icon="MOD_ARRAY", translate=False)
    row = layout.row()
    row.scale_y = 1.5
    row.enabled = is_enabled
    row.operator(
        TRACKLAY_OT_generate.bl_idname,
        text="  ·  ".join((translate_ui("Generate"), _price_text(scene, model, summary))),
        translate=False,
        icon=GENERATE_ICON,
    )


def _draw_long_span(layout: Any, scene: Any, model: Model, cues: list[tuple[Any, int, int]]) -> None:
    """Draw that the longest cue is longer than what the model is made for, and the choice of parts."""
    preferred = model.seconds.native or model.seconds.most
    longest = max((frames for _, _, frames in cues), default=0)
    if not preferred or float(selection.scene_rate(scene).seconds(longest)) <= preferred:
        return
    split = layout.split(factor=0.6, align=True)
    split.label(text=translate_ui("Longer than the model's {} s", f"{preferred:g}"), icon="INFO", translate=False)
    split.prop(scene.tracklay, "parts", text="")
    if scene.tracklay.parts == "SECONDS":
        layout.prop(scene.tracklay, "part_seconds")


def _price_text(scene: Any, model: Model, summary: estimates.Estimate | None) -> str:
    """Return the estimated cost of Generate for the selection, translated."""
    if text := estimates.unknown_price_text(model):
        return text
    total = sum(summary.costs.values()) if summary is not None else 0
    if not total:
        return translate_ui("free")
    text = translate_ui("about {} {}", f"{total:.2f}", model.price.currency)
    return translate_ui("{} and a repair", text) if scene.tracklay.repair else text


def limits_text(model: Model) -> str:
    """Return the lengths that a model makes, translated; empty if it makes any."""
    seconds = model.seconds
    if seconds.native:
        return translate_ui("Made for {} s: longer spans are made in parts", f"{seconds.native:g}")
    if seconds.most:
        return translate_ui("At most {} s: longer spans are made in parts", f"{seconds.most:g}")
    return ""


def _draw_notices(context: Any, layout: Any, settings: Any, model: Model) -> None:
    """Draw what there is to know about the model before it is used: its limits, its licence, and words that it does not know."""
    column = layout.column(align=True)
    if text := limits_text(model):
        draw_wrapped_text(context, column, text, "TIME")
    if not model.repeats_by_seed:
        draw_wrapped_text(context, column, translate_ui("Another sound each time, whatever the seed"), "INFO")
    _draw_licence(context, column, model)
    _draw_unknown_words(context, layout, settings, model)


def _draw_licence(context: Any, column: Any, model: Model) -> None:
    """Draw what the licence, or the user's plan with the vendor, does not allow or leaves open."""
    if model.licence.commercial is False:
        draw_wrapped_text(context, column, translate_ui("Not for commercial use: {}", model.licence.name), "INFO")
    try:
        terms = plan_terms(model)
    except InvalidInput as error:
        draw_wrapped_text(context, column, translate_error(error), "ERROR")
        return
    if terms is not None and not terms.plan:
        text = translate_ui("Commercial use depends on your plan: set it in the preferences")
        draw_wrapped_text(context, column, text, "INFO")
    elif terms is not None:
        text = translate_ui("Plan {}: {} (terms of {})", terms.plan, terms.allows, terms.date)
        draw_wrapped_text(context, column, text, "INFO")


def _draw_selection(layout: Any, scene: Any, cues: list[tuple[Any, int, int]], joined_count: int = 0) -> None:
    """Draw the selected strips with their lengths, and the prompt of the shot if it is one.

    With `joined_count`, the number of strips under one cue, they are one line.
    """
    rate = selection.scene_rate(scene)
    if not cues:
        return
    box = layout.box().column(align=True)
    for strip, _, frames in cues[:MAX_LISTED_STRIPS]:
        split = box.split(factor=0.5)
        text = translate_ui("One cue over {} strips", joined_count) if joined_count else strip.name
        split.label(text=text, icon="FILE_MOVIE", translate=False)
        draw_duration(split, frames, rate)
        if not joined_count:
            row = box.row()
            row.label(text="", icon="BLANK1")
            row.prop(strip, SHOT_PROMPT, text="", placeholder=translate_ui("prompt of this shot"))
    if len(cues) > 1:
        split = box.split(factor=0.5)
        split.label(text=translate_ui("{} strips", len(cues)), icon="BLANK1", translate=False)
        draw_duration(split, sum(frames for _, _, frames in cues), rate)


def _draw_first_steps(context: Any, layout: Any) -> None:
    """Draw what works without a key, and what a key adds, as long as none is set."""
    if first_run.has_any_key():
        return
    header, body = layout.panel("tracklay_first_steps")
    header.label(text="First Steps")
    if not body:
        return
    models = catalogue.MODELS.values()
    built_in = ", ".join(model.title for model in models if model.provider == "sketch")
    hosted = sum(model.provider in HOSTED_PROVIDERS for model in models)
    column = body.column(align=True)
    draw_wrapped_text(context, column, translate_ui("Works now: {}", built_in), "CHECKMARK")
    draw_wrapped_text(context, column, translate_ui("A key adds {} hosted models", hosted), "KEYINGSET")
    body.operator("tracklay.show_preferences", icon="PREFERENCES")


class TRACKLAY_MT_examples(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """Examples of prompts for the model."""

    bl_label = "Examples"

    def draw(self, context: Any) -> None:
        model = catalogue.MODELS.get(compat.active_sequencer_scene(context).tracklay.model)
        if model is None:
            return
        for example in model.examples:
            self.layout.operator("tracklay.use_example", text=example, translate=False).prompt = example
        self.layout.separator()
        self.layout.label(text="From the vendor's page" if model.examples_source else "Tracklay's own examples")


class TRACKLAY_MT_models(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """The models by task, in as many columns as fit the window. A model that cannot be used now shows the reason."""

    bl_label = "Model"

    def draw(self, context: Any) -> None:
        scene = compat.active_sequencer_scene(context)
        ranges = selection.selected_ranges(scene)
        row, count = self.layout.row(), _model_columns(context)
        columns = [row.column() for _ in range(count)]
        places = 0, max(0, count - 2), count - 1
        for (task, heading), place in zip(catalogue.TASK_LABELS.items(), places, strict=True):
            of_task = [model for model in catalogue.MODELS.values() if model.task == task]
            if not of_task:
                continue
            column = columns[place]
            if place in places[: list(catalogue.TASK_LABELS).index(task)]:
                column.separator()
            column.label(text=heading)
            for model in of_task:
                reason = _unavailable_reason(scene, model, ranges)
                text = f"{model.title}  ·  {reason}" if reason else model.title
                column.prop_enum(scene.tracklay, "model", model.id, text=text)


def _model_columns(context: Any) -> int:
    """Return the number of columns of models that fit the window: Blender scrolls a menu that is too high, none that is too wide."""
    if bpy.app.background:
        return MAX_MODEL_COLUMNS
    width = context.window.width / context.preferences.system.ui_scale
    return max(1, min(MAX_MODEL_COLUMNS, int(width / MODEL_COLUMN_WIDTH)))


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
    errors += [error for strip, _, _ in ranges if (error := selection.unreadable_error(strip))][:1]
    prompt = model.parameter_for_role("prompt")
    has_prompt = settings.prompt.strip() or (ranges and all(shot_prompt(strip) for strip, _, _ in ranges))
    if prompt and prompt.required and not has_prompt and settings.prompt_from == "NONE":
        errors.append(prompt_required_error(model))
    try:
        extras = properties.extra_params(settings, model)
    except InvalidInput as error:
        errors.append(error)
    else:
        errors += [not_json_error(name, value) for name, value in extras.items() if not is_json(str(value))]
    return errors


def _draw_unknown_words(context: Any, layout: Any, settings: Any, model: Model) -> None:
    """Draw the words of the prompt that the built-in engine does not know, with the word that replaces each."""
    if model.id != prompt_words.MODEL or not (settings.prompt or settings.negative_prompt):
        return
    unknown = prompt_words.unknown_words.get((settings.prompt, settings.negative_prompt))
    if unknown:
        words = [translate_ui("{} (heard as {})", word, known) if known else word for word, known in unknown]
        column = layout.column(align=True)
        draw_wrapped_text(context, column, translate_ui("Unknown: {}", ", ".join(words)), "QUESTION")
        draw_wrapped_text(context, column, translate_ui("Only English words are known"), "BLANK1")


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
        layout.menu("TRACKLAY_MT_hearing")
        layout.menu("TRACKLAY_MT_cue_list")
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


CLASSES = (TRACKLAY_MT_models, TRACKLAY_MT_examples, TRACKLAY_MT_strip, TRACKLAY_PT_sidebar)
