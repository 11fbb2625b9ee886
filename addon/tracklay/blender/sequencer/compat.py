"""Every difference between Blender 4.5 and 5.2 that Tracklay meets, behind one name each. Nothing else here asks for a version.

Frames are the timeline's own; a strip's content is all of its source that it can show, before its handles cut it.
"""

from __future__ import annotations

import contextlib
import re
import sys
from fractions import Fraction
from functools import cache
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EFFECT_TYPES = frozenset(
    {
        "ADD",
        "ALPHA_OVER",
        "ALPHA_UNDER",
        "COLORMIX",
        "COMPOSITOR",
        "CROSS",
        "GAMMA_CROSS",
        "GAUSSIAN_BLUR",
        "GLOW",
        "MULTIPLY",
        "SPEED",
        "SUBTRACT",
        "TRANSFORM",
        "WIPE",
    }
)
"""Types of strips that make their picture of other strips; not every Blender has them all."""

RESHAPING_MODIFIERS = frozenset({"MASK", "COMPOSITOR"})
"""Types of modifiers that change more of a picture than its colours."""

LAST_RETIMING_KEY_AT_END = bpy.app.version >= (5, 0, 0)
"""Whether a strip's last retiming key stands at the end of its last frame, and not on it."""

SKIPS_PER_LOOKUP = 40
"""Blender counts from the first strip to each that is asked for by its number: past so many in the time that one takes to be given out."""

START_TOLERANCE_FRAMES = 0.01
"""Frames: Blender keeps where content begins as a 32-bit float."""

OVERRIDE_IS_SAFE = sys.version_info >= (3, 12)
"""Under Python 3.11 Blender takes another thread's hold of the interpreter for its own when an operator looks into an override,
and crashes (seen in 4.5 and 5.0, with any thread busy; never in 5.2, nor without an override)."""

LEGACY_TIME_NAMES = {
    "left_handle": "frame_final_start",
    "duration": "frame_final_duration",
    "content_start": "frame_start",
    "content_duration": "frame_duration",
    "content_trim_start": "animation_offset_start",
}
"""The names of a strip's times in Blender 5.1 and later, and before. The old ones warn in 5.2 and go in 6.0."""


@cache
def time_property(field: str, rna_type: Any) -> str:
    return field if field in rna_type.bl_rna.properties else LEGACY_TIME_NAMES[field]


def strip_start(strip: Any) -> int:
    """A strip's first frame."""
    return int(getattr(strip, time_property("left_handle", bpy.types.Strip)))


def strip_frames(strip: Any) -> int:
    """A strip's length in frames."""
    return int(getattr(strip, time_property("duration", bpy.types.Strip)))


def strip_end(strip: Any) -> int:
    """The first frame after a strip."""
    return strip_start(strip) + strip_frames(strip)


def strip_spans(strips: Iterable[Any]) -> list[tuple[Any, int, int]]:
    """Strips with their first frames and lengths: for a panel that is drawn while two hundred are selected."""
    first, length = time_property("left_handle", bpy.types.Strip), time_property("duration", bpy.types.Strip)
    return [(strip, int(getattr(strip, first)), int(getattr(strip, length))) for strip in strips]


def unmuted_strip_spans(
    strips: Any, channels: Any, strip_types: Iterable[str], within: range
) -> list[tuple[Any, int, int]]:
    """The same of the strips of these types on a level that are not muted, nor their channels, and there on any of these frames."""
    silent = [channel.mute for channel in channels]
    found = (
        strip for strip in strips_of_types(strips, strip_types, within) if not (strip.mute or silent[strip.channel])
    )
    return strip_spans(found)


def content_start(strip: Any) -> Fraction:
    """The frame on which a strip's content begins; its left handle may hide it."""
    return Fraction(getattr(strip, time_property("content_start", bpy.types.Strip)))


def content_frames(strip: Any) -> int:
    """How many timeline frames a strip's content lasts."""
    return int(getattr(strip, time_property("content_duration", bpy.types.Strip)))


def content_trim_start(strip: Any) -> int:
    """How many frames of a movie strip's file, at the file's own rate, come before its content."""
    return int(getattr(strip, time_property("content_trim_start", bpy.types.MovieStrip)))


def set_strip_start(strip: Any, frame: int) -> None:
    """Set a strip's first frame by its left handle: its content stays where it is."""
    setattr(strip, time_property("left_handle", bpy.types.Strip), frame)


def selected_strips(scene: Any, strips: Any) -> list[Any]:
    """The selected strips among those of the level that the person is in."""
    known = getattr(bpy.context, "selected_strips", None) if active_sequencer_scene(bpy.context) == scene else None
    if known is not None:
        return list(known)  # Blender's own look through them takes a tenth of ours
    return _masked_strips(strips, _property_array(strips, "select", "bool"))


def strips_of_types(strips: Any, strip_types: Iterable[str], within: range | None = None) -> list[Any]:
    """The strips of these types on one level; those only that are there on any of the frames `within`."""
    found = _type_mask(frozenset(strip_types))[_property_array(strips, "type")]
    if within is not None and found.any():
        starts = _property_array(strips, time_property("left_handle", bpy.types.Strip))
        ends = starts + _property_array(strips, time_property("duration", bpy.types.Strip))
        found &= (starts < within.stop) & (ends > within.start)
    return _masked_strips(strips, found)


