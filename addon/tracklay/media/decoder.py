"""Decodes a source, from any time on, into small frames with their exact times.

ffmpeg decodes, deinterlaces flagged frames, rotates, crops and scales. Its `showinfo` filter prints each frame's time before the frame
itself comes through the pipe, so that times are those of the file's own clock, whatever its frame rate.
"""

from __future__ import annotations

import contextlib
import math
import queue
import re
from collections import deque
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..errors import MediaError
from . import ffmpeg
from .frame_timing.frame_rate import TIME_TOLERANCE_SECONDS
from .frame_timing.shown_frames import (
    SHOWINFO_FRAME,
    SHOWINFO_PREFIX,
    SHOWINFO_TIME_BASE,
    counted_output,
    frame_time,
)
from .image_sequence import concat_script, image_format, sequence_stream
from .packets import (
    FRAME_TIMEOUT_SECONDS,
    clock_options,
    index_packets,
    seek_is_exact,
)
from .probe import VideoHeader, key_times

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from ..cancellation import CancelToken
    from ..timing import Rate

SEEK_BACK_SECONDS = Fraction(10)
"""Seconds that the second try seeks before the wanted time, if the first landed too late (MPEG-TS has no index)."""

KEY_FRAME_MARGIN_SECONDS = Fraction(1, 2)
"""Seconds that a seek goes before a key frame in files without an index: a packet comes earlier in the file than its time."""

PREROLL_FRAMES = 2
"""Frames before the wanted one that are still decoded: times are rounded, and frame rates vary."""

COLOR_MATRICES = frozenset({"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc"})
"""Names of colour matrices that `showinfo` and the encoder share."""

AREA_SCALING_RATIO = 4
"""From this reduction on, frames are scaled by averaging areas. For 4K ProRes scaling then takes 6 % of the time of decoding, not 15 %,
and the result differs from bicubic by less than -47 dB (measured)."""

SMALL_PICTURE_PIXELS = 640 * 360
"""Pixels of a picture up to which one thread decodes it: 50 frames of 480x270 take 48 ms of processor time, and 56 with a thread for each
of two processors (measured)."""

_OUTPUT_LINE = re.compile(r"Stream #0:0.*?: Video: rawvideo.*?, (\d+)x(\d+)[, ]")
_COLOR_LINE = re.compile(r"color_range:\S+ color_space:(\S+)")


class DecodedFrame(NamedTuple):
    """A decoded frame.

    Attributes:
        time: seconds from the source's first frame.
        size: width and height in pixels.
        data: the planes, as yuv420p.
        color_matrix: ffmpeg's name of the colour matrix; empty if the source does not give it, None if it is not known yet.
        own_size: width and height before ffmpeg scaled it to the size of the frame that it decoded first. It differs where the picture
            changes its size.
    """

    time: Fraction
    size: tuple[int, int]
    data: bytes
    color_matrix: str | None
    own_size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ScaleOptions:
    """Size and shape of decoded frames.

    Attributes:
        short_side: pixels of the shorter side, less if the source is smaller. Both sides become even, and pixels square.
        crop_position: position of a square crop along the longer side: 0 is left or top, 1/2 the centre; None for no crop.
        exact_size: width and height in pixels of frames that follow others; None for the first, whose size decides.
        keeps_shape: put a picture of another shape into `exact_size` with black bars; otherwise it is stretched.
    """

    short_side: int
    crop_position: Fraction | None = None
    exact_size: tuple[int, int] | None = None
    keeps_shape: bool = False

    def add_filters(self, stream: Any, *, has_alpha: bool, deinterlace: bool, size: tuple[int, int] = (0, 0)) -> Any:
        """Return an ffmpeg-python stream with these options applied. Transparent pictures are put over black, as Blender shows them.

        Args:
            stream: the decoded stream.
            has_alpha: the stream may be transparent.
            deinterlace: merge the fields of frames that are flagged as interlaced.
            size: width and height in pixels, if known.
        """
        if deinterlace:
            stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
        stream = stream.filter("scale", "iw*sar", "ih").filter("setsar", 1)
        if self.crop_position is not None:
            # An expression: the size may be known to ffmpeg only, after rotation and the pixels' aspect ratio.
            position = f"{self.crop_position.numerator}/{self.crop_position.denominator}"
            stream = stream.filter("crop", "min(iw,ih)", "min(iw,ih)", f"(iw-ow)*{position}", f"(ih-oh)*{position}")
        short = self.short_side
        width, height = self.exact_size or (
            f"if(gt(iw,ih),-2,max(2,trunc(min({short},iw)/2)*2))",
            f"if(gt(iw,ih),max(2,trunc(min({short},ih)/2)*2),-2)",
        )
        shape = {"force_original_aspect_ratio": "decrease", "force_divisible_by": 2} if self.keeps_shape else {}
        stream = stream.filter(
            "scale",
            width,
            height,
            out_range="tv",
            flags="area" if min(size) >= AREA_SCALING_RATIO * short else "bicubic",
            **shape,
        )
        if self.keeps_shape:
            stream = stream.filter("pad", width, height, "(ow-iw)/2", "(oh-ih)/2")
        if has_alpha:
            stream = stream.filter("format", "gbrap").filter("premultiply", inplace=1)
            stream = stream.filter("scale", out_range="tv")
        # Side data makes `showinfo` print many more lines per frame.
        return stream.filter("format", "yuv420p").filter("sidedata", "delete").filter("showinfo", checksum=0)


