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

from ..cue import SAMPLE_RATE
from ..errors import BadInput, TracklayError
from ..media import ffmpeg
from ..media.bwf import Writer
from ..media.extract import extract
from ..media.mux import join
from ..media.probe import picture
from ..paths import folder, scratch, whole
from ..timing import timecode
from .preview import Pictures
from .rows import rows as rows_of
from .verdicts import REJECT, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    from PIL import ImageFont

    from ..media.extract import Proxy
    from ..timing import Rate
    from .rows import Row
    from .verdicts import Verdict

    Image = npt.NDArray[np.uint8]

WIDTH, HEIGHT, BAND = 960, 540, 72
"""Pixels: the picture's place, and the band of words under it, which hides none of it."""

GAP = Fraction(1, 2)
"""Seconds of black and silence after each take."""

QUALITY = 20
"""x264's constant rate factor."""

INK, DIM, GROUND = (236, 234, 228), (150, 147, 140), (22, 23, 24)

LINES = ((10, 22), (41, 16))
"""Pixels: how far from the band's top each of its two lines begins, and how large it is written."""

MARGIN = 16

CHANNELS = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One take in the reel: the reel's frame that it begins on, and how many it has, the gap after it not counted."""

    row: Row
    number: int
    of: int
    start: int
    frames: int


def plan(rows: Sequence[Row]) -> tuple[Rate, list[Part]]:
    """The reel's rate, which most of the takes have, and its parts in order: every take that was not rejected.

    Raises:
        BadInput: there is none.
    """
    wanted = [row for row in rows if row.take and row.span and row.verdict != REJECT]
    if not wanted:
        raise BadInput("there is no take to make a reel of: each failed, or was rejected")
    rate = Counter(row.rate for row in wanted if row.rate).most_common(1)[0][0]
    parts, at = [], 0
    for number, row in enumerate(wanted, 1):
        assert row.span is not None  # noqa: S101 - asked above
        frames = -(-row.span.seconds * rate.fps // 1)
        parts.append(Part(row, number, len(wanted), at, int(frames)))
        at += int(frames) + rate.frames(GAP)
    return rate, parts


def write(
    results: Mapping[str, Any],
    to: Path,
    *,
    verdicts: Sequence[Verdict] = (),
    told: Callable[[int, int], None] = lambda done, of: None,  # noqa: ARG005
    stop: ffmpeg.Stop | None = None,
) -> Path:
    """Write the reel as an MP4 beside `to` if there is one already, never over it; its path.

    Args:
        results: as for the page.
        to: the file.
        verdicts: what was decided: rejected takes are left out.
        told: called with how many takes are in, and of how many.
        stop: the person's wish to stop.

    Raises:
        BadInput: there is nothing to put into it, or its picture is gone.
        MediaError, OutputError, Cancelled: it cannot be made.
    """
    rate, parts = plan(judged(rows_of(results), verdicts))
    folder(to.parent)
    to = _free(to)
    with scratch(to.parent) as work:
        shown, heard = work / "shown.mp4", work / "heard.wav"
        _show(parts, rate, shown, work, told, stop or ffmpeg.Stop())
        _hear(parts, rate, heard)
        join(*picture(shown, stop=stop), [(heard, Fraction(0))], to, stop=stop)
    return to


def _free(path: Path) -> Path:
    """The name itself, or the first numbered one that no file has."""
    number = 1
    while (free := path if number == 1 else path.with_suffix(f".{number}{path.suffix}")).exists():
        number += 1
    return free


def _hear(parts: Sequence[Part], rate: Rate, to: Path) -> None:
    """Write the sound of the whole reel: each take from its part's first sample, silence between."""
    with whole(to) as beside, beside.open("wb") as file:
        made = datetime.now(UTC)
        writer = Writer(
            file,
            CHANNELS,
            SAMPLE_RATE,
            description="Tracklay reel",
            reference="",
            made=made,
            time_reference=0,
            history="",
        )
        for part in parts:
            _silence(writer, rate.samples(part.start, SAMPLE_RATE))
            for block in _decoded(part.row):
                writer.write(block)
        _silence(writer, rate.samples(parts[-1].start + parts[-1].frames + rate.frames(GAP), SAMPLE_RATE))
        writer.close()


def _silence(writer: Writer, until: int) -> None:
    """Nothing until a sample of the reel."""
    writer.write(np.zeros((max(0, until - writer.samples), CHANNELS), np.float32))


def _decoded(row: Row) -> Iterator[npt.NDArray[np.float32]]:
    """A take's sound in stereo, a second at a time."""
    assert row.file is not None  # noqa: S101 - a part has a take
    sound = ffmpeg.source(row.file)["a:0"].output(
        "pipe:", format="f32le", acodec="pcm_f32le", ac=CHANNELS, ar=SAMPLE_RATE
    )
    for data in ffmpeg.read(sound, f"{row.file.name} cannot be read", SAMPLE_RATE * CHANNELS * 4):
        yield np.frombuffer(data, "<f4").reshape(-1, CHANNELS)


def _show(
    parts: Sequence[Part],
    rate: Rate,
    to: Path,
    work: Path,
    told: Callable[[int, int], None],
    stop: ffmpeg.Stop,
) -> None:
    """Write the reel's picture, silent, every frame at its own exact time."""
    # moviepy looks for its ffmpeg once, when it is imported.
    os.environ.setdefault("FFMPEG_BINARY", ffmpeg.program())
    from moviepy import VideoClip  # noqa: PLC0415 - and slow to import

    frames = parts[-1].start + parts[-1].frames + rate.frames(GAP)
    screen = _Screen(parts, rate, work, told, stop)
    clip = VideoClip(lambda t: screen.frame(round(t * rate.fps)), duration=float((frames + Fraction(1, 2)) / rate.fps))
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
                "-vf", f"settb={1 / rate.fps},setpts=N,format=yuv420p", "-r", str(rate.fps), "-crf", str(QUALITY)
            ],
        )  # fmt: skip
    finally:
        screen.close()


