"""The person's way, in a real window: press the button, work on, hear the sound where it belongs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.clips import clicks, hear

from .conftest import FLASHES, FRAMES
from .pointer import Hand

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

START = 31
RATE = 25


def press(hand: Hand, process: subprocess.Popen[str], folder: Path) -> None:
    """Press Generate, the largest red thing, as soon as the scenario is ready for it and the button is on the screen."""
    while process.poll() is None:
        if (folder / "press").exists() and (seen := hand.buttons()):
            x, y, wide, _ = max(seen, key=lambda box: box[2] * box[3])
            if hand.press(x + wide // 4, y):  # beside what is written on it
                return
        time.sleep(0.3)  # there is nothing to wait on but the file


def test_a_pressed_button_lays_takes_in_sync(blender, display, folder):
    """Pressed with the mouse: two takes, laid by the timer, undone and redone, connected, clicking at the flashes in Blender's mix."""
    process = blender.start("press_generate", folder)
    press(Hand(display, folder), process, folder)
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
