"""Presets: a named model with its prompt and parameters, saved as a script in Blender's folder of presets.

A parameter that is not set is saved as not set, so that the model's default applies again.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel
from bpy.props import StringProperty

from ...atomic_io import atomic_write
from ...errors import InvalidInput
from ..ops.common import TracklayOperator
from ..sequencer import compat
from ..settings import catalogue, properties

if TYPE_CHECKING:
    from ...models import Model

PRESET_SUBDIR = "tracklay"
"""Folder inside Blender's folder of presets."""

SCRIPT_HEADER = """\
import bpy

settings = (getattr(bpy.context, "sequencer_scene", None) or bpy.context.scene).tracklay
"""


def preset_script(settings: Any, model: Model) -> str:
    """Return the script of a preset, which Blender runs to load it."""
    group = properties.group_name(model.id)
    chosen = getattr(settings.params, group)
    lines = [
        f"settings.model = {model.id!r}",
        f"settings.prompt = {settings.prompt!r}",
        f"settings.negative_prompt = {settings.negative_prompt!r}",
        f"params = settings.params.{group}",
    ]
    for parameter in model.settable:
        if chosen.is_property_set(parameter.name):
            lines.append(f"setattr(params, {parameter.name!r}, {_round_float(getattr(chosen, parameter.name))!r})")
        else:
            lines.append(f"params.property_unset({parameter.name!r})")
    return SCRIPT_HEADER + "\n".join([*lines, *_extras_script(settings, model)]) + "\n"


def _round_float(value: Any) -> Any:
    """Return a 32-bit float as the decimal number that was typed, and any other value unchanged."""
    return float(f"{value:.{properties.FLOAT_DIGITS}g}") if isinstance(value, float) else value


def _extras_script(settings: Any, model: Model) -> Iterator[str]:
    """Yield the lines that replace the model's extra parameters with the preset's."""
    yield "for index in reversed(range(len(settings.extras))):"
    yield f"    if settings.extras[index].model in ('', {model.id!r}):"
    yield "        settings.extras.remove(index)"
    for row in properties.extra_rows(settings, model):
        yield "extra = settings.extras.add()"
        yield f"extra.name, extra.value, extra.model = {row.name!r}, {row.value!r}, {model.id!r}"


class TRACKLAY_OT_add_preset(TracklayOperator, AddPresetBase, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Save the model, prompt and parameters as a preset, or remove one."""

    bl_idname = "tracklay.add_preset"
    bl_label = "Add Sound Preset"
    preset_menu = "TRACKLAY_PT_presets"
    preset_subdir = PRESET_SUBDIR

    def add(self, context: Any, filepath: str) -> None:
        """Write the preset's file. Blender calls this with a path in the user's folder of presets."""
        settings = compat.active_sequencer_scene(context).tracklay
        with atomic_write(Path(filepath)) as temporary:
            temporary.write_text(preset_script(settings, catalogue.get_model(settings.model)), "utf-8")


class TRACKLAY_OT_load_preset(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Load the model, prompt and parameters of this preset."""

    bl_idname = "tracklay.load_preset"
    bl_label = "Load Sound Preset"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}
    __annotations__ = {
        "filepath": StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"}),
        "menu_idname": StringProperty(name="Menu", options={"SKIP_SAVE"}),
    }

    def execute(self, _context: Any) -> AbstractSet[str]:
        name = bpy.path.display_name(Path(self.filepath).name)
        try:
            bpy.utils.execfile(self.filepath)
        except Exception as error:  # noqa: BLE001 - a preset is a script, which may fail in any way
            return self.report_error(
                InvalidInput(
                    "preset.invalid",
                    "Preset {name} is no longer valid: {error}. Save it again.",
                    name=name,
                    error=str(error).rstrip("."),
                )
            )
        TRACKLAY_PT_presets.bl_label = name
        return {"FINISHED"}


class TRACKLAY_PT_presets(PresetPanel, bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """The popover with the presets."""

    bl_label = "Sound Presets"
    preset_subdir = PRESET_SUBDIR
    preset_operator = "tracklay.load_preset"
    preset_add_operator = "tracklay.add_preset"


CLASSES = (TRACKLAY_OT_add_preset, TRACKLAY_OT_load_preset, TRACKLAY_PT_presets)
