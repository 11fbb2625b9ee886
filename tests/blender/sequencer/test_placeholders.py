"""Placeholders: silent strips that mark running cues, can be edited, and get the takes."""

from __future__ import annotations

import json
import wave
from fractions import Fraction
from functools import partial
from pathlib import Path

import bpy
import pytest
from tracklay.blender.runtime import cue_rows, dispatcher, presence, timeline_scan
from tracklay.blender.runtime.cue_status import running_cues
from tracklay.blender.sequencer import compat, cue_index, placeholders, placement, selection, takes
from tracklay.blender.settings import catalogue
from tracklay.blender.settings.preferences import takes_folder
from tracklay.errors import ModelFailed, TracklayError
from tracklay.jobs import admin, create_job_spec

from ..conftest import add, laid, set_handles, set_rate
from ..helpers import cue_strips, filled, generate, is_model_running, until
from ..render.mix import mixed_clicks, sample, worst

RATE = Fraction(25)

pytestmark = pytest.mark.usefixtures("let_go")


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25 fps, on channel 2 from frame 11, with flashes on its frames 20 and 45."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20, 45)), 11, channel=2)


def test_a_placeholder_is_laid_immediately(scene, strip, gate):
    """It is silence of exactly the cue's frames on a channel of its kind, named by what it will be."""
    cue = generate(scene, prompt="rain")
    (placeholder,) = cue_strips()
    assert (placeholder.channel, compat.strip_start(placeholder), compat.strip_frames(placeholder)) == (3, 11, 60)
    assert placeholder.name == "Rain · foley 1"
    assert Path(placeholder.sound.filepath).name == "Rain · foley.wav"
    assert json.loads(placeholder["tracklay_cue"]) == {"cue": cue, "take": 0}
    with wave.open(bpy.path.abspath(placeholder.sound.filepath)) as silence:
        assert Fraction(silence.getnframes(), silence.getframerate()) == Fraction(60, 25)
        assert not any(silence.readframes(silence.getnframes()))
    (row,) = cue_rows.list_cue_rows(scene)
    assert (row.state, row.model, row.prompt, row.strips) == (
        "running",
        "clicker/clicks",
        "rain",
        (placeholder.name,),
    )
    assert strip.select
    assert not placeholder.select


def test_a_takes_folder_that_cannot_be_created_is_an_error_of_the_cue(scene, strip):
    """A file has its name: the placeholder shows the reason, and nothing was submitted."""
    folder, aside = takes_folder(), takes_folder().with_name("aside")
    if folder.is_dir():  # other tests' takes
        folder.rename(aside)
    folder.write_text("not a folder")
    jobs_before = [job["id"] for job in admin.list_jobs(include_finished=True)["jobs"]]
    try:
        cue = generate(scene)
        until(lambda: running_cues()[cue].errors)
        assert f"Not a directory: {folder}" in running_cues()[cue].error
        assert [job["id"] for job in admin.list_jobs(include_finished=True)["jobs"]] == jobs_before
    finally:
        folder.unlink()
        if aside.is_dir():
            aside.rename(folder)


def test_an_edited_placeholder_gets_the_take_and_keeps_its_edits(scene, strip, gate, tmp_path):
    """A moved, trimmed, renamed and quieter placeholder stays as it is, and its clicks are sample-accurate."""
    generate(scene)
    until(is_model_running)
    (placeholder,) = cue_strips()
    setattr(placeholder, compat.time_property("content_start", bpy.types.Strip), 101)
    set_handles(placeholder, 101 + 15, 101 + 30)
    placeholder.channel, placeholder.volume, placeholder.name = 9, 0.5, "the hit"
    gate.is_open = True
    until(filled(1))
    (take,) = cue_strips()
    assert (take.name, take.channel, take.volume, compat.strip_start(take), compat.strip_frames(take)) == (
        "the hit",
        9,
        0.5,
        116,
        15,
    )
    assert json.loads(take["tracklay"])["model"] == "clicker/clicks"
    assert worst(mixed_clicks(scene, tmp_path, 200), [sample(101 + 20, RATE)]) <= 1


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(60000, 1001)], ids=str)
def test_the_take_is_in_sync_at_other_rates(rate, scene, clips, gate, tmp_path):
    """The placeholder's length in samples rounds to the right frame, and replacing its sound does not shift it."""
    set_rate(scene, rate)
    add(scene, clips(rate, 100, (7, 61)), 31)
    generate(scene)
    gate.is_open = True
    until(filled(1))
    assert worst(mixed_clicks(scene, tmp_path, 200), [sample(31 + flash, rate) for flash in (7, 61)]) <= 1


