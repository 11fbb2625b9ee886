"""The spotting list: what its rows say, in which order, and what can be done with each."""

from __future__ import annotations

import json
from fractions import Fraction
from types import SimpleNamespace

import bpy
import pytest
from tracklay.blender.sequencer import compat, cue_index, staleness, takes
from tracklay.blender.ui import cue_list
from tracklay.errors import ModelFailed, Unclear

from .conftest import add, laid
from .test_panel import Layout
from .test_placeholders import generate, until

RATE = Fraction(25)

pytestmark = pytest.mark.usefixtures("let_go")


def in_state(scene, state: str):
    """A condition: the scene has one cue, and it is in that state."""
    return lambda: [row.now()[0] for row in cue_list.make(scene)] == [state]


def drawn(kind: type = cue_list.TRACKLAY_PT_cues) -> Layout:
    """What the Cues panel, or the menu of the active cue, draws now."""
    layout = Layout()
    kind.draw(SimpleNamespace(layout=layout), bpy.context)  # type: ignore[attr-defined]
    return layout


def test_a_row_tells_picture_times_model_takes_and_price(scene, strip):
    """In the timeline's order; the takes of a cue are one row."""
    bpy.ops.tracklay.generate(takes=3, prompt="bells", wait=True)
    rows = cue_list.make(scene)
    (row,) = rows
    assert (row.first.picture, row.start, row.end, row.first.model, row.takes) == (
        strip.name,
        11,
        71,
        "clicker/clicks",
        3,
    )
    assert (row.now()[0], row.price, row.first.prompt) == ("laid", "free", "bells")
    assert len(bpy.context.window_manager.tracklay.rows) == 1
    words = drawn().words()
    assert "00:00:00:11 - 00:00:02:21" in words
    assert "bells" in words
    assert "Take 1 of 3" in words


def test_rows_are_in_the_timelines_order_and_the_active_one_stays(scene, strip, clips):
    """A cue that comes in before does not move the choice."""
    bpy.ops.tracklay.generate(wait=True)
    strip.select = False
    cue_list.make(scene)
    chosen = cue_list.shown()
    assert chosen is not None
    add(scene, clips(RATE, 60, (20,)), 201).select = False
    early = add(scene, clips(RATE, 5, (1,)), 1, channel=9)
    bpy.ops.tracklay.generate(wait=True)
    rows = cue_list.make(scene)
    assert [row.start for row in rows] == [1, 11]
    now = cue_list.shown()
    assert now is not None
    assert now.cue == chosen.cue
    early.select = False


def test_what_was_made_anew_is_in_its_cues_row(scene, strip):
    """One more take, and no further row."""
    bpy.ops.tracklay.generate(wait=True)
    bpy.ops.tracklay.regenerate(wait=True)
    (row,) = cue_list.make(scene)
    assert (row.takes, len(row.parts)) == (2, 2)
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
        (row,) = cue_list.rows
        panel = drawn()
        assert "the model found no picture" in panel.words()
        assert "tracklay.again" in panel.names()
        by_key = drawn(cue_list.TRACKLAY_MT_cue).names()
        assert by_key == ["tracklay.go_to_cue", "tracklay.reveal_take", "tracklay.again", "tracklay.dismiss"]
    finally:
        mend()
    bpy.ops.tracklay.again(cue=row.cue)
    until(in_state(scene, "laid"))
    assert [json.loads(take["tracklay"])["model"] for take in laid(scene)] == ["clicker/clicks"]
    (row,) = cue_list.make(scene)
    assert row.now()[0] == "laid"


@pytest.mark.parametrize("choice", ["look_again", "send_again", "forget"])
def test_what_is_unclear_is_decided_by_the_person(choice, scene, strip, clicker):
    """Three buttons: looked for again it stays unclear, sent again it is laid, given up its placeholder goes."""
    mend = failing(clicker, Unclear("nobody knows whether it arrived"))
    try:
        generate(scene)
        until(in_state(scene, "unclear"))
        panel = drawn()
        assert [each for each in cue_list.CHOICES if each not in [shown[:2] for shown in panel.shown]] == []
        (row,) = cue_list.rows
        assert "tracklay jobs" not in panel.words()
    finally:
        mend()
    getattr(bpy.ops.tracklay, choice)(cue=row.cue)
    if choice == "send_again":
        until(in_state(scene, "laid"))
        assert len(laid(scene)) == 1
    elif choice == "forget":
        until(lambda: cue_list.make(scene) == [])
        assert [each.type for each in scene.sequence_editor.strips] == ["MOVIE"]
    else:
        until(in_state(scene, "unclear"))


