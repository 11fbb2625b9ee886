"""Starts jobs: what the dispatcher's starter thread runs, and the delivery data that a job keeps for laying its takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from ... import jobs
from ...cue import Failure
from ...errors import TracklayError
from ...paths import ensure_folder
from ..sequencer import placement

if TYPE_CHECKING:
    from ...jobs import BackgroundRunner, JobSpec
    from ..sequencer.selection import CueSource

DELIVERY_KIND = "blender"
"""The `kind` of a delivery in the ledger: Blender lays the takes of the job."""


def preload_runner() -> None:
    """Import the runner in the background: enabling the extension does not need it, and the first Generate need not wait for it."""
    _ = jobs.BackgroundRunner


def create_folder_and_start(runner: BackgroundRunner, spec: JobSpec) -> None:
    """Create the takes folder and start the job, off the main thread: the folder may be on a slow disk."""
    try:
        ensure_folder(spec.folder)
    except TracklayError as error:
        for index in spec.delivery.get("takes", range(spec.cue.takes)):
            runner.events.put(jobs.TakeFinished(spec.cue, spec.delivery, index, [Failure(spec.cue, error)]))
    else:
        runner.start(spec)


def with_delivery(spec: JobSpec, spot: CueSource) -> JobSpec:
    """Return a job spec with the plain data that laying its takes needs. The ledger stores it."""
    delivery = {
        "kind": DELIVERY_KIND,
        "file": bpy.data.filepath,
        "scene": placement.find_scene(spot).name,
        "picture": spot.strip_name,
        "content_start": str(spot.content_start),
        "folder": str(spec.folder),
        "stem": spec.stem,
    }
    return replace(spec, delivery=delivery)
