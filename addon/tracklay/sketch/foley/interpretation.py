"""Interprets a prompt: which sounds an event makes, at which events, in which room, over which ambience.

Words are combined by their roles, not summed: in "knife on cabbage" the surface decides the body of the sound and the
tool adds its attack. Words that the vocabulary does not hold are replaced by the nearest known one, and reported.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, Literal

from .. import prompt_matcher
from .vocabulary import FoleyVocabulary, SoundWord, Trigger, load_vocabulary

DEFAULT_CLASS: Final = "wood_large"
"""Class of an impact when the prompt names no sound: a neutral knock."""

DEFAULT_ROOM: Final = "small"
"""Room when neither the prompt nor a parameter names one."""

_MAX_LAYERS = 3
"""Layers of one event: each costs time, and more than three are heard as noise."""
_ATTACK_DB = -8.0
"""Level of a tool's attack relative to the body it strikes, dB."""
_SUPPORT_DB = -8.0
"""Level of what lies under the struck thing, dB."""
_SECOND_DB = -6.0
"""Level of a further sound that the prompt names, relative to the one before it, dB."""
_SPELLING_SIMILARITY = 0.87
"""Share of letters in order (difflib) from which an unknown word counts as a known one misspelt."""
_MIN_SPELLING_LETTERS = 5
"""Shorter words resemble others by chance."""
_DISTANT_SIMILARITY = 0.6
"""The same when the prompt holds no known sound, and any is better than a thud."""
_STRUCK_AFTER = frozenset({"on", "onto", "upon", "against", "into", "in", "inside", "at", "over", "across", "through"})
_STRIKING_AFTER = frozenset({"with", "by", "using"})
_THINGS = frozenset({"object", "surface", "support", "material", "tool"})
_BRITTLE = frozenset({"glass", "ceramic"})
_AMBIENCE_ROOMS = {
    "room": "small", "hum": "small", "restaurant": "small", "applause": "large", "crowd": "large", "market": "large",
    "traffic": "street",
}  # fmt: skip
"""Rooms of the ambiences; the others are outdoors."""


@dataclass(frozen=True, slots=True)
class SoundLayer:
    """One part of the sound of an event.

    Attributes:
        sound_class: name of its class.
        part: `body`, the `attack` of the tool that strikes it, or the `support` under it.
        gain_db: level relative to the sound's own, dB.
        size: factor on the event's size.
        trigger: the events at which it sounds.
        gesture: `step` for two contacts, or empty.
    """

    sound_class: str
    part: Literal["body", "attack", "support"] = "body"
    gain_db: float = 0.0
    size: float = 1.0
    trigger: Trigger = "stop"
    gesture: str = ""


@dataclass(frozen=True, slots=True)
class Interpretation:
    """The meaning of a prompt.

    Attributes:
        layers: the parts of an event's sound, the leading one first; never empty.
        names_sound: the prompt names a sound of events; without it `layers` is a neutral knock.
        ambience: names of ambience presets.
        room: name of a room, one of `room.ROOMS`.
        place: the word that names the place, or empty.
        dynamic: words about loudness.
        size: words about size.
        off: layers and words that the prompt excludes.
        unknown: words without a meaning here.
        heard_as: unknown word to the known word that replaces it.
    """

    layers: tuple[SoundLayer, ...]
    names_sound: bool
    ambience: tuple[str, ...]
    room: str
    place: str
    dynamic: tuple[str, ...]
    size: tuple[str, ...]
    off: tuple[str, ...]
    unknown: tuple[str, ...]
    heard_as: dict[str, str] = field(hash=False)

    def to_manifest(self) -> dict[str, Any]:
        """Return the interpretation as plain data for the manifest."""
        return {
            "material": list(dict.fromkeys(layer.sound_class for layer in self.layers)),
            "ambience": list(self.ambience),
            "room": self.room,
            "dynamic": list(self.dynamic),
            "size": list(self.size),
            "off": list(self.off),
            "unknown": list(self.unknown),
            "heard_as": dict(self.heard_as),
        }


