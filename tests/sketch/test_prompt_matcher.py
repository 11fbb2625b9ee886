"""Prompt matching: matched, negated and unknown words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.sketch.prompt_matcher import Vocabulary, list_prompt_words, match_prompt, replace_words

VOCABULARY: Vocabulary = {
    "material": {
        "wood": ("plank", "wooden"),
        "glass": ("bottle",),
        "rubber": ("bouncy ball", "bounce"),
        "metal": ("anvil", "steel"),
    },
    "ambience": {"forest": ("woods", "bird song"), "rain": ("rainy", "rain storm"), "traffic": ("cars",)},
    "scene": {"ball": ("ball", "bouncy ball")},
}


def test_words_are_matched_by_category() -> None:
    """Known words give their canonical words, by category, in the order of the prompt; the rest is unknown."""
    match = match_prompt("A steel anvil, then a glittering bottle in the rain", VOCABULARY)
    assert match.matched == {"material": ("metal", "glass"), "ambience": ("rain",)}
    assert match.unknown == ("glittering",)
    assert match.negated == {}


@pytest.mark.parametrize(
    ("prompt", "canonical"),
    [
        ("Bottles", "glass"),
        ("PLANKS", "wood"),
        ("bouncing", "rubber"),
        ("bounces", "rubber"),
        ("bounced", "rubber"),
        ("anvil's", "metal"),
        ("anvilly", None),
    ],
)
def test_simple_endings_and_case_do_not_matter(prompt: str, canonical: str | None) -> None:
    """Plurals, possessives, and -ing and -ed forms of a spelling match it; other endings do not."""
    assert match_prompt(prompt, VOCABULARY).matched == ({"material": (canonical,)} if canonical else {})


def test_an_exact_spelling_wins_over_an_inflected_one() -> None:
    """The word "woods" matches the forest, though it could be the plural of the material."""
    assert match_prompt("woods", VOCABULARY).matched == {"ambience": ("forest",)}


def test_the_longest_spelling_wins_in_each_category() -> None:
    """Two words that are one spelling are matched together, with any hyphens, case and plural."""
    assert match_prompt("Bouncy-Balls", VOCABULARY).matched == {"material": ("rubber",), "scene": ("ball",)}
    assert match_prompt("bird songs", VOCABULARY).unknown == ()


@pytest.mark.parametrize(
    ("prompt", "matched", "negated"),
    [
        ("no rain", {}, {"ambience": ("rain",)}),
        ("wood without rain or cars", {"material": ("wood",)}, {"ambience": ("rain", "traffic")}),
        ("no rain, steel", {"material": ("metal",)}, {"ambience": ("rain",)}),
        ("no cars but rain", {"ambience": ("rain",)}, {"ambience": ("traffic",)}),
        ("rain. No rain.", {}, {"ambience": ("rain",)}),
    ],
)
def test_a_negation_lasts_to_the_end_of_the_clause(
    prompt: str, matched: dict[str, tuple[str, ...]], negated: dict[str, tuple[str, ...]]
) -> None:
    """Words after "no" or "without" are negated up to a comma, a full stop or a "but"; a word that is both is negated."""
    match = match_prompt(prompt, VOCABULARY)
    assert (match.matched, match.negated) == (matched, negated)


def test_stop_words_and_repeats_are_not_reported_as_unknown() -> None:
    """The unknown words are listed once each, without stop words."""
    assert match_prompt("the sound of a zither and another zither", VOCABULARY).unknown == ("zither", "another")


def test_the_words_of_a_prompt_are_listed_in_order() -> None:
    """Each has its clause, the preposition before it and its meanings."""
    words = list_prompt_words("a zither on the steel anvils, then no bouncy ball", VOCABULARY)
    assert [(word.text, word.clause, word.preposition, word.is_negated) for word in words] == [
        ("zither", 0, "", False),
        ("steel", 0, "on", False),
        ("anvils", 0, "", False),
        ("bouncy ball", 2, "", True),
    ]
    assert words[0].meanings == ()
    assert words[3].meanings == (("material", "rubber"), ("scene", "ball"))


def test_words_are_replaced() -> None:
    """The replacement stands where the word was, so that it keeps its preposition and its clause."""
    assert replace_words("a Zither on steel, zither", {"zither": "bottle"}, VOCABULARY) == "a bottle on steel , bottle"


@given(st.text(max_size=80))
def test_any_text_is_matched(prompt: str) -> None:
    """Any text gives only canonical words of the vocabulary, and no word twice."""
    match = match_prompt(prompt, VOCABULARY)
    for group in (match.matched, match.negated):
        for category, words in group.items():
            assert words
            assert set(words) <= set(VOCABULARY[category])
            assert len(set(words)) == len(words)
    assert len(set(match.unknown)) == len(match.unknown)
