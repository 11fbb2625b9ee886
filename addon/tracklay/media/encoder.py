"""Encodes frames with exact times to a silent H.264 MP4, whose first frame is at 0 for every reader: a proxy, or a whole source."""

from __future__ import annotations

import contextlib
import struct
import subprocess
from fractions import Fraction
from typing import TYPE_CHECKING

from ..atomic_io import atomic_write
from ..errors import MediaError
from . import ffmpeg
from .decoder import ScaleOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..cancellation import CancelToken
    from .decoder import DecodedFrame, FrameSource

DEFAULT_CRF = 23
"""x264's constant rate factor. With a short side of 384 pixels nothing is lost for MMAudio: 46.5 dB at its input tensors, measured."""

DEFAULT_PRESET = "veryfast"
"""x264's preset of proxies."""

MOVIE_CRF, MOVIE_PRESET = 16, "fast"
"""x264's constant rate factor and preset of a movie that stands for its source: visually lossless."""

MAX_SIDE = 1 << 14
"""Pixels: no source is larger, so that none is scaled."""

_IVF_HEADER = struct.Struct("<4sHH4sHHIIII")
_IVF_FRAME_HEADER = struct.Struct("<IQ")
"""IVF is the smallest container of raw frames with exact times in any time base (libavformat/ivfdec.c)."""


class Encoder:
    """An MP4 being written, frame by frame. `tick` is the unit of its times, in seconds: all times are rounded to it."""

    def __init__(self, to: Path, tick: Fraction, error_prefix: str, crf: int, preset: str) -> None:
        self._to, self._tick, self._error_prefix, self._crf, self._preset = to, tick, error_prefix, crf, preset
        self.process: ffmpeg.FfmpegProcess | None = None
        self.ticks: list[int] = []

    @property
    def times(self) -> tuple[Fraction, ...]:
        """Start of each frame written, in seconds."""
        return tuple(ticks * self._tick for ticks in self.ticks)

    def write(self, at: Fraction, frame: DecodedFrame) -> None:
        """Write a frame that is on screen from `at` seconds on. It is skipped if it does not come later than the one before it."""
        ticks = round(at / self._tick)
        if self.ticks and ticks <= self.ticks[-1]:
            return
        process = self.process or self._start_process(frame)
        assert process.popen.stdin is not None  # noqa: S101 - made with a pipe below
        with contextlib.suppress(BrokenPipeError):  # ffmpeg has exited: `close` raises why
            process.popen.stdin.write(_IVF_FRAME_HEADER.pack(len(frame.data), ticks))
            process.popen.stdin.write(frame.data)
        self.ticks.append(ticks)

    def _start_process(self, frame: DecodedFrame) -> ffmpeg.FfmpegProcess:
        import ffmpeg as ffmpeg_python  # noqa: PLC0415 - slow to import

        # Started by the first frame, whose size and colour it needs.
        base = f"{self._tick.numerator}:{self._tick.denominator}"
        colour = {"colorspace": frame.color_matrix} if frame.color_matrix else {}
        stream = ffmpeg_python.input("pipe:", format="ivf").output(
            ffmpeg.output_url(self._to),
            format="mp4",
            vcodec="libx264",
            preset=self._preset,
            crf=self._crf,
            pix_fmt="yuv420p",
            color_range="tv",
            bf=0,  # no reordering: the file begins at 0 for readers that ignore edit lists too
            fps_mode="passthrough",
            enc_time_base=base,
            video_track_timescale=self._tick.denominator,
            movflags="+faststart",
            map_metadata=-1,
            **colour,
        )
        self.process = ffmpeg.FfmpegProcess(stream, ffmpeg.QUIET_FLAGS, stdin=subprocess.PIPE)
        assert self.process.popen.stdin is not None  # noqa: S101
        base_of_times = self._tick.denominator, self._tick.numerator
        self.process.popen.stdin.write(
            _IVF_HEADER.pack(b"DKIF", 0, _IVF_HEADER.size, b"I420", *frame.size, *base_of_times, 0, 0)
        )
        return self.process

    def close(self) -> None:
        """Finish the file.

        Raises:
            MediaError: no frame was written, or ffmpeg failed.
            OutputError: no space or no permission to write.
        """
        if self.process is None:
            raise MediaError(
                "encode.no_frames",
                "{action}: no frame can be decoded there. The file may be damaged.",
                action=self._error_prefix,
            )
        assert self.process.popen.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            self.process.popen.stdin.close()
        if self.process.wait():
            raise ffmpeg.error_from_stderr(self.process.stderr_tail, self._error_prefix)


@contextlib.contextmanager
def open_encoder(
    to: Path, tick: Fraction, error_prefix: str, *, crf: int = DEFAULT_CRF, preset: str = DEFAULT_PRESET
) -> Iterator[Encoder]:
    """Yield an encoder, with x264's rate factor and preset. The file is complete after the block; an error in the block kills ffmpeg."""
    encoder = Encoder(to, tick, error_prefix, crf, preset)
    try:
        yield encoder
        encoder.close()
    except BaseException:
        if encoder.process is not None:
            encoder.process.kill()
            with contextlib.suppress(BrokenPipeError):
                encoder.process.popen.stdin.close()  # type: ignore[union-attr]
            encoder.process.wait()
        raise


def encode_movie(
    source: FrameSource,
    seconds: Fraction,
    to: Path,
    *,
    tick: Fraction | None = None,
    cancel_token: CancelToken | None = None,
) -> tuple[Fraction, ...]:
    """Write a source as an H.264 MP4 of its own size, and return the start of each frame in seconds; the first is 0.

    Args:
        source: the source.
        seconds: its length.
        to: the MP4 to write.
        tick: unit of the times in seconds; None for the length of a frame by the source's rate.
        cancel_token: cancels the work.

    Raises:
        MediaError: the source cannot be decoded.
        OutputError: no space or no permission to write.
        Cancelled: the token was cancelled.
    """
    frames = source.frames(Fraction(0), seconds, ScaleOptions(MAX_SIDE), cancel_token=cancel_token)
    with (
        atomic_write(to) as beside,
        open_encoder(
            beside,
            tick or source.rate.seconds(1),
            f"Could not make a movie of {source.name}",
            crf=MOVIE_CRF,
            preset=MOVIE_PRESET,
        ) as encoder,
    ):
        opening: DecodedFrame | None = None
        for frame in frames:
            # Frames before the first key frame (an open GOP) are decoded in part, and not shown.
            if frame.time <= 0:
                opening = frame
                continue
            if opening is not None:
                encoder.write(Fraction(0), opening)
                opening = None
            encoder.write(frame.time, frame)
        if opening is not None:
            encoder.write(Fraction(0), opening)
    return encoder.times
