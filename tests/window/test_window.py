"""Generate in a real window: press the button, edit on, hear the sound on its frames."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.clips import clicks, hear

from .conftest import FLASHES, FRAMES
from .pointer import Pointer

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

START = 31
RATE = 25


def press(pointer: Pointer, process: subprocess.Popen[str], folder: Path) -> None:
    """Press Generate, the largest red button, as soon as the scenario is ready and the button is on the screen."""
    while process.poll() is None:
        if (folder / "press").exists() and (buttons := pointer.buttons()):
            x, y, width, _ = max(buttons, key=lambda box: box[2] * box[3])
            if pointer.press(x + width // 4, y):  # beside its label
                return
        time.sleep(0.3)  # the scenario only signals by a file


def test_a_pressed_button_lays_takes_in_sync(blender, display, folder):
    """One click lays two takes, connected to the clip; undo and redo work, and Blender's mixdown clicks at each flash."""
    process = blender.start("press_generate", folder)
    press(Pointer(display, folder), process, folder)
    results = blender.wait_for_results(process, folder)
    assert results["laid"] == [[START, FRAMES, 2, False], [START, FRAMES, 3, True]]
    assert results["entry"]["model"] == "clicker/clicks"
    assert len(results["connected"]) == 2
    assert (results["after_undo"], results["after_redo"]) == (0, 2)
    expected = [round((START + flash - 1) / RATE * 48_000) for flash in FLASHES]
    found = clicks(hear(folder / "mix.wav"))
    assert len(found) == len(expected), (found, expected)
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1
    print({key: value for key, value in results.items() if key.endswith(("_ms", "ticks", "draws"))})  # noqa: T201 - timings are printed, not asserted


def test_the_editor_never_blocks(blender, folder):
    """Twelve strips at once: every take is laid. The longest tick on the main thread is printed."""
    results = blender.wait_for_results(blender.start("stay_responsive", folder), folder)
    assert results["laid"] == 12
    print({key: value for key, value in results.items() if key.endswith("_ms")})  # noqa: T201 - timings are printed, not asserted


def test_the_extension_can_be_disabled_while_jobs_run(blender, folder):
    """No thread is left, nothing is laid, and the extension can be enabled again."""
    results = blender.wait_for_results(blender.start("unregister_while_running", folder), folder)
    assert results["threads"] == []
    assert results["laid"] == 0
