"""Operators on the takes of a cue: switch, compare, mark, keep, regenerate, lay stems, delete files of dropped takes.

The rules are in `sequencer.takes` and `sequencer.dropped_files`.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ...errors import TracklayError
from ...jobs.job_spec import MAX_TAKES
from ..runtime.requests import submit_cues
from ..sequencer import compat, dropped_files, selection, takes
from ..sequencer.takes import FULL_MIX_MODES, TakeGroup
from ..settings.error_text import panel_error_text
from ..settings.i18n.translate import translate_report, translate_ui
from .generate_ops import SKIP_SAVE

MAX_LISTED_FILES = 20
"""File names in the dialog of Delete Dropped Files; of more, only the number."""


class _TakeGroupOperator:
    """An operator on the takes that are meant. What it does to a cue's is `perform`; where that fails for one, the others are done."""

    bl_options = {"REGISTER", "UNDO"}
    CUE_ARGUMENT = StringProperty(
        name="Cue", description="Of which cue; empty for what is selected, or at the playhead", options=SKIP_SAVE
    )

    report: Any

    def execute(self, context: Any) -> AbstractSet[str]:
        """Do it to each group."""
        scene = compat.active_sequencer_scene(context)
        done, failed = [], []
        try:
            for group in takes.target_groups(scene, self.cue):  # type: ignore[attr-defined]
                try:
                    done.append(self.perform(scene, group))
                except TracklayError as error:
                    failed.append(panel_error_text(error))
        except TracklayError as error:
            failed.append(panel_error_text(error))
        if failed:
            self.report({"WARNING" if done else "ERROR"}, "\n".join(dict.fromkeys(failed)))
            return {"FINISHED"} if done else {"CANCELLED"}
        self.report({"INFO"}, ", ".join(done))
        return {"FINISHED"}

    def perform(self, scene: Any, group: TakeGroup) -> str:
        """Do it to one; what is said of it."""
        raise NotImplementedError


