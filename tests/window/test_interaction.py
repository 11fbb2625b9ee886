"""Real clicks and keys: the list, the menus, the dialogs, and Generate in windows of several sizes."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from . import xvfb_blender
from .pointer import Pointer

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


PATIENT = {"TRACKLAY_TEST_SECONDS": "480"}
"""The longest time of a scenario that works in several settings, one after the other."""


def answer_requests(pointer: Pointer, process: subprocess.Popen[str], folder: Path) -> None:
    """Execute the requests of a scenario until it ends."""
    while process.poll() is None:
        if not (folder / "ask.json").exists():
            time.sleep(0.05)  # the scenario only signals by a file
            continue
        request = json.loads((folder / "ask.json").read_text())
        (folder / "ask.json").unlink()
        answer: object = None
        if "see" in request:
            answer = pointer.buttons()
        if "press" in request:
            answer = pointer.press(*request["press"])
        if "click" in request:
            pointer.move_to(*request["click"])
            pointer.xdotool("click", "1", "sleep", "0.2")
        if "at" in request:
            pointer.move_to(*request["at"])
        if "resize" in request:
            pointer.resize(*request["resize"])
        if "wheel" in request:
            pointer.xdotool("click", "--repeat", str(request["wheel"]), "--delay", "20", "5")
        if "key" in request:
            pointer.xdotool("key", request["key"])
        if "type" in request:
            pointer.xdotool("type", "--delay", "30", request["type"])
        (folder / "answer.part").write_text(json.dumps(answer))
        (folder / "answer.part").rename(folder / "answer.json")


def test_cues_are_edited_with_buttons_keys_and_search(blender, display, folder):
    """Go to a cue, switch takes during playback, generate with a new seed, run an operator by name, and stop a search for cuts."""
    process = blender.start("by_hand", folder)
    answer_requests(Pointer(display, folder), process, folder)
    results = blender.wait_for_results(process, folder)
    assert results["selected"] == ["Flashes · foley 1", "Flashes · foley 2"]
    assert results["playing"]
    assert results["switched"] == [[True, False], [False, True]]
    assert results["after_new_seed"] == 3
    assert results["frame_of_searched"] == 60
    assert (results["searches"], results["after_escape"]) == (1, 0)
    assert (results["before_dialog"], results["after_cuts"] > 1) == (0, True)


def test_dropped_files_are_deleted_after_a_dialog(blender, display, folder):
    """Nothing is deleted before the confirmation; then only the file of the dropped take."""
    process = blender.start("delete_dropped_files", folder)
    answer_requests(Pointer(display, folder), process, folder)
    results = blender.wait_for_results(process, folder)
    assert (results["before"], results["shown"]) == (2, 2)
    assert results["after"] == [True, False]


@pytest.mark.timeout(600)
def test_the_panel_is_used_by_pointer(blender, folder):
    """Generate, menus, list, help and hearing: in a small and a large window, at both scales and in both languages."""
    screen = (1920, 1080)
    with xvfb_blender.display(screen) as name:
        large = replace(
            blender, environment=blender.environment | {"DISPLAY": name} | PATIENT, screen=screen, started=[]
        )
        try:
            process = large.start("panel_by_pointer", folder)
            answer_requests(Pointer(name, folder, screen), process, folder)
            results = large.wait_for_results(process, folder)
        finally:
            large.stop()
    assert results["in_sight"] == [True] * 4
    assert results["explains"]
    assert not [sound for sound in results["sounds"] if "sketch-foley" not in sound]
    assert results["tab"] == "Tracklay"
    assert (results["volume"], results["pan"]) == (0.5, 0.25)
    assert results["help"] == ["blender.html", "blender.html#cues"]
    assert results["example"]
    assert results["models"] == results["ends"]
    assert set(results["modes"]) == set(results["choices"])
    assert results["shown"] == [0, 3, 1, 6]
    assert results["loops"] == [[True, True], [False, False]]


def test_the_list_is_worked_on_by_hand(blender, display, folder):
    """Stale cues are generated again after a dialog; solo, nudging and Keep All are one undo step each."""
    process = blender.start("work_on_the_list", folder)
    answer_requests(Pointer(display, folder), process, folder)
    results = blender.wait_for_results(process, folder)
    assert results["regenerated"] == [2, 3, 2]
    assert results["soloed"] == [True, True]
    assert results["nudged"][-1] == 41
    assert results["after_undo"][-1] == 40
    assert results["restored"] == 7
