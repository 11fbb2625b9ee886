"""Probes media files: streams, exact frame times, start and end. Uses ffmpeg alone: imageio-ffmpeg bundles no ffprobe.

ffmpeg's `framecrc` muxer writes one line per packet, with its time in the stream's own time base, which is exact. ffmpeg's description of
the input, which rounds, is read only for names, and for frame rates that the packets do not give.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidInput, MediaError, file_not_found_error
from ..timing import Rate
from . import ffmpeg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..cancellation import CancelToken

PROBE_PACKETS = 48
"""Packets read for the frame rate and the first frame: more than any B-frame delay."""

TAIL_SEEK_SECONDS = 4
"""Seconds before the file's end in which the last frame is looked for first. If the sound is longer than the picture by more, all
packets are read."""

TIME_TOLERANCE_SECONDS = Fraction(1, 1000)
"""Seconds within which two times are equal: Matroska rounds to milliseconds."""

NO_TIMESTAMP_VALUES = ("NOPTS", str(-(1 << 63)))
"""`framecrc`'s time of a packet without a timestamp (MPEG-PS gives only every few packets one)."""

UNINDEXED_CONTAINERS = ("mpegts", "mpeg")
"""ffmpeg's names of containers without an index: a seek lands near the time, and not on a key frame."""

KEY_FLAG, DISCARD_FLAG = 1, 4
"""Packet flags as `framecrc` writes them; without any it means `KEY_FLAG` alone (`AV_PKT_FLAG_*` in libavcodec)."""

_VIDEO = re.compile(r"Stream #\d+:\d+.*?: Video: (?P<codec>\w+)(?P<rest>.*)")
_AUDIO = re.compile(r"Stream #\d+:\d+.*?: Audio: (?P<codec>\w+).*?, (?P<rate>\d+) Hz, (?P<layout>[^,]+)")
_FPS = re.compile(r"([\d.]+k?) (fps|tbr)\b")
_ALPHA = re.compile(r"\b(yuva\d|rgba|bgra|argb|abgr|gbrap|ya8|ya16|pal8)")
_TIMECODE = re.compile(r"^\s*timecode\s*: (\d\d:\d\d:\d\d[:;.]\d\d+)")
_CONTAINER = re.compile(r"Input #0, (?P<names>\S+), from")


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


@dataclass(frozen=True, slots=True)
class VideoHeader:
    """A video stream as far as the start of its file describes it.

    Attributes:
        codec: ffmpeg's name of the codec.
        size: stored width and height in pixels.
        rate: frame rate.
        time_base: tick of the packets' times, in seconds.
        start: time of the first frame, in seconds on the file's own clock.
        has_alpha: the picture may be transparent.
        is_progressive: the stream is marked as having no fields.
        is_still: the stream has a single frame.
        has_index: a seek lands on a key frame.
        timecode: timecode of the first frame; empty if the file has none.
    """

    codec: str
    size: tuple[int, int]
    rate: Rate
    time_base: Fraction
    start: Fraction
    has_alpha: bool
    is_progressive: bool
    is_still: bool
    has_index: bool
    timecode: str


@dataclass(frozen=True, slots=True)
class VideoStream(VideoHeader):
    """A video stream with its end: that of the last frame, in seconds on the file's own clock."""

    end: Fraction

    @property
    def frames(self) -> int:
        """The stream's length in frames."""
        return self.rate.frames(self.end - self.start)


@dataclass(frozen=True, slots=True)
class AudioStream:
    """An audio stream: codec, sample rate in Hz, and ffmpeg's name of the channel layout (`stereo`, `5.1(side)`)."""

    codec: str
    sample_rate: int
    layout: str


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A media file: path, ffmpeg's name of the container (`mov,mp4,m4a,3gp,3g2,mj2`), its video stream if any, its audio streams."""

    path: Path
    container: str
    video: VideoStream | None
    audio: tuple[AudioStream, ...]


