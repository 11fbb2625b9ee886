"""Finds out whether the sounds of a timeline are as they were. Fast enough for a panel that is drawn over 2,000 strips."""

from __future__ import annotations

import hashlib
from typing import Any

from .. import compat


def timeline_fingerprint(scene: Any) -> str:
    """Return a short text that differs when the sounds of a timeline do: places, channels, muting, and the frame range.

    Volumes are not in it: keys of the mix move them.
    """
    editor = scene.sequence_editor
    found = hashlib.blake2b(digest_size=12)
    head = [scene.frame_start, scene.frame_end, scene.render.fps, scene.render.fps_base]
    found.update(repr([*head, round(scene.audio_volume, 4)]).encode())
    waiting = [editor] if editor else []
    while waiting:
        owner = waiting.pop()
        found.update(bytes(channel.mute for channel in owner.channels))
        for values in compat.sound_places(owner.strips):
            found.update(values.tobytes())
        waiting += compat.strips_of_types(owner.strips, {"META"})
    return found.hexdigest()
