"""The list of cues in the sidebar, the box of the active cue below it, and the menu of the active cue.

The rows are `runtime.cue_rows`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import StringProperty

from ...errors import InvalidInput, TracklayError
from ...timing import format_timecode
from ..ops import take_ops
from ..ops.generate_ops import SKIP_SAVE
from ..runtime.cue_rows import active_row, cue_list_rows, find_row, rebuild_if_changed, row_take_group
from ..runtime.cue_status import running_cues
from ..sequencer import compat, cue_index, selection, takes
from ..settings import catalogue
from ..settings.error_text import panel_error_text
from ..settings.i18n.translate import translate_ui
from ..settings.redraw import redraw_sequencers
from . import layout_helpers

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from ..runtime.cue_rows import CueListRow, CueRow

MAX_VISIBLE_ROWS = 8
"""Of the list, before it scrolls."""

MODEL_MIN_WIDTH, OUT_POINT_MIN_WIDTH, PRICE_MIN_WIDTH = 330, 500, 600
"""Pixels at 100 %: how wide the sidebar must be to show the model, the out point and the price in each row."""

STATE_ICONS = {"running": "TIME", "unclear": "QUESTION", "failed": "ERROR", "stopped": "PAUSE", "laid": "CHECKMARK"}

UNCLEAR_ACTIONS = (
    ("tracklay.look_again", "Look for It Again"),
    ("tracklay.send_again", "Send Again (May Be Charged Twice)"),
    ("tracklay.forget", "Give It Up (May Have Been Charged)"),
)
"""What can be done about work of which nobody knows whether it reached the provider: operators, and what they are called here."""


class TRACKLAY_UL_cues(bpy.types.UIList):  # type: ignore[misc]  # noqa: N801
    """The cues, a row each: picture, in, out, and as much more as the sidebar is wide."""

    def draw_item(
        self, context: Any, layout: Any, _data: Any, _item: Any, _icon: int, _active: Any, _name: str, index: int = 0
    ) -> None:
        """Draw one."""
        if index >= len(cue_list_rows):
            return
        row, scene = cue_list_rows[index], compat.active_sequencer_scene(context)
        state, _, _, _ = row.current_status()
        width, rate = layout_helpers.sidebar_width(context), selection.scene_rate(scene)
        icon = "FILE_REFRESH" if row.is_stale else STATE_ICONS[state]
        texts = [_time_range_text(row, rate, full=width > OUT_POINT_MIN_WIDTH)]
        texts += [catalogue.model_title(row.first_cue.model)] if width > MODEL_MIN_WIDTH else []
        texts += [_translated_price(row.price)] if width > PRICE_MIN_WIDTH else []
        line = layout.row(align=True)
        # On the ground of the active row the colour of an alert cannot be read.
        line.alert = state in ("failed", "stopped", "unclear") and index != bpy.context.window_manager.tracklay.active
        columns = line.split(factor=1 / (len(texts) + 1), align=True)
        columns.label(text=row.first_cue.picture or row.cue, translate=False, icon=icon)
        for text in texts:
            columns.label(text=text, translate=False)
        end = line.row()
        end.alignment = "RIGHT"
        end.label(text=f"x{row.take_count}", translate=False)

    def filter_items(self, _context: Any, _data: Any, _property: str) -> tuple[list[int], list[int]]:
        """By what a person would look for: picture, model, prompt, state."""
        wanted = self.filter_name.lower()
        if not wanted:
            return [], []
        shown_bit = self.bitflag_filter_item
        return [
            shown_bit if any(wanted in text.lower() for part in row.cues for text in _search_texts(row, part)) else 0
            for row in cue_list_rows
        ], []


def _search_texts(row: CueListRow, cue: CueRow) -> tuple[str, ...]:
    return cue.picture, cue.model, cue.prompt, catalogue.model_title(cue.model), row.current_status()[0]


def _translated_price(price: str) -> str:
    """A row's price in the person's language."""
    if price.startswith("about "):
        return translate_ui("about {} {}", *price.removeprefix("about ").split(" ", 1))
    return translate_ui("free") if price == "free" else price


def _time_range_text(row: CueListRow, rate: Any, *, full: bool) -> str:
    first = format_timecode(max(0, row.start), rate)
    return f"{first} - {format_timecode(max(0, row.end), rate)}" if full else first


STATE_ACTIONS = {
    "running": (("tracklay.cancel", "Cancel"),),
    "stopped": (("tracklay.look_again", "Go On"),),
    "failed": (("tracklay.again", "Try Again"), ("tracklay.dismiss", "Dismiss")),
    "unclear": UNCLEAR_ACTIONS,
    "laid": (),
}
"""What can be done about a cue in each state: operators, and what they are called here."""


class TRACKLAY_MT_cue(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """What can be done with the cue that is active in the list: the panel's buttons, for the keyboard and the search."""

    bl_label = "Active Cue"

    def draw(self, context: Any) -> None:
        """Draw it."""
        layout, row = self.layout, None if compat.active_sequencer_scene(context) is None else active_row()
        if row is None:
            layout.label(text="No cues yet")
            return
        layout.operator(TRACKLAY_OT_go_to_cue.bl_idname).cue = row.cue
        layout.operator(TRACKLAY_OT_reveal_take.bl_idname).cue = row.cue
        state, _, _, cue = row.current_status()
        for operator, text in STATE_ACTIONS[state]:
            layout.operator(operator, text=text).cue = cue


