"""What Tracklay costs on Blender's own thread, in a real window.

Enabling the extension (`enabling`), two hundred jobs under way among two thousand strips (`crowd`), and fifty clips that are extracted at
once: read from their file (`extract_fifty`), or rendered by another Blender (`render_fifty`).

    BLENDER=/path/to/blender python benchmarks/ui_latency.py [--seconds 420] [--only SCENARIO…]

Prints the longest of each kind of work, by the clock and of the processor, with Blender's own share told apart. The clock's figures
hold only on a machine that does nothing else; the processor's hold on any.
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
"""With what each wants of Blender."""


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=420, help="how long it may take at most")
    parser.add_argument("--only", nargs="*", choices=SCENARIOS, default=list(SCENARIOS))
    options = parser.parse_args()
    os.environ["TRACKLAY_TEST_SECONDS"] = str(options.seconds)
    with tempfile.TemporaryDirectory() as made, xvfb_blender.display() as display:
        blender = xvfb_blender.installed(display, Path(made))
        for scenario in options.only:
            folder = Path(made) / scenario
            (folder / "home" / "models").mkdir(parents=True)
            (folder / "home" / "models" / "clicker.toml").write_text(MODEL)
            flash_clip(folder / "flashes.mp4", Fraction(25), 100, (1, 20, 61, 97))
            try:
                told = blender.told(blender.start(scenario, folder, *SCENARIOS[scenario]), folder)
            finally:
                blender.end()
            print(f"== {scenario}")
            show(told)


def show(told: dict[str, object]) -> None:
    """Print what a scenario told."""
    for name, figure in told.items():
        if not isinstance(figure, dict):
            print(f"{name}: {figure}")
            continue
        print(f"{name}: milliseconds by the clock, of the processor")
        for what, (clock, processor) in figure.items():
            print(f"    {what:32} {clock:9.2f} {processor:9.2f}")


if __name__ == "__main__":
    main()
