"""Placeholders in a real window: what a person sees, and what it costs them."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from tests.pictures import clicks, hear

from .conftest import FRAMES
from .machine import shot

RATE = 25
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


def test_a_placeholder_is_followed_and_undone_in_the_window(blender, display, folder):
    """There at once; moved and split, each part gets its take, to the sample; undo and redo leave none empty and none double."""
    process = blender.start("follow", folder)
    take_shots(display, process, folder, "working", "working-large", "landed")
    told = blender.told(process, folder)
    assert told["at_once"] == [
        [31, FRAMES, 2, False, "Clicks at flashes"],
        [31, FRAMES, 3, True, "Clicks at flashes.001"],
    ]
    assert told["landed"] == [[31, FRAMES, 3, True], [151, 49, 6, False], [200, 51, 6, False]]
    found = clicks(hear(folder / "mix.wav"))
    expected = [round((151 + flash - 1) / RATE * 48_000) for flash in (1, 20, 61, 97)]
    assert len(found) == len(expected), (found, expected)
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1
    # Back: two takes that came, the move, the Generate. A placeholder whose take has come is never empty.
    assert told["undone_and_redone"] == [[3, 3], [3, 3], [2, 2], [0, 0], [2, 2], [3, 3], [3, 3], [3, 3]]
