"""Placeholders: silence that lies there at once, is followed wherever it goes, and becomes the take."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import wave
from fractions import Fraction
from functools import partial
from pathlib import Path

import bpy
import pytest
from tracklay.blender.runtime import cue_rows, dispatcher, presence, requests, timeline_scan
from tracklay.blender.runtime.cue_status import running_cues
from tracklay.blender.sequencer import compat, cue_index, placeholders, placement, selection, staleness, takes
from tracklay.blender.settings import catalogue
from tracklay.blender.settings.preferences import takes_folder
from tracklay.errors import ModelFailed, TracklayError
from tracklay.jobs import admin, create_job_spec
from tracklay.providers.base import JobProgress

from ..conftest import add, laid, set_handles, set_rate
from ..render.mix import mixed_clicks, sample, worst

RATE = Fraction(25)

pytestmark = pytest.mark.usefixtures("let_go")
PATIENCE = 20.0
"""Seconds."""


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25, on channel 2 from frame 11, with flashes on its frames 20 and 45."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20, 45)), 11, channel=2)


class Gate:
    """Holds the clicking model's answers back until it is opened."""

    def __init__(self, clicker) -> None:
        self.is_open = False
        self.cancelled: list[str] = []
        clicker.poll, clicker.cancel = self._poll, self._cancel

    async def _poll(self, ticket):
        await asyncio.sleep(0)
        return JobProgress("done") if self.is_open else JobProgress("running", 0.5, "in the queue, second")

    async def _cancel(self, ticket):
        self.cancelled.append(ticket.request)
        return True


@pytest.fixture
def gate(clicker):
    """The model answers when the gate is opened."""
    return Gate(clicker)


def until(condition) -> None:
    """Do what the timer does in a window until something is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, (running_cues(), vars(dispatcher.get_dispatcher()))
        if not dispatcher.get_dispatcher().process():
            time.sleep(0.01)  # the timer's own pause


def generate(scene, **wanted):
    """What pressing Generate does in a window; the cue's id. In the background the operator waits, and lays no placeholder."""
    orders = []
    wanted.setdefault("prompt", secrets.token_hex(4))  # no two tests ask for the same
    for spot in selection.spot_ranges(scene):
        cue = requests.build_cue(spot, scene.tracklay, **wanted)
        orders.append((create_job_spec(cue, takes_folder(), "clip", catalogue.MODELS), spot))
    dispatcher.get_dispatcher().submit(orders)
    return orders[0][0].cue.id


def held(scene=None):
    """The strips that carry a cue, lowest channel first."""
    strips = (scene or bpy.context.scene).sequence_editor.strips_all
    return sorted((s for s in strips if cue_index.CUE_PROPERTY in s), key=lambda s: (s.channel, compat.strip_start(s)))


def filled(count: int):
    """A condition: so many strips of the current scene have their takes."""
    return lambda: len(laid(bpy.context.scene)) == count


def running() -> bool:
    """Whether a job has reached its model."""
    return any("second" in line.message for line in running_cues().values())


def test_a_placeholder_lies_there_at_once(scene, strip, gate):
    """Silence of exactly the cue's frames in the first free channel, named for its model, connected; nothing was waited for."""
    cue = generate(scene, prompt="rain")
    (placeholder,) = held()
    assert (placeholder.channel, compat.strip_start(placeholder), compat.strip_frames(placeholder)) == (3, 11, 60)
    assert placeholder.name == "Clicks at flashes"
    assert json.loads(placeholder["tracklay_cue"]) == {"cue": cue, "take": 0}
    with wave.open(bpy.path.abspath(placeholder.sound.filepath)) as silence:
        assert Fraction(silence.getnframes(), silence.getframerate()) == Fraction(60, 25)
        assert not any(silence.readframes(silence.getnframes()))
    (shown,) = cue_rows.list_cue_rows(scene)
    assert (shown.state, shown.model, shown.prompt, shown.strips) == (
        "running",
        "clicker/clicks",
        "rain",
        (placeholder.name,),
    )
    assert strip.select
    assert not placeholder.select


