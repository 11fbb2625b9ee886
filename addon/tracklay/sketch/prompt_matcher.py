"""Reads a prompt against a vocabulary: which known words it holds, which it refuses ("no rain"), which are not known.

The vocabularies are data kept beside what they steer (voices, ambience, music); nothing here knows how
a word sounds.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]
_Item = TypeVar("_Item")

_SUFFIXES = ("ing", "ed", "es", "s")
_MIN_STEM_LETTERS = 3
"""Letters that must be left when an ending is taken off, so that "bus" is not "bu" and "ring" is not "r"."""

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
    """What a prompt says: `matched` and `negated` map a category to its canonical words in the order first said.

    A word that is both said and refused counts as refused. `unknown` holds each other word once, little words ("the",
    "with") left out.
    """

    matched: dict[str, tuple[str, ...]]
    unknown: tuple[str, ...]
    negated: dict[str, tuple[str, ...]] = field(default_factory=dict)


def match_prompt(prompt: str, vocabulary: Vocabulary) -> PromptMatch:
    """Match `prompt` against `vocabulary` (category -> canonical word -> spellings, each of one or several words).

    Case, hyphens and simple endings (-s, -es, -ing, -ed) do not matter. The longest spelling wins, and an exact one
    before an inflected one ("woods" may be a forest where "wood" is a material). A canonical word is its own spelling
    as well. One spelling may stand in several categories and then counts in each. After "no", "without" and
    the like, words are refused up to the end of the clause.
    """
    exact, inflected, longest = _vocabulary_index(vocabulary)
    understood: dict[str, list[str]] = {}
    refused: dict[str, list[str]] = {}
    unknown: list[str] = []
    tokens = _tokenize(prompt)
    refusing = False
    at = 0
    while at < len(tokens):
        found, length = _longest_match(tokens, at, exact, inflected, longest)
        if found:
            for category, canonical in found:
                _append_unique((refused if refusing else understood).setdefault(category, []), canonical)
            at += length
            continue
        token = tokens[at]
        if token in _CLAUSE_ENDS:
            refusing = False
        elif token in _NEGATIONS:
            refusing = True
        elif token not in _STOP_WORDS:
            _append_unique(unknown, token)
        at += 1
    kept = {
        category: tuple(word for word in words if word not in refused.get(category, ()))
        for category, words in understood.items()
    }
    return PromptMatch(
        matched={category: words for category, words in kept.items() if words},
        unknown=tuple(unknown),
        negated={category: tuple(words) for category, words in refused.items()},
    )


def split_clauses(prompt: str) -> list[str]:
    """The prompt's clauses: what stands between its punctuation."""
    return [clause for clause in re.split(r"[,.;:!?()\n]", prompt) if clause.strip()]


_Phrase = tuple[str, ...]
_PhraseMeanings = dict[_Phrase, list[tuple[str, str]]]


_VocabularyIndex = tuple[_PhraseMeanings, _PhraseMeanings, int]
_index_cache: deque[tuple[Vocabulary, _VocabularyIndex]] = deque(maxlen=4)
"""Those made last: a prompt is read clause by clause, always against the same few vocabularies."""


def _vocabulary_index(vocabulary: Vocabulary) -> _VocabularyIndex:
    """Phrase -> (category, canonical), as written and by each stem of its last word; and the longest length."""
    for known, index in _index_cache:
        if known is vocabulary:
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
    """What the longest known phrase at `position` means, and its number of tokens; nothing and 0 where none begins."""
    for length in range(min(longest, len(tokens) - position), 0, -1):
        phrase = tuple(tokens[position : position + length])
        if phrase in exact:
            return exact[phrase], length
        found: list[tuple[str, str]] = []
        for form in _phrase_forms(phrase):
            for meaning in inflected.get(form, ()):
                _append_unique(found, meaning)
        if found:
            return found, length
    return [], 0


def _tokenize(text: str) -> list[str]:
    """Lower-case words, and the punctuation that ends a clause; hyphens and underscores part words."""
    return _TOKEN_PATTERN.findall(text.casefold().replace("\u2019", "'"))


def _phrase_forms(phrase: _Phrase) -> Iterator[_Phrase]:
    """The phrase with its last word as written and with its simple endings taken off."""
    for stem in _word_stems(phrase[-1]):
        yield (*phrase[:-1], stem)


def _word_stems(word: str) -> list[str]:
    """`word` and what it may come from: "dripping" -> drip, "closing" -> close, "berries" -> berry."""
    stems = [word]
    for ending in _SUFFIXES:
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < _MIN_STEM_LETTERS or not re.search("[aeiouy]", stem):
            continue
        if ending == "s" and stem.endswith("s"):  # glass, brass
            continue
        stems.append(stem)
        if ending in ("ing", "ed"):
            stems.append(stem + "e")
            if stem[-1] == stem[-2]:
                stems.append(stem[:-1])
        elif ending == "es" and stem.endswith("i"):
            stems.append(stem[:-1] + "y")
    return stems


def _append_unique(items: list[_Item], item: _Item) -> None:
    if item not in items:
        items.append(item)
