"""A tidy timeline: a channel for each kind of sound, used again, and strips named by what is heard."""

from __future__ import annotations

import json
from fractions import Fraction

import bpy
import pytest
from tracklay.blender.sequencer import compat, cue_index, placeholders, placement, selection
from tracklay.blender.sequencer.channels import strip_names
from tracklay.blender.sequencer.channels.by_kind import KindChannels, channel_kind
from tracklay.blender.sequencer.cue_index import CueRequest, TakeTag
from tracklay.errors import TracklayError

from ...conftest import add, laid, set_rate

RATE = Fraction(25)


@pytest.fixture
def film(scene, clips):
    """A shot of 60 frames on channel 2, its dialogue on channel 3, and another shot on channel 1 after it."""
    set_rate(scene, RATE)
    clip = clips(RATE, 60, (20,))
    first, second = add(scene, clip, 11, channel=2), add(scene, clip, 71, channel=1)
    sound(scene, "dialogue", 3, 11, 200)
    return first, second


def sound(scene, name: str, channel: int, start: int, frames: int):
    """Add a sound of the user's."""
    file = placeholders.write_silence(Fraction(frames, 25), name)
    strip = scene.sequence_editor.strips.new_sound(name, str(file), channel, start)
    strip.select = False
    return strip


def take(scene, channel: int, start: int, frames: int, index: int = 0, *, cue: str = "cue", prompt: str = ""):
    """Add a take where an earlier version laid it."""
    strip = sound(scene, f"{cue} {index}", channel, start, frames)
    cue_index.set_take_tag(strip, TakeTag(cue, index))
    strip[cue_index.REQUEST_PROPERTY] = CueRequest("clicker/clicks", prompt, "clip", "MOVIE", "0", frames).to_json()
    strip.mute = index > 0
    return strip


def level_of(scene) -> selection.StripLevel:
    """Return the level that is open."""
    level = selection.active_level(scene)
    assert level is not None
    return level


def names(scene) -> dict[int, str]:
    """Return the names of the channels that have one."""
    return {
        number: channel.name
        for number, channel in enumerate(scene.sequence_editor.channels)
        if channel.name != f"Channel {number}"
    }


def test_takes_share_the_channels_of_their_kind(scene, film):
    """The first takes of both shots are on one channel above all pictures, the alternatives on the next, muted."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    assert [(each.channel, each.mute) for each in laid(scene)] == [(4, False), (5, True)] * 2
    assert names(scene) == {4: "Foley", 5: "Foley 2"}
    film[1].select = False
    bpy.ops.tracklay.generate(prompt="room tone", wait=True)
    assert names(scene) == {4: "Foley", 5: "Foley 2", 6: "Ambience"}


def test_a_channel_of_the_users_with_the_name_is_used(scene, film):
    """A channel that the user has named for foley gets the takes, between the user's own strips."""
    scene.sequence_editor.channels[9].name = "Foley"
    sound(scene, "steps", 9, 400, 50)
    bpy.ops.tracklay.generate(wait=True)
    assert {each.channel for each in laid(scene)} == {9}
    assert names(scene) == {9: "Foley"}


def test_without_an_empty_channel_any_free_one_is_used(scene, film):
    """Every channel holds something of the user's elsewhere: the lowest that is free there is taken, and not named."""
    film[1].select = False
    for channel in range(4, 129):
        sound(scene, f"own {channel}", channel, 500, 10)
    bpy.ops.tracklay.generate(wait=True)
    assert {each.channel for each in laid(scene)} == {4}
    assert names(scene) == {}


def test_a_channel_named_in_vain_has_its_old_name_again(scene, film):
    """If a take cannot be placed, no channel keeps the name that it got for it."""
    for channel in scene.sequence_editor.channels[5:]:
        channel.lock = True
    with pytest.raises(RuntimeError, match="No free channel"):
        bpy.ops.tracklay.generate(takes=2, wait=True)
    assert names(scene) == {}
    level, file = level_of(scene), placeholders.write_silence(Fraction(60, 25), "door")
    request = CueRequest("clicker/clicks", "", "clip", "MOVIE", "0", 60)

    def place_two() -> None:
        with placement.StripPlacer(scene) as placer:
            for index in range(2):
                placer.place_sound(level, film[0], file, (11, 60), TakeTag("cue", index), request)

    with pytest.raises(TracklayError, match="No free channel"):
        place_two()
    assert names(scene) == {}


