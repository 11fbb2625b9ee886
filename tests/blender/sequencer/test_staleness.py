"""Stale takes: strips whose picture has changed since the request."""

from __future__ import annotations

from fractions import Fraction

import bpy
import pytest
from tracklay.blender.runtime import cue_rows, dispatcher
from tracklay.blender.sequencer import compat, cue_index, staleness

from ..conftest import add, laid, set_handles, set_rate
from ..helpers import cue_strips, filled, generate, until

RATE = Fraction(25)

pytestmark = pytest.mark.usefixtures("let_go")


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25 fps, on channel 2 from frame 11, with flashes on its frames 20 and 45."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20, 45)), 11, channel=2)


def trim(scene, strip):
    """Trim the picture's last frames."""
    set_handles(strip, 11, 60)


def slip(scene, strip):
    """Slip the picture: other frames play on the same timeline frames."""
    first, end = compat.strip_start(strip), compat.strip_end(strip)
    setattr(strip, compat.time_property("content_start", bpy.types.Strip), 9)
    set_handles(strip, first, end)


def relink(scene, strip):
    """Relink the picture to another file."""
    strip.filepath = strip.filepath.replace("clip", "other")


def reverse(scene, strip):
    """Reverse the picture."""
    strip.use_reverse_frames = True


def change_rate(scene, strip):
    """Change the scene's frame rate."""
    scene.render.fps = 30


def delete(scene, strip):
    """Delete the picture."""
    scene.sequence_editor.strips.remove(strip)


def move_picture(scene, strip):
    """Move the picture without its take."""
    setattr(strip, compat.time_property("content_start", bpy.types.Strip), 12)


@pytest.mark.parametrize("change", [trim, slip, relink, reverse, change_rate, delete, move_picture])
def test_a_take_is_stale_if_its_picture_has_changed(change, scene, strip, gate):
    """The strip's property, the cue list and the check before rendering show it."""
    gate.is_open = True
    generate(scene)
    until(filled(1))
    dispatcher.get_dispatcher().scan()
    until(lambda: not dispatcher.get_dispatcher().timeline_scan.staleness_queue)
    assert cue_index.STALE_PROPERTY not in cue_strips()[0]
    assert staleness.is_up_to_date(scene, cue_strips()[0], staleness.SpeedEffectCache())
    change(scene, strip)
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: cue_index.STALE_PROPERTY in cue_strips()[0])
    assert not staleness.is_up_to_date(scene, cue_strips()[0], staleness.SpeedEffectCache())
    assert cue_rows.list_cue_rows(scene)[0].is_stale
    assert staleness.find_stale_strips() == [f"{scene.name}: {cue_strips()[0].name}"]


def move_both(scene, strip):
    """Move the picture with its take."""
    for each in (strip, cue_strips()[0]):
        setattr(each, compat.time_property("content_start", bpy.types.Strip), 61)


def split_both(scene, strip):
    """Split the picture with its take."""
    cue_strips()[0].select = True
    with compat.sequencer_context(scene):
        bpy.ops.sequencer.split(frame=40)


def rename(scene, strip):
    """Rename the picture."""
    strip.name = "the good one"


def extend(scene, strip):
    """Extend the picture beyond the cue."""
    set_handles(strip, 8, 75)


@pytest.mark.parametrize("change", [move_both, split_both, rename, extend])
def test_a_take_is_up_to_date_if_the_same_frames_play(change, scene, strip, gate):
    """The picture was moved or split with its take, renamed, or extended beyond the cue."""
    gate.is_open = True
    generate(scene)
    until(filled(1))
    change(scene, strip)
    assert all(staleness.is_up_to_date(scene, take, staleness.SpeedEffectCache()) for take in laid(scene))


def test_undoing_a_change_of_the_picture_removes_the_stale_mark(scene, strip, gate):
    """The picture is reversed, and reversed again."""
    gate.is_open = True
    generate(scene)
    until(filled(1))
    strip.use_reverse_frames = True
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: cue_index.STALE_PROPERTY in cue_strips()[0])
    strip.use_reverse_frames = False
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: cue_index.STALE_PROPERTY not in cue_strips()[0])
