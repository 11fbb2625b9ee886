"""Where takes are laid, and that nothing else on the timeline changes."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import bpy
import pytest
from tracklay.blender.runtime.cue_status import running_cues
from tracklay.blender.runtime.dispatcher import get_dispatcher
from tracklay.blender.sequencer import compat, connections, placement, selection
from tracklay.errors import TracklayError

from tests.clips import FFMPEG

from ..conftest import add, laid, set_handles, set_rate
from ..helpers import submit_blocking_batch
from ..render.mix import mixed_clicks, sample, worst

RATE = Fraction(25)


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25, on channel 2 from frame 11, with a flash on its frame 20."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20,)), 11, channel=2)


def test_a_strip_holds_its_manifest_entry(scene, strip):
    """Model, seed, prompt, file and its hash can be read from the strip that is heard."""
    bpy.ops.tracklay.generate(prompt="two bells", seed=7, wait=True)
    (take,) = laid(scene)
    entry = json.loads(take["tracklay"])
    assert (entry["model"], entry["seed"], entry["prompt"]) == ("clicker/clicks", 7, "two bells")
    assert entry["start"] == {"frame": 11, "seconds": "11/25"}
    assert (entry["frames"], entry["samples"]) == (60, 115_200)
    assert Path(bpy.path.abspath(take.sound.filepath)).name == entry["file"]


def test_takes_of_a_cue_lie_above_each_other_and_the_first_is_heard(scene, strip, tmp_path):
    """Three takes: the same frames, rising channels, all but the first muted."""
    bpy.ops.tracklay.generate(takes=3, wait=True)
    takes = laid(scene)
    assert [(take.channel, take.mute) for take in takes] == [(3, False), (4, True), (5, True)]
    assert {(compat.strip_start(take), compat.strip_frames(take)) for take in takes} == {(11, 60)}
    numbers = [json.loads(take["tracklay"])["take"] for take in takes]
    assert numbers == sorted(numbers)
    assert len(mixed_clicks(scene, tmp_path, 100)) == 1


def test_the_first_channel_that_is_free_there_is_taken(scene, strip, clips):
    """A strip elsewhere on a channel does not hinder, one that overlaps by a frame does; locked and muted ones are passed over."""
    clip = clips(RATE, 60, (20,))
    add(scene, clip, 11 + 59, channel=3).select = False  # overlaps the last frame
    channels = scene.sequence_editor.channels
    channels[4].lock = True
    channels[5].mute = True
    add(scene, clip, 71, channel=6).select = False  # begins where the take ends
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid(scene)
    assert (take.channel, compat.strip_start(take), compat.strip_frames(take)) == (6, 11, 60)


def test_without_a_free_channel_nothing_is_sent(scene, strip):
    """It is known before anything is begun, and the error says what to do."""
    for channel in scene.sequence_editor.channels[3:]:
        channel.lock = True
    with pytest.raises(RuntimeError, match=r"No free channel above .*"):
        bpy.ops.tracklay.generate(wait=True)
    assert laid(scene) == []


def test_the_persons_things_stay_as_they_are(scene, strip, clips):
    """Rate, range, render settings, other strips and the selection are the same afterwards."""
    other = add(scene, clips(RATE, 60, (20,)), 200, channel=1)
    other.select = False
    scene.sequence_editor.active_strip = other
    scene.frame_end = 77

    def state():
        strips = [s for s in scene.sequence_editor.strips if "tracklay" not in s]
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
    bpy.ops.tracklay.generate(takes=2, wait=True)
    assert state() == before
    assert not any(take.select for take in laid(scene))


def test_undo_takes_all_takes_away_in_one_step(scene, strip):
    """One step back and the timeline is as before; one forward and the takes are there again."""
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.tracklay.generate(takes=2, wait=True)
    bpy.ops.ed.undo()
    assert laid(bpy.context.scene) == []
    assert [s.name for s in bpy.context.scene.sequence_editor.strips] == ["clip-25-1-60-20"]
    bpy.ops.ed.redo()
    assert len(laid(bpy.context.scene)) == 2


def test_undo_while_a_cue_runs_does_not_hinder_its_laying(scene, strip):
    """Undo makes every strip anew; the picture is found again."""
    bpy.ops.ed.undo_push(message="before")
    scene.frame_current = 5
    bpy.ops.ed.undo_push(message="moved the playhead")
    batch = submit_blocking_batch(scene)
    bpy.ops.ed.undo()
    get_dispatcher().wait(batch)
    assert batch.errors == []
    assert [compat.strip_start(take) for take in laid(bpy.context.scene)] == [11]


def test_a_strip_that_moved_is_followed(scene, strip, tmp_path):
    """The take goes where the same frames of the picture are now."""
    batch = submit_blocking_batch(scene)
    strip.channel = 7
    setattr(strip, compat.time_property("content_start", bpy.types.Strip), 31)
    set_handles(strip, 36, 80)
    get_dispatcher().wait(batch)
    (take,) = laid(scene)
    assert (take.channel, compat.strip_start(take), compat.strip_frames(take)) == (8, 31, 60)
    assert worst(mixed_clicks(scene, tmp_path, 100), [sample(31 + 20, RATE)]) <= 1


def test_a_strip_that_was_renamed_is_found(scene, strip):
    """A new name does not lose the picture."""
    batch = submit_blocking_batch(scene)
    strip.name = "the good one"
    get_dispatcher().wait(batch)
    assert len(laid(scene)) == 1


def test_a_strip_that_was_deleted_gets_nothing_and_it_is_said(scene, strip):
    """No picture, no sound; the take's folder is told, and the message can be put away."""
    batch = submit_blocking_batch(scene)
    scene.sequence_editor.strips.remove(strip)
    get_dispatcher().wait(batch)
    assert laid(scene) == []
    (message,) = batch.errors
    assert "is no longer on the timeline" in message
    assert "The take was not laid: " in message
    assert len(running_cues()) == 1
    bpy.ops.tracklay.dismiss()
    assert running_cues() == {}


