"""Operators on the takes of a cue: switch, compare, mark, keep, regenerate, refit, land again, lay stems, delete files of dropped takes.

The rules are in `sequencer.takes` and `sequencer.dropped_files`.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ...errors import TracklayError
from ...jobs.job_spec import MAX_TAKES, RANDOM_SEED
from ...trash import trash_files
from ..runtime import estimates, landed_again, redone_parts
from ..runtime.requests import submit_cues
from ..sequencer import compat, dropped_files, landing, selection, takes
from ..sequencer.joined import following
from ..sequencer.takes import FULL_MIX_MODES, TakeGroup
from ..settings import catalogue
from ..settings.i18n.translate import translate_error, translate_report, translate_ui
from .common import SKIP_SAVE, WAIT_ARGUMENT, TracklayOperator

if TYPE_CHECKING:
    from ...cue import Cue
    from ..sequencer.selection import CueSource, StripLevel

MAX_LISTED_FILES = 20
"""File names in the dialog of Delete Dropped Files; of more, only the number."""

CUE_ARGUMENT = StringProperty(
    name="Cue", description="ID of the cue; empty for the selection or the playhead", options=SKIP_SAVE
)


class TakeGroupOperator(TracklayOperator):
    """Base class of the operators on the takes of one or more cues."""

    bl_options = {"REGISTER", "UNDO"}
    cue: str

    def execute(self, context: Any) -> AbstractSet[str]:
        """Call `perform` for each cue. If it fails for one, the others are still done."""
        scene = compat.active_sequencer_scene(context)
        done, failed = [], []
        try:
            for group in takes.target_groups(scene, self.cue):
                try:
                    done.append(self.perform(scene, group))
                except TracklayError as error:
                    failed.append(translate_error(error, translate_report))
        except TracklayError as error:
            failed.append(translate_error(error, translate_report))
        if failed:
            self.report({"WARNING" if done else "ERROR"}, "\n".join(dict.fromkeys(failed)))
            return {"FINISHED"} if done else {"CANCELLED"}
        self.report({"INFO"}, ", ".join(done))
        return {"FINISHED"}

    def perform(self, scene: Any, group: TakeGroup) -> str:
        """Do the operator's work on one cue and return the message to report."""
        raise NotImplementedError


