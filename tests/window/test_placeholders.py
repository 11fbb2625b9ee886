"""Placeholders in a real window: what a person sees, and what it costs them."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.clips import clicks, hear

from .conftest import FRAMES
from .xvfb_blender import shot

RATE = 25
BAR = (89, 191, 115)
"""Of what is done, red, green and blue."""

PATIENCE = 150.0
"""Seconds."""


def take_shots(display: str, process, folder: Path, *names: str) -> None:
    """Take each picture as soon as the scenario says that it can be taken; with TRACKLAY_SHOTS they are kept there."""
    kept = Path(os.environ["TRACKLAY_SHOTS"]) if "TRACKLAY_SHOTS" in os.environ else None
    for name in names:
        end = time.monotonic() + PATIENCE
        while not (folder / f"{name}.ready").exists():
            assert process.poll() is None, (folder / "log.txt").read_text()[-3000:]
            assert time.monotonic() < end
            time.sleep(0.1)  # there is nothing to wait on but the file
        picture = shot(display, folder / f"{name}.png")
        if kept is not None:
            kept.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, kept / f"placeholder-{name}.png")
        (folder / f"{name}.taken").touch()


def greens(picture: Path) -> int:
    """How many pixels have the colour of what is done of a bar (`addon/tracklay/blender/ui/overlay.py`)."""
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    return int((np.abs(pixels - BAR).max(axis=2) < 12).sum())


def test_a_placeholder_is_followed_and_undone_in_the_window(blender, display, folder):
    """There at once; moved and split, each part gets its take, to the sample; undo and redo leave none empty and none double."""
    process = blender.start("follow", folder)
    take_shots(display, process, folder, "working", "working-large", "landed")
    told = blender.told(process, folder)
    # The bars are green, whatever the scale, and gone when the takes are there.
    bars = [greens(folder / f"{name}.png") for name in ("working", "working-large", "landed")]
    assert bars[1] > 1.5 * bars[0] > 0 == bars[2]
    assert told["at_once"] == [
        [31, FRAMES, 2, False, "Clicks at flashes"],
        [31, FRAMES, 3, True, "Clicks at flashes.001"],
    ]
    assert told["landed"] == [[31, FRAMES, 3, True], [151, 49, 6, False], [200, 51, 6, False], [301, 80, 9, True]]
    assert told["elsewhere"] == [[301, 80, 291]]
    found = clicks(hear(folder / "mix.wav"))
    expected = [round((151 + flash - 1) / RATE * 48_000) for flash in (1, 20, 61, 97)]
    assert len(found) == len(expected), (found, expected)
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1
    # Back: two takes that came, the move, the Generate. A placeholder whose take has come is never empty.
    assert told["undone_and_redone"] == [[4, 4], [4, 4], [2, 2], [0, 0], [2, 2], [4, 4], [4, 4], [4, 4]]
