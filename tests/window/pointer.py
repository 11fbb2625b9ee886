"""Pointer and keys of an X display. Buttons are found on a screenshot, and clicked only while they are highlighted."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy import ndimage

from .xvfb_blender import SCREEN, take_screenshot

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MIN_AREA = 150
"""Smallest area of a button in pixels. Smaller red areas are parts of other widgets."""

INSET = 9
"""Distance in pixels from a button's left edge at which it is pressed: inside even a narrow button."""

HIGHLIGHT = 20
"""Minimum of green, from 0 to 255, in a highlighted red button. Blender adds 36 to green and blue under the pointer, antialiasing 2."""


@dataclass(frozen=True)
class Pointer:
    """The pointer of a display. Screenshots are written to `folder`."""

    display: str
    folder: Path
    screen: tuple[int, int] = SCREEN

    def xdotool(self, *words: str) -> None:
        """Run `xdotool` with these arguments."""
        subprocess.run(["xdotool", *words], env={**os.environ, "DISPLAY": self.display}, check=True)

    def move_to(self, x: int, y: int) -> None:
        """Move the pointer. `y` counts from the bottom, as in Blender."""
        # Two moves: Blender highlights a button only after a second motion event.
        row = self.screen[1] - y
        self.xdotool("mousemove", str(x), str(row + 1), "sleep", "0.1", "mousemove", str(x), str(row), "sleep", "0.15")

    def resize(self, width: int, height: int) -> None:
        """Resize Blender's window, at the lower left of the display: `y` counts from there."""
        found = "search", "--name", "Blender"
        self.xdotool(*found, "windowsize", str(width), str(height), "windowmove", "0", str(self.screen[1] - height))

    def press(self, x: int, y: int) -> bool:
        """Click the red button at a position if it is highlighted; return whether it was clicked.

        A panel may still move after the screenshot, and Blender ignores a click on a button that is not highlighted.
        """
        self.move_to(x, y)
        row = self.screen[1] - y
        around = self._pixels()[row - 4 : row + 5, x - 6 : x + 7]
        is_highlighted = 2 * np.count_nonzero(_is_red(around) & (around[..., 1] >= HIGHLIGHT)) > np.count_nonzero(
            _is_red(around)
        )
        if is_highlighted:
            self.xdotool("click", "1")
        return bool(is_highlighted)

    def buttons(self) -> list[list[int]]:
        """Return the red areas that are large enough for a button: x and y to press, from the bottom left, width and height.

        Aligned buttons are one area, in which the first is pressed. Screenshots are taken until two are equal, because
        Blender animates its panels.
        """
        previous, found = None, self._find_red_areas()
        while found != previous:
            previous, found = found, self._find_red_areas()
        return found

    def _find_red_areas(self) -> list[list[int]]:
        labels, _ = ndimage.label(_is_red(self._pixels()))
        found = []
        for rows, columns in ndimage.find_objects(labels):
            height, width = rows.stop - rows.start, columns.stop - columns.start
            if height * width >= MIN_AREA and height > 10 < width:
                found.append([columns.start + INSET, self.screen[1] - (rows.start + rows.stop) // 2, width, height])
        return found

    def _pixels(self) -> NDArray[np.int_]:
        return np.asarray(Image.open(take_screenshot(self.display, self.folder / "screen.png")).convert("RGB")).astype(
            int
        )


def _is_red(pixels: NDArray[np.int_]) -> NDArray[np.bool_]:
    return (pixels[..., 0] > 150) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60)