def test_the_take_comes_into_the_strip_where_it_lies_now(scene, strip, gate, tmp_path):
    """Moved, trimmed and turned down meanwhile: it stays just there, and its clicks are where the strip has them, to the sample."""
    generate(scene)
    until(running)
    (placeholder,) = held()
    setattr(placeholder, compat.time_property("content_start", bpy.types.Strip), 101)
    set_handles(placeholder, 101 + 15, 101 + 30)
    placeholder.channel, placeholder.volume, placeholder.name = 9, 0.5, "the hit"
    gate.is_open = True
    until(filled(1))
    (take,) = held()
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
    """The placeholder's own length rounds to no other frame, and the swap shifts nothing."""
    set_rate(scene, rate)
    add(scene, clips(rate, 100, (7, 61)), 31)
    generate(scene)
    gate.is_open = True
    until(filled(1))
    assert worst(mixed_clicks(scene, tmp_path, 200), [sample(31 + flash, rate) for flash in (7, 61)]) <= 1


def test_every_copy_gets_the_take(scene, strip, gate, tmp_path):
    """Split in two, duplicated, and in a copy of the scene: each has it, and plays its own part."""
    generate(scene)
    until(running)
    (placeholder,) = held()
    strip.select = False
    placeholder.select = True
    scene.sequence_editor.active_strip = placeholder
    with compat.sequencer_context(scene):
        bpy.ops.sequencer.split(frame=40)
    assert [(compat.strip_start(s), compat.strip_frames(s)) for s in held()] == [(11, 29), (40, 31)]
    copy = scene.copy()
    setattr(held()[1], compat.time_property("content_start", bpy.types.Strip), 111)
    gate.is_open = True
    until(filled(2))
    assert len(laid(copy)) == 2
    assert worst(mixed_clicks(scene, tmp_path, 200), [sample(11 + 20, RATE), sample(111 + 45, RATE)]) <= 1


def test_undo_and_redo_keep_what_is_made_anew_with_its_cue(scene, strip, gate):
    """To which cue a take belongs, and that it is to be heard, is in the same step as its placeholder."""
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
    until(running)
    bpy.ops.ed.undo()
    assert len(held()) == 1
    bpy.ops.ed.redo()
    assert len(held()) == 2
    gate.is_open = True
    until(filled(2))
    level = selection.active_level(bpy.context.scene)
    assert level is not None
    (group,) = takes.find_take_groups(level)
    assert (len(group.takes), group.audible_index) == (2, 1)


def test_takes_land_as_they_come_each_in_a_step_of_its_own(scene, strip, gate, monkeypatch):
    """Two takes: after the Generate two steps more, whatever came between them."""
    bpy.ops.ed.undo_push(message="before")
    generate(scene, takes=2)
    assert [(s.channel, s.mute) for s in held()] == [(3, False), (4, True)]
    gate.is_open = True
    steps: list[str] = []
    real = placement.push_undo

    def remember(scene, step):
        steps.append(step)
        real(scene, step)

    monkeypatch.setattr(placement, "push_undo", remember)
    until(filled(2))
    assert steps == [placement.UNDO_LAY, placement.UNDO_LAY]


def test_an_undone_generate_comes_back_filled(scene, strip, gate):
    """Undone before the take came: nothing is laid and the job goes on; redone, the placeholder is there with the take in it."""
    bpy.ops.ed.undo_push(message="before")
    generate(scene)
    until(running)
    bpy.ops.ed.undo()
    assert held() == []
    gate.is_open = True
    until(lambda: not any(line.error or not line.note for line in running_cues().values()))
    assert held() == []
    assert gate.cancelled == []
    assert "redo restores it" in next(iter(running_cues().values())).note
    bpy.ops.ed.redo()
    assert len(laid(bpy.context.scene)) == len(held()) == 1
    assert running_cues() == {}


def test_undo_past_the_landing_leaves_the_take_where_the_placeholder_is(scene, strip, gate):
    """Whatever is undone, a placeholder whose take has come is never empty again, and nothing is laid twice."""
    bpy.ops.ed.undo_push(message="before")
    generate(scene)
    scene.frame_current = 7
    bpy.ops.ed.undo_push(message="moved the playhead")
    gate.is_open = True
    until(filled(1))
    for step in (bpy.ops.ed.undo, bpy.ops.ed.undo, bpy.ops.ed.redo, bpy.ops.ed.redo):
        step()
        assert len(laid(bpy.context.scene)) == len(held()) == 1
    for count in (1, 1, 0):
        bpy.ops.ed.undo()
        assert len(laid(bpy.context.scene)) == len(held()) == count


