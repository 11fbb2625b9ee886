"""The Mix panel: preset, loudness and ceiling, the buttons, and what the last mix measured.

Drawing reads memory only.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..runtime.mixing import mix_status
from ..sequencer import compat
from ..sequencer.mixing.records import SceneRecord, read_record, read_scene_record
from ..settings.i18n.translate import translate_error, translate_ui
from ..settings.mix_properties import AUTOMATIC, OWN_FILE, OWN_TARGET
from .layout_helpers import draw_error_box, draw_wrapped_text

ORIGINS = {
    "set": "set",
    "name": "by its name",
    "model": "by its model",
    "speech": "someone speaks",
    "music": "music plays",
    "length": "by its length",
}
"""How a kind was found, as words of the panel."""

KIND_LABELS = {"dialogue": "Dialogue", "music": "Music", "effects": "Effects", "ambience": "Ambience"}

MAX_NOTES = 4
"""Notes that are shown; the others are counted."""


class TRACKLAY_PT_mix(bpy.types.Panel):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """The mix of the scene."""

    bl_label = "Mix"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Tracklay"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = compat.active_sequencer_scene(context)
        return scene is not None and scene.sequence_editor is not None

    def draw(self, context: Any) -> None:
        layout, scene = self.layout, compat.active_sequencer_scene(context)
        _draw_active_strip(layout, scene)
        _draw_settings(layout, scene.tracklay_mix)
        if mix_status.stage:
            _draw_progress(layout)
        else:
            row = layout.row(align=True)
            row.scale_y = 1.5
            row.operator("tracklay.mix", icon="SPEAKER")
            row.operator("tracklay.clear_mix", text="", icon="X")
        if mix_status.error_text:
            draw_error_box(context, layout, mix_status.error_text)
        if (record := read_scene_record(scene)) is not None:
            _draw_measures(layout, scene, record)
            _draw_notes(context, layout, record)


def _draw_active_strip(layout: Any, scene: Any) -> None:
    """Draw the kind of the active sound, and how it was found."""
    strip = scene.sequence_editor.active_strip
    if strip is None or strip.type != "SOUND":
        return
    box = layout.box().column()
    box.label(text=strip.name, icon="FILE_SOUND", translate=False)
    row = box.row()
    row.use_property_split, row.use_property_decorate = True, False
    row.prop(strip, "tracklay_mix_kind", text="Kind")
    record = read_record(strip)
    if strip.tracklay_mix_kind == AUTOMATIC and record is not None and record.kind in KIND_LABELS:
        found = translate_ui(KIND_LABELS[record.kind]), translate_ui(ORIGINS.get(record.kind_from, ""))
        box.label(text=translate_ui("Found: {} ({})", *found), icon="BLANK1", translate=False)


def _draw_settings(layout: Any, settings: Any) -> None:
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(settings, "preset")
    if settings.preset == OWN_FILE:
        column.prop(settings, "preset_file", text="File")
    column.prop(settings, "target")
    if settings.target == OWN_TARGET:
        column.prop(settings, "target_lufs", text="LUFS")
    row = column.row(heading="True Peak")
    row.prop(settings, "use_true_peak", text="")
    value = row.row()
    value.active = settings.use_true_peak
    value.prop(settings, "true_peak_db", text="")


def _draw_progress(layout: Any) -> None:
    row = layout.row(align=True)
    row.scale_y = 1.5
    row.progress(factor=mix_status.progress, text=translate_ui(mix_status.stage))
    row.operator("tracklay.cancel_mix", text="", icon="CANCEL")


def _draw_measures(layout: Any, scene: Any, record: SceneRecord) -> None:
    """Draw the meter line: integrated loudness, true peak, dialogue over music."""
    is_stale = mix_status.is_out_of_date(scene, record)
    column = layout.column(align=True)
    column.active = not is_stale
    row = column.row()
    loudness = "-" if record.lufs is None else f"{record.lufs:.1f} LUFS"
    row.label(text=loudness, icon="ERROR" if is_stale else "CHECKMARK", translate=False)
    row.label(text=f"{record.true_peak:.1f} dBTP", translate=False)
    if record.dialogue_over_music is not None:
        text = translate_ui("Dialogue {} LU over music", f"{record.dialogue_over_music:.1f}")
        column.label(text=text, icon="BLANK1", translate=False)
    if is_stale:
        layout.label(text="The timeline changed: mix again", icon="BLANK1")


def _draw_notes(context: Any, layout: Any, record: SceneRecord) -> None:
    if not record.notes:
        return
    column = layout.box().column(align=True)
    for note in record.notes[:MAX_NOTES]:
        draw_wrapped_text(context, column, translate_error(note), "INFO")
    if len(record.notes) > MAX_NOTES:
        text = translate_ui("and {} more", len(record.notes) - MAX_NOTES)
        column.label(text=text, icon="BLANK1", translate=False)


CLASSES = (TRACKLAY_PT_mix,)
