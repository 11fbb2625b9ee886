"""The settings of sound at render in the output properties, and what the last render reported."""

from __future__ import annotations

from typing import Any

import bpy

from ..render.handlers import messages_of_last_render
from ..settings.i18n.translate import translate_ui
from .layout_helpers import draw_help_button, draw_wrapped_text


class TRACKLAY_PT_at_render(bpy.types.Panel):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """The settings of sound at render."""

    bl_label = "Tracklay"
    bl_idname = "TRACKLAY_PT_at_render"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, _context: Any) -> None:
        """Draw the link to the help page. Blender calls this for the panel's header."""
        draw_help_button(self.layout, "render")

    def draw(self, context: Any) -> None:
        layout, settings = self.layout, context.scene.tracklay
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "sound_at_render")
        row = layout.row()
        row.enabled = settings.sound_at_render
        row.prop(settings, "if_sound_fails")
        if settings.sound_at_render and (settings.best or settings.repair):
            # A render waits for its sound: scoring, and a second generation of a stretch, would take as long again.
            text = translate_ui("One take a shot: Best Take and Repair are not used here")
            draw_wrapped_text(context, layout.column(align=True), text, "INFO")
        if messages := messages_of_last_render():
            box = layout.box()
            box.label(text="Last Render")
            for message in messages:
                draw_wrapped_text(context, box.column(align=True), message, "INFO")


CLASSES = (TRACKLAY_PT_at_render,)