@pytest.mark.parametrize(
    ("prompt", "model", "name"),
    [
        ("door, heavy, wood", "clicker/clicks", "Door · foley"),
        ("", "clicker/clicks", "A001 · foley"),
        ("calm piano", "sketch/music", "Calm piano · music"),
        ("Room tone of a church", "clicker/clicks", "Room tone of a church · ambience"),
        ("an endlessly long description of a sound", "clicker/clicks", "An endlessly long descripti… · foley"),
    ],
)
def test_strips_are_named_by_what_is_heard(scene, prompt, model, name):
    """The first words of the prompt, else the picture, and the kind of sound."""
    assert strip_names.base_name(CueRequest(model, prompt, "A001.mov", "MOVIE", "0", 10)) == name


def test_names_are_numbered_without_blenders_suffix(scene, film):
    """The number is the first that no strip has."""
    bpy.ops.tracklay.generate(prompt="door", takes=2, wait=True)
    assert sorted(each.name for each in laid(scene)) == [f"Door · foley {number}" for number in (1, 2, 3, 4)]


def test_tidying_gathers_takes_and_moves_nothing_else(scene, film):
    """Audible takes are lowest; locked ones, those on muted channels, and the user's strips stay. It is one undo step."""
    own = sound(scene, "own", 6, 11, 60)
    scattered = [
        take(scene, 9, 11, 60, 1),
        take(scene, 7, 11, 60, 0),
        take(scene, 12, 71, 60, 0, cue="other"),
        take(scene, 15, 71, 60, 0, cue="air", prompt="ambience"),
    ]
    locked = take(scene, 20, 11, 60, 2)
    locked.lock = True
    hushed = take(scene, 21, 71, 60, 1, cue="other")
    scene.sequence_editor.channels[21].mute = True
    before = {strip.name: strip.channel for strip in (own, locked, hushed, *film)}
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.tracklay.tidy_channels() == {"FINISHED"}
    strips = scene.sequence_editor.strips
    assert {name: strips[name].channel for name in before} == before
    assert [each.channel for each in scattered] == [7, 4, 4, 5]
    assert names(scene) == {4: "Foley", 5: "Ambience", 7: "Foley 2"}
    assert bpy.ops.tracklay.tidy_channels() == {"CANCELLED"}


def test_takes_that_want_each_others_places_swap(scene, film):
    """The audible take is above its alternative, on channels of the kind: each has the other's place afterwards."""
    channels = scene.sequence_editor.channels
    channels[4].name, channels[5].name = "Foley", "Foley 2"
    muted, audible = take(scene, 4, 11, 60, 1), take(scene, 5, 11, 60, 0)
    bpy.ops.tracklay.tidy_channels()
    assert (audible.channel, muted.channel) == (4, 5)
    assert {(compat.strip_start(each), compat.strip_frames(each)) for each in (audible, muted)} == {(11, 60)}


def test_only_its_own_names_mean_a_kind():
    """A number may follow; any other name is the user's own."""
    assert [channel_kind(name) for name in ("Foley", "Music 12", "Music mix", "foley", "Channel 4")] == [
        *("Foley", "Music"),
        *("", "", ""),
    ]


def test_an_entry_of_another_kind_has_its_own_channel(scene, film):
    """Music is not put among foley, even where its channel is free."""
    channels = KindChannels(level_of(scene))
    assert [channels.take_channel(kind, 2, 11, 60) for kind in ("Foley", "Music", "Foley", "Music")] == [4, 5, 6, 7]
    assert json.dumps(names(scene)) == json.dumps({4: "Foley", 5: "Music", 6: "Foley 2", 7: "Music 2"})
