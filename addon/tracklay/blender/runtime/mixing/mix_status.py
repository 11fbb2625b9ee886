"""The state of a mix for the panel: what is running, why the last one failed, and whether the timeline has changed since.

It imports little, so that the panel can: the job itself loads numpy and the models of the mix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...sequencer.mixing.fingerprint import timeline_fingerprint
from ...settings.mix_properties import STALE_PROPERTY

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


def is_out_of_date(scene: Any, record: SceneRecord) -> bool:
    """Return whether the sounds of a timeline have changed since it was mixed."""
    return STALE_PROPERTY in scene or timeline_fingerprint(scene) != record.timeline
