"""One cue over a range: what plays there across cuts and channels, on exactly its frames, and stale when any of it changes."""

from __future__ import annotations

import json
from fractions import Fraction

import bpy
import pytest
from tracklay.blender.runtime import requests
from tracklay.blender.runtime.cue_rows import build_rows
from tracklay.blender.runtime.dispatcher import get_dispatcher
from tracklay.blender.sequencer import compat, cue_index, placeholders, selection, staleness, takes
from tracklay.blender.sequencer.joined import following, spotting
from tracklay.blender.settings import catalogue, properties

from ...conftest import add, laid, set_handles, set_rate
from ...helpers import filled, until
from ...render.mix import mixed_clicks, sample, worst

RATE = Fraction(25)


@pytest.fixture
def film(scene, clips):
    """Three shots with a gap: the first from frame 11, the second from 71, over its end the third on channel 3 from 120 to 150."""
    set_rate(scene, RATE)
    first = add(scene, clips(RATE, 60, (20,)), 11)
    second = add(scene, clips(RATE, 60, (10, 50)), 81)
    third = add(scene, clips(RATE, 30, (5,)), 120, channel=3)
    return first, second, third


def is_fresh(scene, take) -> bool:
    """Return whether a take is not stale."""
    return staleness.is_up_to_date(scene, take, staleness.SpeedEffectCache())


def move(frames: int, *strips) -> None:
    """Move strips, as dragging does."""
    for strip in strips:
        name = compat.time_property("content_start", bpy.types.Strip)
        setattr(strip, name, getattr(strip, name) + frames)


def span_again(scene, take, first: int, end: int, *, is_refit: bool) -> tuple[int, int]:
    """Return first frame and number of frames of another take of a cue."""
    level = selection.active_level(scene)
    assert level is not None
    spot = following.spot_again(scene, level, take, first, end, is_refit=is_refit)
    assert spot is not None
    return spot.span.start, spot.span.frames


def test_one_take_hears_what_is_seen_in_all_shots(scene, film, tmp_path):
    """From the first frame to the last, with the flashes of what is on top; the covered one is not heard."""
    bpy.ops.tracklay.generate(as_one=True, wait=True)
    (take,) = laid(scene)
    assert (compat.strip_start(take), compat.strip_frames(take), take.channel) == (11, 139, 4)
    entry = json.loads(take["tracklay"])
    assert (entry["frames"], entry["samples"]) == (139, 139 * 1920)
    assert entry["picture_by"] == {"way": "source", "why": spotting.REASON_JOINED}
    heard = mixed_clicks(scene, tmp_path, 160)
    assert worst(heard, [sample(frame, RATE) for frame in (31, 91, 125)]) <= 1


def test_a_selected_sound_does_not_hide_the_range(scene, film):
    """The preview range counts as long as no picture is selected; its ends lie in black."""
    for strip in film:
        strip.select = False
    silence = placeholders.write_silence(Fraction(1), "dialogue")
    scene.sequence_editor.strips.new_sound("dialogue", str(silence), 2, 70).select = True
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 65, 99
    ranges = selection.selected_ranges(scene)
    assert [(strip.name, first, frames) for strip, first, frames in ranges] == [
        (film[0].name, 65, 6),
        (film[1].name, 81, 19),
    ]
    joined = spotting.joined_range(scene, ranges)
    assert joined is not None
    assert joined[1:] == (65, 35)
    (spot,) = spotting.spot_selection(scene, as_one=True)
    assert [(piece.span.start, piece.span.frames) for piece in spot.picture.pieces] == [(65, 6), (81, 19)]


def test_one_cue_is_the_setting_of_the_task(scene, film):
    """Music is made over the range, anything else for each strip, until the user chooses otherwise for that task."""
    settings, music = scene.tracklay, catalogue.get_model("sketch/music")
    assert settings.cues == "STRIPS"
    assert properties.as_one_setting(settings, music)
    settings.cues = "ONE"
    settings.model = "sketch/music"
    assert settings.cues == "ONE"
    settings.cues = "STRIPS"
    settings.model = "clicker/clicks"
    assert settings.cues == "ONE"


def test_one_strip_is_its_own_cue(scene, film):
    """There is nothing to join in a single strip: its take is connected to it as ever."""
    for strip in film[1:]:
        strip.select = False
    assert spotting.joined_range(scene, selection.selected_ranges(scene)) is None
    (spot,) = spotting.spot_selection(scene, as_one=True)
    assert not spot.picture.is_joined


def test_a_title_over_a_shot_is_rendered(scene, film, tmp_path):
    """What a file does not show is rendered by Blender, all channels together, and heard on its frames."""
    scene.render.resolution_x, scene.render.resolution_y = 192, 108
    for strip in film[1:]:
        strip.select = False
    compat.set_strip_frames(film[0], 25)
    black = scene.sequence_editor.strips.new_effect("black", "COLOR", 5, 36, **effect_length(36, 4))
    black.select = False
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 11, 45
    film[0].select = False
    bpy.ops.tracklay.generate(as_one=True, wait=True)
    (take,) = laid(scene)
    assert json.loads(take["tracklay"])["picture_by"] == {"way": "render", "why": spotting.REASON_OVERLAID}
    assert worst(mixed_clicks(scene, tmp_path, 60), [sample(31, RATE)]) <= 1


