"""A Blender that the test kills, and one that opens its file: `python -m tests.blender.runtime.crash WHAT FOLDER POINT`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

WHAT, FOLDER, POINT = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
os.environ["TRACKLAY_HOME"] = str(FOLDER / "home")

import bpy  # noqa: E402
import tracklay  # noqa: E402
from tracklay.blender.runtime import dispatcher, requests  # noqa: E402
from tracklay.blender.runtime.cue_status import running_cues  # noqa: E402
from tracklay.blender.sequencer import cue_index, selection, timeline_copy  # noqa: E402
from tracklay.blender.settings import catalogue  # noqa: E402
from tracklay.blender.settings.preferences import takes_folder  # noqa: E402
from tracklay.jobs import admin, create_job_spec  # noqa: E402
from tracklay.providers import base  # noqa: E402
from tracklay.providers.base import JobProgress  # noqa: E402

from tests.fakes.click_model import Clicker  # noqa: E402

RENDERING = "rendering"
"""Value of POINT: a second Blender renders the picture."""


class CountingClicker(Clicker):
    """A clicking model that logs each submission, and finishes when the second Blender polls."""

    sent = FOLDER / "sent.txt"

    async def submit(self, submission):
        with self.sent.open("a") as file:
            file.write(f"{submission.id}\n")
        if WHAT == "begin" and POINT == "submitting":
            await asyncio.sleep(3600)
        return await super().submit(submission)

    async def poll(self, handle):
        return JobProgress("running" if WHAT == "begin" and POINT == "running" else "done")


def begin() -> None:
    """Generate, save, continue until the point is reached, and create the file `kill`."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = 25
    strip = scene.sequence_editor_create().strips.new_movie("clip", str(FOLDER / "clip.mp4"), 1, 11)
    strip.select = True
    if POINT == RENDERING:
        strip.crop.min_y = 4
    scene.tracklay.model = "clicker/clicks"
    (spot,) = selection.spot_ranges(scene)
    cue = requests.build_cue(spot, scene.tracklay, takes=2)
    dispatcher.get_dispatcher().submit(
        timeline_copy.with_timeline_copies([(create_job_spec(cue, takes_folder(), "clip", catalogue.MODELS), spot)])
    )
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "film.blend"))
    while not _is_point_reached(cue.id):
        if POINT == "laid":
            dispatcher.get_dispatcher().process()
        time.sleep(0.01)
    (FOLDER / "kill").touch()
    time.sleep(3600)


def _is_point_reached(cue: str) -> bool:
    states = [job["state"] for job in admin.list_jobs()["jobs"] if job["cue"] == cue]
    if POINT == RENDERING:  # its log is written as soon as the second Blender starts
        return states == ["extracting", "extracting"] and any((FOLDER / "home" / "copies").glob("*/*.txt"))
    return states == [POINT, POINT]


def again() -> None:
    """Open the file, resume its jobs, and write what is on the timeline to `result.json`."""
    bpy.ops.wm.open_mainfile(filepath=str(FOLDER / "film.blend"))
    bpy.ops.tracklay.resume_jobs()
    strips = [strip for strip in bpy.context.scene.sequence_editor.strips if cue_index.CUE_PROPERTY in strip]
    result = {
        "laid": sorted(
            json.loads(strip[cue_index.CUE_PROPERTY])["take"] for strip in strips if cue_index.ENTRY_PROPERTY in strip
        ),
        "strips": len(strips),
        "lines": {line.state: line.error for line in running_cues().values()},
        "sent": len(CountingClicker.sent.read_text().split()) if CountingClicker.sent.exists() else 0,
    }
    dispatcher.close_dispatcher()  # waits until the ledger is written
    result["states"] = [job["state"] for job in admin.list_jobs(include_finished=True)["jobs"]]
    (FOLDER / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    tracklay.register()
    base.register("clicker", CountingClicker)
    {"begin": begin, "again": again}[WHAT]()
    tracklay.unregister()
