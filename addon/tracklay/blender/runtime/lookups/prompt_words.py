"""The words of a prompt that the sketch engine does not know, for the panel.

The first look reads the tables of words, so a thread does it.
"""

from __future__ import annotations

from .background_lookup import BackgroundLookup

MODEL = "sketch/foley"
"""The model that knows words by a table."""

UnknownWords = tuple[tuple[str, str], ...]
"""The unknown words of a prompt, each with the word that replaces it or an empty string."""


def _find_unknown_words(key: tuple[str, str]) -> UnknownWords:
    # Enabling the extension must not load the tables.
    from ....sketch.foley.interpretation import interpret_prompt  # noqa: PLC0415

    meaning = interpret_prompt(*key)
    return tuple((word, meaning.heard_as.get(word, "")) for word in meaning.unknown)


unknown_words: BackgroundLookup[tuple[str, str], UnknownWords] = BackgroundLookup(_find_unknown_words, ())
"""The unknown words by prompt and negative prompt."""
