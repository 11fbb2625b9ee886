"""The list of cues in the sidebar, the box of the active cue below it, and the menu of the active cue.

The rows are `runtime.cue_rows`: a timer builds them, and drawing only shows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ...timing import format_timecode
from ..runtime import redone_parts
from ..runtime.cue_rows import (
    active_row,
    cue_list_rows,
    follow_selection_if_changed,
    rebuild_if_changed,
    row_take_group,
)
from ..runtime.cue_status import running_cues
from ..sequencer import compat, cue_index, landing, scores, selection, takes
from ..sequencer.hearing import fades, looping, nudging, solo
from ..sequencer.joined import following
from ..settings import catalogue, first_run
from ..settings.i18n.translate import translate_ui
from . import layout_helpers
from .list_filter import ListView, arrange_items

if TYPE_CHECKING:
    from ..runtime.cue_rows import CueListRow

MAX_VISIBLE_ROWS = 8
"""Rows of the list before it scrolls."""

MODEL_MIN_WIDTH, PROMPT_MIN_WIDTH, OUT_POINT_MIN_WIDTH, PRICE_MIN_WIDTH = 330, 420, 500, 600
"""Minimum width of the sidebar for the model, the prompt, the out point and the price in each row, in pixels at 100 %."""

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
            _draw_heading(layout, _item)
            return
        row, scene = cue_list_rows[index], compat.active_sequencer_scene(context)
        state, _, _, _ = row.current_status()
        width, rate = layout_helpers.sidebar_width(context), selection.scene_rate(scene)
        icon = "FILE_REFRESH" if row.is_stale else STATE_ICONS[state]
        if row.is_silent and state == "laid" and not row.is_stale:
            icon = SILENT_ICON
        texts = [_time_range_text(row, rate, full=width > OUT_POINT_MIN_WIDTH)]
        # Below the heading of its shot a cue is called by what it is, with the task of its model.
        is_grouped = context.window_manager.tracklay.is_grouped
        texts += [catalogue.model_title(row.first_cue.model)] if width > MODEL_MIN_WIDTH and not is_grouped else []
        texts += [row.first_cue.prompt] if width > PROMPT_MIN_WIDTH else []
        texts += [_translated_price(row.price)] if width > PRICE_MIN_WIDTH else []
        line = layout.row(align=True)
        # An alert's red text cannot be read on the background of the active row.
        line.alert = state in ("failed", "stopped", "unclear") and index != bpy.context.window_manager.tracklay.active
        columns = line.split(factor=1 / (len(texts) + 1), align=True)
        name = row.strip_names[0] if is_grouped else row.first_cue.picture or row.cue
        columns.label(text=name, translate=False, icon=icon)
        for text in texts:
            columns.label(text=text, translate=False)
        end = line.row()
        end.alignment = "RIGHT"
        end.label(text=f"x{row.take_count}", translate=False, icon="LOCKED" if row.is_kept else "NONE")

    def draw_filter(self, context: Any, layout: Any) -> None:
        """Draw the search. Blender calls this below the list when its arrow is open."""
        layout.prop(context.window_manager.tracklay, "search", text="", icon="VIEWZOOM")

    def filter_items(self, context: Any, _data: Any, _property: str) -> tuple[list[int], list[int]]:
        """Return which items are shown, and their order. Blender calls this."""
        listed = context.window_manager.tracklay
        headings = listed.rows[len(cue_list_rows) :] if listed.is_grouped else ()
        folded = frozenset(item.name for item in headings if not item.is_open)
        view = ListView(listed.show, listed.order, listed.search, folded)
        shown, places = arrange_items(cue_list_rows, [item.name for item in headings], view)
        if len(shown) not in (0, len(listed.rows)):
            return [], []  # the headings are published with the next build
        return [self.bitflag_filter_item if is_shown else 0 for is_shown in shown], places


def _draw_heading(layout: Any, item: Any) -> None:
    """Draw the heading of a shot, which hides or shows its cues."""
    row = layout.row(align=True)
    row.prop(item, "is_open", text="", icon="DOWNARROW_HLT" if item.is_open else "RIGHTARROW", emboss=False)
    count = sum(each.first_cue.picture == item.name for each in cue_list_rows)
    row.label(text=f"{item.name} ({count})", translate=False, icon="FILE_MOVIE")


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
        """Draw the number of running cues, and the link to the help page. Blender calls this for the panel's header."""
        count = sum(not line.error for line in running_cues().values())
        if count:
            self.layout.label(
                text=translate_ui("{} running", count),
                translate=False,
            )
        layout_helpers.draw_help_button(self.layout, "blender#cues")

    def draw(self, context: Any) -> None:
        layout, scene = self.layout, compat.active_sequencer_scene(context)
        rebuild_if_changed(scene)
        follow_selection_if_changed(scene)
        listed = context.window_manager.tracklay
        if first_run.is_explaining():
            _draw_explanation(context, layout)
        if solo.solo_cue_id(scene):
            row = layout.row(align=True)
            row.alert = True
            row.operator("tracklay.end_solo", text="Solo: Other Sounds Are Silent", icon="X")
        if not cue_list_rows:
            layout.label(text="No cues yet", icon="INFO")
        else:
            _draw_list_controls(layout, listed)
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


