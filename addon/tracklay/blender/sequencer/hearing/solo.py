"""Solo: only one cue is heard. All other sounds are muted, and unmuted again afterwards.

Blender has no solo for strips. Each strip that this mutes has a custom property, so that saving, undo and another session end it as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

SOLO_PROPERTY = "tracklay_solo"
"""Custom property of a scene: the id of the cue that is heard alone; absent otherwise."""

MUTED_BY_SOLO_PROPERTY = "tracklay_muted_by_solo"
"""Custom property of a strip that was muted so that another cue is heard alone."""


def solo_cue_id(scene: Any) -> str:
    """Return the id of the cue that is heard alone; empty if there is none. Cheap enough for a panel."""
    return str(scene.get(SOLO_PROPERTY, ""))


def start_solo(scene: Any, cue: str, strip_names: Collection[str]) -> None:
    """Mute all sounds of a scene but those of a cue.

    Args:
        scene: the scene.
        cue: id of the cue.
        strip_names: names of its strips.
    """
    end_solo(scene)
    for strip in scene.sequence_editor.strips_all:
        if strip.type == "SOUND" and not strip.mute and strip.name not in strip_names:
            strip.mute = strip[MUTED_BY_SOLO_PROPERTY] = True
    scene[SOLO_PROPERTY] = cue


def end_solo(scene: Any) -> None:
    """Unmute what solo has muted."""
    if SOLO_PROPERTY in scene:
        del scene[SOLO_PROPERTY]
    for strip in scene.sequence_editor.strips_all:
        if MUTED_BY_SOLO_PROPERTY in strip:
            del strip[MUTED_BY_SOLO_PROPERTY]
            strip.mute = False