class TRACKLAY_OT_switch_take(_TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Hear another take of the cue."""

    bl_idname = "tracklay.switch_take"
    bl_description = (
        "Hear another take of the selected cue, or of the cues at the playhead, and mute the one that was heard"
    )
    bl_label = "Switch Take"
    __annotations__ = {
        "direction": EnumProperty(
            name="Direction",
            description="Which take is heard",
            items=(("NEXT", "Next", "The next take"), ("PREVIOUS", "Previous", "The take before")),
            default="NEXT",
        ),
        "number": IntProperty(
            name="Take",
            description="Which one, from 1; 0 for the next or the one before",
            default=0,
            min=0,
            options=SKIP_SAVE,
        ),
        "cue": _TakeGroupOperator.CUE_ARGUMENT,
    }

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002 - the shape of all of them
        """Go on by one, round and round, or to the one that was named."""
        index = group.take_index(self.number) if self.number else group.neighbour_index(self.direction)
        group.solo(index)
        return translate_report("Take {} of {}", index + 1, len(group.takes))


class TRACKLAY_OT_compare_takes(_TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Go back and forth between two takes."""

    bl_idname = "tracklay.compare_takes"
    bl_description = "Go back and forth between two takes: the two that are selected, or the one that is heard and the one heard before it"
    bl_label = "Compare Takes"
    __annotations__ = {"cue": _TakeGroupOperator.CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002
        """Hear the other of the two."""
        index = group.compare_index()
        group.solo(index)
        return translate_report("Take {} of {}", index + 1, len(group.takes))


class TRACKLAY_OT_favourite_take(_TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Mark the take that is heard as a favourite, or no more."""

    bl_idname = "tracklay.favourite_take"
    bl_description = "Mark the take that is heard as a favourite, or no longer; it is coloured in the timeline"
    bl_label = "Favourite Take"
    __annotations__ = {"cue": _TakeGroupOperator.CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002
        """Turn it about."""
        is_favourite = takes.toggle_favourite(group.chosen)
        return translate_report(
            "Take {} is a favourite" if is_favourite else "Take {} is no favourite", group.chosen_index + 1
        )


class TRACKLAY_OT_keep_take(_TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Keep the take that is heard and remove the others from the timeline."""

    bl_idname = "tracklay.keep_take"
    bl_description = "Keep the take that is heard and remove the others from the timeline. Their files stay until Delete Dropped Files"
    bl_label = "Keep Take"
    __annotations__ = {"cue": _TakeGroupOperator.CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:
        """Remove the others; what is kept comes down to the lowest of their channels."""
        level = selection.active_level(scene)
        assert level is not None  # noqa: S101 - groups were found on it
        number = group.chosen_index + 1  # read before the other strips are removed: a removed strip cannot be asked anything
        takes.keep_only(scene, level, group)
        return translate_report("Kept take {} of {}", number, len(group.takes))


class TRACKLAY_OT_lay_stems(_TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Lay the stems of the take that is heard, each on a channel of its own name."""

    bl_idname = "tracklay.lay_stems"
    bl_description = (
        "Lay the stems of the take that is heard, each on a channel of its own name, connected to the picture"
    )
    bl_label = "Lay Stems"
    __annotations__ = {
        "master": EnumProperty(
            name="Whole Take", description="What becomes of the whole take", items=FULL_MIX_MODES, default="MUTED"
        ),
        "cue": _TakeGroupOperator.CUE_ARGUMENT,
    }

    def perform(self, scene: Any, group: TakeGroup) -> str:
        """Lay them."""
        level = selection.active_level(scene)
        assert level is not None  # noqa: S101 - groups were found on it
        names = takes.lay_stems(scene, level, group.chosen, self.master)
        return translate_report("Laid the stems {}", ", ".join(names))


class TRACKLAY_OT_regenerate(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Make the take that is heard once more: another take of the same cue."""

    bl_idname = "tracklay.regenerate"
    bl_description = (
        "Make another take of the cue with the settings of the one that is heard, for its picture as it is now: "
        "with a new seed, or with the same one where the picture was changed"
    )
    bl_label = "Regenerate"
    bl_options = {"REGISTER"}
    __annotations__ = {
        "same_seed": BoolProperty(
            name="Same Seed", description="Keep the seed: only the picture's change is heard", options=SKIP_SAVE
        ),
        "takes": IntProperty(name="Takes", description="How many", default=1, min=1, max=MAX_TAKES, options=SKIP_SAVE),
        "cue": _TakeGroupOperator.CUE_ARGUMENT,
        "wait": BoolProperty(name="Wait", description="Block until every take is laid: for scripts", options=SKIP_SAVE),
    }

    def execute(self, context: Any) -> AbstractSet[str]:
        """Send it on its way; what comes of it joins the cue's takes and is heard."""
        scene = compat.active_sequencer_scene(context)
        try:
            level, found = selection.active_level(scene), takes.target_groups(scene, self.cue)
            assert level is not None  # noqa: S101 - groups were found on it
            asked = [
                takes.regenerated_cue(scene, level, group, same_seed=self.same_seed, count=self.takes)
                for group in found
            ]
            joins = {cue.id: group.cue for (cue, _), group in zip(asked, found, strict=True)}
            return submit_cues(self, asked, wait=self.wait, on_placed=lambda: takes.join_takes(level, joins))
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}


class TRACKLAY_OT_delete_dropped(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Delete the files of takes that were dropped."""

    bl_idname = "tracklay.delete_dropped"
    bl_description = (
        "Delete the files of the takes that Keep Take removed from this timeline, from the disk. This cannot be undone"
    )
    bl_label = "Delete Dropped Files"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether any were dropped."""
        scene = compat.active_sequencer_scene(context)
        return scene is not None and bool(scene.tracklay.dropped)

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        """Show the names of the files and ask for confirmation."""
        try:
            self.ours, self.others = dropped_files.deletable(compat.active_sequencer_scene(context))
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}
        asked: AbstractSet[str] = context.window_manager.invoke_props_dialog(
            self, width=500, title=translate_ui("Delete Dropped Files"), confirm_text=translate_ui("Delete")
        )
        return asked

    def draw(self, _context: Any) -> None:
        """Draw the dialog."""
        column = self.layout.column(align=True)
        column.label(
            text=translate_ui("Files of dropped takes that are deleted from the disk: {}", len(self.ours)),
            translate=False,
        )
        for file in self.ours[:MAX_LISTED_FILES]:
            column.label(text=file.name, translate=False, icon="FILE_SOUND")
        if len(self.ours) > MAX_LISTED_FILES:
            column.label(text=translate_ui("and {} more", len(self.ours) - MAX_LISTED_FILES), translate=False)
        if self.others:
            column.label(
                text=translate_ui(
                    "Files left, because Tracklay did not make them here or they were changed: {}", len(self.others)
                ),
                translate=False,
                icon="INFO",
            )

    def execute(self, context: Any) -> AbstractSet[str]:
        """Delete them. Files that are left are dropped from the list, unless they are played or cannot be deleted."""
        scene = compat.active_sequencer_scene(context)
        try:
            ours, others = dropped_files.deletable(scene)
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}
        failed: dict[Path, str] = {}
        for file in ours:
            try:
                file.unlink()
            except OSError as error:
                failed[file] = f"{file} cannot be deleted: {error.strerror or error}"
        kept = {str(file) for file in (*failed, *dropped_files.played_files())} & {
            row.name for row in scene.tracklay.dropped
        }
        scene.tracklay.dropped.clear()
        for name in sorted(kept):
            scene.tracklay.dropped.add().name = name
        self.report({"INFO"}, translate_report("Files deleted: {}", len(ours) - len(failed)))
        if others:
            self.report(
                {"WARNING"},
                translate_report(
                    "Files left, because Tracklay did not make them here or they were changed: {}", len(others)
                ),
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
    TRACKLAY_OT_regenerate,
    TRACKLAY_OT_delete_dropped,
)
