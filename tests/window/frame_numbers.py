"""Compares the frame numbers in proxies with those in Blender's own render. Runs in a Blender without a window, from the sources.

Started as `blender -b --factory-startup --python frame_numbers.py -- PACKAGES FOLDER`: PACKAGES is a site-packages folder,
whose pure-Python packages Blender's Python can use too. The result is written to FOLDER/results.json.
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

from tests.blender.sequencer.frame_compare import (  # noqa: E402
    RENDER_RATES,
    SOURCE_RATES,
    Sources,
    compare_cases,
    render_cases,
    source_cases,
)


def main() -> None:
    """Compare all cases, with a new scene for each frame rate."""
    warnings.simplefilter("error", DeprecationWarning)
    folder = Path(FOLDER)
    sources = Sources(folder)
    ways: dict[str, str] = {}
    faults: list[str] = []
    wanted = [(rates, source_cases(*rates)) for rates in SOURCE_RATES] + [
        (rates, render_cases()) for rates in RENDER_RATES
    ]
    for (source, timeline), cases in wanted:
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        scene = bpy.context.scene
        scene.sequence_editor_create()
        print(f"{len(cases)} cases from {source} at {timeline}", flush=True)  # noqa: T201 - progress: the whole matrix takes long
        try:
            ways |= compare_cases(scene, cases, sources(source), timeline, folder)
        except AssertionError as error:
            faults.append(f"{source} at {timeline}: {error}")
    (folder / "results.json").write_text(json.dumps({"ways": ways, "faults": faults}))


main()