def test_the_timeline_is_looked_through_in_slices(scene, strip, gate, monkeypatch):
    """A tick looks at as many strips as its time allows: a copy of each of many is filled all the same, and nothing is held up."""
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


def test_a_file_that_is_opened_in_the_midst_of_a_look_is_looked_through_from_its_start(
    scene, strip, gate, monkeypatch, tmp_path
):
    """What was found of the old one is forgotten."""
    monkeypatch.setattr(timeline_scan, "SLICE_SECONDS", 0.0)
    generate(scene, takes=3)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "held.blend"))
    until(running)
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: dispatcher.get_dispatcher().is_scanning)
    bpy.ops.wm.read_homefile(use_empty=True)
    until(lambda: not (dispatcher.get_dispatcher().is_scanning or cue_index.shared_cue_index.is_dirty))
    assert cue_index.shared_cue_index.strips_by_cue == {}
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "held.blend"))
    gate.is_open = True
    until(filled(3))


def test_a_deleted_placeholder_cancels_its_job_and_says_what_that_saved(scene, strip, gate, monkeypatch):
    """The wish reaches the provider, once; undoing the deletion brings a placeholder back that says so."""
    monkeypatch.setattr(presence, "DELETION_GRACE_SECONDS", 0.0)
    bpy.ops.ed.undo_push(message="before")
    cue = generate(scene)
    until(running)
    scene.sequence_editor.strips.remove(held()[0])
    bpy.ops.ed.undo_push(message="Delete")
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: running_cues()[cue].note)
    assert running_cues()[cue].note == (
        "The placeholder was deleted. clicker confirmed the cancellation. The time until then may be charged (estimate: unknown)."
    )
    assert len(gate.cancelled) == 1
    bpy.ops.ed.undo()
    (back,) = held()
    assert back[cue_index.ERROR_PROPERTY].startswith("clicker confirmed")
    assert cue_rows.list_cue_rows(bpy.context.scene)[0].state == "failed"


def test_a_placeholder_that_comes_back_in_time_is_not_given_up(scene, strip, gate):
    """Cut and pasted, or deleted and undone within the grace: the job goes on."""
    bpy.ops.ed.undo_push(message="before")
    generate(scene)
    until(running)
    bpy.context.scene.sequence_editor.strips.remove(held()[0])
    bpy.ops.ed.undo_push(message="Delete")
    dispatcher.get_dispatcher().scan()
    assert dispatcher.get_dispatcher().presence.missing_since
    bpy.ops.ed.undo()
    assert not dispatcher.get_dispatcher().presence.missing_since
    gate.is_open = True
    until(filled(1))
    assert gate.cancelled == []


def test_cancelling_takes_the_placeholder_away(scene, strip, gate):
    """Pressed by the person: the strip goes, in one step, and what it saved is said until it is put away."""
    cue = generate(scene)
    until(running)
    bpy.ops.tracklay.cancel(cue=cue)
    until(lambda: running_cues()[cue].note)
    assert held() == []
    assert running_cues()[cue].note.startswith("clicker confirmed the cancellation")
    bpy.ops.tracklay.dismiss(cue=cue)
    assert running_cues() == {}


def test_cancelled_at_once_nothing_is_sent(scene, strip, clicker):
    """Before there is a job at all, or while its picture is extracted."""
    sent = []
    real = clicker.submit

    async def submit(intent):
        sent.append(intent)
        return await real(intent)

    clicker.submit = submit
    cue = generate(scene)
    bpy.ops.tracklay.cancel(cue=cue)
    until(lambda: running_cues()[cue].note)
    assert sent == []
    assert running_cues()[cue].note == "Nothing was sent and nothing is charged."


