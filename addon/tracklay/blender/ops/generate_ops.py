"""What a person or a script can do: `bpy.ops.tracklay.*`. Thin: reading, carrying and laying have their own files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from ...errors import TracklayError
from ...jobs.job_spec import MAX_TAKES, RANDOM_SEED
from ...paths import ensure_folder, tracklay_home
from ..runtime.cue_status import running_cues
from ..runtime.dispatcher import get_dispatcher
from ..runtime.requests import build_cue, submit_cues
from ..runtime.timer import start_timer
from ..sequencer import compat, selection
from ..settings import catalogue, preferences, properties
from ..settings.error_text import panel_error_text
from ..settings.i18n.translate import translate_report
from ..settings.network import online_access_allowed, online_access_denied
from ..settings.preferences import provider_check
from ..settings.redraw import redraw_sequencers

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

SKIP_SAVE = {"SKIP_SAVE"}
"""A call's own values are not the next call's: what is not given comes from the scene."""


class TRACKLAY_OT_generate(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Make sound for the selected strips (or for the preview range, when none is selected) and lay it above them."""

    bl_idname = "tracklay.generate"
    bl_description = (
        "Make sound for the selected strips (or for the preview range, when none is selected) and lay it above them"
    )
    bl_label = "Generate Sound"
    bl_options = {"REGISTER"}
    __annotations__ = {
        "model": StringProperty(name="Model", description="A model's id, such as sketch/foley", options=SKIP_SAVE),
        "prompt": StringProperty(name="Prompt", description="What should be heard", options=SKIP_SAVE),
        "negative_prompt": StringProperty(name="Without", description="What should not be heard", options=SKIP_SAVE),
        "takes": IntProperty(
            name="Takes", description="How many versions to make", default=1, min=1, max=MAX_TAKES, options=SKIP_SAVE
        ),
        "seed": IntProperty(
            name="Seed",
            description="The same seed gives the same sound; -1 draws one",
            default=RANDOM_SEED,
            min=RANDOM_SEED,
            options=SKIP_SAVE,
        ),
        "wait": BoolProperty(name="Wait", description="Block until every take is laid: for scripts", options=SKIP_SAVE),
    }

    def execute(self, context: Any) -> AbstractSet[str]:
        """Send the cues on their way; with `wait`, and in the background where no timer runs, lay them too."""
        names = {"model": "model", "prompt": "prompt", "negative_prompt": "negative", "takes": "takes", "seed": "seed"}
        given = {field: getattr(self, name) for name, field in names.items() if self.properties.is_property_set(name)}
        scene = compat.active_sequencer_scene(context)
        try:
            cues = [(build_cue(spot, scene.tracklay, **given), spot) for spot in selection.spot_ranges(scene)]
            return submit_cues(self, cues, wait=self.wait)
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}


