"""Hit points: the moments of a picture that music meets, read from markers and from times that the user writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from .timing import parse_fraction

if TYPE_CHECKING:
    from fractions import Fraction

    from .timing import Span

MARKER_PATTERN = re.compile(r"\s*hit\b\s*(?::\s*(.*?))?\s*(?:\.\d{3})?\s*", re.IGNORECASE)
"""A marker that is a hit point: `hit` or `hit: door`. Blender appends a number to a name that exists already, which is left out."""


class Hit(NamedTuple):
    """A hit point, in seconds from the start of its cue. A `name` with the word `build` or `stop` asks for that (`sketch/music`)."""

    seconds: Fraction
    name: str = ""

    def to_list(self) -> list[str]:
        """Return the hit as JSON; `from_list` rebuilds it."""
        return [str(self.seconds), self.name]

    @classmethod
    def from_list(cls, data: Any) -> Hit:
        """Rebuild a hit from JSON."""
        seconds, name = data
        return cls(parse_fraction(seconds), name)


def marker_hit_name(name: str) -> str | None:
    """Return the name of the hit that a marker is, which may be empty; None if it is none."""
    match = MARKER_PATTERN.fullmatch(name)
    return None if match is None else match[1] or ""


def hits_in_span(marks: Iterable[tuple[int, str]], span: Span) -> tuple[Hit, ...]:
    """Return the hits of a cue, in order, one for each frame.

    Args:
        marks: timeline frame and name of each.
        span: the cue's span.
    """
    inside = {frame: name for frame, name in marks if span.start <= frame < span.end}
    return tuple(Hit(span.rate.seconds(frame - span.start), name) for frame, name in sorted(inside.items()))
