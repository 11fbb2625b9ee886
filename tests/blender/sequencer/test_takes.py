"""The takes of a cue: one is heard, going from one to another, keeping, comparing, favourites, making anew, stems."""

from __future__ import annotations

import json
from fractions import Fraction

import bpy
import pytest
from tracklay.blender.sequencer import compat, cue_index, dropped_files, selection, takes

from ..conftest import add, laid, set_handles, set_rate
from ..render.mix import mixed_clicks, sample, worst

RATE = Fraction(25)


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25, on channel 1 from frame 11, with a flash on its frame 20."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20,)), 11)


@pytest.fixture
def three(scene, strip):
    """Three takes of it, at the playhead, and nothing selected."""
    bpy.ops.tracklay.generate(takes=3, wait=True)
    strip.select = False
    scene.frame_current = 30
    return laid(scene)


def heard(scene) -> list[bool]:
    """Which takes are heard, lowest channel first."""
    return [not take.mute for take in laid(scene)]


def test_next_and_previous_go_round(scene, three):
    """One is heard at a time; after the last comes the first."""
    seen = [heard(scene)]
    for direction in ("NEXT", "NEXT", "NEXT", "PREVIOUS"):
        bpy.ops.tracklay.switch_take(direction=direction)
        seen.append(heard(scene))
    assert [each.index(True) for each in seen] == [0, 1, 2, 0, 2]
    assert all(sum(each) == 1 for each in seen)


def test_only_what_is_heard_shows_its_waveform(scene, three):
    """The others are plain as well as mute."""
    bpy.ops.tracklay.switch_take()
    assert [take.show_waveform for take in laid(scene)] == heard(scene)


def test_a_take_is_named_by_its_number(scene, three):
    """For a list's buttons; a number that is not there is told."""
    bpy.ops.tracklay.switch_take(number=3)
    assert heard(scene) == [False, False, True]
    with pytest.raises(RuntimeError, match="No take 4; the cue has 3"):
        bpy.ops.tracklay.switch_take(number=4)


def test_what_is_selected_is_meant_before_what_is_at_the_playhead(scene, three, clips):
    """A selected picture means its takes, a selected take its cue, nothing selected the playhead."""
    other = add(scene, clips(RATE, 60, (20,)), 101)
    bpy.ops.tracklay.generate(takes=2, wait=True)
    bpy.ops.tracklay.switch_take()
    assert heard(scene) == [True, False, False, False, True]
    other.select = False
    laid(scene)[1].select = True
    bpy.ops.tracklay.switch_take()
    assert heard(scene) == [False, True, False, False, True]
    laid(scene)[1].select = False
    bpy.ops.tracklay.switch_take()
    assert heard(scene) == [False, False, True, False, True]
    scene.frame_current = 90
    with pytest.raises(RuntimeError, match="No take is selected"):
        bpy.ops.tracklay.switch_take()


def test_compare_goes_back_and_forth(scene, three):
    """Between the last two that were heard, or the two that are selected."""
    bpy.ops.tracklay.switch_take(number=3)
    seen = []
    for _ in range(3):
        bpy.ops.tracklay.compare_takes()
        seen.append(heard(scene).index(True))
    assert seen == [0, 2, 0]
    for take in laid(scene)[1:]:
        take.select = True
    seen = []
    for _ in range(3):
        bpy.ops.tracklay.compare_takes()
        seen.append(heard(scene).index(True))
    assert seen == [1, 2, 1]


def test_one_take_cannot_be_compared(scene, strip):
    """It is said."""
    bpy.ops.tracklay.generate(wait=True)
    with pytest.raises(RuntimeError, match="The cue has only one take"):
        bpy.ops.tracklay.compare_takes()


