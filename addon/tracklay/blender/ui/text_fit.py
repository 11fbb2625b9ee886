"""Fits a message into the width of a strip: whole, shortened at its end, or as one word."""

from __future__ import annotations

from collections.abc import Callable

MIN_SHORTENED_CHARACTERS = 12
"""A message of which fewer characters fit says nothing: one word is shown instead."""

ELLIPSIS = "…"


def fit_text(text: str, short: str, width: float, measure: Callable[[str], float]) -> str:
    """Return what of a message fits into a width; empty if nothing does.

    Args:
        text: the message.
        short: one word for it; may be empty.
        width: the width in pixels.
        measure: returns the width of a text in pixels.
    """
    if measure(text) <= width:
        return text
    # Bisection: measuring every length would take a call for each character, at each drawing.
    fitting, too_long = 0, len(text)
    while too_long - fitting > 1:
        middle = (fitting + too_long) // 2
        if measure(_shortened(text, middle)) <= width:
            fitting = middle
        else:
            too_long = middle
    if fitting >= MIN_SHORTENED_CHARACTERS:
        return _shortened(text, fitting)
    return short if measure(short) <= width else ""


def _shortened(text: str, characters: int) -> str:
    return text[:characters].rstrip(" .,:;") + ELLIPSIS
