"""Interpretation of prompts: sounds by the roles of words, rooms, triggers, and unknown words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.sketch.foley.interpretation import DEFAULT_CLASS, interpret_prompt, trigger_for_prompt
from tracklay.sketch.foley.room import ROOMS
from tracklay.sketch.foley.sound_classes import SOUND_CLASSES

EVERYDAY = {
    "a gun fires": ["shot"],
    "pistol": ["shot"],
    "two gunshots in an alley": ["shot"],
    "explosion": ["explosion"],
    "dog": ["bark"],
    "a dog barks at the door": ["bark", "door"],
    "car engine": ["engine"],
    "applause": ["clap"],
    "crowd murmur": ["voice"],
    "crowd cheering": ["scream"],
    "thunder": ["thunder"],
    "zipper": ["zipper"],
    "a woman screams": ["scream"],
    "heavy breathing": ["breath"],
    "helicopter": ["engine"],
    "heartbeat": ["heartbeat"],
    "camera shutter": ["shutter"],
    "hand clap": ["clap"],
    "whip crack": ["whip"],
    "snare drum": ["snare"],
    "hi-hat": ["hihat"],
    "kick drum": ["kick_drum"],
    "crash cymbal": ["cymbal"],
    "drumstick on a snare drum": ["snare"],
    "knife on cabbage": ["food", "metal_damped"],
    "chopping vegetables on a cutting board": ["food", "wood_large"],
    "chop carrots with a knife on a wooden board": ["food", "metal_damped", "wood_large"],
    "hammer on wood": ["wood_small", "metal_damped"],
    "hammer on an anvil": ["metal_ringing"],
    "hammering a nail into a plank": ["wood_large", "metal_damped"],
    "wooden stick on a table": ["wood_large"],
    "tennis serve": ["rubber"],
    "barbell drop": ["metal_damped"],
    "basketball bouncing": ["rubber"],
    "fireworks": ["explosion"],
    "door slam": ["door"],
    "knocking on a door": ["wood_hollow"],
    "turning a key in a lock": ["lock"],
    "light switch": ["switch"],
    "typing on a keyboard": ["switch", "plastic"],
    "breaking glass": ["glass_break"],
    "smashing a plate": ["glass_break"],
    "glass bottle on a wooden table": ["glass", "wood_large"],
    "coffee cup on a saucer": ["ceramic"],
    "keys dropped on a table": ["metal_damped", "wood_large"],
    "sword fight": ["metal_ringing"],
    "face punch": ["flesh"],
    "body fall on a carpet": ["flesh", "cloth"],
    "footsteps on gravel": ["gravel", "leather"],
    "footsteps in snow": ["snow", "leather"],
    "high heels on a marble floor": ["stone", "wood_small"],
    "walking through dry leaves": ["leaves", "leather"],
    "horse galloping on grass": ["soil"],
    "splashing in a puddle": ["water"],
    "footsteps on wet concrete": ["stone", "leather", "water"],
    "cat meowing": ["meow"],
    "bird chirping": ["bird"],
    "a lion roars": ["growl"],
    "page turn": ["paper"],
    "tearing paper": ["paper"],
    "tearing fabric": ["cloth"],
    "opening a cardboard box": ["cardboard"],
    "plastic bottle dropped on stone": ["plastic", "stone"],
    "dragging a chair across the floor": ["scrape", "wood_small"],
    "creaking door": ["squeak"],
    "church bell": ["bell_large"],
    "doorbell": ["chime"],
    "a ship sounds its horn": ["engine", "horn_ship"],
    "the train blows its whistle": ["engine", "whistle_steam"],
    "a referee blows a whistle": ["whistle_pea"],
    "he drops his keys": ["metal_damped"],
    "ringing metal": ["metal_ringing"],
    "damped metal": ["metal_damped"],
    "large wood": ["wood_large"],
    "a small wooden box": ["wood_hollow"],
    "bicycle bell": ["bell_small"],
    "phone ringing": ["bell_electric"],
    "car horn": ["horn_car"],
    "ship horn": ["horn_ship"],
    "train horn": ["horn_train"],
    "police siren": ["siren"],
    "smoke alarm": ["alarm"],
    "microwave beep": ["beep"],
    "referee whistle": ["whistle_pea"],
    "steam whistle": ["whistle_steam"],
    "kettle whistle": ["whistle_kettle"],
    "skateboard rolling on asphalt": ["roll", "wood_small"],
}
"""Prompts as an editor writes them, and their classes, the leading one first."""


@pytest.mark.parametrize(("prompt", "classes"), EVERYDAY.items())
def test_an_everyday_prompt_has_the_expected_sound(prompt: str, classes: list[str]) -> None:
    """The classes follow from the roles of the words, and no word that decides is unknown."""
    meaning = interpret_prompt(prompt)
    assert [layer.sound_class for layer in meaning.layers] == classes
    assert meaning.names_sound
    assert not meaning.unknown


def test_layers_are_never_equally_loud() -> None:
    """One layer leads; every other is at least 6 dB lower."""
    for prompt in (*EVERYDAY, "wood, metal, glass", "gun and dog and bell", "hammer, knife on bread, door"):
        lead, *others = (layer.gain_db for layer in interpret_prompt(prompt).layers)
        assert lead == 0
        assert all(gain_db <= -6 for gain_db in others)


@pytest.mark.parametrize(
    ("prompt", "material"),
    [
        ("plastic spoon on a plate", ["plastic", "ceramic"]),
        ("a spoon on a plate", ["metal_damped", "ceramic"]),
        ("metal table", ["metal_damped"]),
        ("hit with a stone", ["stone"]),
        ("drumsticks on a cutting board", ["wood_large"]),
        ("a board", ["wood_large"]),
        ("steel bucket", ["metal_damped"]),
    ],
)
def test_materials_belong_to_the_noun_after_them(prompt: str, material: list[str]) -> None:
    """An adjective replaces the usual material of a thing, and tools do not become what they resemble."""
    assert interpret_prompt(prompt).to_manifest()["material"] == material


@pytest.mark.parametrize(
    ("prompt", "trigger"),
    [
        ("", "stop"),
        ("hammer on wood", "stop"),
        ("knife, footsteps", "stop"),
        ("a dog barks", "start"),
        ("gun shots, explosion", "start"),
        ("thunder and rain", "start"),
        ("clapping hands", "start"),
        ("gun shot, body fall", "both"),
        ("zipper", "both"),
        ("forest", "stop"),
    ],
)
def test_the_prompt_decides_which_change_sounds(prompt: str, trigger: str) -> None:
    """A bark is heard where motion starts, a hammer where it stops; several sounds of both kinds need both."""
    assert trigger_for_prompt(prompt) == trigger


@pytest.mark.parametrize(
    ("prompt", "room"),
    [
        ("hammer on wood", "small"),
        ("gun shot", "outdoors"),
        ("gun shot in a church", "hall"),
        ("basketball in a gym", "large"),
        ("footsteps, rain", "outdoors"),
        ("car horn, traffic", "street"),
        ("a cup in the bathroom", "tiled"),
        ("thunder, indoors", "small"),
    ],
)
def test_the_words_decide_the_room(prompt: str, room: str) -> None:
    """A place decides it, else the ambience, else what usually sounds outdoors."""
    assert interpret_prompt(prompt).room == room


@pytest.mark.parametrize(
    ("prompt", "negative", "ambience", "unknown"),
    [
        ("", "", (), ()),
        ("footsteps on wet concrete in the rain", "", ("rain",), ()),
        ("glass bottles, heavy rain", "", ("downpour",), ()),
        ("walk in the woods", "", ("forest",), ()),
        ("a wooden box, no rain", "", (), ()),
        ("wind and rain", "wind", ("rain",), ()),
        ("wind and rain", "no wind", ("rain",), ()),
        ("storm", "rain, downpour", ("gale",), ()),
        ("a qqxz on a carpet", "zzyw", (), ("qqxz", "zzyw")),
        ("high heels on a marble floor, quiet lobby", "", ("room",), ()),
        ("heavy mallet hitting a fence, crickets", "", ("night",), ()),
    ],
)
def test_ambiences_come_from_the_prompt_without_the_excluded_ones(
    prompt: str, negative: str, ambience: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    """Words without a meaning are reported, those of the negative prompt too."""
    meaning = interpret_prompt(prompt, negative)
    assert (meaning.ambience, meaning.unknown) == (ambience, unknown)


def test_an_excluded_sound_is_not_made() -> None:
    """A word after "no", or in the negative prompt, gives no layer."""
    assert interpret_prompt("footsteps, no dog").to_manifest()["material"] == ["wood_large", "leather"]
    assert interpret_prompt("dog, door", "dog").to_manifest()["material"] == ["door"]


@pytest.mark.parametrize(
    ("prompt", "heard_as", "sound_class"),
    [
        ("knife on kale", {"kale": "cabbage"}, "food"),
        ("a howitzer", {"howitzer": "cannon"}, "explosion"),
        ("hamer on wood", {"hamer": "hammer"}, "wood_small"),
        ("footsetps on gravel", {"footsetps": "footstep"}, "gravel"),
        ("steelhammer", {"steelhammer": "hammer"}, "metal_damped"),
        ("poodle", {"poodle": "dog"}, "bark"),
        ("zorble", {"zorble": "rubble"}, "stone"),
    ],
)
def test_an_unknown_word_is_heard_as_the_nearest_known_one(
    prompt: str, heard_as: dict[str, str], sound_class: str
) -> None:
    """By meaning, else by the end of a compound, else by spelling; it is reported as unknown."""
    meaning = interpret_prompt(prompt)
    assert meaning.heard_as == heard_as
    assert meaning.unknown == tuple(heard_as)
    assert meaning.layers[0].sound_class == sound_class


def test_a_distant_spelling_does_not_add_to_a_known_sound() -> None:
    """Beside a known word, an unknown one that only resembles another is reported and changes nothing."""
    meaning = interpret_prompt("rain and zorble")
    assert (meaning.unknown, meaning.heard_as, meaning.names_sound) == (("zorble",), {}, False)


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_has_a_meaning(prompt: str, negative: str) -> None:
    """Any text gives known classes, the first at full level, and a known room."""
    meaning = interpret_prompt(prompt, negative)
    assert meaning.layers[0].gain_db == 0
    assert {layer.sound_class for layer in meaning.layers} <= set(SOUND_CLASSES)
    assert meaning.room in ROOMS
    assert meaning.names_sound or meaning.layers[0].sound_class == DEFAULT_CLASS
