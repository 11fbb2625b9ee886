"""Landed takes on the timeline: switches a strip between the landed and the untouched take, and finds the moves to draw.

Both files have the same samples from the same frame, so only the file of the strip's sound changes.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import InvalidInput
from ...timing import parse_fraction
from . import cue_index
from .placeholders import set_sound_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .takes import TakeStrips


class DrawnMove(NamedTuple):
    """A moved event: where it was and where it is, in seconds from the take's start, and its confidence from 0 to 1."""

    before: float
    after: float
    confidence: float


def untouched_file(strip: Any) -> Path | None:
    """Return the file of a strip's untouched take; None if the take was not moved, or the strip is none of ours."""
    name, file = _landing(strip).get("untouched"), cue_index.take_file(strip)
    # An entry is text in a file that anyone may edit: only a file beside the take is played.
    return file.parent / Path(str(name)).name if name and file is not None else None


def sound_files(strip: Any) -> list[Path]:
    """Return the files of a strip's take: the one that it plays, and the other form of a landed take; none for a placeholder."""
    file, untouched = cue_index.take_file(strip), untouched_file(strip)
    if file is None or untouched is None:
        return [] if file is None else [file]
    return [untouched.with_name(Path(str(_entry(strip).get("file", ""))).name), untouched]


def plays_untouched(strip: Any) -> bool:
    """Return whether a strip plays its untouched take."""
    untouched = untouched_file(strip)
    return untouched is not None and cue_index.take_file(strip) == untouched


def was_landed(strip: Any) -> bool:
    """Return whether a strip's take was landed, or could have been and was left as it came."""
    return bool(_landing(strip))


def can_switch(take: TakeStrips) -> bool:
    """Return whether a take has an untouched form on the timeline's disk, as its entry says."""
    return take.full_mix is not None and bool(_landing(take.full_mix).get("untouched"))


def switch_landing(take: TakeStrips) -> bool:
    """Point a take's strip at its untouched file, or back at the landed one. Return whether it plays the landed one now.

    Raises:
        InvalidInput: the take was not moved, or the file is missing.
    """
    strip = take.full_mix
    untouched = None if strip is None else untouched_file(strip)
    if untouched is None:
        raise InvalidInput("landing.nothing_moved", "Nothing was moved in this take.")
    landed = untouched.parent / Path(str(_entry(strip).get("file", ""))).name
    to_landed = plays_untouched(strip)
    file = landed if to_landed else untouched
    if not file.is_file():
        raise InvalidInput("landing.file_missing", "Sound file not found: {file}.", file=file)
    set_sound_file(strip.sound, file)
    return to_landed


def drawn_moves(strip: Any) -> tuple[DrawnMove, ...]:
    """Return the moves of the take that a strip plays; none while it plays the untouched one."""
    text = strip.get(cue_index.ENTRY_PROPERTY)
    if not isinstance(text, str) or '"moves"' not in text or plays_untouched(strip):
        return ()
    return _parse_moves(text)


@lru_cache(cue_index.PARSE_CACHE_SIZE)
def _parse_moves(text: str) -> tuple[DrawnMove, ...]:
    landing = cue_index.parse_entry(text).get("landing")
    moves = landing.get("moves") if isinstance(landing, dict) else None
    try:
        return tuple(
            DrawnMove(
                float(parse_fraction(str(move["from"]))),
                float(parse_fraction(str(move["to"]))),
                float(move["confidence"]),
            )
            for move in moves or ()
        )
    except (ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError):
        return ()  # edited by hand


def _entry(strip: Any) -> Mapping[str, Any]:
    return cue_index.parse_entry(str(strip.get(cue_index.ENTRY_PROPERTY, "")))


def _landing(strip: Any) -> Mapping[str, Any]:
    landing = _entry(strip).get("landing")
    return landing if isinstance(landing, dict) else {}
