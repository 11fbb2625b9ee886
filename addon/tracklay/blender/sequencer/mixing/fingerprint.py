"""Finds out whether the sounds of a timeline and their volumes are as they were, a little at a time: a timer looks at 2,000 strips.

Between two steps the file may change: strips and curves are found again, and nothing of Blender's is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator

import bpy

from .. import compat
from .volume_keys import VolumeCurves, curve_bytes, volume_path

PER_STEP = 50
"""Curves or strips that are looked at in one step."""

VOLUME_SUFFIX = ".volume"


def timeline_steps(scene_name: str) -> Generator[None, None, str]:
    """Return a short text that differs when the sounds of a timeline do: places, channels, muting, and the frame range.

    Volumes are not in it (`volume_steps`). A scene that is gone has none.
    """
    found = hashlib.blake2b(digest_size=12)
    if (scene := bpy.data.scenes.get(scene_name)) is None:
        return ""
    head = [scene.frame_start, scene.frame_end, scene.render.fps, scene.render.fps_base]
    found.update(repr([*head, round(scene.audio_volume, 4)]).encode())
    waiting = [""]
    while waiting:
        level = waiting.pop()
        for name, dtype in compat.sound_place_properties():
            if (owner := compat.sequencer_level(scene_name, level)) is None:
                break
            found.update(compat.property_array(owner.strips, name, dtype).tobytes())
            yield
        if (owner := compat.sequencer_level(scene_name, level)) is not None:
            found.update(bytes(channel.mute for channel in owner.channels))
            waiting += [meta.name for meta in compat.strips_of_types(owner.strips, {"META"})]
            yield
    return found.hexdigest()


def volume_steps(scene_name: str) -> Generator[None, None, str]:
    """Return a short text that differs when the volumes of a timeline do: the keys of their curves, and those without a curve."""
    found = hashlib.blake2b(digest_size=12)
    animated: set[str] = set()
    place = 0
    while (scene := bpy.data.scenes.get(scene_name)) is not None:
        curves = (compat.scene_curves(scene) or ())[place : place + PER_STEP]
        if not curves:
            break
        for curve in curves:
            if curve.data_path.endswith(VOLUME_SUFFIX):
                animated.add(curve.data_path)
                found.update(curve.data_path.encode() + curve_bytes(curve))
        place += PER_STEP
        yield
    if scene is None:
        return ""
    animated |= VolumeCurves.driven_paths(scene)
    place = 0
    while (editor := compat.sequencer_level(scene_name, "")) is not None and place < len(editor.strips_all):
        for strip in editor.strips_all[place : place + PER_STEP]:
            # A meta strip has a volume in newer versions of Blender only.
            if strip.type in {"SOUND", "META"} and hasattr(strip, "volume") and volume_path(strip) not in animated:
                found.update(f"{strip.name} {strip.volume!r}".encode())
        place += PER_STEP
        yield
    return found.hexdigest()
