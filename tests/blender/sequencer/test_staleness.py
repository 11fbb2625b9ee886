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
    """A clip of 60 frames at 25, on channel 2 from frame 11, with flashes on its frames 20 and 45."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20, 45)), 11, channel=2)


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
    assert cue_index.STALE_PROPERTY not in cue_strips()[0]
    assert staleness.is_up_to_date(scene, cue_strips()[0], staleness.SpeedEffectCache())
    change(scene, strip)
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: cue_index.STALE_PROPERTY in cue_strips()[0])
    assert not staleness.is_up_to_date(scene, cue_strips()[0], staleness.SpeedEffectCache())
    assert cue_rows.list_cue_rows(scene)[0].is_stale
    assert staleness.find_stale_strips() == [f"{scene.name}: {cue_strips()[0].name}"]


def both_moved(scene, strip):
    """Together."""
    for each in (strip, cue_strips()[0]):
        setattr(each, compat.time_property("content_start", bpy.types.Strip), 61)


def both_split(scene, strip):
    """Together."""
    cue_strips()[0].select = True
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
    until(lambda: cue_index.STALE_PROPERTY in cue_strips()[0])
    strip.use_reverse_frames = False
    cue_index.shared_cue_index.is_dirty = True
    until(lambda: cue_index.STALE_PROPERTY not in cue_strips()[0])
