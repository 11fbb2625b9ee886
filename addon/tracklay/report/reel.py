"""The audition reel: takes one after another over their picture, labelled, with time code, for whoever decides and has no time.

moviepy composes the picture; the sound is laid by the sample, at the places where the reel's own frames begin.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..atomic_io import atomic_write, temp_dir
from ..cue import SAMPLE_RATE
from ..errors import InvalidInput, TracklayError
from ..media import ffmpeg
from ..media.bwf import BwfWriter
from ..media.extract import extract_proxy
from ..media.mux import mux_takes
from ..media.probe import probe_video
from ..paths import ensure_folder
from ..timing import format_timecode
from .preview import PictureResolver
from .rows import parse_rows as rows_of
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
"""Pixels: the picture's place, and the band of words under it, which hides none of it."""

GAP_SECONDS = Fraction(1, 2)
"""Seconds of black and silence after each take."""

X264_CRF = 20
"""x264's constant rate factor."""

TEXT_COLOR, DIM_TEXT_COLOR, BACKGROUND_COLOR = (236, 234, 228), (150, 147, 140), (22, 23, 24)

CAPTION_LINES = ((10, 22), (41, 16))
"""Pixels: how far from the band's top each of its two lines begins, and how large it is written."""

MARGIN_PIXELS = 16

CHANNELS = 2


@dataclass(frozen=True, slots=True)
class ReelSegment:
    """One take in the reel: the reel's frame that it begins on, and how many it has, the gap after it not counted."""

    row: ReportRow
    number: int
    total: int
    start_frame: int
    frame_count: int


