"""Measures Mix and Clear Mix on a timeline of 2,000 sounds: the slices on Blender's thread, and Blender's own work beside them.

Run with a Python that has the bpy module, or `blender -b --factory-startup --python benchmarks/blender_mix.py -- [STRIPS]`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
FOLDER = Path(tempfile.mkdtemp())
os.environ["TRACKLAY_HOME"] = str(FOLDER)

import bpy
import numpy as np
import tracklay

from tests.blender.mixing.scenes import make_hits, make_music, make_voice, write_wav

STRIP_FRAMES, CHANNELS = 25, 20
"""Length of a strip, and channels that they are spread over, so that they overlap as on a crowded timeline."""

LIMIT_MS = 2.0
UNDO: list[float] = []
"""Seconds that Blender's undo step took in the last slice."""


def lay(scene: Any, count: int) -> None:
    """Lay sounds of one second: a tenth speech, the others music and effects."""
    scene.render.fps = 25
    files = {
        "DX": write_wav(FOLDER / "DX.wav", make_voice(4.5)[-48_000:]),
        "Music": write_wav(FOLDER / "Music.wav", make_music(1)),
        "foley": write_wav(FOLDER / "foley.wav", make_hits(1)),
    }
    for number in range(count):
        kind = ("DX", "Music", "foley")[min(2, number % 10)]
        channel, place = 1 + number % CHANNELS, number // CHANNELS
        start = 1 + place * (STRIP_FRAMES + 10) + 3 * channel
        scene.sequence_editor.strips.new_sound(f"{kind} {number}", str(files[kind]), channel, start)
    scene.frame_end = 1 + (count // CHANNELS + 1) * (STRIP_FRAMES + 10)


def measure(name: str, job: Any) -> None:
    """Run a job in slices as the timer does, and print how long they took."""
    slices: list[tuple[float, str]] = []
    began = time.perf_counter()
    while not job.is_done:
        # The time of this thread: on a busy machine others take turns with it.
        stage, start = job.stage, time.thread_time()
        UNDO.clear()
        job.run_slice()
        slices.append(((time.thread_time() - start - sum(UNDO)) * 1000, stage))
        if job.stage == "Listening":
            time.sleep(0.05)
    if job.error is not None:
        raise job.error
    took = np.array([each for each, _ in slices])
    worst = sorted(slices, reverse=True)[:4]
    busy = took[took > 0.1]
    print(
        f"{name}: {len(busy)} slices in {time.perf_counter() - began:.1f} s, median {np.median(busy):.2f} ms,"
        f" 99 % below {np.percentile(busy, 99):.2f} ms, {(took > LIMIT_MS).sum()} over {LIMIT_MS:g} ms; longest "
        + ", ".join(f"{ms:.1f} ms ({stage})" for ms, stage in worst)
    )
    print(f"  beside it, Blender's own undo step: {sum(UNDO) * 1000:.0f} ms")


def main() -> None:
    """Mix, mix again, and clear."""
    count = int(sys.argv[-1]) if sys.argv[-1].isdigit() else 2000
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    tracklay.register()
    from tracklay.blender.runtime.mixing.mix_job import MixJob, MixSettings
    from tracklay.blender.sequencer import placement

    push_undo = placement.push_undo

    def timed_push(*arguments: Any) -> None:
        start = time.thread_time()
        push_undo(*arguments)
        UNDO.append(time.thread_time() - start)

    vars(placement)["push_undo"] = timed_push
    scene = bpy.context.scene
    scene.sequence_editor_create()
    lay(scene, count)
    bpy.context.view_layer.update()
    print(f"Blender {bpy.app.version_string}, {count} strips")
    for name in ("Mix", "Mix again", "Clear Mix"):
        measure(name, MixJob(scene, None if name.startswith("Clear") else MixSettings("film")))
        if name == "Mix":
            keys = [
                len(curve.keyframe_points)
                for curve in scene.animation_data.action.layers[0].strips[0].channelbags[0].fcurves
            ]
            print(f"  {len(keys)} curves, {sum(keys)} keys")
    sys.stdout.flush()
    os._exit(0)  # the module may wait for a decoder thread


if __name__ == "__main__":
    main()
