"""Makes docs/screenshots.md, its pictures and the README's from the scenes that tests/window/screenshots.py sets up in Blender.

Everything in them is made now: the clip by `tracklay demo`'s own painter, the sound by the sketch engine and a stand-in, in a Blender 5.2
whose window nobody sees (see tests/window/xvfb_blender.py, which needs Xvfb). Run it again whenever a panel changes:
`python scripts/docs/screenshots.py`. `--to FOLDER` writes the pictures there instead, and `--check` only checks the page.
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
"""Two places in the status bar."""

PREFERENCES = (960, 680)
"""Pixels of the preferences' window."""

PATIENCE_SECONDS = 240.0
STAND_IN = (
    MODEL.replace("Clicks at flashes", "Stand-in foley")
    + '\n[parameters.prompt]\ntype = "text"\nrole = "prompt"\nhelp = "What should be heard."\n'
)
"""A model whose work can be held up, fail and be lost."""

COLOURS = 128
README = "blender"
PAGE = ROOT / "docs" / "screenshots.md"

PICTURES = {
    README: "A clip with music and foley laid above it, connected to it. The tab says what is selected, what will be made, and its price.",
    "running": "The spotting list. What is on its way says how far it is, and can be cancelled.",
    "failed": "What went wrong stands on its cue, in words, with what to do.",
    "unclear": "Work of which nobody knows whether the provider has it: the person decides.",
    "takes": "The takes of a cue: one is heard, the others are muted. Go from one to the next, compare two, keep one.",
    "markers": "An effect at each marker that is named like `sfx: mallet on wood`, laid on its frame.",
    "models": "The models by what they are for. Those that cannot be used now say why.",
    "menu": "All of it in the Strip menu and the strips' context menu, with its keys.",
    "twice-as-large": "At twice the resolution scale, on 1280 pixels.",
    "german": "In the person's language.",
    "preferences": "Preferences: folder, rate, budget, keys. A key that the environment has is greyed.",
}
"""What each shows, in the page's order."""


def page() -> str:
    """The page."""
    parts = [
        "# Gallery",
        "Tracklay in Blender 5.2, at 1280 x 720. `python scripts/docs/screenshots.py` makes these pictures anew.",
    ]
    for name, caption in PICTURES.items():
        parts.append(f"![{caption}]({'' if name == README else 'screenshots/'}{name}.png)\n\n{caption}")
    return "\n\n".join(parts) + "\n"


def place(name: str, to: Path) -> Path:
    """Where a picture lies."""
    return to / (f"{name}.png" if name == README else f"screenshots/{name}.png")


def take(display: str, name: str, box: list[int] | None, folder: Path, to: Path) -> None:
    """Take one: `box` is left, bottom, right and top in Blender's pixels, which count from below."""
    image = Image.open(xvfb_blender.shot(display, folder / f"{name}.png")).convert("RGB")
    if box is not None:
        left, bottom, right, top = box
        image = image.crop((left, SCREEN[1] - top, right, SCREEN[1] - bottom))
    path = place(name, to)
    path.parent.mkdir(parents=True, exist_ok=True)
    # One colour table instead of three bytes a pixel: a page of flat grey needs no more.
    image.quantize(COLOURS).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def pictures(to: Path) -> None:
    """Take all of them."""
    with tempfile.TemporaryDirectory(prefix="tracklay-gallery-") as name, xvfb_blender.display(SCREEN) as display:
        folder = Path(name)
        (folder / "home" / "models").mkdir(parents=True)
        (folder / "home" / "models" / "clicker.toml").write_text(STAND_IN)
        make_clip(folder / "demo.mp4")
        os.environ["TRACKLAY_TEST_SECONDS"] = str(PATIENCE_SECONDS)
        blender = xvfb_blender.installed(display, folder, SCREEN)
        try:
            process = blender.start("all_of_it", folder)
            until = time.monotonic() + PATIENCE_SECONDS
            for corner in itertools.cycle(CORNER):
                # Kept moving out there: where the pointer rests a tooltip opens.
                ask(display, "mousemove", *map(str, corner))
                for ready in sorted(folder.glob("*.ready")):
                    take(display, ready.stem, json.loads(ready.read_text()), folder, to)
                    ready.rename(ready.with_suffix(".taken"))
                if (folder / "escape").exists():
                    ask(display, "key", "Escape")
                    (folder / "escape").unlink()
                if (folder / "move").exists():
                    # No window manager runs there: Blender's second window lies half outside.
                    found = subprocess.run(
                        ["xdotool", "search", "--name", "Preferences"],  # noqa: S607 - tests/window needs it on PATH too
                        env={**os.environ, "DISPLAY": display},
                        capture_output=True,
                        text=True,
                        check=False,
                    )
                    for window in found.stdout.split():
                        ask(display, "windowsize", window, *map(str, PREFERENCES))
                        ask(display, "windowmove", window, "160", "20")
                    (folder / "move").unlink()
                if process.poll() is not None or time.monotonic() > until:
                    break
                time.sleep(0.1)
            blender.told(process, folder)
        finally:
            blender.end()


def ask(display: str, *words: str) -> None:
    """Do something with the display's pointer or keys."""
    program = shutil.which("xdotool") or "xdotool"
    subprocess.run([program, *words], env={**os.environ, "DISPLAY": display}, check=True)


def main() -> int:
    """Make the page and the pictures."""
    parser = argparse.ArgumentParser(description="Makes the gallery.")
    parser.add_argument("--to", type=Path, default=PAGE.parent, help="where the pictures go (default: docs/)")
    parser.add_argument("--check", action="store_true", help="say whether the page is up to date, and make nothing")
    arguments = parser.parse_args()
    if arguments.check:
        missing = [name for name in PICTURES if not place(name, PAGE.parent).is_file()]
        return int(bool(missing) or not PAGE.exists() or PAGE.read_text("utf-8") != page())
    pictures(arguments.to)
    if arguments.to == PAGE.parent:
        PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
