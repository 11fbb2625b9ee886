"""Probes media files: streams, exact frame times, start and end. Uses ffmpeg alone: imageio-ffmpeg bundles no ffprobe.

Times come from packets, and from the decoder where packets have none or hold fields (`packets`). ffmpeg's description of the input, which
rounds, is read only for names, and for frame rates that the packets do not give.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidInput, MediaError, file_not_found_error
from ..timing import Rate
from . import ffmpeg
from .frame_timing.frame_rate import detect_frame_rate, fixed_rate, is_on_grid, numbered_rate
from .packets import (
    Packet,
    PacketIndex,
    PacketListing,
    Uncompared,
    decoded_times,
    describe_input,
    index_packets,
    input_lines,
    is_small,
    read_all_packets,
    read_packets,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..cancellation import CancelToken

PROBE_PACKETS = 48
"""Packets read for the frame rate and the first frame: more than any B-frame delay."""

TAIL_SEEK_SECONDS = 4
"""Seconds before the file's end in which the last frame is looked for first. If the sound is longer than the picture by more, all
packets are read."""

TRUSTED_CONTAINERS = ("mov", "matroska")
"""ffmpeg's names of containers whose index gives each frame's time: a seek lands on a key frame, and its times are right.

Of all others every packet is read once: a seek lands anywhere near the time (MPEG-TS), its times are computed from the bit rate (MXF
without an index), or packets have no presentation time (AVI, program streams, raw streams)."""

STREAMED_CONTAINERS = ("mpegts", "mpeg")
"""ffmpeg's names of containers whose clock may be set back within a file (`AVFMT_TS_DISCONT`): recordings that were joined."""

CUMULATIVE_CODECS = frozenset(
    "apng gif webp webp_anim flic msvideo1 msrle zmbv smc rpza flashsv flashsv2 tscc tscc2".split()  # noqa: SIM905
    + "cscd vmnc screenpresso g2m dxa aasc mscc rasc wcmv mwsc vbn".split()  # noqa: SIM905
)
"""Codecs whose frames hold what changed since the frame before, also where a packet is a key frame: they are read from the start."""

FIELD_CODECS = frozenset({"h264", "mpeg2video", "vc1"})
"""Codecs in which a packet may hold one field: frames are counted after decoding."""

