"""Blender's room, the only one that imports bpy. Each file exports its CLASSES; here they are registered, and taken out again."""

from __future__ import annotations

import atexit

import bpy

from . import (
    connecting,
    dropped,
    handlers,
    keys,
    markers,
    operators,
    overlay,
    panels,
    preferences,
    presets,
    properties,
    pump,
    render_handlers,
    shelf,
    spotting,
    takes,
    translations,
)

CLASSES = (
    *preferences.CLASSES,
    *operators.CLASSES,
    *markers.CLASSES,
    *takes.CLASSES,
    *dropped.CLASSES,
    *spotting.CLASSES,
    *presets.CLASSES,
    *panels.CLASSES,
    *spotting.PANELS,
    *render_handlers.CLASSES,
)


def register() -> None:
    """Read the catalogue and add everything."""
    shelf.stock()
    properties.register()
    for made in CLASSES:
        bpy.utils.register_class(made)
    connecting.register()
    translations.register()
    spotting.register()
    panels.register()
    render_handlers.register()
    keys.register()
    preferences.apply()
    handlers.register()
    overlay.register()
    if bpy.app.module:
        # Nobody else does it there, and 4.5's module hangs at its end on property classes that are still registered.
        atexit.register(unregister)


def unregister() -> None:
    """End what is under way and take everything out."""
    atexit.unregister(unregister)
    render_handlers.unregister()
    markers.close()
    overlay.unregister()
    handlers.unregister()
    pump.close()
    keys.unregister()
    panels.unregister()
    spotting.unregister()
    translations.unregister()
    connecting.unregister()
    for made in reversed(CLASSES):
        bpy.utils.unregister_class(made)
    properties.unregister()
