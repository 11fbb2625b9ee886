"""Which frame of a source is on screen when: the rule, and the plan of a span by it. Pure arithmetic; decodes nothing."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..timing import Piece, Rate, Span, TimeMap

MOST_BETWEEN = 8
"""Source frames a timeline frame that are worth keeping. Beyond (a time-lapse) nobody sees what lies between."""

WINDOW = 128
"""How many frames are held at most while they are put into another order (0.4 MB each at a short side of 384)."""

LONG_RUN = Fraction(1)
"""Seconds of source. Where the picture runs forward for as long, it is decoded as it runs; shorter to and fro is put in order in memory."""


def looked_up(at: Fraction, rate: Rate) -> Fraction:
    """The source time that is looked up for `at`: that of the nearest frame by the source's own rate, halves going up.

    On screen is the frame that begins then, or the last that began before (variable frame rates). This is what Blender does with
    a movie strip, seen in renders of numbered frames (bpy 4.5, sources of 23.976, 25 and 59.94 at 24 to 60 frames a second).
    All in seconds from the source's first frame.
    """
    return max(Fraction(0), rate.seconds(math.floor(at * rate.fps + Fraction(1, 2))))


@dataclass(frozen=True, slots=True)
class Keep:
    """The source's frames between `begin` and `until` keep their own times, `speed` seconds of source to one of the timeline."""

    begin: Fraction
    until: Fraction
    speed: Fraction


@dataclass(frozen=True, slots=True)
class Shown:
    """At `at` seconds from the span's start, the source frame of `source` comes on screen; with `keep`, those after it up to `end`."""

    at: Fraction
    source: Fraction
    keep: Keep | None = None
    end: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        """Without frames to keep, the one frame is the last."""
        if self.keep is None:
            object.__setattr__(self, "end", self.source)


@dataclass(frozen=True, slots=True)
class Run:
    """Frames that one decoding gives: in the source's own order, or (`ordered` is False) to be put in the timeline's."""

    shown: tuple[Shown, ...]
    ordered: bool


def plan(time_map: TimeMap, span: Span, rate: Rate) -> list[Shown]:
    """What is on screen in a span, in its order.

    Where a piece runs forward and the source's frames come at least as fast as the timeline's (but not absurdly), they keep their
    own times: what lies between two timeline frames is not lost. Everywhere else (slower, backwards, frozen) it is what is on
    screen at each timeline frame, one by one, since readers of a proxy look at frames and not at how long they last.

    Args:
        time_map: where the source is on each timeline frame.
        span: the timeline frames.
        rate: the source's.
    """
    return [shown for piece in time_map.pieces(span) for shown in _piece(piece, span, rate)]


def _piece(piece: Piece, span: Span, rate: Rate) -> Iterator[Shown]:
    def at(frame: Fraction | int) -> Fraction:
        return span.rate.seconds(frame - span.start)

    if 1 <= piece.slope * rate.fps <= MOST_BETWEEN:
        until = piece.source + (piece.end - piece.start) * piece.slope
        keep = Keep(piece.source, until, piece.slope * span.rate.fps)
        yield Shown(at(piece.start), looked_up(piece.source, rate), keep, looked_up(until, rate))
        return
    for frame in range(math.ceil(piece.start), math.ceil(piece.end)):
        yield Shown(at(frame), looked_up(piece.source + (frame - piece.start) * piece.slope, rate))


def runs(shown: Sequence[Shown]) -> Iterator[Run]:
    """The decodings that a plan needs, in its order: one for each stretch that runs forward, windows for all else."""
    begin = index = 0
    while index < len(shown):
        end = _ascending(shown, index)
        if _is_long(shown[index:end]) or end - index == len(shown):
            if begin < index:
                yield Run(tuple(shown[begin:index]), ordered=False)
            yield Run(tuple(shown[index:end]), ordered=True)
            begin = end
        index = end
    if begin < len(shown):
        yield Run(tuple(shown[begin:]), ordered=False)


def _ascending(shown: Sequence[Shown], begin: int) -> int:
    end = begin + 1
    while end < len(shown) and shown[end].source >= shown[end - 1].end:
        end += 1
    return end


def _is_long(part: Sequence[Shown]) -> bool:
    return any(each.keep for each in part) or part[-1].end - part[0].source >= LONG_RUN


def windows(run: Run, keys: Sequence[Fraction]) -> Iterator[tuple[Shown, ...]]:
    """Parts of a run that is out of order, each of at most `WINDOW` frames, in the timeline's order.

    A part ends where a key frame lies between it and the next, if it can: then nothing is decoded twice. `keys` are the key frames'
    times, rising, in seconds from the source's first frame.
    """
    rest = run.shown
    while rest:
        size = min(WINDOW, len(rest))
        if size < len(rest):
            apart = [n for n in range(size, 0, -1) if _parted(rest[n - 1].source, rest[n].source, keys)]
            size = apart[0] if apart else size
        yield rest[:size]
        rest = rest[size:]


def _parted(before: Fraction, after: Fraction, keys: Sequence[Fraction]) -> bool:
    """Whether the picture runs back over a key frame from one to the other."""
    return bisect_right(keys, before) > bisect_right(keys, after)


def tick(times: Sequence[Fraction]) -> Fraction:
    """The longest tick in which all of these times are whole; a microsecond where there is none that MP4's 32 bits hold."""
    denominator = math.lcm(1, *{time.denominator for time in times})
    return Fraction(1, denominator) if denominator < 1 << 31 else Fraction(1, 1_000_000)


def finest(shown: Sequence[Shown], time_base: Fraction) -> list[Fraction]:
    """Times and steps of which every time of a plan's frames is made, to find their common tick by."""
    kept = [(each.keep.begin / each.keep.speed, time_base / each.keep.speed) for each in shown if each.keep]
    return [*(each.at for each in shown), *(time for pair in kept for time in pair)]
