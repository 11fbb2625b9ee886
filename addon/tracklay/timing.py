"""Exact time: rates, spans and time maps on fractions, and timecode in and out.

Nothing here imports anything of ours, and no float of seconds leaves this file: a rate of 24000/1001 stays that, and a span's
samples are counted, never accumulated. Bad text raises `ValueError` with a sentence for the person.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NTSC_DENOMINATOR = 1001
"""NTSC rates are a whole number times 1000/1001 (SMPTE ST 12-1)."""

_TIMECODE_PATTERN = re.compile(r"(\d+):([0-5]?\d):([0-5]?\d)([:;])(\d+)")
_FRAME_PATTERN = re.compile(r"(\d+)f")


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """Frames a second as a fraction: 24000/1001, 25, 60000/1001."""

    fps: Fraction

    def __post_init__(self) -> None:
        """Refuse a rate that no frame could have."""
        if self.fps <= 0:
            raise ValueError(f"a frame rate must be above 0, not {self.fps}")

    @classmethod
    def from_value(cls, value: str | float | Fraction) -> Rate:
        """The rate meant by `24000/1001`, `25`, `23.976` or a float.

        A decimal within a hundredth of an NTSC rate is that rate: programs print 24000/1001 as 23.98, 23.976 and 23.976024.
        A fraction is taken as it stands.

        Raises:
            ValueError: it is no rate.
        """
        if isinstance(value, Fraction | int):
            return cls(Fraction(value))
        text = str(value).strip()
        try:
            fps = Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"{text!r} is no frame rate: write it as 24, 23.976 or 24000/1001") from None
        if "/" not in text and fps.denominator != 1:
            whole = -(-fps.numerator // fps.denominator)
            ntsc = Fraction(whole * 1000, NTSC_DENOMINATOR)
            if abs(fps - ntsc) < Fraction(1, 100):
                fps = ntsc
        return cls(fps)

    @classmethod
    def from_blender(cls, fps: int, fps_base: float) -> Rate:
        """The rate that Blender's `render.fps` and `render.fps_base` mean.

        `fps_base` is a 32-bit float: 1.001 comes back as 1.00100004673. Within its precision it is taken for the
        simplest fraction of thousandths, else as it stands.
        """
        base = Fraction(round(fps_base * 1000), 1000)
        if abs(float(base) - fps_base) > 1e-6:
            base = Fraction(fps_base).limit_denominator(1_000_000)
        return cls(Fraction(fps) / base)

    @property
    def nominal_fps(self) -> int:
        """The whole number that timecode counts by: 24 for 24000/1001."""
        return -(-self.fps.numerator // self.fps.denominator)

    @property
    def has_drop_frame(self) -> bool:
        """Whether drop-frame timecode exists at this rate: 29.97 and its multiples (SMPTE ST 12-1)."""
        return self.fps == Fraction(self.nominal_fps * 1000, NTSC_DENOMINATOR) and self.nominal_fps % 30 == 0

    def seconds(self, frames: int | Fraction) -> Fraction:
        """How long `frames` last."""
        return Fraction(frames) / self.fps

    def frames(self, seconds: Fraction) -> int:
        """The frame boundary nearest to `seconds`."""
        return round(seconds * self.fps)

    def samples(self, frames: int, sample_rate: int) -> int:
        """How many samples `frames` last: `round(frames / rate * sample_rate)`, the one formula of the project."""
        return round(Fraction(frames) / self.fps * sample_rate)

    def __str__(self) -> str:
        return f"{self.fps.numerator}/{self.fps.denominator}"


@dataclass(frozen=True, slots=True)
class Span:
    """`frames` frames from frame `start` on (half open), at a rate. Frames count from the timeline's own frame 0."""

    start: int
    frames: int
    rate: Rate

    def __post_init__(self) -> None:
        """Refuse a span that nothing could be laid against."""
        if self.frames <= 0:
            raise ValueError(f"a span must be at least one frame long, not {self.frames}")

    @property
    def end(self) -> int:
        """The first frame after the span."""
        return self.start + self.frames

    @property
    def seconds(self) -> Fraction:
        """The span's length in seconds."""
        return self.rate.seconds(self.frames)

    @property
    def start_seconds(self) -> Fraction:
        """Where the span begins, in seconds from the timeline's frame 0."""
        return self.rate.seconds(self.start)

    def samples(self, sample_rate: int) -> int:
        """How many samples a take of this span has."""
        return self.rate.samples(self.frames, sample_rate)

    def seams(self, sample_rate: int, *frames: int) -> tuple[int, ...]:
        """The span's first sample, the sample of each frame (counted from the span's start), and the sample after its last.

        Parts between neighbouring seams fill the span exactly: seams lie on the span's own grid, so no part is rounded
        alone and nothing drifts, however many cuts there are.

        Raises:
            ValueError: the frames do not rise from within the span.
        """
        cuts = (0, *frames, self.frames)
        if any(b < a for a, b in pairwise(cuts)):
            raise ValueError(f"seams at frames {frames} do not lie in order within a span of {self.frames} frames")
        return tuple(self.rate.samples(frame, sample_rate) for frame in cuts)


