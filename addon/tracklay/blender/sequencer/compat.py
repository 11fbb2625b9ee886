"""Hides the differences between Blender 4.5 and 5.2. No other module of the sequencer checks the version.

Frames are timeline frames. A strip's content is everything of its source that it can show, before its handles trim it.
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
"""Types of effect strips. Not every version of Blender has all of them."""

RESHAPING_MODIFIERS = frozenset({"MASK", "COMPOSITOR"})
"""Types of modifiers that change more than colours."""

LAST_RETIMING_KEY_AT_END = bpy.app.version >= (5, 0, 0)
"""Whether a strip's last retiming key is at the end of its last frame, not on it."""

SKIPS_PER_LOOKUP = 40
"""Strips that Blender passes in the time it takes to return one. It finds a strip by number by walking a linked list from the first."""

START_TOLERANCE_FRAMES = 0.01
"""Tolerance in frames: Blender stores the start of the content as a 32-bit float."""

OVERRIDE_IS_SAFE = sys.version_info >= (3, 12)
"""False under Python 3.11: there Blender crashes when an operator reads a context override while another thread holds the interpreter
lock (seen in 4.5 and 5.0 with any busy thread; never in 5.2, nor without an override)."""

LEGACY_TIME_NAMES = {
    "left_handle": "frame_final_start",
    "duration": "frame_final_duration",
    "content_start": "frame_start",
    "content_duration": "frame_duration",
    "content_trim_start": "animation_offset_start",
}
"""Property names of a strip's times: from Blender 5.1 on, and before. The old ones warn in 5.2 and are removed in 6.0."""


@cache
def time_property(field: str, rna_type: Any) -> str:
    """Return the name that this Blender uses for one of `LEGACY_TIME_NAMES`."""
    return field if field in rna_type.bl_rna.properties else LEGACY_TIME_NAMES[field]


def strip_start(strip: Any) -> int:
    """Return a strip's first frame."""
    return int(getattr(strip, time_property("left_handle", bpy.types.Strip)))


def strip_frames(strip: Any) -> int:
    """Return a strip's length in frames."""
    return int(getattr(strip, time_property("duration", bpy.types.Strip)))


def strip_end(strip: Any) -> int:
    """Return the first frame after a strip."""
    return strip_start(strip) + strip_frames(strip)


def strip_spans(strips: Iterable[Any]) -> list[tuple[Any, int, int]]:
    """Return (strip, first frame, number of frames) of each strip. Fast enough for a panel that is drawn with 200 strips selected."""
    first, length = time_property("left_handle", bpy.types.Strip), time_property("duration", bpy.types.Strip)
    return [(strip, int(getattr(strip, first)), int(getattr(strip, length))) for strip in strips]


def unmuted_strip_spans(
    strips: Any, channels: Any, strip_types: Iterable[str], within: range
) -> list[tuple[Any, int, int]]:
    """Return (strip, first frame, number of frames) of the strips of these types that overlap `within` and are not muted.

    A strip is muted too if its channel is.
    """
    muted = [channel.mute for channel in channels]
    found = (
        strip for strip in strips_of_types(strips, strip_types, within) if not (strip.mute or muted[strip.channel])
    )
    return strip_spans(found)


def content_start(strip: Any) -> Fraction:
    """Return the timeline frame on which a strip's content begins. The left handle may hide it."""
    return Fraction(getattr(strip, time_property("content_start", bpy.types.Strip)))


def content_frames(strip: Any) -> int:
    """Return the length of a strip's content in timeline frames."""
    return int(getattr(strip, time_property("content_duration", bpy.types.Strip)))


def content_trim_start(strip: Any) -> int:
    """Return the number of frames of a movie strip's file, at the file's rate, that come before its content."""
    return int(getattr(strip, time_property("content_trim_start", bpy.types.MovieStrip)))


def move_strip(strip: Any, frames: int) -> None:
    """Move a strip, with its handles, along the timeline."""
    name = time_property("content_start", bpy.types.Strip)
    setattr(strip, name, getattr(strip, name) + frames)