class TRACKLAY_OT_cancel(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Stop making this sound."""

    bl_idname = "tracklay.cancel"
    bl_description = "Stop making this sound"
    bl_label = "Cancel"
    __annotations__ = {"cue": StringProperty(name="Cue", description="Which; empty for all", options=SKIP_SAVE)}

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Stop one cue or all."""
        for cue, line in running_cues().items():
            if not line.error and self.cue in ("", cue):
                get_dispatcher().cancel(cue)
        return {"FINISHED"}


class _RunningCueOperator:
    """An operator on one cue that is under way or went wrong."""

    CUE_ARGUMENT = StringProperty(name="Cue", description="Which", options=SKIP_SAVE)
    bl_options = {"REGISTER"}

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Do it, where there is such a cue."""
        try:
            self.perform(self.cue)  # type: ignore[attr-defined]
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        start_timer()
        redraw_sequencers()
        return {"FINISHED"}

    def perform(self, cue: str) -> None:
        """Do it."""
        raise NotImplementedError


class TRACKLAY_OT_retry(_RunningCueOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Make once more what failed of this cue."""

    bl_idname = "tracklay.again"
    bl_description = "Make once more what failed of this cue; it comes into the same strips"
    bl_label = "Try Again"
    __annotations__ = {"cue": _RunningCueOperator.CUE_ARGUMENT}

    def perform(self, cue: str) -> None:
        """Send what failed on its way again."""
        get_dispatcher().retry(cue)


class TRACKLAY_OT_recheck(_RunningCueOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Look once more whether the provider has this job, and go on with it. Nothing is sent."""

    bl_idname = "tracklay.look_again"
    bl_description = "Look once more whether the provider has this job, and go on with it. Nothing is sent"
    bl_label = "Look Again"
    __annotations__ = {"cue": _RunningCueOperator.CUE_ARGUMENT}

    def perform(self, cue: str) -> None:
        """Look it up."""
        get_dispatcher().recheck(cue)


class TRACKLAY_OT_resubmit(_RunningCueOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Send this job once more, though nobody knows whether it arrived: it may be charged twice."""

    bl_idname = "tracklay.send_again"
    bl_description = "Send this job once more, though nobody knows whether it arrived: it may be charged twice"
    bl_label = "Send Again"
    __annotations__ = {"cue": _RunningCueOperator.CUE_ARGUMENT}

    def perform(self, cue: str) -> None:
        """Send it: a person has said so."""
        get_dispatcher().resubmit(cue)


class TRACKLAY_OT_discard(_RunningCueOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Give this job up and remove its placeholder: what it cost, if anything, is spent."""

    bl_idname = "tracklay.forget"
    bl_description = "Give this job up and remove its placeholder: what it cost, if anything, is spent"
    bl_label = "Forget"
    __annotations__ = {"cue": _RunningCueOperator.CUE_ARGUMENT}

    def perform(self, cue: str) -> None:
        """Give it up."""
        get_dispatcher().discard(cue)


class TRACKLAY_OT_resume_jobs(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Go on with everything that this file's placeholders wait for."""

    bl_idname = "tracklay.take_up"
    bl_description = "Go on with everything that this file's placeholders wait for. In the background it blocks until all of it is laid"
    bl_label = "Take Up Jobs"
    bl_options = {"REGISTER"}

    def execute(self, _context: Any) -> AbstractSet[str]:
        """In a window the timer does it; a script waits."""
        if not bpy.app.background:
            get_dispatcher().on_file_opened()
            start_timer()
            return {"FINISHED"}
        errors = get_dispatcher().resume_jobs()
        if errors:
            self.report({"WARNING"}, "\n".join(errors))
        return {"FINISHED"}


class TRACKLAY_OT_dismiss(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Put this message away."""

    bl_idname = "tracklay.dismiss"
    bl_description = "Put this message away"
    bl_label = "Dismiss"
    __annotations__ = {"cue": StringProperty(name="Cue", description="Which; empty for all", options=SKIP_SAVE)}

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Forget one error or all."""
        for cue in [cue for cue in running_cues() if self.cue in ("", cue)]:
            get_dispatcher().dismiss(cue)
        redraw_sequencers()
        return {"FINISHED"}


class TRACKLAY_OT_reload_models(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Read the model files again."""

    bl_idname = "tracklay.reload_models"
    bl_description = "Read the model files again"
    bl_label = "Reload Models"

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Make the scenes' properties anew from the files."""
        properties.unregister()
        catalogue.reload_models()
        properties.register()
        redraw_sequencers()
        for error in catalogue.LOAD_ERRORS:
            self.report({"WARNING"}, error)
        return {"FINISHED"}


class TRACKLAY_OT_open_models(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Open the folder for models of your own."""

    bl_idname = "tracklay.open_models"
    bl_description = "Open the folder for models of your own"
    bl_label = "Open Models Folder"

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Show it in the system's file browser."""
        try:
            bpy.ops.wm.path_open(filepath=str(ensure_folder(tracklay_home() / "models")))
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class TRACKLAY_OT_add_extra(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Add a parameter that the catalogue does not know, for the chosen model."""

    bl_idname = "tracklay.add_extra"
    bl_description = "Add a parameter that the catalogue does not know, for the chosen model"
    bl_label = "Add Extra"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context: Any) -> AbstractSet[str]:
        """Add an empty row."""
        settings = compat.active_sequencer_scene(context).tracklay
        settings.extras.add().model = settings.model
        return {"FINISHED"}


class TRACKLAY_OT_remove_extra(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Remove this parameter."""

    bl_idname = "tracklay.remove_extra"
    bl_description = "Remove this parameter"
    bl_label = "Remove Extra"
    bl_options = {"INTERNAL", "UNDO"}
    __annotations__ = {"index": IntProperty(name="Index", description="Which row, from 0", min=0, options=SKIP_SAVE)}

    def execute(self, context: Any) -> AbstractSet[str]:
        """Remove a row."""
        compat.active_sequencer_scene(context).tracklay.extras.remove(self.index)
        return {"FINISHED"}


class TRACKLAY_OT_clear_cache(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Throw away the small pictures that models were shown. Takes stay; what is asked for again is extracted again."""

    bl_idname = "tracklay.clear_cache"
    bl_description = "Throw away the small pictures that models were shown. Takes stay as they are"
    bl_label = "Clear Cache"

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Throw all of them away."""
        from ...media import proxy_cache  # noqa: PLC0415 - nothing else here looks at media

        left = proxy_cache.trim_cache(0)
        told = (
            translate_report("{} MB are in use and stay", f"{left / 1_000_000:.0f}")
            if left
            else translate_report("The cache is empty")
        )
        self.report({"INFO"}, told)
        return {"FINISHED"}


class TRACKLAY_OT_reset_params(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Set all parameters of the chosen model back to its own defaults."""

    bl_idname = "tracklay.reset_params"
    bl_description = "Set all parameters of the chosen model back to its own defaults"
    bl_label = "Reset to Defaults"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> AbstractSet[str]:
        """Unset them: what has no default is left to the model again."""
        settings = compat.active_sequencer_scene(context).tracklay
        group = properties.model_params(settings.params)
        for parameter in catalogue.get_model(settings.model).settable:
            group.property_unset(parameter.name)
        return {"FINISHED"}


class TRACKLAY_OT_check_keys(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Ask each provider whose key is set whether it knows the key; it costs nothing."""

    bl_idname = "tracklay.check_keys"
    bl_description = "Ask each provider whose key is set whether it knows the key; it costs nothing"
    bl_label = "Check Keys"

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Ask in a thread, and show the answers in the preferences; in the background, where nothing is shown, wait and report them."""
        if not online_access_allowed():
            self.report({"ERROR"}, panel_error_text(online_access_denied("Checking keys")))
            return {"CANCELLED"}
        provider_check.start()
        if not bpy.app.background:
            preferences.start_check_timer()
            return {"FINISHED"}
        provider_check.wait()
        self.report({"INFO"}, "\n".join(words for words, _ in provider_check.results))
        return {"FINISHED"}


CLASSES = (
    TRACKLAY_OT_generate,
    TRACKLAY_OT_cancel,
    TRACKLAY_OT_dismiss,
    TRACKLAY_OT_retry,
    TRACKLAY_OT_recheck,
    TRACKLAY_OT_resubmit,
    TRACKLAY_OT_discard,
    TRACKLAY_OT_resume_jobs,
    TRACKLAY_OT_reload_models,
    TRACKLAY_OT_open_models,
    TRACKLAY_OT_add_extra,
    TRACKLAY_OT_remove_extra,
    TRACKLAY_OT_clear_cache,
    TRACKLAY_OT_reset_params,
    TRACKLAY_OT_check_keys,
)
