"""Real clicks and keys for the ways beside Generate."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from .machine import SCREEN, shot

LEAST = 150
"""Pixels of a button: what is smaller is a corner of something else."""

INSIDE = 9
"""Pixels from a button's left end: within it, however narrow it is."""


def reds(picture: Path) -> list[list[int]]:
    """Every red thing that is large enough for a button: where to press it, counted from below as Blender does, its width and height.

    Buttons that are aligned are one thing: what is pressed is the first of them.
    """
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    labels, _ = ndimage.label((pixels[..., 0] > 150) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60))
    found = []
    for rows, columns in ndimage.find_objects(labels):
        high, wide = rows.stop - rows.start, columns.stop - columns.start
        if high * wide >= LEAST and high > 10 < wide:
            found.append([columns.start + INSIDE, SCREEN[1] - (rows.start + rows.stop) // 2, wide, high])
    return found


def serve(display: str, process: subprocess.Popen[str], folder: Path) -> None:
    """Do what the scenario asks for until it ends."""

    def hands(*words: str) -> None:
        subprocess.run(["xdotool", *words], env={**os.environ, "DISPLAY": display}, check=True)

    def move(x: int, y: int) -> None:
        for step in (1, 0):  # Blender takes note of a pointer that moves, and of where it is some events later
            hands("mousemove", str(x), str(SCREEN[1] - y + step), "sleep", "0.15")

    while process.poll() is None:
        if not (folder / "ask.json").exists():
            time.sleep(0.05)  # there is nothing to wait on but the file
            continue
        wanted = json.loads((folder / "ask.json").read_text())
        (folder / "ask.json").unlink()
        answer: object = None
        if "see" in wanted:
            answer = reds(shot(display, folder / "seen.png"))
        if at := wanted.get("at") or wanted.get("click"):
            move(*at)
        if "click" in wanted:
            hands("click", "1")
        if "key" in wanted:
            hands("key", wanted["key"])
        if "type" in wanted:
            hands("type", "--delay", "30", wanted["type"])
        (folder / "answer.part").write_text(json.dumps(answer))
        (folder / "answer.part").rename(folder / "answer.json")


def test_everything_can_be_done_by_hand(blender, display, folder):
    """Buttons, keys and the search: gone to, switched while it plays, made anew, found by name, and a search for cuts stopped."""
    process = blender.start("by_hand", folder)
    serve(display, process, folder)
    told = blender.told(process, folder)
    assert told["gone_to"] == ["Clicks at flashes", "Clicks at flashes.001"]
    assert told["playing"]
    assert told["switched"] == [[True, False], [False, True]]
    assert told["anew"] == 3
    assert told["searched"] == 60
    assert (told["looking"], told["after_escape"]) == (1, 0)
    assert told["after_cuts"] > 1
