"""The person's way, in a real window: press the button, work on, hear the sound where it belongs."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.pictures import clicks, hear

from .conftest import FLASHES, FRAMES
from .machine import shot

START = 31
RATE = 25


def red_button(picture: Path) -> tuple[int, int] | None:
    """The middle of the largest red thing, when it is large enough for a button."""
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    red = (pixels[..., 0] > 150) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60)
    rows = np.flatnonzero(red.sum(axis=1) > 60)
    if not len(rows):
        return None
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    tallest = max(runs, key=len)
    columns = np.flatnonzero(red[tallest].sum(axis=0) > len(tallest) / 3)
    return int(columns.mean()), int(tallest.mean())


def press(display: str, process: subprocess.Popen[str], folder: Path) -> None:
    """Press Generate with the mouse as soon as the scenario is ready for it and the button is on the screen."""
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        if (folder / "press").exists() and (at := red_button(shot(display, folder / "before.png"))):
            move = [
                "xdotool",
                "mousemove",
                str(at[0]),
                str(at[1] + 1),
                "mousemove",
                str(at[0]),
                str(at[1]),
                "click",
                "1",
            ]
            subprocess.run(move, env={"DISPLAY": display, "PATH": "/usr/bin:/bin"}, check=True)
            return
        time.sleep(0.3)
    raise AssertionError(
        f"the button was not found: {folder / 'before.png'}\n{(folder / 'log.txt').read_text()[-3000:]}"
    )


def test_a_pressed_button_lays_takes_in_sync(blender, display, folder):
    """Pressed with the mouse: two takes, laid by the timer, undone and redone, connected, clicking at the flashes in Blender's mix."""
    process = blender.start("press_generate", folder)
    press(display, process, folder)
    told = blender.told(process, folder)
    assert told["laid"] == [[START, FRAMES, 2, False], [START, FRAMES, 3, True]]
    assert told["entry"]["model"] == "clicker/clicks"
    assert len(told["connected"]) == 2
    assert (told["after_undo"], told["after_redo"]) == (0, 2)
    expected = [round((START + flash - 1) / RATE * 48_000) for flash in FLASHES]
    found = clicks(hear(folder / "mix.wav"))
    assert len(found) == len(expected), (found, expected)
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1
    print({key: value for key, value in told.items() if key.endswith(("_ms", "ticks", "draws"))})  # noqa: T201 - the figures are what it is for


def test_the_editor_never_waits(blender, folder):
    """A dozen strips at once: no tick of ours holds the main thread for long, and every take is laid."""
    told = blender.told(blender.start("stay_responsive", folder), folder)
    assert told["laid"] == 12
    print({key: value for key, value in told.items() if key.endswith("_ms")})  # noqa: T201 - the figures are what it is for


def test_it_can_be_switched_off_while_it_works(blender, folder):
    """No thread is left, nothing is laid, and it can be switched on again."""
    told = blender.told(blender.start("unregister_while_running", folder), folder)
    assert told["threads"] == []
    assert told["laid"] == 0
