"""Placeholders in files that are saved, closed and opened again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import bpy
import pytest
from tracklay.blender.runtime import dispatcher
from tracklay.blender.sequencer import cue_index
from tracklay.jobs import admin

from ..conftest import add, laid, set_rate
from ..helpers import cue_strips, filled, generate, is_model_running, until

RATE = Fraction(25)

pytestmark = pytest.mark.usefixtures("let_go")


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25 fps, on channel 2 from frame 11, with flashes on its frames 20 and 45."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20, 45)), 11, channel=2)


def test_a_take_is_laid_only_in_its_own_file(scene, strip, clips, gate, tmp_path):
    """Another file with the same clip is open when the take arrives; it is laid when its own file is opened again."""
    film = str(tmp_path / "film.blend")
    generate(scene)
    until(is_model_running)
    bpy.ops.wm.save_as_mainfile(filepath=film)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    new = bpy.context.scene
    new.sequence_editor_create()
    set_rate(new, RATE)
    add(new, clips(RATE, 60, (20, 45)), 11, channel=2)
    gate.is_open = True
    until(lambda: not dispatcher.get_dispatcher().is_busy)
    assert cue_strips(new) == []
    bpy.ops.wm.open_mainfile(filepath=film)
    until(filled(1))
    assert len(cue_strips()) == 1


def test_a_file_opened_in_a_new_blender_is_filled_from_the_ledger(scene, strip, gate, tmp_path):
    """The file was saved before its take was laid: the take is laid again and not generated twice."""
    film = str(tmp_path / "film.blend")
    cue = generate(scene)
    until(is_model_running)
    bpy.ops.wm.save_as_mainfile(filepath=film)
    gate.is_open = True
    until(filled(1))
    until(lambda: not dispatcher.get_dispatcher().is_busy)
    dispatcher.close_dispatcher()
    bpy.ops.wm.open_mainfile(filepath=film)
    assert laid(bpy.context.scene) == []
    until(filled(1))
    assert [job["state"] for job in admin.list_jobs(include_finished=True)["jobs"] if job["cue"] == cue] == ["laid"]


def test_jobs_continue_when_an_auto_save_is_recovered(scene, strip, gate, tmp_path):
    """The recovered file has another path, and its take goes to the takes folder of the original file."""
    film, saved = tmp_path / "films" / "film.blend", tmp_path / "film_autosave.blend"
    film.parent.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(film))
    generate(bpy.context.scene)
    until(is_model_running)
    bpy.ops.wm.save_as_mainfile(filepath=str(saved), copy=True)
    dispatcher.close_dispatcher()
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    gate.is_open = True
    bpy.ops.wm.recover_auto_save(filepath=str(saved))
    until(filled(1))
    (take,) = laid(bpy.context.scene)
    assert Path(bpy.path.abspath(take.sound.filepath)).parent.resolve() == film.parent / "tracklay"


def test_reopening_a_file_resumes_its_jobs(scene, strip, gate, tmp_path):
    """The first submission is polled, and there is no second one."""
    film = str(tmp_path / "film.blend")
    cue = generate(scene)
    until(is_model_running)
    bpy.ops.wm.save_as_mainfile(filepath=film)
    dispatcher.close_dispatcher()
    gate.is_open = True
    bpy.ops.wm.open_mainfile(filepath=film)
    until(filled(1))
    (job,) = [job for job in admin.list_jobs(include_finished=True)["jobs"] if job["cue"] == cue]
    until(lambda: not dispatcher.get_dispatcher().is_busy)
    assert job["take"] == 1


def test_a_script_can_resume_the_jobs_of_a_file(scene, strip, gate, tmp_path):
    """Background mode has no timer: the operator blocks until all takes are laid."""
    generate(scene)
    until(is_model_running)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    dispatcher.close_dispatcher()
    gate.is_open = True
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    assert bpy.ops.tracklay.resume_jobs() == {"FINISHED"}
    assert len(laid(bpy.context.scene)) == 1


def test_a_placeholder_without_a_job_in_the_ledger_has_an_error(scene, strip, gate, tmp_path, monkeypatch):
    """The file comes from another computer, and the strip names the fix."""
    generate(scene)
    until(is_model_running)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    dispatcher.close_dispatcher()
    monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / "another"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    until(lambda: cue_index.ERROR_PROPERTY in cue_strips()[0])
    assert "has no job of this cue" in cue_strips()[0][cue_index.ERROR_PROPERTY]
