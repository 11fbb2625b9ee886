"""Extract: exactly the picture that plays in a span, small, silent, every frame at its own time, beginning at 0."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..atomic_io import atomic_write, temp_dir
from ..cue import ProxySpec
from ..errors import MediaError
from ..timing import TimeMap
from . import ffmpeg
from .decoder import DecodedFrame, ImageSequenceSource, ScaleOptions, VideoSource
from .encoder import DEFAULT_CRF, open_encoder
from .frame_plan import DecodeRun, PlannedFrame, common_tick, decode_runs, plan_frames, reorder_windows, tick_candidates
from .image_sequence import DEFAULT_SEQUENCE_RATE
from .probe import TIME_TOLERANCE_SECONDS, read_video_header
from .square_crop import crop_position, find_motion_crop

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from ..cue import Picture
    from ..timing import Rate, Span
    from .decoder import FrameSource

SHORT_SIDE = 384
"""Pixels. MMAudio's larger eye is 384 square: a proxy of this size loses nothing for it (facts/peers.md, section 3.3)."""

MOTION_SHORT_SIDE = 48
"""Pixels of the short side where motion is looked for."""

INTERMEDIATE_CRF = 12
"""x264's constant rate factor of what is cut out of once more: nothing is lost by it."""

END_TOLERANCE_SECONDS = Fraction(1, 2)
"""Seconds that a source may end early, its last frame held: files promise a frame or two that they don't have."""

TimedFrame = tuple[Fraction, DecodedFrame]
"""A frame, and when it comes on screen: in seconds from the start of what plays."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A small silent MP4 of exactly a span's picture.

    `times` are its frames' times in seconds, from 0; `seconds` is its length: the span's, or more where it was padded.
    """

    path: Path
    times: tuple[Fraction, ...]
    seconds: Fraction


def extract_proxy(
    picture: Picture,
    span: Span,
    to: Path,
    *,
    short_side: int = SHORT_SIDE,
    square: str = "",
    min_seconds: Fraction = Fraction(0),
    crf: int = DEFAULT_CRF,
    cancel_token: ffmpeg.CancelToken | None = None,
) -> Proxy:
    """Write the proxy of what plays in a span.

    Its frames are those that `showing.plan_span` says: the source's own, at their own times, where it runs forward about as it was
    shot; elsewhere what is on screen at each timeline frame.

    Args:
        picture: the source, and where in it each timeline frame is.
        span: the timeline frames.
        to: the MP4 to write.
        short_side: pixels of the shorter side, less where the source is smaller; both sides are even, pixels square.
        square: cut to a square (`square.crop_position` says which words and numbers there are); empty: the whole picture.
        min_seconds: seconds that it must last at least: its last frame is held.
        crf: x264's constant rate factor.
        cancel_token: the person's wish to stop.

    Raises:
        BadInput: the source is no picture, or the square none.
        MediaError: it cannot be decoded there, or ends before the span does.
        OutputError: the proxy cannot be written.
        Cancelled: it was stopped.
    """
    with temp_dir(to.parent) as work:
        extraction = ProxyExtractor.prepare(
            picture, span, ProxySpec(short_side, square, min_seconds), work, cancel_token=cancel_token
        )
        shown = extraction.plan_span(span)
        with closing(extraction.decode(shown, cancel_token)) as playing:
            return extraction.write_proxy(playing, shown, to, lambda: span.frames, crf=crf, cancel_token=cancel_token)


