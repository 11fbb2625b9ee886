"""Measures the time that Tracklay takes on Blender's main thread, in a real window.

Scenarios: enabling the extension (`enabling`), two hundred jobs on a timeline of two thousand strips (`crowd`), and fifty clips at once,
read from their file (`extract_fifty`) or rendered by a background Blender (`render_fifty`).

    BLENDER=/path/to/blender python benchmarks/ui_latency.py [--seconds 420] [--only SCENARIO…]

Prints the longest call of each function in wall and processor time, with Blender's own functions listed separately. Wall time is only
meaningful on an idle machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tests.clips import flash_clip
from tests.fakes.click_model import MODEL
from tests.window import xvfb_blender

SCENARIOS = {"enabling": ("--factory-startup",), "crowd": (), "extract_fifty": (), "render_fifty": ()}
"""Name of each scenario to Blender's options for it."""


def main() -> None:
    """Run the scenarios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=420, help="longest time of a scenario (default: 420)")
    parser.add_argument("--only", nargs="*", choices=SCENARIOS, default=list(SCENARIOS))
    options = parser.parse_args()
    os.environ["TRACKLAY_TEST_SECONDS"] = str(options.seconds)
    with tempfile.TemporaryDirectory() as work, xvfb_blender.display() as display:
        blender = xvfb_blender.install_blender(display, Path(work))
        for scenario in options.only:
            folder = Path(work) / scenario
            (folder / "home" / "models").mkdir(parents=True)
            (folder / "home" / "models" / "clicker.toml").write_text(MODEL)
            flash_clip(folder / "flashes.mp4", Fraction(25), 100, (1, 20, 61, 97))
            try:
                results = blender.wait_for_results(blender.start(scenario, folder, *SCENARIOS[scenario]), folder)
            finally:
                blender.stop()
            print(f"== {scenario}")
            print_results(results)


def print_results(results: dict[str, object]) -> None:
    """Print the results of a scenario."""
    for name, figure in results.items():
        if not isinstance(figure, dict):
            print(f"{name}: {figure}")
            continue
        print(f"{name}: wall ms, processor ms")
        for function, (clock, processor) in figure.items():
            print(f"    {function:32} {clock:9.2f} {processor:9.2f}")


if __name__ == "__main__":
    main()
