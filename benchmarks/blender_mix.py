"""Measures Mix and Clear Mix on a timeline of 2,000 sounds: the slices on Blender's thread, and Blender's own work beside them.

    PYTHON_WITH_BPY benchmarks/blender_mix.py [STRIPS]
    blender -b --factory-startup --python benchmarks/blender_mix.py -- [STRIPS]

Compares the mixdown of one scene with the mix that the command makes of the same sounds, and of an .otio with them:

    python benchmarks/blender_mix.py compare HOST...      programs: Blender, or a Python with bpy
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
FOLDER = Path(tempfile.mkdtemp())
os.environ["TRACKLAY_HOME"] = str(FOLDER)

import numpy as np

from tests.blender.mixing.scenes import (
    lay_sounds,
    lufs,
    make_hits,
    make_music,
    make_voice,
    mix_by_command,
    mix_of_timeline,
    mixdown,
    momentary,
    true_peak_db,
    write_sounds,
    write_wav,
)

STRIP_FRAMES, CHANNELS = 25, 20
"""Length of a strip, and channels that they are spread over, so that they overlap as on a crowded timeline."""

LIMIT_MS = 2.0

CASES = (("film", None), ("documentary", None), ("social", None), ("social", -12.0), ("social", -10.0))
"""Presets and targets that are compared: more and more has to be limited."""

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


def write_mixdowns(folder: Path) -> None:
    """Write the mixdown of each case, in Blender, and what its mix measured."""
    import bpy

    measured = {}
    sounds = {path.stem: path for path in sorted(folder.glob("sounds/*.wav"))}
    for number, (preset, target) in enumerate(CASES):
        scene = start_scene()
        lay_sounds(scene, sounds)
        from tracklay.blender.runtime.mixing.mix_job import MixJob, MixSettings

        MixJob(scene, MixSettings(preset, target)).run_to_end()
        measured[number] = json.loads(scene["tracklay_mix_result"])["limiting_db"]
        mixdown(scene, folder / f"blender {number}.wav")
    (folder / "blender.json").write_text(json.dumps([bpy.app.version_string, *measured.values()]))


def compare(hosts: list[str]) -> None:
    """Print how far the mixdown of each host is from the command's mixes."""
    from tracklay.mix.decoded_sound import DecodedSounds

    (FOLDER / "sounds").mkdir()
    sounds = write_sounds(FOLDER / "sounds")
    made = [(mix_by_command(sounds, FOLDER, *case), mix_of_timeline(sounds, FOLDER, *case)) for case in CASES]
    print("the mixdown against the command's mix, and that of an .otio: integrated, and the worst moment of 0.4 s")
    for host in hosts:
        script = [str(Path(__file__).resolve())]
        blender = [] if "python" in host else ["-b", "--factory-startup", "--python-exit-code", "1", "--python"]
        rest = ["mixdowns", str(FOLDER)] if "python" in host else ["--", "mixdowns", str(FOLDER)]
        subprocess.run([host, *blender, *script, *rest], check=True, capture_output=True)
        version, *limited = json.loads((FOLDER / "blender.json").read_text())
        for number, (preset, target) in enumerate(CASES):
            with DecodedSounds(FOLDER) as decoded:
                opened = decoded.open(FOLDER / f"blender {number}.wav")
                heard = opened.read(0, len(made[number][0]))
            texts = []
            for other in made[number]:
                moments = (momentary(heard) - momentary(other))[:-1]  # Blender ends with the start of the last frame
                texts.append(f"{lufs(heard) - lufs(other):+.2f} LU, {moments.min():+.2f} to {moments.max():+.2f} LU")
            name = preset if target is None else f"{preset} at {target:g} LUFS"
            print(f"  {version:10} {name:20} {limited[number]:4.1f} dB limited: {'; '.join(texts)}", end="")
            print(f"; true peak {true_peak_db(heard):.2f} dB", flush=True)


def start_scene() -> Any:
    """Return an empty scene of an empty file, with the extension registered."""
    import bpy
    import tracklay

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    if not hasattr(bpy.types.Scene, "tracklay_mix"):
        tracklay.register()
    bpy.context.scene.sequence_editor_create()
    return bpy.context.scene


def main() -> None:
    """Run what the arguments ask for."""
    if "compare" in sys.argv:
        compare(sys.argv[sys.argv.index("compare") + 1 :])
        return
    if "mixdowns" in sys.argv:
        write_mixdowns(Path(sys.argv[-1]))
    else:
        measure_slices()
    sys.stdout.flush()
    os._exit(0)  # the module may wait for a decoder thread


def measure_slices() -> None:
    """Mix, mix again, and clear."""
    import bpy

    count = int(sys.argv[-1]) if sys.argv[-1].isdigit() else 2000
    scene = start_scene()
    from tracklay.blender.runtime.mixing.mix_job import MixJob, MixSettings
    from tracklay.blender.sequencer import placement

    push_undo = placement.push_undo

    def timed_push(*arguments: Any) -> None:
        start = time.thread_time()
        push_undo(*arguments)
        UNDO.append(time.thread_time() - start)

    vars(placement)["push_undo"] = timed_push
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


if __name__ == "__main__":
    main()