class TRACKLAY_PT_cues(bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """The cues of the scene, and of the one that is active all there is to say and do."""

    bl_label = "Cues"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Tracklay"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Where there is a timeline."""
        return compat.active_sequencer_scene(context) is not None

    def draw_header_preset(self, _context: Any) -> None:
        """How many are on their way, in words, where any are."""
        count = sum(not line.error for line in running_cues().values())
        if count:
            self.layout.label(
                text=translate_ui("{} on their way", count) if count > 1 else translate_ui("1 on its way"),
                translate=False,
            )

    def draw(self, context: Any) -> None:
        """Draw it."""
        layout, scene = self.layout, compat.active_sequencer_scene(context)
        rebuild_if_changed(scene)
        listed = context.window_manager.tracklay
        if not cue_list_rows:
            layout.label(text="No cues yet", icon="INFO")
        else:
            layout.template_list(
                TRACKLAY_UL_cues.__name__,
                "",
                listed,
                "rows",
                listed,
                "active",
                rows=min(MAX_VISIBLE_ROWS, max(3, len(cue_list_rows))),
            )
            if listed.active < len(cue_list_rows):
                _draw_row(context, layout, scene, cue_list_rows[listed.active])
        _draw_stripless_errors(context, layout, scene)


def _draw_row(context: Any, layout: Any, scene: Any, row: CueListRow) -> None:
    """What there is to say of a cue and to do with it."""
    state, words, fraction, cue = row.current_status()
    rate = selection.scene_rate(scene)
    box = layout.box()
    head = box.row(align=True)
    head.label(text=catalogue.model_title(row.first_cue.model), translate=False)
    for operator, icon in (
        (TRACKLAY_OT_go_to_cue, "VIEWZOOM"),
        (TRACKLAY_OT_reveal_take, "FILE_FOLDER"),
    ):
        head.operator(operator.bl_idname, text="", icon=icon).cue = row.cue
    about = box.column(align=True)
    line = about.row()
    line.label(text=_time_range_text(row, rate, full=True), translate=False, icon="TIME")
    if row.price:
        end = line.row()
        end.alignment = "RIGHT"
        end.label(text=_translated_price(row.price), translate=False)
    if row.first_cue.prompt:
        layout_helpers.draw_wrapped_text(context, about, row.first_cue.prompt, "TEXT")
    if state == "running":
        line = box.row(align=True)
        line.progress(factor=fraction, text=words)
        line.operator("tracklay.cancel", text="", icon="X").cue = cue
    elif state == "stopped":
        layout_helpers.draw_error_box(context, box, words, "", "")
        box.operator("tracklay.look_again", text="Go On", icon="PLAY").cue = cue
    elif state == "failed":
        layout_helpers.draw_error_box(context, box, words or translate_ui("No take came"), "", "")
        answers = box.row(align=True)
        answers.operator("tracklay.again", icon="FILE_REFRESH").cue = cue
        answers.operator("tracklay.dismiss", icon="X").cue = cue
    elif state == "unclear":
        layout_helpers.draw_error_box(context, box, words, "", "")
        answers = box.column(align=True)
        for choice, text in UNCLEAR_ACTIONS:
            answers.operator(choice, text=text).cue = cue
    _draw_takes(box, scene, row)


def _draw_takes(box: Any, scene: Any, row: CueListRow) -> None:
    """The takes that have come: which is heard, and what can be done with them."""
    group = row_take_group(scene, row)
    if group is None:
        return
    if row.is_stale and row.current_status()[0] != "running":
        again = box.row(align=True)
        again.alert = True
        pressed = again.operator(
            take_ops.TRACKLAY_OT_regenerate.bl_idname, text="Picture Changed: Make Anew", icon="FILE_REFRESH"
        )
        pressed.cue, pressed.same_seed = row.cue, True
    version = group.takes[max(0, group.audible_index)]
    line = box.row(align=True)
    back = line.operator(take_ops.TRACKLAY_OT_switch_take.bl_idname, text="", icon="TRIA_LEFT")
    back.cue, back.direction = row.cue, "PREVIOUS"
    line.label(
        text=translate_ui("Take {} of {}", group.audible_index + 1, len(group.takes))
        if group.audible_index >= 0
        else translate_ui("Muted"),
        translate=False,
    )
    onward = line.operator(take_ops.TRACKLAY_OT_switch_take.bl_idname, text="", icon="TRIA_RIGHT")
    onward.cue, onward.direction = row.cue, "NEXT"
    star = "SOLO_ON" if version.is_favourite else "SOLO_OFF"
    line.operator(take_ops.TRACKLAY_OT_favourite_take.bl_idname, text="", icon=star).cue = row.cue
    more = line.row(align=True)
    more.enabled = len(group.takes) > 1
    more.operator(take_ops.TRACKLAY_OT_compare_takes.bl_idname, text="A/B").cue = row.cue
    more.operator(take_ops.TRACKLAY_OT_keep_take.bl_idname, text="Keep").cue = row.cue
    line = box.row(align=True)
    line.operator(take_ops.TRACKLAY_OT_regenerate.bl_idname, text="New Seed", icon="FILE_REFRESH").cue = row.cue
    if not version.stems and takes.has_stems(version):
        line.operator(take_ops.TRACKLAY_OT_lay_stems.bl_idname, text="Stems", icon="RENDERLAYERS").cue = row.cue


def _draw_stripless_errors(context: Any, layout: Any, scene: Any) -> None:
    """What went wrong with cues that have no strip in any scene: nothing else would say it."""
    told_of = {cue: line.error or ("" if line.steps else line.note) for cue, line in running_cues().items()}
    if not any(told_of.values()):
        return
    listed = {part.cue for row in cue_list_rows for part in row.cues}
    others = {each.name for each in bpy.data.scenes} - {scene.name}
    for cue, told in told_of.items():
        line = running_cues()[cue]
        if told and cue not in listed and line.scene_name not in others:
            layout_helpers.draw_error_box(
                context, layout, f"{line.picture_name}: {panel_error_text(told)}", "tracklay.dismiss", "X", cue=cue
            )


class _ListedCueOperator:
    """An operator on one cue: `perform` does it, and an error of ours is told."""

    bl_options = {"REGISTER"}
    CUE_ARGUMENT = StringProperty(
        name="Cue", description="Which; empty for the one that is active in the list", options=SKIP_SAVE
    )

    report: Any

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Where there is a timeline."""
        return compat.active_sequencer_scene(context) is not None

    def execute(self, context: Any) -> AbstractSet[str]:
        """Do it."""
        scene = compat.active_sequencer_scene(context)
        try:
            self.perform(context, scene, find_row(scene, self.cue))  # type: ignore[attr-defined]
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}
        redraw_sequencers()
        return {"FINISHED"}

    def perform(self, context: Any, scene: Any, row: CueListRow) -> None:
        """Do it to a cue."""
        raise NotImplementedError


class TRACKLAY_OT_go_to_cue(_ListedCueOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Go to a cue."""

    bl_idname = "tracklay.go_to_cue"
    bl_description = "Put the playhead on the cue's first frame, select its strips and bring them into view"
    bl_label = "Go to Cue"
    bl_options = {"REGISTER", "UNDO"}
    __annotations__ = {"cue": _ListedCueOperator.CUE_ARGUMENT}

    def perform(self, context: Any, scene: Any, row: CueListRow) -> None:
        """Select its strips, which the view then goes to."""
        names = set(row.strip_names)
        for strip in scene.sequence_editor.strips_all:
            strip.select = strip.name in names
        scene.frame_current = row.start
        if context.area and context.area.type == "SEQUENCE_EDITOR" and bpy.ops.sequencer.view_selected.poll():
            bpy.ops.sequencer.view_selected()


class TRACKLAY_OT_reveal_take(_ListedCueOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Show the folder of a cue's take in the system's file browser."""

    bl_idname = "tracklay.reveal_take"
    bl_description = "Show the folder that the cue's takes are in, in the system's file browser"
    bl_label = "Reveal File"
    __annotations__ = {"cue": _ListedCueOperator.CUE_ARGUMENT}

    def perform(self, context: Any, scene: Any, row: CueListRow) -> None:  # noqa: ARG002 - the shape of all of them
        """Open it."""
        group = row_take_group(scene, row)
        file = None if group is None else cue_index.take_file(group.takes[max(0, group.audible_index)].strips[0])
        if file is None:
            raise InvalidInput("no take has come yet: there is no file to show")
        if not file.parent.is_dir():
            raise InvalidInput(f"the folder {file.parent} is not there: is it on a drive that is not connected?")
        bpy.ops.wm.path_open(filepath=str(file.parent))


CLASSES = (
    TRACKLAY_UL_cues,
    TRACKLAY_OT_go_to_cue,
    TRACKLAY_OT_reveal_take,
    TRACKLAY_MT_cue,
)
PANELS = (TRACKLAY_PT_cues,)
"""Registered after the panel that they stand below."""
