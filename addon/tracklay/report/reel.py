"""The audition reel: all takes one after another over their picture, with captions and timecode.

moviepy composes the picture. The sound is written directly, so that each take starts on the exact sample of its first frame.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..atomic_io import atomic_write, temp_dir
from ..cancellation import CancelToken
from ..cue import SAMPLE_RATE
from ..errors import InvalidInput, TracklayError
from ..media import ffmpeg, ffmpeg_program
from ..media.bwf import BwfWriter, plain_bwf_writer
from ..media.extract import extract_proxy
from ..media.film.mux import mux_takes
from ..media.marks import mark_of_film
from ..media.probe import probe_video
from ..paths import ensure_folder
from ..source_type import TRAINED
from .pictures import PictureResolver
from .rows import parse_rows
from .verdicts import REJECT, apply_verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    from PIL import ImageFont

    from ..media.extract import Proxy
    from ..timing import Rate
    from .rows import ReportRow
    from .verdicts import Verdict

    RgbFrame = npt.NDArray[np.uint8]

PICTURE_WIDTH, PICTURE_HEIGHT, CAPTION_HEIGHT = 960, 540, 72
"""Pixels of the picture, and of the caption under it."""

GAP_SECONDS = Fraction(1, 2)
"""Seconds of black and silence after each take."""

X264_CRF = 20
"""Constant rate factor of x264: visually lossless at this size."""

TEXT_COLOR, DIM_TEXT_COLOR, BACKGROUND_COLOR = (236, 234, 228), (150, 147, 140), (22, 23, 24)

CAPTION_LINES = ((10, 22), (41, 16))
"""Pixels of each of the caption's two lines: distance from its top, and font size."""

MARGIN_PIXELS = 16

CHANNELS = 2


@dataclass(frozen=True, slots=True)
class ReelSegment:
    """One take in the reel: its number, the number of takes, its first frame and its frames, without the gap after it."""

    row: ReportRow
    number: int
    total: int
    start_frame: int
    frame_count: int


