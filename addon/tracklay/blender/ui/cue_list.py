"""The list of cues in the sidebar, the box of the active cue below it, and the menu of the active cue.

The rows are `runtime.cue_rows`: a timer builds them, and drawing only shows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ...timing import format_timecode
from ..runtime import redone_parts
from ..runtime.cue_rows import active_row, cue_list_rows, rebuild_if_changed, row_take_group
from ..runtime.cue_status import running_cues
from ..sequencer import compat, cue_index, landing, scores, selection, takes
from ..sequencer.joined import following
from ..settings import catalogue
from ..settings.i18n.translate import translate_ui
from . import layout_helpers

if TYPE_CHECKING:
    from ..runtime.cue_rows import CueListRow, CueRow

MAX_VISIBLE_ROWS = 8
"""Rows of the list before it scrolls."""

MODEL_MIN_WIDTH, OUT_POINT_MIN_WIDTH, PRICE_MIN_WIDTH = 330, 500, 600
"""Minimum width of the sidebar for the model, the out point and the price in each row, in pixels at 100 %."""

STATE_ICONS = {"running": "TIME", "unclear": "QUESTION", "failed": "ERROR", "stopped": "PAUSE", "laid": "CHECKMARK"}

SILENT_ICON = "MUTE_IPO_ON"

UNCLEAR_ACTIONS = (
    ("tracklay.recheck", "Recheck Job"),
    ("tracklay.resubmit", "Resubmit Job (May Be Charged Twice)"),
    ("tracklay.discard", "Discard Job (May Have Been Charged)"),
)
"""Operators, and their labels here, for a job of which it is unknown whether the provider received it."""


class TRACKLAY_UL_cues(bpy.types.UIList):  # type: ignore[misc]  # noqa: N801
    """The list of cues: picture and in point; the model, out point and price where the sidebar is wide enough."""

    def draw_item(
        self, context: Any, layout: Any, _data: Any, _item: Any, _icon: int, _active: Any, _name: str, index: int = 0
    ) -> None:
        if index >= len(cue_list_rows):
            return
        row, scene = cue_list_rows[index], compat.active_sequencer_scene(context)
        state, _, _, _ = row.current_status()
        width, rate = layout_helpers.sidebar_width(context), selection.scene_rate(scene)
        icon = "FILE_REFRESH" if row.is_stale else STATE_ICONS[state]
        if row.is_silent and state == "laid" and not row.is_stale:
            icon = SILENT_ICON
        texts = [_time_range_text(row, rate, full=width > OUT_POINT_MIN_WIDTH)]
        texts += [catalogue.model_title(row.first_cue.model)] if width > MODEL_MIN_WIDTH else []
        texts += [_translated_price(row.price)] if width > PRICE_MIN_WIDTH else []
        line = layout.row(align=True)
        # An alert's red text cannot be read on the background of the active row.
        line.alert = state in ("failed", "stopped", "unclear") and index != bpy.context.window_manager.tracklay.active
        columns = line.split(factor=1 / (len(texts) + 1), align=True)
        columns.label(text=row.first_cue.picture or row.cue, translate=False, icon=icon)
        for text in texts:
            columns.label(text=text, translate=False)
        end = line.row()
        end.alignment = "RIGHT"
        end.label(text=f"x{row.take_count}", translate=False)

    def filter_items(self, _context: Any, _data: Any, _property: str) -> tuple[list[int], list[int]]:
        """Return which rows match the filter text, by picture, model, prompt and state. Blender calls this."""
        query = self.filter_name.lower()
        if not query:
            return [], []
        shown_bit = self.bitflag_filter_item
        return [
            shown_bit if any(query in text.lower() for part in row.cues for text in _search_texts(row, part)) else 0
            for row in cue_list_rows
        ], []


def _search_texts(row: CueListRow, cue: CueRow) -> tuple[str, ...]:
    return cue.picture, cue.model, cue.prompt, catalogue.model_title(cue.model), row.current_status()[0]


def _translated_price(price: str) -> str:
    """Return a row's price in the user's language."""
    if price.startswith("about "):
        return translate_ui("about {} {}", *price.removeprefix("about ").split(" ", 1))
    return translate_ui("free") if price == "free" else price


def _time_range_text(row: CueListRow, rate: Any, *, full: bool) -> str:
    first = format_timecode(max(0, row.start), rate)
    return f"{first} - {format_timecode(max(0, row.end), rate)}" if full else first


STATE_ACTIONS = {
    "running": (("tracklay.cancel", "Cancel"),),
    "stopped": (("tracklay.recheck", "Resume"),),
    "failed": (("tracklay.retry", "Retry"), ("tracklay.dismiss", "Dismiss")),
    "unclear": UNCLEAR_ACTIONS,
    "laid": (),
}
"""Operators, and their labels here, for a cue in each state."""


class TRACKLAY_MT_cue(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """The operators on the active cue of the list, for the keyboard and the search (F3)."""

    bl_label = "Active Cue"

    def draw(self, context: Any) -> None:
        layout, row = self.layout, None if compat.active_sequencer_scene(context) is None else active_row()
        if row is None:
            layout.label(text="No cues yet")
            return
        layout.operator("tracklay.go_to_cue").cue = row.cue
        layout.operator("tracklay.reveal_take").cue = row.cue
        state, _, _, cue = row.current_status()
        for operator, text in STATE_ACTIONS[state]:
            layout.operator(operator, text=text).cue = cue


class TRACKLAY_PT_cues(bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """The cue list, and below it the state and the takes of the active cue."""

    bl_label = "Cues"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Tracklay"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return compat.active_sequencer_scene(context) is not None

    def draw_header_preset(self, _context: Any) -> None:
        """Draw the number of running cues. Blender calls this for the panel's header."""
        count = sum(not line.error for line in running_cues().values())
        if count:
            self.layout.label(
                text=translate_ui("{} running", count),
                translate=False,
            )

    def draw(self, context: Any) -> None:
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
    """Draw a cue's model, times, price and prompt, its state with the operators for it, and its takes."""
    state, message, fraction, cue = row.current_status()
    rate = selection.scene_rate(scene)
    box = layout.box()
    head = box.row(align=True)
    head.label(text=catalogue.model_title(row.first_cue.model), translate=False)
    for operator, icon in (
        ("tracklay.go_to_cue", "VIEWZOOM"),
        ("tracklay.reveal_take", "FILE_FOLDER"),
    ):
        head.operator(operator, text="", icon=icon).cue = row.cue
    details = box.column(align=True)
    line = details.row()
    line.label(text=_time_range_text(row, rate, full=True), translate=False, icon="TIME")
    if row.price:
        end = line.row()
        end.alignment = "RIGHT"
        end.label(text=_translated_price(row.price), translate=False)
    if row.first_cue.prompt:
        layout_helpers.draw_wrapped_text(context, details, row.first_cue.prompt, "TEXT")
    for note in row.first_cue.notes:
        layout_helpers.draw_wrapped_text(context, details, translate_ui(note), "INFO")
    if state == "running":
        line = box.row(align=True)
        line.progress(factor=fraction, text=message)
        line.operator("tracklay.cancel", text="", icon="X").cue = cue
    elif state == "stopped":
        layout_helpers.draw_error_box(context, box, message)
        box.operator("tracklay.recheck", text="Resume", icon="PLAY").cue = cue
    elif state == "failed":
        layout_helpers.draw_error_box(context, box, message or translate_ui("No take was generated"))
        buttons = box.row(align=True)
        buttons.operator("tracklay.retry", text="Retry", icon="FILE_REFRESH").cue = cue
        buttons.operator("tracklay.dismiss", text="Dismiss", icon="X").cue = cue
    elif state == "unclear":
        layout_helpers.draw_error_box(context, box, message)
        buttons = box.column(align=True)
        for operator, text in UNCLEAR_ACTIONS:
            buttons.operator(operator, text=text).cue = cue
    _draw_takes(box, scene, row)


