"""Operators on the active cue of the cue list."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import StringProperty

from ...errors import InvalidInput, TracklayError
from ..runtime.cue_rows import find_row, row_take_group
from ..sequencer import compat, cue_index
from ..settings.redraw import redraw_sequencers
from .common import SKIP_SAVE, TracklayOperator

if TYPE_CHECKING:
    from ..runtime.cue_rows import CueListRow

CUE_ARGUMENT = StringProperty(
    name="Cue", description="ID of the cue; empty for the active one in the list", options=SKIP_SAVE
)


class ListedCueOperator(TracklayOperator):
    """Base class of the operators on a row of the cue list."""

    bl_options = {"REGISTER"}
    cue: str

    @classmethod
    def poll(cls, context: Any) -> bool:
        return compat.active_sequencer_scene(context) is not None

    def execute(self, context: Any) -> AbstractSet[str]:
        scene = compat.active_sequencer_scene(context)
        try:
            self.perform(context, scene, find_row(scene, self.cue))
        except TracklayError as error:
            return self.report_error(error)
        redraw_sequencers()
        return {"FINISHED"}

    def perform(self, context: Any, scene: Any, row: CueListRow) -> None:
        """Do the operator's work. Errors are reported."""
        raise NotImplementedError


class TRACKLAY_OT_go_to_cue(ListedCueOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Move the playhead to the cue, and select and frame its strips."""

    bl_idname = "tracklay.go_to_cue"
    bl_label = "Go to Cue"
    bl_options = {"REGISTER", "UNDO"}
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, context: Any, scene: Any, row: CueListRow) -> None:
        names = set(row.strip_names)
        for strip in scene.sequence_editor.strips_all:
            strip.select = strip.name in names
        scene.frame_current = row.start
        if context.area and context.area.type == "SEQUENCE_EDITOR" and bpy.ops.sequencer.view_selected.poll():
            bpy.ops.sequencer.view_selected()


class TRACKLAY_OT_reveal_take(ListedCueOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Open the folder of the cue's takes in the file browser."""

    bl_idname = "tracklay.reveal_take"
    bl_label = "Reveal Take"
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, context: Any, scene: Any, row: CueListRow) -> None:  # noqa: ARG002 - the base class's signature
        group = row_take_group(scene, row)
        file = None if group is None else cue_index.take_file(group.chosen.strips[0])
        if file is None:
            raise InvalidInput("cue.no_take", "This cue has no take yet.")
        if not file.parent.is_dir():
            raise InvalidInput(
                "cue.folder_missing", "Folder not found: {folder}. Is its drive connected?", folder=file.parent
            )
        bpy.ops.wm.path_open(filepath=str(file.parent))


CLASSES = (TRACKLAY_OT_go_to_cue, TRACKLAY_OT_reveal_take)
