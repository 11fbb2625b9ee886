"""Exact time: frame rates, spans and time maps as fractions; reads and writes timecode.

No time in seconds is ever a float here: 24000/1001 stays exact, and a span's samples are computed from its frames and never
accumulated, so nothing drifts. Invalid text raises `TimeError`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from .errors import InvalidInput

NTSC_DENOMINATOR = 1001
"""Denominator of NTSC rates: a whole number times 1000/1001 (SMPTE ST 12-1)."""

MAX_FPS = 1_000_000
"""The highest frame rate that is accepted. High-speed cameras reach some hundred thousand."""

MAX_SECONDS = 1_000_000_000
"""The latest time that is accepted: some 30 years."""

MAX_SHOWN_CHARS = 60
"""Characters of an invalid number that a message quotes."""

# Every number has a limit: `1e999999999` and ten thousand digits are numbers too, and computing with them takes forever.
_TIMECODE_PATTERN = re.compile(r"(\d{1,6})([:;])([0-5]?\d)\2([0-5]?\d)([:;])(\d{1,6})")
_CLOCK_PATTERN = re.compile(r"(?:(\d{1,6}):)?(\d{1,6}):([0-5]?\d(?:[.,]\d{0,20})?)")
_FRAME_PATTERN = re.compile(r"(\d{1,15}) ?(?:f|frames?)")
_UNIT_PATTERN = re.compile(r"(\d{1,20}(?:[.,]\d{0,40})?|[.,]\d{1,40}) ?(ms|s|sec|m|min|h)")
_UNITS_PATTERN = re.compile(
    r"(?:(\d{1,6}) ?h ?)?(?:([0-5]?\d) ?(?:min|m) ?)?(?:([0-5]?\d(?:[.,]\d{0,20})?) ?(?:sec|s)?)?", re.IGNORECASE
)
_UNIT_SECONDS = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "sec": Fraction(1),
    "m": Fraction(60),
    "min": Fraction(60),
    "h": Fraction(3600),
}
_NUMBER_PATTERN = re.compile(
    r"\s*[+-]?(?:\d{1,80}/\d{1,80}|(?:\d{1,20}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,2})?)\s*"
)


class TimeError(InvalidInput, ValueError):
    """A time, frame rate or timecode that is not valid. Also a `ValueError`, as Python's own parsers raise."""


