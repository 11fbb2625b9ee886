"""A session of random steps while models run and fail: `python -m tests.blender.runtime.random_session SEED STEPS FOLDER`.

It runs in a Blender without a window, so it calls what the timer would call. At the end, for each file, the ledger and the timeline must
agree. The counts are written to `result.json`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import ClassVar

SEED, STEPS, FOLDER = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
os.environ["TRACKLAY_HOME"] = str(FOLDER / "home")

import bpy  # noqa: E402
import tracklay  # noqa: E402
from tracklay import errors  # noqa: E402
from tracklay.blender.runtime import dispatcher, presence, requests, timeline_scan  # noqa: E402
from tracklay.blender.runtime.cue_status import running_cues  # noqa: E402
from tracklay.blender.sequencer import compat, cue_index, selection  # noqa: E402
from tracklay.blender.settings import catalogue  # noqa: E402
from tracklay.blender.settings.preferences import takes_folder  # noqa: E402
from tracklay.jobs import admin, create_job_spec  # noqa: E402
from tracklay.providers import base  # noqa: E402
from tracklay.providers.base import JobProgress  # noqa: E402

from tests.fakes.click_model import Clicker  # noqa: E402

chance = random.Random(SEED)  # noqa: S311 - not for cryptography
FILMS = [FOLDER / "one.blend", FOLDER / "two.blend"]
PATIENCE = 120.0
"""Seconds until `settle` fails."""


class UnreliableClicker(Clicker):
    """A clicking model that sometimes fails or loses a response, and counts each submission."""

    sent: ClassVar[Counter[str]] = Counter()
    capabilities = frozenset({"cancel"})

    async def submit(self, submission):
        self.sent[submission.id] += 1
        mood = chance.random()
        await asyncio.sleep(mood / 20)
        if mood < 0.06:
            raise errors.SubmissionUnknown("the connection was lost")
        if mood < 0.12:
            raise errors.RefusedInput("the model does not take this")
        return await super().submit(submission)

    async def poll(self, handle):
        mood = chance.random()
        if mood < 0.02:
            raise errors.ModelFailed("the model failed")
        if mood < 0.04:
            raise errors.ProviderUnavailable("the connection failed")
        return JobProgress("done") if mood > 0.6 else JobProgress("running", mood)

    async def cancel(self, handle):
        return chance.random() < 0.5


def scene():
    """Return the current scene."""
    return bpy.context.scene


def strips():
    """Return the strips of the current scene."""
    editor = scene().sequence_editor
    return list(editor.strips) if editor else []


def cue_strips():
    """Return the strips that have a cue."""
    return [strip for strip in strips() if cue_index.CUE_PROPERTY in strip]


def push_undo(step: str) -> None:
    """Push an undo step, as Blender does after its own operators."""
    bpy.ops.ed.undo_push(message=step)
    cue_index.shared_cue_index.is_dirty = True


def begin() -> None:
    """Build a timeline with four clips."""
    editor = scene().sequence_editor or scene().sequence_editor_create()
    scene().render.fps = 25
    scene().tracklay.model = "clicker/clicks"
    for number in range(4):
        editor.strips.new_movie(f"clip {number}", str(FOLDER / "clip.mp4"), 1 + number % 2, 1 + 70 * number)
    push_undo("begin")


def generate() -> None:
    """Request one or two takes for a clip."""
    clips = [strip for strip in strips() if strip.type == "MOVIE"]
    if not clips:
        return
    clip = chance.choice(clips)
    for strip in strips():
        strip.select = strip == clip
    try:
        (spot,) = selection.spot_ranges(scene())
        cue = requests.build_cue(spot, scene().tracklay, takes=chance.choice([1, 1, 2]), prompt=f"{chance.random()}")
        dispatcher.get_dispatcher().submit([(create_job_spec(cue, takes_folder(), "clip", catalogue.MODELS), spot)])
    except errors.TracklayError as error:
        if "free there" not in str(error):
            raise


def move() -> None:
    """Move a strip."""
    if strips():
        strip = chance.choice(strips())
        setattr(strip, compat.time_property("content_start", bpy.types.Strip), chance.randrange(1, 400))
        push_undo("move")


def trim() -> None:
    """Trim a cue strip by some frames."""
    if cue_strips():
        strip = chance.choice(cue_strips())
        if compat.strip_frames(strip) > 10:
            compat.set_strip_frames(strip, compat.strip_frames(strip) - chance.randrange(1, 5))
            push_undo("trim")


def split() -> None:
    """Split a cue strip in the middle."""
    if not cue_strips():
        return
    chosen = chance.choice(cue_strips())
    for strip in strips():
        strip.select = strip == chosen
    scene().sequence_editor.active_strip = chosen
    with compat.sequencer_context(scene()) as works:
        if works and bpy.ops.sequencer.split.poll():
            bpy.ops.sequencer.split(frame=compat.strip_start(chosen) + compat.strip_frames(chosen) // 2)
    push_undo("split")


def delete() -> None:
    """Delete a cue strip."""
    if cue_strips():
        scene().sequence_editor.strips.remove(chance.choice(cue_strips()))
        push_undo("delete")


def undo() -> None:
    """Undo, if possible."""
    if bpy.ops.ed.undo.poll():
        bpy.ops.ed.undo()


def redo() -> None:
    """Redo, if possible."""
    if bpy.ops.ed.redo.poll():
        bpy.ops.ed.redo()


def save() -> None:
    """Save the open file."""
    path = Path(bpy.data.filepath) if bpy.data.filepath else FILMS[0]
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def reopen() -> None:
    """Open one of the two files, without saving; create it if it does not exist."""
    path = chance.choice(FILMS)
    if path.exists():
        bpy.ops.wm.open_mainfile(filepath=str(path))
    else:
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        begin()
        bpy.ops.wm.save_as_mainfile(filepath=str(path))


def new_scene() -> None:
    """Add an empty scene or a copy of this one, up to four; then switch between them."""
    if len(bpy.data.scenes) < 4:
        chosen_scene = scene().copy() if chance.random() < 0.5 else bpy.data.scenes.new("more")
    else:
        chosen_scene = chance.choice(list(bpy.data.scenes))
    bpy.context.window_manager.windows[0].scene = chosen_scene
    if chosen_scene.sequence_editor is None:
        begin()
    push_undo("scene")


def switch() -> None:
    """Unregister the add-on and register it again."""
    tracklay.unregister()
    tracklay.register()
    base.register("clicker", UnreliableClicker)


def work() -> None:
    """Call the dispatcher as its timer does, some times."""
    for _ in range(chance.randrange(1, 12)):
        if not dispatcher.get_dispatcher().process():
            time.sleep(0.02)


ACTS = {
    generate: 6,
    move: 4,
    trim: 2,
    split: 2,
    delete: 2,
    undo: 4,
    redo: 3,
    save: 2,
    reopen: 1,
    new_scene: 1,
    switch: 1,
    work: 10,
}


def settle() -> None:
    """Process events until no job runs and the timeline is scanned."""
    end = time.monotonic() + PATIENCE
    dispatcher.get_dispatcher().on_file_opened()
    while (
        dispatcher.get_dispatcher().process()
        or dispatcher.get_dispatcher().is_busy
        or cue_index.shared_cue_index.is_dirty
    ):
        assert time.monotonic() < end, {
            cue: (line.message, line.finished, line.blocked_reasons) for cue, line in running_cues().items()
        }
        time.sleep(0.005)


def check() -> dict[str, int]:
    """Assert that the ledger and the timeline agree, and return the counts."""
    jobs = {}
    for job in sorted(
        admin.list_jobs(include_finished=True)["jobs"], key=lambda job: (job["state"] == "laid", job["id"])
    ):
        jobs[job["cue"], job["take"] - 1] = job
    assert all(count == 1 for count in UnreliableClicker.sent.values()), "a job was submitted twice"
    sent = sum(job["submitted_at"] is not None for job in admin.list_jobs(include_finished=True)["jobs"])
    # The add-on was unregistered between the stored intent and the submission: unknown, so the user decides about a resubmission.
    unknown = sum(job["state"] in ("unclear", "cancelled") for job in jobs.values())
    received = sum(UnreliableClicker.sent.values())
    assert 0 <= sent - received <= unknown, f"{received} submissions for {sent} jobs"
    empty = filled = 0
    for each in bpy.data.scenes:
        seen: list[tuple[tuple[str, int], int, int, int]] = []
        for strip in each.sequence_editor.strips_all if each.sequence_editor else ():
            which = cue_index.get_take_tag(strip)
            if which is None:
                continue
            key, job = (which.cue, which.take), jobs.get((which.cue, which.take))
            line = running_cues().get(which.cue)
            if cue_index.ENTRY_PROPERTY in strip:
                filled += 1
                assert job is not None, f"{key} is laid, and the ledger has no job of it"
                assert job["state"] == "laid", f"{key} is laid, and its job is {job['state']}"
                file = cue_index.sound_file(strip.sound)
                assert file.is_file()
                assert file.name == cue_index.parse_entry(strip[cue_index.ENTRY_PROPERTY])["file"], (
                    "the sound is not the file of the entry"
                )
            else:
                empty += 1
                reason = strip.get(cue_index.ERROR_PROPERTY) or (line and (line.error or line.blocked_reasons))
                assert reason, f"{key} is empty without a reason: {job and job['state']}"
                assert job is None or job["state"] not in ("laid", "ready"), f"{key} is empty, and its take is finished"
            place = (key, compat.strip_start(strip), compat.strip_end(strip), strip.channel)
            assert not any(
                other[0] == key and other[1] < place[2] and other[2] > place[1] and other[3] == place[3]
                for other in seen
            ), f"{key} is laid twice"
            seen.append(place)
    for job in jobs.values():
        if job["state"] in ("laid", "ready"):
            assert all((Path(job["project"]) / name).is_file() for name in job["files"]), "a take is lost"
    return {"empty": empty, "filled": filled, "jobs": len(jobs), "sent": sent}


def main() -> None:
    """Run the session and check the files."""
    presence.DELETION_GRACE_SECONDS, timeline_scan.SCAN_INTERVAL_SECONDS = 0.1, 0.02
    tracklay.register()
    base.register("clicker", UnreliableClicker)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    begin()
    done: Counter[str] = Counter()
    for _ in range(STEPS):
        (act,) = chance.choices(list(ACTS), list(ACTS.values()))
        with (FOLDER / "acts.txt").open("a") as file:
            file.write(f"{act.__name__}\n")
        act()
        done[act.__name__] += 1
    counts = []
    for film in [None, *(film for film in FILMS if film.exists())]:
        if film is not None:
            bpy.ops.wm.open_mainfile(filepath=str(film))
        settle()
        dispatcher.get_dispatcher().runner.wait_for_laid()
        counts.append(check())
    states = Counter(job["state"] for job in admin.list_jobs(include_finished=True)["jobs"])
    (FOLDER / "result.json").write_text(json.dumps({"acts": done, "files": counts, "states": states}))
    tracklay.unregister()


if __name__ == "__main__":
    main()
