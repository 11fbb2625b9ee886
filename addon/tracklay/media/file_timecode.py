"""The timecode of a file's first frame, counted in frames of any rate.

A QuickTime or MP4 file counts it at a rate of its own: cameras at 59.94 frames per second often count 30 timecode frames per
second. ffmpeg prints the timecode and not that rate. Layout: QuickTime File Format Specification, "Timecode media"
(`moov/trak/mdia/minf/stbl/stsd/tmcd`).
"""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..timing import Rate, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .probe import VideoHeader

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_MAX_SAMPLE_DESCRIPTION_BYTES = 4096
"""Bytes of a sample description table that are read: a timecode track has one entry of less than 100."""


def first_timecode_frame(path: Path, video: VideoHeader, rate: Rate) -> Fraction | None:
    """Return the timecode of a file's first frame in frames of `rate`; None if it has none.

    A timecode is a number of frames at its own rate: 10:00:00:00 of a file at 50 is 1,800,000 frames, and 900,000 at 25. Drop-frame
    follows the clock: at 24 and 25 its hours, minutes and seconds are the same, and the numbers that it skips are not missing.
    """
    if not video.timecode:
        return None
    try:
        own_rate = read_timecode_rate(path) or video.rate
    except OSError:
        own_rate = video.rate
    try:
        # Some files write drop-frame timecode with a full stop before the frames; `parse_time` reads a semicolon.
        timecode = video.timecode.replace(".", ";")
        # A rate of 30 or 60 counts the file's frames; one of 24000/1001 falls behind the clock as far as the numbers are skipped.
        follows_clock = rate.fps.denominator == 1 and rate.nominal_fps % 30
        frames = parse_time(timecode.replace(";", ":") if follows_clock else timecode, own_rate)
    except ValueError:
        return None
    return Fraction(frames * rate.nominal_fps, own_rate.nominal_fps)


def is_drop_frame(timecode: str) -> bool:
    """Return True if a file's timecode, as ffmpeg prints it, skips numbers: a semicolon, or a full stop, is before the frames."""
    return ";" in timecode or "." in timecode


def read_timecode_rate(path: Path) -> Rate | None:
    """Return the rate of a file's timecode track; None if it has none, or is not of this format.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        for description in _sample_descriptions(file, 0, size, _CONTAINERS):
            # Version, flags and count of the table: 8 bytes. Then of the entry: size, format, 6 reserved, index; 4 reserved, flags,
            # time scale, frame duration, frames per second.
            if description[12:16] != b"tmcd" or len(description) < 41:
                continue
            time_scale, frame_duration = struct.unpack(">II", description[32:40])
            if time_scale and frame_duration:
                return Rate(Fraction(time_scale, frame_duration))
    return None


def _sample_descriptions(file: BinaryIO, start: int, end: int, containers: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield the sample description table of each track between two positions. Each level holds the next of `containers`."""
    while end - start >= 8:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:  # the size is 64 bits and follows
            extended = file.read(8)
            size, header = (struct.unpack(">Q", extended)[0] if len(extended) == 8 else 0), 16
        elif size == 0:  # to the end of the file
            size = end - start
        if size < header or start + size > end:
            return
        if containers and kind == containers[0]:
            yield from _sample_descriptions(file, start + header, start + size, containers[1:])
        elif kind == b"stsd" and not containers:
            file.seek(start + header)
            yield file.read(min(size - header, _MAX_SAMPLE_DESCRIPTION_BYTES))
        start += size
