"""Runs to report on: a clip that flashes, takes that click, and the result list of a batch over them."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from tracklay.cli.main import main

from tests.clips import flash_clip

RATE = Fraction(25)
FRAMES = 50
FLASHES = (5, 20, 35)

HOSTILE = '</script><script>throw "x"</script><img src=x onerror=alert(1)> & "quoted" \'single\''
"""A prompt with markup."""


def lay(clip: Path, *arguments: object) -> Path:
    """Lay the click model's takes under a clip and return the manifest's path."""
    options = [str(argument) for argument in arguments]
    assert main(["lay", str(clip), "--model", "clicker/clicks", *options]) == 0
    return clip.parent / "tracklay" / f"{clip.stem}.tracklay.json"


def flashing(folder: Path, name: str = "clip", rate: Fraction = RATE, frames: int = FRAMES, flashes=FLASHES) -> Path:
    """A clip."""
    folder.mkdir(parents=True, exist_ok=True)
    return flash_clip(folder / f"{name}.mp4", rate, frames, flashes)


def results(manifest: Path, *, failed: int = 0) -> dict[str, Any]:
    """A batch's result list over the takes of a manifest, and some that failed."""
    held = json.loads(manifest.read_text())
    common = {"picture": str(manifest.parents[1] / held["picture"]), "folder": str(manifest.parent)}
    laid = {**common, "name": held["picture"].split(".")[0], "state": "laid", "error": "", "kind": "", "seconds": 1.5}
    rows = [
        {**laid, "id": f"sh{number:03}", "cue": take["cue"], "model": take["model"], "take": take, "jobs": [number]}
        for number, take in enumerate(held["takes"], 1)
    ]
    lost = {
        **laid,
        "cue": "1",
        "model": "fal/mmaudio-v2",
        "state": "failed",
        "error": "no credit left",
        "kind": "no-credit",
    }
    rows += [
        {**lost, "id": f"bad{number:03}", "take": None, "jobs": [], "seconds": None} for number in range(1, failed + 1)
    ]
    return {"tracklay": "0.1.0", "rows": rows}