def test_a_take_of_another_file_is_not_laid_in_this_one(scene, strip, clips):
    """Opening a file while a cue runs: its take stays in its folder, though the same clip is here."""
    batch = submit_blocking_batch(scene)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    new = bpy.context.scene
    new.sequence_editor_create()
    set_rate(new, RATE)
    add(new, clips(RATE, 60, (20,)), 11, channel=2)
    get_dispatcher().wait(batch)
    assert laid(new) == []
    assert "is no longer open." in batch.errors[0]
    assert "The take was not laid: " in batch.errors[0]
    bpy.ops.tracklay.dismiss()


def test_a_take_is_not_laid_at_another_frame_rate(scene, strip):
    """A take has its span's samples; at another rate they would be other frames."""
    batch = submit_blocking_batch(scene)
    scene.render.fps = 30
    get_dispatcher().wait(batch)
    assert laid(scene) == []
    assert "The frame rate of Scene changed" in batch.errors[0]
    bpy.ops.tracklay.dismiss()


def test_takes_join_what_the_picture_was_connected_to(scene, clips, tmp_path):
    """Cutting the picture cuts its own sound and every take with it, from one Generate and from the next."""
    set_rate(scene, RATE)
    clip = tmp_path / "with-sound.mp4"
    silent = clips(RATE, 60, (20,))
    sound = ["-f", "lavfi", "-i", "sine=d=2.4:r=48000", "-c:v", "copy", "-c:a", "aac"]
    subprocess.run([FFMPEG, "-v", "error", "-i", str(silent), *sound, str(clip)], check=True)
    picture = add(scene, clip, 11, channel=2)
    own = scene.sequence_editor.strips.new_sound("own", str(clip), 1, 11)
    compat.set_strip_frames(own, 60)
    other = add(scene, silent, 11, channel=9)
    own.select, other.select = True, False
    with compat.sequencer_context(scene):
        bpy.ops.sequencer.connect(toggle=False)
    bpy.ops.tracklay.generate(takes=2, wait=True)
    bpy.ops.tracklay.generate(wait=True)
    assert len(laid(scene)) == 3
    own.select = False
    with compat.sequencer_context(scene):
        bpy.ops.sequencer.split(frame=40, ignore_selection=False, ignore_connections=False)
    halves = [strip for strip in scene.sequence_editor.strips if compat.strip_start(strip) == 40]
    assert sorted(strip.type for strip in halves) == ["MOVIE", *["SOUND"] * 4]
    assert compat.strip_end(picture) == 40
    assert compat.strip_end(other) == 71


def test_many_groups_are_connected_each_by_itself(scene, monkeypatch):
    """More than one call of the macro takes: cutting one of a group cuts the other, and nothing else; none is selected afterwards."""
    strips, calls = scene.sequence_editor.strips, []
    options = {"length": 9} if "length" in strips.bl_rna.functions["new_effect"].parameters else None
    groups = [
        [
            strips.new_effect(
                f"{number} {which}", "COLOR", 1 + which, 1 + 9 * number, **(options or {"frame_end": 10 + 9 * number})
            )
            for which in (0, 1)
        ]
        for number in range(connections.GROUPS_PER_CALL + 1)
    ]
    for strip in strips:
        strip.select = False
    real = compat.sequencer_context

    def counted(scene):
        calls.append(scene)
        return real(scene)

    monkeypatch.setattr(compat, "sequencer_context", counted)
    connections.connect_groups(scene, groups)
    assert len(calls) == 1
    assert not any(strip.select for strip in strips)
    before = len(strips)
    for number in (0, len(groups) - 1):
        groups[number][1].select = True
        with real(scene):
            bpy.ops.sequencer.split(frame=5 + 9 * number, ignore_selection=False, ignore_connections=False)
        groups[number][1].select = False
        for strip in strips:
            strip.select = False
    assert len(strips) == before + 4
    assert {compat.strip_end(strip) for strip in groups[0]} == {5}


def test_cancelled_cues_end_without_a_message(scene, strip):
    """What the person stopped is not an error to dismiss."""
    batch = submit_blocking_batch(scene)
    bpy.ops.tracklay.cancel()
    get_dispatcher().wait(batch)
    assert running_cues() == {}
    assert laid(scene) == [] or batch.errors == []  # it may have been ready before


def test_a_lost_strip_is_told_by_find(scene, strip):
    """Looking for a strip that has gone raises."""
    (spot,) = selection.spot_ranges(scene)
    scene.sequence_editor.strips.remove(strip)
    with pytest.raises(TracklayError, match="no longer on the timeline"):
        selection.find_strip(scene, spot)


def test_free_channel_ends_at_blenders_last(scene):
    """Above the last channel there is none."""
    level = selection.active_level(scene)
    assert level is not None
    assert placement.find_free_channel(level, placement.MAX_CHANNELS, 1, 10) is None
    assert placement.find_free_channel(level, placement.MAX_CHANNELS - 1, 1, 10) == placement.MAX_CHANNELS
