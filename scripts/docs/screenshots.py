"""Generates docs/screenshots.md and its pictures, docs/blender.png included, from the scenes of tests/window/screenshots.py.

The clip is the one of `tracklay demo`; the sounds come from the sketch models and a fake provider. Blender 5.2 runs on a virtual
display (tests/window/xvfb_blender.py, which needs Xvfb). Run it again after each change to a panel: `python scripts/docs/screenshots.py`.
`--to FOLDER` writes the pictures to another folder, and `--check` only checks the page.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay.demo import make_clip

from tests.fakes.click_model import MODEL
from tests.window import xvfb_blender

SCREEN = (1280, 720)
CORNER = ((1279, 719), (1270, 715))
"""Two positions in the status bar."""

PREFERENCES = (960, 680)
"""Size of the preferences window in pixels."""

TIMEOUT_SECONDS = 240.0
FAKE_MODEL = (
    MODEL.replace("Clicks at flashes", "Fake foley")
    + '\n[parameters.prompt]\ntype = "text"\nrole = "prompt"\nhelp = "Sounds to generate."\n'
)
"""A model whose jobs can run slowly, fail or be lost."""

COLOURS = 128
README = "blender"
PAGE = ROOT / "docs" / "screenshots.md"

PICTURES = {
    README: "A clip with music and foley above it. At the top of the tab, what Generate makes and costs; below, the first steps.",
    "one-cue": "One cue over three shots: its length and its price, before it is made.",
    "list": "The cue list, grouped by shot: search, filter, and what to do with a stale cue.",
    "running": "The cue list: a running cue shows its progress and can be cancelled.",
    "failed": "A failed cue shows its error, and can be tried again.",
    "unclear": "A cue whose submission got no response: check it again, send it again, or discard it.",
    "takes": "The takes of a cue: one is audible, the others are muted. Switch, compare, keep one.",
    "markers": "An effect at each marker named like `sfx: mallet on wood`, laid on its frame.",
    "models": "The models by task. Those that cannot be used show the reason.",
    "menu": "The operators in the Strip menu and the context menu, with their shortcuts.",
    "twice-as-large": "The sidebar at a resolution scale of 2.",
    "german": "The German interface.",
    "preferences": "Preferences: folder, jobs, budget, API keys.",
}
"""Caption of each picture, in the order of the page."""


def page() -> str:
    """Return the text of the page."""
    parts = [
        "# Screenshots",
        "Tracklay in Blender 5.2, at 1280 x 720. `python scripts/docs/screenshots.py` generates them.",
    ]
    for name, caption in PICTURES.items():
        parts.append(f"![{caption}]({'' if name == README else 'screenshots/'}{name}.png)\n\n{caption}")
    return "\n\n".join(parts) + "\n"


def picture_path(name: str, to: Path) -> Path:
    """Return the path of a picture."""
    return to / (f"{name}.png" if name == README else f"screenshots/{name}.png")


def take(display: str, name: str, box: list[int] | None, folder: Path, to: Path) -> None:
    """Take and write one picture. `box` is left, bottom, right and top in pixels, counted from the bottom; None: the whole window."""
    image = Image.open(xvfb_blender.take_screenshot(display, folder / f"{name}.png")).convert("RGB")
    if box is not None:
        left, bottom, right, top = box
        image = image.crop((left, SCREEN[1] - top, right, SCREEN[1] - bottom))
    path = picture_path(name, to)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A palette image is a third of the size, and flat grey panels look the same.
    image.quantize(COLOURS).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def pictures(to: Path) -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory(prefix="tracklay-screenshots-") as name, xvfb_blender.display(SCREEN) as display:
        folder = Path(name)
        (folder / "home" / "models").mkdir(parents=True)
        (folder / "home" / "models" / "clicker.toml").write_text(FAKE_MODEL)
        make_clip(folder / "demo.mp4")
        os.environ["TRACKLAY_TEST_SECONDS"] = str(TIMEOUT_SECONDS)
        blender = xvfb_blender.install_blender(display, folder, SCREEN)
        try:
            process = blender.start("all_of_it", folder)
            until = time.monotonic() + TIMEOUT_SECONDS
            for corner in itertools.cycle(CORNER):
                # The pointer keeps moving: a tooltip opens where it rests.
                run_xdotool(display, "mousemove", *map(str, corner))
                for ready in sorted(folder.glob("*.ready")):
                    take(display, ready.stem, json.loads(ready.read_text()), folder, to)
                    ready.rename(ready.with_suffix(".taken"))
                if (folder / "escape").exists():
                    run_xdotool(display, "key", "Escape")
                    (folder / "escape").unlink()
                if (folder / "move").exists():
                    # Without a window manager the preferences window is half outside the display.
                    found = subprocess.run(
                        ["xdotool", "search", "--name", "Preferences"],  # noqa: S607 - the window tests need it on PATH too
                        env={**os.environ, "DISPLAY": display},
                        capture_output=True,
                        text=True,
                        check=False,
                    )
                    for window in found.stdout.split():
                        run_xdotool(display, "windowsize", window, *map(str, PREFERENCES))
                        run_xdotool(display, "windowmove", window, "160", "20")
                    (folder / "move").unlink()
                if process.poll() is not None or time.monotonic() > until:
                    break
                time.sleep(0.1)
            blender.wait_for_results(process, folder)
        finally:
            blender.stop()


def run_xdotool(display: str, *words: str) -> None:
    """Run `xdotool` on the display."""
    program = shutil.which("xdotool") or "xdotool"
    subprocess.run([program, *words], env={**os.environ, "DISPLAY": display}, check=True)


def main() -> int:
    """Generate the page and the pictures."""
    parser = argparse.ArgumentParser(description="Generate docs/screenshots.md and its pictures.")
    parser.add_argument("--to", type=Path, default=PAGE.parent, help="folder of the pictures (default: docs/)")
    parser.add_argument("--check", action="store_true", help="only check that the page is up to date")
    arguments = parser.parse_args()
    if arguments.check:
        missing = [name for name in PICTURES if not picture_path(name, PAGE.parent).is_file()]
        return int(bool(missing) or not PAGE.exists() or PAGE.read_text("utf-8") != page())
    pictures(arguments.to)
    if arguments.to == PAGE.parent:
        PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
