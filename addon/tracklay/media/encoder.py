"""Writes frames with exact times as a small silent H.264 MP4 that begins at 0 for every reader."""

from __future__ import annotations

import contextlib
import struct
import subprocess
from typing import TYPE_CHECKING

from ..errors import MediaError
from . import ffmpeg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from .decoder import DecodedFrame

DEFAULT_CRF = 23
"""x264's constant rate factor: with a short side of 384 it loses nothing for MMAudio (46.5 dB at its tensors, measured)."""

_IVF_HEADER = struct.Struct("<4sHH4sHHIIII")
_IVF_FRAME_HEADER = struct.Struct("<IQ")
"""IVF: the smallest container that carries raw frames and their exact times in any time base (libavformat/ivfdec.c)."""


class Encoder:
    """Takes frames one by one. `times` are those written, in seconds, whole in ticks."""

    def __init__(self, to: Path, tick: Fraction, error_prefix: str, crf: int) -> None:
        self._to, self._tick, self._error_prefix, self._crf = to, tick, error_prefix, crf
        self.process: ffmpeg.FfmpegProcess | None = None
        self.ticks: list[int] = []

    @property
    def times(self) -> tuple[Fraction, ...]:
        """When each frame written comes on screen."""
        return tuple(ticks * self._tick for ticks in self.ticks)

    def write(self, at: Fraction, frame: DecodedFrame) -> None:
        """Show a frame from `at` seconds on. One that would come no later than the frame before it is left out."""
        ticks = round(at / self._tick)
        if self.ticks and ticks <= self.ticks[-1]:
            return
        process = self.process or self._start_process(frame)
        assert process.popen.stdin is not None  # noqa: S101 - made with a pipe below
        with contextlib.suppress(BrokenPipeError):  # it ended: `close` says why
            process.popen.stdin.write(_IVF_FRAME_HEADER.pack(len(frame.data), ticks))
            process.popen.stdin.write(frame.data)
        self.ticks.append(ticks)

    def _start_process(self, frame: DecodedFrame) -> ffmpeg.FfmpegProcess:
        import ffmpeg as ffmpeg_python  # noqa: PLC0415 - slow to import

        base = f"{self._tick.numerator}:{self._tick.denominator}"
        colour = {"colorspace": frame.color_matrix} if frame.color_matrix else {}
        stream = ffmpeg_python.input("pipe:", format="ivf").output(
            ffmpeg.output_url(self._to),
            format="mp4",
            vcodec="libx264",
            preset="veryfast",
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
        """Wait for the file.

        Raises:
            MediaError, OutputError: it was not written.
        """
        if self.process is None:
            raise MediaError(f"{self._error_prefix}: no picture can be decoded there; the file may be damaged")
        assert self.process.popen.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            self.process.popen.stdin.close()
        if self.process.wait():
            raise ffmpeg.error_from_stderr(self.process.stderr_tail, self._error_prefix)


@contextlib.contextmanager
def open_encoder(to: Path, tick: Fraction, error_prefix: str, *, crf: int = DEFAULT_CRF) -> Iterator[Encoder]:
    """Give an encoder; the file is whole after the block. Leaving it by an error ends ffmpeg."""
    encoder = Encoder(to, tick, error_prefix, crf)
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
