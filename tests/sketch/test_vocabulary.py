"""The tables of words: complete, without contradictions, and read in the package."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from tracklay.sketch import prompt_matcher
from tracklay.sketch.foley.ambience_presets import AMBIENCE_PRESETS
from tracklay.sketch.foley.room import ROOMS
from tracklay.sketch.foley.sound_classes import SOUND_CLASSES
from tracklay.sketch.foley.vocabulary import WORD_LISTS, Role, Trigger, load_vocabulary

UCS_CATEGORIES = set(
    """AIR,AIRCRAFT,ALARMS,AMBIENCE,ANIMALS,ARCHIVED,BEEPS,BELLS,BIRDS,BOATS,BULLETS,CARTOON,CERAMICS,CHAINS,CHEMICALS,CLOCKS,
CLOTH,COMMUNICATIONS,COMPUTERS,CREATURES,CROWDS,DESIGNED,DESTRUCTION,DIRT & SAND,DOORS,DRAWERS,ELECTRICITY,EQUIPMENT,EXPLOSIONS,
FARTS,FIGHT,FIRE,FIREWORKS,FOLEY,FOOD & DRINK,FOOTSTEPS,GAMES,GEOTHERMAL,GLASS,GORE,GUNS,HORNS,HUMAN,ICE,LASERS,LEATHER,
LIQUID & MUD,MACHINES,MAGIC,MECHANICAL,METAL,MOTORS,MOVEMENT,MUSICAL,NATURAL DISASTER,OBJECTS,PAPER,PLASTIC,RAIN,ROBOTS,ROCKS,
ROPE,RUBBER,SCIFI,SNOW,SPORTS,SWOOSHES,TOOLS,TOYS,TRAINS,USER INTERFACE,VEGETATION,VEHICLES,VOICES,WATER,WEAPONS,WEATHER,
WHISTLES,WIND,WINDOWS,WINGS,WOOD""".replace("\n", "").split(",")
)
"""The categories of the Universal Category System, 8.2.1."""
NO_CONTACT = {"ARCHIVED"}
"""The category for what is not sorted yet, which has no words."""


def test_the_vocabulary_covers_the_categories() -> None:
    """Every category has words, and 300 words and more have a class of their own."""
    words = load_vocabulary().words
    count = Counter(word.category for word in words.values())
    assert set(count) == UCS_CATEGORIES - NO_CONTACT
    assert sum(bool(word.sound_class) for word in words.values()) >= 300


def test_every_class_has_words() -> None:
    """A class that no word names could never be heard."""
    named = {word.sound_class for word in load_vocabulary().words.values()} | {
        word.attack for word in load_vocabulary().words.values()
    }
    assert named - {""} == set(SOUND_CLASSES) - {"whoosh"} | ({"whoosh"} & named)


def test_the_fields_of_words_are_known() -> None:
    """Classes, roles, triggers, rooms and ambiences exist; a place has a room and no sound."""
    for word in load_vocabulary().words.values():
        assert word.sound_class in {"", *SOUND_CLASSES}, word
        assert word.attack in {"", *SOUND_CLASSES}, word
        assert word.role in get_args(Role), word
        assert word.trigger in get_args(Trigger), word
        assert word.room in {"", *ROOMS}, word
        assert word.gesture in {"", "step"}, word
        assert bool(word.sound_class) or word.role in ("action", "place"), word
        assert (word.role == "place") <= bool(word.room), word
        assert 0.2 <= word.size <= 2, word


def test_no_word_is_listed_twice() -> None:
    """A word is in one group of one table, and a near word is not a known one."""
    vocabulary = load_vocabulary()
    listed = [
        " ".join(word.split())
        for table in ("human", "objects", "world")
        for group in read_lists(table)
        for word in group.split(",")
    ]
    assert [word for word, count in Counter(listed).items() if count > 1] == []
    assert set(listed) == set(vocabulary.words)
    assert set(vocabulary.near) & set(vocabulary.words) == set()


def read_lists(table: str) -> list[str]:
    """Return the lists of words of a table, read without the loader."""
    import tomllib

    return [group["words"] for group in tomllib.loads((WORD_LISTS / f"{table}.toml").read_text("utf-8"))["group"]]


def test_near_words_lead_to_known_ones() -> None:
    """Six hundred words and more lead each to a word that has a class."""
    vocabulary = load_vocabulary()
    assert len(vocabulary.near) >= 600
    for word, known in vocabulary.near.items():
        assert known in vocabulary.words, word
    with_class = {word.text for word in vocabulary.words.values() if word.sound_class}
    assert sum(known in with_class for known in vocabulary.near.values()) > 0.95 * len(vocabulary.near)


def test_every_word_is_matched_as_itself() -> None:
    """No longer or inflected spelling hides a word, in the prompt that holds it alone."""
    vocabulary = load_vocabulary()
    for text in vocabulary.words:
        match = prompt_matcher.match_prompt(text, vocabulary.matchable)
        assert text in match.matched.get("word", ()), text


def test_ambiences_of_words_exist_or_are_known_names() -> None:
    """A word's ambience is a preset."""
    used = {word.ambience for word in load_vocabulary().words.values()} - {""}
    assert used <= set(AMBIENCE_PRESETS)


def test_a_near_word_is_no_form_of_a_known_one() -> None:
    """Plurals and other forms of known words are known: as near words they would be reported as unknown."""
    vocabulary = load_vocabulary()
    words = {"word": vocabulary.matchable["word"]}
    for text in vocabulary.near:
        if " " not in text:
            assert not prompt_matcher.match_prompt(text, words).matched, text
