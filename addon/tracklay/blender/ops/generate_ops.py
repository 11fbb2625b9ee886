"""What a person or a script can do: `bpy.ops.tracklay.*`. Thin: reading, carrying and laying have their own files."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from ...cue import Cue
from ...errors import BadInput, TracklayError
from ...jobs import checked
from ...jobs.job_spec import MOST_TAKES, RANDOM_SEED
from ...paths import folder, home
from ..render import timeline_copy
from ..runtime.dispatcher import lines, pump, redraw, watch
from ..sequencer import compat, prompts, selection
from ..settings import catalogue, preferences, properties
from ..settings.error_text import of_panel
from ..settings.i18n.translate import reported
from ..settings.network import ALLOW_ONLINE, is_open, offline
from ..settings.preferences import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from ...jobs import Order
    from ..sequencer.selection import Spot

ONCE = {"SKIP_SAVE"}
"""A call's own values are not the next call's: what is not given comes from the scene."""


def cue_for(spot: Spot, settings: Any, **given: Any) -> Cue:
    """The cue of a spot: what was given, and the scene's own settings for the rest."""
    model = catalogue.model(given.pop("model", "") or settings.model)
    seed = given.pop("seed", settings.seed)
    written = prompts.under(settings.id_data, spot.span, settings.prompt_from)
    cue = Cue(
        id=f"{spot.strip} {secrets.token_hex(5)}",
        span=spot.span,
        picture=spot.picture,
        model=model.id,
        prompt=prompts.together(settings.prompt, written),
        negative=settings.negative_prompt,
        seed=None if seed == RANDOM_SEED else seed,
        takes=settings.takes,
        params={**properties.values(settings.params, model), **properties.extras(settings, model)},
        square=properties.square(settings),
    )
    return replace(cue, **given)


def send(
    operator: Any, cues: Iterable[tuple[Cue, Spot]], *, wait: bool, then: Callable[[], None] | None = None
) -> AbstractSet[str]:
    """Send cues on their way, all of them or none; with `wait`, and in the background where no timer runs, lay them too.

    What an operator gives back; what came of the cues is reported as its own. `then` is done to the strips as soon as they lie there,
    within the same step of the undo history.

    Raises:
        TracklayError: one of them cannot be done; nothing was sent.
    """
    orders = timeline_copy.written([_order(cue, spot) for cue, spot in cues])
    batch = pump().start(orders, wait=wait or bpy.app.background, then=then)
    if batch is None:
        watch()
        redraw()
        return {"FINISHED"}
    pump().wait(batch)
    for cue in batch.spots:
        pump().dismiss(cue)
    if batch.errors:
        operator.report({"ERROR"}, of_panel("\n".join(batch.errors)))
        return {"FINISHED"} if batch.laid else {"CANCELLED"}
    operator.report({"INFO"}, reported("Laid {}", ", ".join(batch.laid)))
    return {"FINISHED"}


def _order(cue: Cue, spot: Spot) -> tuple[Order, Spot]:
    if trouble := offline(catalogue.model(cue.model)):
        raise BadInput(trouble)
    order = checked(cue, preferences.takes_folder(), spot.picture.source.stem, catalogue.MODELS)
    return replace(order, sample_rate=preferences.sample_rate()), spot