@dataclass(frozen=True, slots=True)
class TimeMap:
    """Where the source is on each timeline frame: straight pieces from timeline frames to source seconds.

    Args:
        points: pairs (timeline frame, source seconds), frames rising; between two points the source runs evenly:
            faster or slower (retime), backwards (reversed), or not at all (freeze). Two points at least.
    """

    points: tuple[tuple[Fraction, Fraction], ...]

    def __post_init__(self) -> None:
        """Refuse a map that does not run forward on the timeline."""
        if len(self.points) < 2 or any(b[0] <= a[0] for a, b in pairwise(self.points)):
            raise ValueError("a time map needs two points or more, with rising timeline frames")

    @classmethod
    def linear(cls, span: Span, source_start: Fraction, speed: Fraction = Fraction(1)) -> TimeMap:
        """The map of a span that plays from `source_start` seconds on at `speed` (1 is real time, -1 backwards)."""
        end = source_start + span.seconds * speed
        return cls(((Fraction(span.start), source_start), (Fraction(span.end), end)))

    def source_seconds(self, frame: int | Fraction) -> Fraction:
        """The source time, in seconds, that plays at a timeline frame; past the ends the end pieces run on."""
        at = Fraction(frame)
        right = min(max(bisect_right(self.points, at, key=lambda point: point[0]), 1), len(self.points) - 1)
        (f0, s0), (f1, s1) = self.points[right - 1], self.points[right]
        return s0 + (at - f0) * (s1 - s0) / (f1 - f0)

    def segments(self, span: Span) -> Iterator[LinearSegment]:
        """The straight pieces that fill a span, in order: neighbours that run evenly together are one."""
        inside = (frame for frame, _ in self.points[1:-1] if span.start < frame < span.end)
        edges = [Fraction(span.start), *inside, Fraction(span.end)]
        whole: LinearSegment | None = None
        for start, end in pairwise(edges):
            begins = self.source_seconds(start)
            piece = LinearSegment(start, end, begins, (self.source_seconds(end) - begins) / (end - start))
            if whole is not None and whole.slope == piece.slope:
                whole = LinearSegment(whole.start, end, whole.source_start, whole.slope)
                continue
            if whole is not None:
                yield whole
            whole = piece
        if whole is not None:
            yield whole


@dataclass(frozen=True, slots=True)
class LinearSegment:
    """A part of a TimeMap that runs evenly: from `source_start` seconds on, `slope` seconds of source a timeline frame.

    It plays on the timeline frames from `start` to `end` (half open). A slope of 0 is a freeze, below it the source runs backwards.
    """

    start: Fraction
    end: Fraction
    source_start: Fraction
    slope: Fraction


def format_timecode(frame: int, rate: Rate, *, drop_frame: bool | None = None) -> str:
    """A frame count as `HH:MM:SS:FF`, drop-frame with `;` before the frames (by default wherever the rate has it).

    Raises:
        ValueError: the frame is negative, or drop-frame is asked for at a rate that has none.
    """
    if frame < 0:
        raise ValueError(f"timecode counts from frame 0, not {frame}")
    drop_frame = rate.has_drop_frame if drop_frame is None else drop_frame
    if drop_frame:
        frame += _dropped_before(frame, rate)
    seconds, frames = divmod(frame, rate.nominal_fps)
    width = max(2, len(str(rate.nominal_fps - 1)))
    mark = ";" if drop_frame else ":"
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{frames:0{width}}"


def parse_time(text: str, rate: Rate) -> int:
    """The frame meant by seconds (`12.5`), timecode (`00:00:12:12`, `00:00:12;12` for drop-frame) or a frame (`300f`).

    Seconds go to the nearest frame boundary.

    Raises:
        ValueError: it is none of these, or a timecode that does not exist at this rate.
    """
    text = text.strip()
    if match := _FRAME_PATTERN.fullmatch(text):
        return int(match[1])
    if match := _TIMECODE_PATTERN.fullmatch(text):
        hours, minutes, seconds, frames = int(match[1]), int(match[2]), int(match[3]), int(match[5])
        if frames >= rate.nominal_fps:
            raise ValueError(f"{text!r}: at {rate} frames a second the last field must be below {rate.nominal_fps}")
        count = (hours * 3600 + minutes * 60 + seconds) * rate.nominal_fps + frames
        return count - _drop_correction(text, count, rate) if match[4] == ";" else count
    try:
        seconds_exact = Fraction(text)
    except (ValueError, ZeroDivisionError):
        seconds_exact = Fraction(-1)
    if seconds_exact < 0:
        raise ValueError(f"{text!r} is no time: write seconds (12.5), timecode (00:00:12:12) or a frame (300f)")
    return rate.frames(seconds_exact)


def _dropped_per_minute(rate: Rate) -> int:
    if not rate.has_drop_frame:
        raise ValueError(f"there is no drop-frame timecode at {rate} frames a second: use ':' before the frames")
    return rate.nominal_fps // 15


def _dropped_before(frame: int, rate: Rate) -> int:
    """How many timecode numbers were skipped before this frame: 2 (or 4) a minute, but not each tenth."""
    drop = _dropped_per_minute(rate)
    per_minute = rate.nominal_fps * 60 - drop
    per_ten = rate.nominal_fps * 600 - 9 * drop
    tens, rest = divmod(frame, per_ten)
    return tens * 9 * drop + max(0, (rest - drop) // per_minute) * drop


def _drop_correction(text: str, count: int, rate: Rate) -> int:
    drop = _dropped_per_minute(rate)
    minutes, within = divmod(count, rate.nominal_fps * 60)
    if minutes % 10 and within < drop:
        raise ValueError(f"{text!r} does not exist: drop-frame timecode skips the first {drop} numbers of that minute")
    return (minutes - minutes // 10) * drop
