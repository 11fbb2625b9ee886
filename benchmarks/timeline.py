"""What reading a selection costs in a long timeline, and what Blender's own copy of it does.

    python benchmarks/timeline.py [--strips N]

Wants the bpy module, or Blender: `blender --background --python benchmarks/timeline.py`. One movie strip among N is read, as Generate
does, and against it the same in a timeline of a hundred. What the copy for a render costs is Blender's, and is told apart.
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

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("TRACKLAY_HOME", tempfile.mkdtemp(prefix="tracklay-bench-"))

import bpy

import addon
from addon.blender import copies, pictures
from addon.media import ffmpeg

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
    subprocess.run([ffmpeg.program(), "-v", "error", "-y", *drawn], check=True)
    return path


def timeline(count: int, movie: Path) -> Any:
    """A scene with so many strips one after the other; the one in the middle is a movie, and selected."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    strips = scene.sequence_editor_create().strips
    named = strips.bl_rna.functions["new_effect"].parameters.keys()
    for number in range(count - 1):
        start = number * LONG
        length = {"length": LONG} if "length" in named else {"frame_end": start + LONG}
        strips.new_effect(f"colour {number}", "COLOR", 1, start, **length)
    made = strips.new_movie("movie", str(movie), 2, count * LONG // 2)
    for strip in strips:
        strip.select = False
    made.select = True
    return scene


def measured(act: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median of several rounds, in milliseconds of this thread's processor time: other programs don't matter."""
    times = []
    for _ in range(rounds):
        begun = time.thread_time()
        act()
        times.append((time.thread_time() - begun) * 1000)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strips", type=int, default=10_000)
    given = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:] if bpy.app.module else []
    options = parser.parse_args(given)
    addon.register()
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        movie = clip(Path(folder))
        for count in (FEW, options.strips):
            scene = timeline(count, movie)
            chosen = [(scene.sequence_editor.strips_all["movie"], count * LONG // 2, LONG)]
            (spot,) = pictures.spots(scene)
            ways: dict[str, Callable[[], object]] = {
                "looking for the selection": lambda scene=scene: pictures.selected(scene),  # type: ignore[misc]
                "reading one strip": lambda scene=scene, chosen=chosen: pictures.spots(scene, chosen),  # type: ignore[misc]
                "both, as Generate does": lambda scene=scene: pictures.spots(scene),  # type: ignore[misc]
                "finding it again to lay": lambda scene=scene, spot=spot: pictures.find(scene, spot),  # type: ignore[misc]
            }
            for name, way in ways.items():
                found.setdefault(name, []).append(measured(way))
            own = "Blender's own copy for a render"
            found.setdefault(own, []).append(measured(lambda scene=scene: copies.write(scene.name), 2))  # type: ignore[misc]
    print(f"Blender {bpy.app.version_string}: {FEW} strips against {options.strips}, medians")
    for name, (few, many) in found.items():
        print(f"{name:32} {few:9.3f} ms {many:9.3f} ms {many / few:7.2f} x")
    addon.unregister()


if __name__ == "__main__":
    main()