class FrameSource(Protocol):
    """A source of frames: a video file, images, or several of them joined."""

    @property
    def name(self) -> str:
        """Name for messages."""

    @property
    def rate(self) -> Rate:
        """The rate by which the timeline counts its frames."""

    @property
    def time_base(self) -> Fraction:
        """Tick of the frames' times, in seconds."""

    @property
    def is_still(self) -> bool:
        """True for a single picture, which is on screen at all times."""

    @property
    def held_images(self) -> Sequence[str]:
        """Names of the images that could not be decoded, of those read so far: the one before each is shown in its place."""

    def key_frame_times(self, begin: Fraction, end: Fraction, *, cancel_token: CancelToken | None) -> list[Fraction]:
        """Return the times between two times at which decoding can begin; all in seconds from the first frame."""

    def frames(
        self, begin: Fraction, end: Fraction, scaling: ScaleOptions, *, cancel_token: CancelToken | None
    ) -> Iterator[DecodedFrame]:
        """Yield the frames from the one on screen at `begin` on, perhaps some before it, in seconds from the first frame."""


@dataclass(frozen=True, slots=True)
class VideoSource:
    """A video file as a source of frames. `rate` is the rate by which the timeline counts its frames."""

    path: Path
    header: VideoHeader
    rate: Rate

    @property
    def name(self) -> str:
        """Name for messages."""
        return self.path.name

    @property
    def time_base(self) -> Fraction:
        """Tick of the frames' times, in seconds."""
        return self.header.time_base

    @property
    def is_still(self) -> bool:
        """True for a single picture, which is on screen at all times."""
        return self.header.is_still

    @property
    def held_images(self) -> Sequence[str]:
        """None: a file is not made of images."""
        return ()

    def key_frame_times(self, begin: Fraction, end: Fraction, *, cancel_token: CancelToken | None) -> list[Fraction]:
        """Return the times of the key frames between two times, ascending; all in seconds from the first frame."""
        start = self.header.start
        if self.header.has_index:
            times: Sequence[Fraction] = key_times(self.path, start + begin, start + end, cancel_token=cancel_token)
        else:
            index = index_packets(self.path, runs_on=self.header.runs_on, cancel_token=cancel_token)
            times = index.keys_between(start + begin, start + end)
        return [time - start for time in times]

    def frames(
        self,
        begin: Fraction,
        end: Fraction,
        scaling: ScaleOptions,
        *,
        cancel_token: CancelToken | None,
    ) -> Iterator[DecodedFrame]:
        """Yield the frames from the one on screen at `begin` on, perhaps some before it, in seconds from the first frame.

        Raises:
            MediaError: the file cannot be decoded.
            Cancelled: the token was cancelled.
        """
        # Frames long before `begin` are decoded, but not scaled.
        trims = (begin, begin - SEEK_BACK_SECONDS)
        seeks = self._seek_points(begin, cancel_token)
        # Without presentation times a frame's time depends on those before it: none is left out.
        from_start = ((None, trim) for trim in trims if trim > 0 and self.header.has_pts)
        ways = chain(zip(seeks, (trims[0], None), strict=False), from_start, [(None, None)])
        for seek, trim in ways:
            # A seek may land late, and with a variable frame rate the frame on screen at `begin` may have begun long before. Only the
            # first frame shows it: if that is later than `begin`, the next way is tried.
            decoding = self._decode(seek, trim, scaling, cancel_token)
            first = next(decoding, None)
            if (seek, trim) == (None, None) or (first is not None and first.time <= begin + TIME_TOLERANCE_SECONDS):
                if first is not None and first.own_size != first.size:
                    # The picture changed its size before `begin`: frames that are not shown decide nothing.
                    decoding.close()
                    fitting = replace(scaling, exact_size=first.own_size)
                    yield from self.frames(begin, end, fitting, cancel_token=cancel_token)
                elif first is not None:
                    yield first
                    yield from decoding
                return
            decoding.close()

    def _seek_points(self, begin: Fraction, cancel_token: CancelToken | None) -> Iterator[Fraction]:
        """Yield times from which to decode, in seconds from the first frame, the quickest first."""
        if begin <= 0 or not self.header.can_seek:
            return
        if self.header.has_index:
            yield begin
            if begin > SEEK_BACK_SECONDS:
                yield begin - SEEK_BACK_SECONDS
            return
        index = index_packets(self.path, cancel_token=cancel_token)
        start = self.header.start
        for seek in (begin, begin - SEEK_BACK_SECONDS):
            keys = index.keys_between(start, start + seek) if seek > 0 else []
            if keys:
                at = keys[-1] - start - KEY_FRAME_MARGIN_SECONDS
                if at > 0 and seek_is_exact(self.path, index, self._seek_options(at), cancel_token=cancel_token):
                    yield at

    def _seek_options(self, seek: Fraction) -> dict[str, Any]:
        # Rounded up to the microsecond of `ss`: a time just before a key frame would seek to the one before it.
        at = math.ceil((self.header.start + seek) * 1_000_000)
        return {"seek_timestamp": 1, "noaccurate_seek": None, "ss": f"{at / 1_000_000:.6f}"}

    def _decode(
        self, seek: Fraction | None, trim: Fraction | None, scaling: ScaleOptions, cancel_token: CancelToken | None
    ) -> Generator[DecodedFrame]:
        """Yield the frames from a seek on, None for the start of the file; with `trim`, only from shortly before that time on."""
        video = self.header
        options = {} if seek is None else self._seek_options(seek)
        if video.size[0] * video.size[1] <= SMALL_PICTURE_PIXELS:
            options["threads"] = 1
        stream = ffmpeg.input_stream(self.path, **clock_options(runs_on=video.runs_on), **options)["V:0"]
        if trim is not None:
            first = video.start + trim - video.rate.seconds(PREROLL_FRAMES)
            stream = stream.filter("trim", start_pts=math.floor(first / video.time_base))
        stream = scaling.add_filters(
            stream, has_alpha=video.has_alpha, deinterlace=not video.is_progressive, size=video.size
        )
        frames = _decode_frames(stream, f"Could not decode {self.name}", video.rate.seconds(1), cancel_token)
        for number, frame in enumerate(frames):
            yield frame._replace(time=video.rate.seconds(number) if video.is_counted else frame.time - video.start)


