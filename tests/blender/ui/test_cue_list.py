"""The cue list: the text of its rows, their order, and the actions on each."""

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
from ..fake_layout import Layout
from ..helpers import generate, until

RATE = Fraction(25)

pytestmark = pytest.mark.usefixtures("let_go")


def in_state(scene, state: str):
    """Return a condition: the scene has exactly one cue, in that state."""
    return lambda: [row.current_status()[0] for row in cue_rows.build_rows(scene)] == [state]


def takes_file(scene) -> str:
    """Return the file of the scene's first take."""
    return str(cue_index.take_file(laid(scene)[0]))


def draw_panel(kind: type = cue_list.TRACKLAY_PT_cues) -> Layout:
    """Draw the Cues panel, or the menu of the active cue, and return the layout."""
    layout = Layout()
    kind.draw(SimpleNamespace(layout=layout), bpy.context)  # type: ignore[attr-defined]
    return layout


def test_a_row_has_picture_times_model_takes_and_price(scene, strip):
    """All takes of a cue are one row."""
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
    words = draw_panel().words()
    assert "00:00:00:11 - 00:00:02:21" in words
    assert "bells" in words
    assert "Take 1 of 3" in words


def test_a_silent_take_is_marked(scene, strip, clips):
    """A silent take has a grey tag on its strip and a sign in the list, and the panel says what to do; others have their figures."""
    strip.select = False
    add(scene, clips(RATE, 60, ()), 101)
    bpy.ops.tracklay.generate(prompt="nothing", wait=True)
    (silent,) = laid(scene)
    (row,) = cue_rows.build_rows(scene)
    assert row.is_silent
    assert (silent.color_tag, cue_index.heard_figures(silent)["silent"]) == (cue_index.SILENT_TAG, True)
    words = draw_panel().words()
    assert "Silent: nothing is heard" in words
    assert "Try another prompt, seed or model." in words
    silent.mute = True
    cue_index.shared_cue_index.is_dirty = True
    assert not cue_rows.build_rows(scene)[0].is_silent


def test_a_take_of_room_tone_only_is_marked(scene, strip, clips):
    """The sketch engine lays room tone where it sees no contact: it is not heard in a mix, and is marked like silence."""
    strip.select = False
    add(scene, clips(RATE, 60, ()), 101)
    bpy.ops.tracklay.generate(model="sketch/foley", prompt="door", wait=True)
    (take,) = laid(scene)
    (row,) = cue_rows.build_rows(scene)
    assert -55 < cue_index.heard_figures(take)["lufs"] < -45
    assert (row.is_silent, take.color_tag) == (True, cue_index.SILENT_TAG)
    words = draw_panel().words()
    assert "Silent: nothing is heard" in words
    assert "Try another prompt, seed or model." in words


def test_the_panel_has_a_takes_loudness_and_events(scene, strip):
    """They are measured when the take is made: one click of the clicking model."""
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid(scene)
    assert (take.color_tag, cue_index.SILENT_PROPERTY in take) == ("NONE", False)
    cue_rows.build_rows(scene)
    heard = cue_index.heard_figures(take)
    assert f"{heard['lufs']:.1f} LUFS, events: 1" in draw_panel().words()


def test_rows_are_in_timeline_order_and_a_new_cue_is_the_active_one(scene, strip, clips):
    """The list follows Generate, and then the user: a cue that was chosen stays active when the list is built again."""
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
    assert now.start == 1
    bpy.context.window_manager.tracklay.active = 1
    early.mute = True
    cue_index.shared_cue_index.is_dirty = True
    cue_rows.build_rows(scene)
    now = cue_rows.active_row()
    assert now is not None
    assert now.cue == chosen.cue
    early.select = False


def test_a_regenerated_take_is_in_the_row_of_its_cue(scene, strip):
    """The cue has one more take, and the list no more rows."""
    bpy.ops.tracklay.generate(wait=True)
    bpy.ops.tracklay.regenerate(wait=True)
    (row,) = cue_rows.build_rows(scene)
    assert (row.take_count, len(row.cues)) == (2, 2)
    assert "Take 2 of 2" in draw_panel().words()