def test_every_copy_gets_the_take(scene, strip, gate, tmp_path):
    """The placeholder was split, duplicated and copied with its scene: each copy plays its own part of the take."""
    generate(scene)
    until(is_model_running)
    (placeholder,) = cue_strips()
    strip.select = False
    placeholder.select = True
    scene.sequence_editor.active_strip = placeholder
    with compat.sequencer_context(scene):
        bpy.ops.sequencer.split(frame=40)
    assert [(compat.strip_start(s), compat.strip_frames(s)) for s in cue_strips()] == [(11, 29), (40, 31)]
    copy = scene.copy()
    setattr(cue_strips()[1], compat.time_property("content_start", bpy.types.Strip), 111)
    gate.is_open = True
    until(filled(2))
    assert len(laid(copy)) == 2
    assert worst(mixed_clicks(scene, tmp_path, 200), [sample(11 + 20, RATE), sample(111 + 45, RATE)]) <= 1


def test_undo_and_redo_keep_a_regenerated_take_in_its_cue(scene, strip, gate):
    """The undo step of the placeholder also has the take's cue and its audible state."""
    gate.is_open = True
    generate(scene)
    until(filled(1))
    gate.is_open = False
    bpy.ops.ed.undo_push(message="before")
    level = selection.active_level(scene)
    assert level is not None
    (group,) = takes.find_take_groups(level)
    cue, spot = takes.regenerated_cue(scene, level, group, same_seed=False, count=1)
    order = create_job_spec(cue, takes_folder(), "clip", catalogue.MODELS)
    joins = {cue.id: group.cue}
    dispatcher.get_dispatcher().submit([(order, spot)], on_placed=partial(takes.join_takes, level, joins))
    until(is_model_running)
    bpy.ops.ed.undo()
    assert len(cue_strips()) == 1
    bpy.ops.ed.redo()
    assert len(cue_strips()) == 2
    gate.is_open = True
    until(filled(2))
    level = selection.active_level(bpy.context.scene)
    assert level is not None
    (group,) = takes.find_take_groups(level)
    assert (len(group.takes), group.audible_index) == (2, 1)


def test_each_take_is_laid_in_its_own_undo_step(scene, strip, gate, monkeypatch):
    """Two takes add two steps after that of Generate."""
    bpy.ops.ed.undo_push(message="before")
    generate(scene, takes=2)
    assert [(s.channel, s.mute) for s in cue_strips()] == [(3, False), (4, True)]
    gate.is_open = True
    steps: list[str] = []
    original = placement.push_undo

    def record_step(scene, step):
        steps.append(step)
        original(scene, step)

    monkeypatch.setattr(placement, "push_undo", record_step)
    until(filled(2))
    assert steps == [placement.UNDO_LAY, placement.UNDO_LAY]


def test_redo_of_generate_restores_a_filled_placeholder(scene, strip, gate):
    """After an undo the job continues and its take is not laid; redo restores the placeholder and fills it."""
    bpy.ops.ed.undo_push(message="before")
    generate(scene)
    until(is_model_running)
    bpy.ops.ed.undo()
    assert cue_strips() == []
    gate.is_open = True
    until(lambda: not any(line.error or not line.note for line in running_cues().values()))
    assert cue_strips() == []
    assert gate.cancelled == []
    assert "redo restores it" in next(iter(running_cues().values())).note
    bpy.ops.ed.redo()
    assert len(laid(bpy.context.scene)) == len(cue_strips()) == 1
    assert running_cues() == {}