@lru_cache(maxsize=32)
def interpret_prompt(prompt: str, negative: str = "") -> Interpretation:
    """Return the meaning of a prompt and a negative prompt."""
    vocabulary = load_vocabulary()
    prompt, heard_as = _replace_unknown(prompt, vocabulary)
    negative, refused_as = _replace_unknown(negative, vocabulary)
    positive = prompt_matcher.match_prompt(prompt, vocabulary.matchable)
    refusal = prompt_matcher.match_prompt(negative, vocabulary.matchable)
    off = {
        category: {
            *positive.negated.get(category, ()),
            *refusal.matched.get(category, ()),
            *refusal.negated.get(category, ()),  # "no rain" in a negative prompt still means no rain
        }
        for category in vocabulary.matchable
    }
    words = _specify([word for word in _sound_words(prompt, vocabulary) if word.word.text not in off["word"]])
    layers = _combine_clauses(words)
    ambience = [*positive.matched.get("ambience", ()), *(each.word.ambience for each in words)]
    presets = vocabulary.matchable["ambience"]
    room, place = _choose_room(words, [name for name in ambience if name in presets])
    return Interpretation(
        layers=layers or (SoundLayer(DEFAULT_CLASS),),
        names_sound=bool(layers),
        ambience=tuple(dict.fromkeys(name for name in ambience if name in presets and name not in off["ambience"])),
        room=room,
        place=place,
        dynamic=positive.matched.get("dynamic", ()),
        size=positive.matched.get("size", ()),
        off=tuple(
            word
            for category in ("word", "ambience", "layer", "dynamic", "size")
            for word in vocabulary.matchable[category]
            if word in off[category]
        ),
        unknown=tuple(dict.fromkeys((*heard_as, *refused_as))),
        heard_as={word: known for word, known in (heard_as | refused_as).items() if known},
    )


def trigger_for_prompt(prompt: str) -> Trigger:
    """Return the change that the sounds of a prompt belong to: motion that stops, that starts, or both.

    A bark or a shot is heard where something starts to move, a hammer or a step where it stops.
    """
    triggers = {layer.trigger for layer in interpret_prompt(prompt).layers if layer.part == "body"}
    return triggers.pop() if len(triggers) == 1 else "both"


def describe_unknown(unknown: Sequence[str], heard_as: Mapping[str, str]) -> list[str]:
    """Return unknown words for a sentence, each with the word that replaces it: `flumph (heard as thump)`."""
    return [f"{word} (heard as {heard_as[word]})" if word in heard_as else word for word in unknown]


def layers_of_word(text: str) -> tuple[SoundLayer, ...]:
    """Return the layers of a single word of the vocabulary, or of a class by its name."""
    word = load_vocabulary().words.get(text)
    if word is None or not word.sound_class:
        return (SoundLayer(text),)
    return tuple(_clause_layers([_PlacedWord(word, 0, 0, 1, "")]))


@dataclass(frozen=True, slots=True)
class _PlacedWord:
    """A word of the vocabulary and its place in the prompt."""

    word: SoundWord
    clause: int
    position: int
    end: int
    preposition: str

    @property
    def is_struck(self) -> bool:
        return self.preposition in _STRUCK_AFTER


def _sound_words(prompt: str, vocabulary: FoleyVocabulary) -> list[_PlacedWord]:
    """Return the words that decide a sound, without negated ones."""
    return [
        _PlacedWord(vocabulary.words[text], each.clause, each.position, each.position + each.length, each.preposition)
        for each in prompt_matcher.list_prompt_words(prompt, vocabulary.matchable)
        if not each.is_negated
        for category, text in each.meanings
        if category == "word"
    ]


def _specify(words: Sequence[_PlacedWord]) -> list[_PlacedWord]:
    """Return the words with the class that some have beside others: the horn of "a ship sounds its horn" is a ship's.

    A word whose class is empty there is left out: who blows a whistle is not heard to blow.
    """
    categories = {each.word.category for each in words}
    found = []
    for each in words:
        classes = [sound_class for category, sound_class in each.word.beside if category in categories]
        sound_class = classes[0] if classes else each.word.sound_class
        if sound_class or not classes:
            found.append(replace(each, word=replace(each.word, sound_class=sound_class)))
    return found


