"""A Blender that is about to be killed, and the one that opens its file afterwards: `python -m tests.blender.runtime.crash WHAT FOLDER POINT`."""

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
"""A point: another Blender renders the picture."""


class Counted(Clicker):
    """Writes down each submission, and answers when the second Blender asks."""

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
    """Generate, save, go on until the point, and say that one may be killed there."""
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
    while not _there(cue.id):
        if POINT == "laid":
            dispatcher.get_dispatcher().process()
        time.sleep(0.01)
    (FOLDER / "kill").touch()
    time.sleep(3600)


def _there(cue: str) -> bool:
    states = [job["state"] for job in admin.list_jobs()["jobs"] if job["cue"] == cue]
    if POINT == RENDERING:  # the other Blender's words are there as soon as it is
        return states == ["extracting", "extracting"] and any((FOLDER / "home" / "copies").glob("*/*.txt"))
    return states == [POINT, POINT]


def again() -> None:
    """Open the file, take up what it waits for, and tell what lies there."""
    bpy.ops.wm.open_mainfile(filepath=str(FOLDER / "film.blend"))
    bpy.ops.tracklay.resume_jobs()
    strips = [strip for strip in bpy.context.scene.sequence_editor.strips if cue_index.CUE_PROPERTY in strip]
    told = {
        "laid": sorted(
            json.loads(strip[cue_index.CUE_PROPERTY])["take"] for strip in strips if cue_index.ENTRY_PROPERTY in strip
        ),
        "strips": len(strips),
        "lines": {line.state: line.error for line in running_cues().values()},
        "sent": len(Counted.sent.read_text().split()) if Counted.sent.exists() else 0,
    }
    dispatcher.close_dispatcher()  # what it has to write to the ledger is written
    told["states"] = [job["state"] for job in admin.list_jobs(include_finished=True)["jobs"]]
    (FOLDER / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    tracklay.register()
    base.register("clicker", Counted)
    {"begin": begin, "again": again}[WHAT]()
    tracklay.unregister()
