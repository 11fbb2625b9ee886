"""Packets of a stream, and the times at which its frames are shown, as ffmpeg's demuxers and decoders give them.

ffmpeg's `framecrc` muxer writes one line per packet, with its time in the stream's own time base, which is exact. Packets without a
presentation time (program streams, AVI and raw streams with B-frames) have only times of decoding: when their frames are shown is known
after decoding alone, from the `showinfo` filter.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import MediaError
from . import ffmpeg
from .frame_timing.shown_frames import ShownFrameParser, counted_output

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ..cancellation import CancelToken

NO_TIMESTAMP_VALUES = ("NOPTS", str(-(1 << 63)))
"""`framecrc`'s time of a packet without a timestamp (MPEG-PS gives only every few packets one)."""

KEY_FLAG, DISCARD_FLAG = 1, 4
"""Packet flags as `framecrc` writes them; without any it means `KEY_FLAG` alone (`AV_PKT_FLAG_*` in libavcodec)."""

DIRAC_HEADER_BYTES = 13
"""Size of a Dirac packet without a picture, as the end of a sequence is."""

SMALL_FILE_BYTES = 8 << 20
"""Size of a file up to which all of its packets are read at once, in a few milliseconds: its start, its end and its content are then known
from one start of ffmpeg, which takes longer."""

SEEK_CHECK_PACKETS = 4
"""Packets after a seek whose times and content are compared with those of the same file read from its start."""

FRAME_TIMEOUT_SECONDS = 600.0
"""Seconds that one frame may take. The first may need minutes of decoding: some files have a single key frame."""

PROGRESS_BYTES = 64
"""Bytes of ffmpeg's progress report that are read at a time."""

MAX_CLOCK_STEP_SECONDS = 10
"""Seconds between two packets from which ffmpeg takes a step forward for a new clock (`dts_delta_threshold`)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet of a stream.

    Attributes:
        time: start in seconds, on the file's own clock. Without `has_pts` it is the time of decoding.
        seconds: length in seconds.
        is_key: decoding can begin here.
        has_skip_samples: the container gives a number of samples to skip (an encoder's priming).
        is_discarded: the edit list excludes the packet: other frames need it decoded, and it is never shown.
        has_pts: the packet has a presentation time.
    """

    time: Fraction
    seconds: Fraction
    is_key: bool
    has_skip_samples: bool
    is_discarded: bool
    has_pts: bool


class PacketListing(NamedTuple):
    """The packets of one stream, its time base in seconds, its width and height in pixels, and ffmpeg's log about the file.

    `content_hash` is equal for two streams with the same codec, decoder settings and packets, whatever their containers and times.
    """

    packets: list[Packet]
    time_base: Fraction
    size: tuple[int, int]
    log_lines: tuple[str, ...]
    content_hash: str


@dataclass(frozen=True, slots=True)
class PacketIndex:
    """All packets of a file's video stream, in ticks of `time_base` seconds on the file's own clock.

    Attributes:
        time_base: seconds of a tick.
        times: times of the packets that are shown, ascending.
        keys: times of the key frames, ascending.
        end: the latest end of a packet.
        checksums: of each packet's data, by time.
        has_pts: every packet has a presentation time.
        is_reordered: a packet is shown earlier than one before it in the file.
        is_even: the packets' times of decoding are equally far apart.
        is_continuous: the clock is never set back, and makes no large step forward.
    """

    time_base: Fraction
    times: tuple[int, ...]
    keys: tuple[int, ...]
    end: int
    checksums: dict[int, str]
    has_pts: bool
    is_reordered: bool
    is_even: bool
    is_continuous: bool

    def keys_between(self, begin: Fraction, end: Fraction) -> list[Fraction]:
        """Return the times of the key frames from `begin` to `end` seconds."""
        first, last = bisect_left(self.keys, begin / self.time_base), bisect_right(self.keys, end / self.time_base)
        return [tick * self.time_base for tick in self.keys[first:last]]


MAX_REORDERED_PACKETS = 16
"""Packets at the start of a stream whose times of decoding may be guessed: the most frames that H.264 and HEVC hold back."""


class _Line(NamedTuple):
    """A line of `framecrc`: times in ticks, None without; duration in ticks; checksum; flags; True with samples to skip."""

    dts: int | None
    pts: int | None
    duration: int
    checksum: str
    flags: int
    has_skip_samples: bool


class _Listing(NamedTuple):
    lines: list[_Line]
    time_base: Fraction
    size: tuple[int, int]
    log_lines: tuple[str, ...]
    content_hash: str


