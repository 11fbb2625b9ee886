"""Matches a prompt against a vocabulary: known words, negated words ("no rain") and unknown words.

The vocabularies are data beside the code that they control (materials, ambience, music); this module has none of its own.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]
"""Category to canonical word to its other spellings, each of one or several words."""
_Item = TypeVar("_Item")

_SUFFIXES = ("ing", "ed", "es", "s")
_MIN_STEM_LETTERS = 3
"""Letters that must remain without the ending, so that "bus" is not read as "bu", nor "ring" as "r"."""

_TOKEN_PATTERN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[,.;:!?()\n]")
_NEGATIONS = frozenset({"no", "without", "not", "never", "minus", "don't", "avoid", "excluding"})
_CLAUSE_ENDS = frozenset({",", ".", ";", ":", "!", "?", "(", ")", "\n", "but", "just", "only", "with", "instead"})
_NEW_CLAUSES = frozenset(
    {",", ".", ";", ":", "!", "?", "(", ")", "\n", "then", "while", "followed", "before", "after", "but"}
)
_PREPOSITIONS = frozenset(
    {"on", "onto", "upon", "against", "into", "in", "inside", "at", "over", "across", "through", "off", "under", "from"}
    | {"with", "by", "using"}
)
_STOP_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
    a about across against all along also am an and any are around as at away back be been behind being but by can
    down each every floor for from ground has have he her his i in inside instead into is it its just like make me my near of off on
    only onto or other our out outside over please really she so some someone something sound sounds than that the
    their them then there they this through to too toward towards under up us use very was we were when where which
    while who with you your

    upon using i'm it's that's let's again already even ever every few here how however if more most much must never
    now once one quite rather same still such than though till together too two upon until well what whose will without
    within would yet
    """,
    )
)


@dataclass(frozen=True, slots=True)
class PromptWord:
    """One word or phrase of a prompt.

    Attributes:
        text: the tokens, in lower case.
        meanings: its (category, canonical word) pairs; empty for an unknown word.
        position: number of its first token in the prompt.
        length: its number of tokens.
        clause: number of the clause; punctuation and words such as "then" end one.
        preposition: the last preposition between the word before it and this one, or an empty string.
        is_negated: it follows "no", "without" and the like.
    """

    text: str
    meanings: tuple[tuple[str, str], ...]
    position: int
    length: int
    clause: int
    preposition: str
    is_negated: bool


@dataclass(frozen=True)
class PromptMatch:
    """The words of a prompt.

    Attributes:
        matched: category to canonical words, in the order of their first occurrence. A word that is also negated is only in
            `negated`.
        unknown: all other words, each once, without stop words ("the", "with").
        negated: as `matched`, the words after "no", "without" and the like.
    """

    matched: dict[str, tuple[str, ...]]
    unknown: tuple[str, ...]
    negated: dict[str, tuple[str, ...]] = field(default_factory=dict)


def match_prompt(prompt: str, vocabulary: Vocabulary) -> PromptMatch:
    """Match a prompt against a vocabulary, as `list_prompt_words` does, and sort its words by category."""
    matched: dict[str, list[str]] = {}
    negated: dict[str, list[str]] = {}
    unknown: list[str] = []
    for word in list_prompt_words(prompt, vocabulary):
        for category, canonical in word.meanings:
            _append_unique((negated if word.is_negated else matched).setdefault(category, []), canonical)
        if not word.meanings:
            _append_unique(unknown, word.text)
    # A negation wins: "rain, but no rain" asks for none.
    remaining = {
        category: tuple(word for word in words if word not in negated.get(category, ()))
        for category, words in matched.items()
    }
    return PromptMatch(
        matched={category: words for category, words in remaining.items() if words},
        unknown=tuple(unknown),
        negated={category: tuple(words) for category, words in negated.items()},
    )


def list_prompt_words(prompt: str, vocabulary: Vocabulary) -> list[PromptWord]:
    """Return the words of a prompt in their order, without stop words ("the", "with").

    Case, hyphens and simple endings (-s, -es, -ing, -ed, 's) are ignored. The longest spelling wins, and an exact one before
    an inflected one ("woods" may be a forest where "wood" is a material). A canonical word is one of its own spellings. A
    spelling in several categories counts in each. After "no", "without" and the like, words are negated up to the end of
    the clause.
    """
    exact, inflected, longest = _vocabulary_index(vocabulary)
    tokens = split_tokens(prompt)
    words: list[PromptWord] = []
    is_negated, clause, preposition, position = False, 0, "", 0
    while position < len(tokens):
        meanings, length = _longest_match(tokens, position, exact, inflected, longest)
        token = tokens[position]
        if not meanings:
            if token in _CLAUSE_ENDS:
                is_negated = False
            if token in _NEW_CLAUSES:
                clause, preposition = clause + 1, ""
            elif token in _PREPOSITIONS:
                preposition = token
            if token in _NEGATIONS:
                is_negated = True
            if token in _CLAUSE_ENDS or token in _NEGATIONS or token in _STOP_WORDS or token in _NEW_CLAUSES:
                position += 1
                continue
            length = 1
        text = " ".join(tokens[position : position + length])
        words.append(PromptWord(text, tuple(meanings), position, length, clause, preposition, is_negated))
        preposition = ""
        position += length
    return words