def set_strip_start(strip: Any, frame: int) -> None:
    """Set a strip's first frame by its left handle: its content stays where it is."""
    setattr(strip, time_property("left_handle", bpy.types.Strip), frame)


def selected_strips(scene: Any, strips: Any) -> list[Any]:
    """Return the selected strips of the level that the user has open."""
    known = getattr(bpy.context, "selected_strips", None) if active_sequencer_scene(bpy.context) == scene else None
    if known is not None:
        return list(known)  # ten times as fast as filtering them here
    return _masked_strips(strips, property_array(strips, "select", "bool"))


def strips_of_types(strips: Any, strip_types: Iterable[str], within: range | None = None) -> list[Any]:
    """Return the strips of these types on one level, optionally only those that overlap the frames `within`."""
    found = _type_mask(frozenset(strip_types))[property_array(strips, "type")]
    if within is not None and found.any():
        starts = property_array(strips, time_property("left_handle", bpy.types.Strip))
        ends = starts + property_array(strips, time_property("duration", bpy.types.Strip))
        found &= (starts < within.stop) & (ends > within.start)
    return _masked_strips(strips, found)


@cache
def sound_place_properties() -> tuple[tuple[str, str], ...]:
    """Return (name, dtype) of the properties that say what a strip is and when it plays, for `property_array`."""
    times = (time_property(name, bpy.types.Strip) for name in ("left_handle", "duration"))
    whole = ((name, "int32") for name in ("type", "channel", *times))
    return *whole, (time_property("content_start", bpy.types.Strip), "float32"), ("mute", "bool")


def sequencer_level(scene_name: str, meta_name: str) -> Any:
    """Return the sequence editor of a scene, or a meta strip in it; None if it is gone."""
    scene = bpy.data.scenes.get(scene_name)
    editor = scene and scene.sequence_editor
    return editor if editor is None or not meta_name else editor.strips_all.get(meta_name)


def strips_by_content_start(strips: Any, strip_type: str, start: Fraction) -> list[Any]:
    """Return the strips of a type whose content begins within `START_TOLERANCE_FRAMES` of a frame."""
    begins = property_array(strips, time_property("content_start", bpy.types.Strip), "float32")
    return _masked_strips(
        strips,
        _type_mask(frozenset({strip_type}))[property_array(strips, "type")]
        & (abs(begins - float(start)) < START_TOLERANCE_FRAMES),
    )


@cache
def seen_types() -> frozenset[str]:
    """Return the types of strips that can be seen: all but sounds."""
    return frozenset(item.identifier for item in bpy.types.Strip.bl_rna.properties["type"].enum_items) - {"SOUND"}


@cache
def _type_mask(strip_types: frozenset[str]) -> Any:
    """Return a boolean array over Blender's strip type numbers: True for these types."""
    import numpy as np  # noqa: PLC0415 - imported only when strips are filtered

    items = bpy.types.Strip.bl_rna.properties["type"].enum_items
    found = np.zeros(1 + max(item.value for item in items), bool)
    found[[item.value for item in items if item.identifier in strip_types]] = True
    return found


def property_array(strips: Any, name: str, dtype: str = "int32") -> Any:
    """Return one property of all strips of a collection as an array: one call of Blender instead of one for each strip."""
    import numpy as np  # noqa: PLC0415

    found = np.zeros(len(strips), dtype)
    strips.foreach_get(name, found)
    return found


def _masked_strips(strips: Any, mask: Any) -> list[Any]:
    """Return the strips of a collection selected by a boolean array."""
    places = mask.nonzero()[0]
    # Few strips are looked up by number; for many, walking the collection once is faster (see SKIPS_PER_LOOKUP).
    if places.sum() > SKIPS_PER_LOOKUP * len(mask):
        return list(compress(strips, mask))
    return [strips[int(place)] for place in places]