class _PacketListing(NamedTuple):
    """The packets of one stream, its time base in seconds, its width and height in pixels, and ffmpeg's log about the file."""

    packets: list[Packet]
    time_base: Fraction
    size: tuple[int, int]
    log_lines: tuple[str, ...]


def check_file(path: Path) -> Path:
    """Return the path of a file that is not empty.

    Raises:
        InvalidInput: it is missing, a folder, or empty.
    """
    if not path.exists():
        raise file_not_found_error(path)
    if not path.is_file():
        raise InvalidInput("media.not_a_file", "Not a file: {path}.", path=path)
    if path.stat().st_size == 0:
        raise InvalidInput("media.empty_file", "The file is empty: {path}. Export it again.", path=path)
    return path


def _read_action(path: Path) -> str:
    return f"Could not read {path}"


def _as_invalid_input(error: MediaError) -> InvalidInput:
    """Return the error for an input that ffmpeg cannot read: only the user can choose another."""
    return InvalidInput("media.unreadable", "{error}", error=error)


def probe_media(path: Path, *, cancel_token: CancelToken | None = None) -> MediaInfo:
    """Return a description of a media file. Reads its start and its end, whatever its length.

    Raises:
        InvalidInput: the file is missing, or ffmpeg cannot read it.
    """
    header, log_lines = _read_header(path, cancel_token)
    container = _parse_container(log_lines)
    audio = _parse_audio_streams(log_lines)
    if header is None:
        return MediaInfo(path, container, None, audio)
    values = {field.name: getattr(header, field.name) for field in fields(header)}
    return MediaInfo(path, container, VideoStream(**values, end=_picture_end(path, header, cancel_token)), audio)


def probe_audio(
    path: Path, *, cancel_token: CancelToken | None = None
) -> tuple[tuple[AudioStream, ...], Packet | None]:
    """Return a file's audio streams and the first packet of the first one: all that decoding needs, in one run of ffmpeg.

    Raises:
        InvalidInput: the file is missing, or ffmpeg cannot read it.
    """
    check_file(path)
    try:
        listing = _read_packets(path, "0:a:0", cancel_token=cancel_token, max_packets=1)
    except ffmpeg.StreamNotFound:
        return (), None
    except MediaError as error:
        raise _as_invalid_input(error) from error
    return _parse_audio_streams(listing.log_lines), next(iter(listing.packets), None)


def _parse_audio_streams(log_lines: tuple[str, ...]) -> tuple[AudioStream, ...]:
    return tuple(
        AudioStream(m["codec"], int(m["rate"]), m["layout"].strip())
        for line in _input_lines(log_lines)
        if (m := _AUDIO.search(line))
    )


