"""What a media file is: its streams, its frames' exact times, where it begins and ends. ffmpeg alone, no ffprobe.

ffmpeg's `framecrc` writes one line a packet with its time in the stream's own time base, which is exact; its description
of the input (which rounds) is read only for names and for rates that the packets cannot tell.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidInput, MediaError
from ..timing import Rate
from . import ffmpeg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..cancellation import CancelToken

PROBE_PACKETS = 48
"""Packets looked at to learn the frame rate: more than any B-frame delay."""

TAIL_SEEK_SECONDS = 4
"""How far from the file's end the last frame is looked for first; a sound that outlasts the picture more costs a full read."""

TIME_TOLERANCE_SECONDS = Fraction(1, 1000)
"""A frame this close to a boundary is on it: Matroska rounds times to milliseconds."""

NO_TIMESTAMP_VALUES = ("NOPTS", str(-(1 << 63)))
"""How `framecrc` writes that a packet has no time of its own (MPEG-PS gives every few packets one)."""

UNINDEXED_CONTAINERS = ("mpegts", "mpeg")
"""Containers with no index, as ffmpeg names them: a seek lands near a time, on no key frame."""

KEY_FLAG, DISCARD_FLAG = 1, 4
"""Packet flags as `framecrc` writes them, where they are not `KEY_FLAG` alone (libavcodec, `AV_PKT_FLAG_KEY` and `_DISCARD`)."""

_VIDEO = re.compile(r"Stream #\d+:\d+.*?: Video: (?P<codec>\w+)(?P<rest>.*)")
_AUDIO = re.compile(r"Stream #\d+:\d+.*?: Audio: (?P<codec>\w+).*?, (?P<rate>\d+) Hz, (?P<layout>[^,]+)")
_FPS = re.compile(r"([\d.]+k?) (fps|tbr)\b")
_ALPHA = re.compile(r"\b(yuva\d|rgba|bgra|argb|abgr|gbrap|ya8|ya16|pal8)")
_TIMECODE = re.compile(r"^\s*timecode\s*: (\d\d:\d\d:\d\d[:;.]\d\d+)")
_CONTAINER = re.compile(r"Input #0, (?P<names>\S+), from")


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet's place: its time and length in seconds, on the file's own clock.

    `is_key` says that decoding can begin at it, `has_skip_samples` that the container says how many of its samples to leave out, `is_discarded` that
    its edit list leaves it out: it is decoded for others' sake and never shown; `has_pts` that it says when it is shown, else its
    time is that of its decoding.
    """

    time: Fraction
    seconds: Fraction
    is_key: bool
    has_skip_samples: bool
    is_discarded: bool
    has_pts: bool


@dataclass(frozen=True, slots=True)
class VideoHeader:
    """What a file's beginning says of its picture.

    `size` is its stored width and height in pixels. `start` is the first frame's time on the file's own clock. `has_alpha` says that
    it may be transparent, `is_progressive` that it says to have no fields, `is_still` that it is one picture, `has_index` that a seek goes
    to a key frame. `timecode` is what the file says its first frame's is, empty where it says none.
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
    """The whole picture stream. `end` is the last frame's end on the file's own clock."""

    end: Fraction

    @property
    def frames(self) -> int:
        """The picture's length in frames of its rate."""
        return self.rate.frames(self.end - self.start)