def effect_inputs(effect: Any) -> list[Any]:
    """Return the input strips of an effect."""
    found = (getattr(effect, name, None) for name in ("input_1", "input_2"))
    return [strip for strip in found if strip is not None]


def animated_strip_names(scene: Any) -> set[str]:
    """Return the names of the strips whose picture is animated by keyframes or drivers."""
    animation = scene.animation_data
    if animation is None:
        return set()
    curves = [*animation.drivers, *([] if animation.action is None else action_fcurves(animation.action))]
    moved = (_STRIP_DATA_PATH.match(curve.data_path) for curve in curves)
    return {
        re.sub(r"\\(.)", r"\1", match[1]) for match in moved if match and match[2] not in ("volume", "pan", "pitch")
    }


_STRIP_DATA_PATH = re.compile(r'sequence_editor\.(?:sequences|strips)_all\["((?:[^"\\]|\\.)*)"\]\.(\w+)')


def action_fcurves(action: Any) -> list[Any]:
    """Return all curves of an action: since 4.4 they are in layers, from 5.0 on only there."""
    if "fcurves" in action.bl_rna.properties:
        return list(action.fcurves)
    return [
        curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves
    ]


def scene_curves(scene: Any) -> Any:
    """Return the collection of the F-curves that animate a scene; None if it has none."""
    animation = scene.animation_data
    if animation is None or animation.action is None or animation.action_slot is None:
        return None
    return action_slot_curves(animation.action, animation.action_slot)


def action_slot_curves(action: Any, slot: Any) -> Any:
    """Return the collection of the F-curves of one slot of an action; None if it has none."""
    bags = (strip.channelbag(slot) for layer in action.layers for strip in layer.strips)
    return next((bag.fcurves for bag in bags if bag is not None), None)


def set_strip_frames(strip: Any, count: int) -> None:
    """Set a strip's length in frames by its right handle."""
    setattr(strip, time_property("duration", bpy.types.Strip), count)


def active_sequencer_scene(context: Any) -> Any:
    """Return the scene whose sequence is edited: from 5.0 on the workspace can have a sequencer scene of its own."""
    return getattr(context, "sequencer_scene", None) or context.scene


@contextlib.contextmanager
def sequencer_context(scene: Any) -> Iterator[bool]:
    """Let the sequencer's operators work on this scene; yields whether that is possible."""
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
    """Do the same without an override: only for the active scene or, from 5.0 on, by switching the workspace's scene for a moment."""
    if "sequencer_scene" not in bpy.types.WorkSpace.bl_rna.properties:
        yield bpy.context.scene == scene
        return
    workspace = bpy.context.workspace
    if workspace is None:
        yield False
        return
    before, workspace.sequencer_scene = workspace.sequencer_scene, scene
    try:
        yield True
    finally:
        workspace.sequencer_scene = before


def connected_strips(strip: Any) -> list[Any] | None:
    """Return the strips that a strip is connected to; None before Blender 5.1, which does not expose them."""
    return list(strip.connections) if "connections" in bpy.types.Strip.bl_rna.properties else None


def caches_source_frames(scene: Any) -> bool:
    """Return whether Blender reuses source frames by the integer part of their position, without rounding: from 5.0 on, with its cache."""
    return bpy.app.version >= (5, 0, 0) and bool(scene.sequence_editor.use_cache_raw)


RENDER_SCRIPT = Path(__file__).parents[1] / "render" / "render_strip.py"
"""The script that `blender_script_command` runs to render a strip."""


def blender_script_command() -> tuple[str, ...]:
    """Return the command line that runs a script in a second process of this Blender; the script's path is appended.

    It uses factory settings, so no other extension runs, but the user's choice about scripts in .blend files (drivers need it).
    """
    if bpy.app.module:
        return (sys.executable,)
    trusted = bpy.context.preferences.filepaths.use_scripts_auto_execute
    scripts = "--enable-autoexec" if trusted else "--disable-autoexec"
    return (bpy.app.binary_path, "--background", "--factory-startup", scripts, "--python-exit-code", "1", "--python")