def _first_decoded_time(path: Path, cancel_token: CancelToken | None) -> Fraction:
    """Return the first frame's time as the decoder computes it, for packets without a presentation time (H.264 in AVI)."""
    stream = ffmpeg.input_stream(path, copyts=None).output(
        "pipe:", **{"map": "0:V:0", "format": "framecrc", "fps_mode": "passthrough", "frames:v": 1}
    )
    text, _ = ffmpeg.capture_stdout(stream, _read_action(path), cancel_token=cancel_token)
    base = next(
        (Fraction(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("#tb")), Fraction(1)
    )
    return next((int(line.split(",")[2]) * base for line in text.splitlines() if not line.startswith("#")), Fraction(0))


def _parse_container(log_lines: tuple[str, ...]) -> str:
    return next((m["names"] for line in log_lines if (m := _CONTAINER.search(line))), "").rstrip(",")


def read_video_header(path: Path, *, cancel_token: CancelToken | None = None) -> VideoHeader:
    """Return the video stream as the start of the file describes it: all that decoding needs.

    Raises:
        InvalidInput: the file has no video, or cannot be read.
    """
    header, _ = _read_header(path, cancel_token)
    if header is None:
        raise _no_video_error(path)
    return header


def _read_header(path: Path, cancel_token: CancelToken | None) -> tuple[VideoHeader | None, tuple[str, ...]]:
    check_file(path)
    # An edit list may exclude the whole beginning: all packets are read then.
    for count in (PROBE_PACKETS, None):
        try:
            packets, time_base, size, log_lines = _read_packets(
                path, "0:V:0?", cancel_token=cancel_token, max_packets=count
            )
        except ffmpeg.StreamNotFound:
            return None, _describe_input(path)
        except MediaError as error:
            raise _as_invalid_input(error) from error
        if count is None or not packets or not all(packet.is_discarded for packet in packets):
            break
    # An attached picture is the cover of a sound file.
    descriptions = (line for line in _input_lines(log_lines) if "attached pic" not in line)
    description = next((match for line in descriptions if (match := _VIDEO.search(line))), None)
    shown = [packet for packet in packets if not packet.is_discarded]
    if description is None or not shown:
        return None, log_lines
    # Frames before the first key frame (an open GOP, cut) cannot be decoded and do not count.
    first_key = min((packet.time for packet in packets if packet.is_key), default=shown[0].time)
    start = min(packet.time for packet in shown if packet.time >= first_key)
    if not all(packet.has_pts for packet in shown):
        start = _first_decoded_time(path, cancel_token)
    rest = description["rest"]
    header = VideoHeader(
        description["codec"],
        size,
        _detect_frame_rate(rest, shown),
        time_base,
        start,
        has_alpha=bool(_ALPHA.search(rest)),
        is_progressive="progressive" in rest,
        is_still=len(packets) == 1,
        has_index=_parse_container(log_lines) not in UNINDEXED_CONTAINERS,
        timecode=next((m[1] for line in _input_lines(log_lines) if (m := _TIMECODE.search(line))), ""),
    )
    return header, log_lines


def probe_video(path: Path, *, cancel_token: CancelToken | None = None) -> tuple[MediaInfo, VideoStream]:
    """Return a description of a media file, and of its video stream.

    Raises:
        InvalidInput: the file has no video, or cannot be read.
    """
    media = probe_media(path, cancel_token=cancel_token)
    if media.video is None:
        raise _no_video_error(path)
    return media, media.video


def _no_video_error(path: Path) -> InvalidInput:
    return InvalidInput("media.no_video", "The file has no video: {path}.", path=path)


def frame_times(path: Path, *, cancel_token: CancelToken | None = None) -> tuple[Fraction, ...]:
    """Return the times of all video frames of a file, perhaps none: ascending, in seconds on the file's own clock. Decodes nothing."""
    return frame_times_and_size(path, cancel_token=cancel_token)[0]


def frame_times_and_size(
    path: Path, *, cancel_token: CancelToken | None = None
) -> tuple[tuple[Fraction, ...], tuple[int, int]]:
    """Return `frame_times`, and the stored width and height in pixels, in one run of ffmpeg."""
    try:
        listing = _read_packets(path, "0:V:0", cancel_token=cancel_token)
    except ffmpeg.StreamNotFound:
        return (), (0, 0)
    return tuple(sorted(packet.time for packet in listing.packets if not packet.is_discarded)), listing.size


def key_times(
    path: Path, begin: Fraction, end: Fraction, *, cancel_token: CancelToken | None = None
) -> tuple[Fraction, ...]:
    """Return the times of the key frames from `begin` to `end`: ascending, in seconds on the file's own clock. Decodes nothing."""
    seek: dict[str, Any] = {"seek_timestamp": 1, "ss": f"{float(begin):.6f}", "t": f"{float(end - begin):.6f}"}
    packets = _read_packets(path, "0:V:0", cancel_token=cancel_token, **seek).packets
    return tuple(sorted(packet.time for packet in packets if packet.is_key and begin <= packet.time <= end))


def _read_packets(
    path: Path,
    stream_specifier: str,
    *,
    cancel_token: CancelToken | None,
    max_packets: int | None = None,
    **seek: Any,
) -> _PacketListing:
    """Return one stream's packets, or its first `max_packets`. `seek` are ffmpeg's options for the input."""
    options: dict[str, Any] = {"map": stream_specifier, "c": "copy", "copypriorss": 1, "format": "framecrc"}
    if max_packets is not None:
        options["frames:a" if ":a" in stream_specifier else "frames:v"] = max_packets
    stream = ffmpeg.input_stream(path, copyts=None, **seek).output("pipe:", copyinkf=None, **options)
    text, log_lines = ffmpeg.capture_stdout(stream, _read_action(path), cancel_token=cancel_token)
    base = Fraction(1)
    size = (0, 0)
    packets: list[Packet] = []
    for line in text.splitlines():
        if line.startswith("#tb"):
            base = Fraction(line.rpartition(" ")[2])
        elif line.startswith("#dimensions"):
            width, _, height = line.rpartition(" ")[2].partition("x")
            size = int(width), int(height)
        elif not line.startswith("#"):
            # stream, dts, pts, duration, size, checksum, then flags (`F=0x5`) and side data (`S=1,...`) if there are any
            parts = line.replace(" ", "").split(",")
            ticks = next((part for part in (parts[2], parts[1]) if part not in NO_TIMESTAMP_VALUES), None)
            if ticks is not None:
                rest = parts[6:]
                flags = next((int(part.removeprefix("F="), 0) for part in rest if part.startswith("F=0x")), KEY_FLAG)
                packets.append(
                    Packet(
                        int(ticks) * base,
                        int(parts[3]) * base,
                        is_key=bool(flags & KEY_FLAG),
                        has_skip_samples=any(part.startswith("S=") for part in rest),
                        is_discarded=bool(flags & DISCARD_FLAG),
                        has_pts=ticks == parts[2],
                    )
                )
    return _PacketListing(packets, base, size, log_lines)


def _describe_input(path: Path) -> tuple[str, ...]:
    """Return ffmpeg's log about a file that has no video."""
    log_lines: deque[str] = deque()
    stream = ffmpeg.input_stream(path).output("pipe:", map="0", t=0, c="copy", format="null")
    for _ in ffmpeg.read_stdout(stream, _read_action(path), ffmpeg.PIPE_CHUNK_BYTES, stderr_lines=log_lines):
        pass
    return tuple(log_lines)


def _input_lines(log_lines: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines about the input: those about the output look alike, and come after them."""
    for line in log_lines:
        if line.startswith("Output #0"):
            return
        yield line


def _detect_frame_rate(stream_description: str, packets: list[Packet]) -> Rate:
    """Return the frame rate: exact if all frames are equally far apart, else as ffmpeg describes it, with NTSC rates made exact."""
    times = sorted({packet.time for packet in packets})
    steps = {b - a for a, b in pairwise(times)}
    if len(steps) == 1 and (step := steps.pop()) > 0 and (1 / step).denominator in (1, 1001):
        return Rate(1 / step)
    found = {name: value for value, name in _FPS.findall(stream_description)}
    value = found.get("fps") or found.get("tbr")
    if value:
        return Rate.from_value(str(float(value[:-1]) * 1000) if value.endswith("k") else value)
    if len(times) > 1:
        return Rate((len(times) - 1) / (times[-1] - times[0]))
    return Rate(Fraction(25))  # a still: ffmpeg's own default


def _picture_end(path: Path, header: VideoHeader, cancel_token: CancelToken | None) -> Fraction:
    for tail in ({"sseof": -TAIL_SEEK_SECONDS}, {}):
        packets = _read_packets(path, "0:V:0", cancel_token=cancel_token, **tail).packets
        ends = [
            packet.time + (packet.seconds or header.rate.seconds(1)) for packet in packets if not packet.is_discarded
        ]
        if ends:
            return max(ends)
    raise MediaError("media.no_frames", "The video has no frames: {path}.", path=path)
