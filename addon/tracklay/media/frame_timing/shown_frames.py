"""Frames that a decoder shows, as ffmpeg's `showinfo` filter prints them: their times and sizes, without their pictures."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, NamedTuple

SHOWINFO_PREFIX = re.compile(r"\[(?:Parsed_showinfo|showinfo@)")
SHOWINFO_TIME_BASE = re.compile(r"config in time_base: (\d+)/(\d+)")
SHOWINFO_FRAME = re.compile(r"\bn: *(\d+) pts: *(NOPTS|-?\d+) .*\bs:(\d+)x(\d+)")

COUNTING_TICK = "1/25"
"""Time base in which frames are counted after `showinfo`, so that no muxer complains about their times: its messages may come in the middle
of a line of the filter's."""


class ShownFrame(NamedTuple):
    """A frame that a decoder shows: its time in seconds on the clock, its width and height in pixels."""

    time: Fraction
    size: tuple[int, int]


def counted_output(stream: Any, **options: Any) -> Any:
    """Return the output of a stream, to a pipe, in which every frame is kept and has its number as its time."""
    counted = stream.filter("settb", COUNTING_TICK).filter("setpts", "N")
    return counted.output("pipe:", fps_mode="passthrough", enc_time_base=COUNTING_TICK.replace("/", ":"), **options)


def frame_time(ticks: str, tick: Fraction, before: Fraction | None, frame_seconds: Fraction) -> Fraction:
    """Return the time of a decoded frame, in seconds, from that which `showinfo` prints.

    A decoder shows frames in their order. Where it guesses their times from those of decoding, a time may fall: the frame then comes
    `frame_seconds` after the one before it, as one without a time does.
    """
    time = None if ticks == "NOPTS" else int(ticks) * tick
    if before is None:
        return time or Fraction(0)
    return time if time is not None and time > before else before + frame_seconds


class ShownFrameParser:
    """Parser of `showinfo`'s output. `frames` are those so far; a frame without a time comes `frame_seconds` after the one before."""

    def __init__(self, frame_seconds: Fraction) -> None:
        self.frames: list[ShownFrame] = []
        self._frame_seconds = frame_seconds
        self._base, self._counted_from = Fraction(1), 0

    def parse_line(self, line: str | None) -> bool:
        """Parse a line of ffmpeg's log, None at its end. Return True if it is `showinfo`'s."""
        if line is None or not SHOWINFO_PREFIX.match(line):
            return False
        frames = self.frames
        if shown := SHOWINFO_FRAME.search(line):
            size = (int(shown[3]), int(shown[4]))
            # A line that another message tore apart is missed.
            while frames and len(frames) - self._counted_from < int(shown[1]):
                frames.append(ShownFrame(frames[-1].time + self._frame_seconds, size))
            time = frame_time(shown[2], self._base, frames[-1].time if frames else None, self._frame_seconds)
            frames.append(ShownFrame(time, size))
        elif found := SHOWINFO_TIME_BASE.search(line):
            self._base, self._counted_from = Fraction(int(found[1]), int(found[2])), len(frames)
        return True