@dataclass(frozen=True, slots=True)
class ImageSequenceSource:
    """An image sequence as a source of frames. Image `n` begins at `n / rate` seconds. `list_path` is the file for ffmpeg's list.

    `held_images` are the names of those that could not be decoded, of the images read so far.
    """

    folder: Path
    names: tuple[str, ...]
    rate: Rate
    list_path: Path
    held_images: list[str] = field(default_factory=list, compare=False)

    @property
    def name(self) -> str:
        """Name for messages."""
        return self.names[0]

    @property
    def time_base(self) -> Fraction:
        """Tick of the frames' times, in seconds."""
        return self.rate.seconds(1)

    @property
    def is_still(self) -> bool:
        """True for a single picture, which is on screen at all times."""
        return len(self.names) == 1

    def key_frame_times(
        self,
        begin: Fraction,
        end: Fraction,
        *,
        cancel_token: CancelToken | None,  # noqa: ARG002 - reads nothing
    ) -> list[Fraction]:
        """Return the times of all images between two times: decoding can begin at each."""
        return [self.rate.seconds(n) for n in range(self.rate.frames(begin), self.rate.frames(end) + 1)]

    def frames(
        self, begin: Fraction, end: Fraction, scaling: ScaleOptions, *, cancel_token: CancelToken | None
    ) -> Iterator[DecodedFrame]:
        """Yield the images on screen from `begin` to `end`. Raises as `VideoSource.frames`.

        In the place of an image that cannot be decoded is the one before it: all others keep their times.
        """
        first = min(math.floor(begin * self.rate.fps), len(self.names) - 1)
        last = min(math.floor(end * self.rate.fps) + 1, len(self.names) - 1)
        decoding = self._decode(range(first, last + 1), scaling, cancel_token)
        shown = next(decoding, None)
        coming = shown
        if shown is None or shown.time > self.rate.seconds(first):
            fitting = scaling if shown is None else replace(scaling, exact_size=shown.size)
            shown = next(self._last_before(first, fitting, cancel_token), shown)
        if shown is None:
            return
        for index in range(first, last + 1):
            at = self.rate.seconds(index)
            while coming is not None and coming.time <= at:
                shown, coming = coming, next(decoding, None)
            yield shown._replace(time=at)
            # Only now: frames are read one ahead, and the one that is not used is not held.
            if shown.time != at and self.names[index] not in self.held_images:
                self.held_images.append(self.names[index])

    def _last_before(
        self, first: int, scaling: ScaleOptions, cancel_token: CancelToken | None
    ) -> Iterator[DecodedFrame]:
        """Yield the last image before the one of a number that can be decoded, if there is one."""
        for index in range(first - 1, -1, -1):
            with (
                contextlib.suppress(MediaError),
                contextlib.closing(self._decode([index], scaling, cancel_token)) as decoding,
            ):
                frame = next(decoding, None)
                if frame is not None:
                    yield frame
                    return

    def _decode(
        self, indexes: Iterable[int], scaling: ScaleOptions, cancel_token: CancelToken | None
    ) -> Generator[DecodedFrame]:
        """Yield the images of these numbers that can be decoded. Those that follow each other in one format share an ffmpeg."""
        for kind, group in groupby(indexes, key=lambda index: image_format(self.folder / self.names[index])):
            numbers = list(group)
            if not kind:
                continue
            names = [self.names[number] for number in numbers]
            self.list_path.write_text(concat_script(self.folder, names), "utf-8")
            stream = scaling.add_filters(
                sequence_stream(self.list_path, self.folder / names[0], kind), has_alpha=True, deinterlace=False
            )
            # The script gives each image a second: the time of a frame is the number of its image.
            for frame in _decode_frames(stream, f"Could not decode {names[0]}", Fraction(1), cancel_token):
                scaling = replace(scaling, exact_size=frame.size)
                yield frame._replace(time=self.rate.seconds(numbers[min(round(frame.time), len(numbers) - 1)]))