REORDERED_CODECS = frozenset({"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "wmv3", "rv30", "rv40"})
"""Codecs that may have B-frames, whose packets are not in the order in which they are shown."""

FIELD_PROBE_FRAMES = 16
"""Frames decoded to find the frame rate of a stream that may have a packet for each field."""

NAMED_LAYOUTS = dict.fromkeys(("stereo", "downmix", "binaural"), 2) | dict.fromkeys(("octagonal", "cube"), 8)
NAMED_LAYOUTS |= {"mono": 1, "quad": 4, "hexagonal": 6, "hexadecagonal": 16}
"""Channels of the layouts whose names do not count them."""

_VIDEO = re.compile(r"Stream #\d+:\d+.*?: Video: (?P<codec>\w+)(?P<rest>.*)")
_AUDIO = re.compile(r"Stream #\d+:(?P<index>\d+).*?: Audio: (?P<codec>\w+)(?P<rest>.*)")
_AUDIO_FORMAT = re.compile(r", (?P<rate>\d+) Hz, (?P<layout>[^,]+)")
_IMAGE_ITEM = "1 fps, 1 tbr, 1 tbn"
"""ffmpeg's description of a still picture in an AVIF or HEIF file."""

_NO_PARAMETERS = "Could not find codec parameters for stream 0 (Video:"
_ALPHA = re.compile(r"\b(yuva\d|rgba|bgra|argb|abgr|gbrap|ya8|ya16|pal8)")
_TIMECODE = re.compile(r"^\s*timecode\s*: (\d\d:\d\d:\d\d[:;.]\d\d+)")
_CONTAINER = re.compile(r"Input #0, (?P<names>\S+), from")


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
        has_index: a seek lands on a key frame, and its times are right.
        can_seek: decoding can begin at a key frame; otherwise only at the start of the file.
        has_pts: every packet has a presentation time; otherwise only the decoder gives the times of frames.
        is_counted: frames are equally far apart, in the decoder's order: their packets have no times, or those of decoding.
        runs_on: the file's clock is set back, and the times are those of ffmpeg's, which runs on.
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
    can_seek: bool
    has_pts: bool
    is_counted: bool
    runs_on: bool
    timecode: str

    @property
    def may_have_fields(self) -> bool:
        """True if a packet may hold one field of a frame."""
        return self.codec in FIELD_CODECS and not self.is_progressive


@dataclass(frozen=True, slots=True)
class VideoStream(VideoHeader):
    """A video stream with its end.

    Attributes:
        end: end of the last frame, in seconds on the file's own clock.
        is_variable: frames are not equally far apart; the rate is then the average over the whole stream.
    """

    end: Fraction
    is_variable: bool

    @property
    def frames(self) -> int:
        """The stream's length in frames."""
        return self.rate.frames(self.end - self.start)


@dataclass(frozen=True, slots=True)
class AudioStream:
    """An audio stream.

    Attributes:
        codec: ffmpeg's name of the codec; `none` if it has no decoder for it.
        sample_rate: Hz; 0 if unknown.
        layout: ffmpeg's name of the channel layout (`stereo`, `5.1(side)`, `9 channels`).
        index: the stream's number among all streams of its file.
    """

    codec: str
    sample_rate: int
    layout: str
    index: int = 0

    @property
    def channels(self) -> int:
        """The number of channels; 0 if the layout's name does not give it."""
        name = self.layout.partition("(")[0].strip()
        if counted := re.match(r"(\d+) channels", name):
            return int(counted[1])
        if re.fullmatch(r"\d+(\.\d+)+", name):
            return sum(int(part) for part in name.split("."))
        if ambisonic := re.fullmatch(r"ambisonic (\d+)", name):
            return (int(ambisonic[1]) + 1) ** 2
        if "+" in name:  # each channel by its name: FL+FR+LFE
            return name.count("+") + 1
        return NAMED_LAYOUTS.get(name, 0)


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A media file: path, ffmpeg's name of the container (`mov,mp4,m4a,3gp,3g2,mj2`), its video stream if any, its audio streams."""

    path: Path
    container: str
    video: VideoStream | None
    audio: tuple[AudioStream, ...]


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
    audio = parse_audio_streams(log_lines)
    if header is None:
        return MediaInfo(path, container, None, audio)
    return MediaInfo(path, container, _measure_stream(path, header, cancel_token), audio)


def probe_audio(
    path: Path, *, cancel_token: CancelToken | None = None
) -> tuple[tuple[AudioStream, ...], Packet | None]:
    """Return a file's audio streams and the first packet of the first one: all that decoding needs, in one run of ffmpeg.

    Raises:
        InvalidInput: the file is missing, or ffmpeg cannot read it.
    """
    check_file(path)
    try:
        listing = read_packets(path, "0:a:0", cancel_token=cancel_token, max_packets=1)
    except ffmpeg.StreamNotFound:
        return (), None
    except MediaError as error:
        raise _as_invalid_input(error) from error
    return parse_audio_streams(listing.log_lines), next(iter(listing.packets), None)


def parse_audio_streams(log_lines: tuple[str, ...]) -> tuple[AudioStream, ...]:
    """Return a file's audio streams, as ffmpeg's log about it describes them."""
    found = []
    for line in input_lines(log_lines):
        if match := _AUDIO.search(line):
            known = _AUDIO_FORMAT.search(match["rest"])
            rate, layout = (int(known["rate"]), known["layout"].strip()) if known else (0, "")
            found.append(AudioStream(match["codec"], rate, layout, int(match["index"])))
    return tuple(found)


def _parse_container(log_lines: tuple[str, ...]) -> str:
    return next((m["names"] for line in log_lines if (m := _CONTAINER.search(line))), "").rstrip(",")


def read_video_header(path: Path, *, cancel_token: CancelToken | None = None) -> VideoHeader:
    """Return the video stream as the start of the file describes it: all that decoding needs.

    Raises:
        InvalidInput: the file has no video, or cannot be read.
    """
    header, log_lines = _read_header(path, cancel_token)
    if header is None:
        raise _no_video_error(path, log_lines)
    return header


def _read_header(path: Path, cancel_token: CancelToken | None) -> tuple[VideoHeader | None, tuple[str, ...]]:
    """Return the header, None without video, and ffmpeg's log about the file: once for each state of the file."""
    check_file(path)
    stat = path.stat()
    key = path.absolute(), stat.st_size, stat.st_mtime_ns, stat.st_ino
    return _read_header_once(*key, Uncompared((path, cancel_token)))


@lru_cache(maxsize=256)
def _read_header_once(
    _path: Path, _size: int, _mtime: int, _inode: int, uncompared: Uncompared
) -> tuple[VideoHeader | None, tuple[str, ...]]:
    path, cancel_token = uncompared.value  # as the caller writes it, for errors
    try:
        packets, time_base, size, log_lines, _ = _first_packets(path, cancel_token, runs_on=False)
    except ffmpeg.StreamNotFound:
        return None, describe_input(path)
    except MediaError as error:
        raise (_no_picture_error(path) if _NO_PARAMETERS in str(error) else _as_invalid_input(error)) from error
    description = _describe_video(path, log_lines)
    if description is None or description["codec"] == "none" or all(packet.is_discarded for packet in packets):
        return None, log_lines
    names = _parse_container(log_lines).split(",")
    has_index = any(name in TRUSTED_CONTAINERS for name in names) and all(packet.has_pts for packet in packets)
    has_pts, may_be_counted, runs_on = has_index, False, False
    index: PacketIndex | None = None
    if not has_index:
        index = index_packets(path, cancel_token=cancel_token)
        has_pts = index.has_pts
        may_be_counted = has_pts and not index.is_reordered and description["codec"] in REORDERED_CODECS
        runs_on = not index.is_continuous and any(name in STREAMED_CONTAINERS for name in names)
        if runs_on:
            packets = _first_packets(path, cancel_token, runs_on=True)[0]
    shown = [packet for packet in packets if not packet.is_discarded]
    codec, rest = description["codec"], description["rest"]
    is_progressive = "progressive" in rest
    times = sorted({packet.time for packet in shown})
    # Frames before the first key frame (an open GOP, cut) cannot be decoded and do not count.
    first_key = min((packet.time for packet in packets if packet.is_key), default=times[0])
    start = next((time for time in times if time >= first_key), times[0])
    is_counted = False
    numbered = numbered_rate(times, time_base, rest) or fixed_rate(times, names, rest)
    if numbered is not None:
        has_pts, is_counted = False, True
        times = [start + numbered.seconds(number) for number in range(len(times))]
    elif not has_pts or may_be_counted or (codec in FIELD_CODECS and not is_progressive):
        step = max((packet.seconds for packet in shown), default=Fraction(0)) or Fraction(1, 25)
        count = FIELD_PROBE_FRAMES if has_pts else None
        decoded = decoded_times(path, step, max_frames=count, runs_on=runs_on, cancel_token=cancel_token)
        reordered = may_be_counted and is_progressive
        is_counted = _is_counted(decoded, times, None if has_pts else index, may_be_reordered=reordered)
        if decoded and not is_counted:
            times = sorted(set(decoded))
        start = start if has_pts or not decoded else decoded[0]
    header = VideoHeader(
        codec,
        size,
        detect_frame_rate(rest, times, time_base),
        time_base,
        start,
        has_alpha=bool(_ALPHA.search(rest)),
        is_progressive=is_progressive,
        is_still=len(packets) == 1,
        has_index=has_index,
        can_seek=has_pts and not is_counted and not runs_on and codec not in CUMULATIVE_CODECS,
        has_pts=has_pts and not is_counted,
        is_counted=is_counted,
        runs_on=runs_on,
        timecode=next((m[1] for line in input_lines(log_lines) if (m := _TIMECODE.search(line))), ""),
    )
    return header, log_lines


def _is_counted(
    decoded: Sequence[Fraction], times: Sequence[Fraction], index: PacketIndex | None, *, may_be_reordered: bool
) -> bool:
    """Return True if frames must be counted, since neither the decoder nor the packets give their times.

    `index` is that of packets without presentation times, else None.
    """
    if index is not None:
        # A decoder guesses times at the start and the end. If no frame is lost, and all are equally far apart, it need not.
        return index.is_even and len(decoded) == len(index.times)
    # With B-frames, a decoder cannot make sense of times of decoding that pass for those of presentation: it leaves some out.
    shown_times = [time for time in times if decoded and time >= decoded[0]]
    return may_be_reordered and list(decoded) != shown_times[: len(decoded)]


def _describe_video(path: Path, log_lines: tuple[str, ...]) -> re.Match[str] | None:
    """Return ffmpeg's description of the video stream; None without. An attached picture is the cover of a sound file.

    Raises:
        InvalidInput: the video is not the first of the streams with a picture (an animated AVIF, by ffmpeg 7 and later).
    """
    descriptions = (line for line in input_lines(log_lines) if "attached pic" not in line)
    found = [match for line in descriptions if (match := _VIDEO.search(line))]
    if len({_IMAGE_ITEM in match["rest"] for match in found}) > 1 and _IMAGE_ITEM in found[0]["rest"]:
        raise InvalidInput(
            "media.animated_image",
            "The file is an animated image, of which ffmpeg shows a still picture: {path}. Convert it to MP4.",
            path=path,
        )
    return next(iter(found), None)


def _first_packets(path: Path, cancel_token: CancelToken | None, *, runs_on: bool) -> PacketListing:
    if is_small(path):
        whole = read_all_packets(path, runs_on=runs_on, cancel_token=cancel_token)
        listing = whole._replace(packets=whole.packets[:PROBE_PACKETS])
    else:
        listing = read_packets(path, "0:V:0?", cancel_token=cancel_token, max_packets=PROBE_PACKETS, runs_on=runs_on)
    if listing.packets and all(packet.is_discarded for packet in listing.packets):
        # An edit list may exclude the whole beginning: all packets are read then.
        return read_all_packets(path, runs_on=runs_on, cancel_token=cancel_token)
    return listing


def probe_video(path: Path, *, cancel_token: CancelToken | None = None) -> tuple[MediaInfo, VideoStream]:
    """Return a description of a media file, and of its video stream.

    Raises:
        InvalidInput: the file has no video, or cannot be read.
    """
    media = probe_media(path, cancel_token=cancel_token)
    if media.video is None:
        raise _no_video_error(path, _read_header(path, cancel_token)[1])
    return media, media.video


def _no_video_error(path: Path, log_lines: tuple[str, ...]) -> InvalidInput:
    """Return the error for a file without a picture that this ffmpeg gives: whether it has none, or which."""
    if any(": Tile Grid: " in line for line in input_lines(log_lines)):
        return InvalidInput(
            "media.tiled_image",
            "The picture of {path} is made of tiles, which ffmpeg does not join. Convert it to MP4 or PNG.",
            path=path,
        )
    if any(": Video: none" in line for line in input_lines(log_lines)):
        return _no_picture_error(path)
    return InvalidInput("media.no_video", "The file has no video: {path}.", path=path)


def _no_picture_error(path: Path) -> InvalidInput:
    return InvalidInput(
        "media.no_picture",
        "The ffmpeg in use cannot decode the picture of {path}. Convert it to MP4, or use a newer ffmpeg.",
        path=path,
    )


def frame_times(path: Path, *, cancel_token: CancelToken | None = None) -> tuple[Fraction, ...]:
    """Return the times of all video frames of a file, perhaps none: ascending, in seconds on the file's own clock. Decodes nothing."""
    return list_frames(path, cancel_token=cancel_token).times


class FrameListing(NamedTuple):
    """All frames of a file.

    Attributes:
        times: as of `frame_times`.
        size: width and height in pixels.
        audio: the file's audio streams.
        content_hash: as of `PacketListing`.
    """

    times: tuple[Fraction, ...]
    size: tuple[int, int]
    audio: tuple[AudioStream, ...]
    content_hash: str


def list_frames(path: Path, *, cancel_token: CancelToken | None = None) -> FrameListing:
    """Return all video frames of a file, perhaps none, in one run of ffmpeg. Decodes nothing."""
    try:
        listing = read_all_packets(path, cancel_token=cancel_token)
    except ffmpeg.StreamNotFound:
        return FrameListing((), (0, 0), (), "")
    times = tuple(sorted(packet.time for packet in listing.packets if not packet.is_discarded))
    return FrameListing(times, listing.size, parse_audio_streams(listing.log_lines), listing.content_hash)


def key_times(
    path: Path, begin: Fraction, end: Fraction, *, cancel_token: CancelToken | None = None
) -> tuple[Fraction, ...]:
    """Return the times of the key frames from `begin` to `end`: ascending, in seconds on the file's own clock. Decodes nothing."""
    seek: dict[str, Any] = {"seek_timestamp": 1, "ss": f"{float(begin):.6f}", "t": f"{float(end - begin):.6f}"}
    packets = read_packets(path, "0:V:0", cancel_token=cancel_token, **seek).packets
    return tuple(sorted(packet.time for packet in packets if packet.is_key and begin <= packet.time <= end))


def _measure_stream(path: Path, header: VideoHeader, cancel_token: CancelToken | None) -> VideoStream:
    """Return a stream with its end, which is that of its last frame, and its rate over its whole length."""
    times, end = _last_frames(path, header, cancel_token)
    rate, length = header.rate, end - header.start
    grid = Rate(rate.fps * 2) if header.may_have_fields else rate
    is_variable = not header.is_still and not is_on_grid([header.start, *times], grid, header.time_base)
    last, step = max(times), rate.seconds(1)
    if not is_variable and not header.may_have_fields and end - last < step / 2:
        # A packet's duration is not always that of its frame: GIF in Matroska has a hundredth of a second.
        end, length = last + step, last + step - header.start
    if is_variable and length > 0:
        # At this rate the frames are exactly as long as the stream is shown.
        rate = Rate(max(1, rate.frames(length)) / length)
    values = {field.name: getattr(header, field.name) for field in fields(header)} | {"rate": rate}
    return VideoStream(**values, end=end, is_variable=is_variable)


def _last_frames(
    path: Path, header: VideoHeader, cancel_token: CancelToken | None
) -> tuple[Sequence[Fraction], Fraction]:
    """Return the times of the last frames, or of all, and the end of the last one; in seconds."""
    step = header.rate.seconds(1)
    if not header.has_pts:
        times = decoded_times(path, step, runs_on=header.runs_on, cancel_token=cancel_token)
        if header.is_counted:
            times = tuple(header.start + number * step for number in range(len(times)))
        if times:
            return times, max(times) + step
    elif not header.has_index:
        index = index_packets(path, runs_on=header.runs_on, cancel_token=cancel_token)
        times = tuple(tick * index.time_base for tick in index.times)
        if times:
            end = index.end * index.time_base
            return times, end if end > times[-1] else times[-1] + step
    else:
        for has_whole in (True,) if is_small(path) else (False, True):
            if has_whole:
                packets = read_all_packets(path, cancel_token=cancel_token).packets
            else:
                packets = read_packets(path, "0:V:0", cancel_token=cancel_token, sseof=-TAIL_SEEK_SECONDS).packets
            shown = sorted((packet.time, packet.seconds or step) for packet in packets if not packet.is_discarded)
            if shown:
                return [time for time, _ in shown], max(time + seconds for time, seconds in shown)
    raise MediaError("media.no_frames", "The video has no frames: {path}.", path=path)
