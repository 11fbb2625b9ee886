"""The cue list with many cues: filter, search, order, groups, what it follows, and the operators on all of its cues."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import bpy
import pytest
from tracklay.blender.ops import list_ops
from tracklay.blender.runtime import cue_rows, estimates
from tracklay.blender.sequencer import cue_index
from tracklay.blender.settings import catalogue
from tracklay.blender.ui import cue_list
from tracklay.blender.ui.list_filter import ListView, arrange_items

from ..conftest import add, laid, set_rate
from ..fake_layout import Layout

RATE = Fraction(25)


@pytest.fixture
def film(scene, clips):
    """Return a scene with three shots, Door, Attic and Cellar, that have a cue each; Door has two takes and is stale."""
    set_rate(scene, RATE)
    for number, name in enumerate(("Door", "Attic", "Cellar")):
        strip = add(scene, clips(RATE, 20, (5,)), 1 + 20 * number)
        strip.name = name
        strip.select = True
    bpy.ops.tracklay.generate(prompt="a click", takes=2, wait=True)
    mark_stale(scene, "Door")
    return scene


def mark_stale(scene, picture: str) -> None:
    """Mark the takes of a picture as stale, as a scan does."""
    for strip in laid(scene):
        if strip["tracklay_picture"] == picture:
            strip[cue_index.STALE_PROPERTY] = True
    cue_index.shared_cue_index.is_dirty = True
    cue_rows.build_rows(scene)


def shown(view: ListView, *, headings: tuple[str, ...] = ()) -> list[str]:
    """Return the pictures of the rows that are shown, in order; a heading in brackets."""
    rows = cue_rows.cue_list_rows
    names = [*(row.first_cue.picture for row in rows), *(f"[{name}]" for name in headings)]
    is_shown, places = arrange_items(rows, headings, view)
    if not is_shown:
        return names
    ordered = sorted(range(len(names)), key=places.__getitem__)
    return [names[number] for number in ordered if is_shown[number]]


def test_the_list_is_filtered_searched_and_sorted(film):
    """By state, by text, and by time, name or what needs attention."""
    assert shown(ListView()) == ["Door", "Attic", "Cellar"]
    assert shown(ListView("STALE")) == ["Door"]
    assert shown(ListView("RUNNING")) == []
    assert shown(ListView("SILENT")) == []
    assert shown(ListView(search="ATT")) == ["Attic"]
    assert shown(ListView(search="click")) == ["Door", "Attic", "Cellar"]
    assert shown(ListView(order="NAME")) == ["Attic", "Cellar", "Door"]
    mark_stale(film, "Cellar")
    assert shown(ListView(order="STATUS")) == ["Door", "Cellar", "Attic"]


def test_cues_are_grouped_by_shot(film):
    """Each shot has a heading before its cues, and hides them when it is folded; a heading without a match is not shown."""
    names = ("Door", "Attic", "Cellar")
    assert shown(ListView(), headings=names) == ["[Door]", "Door", "[Attic]", "Attic", "[Cellar]", "Cellar"]
    assert shown(ListView(folded={"Attic"}), headings=names) == ["[Door]", "Door", "[Attic]", "[Cellar]", "Cellar"]
    assert shown(ListView("STALE"), headings=names) == ["[Door]", "Door"]
    listed = bpy.context.window_manager.tracklay
    try:
        listed.is_grouped = True
        assert [item.name for item in listed.rows][3:] == list(names)
        listed.rows[4].is_open = False
        cue_rows.build_rows(film)
        assert [item.is_open for item in listed.rows] == [True, True, True, True, False, True]
    finally:
        listed.is_grouped = False
    assert len(listed.rows) == 3


def test_the_list_follows_the_selection(film):
    """The cue of the active take, or of the active picture, becomes the active one; deselecting changes nothing."""
    take = next(strip for strip in laid(film) if strip["tracklay_picture"] == "Cellar")
    for strip in (take, film.sequence_editor.strips["Attic"]):
        film.sequence_editor.active_strip, strip.select = strip, True
        cue_rows._follow_selection()
        row = cue_rows.active_row()
        assert row is not None
        assert row.first_cue.picture == strip.get("tracklay_picture", strip.name)
    strip.select = False
    cue_rows._follow_selection()
    assert cue_rows.active_row() is row


def test_all_stale_cues_are_selected_and_generated_again(film):
    """Only theirs are selected; each gets one more take, and none is stale then."""
    mark_stale(film, "Cellar")
    assert bpy.ops.tracklay.select_stale() == {"FINISHED"}
    assert {strip["tracklay_picture"] for strip in film.sequence_editor.strips if strip.select} == {"Door", "Cellar"}
    cues, joins = list_ops.stale_cues(film, refit=True)
    specs = [estimates.dummy_spec(cue, catalogue.get_model(cue.model)) for cue, _ in cues]
    assert estimates.estimate(specs).text == "2 cues, 1.6 s, free"
    assert set(joins.values()) == {row.cue for row in cue_rows.cue_list_rows if row.is_stale}
    bpy.ops.tracklay.regenerate_stale(wait=True)
    cue_index.shared_cue_index.is_dirty = True
    assert [row.take_count for row in cue_rows.build_rows(film)] == [3, 2, 3]
    with pytest.raises(RuntimeError, match="No cue of this scene is stale"):
        bpy.ops.tracklay.regenerate_stale(wait=True)


def test_keep_all_keeps_the_audible_take_of_each_cue(film):
    """The others leave the timeline, the cues are listed as kept, and a further take ends that."""
    assert bpy.ops.tracklay.keep_all() == {"FINISHED"}
    assert [strip.mute for strip in laid(film)] == [False] * 3
    cue_rows.build_rows(film)
    assert shown(ListView("KEPT")) == ["Door", "Attic", "Cellar"]
    assert len(film.tracklay.dropped) == 3
    bpy.ops.tracklay.regenerate(cue=cue_rows.cue_list_rows[1].cue, wait=True)
    cue_rows.build_rows(film)
    assert shown(ListView("KEPT")) == ["Door", "Cellar"]


def test_the_panel_offers_what_to_do_with_stale_cues(film):
    """A line with their number and two buttons; the menu has the operators on all cues."""
    layout, menu = Layout(), Layout()
    cue_list.TRACKLAY_PT_cues.draw(SimpleNamespace(layout=layout), bpy.context)  # type: ignore[arg-type]
    assert "1 stale" in layout.words()
    assert {"tracklay.select_stale", "tracklay.regenerate_stale", "prop search", "prop show"} <= set(layout.names())
    cue_list.TRACKLAY_MT_cue_list.draw(SimpleNamespace(layout=menu), bpy.context)  # type: ignore[arg-type]
    assert "tracklay.keep_all" in menu.names()
