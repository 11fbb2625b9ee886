"""The settings below Generate: takes and seed, the model's parameters, and how the picture and a long span are treated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...jobs.job_spec import can_fit, can_land
from ...models.model import is_json
from ..settings import properties
from ..settings.i18n.translate import translate_ui
from . import presets

if TYPE_CHECKING:
    from ...models import Model


def draw_settings(layout: Any, settings: Any, model: Model) -> None:
    """Draw the takes and the seed, and two sub-panels that are closed at first."""
    row = layout.row(align=True)
    row.prop(settings, "takes")
    row.prop(settings, "seed", text="Random Seed" if settings.seed < 0 else "Seed")
    row = layout.row(align=True)
    row.prop(settings, "best", text="Best")
    row.prop(settings, "repair")
    header, body = layout.panel("tracklay_settings", default_closed=True)
    header.label(text=translate_ui("{} Settings", model.title), translate=False)
    presets.TRACKLAY_PT_presets.draw_panel_header(header)
    if body:
        _draw_parameters(_split(body), settings, model)
    params = properties.param_values(settings.params, model)
    if not (model.picture_input(params) or can_land(model, params) or model.task == "music" or _has_parts(model)):
        return
    header, body = layout.panel("tracklay_span", default_closed=True)
    header.label(text="Picture and Length")
    if body:
        _draw_picture_settings(_split(body), settings, model)


def _split(body: Any) -> Any:
    body.use_property_split = True
    body.use_property_decorate = False
    return body


def _draw_parameters(body: Any, settings: Any, model: Model) -> None:
    mode, group = model.parameter_for_role("mode"), properties.model_params(settings.params)
    if model.parameter_for_role("negative"):
        body.prop(settings, "negative_prompt")
    if model.parameter_for_role("prompt"):
        body.prop(settings, "prompt_from")
    for parameter in model.settable:
        if parameter is not mode:
            body.prop(group, parameter.name)
    if model.gives == "stems":
        body.prop(settings, "stems", text="Lay Stems")
    _draw_extras(body, settings, model)
    body.operator("tracklay.reset_params", icon="LOOP_BACK")


def _has_parts(model: Model) -> bool:
    return bool(model.seconds.native or model.seconds.most)


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
    if _has_parts(model):
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
