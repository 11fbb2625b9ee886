"""The extension inside Blender, the only package that imports bpy.

Each module exports its classes as `CLASSES`; this one registers and unregisters all of them. The layers, from the bottom:
settings < sequencer < runtime < render < ops < ui.
"""

from __future__ import annotations

import atexit

import bpy

from .ops import (
    channel_ops,
    common,
    cue_ops,
    generate_ops,
    help_ops,
    job_ops,
    list_ops,
    marker_ops,
    mix_ops,
    settings_ops,
    shot_ops,
    sound_ops,
    take_ops,
    turnover_ops,
)
from .render import handlers
from .runtime import app_handlers, cue_rows, dispatcher, timer
from .runtime.lookups import model_bills, prompt_words
from .sequencer import connections
from .settings import catalogue, mix_properties, preferences, properties, shot_prompt
from .settings.i18n import translate
from .ui import cue_list, keymap, mix_panel, overlay, panels, presets, render_panel

CLASSES = (
    *preferences.CLASSES,
    *generate_ops.CLASSES,
    *job_ops.CLASSES,
    *settings_ops.CLASSES,
    *marker_ops.CLASSES,
    *shot_ops.CLASSES,
    *take_ops.CLASSES,
    *channel_ops.CLASSES,
    *turnover_ops.CLASSES,
    *mix_ops.CLASSES,
    *list_ops.CLASSES,
    *sound_ops.CLASSES,
    *help_ops.CLASSES,
    *cue_rows.CLASSES,
    *cue_list.CLASSES,
    *cue_ops.CLASSES,
    *presets.CLASSES,
    *panels.CLASSES,
    *cue_list.PANELS,
    *mix_panel.CLASSES,
    *render_panel.CLASSES,
)


def register() -> None:
    """Load the model catalogue and register everything."""
    catalogue.reload_models()
    properties.register()
    mix_properties.register()
    shot_prompt.register()
    for cls in CLASSES:
        bpy.utils.register_class(cls)
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
        # The bpy module never unregisters, and 4.5 hangs at exit on property classes that are still registered.
        atexit.register(unregister)


def unregister() -> None:
    """Cancel what is running and unregister everything, in the reverse order."""
    atexit.unregister(unregister)
    handlers.unregister()
    common.cancel_running_operators()
    overlay.unregister()
    app_handlers.unregister()
    timer.stop_timer()
    prompt_words.unknown_words.stop()
    model_bills.bills.stop()
    dispatcher.close_dispatcher()
    keymap.unregister()
    panels.unregister()
    cue_rows.unregister()
    translate.unregister()
    connections.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
    mix_properties.unregister()
    shot_prompt.unregister()
    properties.unregister()