_ShowinfoValue = tuple[int, str, int, int] | tuple[int, int] | Fraction | str | None


class _ShowinfoParser:
    """Parser of `showinfo`'s output.

    `values` receives the time base, then for each frame (number, ticks, width, height) and its colour matrix, and None at the end; in
    between, once, the size (width, height) in which ffmpeg writes all frames. A line may be missing: messages of other threads tear
    lines apart.
    """

    def __init__(self) -> None:
        self.values: queue.SimpleQueue[_ShowinfoValue] = queue.SimpleQueue()
        self._describes_output = False

    def parse_line(self, line: str | None) -> bool:
        """Parse a line of ffmpeg's log, None at its end. Return True if it is `showinfo`'s."""
        if line is None:
            self.values.put(None)
            return True
        if not SHOWINFO_PREFIX.match(line):
            # An input of raw video is described alike, before the output.
            self._describes_output = self._describes_output or line.startswith("Output #0")
            if self._describes_output and (output := _OUTPUT_LINE.search(line)):
                self.values.put((int(output[1]), int(output[2])))
            return False
        if shown := SHOWINFO_FRAME.search(line):
            self.values.put((int(shown[1]), shown[2], int(shown[3]), int(shown[4])))
        elif base := SHOWINFO_TIME_BASE.search(line):
            self.values.put(Fraction(int(base[1]), int(base[2])))
        elif matrix := _COLOR_LINE.search(line):
            self.values.put(matrix[1] if matrix[1] in COLOR_MATRICES else "")
        return True


