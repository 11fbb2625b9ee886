"""Extract: exactly the picture that plays in a span, small, silent, every frame at its own time, beginning at 0."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..cue import Sized
from ..errors import MediaError
from ..paths import scratch, whole
from ..timing import TimeMap
from . import ffmpeg
from .decoder import Frame, Images, Look, Movie
from .encoder import QUALITY, encoding
from .frame_plan import Run, Shown, finest, plan, runs, tick, windows
from .image_sequence import DEFAULT_RATE
from .probe import ON_TIME, head
from .square_crop import place, where_motion_is

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from ..cue import Picture
    from ..timing import Rate, Span
    from .decoder import Source

SHORT_SIDE = 384
"""Pixels. MMAudio's larger eye is 384 square: a proxy of this size loses nothing for it (facts/peers.md, section 3.3)."""

MOTION_SIDE = 48
"""Pixels of the short side where motion is looked for."""

FINE = 12
"""x264's constant rate factor of what is cut out of once more: nothing is lost by it."""

GRACE = Fraction(1, 2)
"""Seconds that a source may end early, its last frame held: files promise a frame or two that they don't have."""

Playing = tuple[Fraction, Frame]
"""A frame, and when it comes on screen: in seconds from the start of what plays."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A small silent MP4 of exactly a span's picture.

    `times` are its frames' times in seconds, from 0; `seconds` is its length: the span's, or more where it was padded.
    """

    path: Path
    times: tuple[Fraction, ...]
    seconds: Fraction


def extract(
    picture: Picture,
    span: Span,
    to: Path,
    *,
    short_side: int = SHORT_SIDE,
    square: str = "",
    least: Fraction = Fraction(0),
    quality: int = QUALITY,
    stop: ffmpeg.Stop | None = None,
) -> Proxy:
    """Write the proxy of what plays in a span.

    Its frames are those that `showing.plan` says: the source's own, at their own times, where it runs forward about as it was
    shot; elsewhere what is on screen at each timeline frame.

    Args:
        picture: the source, and where in it each timeline frame is.
        span: the timeline frames.
        to: the MP4 to write.
        short_side: pixels of the shorter side, less where the source is smaller; both sides are even, pixels square.
        square: cut to a square (`square.place` says which words and numbers there are); empty: the whole picture.
        least: seconds that it must last at least: its last frame is held.
        quality: x264's constant rate factor.
        stop: the person's wish to stop.

    Raises:
        BadInput: the source is no picture, or the square none.
        MediaError: it cannot be decoded there, or ends before the span does.
        OutputError: the proxy cannot be written.
        Cancelled: it was stopped.
    """
    with scratch(to.parent) as work:
        extraction = Extraction.of(picture, span, Sized(short_side, square, least), work, stop=stop)
        shown = extraction.plan(span)
        with closing(extraction.playing(shown, stop)) as playing:
            return extraction.write(playing, shown, to, lambda: span.frames, quality=quality, stop=stop)


