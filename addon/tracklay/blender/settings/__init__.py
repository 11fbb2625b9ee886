"""Preferences, scene properties, the model catalogue and translations: needs no sequencer."""

ADDON = __package__.removesuffix(".blender.settings")
"""The extension's package: `bl_ext.user_default.tracklay` when installed, `tracklay` in a checkout."""
