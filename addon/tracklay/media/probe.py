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

from ..errors import BadInput, MediaError
from ..timing import Rate
from . import ffmpeg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST_FRAMES = 48
"""Packets looked at to learn the frame rate: more than any B-frame delay."""

TAIL_SECONDS = 4
"""How far from the file's end the last frame is looked for first; a sound that outlasts the picture more costs a full read."""

ON_TIME = Fraction(1, 1000)
"""A frame this close to a boundary is on it: Matroska rounds times to milliseconds."""

NO_TIME = ("NOPTS", str(-(1 << 63)))
"""How `framecrc` writes that a packet has no time of its own (MPEG-PS gives every few packets one)."""

UNINDEXED = ("mpegts", "mpeg")
"""Containers with no index, as ffmpeg names them: a seek lands near a time, on no key frame."""

KEY, HIDDEN = 1, 4
"""Packet flags as `framecrc` writes them, where they are not `KEY` alone (libavcodec, `AV_PKT_FLAG_KEY` and `_DISCARD`)."""

_VIDEO = re.compile(r"Stream #\d+:\d+.*?: Video: (?P<codec>\w+)(?P<rest>.*)")
_AUDIO = re.compile(r"Stream #\d+:\d+.*?: Audio: (?P<codec>\w+).*?, (?P<rate>\d+) Hz, (?P<layout>[^,]+)")
_FPS = re.compile(r"([\d.]+k?) (fps|tbr)\b")
_ALPHA = re.compile(r"\b(yuva\d|rgba|bgra|argb|abgr|gbrap|ya8|ya16|pal8)")
_TIMECODE = re.compile(r"^\s*timecode\s*: (\d\d:\d\d:\d\d[:;.]\d\d+)")
_CONTAINER = re.compile(r"Input #0, (?P<names>\S+), from")


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet's place: its time and length in seconds, on the file's own clock.

    `key` says that decoding can begin at it, `skips` that the container says how many of its samples to leave out, `hidden` that
    its edit list leaves it out: it is decoded for others' sake and never shown; `dated` that it says when it is shown, else its
    time is that of its decoding.
    """

    time: Fraction
    seconds: Fraction
    key: bool
    skips: bool
    hidden: bool
    dated: bool


@dataclass(frozen=True, slots=True)
class Head:
    """What a file's beginning says of its picture.

    `size` is its stored width and height in pixels. `start` is the first frame's time on the file's own clock. `alpha` says that
    it may be transparent, `progressive` that it says to have no fields, `still` that it is one picture, `indexed` that a seek goes
    to a key frame. `timecode` is what the file says its first frame's is, empty where it says none.
    """

    codec: str
    size: tuple[int, int]
    rate: Rate
    time_base: Fraction
    start: Fraction
    alpha: bool
    progressive: bool
    still: bool
    indexed: bool
    timecode: str


@dataclass(frozen=True, slots=True)
class Video(Head):
    """The whole picture stream. `end` is the last frame's end on the file's own clock."""

    end: Fraction

    @property
    def frames(self) -> int:
        """The picture's length in frames of its rate."""
        return self.rate.frames(self.end - self.start)


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound stream: its codec, sample rate in Hz, and ffmpeg's name of its channel layout (`stereo`, `5.1(side)`)."""

    codec: str
    sample_rate: int
    layout: str


@dataclass(frozen=True, slots=True)
class Media:
    """A media file: its container as ffmpeg names it (`mov,mp4,m4a,3gp,3g2,mj2`), its picture if any, its sounds."""

    path: Path
    container: str
    video: Video | None
    audio: tuple[Audio, ...]


class _Read(NamedTuple):
    """The packets of one stream, its time base, its picture's size, and ffmpeg's words about the file."""

    packets: list[Packet]
    time_base: Fraction
    size: tuple[int, int]
    words: tuple[str, ...]


