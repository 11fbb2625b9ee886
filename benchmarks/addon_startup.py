"""Measures the time that enabling the add-on adds to Blender's start, and lists the modules that it imports.

Each run is a new process: Blender alone, with an empty add-on, and with Tracklay. They alternate, so that a busy machine slows
all three. Run it with a Python that has bpy, or name a Blender:

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
"""Prefix of our line in the output of a process, among Blender's own lines."""

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
"""Packages that are slow to import and only needed by jobs: `register` must not import them."""


class Run(TypedDict):
    """Measurement of one process: seconds of import and `register`, seconds of the whole process, and the imported modules."""

    seconds: float
    life: float
    modules: list[str]


def run(blender: str | None, folder: Path, name: str) -> Run:
    """Start Blender, register the add-on `name` from `folder` (none if `name` is empty), and quit.

    Raises:
        SystemExit: the process failed; its output is printed.
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
    lines = [line for line in answer.stdout.splitlines() if line.startswith(MARK)]
    if answer.returncode or not lines:
        sys.exit(f"{name or 'Blender alone'} failed:\n{answer.stdout}{answer.stderr}")
    result = json.loads(lines[0].removeprefix(MARK))
    return {"life": life, "seconds": result["seconds"], "modules": result["modules"]}


def main() -> int:
    """Measure and print a table. Return 1 if `register` imports an unwanted package."""
    parser = argparse.ArgumentParser(description="Measure the time that enabling the add-on adds to Blender's start.")
    parser.add_argument(
        "--blender", metavar="PROGRAM", help="Blender to start (default: the bpy module of this Python)"
    )
    parser.add_argument("--runs", type=int, default=7, metavar="N", help="processes of each kind (default: 7)")
    options = parser.parse_args()
    runs: dict[str, list[Run]] = {"Blender alone": [], "empty add-on": [], "Tracklay": []}
    with tempfile.TemporaryDirectory() as here:
        (Path(here) / "empty_addon.py").write_text(EMPTY, "utf-8")
        # Warm-up: the first start fills the disk cache and writes byte code.
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

    imported = set().union(*(each["modules"] for each in runs["Tracklay"]))
    own = {name for name in imported if name.partition(".")[0] in {"addon", "tracklay"}}
    others = {name.partition(".")[0] for name in imported - own}
    print(f"imported: {len(own)} modules of its own; {', '.join(sorted(others)) or 'nothing else'}")
    if unwanted := sorted(others & UNWANTED):
        print(f"unwanted, because slow to import: {', '.join(unwanted)}")
    return 1 if unwanted else 0


if __name__ == "__main__":
    sys.exit(main())
