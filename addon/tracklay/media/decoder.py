"""Decodes a source, from any time on, into small frames with their exact times.

ffmpeg decodes, deinterlaces flagged frames, rotates, crops and scales. Its `showinfo` filter prints each frame's time before the frame
itself comes through the pipe, so that times are those of the file's own clock, whatever its frame rate.
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
"""Seconds that one frame may take. The first may need minutes of decoding: some files have a single key frame."""

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

_TIME_BASE_LINE = re.compile(r"config in time_base: (\d+)/(\d+)")
_FRAME_LINE = re.compile(r"\bn: *\d+ pts: *(\S+) .*\bs:(\d+)x(\d+)")
_COLOR_LINE = re.compile(r"color_range:\S+ color_space:(\S+)")
_SHOWINFO_PREFIX = re.compile(r"\[Parsed_showinfo")


class DecodedFrame(NamedTuple):
    """A decoded frame.

    Attributes:
        time: seconds from the source's first frame.
        size: width and height in pixels.
        data: the planes, as yuv420p.
        color_matrix: ffmpeg's name of the colour matrix; empty if the source does not give it.
    """

    time: Fraction
    size: tuple[int, int]
    data: bytes
    color_matrix: str


@dataclass(frozen=True, slots=True)
class ScaleOptions:
    """Size and shape of decoded frames.

    Attributes:
        short_side: pixels of the shorter side, less if the source is smaller. Both sides become even, and pixels square.
        crop_position: position of a square crop along the longer side: 0 is left or top, 1/2 the centre; None for no crop.
    """

    short_side: int
    crop_position: Fraction | None = None

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
        # Side data makes `showinfo` print many more lines per frame.
        return stream.filter("format", "yuv420p").filter("sidedata", "delete").filter("showinfo", checksum=0)


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

    def key_frame_times(self, begin: Fraction, end: Fraction, *, cancel_token: CancelToken | None) -> list[Fraction]:
        """Return the times of the key frames between two times, ascending; all in seconds from the first frame."""
        start = self.header.start
        return [time - start for time in key_times(self.path, start + begin, start + end, cancel_token=cancel_token)]

    def frames(
        self,
        begin: Fraction,
        end: Fraction,  # noqa: ARG002 - the caller closes the iterator; an image sequence needs the end
        scaling: ScaleOptions,
        *,
        cancel_token: CancelToken | None,
    ) -> Iterator[DecodedFrame]:
        """Yield the frames from the one on screen at `begin` on, perhaps some before it, in seconds from the first frame.

        Raises:
            MediaError: the file cannot be decoded.
            Cancelled: the token was cancelled.
        """
        for seek in self._seek_points(begin, cancel_token):
            # A seek may land late. Only its first frame shows it: if that is later than `begin`, the next point is tried.
            decoding = self._decode(seek, begin, scaling, cancel_token)
            first = next(decoding, None)
            if seek is None or (first is not None and first.time <= begin + TIME_TOLERANCE_SECONDS):
                if first is not None:
                    yield first
                    yield from decoding
                return
            decoding.close()

    def _seek_points(self, begin: Fraction, cancel_token: CancelToken | None) -> Iterator[Fraction | None]:
        """Yield times from which to decode, in seconds from the first frame, the quickest first; None is the start of the file."""
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
            # Rounded up to the microsecond of `ss`: a time just before a key frame would seek to the one before it.
            at = math.ceil((video.start + seek) * 1_000_000)
            options = {"seek_timestamp": 1, "noaccurate_seek": None, "ss": f"{at / 1_000_000:.6f}"}
        stream = ffmpeg.input_stream(self.path, copyts=None, **options)["V:0"]
        if seek == begin:
            # Frames from the key frame to `begin` are not scaled. Only at the first try: with a variable frame rate, the frame on
            # screen at `begin` may have begun long before.
            first = video.start + begin - video.rate.seconds(PREROLL_FRAMES)
            stream = stream.filter("trim", start_pts=math.floor(first / video.time_base))
        stream = scaling.add_filters(
            stream, has_alpha=video.has_alpha, deinterlace=not video.is_progressive, size=video.size
        )
        for frame in _decode_frames(stream, f"Could not decode {self.name}", self.rate.seconds(1), cancel_token):
            yield frame._replace(time=frame.time - video.start)


@dataclass(frozen=True, slots=True)
class ImageSequenceSource:
    """An image sequence as a source of frames. Image `n` begins at `n / rate` seconds. `list_path` is the file for ffmpeg's list."""

    folder: Path
    names: tuple[str, ...]
    rate: Rate
    list_path: Path

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
        """Yield the images on screen from `begin` to `end`. Raises as `VideoSource.frames`."""
        first = min(math.floor(begin * self.rate.fps), len(self.names) - 1)
        names = self.names[first : math.floor(end * self.rate.fps) + 2]
        self.list_path.write_text(concat_script(self.folder, names), "utf-8")
        stream = scaling.add_filters(sequence_stream(self.list_path, names), has_alpha=True, deinterlace=False)
        for index, frame in enumerate(
            _decode_frames(stream, f"Could not decode {self.name}", self.rate.seconds(1), cancel_token), first
        ):
            yield frame._replace(time=self.rate.seconds(index))


FrameSource = VideoSource | ImageSequenceSource


class _ShowinfoParser:
    """Parser of `showinfo`'s output.

    `values` receives the time base, then for each frame (ticks, width, height) and its colour matrix, and None at the end.
    """

    def __init__(self) -> None:
        self.values: queue.SimpleQueue[tuple[str, int, int] | Fraction | str | None] = queue.SimpleQueue()

    def parse_line(self, line: str | None) -> bool:
        """Parse a line of ffmpeg's log, None at its end. Return True if it is `showinfo`'s."""
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
    """Yield frames with their times on the file's own clock, `frame_seconds` apart if it gives none."""
    parser = _ShowinfoParser()
    out = stream.output("pipe:", format="rawvideo", pix_fmt="yuv420p", fps_mode="passthrough")
    base, time, size = Fraction(1), Fraction(0), (0, 0)
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
            if value is None:
                pipe.read(1)  # reads the end, so that a failure of ffmpeg is raised
                return
            if isinstance(value, Fraction):
                base = value
            elif isinstance(value, str):
                data = pipe.read(size[0] * size[1] * 3 // 2)
                if data:
                    yield DecodedFrame(time, size, data, value)
            else:
                ticks, new_size = value[0], value[1:]
                if size not in ((0, 0), new_size):
                    raise MediaError(
                        "decode.size_changes",
                        "{action}: the picture changes its size at {seconds} s. Convert it to one size first.",
                        action=error_prefix,
                        seconds=f"{float(time):.2f}",
                    )
                size = new_size
                time = time + frame_seconds if ticks == "NOPTS" else int(ticks) * base