@dataclass(frozen=True, slots=True)
class AudioStream:
    """A sound stream: its codec, sample rate in Hz, and ffmpeg's name of its channel layout (`stereo`, `5.1(side)`)."""

    codec: str
    sample_rate: int
    layout: str


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A media file: its container as ffmpeg names it (`mov,mp4,m4a,3gp,3g2,mj2`), its picture if any, its sounds."""

    path: Path
    container: str
    video: VideoStream | None
    audio: tuple[AudioStream, ...]


class _PacketListing(NamedTuple):
    """The packets of one stream, its time base, its picture's size, and ffmpeg's words about the file."""

    packets: list[Packet]
    time_base: Fraction
    size: tuple[int, int]
    log_lines: tuple[str, ...]


def check_file(path: Path) -> Path:
    """The path itself, when it is a file with something in it.

    Raises:
        BadInput: it is not.
    """
    if not path.exists():
        raise InvalidInput(f"{path} does not exist: check the name")
    if not path.is_file():
        raise InvalidInput(f"{path} is no file: name a video file")
    if path.stat().st_size == 0:
        raise InvalidInput(f"{path} is empty: export it again")
    return path


def probe_media(path: Path, *, cancel_token: CancelToken | None = None) -> MediaInfo:
    """Describe a media file. Reads its head and its tail, whatever its length.

    Raises:
        BadInput: it is no file, or nothing that ffmpeg can read.
    """
    found, words = _read_header(path, cancel_token)
    container = _parse_container(words)
    audio = _parse_audio_streams(words)
    if found is None:
        return MediaInfo(path, container, None, audio)
    told = {field.name: getattr(found, field.name) for field in fields(found)}
    return MediaInfo(path, container, VideoStream(**told, end=_picture_end(path, found, cancel_token)), audio)


def probe_audio(
    path: Path, *, cancel_token: CancelToken | None = None
) -> tuple[tuple[AudioStream, ...], Packet | None]:
    """A file's sound streams and the first packet of the first: all that is needed to decode it, in one run of ffmpeg.

    Raises:
        BadInput: it is no file, or nothing that ffmpeg can read.
    """
    check_file(path)
    what = f"{path} cannot be read"
    try:
        read = _read_packets(path, what, "0:a:0", cancel_token=cancel_token, max_packets=1)
    except ffmpeg.StreamNotFound:
        return (), None
    except MediaError as error:
        raise InvalidInput(str(error)) from error
    return _parse_audio_streams(read.log_lines), next(iter(read.packets), None)


def _parse_audio_streams(log_lines: tuple[str, ...]) -> tuple[AudioStream, ...]:
    return tuple(
        AudioStream(m["codec"], int(m["rate"]), m["layout"].strip())
        for line in _input_lines(log_lines)
        if (m := _AUDIO.search(line))
    )


def _first_decoded_time(path: Path, error_prefix: str, cancel_token: CancelToken | None) -> Fraction:
    """The first frame's time as a decoder makes it up, where packets don't say when they are shown (H.264 in AVI)."""
    stream = ffmpeg.input_stream(path, copyts=None).output(
        "pipe:", **{"map": "0:V:0", "format": "framecrc", "fps_mode": "passthrough", "frames:v": 1}
    )
    text, _ = ffmpeg.capture_stdout(stream, error_prefix, cancel_token=cancel_token)
    base = next(
        (Fraction(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("#tb")), Fraction(1)
    )
    return next((int(line.split(",")[2]) * base for line in text.splitlines() if not line.startswith("#")), Fraction(0))


def _parse_container(log_lines: tuple[str, ...]) -> str:
    return next((m["names"] for line in log_lines if (m := _CONTAINER.search(line))), "").rstrip(",")


def read_video_header(path: Path, *, cancel_token: CancelToken | None = None) -> VideoHeader:
    """What a file's beginning says of its picture: all that is needed to decode from anywhere in it.

    Raises:
        BadInput: it has none, or cannot be read.
    """
    found, _ = _read_header(path, cancel_token)
    if found is None:
        raise _no_picture_error(path)
    return found


def _read_header(path: Path, cancel_token: CancelToken | None) -> tuple[VideoHeader | None, tuple[str, ...]]:
    check_file(path)
    what = f"{path} cannot be read"
    for count in (PROBE_PACKETS, None):
        try:
            packets, time_base, size, words = _read_packets(
                path, what, "0:V:0?", cancel_token=cancel_token, max_packets=count
            )
        except ffmpeg.StreamNotFound:
            return None, _describe_input(path)
        except MediaError as error:
            raise InvalidInput(str(error)) from error
        if count is None or not packets or not all(packet.is_discarded for packet in packets):
            break
    described = (line for line in _input_lines(words) if "attached pic" not in line)
    named = next((match for line in described if (match := _VIDEO.search(line))), None)
    shown = [packet for packet in packets if not packet.is_discarded]
    if named is None or not shown:
        return None, words
    opens = min((packet.time for packet in packets if packet.is_key), default=shown[0].time)
    start = min(packet.time for packet in shown if packet.time >= opens)
    if not all(packet.has_pts for packet in shown):
        start = _first_decoded_time(path, what, cancel_token)
    rest = named["rest"]
    found = VideoHeader(
        named["codec"],
        size,
        _detect_frame_rate(rest, shown),
        time_base,
        start,
        has_alpha=bool(_ALPHA.search(rest)),
        is_progressive="progressive" in rest,
        is_still=len(packets) == 1,
        has_index=_parse_container(words) not in UNINDEXED_CONTAINERS,
        timecode=next((m[1] for line in _input_lines(words) if (m := _TIMECODE.search(line))), ""),
    )
    return found, words


def probe_video(path: Path, *, cancel_token: CancelToken | None = None) -> tuple[MediaInfo, VideoStream]:
    """A media file that must have picture.

    Raises:
        BadInput: it has none, or cannot be read.
    """
    media = probe_media(path, cancel_token=cancel_token)
    if media.video is None:
        raise _no_picture_error(path)
    return media, media.video


def _no_picture_error(path: Path) -> InvalidInput:
    return InvalidInput(f"{path} has no picture: name a file with a video stream")


def frame_times(path: Path, *, cancel_token: CancelToken | None = None) -> tuple[Fraction, ...]:
    """The times of all frames of a file's picture (perhaps none), rising, on the file's own clock. Decodes nothing."""
    return frame_times_and_size(path, cancel_token=cancel_token)[0]


def frame_times_and_size(
    path: Path, *, cancel_token: CancelToken | None = None
) -> tuple[tuple[Fraction, ...], tuple[int, int]]:
    """`frame_times`, and the picture's stored width and height in pixels, read in one go."""
    try:
        read = _read_packets(path, f"{path} cannot be read", "0:V:0", cancel_token=cancel_token)
    except ffmpeg.StreamNotFound:
        return (), (0, 0)
    return tuple(sorted(packet.time for packet in read.packets if not packet.is_discarded)), read.size


