"""Solo: only one cue is heard while the timeline plays.

Blender has no solo for strips, so the other sounds are muted during playback only: a render, a mixdown, a saved file and the mix have the
sounds as they are. Each strip that this silences has a custom property, so that undo and another session end it as well.
"""

from __future__ import annotations

from typing import Any

from .. import compat, takes

SOLO_PROPERTY = "tracklay_solo"
"""Custom property of a scene: the id of the cue that is heard alone; absent otherwise."""

MUTED_BY_SOLO_PROPERTY = "tracklay_muted_by_solo"
"""Custom property of a strip that is silenced. Of a sound: true. Of a scene: its volume, and 1 if the curve of its volume was in use."""


def solo_cue_id(scene: Any) -> str:
    """Return the id of the cue that is heard alone; empty if there is none. Cheap enough for a panel."""
    return str(scene.get(SOLO_PROPERTY, ""))


def start_solo(scene: Any, cue: str) -> None:
    """Choose the cue that is heard alone while the timeline plays."""
    restore_others(scene)
    scene[SOLO_PROPERTY] = cue


def end_solo(scene: Any) -> None:
    """End solo, and restore what it has silenced."""
    restore_others(scene)
    if SOLO_PROPERTY in scene:
        del scene[SOLO_PROPERTY]


def silence_others(scene: Any) -> None:
    """Silence all sounds of a scene but those of the solo cue; nothing if there is none. A strip that is muted stays as it is."""
    cue = solo_cue_id(scene)
    for strip in scene.sequence_editor.strips_all if cue else ():
        if strip.mute or MUTED_BY_SOLO_PROPERTY in strip or takes.root_cue(strip) == cue:
            continue
        if strip.type == "SOUND":
            strip.mute = strip[MUTED_BY_SOLO_PROPERTY] = True
        elif strip.type == "SCENE":
            curve = _volume_curve(scene, strip)
            is_keyed = curve is not None and not curve.mute
            strip[MUTED_BY_SOLO_PROPERTY] = [strip.volume, float(is_keyed)]
            if is_keyed:
                curve.mute = True
            strip.volume = 0.0  # a muted scene would have no picture either


def restore_others(scene: Any) -> None:
    """Undo `silence_others`."""
    for strip in scene.sequence_editor.strips_all if solo_cue_id(scene) else ():
        if MUTED_BY_SOLO_PROPERTY not in strip:
            continue
        before = strip[MUTED_BY_SOLO_PROPERTY]
        del strip[MUTED_BY_SOLO_PROPERTY]
        if strip.type == "SOUND":
            strip.mute = False
        elif strip.type == "SCENE":
            strip.volume, is_keyed = before
            curve = _volume_curve(scene, strip)
            if is_keyed and curve is not None:
                curve.mute = False


def _volume_curve(scene: Any, strip: Any) -> Any:
    """Return the curve that animates a strip's volume; None if there is none."""
    animation, path = scene.animation_data, strip.path_from_id("volume")
    if animation is None or animation.action is None:
        return None
    return next((curve for curve in compat.action_fcurves(animation.action) if curve.data_path == path), None)