def test_undo_never_empties_a_filled_placeholder(scene, strip, gate):
    """Undo and redo beyond the step that laid the take neither empty the placeholder nor lay the take twice."""
    bpy.ops.ed.undo_push(message="before")
    generate(scene)
    scene.frame_current = 7
    bpy.ops.ed.undo_push(message="moved the playhead")
    gate.is_open = True
    until(filled(1))
    for step in (bpy.ops.ed.undo, bpy.ops.ed.undo, bpy.ops.ed.redo, bpy.ops.ed.redo):
        step()
        assert len(laid(bpy.context.scene)) == len(cue_strips()) == 1
    for count in (1, 1, 0):
        bpy.ops.ed.undo()
        assert len(laid(bpy.context.scene)) == len(cue_strips()) == count


def test_the_timeline_is_scanned_in_slices(scene, strip, gate, monkeypatch):
    """A timer call scans for a limited time, and all copies of a placeholder are filled over several calls."""
    monkeypatch.setattr(timeline_scan, "SLICE_SECONDS", 0.0)
    gate.is_open = True
    generate(scene)
    until(filled(1))
    (take,) = laid(scene)
    for number in range(8):
        copy = scene.sequence_editor.strips.new_sound(
            f"copy {number}", str(placeholders.placeholder_folder() / "none.wav"), 20, 11
        )
        copy.sound, copy[cue_index.CUE_PROPERTY] = take.sound, take[cue_index.CUE_PROPERTY]
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: dispatcher.get_dispatcher().is_scanning)
    assert len(laid(scene)) == 1
    until(filled(9))
    assert not dispatcher.get_dispatcher().is_scanning


def test_opening_a_file_during_a_scan_restarts_the_scan(scene, strip, gate, monkeypatch, tmp_path):
    """Strips of the previous file are removed from the index."""
    monkeypatch.setattr(timeline_scan, "SLICE_SECONDS", 0.0)
    generate(scene, takes=3)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "held.blend"))
    until(is_model_running)
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: dispatcher.get_dispatcher().is_scanning)
    bpy.ops.wm.read_homefile(use_empty=True)
    until(lambda: not (dispatcher.get_dispatcher().is_scanning or cue_index.shared_cue_index.is_dirty))
    assert cue_index.shared_cue_index.strips_by_cue == {}
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "held.blend"))
    gate.is_open = True
    until(filled(3))


def test_deleting_a_placeholder_cancels_its_job_and_reports_the_cost(scene, strip, gate, monkeypatch):
    """The provider gets one cancellation; a placeholder that undo restores has the message."""
    monkeypatch.setattr(presence, "DELETION_GRACE_SECONDS", 0.0)
    bpy.ops.ed.undo_push(message="before")
    cue = generate(scene)
    until(is_model_running)
    scene.sequence_editor.strips.remove(cue_strips()[0])
    bpy.ops.ed.undo_push(message="Delete")
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: running_cues()[cue].note)
    assert running_cues()[cue].note == (
        "The placeholder was deleted. clicker confirmed the cancellation. The time until then may be charged (estimate: unknown)."
    )
    assert len(gate.cancelled) == 1
    bpy.ops.ed.undo()
    (restored,) = cue_strips()
    assert restored[cue_index.ERROR_PROPERTY].startswith("clicker confirmed")
    assert cue_rows.list_cue_rows(bpy.context.scene)[0].state == "failed"


def test_a_placeholder_restored_within_the_grace_period_keeps_its_job(scene, strip, gate):
    """It was deleted and restored by undo, so nothing is cancelled."""
    bpy.ops.ed.undo_push(message="before")
    generate(scene)
    until(is_model_running)
    bpy.context.scene.sequence_editor.strips.remove(cue_strips()[0])
    bpy.ops.ed.undo_push(message="Delete")
    dispatcher.get_dispatcher().scan()
    assert dispatcher.get_dispatcher().presence.missing_since
    bpy.ops.ed.undo()
    assert not dispatcher.get_dispatcher().presence.missing_since
    gate.is_open = True
    until(filled(1))
    assert gate.cancelled == []


