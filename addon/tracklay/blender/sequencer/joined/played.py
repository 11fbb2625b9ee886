"""The strips that play in a range, as a cue over it stores them, and the comparison with those that play there now.

The pieces are those that are visible, by what they show and where: not by name, so that a strip may be renamed, or be split without being
moved. Nothing here reads a file.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import compat, selection
from ..strip_source import PICTURE_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from fractions import Fraction

    from ..cue_index import CueRequest
    from ..selection import StripLevel

RETIMED_FRAME_LOST = 1
"""Frames that a retimed strip loses when Blender 5.0 opens a file of 4.5: see `staleness`."""


class PlayedPiece(NamedTuple):
    """A visible part of a picture strip. Its fields are stored as a list in saved .blend files: their order must not change.

    Attributes:
        name: name of the strip.
        kind: type of the strip.
        offset: frames from the cue's start to the start of the strip's content. Blender has them as 32-bit floats: a float is exact.
        start: first visible frame, from the cue's start.
        end: first frame after it.
        plays: fingerprint of how the strip plays (`staleness.strip_fingerprint`).
        left_handle: first frame of the strip, from the cue's start: where nothing hides it, `start`.
        right_handle: first frame after the strip.
    """

    name: str
    kind: str
    offset: float
    start: int
    end: int
    plays: str
    left_handle: int
    right_handle: int

    def continues(self, other: PlayedPiece) -> bool:
        """Return whether it shows what `other` shows, right after it: two halves of a strip that was split."""
        return self.start == other.end and self.shows_as(other)

    def shows_as(self, other: PlayedPiece) -> bool:
        """Return whether both show the same on the same frame of the cue, wherever they begin and end."""
        away = abs(self.offset - other.offset)
        return away < compat.START_TOLERANCE_FRAMES and (self.kind, self.plays) == (other.kind, other.plays)


def played_pieces(
    level: StripLevel,
    start: Fraction,
    frames: range,
    fingerprint: Callable[[Any], str],
    *,
    retimed_frames: int = 0,
) -> list[PlayedPiece]:
    """Return what is visible on some frames of a level, in timeline order.

    Args:
        level: the level.
        start: timeline frame on which the cue begins; the pieces count from it.
        frames: timeline frames.
        fingerprint: returns how a strip plays.
        retimed_frames: frames to add to the end of each retimed strip.
    """
    unmuted = compat.unmuted_strip_spans(
        level.strips, level.channels, PICTURE_TYPES, range(frames.start - retimed_frames, frames.stop)
    )
    if retimed_frames:
        unmuted = [
            (strip, first, length + (retimed_frames if getattr(strip, "retiming_keys", ()) else 0))
            for strip, first, length in unmuted
        ]
    found: list[PlayedPiece] = []
    origin, begins = round(start), float(start)
    for strip, first, length in selection.topmost_of(unmuted, frames.start, frames.stop):
        offset = float(compat.content_start(strip)) - begins
        handles = compat.strip_start(strip) - origin, compat.strip_end(strip) - origin
        shown = first - origin, first - origin + length
        found.append(PlayedPiece(strip.name, strip.type, offset, *shown, fingerprint(strip), *handles))
    return merge_pieces(found)


def merge_pieces(pieces: Iterable[PlayedPiece]) -> list[PlayedPiece]:
    """Return the pieces with halves of a strip that was split joined again."""
    found: list[PlayedPiece] = []
    for piece in pieces:
        if found and piece.continues(found[-1]):
            found[-1] = found[-1]._replace(end=piece.end, right_handle=piece.right_handle)
        else:
            found.append(piece)
    return found


def stored_pieces(request: CueRequest) -> list[PlayedPiece]:
    """Return the pieces that a request stores; none if they are damaged.

    A .blend file comes from anywhere: what is not as Tracklay writes it is left out.
    """
    try:
        found = [PlayedPiece(*piece) for piece in request.under]
    except TypeError:
        return []
    return found if all(_is_whole(piece) for piece in found) else []


def _is_whole(piece: PlayedPiece) -> bool:
    """Return whether the fields of a stored piece have their types."""
    texts, frames = (
        (piece.name, piece.kind, piece.plays),
        (piece.start, piece.end, piece.left_handle, piece.right_handle),
    )
    is_offset = isinstance(piece.offset, int | float) and math.isfinite(piece.offset)
    return is_offset and all(isinstance(each, str) for each in texts) and all(isinstance(each, int) for each in frames)


def _clipped(pieces: Iterable[PlayedPiece], first: int, end: int) -> list[PlayedPiece]:
    """Return the pieces within some frames of the cue."""
    cut = (piece._replace(start=max(piece.start, first), end=min(piece.end, end)) for piece in pieces)
    return [piece for piece in cut if piece.start < piece.end]


def plays_as_requested(
    level: StripLevel, strip: Any, request: CueRequest, fingerprint: Callable[[Any, int], str], moved: int = 0
) -> bool:
    """Return whether what plays under a take of a joined cue is what played at the time of the request, on the frames it is heard.

    Args:
        level: the level of the strip.
        strip: the take.
        request: its request, with pieces.
        fingerprint: returns how a strip plays, with some frames added to its length if it is retimed.
        moved: the take counts as if it had been moved by this many frames.
    """
    start = compat.content_start(strip) + moved
    origin = round(start)
    left, right = compat.strip_start(strip) + moved, compat.strip_end(strip) + moved
    frames = range(max(left, origin), min(right, origin + request.frames))
    wanted = _clipped(stored_pieces(request), frames.start - origin, frames.stop - origin)

    def is_same(lost: int) -> bool:
        now = played_pieces(level, start, frames, lambda each: fingerprint(each, lost), retimed_frames=lost)
        return _show_the_same(now, wanted)

    has_retimed = any(getattr(each, "retiming_keys", ()) for each in level.strips if each.type in PICTURE_TYPES)
    return is_same(0) or (has_retimed and is_same(RETIMED_FRAME_LOST))


def _show_the_same(now: Sequence[PlayedPiece], wanted: Sequence[PlayedPiece]) -> bool:
    return len(now) == len(wanted) and all(
        (one.start, one.end) == (other.start, other.end) and one.shows_as(other)
        for one, other in zip(now, wanted, strict=True)
    )


def moved_by(level: StripLevel, strip: Any, request: CueRequest) -> int | None:
    """Return by how many frames all strips under a take have moved since, against the take; None if not all by the same."""
    pieces, start = stored_pieces(request), float(compat.content_start(strip))
    found = [(piece, there) for piece in pieces if (there := level.strips.get(piece.name)) is not None]
    distances = {round(float(compat.content_start(there)) - piece.offset - start) for piece, there in found}
    return distances.pop() if len(distances) == 1 and len(found) == len(pieces) else None


def requested_span(level: StripLevel, request: CueRequest) -> tuple[int, int] | None:
    """Return the frames of a joined cue as its strips lie now: first frame, and first frame after it. None if all were removed.

    Where the cue began or ended with a strip, it follows that strip's handle; inside a strip, it follows its content. Black before its
    first strip and after its last stays as long as it was.
    """
    pieces = stored_pieces(request)
    there = [(piece, found) for piece in pieces if (found := level.strips.get(piece.name)) is not None]
    if not there:
        return None
    (opening, first_strip), (closing, last_strip) = there[0], there[-1]
    begins, ends = opening.start == opening.left_handle, closing.end == closing.right_handle
    first = _followed_edge(opening, first_strip, opening.start, compat.strip_start(first_strip), is_handle=begins)
    end = _followed_edge(closing, last_strip, closing.end, compat.strip_end(last_strip), is_handle=ends)
    lead, trail = pieces[0].start, request.frames - pieces[-1].end
    return (first - lead, end + trail) if first - lead < end + trail else None


def _followed_edge(piece: PlayedPiece, strip: Any, edge: int, handle: int, *, is_handle: bool) -> int:
    """Return the timeline frame of an end of a piece as its strip lies now."""
    if is_handle:
        return handle
    moved = round(float(compat.content_start(strip)) - piece.offset) + edge
    return min(max(moved, compat.strip_start(strip)), compat.strip_end(strip))