def test_a_cue_that_is_not_there_is_told(scene):
    """By every operator on one."""
    for operator in ("go_to_cue", "reveal_take"):
        with pytest.raises(RuntimeError, match="there is no such cue in this scene"):
            getattr(bpy.ops.tracklay, operator)(cue="gone")


def test_no_take_has_no_file_to_reveal(scene, strip, clicker):
    """A placeholder alone is told as such."""
    mend = failing(clicker, ModelFailed("no"))
    try:
        generate(scene)
        until(in_state(scene, "failed"))
    finally:
        mend()
    with pytest.raises(RuntimeError, match="no take has come yet"):
        bpy.ops.tracklay.reveal_take()


def test_cues_of_another_scene_are_not_listed(scene, strip):
    """Each scene has its own."""
    bpy.ops.tracklay.generate(wait=True)
    other = bpy.data.scenes.new("Other")
    other.sequence_editor_create()
    assert cue_list.make(other) == []
    assert len(cue_list.make(scene)) == 1


def test_a_changed_picture_is_told_and_made_anew_by_a_button(scene, strip):
    """The row's mark, and the button that keeps the seed."""
    bpy.ops.tracklay.generate(wait=True)
    laid(scene)[0][cue_index.STALE] = True
    cue_index.index.changed = True
    (row,) = cue_list.make(scene)
    assert row.stale
    texts = [text for what, text, _ in drawn().shown if what == "tracklay.regenerate"]
    assert texts[0] == "Picture Changed: Make Anew"


def looked_at(scene):
    """The cue's row, after each take was looked at whether it is stale."""
    look = staleness.Look()
    for take in laid(scene):
        staleness.mark(scene, take, look)
    cue_index.index.changed = True
    (row,) = cue_list.make(scene)
    return row


def buttons() -> list[str]:
    """What the buttons say that make a take again."""
    return [text for what, text, _ in drawn().shown if what == "tracklay.regenerate"]


def test_the_take_that_is_heard_decides_whether_a_cue_is_stale(scene, strip):
    """A take of the changed picture ends it, though the older takes stay; an older take that is heard again is stale."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    assert not looked_at(scene).stale
    strip.use_reverse_frames = True
    assert looked_at(scene).stale
    assert buttons() == ["Picture Changed: Make Anew", "New Seed"]
    assert staleness.in_file() == [f"{scene.name}: {laid(scene)[0].name}"]
    bpy.ops.tracklay.regenerate(same_seed=True, wait=True)
    assert not looked_at(scene).stale
    assert buttons() == ["New Seed"]
    assert staleness.in_file() == []
    assert [bool(take.get(cue_index.STALE)) for take in laid(scene)] == [True, True, False]
    bpy.ops.tracklay.switch_take(number=1)
    assert looked_at(scene).stale
    assert buttons() == ["Picture Changed: Make Anew", "New Seed"]


def test_a_cue_of_which_no_take_is_heard_is_stale_where_all_are(scene, strip):
    """A muted take of the picture as it is now can be heard: none more is offered."""
    bpy.ops.tracklay.generate(wait=True)
    strip.use_reverse_frames = True
    laid(scene)[0].mute = True
    assert looked_at(scene).stale
    bpy.ops.tracklay.regenerate(same_seed=True, wait=True)
    for take in laid(scene):
        take.mute = True
    assert not looked_at(scene).stale


def test_a_split_cue_is_stale_where_either_half_is(scene, strip):
    """The halves have their own takes that are heard."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    for take in laid(scene):
        take.select = True
    strip.select = False
    with compat.editing(scene):
        bpy.ops.sequencer.split(frame=40, ignore_selection=False)
    assert not looked_at(scene).stale
    pictures = [each for each in scene.sequence_editor.strips if each.type == "MOVIE"]
    max(pictures, key=compat.start).use_reverse_frames = True
    assert looked_at(scene).stale


def test_the_rows_are_made_in_slices(scene, strip):
    """The maker pauses after each cue: none holds the window up."""
    for _ in range(3):
        bpy.ops.tracklay.generate(wait=True)
    assert sum(1 for _ in cue_list._made(scene)) >= 3
    assert {compat.start(take) for take in laid(scene)} == {11}
    assert {takes.root(take) for take in laid(scene)} == {row.cue for row in cue_list.rows}
