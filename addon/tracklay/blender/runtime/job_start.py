"""Starts jobs: what the dispatcher's starter thread runs, and the delivery data that a job keeps for laying its takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from ...cue import Failure
from ...errors import TracklayError
from ...jobs.delivery import BlenderDelivery
from ...paths import ensure_folder
from ..sequencer import placement

if TYPE_CHECKING:
    from ...jobs import JobSpec
    from ...jobs.runner import BackgroundRunner
    from ..sequencer.selection import CueSource


def preload_runner() -> None:
    """Import the runner in the background: enabling the extension does not need it, and the first Generate need not wait for it."""
    from ...jobs import runner  # noqa: F401, PLC0415


def create_folder_and_start(runner: BackgroundRunner, spec: JobSpec) -> None:
    """Create the takes folder and start the job, off the main thread: the folder may be on a slow disk."""
    from ...jobs.events import TakeFinished  # noqa: PLC0415 - enabling the extension must not load it

    try:
        ensure_folder(spec.folder)
    except TracklayError as error:
        for index in spec.delivery.take_indices or range(spec.cue.takes):
            runner.events.put(TakeFinished(spec.cue, spec.delivery, index, [Failure(spec.cue, error)]))
    else:
        runner.start(spec)


def with_delivery(spec: JobSpec, spot: CueSource, *, repair: bool) -> JobSpec:
    """Return a job spec with all that laying its takes, and repairing the best one, needs, also after a restart."""
    scene = placement.find_scene(spot).name
    delivery = BlenderDelivery(
        bpy.data.filepath, scene, spot.strip_name, str(spot.content_start), spec.folder, spec.stem, repair
    )
    return replace(spec, delivery=delivery)
