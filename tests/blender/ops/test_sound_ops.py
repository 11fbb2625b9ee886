"""Hearing takes while working: loop, solo, fades, and nudging, with Blender's own properties."""

from __future__ import annotations

from fractions import Fraction

import bpy
import pytest
from tracklay.blender.render import handlers
from tracklay.blender.runtime import app_handlers, cue_rows, solo_playback
from tracklay.blender.sequencer import cue_index, staleness
from tracklay.blender.sequencer.hearing import fades, nudging, solo
from tracklay.blender.sequencer.hearing.fades import FadeFrames

from ..conftest import add, laid, set_rate
from ..render.mix import mixed_clicks

RATE = Fraction(25)


@pytest.fixture
def take(scene, clips):
    """Return the take of a shot of 60 frames from frame 11."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, 60, (20,)), 11)
    bpy.ops.tracklay.generate(wait=True)
    cue_rows.build_rows(scene)
    return laid(scene)[0]


def test_a_loop_restores_the_preview_range(scene, take):
    """It is the cue's span; a second call ends it."""
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 100, 200
    bpy.ops.tracklay.loop_cue()
    assert (scene.frame_preview_start, scene.frame_preview_end, scene.frame_current) == (11, 70, 11)
    bpy.ops.tracklay.loop_cue()
    assert (scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end) == (True, 100, 200)


def test_solo_silences_other_sounds_while_blender_plays(scene, take):
    """A strip that the user has muted stays muted; takes of the cue can be switched. A save and the end of playback restore all."""
    path = bpy.path.abspath(take.sound.filepath)
    mine, muted = (scene.sequence_editor.strips.new_sound(name, path, 20, 200) for name in ("mine", "muted"))
    muted.mute = True
    bpy.ops.tracklay.solo_cue()
    assert solo.solo_cue_id(scene) == cue_rows.cue_list_rows[0].cue
    assert (take.mute, mine.mute, muted.mute) == (False, False, True)
    app_handlers.HANDLERS["animation_playback_pre"]()
    assert (take.mute, mine.mute, muted.mute) == (False, True, True)
    app_handlers.HANDLERS["save_pre"]()
    assert (take.mute, mine.mute, muted.mute) == (False, False, True)
    solo_playback.update_solo(is_heard=True)
    bpy.ops.tracklay.solo_cue()
    assert (take.mute, mine.mute, muted.mute) == (False, False, True)
    assert not bpy.ops.tracklay.end_solo.poll()


def test_solo_silences_the_sound_of_a_scene_and_not_its_picture(scene, take, tmp_path):
    """Its volume is 0, keyed or not, until playback ends; a render has all sounds."""
    inner = bpy.data.scenes.new("inner")
    set_rate(inner, RATE)
    inner.frame_end = 60
    path = bpy.path.abspath(take.sound.filepath)
    inner.sequence_editor_create().strips.new_sound("inside", path, 1, 1)
    for name, first in (("plain", 101), ("keyed", 201)):
        strip = scene.sequence_editor.strips.new_scene(name, inner, 6, first)
        strip.scene_input, strip.volume = "SEQUENCER", 0.5
    strip.keyframe_insert("volume", frame=201)
    bpy.ops.tracklay.solo_cue()
    solo_playback.update_solo(is_heard=True)
    assert [strip.mute for strip in scene.sequence_editor.strips if strip.type == "SCENE"] == [False, False]
    assert len(mixed_clicks(scene, tmp_path, 300)) == 1
    handlers.on_render_init(scene)
    assert [strip.volume for strip in scene.sequence_editor.strips if strip.type == "SCENE"] == [0.5, 0.5]
    assert len(mixed_clicks(scene, tmp_path, 300)) == 3


def test_fades_are_keyframes_of_the_volume(scene, take):
    """They are read back, changed and removed; the volume between them stays."""
    take.volume = 0.5
    bpy.ops.tracklay.fade_take(fade_in=0.4, fade_out=0.8)
    assert fades.read_fades(scene, take) == (10, 20)
    heard = []
    for frame in (11, 16, 21, 40, 51, 61):
        scene.frame_set(frame)
        heard.append(round(take.volume, 3))
    assert heard == [0.0, 0.25, 0.5, 0.5, 0.5, 0.25]
    bpy.ops.tracklay.fade_take(fade_in=0.2)
    assert fades.read_fades(scene, take) == (5, 0)
    bpy.ops.tracklay.fade_take()
    assert fades.read_fades(scene, take) == (0, 0)
    assert take.volume == 0.5


def test_fades_that_are_longer_than_the_take_meet(scene, take):
    """In proportion to their lengths."""
    fades.set_fades(scene, take, FadeFrames(100, 50))
    assert fades.read_fades(scene, take) == (40, 20)


def test_a_nudged_take_is_not_stale_and_can_be_put_back(scene, take):
    """The sound moves inside the strip, by a frame or a millisecond; Reset Position undoes all of it."""
    laid_at = take.sound_offset
    bpy.ops.tracklay.nudge_take(frames=1)
    assert nudging.nudged_seconds(take) == pytest.approx(0.04, abs=1e-6)
    bpy.ops.tracklay.nudge_take(milliseconds=-3)
    assert nudging.nudged_seconds(take) == pytest.approx(0.037, abs=1e-6)
    assert not staleness.update_stale_flag(scene, take, staleness.SpeedEffectCache())
    bpy.ops.tracklay.reset_position()
    assert take.sound_offset == laid_at
    assert nudging.nudged_seconds(take) == 0
    with pytest.raises(RuntimeError, match="Nothing to move by"):
        bpy.ops.tracklay.nudge_take()


def test_a_filled_placeholders_sound_has_the_name_of_its_take(scene, take):
    """Not of the silence that held its place."""
    file = cue_index.take_file(take)
    assert file is not None
    assert take.sound.name == file.name
