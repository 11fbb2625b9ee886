"""Decodes a source into small frames with their exact times, from any time on: what extraction picks from.

ffmpeg decodes, deinterlaces what is flagged, turns, crops and scales; its `showinfo` says each frame's time before the frame itself
comes through the pipe. So every frame is known by the file's own clock, whatever its rate.
"""

from __future__ import annotations

import math
import queue
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import MediaError
from . import ffmpeg
from .image_sequence import concat_script, sequence_stream
from .probe import TIME_TOLERANCE_SECONDS, VideoHeader, key_times

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from ..cancellation import CancelToken
    from ..timing import Rate

FRAME_TIMEOUT_SECONDS = 600.0
"""How long one frame may take. Getting to the first may mean decoding minutes: files with one key frame in all exist."""

SEEK_BACK_SECONDS = Fraction(10)
"""Seconds. Where a seek landed late (MPEG-TS has no index), the next one goes this much further back, the last to the file's start."""

KEY_FRAME_MARGIN_SECONDS = Fraction(1, 2)
"""Seconds before a key frame that a seek goes to where there is no index: more than a key frame's packet comes early."""

PREROLL_FRAMES = 2
"""Frames before the wanted one that are let through: the times of files are rounded, and their rates may vary."""

COLOR_MATRICES = frozenset({"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc"})
"""The words that showinfo and the encoder share."""

AREA_SCALING_RATIO = 4
"""From a picture so many times smaller on, a pixel is the mean of those that it stands for: of 4K ProRes the scaling costs 6 % of the
decoding and not 15, and the picture is bicubic's within 47 dB."""

_TIME_BASE_LINE = re.compile(r"config in time_base: (\d+)/(\d+)")
_FRAME_LINE = re.compile(r"\bn: *\d+ pts: *(\S+) .*\bs:(\d+)x(\d+)")
_COLOR_LINE = re.compile(r"color_range:\S+ color_space:(\S+)")
_SHOWINFO_PREFIX = re.compile(r"\[Parsed_showinfo")


class DecodedFrame(NamedTuple):
    """One frame: its time in seconds from the source's first frame, its width and height, its yuv420p planes.

    `color_matrix` is what its colours were made by, in ffmpeg's word; empty where the source does not say.
    """

    time: Fraction
    size: tuple[int, int]
    data: bytes
    color_matrix: str


@dataclass(frozen=True, slots=True)
class ScaleOptions:
    """How a frame is made small.

    Args:
        short_side: pixels of the shorter side, less where the source is smaller; both sides become even, pixels square.
        crop_position: where along its longer side the picture is cut to a square: 0 is left or top, 1/2 the centre; None: not at all.
    """

    short_side: int
    crop_position: Fraction | None = None

    def add_filters(self, stream: Any, *, has_alpha: bool, deinterlace: bool, size: tuple[int, int] = (0, 0)) -> Any:
        """Add it to an ffmpeg-python stream. Transparent picture is seen over black, as Blender shows it alone.

        Args:
            stream: what is decoded.
            has_alpha: whether it may be transparent.
            deinterlace: whether frames that are flagged as two fields are made one picture.
            size: its width and height, where they are known.
        """
        if deinterlace:
            stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
        stream = stream.filter("scale", "iw*sar", "ih").filter("setsar", 1)
        if self.crop_position is not None:
            place = f"{self.crop_position.numerator}/{self.crop_position.denominator}"
            stream = stream.filter("crop", "min(iw,ih)", "min(iw,ih)", f"(iw-ow)*{place}", f"(ih-oh)*{place}")
        short = self.short_side
        stream = stream.filter(
            "scale",
            f"if(gt(iw,ih),-2,max(2,trunc(min({short},iw)/2)*2))",
            f"if(gt(iw,ih),max(2,trunc(min({short},ih)/2)*2),-2)",
            out_range="tv",
            flags="area" if min(size) >= AREA_SCALING_RATIO * short else "bicubic",
        )
        if has_alpha:
            stream = stream.filter("format", "gbrap").filter("premultiply", inplace=1)
            stream = stream.filter("scale", out_range="tv")
        return stream.filter("format", "yuv420p").filter("sidedata", "delete").filter("showinfo", checksum=0)


