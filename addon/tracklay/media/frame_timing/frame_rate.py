"""The frame rate of a video stream, from the times of its first frames and ffmpeg's description of it."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from ...timing import NTSC_DENOMINATOR, Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

TIME_TOLERANCE_SECONDS = Fraction(1, 1000)
"""Seconds within which two times are equal: Matroska rounds to milliseconds."""

FIXED_RATE_STREAMS = ("h261", "h263")
"""ffmpeg's names of raw streams whose codec has one rate, 30000/1001. ffmpeg counts the first packets at 25 frames per second."""

NEARLY_EQUAL_STEPS = Fraction(3, 10)
"""Deviation from the typical distance of two frames, as a part of it, up to which a camera's clock is taken to be uneven, not its rate."""

STANDARD_RATES = (
    *(Rate(Fraction(whole * 1000, NTSC_DENOMINATOR)) for whole in (24, 30, 48, 60, 120)),
    *(Rate(Fraction(whole)) for whole in (10, 12, 15, 24, 25, 30, 48, 50, 60, 90, 100, 120)),
)
"""Frame rates that cameras and screens have."""

MIN_TICKS_OF_FRAME = 100
"""Ticks that a frame lasts, at least, if one tick from frame to frame makes it a number and not a time."""

_FPS = re.compile(r"([\d.]+k?) (fps|tbr)\b")


def detect_frame_rate(stream_description: str, times: Sequence[Fraction], tick: Fraction) -> Rate:
    """Return the frame rate of a stream's first frames.

    Exact if all frames are equally far apart, or as equally as their clock can say; else the average of the frames if they are nearly so
    (a phone's), else ffmpeg's average of the whole stream, with NTSC rates made exact.

    Args:
        stream_description: ffmpeg's, which rounds, and may be that of a header which the frames contradict.
        times: times of the first frames, ascending, in seconds.
        tick: seconds of the stream's time base.
    """
    steps = [b - a for a, b in pairwise(times)]
    if len(set(steps)) == 1 and (1 / steps[0]).denominator in (1, NTSC_DENOMINATOR):
        return Rate(1 / steps[0])
    described = _described_rate(stream_description, "fps", "tbr")
    if not steps:
        return described or Rate(Fraction(25))  # a still: ffmpeg's own default
    average = Rate(len(steps) / (times[-1] - times[0]))
    for rate in (described, *STANDARD_RATES, average):
        # Of a much higher rate any time is nearly a frame.
        if rate is not None and rate.fps * min(steps) < Fraction(3, 2) and is_on_grid(times, rate, tick):
            return rate
    typical = sorted(steps)[len(steps) // 2]
    if all(abs(step - typical) < typical * NEARLY_EQUAL_STEPS for step in steps) or described is None:
        return min(STANDARD_RATES, key=lambda rate: abs(rate.fps - average.fps)) if _is_near(average) else average
    return described


def _described_rate(stream_description: str, *kinds: str) -> Rate | None:
    """Return the rate that ffmpeg describes: `fps`, the average of the packets' times, or `tbr`, that of the codec; None without."""
    found = {name: value for value, name in _FPS.findall(stream_description)}
    value = next((found[kind] for kind in kinds if kind in found), None)
    if not value or float(value.rstrip("k")) <= 0:
        return None
    return Rate.from_value(str(float(value[:-1]) * 1000) if value.endswith("k") else value)


def numbered_rate(times: Sequence[Fraction], tick: Fraction, stream_description: str) -> Rate | None:
    """Return the rate of a raw stream whose times are the numbers of its pictures, taken for ticks of a clock (Dirac); else None."""
    rate = _described_rate(stream_description, "tbr", "fps")
    if rate is None or rate.seconds(1) < MIN_TICKS_OF_FRAME * tick:
        return None
    return rate if len(times) > 1 and all(b - a == tick for a, b in pairwise(times)) else None


def fixed_rate(times: Sequence[Fraction], container_names: Sequence[str], stream_description: str) -> Rate | None:
    """Return the rate of a raw stream of a codec with a fixed rate, if its packets have another; else None."""
    rate = _described_rate(stream_description, "tbr")
    if rate is None or not any(name in FIXED_RATE_STREAMS for name in container_names):
        return None
    return None if all(b - a == rate.seconds(1) for a, b in pairwise(times)) else rate


def _is_near(average: Rate) -> bool:
    """Return True if a standard rate is within a hundredth of an average."""
    return any(abs(rate.fps / average.fps - 1) < Fraction(1, 100) for rate in STANDARD_RATES)


def is_on_grid(times: Sequence[Fraction], rate: Rate, tick: Fraction) -> bool:
    """Return True if every time is a whole number of frames after the first, as exactly as the clock's ticks allow."""
    # A tick of the length of a frame rounds nothing.
    tolerance = max(tick if tick * rate.fps < Fraction(1, 4) else Fraction(0), TIME_TOLERANCE_SECONDS)
    return all(abs(rate.seconds(rate.frames(time - times[0])) - (time - times[0])) <= tolerance for time in times)