def test_the_notes_of_a_take_are_shown_on_its_cue(scene, strip):
    """A note of the manifest is in the box of the active cue, in the user's language."""
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid(scene)
    note = "No contact was seen: the take holds only room tone."
    take["tracklay"] = json.dumps(json.loads(take["tracklay"]) | {"notes": [note]})
    (row,) = cue_rows.build_rows(scene)
    assert row.first_cue.notes == (note,)
    assert note in draw_panel().words()


def test_going_to_a_cue_selects_its_strips_at_its_first_frame(scene, strip):
    """The playhead moves there, and nothing else is selected."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    scene.frame_current = 300
    bpy.ops.tracklay.go_to_cue()
    assert scene.frame_current == 11
    assert sorted(each.name for each in scene.sequence_editor.strips if each.select) == sorted(
        take.name for take in laid(scene)
    )


def test_building_rows_survives_an_undo_between_two_slices(scene, strip):
    """An undo replaces the scene and its strips: what was found before is dropped, and the next build shows the rows."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    other = bpy.data.scenes.new("other")
    laid_in_other = other.sequence_editor_create().strips.new_sound("copy", takes_file(scene), 1, 1)
    for name in (cue_index.CUE_PROPERTY, cue_index.ENTRY_PROPERTY):
        laid_in_other[name] = laid(scene)[0][name]
    cue_index.shared_cue_index.refresh()
    steps = cue_rows._iterate_build("other")
    next(steps)
    bpy.data.scenes.remove(other)
    assert list(steps) == []
    assert len(cue_rows.build_rows(scene)) == 1


def make_submissions_fail(clicker, error):
    """Make submissions to the fake provider fail, until the returned function is called."""
    real = type(clicker).submit

    async def fail(self, intent):
        raise error

    type(clicker).submit = fail

    def restore() -> None:
        type(clicker).submit = real

    return restore


def test_a_failure_is_shown_on_its_cue_and_can_be_retried(scene, strip, clicker):
    """The panel shows the error and a button; after a retry the row is laid."""
    restore = make_submissions_fail(clicker, ModelFailed("the model found no picture"))
    try:
        generate(scene)
        until(in_state(scene, "failed"))
        (row,) = cue_rows.cue_list_rows
        panel = draw_panel()
        assert "the model found no picture" in panel.words()
        assert "tracklay.retry" in panel.names()
        menu_items = draw_panel(cue_list.TRACKLAY_MT_cue).names()
        assert menu_items == ["tracklay.go_to_cue", "tracklay.reveal_take", "tracklay.retry", "tracklay.dismiss"]
    finally:
        restore()
    bpy.ops.tracklay.retry(cue=row.cue)
    until(in_state(scene, "laid"))
    assert [json.loads(take["tracklay"])["model"] for take in laid(scene)] == ["clicker/clicks"]
    (row,) = cue_rows.build_rows(scene)
    assert row.current_status()[0] == "laid"


@pytest.mark.parametrize("choice", ["recheck", "resubmit", "discard"])
def test_the_user_decides_an_unclear_job(choice, scene, strip, clicker):
    """Three buttons: rechecked it stays unclear, resubmitted it is laid, discarded its placeholder is removed."""
    restore = make_submissions_fail(clicker, SubmissionUnknown("unknown whether it arrived"))
    try:
        generate(scene)
        until(in_state(scene, "unclear"))
        panel = draw_panel()
        assert [each for each in cue_list.UNCLEAR_ACTIONS if each not in [shown[:2] for shown in panel.shown]] == []
        (row,) = cue_rows.cue_list_rows
        assert "tracklay jobs" not in panel.words()
    finally:
        restore()
    getattr(bpy.ops.tracklay, choice)(cue=row.cue)
    if choice == "resubmit":
        until(in_state(scene, "laid"))
        assert len(laid(scene)) == 1
    elif choice == "discard":
        until(lambda: cue_rows.build_rows(scene) == [])
        assert [each.type for each in scene.sequence_editor.strips] == ["MOVIE"]
    else:
        until(in_state(scene, "unclear"))


def test_an_unknown_cue_is_an_error(scene):
    """Every operator on a cue reports it."""
    for operator in ("go_to_cue", "reveal_take"):
        with pytest.raises(RuntimeError, match="Cue not found in this scene"):
            getattr(bpy.ops.tracklay, operator)(cue="gone")


