"""Real clicks and keys for the ways beside Generate."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from .pointer import Hand

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


def serve(hand: Hand, process: subprocess.Popen[str], folder: Path) -> None:
    """Do what the scenario asks for until it ends."""
    while process.poll() is None:
        if not (folder / "ask.json").exists():
            time.sleep(0.05)  # there is nothing to wait on but the file
            continue
        wanted = json.loads((folder / "ask.json").read_text())
        (folder / "ask.json").unlink()
        answer: object = None
        if "see" in wanted:
            answer = hand.buttons()
        if "press" in wanted:
            answer = hand.press(*wanted["press"])
        if "click" in wanted:
            hand.over(*wanted["click"])
            hand.do("click", "1", "sleep", "0.2")
        if "at" in wanted:
            hand.over(*wanted["at"])
        if "key" in wanted:
            hand.do("key", wanted["key"])
        if "type" in wanted:
            hand.do("type", "--delay", "30", wanted["type"])
        (folder / "answer.part").write_text(json.dumps(answer))
        (folder / "answer.part").rename(folder / "answer.json")


def test_everything_can_be_done_by_hand(blender, display, folder):
    """Buttons, keys and the search: gone to, switched while it plays, made anew, found by name, and a search for cuts stopped."""
    process = blender.start("by_hand", folder)
    serve(Hand(display, folder), process, folder)
    told = blender.told(process, folder)
    assert told["gone_to"] == ["Clicks at flashes", "Clicks at flashes.001"]
    assert told["playing"]
    assert told["switched"] == [[True, False], [False, True]]
    assert told["anew"] == 3
    assert told["searched"] == 60
    assert (told["looking"], told["after_escape"]) == (1, 0)
    assert told["after_cuts"] > 1


def test_every_entry_of_a_menu_can_be_chosen(blender, display, folder):
    """Pressed with the mouse, an entry sets its own item: each model of the catalogue, and each mode of a model."""
    process = blender.start("choose_from_menus", folder)
    serve(Hand(display, folder), process, folder)
    told = blender.told(process, folder)
    assert set(told["models"]) == set(told["catalogue"])
    assert set(told["modes"]) == set(told["choices"])


def test_dropped_files_are_deleted_after_a_dialog(blender, display, folder):
    """Nothing is deleted before it is confirmed; then the file of the take that was not kept."""
    process = blender.start("delete_dropped_files", folder)
    serve(Hand(display, folder), process, folder)
    told = blender.told(process, folder)
    assert (told["before"], told["shown"]) == (2, 2)
    assert told["after"] == [True, False]