def check_file(path: Path) -> Path:
    """The path itself, when it is a file with something in it.

    Raises:
        BadInput: it is not.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist: check the name")
    if not path.is_file():
        raise BadInput(f"{path} is no file: name a video file")
    if path.stat().st_size == 0:
        raise BadInput(f"{path} is empty: export it again")
    return path


def probe(path: Path, *, stop: ffmpeg.Stop | None = None) -> Media:
    """Describe a media file. Reads its head and its tail, whatever its length.

    Raises:
        BadInput: it is no file, or nothing that ffmpeg can read.
    """
    found, words = _head(path, stop)
    container = _container(words)
    audio = _sounds(words)
    if found is None:
        return Media(path, container, None, audio)
    told = {field.name: getattr(found, field.name) for field in fields(found)}
    return Media(path, container, Video(**told, end=_end(path, found, stop)), audio)


def sounds(path: Path, *, stop: ffmpeg.Stop | None = None) -> tuple[tuple[Audio, ...], Packet | None]:
    """A file's sound streams and the first packet of the first: all that is needed to decode it, in one run of ffmpeg.

    Raises:
        BadInput: it is no file, or nothing that ffmpeg can read.
    """
    check_file(path)
    what = f"{path} cannot be read"
    try:
        read = _packets(path, what, "0:a:0", stop=stop, frames=1)
    except ffmpeg.NoStream:
        return (), None
    except MediaError as error:
        raise BadInput(str(error)) from error
    return _sounds(read.words), next(iter(read.packets), None)


def _sounds(words: tuple[str, ...]) -> tuple[Audio, ...]:
    return tuple(
        Audio(m["codec"], int(m["rate"]), m["layout"].strip())
        for line in _input_only(words)
        if (m := _AUDIO.search(line))
    )


def _first_decoded(path: Path, what: str, stop: ffmpeg.Stop | None) -> Fraction:
    """The first frame's time as a decoder makes it up, where packets don't say when they are shown (H.264 in AVI)."""
    stream = ffmpeg.source(path, copyts=None).output(
        "pipe:", **{"map": "0:V:0", "format": "framecrc", "fps_mode": "passthrough", "frames:v": 1}
    )
    text, _ = ffmpeg.capture(stream, what, stop=stop)
    base = next(
        (Fraction(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("#tb")), Fraction(1)
    )
    return next((int(line.split(",")[2]) * base for line in text.splitlines() if not line.startswith("#")), Fraction(0))


def _container(words: tuple[str, ...]) -> str:
    return next((m["names"] for line in words if (m := _CONTAINER.search(line))), "").rstrip(",")


def head(path: Path, *, stop: ffmpeg.Stop | None = None) -> Head:
    """What a file's beginning says of its picture: all that is needed to decode from anywhere in it.

    Raises:
        BadInput: it has none, or cannot be read.
    """
    found, _ = _head(path, stop)
    if found is None:
        raise _without_picture(path)
    return found


def _head(path: Path, stop: ffmpeg.Stop | None) -> tuple[Head | None, tuple[str, ...]]:
    check_file(path)
    what = f"{path} cannot be read"
    for count in (FIRST_FRAMES, None):
        try:
            packets, time_base, size, words = _packets(path, what, "0:V:0?", stop=stop, frames=count)
        except ffmpeg.NoStream:
            return None, _describe(path)
        except MediaError as error:
            raise BadInput(str(error)) from error
        if count is None or not packets or not all(packet.hidden for packet in packets):
            break
    described = (line for line in _input_only(words) if "attached pic" not in line)
    named = next((match for line in described if (match := _VIDEO.search(line))), None)
    shown = [packet for packet in packets if not packet.hidden]
    if named is None or not shown:
        return None, words
    opens = min((packet.time for packet in packets if packet.key), default=shown[0].time)
    start = min(packet.time for packet in shown if packet.time >= opens)
    if not all(packet.dated for packet in shown):
        start = _first_decoded(path, what, stop)
    rest = named["rest"]
    found = Head(
        named["codec"],
        size,
        _rate(rest, shown),
        time_base,
        start,
        alpha=bool(_ALPHA.search(rest)),
        progressive="progressive" in rest,
        still=len(packets) == 1,
        indexed=_container(words) not in UNINDEXED,
        timecode=next((m[1] for line in _input_only(words) if (m := _TIMECODE.search(line))), ""),
    )
    return found, words


def picture(path: Path, *, stop: ffmpeg.Stop | None = None) -> tuple[Media, Video]:
    """A media file that must have picture.

    Raises:
        BadInput: it has none, or cannot be read.
    """
    media = probe(path, stop=stop)
    if media.video is None:
        raise _without_picture(path)
    return media, media.video


def _without_picture(path: Path) -> BadInput:
    return BadInput(f"{path} has no picture: name a file with a video stream")


def frame_times(path: Path, *, stop: ffmpeg.Stop | None = None) -> tuple[Fraction, ...]:
    """The times of all frames of a file's picture (perhaps none), rising, on the file's own clock. Decodes nothing."""
    return frame_times_and_size(path, stop=stop)[0]


def frame_times_and_size(
    path: Path, *, stop: ffmpeg.Stop | None = None
) -> tuple[tuple[Fraction, ...], tuple[int, int]]:
    """`frame_times`, and the picture's stored width and height in pixels, read in one go."""
    try:
        read = _packets(path, f"{path} cannot be read", "0:V:0", stop=stop)
    except ffmpeg.NoStream:
        return (), (0, 0)
    return tuple(sorted(packet.time for packet in read.packets if not packet.hidden)), read.size