@dataclass(frozen=True, slots=True)
class VideoSource:
    """A video file as a source of frames. `rate` is what the timeline counts its frames by."""

    path: Path
    header: VideoHeader
    rate: Rate

    @property
    def name(self) -> str:
        """What it is called to a person."""
        return self.path.name

    @property
    def time_base(self) -> Fraction:
        """The tick of its frames' times, in seconds."""
        return self.header.time_base

    @property
    def is_still(self) -> bool:
        """Whether it is one picture, which shows for ever."""
        return self.header.is_still

    def key_frame_times(self, begin: Fraction, end: Fraction, *, cancel_token: CancelToken | None) -> list[Fraction]:
        """Times of the key frames between two times, rising."""
        start = self.header.start
        return [time - start for time in key_times(self.path, start + begin, start + end, cancel_token=cancel_token)]

    def frames(
        self, begin: Fraction, end: Fraction, scaling: ScaleOptions, *, cancel_token: CancelToken | None
    ) -> Iterator[DecodedFrame]:
        """The frames from the one on screen at `begin` on (perhaps some before it).

        Raises:
            MediaError, Cancelled: as `ffmpeg.run`.
        """
        for seek in self._seek_points(begin, cancel_token):
            decoding = self._decode(seek, begin, scaling, cancel_token)
            first = next(decoding, None)
            if seek is None or (first is not None and first.time <= begin + TIME_TOLERANCE_SECONDS):
                if first is not None:
                    yield first
                    yield from decoding
                return
            decoding.close()

    def _seek_points(self, begin: Fraction, cancel_token: CancelToken | None) -> Iterator[Fraction | None]:
        """Where to begin decoding, in seconds from the first frame, best first; None is the file's start."""
        if begin > 0 and self.header.has_index:
            yield begin
        elif begin > 0 and (keys := self.key_frame_times(begin - SEEK_BACK_SECONDS, begin, cancel_token=cancel_token)):
            yield keys[-1] - KEY_FRAME_MARGIN_SECONDS
        if begin > SEEK_BACK_SECONDS:
            yield begin - SEEK_BACK_SECONDS
        yield None

    def _decode(
        self, seek: Fraction | None, begin: Fraction, scaling: ScaleOptions, cancel_token: CancelToken | None
    ) -> Generator[DecodedFrame]:
        video = self.header
        options: dict[str, Any] = {}
        if seek is not None:
            # Up to the microsecond above: at the frame's own time or after it, so that no earlier key frame is gone to.
            at = math.ceil((video.start + seek) * 1_000_000)
            options = {"seek_timestamp": 1, "noaccurate_seek": None, "ss": f"{at / 1_000_000:.6f}"}
        stream = ffmpeg.input_stream(self.path, copyts=None, **options)["V:0"]
        if seek == begin:  # at the first try only, lest what is on screen began long before
            let = video.start + begin - video.rate.seconds(PREROLL_FRAMES)
            stream = stream.filter("trim", start_pts=math.floor(let / video.time_base))
        stream = scaling.add_filters(
            stream, has_alpha=video.has_alpha, deinterlace=not video.is_progressive, size=video.size
        )
        for frame in _decode_frames(stream, f"could not decode {self.name}", self.rate.seconds(1), cancel_token):
            yield frame._replace(time=frame.time - video.start)


