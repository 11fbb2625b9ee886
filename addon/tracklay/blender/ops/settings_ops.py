"""Operators on the model catalogue, the models' parameters, the proxy cache and the API keys."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

import bpy
from bpy.props import IntProperty

from ...errors import TracklayError
from ...paths import ensure_folder, tracklay_home
from ..sequencer import compat
from ..settings import catalogue, preferences, properties
from ..settings.i18n.translate import translate_error, translate_report
from ..settings.network import online_access_allowed, online_access_denied
from ..settings.preferences import provider_check
from ..settings.redraw import redraw_sequencers
from .common import SKIP_SAVE, TracklayOperator


class TRACKLAY_OT_reload_models(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Read the model files again."""

    bl_idname = "tracklay.reload_models"
    bl_label = "Reload Models"

    def execute(self, _context: Any) -> AbstractSet[str]:
        # The scenes' properties are made from the catalogue. Blender keeps their values while they are unregistered.
        properties.unregister()
        catalogue.reload_models()
        properties.register()
        redraw_sequencers()
        for error in catalogue.LOAD_ERRORS:
            self.report({"WARNING"}, translate_error(error, translate_report))
        return {"FINISHED"}


class TRACKLAY_OT_open_models(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Open the folder for your own models."""

    bl_idname = "tracklay.open_models"
    bl_label = "Open Models Folder"

    def execute(self, _context: Any) -> AbstractSet[str]:
        try:
            bpy.ops.wm.path_open(filepath=str(ensure_folder(tracklay_home() / "models")))
        except TracklayError as error:
            return self.report_error(error)
        return {"FINISHED"}


class TRACKLAY_OT_add_extra(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Add a parameter that the catalogue does not list."""

    bl_idname = "tracklay.add_extra"
    bl_label = "Add Extra Parameter"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context: Any) -> AbstractSet[str]:
        settings = compat.active_sequencer_scene(context).tracklay
        settings.extras.add().model = settings.model
        return {"FINISHED"}


class TRACKLAY_OT_remove_extra(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Remove this parameter."""

    bl_idname = "tracklay.remove_extra"
    bl_label = "Remove Extra Parameter"
    bl_options = {"INTERNAL", "UNDO"}
    __annotations__ = {"index": IntProperty(name="Index", description="Row, counted from 0", min=0, options=SKIP_SAVE)}

    def execute(self, context: Any) -> AbstractSet[str]:
        compat.active_sequencer_scene(context).tracklay.extras.remove(self.index)
        return {"FINISHED"}


class TRACKLAY_OT_clear_cache(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Delete the cached proxies; takes are kept."""

    bl_idname = "tracklay.clear_cache"
    bl_label = "Clear Cache"

    def execute(self, _context: Any) -> AbstractSet[str]:
        from ...media import proxy_cache  # noqa: PLC0415 - no other operator needs it

        # Proxies of running jobs stay.
        remaining = proxy_cache.clear_cache()
        message = (
            translate_report("{} MB in use were kept", f"{remaining / 1_000_000:.0f}")
            if remaining
            else translate_report("The cache is empty")
        )
        self.report({"INFO"}, message)
        return {"FINISHED"}


class TRACKLAY_OT_reset_params(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Reset all parameters of the model to its defaults."""

    bl_idname = "tracklay.reset_params"
    bl_label = "Reset to Defaults"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> AbstractSet[str]:
        settings = compat.active_sequencer_scene(context).tracklay
        group = properties.model_params(settings.params)
        # Unset, not set: a parameter without a default is then not sent, and the model decides.
        for parameter in catalogue.get_model(settings.model).settable:
            group.property_unset(parameter.name)
        return {"FINISHED"}


class TRACKLAY_OT_check_keys(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Check each API key with its provider, free of charge.

    The preferences show the results. In background mode, where nothing is shown, the operator waits and reports them.
    """

    bl_idname = "tracklay.check_keys"
    bl_label = "Check Keys"

    def execute(self, _context: Any) -> AbstractSet[str]:
        if not online_access_allowed():
            return self.report_error(online_access_denied(translate_report("Check Keys")))
        provider_check.start()
        if not bpy.app.background:
            preferences.start_check_timer()
            return {"FINISHED"}
        provider_check.wait()
        self.report({"INFO"}, "\n".join(message for message, _ in provider_check.results))
        return {"FINISHED"}


CLASSES = (
    TRACKLAY_OT_reload_models,
    TRACKLAY_OT_open_models,
    TRACKLAY_OT_add_extra,
    TRACKLAY_OT_remove_extra,
    TRACKLAY_OT_clear_cache,
    TRACKLAY_OT_reset_params,
    TRACKLAY_OT_check_keys,
)
