"""A Blender file where there is no Blender: what the command says. With one, `tests/blender/test_scene_cues.py`."""

from __future__ import annotations

import importlib.util

import pytest
from tracklay.errors import InvalidInput
from tracklay.timelines import blend_file
from tracklay.timelines import open_timeline as open_timeline


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No bpy, and nothing on PATH."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(blend_file.BLENDER_VARIABLE, raising=False)
    (tmp_path / "film.blend").write_bytes(b"BLENDER")
    return tmp_path


def test_without_a_blender_it_is_said_how_to_get_one(nowhere):
    """One sentence with each way, before anything is begun."""
    with pytest.raises(InvalidInput, match=r"Put blender on PATH, (or )?set TRACKLAY_BLENDER to it"):
        open_timeline(nowhere / "film.blend")


def test_the_blender_on_path_is_used_with_nobodys_settings(nowhere):
    """It runs in the background, as it came from the factory."""
    program = nowhere / "blender"
    program.touch()
    program.chmod(0o755)
    assert blend_file.find_blender_command()[:3] == (str(program), "--background", "--factory-startup")


def test_a_blender_that_is_named_stands_before_all_others(nowhere, monkeypatch):
    """`TRACKLAY_BLENDER` is a path or a name on PATH."""
    for name in ("blender", "blender-5.2"):
        (nowhere / name).touch()
        (nowhere / name).chmod(0o755)
    monkeypatch.setenv(blend_file.BLENDER_VARIABLE, "blender-5.2")
    assert blend_file.find_blender_command()[0].endswith("blender-5.2")


def test_the_doctor_tells_which_blender_opens_films(nowhere, monkeypatch):
    """None is no fault; one that is named and is not there is."""
    from tracklay.cli.doctor import _check_blender

    assert _check_blender().ok is None
    monkeypatch.setenv(blend_file.BLENDER_VARIABLE, "no-such-blender")
    assert _check_blender().ok is False
    assert "is not an executable: no-such-blender" in _check_blender().detail
    monkeypatch.delenv(blend_file.BLENDER_VARIABLE)
    (nowhere / "blender").touch()
    (nowhere / "blender").chmod(0o755)
    assert (_check_blender().detail, _check_blender().ok) == (str(nowhere / "blender"), True)
