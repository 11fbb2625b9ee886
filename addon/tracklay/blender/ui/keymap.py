"""Keyboard shortcuts of Tracklay's operators in the sequencer. Users can change them in Preferences > Keymap."""

from __future__ import annotations

from typing import Any

import bpy

KEYMAP = ("Sequencer", "SEQUENCE_EDITOR")
"""Name and space type of the keymap: the shortcuts apply with the pointer over a sequencer."""

KEY_BINDINGS: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("tracklay.generate", {"type": "G", "ctrl": True, "shift": True}, {}),
    ("tracklay.switch_take", {"type": "UP_ARROW", "alt": True}, {"direction": "NEXT"}),
    ("tracklay.switch_take", {"type": "DOWN_ARROW", "alt": True}, {"direction": "PREVIOUS"}),
    ("tracklay.compare_takes", {"type": "T", "alt": True}, {}),
    ("tracklay.favourite_take", {"type": "F", "alt": True}, {}),
    ("tracklay.nudge_take", {"type": "RIGHT_ARROW", "alt": True, "shift": True}, {"frames": 1}),
    ("tracklay.nudge_take", {"type": "LEFT_ARROW", "alt": True, "shift": True}, {"frames": -1}),
    ("tracklay.nudge_take", {"type": "RIGHT_ARROW", "ctrl": True, "shift": True}, {"milliseconds": 1.0}),
    ("tracklay.nudge_take", {"type": "LEFT_ARROW", "ctrl": True, "shift": True}, {"milliseconds": -1.0}),
    ("tracklay.effects_at_markers", {"type": "M", "ctrl": True, "shift": True}, {}),
)
"""Operator, key and properties. Blender 4.5 to 5.2 uses none of these keys in the sequencer."""

_keymap_items: list[tuple[Any, Any]] = []


def register() -> None:
    """Add the shortcuts. In background mode Blender has no keymaps."""
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is None:
        return
    name, space = KEYMAP
    keymap = configuration.keymaps.new(name=name, space_type=space)
    for operator, key, properties in KEY_BINDINGS:
        item = keymap.keymap_items.new(operator, value="PRESS", **key)
        for property_name, value in properties.items():
            setattr(item.properties, property_name, value)
        _keymap_items.append((keymap, item))


def unregister() -> None:
    """Remove the shortcuts."""
    while _keymap_items:
        keymap, item = _keymap_items.pop()
        keymap.keymap_items.remove(item)
