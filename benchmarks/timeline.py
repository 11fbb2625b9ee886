"""What reading a selection costs in a long timeline, and what Blender's own copy of it does.

    python benchmarks/timeline.py [--strips N]

Wants the bpy module, or Blender: `blender --background --python benchmarks/timeline.py`. One movie strip, ten and fifty among N are read,
as Generate does, and against it the same in a timeline of a hundred; then with an effect over every third strip. What Blender needs
to go through its own list of strips, once to count them and once for a property of all, is told apart: it keeps no list of those that
are selected, nor of the effects over one. So is its copy for a render.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
os.environ.setdefault("TRACKLAY_HOME", tempfile.mkdtemp(prefix="tracklay-bench-"))

import bpy
import numpy as np
import tracklay
from tracklay.blender.sequencer import selection, timeline_copy
from tracklay.media import ffmpeg

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = 100
ROUNDS = 30
LONG = 50
"""Timeline frames of a strip."""


def clip(folder: Path) -> Path:
    """A second of grey."""
    path = folder / "clip.mp4"
    drawn = ["-f", "lavfi", "-i", "color=gray:s=64x36:r=25:d=2", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run([ffmpeg.find_ffmpeg(), "-v", "error", "-y", *drawn], check=True)
    return path


def timeline(count: int, movie: Path, selected: int, effects: int) -> Any:
    """A scene with so many strips one after the other; `selected` from the middle on are movies, and `effects` of the others blurred."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    strips = scene.sequence_editor_create().strips
    named = strips.bl_rna.functions["new_effect"].parameters.keys()
    taken = "input1" if "input1" in named else "seq1"
    for number in range(count - selected - effects):
        start = number * LONG
        length = {"length": LONG} if "length" in named else {"frame_end": start + LONG}
        colour = strips.new_effect(f"colour {number}", "COLOR", 1, start, **length)
        if number < effects:
            strips.new_effect(f"blur {number}", "GAUSSIAN_BLUR", 2, start, **length, **{taken: colour})
    movies = [strips.new_movie(f"movie {n}", str(movie), 3, (count // 2 + n) * LONG) for n in range(selected)]
    for strip in strips:
        strip.select = strip in movies
    return scene


def measured(act: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median of several rounds, in milliseconds of this thread's processor time: other programs don't matter."""
    times = []
    for _ in range(rounds):
        begun = time.thread_time()
        act()
        times.append((time.thread_time() - begun) * 1000)
    return statistics.median(times)


def of_one(count: int, movie: Path, selected: int, share: int) -> dict[str, float]:
    """What each thing costs in one timeline, in milliseconds; each `share`th strip is an effect, none where it is 0."""
    effects = (count - selected) // share if share else 0
    scene = timeline(count, movie, selected, effects)
    strips = scene.sequence_editor.strips
    column = np.zeros(len(strips), np.int32)

    def walked() -> None:
        """Counted and gone through for a property: for what is selected and for the types; with effects for their ends too."""
        for name in ("channel",) * (4 if effects else 2):
            len(strips)
            strips.foreach_get(name, column)

    spots = selection.spot_ranges(scene)
    return {
        "reading the selection": measured(lambda: selection.spot_ranges(scene)),
        "of it Blender's own way through its list": measured(walked),
        "finding it again to lay": measured(lambda: [selection.find_strip(scene, spot) for spot in spots]),
    } | (
        {}
        if selected > 1 or share
        else {"Blender's own copy for a render": measured(lambda: timeline_copy.write_scene_copy(scene.name), 2)}
    )


def told(selected: int, share: int, few: dict[str, float], many: dict[str, float]) -> None:
    """Print what one selection costs in both timelines."""
    print(f"{selected} selected" + (f", every {share}rd strip an effect" if share else ""))
    walks = "of it Blender's own way through its list"
    for name, (one, other) in {name: (few[name], many[name]) for name in few}.items():
        ours = ""
        if name == "reading the selection":
            ours = f"{(other - many[walks]) / (one - few[walks]):8.2f} x"
        print(f"    {name:48}{one:9.3f}{other:10.3f}{other / one:7.2f} x{ours}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strips", type=int, default=10_000)
    given = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:] if bpy.app.module else []
    options = parser.parse_args(given)
    tracklay.register()
    print(f"Blender {bpy.app.version_string}: {FEW} strips against {options.strips}, medians of the processor's time")
    print(f"{'':52}{'ms':>9}{'ms':>10}{'':>9}{'without':>10}")
    with tempfile.TemporaryDirectory() as folder:
        movie = clip(Path(folder))
        for selected, share in ((1, 0), (10, 0), (50, 0), (1, 3), (50, 3)):
            told(selected, share, *(of_one(count, movie, selected, share) for count in (FEW, options.strips)))
    tracklay.unregister()


if __name__ == "__main__":
    main()