def key_times(path: Path, begin: Fraction, end: Fraction, *, stop: ffmpeg.Stop | None = None) -> tuple[Fraction, ...]:
    """The times of the key frames that begin from `begin` to `end`, rising, on the file's own clock. Decodes nothing."""
    seek: dict[str, Any] = {"seek_timestamp": 1, "ss": f"{float(begin):.6f}", "t": f"{float(end - begin):.6f}"}
    packets = _packets(path, f"{path} cannot be read", "0:V:0", stop=stop, **seek).packets
    return tuple(sorted(packet.time for packet in packets if packet.key and begin <= packet.time <= end))


def _packets(
    path: Path, what: str, which: str, *, stop: ffmpeg.Stop | None, frames: int | None = None, **seek: Any
) -> _Read:
    """Read one stream's packets: all of them, or the first `frames`."""
    options: dict[str, Any] = {"map": which, "c": "copy", "copypriorss": 1, "format": "framecrc"}
    if frames is not None:
        options["frames:a" if ":a" in which else "frames:v"] = frames
    stream = ffmpeg.source(path, copyts=None, **seek).output("pipe:", copyinkf=None, **options)
    text, words = ffmpeg.capture(stream, what, stop=stop)
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
            ticks = next((part for part in (parts[2], parts[1]) if part not in NO_TIME), None)
            if ticks is not None:
                rest = parts[6:]
                flags = next((int(part.removeprefix("F="), 0) for part in rest if part.startswith("F=0x")), KEY)
                packets.append(
                    Packet(
                        int(ticks) * base,
                        int(parts[3]) * base,
                        key=bool(flags & KEY),
                        skips=any(part.startswith("S=") for part in rest),
                        hidden=bool(flags & HIDDEN),
                        dated=ticks == parts[2],
                    )
                )
    return _Read(packets, base, size, words)


def _describe(path: Path) -> tuple[str, ...]:
    """ffmpeg's words about a file that has no picture."""
    said: deque[str] = deque()
    stream = ffmpeg.source(path).output("pipe:", map="0", t=0, c="copy", format="null")
    for _ in ffmpeg.read(stream, f"{path} cannot be read", 1 << 16, said=said):
        pass
    return tuple(said)


def _input_only(words: tuple[str, ...]) -> Iterator[str]:
    for line in words:
        if line.startswith("Output #0"):
            return
        yield line


def _rate(described: str, packets: list[Packet]) -> Rate:
    """The frame rate: from equal packet lengths where they tell it exactly, else as ffmpeg describes it, NTSC rates made whole."""
    times = sorted({packet.time for packet in packets})
    steps = {b - a for a, b in pairwise(times)}
    if len(steps) == 1 and (step := steps.pop()) > 0 and (1 / step).denominator in (1, 1001):
        return Rate(1 / step)
    found = {name: value for value, name in _FPS.findall(described)}
    value = found.get("fps") or found.get("tbr")
    if value:
        return Rate.of(str(float(value[:-1]) * 1000) if value.endswith("k") else value)
    if len(times) > 1:
        return Rate((len(times) - 1) / (times[-1] - times[0]))
    return Rate(Fraction(25))  # a still: ffmpeg's own default


def _end(path: Path, head: Head, stop: ffmpeg.Stop | None) -> Fraction:
    what = f"{path} cannot be read"
    for tail in ({"sseof": -TAIL_SECONDS}, {}):
        packets = _packets(path, what, "0:V:0", stop=stop, **tail).packets
        ends = [packet.time + (packet.seconds or head.rate.seconds(1)) for packet in packets if not packet.hidden]
        if ends:
            return max(ends)
    raise MediaError(f"{what}: its picture has no frames")
