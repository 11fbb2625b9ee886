"""Measures reading a selection in a long timeline, and writing Blender's own copy of it.

    python benchmarks/timeline.py [--strips N]

Needs the bpy module, or Blender: `blender --background --python benchmarks/timeline.py`. It reads one, ten and fifty movie strips
among N as Generate does, and the same in a timeline of a hundred strips; then with an effect over every third strip. The time that
Blender needs to walk its own list of strips, once to count them and once for a property of each, is listed separately: Blender has
no list of the selected strips, nor of the effects over one. So is its copy for a render.
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
from tracklay.media import ffmpeg_program

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = 100
"""Strips of the short timeline."""

ROUNDS = 30
"""Measurements of each function; the median counts."""

LONG = 50
"""Length of a strip, in frames."""


def clip(folder: Path) -> Path:
    """Write a clip of two seconds of grey, and return its path."""
    path = folder / "clip.mp4"
    drawn = ["-f", "lavfi", "-i", "color=gray:s=64x36:r=25:d=2", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run([ffmpeg_program.find_ffmpeg(), "-v", "error", "-y", *drawn], check=True)
    return path


def timeline(count: int, movie: Path, selected: int, effects: int) -> Any:
    """Return a scene with `count` strips in a row: `selected` movies from the middle on, and `effects` blurs over the others."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    strips = scene.sequence_editor_create().strips
    # The parameters of `new_effect` have other names in other versions of Blender.
    parameters = strips.bl_rna.functions["new_effect"].parameters.keys()
    first_input = "input1" if "input1" in parameters else "seq1"
    for number in range(count - selected - effects):
        start = number * LONG
        length = {"length": LONG} if "length" in parameters else {"frame_end": start + LONG}
        colour = strips.new_effect(f"colour {number}", "COLOR", 1, start, **length)
        if number < effects:
            strips.new_effect(f"blur {number}", "GAUSSIAN_BLUR", 2, start, **length, **{first_input: colour})
    movies = [strips.new_movie(f"movie {n}", str(movie), 3, (count // 2 + n) * LONG) for n in range(selected)]
    for strip in strips:
        strip.select = strip in movies
    return scene


def measured(act: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median of several rounds, in milliseconds of this thread's processor time: other programs do not count."""
    times = []
    for _ in range(rounds):
        begun = time.thread_time()
        act()
        times.append((time.thread_time() - begun) * 1000)
    return statistics.median(times)


def measure_timeline(count: int, movie: Path, selected: int, share: int) -> dict[str, float]:
    """Return the time of each function in one timeline, in milliseconds. Every `share`th strip is an effect; none if it is 0."""
    effects = (count - selected) // share if share else 0
    scene = timeline(count, movie, selected, effects)
    strips = scene.sequence_editor.strips
    column = np.zeros(len(strips), np.int32)

    def walk_strips() -> None:
        """Count the strips and read a property of each: once for the selection, once for the types; with effects for their ends too."""
        for name in ("channel",) * (4 if effects else 2):
            len(strips)
            strips.foreach_get(name, column)

    spots = selection.spot_ranges(scene)
    return {
        "reading the selection": measured(lambda: selection.spot_ranges(scene)),
        "of it Blender's own walk of its list": measured(walk_strips),
        "finding it again to lay": measured(lambda: [selection.find_strip(scene, spot) for spot in spots]),
    } | (
        {}
        if selected > 1 or share
        else {"Blender's own copy for a render": measured(lambda: timeline_copy.write_scene_copy(scene.name), 2)}
    )


def print_times(selected: int, share: int, few: dict[str, float], many: dict[str, float]) -> None:
    """Print the times of one selection in both timelines."""
    print(f"{selected} selected" + (f", every {share}rd strip an effect" if share else ""))
    walks = "of it Blender's own walk of its list"
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
            print_times(
                selected, share, *(measure_timeline(count, movie, selected, share) for count in (FEW, options.strips))
            )
    tracklay.unregister()


if __name__ == "__main__":
    main()