def clock_options(*, runs_on: bool) -> dict[str, Any]:
    """Return ffmpeg's options for an input: the file's own clock, or, with `runs_on`, ffmpeg's, which is never set back and begins at 0."""
    return {} if runs_on else {"copyts": None}


def read_packets(
    path: Path,
    stream_specifier: str,
    *,
    cancel_token: CancelToken | None,
    max_packets: int | None = None,
    runs_on: bool = False,
    **seek: Any,
) -> PacketListing:
    """Return one stream's packets, or its first `max_packets`. `seek` are ffmpeg's options for the input.

    Raises:
        StreamNotFound: the file has no such stream.
        MediaError: it cannot be read.
    """
    return _list_packets(
        _read_lines(path, stream_specifier, cancel_token, max_packets=max_packets, runs_on=runs_on, seek=seek)
    )


def _list_packets(listing: _Listing) -> PacketListing:
    base = listing.time_base
    packets = [
        Packet(
            ticks * base,
            line.duration * base,
            is_key=bool(line.flags & KEY_FLAG),
            has_skip_samples=line.has_skip_samples,
            is_discarded=bool(line.flags & DISCARD_FLAG),
            has_pts=line.pts is not None,
        )
        for line in listing.lines
        if (ticks := line.dts if line.pts is None else line.pts) is not None
    ]
    return PacketListing(packets, base, listing.size, listing.log_lines, listing.content_hash)


def _read_lines(
    path: Path,
    stream_specifier: str,
    cancel_token: CancelToken | None,
    *,
    max_packets: int | None = None,
    runs_on: bool = False,
    seek: Mapping[str, Any] = MappingProxyType({}),
    shows_first_frame: bool = False,
) -> _Listing:
    """Return what `framecrc` writes of a stream. With `shows_first_frame` the log has the first frame of the video, decoded."""
    import ffmpeg as builder  # noqa: PLC0415 - ffmpeg-python, slow to import

    source = ffmpeg.input_stream(path, **clock_options(runs_on=runs_on), **seek)
    stream = _packet_output(source, stream_specifier, max_packets)
    if shows_first_frame:
        frame = source["V:0"].filter("showinfo", checksum=0)
        stream = builder.merge_outputs(stream, counted_output(frame, format="null", **{"frames:v": 1}))
    return _parse_lines(*ffmpeg.capture_stdout(stream, read_action(path), cancel_token=cancel_token))


def _packet_output(source: Any, stream_specifier: str, max_packets: int | None = None) -> Any:
    """Return the output of an input's stream for `_parse_lines`, to a pipe."""
    options: dict[str, Any] = {"c": "copy", "copypriorss": 1, "format": "framecrc"}
    if max_packets is not None:
        options["frames:a" if ":a" in stream_specifier else "frames:v"] = max_packets
    return source.output("pipe:", copyinkf=None, map=stream_specifier, **options)


def _parse_lines(text: str, log_lines: tuple[str, ...]) -> _Listing:
    base = Fraction(1)
    size, codec = (0, 0), ""
    lines: list[_Line] = []
    content = hashlib.sha256()
    for line in text.splitlines():
        if line.startswith(("#codec_id", "#extradata")):
            content.update(line.encode())
        if line.startswith("#codec_id"):
            codec = line.rpartition(" ")[2]
        elif line.startswith("#tb"):
            base = Fraction(line.rpartition(" ")[2])
        elif line.startswith("#dimensions"):
            width, _, height = line.rpartition(" ")[2].partition("x")
            size = int(width), int(height)
        elif not line.startswith("#"):
            # stream, dts, pts, duration, size, checksum, then flags (`F=0x5`) and side data (`S=1,...`) if there are any
            parts = line.replace(" ", "").split(",")
            content.update(",".join(parts[4:6]).encode())
            dts, pts = (None if part in NO_TIMESTAMP_VALUES else int(part) for part in parts[1:3])
            if codec == "dirac" and int(parts[4]) == DIRAC_HEADER_BYTES:
                continue
            rest = parts[6:]
            flags = next((int(part.removeprefix("F="), 0) for part in rest if part.startswith("F=0x")), KEY_FLAG)
            lines.append(_Line(dts, pts, int(parts[3]), parts[5], flags, any(part.startswith("S=") for part in rest)))
    return _Listing(lines, base, size, log_lines, content.hexdigest())


def read_action(path: Path) -> str:
    """Return the beginning of an error about reading a file."""
    return f"Could not read {path}"