def replace_words(prompt: str, replacements: Mapping[str, str], vocabulary: Vocabulary) -> str:
    """Return a prompt in lower case whose words, as `list_prompt_words` reports them, are replaced by others."""
    tokens = split_tokens(prompt)
    for word in reversed(list_prompt_words(prompt, vocabulary)):
        if word.text in replacements:
            tokens[word.position : word.position + word.length] = [replacements[word.text]]
    return " ".join(tokens)


def split_clauses(prompt: str) -> list[str]:
    """Return the clauses of a prompt, split at its punctuation."""
    return [clause for clause in re.split(r"[,.;:!?()\n]", prompt) if clause.strip()]


_Phrase = tuple[str, ...]
_PhraseMeanings = dict[_Phrase, list[tuple[str, str]]]
"""Phrase to its (category, canonical word) pairs."""
_VocabularyIndex = tuple[_PhraseMeanings, _PhraseMeanings, int]
_index_cache: deque[tuple[Vocabulary, _VocabularyIndex]] = deque(maxlen=4)
"""The last few indexes: a prompt is matched clause by clause, always against the same vocabularies. Compared by identity, as
vocabularies are constants."""


def _vocabulary_index(vocabulary: Vocabulary) -> _VocabularyIndex:
    """Return the meanings by phrase as written, those by phrase with the last word's stems, and the longest phrase's length."""
    for cached, index in _index_cache:
        if cached is vocabulary:
            return index
    exact: _PhraseMeanings = {}
    inflected: _PhraseMeanings = {}
    longest = 1
    for category, words in vocabulary.items():
        for canonical, spellings in words.items():
            for spelling in (canonical, *spellings):
                phrase = tuple(split_tokens(spelling))
                if not phrase:
                    continue
                longest = max(longest, len(phrase))
                _append_unique(exact.setdefault(phrase, []), (category, canonical))
                for form in _phrase_forms(phrase):
                    _append_unique(inflected.setdefault(form, []), (category, canonical))
    _index_cache.append((vocabulary, (exact, inflected, longest)))
    return exact, inflected, longest


def _longest_match(
    tokens: Sequence[str], position: int, exact: _PhraseMeanings, inflected: _PhraseMeanings, longest: int
) -> tuple[list[tuple[str, str]], int]:
    """Return the meanings of the longest known phrase at `position` and its number of tokens; an empty list and 0 for none."""
    for length in range(min(longest, len(tokens) - position), 0, -1):
        phrase = tuple(tokens[position : position + length])
        if phrase in exact:
            return exact[phrase], length
        if phrase[0] in _STOP_WORDS and length == 1:  # "his" is no inflection of "hiss"
            continue
        meanings: list[tuple[str, str]] = []
        for form in _phrase_forms(phrase):
            for meaning in inflected.get(form, ()):
                _append_unique(meanings, meaning)
        if meanings:
            return meanings, length
    return [], 0


def split_tokens(text: str) -> list[str]:
    """Return the words in lower case and the punctuation that ends a clause; hyphens and underscores separate words.

    The possessive's "'s" is dropped.
    """
    # The typographic apostrophe, which phones and word processors write in "don't".
    tokens = _TOKEN_PATTERN.findall(text.casefold().replace("\u2019", "'"))
    return [token.removesuffix("'s") for token in tokens]


def _phrase_forms(phrase: _Phrase) -> Iterator[_Phrase]:
    """Yield the phrase with its last word as written, and with each stem of it."""
    for stem in word_stems(phrase[-1]):
        yield (*phrase[:-1], stem)


def word_stems(word: str) -> list[str]:
    """Return the word and its possible stems: "dripping" -> drip, "closing" -> close, "berries" -> berry."""
    stems = [word]
    for ending in _SUFFIXES:
        stem = word.removesuffix(ending)
        # Without a vowel it is not a stem: "string" is not "str".
        if stem == word or len(stem) < _MIN_STEM_LETTERS or not re.search("[aeiouy]", stem):
            continue
        if ending == "s" and stem.endswith("s"):  # glass, brass
            continue
        stems.append(stem)
        if ending in ("ing", "ed"):
            stems.append(stem + "e")
            if stem[-1] == stem[-2]:  # dripp
                stems.append(stem[:-1])
        elif ending == "es" and stem.endswith("i"):
            stems.append(stem[:-1] + "y")
        elif ending == "es" and stem.endswith("v"):  # knives, shelves
            stems += [stem[:-1] + "f", stem[:-1] + "fe"]
    return stems


def _append_unique(items: list[_Item], item: _Item) -> None:
    if item not in items:
        items.append(item)