@dataclass(frozen=True, slots=True)
class Extraction:
    """A picture on its way to proxies that are made alike. `rate` is the timeline's, `work` a folder for files of the moment."""

    source: Source
    map: TimeMap
    rate: Rate
    sized: Sized
    work: Path

    @classmethod
    def of(
        cls, picture: Picture, span: Span, sized: Sized, work: Path, *, stop: ffmpeg.Stop | None = None
    ) -> Extraction:
        """Ready to begin. `span` is all that will be extracted.

        Raises:
            BadInput: the source is no picture, or the square none.
        """
        if sized.square:
            place(sized.square)
        source = opened(picture, work, stop=stop)
        time_map = TimeMap.straight(span, Fraction(0), Fraction(0)) if source.is_still else picture.map
        return cls(source, time_map, span.rate, sized, work)

    @property
    def _place(self) -> Fraction | None:
        return place(self.sized.square) if self.sized.square else None

    def plan(self, span: Span) -> list[Shown]:
        """What is on screen in a span."""
        return plan(self.map, span, self.source.rate)

    def playing(self, shown: Sequence[Shown], stop: ffmpeg.Stop | None) -> Generator[Playing]:
        """Decode what a plan says, each frame with when it comes on screen: in seconds from the plan's start."""
        look = Look(self.sized.short_side, self._place)
        for run in runs(shown):
            yield from _run(self.source, run, look, stop)

    def write(
        self,
        playing: Iterator[Playing],
        shown: Sequence[Shown],
        to: Path,
        frames: Callable[[], int],
        *,
        quality: int = QUALITY,
        stop: ffmpeg.Stop | None = None,
    ) -> Proxy:
        """Write a proxy of frames as they come.

        Args:
            playing: what comes on screen when, from 0.
            shown: the plan of it, or as much of it as tells its ticks.
            to: the MP4 to write.
            frames: how many timeline frames it lasts; asked when all of it has come.
            quality: x264's constant rate factor.
            stop: the person's wish to stop.
        """
        by_motion = bool(self.sized.square) and self._place is None
        ticking = tick([*finest(shown, self.source.time_base), self.rate.seconds(1)])
        path, what = self.work / "whole.mp4" if by_motion else to, f"could not extract {self.source.name}"
        with whole(path) as beside, encoding(beside, ticking, what, quality=FINE if by_motion else quality) as encoder:
            frame: Frame | None = None
            for at, frame in playing:
                encoder.write(at, frame)
            for held in range(frames(), -(-self.sized.least * self.rate.fps // 1)):
                if frame is not None:
                    encoder.write(self.rate.seconds(held), frame)
        seen = Proxy(path, encoder.times, max(self.rate.seconds(frames()), self.sized.least))
        if not by_motion:
            return seen
        return cropped(seen, where_motion_is(luma(seen, *_small(seen, stop), stop=stop)), to, stop=stop)


def cropped(proxy: Proxy, at: Fraction, to: Path, *, stop: ffmpeg.Stop | None = None) -> Proxy:
    """Write a proxy's square that lies `at` along its longer side: the same frames at the same times. Raises as `extract`."""
    found = head(proxy.path, stop=stop)
    source = Movie(proxy.path, found, found.rate)
    frames = source.frames(Fraction(0), proxy.seconds, Look(min(found.size), at), stop=stop)
    with whole(to) as beside, encoding(beside, found.time_base, f"could not extract {proxy.path.name}") as encoder:
        for frame in frames:
            encoder.write(frame.time, frame)
    return Proxy(to, encoder.times, proxy.seconds)


def _small(proxy: Proxy, stop: ffmpeg.Stop | None) -> tuple[int, int]:
    """Its size with a short side of `MOTION_SIDE`."""
    width, height = head(proxy.path, stop=stop).size
    return max(1, round(width * MOTION_SIDE / min(width, height))), max(
        1, round(height * MOTION_SIDE / min(width, height))
    )


def opened(picture: Picture, work: Path, *, stop: ffmpeg.Stop | None = None) -> Source:
    """A picture's source, ready to be decoded. `work` is a folder for what ffmpeg must read from a file.

    Raises:
        BadInput: it is none.
    """
    if picture.images:
        return Images(picture.source, picture.images, picture.rate or DEFAULT_RATE, work / "images.txt")
    found = head(picture.source, stop=stop)
    return Movie(picture.source, found, picture.rate or found.rate)


def _run(source: Source, run: Run, look: Look, stop: ffmpeg.Stop | None) -> Iterator[Playing]:
    """Decode a run's frames, each with when it comes on screen."""
    if run.ordered:
        yield from _follow(source, run.shown, look, stop)
        return
    every = [shown.source for shown in run.shown]
    keys = source.keys(min(every), max(every), stop=stop) if len(every) > 1 else []
    for part in windows(run, keys):
        rising = sorted(part, key=lambda shown: shown.source)
        yield from sorted(_follow(source, rising, look, stop), key=lambda pair: pair[0])


def _follow(source: Source, rising: Sequence[Shown], look: Look, stop: ffmpeg.Stop | None) -> Iterator[Playing]:
    """Decode once through what is shown in the source's order: on screen is the last frame that began."""
    end = max(shown.end for shown in rising)
    decoding = source.frames(rising[0].source, end, look, stop=stop)
    now = next(decoding, None)
    if now is None:
        raise MediaError(
            f"could not extract {source.name}: no picture can be decoded at {float(rising[0].source):.2f} s; was it cut short?"
        )
    coming = next(decoding, None)
    for shown in rising:
        while coming is not None and coming.time <= shown.source + ON_TIME:
            now, coming = coming, next(decoding, None)
        yield shown.at, now
        if shown.keep is not None:
            while coming is not None and coming.time < shown.keep.until - ON_TIME:
                now, coming = coming, next(decoding, None)
                yield shown.at + (now.time - shown.keep.begin) / shown.keep.speed, now
        if coming is None and not source.is_still and shown.end > now.time + source.rate.seconds(1) + GRACE:
            ends = float(now.time + source.rate.seconds(1))
            raise MediaError(
                f"could not extract {source.name}: its picture ends at {ends:.2f} s, and the span needs it until "
                f"{float(shown.end):.2f} s; was it cut short?"
            )


def still(proxy: Proxy, to: Path, *, stop: ffmpeg.Stop | None = None) -> Path:
    """Write the proxy's middle frame as a PNG, for models that look at one image.

    Raises:
        MediaError, OutputError, Cancelled: as `extract`.
    """
    with whole(to) as beside:
        out = (
            ffmpeg.source(proxy.path)["V:0"]
            .filter("select", f"eq(n,{len(proxy.times) // 2})")
            .output(ffmpeg.target(beside), format="image2", update=1, vframes=1, vcodec="png")
        )
        ffmpeg.run(out, f"could not take a still of {proxy.path.name}", stop=stop)
    return to


def luma(proxy: Proxy, width: int, height: int, *, stop: ffmpeg.Stop | None = None) -> Iterator[npt.NDArray[np.uint8]]:
    """The proxy's frames as (height, width) arrays of 8-bit luma, one by one: memory does not grow with length."""
    import numpy as np  # noqa: PLC0415 - Blender pays for numpy only when something is analysed

    stream = (
        ffmpeg.source(proxy.path, flags="gray", threads=1)["V:0"]  # colour is not even decoded
        .filter("scale", width, height, flags="area")
        .output("pipe:", format="rawvideo", pix_fmt="gray", fps_mode="passthrough")
    )
    for data in ffmpeg.read(stream, f"could not look at {proxy.path.name}", width * height, stop=stop):
        if len(data) == width * height:
            yield np.frombuffer(data, np.uint8).reshape(height, width)