def index_packets(path: Path, *, runs_on: bool = False, cancel_token: CancelToken | None = None) -> PacketIndex:
    """Return all packets of a file's video stream. Reads the whole file, once for each state of the file.

    Raises:
        MediaError: it cannot be read.
    """
    stat = stat_file(path)
    return _index_packets(path, stat.st_size, stat.st_mtime_ns, Uncompared(cancel_token), runs_on=runs_on)


class Uncompared:
    """A value that a cache's key ignores, as a cancel token."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Uncompared)

    def __hash__(self) -> int:
        return 0


def stat_file(path: Path) -> os.stat_result:
    """Return the state of a file.

    Raises:
        MediaError: it is gone, or its folder cannot be read.
    """
    try:
        return path.stat()
    except OSError as error:
        raise MediaError(
            "media.file_unreadable", "Cannot read {path}: {reason}.", path=path, reason=error.strerror or error
        ) from error


def is_small(path: Path) -> bool:
    """Return True if all packets of a file are read at once. Raises as `stat_file`."""
    return stat_file(path).st_size <= SMALL_FILE_BYTES


def read_all_packets(path: Path, *, runs_on: bool = False, cancel_token: CancelToken | None = None) -> PacketListing:
    """Return all packets of a file's video stream; of a small file once for each of its states. Raises as `read_packets`."""
    if not is_small(path):  # its packets would fill the memory
        return read_packets(path, "0:V:0", runs_on=runs_on, cancel_token=cancel_token)
    stat = stat_file(path)
    key = path.absolute(), stat.st_size, stat.st_mtime_ns, stat.st_ino
    return _read_small_file(*key, Uncompared((path, cancel_token)), runs_on=runs_on)


@lru_cache(maxsize=4)
def _read_small_file(
    _path: Path, _size: int, _mtime: int, _inode: int, uncompared: Uncompared, *, runs_on: bool
) -> PacketListing:
    path, cancel_token = uncompared.value
    return read_packets(path, "0:V:0", runs_on=runs_on, cancel_token=cancel_token)


@lru_cache(maxsize=4)
def _index_packets(path: Path, _size: int, _mtime: int, token: Uncompared, *, runs_on: bool) -> PacketIndex:
    listing = _read_lines(path, "0:V:0", token.value, runs_on=runs_on)
    times: list[int] = []
    keys: list[int] = []
    checksums: dict[int, str] = {}
    end, last_dts, is_continuous = 0, None, True
    for number, line in enumerate(listing.lines):
        ticks = line.dts if line.pts is None else line.pts
        if ticks is None:
            continue
        if line.dts is not None:
            # ffmpeg lets no time of decoding fall: where the clock is set back, the same time comes again and again. At the start of a
            # stream that was cut between reordered frames it comes again for a few packets, until their order is known.
            step = 1 if last_dts is None else line.dts - last_dts
            may_repeat = number < MAX_REORDERED_PACKETS
            is_large = step * listing.time_base >= MAX_CLOCK_STEP_SECONDS
            is_continuous = is_continuous and (step > 0 or may_repeat) and not is_large
            last_dts = line.dts
        checksums[ticks] = line.checksum
        if not line.flags & DISCARD_FLAG:
            times.append(ticks)
            end = max(end, ticks + line.duration)
        if line.flags & KEY_FLAG:
            keys.append(ticks)
    has_pts = all(line.pts is not None for line in listing.lines)
    is_reordered = any(after < before for before, after in pairwise(times))
    decoding = [line.dts for line in listing.lines if line.dts is not None]
    steps = {after - before for before, after in pairwise(decoding)}
    return PacketIndex(
        listing.time_base,
        tuple(sorted(times)),
        tuple(sorted(keys)),
        end,
        checksums,
        has_pts=has_pts,
        is_reordered=is_reordered,
        is_even=len(decoding) == len(listing.lines) and max(steps, default=0) - min(steps, default=0) <= 1,
        is_continuous=is_continuous,
    )


def stream_ends(
    path: Path, *, runs_on: bool = False, cancel_token: CancelToken | None = None
) -> tuple[Fraction, Fraction]:
    """Return the end of the video stream's packets, and of those of the longest stream with picture or sound; in seconds on the clock.

    Raises:
        MediaError: the file cannot be read.
    """
    import ffmpeg as builder  # noqa: PLC0415 - ffmpeg-python, slow to import

    source = ffmpeg.input_stream(path, **clock_options(runs_on=runs_on))
    stream = builder.output(source["V:0"], source["a?"], "pipe:", c="copy", format="framecrc")
    bases: dict[str, Fraction] = {}
    ends: dict[str, Fraction] = {}
    for line in ffmpeg.capture_stdout(stream, read_action(path), cancel_token=cancel_token)[0].splitlines():
        if line.startswith("#tb"):
            number, _, base = line.removeprefix("#tb ").partition(": ")
            bases[number] = Fraction(base)
        elif not line.startswith("#"):
            number, dts, pts, duration = line.replace(" ", "").split(",")[:4]
            ticks = next((tick for tick in (pts, dts) if tick not in NO_TIMESTAMP_VALUES), None)
            if ticks is not None:
                ends[number] = max(ends.get(number, Fraction(0)), (int(ticks) + int(duration)) * bases[number])
    return ends.get("0", Fraction(0)), max(ends.values(), default=Fraction(0))