def test_a_favourite_is_coloured_and_outlives_the_file(scene, three, tmp_path):
    """The mark is the strip's; a colour that the person gave it since stays when the mark is taken away."""
    bpy.ops.tracklay.switch_take(number=2)
    bpy.ops.tracklay.favourite_take()
    assert [take.color_tag for take in laid(scene)] == ["NONE", takes.FAVOURITE_TAG, "NONE"]
    path = str(tmp_path / "film.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    scene = bpy.context.scene
    level = selection.active_level(scene)
    assert level is not None
    (group,) = takes.find_take_groups(level)
    assert [version.is_favourite for version in group.takes] == [False, True, False]
    laid(scene)[1].color_tag = "COLOR_05"
    bpy.ops.tracklay.favourite_take()
    assert laid(scene)[1].color_tag == "COLOR_05"
    assert not any(version.is_favourite for version in takes.find_take_groups(level)[0].takes)


def test_keeping_one_drops_the_others_and_no_file(scene, three, tmp_path):
    """The kept one comes down beside its picture; the files are there until they are asked to go, and what plays stays."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    files = [cue_index.sound_file(take.sound) for take in three]
    bpy.ops.tracklay.switch_take(number=3)
    bpy.ops.tracklay.keep_take()
    (kept,) = laid(scene)
    assert (kept.channel, kept.mute, compat.strip_start(kept)) == (2, False, 11)
    assert cue_index.sound_file(kept.sound) == files[2]
    assert all(file.is_file() for file in files)
    assert dropped_files.deletable(scene) == (sorted(files[:2]), [])
    bpy.ops.tracklay.delete_dropped()
    assert [file.is_file() for file in files] == [False, False, True]
    assert len(scene.tracklay.dropped) == 0
    assert not bpy.ops.tracklay.delete_dropped.poll()


def test_a_dropped_file_that_came_back_is_not_deleted(scene, three):
    """By undo, or laid again by hand: what plays is no rubbish."""
    file = cue_index.sound_file(three[1].sound)
    bpy.ops.tracklay.keep_take()
    scene.sequence_editor.strips.new_sound("by hand", str(file), 9, 11)
    bpy.ops.tracklay.delete_dropped()
    assert file.is_file()


def test_switching_is_one_step_back(scene, three):
    """Undo hears what was heard before, and brings dropped takes back."""
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.tracklay.switch_take()
    bpy.ops.ed.undo_push(message="switched")
    bpy.ops.tracklay.keep_take()
    bpy.ops.ed.undo_push(message="kept")
    assert len(laid(bpy.context.scene)) == 1
    bpy.ops.ed.undo()
    assert heard(bpy.context.scene) == [False, True, False]
    bpy.ops.ed.undo()
    assert heard(bpy.context.scene) == [True, False, False]


def test_the_halves_of_a_split_cue_are_switched_by_themselves(scene, three):
    """Another take for the second half alone."""
    for take in three:
        take.select = True
    with compat.sequencer_context(scene):
        bpy.ops.sequencer.split(frame=40, ignore_selection=False)
    for each in scene.sequence_editor.strips:
        each.select = False
    scene.frame_current = 50
    bpy.ops.tracklay.switch_take()
    sounding = {(compat.strip_start(take), take.channel) for take in laid(scene) if not take.mute}
    assert sounding == {(11, 2), (40, 3)}


def test_made_anew_with_another_seed_it_joins_the_cue_and_is_heard(scene, three):
    """The settings are the heard take's, not the panel's; the others are muted."""
    scene.tracklay.prompt = "something else"
    bpy.ops.tracklay.switch_take(number=2)
    before = json.loads(three[1]["tracklay"])
    bpy.ops.tracklay.regenerate(wait=True)
    level = selection.active_level(scene)
    assert level is not None
    (group,) = takes.find_take_groups(level)
    assert (len(group.takes), group.audible_index) == (4, 3)
    entry = json.loads(group.takes[3].full_mix["tracklay"])
    assert (entry["model"], entry["prompt"], entry["params"]) == (before["model"], before["prompt"], before["params"])
    assert entry["seed"] != before["seed"]
    assert {(group.start, group.end)} == {(11, 71)}


def test_made_anew_with_the_same_seed_it_is_of_the_picture_as_it_is_now(scene, strip, tmp_path):
    """The picture was slipped by ten frames: the click is where the flash is now."""
    bpy.ops.tracklay.generate(seed=5, wait=True)
    setattr(strip, compat.time_property("content_start", bpy.types.Strip), compat.content_start(strip) - 10)
    set_handles(strip, 11, 61)
    bpy.ops.tracklay.regenerate(same_seed=True, wait=True)
    entries = [json.loads(take["tracklay"]) for take in laid(scene)]
    assert [entry["seed"] for entry in entries] == [5, 5]
    assert sum(heard(scene)) == 1
    assert worst(mixed_clicks(scene, tmp_path, 100), [sample(11 + 10, RATE)]) <= 1


def test_a_picture_that_moved_away_is_told(scene, strip):
    """There is nothing to make the take of."""
    bpy.ops.tracklay.generate(wait=True)
    take = laid(scene)[0]
    strip.select, take.select = False, True
    compat.set_strip_frames(strip, 10)
    setattr(strip, compat.time_property("content_start", bpy.types.Strip), 501)
    with pytest.raises(RuntimeError, match="is no longer under the take"):
        bpy.ops.tracklay.regenerate(wait=True)


@pytest.fixture
def music(scene, clips):
    """Music with stems under half a second."""
    set_rate(scene, RATE)
    strip = add(scene, clips(RATE, 60, (20,)), 11)
    set_handles(strip, 11, 31)
    scene.tracklay.model = "sketch/music"
    scene.tracklay.params.stems = True
    bpy.ops.tracklay.generate(takes=2, seed=1, wait=True)
    return strip


def test_stems_lie_on_channels_of_their_names_with_the_whole_muted(scene, music):
    """Each exactly as the whole lies; the channel's name is the stem's; switching takes leaves the whole mute."""
    bpy.ops.tracklay.lay_stems()
    stems = [take for take in laid(scene) if (which := cue_index.get_take_tag(take)) and which.stem]
    names = {scene.sequence_editor.channels[stem.channel].name for stem in stems}
    assert names == {"Bass", "Chords", "Melody", "Percussion"}
    assert {(compat.strip_start(stem), compat.strip_frames(stem), stem.mute) for stem in stems} == {(11, 20, False)}
    whole = [take for take in laid(scene) if take not in stems]
    assert [take.mute for take in whole] == [True, True]
    bpy.ops.tracklay.switch_take()
    assert all(stem.mute for stem in stems)
    assert [take.mute for take in whole] == [True, False]
    bpy.ops.tracklay.switch_take()
    assert not any(stem.mute for stem in stems)
    assert [take.mute for take in whole] == [True, True]


def test_stems_lie_instead_of_the_whole(scene, music):
    """Where that is wished; the next cue's stems go to the same channels."""
    bpy.ops.tracklay.lay_stems(master="INSTEAD")
    bpy.ops.tracklay.switch_take()
    bpy.ops.tracklay.keep_take()
    bpy.ops.tracklay.lay_stems(master="INSTEAD")
    assert len(laid(scene)) == 4
    first = {take.channel for take in laid(scene)}
    setattr(music, compat.time_property("content_start", bpy.types.Strip), 101)
    scene.frame_current = compat.strip_start(music)
    bpy.ops.tracklay.generate(seed=9, wait=True)
    bpy.ops.tracklay.lay_stems(master="INSTEAD")
    assert {take.channel for take in laid(scene)} == first


def test_the_stems_of_a_trimmed_take_are_trimmed_like_it(scene, music):
    """They begin where the whole begins, and with what it begins with."""
    whole = laid(scene)[0]
    set_handles(whole, 16, 28)
    bpy.ops.tracklay.lay_stems()
    level = selection.active_level(scene)
    assert level is not None
    assert len(takes.find_take_groups(level)) == 1
    stems = [take for take in laid(scene) if (which := cue_index.get_take_tag(take)) and which.stem]
    assert {(compat.strip_start(stem), compat.strip_frames(stem), compat.content_start(stem)) for stem in stems} == {
        (16, 12, compat.content_start(whole))
    }


def test_a_take_without_stems_is_told(scene, three):
    """With what to do; and stems are laid once."""
    with pytest.raises(RuntimeError, match=r"This take has no stems\. Generate with a model that makes them"):
        bpy.ops.tracklay.lay_stems()


def test_stems_are_laid_once(scene, music):
    """Pressed twice, the second time is told."""
    bpy.ops.tracklay.lay_stems()
    with pytest.raises(RuntimeError, match="The stems of this take are laid already"):
        bpy.ops.tracklay.lay_stems()


@pytest.mark.parametrize(("wish", "strips"), [("NONE", 1), ("MUTED", 5), ("INSTEAD", 4)])
def test_stems_are_laid_when_a_take_comes_as_the_scene_wishes(wish, strips, scene, clips):
    """Not at all, above the whole take, or instead of it."""
    set_rate(scene, RATE)
    set_handles(add(scene, clips(RATE, 60, (20,)), 11), 11, 31)
    scene.tracklay.model, scene.tracklay.stems = "sketch/music", wish
    scene.tracklay.params.stems = True
    bpy.ops.tracklay.generate(seed=1, wait=True)
    assert len(laid(scene)) == strips
    assert sum(heard(scene)) == {"NONE": 1, "MUTED": 4, "INSTEAD": 4}[wish]
