"""Runs in a Blender without a window, from the sources: the numbers in proxies against those in that Blender's own render.

Started as `blender -b --factory-startup --python frame_numbers.py -- PACKAGES FOLDER`: PACKAGES is a folder of Python's, whose plain packages
this Blender's Python can use too. What was found goes to FOLDER/told.json.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
PACKAGES, FOLDER = sys.argv[-2:]
sys.path.append(PACKAGES)

import bpy  # noqa: E402

from tests.blender.sequencer.frame_compare import READ_AT, RENDERED_AT, Sources, compared, read_at, rendered_at  # noqa: E402


def main() -> None:
    """Compare all that is wanted; a scene of its own for each rate."""
    warnings.simplefilter("error", DeprecationWarning)
    folder = Path(FOLDER)
    sources = Sources(folder)
    ways: dict[str, str] = {}
    faults: list[str] = []
    wanted = [(rates, read_at(*rates)) for rates in READ_AT] + [(rates, rendered_at()) for rates in RENDERED_AT]
    for (source, timeline), cases in wanted:
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        scene = bpy.context.scene
        scene.sequence_editor_create()
        print(f"{len(cases)} cases from {source} at {timeline}", flush=True)  # noqa: T201 - the whole matrix takes its time
        try:
            ways |= compared(scene, cases, sources(source), timeline, folder)
        except AssertionError as error:
            faults.append(f"{source} at {timeline}: {error}")
    (folder / "told.json").write_text(json.dumps({"ways": ways, "faults": faults}))


main()
