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
    """A clip of 60 frames at 25, on channel 2 from frame 11, with flashes on its frames 20 and 45."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20, 45)), 11, channel=2)


def test_a_late_take_lands_in_no_other_file_and_in_its_own_when_that_is_opened_again(
    scene, strip, clips, gate, tmp_path
):
    """The other file has the same clip; the saved one gets its take when it comes back."""
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


def test_a_file_that_is_opened_by_a_new_blender_is_filled_from_the_ledger(scene, strip, gate, tmp_path):
    """Saved before the take came, which was laid and never saved: it is there again, and nothing was made twice."""
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


def test_what_blender_saved_by_itself_goes_on_when_it_is_recovered(scene, strip, gate, tmp_path):
    """After a crash: the file that lies elsewhere has its placeholder, with the takes' folder of the one that it was saved for."""
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


def test_a_job_that_was_let_go_of_is_taken_up_by_its_file(scene, strip, gate, tmp_path):
    """The same submission is waited for; no second one leaves."""
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


def test_a_script_takes_up_what_a_file_waits_for(scene, strip, gate, tmp_path):
    """In the background no timer runs: the operator blocks until all is laid."""
    generate(scene)
    until(is_model_running)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    dispatcher.close_dispatcher()
    gate.is_open = True
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    assert bpy.ops.tracklay.resume_jobs() == {"FINISHED"}
    assert len(laid(bpy.context.scene)) == 1


def test_a_placeholder_that_the_ledger_does_not_know_says_so(scene, strip, gate, tmp_path, monkeypatch):
    """A file from another computer: what can be done is said on the strip."""
    generate(scene)
    until(is_model_running)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    dispatcher.close_dispatcher()
    monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / "another"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    until(lambda: cue_index.ERROR_PROPERTY in cue_strips()[0])
    assert "has no job of this cue" in cue_strips()[0][cue_index.ERROR_PROPERTY]
