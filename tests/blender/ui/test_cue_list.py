"""The spotting list: what its rows say, in which order, and what can be done with each."""

from __future__ import annotations

import json
from fractions import Fraction
from types import SimpleNamespace

import bpy
import pytest
from tracklay.blender.runtime import cue_rows
from tracklay.blender.sequencer import compat, cue_index, staleness, takes
from tracklay.blender.ui import cue_list
from tracklay.errors import ModelFailed, SubmissionUnknown

from ..conftest import add, laid
from ..helpers import generate, until
from .test_panel import Layout

RATE = Fraction(25)

pytestmark = pytest.mark.usefixtures("let_go")


def in_state(scene, state: str):
    """A condition: the scene has one cue, and it is in that state."""
    return lambda: [row.current_status()[0] for row in cue_rows.build_rows(scene)] == [state]


def drawn(kind: type = cue_list.TRACKLAY_PT_cues) -> Layout:
    """What the Cues panel, or the menu of the active cue, draws now."""
    layout = Layout()
    kind.draw(SimpleNamespace(layout=layout), bpy.context)  # type: ignore[attr-defined]
    return layout


def test_a_row_tells_picture_times_model_takes_and_price(scene, strip):
    """In the timeline's order; the takes of a cue are one row."""
    bpy.ops.tracklay.generate(takes=3, prompt="bells", wait=True)
    rows = cue_rows.build_rows(scene)
    (row,) = rows
    assert (row.first_cue.picture, row.start, row.end, row.first_cue.model, row.take_count) == (
        strip.name,
        11,
        71,
        "clicker/clicks",
        3,
    )
    assert (row.current_status()[0], row.price, row.first_cue.prompt) == ("laid", "free", "bells")
    assert len(bpy.context.window_manager.tracklay.rows) == 1
    words = drawn().words()
    assert "00:00:00:11 - 00:00:02:21" in words
    assert "bells" in words
    assert "Take 1 of 3" in words


def test_rows_are_in_the_timelines_order_and_the_active_one_stays(scene, strip, clips):
    """A cue that comes in before does not move the choice."""
    bpy.ops.tracklay.generate(wait=True)
    strip.select = False
    cue_rows.build_rows(scene)
    chosen = cue_rows.active_row()
    assert chosen is not None
    add(scene, clips(RATE, 60, (20,)), 201).select = False
    early = add(scene, clips(RATE, 5, (1,)), 1, channel=9)
    bpy.ops.tracklay.generate(wait=True)
    rows = cue_rows.build_rows(scene)
    assert [row.start for row in rows] == [1, 11]
    now = cue_rows.active_row()
    assert now is not None
    assert now.cue == chosen.cue
    early.select = False


def test_what_was_made_anew_is_in_its_cues_row(scene, strip):
    """One more take, and no further row."""
    bpy.ops.tracklay.generate(wait=True)
    bpy.ops.tracklay.regenerate(wait=True)
    (row,) = cue_rows.build_rows(scene)
    assert (row.take_count, len(row.cues)) == (2, 2)
    assert "Take 2 of 2" in drawn().words()