def plan_reel(rows: Sequence[ReportRow]) -> tuple[Rate, list[ReelSegment]]:
    """Return the reel's frame rate, the most frequent one, and its segments: every take that is not rejected.

    Raises:
        InvalidInput: there is none.
    """
    accepted = [row for row in rows if row.take and row.span and row.verdict != REJECT]
    if not accepted:
        raise InvalidInput("report.no_takes", "The reel has no takes: each one failed or is rejected.")
    rate = Counter(row.rate for row in accepted if row.rate).most_common(1)[0][0]
    segments, start = [], 0
    for number, row in enumerate(accepted, 1):
        assert row.span is not None  # noqa: S101 - filtered above
        # Rounded up, so that a segment is never shorter than its take.
        frames = -(-row.span.seconds * rate.fps // 1)
        segments.append(ReelSegment(row, number, len(accepted), start, int(frames)))
        start += int(frames) + rate.frames(GAP_SECONDS)
    return rate, segments


def write_reel(
    results: Mapping[str, Any],
    to: Path,
    *,
    verdicts: Sequence[Verdict] = (),
    on_progress: Callable[[int, int], None] = lambda done, of: None,  # noqa: ARG005
    cancel_token: CancelToken | None = None,
) -> Path:
    """Write the reel as an MP4 and return its path. An existing file is kept: the new one then gets a number.

    Args:
        results: a result list, as for the page.
        to: the file.
        verdicts: verdicts of the user; rejected takes are left out.
        on_progress: called with the numbers of finished takes and of all takes.
        cancel_token: cancels the work.

    Raises:
        InvalidInput: there are no takes.
        MediaError, OutputError, Cancelled: the reel cannot be written.
    """
    rate, segments = plan_reel(apply_verdicts(parse_rows(results), verdicts))
    ensure_folder(to.parent)
    to = _free_path(to)
    with temp_dir(to.parent) as work:
        video, audio = work / "video.mp4", work / "audio.wav"
        _write_video(segments, rate, video, work, on_progress, cancel_token or CancelToken())
        _write_audio(segments, rate, audio)
        takes = [segment.row.take for segment in segments if segment.row.take]
        mark = mark_of_film((str(take.get("digital_source_type", TRAINED)), str(take["model"])) for take in takes)
        film = probe_video(video, cancel_token=cancel_token)
        mux_takes(*film, [(audio, Fraction(0))], to, mark=mark, cancel_token=cancel_token)
    return to


def _free_path(path: Path) -> Path:
    """Return the path itself, or the first numbered one that is free."""
    number = 1
    while (free := path if number == 1 else path.with_suffix(f".{number}{path.suffix}")).exists():
        number += 1
    return free


def _write_audio(segments: Sequence[ReelSegment], rate: Rate, to: Path) -> None:
    """Write the sound of the reel: each take from its segment's first sample, with silence between."""
    with atomic_write(to) as beside, beside.open("wb") as file:
        writer = plain_bwf_writer(file, CHANNELS, SAMPLE_RATE, "Tracklay reel")
        for segment in segments:
            _write_silence(writer, rate.samples(segment.start_frame, SAMPLE_RATE))
            for block in _decode_audio(segment.row):
                writer.write(block)
        _write_silence(
            writer,
            rate.samples(segments[-1].start_frame + segments[-1].frame_count + rate.frames(GAP_SECONDS), SAMPLE_RATE),
        )
        writer.close()


def _write_silence(writer: BwfWriter, end_sample: int) -> None:
    """Write silence up to a sample of the reel."""
    writer.write(np.zeros((max(0, end_sample - writer.samples), CHANNELS), np.float32))


def _decode_audio(row: ReportRow) -> Iterator[npt.NDArray[np.float32]]:
    """Yield a take's sound in stereo, one second at a time, as (samples, channels)."""
    assert row.file is not None  # noqa: S101 - a segment has a take
    sound = ffmpeg.input_stream(row.file)["a:0"].output(
        "pipe:", format="f32le", acodec="pcm_f32le", ac=CHANNELS, ar=SAMPLE_RATE
    )
    for data in ffmpeg.read_stdout(sound, f"could not read {row.file.name}", SAMPLE_RATE * CHANNELS * 4):
        yield np.frombuffer(data, "<f4").reshape(-1, CHANNELS)


def _write_video(
    segments: Sequence[ReelSegment],
    rate: Rate,
    to: Path,
    work_dir: Path,
    on_progress: Callable[[int, int], None],
    cancel_token: CancelToken,
) -> None:
    """Write the reel's silent picture, with the exact time of every frame."""
    # moviepy finds its ffmpeg when it is imported.
    os.environ.setdefault("FFMPEG_BINARY", ffmpeg_program.find_ffmpeg())
    from moviepy import VideoClip  # noqa: PLC0415 - slow to import

    frames = segments[-1].start_frame + segments[-1].frame_count + rate.frames(GAP_SECONDS)
    renderer = _ReelRenderer(segments, rate, work_dir, on_progress, cancel_token)
    # Half a frame more, so that moviepy's floating point does not drop the last frame.
    clip = VideoClip(
        lambda t: renderer.render_frame(round(t * rate.fps)), duration=float((frames + Fraction(1, 2)) / rate.fps)
    )
    try:
        clip.write_videofile(
            str(to),
            fps=float(rate.fps),
            codec="libx264",
            audio=False,
            preset="veryfast",
            logger=None,
            # moviepy passes ffmpeg a rate with two decimals: the filter sets each frame's exact time instead.
            ffmpeg_params=[
                "-vf", f"settb={1 / rate.fps},setpts=N,format=yuv420p", "-r", str(rate.fps), "-crf", str(X264_CRF)
            ],
        )  # fmt: skip
    finally:
        renderer.close()


class _ReelRenderer:
    """Renders the reel's frames in order. Only one segment's picture is open at a time."""

    def __init__(
        self,
        segments: Sequence[ReelSegment],
        rate: Rate,
        work_dir: Path,
        on_progress: Callable[[int, int], None],
        cancel_token: CancelToken,
    ) -> None:
        self._segments, self._rate, self._work_dir, self._on_progress, self._cancel_token = (
            segments,
            rate,
            work_dir,
            on_progress,
            cancel_token,
        )
        self._start_frames = [segment.start_frame for segment in segments]
        self._resolver = PictureResolver()
        self._segment: ReelSegment | None = None
        self._frames: Iterator[tuple[Fraction, RgbFrame]] = iter(())
        self._next_frame: tuple[Fraction, RgbFrame] | None = None
        self._current_frame: RgbFrame = np.zeros((PICTURE_HEIGHT, PICTURE_WIDTH, 3), np.uint8)
        self._caption_clip: Any = None

    def render_frame(self, number: int) -> RgbFrame:
        """Return a frame of the reel as (height, width, RGB): picture and caption, or black in a gap."""
        segment = self._segments[bisect_right(self._start_frames, number) - 1]
        if segment is not self._segment:
            self._open_segment(segment)
        local_frame = number - segment.start_frame
        if local_frame >= segment.frame_count:
            return np.zeros((PICTURE_HEIGHT + CAPTION_HEIGHT, PICTURE_WIDTH, 3), np.uint8)
        seconds = float(self._rate.seconds(local_frame))
        return np.vstack([self._picture_at(seconds), self._caption_clip.get_frame(seconds)])

    def _open_segment(self, segment: ReelSegment) -> None:
        from moviepy import CompositeVideoClip, ImageClip, VideoClip  # noqa: PLC0415 - see above

        self.close()
        self._segment = segment
        self._frames, self._next_frame = self._decode_segment(segment), None
        self._current_frame = np.zeros((PICTURE_HEIGHT, PICTURE_WIDTH, 3), np.uint8)
        clock = _TimecodeRenderer()
        seconds = float(self._rate.seconds(segment.frame_count))
        running = VideoClip(lambda t: clock.draw(self._timecode_text(segment, t)), duration=seconds)
        running = running.with_position((PICTURE_WIDTH - MARGIN_PIXELS - clock.width, CAPTION_LINES[0][0]))
        # moviepy composes layers as whole pictures, which is slow: only the small caption is composed, and stacked by numpy.
        self._caption_clip = CompositeVideoClip(
            [ImageClip(_draw_caption(segment), duration=seconds), running], size=(PICTURE_WIDTH, CAPTION_HEIGHT)
        )

    def _timecode_text(self, segment: ReelSegment, seconds: float) -> str:
        span = segment.row.span
        assert span is not None  # noqa: S101 - a segment has one
        # The timecode is the picture's, whose rate may differ from the reel's.
        frame = int(self._rate.seconds(round(seconds * self._rate.fps)) * span.rate.fps)
        return segment.row.timecode(span.start + min(frame, span.frames - 1))

    def _picture_at(self, seconds: float) -> RgbFrame:
        """Return the segment's picture at a time in seconds: the last frame that starts at or before it."""
        time = self._rate.seconds(round(seconds * self._rate.fps))
        while True:
            self._next_frame = self._next_frame or next(self._frames, None)
            if self._next_frame is None or self._next_frame[0] > time:
                return self._current_frame
            self._current_frame, self._next_frame = self._next_frame[1], None

    def _decode_segment(self, segment: ReelSegment) -> Iterator[tuple[Fraction, RgbFrame]]:
        """Yield a segment's frames with their times. A picture that cannot be read has none: the take then plays over black."""
        self._cancel_token.raise_if_cancelled()
        file = self._work_dir / "segment.mp4"
        try:
            cue = self._resolver.find_cue(segment.row)
            proxy = extract_proxy(
                cue.picture, cue.span, file, short_side=PICTURE_HEIGHT, cancel_token=self._cancel_token
            )
        except TracklayError:
            self._cancel_token.raise_if_cancelled()
            return
        yield from zip(proxy.times, _decode_picture(proxy, self._cancel_token), strict=False)

    def close(self) -> None:
        """Close the open segment and report it as finished."""
        if self._segment is not None:
            self._frames.close()  # type: ignore[attr-defined]
            self._on_progress(self._segment.number, self._segment.total)
            self._segment = None


def _decode_picture(proxy: Proxy, cancel_token: CancelToken) -> Iterator[RgbFrame]:
    """Yield a proxy's frames, scaled to the picture's size with black bars."""
    stream = ffmpeg.input_stream(proxy.path)["V:0"].filter(
        "scale", PICTURE_WIDTH, PICTURE_HEIGHT, force_original_aspect_ratio="decrease"
    )
    stream = stream.filter("pad", PICTURE_WIDTH, PICTURE_HEIGHT, "(ow-iw)/2", "(oh-ih)/2")
    stream = stream.output("pipe:", format="rawvideo", pix_fmt="rgb24", fps_mode="passthrough")
    size = PICTURE_WIDTH * PICTURE_HEIGHT * 3
    for data in ffmpeg.read_stdout(stream, f"could not read {proxy.path.name}", size, cancel_token=cancel_token):
        if len(data) == size:
            yield np.frombuffer(data, np.uint8).reshape(PICTURE_HEIGHT, PICTURE_WIDTH, 3)


def _load_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, which every machine has."""
    from PIL import ImageFont as Fonts  # noqa: PLC0415

    return Fonts.load_default(size)


def _draw_caption(segment: ReelSegment) -> RgbFrame:
    """Return the caption of a segment: its number and name, then model, seed and prompt."""
    from PIL import Image as Images  # noqa: PLC0415
    from PIL import ImageDraw  # noqa: PLC0415

    row, take = segment.row, segment.row.take or {}
    details = [row.model, f"seed {take['seed']}" if take.get("seed") is not None else "", str(take.get("prompt") or "")]
    texts = (
        (
            f"{segment.number} / {segment.total}   {row.name}, cue {row.cue}, take {row.number}",
            TEXT_COLOR,
            PICTURE_WIDTH - 2 * MARGIN_PIXELS - 190,
        ),
        ("   ".join(filter(None, details)), DIM_TEXT_COLOR, PICTURE_WIDTH - 2 * MARGIN_PIXELS),
    )
    image = Images.new("RGB", (PICTURE_WIDTH, CAPTION_HEIGHT), BACKGROUND_COLOR)
    pen = ImageDraw.Draw(image)
    for (text, color, max_width), (top, size) in zip(texts, CAPTION_LINES, strict=True):
        font = _load_font(size)
        fitted = text
        while pen.textlength(fitted, font) > max_width:
            fitted = fitted.rstrip("…")[:-1] + "…"
        pen.text((MARGIN_PIXELS, top), fitted, color, font)
    return np.asarray(image)


class _TimecodeRenderer:
    """Draws timecode from glyphs that are rendered once. All digits have the same width, so that the text does not shift."""

    DIGITS, SEPARATORS = "0123456789", ":;"
    LONGEST_TEXT = "00:00:00:000"

    def __init__(self) -> None:
        from PIL import Image as Images  # noqa: PLC0415
        from PIL import ImageDraw  # noqa: PLC0415

        font = _load_font(CAPTION_LINES[0][1])
        pen = ImageDraw.Draw(Images.new("RGB", (1, 1)))
        digit_width = max(pen.textlength(sign, font) for sign in self.DIGITS)
        separator_width = max(pen.textlength(sign, font) for sign in self.SEPARATORS) + 2
        self._glyphs = {}
        for sign in self.DIGITS + self.SEPARATORS:
            width = round(digit_width if sign in self.DIGITS else separator_width)
            image = Images.new("RGB", (width, CAPTION_LINES[0][1] + 6), BACKGROUND_COLOR)
            ImageDraw.Draw(image).text(((width - pen.textlength(sign, font)) / 2, 0), sign, TEXT_COLOR, font)
            self._glyphs[sign] = np.asarray(image)
        self.width = sum(self._glyphs[sign].shape[1] for sign in self.LONGEST_TEXT)

    def draw(self, text: str) -> RgbFrame:
        """Return the timecode as (height, `width`, RGB), aligned to the right."""
        blank = np.full((self._glyphs["0"].shape[0], self.width, 3), BACKGROUND_COLOR, np.uint8)
        drawn = np.hstack([self._glyphs[sign] for sign in text[-len(self.LONGEST_TEXT) :]])
        blank[:, self.width - drawn.shape[1] :] = drawn
        return blank
