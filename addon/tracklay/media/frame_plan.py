"""Which frame of a source is on screen when: the rule, and the plan of a span by it. Pure arithmetic; decodes nothing."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..timing import LinearSegment, Rate, Span, TimeMap

MAX_SOURCE_FRAMES_PER_FRAME = 8
"""Source frames a timeline frame that are worth keeping. Beyond (a time-lapse) nobody sees what lies between."""

WINDOW_FRAMES = 128
"""How many frames are held at most while they are put into another order (0.4 MB each at a short side of 384)."""

LONG_RUN_SECONDS = Fraction(1)
"""Seconds of source. Where the picture runs forward for as long, it is decoded as it runs; shorter to and fro is put in order in memory."""


def snap_to_frame(at: Fraction, rate: Rate) -> Fraction:
    """The source time that is looked up for `at_seconds`: that of the nearest frame by the source's own rate, halves going up.

    On screen is the frame that begins then, or the last that began before (variable frame rates). This is what Blender does with
    a movie strip, seen in renders of numbered frames (bpy 4.5, sources of 23.976, 25 and 59.94 at 24 to 60 frames a second).
    All in seconds from the source's first frame.
    """
    return max(Fraction(0), rate.seconds(math.floor(at * rate.fps + Fraction(1, 2))))


@dataclass(frozen=True, slots=True)
class PassThrough:
    """The source's frames between `begin` and `end` keep their own times, `speed` seconds of source to one of the timeline."""

    begin: Fraction
    end: Fraction
    speed: Fraction


@dataclass(frozen=True, slots=True)
class PlannedFrame:
    """At `at_seconds` seconds from the span's start, the source frame of `source_seconds` comes on screen; with `pass_through`, those after it up to `source_end_seconds`."""

    at_seconds: Fraction
    source_seconds: Fraction
    pass_through: PassThrough | None = None
    source_end_seconds: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        """Without frames to keep, the one frame is the last."""
        if self.pass_through is None:
            object.__setattr__(self, "source_end_seconds", self.source_seconds)


@dataclass(frozen=True, slots=True)
class DecodeRun:
    """Frames that one decoding gives: in the source's own order, or (`ordered` is False) to be put in the timeline's."""

    planned: tuple[PlannedFrame, ...]
    ordered: bool


def plan_frames(time_map: TimeMap, span: Span, source_rate: Rate) -> list[PlannedFrame]:
    """What is on screen in a span, in its order.

    Where a piece runs forward and the source's frames come at least as fast as the timeline's (but not absurdly), they keep their
    own times: what lies between two timeline frames is not lost. Everywhere else (slower, backwards, frozen) it is what is on
    screen at each timeline frame, one by one, since readers of a proxy look at frames and not at how long they last.

    Args:
        time_map: where the source is on each timeline frame.
        span: the timeline frames.
        source_rate: the source's.
    """
    return [shown for piece in time_map.segments(span) for shown in _plan_piece(piece, span, source_rate)]


def _plan_piece(piece: LinearSegment, span: Span, source_rate: Rate) -> Iterator[PlannedFrame]:
    def at(frame: Fraction | int) -> Fraction:
        return span.rate.seconds(frame - span.start)

    if 1 <= piece.slope * source_rate.fps <= MAX_SOURCE_FRAMES_PER_FRAME:
        until = piece.source_start + (piece.end - piece.start) * piece.slope
        keep = PassThrough(piece.source_start, until, piece.slope * span.rate.fps)
        yield PlannedFrame(
            at(piece.start), snap_to_frame(piece.source_start, source_rate), keep, snap_to_frame(until, source_rate)
        )
        return
    for frame in range(math.ceil(piece.start), math.ceil(piece.end)):
        yield PlannedFrame(
            at(frame), snap_to_frame(piece.source_start + (frame - piece.start) * piece.slope, source_rate)
        )


def decode_runs(planned: Sequence[PlannedFrame]) -> Iterator[DecodeRun]:
    """The decodings that a plan needs, in its order: one for each stretch that runs forward, windows for all else."""
    begin = index = 0
    while index < len(planned):
        end = _ascending_end(planned, index)
        if _is_long(planned[index:end]) or end - index == len(planned):
            if begin < index:
                yield DecodeRun(tuple(planned[begin:index]), ordered=False)
            yield DecodeRun(tuple(planned[index:end]), ordered=True)
            begin = end
        index = end
    if begin < len(planned):
        yield DecodeRun(tuple(planned[begin:]), ordered=False)


def _ascending_end(planned: Sequence[PlannedFrame], begin: int) -> int:
    end = begin + 1
    while end < len(planned) and planned[end].source_seconds >= planned[end - 1].source_end_seconds:
        end += 1
    return end


def _is_long(planned: Sequence[PlannedFrame]) -> bool:
    return (
        any(each.pass_through for each in planned)
        or planned[-1].source_end_seconds - planned[0].source_seconds >= LONG_RUN_SECONDS
    )


def reorder_windows(run: DecodeRun, key_times: Sequence[Fraction]) -> Iterator[tuple[PlannedFrame, ...]]:
    """Parts of a run that is out of order, each of at most `WINDOW_FRAMES` frames, in the timeline's order.

    A part ends where a key frame lies between it and the next, if it can: then nothing is decoded twice. `key_times` are the key frames'
    times, rising, in seconds from the source's first frame.
    """
    rest = run.planned
    while rest:
        size = min(WINDOW_FRAMES, len(rest))
        if size < len(rest):
            apart = [
                n
                for n in range(size, 0, -1)
                if _crosses_key_frame(rest[n - 1].source_seconds, rest[n].source_seconds, key_times)
            ]
            size = apart[0] if apart else size
        yield rest[:size]
        rest = rest[size:]


def _crosses_key_frame(before: Fraction, after: Fraction, key_times: Sequence[Fraction]) -> bool:
    """Whether the picture runs back over a key frame from one to the other."""
    return bisect_right(key_times, before) > bisect_right(key_times, after)


def common_tick(times: Sequence[Fraction]) -> Fraction:
    """The longest tick in which all of these times are whole; a microsecond where there is none that MP4's 32 bits hold."""
    denominator = math.lcm(1, *{time.denominator for time in times})
    return Fraction(1, denominator) if denominator < 1 << 31 else Fraction(1, 1_000_000)


def tick_candidates(planned: Sequence[PlannedFrame], time_base: Fraction) -> list[Fraction]:
    """Times and steps of which every time of a plan's frames is made, to find their common tick by."""
    kept = [
        (each.pass_through.begin / each.pass_through.speed, time_base / each.pass_through.speed)
        for each in planned
        if each.pass_through
    ]
    return [*(each.at_seconds for each in planned), *(time for pair in kept for time in pair)]