def strips_by_content_start(strips: Any, strip_type: str, start: Fraction) -> list[Any]:
    """The strips of a type whose content begins within a hundredth of this frame."""
    begins = _property_array(strips, time_property("content_start", bpy.types.Strip), "float32")
    return _masked_strips(
        strips,
        _type_mask(frozenset({strip_type}))[_property_array(strips, "type")]
        & (abs(begins - float(start)) < START_TOLERANCE_FRAMES),
    )


@cache
def _type_mask(strip_types: frozenset[str]) -> Any:
    """For each number that Blender has for a type of strip, whether it is one of these."""
    import numpy as np  # noqa: PLC0415 - only where something is looked for

    items = bpy.types.Strip.bl_rna.properties["type"].enum_items
    found = np.zeros(1 + max(item.value for item in items), bool)
    found[[item.value for item in items if item.identifier in strip_types]] = True
    return found


def _property_array(strips: Any, name: str, dtype: str = "int32") -> Any:
    """One property of all strips of a collection, as an array."""
    import numpy as np  # noqa: PLC0415

    found = np.zeros(len(strips), dtype)
    strips.foreach_get(name, found)
    return found


def _masked_strips(strips: Any, mask: Any) -> list[Any]:
    """The strips of a collection of which an array of truths says so."""
    places = mask.nonzero()[0]
    if places.sum() > SKIPS_PER_LOOKUP * len(mask):
        return list(compress(strips, mask))
    return [strips[int(place)] for place in places]


def effect_inputs(effect: Any) -> list[Any]:
    """The strips that an effect makes its picture of."""
    found = (getattr(effect, name, None) for name in ("input_1", "input_2"))
    return [strip for strip in found if strip is not None]


def animated_strip_names(scene: Any) -> set[str]:
    """The names of the strips whose picture an animation or a driver moves."""
    held = scene.animation_data
    if held is None:
        return set()
    curves = [*held.drivers, *([] if held.action is None else _action_fcurves(held.action))]
    moved = (_STRIP_DATA_PATH.match(curve.data_path) for curve in curves)
    return {
        re.sub(r"\\(.)", r"\1", match[1]) for match in moved if match and match[2] not in ("volume", "pan", "pitch")
    }


_STRIP_DATA_PATH = re.compile(r'sequence_editor\.(?:sequences|strips)_all\["((?:[^"\\]|\\.)*)"\]\.(\w+)')


def _action_fcurves(action: Any) -> list[Any]:
    """All curves of an action: in layers since 4.4, and only there from 5.0 on."""
    if "fcurves" in action.bl_rna.properties:
        return list(action.fcurves)
    return [
        curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves
    ]


def set_strip_frames(strip: Any, count: int) -> None:
    """Make a strip exactly so long by its right handle."""
    setattr(strip, time_property("duration", bpy.types.Strip), count)


def active_sequencer_scene(context: Any) -> Any:
    """The scene whose sequence is edited: the workspace's own from 5.0 on, where one is chosen."""
    return getattr(context, "sequencer_scene", None) or context.scene


@contextlib.contextmanager
def sequencer_context(scene: Any) -> Iterator[bool]:
    """A context in which the sequencer's operators work on this scene; whether it could be had."""
    if not OVERRIDE_IS_SAFE:
        with _sequencer_context_without_override(scene) as works:
            yield works
        return
    override: dict[str, Any] = {"scene": scene}
    if "sequencer_scene" in bpy.types.WorkSpace.bl_rna.properties:
        override["sequencer_scene"] = scene
    if windows := bpy.context.window_manager.windows:
        override["window"] = bpy.context.window or windows[0]
    with bpy.context.temp_override(**override):
        yield True


@contextlib.contextmanager
def _sequencer_context_without_override(scene: Any) -> Iterator[bool]:
    """The same without an override: where this scene is the one that is shown, or, from 5.0 on, can be for a moment."""
    if "sequencer_scene" not in bpy.types.WorkSpace.bl_rna.properties:
        yield bpy.context.scene == scene
        return
    workspace = bpy.context.workspace
    if workspace is None:
        yield False
        return
    kept, workspace.sequencer_scene = workspace.sequencer_scene, scene
    try:
        yield True
    finally:
        workspace.sequencer_scene = kept


def connected_strips(strip: Any) -> list[Any] | None:
    """The strips a strip is connected to; None where this Blender (before 5.1) does not tell."""
    return list(strip.connections) if "connections" in bpy.types.Strip.bl_rna.properties else None


def caches_source_frames(scene: Any) -> bool:
    """Whether Blender shows a source's frame again by the whole part of its place, without rounding: from 5.0 on, with its cache."""
    return bpy.app.version >= (5, 0, 0) and bool(scene.sequence_editor.use_cache_raw)


RENDER_SCRIPT = Path(__file__).parents[1] / "render" / "render_strip.py"
"""The script that `blender_script_command` runs to render a strip."""


def blender_script_command() -> tuple[str, ...]:
    """The command that runs a script of ours in another Blender like this one; the script comes after it."""
    if bpy.app.module:
        return (sys.executable,)
    trusted = bpy.context.preferences.filepaths.use_scripts_auto_execute
    scripts = "--enable-autoexec" if trusted else "--disable-autoexec"
    return (bpy.app.binary_path, "--background", "--factory-startup", scripts, "--python-exit-code", "1", "--python")
