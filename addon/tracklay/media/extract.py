"""Extracts a proxy: exactly the picture that plays in a span, small and silent, each frame at its own time, starting at 0."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..atomic_io import atomic_write, temp_dir
from ..cue import ProxySpec
from ..timing import TimeMap
from . import ffmpeg
from .decoder import ImageSequenceSource, ScaleOptions, VideoSource
from .encoder import DEFAULT_CRF, open_encoder
from .frame_plan import PlannedFrame, common_tick, plan_frames, tick_candidates
from .image_sequence import DEFAULT_SEQUENCE_RATE
from .playback.joined_source import JoinedSource
from .playback.plan_decoder import decode_plan
from .probe import read_video_header
from .square_crop import crop_position, find_motion_crop

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from ..cancellation import CancelToken
    from ..cue import FrameRule, Picture
    from ..timing import Rate, Span
    from .decoder import DecodedFrame, FrameSource
    from .playback.plan_decoder import TimedFrame

SHORT_SIDE = 384
"""Pixels of a proxy's shorter side by default: MMAudio's larger visual encoder takes 384 x 384."""

MOTION_SHORT_SIDE = 48
"""Pixels of the shorter side of frames in which motion is measured."""

INTERMEDIATE_CRF = 12
"""x264's constant rate factor of a file that is cropped and encoded once more: visually lossless."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A small silent MP4 of exactly a span's picture.

    Attributes:
        path: the MP4.
        times: start of each frame in seconds; the first is 0.
        seconds: length: that of the span, or more if it was padded.
        held_images: names of the source's images that cannot be decoded: the one before each is shown in its place.
    """

    path: Path
    times: tuple[Fraction, ...]
    seconds: Fraction
    held_images: tuple[str, ...] = ()


def extract_proxy(
    picture: Picture,
    span: Span,
    to: Path,
    *,
    short_side: int = SHORT_SIDE,
    square: str = "",
    min_seconds: Fraction = Fraction(0),
    crf: int = DEFAULT_CRF,
    cancel_token: CancelToken | None = None,
) -> Proxy:
    """Write the proxy of a span.

    Its frames are those of `frame_plan.plan_frames`.

    Args:
        picture: the source, and its time on each timeline frame.
        span: timeline frames.
        to: the MP4 to write.
        short_side: pixels of the shorter side, less if the source is smaller. Both sides are even, and pixels square.
        square: position of a square crop, as `square_crop.crop_position` takes it; empty for the whole picture.
        min_seconds: minimum length in seconds; the last frame is held.
        crf: x264's constant rate factor.
        cancel_token: cancels the extraction.

    Raises:
        InvalidInput: the source has no video, or the square is invalid.
        MediaError: the source cannot be decoded there, or ends before the span.
        OutputError: the proxy cannot be written.
        Cancelled: the token was cancelled.
    """
    with temp_dir(to.parent) as work:
        extraction = ProxyExtractor.prepare(
            picture, span, ProxySpec(short_side, square, min_seconds), work, cancel_token=cancel_token
        )
        planned = extraction.plan_span(span)
        with closing(extraction.decode(planned, cancel_token)) as decoded:
            return extraction.write_proxy(decoded, planned, to, lambda: span.frames, crf=crf, cancel_token=cancel_token)


@dataclass(frozen=True, slots=True)
class ProxyExtractor:
    """Extraction of one or more proxies from an opened source.

    Attributes:
        source: the opened source.
        time_map: its time on each timeline frame.
        rate: frame rate of the timeline.
        spec: size and shape of the proxies.
        work_dir: folder for temporary files.
        frame_rule: which source frame is on screen at a time.
    """

    source: FrameSource
    time_map: TimeMap
    rate: Rate
    spec: ProxySpec
    work_dir: Path
    frame_rule: FrameRule = "nearest"

    @classmethod
    def prepare(
        cls,
        picture: Picture,
        span: Span,
        spec: ProxySpec,
        work_dir: Path,
        *,
        cancel_token: CancelToken | None = None,
    ) -> ProxyExtractor:
        """Open a picture's source. `span` is all that will be extracted.

        Raises:
            InvalidInput: the source has no video, or the square is invalid.
        """
        if spec.square:
            crop_position(spec.square)  # raises for an invalid square, before anything is decoded
        source = open_source(picture, work_dir, cancel_token=cancel_token)
        time_map = TimeMap.linear(span, Fraction(0), Fraction(0)) if source.is_still else picture.time_map
        return cls(source, time_map, span.rate, spec, work_dir, picture.frame_rule)

    @property
    def _crop_position(self) -> Fraction | None:
        return crop_position(self.spec.square) if self.spec.square else None

    def plan_span(self, span: Span) -> list[PlannedFrame]:
        """Return the plan of a span."""
        return plan_frames(self.time_map, span, self.source.rate, self.frame_rule)

    def decode(self, planned: Sequence[PlannedFrame], cancel_token: CancelToken | None) -> Generator[TimedFrame]:
        """Decode the frames of a plan; times are seconds from its start."""
        yield from decode_plan(
            self.source, planned, ScaleOptions(self.spec.short_side, self._crop_position), cancel_token
        )

    def write_proxy(
        self,
        decoded: Iterator[TimedFrame],
        planned: Sequence[PlannedFrame],
        to: Path,
        frame_count: Callable[[], int],
        *,
        crf: int = DEFAULT_CRF,
        cancel_token: CancelToken | None = None,
    ) -> Proxy:
        """Write a proxy of decoded frames.

        Args:
            decoded: the frames; the first is at 0.
            planned: their plan, or the part of it that gives the unit of their times.
            to: the MP4 to write.
            frame_count: returns the length in timeline frames; called when all frames were written.
            crf: x264's constant rate factor.
            cancel_token: cancels the extraction.

        Raises:
            MediaError, OutputError, Cancelled: as `extract_proxy`.
        """
        # The `motion` crop is known only after all frames: the whole picture is written first, and cropped then.
        by_motion = bool(self.spec.square) and self._crop_position is None
        tick = common_tick([*tick_candidates(planned, self.source.time_base), self.rate.seconds(1)])
        path, action = self.work_dir / "whole.mp4" if by_motion else to, _extract_action(self.source.name)
        with (
            atomic_write(path) as beside,
            open_encoder(beside, tick, action, crf=INTERMEDIATE_CRF if by_motion else crf) as encoder,
        ):
            frame: DecodedFrame | None = None
            for at, frame in decoded:
                encoder.write(at, frame)
            # Padding is not one long last frame: models look at frames, and ignore how long each lasts.
            for held in range(frame_count(), -(-self.spec.min_seconds * self.rate.fps // 1)):
                if frame is not None:
                    encoder.write(self.rate.seconds(held), frame)
        seconds = max(self.rate.seconds(frame_count()), self.spec.min_seconds)
        proxy = Proxy(path, encoder.times, seconds, tuple(self.source.held_images))
        if not by_motion:
            return proxy
        width, height = _motion_analysis_size(proxy, cancel_token)
        position = find_motion_crop(read_luma_frames(proxy, width, height, cancel_token=cancel_token))
        return crop_proxy(proxy, position, to, cancel_token=cancel_token)


def _extract_action(name: str) -> str:
    return f"Could not extract {name}"


def crop_proxy(proxy: Proxy, position: Fraction, to: Path, *, cancel_token: CancelToken | None = None) -> Proxy:
    """Write the square of a proxy at a position along its longer side: the same frames at the same times. Raises as `extract_proxy`."""
    header = read_video_header(proxy.path, cancel_token=cancel_token)
    source = VideoSource(proxy.path, header, header.rate)
    frames = source.frames(
        Fraction(0), proxy.seconds, ScaleOptions(min(header.size), position), cancel_token=cancel_token
    )
    with (
        atomic_write(to) as beside,
        open_encoder(beside, header.time_base, _extract_action(proxy.path.name)) as encoder,
    ):
        for frame in frames:
            encoder.write(frame.time, frame)
    return Proxy(to, encoder.times, proxy.seconds, proxy.held_images)


def _motion_analysis_size(proxy: Proxy, cancel_token: CancelToken | None) -> tuple[int, int]:
    """Return a proxy's width and height in pixels with a shorter side of `MOTION_SHORT_SIDE`."""
    width, height = read_video_header(proxy.path, cancel_token=cancel_token).size
    scale = MOTION_SHORT_SIDE / min(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def open_source(picture: Picture, work_dir: Path, *, cancel_token: CancelToken | None = None) -> FrameSource:
    """Return a picture's source, ready to be decoded. `work_dir` is a folder for temporary files.

    The pieces of a joined picture are opened when they are reached.

    Raises:
        InvalidInput: the source has no video, or cannot be read.
    """
    if picture.images:
        return ImageSequenceSource(
            picture.source, picture.images, picture.rate or DEFAULT_SEQUENCE_RATE, work_dir / "images.txt"
        )
    if picture.pieces:
        return JoinedSource(picture, work_dir, open_source)
    header = read_video_header(picture.source, cancel_token=cancel_token)
    return VideoSource(picture.source, header, picture.rate or header.rate)


def extract_still(proxy: Proxy, to: Path, *, cancel_token: CancelToken | None = None) -> Path:
    """Write a proxy's middle frame as a PNG, for models that take a single image.

    Raises:
        MediaError, OutputError, Cancelled: as `extract_proxy`.
    """
    with atomic_write(to) as beside:
        out = (
            ffmpeg.input_stream(proxy.path)["V:0"]
            .filter("select", f"eq(n,{len(proxy.times) // 2})")
            .output(ffmpeg.output_url(beside), format="image2", update=1, vframes=1, vcodec="png")
        )
        ffmpeg.run_ffmpeg(out, f"Could not extract a still of {proxy.path.name}", cancel_token=cancel_token)
    return to


def read_luma_frames(
    proxy: Proxy, width: int, height: int, *, step: int = 1, cancel_token: CancelToken | None = None
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield every `step`-th of a proxy's frames, from the first on, as 8-bit luma of shape (height, width). One is in memory at a time.

    Raises:
        MediaError: the proxy cannot be decoded.
        Cancelled: the token was cancelled.
    """
    import numpy as np  # noqa: PLC0415 - Blender imports numpy only when frames are analysed

    picture = ffmpeg.input_stream(proxy.path, flags="gray", threads=1)["V:0"]  # the decoder skips colour
    if step > 1:
        picture = picture.filter("select", f"not(mod(n,{step}))")
    # One thread: handing so small a picture to several costs a quarter of the whole.
    stream = picture.filter("scale", width, height, flags="area").output(
        "pipe:", format="rawvideo", pix_fmt="gray", fps_mode="passthrough", filter_complex_threads=1
    )
    for data in ffmpeg.read_stdout(
        stream, f"Could not read {proxy.path.name}", width * height, cancel_token=cancel_token
    ):
        if len(data) == width * height:
            yield np.frombuffer(data, np.uint8).reshape(height, width)