def _draw_explanation(context: Any, layout: Any) -> None:
    """Draw what a placeholder is."""
    row = layout.box().row()
    column = row.column(align=True)
    for text, icon in (
        (translate_ui("Placeholder: the take arrives in it."), "INFO"),
        (translate_ui("Move, trim or split it meanwhile."), "BLANK1"),
    ):
        layout_helpers.draw_wrapped_text(context, column, text, icon)
    row.operator("tracklay.hide_explanation", text="", icon="X", emboss=False)


def _draw_list_controls(layout: Any, listed: Any) -> None:
    """Draw the search, the filter, a menu with the order and the operators on all cues, and what to do with stale cues."""
    row = layout.row(align=True)
    row.prop(listed, "search", text="", icon="VIEWZOOM", placeholder=translate_ui("Search"))
    row.prop(listed, "show", text="")
    row.menu(TRACKLAY_MT_cue_list.__name__, text="", icon="DOWNARROW_HLT")
    if count := sum(row.is_stale for row in cue_list_rows):
        row = layout.row(align=True)
        row.label(text=translate_ui("{} stale", count), icon="FILE_REFRESH", translate=False)
        row.operator("tracklay.select_stale", text="Select")
        row.operator("tracklay.regenerate_stale", text="Regenerate")


class TRACKLAY_MT_cue_list(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """The order of the list, and the operators on all its cues."""

    bl_label = "All Cues"

    def draw(self, context: Any) -> None:
        layout, listed = self.layout, context.window_manager.tracklay
        layout.prop(listed, "is_grouped")
        layout.separator()
        layout.label(text="Sort By")
        layout.prop(listed, "order", expand=True)
        layout.separator()
        layout.operator("tracklay.select_stale", icon="RESTRICT_SELECT_OFF")
        layout.operator("tracklay.regenerate_stale", icon="FILE_REFRESH")
        layout.operator("tracklay.keep_all", icon="LOCKED")
        layout.operator("tracklay.tidy_channels", icon="ALIGN_JUSTIFY")


class TRACKLAY_MT_hearing(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """The operators for hearing a take while working, and for its position."""

    bl_label = "Volume and Position"

    def draw(self, _context: Any) -> None:
        layout = self.layout
        layout.operator("tracklay.loop_cue")
        layout.operator("tracklay.solo_cue")
        layout.operator("tracklay.fade_take")
        layout.separator()
        layout.operator("tracklay.nudge_take", text="Nudge Later by a Frame").frames = 1
        layout.operator("tracklay.nudge_take", text="Nudge Earlier by a Frame").frames = -1
        layout.operator("tracklay.nudge_take", text="Nudge Later by a Millisecond").milliseconds = 1.0
        layout.operator("tracklay.nudge_take", text="Nudge Earlier by a Millisecond").milliseconds = -1.0
        layout.operator("tracklay.reset_position")


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
        line = box.row(align=True)
        line.operator("tracklay.refit", text="Refit Music", icon="UV_SYNC_SELECT").cue = row.cue
        if redone_parts.can_extend(version.strips[0]):
            line.operator("tracklay.extend_music", icon="ADD").cue = row.cue


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
    _draw_hearing(box, scene, row, version)


def _draw_hearing(box: Any, scene: Any, row: CueListRow, version: takes.TakeStrips) -> None:
    """Draw the loop and solo, and in a sub-panel the volume, pan, fades and position of the audible take."""
    line = box.row(align=True)
    is_looping, is_soloed = looping.is_looping(scene), solo.solo_cue_id(scene) == row.cue
    button = line.operator("tracklay.loop_cue", text="Loop", icon="FILE_REFRESH", depress=is_looping)
    button.cue = row.cue
    line.operator("tracklay.solo_cue", text="Solo", icon="SOLO_OFF", depress=is_soloed).cue = row.cue
    header, body = box.panel("tracklay_hearing", default_closed=True)
    header.label(text="Volume and Position")
    if body is None:
        return
    strip = version.strips[0]
    column = body.column()
    column.use_property_split = True
    column.use_property_decorate = False
    for each in version.strips if version.full_mix is None or version.full_mix.mute else (version.full_mix,):
        column.prop(each, "volume")
    column.prop(strip, "pan")
    if strip.sound is not None and not strip.sound.use_mono:
        column.prop(strip.sound, "use_mono", text="Mono (Needed for Pan)")
    rate, found = selection.scene_rate(scene), fades.read_fades(scene, strip)
    lengths = [float(rate.seconds(frames)) for frames in found]
    line = body.row(align=True)
    text = translate_ui("Fades: {} s, {} s", *(f"{length:.2f}" for length in lengths))
    line.operator("tracklay.fade_take", text=text, translate=False, icon="IPO_EASE_IN_OUT").cue = row.cue
    line = body.row(align=True)
    for text, frames, milliseconds in (("-1 F", -1, 0), ("-1 ms", 0, -1), ("+1 ms", 0, 1), ("+1 F", 1, 0)):
        button = line.operator("tracklay.nudge_take", text=text, translate=False)
        button.cue, button.frames, button.milliseconds = row.cue, frames, milliseconds
    if moved := nudging.nudged_seconds(strip):
        text = translate_ui("Position: {} ms", f"{moved * 1000:+.1f}")
        line = body.row(align=True)
        line.label(text=text, translate=False)
        line.operator("tracklay.reset_position", icon="LOOP_BACK").cue = row.cue


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
    TRACKLAY_MT_cue_list,
    TRACKLAY_MT_hearing,
)
PANELS = (TRACKLAY_PT_cues,)
"""Registered after the panel that they stand below."""
