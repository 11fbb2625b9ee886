"""The operator Generate Sound."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...cue import MAX_TAIL_SECONDS
from ...errors import TracklayError
from ...jobs.job_spec import MAX_TAKES, RANDOM_SEED
from ..runtime.requests import build_cue, submit_cues
from ..sequencer import compat, selection
from ..sequencer.joined import spotting
from ..settings import first_run
from ..settings.catalogue import get_model
from ..settings.properties import LAND_ITEMS, as_one_setting, fit_setting, land_setting, tail_setting
from .common import SKIP_SAVE, WAIT_ARGUMENT, TracklayOperator


class TRACKLAY_OT_generate(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Generate sound for the selected strips or the preview range.

    With `wait`, and in background mode where no timer runs, it blocks until every take is laid.
    """

    bl_idname = "tracklay.generate"
    bl_label = "Generate Sound"
    bl_options = {"REGISTER"}
    __annotations__ = {
        "model": StringProperty(name="Model", description="Model ID, such as sketch/foley", options=SKIP_SAVE),
        "prompt": StringProperty(name="Prompt", description="Sound to generate", options=SKIP_SAVE),
        "negative_prompt": StringProperty(name="Negative Prompt", description="Sounds to avoid", options=SKIP_SAVE),
        "takes": IntProperty(
            name="Takes", description="Number of takes", default=1, min=1, max=MAX_TAKES, options=SKIP_SAVE
        ),
        "seed": IntProperty(
            name="Seed",
            description="The same seed gives the same sound (-1: random)",
            default=RANDOM_SEED,
            min=RANDOM_SEED,
            options=SKIP_SAVE,
        ),
        "land": EnumProperty(
            name="Landing",
            description="Move the sounds of new takes to the contacts in the picture",
            items=LAND_ITEMS,
            default="AUTO",
            options=SKIP_SAVE,
        ),
        "best": BoolProperty(
            name="Best Take", description="Score new takes and make the best one audible", options=SKIP_SAVE
        ),
        "repair": BoolProperty(
            name="Repair", description="Generate the worst stretch of the best take again", options=SKIP_SAVE
        ),
        "parts": StringProperty(
            name="Parts", description="Parts of a long span: auto, whole, or seconds", default="auto", options=SKIP_SAVE
        ),
        "as_one": BoolProperty(
            name="One Cue", description="One cue over the whole selection, not one for each strip", options=SKIP_SAVE
        ),
        "fit": BoolProperty(
            name="Fit Music",
            description="Fit music to the span and its hits, with its own ending",
            default=True,
            options=SKIP_SAVE,
        ),
        "tail": FloatProperty(
            name="Tail",
            description="Time after the span in which music ends",
            min=0.0,
            max=float(MAX_TAIL_SECONDS),
            unit="TIME_ABSOLUTE",
            options=SKIP_SAVE,
        ),
        "wait": WAIT_ARGUMENT,
    }

    def execute(self, context: Any) -> AbstractSet[str]:
        # An argument that the call does not set comes from the scene's settings, not from the argument's default.
        names = {
            "model": "model", "prompt": "prompt", "negative_prompt": "negative", "takes": "takes", "seed": "seed",
            "parts": "parts",
        }  # fmt: skip
        overrides = {
            field: getattr(self, name) for name, field in names.items() if self.properties.is_property_set(name)
        }
        if self.properties.is_property_set("land"):
            overrides["land"] = land_setting(self)
        if self.properties.is_property_set("fit"):
            overrides["fit"] = fit_setting(self)
        scene = compat.active_sequencer_scene(context)
        if self.properties.is_property_set("tail"):
            overrides["tail"] = tail_setting(self, selection.scene_rate(scene))
        best, repair = (
            getattr(self if self.properties.is_property_set(name) else scene.tracklay, name)
            for name in ("best", "repair")
        )
        overrides["best"] = best or repair  # the best take is known by its score
        try:
            spots = spotting.spot_selection(scene, as_one=self._makes_one(scene.tracklay))
            cues = [(build_cue(spot, scene.tracklay, **overrides), spot) for spot in spots]
            result = submit_cues(self, cues, wait=self.wait, repair=repair)
        except TracklayError as error:
            return self.report_error(error)
        if not self.wait:
            first_run.explain_placeholders_once()
        return result

    def _makes_one(self, settings: Any) -> bool:
        """Return the argument, else the scene's setting for the model's task."""
        if self.properties.is_property_set("as_one"):
            return bool(self.as_one)
        return as_one_setting(settings, get_model(self.model or settings.model))


CLASSES = (TRACKLAY_OT_generate,)
