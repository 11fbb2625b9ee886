"""Reading a prompt: what is understood, refused and unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.sketch.prompt_matcher import Vocabulary, match_prompt

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


def test_words_are_sorted_into_their_categories() -> None:
    """Known words come back canonical, by category, in the order they were said; the rest is unknown."""
    reading = match_prompt("A steel anvil, then a glittering bottle in the rain", VOCABULARY)
    assert reading.matched == {"material": ("metal", "glass"), "ambience": ("rain",)}
    assert reading.unknown == ("glittering",)
    assert reading.negated == {}


@pytest.mark.parametrize(
    ("prompt", "canonical"),
    [
        ("Bottles", "glass"),
        ("PLANKS", "wood"),
        ("bouncing", "rubber"),
        ("bounces", "rubber"),
        ("bounced", "rubber"),
        ("anvil's", None),
    ],
)
def test_simple_endings_and_case_do_not_matter(prompt: str, canonical: str | None) -> None:
    """Plurals and -ing and -ed forms of a spelling are that spelling; other endings are not guessed at."""
    assert match_prompt(prompt, VOCABULARY).matched == ({"material": (canonical,)} if canonical else {})


def test_an_exact_spelling_wins_over_an_inflected_one() -> None:
    """The word "woods" is the forest though it could be the plural of the material."""
    assert match_prompt("woods", VOCABULARY).matched == {"ambience": ("forest",)}


def test_the_longest_spelling_wins_and_may_mean_something_in_each_category() -> None:
    """Two words that are known together are read together, whatever their hyphens, case and plural."""
    assert match_prompt("Bouncy-Balls", VOCABULARY).matched == {"material": ("rubber",), "scene": ("ball",)}
    assert match_prompt("bird songs", VOCABULARY).unknown == ()


@pytest.mark.parametrize(
    ("prompt", "understood", "refused"),
    [
        ("no rain", {}, {"ambience": ("rain",)}),
        ("wood without rain or cars", {"material": ("wood",)}, {"ambience": ("rain", "traffic")}),
        ("no rain, steel", {"material": ("metal",)}, {"ambience": ("rain",)}),
        ("no cars but rain", {"ambience": ("rain",)}, {"ambience": ("traffic",)}),
        ("rain. No rain.", {}, {"ambience": ("rain",)}),
    ],
)
def test_refusing_lasts_to_the_end_of_the_clause(
    prompt: str, understood: dict[str, tuple[str, ...]], refused: dict[str, tuple[str, ...]]
) -> None:
    """What follows "no" or "without" is refused up to a comma, a full stop or a "but", and a refusal beats a wish."""
    reading = match_prompt(prompt, VOCABULARY)
    assert (reading.matched, reading.negated) == (understood, refused)


def test_little_words_and_repeats_are_not_reported_as_unknown() -> None:
    """The unknown words are those a person might wonder about, each once."""
    assert match_prompt("the sound of a zither and another zither", VOCABULARY).unknown == ("zither", "another")


@given(st.text(max_size=80))
def test_any_text_is_read(prompt: str) -> None:
    """Whatever is typed, the reading holds only canonical words of the vocabulary and no word twice."""
    reading = match_prompt(prompt, VOCABULARY)
    for group in (reading.matched, reading.negated):
        for category, words in group.items():
            assert words
            assert set(words) <= set(VOCABULARY[category])
            assert len(set(words)) == len(words)
    assert len(set(reading.unknown)) == len(reading.unknown)
