"""A hand on a display's pointer and keys. It looks before it presses, as a person does: where the button is, and that it lights up."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy import ndimage

from .xvfb_blender import SCREEN, shot

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LEAST = 150
"""Pixels of a button: what is smaller is a corner of something else."""

INSIDE = 9
"""Pixels from a button's left end: within it, however narrow it is."""

LIT = 20
"""Of 255: Blender draws a button under the pointer lighter, red by 36 in green and blue. Smoothed edges reach 2."""


@dataclass(frozen=True)
class Hand:
    """On the display that is named; `folder` takes what it sees."""

    display: str
    folder: Path

    def do(self, *words: str) -> None:
        """What `xdotool` is told."""
        subprocess.run(["xdotool", *words], env={**os.environ, "DISPLAY": self.display}, check=True)

    def over(self, x: int, y: int) -> None:
        """Move the pointer there, counted from below as Blender does."""
        for step in (1, 0):  # Blender takes note of a pointer that moves, and of where it is some events later
            self.do("mousemove", str(x), str(SCREEN[1] - y + step), "sleep", "0.15")

    def press(self, x: int, y: int) -> bool:
        """Press the red button there, once it is lit. False, and nothing pressed, when it isn't yet.

        A panel may still move when it is looked at, and a button that is not under the pointer for Blender takes no press.
        """
        self.over(x, y)
        row = SCREEN[1] - y
        around = self._pixels()[row - 4 : row + 5, x - 6 : x + 7]
        lit = 2 * np.count_nonzero(_red(around) & (around[..., 1] >= LIT)) > np.count_nonzero(_red(around))
        if lit:
            self.do("click", "1")
        return bool(lit)

    def buttons(self) -> list[list[int]]:
        """Every red thing that is large enough for a button: where to press it, counted from below, its width and height.

        Buttons that are aligned are one thing: what is pressed is the first of them. Looked at until two looks are
        alike: Blender moves its panels bit by bit.
        """
        before, found = None, self._reds()
        while found != before:
            before, found = found, self._reds()
        return found

    def _reds(self) -> list[list[int]]:
        labels, _ = ndimage.label(_red(self._pixels()))
        found = []
        for rows, columns in ndimage.find_objects(labels):
            high, wide = rows.stop - rows.start, columns.stop - columns.start
            if high * wide >= LEAST and high > 10 < wide:
                found.append([columns.start + INSIDE, SCREEN[1] - (rows.start + rows.stop) // 2, wide, high])
        return found

    def _pixels(self) -> NDArray[np.int_]:
        return np.asarray(Image.open(shot(self.display, self.folder / "seen.png")).convert("RGB")).astype(int)


def _red(pixels: NDArray[np.int_]) -> NDArray[np.bool_]:
    return (pixels[..., 0] > 150) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60)