def key_times(
    path: Path, begin: Fraction, end: Fraction, *, cancel_token: CancelToken | None = None
) -> tuple[Fraction, ...]:
    """The times of the key frames that begin from `begin` to `end`, rising, on the file's own clock. Decodes nothing."""
    seek: dict[str, Any] = {"seek_timestamp": 1, "ss": f"{float(begin):.6f}", "t": f"{float(end - begin):.6f}"}
    packets = _read_packets(path, f"{path} cannot be read", "0:V:0", cancel_token=cancel_token, **seek).packets
    return tuple(sorted(packet.time for packet in packets if packet.is_key and begin <= packet.time <= end))


def _read_packets(
    path: Path,
    error_prefix: str,
    stream_specifier: str,
    *,
    cancel_token: CancelToken | None,
    max_packets: int | None = None,
    **seek: Any,
) -> _PacketListing:
    """Read one stream's packets: all of them, or the first `max_packets`."""
    options: dict[str, Any] = {"map": stream_specifier, "c": "copy", "copypriorss": 1, "format": "framecrc"}
    if max_packets is not None:
        options["frames:a" if ":a" in stream_specifier else "frames:v"] = max_packets
    stream = ffmpeg.input_stream(path, copyts=None, **seek).output("pipe:", copyinkf=None, **options)
    text, words = ffmpeg.capture_stdout(stream, error_prefix, cancel_token=cancel_token)
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
    return _PacketListing(packets, base, size, words)


def _describe_input(path: Path) -> tuple[str, ...]:
    """ffmpeg's words about a file that has no picture."""
    said: deque[str] = deque()
    stream = ffmpeg.input_stream(path).output("pipe:", map="0", t=0, c="copy", format="null")
    for _ in ffmpeg.read_stdout(stream, f"{path} cannot be read", 1 << 16, stderr_lines=said):
        pass
    return tuple(said)


def _input_lines(log_lines: tuple[str, ...]) -> Iterator[str]:
    for line in log_lines:
        if line.startswith("Output #0"):
            return
        yield line


def _detect_frame_rate(stream_description: str, packets: list[Packet]) -> Rate:
    """The frame rate: from equal packet lengths where they tell it exactly, else as ffmpeg describes it, NTSC rates made whole."""
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
    what = f"{path} cannot be read"
    for tail in ({"sseof": -TAIL_SEEK_SECONDS}, {}):
        packets = _read_packets(path, what, "0:V:0", cancel_token=cancel_token, **tail).packets
        ends = [
            packet.time + (packet.seconds or header.rate.seconds(1)) for packet in packets if not packet.is_discarded
        ]
        if ends:
            return max(ends)
    raise MediaError(f"{what}: its picture has no frames")