def test_a_cue_without_a_take_has_no_file_to_reveal(scene, strip, clicker):
    """A placeholder is not a take."""
    restore = make_submissions_fail(clicker, ModelFailed("no"))
    try:
        generate(scene)
        until(in_state(scene, "failed"))
    finally:
        restore()
    with pytest.raises(RuntimeError, match="This cue has no take yet"):
        bpy.ops.tracklay.reveal_take()


def test_cues_of_another_scene_are_not_listed(scene, strip):
    """Each scene has its own."""
    bpy.ops.tracklay.generate(wait=True)
    other = bpy.data.scenes.new("Other")
    other.sequence_editor_create()
    assert cue_rows.build_rows(other) == []
    assert len(cue_rows.build_rows(scene)) == 1


def test_a_changed_picture_has_a_regenerate_button(scene, strip):
    """The row is stale, and the button keeps the seed."""
    bpy.ops.tracklay.generate(wait=True)
    laid(scene)[0][cue_index.STALE_PROPERTY] = True
    cue_index.shared_cue_index.is_dirty = True
    (row,) = cue_rows.build_rows(scene)
    assert row.is_stale
    texts = [text for what, text, _ in draw_panel().shown if what == "tracklay.regenerate"]
    assert texts[0] == "Picture Changed: Regenerate"


def update_stale_row(scene):
    """Update the stale flag of each take and return the cue's row."""
    cache = staleness.SpeedEffectCache()
    for take in laid(scene):
        staleness.update_stale_flag(scene, take, cache)
    cue_index.shared_cue_index.is_dirty = True
    (row,) = cue_rows.build_rows(scene)
    return row


def regenerate_buttons() -> list[str]:
    """Return the labels of the buttons that regenerate."""
    return [text for what, text, _ in draw_panel().shown if what == "tracklay.regenerate"]


def test_the_audible_take_decides_whether_a_cue_is_stale(scene, strip):
    """A new take of the changed picture is not stale, the older takes stay stale, also when they are audible again."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    assert not update_stale_row(scene).is_stale
    strip.use_reverse_frames = True
    assert update_stale_row(scene).is_stale
    assert regenerate_buttons() == ["Picture Changed: Regenerate", "New Seed"]
    assert staleness.find_stale_strips() == [f"{scene.name}: {laid(scene)[0].name}"]
    bpy.ops.tracklay.regenerate(same_seed=True, wait=True)
    assert not update_stale_row(scene).is_stale
    assert regenerate_buttons() == ["New Seed"]
    assert staleness.find_stale_strips() == []
    assert [bool(take.get(cue_index.STALE_PROPERTY)) for take in laid(scene)] == [True, True, False]
    bpy.ops.tracklay.switch_take(number=1)
    assert update_stale_row(scene).is_stale
    assert regenerate_buttons() == ["Picture Changed: Regenerate", "New Seed"]


def test_a_cue_without_an_audible_take_is_stale_if_all_are(scene, strip):
    """One muted take of the current picture is enough."""
    bpy.ops.tracklay.generate(wait=True)
    strip.use_reverse_frames = True
    laid(scene)[0].mute = True
    assert update_stale_row(scene).is_stale
    bpy.ops.tracklay.regenerate(same_seed=True, wait=True)
    for take in laid(scene):
        take.mute = True
    assert not update_stale_row(scene).is_stale


def test_a_split_cue_is_stale_if_either_half_is(scene, strip):
    """Each half has its own audible take."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    for take in laid(scene):
        take.select = True
    strip.select = False
    with compat.sequencer_context(scene):
        bpy.ops.sequencer.split(frame=40, ignore_selection=False)
    assert not update_stale_row(scene).is_stale
    pictures = [each for each in scene.sequence_editor.strips if each.type == "MOVIE"]
    max(pictures, key=compat.strip_start).use_reverse_frames = True
    assert update_stale_row(scene).is_stale


def test_rows_are_built_in_slices(scene, strip):
    """The build yields after each cue, so that it never blocks the window."""
    for _ in range(3):
        bpy.ops.tracklay.generate(wait=True)
    assert sum(1 for _ in cue_rows._iterate_build(scene.name)) >= 3
    assert {compat.strip_start(take) for take in laid(scene)} == {11}
    assert {takes.root_cue(take) for take in laid(scene)} == {row.cue for row in cue_rows.cue_list_rows}
