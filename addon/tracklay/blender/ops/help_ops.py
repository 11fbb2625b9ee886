"""Operators that show where things are: help pages, preferences, the tab, the takes folder, and examples of prompts."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

import bpy
from bpy.props import StringProperty

from ...errors import InvalidInput, TracklayError
from ...paths import ensure_folder
from ..sequencer import compat
from ..settings import ADDON, first_run, help_pages, preferences
from ..settings.redraw import redraw_sequencers
from .common import SKIP_SAVE, TracklayOperator

TAB = "Tracklay"


class TRACKLAY_OT_open_help(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Open the help page of this panel in the web browser."""

    bl_idname = "tracklay.open_help"
    bl_label = "Help"
    bl_options = {"INTERNAL"}
    __annotations__ = {
        "page": StringProperty(
            name="Page", description="Name of the page, and after # its part", default="blender", options=SKIP_SAVE
        )
    }

    def execute(self, _context: Any) -> AbstractSet[str]:
        name, _, part = self.page.partition("#")
        try:
            bpy.ops.wm.url_open(url=help_pages.write_help_page(name).as_uri() + (f"#{part}" if part else ""))
        except TracklayError as error:
            return self.report_error(error)
        return {"FINISHED"}


class TRACKLAY_OT_show_preferences(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Open Tracklay's preferences, where API keys are stored."""

    bl_idname = "tracklay.show_preferences"
    bl_label = "Add a Key"

    def execute(self, context: Any) -> AbstractSet[str]:
        # Blender's own operator opens the page of one add-on, with the search on its name.
        if bpy.app.background or ADDON not in context.preferences.addons:
            return self.report_error(InvalidInput("preferences.none", "This Blender shows no preferences."))
        bpy.ops.preferences.addon_show(module=ADDON)
        return {"FINISHED"}


class TRACKLAY_OT_show_tab(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Open the Tracklay tab in the sidebar of the sequencer."""

    bl_idname = "tracklay.show_tab"
    bl_label = "Show Tab"

    def execute(self, context: Any) -> AbstractSet[str]:
        if not show_tab(context.window_manager):
            return self.report_error(
                InvalidInput("sequencer.not_open", "No sequencer is open. Choose the workspace Video Editing.")
            )
        return {"FINISHED"}


def show_tab(manager: Any) -> bool:
    """Open the sidebar of every sequencer that shows a timeline, with the tab in front. Return whether there is one."""
    found = False
    for window in manager.windows:
        for area in window.screen.areas:
            if area.type != "SEQUENCE_EDITOR" or area.spaces[0].view_type == "PREVIEW":
                continue
            area.spaces[0].show_region_ui = True
            for region in area.regions:
                # A sidebar that was never drawn has no tabs yet.
                if region.type == "UI" and region.active_panel_category not in (TAB, "UNSUPPORTED"):
                    region.active_panel_category = TAB
            area.tag_redraw()
            found = True
    return found


class TRACKLAY_OT_open_takes(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Open the folder in which takes of this file are kept."""

    bl_idname = "tracklay.open_takes"
    bl_label = "Open Takes Folder"

    def execute(self, _context: Any) -> AbstractSet[str]:
        try:
            bpy.ops.wm.path_open(filepath=str(ensure_folder(preferences.takes_folder())))
        except TracklayError as error:
            return self.report_error(error)
        return {"FINISHED"}


class TRACKLAY_OT_use_example(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Use this example as the prompt."""

    bl_idname = "tracklay.use_example"
    bl_label = "Use Example"
    bl_options = {"INTERNAL", "UNDO"}
    __annotations__ = {"prompt": StringProperty(name="Prompt", description="The example", options=SKIP_SAVE)}

    def execute(self, context: Any) -> AbstractSet[str]:
        compat.active_sequencer_scene(context).tracklay.prompt = self.prompt
        return {"FINISHED"}


class TRACKLAY_OT_hide_explanation(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Hide this explanation."""

    bl_idname = "tracklay.hide_explanation"
    bl_label = "Hide"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Any) -> AbstractSet[str]:
        first_run.hide_explanation()
        redraw_sequencers()
        return {"FINISHED"}


CLASSES = (
    TRACKLAY_OT_open_help,
    TRACKLAY_OT_show_preferences,
    TRACKLAY_OT_show_tab,
    TRACKLAY_OT_open_takes,
    TRACKLAY_OT_use_example,
    TRACKLAY_OT_hide_explanation,
)
