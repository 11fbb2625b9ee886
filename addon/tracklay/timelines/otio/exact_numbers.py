"""OTIO's floats as exact numbers: frame rates, speeds and times."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from ...errors import InvalidInput
from ...timing import Rate

MAX_DENOMINATOR = 240_000
"""OTIO's numbers are floats: each is read as the nearest fraction with a denominator up to this. NTSC's ticks are among these."""


# Cached: a timeline of thousands of clips repeats a few rates and many times, and fractions are slow to find.
@lru_cache(maxsize=256)
def rate_from_fps(fps: float) -> Rate:
    """Return the exact frame rate that OTIO's float stands for (23.976 is 24000/1001).

    Raises:
        InvalidInput: it is not a frame rate.
    """
    try:
        return Rate.from_value(fps)
    except (ValueError, OverflowError):
        raise InvalidInput(
            "otio.invalid_rate", "Invalid frame rate of a time: {fps}. Export the timeline again.", fps=fps
        ) from None


@lru_cache(maxsize=4096)
def to_fraction(value: float) -> Fraction:
    """Return the fraction that OTIO's float stands for.

    Raises:
        InvalidInput: it is not finite.
    """
    try:
        return Fraction(value).limit_denominator(MAX_DENOMINATOR)
    except (ValueError, OverflowError):
        raise InvalidInput(
            "otio.invalid_number", "Invalid time or speed: {value}. Export the timeline again.", value=value
        ) from None


def to_seconds(time: Any) -> Fraction:
    """Return OTIO's RationalTime in exact seconds."""
    return to_fraction(time.value) / rate_from_fps(time.rate).fps
