"""Laying takes: their place on the timeline, and that nothing else changes."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import bpy
import pytest
from tracklay.blender.runtime.cue_status import running_cues
from tracklay.blender.runtime.dispatcher import get_dispatcher
from tracklay.blender.sequencer import compat, connections, selection
from tracklay.blender.sequencer.channels import channel_map
from tracklay.errors import TracklayError

from tests.clips import FFMPEG

from ..conftest import add, laid, set_handles, set_rate
from ..helpers import submit_blocking_batch
from ..render.mix import mixed_clicks, sample, worst

RATE = Fraction(25)


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25 fps, on channel 2 from frame 11, with a flash on its frame 20."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20,)), 11, channel=2)


def test_a_strip_holds_its_manifest_entry(scene, strip):
    """The audible strip has the model, seed, prompt, file and hash of its take."""
    bpy.ops.tracklay.generate(prompt="two bells", seed=7, wait=True)
    (take,) = laid(scene)
    entry = json.loads(take["tracklay"])
    assert (entry["model"], entry["seed"], entry["prompt"]) == ("clicker/clicks", 7, "two bells")
    assert entry["start"] == {"frame": 11, "seconds": "11/25"}
    assert (entry["frames"], entry["samples"]) == (60, 115_200)
    assert Path(bpy.path.abspath(take.sound.filepath)).name == entry["file"]


def test_takes_of_a_cue_are_stacked_and_the_first_is_audible(scene, strip, tmp_path):
    """Three takes have the same frames and rising channels, and all but the first are muted."""
    bpy.ops.tracklay.generate(takes=3, wait=True)
    takes = laid(scene)
    assert [(take.channel, take.mute) for take in takes] == [(3, False), (4, True), (5, True)]
    assert {(compat.strip_start(take), compat.strip_frames(take)) for take in takes} == {(11, 60)}
    numbers = [json.loads(take["tracklay"])["take"] for take in takes]
    assert numbers == sorted(numbers)
    assert len(mixed_clicks(scene, tmp_path, 100)) == 1


def test_a_take_goes_to_a_channel_of_its_kind(scene, strip, clips):
    """It is made of the first empty channel above all pictures; locked and muted ones are skipped, and it is used again."""
    clip = clips(RATE, 60, (20,))
    add(scene, clip, 11 + 59, channel=3).select = False  # overlaps the last frame
    channels = scene.sequence_editor.channels
    channels[4].lock = True
    channels[5].mute = True
    add(scene, clip, 71, channel=6).select = False  # begins where the take ends
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid(scene)
    assert (take.channel, compat.strip_start(take), compat.strip_frames(take)) == (7, 11, 60)
    assert channels[7].name == "Foley"


def test_without_a_free_channel_nothing_is_submitted(scene, strip):
    """The check runs before the submission, and the error names the fix."""
    for channel in scene.sequence_editor.channels[3:]:
        channel.lock = True
    with pytest.raises(RuntimeError, match=r"No free channel above .*"):
        bpy.ops.tracklay.generate(wait=True)
    assert laid(scene) == []


def test_the_rest_of_the_scene_does_not_change(scene, strip, clips):
    """Frame rate, range, render settings, other strips and the selection are the same afterwards."""
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


def test_one_undo_step_removes_all_takes(scene, strip):
    """Undo restores the timeline, and redo restores the takes."""
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.tracklay.generate(takes=2, wait=True)
    bpy.ops.ed.undo()
    assert laid(bpy.context.scene) == []
    assert [s.name for s in bpy.context.scene.sequence_editor.strips] == ["clip-25-1-60-20"]
    bpy.ops.ed.redo()
    assert len(laid(bpy.context.scene)) == 2


def test_undo_while_a_cue_runs_does_not_prevent_laying(scene, strip):
    """Undo replaces every strip; the picture is found by name and content."""
    bpy.ops.ed.undo_push(message="before")
    scene.frame_current = 5
    bpy.ops.ed.undo_push(message="moved the playhead")
    batch = submit_blocking_batch(scene)
    bpy.ops.ed.undo()
    get_dispatcher().wait(batch)
    assert batch.errors == []
    assert [compat.strip_start(take) for take in laid(bpy.context.scene)] == [11]


def test_a_take_follows_a_strip_that_moved(scene, strip, tmp_path):
    """The take is laid at the present position of the same frames."""
    batch = submit_blocking_batch(scene)
    strip.channel = 7
    setattr(strip, compat.time_property("content_start", bpy.types.Strip), 31)
    set_handles(strip, 36, 80)
    get_dispatcher().wait(batch)
    (take,) = laid(scene)
    assert (take.channel, compat.strip_start(take), compat.strip_frames(take)) == (8, 31, 60)
    assert worst(mixed_clicks(scene, tmp_path, 100), [sample(31 + 20, RATE)]) <= 1


def test_a_strip_that_was_renamed_is_found(scene, strip):
    """The picture is found under its new name."""
    batch = submit_blocking_batch(scene)
    strip.name = "the good one"
    get_dispatcher().wait(batch)
    assert len(laid(scene)) == 1


def test_a_take_of_a_deleted_strip_is_not_laid_and_is_reported(scene, strip):
    """The message names the folder of the take and can be dismissed."""
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
    """Another file is opened while a cue runs: the take stays in its folder, although the new file has the same clip."""
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
    """The length of a take in samples matches its span only at the original frame rate."""
    batch = submit_blocking_batch(scene)
    scene.render.fps = 30
    get_dispatcher().wait(batch)
    assert laid(scene) == []
    assert "The frame rate of Scene changed" in batch.errors[0]
    bpy.ops.tracklay.dismiss()


def test_takes_join_the_connections_of_the_picture(scene, clips, tmp_path):
    """Splitting the picture also splits its own sound and all takes, those of a second Generate included."""
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


def test_many_groups_are_connected_separately(scene, monkeypatch):
    """There are more groups than one macro call connects: splitting a strip splits only its own group, and nothing stays selected."""
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
    original = compat.sequencer_context

    def count_contexts(scene):
        calls.append(scene)
        return original(scene)

    monkeypatch.setattr(compat, "sequencer_context", count_contexts)
    connections.connect_groups(scene, groups)
    assert len(calls) == 1
    assert not any(strip.select for strip in strips)
    before = len(strips)
    for number in (0, len(groups) - 1):
        groups[number][1].select = True
        with original(scene):
            bpy.ops.sequencer.split(frame=5 + 9 * number, ignore_selection=False, ignore_connections=False)
        groups[number][1].select = False
        for strip in strips:
            strip.select = False
    assert len(strips) == before + 4
    assert {compat.strip_end(strip) for strip in groups[0]} == {5}


def test_cancelled_cues_end_without_a_message(scene, strip):
    """A cue that the user cancelled leaves no error to dismiss."""
    batch = submit_blocking_batch(scene)
    bpy.ops.tracklay.cancel()
    get_dispatcher().wait(batch)
    assert running_cues() == {}
    assert laid(scene) == [] or batch.errors == []  # it may have been ready before


def test_finding_a_removed_strip_raises_an_error(scene, strip):
    """The error says that the strip is no longer on the timeline."""
    (spot,) = selection.spot_ranges(scene)
    scene.sequence_editor.strips.remove(strip)
    with pytest.raises(TracklayError, match="no longer on the timeline"):
        selection.find_strip(scene, spot)


def test_no_channel_above_blenders_last_is_free(scene):
    """The search ends at `MAX_CHANNELS`."""
    level = selection.active_level(scene)
    assert level is not None
    assert channel_map.find_free_channel(level, channel_map.MAX_CHANNELS, 1, 10) is None
    assert channel_map.find_free_channel(level, channel_map.MAX_CHANNELS - 1, 1, 10) == channel_map.MAX_CHANNELS