def test_a_failed_take_leaves_its_placeholder_with_the_error_and_can_be_tried_again(scene, strip, clicker):
    """Where a sound was wanted stays marked; again fills the same strip, wherever it is by now."""
    real = clicker.submit

    async def fail(intent):
        raise ModelFailed("the model found no picture")

    clicker.submit = fail
    cue = generate(scene)
    until(lambda: running_cues()[cue].error)
    (placeholder,) = held()
    assert placeholder[cue_index.ERROR_PROPERTY].endswith("the model found no picture")
    (shown,) = cue_rows.list_cue_rows(scene)
    assert (shown.state, shown.message) == ("failed", placeholder[cue_index.ERROR_PROPERTY])
    placeholder.channel = 8
    clicker.submit = real
    bpy.ops.tracklay.retry(cue=cue)
    until(filled(1))
    assert [(s.channel, cue_index.ERROR_PROPERTY in s) for s in held()] == [(8, False)]
    assert running_cues() == {}


def test_without_room_nothing_is_laid_and_nothing_sent(scene, strip):
    """All of a Generate or none of it."""
    for channel in scene.sequence_editor.channels[4:]:
        channel.lock = True
    with pytest.raises(TracklayError, match=r"No free channel above"):
        generate(scene, takes=2)
    assert held() == []
    assert running_cues() == {}


def test_the_persons_things_stay_as_they_are(scene, strip, clips, gate):
    """Rate, range, render settings, other strips and the selection, when the placeholder comes and when the take does."""
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
    assert not any(take.select for take in held())


def test_a_strip_that_was_given_another_sound_keeps_it(scene, strip, gate, clips, tmp_path):
    """What the person has put into it is theirs."""
    generate(scene)
    until(running)
    (placeholder,) = held()
    own = tmp_path / "own.wav"
    own.write_bytes(Path(bpy.path.abspath(placeholder.sound.filepath)).read_bytes())
    placeholder.sound.filepath = str(own)
    gate.is_open = True
    until(lambda: not dispatcher.get_dispatcher().inbox.fill_queue and not dispatcher.get_dispatcher().is_busy)
    assert Path(bpy.path.abspath(held()[0].sound.filepath)) == own
    assert laid(scene) == []


# Stale


def shorter(scene, strip):
    """Trimmed within the cue."""
    set_handles(strip, 11, 60)


def slipped(scene, strip):
    """Other frames on the same ones of the timeline."""
    first, end = compat.strip_start(strip), compat.strip_end(strip)
    setattr(strip, compat.time_property("content_start", bpy.types.Strip), 9)
    set_handles(strip, first, end)


def another_file(scene, strip):
    """Relinked."""
    strip.filepath = strip.filepath.replace("clip", "other")


def reversed_(scene, strip):
    """Backwards."""
    strip.use_reverse_frames = True


def another_rate(scene, strip):
    """The scene's."""
    scene.render.fps = 30


def gone(scene, strip):
    """Deleted."""
    scene.sequence_editor.strips.remove(strip)


def moved_alone(scene, strip):
    """Without its take."""
    setattr(strip, compat.time_property("content_start", bpy.types.Strip), 12)


@pytest.mark.parametrize("change", [shorter, slipped, another_file, reversed_, another_rate, gone, moved_alone])
def test_a_take_whose_picture_was_changed_is_stale(change, scene, strip, gate):
    """It is laid all the same, says so of itself, and is listed so."""
    gate.is_open = True
    generate(scene)
    until(filled(1))
    dispatcher.get_dispatcher().scan()
    until(lambda: not dispatcher.get_dispatcher().timeline_scan.staleness_queue)
    assert cue_index.STALE_PROPERTY not in held()[0]
    assert staleness.is_up_to_date(scene, held()[0], staleness.SpeedEffectCache())
    change(scene, strip)
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: cue_index.STALE_PROPERTY in held()[0])
    assert not staleness.is_up_to_date(scene, held()[0], staleness.SpeedEffectCache())
    assert cue_rows.list_cue_rows(scene)[0].is_stale
    assert staleness.find_stale_strips() == [f"{scene.name}: {held()[0].name}"]


def both_moved(scene, strip):
    """Together."""
    for each in (strip, held()[0]):
        setattr(each, compat.time_property("content_start", bpy.types.Strip), 61)


def both_split(scene, strip):
    """Together."""
    held()[0].select = True
    with compat.sequencer_context(scene):
        bpy.ops.sequencer.split(frame=40)


def renamed(scene, strip):
    """A new name."""
    strip.name = "the good one"


