"""Operators for hearing a take while working: loop, solo, fades, nudging."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import FloatProperty, IntProperty

from ...errors import InvalidInput, TracklayError
from ..runtime import solo_playback
from ..sequencer import compat, cue_index, selection, takes
from ..sequencer.hearing import fades, looping, nudging, solo
from ..settings.i18n.translate import translate_report
from .common import SKIP_SAVE, TracklayOperator, exact_seconds
from .cue_ops import CUE_ARGUMENT, ListedCueOperator
from .take_ops import CUE_ARGUMENT as TAKES_ARGUMENT
from .take_ops import TakeGroupOperator

if TYPE_CHECKING:
    from ..runtime.cue_rows import CueListRow
    from ..sequencer.takes import TakeGroup

MAX_FADE_SECONDS = 60.0


class TRACKLAY_OT_loop_cue(ListedCueOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Play the cue's span in a loop, or stop and restore the preview range."""

    bl_idname = "tracklay.loop_cue"
    bl_label = "Loop Cue"
    bl_options = {"REGISTER", "UNDO"}
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, context: Any, scene: Any, row: CueListRow) -> None:
        begins = not looping.is_looping(scene)
        if begins:
            looping.start_loop(scene, row.start, row.end)
        else:
            looping.end_loop(scene)
        screen = getattr(context, "screen", None)
        if not bpy.app.background and screen is not None and screen.is_animation_playing != begins:
            bpy.ops.screen.animation_play()


class TRACKLAY_OT_solo_cue(ListedCueOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Hear only this cue while the timeline plays, or all sounds again."""

    bl_idname = "tracklay.solo_cue"
    bl_label = "Solo Cue"
    bl_options = {"REGISTER", "UNDO"}
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, context: Any, scene: Any, row: CueListRow) -> None:  # noqa: ARG002 - the base class's signature
        if solo.solo_cue_id(scene) == row.cue:
            solo.end_solo(scene)
        else:
            solo.start_solo(scene, row.cue)
        solo_playback.update_solo()
        cue_index.shared_cue_index.is_dirty = True


class TRACKLAY_OT_end_solo(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Hear all sounds again."""

    bl_idname = "tracklay.end_solo"
    bl_label = "End Solo"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = compat.active_sequencer_scene(context)
        return scene is not None and bool(solo.solo_cue_id(scene))

    def execute(self, context: Any) -> AbstractSet[str]:
        solo.end_solo(compat.active_sequencer_scene(context))
        cue_index.shared_cue_index.is_dirty = True
        return {"FINISHED"}


class TRACKLAY_OT_fade_take(TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Fade the audible take in and out with keyframes of its volume."""

    bl_idname = "tracklay.fade_take"
    bl_label = "Fade Take"
    __annotations__ = {
        "fade_in": FloatProperty(
            name="Fade In",
            description="Length of the fade in (0: none)",
            min=0.0,
            max=MAX_FADE_SECONDS,
            unit="TIME_ABSOLUTE",
            options=SKIP_SAVE,
        ),
        "fade_out": FloatProperty(
            name="Fade Out",
            description="Length of the fade out (0: none)",
            min=0.0,
            max=MAX_FADE_SECONDS,
            unit="TIME_ABSOLUTE",
            options=SKIP_SAVE,
        ),
        "cue": TAKES_ARGUMENT,
    }

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        """Ask for the lengths; the dialog has those that the take has."""
        scene = compat.active_sequencer_scene(context)
        try:
            group = takes.target_groups(scene, self.cue)[0]
        except TracklayError as error:
            return self.report_error(error)
        rate, found = selection.scene_rate(scene), fades.read_fades(scene, group.chosen.strips[0])
        self.fade_in, self.fade_out = (float(rate.seconds(frames)) for frames in found)
        result: AbstractSet[str] = context.window_manager.invoke_props_dialog(self)
        return result

    def perform(self, scene: Any, group: TakeGroup) -> str:
        rate = selection.scene_rate(scene)
        wanted = fades.FadeFrames(*(rate.frames(exact_seconds(each)) for each in (self.fade_in, self.fade_out)))
        for strip in group.chosen.strips:
            fades.set_fades(scene, strip, wanted)
        return translate_report("Fades: {} and {} frames", *wanted)


class TRACKLAY_OT_nudge_take(TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Move the sound of the audible take; its strip stays where it is."""

    bl_idname = "tracklay.nudge_take"
    bl_label = "Nudge Take"
    __annotations__ = {
        "frames": IntProperty(
            name="Frames", description="Frames to move it by; negative is earlier", options=SKIP_SAVE
        ),
        "milliseconds": FloatProperty(
            name="Milliseconds", description="Milliseconds to move it by; negative is earlier", options=SKIP_SAVE
        ),
        "cue": TAKES_ARGUMENT,
    }

    def perform(self, scene: Any, group: TakeGroup) -> str:
        seconds = float(selection.scene_rate(scene).seconds(self.frames)) + self.milliseconds / 1000
        if not seconds:
            raise InvalidInput("nudge.nothing", "Nothing to move by. Set Frames or Milliseconds.")
        nudging.nudge(group.chosen.strips, seconds)
        return translate_report("Position: {} ms", f"{nudging.nudged_seconds(group.chosen.strips[0]) * 1000:+.1f}")


class TRACKLAY_OT_reset_position(TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Move the sound of the audible take back to where it was laid."""

    bl_idname = "tracklay.reset_position"
    bl_label = "Reset Position"
    __annotations__ = {"cue": TAKES_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002
        nudging.reset_position(group.chosen.strips)
        return translate_report("Position: {} ms", "0")


CLASSES = (
    TRACKLAY_OT_loop_cue,
    TRACKLAY_OT_solo_cue,
    TRACKLAY_OT_end_solo,
    TRACKLAY_OT_fade_take,
    TRACKLAY_OT_nudge_take,
    TRACKLAY_OT_reset_position,
)
