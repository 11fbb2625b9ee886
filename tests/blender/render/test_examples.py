"""The example scripts for studios, run as by `blender -b film.blend --python …`."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import bpy
import pytest

from ..conftest import laid
from ..films import RATE, opened, save, three_shots

EXAMPLES = Path(__file__).parents[3] / "scripts" / "examples"


@pytest.fixture
def cut(scene, clips, tmp_path):
    """A .blend file of three shots."""
    return three_shots(scene, clips, tmp_path)


def run(monkeypatch, example: str, film: Path, to: Path):
    """Run an example in a film, and return the scene of the file that it saved."""
    opened(film)
    monkeypatch.setattr(sys, "argv", ["blender", "--", str(to)])
    runpy.run_path(str(EXAMPLES / example), run_name="__main__")
    return opened(to)


def entries(scene) -> dict[str, dict[str, Any]]:
    """Return the manifest entry of each shot's audible take."""
    return {take["tracklay_picture"]: json.loads(take["tracklay"]) for take in laid(scene) if not take.mute}


def test_foley_is_laid_for_the_whole_timeline(cut, tmp_path, monkeypatch):
    """Each shot has a take, a marker sets its prompt, and the film does not change."""
    scene = opened(cut)
    scene.tracklay.prompt = "room"
    scene.timeline_markers.new("heels on marble", frame=70)
    save(cut)
    before = cut.read_bytes()
    made = entries(run(monkeypatch, "foley_timeline.py", cut, tmp_path / "foley.blend"))
    assert {shot: entry["prompt"] for shot, entry in made.items()} == {
        "shot0": "room",
        "shot1": "heels on marble",
        "shot2": "room",
    }
    assert cut.read_bytes() == before


def test_stale_takes_are_regenerated(cut, clips, tmp_path, monkeypatch, capsys):
    """A shot has new content under its old name: its take is muted, and a new one is laid; the others stay."""
    scene = opened(cut)
    for strip in scene.sequence_editor.strips:
        strip.select = True
    bpy.ops.tracklay.generate(prompt="wood", wait=True)
    save(cut)
    before = entries(scene)
    (tmp_path / "shot1.mp4").unlink()
    (tmp_path / "shot1.mp4").symlink_to(clips(RATE, 50, (40,)))
    scene = run(monkeypatch, "regenerate_changed_shots.py", cut, tmp_path / "remade.blend")
    after = entries(scene)
    assert [shot for shot in before if before[shot]["file"] != after[shot]["file"]] == ["shot1"]
    assert after["shot1"]["prompt"] == "wood"
    assert after["shot1"]["source_sha256"] != before["shot1"]["source_sha256"]
    assert len(laid(scene)) == 4
