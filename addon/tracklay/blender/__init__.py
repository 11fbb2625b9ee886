"""Blender's room, the only one that imports bpy. Each file exports its CLASSES; here they are registered, and taken out again."""

from __future__ import annotations

import atexit

import bpy

from .ops import generate_ops, marker_ops, take_ops
from .render import handlers
from .runtime import app_handlers, cue_rows, dispatcher, timer
from .sequencer import connections
from .settings import catalogue, preferences, properties
from .settings.i18n import translate
from .ui import cue_list, keymap, overlay, panels, presets

CLASSES = (
    *preferences.CLASSES,
    *generate_ops.CLASSES,
    *marker_ops.CLASSES,
    *take_ops.CLASSES,
    *cue_rows.CLASSES,
    *cue_list.CLASSES,
    *presets.CLASSES,
    *panels.CLASSES,
    *cue_list.PANELS,
    *handlers.CLASSES,
)


def register() -> None:
    """Read the catalogue and add everything."""
    catalogue.reload_models()
    properties.register()
    for made in CLASSES:
        bpy.utils.register_class(made)
    connections.register()
    translate.register()
    cue_rows.register()
    panels.register()
    handlers.register()
    keymap.register()
    preferences.apply_preferences()
    app_handlers.register()
    overlay.register()
    if bpy.app.module:
        # Nobody else does it there, and 4.5's module hangs at its end on property classes that are still registered.
        atexit.register(unregister)


def unregister() -> None:
    """End what is under way and take everything out."""
    atexit.unregister(unregister)
    handlers.unregister()
    marker_ops.cancel_searches()
    overlay.unregister()
    app_handlers.unregister()
    timer.stop_timer()
    dispatcher.close_dispatcher()
    keymap.unregister()
    panels.unregister()
    cue_rows.unregister()
    translate.unregister()
    connections.unregister()
    for made in reversed(CLASSES):
        bpy.utils.unregister_class(made)
    properties.unregister()
