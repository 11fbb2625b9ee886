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
_STOP_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
    a about across against all along also am an and any are around as at away back be been behind being but by can
    down each every floor for from ground has have he her his i in inside instead into is it its just like make me my near of off on
    only onto or other our out outside over please really she so some someone something sound sounds than that the
    their them then there they this through to too toward towards under up us use very was we were when where which
    while who with you your
    """,
    )
)


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
    """Match a prompt against a vocabulary.

    Case, hyphens and simple endings (-s, -es, -ing, -ed) are ignored. The longest spelling wins, and an exact one before an
    inflected one ("woods" may be a forest where "wood" is a material). A canonical word is one of its own spellings. A
    spelling in several categories counts in each. After "no", "without" and the like, words are negated up to the end of
    the clause.
    """
    exact, inflected, longest = _vocabulary_index(vocabulary)
    matched: dict[str, list[str]] = {}
    negated: dict[str, list[str]] = {}
    unknown: list[str] = []
    tokens = _tokenize(prompt)
    is_negated = False
    position = 0
    while position < len(tokens):
        meanings, length = _longest_match(tokens, position, exact, inflected, longest)
        if meanings:
            for category, canonical in meanings:
                _append_unique((negated if is_negated else matched).setdefault(category, []), canonical)
            position += length
            continue
        token = tokens[position]
        if token in _CLAUSE_ENDS:
            is_negated = False
        elif token in _NEGATIONS:
            is_negated = True
        elif token not in _STOP_WORDS:
            _append_unique(unknown, token)
        position += 1
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
                phrase = tuple(_tokenize(spelling))
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
        meanings: list[tuple[str, str]] = []
        for form in _phrase_forms(phrase):
            for meaning in inflected.get(form, ()):
                _append_unique(meanings, meaning)
        if meanings:
            return meanings, length
    return [], 0


def _tokenize(text: str) -> list[str]:
    """Return the words in lower case and the punctuation that ends a clause; hyphens and underscores separate words."""
    # The typographic apostrophe, which phones and word processors write in "don't".
    return _TOKEN_PATTERN.findall(text.casefold().replace("\u2019", "'"))


def _phrase_forms(phrase: _Phrase) -> Iterator[_Phrase]:
    """Yield the phrase with its last word as written, and with each stem of it."""
    for stem in _word_stems(phrase[-1]):
        yield (*phrase[:-1], stem)


def _word_stems(word: str) -> list[str]:
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
    return stems


def _append_unique(items: list[_Item], item: _Item) -> None:
    if item not in items:
        items.append(item)
