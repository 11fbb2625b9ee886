"""The timecode of a file's first frame, counted in frames of any rate.

A QuickTime, MP4 or MXF file counts it at a rate of its own: cameras at 59.94 frames per second often count 30 timecode frames per
second, those at 50 count 25. ffmpeg prints the timecode and not that rate. Layouts: QuickTime File Format Specification, "Timecode
media" (`moov/trak/mdia/minf/stbl/stsd/tmcd`); SMPTE ST 377-1, "Timecode Component".
"""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ...timing import Rate, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..probe import VideoHeader

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_MAX_SAMPLE_DESCRIPTION_BYTES = 4096
"""Bytes of a sample description table that are read: a timecode track has one entry of less than 100."""

_MXF_PARTITION_KEY = bytes.fromhex("060e2b3402050101")
"""The first half of the key that an MXF file begins with."""

_MXF_TIMECODE_KEY = bytes.fromhex("060e2b34025301010d01010101011400")
"""The key of a Timecode Component, a local set in the metadata at the beginning of an MXF file."""

_MXF_ROUNDED_BASE_TAG = bytes.fromhex("15020002")
"""The local tag and the length of its Rounded Timecode Base: frames per second, 16 bits."""

_MXF_COMPONENT_BYTES = 256
"""Bytes of a Timecode Component that are read: it has six short items."""

_MXF_METADATA_BYTES = 1 << 20
"""Bytes at the beginning of an MXF file in which its metadata is looked for: a file with many tracks has some ten thousand."""


def first_timecode_frame(path: Path, video: VideoHeader, rate: Rate) -> Fraction | None:
    """Return the timecode of a file's first frame in frames of `rate`; None if it has none.

    A timecode is a number of frames at its own rate: 10:00:00:00 of a file at 50 is 1,800,000 frames, and 900,000 at 25. Drop-frame
    follows the clock: at 24 and 25 its hours, minutes and seconds are the same, and the numbers that it skips are not missing.
    """
    if not video.timecode:
        return None
    own_rate = timecode_rate(path, video)
    try:
        # Some files write drop-frame timecode with a full stop before the frames; `parse_time` reads a semicolon.
        timecode = video.timecode.replace(".", ";")
        # A rate of 30 or 60 counts the file's frames; one of 24000/1001 falls behind the clock as far as the numbers are skipped.
        follows_clock = rate.fps.denominator == 1 and rate.nominal_fps % 30
        frames = parse_time(timecode.replace(";", ":") if follows_clock else timecode, own_rate)
    except ValueError:
        return None
    return Fraction(frames * rate.nominal_fps, own_rate.nominal_fps)


def timecode_rate(path: Path, video: VideoHeader) -> Rate:
    """Return the rate that a file's timecode counts at: its own, or else that of the picture."""
    try:
        return read_timecode_rate(path, video.rate) or video.rate
    except OSError:
        return video.rate


def is_drop_frame(timecode: str) -> bool:
    """Return True if a file's timecode, as ffmpeg prints it, skips numbers: a semicolon, or a full stop, is before the frames."""
    return ";" in timecode or "." in timecode


def read_timecode_rate(path: Path, picture_rate: Rate) -> Rate | None:
    """Return the rate of a file's timecode track; None if it has none, or is not of these formats.

    Args:
        path: the file.
        picture_rate: the rate of its picture, which decides between 30 and 30000/1001 of an MXF file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_MXF_PARTITION_KEY)) == _MXF_PARTITION_KEY:
            file.seek(0)
            return _mxf_timecode_rate(file.read(_MXF_METADATA_BYTES), picture_rate)
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


def _mxf_timecode_rate(metadata: bytes, picture_rate: Rate) -> Rate | None:
    """Return the rate of the first Timecode Component in the metadata of an MXF file, which is that of the material package."""
    begin = metadata.find(_MXF_TIMECODE_KEY)
    component = metadata[begin : begin + _MXF_COMPONENT_BYTES] if begin >= 0 else b""
    at = component.find(_MXF_ROUNDED_BASE_TAG)
    base = int.from_bytes(component[at + 4 : at + 6], "big") if at >= 0 else 0
    # The base is a whole number; the clock runs as the picture does: 30 of a picture at 60000/1001 are 30000/1001.
    return Rate(base * picture_rate.fps / picture_rate.nominal_fps) if base else None


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