class _Screen:
    """What the reel shows on each of its frames, asked for in order: one part's picture is open at a time."""

    def __init__(
        self, parts: Sequence[Part], rate: Rate, work: Path, told: Callable[[int, int], None], stop: ffmpeg.Stop
    ) -> None:
        self._parts, self._rate, self._work, self._told, self._stop = parts, rate, work, told, stop
        self._starts = [part.start for part in parts]
        self._pictures = Pictures()
        self._part: Part | None = None
        self._frames: Iterator[tuple[Fraction, Image]] = iter(())
        self._next: tuple[Fraction, Image] | None = None
        self._now: Image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        self._band: Any = None

    def frame(self, number: int) -> Image:
        """The reel's frame of that number: picture and band, black in a gap."""
        part = self._parts[bisect_right(self._starts, number) - 1]
        if part is not self._part:
            self._open(part)
        local = number - part.start
        if local >= part.frames:
            return np.zeros((HEIGHT + BAND, WIDTH, 3), np.uint8)
        at = float(self._rate.seconds(local))
        return np.vstack([self._picture(at), self._band.get_frame(at)])

    def _open(self, part: Part) -> None:
        from moviepy import CompositeVideoClip, ImageClip, VideoClip  # noqa: PLC0415 - see above

        self.close()
        self._part = part
        self._frames, self._next = self._decode(part), None
        self._now = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        clock = _Clock()
        seconds = float(self._rate.seconds(part.frames))
        running = VideoClip(lambda t: clock.draw(self._time_code(part, t)), duration=seconds)
        running = running.with_position((WIDTH - MARGIN - clock.width, LINES[0][0]))
        # moviepy lays layer on layer by way of whole pictures: the large one is kept out of it.
        self._band = CompositeVideoClip([ImageClip(_band(part), duration=seconds), running], size=(WIDTH, BAND))

    def _time_code(self, part: Part, t: float) -> str:
        span = part.row.span
        assert span is not None  # noqa: S101 - a part has one
        passed = int(self._rate.seconds(round(t * self._rate.fps)) * span.rate.fps)
        return timecode(max(0, span.start + min(passed, span.frames - 1)), span.rate)

    def _picture(self, t: float) -> Image:
        """What plays at a time of the part: the last frame that began."""
        at = self._rate.seconds(round(t * self._rate.fps))
        while True:
            self._next = self._next or next(self._frames, None)
            if self._next is None or self._next[0] > at:
                return self._now
            self._now, self._next = self._next[1], None

    def _decode(self, part: Part) -> Iterator[tuple[Fraction, Image]]:
        """The part's frames with their times. Where its picture cannot be had, there are none, and the take is heard over black."""
        self._stop.check()
        file = self._work / "part.mp4"
        try:
            cue = self._pictures.cue(part.row)
            proxy = extract(cue.picture, cue.span, file, short_side=HEIGHT, stop=self._stop)
        except TracklayError:
            self._stop.check()
            return
        yield from zip(proxy.times, _decoded_picture(proxy, self._stop), strict=False)

    def close(self) -> None:
        """Let go of what is open, and tell that the part is in."""
        if self._part is not None:
            self._frames.close()  # type: ignore[attr-defined]
            self._told(self._part.number, self._part.of)
            self._part = None