def _decode_frames(
    stream: Any, error_prefix: str, frame_seconds: Fraction, cancel_token: CancelToken | None
) -> Generator[DecodedFrame]:
    """Yield frames with their times on the file's own clock, `frame_seconds` apart if it gives none, or none that is later."""
    parser = _ShowinfoParser()
    out = counted_output(stream, format="rawvideo", pix_fmt="yuv420p")
    announced = _AnnouncedFrames(frame_seconds)
    with ffmpeg.open_stdout(
        out,
        error_prefix,
        cancel_token=cancel_token,
        log_flags=ffmpeg.INFO_FLAGS,
        on_stderr_line=parser.parse_line,
        timeout_seconds=FRAME_TIMEOUT_SECONDS,
    ) as pipe:
        while True:
            with pipe.timed_wait():
                value = parser.values.get()
            announced.add(value)
            while (frame := announced.next_complete()) is not None:
                if data := pipe.read(frame.size[0] * frame.size[1] * 3 // 2):
                    yield frame._replace(data=data, color_matrix=frame.color_matrix or "")
            if value is None:
                pipe.read(1)  # reads the end, so that a failure of ffmpeg is raised
                return


class _AnnouncedFrames:
    """Frames that `showinfo` has announced, and whose data are not read yet."""

    def __init__(self, frame_seconds: Fraction) -> None:
        self._frame_seconds = frame_seconds
        self._tick = Fraction(1)
        self._size = (0, 0)
        self._waiting: deque[DecodedFrame] = deque()
        self._count = 0
        self._last_time: Fraction | None = None
        self._is_last_complete = False

    def add(self, value: _ShowinfoValue) -> None:
        """Add a value of `_ShowinfoParser`."""
        if value is None:
            self._is_last_complete = True
        elif isinstance(value, Fraction):
            # The picture changed its size, or begins: ffmpeg counts again.
            self._tick, self._count = value, 0
        elif isinstance(value, str):
            self._is_last_complete = True
            if self._waiting:
                self._waiting[-1] = self._waiting[-1]._replace(color_matrix=value)
        elif len(value) == 2:
            self._size = value
        else:
            number, ticks, own_size = value[0], value[1], value[2:]
            self._is_last_complete = False
            for missed in range(self._count, number + 1):
                own = ticks if missed == number else "NOPTS"
                self._last_time = frame_time(own, self._tick, self._last_time, self._frame_seconds)
                self._waiting.append(DecodedFrame(self._last_time, (0, 0), b"", None, own_size))
            self._count = number + 1

    def next_complete(self) -> DecodedFrame | None:
        """Return the next frame whose data can be read, without them; None if there is none yet.

        The first frame is announced before the size in which it is written. If a frame's last line is missing, the next frame or
        the end completes it.
        """
        if self._size == (0, 0) or len(self._waiting) <= (0 if self._is_last_complete else 1):
            return None
        return self._waiting.popleft()._replace(size=self._size)