def test_going_to_a_cue_selects_its_strips_at_its_first_frame(scene, strip):
    """The playhead is there, and nothing else is selected."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    scene.frame_current = 300
    bpy.ops.tracklay.go_to_cue()
    assert scene.frame_current == 11
    assert sorted(each.name for each in scene.sequence_editor.strips if each.select) == sorted(
        take.name for take in laid(scene)
    )


def failing(clicker, error):
    """Have the stand-in fail, and succeed again after `mend()`."""
    real = type(clicker).submit

    async def fail(self, intent):
        raise error

    type(clicker).submit = fail

    def mend() -> None:
        type(clicker).submit = real

    return mend


def test_a_failure_stands_on_its_cue_and_can_be_tried_again(scene, strip, clicker):
    """In its own words, with a button; tried again, it is laid, and the row says so."""
    mend = failing(clicker, ModelFailed("the model found no picture"))
    try:
        generate(scene)
        until(in_state(scene, "failed"))
        (row,) = cue_rows.cue_list_rows
        panel = drawn()
        assert "the model found no picture" in panel.words()
        assert "tracklay.retry" in panel.names()
        by_key = drawn(cue_list.TRACKLAY_MT_cue).names()
        assert by_key == ["tracklay.go_to_cue", "tracklay.reveal_take", "tracklay.retry", "tracklay.dismiss"]
    finally:
        mend()
    bpy.ops.tracklay.retry(cue=row.cue)
    until(in_state(scene, "laid"))
    assert [json.loads(take["tracklay"])["model"] for take in laid(scene)] == ["clicker/clicks"]
    (row,) = cue_rows.build_rows(scene)
    assert row.current_status()[0] == "laid"


@pytest.mark.parametrize("choice", ["recheck", "resubmit", "discard"])
def test_what_is_unclear_is_decided_by_the_person(choice, scene, strip, clicker):
    """Three buttons: looked for again it stays unclear, sent again it is laid, given up its placeholder goes."""
    mend = failing(clicker, SubmissionUnknown("nobody knows whether it arrived"))
    try:
        generate(scene)
        until(in_state(scene, "unclear"))
        panel = drawn()
        assert [each for each in cue_list.UNCLEAR_ACTIONS if each not in [shown[:2] for shown in panel.shown]] == []
        (row,) = cue_rows.cue_list_rows
        assert "tracklay jobs" not in panel.words()
    finally:
        mend()
    getattr(bpy.ops.tracklay, choice)(cue=row.cue)
    if choice == "resubmit":
        until(in_state(scene, "laid"))
        assert len(laid(scene)) == 1
    elif choice == "discard":
        until(lambda: cue_rows.build_rows(scene) == [])
        assert [each.type for each in scene.sequence_editor.strips] == ["MOVIE"]
    else:
        until(in_state(scene, "unclear"))


def test_a_cue_that_is_not_there_is_told(scene):
    """By every operator on one."""
    for operator in ("go_to_cue", "reveal_take"):
        with pytest.raises(RuntimeError, match="Cue not found in this scene"):
            getattr(bpy.ops.tracklay, operator)(cue="gone")


def test_no_take_has_no_file_to_reveal(scene, strip, clicker):
    """A placeholder alone is told as such."""
    mend = failing(clicker, ModelFailed("no"))
    try:
        generate(scene)
        until(in_state(scene, "failed"))
    finally:
        mend()
    with pytest.raises(RuntimeError, match="This cue has no take yet"):
        bpy.ops.tracklay.reveal_take()


def test_cues_of_another_scene_are_not_listed(scene, strip):
    """Each scene has its own."""
    bpy.ops.tracklay.generate(wait=True)
    other = bpy.data.scenes.new("Other")
    other.sequence_editor_create()
    assert cue_rows.build_rows(other) == []
    assert len(cue_rows.build_rows(scene)) == 1


def test_a_changed_picture_is_told_and_made_anew_by_a_button(scene, strip):
    """The row's mark, and the button that keeps the seed."""
    bpy.ops.tracklay.generate(wait=True)
    laid(scene)[0][cue_index.STALE_PROPERTY] = True
    cue_index.shared_cue_index.is_dirty = True
    (row,) = cue_rows.build_rows(scene)
    assert row.is_stale
    texts = [text for what, text, _ in drawn().shown if what == "tracklay.regenerate"]
    assert texts[0] == "Picture Changed: Regenerate"


def looked_at(scene):
    """The cue's row, after each take was looked at whether it is stale."""
    look = staleness.SpeedEffectCache()
    for take in laid(scene):
        staleness.update_stale_flag(scene, take, look)
    cue_index.shared_cue_index.is_dirty = True
    (row,) = cue_rows.build_rows(scene)
    return row


def buttons() -> list[str]:
    """What the buttons say that make a take again."""
    return [text for what, text, _ in drawn().shown if what == "tracklay.regenerate"]


def test_the_take_that_is_heard_decides_whether_a_cue_is_stale(scene, strip):
    """A take of the changed picture ends it, though the older takes stay; an older take that is heard again is stale."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    assert not looked_at(scene).is_stale
    strip.use_reverse_frames = True
    assert looked_at(scene).is_stale
    assert buttons() == ["Picture Changed: Regenerate", "New Seed"]
    assert staleness.find_stale_strips() == [f"{scene.name}: {laid(scene)[0].name}"]
    bpy.ops.tracklay.regenerate(same_seed=True, wait=True)
    assert not looked_at(scene).is_stale
    assert buttons() == ["New Seed"]
    assert staleness.find_stale_strips() == []
    assert [bool(take.get(cue_index.STALE_PROPERTY)) for take in laid(scene)] == [True, True, False]
    bpy.ops.tracklay.switch_take(number=1)
    assert looked_at(scene).is_stale
    assert buttons() == ["Picture Changed: Regenerate", "New Seed"]


def test_a_cue_of_which_no_take_is_heard_is_stale_where_all_are(scene, strip):
    """A muted take of the picture as it is now can be heard: none more is offered."""
    bpy.ops.tracklay.generate(wait=True)
    strip.use_reverse_frames = True
    laid(scene)[0].mute = True
    assert looked_at(scene).is_stale
    bpy.ops.tracklay.regenerate(same_seed=True, wait=True)
    for take in laid(scene):
        take.mute = True
    assert not looked_at(scene).is_stale


def test_a_split_cue_is_stale_where_either_half_is(scene, strip):
    """The halves have their own takes that are heard."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    for take in laid(scene):
        take.select = True
    strip.select = False
    with compat.sequencer_context(scene):
        bpy.ops.sequencer.split(frame=40, ignore_selection=False)
    assert not looked_at(scene).is_stale
    pictures = [each for each in scene.sequence_editor.strips if each.type == "MOVIE"]
    max(pictures, key=compat.strip_start).use_reverse_frames = True
    assert looked_at(scene).is_stale


def test_the_rows_are_made_in_slices(scene, strip):
    """The maker pauses after each cue: none holds the window up."""
    for _ in range(3):
        bpy.ops.tracklay.generate(wait=True)
    assert sum(1 for _ in cue_rows._iterate_build(scene)) >= 3
    assert {compat.strip_start(take) for take in laid(scene)} == {11}
    assert {takes.root_cue(take) for take in laid(scene)} == {row.cue for row in cue_rows.cue_list_rows}
