"""The takes of a cue: switching, comparing, keeping, favourites, regenerating and stems."""

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
    """A clip of 60 frames at 25 fps, on channel 1 from frame 11, with a flash on its frame 20."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20,)), 11)


@pytest.fixture
def three(scene, strip):
    """Three takes of the strip, at the playhead, with nothing selected."""
    bpy.ops.tracklay.generate(takes=3, wait=True)
    strip.select = False
    scene.frame_current = 30
    return laid(scene)


def audible(scene) -> list[bool]:
    """Return for each take whether it is audible, lowest channel first."""
    return [not take.mute for take in laid(scene)]


def test_next_and_previous_wrap_around(scene, three):
    """One take is audible at a time; the first follows the last."""
    seen = [audible(scene)]
    for direction in ("NEXT", "NEXT", "NEXT", "PREVIOUS"):
        bpy.ops.tracklay.switch_take(direction=direction)
        seen.append(audible(scene))
    assert [each.index(True) for each in seen] == [0, 1, 2, 0, 2]
    assert all(sum(each) == 1 for each in seen)


def test_only_the_audible_take_shows_its_waveform(scene, three):
    """Muted takes have no waveform."""
    bpy.ops.tracklay.switch_take()
    assert [take.show_waveform for take in laid(scene)] == audible(scene)


def test_a_take_can_be_chosen_by_its_number(scene, three):
    """The buttons of a list use it; an unknown number is an error."""
    bpy.ops.tracklay.switch_take(number=3)
    assert audible(scene) == [False, False, True]
    with pytest.raises(RuntimeError, match="No take 4; the cue has 3"):
        bpy.ops.tracklay.switch_take(number=4)


def test_the_selection_has_precedence_over_the_playhead(scene, three, clips):
    """A selected picture stands for its takes, a selected take for its cue; with no selection the playhead counts."""
    other = add(scene, clips(RATE, 60, (20,)), 101)
    bpy.ops.tracklay.generate(takes=2, wait=True)
    bpy.ops.tracklay.switch_take()
    assert audible(scene) == [True, False, False, False, True]
    other.select = False
    laid(scene)[1].select = True
    bpy.ops.tracklay.switch_take()
    assert audible(scene) == [False, True, False, False, True]
    laid(scene)[1].select = False
    bpy.ops.tracklay.switch_take()
    assert audible(scene) == [False, False, True, False, True]
    scene.frame_current = 90
    with pytest.raises(RuntimeError, match="No take is selected"):
        bpy.ops.tracklay.switch_take()


def test_compare_alternates_between_two_takes(scene, three):
    """They are the last two audible takes, or the two selected ones."""
    bpy.ops.tracklay.switch_take(number=3)
    seen = []
    for _ in range(3):
        bpy.ops.tracklay.compare_takes()
        seen.append(audible(scene).index(True))
    assert seen == [0, 2, 0]
    for take in laid(scene)[1:]:
        take.select = True
    seen = []
    for _ in range(3):
        bpy.ops.tracklay.compare_takes()
        seen.append(audible(scene).index(True))
    assert seen == [1, 2, 1]


def test_one_take_cannot_be_compared(scene, strip):
    """The operator reports an error."""
    bpy.ops.tracklay.generate(wait=True)
    with pytest.raises(RuntimeError, match="The cue has only one take"):
        bpy.ops.tracklay.compare_takes()


def test_a_favourite_is_coloured_and_saved_with_the_file(scene, three, tmp_path):
    """A colour that the user chose later stays when the mark is removed."""
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


def test_keeping_a_take_removes_the_others_but_no_files(scene, three, tmp_path):
    """The kept take moves down to its picture; only Delete Dropped deletes the files of the others."""
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


def test_a_dropped_file_that_is_used_again_is_not_deleted(scene, three):
    """The user added it to the timeline again."""
    file = cue_index.sound_file(three[1].sound)
    bpy.ops.tracklay.keep_take()
    scene.sequence_editor.strips.new_sound("by hand", str(file), 9, 11)
    bpy.ops.tracklay.delete_dropped()
    assert file.is_file()


def test_switching_is_one_undo_step(scene, three):
    """Undo restores the audible take, and takes that were dropped."""
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.tracklay.switch_take()
    bpy.ops.ed.undo_push(message="switched")
    bpy.ops.tracklay.keep_take()
    bpy.ops.ed.undo_push(message="kept")
    assert len(laid(bpy.context.scene)) == 1
    bpy.ops.ed.undo()
    assert audible(bpy.context.scene) == [False, True, False]
    bpy.ops.ed.undo()
    assert audible(bpy.context.scene) == [True, False, False]


def test_the_halves_of_a_split_cue_are_switched_separately(scene, three):
    """Only the second half gets another take."""
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


def test_a_regenerated_take_joins_the_cue_and_is_audible(scene, three):
    """It has the settings of the audible take, not those of the panel, and another seed; the other takes are muted."""
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


def test_regenerating_with_the_same_seed_uses_the_present_picture(scene, strip, tmp_path):
    """The picture was slipped by ten frames, and the click is at the flash's new position."""
    bpy.ops.tracklay.generate(seed=5, wait=True)
    setattr(strip, compat.time_property("content_start", bpy.types.Strip), compat.content_start(strip) - 10)
    set_handles(strip, 11, 61)
    bpy.ops.tracklay.regenerate(same_seed=True, wait=True)
    entries = [json.loads(take["tracklay"]) for take in laid(scene)]
    assert [entry["seed"] for entry in entries] == [5, 5]
    assert sum(audible(scene)) == 1
    assert worst(mixed_clicks(scene, tmp_path, 100), [sample(11 + 10, RATE)]) <= 1


