"""Maps timeline frames to source frames, and plans how to decode them. Pure arithmetic, no I/O."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..cue import FrameRule
    from ..timing import LinearSegment, Rate, Span, TimeMap

MAX_SOURCE_FRAMES_PER_FRAME = 8
"""Source frames per timeline frame up to which all are kept. Beyond, as in a time-lapse, the frames in between are invisible."""

WINDOW_FRAMES = 128
"""Frames held in memory while they are reordered: 0.4 MB each with a short side of 384 pixels."""

LONG_RUN_SECONDS = Fraction(1)
"""Seconds of source. A stretch that plays forward for at least as long is decoded in order; shorter ones are reordered in memory."""


HOLD_TOLERANCE_FRAMES = Fraction(1, 100)
"""Source frames by which a frame may begin late and still count as begun: timelines store times as rounded decimals."""


def snap_to_frame(at: Fraction, rate: Rate, rule: FrameRule = "nearest") -> Fraction:
    """Return the time of the source frame that is on screen at a time, not before 0, in seconds from the source's first frame.

    With a variable frame rate it is the frame that begins at the result, or the last one that began before.

    Args:
        at: source time in seconds.
        rate: frame rate of the source.
        rule: `nearest`: the nearest frame, halves up. Blender does so with a movie strip: seen in renders of numbered frames (bpy
            4.5, sources of 23.976, 25 and 59.94 frames per second on timelines of 24 to 60). `hold`: the last frame that has
            begun. Avid does so: seen in its own render of clips at 1/2 and 3/8 of their speed (otio-aaf-adapter,
            `tests/sample_data/misc_speed_effects_aaf.mov`).
    """
    offset = Fraction(1, 2) if rule == "nearest" else HOLD_TOLERANCE_FRAMES
    return max(Fraction(0), rate.seconds(math.floor(at * rate.fps + offset)))


def frame_rules_differ(time_map: TimeMap, span: Span, source_rate: Rate) -> bool:
    """Return True if the two rules of `snap_to_frame` show different frames somewhere in a span."""
    for segment in time_map.segments(span):
        start, step = segment.source_start * source_rate.fps, segment.slope * source_rate.fps
        if step.denominator != 1 or abs(start - round(start)) > HOLD_TOLERANCE_FRAMES:
            return True
    return False


@dataclass(frozen=True, slots=True)
class PassThrough:
    """A stretch of source, from `begin` to `end` in seconds, whose frames keep their own times. `speed` is source seconds per second."""

    begin: Fraction
    end: Fraction
    speed: Fraction


@dataclass(frozen=True, slots=True)
class PlannedFrame:
    """A source frame with the time it appears, and optionally the stretch that follows unchanged.

    Attributes:
        at_seconds: when it comes on screen, in seconds from the span's start.
        source_seconds: its time in the source.
        pass_through: the frames after it that keep their own times; None for this frame alone.
        source_end_seconds: the source time of the last frame; `source_seconds` without `pass_through`.
    """

    at_seconds: Fraction
    source_seconds: Fraction
    pass_through: PassThrough | None = None
    source_end_seconds: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        # A frame alone ends where it starts; a default value cannot refer to another field.
        if self.pass_through is None:
            object.__setattr__(self, "source_end_seconds", self.source_seconds)


@dataclass(frozen=True, slots=True)
class DecodeRun:
    """Frames that are decoded together: in the source's order, or, if not `ordered`, to be sorted into the timeline's order."""

    planned: tuple[PlannedFrame, ...]
    ordered: bool


def plan_frames(time_map: TimeMap, span: Span, source_rate: Rate, rule: FrameRule = "nearest") -> list[PlannedFrame]:
    """Return the frames on screen in a span, in its order.

    Where a segment plays forward and the source has at least as many frames as the timeline, but not more than
    `MAX_SOURCE_FRAMES_PER_FRAME` times as many, all its frames keep their own times: none between two timeline frames is lost.
    Everywhere else (slower, backwards, frozen) there is one frame for each timeline frame: models look at a proxy's frames one by
    one, and ignore how long each lasts.

    Args:
        time_map: the source time of each timeline frame.
        span: timeline frames.
        source_rate: frame rate of the source.
        rule: which source frame is on screen at a time, as `snap_to_frame` takes it.
    """
    return [shown for piece in time_map.segments(span) for shown in _plan_piece(piece, span, source_rate, rule)]


def _plan_piece(piece: LinearSegment, span: Span, source_rate: Rate, rule: FrameRule) -> Iterator[PlannedFrame]:
    def at(frame: Fraction | int) -> Fraction:
        return span.rate.seconds(frame - span.start)

    if 1 <= piece.slope * source_rate.fps <= MAX_SOURCE_FRAMES_PER_FRAME:
        source_end = piece.source_start + (piece.end - piece.start) * piece.slope
        # The slope is source seconds per timeline frame: times the timeline's rate it is the speed, source seconds per second.
        pass_through = PassThrough(piece.source_start, source_end, piece.slope * span.rate.fps)
        yield PlannedFrame(
            at(piece.start),
            snap_to_frame(piece.source_start, source_rate, rule),
            pass_through,
            snap_to_frame(source_end, source_rate, rule),
        )
        return
    for frame in range(math.ceil(piece.start), math.ceil(piece.end)):
        source_seconds = piece.source_start + (frame - piece.start) * piece.slope
        yield PlannedFrame(at(frame), snap_to_frame(source_seconds, source_rate, rule))


def decode_runs(planned: Sequence[PlannedFrame]) -> Iterator[DecodeRun]:
    """Yield the runs of a plan in order: an ordered run for each long forward stretch, an unordered one for the frames between."""
    begin = index = 0
    while index < len(planned):
        end = _ascending_end(planned, index)
        # A short stretch is not worth a process of ffmpeg of its own: it joins its neighbours in a run that is sorted in memory.
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
    """Yield parts of an unordered run, each of at most `WINDOW_FRAMES` frames, in the timeline's order.

    A part ends, if possible, where a key frame lies between its last frame and the next: then nothing is decoded twice. `key_times`
    are the times of the key frames, ascending, in seconds from the source's first frame.
    """
    rest = run.planned
    while rest:
        size = min(WINDOW_FRAMES, len(rest))
        if size < len(rest):
            splits = [
                n
                for n in range(size, 0, -1)
                if _crosses_key_frame(rest[n - 1].source_seconds, rest[n].source_seconds, key_times)
            ]
            size = splits[0] if splits else size
        yield rest[:size]
        rest = rest[size:]


def _crosses_key_frame(before: Fraction, after: Fraction, key_times: Sequence[Fraction]) -> bool:
    """Return True if the source goes back over a key frame between the two times."""
    return bisect_right(key_times, before) > bisect_right(key_times, after)


def common_tick(times: Sequence[Fraction]) -> Fraction:
    """Return the longest tick, in seconds, of which all times are multiples; a microsecond if it does not fit MP4's 32 bits."""
    denominator = math.lcm(1, *{time.denominator for time in times})
    return Fraction(1, denominator) if denominator < 1 << 31 else Fraction(1, 1_000_000)


def tick_candidates(planned: Sequence[PlannedFrame], time_base: Fraction) -> list[Fraction]:
    """Return times, in seconds, whose common tick can express the time of every frame of a plan.

    A frame that passes through appears at a multiple of the source's `time_base` divided by the speed, so its start and that step are
    included. `common_tick` takes the result.
    """
    kept = [
        (each.pass_through.begin / each.pass_through.speed, time_base / each.pass_through.speed)
        for each in planned
        if each.pass_through
    ]
    return [*(each.at_seconds for each in planned), *(time for pair in kept for time in pair)]