def seek_is_exact(
    path: Path, index: PacketIndex, seek: dict[str, Any], *, cancel_token: CancelToken | None = None
) -> bool:
    """Return True if packets, and the first frame, after a seek have the times that they have when the file is read from its start.

    Without an index a demuxer computes the place from the bit rate, and gives the packets there the times that were asked for (MXF).
    ffmpeg 9 counts the frames of a raw stream from 0, wherever its packets begin.
    """
    listing = _read_lines(
        path, "0:V:0", cancel_token, max_packets=SEEK_CHECK_PACKETS, seek=seek, shows_first_frame=True
    )
    ticks = [(line.dts if line.pts is None else line.pts, line.checksum) for line in listing.lines]
    known = [(tick, checksum) for tick, checksum in ticks if tick is not None]
    if not known or any(index.checksums.get(tick) != checksum for tick, checksum in known):
        return False
    parser = ShownFrameParser(Fraction(0))
    for line in listing.log_lines:
        parser.parse_line(line)
    return bool(parser.frames) and parser.frames[0].time >= min(tick for tick, _ in known) * index.time_base


def decoded_times(
    path: Path,
    frame_seconds: Fraction,
    *,
    max_frames: int | None = None,
    runs_on: bool = False,
    cancel_token: CancelToken | None = None,
) -> tuple[Fraction, ...]:
    """Return the times in seconds at which the decoder shows a file's frames, all or the first `max_frames`: once for each state of a file.

    A frame without a time comes `frame_seconds` after the one before. `runs_on` is as for `clock_options`.

    Raises:
        MediaError: it cannot be decoded.
        Cancelled: the token was cancelled.
    """
    stat = stat_file(path)
    return _decoded_times(
        path, frame_seconds, max_frames, stat.st_size, stat.st_mtime_ns, Uncompared(cancel_token), runs_on=runs_on
    )


@lru_cache(maxsize=8)
def _decoded_times(
    path: Path,
    frame_seconds: Fraction,
    max_frames: int | None,
    _size: int,
    _mtime: int,
    token: Uncompared,
    *,
    runs_on: bool,
) -> tuple[Fraction, ...]:
    parser = ShownFrameParser(frame_seconds)
    # Progress keeps the pipe talking, so that its time limit finds a stalled drive.
    options: dict[str, Any] = {"format": "null", "progress": "pipe:1"}
    if max_frames is not None:
        options["frames:v"] = max_frames
    stream = ffmpeg.input_stream(path, **clock_options(runs_on=runs_on))["V:0"].filter("showinfo", checksum=0)
    read_log(counted_output(stream, **options), path, parser.parse_line, token.value)
    return tuple(frame.time for frame in parser.frames[:max_frames])


def describe_input(path: Path) -> tuple[str, ...]:
    """Return ffmpeg's log about a file that has no video."""
    stream = ffmpeg.input_stream(path).output("pipe:", map="0", t=0, c="copy", format="null")
    return ffmpeg.capture_stdout(stream, read_action(path))[1]


def input_lines(log_lines: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a log about the first input: those about others and the output look alike, and come after them."""
    for line in log_lines:
        if line.startswith(("Input #1", "Output #0")):
            return
        yield line


def read_log(
    stream: Any, path: Path, parse_line: Callable[[str | None], bool], cancel_token: CancelToken | None
) -> None:
    """Decode a stream of a file whose filters write to ffmpeg's log, and hand on each line of it.

    Args:
        stream: with an output to stdout that reports progress, so that a stall is noticed.
        path: the file, for the error.
        parse_line: receives each line; True if it is not to be kept for an error.
        cancel_token: cancels the work.
    """
    with ffmpeg.open_stdout(
        stream,
        f"Could not decode {path}",
        cancel_token=cancel_token,
        log_flags=ffmpeg.INFO_FLAGS,
        on_stderr_line=parse_line,
        timeout_seconds=FRAME_TIMEOUT_SECONDS,
    ) as pipe:
        while pipe.read(PROGRESS_BYTES):
            pass
