"""The state of a mix for the panel: what is running, why the last one failed, and whether the timeline has changed since.

It imports little, so that the panel can: the job itself loads numpy and the models of the mix. Whether sounds and volumes are as the
mix left them is looked at by a timer, in slices, while the panel is drawn and Blender has changed something.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final

import bpy

from ...sequencer import compat
from ...sequencer.mixing.fingerprint import timeline_steps, volume_steps
from ...sequencer.mixing.records import read_scene_record
from ...settings.mix_properties import STALE_PROPERTY
from ...settings.redraw import redraw_sequencers

if TYPE_CHECKING:
    from ...sequencer.mixing.records import SceneRecord

STAGES = READING, LISTENING, WRITING = "Reading", "Listening", "Writing"
"""What a job does: words of the panel."""

stage = ""
"""What the job that runs is doing; empty if none runs."""

progress = 0.0
"""The part of the stage that is done."""

error_text = ""
"""The error of the last mix, translated; empty if it succeeded."""

cancel: Callable[[], None] | None = None
"""Ends the job that runs; None if none runs."""


def stop_job(*_: Any) -> None:
    """End the job that runs, if one does: undo and another file make its steps invalid, and a disabled extension runs none."""
    if cancel is not None:
        cancel()


SLICE_SECONDS: Final = 0.0008
"""Time after which a slice on Blender's thread begins no further step. The longest steps take about a millisecond."""

LOOK_SECONDS: Final = 0.3
"""Seconds after a change before the timeline is looked at: a volume that is dragged changes all the time."""

BETWEEN_SECONDS: Final = 0.01

is_unchecked = True
"""Something in Blender has changed since the timeline was looked at."""

_seen: dict[tuple[str, str, str], bool] = {}
"""By the scene and the fingerprints of its mix: whether it was out of date when it was looked at."""

_look: list[Generator[None]] = []


def note_change() -> None:
    """Note that sounds or volumes may have changed."""
    global is_unchecked  # noqa: PLW0603 - set by a handler that must return at once
    is_unchecked = True


def is_out_of_date(scene: Any, record: SceneRecord) -> bool:
    """Return whether sounds or volumes have changed since the mix, as of the last look, and see to it that the next one comes."""
    if is_unchecked and not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, first_interval=LOOK_SECONDS)
    return STALE_PROPERTY in scene or _seen.get((scene.name, record.timeline, record.volumes), False)


def look_steps(scene_name: str) -> Generator[None]:
    """Look whether sounds or volumes of a scene are as its mix left them, a little at a time."""
    global is_unchecked  # noqa: PLW0603
    is_unchecked = False
    scene = bpy.data.scenes.get(scene_name)
    if scene is None or (record := read_scene_record(scene)) is None or not record.volumes:
        return
    is_changed = (yield from timeline_steps(scene_name)) != record.timeline
    if not is_changed:
        is_changed = (yield from volume_steps(scene_name)) != record.volumes
    _seen.clear()
    _seen[scene_name, record.timeline, record.volumes] = is_changed


def _on_timer() -> float | None:
    """Look a little further. What changes meanwhile is seen by the next look, which the redraw at the end of this one begins."""
    if not _look:
        scene = compat.active_sequencer_scene(bpy.context)
        if stage or scene is None:
            return None
        _look.append(look_steps(scene.name))
    end = time.perf_counter() + SLICE_SECONDS
    while time.perf_counter() < end:
        if next(_look[0], True):
            _look.clear()
            redraw_sequencers()
            return None
    return BETWEEN_SECONDS