class TRACKLAY_OT_generate(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Make sound for the selected strips (or for the preview range, when none is selected) and lay it above them."""

    bl_idname = "tracklay.generate"
    bl_description = (
        "Make sound for the selected strips (or for the preview range, when none is selected) and lay it above them"
    )
    bl_label = "Generate Sound"
    bl_options = {"REGISTER"}
    __annotations__ = {
        "model": StringProperty(name="Model", description="A model's id, such as sketch/foley", options=ONCE),
        "prompt": StringProperty(name="Prompt", description="What should be heard", options=ONCE),
        "negative_prompt": StringProperty(name="Without", description="What should not be heard", options=ONCE),
        "takes": IntProperty(
            name="Takes", description="How many versions to make", default=1, min=1, max=MOST_TAKES, options=ONCE
        ),
        "seed": IntProperty(
            name="Seed",
            description="The same seed gives the same sound; -1 draws one",
            default=RANDOM_SEED,
            min=RANDOM_SEED,
            options=ONCE,
        ),
        "wait": BoolProperty(name="Wait", description="Block until every take is laid: for scripts", options=ONCE),
    }

    def execute(self, context: Any) -> AbstractSet[str]:
        """Send the cues on their way; with `wait`, and in the background where no timer runs, lay them too."""
        names = {"model": "model", "prompt": "prompt", "negative_prompt": "negative", "takes": "takes", "seed": "seed"}
        given = {field: getattr(self, name) for name, field in names.items() if self.properties.is_property_set(name)}
        scene = compat.timeline(context)
        try:
            cues = [(cue_for(spot, scene.tracklay, **given), spot) for spot in selection.spots(scene)]
            return send(self, cues, wait=self.wait)
        except TracklayError as error:
            self.report({"ERROR"}, of_panel(error))
            return {"CANCELLED"}


class TRACKLAY_OT_cancel(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Stop making this sound."""

    bl_idname = "tracklay.cancel"
    bl_description = "Stop making this sound"
    bl_label = "Cancel"
    __annotations__ = {"cue": StringProperty(name="Cue", description="Which; empty for all", options=ONCE)}

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Stop one cue or all."""
        for cue, line in lines().items():
            if not line.error and self.cue in ("", cue):
                pump().cancel(cue)
        return {"FINISHED"}


class _OnCue:
    """An operator on one cue that is under way or went wrong."""

    CUE = StringProperty(name="Cue", description="Which", options=ONCE)
    bl_options = {"REGISTER"}

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Do it, where there is such a cue."""
        try:
            self.act(self.cue)  # type: ignore[attr-defined]
        except TracklayError as error:
            self.report({"ERROR"}, of_panel(error))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        watch()
        redraw()
        return {"FINISHED"}

    def act(self, cue: str) -> None:
        """Do it."""
        raise NotImplementedError


class TRACKLAY_OT_again(_OnCue, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Make once more what failed of this cue."""

    bl_idname = "tracklay.again"
    bl_description = "Make once more what failed of this cue; it comes into the same strips"
    bl_label = "Try Again"
    __annotations__ = {"cue": _OnCue.CUE}

    def act(self, cue: str) -> None:
        """Send what failed on its way again."""
        pump().again(cue)


class TRACKLAY_OT_look_again(_OnCue, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Look once more whether the provider has this job, and go on with it. Nothing is sent."""

    bl_idname = "tracklay.look_again"
    bl_description = "Look once more whether the provider has this job, and go on with it. Nothing is sent"
    bl_label = "Look Again"
    __annotations__ = {"cue": _OnCue.CUE}

    def act(self, cue: str) -> None:
        """Look it up."""
        pump().look_again(cue)


class TRACKLAY_OT_send_again(_OnCue, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Send this job once more, though nobody knows whether it arrived: it may be charged twice."""

    bl_idname = "tracklay.send_again"
    bl_description = "Send this job once more, though nobody knows whether it arrived: it may be charged twice"
    bl_label = "Send Again"
    __annotations__ = {"cue": _OnCue.CUE}

    def act(self, cue: str) -> None:
        """Send it: a person has said so."""
        pump().send_again(cue)


class TRACKLAY_OT_forget(_OnCue, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Give this job up and remove its placeholder: what it cost, if anything, is spent."""

    bl_idname = "tracklay.forget"
    bl_description = "Give this job up and remove its placeholder: what it cost, if anything, is spent"
    bl_label = "Forget"
    __annotations__ = {"cue": _OnCue.CUE}

    def act(self, cue: str) -> None:
        """Give it up."""
        pump().forget(cue)


class TRACKLAY_OT_take_up(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Go on with everything that this file's placeholders wait for."""

    bl_idname = "tracklay.take_up"
    bl_description = "Go on with everything that this file's placeholders wait for. In the background it blocks until all of it is laid"
    bl_label = "Take Up Jobs"
    bl_options = {"REGISTER"}

    def execute(self, _context: Any) -> AbstractSet[str]:
        """In a window the timer does it; a script waits."""
        if not bpy.app.background:
            pump().opened()
            watch()
            return {"FINISHED"}
        errors = pump().take_up()
        if errors:
            self.report({"WARNING"}, "\n".join(errors))
        return {"FINISHED"}


class TRACKLAY_OT_dismiss(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Put this message away."""

    bl_idname = "tracklay.dismiss"
    bl_description = "Put this message away"
    bl_label = "Dismiss"
    __annotations__ = {"cue": StringProperty(name="Cue", description="Which; empty for all", options=ONCE)}

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Forget one error or all."""
        for cue in [cue for cue in lines() if self.cue in ("", cue)]:
            pump().dismiss(cue)
        redraw()
        return {"FINISHED"}


class TRACKLAY_OT_reload_models(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Read the model files again."""

    bl_idname = "tracklay.reload_models"
    bl_description = "Read the model files again"
    bl_label = "Reload Models"

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Make the scenes' properties anew from the files."""
        properties.unregister()
        catalogue.stock()
        properties.register()
        redraw()
        for error in catalogue.ERRORS:
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
            bpy.ops.wm.path_open(filepath=str(folder(home() / "models")))
        except TracklayError as error:
            self.report({"ERROR"}, of_panel(error))
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
        settings = compat.timeline(context).tracklay
        settings.extras.add().model = settings.model
        return {"FINISHED"}


class TRACKLAY_OT_remove_extra(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Remove this parameter."""

    bl_idname = "tracklay.remove_extra"
    bl_description = "Remove this parameter"
    bl_label = "Remove Extra"
    bl_options = {"INTERNAL", "UNDO"}
    __annotations__ = {"index": IntProperty(name="Index", description="Which row, from 0", min=0, options=ONCE)}

    def execute(self, context: Any) -> AbstractSet[str]:
        """Remove a row."""
        compat.timeline(context).tracklay.extras.remove(self.index)
        return {"FINISHED"}


class TRACKLAY_OT_clear_cache(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Throw away the small pictures that models were shown. Takes stay; what is asked for again is extracted again."""

    bl_idname = "tracklay.clear_cache"
    bl_description = "Throw away the small pictures that models were shown. Takes stay as they are"
    bl_label = "Clear Cache"

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Throw all of them away."""
        from ...media import proxy_cache  # noqa: PLC0415 - nothing else here looks at media

        left = proxy_cache.trim(0)
        told = (
            reported("{} MB are in use and stay", f"{left / 1_000_000:.0f}") if left else reported("The cache is empty")
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
        settings = compat.timeline(context).tracklay
        group = properties.chosen(settings.params)
        for parameter in catalogue.model(settings.model).settable:
            group.property_unset(parameter.name)
        return {"FINISHED"}


class TRACKLAY_OT_check_keys(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Ask each provider whose key is set whether it knows the key; it costs nothing."""

    bl_idname = "tracklay.check_keys"
    bl_description = "Ask each provider whose key is set whether it knows the key; it costs nothing"
    bl_label = "Check Keys"

    def execute(self, _context: Any) -> AbstractSet[str]:
        """Ask in a thread, and show the answers in the preferences; in the background, where nothing is shown, wait and report them."""
        if not is_open():
            self.report({"ERROR"}, f"the providers are reached over the internet: {ALLOW_ONLINE}")
            return {"CANCELLED"}
        check.start()
        if not bpy.app.background:
            preferences.watch()
            return {"FINISHED"}
        check.wait()
        self.report({"INFO"}, "\n".join(words for words, _ in check.answers))
        return {"FINISHED"}


CLASSES = (
    TRACKLAY_OT_generate,
    TRACKLAY_OT_cancel,
    TRACKLAY_OT_dismiss,
    TRACKLAY_OT_again,
    TRACKLAY_OT_look_again,
    TRACKLAY_OT_send_again,
    TRACKLAY_OT_forget,
    TRACKLAY_OT_take_up,
    TRACKLAY_OT_reload_models,
    TRACKLAY_OT_open_models,
    TRACKLAY_OT_add_extra,
    TRACKLAY_OT_remove_extra,
    TRACKLAY_OT_clear_cache,
    TRACKLAY_OT_reset_params,
    TRACKLAY_OT_check_keys,
)