def effect_length(first: int, frames: int) -> dict[str, int]:
    """Return the arguments of `new_effect` for a length, as this Blender names them."""
    return {"frame_end": first + frames} if bpy.app.version < (5, 0, 0) else {"length": frames}


def test_a_moved_or_trimmed_shot_makes_it_stale(scene, film):
    """Not a shot that is renamed, or all of them moved with the take; of a trimmed take only the frames that are heard count."""
    bpy.ops.tracklay.generate(as_one=True, wait=True)
    (take,) = laid(scene)
    first, second, third = film
    assert is_fresh(scene, take)
    second.name = "renamed"
    assert is_fresh(scene, take)
    move(1, second)
    assert not is_fresh(scene, take)
    move(-1, second)
    set_handles(third, 121, 150)
    assert not is_fresh(scene, take)
    set_handles(third, 120, 150)
    move(40, third, second, first, take)
    assert is_fresh(scene, take)
    third.mute = True
    assert not is_fresh(scene, take)
    set_handles(take, 51, 130)
    assert is_fresh(scene, take)


def test_takes_follow_shots_that_were_moved_together(scene, film):
    """One step moves all takes after them, and they fit again; shots that were moved apart are an error."""
    bpy.ops.tracklay.generate(as_one=True, takes=2, wait=True)
    first, second, third = film
    move(40, third, second, first)
    assert not any(is_fresh(scene, take) for take in laid(scene))
    bpy.ops.ed.undo_push(message="moved")
    assert bpy.ops.tracklay.follow_picture() == {"FINISHED"}
    assert [(compat.strip_start(take), is_fresh(scene, take)) for take in laid(scene)] == [(51, True)] * 2
    move(1, third)
    with pytest.raises(RuntimeError, match="were not moved together"):
        bpy.ops.tracklay.follow_picture()


def test_a_refit_follows_the_shots(scene, film):
    """The range begins and ends with the handles of its first and last shot."""
    bpy.ops.tracklay.generate(as_one=True, wait=True)
    (take,) = laid(scene)
    first, _, third = film
    set_handles(first, 21, 71)
    move(30, third)
    assert span_again(scene, take, 11, 150, is_refit=True) == (21, 159)
    assert span_again(scene, take, 11, 150, is_refit=False) == (11, 139)


def test_a_range_inside_a_shot_follows_its_content(scene, film):
    """A range that began between cuts stays on the same pictures when its shots move."""
    for strip in film:
        strip.select = False
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 21, 100
    bpy.ops.tracklay.generate(as_one=True, wait=True)
    (take,) = laid(scene)
    move(50, film[2], film[1], film[0])
    assert span_again(scene, take, 21, 101, is_refit=True) == (71, 80)


def test_it_is_regenerated_and_found_by_any_of_its_shots(scene, film):
    """Another take joins it; the operators on takes find it from each of its shots; the list has one row with both ends."""
    bpy.ops.tracklay.generate(as_one=True, wait=True)
    bpy.ops.tracklay.regenerate(wait=True)
    assert [(compat.strip_start(take), compat.strip_frames(take)) for take in laid(scene)] == [(11, 139)] * 2
    for strip in scene.sequence_editor.strips:
        strip.select = strip == film[2]
    (group,) = takes.target_groups(scene)
    assert len(group.takes) == 2
    cue_index.shared_cue_index.is_dirty = True
    (row,) = build_rows(scene)
    assert row.first_cue.picture == f"{film[0].name} - {film[2].name}"


def test_its_placeholder_is_one_undo_step_and_fills(scene, film, gate, let_go):
    """Before anything is sent there is a placeholder of the whole range; undo removes it, redo fills it."""
    bpy.ops.ed.undo_push(message="before")
    (spot,) = spotting.spot_selection(scene, as_one=True)
    cue = requests.build_cue(spot, scene.tracklay, prompt="one cue")
    get_dispatcher().submit([(requests.build_job_spec(cue, spot), spot)])
    (held,) = [strip for strip in scene.sequence_editor.strips if cue_index.CUE_PROPERTY in strip]
    assert (compat.strip_start(held), compat.strip_frames(held)) == (11, 139)
    bpy.ops.ed.undo()
    assert not [each for each in bpy.context.scene.sequence_editor.strips if cue_index.CUE_PROPERTY in each]
    bpy.ops.ed.redo()
    gate.is_open = True
    until(filled(1))


@pytest.mark.parametrize(
    "under", [5, ["x"], [["a", "MOVIE", "0", 0, 1, "", 0, 1]], [["a", "MOVIE", 1e999, 0, 1, "", 0, 1]]]
)
def test_damaged_pieces_are_no_error(scene, film, under):
    """A file from elsewhere may hold anything: the take is stale, or as one without pieces, and the list is drawn."""
    bpy.ops.tracklay.generate(as_one=True, wait=True)
    (take,) = laid(scene)
    stored = json.loads(take[cue_index.REQUEST_PROPERTY])
    take[cue_index.REQUEST_PROPERTY] = json.dumps({**stored, "under": under})
    staleness.is_up_to_date(scene, take, staleness.SpeedEffectCache())
    cue_index.shared_cue_index.is_dirty = True
    (row,) = build_rows(scene)
    assert row.first_cue.picture
    assert takes.target_groups(scene, row.cue)
