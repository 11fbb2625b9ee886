"""Placeholders in a real window: progress bars, editing while a job runs, undo and redo."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.clips import clicks, hear

from .conftest import FRAMES
from .xvfb_blender import take_screenshot

RATE = 25
BAR = (89, 191, 115)
"""Red, green and blue of the finished part of a progress bar (`addon/tracklay/blender/ui/overlay.py`)."""

TIMEOUT = 150.0
"""Longest wait for a screenshot in seconds."""


def take_screenshots(display: str, process, folder: Path, *names: str) -> None:
    """Take each screenshot as soon as the scenario is ready. With TRACKLAY_SHOTS, copy them to that folder."""
    kept = Path(os.environ["TRACKLAY_SHOTS"]) if "TRACKLAY_SHOTS" in os.environ else None
    for name in names:
        end = time.monotonic() + TIMEOUT
        while not (folder / f"{name}.ready").exists():
            assert process.poll() is None, (folder / "log.txt").read_text()[-3000:]
            assert time.monotonic() < end
            time.sleep(0.1)  # the scenario only signals by a file
        picture = take_screenshot(display, folder / f"{name}.png")
        if kept is not None:
            kept.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, kept / f"placeholder-{name}.png")
        (folder / f"{name}.taken").touch()


def count_bar_pixels(picture: Path) -> int:
    """Return the number of pixels in the colour of a progress bar."""
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    return int((np.abs(pixels - BAR).max(axis=2) < 12).sum())


def test_a_placeholder_is_followed_and_undone_in_the_window(blender, display, folder):
    """Placeholders appear at once; after a move and a split each part has its take, to the sample; undo and redo keep them filled."""
    process = blender.start("follow", folder)
    take_screenshots(display, process, folder, "working", "working-large", "landed")
    results = blender.wait_for_results(process, folder)
    # The bars are visible at both scales, and gone when the takes are laid.
    bars = [count_bar_pixels(folder / f"{name}.png") for name in ("working", "working-large", "landed")]
    assert bars[1] > 1.5 * bars[0] > 0 == bars[2]
    assert results["at_once"] == [
        [31, FRAMES, 2, False, "Flashes · foley 1"],
        [31, FRAMES, 3, True, "Flashes · foley 2"],
    ]
    assert results["landed"] == [[31, FRAMES, 3, True], [151, 49, 6, False], [200, 51, 6, False], [301, 80, 9, True]]
    assert results["elsewhere"] == [[301, 80, 291]]
    found = clicks(hear(folder / "mix.wav"))
    expected = [round((151 + flash - 1) / RATE * 48_000) for flash in (1, 20, 61, 97)]
    assert len(found) == len(expected), (found, expected)
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1
    # Undo goes back over two laid takes, the move and Generate. A placeholder whose take has arrived is never empty.
    assert results["undone_and_redone"] == [[4, 4], [4, 4], [2, 2], [0, 0], [2, 2], [4, 4], [4, 4], [4, 4]]