def _replace_unknown(prompt: str, vocabulary: FoleyVocabulary) -> tuple[str, dict[str, str]]:
    """Return the prompt with its unknown words replaced by the nearest known ones, and unknown word to known word.

    A word for which none is near maps to an empty string and stays.
    """
    words = prompt_matcher.list_prompt_words(prompt, vocabulary.matchable)
    found: dict[str, str] = {}
    has_sound = False
    for word in words:
        categories = {category for category, _ in word.meanings}
        has_sound |= bool(categories & {"word", "ambience"})
        if not categories:
            found[word.text] = _nearest_word(word.text, vocabulary)
        elif categories == {"near"}:
            found[word.text] = vocabulary.near[word.meanings[0][1]]
    if found and not has_sound and not any(found.values()):
        things = [text for text, word in vocabulary.words.items() if word.role in _THINGS]
        found = {word: _nearest_spelling(word, things, _DISTANT_SIMILARITY) for word in found}
    replacements = {word: known for word, known in found.items() if known}
    if replacements:
        prompt = prompt_matcher.replace_words(prompt, replacements, vocabulary.matchable)
    return prompt, found


def _nearest_word(text: str, vocabulary: FoleyVocabulary) -> str:
    """Return the known word nearest to an unknown one: the end of a compound, or the nearest spelling; or empty."""
    words, near = vocabulary.words, vocabulary.near
    for start in range(3, len(text) - 3):  # a "snaredrum" is a drum
        head, tail = text[:start], text[start:]
        if (head in words or head in near) and (known := near.get(tail, tail)) in words:
            return known
    for stem in prompt_matcher.word_stems(text):
        if len(stem) < _MIN_SPELLING_LETTERS:
            continue
        for spellings in (list(words), list(near)):
            if spelling := _nearest_spelling(stem, spellings, _SPELLING_SIMILARITY):
                return near.get(spelling, spelling)
    return ""


def _nearest_spelling(text: str, spellings: Sequence[str], similarity: float) -> str:
    """Return the most similar of the spellings, or an empty string if none is so similar."""
    # Names of things are rarely misspelt at the start, and comparing all takes ten times as long.
    is_close = similarity >= _SPELLING_SIMILARITY
    candidates = [
        word for word in spellings if abs(len(word) - len(text)) < 4 and (not is_close or word[:1] == text[:1])
    ]
    closest = difflib.get_close_matches(text, candidates, 1, similarity) if text.isalpha() else []
    return closest[0] if closest else ""


def _combine_clauses(words: Sequence[_PlacedWord]) -> tuple[SoundLayer, ...]:
    """Return the layers of all clauses, each clause's sound quieter than that of the clause before it."""
    found: list[SoundLayer] = []
    level = 0.0
    for clause in sorted({word.clause for word in words}):
        layers = list(_clause_layers([word for word in words if word.clause == clause]))
        known = {layer.sound_class for layer in found}
        found += [replace(each, gain_db=each.gain_db + level) for each in layers if each.sound_class not in known]
        level += _SECOND_DB if layers else 0.0
    bodies_first = sorted(found, key=lambda layer: -layer.gain_db)
    return tuple(bodies_first[:_MAX_LAYERS])


def _clause_layers(words: Sequence[_PlacedWord]) -> Iterator[SoundLayer]:
    """Yield the layers of one clause, its body first."""
    things = _bind_materials([word for word in words if word.word.role != "place"])
    sources = [each.word for each in things if each.word.role == "source"]
    if sources:
        yield from _source_layers(sources, [each for each in things if each.word.role != "source"])
        return
    struck, tools, actions = _sort_by_role(things)
    classed = [action for action in actions if action.sound_class]
    if not struck and classed:
        struck = classed[:1]
    if not struck:
        struck, tools = tools[:1], tools[1:]
    if not struck:
        return
    body, others = struck[0], struck[1:]
    sound_class = body.sound_class
    if sound_class in _BRITTLE and any(action.breaks for action in actions):
        sound_class = "glass_break"
    trigger = body.trigger
    if trigger == "stop":
        trigger = next((action.trigger for action in actions if action.trigger != "stop"), "stop")
    yield SoundLayer(sound_class, size=body.size, trigger=trigger)
    used = {_family(sound_class)}
    for word, part, gain_db in (
        *((word, "attack", _ATTACK_DB) for word in tools[:1]),
        *((word, "support", _SUPPORT_DB) for word in others[:1]),
    ):
        if _family(word.sound_class) not in used:
            used.add(_family(word.sound_class))
            yield SoundLayer(word.sound_class, part, gain_db, word.size, trigger)  # type: ignore[arg-type]