def test_regenerating_without_a_picture_is_an_error(scene, strip):
    """The picture was moved away from the take."""
    bpy.ops.tracklay.generate(wait=True)
    take = laid(scene)[0]
    strip.select, take.select = False, True
    compat.set_strip_frames(strip, 10)
    setattr(strip, compat.time_property("content_start", bpy.types.Strip), 501)
    with pytest.raises(RuntimeError, match="is no longer under the take"):
        bpy.ops.tracklay.regenerate(wait=True)


@pytest.fixture
def music(scene, clips):
    """A strip with two takes of music that have stems, 20 frames long."""
    set_rate(scene, RATE)
    strip = add(scene, clips(RATE, 60, (20,)), 11)
    set_handles(strip, 11, 31)
    scene.tracklay.model = "sketch/music"
    scene.tracklay.params.stems = True
    bpy.ops.tracklay.generate(takes=2, seed=1, wait=True)
    return strip


def test_stems_are_laid_on_named_channels_above_a_muted_full_mix(scene, music):
    """Each stem has the frames of the full mix, and switching takes leaves the full mix muted."""
    bpy.ops.tracklay.lay_stems()
    stems = [take for take in laid(scene) if (which := cue_index.get_take_tag(take)) and which.stem]
    names = {scene.sequence_editor.channels[stem.channel].name for stem in stems}
    assert names == {"Bass", "Chords", "Melody", "Percussion"}
    assert {(compat.strip_start(stem), compat.strip_frames(stem), stem.mute) for stem in stems} == {(11, 20, False)}
    full_mixes = [take for take in laid(scene) if take not in stems]
    assert [take.mute for take in full_mixes] == [True, True]
    bpy.ops.tracklay.switch_take()
    assert all(stem.mute for stem in stems)
    assert [take.mute for take in full_mixes] == [True, False]
    bpy.ops.tracklay.switch_take()
    assert not any(stem.mute for stem in stems)
    assert [take.mute for take in full_mixes] == [True, True]


def test_stems_can_replace_the_full_mix(scene, music):
    """The stems of the next cue go to the same channels."""
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


def test_the_stems_of_a_trimmed_take_have_the_same_trim(scene, music):
    """They have the frames and the content start of the full mix."""
    full_mix = laid(scene)[0]
    set_handles(full_mix, 16, 28)
    bpy.ops.tracklay.lay_stems()
    level = selection.active_level(scene)
    assert level is not None
    assert len(takes.find_take_groups(level)) == 1
    stems = [take for take in laid(scene) if (which := cue_index.get_take_tag(take)) and which.stem]
    assert {(compat.strip_start(stem), compat.strip_frames(stem), compat.content_start(stem)) for stem in stems} == {
        (16, 12, compat.content_start(full_mix))
    }


def test_laying_stems_of_a_take_without_stems_is_an_error(scene, three):
    """The error names the fix."""
    with pytest.raises(RuntimeError, match=r"This take has no stems\. Generate with a model that makes them"):
        bpy.ops.tracklay.lay_stems()


def test_stems_are_laid_once(scene, music):
    """The second call is an error."""
    bpy.ops.tracklay.lay_stems()
    with pytest.raises(RuntimeError, match="The stems of this take are laid already"):
        bpy.ops.tracklay.lay_stems()


@pytest.mark.parametrize(("mode", "strips"), [("NONE", 1), ("MUTED", 5), ("INSTEAD", 4)])
def test_stems_are_laid_with_a_take_as_the_scene_is_set(mode, strips, scene, clips):
    """They are not laid, laid above the full mix, or laid instead of it."""
    set_rate(scene, RATE)
    set_handles(add(scene, clips(RATE, 60, (20,)), 11), 11, 31)
    scene.tracklay.model, scene.tracklay.stems = "sketch/music", mode
    scene.tracklay.params.stems = True
    bpy.ops.tracklay.generate(seed=1, wait=True)
    assert len(laid(scene)) == strips
    assert sum(audible(scene)) == {"NONE": 1, "MUTED": 4, "INSTEAD": 4}[mode]


def test_the_best_take_is_audible(scene, strip):
    """With Best, all takes have a score and the highest is heard, unless a favourite says otherwise; without, none has one."""
    bpy.ops.tracklay.generate(takes=2, best=True, wait=True, prompt="wood")
    values = [json.loads(take[cue_index.ENTRY_PROPERTY])["score"]["value"] for take in laid(scene)]
    assert audible(scene).index(True) == values.index(max(values))
    first, second = laid(scene)
    entry = json.loads(second[cue_index.ENTRY_PROPERTY])
    second[cue_index.ENTRY_PROPERTY] = json.dumps({**entry, "score": {"value": max(values) + 1, "reasons": []}})
    takes.on_takes_filled(scene, [second.name])
    assert audible(scene) == [False, True]
    scene.frame_current = 30
    bpy.ops.tracklay.favourite_take()
    first_entry = json.loads(first[cue_index.ENTRY_PROPERTY])
    first[cue_index.ENTRY_PROPERTY] = json.dumps({**first_entry, "score": {"value": max(values) + 2, "reasons": []}})
    takes.on_takes_filled(scene, [first.name])
    assert audible(scene) == [False, True]