def test_cancelling_removes_the_placeholder(scene, strip, gate):
    """The note about the cost stays until it is dismissed."""
    cue = generate(scene)
    until(is_model_running)
    bpy.ops.tracklay.cancel(cue=cue)
    until(lambda: running_cues()[cue].note)
    assert cue_strips() == []
    assert running_cues()[cue].note.startswith("clicker confirmed the cancellation")
    bpy.ops.tracklay.dismiss(cue=cue)
    assert running_cues() == {}


def test_an_immediate_cancellation_sends_nothing(scene, strip, clicker):
    """The cue is cancelled before its job is submitted to the provider."""
    sent = []
    original = clicker.submit

    async def submit(intent):
        sent.append(intent)
        return await original(intent)

    clicker.submit = submit
    cue = generate(scene)
    bpy.ops.tracklay.cancel(cue=cue)
    until(lambda: running_cues()[cue].note)
    assert sent == []
    assert running_cues()[cue].note == "Nothing was sent and nothing is charged."


def test_a_failed_take_keeps_its_placeholder_and_can_be_retried(scene, strip, clicker):
    """The placeholder has the error; a retry fills the same strip, although it has moved."""
    original = clicker.submit

    async def fail(intent):
        raise ModelFailed("the model found no picture")

    clicker.submit = fail
    cue = generate(scene)
    until(lambda: running_cues()[cue].error)
    (placeholder,) = cue_strips()
    assert placeholder[cue_index.ERROR_PROPERTY].endswith("the model found no picture")
    (row,) = cue_rows.list_cue_rows(scene)
    assert (row.state, row.message) == ("failed", placeholder[cue_index.ERROR_PROPERTY])
    placeholder.channel = 8
    clicker.submit = original
    bpy.ops.tracklay.retry(cue=cue)
    until(filled(1))
    assert [(s.channel, cue_index.ERROR_PROPERTY in s) for s in cue_strips()] == [(8, False)]
    assert running_cues() == {}


def test_without_enough_free_channels_nothing_is_laid_or_submitted(scene, strip):
    """Generate lays the placeholders of all takes or of none."""
    for channel in scene.sequence_editor.channels[4:]:
        channel.lock = True
    with pytest.raises(TracklayError, match=r"No free channel above"):
        generate(scene, takes=2)
    assert cue_strips() == []
    assert running_cues() == {}


def test_the_rest_of_the_scene_does_not_change(scene, strip, clips, gate):
    """Frame rate, range, render settings, other strips and the selection are the same after the placeholder and after the take."""
    other = add(scene, clips(RATE, 60, (20,)), 200, channel=1)
    other.select = False
    scene.sequence_editor.active_strip = other
    scene.frame_end = 77

    def state():
        strips = [s for s in scene.sequence_editor.strips if cue_index.CUE_PROPERTY not in s]
        render = scene.render
        return (
            [
                (s.name, s.channel, compat.strip_start(s), compat.strip_frames(s), s.select, s.mute, dict(s))
                for s in strips
            ],
            (render.fps, render.fps_base, render.filepath, render.resolution_x, render.use_sequencer),
            (scene.frame_start, scene.frame_end, scene.frame_current, scene.sequence_editor.active_strip.name),
        )

    before = state()
    generate(scene, takes=2)
    assert state() == before
    gate.is_open = True
    until(filled(2))
    assert state() == before
    assert not any(take.select for take in cue_strips())