class TRACKLAY_OT_switch_take(TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Unmute another take of the cue and mute the current one."""

    bl_idname = "tracklay.switch_take"
    bl_label = "Switch Take"
    __annotations__ = {
        "direction": EnumProperty(
            name="Direction",
            description="Take to switch to",
            items=(("NEXT", "Next", "Next take"), ("PREVIOUS", "Previous", "Previous take")),
            default="NEXT",
        ),
        "number": IntProperty(
            name="Take",
            description="Number of the take, from 1 (0: use Direction)",
            default=0,
            min=0,
            options=SKIP_SAVE,
        ),
        "cue": CUE_ARGUMENT,
    }

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002 - the base class's signature
        index = group.take_index(self.number) if self.number else group.neighbour_index(self.direction)
        group.solo(index)
        return translate_report("Take {} of {}", index + 1, len(group.takes))


class TRACKLAY_OT_compare_takes(TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Toggle between two selected takes, or the current and the last one."""

    bl_idname = "tracklay.compare_takes"
    bl_label = "Compare Takes"
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002
        index = group.compare_index()
        group.solo(index)
        return translate_report("Take {} of {}", index + 1, len(group.takes))


class TRACKLAY_OT_favourite_take(TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Mark or unmark the current take as a favourite, with a colour tag."""

    bl_idname = "tracklay.favourite_take"
    bl_label = "Favourite Take"
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002
        is_favourite = takes.toggle_favourite(group.chosen)
        return translate_report(
            "Take {} is a favourite" if is_favourite else "Take {} is no favourite", group.chosen_index + 1
        )


class TRACKLAY_OT_keep_take(TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Remove the other takes from the timeline; their files are kept."""

    bl_idname = "tracklay.keep_take"
    bl_label = "Keep Take"
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:
        level = selection.active_level(scene)
        assert level is not None  # noqa: S101 - groups were found on it
        number = group.chosen_index + 1  # read first: the properties of a removed strip cannot be read
        takes.keep_only(scene, level, group)
        return translate_report("Kept take {} of {}", number, len(group.takes))


class TRACKLAY_OT_lay_stems(TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Lay the stems of the current take, each on a channel of its name."""

    bl_idname = "tracklay.lay_stems"
    bl_label = "Lay Stems"
    __annotations__ = {
        "master": EnumProperty(
            name="Full Mix", description="Treatment of the full mix", items=FULL_MIX_MODES, default="MUTED"
        ),
        "cue": CUE_ARGUMENT,
    }

    def perform(self, scene: Any, group: TakeGroup) -> str:
        level = selection.active_level(scene)
        assert level is not None  # noqa: S101 - groups were found on it
        names = takes.lay_stems(scene, level, group.chosen, self.master)
        return translate_report("Laid the stems {}", ", ".join(names))


class TRACKLAY_OT_switch_landing(TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Switch the current take between its landed and its untouched sound."""

    bl_idname = "tracklay.switch_landing"
    bl_label = "Hear Untouched or Landed"
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002
        is_landed = landing.switch_landing(group.chosen)
        return translate_report("Plays the landed take" if is_landed else "Plays the untouched take")


class TRACKLAY_OT_follow_picture(TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Move the takes of a range to where all its shots were moved."""

    bl_idname = "tracklay.follow_picture"
    bl_label = "Follow Picture"
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:
        level = selection.active_level(scene)
        assert level is not None  # noqa: S101 - groups were found on it
        moved = following.move_after_shots(scene, level, [strip for take in group.takes for strip in take.strips])
        return translate_report("Moved by {} frames", moved)


class _NextTakeOperator(TracklayOperator):
    """Base class of the operators that make another take of a cue. It joins the cue's takes, and becomes the audible one."""

    bl_options = {"REGISTER"}
    cue: str
    wait: bool
    only_first = False

    def execute(self, context: Any) -> AbstractSet[str]:
        """Submit what `build_cue` returns for each cue, or for the first one."""
        scene = compat.active_sequencer_scene(context)
        try:
            level, groups = selection.active_level(scene), takes.target_groups(scene, self.cue)
            assert level is not None  # noqa: S101 - groups were found on it
            groups = groups[:1] if self.only_first else groups
            cues = [self.build_cue(scene, level, group) for group in groups]
            joins = {cue.id: group.cue for (cue, _), group in zip(cues, groups, strict=True)}
            return submit_cues(self, cues, wait=self.wait, on_placed=lambda: takes.join_takes(level, joins))
        except TracklayError as error:
            return self.report_error(error)

    def build_cue(self, scene: Any, level: StripLevel, group: TakeGroup) -> tuple[Cue, CueSource]:
        """Return the cue of the next take, and the spot that it is laid at."""
        raise NotImplementedError


class TRACKLAY_OT_regenerate(_NextTakeOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Generate another take with the current take's settings.

    It is generated for the picture as it is now. When it arrives it joins the cue's takes and becomes the audible one.
    """

    bl_idname = "tracklay.regenerate"
    bl_label = "Regenerate"
    __annotations__ = {
        "same_seed": BoolProperty(
            name="Same Seed", description="Keep the seed, so that only the picture differs", options=SKIP_SAVE
        ),
        "takes": IntProperty(
            name="Takes", description="Number of takes", default=1, min=1, max=MAX_TAKES, options=SKIP_SAVE
        ),
        "cue": CUE_ARGUMENT,
        "wait": WAIT_ARGUMENT,
    }

    def build_cue(self, scene: Any, level: StripLevel, group: TakeGroup) -> tuple[Cue, CueSource]:
        return takes.regenerated_cue(scene, level, group, same_seed=self.same_seed, count=self.takes)


class TRACKLAY_OT_refit(_NextTakeOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Fit the take's music to the picture as it is now, at no cost.

    Nothing is generated. The new take joins the cue's takes and becomes the audible one.
    """

    bl_idname = "tracklay.refit"
    bl_label = "Refit"
    __annotations__ = {"cue": CUE_ARGUMENT, "wait": WAIT_ARGUMENT}

    def build_cue(self, scene: Any, level: StripLevel, group: TakeGroup) -> tuple[Cue, CueSource]:
        return takes.regenerated_cue(scene, level, group, same_seed=True, count=1, is_refit=True)


class TRACKLAY_OT_extend_music(_NextTakeOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Fit music to its picture; ask the model for more if it is too short.

    The music that there is stays the first part. A dialog shows the price first. The new take becomes the audible one.
    """

    bl_idname = "tracklay.extend_music"
    bl_label = "Ask for More"
    only_first = True
    __annotations__ = {"cue": CUE_ARGUMENT, "wait": WAIT_ARGUMENT}

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        """Show what it makes and costs."""
        scene = compat.active_sequencer_scene(context)
        try:
            level, groups = selection.active_level(scene), takes.target_groups(scene, self.cue)
            assert level is not None  # noqa: S101 - groups were found on it
            cue, _ = self.build_cue(scene, level, groups[0])
            self._text = estimates.estimate([estimates.dummy_spec(cue, catalogue.get_model(cue.model))]).text
        except TracklayError as error:
            return self.report_error(error)
        result: AbstractSet[str] = context.window_manager.invoke_props_dialog(
            self, title=translate_ui("Ask for More"), confirm_text=translate_ui("Generate")
        )
        return result

    def draw(self, _context: Any) -> None:
        self.layout.label(text=self._text, translate=False, icon="UV_SYNC_SELECT")

    def build_cue(self, scene: Any, level: StripLevel, group: TakeGroup) -> tuple[Cue, CueSource]:
        return redone_parts.extended_cue(scene, level, group)


class TRACKLAY_OT_land_again(_NextTakeOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Land the untouched take on the picture as it is now, at no cost.

    Nothing is generated. The new take joins the cue's takes and becomes the audible one.
    """

    bl_idname = "tracklay.land_again"
    bl_label = "Land Again"
    __annotations__ = {"cue": CUE_ARGUMENT, "wait": WAIT_ARGUMENT}

    def build_cue(self, scene: Any, level: StripLevel, group: TakeGroup) -> tuple[Cue, CueSource]:
        return landed_again.landed_again_cue(scene, level, group)


class TRACKLAY_OT_redo_part(_NextTakeOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Generate a part or the preview range of the current take again.

    The result is a new take, which becomes the audible one when it arrives.
    """

    bl_idname = "tracklay.redo_part"
    bl_label = "Redo Part"
    only_first = True
    __annotations__ = {
        "part": IntProperty(
            name="Part", description="Number of the part (0: the preview range)", default=0, min=0, options=SKIP_SAVE
        ),
        "prompt": StringProperty(
            name="Prompt", description="Sound to generate there; empty for the take's prompt", options=SKIP_SAVE
        ),
        "seed": IntProperty(
            name="Seed",
            description="Seed of the part (-1: random)",
            default=RANDOM_SEED,
            min=RANDOM_SEED,
            options=SKIP_SAVE,
        ),
        "cue": CUE_ARGUMENT,
        "wait": WAIT_ARGUMENT,
    }

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        """Ask for the part's number and its prompt."""
        scene = compat.active_sequencer_scene(context)
        if not self.properties.is_property_set("part") and not scene.use_preview_range:
            self.part = 1
        result: AbstractSet[str] = context.window_manager.invoke_props_dialog(self)
        return result

    def build_cue(self, scene: Any, level: StripLevel, group: TakeGroup) -> tuple[Cue, CueSource]:
        seed = None if self.seed == RANDOM_SEED else self.seed
        return redone_parts.redone_cue(scene, level, group, self.part, prompt=self.prompt, seed=seed)


class TRACKLAY_OT_delete_dropped(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Move files of takes that Keep Take removed to the trash."""

    bl_idname = "tracklay.delete_dropped"
    bl_label = "Delete Dropped Files"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = compat.active_sequencer_scene(context)
        return scene is not None and bool(scene.tracklay.dropped)

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        """Show the names of the files and ask for confirmation."""
        try:
            self.ours, self.others = dropped_files.deletable(compat.active_sequencer_scene(context))
        except TracklayError as error:
            return self.report_error(error)
        result: AbstractSet[str] = context.window_manager.invoke_props_dialog(
            self, width=500, title=translate_ui("Delete Dropped Files"), confirm_text=translate_ui("Delete")
        )
        return result

    def draw(self, _context: Any) -> None:
        column = self.layout.column(align=True)
        column.label(
            text=translate_ui("Files of dropped takes that are moved to the trash: {}", len(self.ours)),
            translate=False,
        )
        for file in self.ours[:MAX_LISTED_FILES]:
            column.label(text=file.name, translate=False, icon="FILE_SOUND")
        if len(self.ours) > MAX_LISTED_FILES:
            column.label(text=translate_ui("and {} more", len(self.ours) - MAX_LISTED_FILES), translate=False)
        if self.others:
            column.label(
                text=translate_ui("Files kept (not made here by Tracklay, or changed since): {}", len(self.others)),
                translate=False,
                icon="INFO",
            )

    def execute(self, context: Any) -> AbstractSet[str]:
        scene = compat.active_sequencer_scene(context)
        try:
            ours, others = dropped_files.deletable(scene)
        except TracklayError as error:
            return self.report_error(error)
        failed = {
            file: translate_report("Cannot delete {}: {}", file, reason) for file, reason in trash_files(ours).items()
        }
        # A file that is played, or could not be deleted, stays in the list for another try; any other is forgotten.
        kept = {str(file) for file in (*failed, *dropped_files.played_files())}
        kept &= {row.name for row in scene.tracklay.dropped}
        scene.tracklay.dropped.clear()
        for name in sorted(kept):
            scene.tracklay.dropped.add().name = name
        count = len(ours) - len(failed)
        self.report({"INFO"}, translate_report("Files moved to the trash: {}", count))
        if others:
            self.report(
                {"WARNING"},
                translate_report("Files kept (not made here by Tracklay, or changed since): {}", len(others)),
            )
        if failed:
            self.report({"ERROR"}, "\n".join(failed.values()))
        return {"FINISHED"}


CLASSES = (
    TRACKLAY_OT_switch_take,
    TRACKLAY_OT_compare_takes,
    TRACKLAY_OT_favourite_take,
    TRACKLAY_OT_keep_take,
    TRACKLAY_OT_lay_stems,
    TRACKLAY_OT_switch_landing,
    TRACKLAY_OT_follow_picture,
    TRACKLAY_OT_regenerate,
    TRACKLAY_OT_refit,
    TRACKLAY_OT_extend_music,
    TRACKLAY_OT_land_again,
    TRACKLAY_OT_redo_part,
    TRACKLAY_OT_delete_dropped,
)
