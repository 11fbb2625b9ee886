"""Real clicks and keys for everything except Generate."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from .pointer import Pointer

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


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
    assert results["after_cuts"] > 1


def test_every_entry_of_a_menu_can_be_chosen(blender, display, folder):
    """A click on an entry sets that item: each model of the catalogue, and each mode of a model."""
    process = blender.start("choose_from_menus", folder)
    answer_requests(Pointer(display, folder), process, folder)
    results = blender.wait_for_results(process, folder)
    assert set(results["models"]) == set(results["catalogue"])
    assert set(results["modes"]) == set(results["choices"])


def test_dropped_files_are_deleted_after_a_dialog(blender, display, folder):
    """Nothing is deleted before the confirmation; then only the file of the dropped take."""
    process = blender.start("delete_dropped_files", folder)
    answer_requests(Pointer(display, folder), process, folder)
    results = blender.wait_for_results(process, folder)
    assert (results["before"], results["shown"]) == (2, 2)
    assert results["after"] == [True, False]
