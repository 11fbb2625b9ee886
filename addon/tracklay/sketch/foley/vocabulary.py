"""The words that decide a sound, read from the tables in `word_lists/`.

A table is a TOML file of groups: words that share a class of sound, a role and other fields. Categories are those of the
Universal Category System (UCS 8.2.1, universalcategorysystem.com), which sound libraries are sorted by. `near_words.toml`
names for other words the known one that sounds nearest; `neutral_words.toml` holds words that decide no sound.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from .ambience_presets import AMBIENCE_PRESETS

if TYPE_CHECKING:
    from .. import prompt_matcher

WORD_LISTS: Final = Path(__file__).with_name("word_lists")
"""Folder of the tables."""

Role = Literal["source", "tool", "surface", "support", "object", "material", "action", "place"]
Trigger = Literal["stop", "start", "both"]

LAYER_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "impacts": (
        "impact", "hit", "bang", "crash", "strike", "struck", "slam", "drop", "fall", "land", "kick", "tap", "clash",
        "collide", "collision", "chop", "cut", "shut", "close", "place", "put down", "throw", "fight", "martial arts",
    ),
    "whooshes": ("whoosh", "swoosh", "swish", "woosh", "movement", "swing", "rush", "fly by", "pass", "fast"),
    "bed": ("ambience", "ambiance", "ambient", "background", "background noise", "atmosphere"),
}  # fmt: skip
"""Layers of a take, and the words that name them: a prompt can exclude a layer."""

_TABLES = ("human", "objects", "world")
_DYNAMIC = {
    "quiet": ("soft", "softly", "gentle", "gently", "quietly", "silent", "subtle", "faint", "distant", "delicate", "calm"),
    "loud": ("loudly", "hard", "strong", "violent", "powerful", "intense"),
}  # fmt: skip
_SIZE = {
    "small": ("tiny", "little", "thin", "short"),
    "large": ("big", "huge", "heavy", "giant", "massive", "deep", "low", "thick", "boom"),
}


@dataclass(frozen=True, slots=True)
class SoundWord:
    """A word or phrase that decides a sound.

    Attributes:
        text: the word, in lower case.
        category: its category in the UCS.
        sound_class: name of a class of `sound_classes`; empty when the word alone makes no sound.
        role: its part in an event. A `source` decides its whole sound; a `tool` strikes; a `surface` is struck; a
            `support` is a surface that lies under another (a board, a table); an `object` is struck, or moves and strikes;
            a `material` qualifies the noun after it; an `action` has a class only for prompts that name no thing; a
            `place` decides the room.
        trigger: the visible change that it sounds at: motion that stops, starts, or both.
        size: factor on the size measured in the picture.
        attack: class of the contact, for a source that is a contact of two things (a shoe on a floor).
        gesture: `step` for two contacts of heel and ball of the foot.
        room: name of the room that it suggests, one of `room.ROOMS`; or empty.
        ambience: name of the ambience that belongs to it; or empty.
        breaks: the action turns glass and ceramic into their breaking.
        beside: classes that it has beside a word of another category, as (category, class): a horn beside a ship.
            With an empty class it is not heard there.
    """

    text: str
    category: str
    sound_class: str
    role: Role
    trigger: Trigger = "stop"
    size: float = 1.0
    attack: str = ""
    gesture: Literal["", "step"] = ""
    room: str = ""
    ambience: str = ""
    breaks: bool = False
    beside: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FoleyVocabulary:
    """All tables together.

    Attributes:
        words: the words by their text.
        near: other words, each with the known word that sounds nearest.
        matchable: the vocabulary for `prompt_matcher`, with the categories `word`, `near`, `neutral`, `ambience`, `layer`,
            `dynamic` and `size`.
    """

    words: Mapping[str, SoundWord]
    near: Mapping[str, str]
    matchable: prompt_matcher.Vocabulary


@cache
def load_vocabulary() -> FoleyVocabulary:
    """Return the vocabulary. The tables are read once, at the first call, in about 10 ms."""
    words = {word.text: word for table in _TABLES for word in _read_groups(table)}
    near = {
        word: known.replace("_", " ") for known, listed in _read_table("near_words").items() for word in _split(listed)
    }
    matchable: prompt_matcher.Vocabulary = {
        "word": dict.fromkeys(words, ()),
        "near": dict.fromkeys(near, ()),
        "neutral": dict.fromkeys(_read_table("neutral_words")["words"].split(), ()),
        "ambience": {name: preset.spellings for name, preset in AMBIENCE_PRESETS.items()},
        "layer": LAYER_SPELLINGS,
        "dynamic": _DYNAMIC,
        "size": _SIZE,
    }
    return FoleyVocabulary(words, near, matchable)


def _read_groups(table: str) -> list[SoundWord]:
    found = []
    for group in _read_table(table)["group"]:
        fields = {name: value for name, value in group.items() if name not in ("words", "class", "beside")}
        fields["beside"] = tuple(group.get("beside", {}).items())
        found += [SoundWord(text=text, sound_class=group["class"], **fields) for text in _split(group["words"])]
    return found


def _read_table(name: str) -> dict[str, Any]:
    return tomllib.loads((WORD_LISTS / f"{name}.toml").read_text("utf-8"))


def _split(words: str) -> list[str]:
    """Return the words of a list that commas separate; line breaks count as spaces."""
    return [" ".join(word.split()) for word in words.split(",")]