def plan_reel(rows: Sequence[ReportRow]) -> tuple[Rate, list[ReelSegment]]:
    """The reel's rate, which most of the takes have, and its parts in order: every take that was not rejected.

    Raises:
        BadInput: there is none.
    """
    wanted = [row for row in rows if row.take and row.span and row.verdict != REJECT]
    if not wanted:
        raise InvalidInput("there is no take to make a reel of: each failed, or was rejected")
    rate = Counter(row.rate for row in wanted if row.rate).most_common(1)[0][0]
    parts, at = [], 0
    for number, row in enumerate(wanted, 1):
        assert row.span is not None  # noqa: S101 - asked above
        frames = -(-row.span.seconds * rate.fps // 1)
        parts.append(ReelSegment(row, number, len(wanted), at, int(frames)))
        at += int(frames) + rate.frames(GAP_SECONDS)
    return rate, parts


def write_reel(
    results: Mapping[str, Any],
    to: Path,
    *,
    verdicts: Sequence[Verdict] = (),
    on_progress: Callable[[int, int], None] = lambda done, of: None,  # noqa: ARG005
    cancel_token: ffmpeg.CancelToken | None = None,
) -> Path:
    """Write the reel as an MP4 beside `to` if there is one already, never over it; its path.

    Args:
        results: as for the page.
        to: the file.
        verdicts: what was decided: rejected takes are left out.
        on_progress: called with how many takes are in, and of how many.
        cancel_token: the person's wish to stop.

    Raises:
        BadInput: there is nothing to put into it, or its picture is gone.
        MediaError, OutputError, Cancelled: it cannot be made.
    """
    rate, parts = plan_reel(apply_verdicts(rows_of(results), verdicts))
    ensure_folder(to.parent)
    to = _free_path(to)
    with temp_dir(to.parent) as work:
        shown, heard = work / "shown.mp4", work / "heard.wav"
        _write_video(parts, rate, shown, work, on_progress, cancel_token or ffmpeg.CancelToken())
        _write_audio(parts, rate, heard)
        mux_takes(*probe_video(shown, cancel_token=cancel_token), [(heard, Fraction(0))], to, cancel_token=cancel_token)
    return to


def _free_path(path: Path) -> Path:
    """The name itself, or the first numbered one that no file has."""
    number = 1
    while (free := path if number == 1 else path.with_suffix(f".{number}{path.suffix}")).exists():
        number += 1
    return free


def _write_audio(segments: Sequence[ReelSegment], rate: Rate, to: Path) -> None:
    """Write the sound of the whole reel: each take from its part's first sample, silence between."""
    with atomic_write(to) as beside, beside.open("wb") as file:
        made = datetime.now(UTC)
        writer = BwfWriter(
            file,
            CHANNELS,
            SAMPLE_RATE,
            description="Tracklay reel",
            originator_reference="",
            created_at=made,
            time_reference=0,
            coding_history="",
        )
        for part in segments:
            _write_silence(writer, rate.samples(part.start_frame, SAMPLE_RATE))
            for block in _decode_audio(part.row):
                writer.write(block)
        _write_silence(
            writer,
            rate.samples(segments[-1].start_frame + segments[-1].frame_count + rate.frames(GAP_SECONDS), SAMPLE_RATE),
        )
        writer.close()


def _write_silence(writer: BwfWriter, end_sample: int) -> None:
    """Nothing until a sample of the reel."""
    writer.write(np.zeros((max(0, end_sample - writer.samples), CHANNELS), np.float32))


def _decode_audio(row: ReportRow) -> Iterator[npt.NDArray[np.float32]]:
    """A take's sound in stereo, a second at a time."""
    assert row.file is not None  # noqa: S101 - a part has a take
    sound = ffmpeg.input_stream(row.file)["a:0"].output(
        "pipe:", format="f32le", acodec="pcm_f32le", ac=CHANNELS, ar=SAMPLE_RATE
    )
    for data in ffmpeg.read_stdout(sound, f"{row.file.name} cannot be read", SAMPLE_RATE * CHANNELS * 4):
        yield np.frombuffer(data, "<f4").reshape(-1, CHANNELS)


def _write_video(
    segments: Sequence[ReelSegment],
    rate: Rate,
    to: Path,
    work_dir: Path,
    on_progress: Callable[[int, int], None],
    cancel_token: ffmpeg.CancelToken,
) -> None:
    """Write the reel's picture, silent, every frame at its own exact time."""
    # moviepy looks for its ffmpeg once, when it is imported.
    os.environ.setdefault("FFMPEG_BINARY", ffmpeg.find_ffmpeg())
    from moviepy import VideoClip  # noqa: PLC0415 - and slow to import

    frames = segments[-1].start_frame + segments[-1].frame_count + rate.frames(GAP_SECONDS)
    screen = _ReelRenderer(segments, rate, work_dir, on_progress, cancel_token)
    clip = VideoClip(
        lambda t: screen.render_frame(round(t * rate.fps)), duration=float((frames + Fraction(1, 2)) / rate.fps)
    )
    try:
        clip.write_videofile(
            str(to),
            fps=float(rate.fps),
            codec="libx264",
            audio=False,
            preset="veryfast",
            logger=None,
            # moviepy tells ffmpeg a rate of two decimals: each frame's time is set anew, by the exact one.
            ffmpeg_params=[
                "-vf", f"settb={1 / rate.fps},setpts=N,format=yuv420p", "-r", str(rate.fps), "-crf", str(X264_CRF)
            ],
        )  # fmt: skip
    finally:
        screen.close()


class _ReelRenderer:
    """What the reel shows on each of its frames, asked for in order: one part's picture is open at a time."""

    def __init__(
        self,
        segments: Sequence[ReelSegment],
        rate: Rate,
        work_dir: Path,
        on_progress: Callable[[int, int], None],
        cancel_token: ffmpeg.CancelToken,
    ) -> None:
        self._segments, self._rate, self._work_dir, self._on_progress, self._cancel_token = (
            segments,
            rate,
            work_dir,
            on_progress,
            cancel_token,
        )
        self._start_frames = [part.start_frame for part in segments]
        self._resolver = PictureResolver()
        self._segment: ReelSegment | None = None
        self._frames: Iterator[tuple[Fraction, RgbFrame]] = iter(())
        self._next_frame: tuple[Fraction, RgbFrame] | None = None
        self._current_frame: RgbFrame = np.zeros((PICTURE_HEIGHT, PICTURE_WIDTH, 3), np.uint8)
        self._caption_clip: Any = None

    def render_frame(self, number: int) -> RgbFrame:
        """The reel's frame of that number: picture and band, black in a gap."""
        part = self._segments[bisect_right(self._start_frames, number) - 1]
        if part is not self._segment:
            self._open_segment(part)
        local = number - part.start_frame
        if local >= part.frame_count:
            return np.zeros((PICTURE_HEIGHT + CAPTION_HEIGHT, PICTURE_WIDTH, 3), np.uint8)
        at = float(self._rate.seconds(local))
        return np.vstack([self._picture_at(at), self._caption_clip.get_frame(at)])

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
        # moviepy lays layer on layer by way of whole pictures: the large one is kept out of it.
        self._caption_clip = CompositeVideoClip(
            [ImageClip(_draw_caption(segment), duration=seconds), running], size=(PICTURE_WIDTH, CAPTION_HEIGHT)
        )

    def _timecode_text(self, segment: ReelSegment, seconds: float) -> str:
        span = segment.row.span
        assert span is not None  # noqa: S101 - a part has one
        passed = int(self._rate.seconds(round(seconds * self._rate.fps)) * span.rate.fps)
        return format_timecode(max(0, span.start + min(passed, span.frames - 1)), span.rate)

    def _picture_at(self, seconds: float) -> RgbFrame:
        """What plays at a time of the part: the last frame that began."""
        at = self._rate.seconds(round(seconds * self._rate.fps))
        while True:
            self._next_frame = self._next_frame or next(self._frames, None)
            if self._next_frame is None or self._next_frame[0] > at:
                return self._current_frame
            self._current_frame, self._next_frame = self._next_frame[1], None

    def _decode_segment(self, segment: ReelSegment) -> Iterator[tuple[Fraction, RgbFrame]]:
        """The part's frames with their times. Where its picture cannot be had, there are none, and the take is heard over black."""
        self._cancel_token.raise_if_cancelled()
        file = self._work_dir / "part.mp4"
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
        """Let go of what is open, and tell that the part is in."""
        if self._segment is not None:
            self._frames.close()  # type: ignore[attr-defined]
            self._on_progress(self._segment.number, self._segment.total)
            self._segment = None


def _decode_picture(proxy: Proxy, cancel_token: ffmpeg.CancelToken) -> Iterator[RgbFrame]:
    """A proxy's frames, fitted into the picture's place."""
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
    """Pillow's own: it is there on every machine."""
    from PIL import ImageFont as Fonts  # noqa: PLC0415

    return Fonts.load_default(size)


def _draw_caption(segment: ReelSegment) -> RgbFrame:
    """The words under a part's picture: which of how many, what it is, and what was asked for."""
    from PIL import Image as Images  # noqa: PLC0415
    from PIL import ImageDraw  # noqa: PLC0415

    row, take = segment.row, segment.row.take or {}
    made = [row.model, f"seed {take['seed']}" if take.get("seed") is not None else "", str(take.get("prompt") or "")]
    texts = (
        (
            f"{segment.number} / {segment.total}   {row.name}, cue {row.cue}, take {row.number}",
            TEXT_COLOR,
            PICTURE_WIDTH - 2 * MARGIN_PIXELS - 190,
        ),
        ("   ".join(filter(None, made)), DIM_TEXT_COLOR, PICTURE_WIDTH - 2 * MARGIN_PIXELS),
    )
    image = Images.new("RGB", (PICTURE_WIDTH, CAPTION_HEIGHT), BACKGROUND_COLOR)
    pen = ImageDraw.Draw(image)
    for (text, ink, room), (top, size) in zip(texts, CAPTION_LINES, strict=True):
        font = _load_font(size)
        shown = text
        while pen.textlength(shown, font) > room:
            shown = shown.rstrip("…")[:-1] + "…"
        pen.text((MARGIN_PIXELS, top), shown, ink, font)
    return np.asarray(image)


class _TimecodeRenderer:
    """Draws time code quickly: each sign once, the figures equally wide, so that nothing trembles."""

    DIGITS, SEPARATORS = "0123456789", ":;"
    LONGEST_TEXT = "00:00:00:000"

    def __init__(self) -> None:
        from PIL import Image as Images  # noqa: PLC0415
        from PIL import ImageDraw  # noqa: PLC0415

        font = _load_font(CAPTION_LINES[0][1])
        pen = ImageDraw.Draw(Images.new("RGB", (1, 1)))
        figure = max(pen.textlength(sign, font) for sign in self.DIGITS)
        mark = max(pen.textlength(sign, font) for sign in self.SEPARATORS) + 2
        self._glyphs = {}
        for sign in self.DIGITS + self.SEPARATORS:
            wide = round(figure if sign in self.DIGITS else mark)
            image = Images.new("RGB", (wide, CAPTION_LINES[0][1] + 6), BACKGROUND_COLOR)
            ImageDraw.Draw(image).text(((wide - pen.textlength(sign, font)) / 2, 0), sign, TEXT_COLOR, font)
            self._glyphs[sign] = np.asarray(image)
        self.width = sum(self._glyphs[sign].shape[1] for sign in self.LONGEST_TEXT)

    def draw(self, text: str) -> RgbFrame:
        """The time code at the right edge of its place."""
        blank = np.full((self._glyphs["0"].shape[0], self.width, 3), BACKGROUND_COLOR, np.uint8)
        drawn = np.hstack([self._glyphs[sign] for sign in text[-len(self.LONGEST_TEXT) :]])
        blank[:, self.width - drawn.shape[1] :] = drawn
        return blank