def _source_layers(sources: Sequence[SoundWord], others: Sequence[_PlacedWord]) -> Iterator[SoundLayer]:
    """Yield the layers of sounds that decide themselves; of a step the floor decides the body and the shoe the attack."""
    lead = next((source for source in sources if source.gesture), sources[0])
    struck, _, _ = _sort_by_role(others)
    if lead.gesture:
        floor = struck[0].sound_class if struck else lead.sound_class
        yield SoundLayer(floor, size=lead.size, trigger=lead.trigger, gesture=lead.gesture)
        shoe = next((source.attack for source in reversed(sources) if source.attack), "")
        if shoe and _family(shoe) != _family(floor):
            yield SoundLayer(shoe, "attack", _ATTACK_DB, lead.size, lead.trigger, lead.gesture)
        struck = struck[1:]
    else:
        yield SoundLayer(lead.sound_class, size=lead.size, trigger=lead.trigger)
    # What makes its sound by itself (a bark, a shot) touches nothing.
    if lead.trigger != "start" and struck and _family(struck[0].sound_class) != _family(lead.sound_class):
        yield SoundLayer(struck[0].sound_class, "support", _SUPPORT_DB, struck[0].size, lead.trigger)
    further = [source for source in sources if source.sound_class != lead.sound_class]
    for number, source in enumerate(further, 1):
        # Who walks is no second contact ("a robot walking"), unless it has a voice.
        if not lead.gesture or source.trigger == "start":
            yield SoundLayer(source.sound_class, "body", number * _SECOND_DB, source.size, source.trigger)


def _bind_materials(words: Sequence[_PlacedWord]) -> list[_PlacedWord]:
    """Return the words with each material given to the noun that it stands before: "wooden spoon", "glass table"."""
    found: list[_PlacedWord] = []
    for word in words:
        before = found[-1] if found else None
        if (
            before is not None
            and (
                before.word.role == "material" or before.word.text in ("glass", "rubber", "plastic", "ceramic", "stone")
            )
            and word.word.role in ("object", "surface", "support", "tool")
            and not word.preposition
            and word.position - before.end <= 1
        ):
            is_same_family = _family(before.word.sound_class) == _family(word.word.sound_class)
            sound_class = word.word.sound_class if is_same_family else before.word.sound_class
            bound = replace(word.word, sound_class=sound_class)
            found[-1] = replace(word, word=bound, preposition=before.preposition)
        else:
            found.append(word)
    return found


def _sort_by_role(words: Sequence[_PlacedWord]) -> tuple[list[SoundWord], list[SoundWord], list[SoundWord]]:
    """Return what is struck, decisive first, what strikes, and the actions."""
    surfaces: list[SoundWord] = []
    objects: list[SoundWord] = []
    supports: list[SoundWord] = []
    tools: list[SoundWord] = []
    actions: list[SoundWord] = []
    for each in words:
        role = each.word.role
        if role == "action":
            actions.append(each.word)
        elif each.preposition in _STRIKING_AFTER or (role == "tool" and not each.is_struck):
            tools.append(each.word)
        elif role == "support":
            supports.append(each.word)
        elif role in ("surface", "tool", "material") or (each.is_struck and objects):
            (surfaces if role != "material" or each.is_struck else objects).append(each.word)
        else:
            objects.append(each.word)
    # An object that moves leads over what it lands on; a tool's surface leads over everything.
    struck = [*surfaces, *objects, *supports] if tools else [*objects, *surfaces, *supports]
    return struck, tools, actions


def _family(sound_class: str) -> str:
    """Return the family of a class: `wood` for `wood_small`."""
    return sound_class.split("_", maxsplit=1)[0]


def _choose_room(words: Sequence[_PlacedWord], ambience: Sequence[str]) -> tuple[str, str]:
    """Return the room and the word that names its place: a place's, else the ambience's, else what a source suggests."""
    places = [each.word for each in words if each.word.role == "place"]
    if places:
        return places[0].room, places[0].text
    if ambience:
        return _AMBIENCE_ROOMS.get(ambience[0], "outdoors"), ambience[0]
    hints = [each.word for each in words if each.word.room]
    return (hints[0].room, "") if hints else (DEFAULT_ROOM, "")
