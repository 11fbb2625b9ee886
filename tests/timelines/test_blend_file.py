"""Tests of finding a Blender. `tests/blender/test_scene_cues.py` tests Blender files with one."""

from __future__ import annotations

import importlib.util

import pytest
from tracklay.errors import InvalidInput
from tracklay.timelines import blend_file, open_timeline


@pytest.fixture
def no_blender(monkeypatch, tmp_path):
    """Return a folder with a film, on a machine without bpy and with nothing on PATH."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(blend_file.BLENDER_VARIABLE, raising=False)
    (tmp_path / "film.blend").write_bytes(b"BLENDER")
    return tmp_path


def test_without_blender_the_error_lists_the_ways_to_get_it(no_blender):
    """Opening the file fails before anything else is done."""
    with pytest.raises(InvalidInput, match=r"Put blender on PATH, (or )?set TRACKLAY_BLENDER to it"):
        open_timeline(no_blender / "film.blend")


def test_blender_on_path_runs_with_factory_settings(no_blender):
    """It runs in the background, without the user's settings and add-ons."""
    program = no_blender / "blender"
    program.touch()
    program.chmod(0o755)
    assert blend_file.find_blender_command()[:3] == (str(program), "--background", "--factory-startup")


def test_the_blender_in_the_variable_is_preferred(no_blender, monkeypatch):
    """`TRACKLAY_BLENDER` is a path or a name on PATH."""
    for name in ("blender", "blender-5.2"):
        (no_blender / name).touch()
        (no_blender / name).chmod(0o755)
    monkeypatch.setenv(blend_file.BLENDER_VARIABLE, "blender-5.2")
    assert blend_file.find_blender_command()[0].endswith("blender-5.2")


def test_the_doctor_shows_which_blender_opens_files(no_blender, monkeypatch):
    """No Blender is no error; a variable that names none is."""
    from tracklay.cli.doctor import _check_blender

    assert _check_blender().ok is None
    monkeypatch.setenv(blend_file.BLENDER_VARIABLE, "no-such-blender")
    assert _check_blender().ok is False
    assert "is not an executable: no-such-blender" in _check_blender().detail
    monkeypatch.delenv(blend_file.BLENDER_VARIABLE)
    (no_blender / "blender").touch()
    (no_blender / "blender").chmod(0o755)
    assert (_check_blender().detail, _check_blender().ok) == (str(no_blender / "blender"), True)