def parse_fraction(text: str) -> Fraction:
    """Return the number that a text from outside stands for (`12.5`, `1e-3`, `24000/1001`), without taking long over any text.

    Raises:
        ValueError: it is not a number, or has more than 20 digits before the point or an exponent of more than two digits.
        ZeroDivisionError: the denominator is 0.
    """
    if not _NUMBER_PATTERN.fullmatch(text):
        raise ValueError(text)
    return Fraction(text)


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """A frame rate in frames per second, as a fraction: 24000/1001, 25, 60000/1001."""

    fps: Fraction

    def __post_init__(self) -> None:
        """Raise `TimeError` if the rate is not positive."""
        if self.fps <= 0:
            raise TimeError("rate.not_positive", "Frame rate must be above 0: {rate}.", rate=str(self.fps))

    @classmethod
    def from_value(cls, value: str | float | Fraction) -> Rate:
        """Return the rate that `24000/1001`, `25`, `23.976` or a float stands for.

        A decimal within 0.01 of an NTSC rate becomes that rate: programs print 24000/1001 as 23.98, 23.976 and 23.976024.
        A fraction is used as it is.

        Raises:
            TimeError: it is not a frame rate.
        """
        if isinstance(value, Fraction | int):
            return cls(Fraction(value))
        text = str(value).strip()
        try:
            fps = parse_fraction(text)
        except (ValueError, ZeroDivisionError):
            fps = Fraction(MAX_FPS + 1)
        if fps > MAX_FPS:
            raise TimeError(
                "rate.invalid",
                "Not a frame rate: {value!r}. Write 24, 23.976 or 24000/1001.",
                value=text[:MAX_SHOWN_CHARS],
            )
        # The candidate is the next whole number above, times 1000/1001: 23.98 -> 24 -> 23.976…
        if "/" not in text and fps.denominator != 1:
            whole = -(-fps.numerator // fps.denominator)
            ntsc = Fraction(whole * 1000, NTSC_DENOMINATOR)
            if abs(fps - ntsc) < Fraction(1, 100):
                fps = ntsc
        return cls(fps)

    @classmethod
    def from_blender(cls, fps: int, fps_base: float) -> Rate:
        """Return the rate of Blender's `render.fps` and `render.fps_base`.

        `fps_base` is a 32-bit float: 1.001 reads as 1.00100004673. If it is within 1e-6 of a whole number of thousandths, it is that
        number; otherwise it is used as it is.
        """
        base = Fraction(round(fps_base * 1000), 1000)
        if abs(float(base) - fps_base) > 1e-6:
            base = Fraction(fps_base).limit_denominator(1_000_000)
        return cls(Fraction(fps) / base)

    @property
    def nominal_fps(self) -> int:
        """Frames per second that timecode counts with: 24 for 24000/1001."""
        return -(-self.fps.numerator // self.fps.denominator)

    @property
    def has_drop_frame(self) -> bool:
        """True if drop-frame timecode exists at this rate: 29.97 and its multiples (SMPTE ST 12-1)."""
        return self.fps == Fraction(self.nominal_fps * 1000, NTSC_DENOMINATOR) and self.nominal_fps % 30 == 0

    def seconds(self, frames: int | Fraction) -> Fraction:
        """Return the duration of `frames` in seconds."""
        return Fraction(frames) / self.fps

    def frames(self, seconds: Fraction) -> int:
        """Return the frame boundary nearest to `seconds`."""
        return round(seconds * self.fps)

    def samples(self, frames: int, sample_rate: int) -> int:
        """Return the samples in `frames`: `round(frames / rate * sample_rate)`. Every conversion uses this formula."""
        return round(Fraction(frames) / self.fps * sample_rate)

    def __str__(self) -> str:
        return f"{self.fps.numerator}/{self.fps.denominator}"


@dataclass(frozen=True, slots=True)
class Span:
    """`frames` frames from frame `start` on (half open), at a frame rate. Frames count from the timeline's frame 0."""

    start: int
    frames: int
    rate: Rate

    def __post_init__(self) -> None:
        """Raise `TimeError` if the span is empty."""
        if self.frames <= 0:
            raise TimeError("span.empty", "Span must be at least one frame long: {frames}.", frames=self.frames)

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
        """The start of the span in seconds from the timeline's frame 0."""
        return self.rate.seconds(self.start)

    def samples(self, sample_rate: int) -> int:
        """Return the number of samples of a take of this span."""
        return self.rate.samples(self.frames, sample_rate)


@dataclass(frozen=True, slots=True)
class TimeMap:
    """A piecewise linear map from timeline frames to seconds of the source.

    Args:
        points: pairs (timeline frame, source seconds) with increasing frames, at least two. Between two points the source plays at a
            constant speed: faster or slower (retime), backwards (reverse), or not at all (freeze).
    """

    points: tuple[tuple[Fraction, Fraction], ...]

    def __post_init__(self) -> None:
        """Raise `TimeError` if there are fewer than two points, or their frames do not increase."""
        if len(self.points) < 2 or any(b[0] <= a[0] for a, b in pairwise(self.points)):
            raise TimeError(
                "time_map.invalid",
                "Time map needs at least two points with increasing frames: {points}.",
                points=len(self.points),
            )

    @classmethod
    def linear(cls, span: Span, source_start: Fraction, speed: Fraction = Fraction(1)) -> TimeMap:
        """Return the map of a span that plays from `source_start` (seconds) at `speed` (1 is real time, -1 backwards)."""
        end = source_start + span.seconds * speed
        return cls(((Fraction(span.start), source_start), (Fraction(span.end), end)))

    def source_seconds(self, frame: int | Fraction) -> Fraction:
        """Return the source time in seconds that plays at a timeline frame. Beyond the ends the outer segments continue."""
        at = Fraction(frame)
        # Index of the point to the right, clamped to the outer segments.
        right = min(max(bisect_right(self.points, at, key=lambda point: point[0]), 1), len(self.points) - 1)
        (f0, s0), (f1, s1) = self.points[right - 1], self.points[right]
        return s0 + (at - f0) * (s1 - s0) / (f1 - f0)

    def segments(self, span: Span) -> Iterator[LinearSegment]:
        """Yield the linear segments that fill a span, in order. Neighbours with the same slope are merged."""
        inside = (frame for frame, _ in self.points[1:-1] if span.start < frame < span.end)
        edges = [Fraction(span.start), *inside, Fraction(span.end)]
        merged: LinearSegment | None = None
        for start, end in pairwise(edges):
            source_start = self.source_seconds(start)
            slope = (self.source_seconds(end) - source_start) / (end - start)
            if merged is not None and merged.slope == slope:
                merged = LinearSegment(merged.start, end, merged.source_start, slope)
                continue
            if merged is not None:
                yield merged
            merged = LinearSegment(start, end, source_start, slope)
        if merged is not None:
            yield merged


@dataclass(frozen=True, slots=True)
class LinearSegment:
    """A part of a `TimeMap` with constant speed, on the timeline frames from `start` to `end` (half open).

    The source plays from `source_start` (seconds) at `slope` seconds per timeline frame: 0 is a freeze, negative is backwards.
    """

    start: Fraction
    end: Fraction
    source_start: Fraction
    slope: Fraction


def format_timecode(frame: int, rate: Rate, *, drop_frame: bool | None = None) -> str:
    """Return a frame count as `HH:MM:SS:FF`, or `HH:MM:SS;FF` in drop-frame, which is the default at rates that have it.

    Raises:
        TimeError: the frame is negative, or drop-frame is requested at a rate without it.
    """
    if frame < 0:
        raise TimeError("timecode.negative", "Timecode starts at frame 0: {frame}.", frame=frame)
    drop_frame = rate.has_drop_frame if drop_frame is None else drop_frame
    if drop_frame:
        frame += _dropped_before(frame, rate)
    seconds, frames = divmod(frame, rate.nominal_fps)
    width = max(2, len(str(rate.nominal_fps - 1)))
    separator = ";" if drop_frame else ":"
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{separator}{frames:0{width}}"


def is_timecode(text: str) -> bool:
    """Return True if a time is written as timecode: hours, minutes, seconds and frames."""
    return _TIMECODE_PATTERN.fullmatch(text.strip()) is not None


def parse_time(text: str, rate: Rate) -> int:
    """Return the frame of a time.

    Args:
        text: seconds (`12.5`), numbers with their units (`1.5s`, `1500ms`, `2m`, `1m30s`, `1h30`), minutes and seconds (`1:30`,
            `00:01:30.500`), timecode (`00:00:12:12`, drop-frame `00:00:12;12` or `00;00;12;12`) or frames (`300f`). A decimal comma is
            read as a point.
        rate: frame rate that it is counted at.

    Seconds are rounded to the nearest frame boundary.

    Raises:
        TimeError: it is none of these, or a timecode that does not exist at this rate.
    """
    text = text.strip()
    if match := _FRAME_PATTERN.fullmatch(text):
        return int(match[1])
    if match := _TIMECODE_PATTERN.fullmatch(text):
        hours, minutes, seconds, frames = int(match[1]), int(match[3]), int(match[4]), int(match[6])
        if frames >= rate.nominal_fps:
            raise TimeError(
                "timecode.frame_too_high",
                "Frame number of timecode {value!r} must be below {limit} at {rate} frames per second.",
                value=text,
                limit=rate.nominal_fps,
                rate=str(rate),
            )
        count = (hours * 3600 + minutes * 60 + seconds) * rate.nominal_fps + frames
        return count - _drop_correction(text, count, rate) if ";" in (match[2], match[5]) else count
    if (match := _CLOCK_PATTERN.fullmatch(text)) and (match[1] is None or int(match[2]) < 60):
        minutes = int(match[1] or 0) * 60 + int(match[2])
        return rate.frames(minutes * 60 + Fraction(match[3].replace(",", ".")))
    if (match := _UNITS_PATTERN.fullmatch(text)) and len([part for part in match.groups() if part]) > 1:
        hours, minutes, last = int(match[1] or 0), int(match[2] or 0), Fraction((match[3] or "0").replace(",", "."))
        # A last number without a unit has the next smaller one: `1h30` is an hour and a half.
        is_minutes = match[2] is None and text[-1].isdigit()
        return rate.frames(hours * 3600 + minutes * 60 + (60 * last if is_minutes else last))
    number, unit = text, "s"
    if match := _UNIT_PATTERN.fullmatch(text):
        number, unit = match[1], match[2]
    try:
        seconds_exact = parse_fraction(number.replace(",", ".", 1)) * _UNIT_SECONDS[unit]
    except (ValueError, ZeroDivisionError):
        seconds_exact = Fraction(-1)
    if not 0 <= seconds_exact <= MAX_SECONDS:
        raise TimeError(
            "time.invalid",
            "Not a time: {value!r}. Write seconds (12.5), minutes and seconds (1:30), timecode (00:00:12:12) or frames (300f).",
            value=text[:MAX_SHOWN_CHARS],
        )
    return rate.frames(seconds_exact)


def _dropped_per_minute(rate: Rate) -> int:
    if not rate.has_drop_frame:
        raise TimeError(
            "timecode.no_drop_frame",
            "No drop-frame timecode at {rate} frames per second. Write ':' before the frames.",
            rate=str(rate),
        )
    # 2 numbers at 29.97, 4 at 59.94.
    return rate.nominal_fps // 15


def _dropped_before(frame: int, rate: Rate) -> int:
    """Return the timecode numbers skipped before this frame: 2 (or 4) at the start of each minute, except every tenth minute."""
    drop = _dropped_per_minute(rate)
    per_minute = rate.nominal_fps * 60 - drop
    per_ten = rate.nominal_fps * 600 - 9 * drop
    tens, rest = divmod(frame, per_ten)
    # The first of ten minutes drops nothing, so it is `drop` frames longer: so `rest - drop`.
    return tens * 9 * drop + max(0, (rest - drop) // per_minute) * drop


def _drop_correction(text: str, count: int, rate: Rate) -> int:
    drop = _dropped_per_minute(rate)
    minutes, within = divmod(count, rate.nominal_fps * 60)
    if minutes % 10 and within < drop:
        raise TimeError(
            "timecode.dropped",
            "Timecode {value!r} does not exist: drop-frame skips the first {count} numbers of that minute.",
            value=text,
            count=drop,
        )
    return (minutes - minutes // 10) * drop