def test_a_placeholder_with_another_sound_keeps_it(scene, strip, gate, clips, tmp_path):
    """A sound that the user chose is not replaced by the take."""
    generate(scene)
    until(is_model_running)
    (placeholder,) = cue_strips()
    own = tmp_path / "own.wav"
    own.write_bytes(Path(bpy.path.abspath(placeholder.sound.filepath)).read_bytes())
    placeholder.sound.filepath = str(own)
    gate.is_open = True
    until(lambda: not dispatcher.get_dispatcher().inbox.fill_queue and not dispatcher.get_dispatcher().is_busy)
    assert Path(bpy.path.abspath(cue_strips()[0].sound.filepath)) == own
    assert laid(scene) == []


def test_an_unclear_job_can_be_rechecked_and_resubmitted(scene, strip, gate, clicker):
    """No response arrived: a recheck sends nothing, and only the user's resubmission sends the job again."""
    from tracklay.errors import SubmissionUnknown

    original, sent = clicker.submit, []

    async def lose_response(intent):
        sent.append(intent)
        raise SubmissionUnknown("the connection was lost")

    clicker.submit = lose_response
    cue = generate(scene)
    until(lambda: running_cues()[cue].error)
    assert cue_rows.list_cue_rows(scene)[0].state == "unclear"
    assert len(cue_strips()) == len(sent) == 1
    clicker.submit = original
    gate.is_open = True
    bpy.ops.tracklay.recheck(cue=cue)
    until(lambda: running_cues()[cue].error)
    assert len(sent) == 1
    bpy.ops.tracklay.resubmit(cue=cue)
    until(filled(1))
    assert running_cues() == {}


def test_an_unclear_job_can_be_discarded(scene, strip, clicker):
    """Its placeholder is removed, and the ledger no longer lists the job."""
    from tracklay.errors import SubmissionUnknown

    async def lose_response(intent):
        raise SubmissionUnknown("the connection was lost")

    clicker.submit = lose_response
    cue = generate(scene)
    until(lambda: running_cues()[cue].error)
    bpy.ops.tracklay.discard(cue=cue)
    assert cue_strips() == []
    assert running_cues() == {}
    until(lambda: cue not in [job["cue"] for job in admin.list_jobs(include_finished=True)["jobs"]])


@pytest.fixture
def ten(scene, clips):
    """Ten clips one after the other on channel 1, selected."""
    set_rate(scene, RATE)
    return [add(scene, clips(RATE, 60, (20, 45)), 1 + 60 * number) for number in range(10)]


def test_many_placeholders_are_placed_over_several_ticks(scene, ten, gate, monkeypatch):
    """A few at once, and no job before all are there; they are one undo step, and each is on its clip, which may have moved meanwhile."""
    undo_steps: list[str] = []
    monkeypatch.setattr(placement, "push_undo", lambda scene, message="": undo_steps.append(message))
    generate(scene)
    assert (len(cue_strips()), len(running_cues()), undo_steps) == (8, 0, [])
    assert dispatcher.get_dispatcher().is_busy
    ten[9].frame_start += 30
    until(lambda: len(running_cues()) == 10)
    assert undo_steps == [placement.UNDO_GENERATE]
    starts = sorted(compat.strip_start(strip) for strip in cue_strips())
    assert starts == sorted(compat.strip_start(clip) for clip in ten)


def test_an_undo_while_placeholders_are_placed_sends_nothing(scene, ten, gate):
    """What is left is forgotten: the user has taken the Generate back."""
    generate(scene)
    for strip in cue_strips():
        scene.sequence_editor.strips.remove(strip)
    dispatcher.get_dispatcher().scan(after_undo=True)
    for _ in range(20):
        dispatcher.get_dispatcher().process()
    assert (cue_strips(), running_cues()) == ([], {})


def test_a_clip_that_is_removed_meanwhile_takes_all_placeholders_with_it(scene, ten, gate):
    """All of them or none: nothing was sent, and the cue of the clip says why."""
    generate(scene)
    scene.sequence_editor.strips.remove(ten[9])
    until(running_cues)
    (status,) = running_cues().values()
    assert "is no longer on the timeline" in status.error
    assert cue_strips() == []
