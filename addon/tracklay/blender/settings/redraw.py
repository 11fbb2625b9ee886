"""Redraws Blender's editors when what they show has changed outside of them."""

from __future__ import annotations

import bpy


def redraw_areas(area_type: str) -> None:
    """Have Blender redraw every open editor of one type, such as `PREFERENCES`, and no other."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == area_type:
                area.tag_redraw()


def redraw_sequencers() -> None:
    """Have Blender redraw the sequencers: strips, sidebar and preview."""
    redraw_areas("SEQUENCE_EDITOR")