@dataclass(frozen=True, slots=True)
class ImageSequenceSource:
    """A sequence of images as a source of frames: image `n` begins at `n / rate`. `list_path` is where ffmpeg reads their list."""

    folder: Path
    names: tuple[str, ...]
    rate: Rate
    list_path: Path

    @property
    def name(self) -> str:
        """What it is called to a person."""
        return self.names[0]

    @property
    def time_base(self) -> Fraction:
        """The tick of its frames' times, in seconds."""
        return self.rate.seconds(1)

    @property
    def is_still(self) -> bool:
        """Whether it is one picture, which shows for ever."""
        return len(self.names) == 1

    def key_frame_times(self, begin: Fraction, end: Fraction, *, cancel_token: CancelToken | None) -> list[Fraction]:
        """Decoding can begin at each image."""
        return [self.rate.seconds(n) for n in range(self.rate.frames(begin), self.rate.frames(end) + 1)]

    def frames(
        self, begin: Fraction, end: Fraction, scaling: ScaleOptions, *, cancel_token: CancelToken | None
    ) -> Iterator[DecodedFrame]:
        """The images on screen from `begin` to `end`. Raises as a movie's."""
        first = min(math.floor(begin * self.rate.fps), len(self.names) - 1)
        names = self.names[first : math.floor(end * self.rate.fps) + 2]
        self.list_path.write_text(concat_script(self.folder, names), "utf-8")
        stream = scaling.add_filters(sequence_stream(self.list_path, names), has_alpha=True, deinterlace=False)
        for index, frame in enumerate(
            _decode_frames(stream, f"could not decode {self.name}", self.rate.seconds(1), cancel_token), first
        ):
            yield frame._replace(time=self.rate.seconds(index))


FrameSource = VideoSource | ImageSequenceSource


class _ShowinfoParser:
    """What `showinfo` says, in its order: the time base, then of each frame its ticks and size, and its matrix at last."""

    def __init__(self) -> None:
        self.values: queue.SimpleQueue[tuple[str, int, int] | Fraction | str | None] = queue.SimpleQueue()

    def parse_line(self, line: str | None) -> bool:
        """Take a line of ffmpeg's words; whether it was showinfo's."""
        if line is None:
            self.values.put(None)
            return True
        if not _SHOWINFO_PREFIX.match(line):
            return False
        if shown := _FRAME_LINE.search(line):
            self.values.put((shown[1], int(shown[2]), int(shown[3])))
        elif base := _TIME_BASE_LINE.search(line):
            self.values.put(Fraction(int(base[1]), int(base[2])))
        elif matrix := _COLOR_LINE.search(line):
            self.values.put(matrix[1] if matrix[1] in COLOR_MATRICES else "")
        return True


def _decode_frames(
    stream: Any, error_prefix: str, frame_seconds: Fraction, cancel_token: CancelToken | None
) -> Generator[DecodedFrame]:
    """Decode: frames with their times on the file's own clock; `frame_seconds` apart where it gives none."""
    told = _ShowinfoParser()
    out = stream.output("pipe:", format="rawvideo", pix_fmt="yuv420p", fps_mode="passthrough")
    base, time, size = Fraction(1), Fraction(0), (0, 0)
    with ffmpeg.open_stdout(
        out,
        error_prefix,
        cancel_token=cancel_token,
        log_flags=ffmpeg.INFO_FLAGS,
        on_stderr_line=told.parse_line,
        timeout_seconds=FRAME_TIMEOUT_SECONDS,
    ) as pipe:
        while True:
            with pipe.timed_wait():
                word = told.values.get()
            if word is None:
                pipe.read(1)  # its end, which says whether it went well
                return
            if isinstance(word, Fraction):
                base = word
            elif isinstance(word, str):
                data = pipe.read(size[0] * size[1] * 3 // 2)
                if data:
                    yield DecodedFrame(time, size, data, word)
            else:
                ticks, now = word[0], word[1:]
                if size not in ((0, 0), now):
                    raise MediaError(
                        f"{error_prefix}: its picture changes its size at {float(time):.2f} s; convert it to one size first"
                    )
                size = now
                time = time + frame_seconds if ticks == "NOPTS" else int(ticks) * base