def _decoded_picture(proxy: Proxy, stop: ffmpeg.Stop) -> Iterator[Image]:
    """A proxy's frames, fitted into the picture's place."""
    stream = ffmpeg.source(proxy.path)["V:0"].filter("scale", WIDTH, HEIGHT, force_original_aspect_ratio="decrease")
    stream = stream.filter("pad", WIDTH, HEIGHT, "(ow-iw)/2", "(oh-ih)/2")
    stream = stream.output("pipe:", format="rawvideo", pix_fmt="rgb24", fps_mode="passthrough")
    size = WIDTH * HEIGHT * 3
    for data in ffmpeg.read(stream, f"could not read {proxy.path.name}", size, stop=stop):
        if len(data) == size:
            yield np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH, 3)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own: it is there on every machine."""
    from PIL import ImageFont as Fonts  # noqa: PLC0415

    return Fonts.load_default(size)


def _band(part: Part) -> Image:
    """The words under a part's picture: which of how many, what it is, and what was asked for."""
    from PIL import Image as Images  # noqa: PLC0415
    from PIL import ImageDraw  # noqa: PLC0415

    row, take = part.row, part.row.take or {}
    made = [row.model, f"seed {take['seed']}" if take.get("seed") is not None else "", str(take.get("prompt") or "")]
    texts = (
        (f"{part.number} / {part.of}   {row.name}, cue {row.cue}, take {row.number}", INK, WIDTH - 2 * MARGIN - 190),
        ("   ".join(filter(None, made)), DIM, WIDTH - 2 * MARGIN),
    )
    image = Images.new("RGB", (WIDTH, BAND), GROUND)
    pen = ImageDraw.Draw(image)
    for (text, ink, room), (top, size) in zip(texts, LINES, strict=True):
        font = _font(size)
        shown = text
        while pen.textlength(shown, font) > room:
            shown = shown.rstrip("…")[:-1] + "…"
        pen.text((MARGIN, top), shown, ink, font)
    return np.asarray(image)


class _Clock:
    """Draws time code quickly: each sign once, the figures equally wide, so that nothing trembles."""

    FIGURES, MARKS = "0123456789", ":;"
    LONGEST = "00:00:00:000"

    def __init__(self) -> None:
        from PIL import Image as Images  # noqa: PLC0415
        from PIL import ImageDraw  # noqa: PLC0415

        font = _font(LINES[0][1])
        pen = ImageDraw.Draw(Images.new("RGB", (1, 1)))
        figure = max(pen.textlength(sign, font) for sign in self.FIGURES)
        mark = max(pen.textlength(sign, font) for sign in self.MARKS) + 2
        self._signs = {}
        for sign in self.FIGURES + self.MARKS:
            wide = round(figure if sign in self.FIGURES else mark)
            image = Images.new("RGB", (wide, LINES[0][1] + 6), GROUND)
            ImageDraw.Draw(image).text(((wide - pen.textlength(sign, font)) / 2, 0), sign, INK, font)
            self._signs[sign] = np.asarray(image)
        self.width = sum(self._signs[sign].shape[1] for sign in self.LONGEST)

    def draw(self, text: str) -> Image:
        """The time code at the right edge of its place."""
        blank = np.full((self._signs["0"].shape[0], self.width, 3), GROUND, np.uint8)
        drawn = np.hstack([self._signs[sign] for sign in text[-len(self.LONGEST) :]])
        blank[:, self.width - drawn.shape[1] :] = drawn
        return blank
