"""Operators on all cues of the list: select the stale ones, generate them again, keep the audible take of each."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty

from ...errors import InvalidInput, TracklayError
from ..runtime import estimates
from ..runtime.cue_rows import current_rows
from ..runtime.requests import submit_cues
from ..sequencer import compat, cue_index, selection, takes
from ..settings import catalogue
from ..settings.i18n.translate import translate_report, translate_ui
from ..settings.redraw import redraw_sequencers
from .common import WAIT_ARGUMENT, TracklayOperator

if TYPE_CHECKING:
    from ...cue import Cue
    from ..runtime.cue_rows import CueListRow
    from ..sequencer.selection import CueSource


def stale_rows(scene: Any) -> list[CueListRow]:
    """Return the rows of stale cues.

    Raises:
        InvalidInput: there are none.
    """
    rows = [row for row in current_rows(scene) if row.is_stale]
    if not rows:
        raise InvalidInput("cue.none_stale", "No cue of this scene is stale.")
    return rows


class _ListOperator(TracklayOperator):
    """Base class of the operators on the whole list."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = compat.active_sequencer_scene(context)
        return scene is not None and selection.active_level(scene) is not None


class TRACKLAY_OT_select_stale(_ListOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Select the takes of all cues whose picture has changed."""

    bl_idname = "tracklay.select_stale"
    bl_label = "Select All Stale"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> AbstractSet[str]:
        scene = compat.active_sequencer_scene(context)
        try:
            names = {name for row in stale_rows(scene) for name in row.strip_names}
        except TracklayError as error:
            return self.report_error(error)
        for strip in scene.sequence_editor.strips_all:
            if strip.select != (strip.name in names):
                strip.select = strip.name in names
        redraw_sequencers()
        self.report({"INFO"}, translate_report("Selected strips: {}", len(names)))
        return {"FINISHED"}


def stale_cues(scene: Any, *, refit: bool) -> tuple[list[tuple[Cue, CueSource]], dict[str, str]]:
    """Return the cues that make all stale cues again, each with its spot, and the cue that each joins.

    Args:
        scene: the scene.
        refit: fit music that can be fitted, instead of generating it.

    Raises:
        InvalidInput: no cue is stale, or a picture was removed.
    """
    names = {row.cue for row in stale_rows(scene)}
    level = selection.active_level(scene)
    assert level is not None  # noqa: S101 - the operators are disabled without one
    cues, joins = [], {}
    for group in takes.find_take_groups(level):
        if group.cue not in names or not group.stale:
            continue
        is_refit = refit and cue_index.can_refit(group.chosen.strips[0])
        cue, spot = takes.regenerated_cue(scene, level, group, same_seed=True, count=1, is_refit=is_refit)
        cues.append((cue, spot))
        joins[cue.id] = group.cue
    if not cues:
        raise InvalidInput("cue.none_stale", "No cue of this scene is stale.")
    return cues, joins


class TRACKLAY_OT_regenerate_stale(_ListOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Generate all stale cues again for their pictures as they are now.

    A dialog shows their number, length and price first. Each new take joins its cue and becomes the audible one.
    """

    bl_idname = "tracklay.regenerate_stale"
    bl_label = "Regenerate All Stale"
    bl_options = {"REGISTER"}
    __annotations__ = {
        "refit": BoolProperty(
            name="Refit Music", description="Fit music to its changed picture instead, at no cost", default=True
        ),
        "wait": WAIT_ARGUMENT,
    }

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        """Show what it makes and costs."""
        scene = compat.active_sequencer_scene(context)
        try:
            self._texts = {
                refit: estimates.estimate(
                    [estimates.dummy_spec(cue, catalogue.get_model(cue.model)) for cue, _ in cues]
                ).text
                for refit in (False, True)
                if (cues := stale_cues(scene, refit=refit)[0])
            }
        except TracklayError as error:
            return self.report_error(error)
        result: AbstractSet[str] = context.window_manager.invoke_props_dialog(
            self, title=translate_ui("Regenerate All Stale"), confirm_text=translate_ui("Generate")
        )
        return result

    def draw(self, _context: Any) -> None:
        self.layout.label(text=self._texts[self.refit], translate=False, icon="FILE_REFRESH")
        if self._texts[True] != self._texts[False]:
            self.layout.prop(self, "refit")

    def execute(self, context: Any) -> AbstractSet[str]:
        scene = compat.active_sequencer_scene(context)
        level = selection.active_level(scene)
        assert level is not None  # noqa: S101 - the operator is disabled without one
        try:
            cues, joins = stale_cues(scene, refit=self.refit)
            return submit_cues(self, cues, wait=self.wait, on_placed=lambda: takes.join_takes(level, joins))
        except TracklayError as error:
            return self.report_error(error)


class TRACKLAY_OT_keep_all(_ListOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Keep the audible take of each cue and remove the others; files stay."""

    bl_idname = "tracklay.keep_all"
    bl_label = "Keep All"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> AbstractSet[str]:
        scene = compat.active_sequencer_scene(context)
        level = selection.active_level(scene)
        groups = [] if level is None else takes.find_take_groups(level)
        if level is None or not groups:
            return self.report_error(InvalidInput("cue.no_takes_yet", "This scene has no takes yet."))
        count = sum(len(group.takes) - 1 for group in groups)
        for group in groups:
            takes.keep_only(scene, level, group)
        cue_index.shared_cue_index.is_dirty = True
        redraw_sequencers()
        self.report({"INFO"}, translate_report("Cues: {}, takes removed: {}", len(groups), count))
        return {"FINISHED"}


CLASSES = (TRACKLAY_OT_select_stale, TRACKLAY_OT_regenerate_stale, TRACKLAY_OT_keep_all)