@dataclass(frozen=True, slots=True)
class ProxyExtractor:
    """A picture on its way to proxies that are made alike. `rate` is the timeline's, `work_dir` a folder for files of the moment."""

    source: FrameSource
    time_map: TimeMap
    rate: Rate
    spec: ProxySpec
    work_dir: Path

    @classmethod
    def prepare(
        cls,
        picture: Picture,
        span: Span,
        spec: ProxySpec,
        work_dir: Path,
        *,
        cancel_token: ffmpeg.CancelToken | None = None,
    ) -> ProxyExtractor:
        """Ready to begin. `span` is all that will be extracted.

        Raises:
            BadInput: the source is no picture, or the square none.
        """
        if spec.square:
            crop_position(spec.square)
        source = open_source(picture, work_dir, cancel_token=cancel_token)
        time_map = TimeMap.linear(span, Fraction(0), Fraction(0)) if source.is_still else picture.time_map
        return cls(source, time_map, span.rate, spec, work_dir)

    @property
    def _crop_position(self) -> Fraction | None:
        return crop_position(self.spec.square) if self.spec.square else None

    def plan_span(self, span: Span) -> list[PlannedFrame]:
        """What is on screen in a span."""
        return plan_frames(self.time_map, span, self.source.rate)

    def decode(self, planned: Sequence[PlannedFrame], cancel_token: ffmpeg.CancelToken | None) -> Generator[TimedFrame]:
        """Decode what a plan says, each frame with when it comes on screen: in seconds from the plan's start."""
        look = ScaleOptions(self.spec.short_side, self._crop_position)
        for run in decode_runs(planned):
            yield from _decode_run(self.source, run, look, cancel_token)

    def write_proxy(
        self,
        decoded: Iterator[TimedFrame],
        planned: Sequence[PlannedFrame],
        to: Path,
        frame_count: Callable[[], int],
        *,
        crf: int = DEFAULT_CRF,
        cancel_token: ffmpeg.CancelToken | None = None,
    ) -> Proxy:
        """Write a proxy of frames as they come.

        Args:
            decoded: what comes on screen when, from 0.
            planned: the plan of it, or as much of it as tells its ticks.
            to: the MP4 to write.
            frame_count: how many timeline frames it lasts; asked when all of it has come.
            crf: x264's constant rate factor.
            cancel_token: the person's wish to stop.
        """
        by_motion = bool(self.spec.square) and self._crop_position is None
        ticking = common_tick([*tick_candidates(planned, self.source.time_base), self.rate.seconds(1)])
        path, what = self.work_dir / "whole.mp4" if by_motion else to, f"could not extract {self.source.name}"
        with (
            atomic_write(path) as beside,
            open_encoder(beside, ticking, what, crf=INTERMEDIATE_CRF if by_motion else crf) as encoder,
        ):
            frame: DecodedFrame | None = None
            for at, frame in decoded:
                encoder.write(at, frame)
            for held in range(frame_count(), -(-self.spec.min_seconds * self.rate.fps // 1)):
                if frame is not None:
                    encoder.write(self.rate.seconds(held), frame)
        seen = Proxy(path, encoder.times, max(self.rate.seconds(frame_count()), self.spec.min_seconds))
        if not by_motion:
            return seen
        return crop_proxy(
            seen,
            find_motion_crop(
                read_luma_frames(seen, *_motion_analysis_size(seen, cancel_token), cancel_token=cancel_token)
            ),
            to,
            cancel_token=cancel_token,
        )


def crop_proxy(proxy: Proxy, position: Fraction, to: Path, *, cancel_token: ffmpeg.CancelToken | None = None) -> Proxy:
    """Write a proxy's square that lies `position` along its longer side: the same frames at the same times. Raises as `extract_proxy`."""
    found = read_video_header(proxy.path, cancel_token=cancel_token)
    source = VideoSource(proxy.path, found, found.rate)
    frames = source.frames(
        Fraction(0), proxy.seconds, ScaleOptions(min(found.size), position), cancel_token=cancel_token
    )
    with (
        atomic_write(to) as beside,
        open_encoder(beside, found.time_base, f"could not extract {proxy.path.name}") as encoder,
    ):
        for frame in frames:
            encoder.write(frame.time, frame)
    return Proxy(to, encoder.times, proxy.seconds)


def _motion_analysis_size(proxy: Proxy, cancel_token: ffmpeg.CancelToken | None) -> tuple[int, int]:
    """Its size with a short side of `MOTION_SHORT_SIDE`."""
    width, height = read_video_header(proxy.path, cancel_token=cancel_token).size
    return max(1, round(width * MOTION_SHORT_SIDE / min(width, height))), max(
        1, round(height * MOTION_SHORT_SIDE / min(width, height))
    )


def open_source(picture: Picture, work_dir: Path, *, cancel_token: ffmpeg.CancelToken | None = None) -> FrameSource:
    """A picture's source, ready to be decoded. `work_dir` is a folder for what ffmpeg must read from a file.

    Raises:
        BadInput: it is none.
    """
    if picture.images:
        return ImageSequenceSource(
            picture.source, picture.images, picture.rate or DEFAULT_SEQUENCE_RATE, work_dir / "images.txt"
        )
    found = read_video_header(picture.source, cancel_token=cancel_token)
    return VideoSource(picture.source, found, picture.rate or found.rate)


def _decode_run(
    source: FrameSource, run: DecodeRun, scaling: ScaleOptions, cancel_token: ffmpeg.CancelToken | None
) -> Iterator[TimedFrame]:
    """Decode a run's frames, each with when it comes on screen."""
    if run.ordered:
        yield from _decode_ascending(source, run.planned, scaling, cancel_token)
        return
    every = [shown.source_seconds for shown in run.planned]
    keys = source.key_frame_times(min(every), max(every), cancel_token=cancel_token) if len(every) > 1 else []
    for part in reorder_windows(run, keys):
        rising = sorted(part, key=lambda shown: shown.source_seconds)
        yield from sorted(_decode_ascending(source, rising, scaling, cancel_token), key=lambda pair: pair[0])


def _decode_ascending(
    source: FrameSource, planned: Sequence[PlannedFrame], scaling: ScaleOptions, cancel_token: ffmpeg.CancelToken | None
) -> Iterator[TimedFrame]:
    """Decode once through what is shown in the source's order: on screen is the last frame that began."""
    end = max(shown.source_end_seconds for shown in planned)
    decoding = source.frames(planned[0].source_seconds, end, scaling, cancel_token=cancel_token)
    now = next(decoding, None)
    if now is None:
        raise MediaError(
            f"could not extract {source.name}: no picture can be decoded at {float(planned[0].source_seconds):.2f} s; was it cut short?"
        )
    coming = next(decoding, None)
    for shown in planned:
        while coming is not None and coming.time <= shown.source_seconds + TIME_TOLERANCE_SECONDS:
            now, coming = coming, next(decoding, None)
        yield shown.at_seconds, now
        if shown.pass_through is not None:
            while coming is not None and coming.time < shown.pass_through.end - TIME_TOLERANCE_SECONDS:
                now, coming = coming, next(decoding, None)
                yield shown.at_seconds + (now.time - shown.pass_through.begin) / shown.pass_through.speed, now
        if (
            coming is None
            and not source.is_still
            and shown.source_end_seconds > now.time + source.rate.seconds(1) + END_TOLERANCE_SECONDS
        ):
            ends = float(now.time + source.rate.seconds(1))
            raise MediaError(
                f"could not extract {source.name}: its picture ends at {ends:.2f} s, and the span needs it until "
                f"{float(shown.source_end_seconds):.2f} s; was it cut short?"
            )


def extract_still(proxy: Proxy, to: Path, *, cancel_token: ffmpeg.CancelToken | None = None) -> Path:
    """Write the proxy's middle frame as a PNG, for models that look at one image.

    Raises:
        MediaError, OutputError, Cancelled: as `extract_proxy`.
    """
    with atomic_write(to) as beside:
        out = (
            ffmpeg.input_stream(proxy.path)["V:0"]
            .filter("select", f"eq(n,{len(proxy.times) // 2})")
            .output(ffmpeg.output_url(beside), format="image2", update=1, vframes=1, vcodec="png")
        )
        ffmpeg.run_ffmpeg(out, f"could not take a still of {proxy.path.name}", cancel_token=cancel_token)
    return to


def read_luma_frames(
    proxy: Proxy, width: int, height: int, *, cancel_token: ffmpeg.CancelToken | None = None
) -> Iterator[npt.NDArray[np.uint8]]:
    """The proxy's frames as (height, width) arrays of 8-bit luma, one by one: memory does not grow with length."""
    import numpy as np  # noqa: PLC0415 - Blender pays for numpy only when something is analysed

    stream = (
        ffmpeg.input_stream(proxy.path, flags="gray", threads=1)["V:0"]  # colour is not even decoded
        .filter("scale", width, height, flags="area")
        .output("pipe:", format="rawvideo", pix_fmt="gray", fps_mode="passthrough")
    )
    for data in ffmpeg.read_stdout(
        stream, f"could not look at {proxy.path.name}", width * height, cancel_token=cancel_token
    ):
        if len(data) == width * height:
            yield np.frombuffer(data, np.uint8).reshape(height, width)
