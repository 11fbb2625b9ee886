"""What enabling the add-on costs Blender's start: time, and the modules that come along.

Each run is a fresh process: Blender alone, with an add-on that does nothing, with Tracklay; in turn, so that a busy
machine slows all three. Run it with a Python that has bpy, or name a Blender:

    python benchmarks/addon_startup.py [--blender PROGRAM] [--runs N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parent.parent

MARK = "register-benchmark "
"""Begins the one line in a process's output that is for us: Blender says things of its own."""

PROBE = """
import json, sys, time
import bpy
folder, name = {folder!r}, {name!r}
sys.path.insert(0, folder)
before = set(sys.modules)
begun = time.perf_counter()
if name:
    __import__(name).register()
taken = time.perf_counter() - begun
print({mark!r} + json.dumps({{"seconds": taken, "modules": sorted(set(sys.modules) - before)}}), flush=True)
"""

EMPTY = '"""An add-on that does nothing."""\n\n\ndef register():\n    pass\n'

UNWANTED = {"anyio", "asyncio", "ffmpeg", "httpcore", "httpx", "imageio_ffmpeg", "moviepy", "numpy", "rich", "sqlite3"}
"""What work needs and being there does not: slow to import, it must not come with `register`."""


class Run(TypedDict):
    """What one process told: seconds of import and `register`, seconds of its whole life, and what came along."""

    seconds: float
    life: float
    modules: list[str]


def run(blender: str | None, folder: Path, name: str) -> Run:
    """Start Blender, register the add-on `name` from `folder` (none where it is empty), and end.

    Raises:
        SystemExit: it failed; its own words are shown.
    """
    code = PROBE.format(folder=str(folder), name=name, mark=MARK)
    begun = time.perf_counter()
    command = (
        [blender, "--background", "--factory-startup", "--python-exit-code", "1", "--python-expr", code]
        if blender
        else [sys.executable, "-c", code]
    )
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    life = time.perf_counter() - begun
    told = [line for line in answer.stdout.splitlines() if line.startswith(MARK)]
    if answer.returncode or not told:
        sys.exit(f"{name or 'Blender alone'} failed:\n{answer.stdout}{answer.stderr}")
    said = json.loads(told[0].removeprefix(MARK))
    return {"life": life, "seconds": said["seconds"], "modules": said["modules"]}


def main() -> int:
    """Measure and print a table; status 1 where `register` brings what it must not."""
    parser = argparse.ArgumentParser(description="What enabling the add-on costs Blender's start.")
    parser.add_argument("--blender", metavar="PROGRAM", help="a Blender (default: the bpy module of this Python)")
    parser.add_argument("--runs", type=int, default=7, metavar="N", help="processes of each kind (default: 7)")
    options = parser.parse_args()
    runs: dict[str, list[Run]] = {"Blender alone": [], "empty add-on": [], "Tracklay": []}
    with tempfile.TemporaryDirectory() as here:
        (Path(here) / "empty_addon.py").write_text(EMPTY, "utf-8")
        # The first start fills the disk cache and writes byte code: it is not counted.
        run(options.blender, ROOT, "addon")
        for _ in range(options.runs):
            runs["Blender alone"].append(run(options.blender, ROOT, ""))
            runs["empty add-on"].append(run(options.blender, Path(here), "empty_addon"))
            runs["Tracklay"].append(run(options.blender, ROOT, "addon"))

    start = statistics.median(each["life"] for each in runs["Blender alone"])
    print(f"{f'medians of {options.runs}':<16}{'import + register':>18}{'of a start':>12}{'whole process':>16}")
    for name, found in runs.items():
        seconds = statistics.median(each["seconds"] for each in found)
        life = statistics.median(each["life"] for each in found)
        print(f"{name:<16}{seconds * 1e3:>15.1f} ms{seconds / start:>12.2%}{life * 1e3:>13.0f} ms")

    came = set().union(*(each["modules"] for each in runs["Tracklay"]))
    own = {name for name in came if name.partition(".")[0] in {"addon", "tracklay"}}
    others = {name.partition(".")[0] for name in came - own}
    print(f"came along: {len(own)} modules of its own; {', '.join(sorted(others)) or 'nothing else'}")
    if unwanted := sorted(others & UNWANTED):
        print(f"not needed to register, and slow to import: {', '.join(unwanted)}")
    return 1 if unwanted else 0


if __name__ == "__main__":
    sys.exit(main())
