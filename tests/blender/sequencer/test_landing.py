"""Landed takes on the timeline: hearing the untouched take, the drawn moves, and the panel's choice."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import bpy
import pytest
from tracklay.blender.sequencer import cue_index, landing
from tracklay.blender.ui import overlay

from ..conftest import laid
from ..helpers import generate, until

pytestmark = [pytest.mark.usefixtures("let_go"), pytest.mark.lands]


@pytest.fixture
def landed(scene, strip, clicker):
    """A laid take that counts as landed, with its untouched file beside it."""
    generate(scene)
    until(lambda: len(laid(scene)) == 1)
    (take,) = laid(scene)
    file = cue_index.take_file(take)
    assert file is not None
    untouched = file.with_name(file.stem + ".unlanded.wav")
    shutil.copyfile(file, untouched)
    entry = json.loads(take[cue_index.ENTRY_PROPERTY])
    moves = [{"from": "1/4", "to": "1/2", "confidence": 0.9}]
    entry["landing"] = {"mode": "auto", "lag": "0/1", "moves": moves, "untouched": untouched.name}
    take[cue_index.ENTRY_PROPERTY] = json.dumps(entry)
    cue_index.shared_cue_index.refresh()
    return take


def test_the_untouched_take_is_heard_and_the_landed_one_again(scene, landed):
    """Only the sound's file changes; the strip keeps its frames."""
    file = cue_index.take_file(landed)
    frames = (landed.frame_final_start, landed.frame_final_duration)
    assert bpy.ops.tracklay.switch_landing() == {"FINISHED"}
    assert cue_index.take_file(landed) == landing.untouched_file(landed) != file
    assert landing.plays_untouched(landed)
    assert bpy.ops.tracklay.switch_landing() == {"FINISHED"}
    assert cue_index.take_file(landed) == file
    assert (landed.frame_final_start, landed.frame_final_duration) == frames


def test_a_missing_file_and_a_take_that_was_not_moved_are_errors(scene, landed):
    """Nothing changes then."""
    file, untouched = cue_index.take_file(landed), landing.untouched_file(landed)
    assert untouched is not None
    untouched.unlink()
    with pytest.raises(RuntimeError, match="Sound file not found"):
        bpy.ops.tracklay.switch_landing()
    entry = json.loads(landed[cue_index.ENTRY_PROPERTY])
    del entry["landing"]
    landed[cue_index.ENTRY_PROPERTY] = json.dumps(entry)
    with pytest.raises(RuntimeError, match="Nothing was moved"):
        bpy.ops.tracklay.switch_landing()
    assert cue_index.take_file(landed) == file


def test_an_entry_cannot_name_a_file_elsewhere(scene, landed):
    """A path in the entry counts by its name only."""
    entry = json.loads(landed[cue_index.ENTRY_PROPERTY])
    entry["landing"]["untouched"] = "../../elsewhere.wav"
    landed[cue_index.ENTRY_PROPERTY] = json.dumps(entry)
    file = cue_index.take_file(landed)
    assert file is not None
    assert landing.untouched_file(landed) == file.with_name("elsewhere.wav")


def test_moves_are_drawn_over_the_strip(scene, landed):
    """A tick where the sound is, and a line from where it was; none while the untouched take plays."""
    view = SimpleNamespace(view_to_region=lambda x, y, *, clip: (x * 10, y * 40))
    region = SimpleNamespace(view2d=view, width=2000, height=1000)
    line, tick = overlay.move_boxes(scene, region, 1.0)
    fps = scene.render.fps / scene.render.fps_base
    start = landed.frame_final_start
    assert (line.left, line.right) == pytest.approx(((start + fps / 4) * 10, (start + fps / 2) * 10))
    assert tick.left == pytest.approx((start + fps / 2) * 10)
    bpy.ops.tracklay.switch_landing()
    assert overlay.move_boxes(scene, region, 1.0) == []


def test_the_choice_reaches_the_cue(scene, strip, clicker):
    """Off in the panel or as an argument is off in the take's entry."""
    bpy.ops.tracklay.generate(land="OFF", wait=True)
    scene.tracklay.land = "OFF"
    bpy.ops.tracklay.generate(wait=True)
    modes = [json.loads(take[cue_index.ENTRY_PROPERTY])["landing"] for take in laid(scene)]
    assert modes == [{"mode": "off"}] * 2


def test_a_dropped_take_drops_both_files(scene, landed, clicker):
    """Keep Take lists the landed and the untouched file of the other take, for Delete Dropped Files."""
    bpy.ops.tracklay.regenerate(wait=True)
    bpy.ops.tracklay.switch_take(number=2)
    files = {str(cue_index.take_file(landed)), str(landing.untouched_file(landed))}
    bpy.ops.tracklay.keep_take()
    assert {row.name for row in scene.tracklay.dropped} == files
