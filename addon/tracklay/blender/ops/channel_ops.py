"""The operator Tidy Channels."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

import bpy

from ..sequencer import compat, selection
from ..sequencer.channels.tidy import tidy_channels
from ..sequencer.cue_index import shared_cue_index
from ..settings.i18n.translate import translate_report
from .common import TracklayOperator


class TRACKLAY_OT_tidy_channels(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Move all takes to channels of their kind, above the picture.

    Foley, Effects, Music and Ambience have channels of their own. Strips of yours, locked takes and takes on locked or muted channels
    are not moved.
    """

    bl_idname = "tracklay.tidy_channels"
    bl_label = "Tidy Channels"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = compat.active_sequencer_scene(context)
        return scene is not None and selection.active_level(scene) is not None

    def execute(self, context: Any) -> AbstractSet[str]:
        level = selection.active_level(compat.active_sequencer_scene(context))
        count = 0 if level is None else tidy_channels(level)
        shared_cue_index.is_dirty = True
        self.report({"INFO"}, translate_report("Takes moved: {}", count))
        return {"FINISHED"} if count else {"CANCELLED"}


CLASSES = (TRACKLAY_OT_tidy_channels,)