def _draw_picture_actions(box: Any, row: CueListRow, group: takes.TakeGroup, version: takes.TakeStrips) -> None:
    """Draw the operators for a picture that has changed, and the one that fits music to it again."""
    if row.is_stale:
        line = box.row(align=True)
        line.alert = True
        button = line.operator("tracklay.regenerate", text="Picture Changed: Regenerate", icon="FILE_REFRESH")
        button.cue, button.same_seed = row.cue, True
        if following.is_joined(group.chosen.strips[0]):
            box.operator("tracklay.follow_picture", icon="TRACKING_FORWARDS").cue = row.cue
        if landing.was_landed(version.strips[0]):
            box.operator("tracklay.land_again", icon="TRACKING").cue = row.cue
    if cue_index.can_refit(version.strips[0]):
        box.operator("tracklay.refit", text="Refit Music", icon="UV_SYNC_SELECT").cue = row.cue


def _draw_takes(box: Any, scene: Any, row: CueListRow) -> None:
    """Draw which take is audible, and the operators on the cue's takes."""
    group = row_take_group(scene, row)
    if group is None:
        return
    version = group.chosen
    if row.current_status()[0] != "running":
        _draw_picture_actions(box, row, group, version)
    line = box.row(align=True)
    button = line.operator("tracklay.switch_take", text="", icon="TRIA_LEFT")
    button.cue, button.direction = row.cue, "PREVIOUS"
    line.label(
        text=translate_ui("Take {} of {}", group.audible_index + 1, len(group.takes))
        if group.audible_index >= 0
        else translate_ui("Muted"),
        translate=False,
    )
    button = line.operator("tracklay.switch_take", text="", icon="TRIA_RIGHT")
    button.cue, button.direction = row.cue, "NEXT"
    star = "SOLO_ON" if version.is_favourite else "SOLO_OFF"
    line.operator("tracklay.favourite_take", text="", icon=star).cue = row.cue
    multiple = line.row(align=True)
    multiple.enabled = len(group.takes) > 1
    multiple.operator("tracklay.compare_takes", text="A/B").cue = row.cue
    multiple.operator("tracklay.keep_take", text="Keep").cue = row.cue
    if text := scores.heard_text(version):
        box.label(text=text, translate=False, icon=SILENT_ICON if row.is_silent else "SPEAKER")
    for text in scores.score_lines(version):
        box.label(text=text, translate=False)
    line = box.row(align=True)
    line.operator("tracklay.regenerate", text="New Seed", icon="FILE_REFRESH").cue = row.cue
    if redone_parts.part_count(group) or scene.use_preview_range:
        line.operator("tracklay.redo_part", text="Redo Part").cue = row.cue
    if not version.stems and takes.has_stems(version):
        line.operator("tracklay.lay_stems", text="Stems", icon="RENDERLAYERS").cue = row.cue
    if landing.can_switch(version):
        if landing.plays_untouched(version.full_mix):
            line.operator("tracklay.switch_landing", text="Hear Landed").cue = row.cue
        else:
            line.operator("tracklay.switch_landing", text="Hear Untouched").cue = row.cue


def _draw_stripless_errors(context: Any, layout: Any, scene: Any) -> None:
    """Draw the messages of cues without a strip: neither the list nor the timeline shows them."""
    messages = {cue: line.error or ("" if line.steps else line.note) for cue, line in running_cues().items()}
    if not any(messages.values()):
        return
    listed = {part.cue for row in cue_list_rows for part in row.cues}
    others = {each.name for each in bpy.data.scenes} - {scene.name}
    for cue, message in messages.items():
        line = running_cues()[cue]
        # A cue of another scene is shown there.
        if message and cue not in listed and line.scene_name not in others:
            layout_helpers.draw_error_box(
                context, layout, f"{line.picture_name}: {message}", "tracklay.dismiss", "X", cue=cue
            )


CLASSES = (
    TRACKLAY_UL_cues,
    TRACKLAY_MT_cue,
)
PANELS = (TRACKLAY_PT_cues,)
"""Registered after the panel that they stand below."""