def longer(scene, strip):
    """Beyond the cue."""
    set_handles(strip, 8, 75)


@pytest.mark.parametrize("change", [both_moved, both_split, renamed, longer])
def test_a_take_that_still_has_its_picture_is_fresh(change, scene, strip, gate):
    """Moved or split together, renamed, or drawn out beyond the cue."""
    gate.is_open = True
    generate(scene)
    until(filled(1))
    change(scene, strip)
    assert all(staleness.is_up_to_date(scene, take, staleness.SpeedEffectCache()) for take in laid(scene))


def test_a_picture_changed_back_is_fresh_again(scene, strip, gate):
    """The mark goes as it came."""
    gate.is_open = True
    generate(scene)
    until(filled(1))
    strip.use_reverse_frames = True
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: cue_index.STALE_PROPERTY in held()[0])
    strip.use_reverse_frames = False
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: cue_index.STALE_PROPERTY not in held()[0])


# Files


def test_a_late_take_lands_in_no_other_file_and_in_its_own_when_that_is_opened_again(
    scene, strip, clips, gate, tmp_path
):
    """The other file has the same clip; the saved one gets its take when it comes back."""
    film = str(tmp_path / "film.blend")
    generate(scene)
    until(running)
    bpy.ops.wm.save_as_mainfile(filepath=film)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    new = bpy.context.scene
    new.sequence_editor_create()
    set_rate(new, RATE)
    add(new, clips(RATE, 60, (20, 45)), 11, channel=2)
    gate.is_open = True
    until(lambda: not dispatcher.get_dispatcher().is_busy)
    assert held(new) == []
    bpy.ops.wm.open_mainfile(filepath=film)
    until(filled(1))
    assert len(held()) == 1


def test_a_file_that_is_opened_by_a_new_blender_is_filled_from_the_ledger(scene, strip, gate, tmp_path):
    """Saved before the take came, which was laid and never saved: it is there again, and nothing was made twice."""
    film = str(tmp_path / "film.blend")
    cue = generate(scene)
    until(running)
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
    until(running)
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
    until(running)
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
    until(running)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    dispatcher.close_dispatcher()
    gate.is_open = True
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    assert bpy.ops.tracklay.resume_jobs() == {"FINISHED"}
    assert len(laid(bpy.context.scene)) == 1


def test_a_placeholder_that_the_ledger_does_not_know_says_so(scene, strip, gate, tmp_path, monkeypatch):
    """A file from another computer: what can be done is said on the strip."""
    generate(scene)
    until(running)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    dispatcher.close_dispatcher()
    monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / "another"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    until(lambda: cue_index.ERROR_PROPERTY in held()[0])
    assert "has no job of this cue" in held()[0][cue_index.ERROR_PROPERTY]


def test_an_unclear_job_is_shown_with_its_choices(scene, strip, gate, clicker):
    """No answer came and it is not found: look again finds it; nothing was sent by itself."""
    from tracklay.errors import SubmissionUnknown

    real, sent = clicker.submit, []

    async def lost(intent):
        sent.append(intent)
        raise SubmissionUnknown("no answer came")

    clicker.submit = lost
    cue = generate(scene)
    until(lambda: running_cues()[cue].error)
    assert cue_rows.list_cue_rows(scene)[0].state == "unclear"
    assert len(held()) == len(sent) == 1
    clicker.submit = real
    gate.is_open = True
    bpy.ops.tracklay.recheck(cue=cue)
    until(lambda: running_cues()[cue].error)
    assert len(sent) == 1
    bpy.ops.tracklay.resubmit(cue=cue)
    until(filled(1))
    assert running_cues() == {}


def test_an_unclear_job_can_be_given_up(scene, strip, clicker):
    """Its placeholder goes, and the ledger lists it no more."""
    from tracklay.errors import SubmissionUnknown

    async def lost(intent):
        raise SubmissionUnknown("no answer came")

    clicker.submit = lost
    cue = generate(scene)
    until(lambda: running_cues()[cue].error)
    bpy.ops.tracklay.discard(cue=cue)
    assert held() == []
    assert running_cues() == {}
    until(lambda: cue not in [job["cue"] for job in admin.list_jobs(include_finished=True)["jobs"]])
