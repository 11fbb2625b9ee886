"""Finds the cuts within a picture: the timeline frames on which another shot begins. What is decoded for it becomes the shots' proxies.

A source is decoded once. As its frames come they are judged, and each shot is written as `extract` would write it by itself and kept
where `cache.extracted` looks for it: generating the shots then decodes nothing.
"""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ..cue import Sized
from ..paths import scratch
from ..timing import Span
from . import proxy_cache
from .editor_render import rendered
from .extract import Extraction
from .ffmpeg import Stop
from .frame_plan import looked_up
from .probe import ON_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from ..cue import Picture
    from ..timing import Rate, TimeMap
    from .decoder import Frame
    from .extract import Playing
    from .frame_plan import Shown

SIDE = 96
"""Pixels of the short side where a cut is looked for: as plain as in all of them, and grain is no motion."""

THRESHOLD = 10.0
"""How much of a hundred a frame differs from the one before: ffmpeg's own number for a cut (its `scdet`)."""

MOST_MEANED = 16
"""So many pixels squared are summed in 16 bits."""


def cuts(
    picture: Picture,
    span: Span,
    folder: Path,
    *,
    shortest: int = 1,
    proxies: Sized | None = None,
    stop: Stop | None = None,
) -> tuple[int, ...]:
    """The first frames of the shots of a span, all but its own first, in order.

    Args:
        picture: what plays; where it must be rendered, with its copy.
        span: the timeline frames.
        folder: where files of the moment may lie.
        shortest: frames. A cut nearer than this to the one before, or to either end, is none: a flash is no shot.
        proxies: what the shots' pictures must be like, to be kept for whoever wants them next; None: nobody does.
        stop: the person's wish to stop.

    Raises:
        BadInput, MediaError, OutputError, Cancelled: as `media.cache.extracted`.
    """
    if picture.render:  # each shot will be rendered by itself, and only then extracted
        picture, proxies = rendered(picture, span, SIDE, stop=stop or Stop()).picture(picture, span), None
    known = proxy_cache.identity(picture, span) if proxies else None
    with scratch(folder) as work:
        extraction = Extraction.of(picture, span, proxies or Sized(SIDE), work, stop=stop)
        shown = extraction.plan(span)
        if len(shown) > 1 and any(each.keep for each in shown):
            known = None  # retimed in pieces: a proxy's ticks depend on where its shot ends, and each is left to be made by itself
        if known is None:
            extraction = replace(extraction, sized=Sized(SIDE))
        found = []
        with closing(extraction.playing(shown, stop)) as playing:
            shots = Shots(playing, shown, span, extraction.map, extraction.source.rate, shortest)
            while shots.first < span.end:
                found.append(shots.first)
                if known is None or proxies is None:
                    deque(shots.next(), maxlen=0)
                    continue
                begins = extraction.plan(Span(shots.first, 1, span.rate))
                proxy = extraction.write(shots.next(), begins, work / "proxy.mp4", lambda: shots.frames, stop=stop)
                proxy_cache.keep_of(picture, Span(found[-1], shots.frames, span.rate), proxies, known, proxy)
    return tuple(found[1:])


class Shots:
    """Parts what plays in a span into shots while it is decoded: `next` until `first` is the span's end.

    `first` is the first frame of the shot that comes next, `frames` how many the last one had. What is held meanwhile is what is
    decoded for one timeline frame: a shot ends on one of those, and up to it nobody knows to which shot a frame belongs.
    """

    def __init__(
        self,
        playing: Iterator[Playing],
        shown: Sequence[Shown],
        span: Span,
        time_map: TimeMap,
        rate: Rate,
        shortest: int,
    ) -> None:
        """Begin.

        Args:
            playing: what comes on screen in the span, as it is decoded.
            shown: the plan of the span.
            span: the timeline frames.
            time_map: where the source is on each.
            rate: the source's.
            shortest: frames: a cut nearer than this to the one before, or to either end, is none.
        """
        self.first, self.frames = span.start, 0
        self._playing, self._judge = playing, Judge()
        # In one piece that keeps its frames' own times, it is by the source's time that a plan says which of them are a span's.
        self._by_source = len(shown) == 1 and shown[0].keep is not None
        self._span, self._map, self._source_rate, self._shortest = span, time_map, rate, shortest
        self._held: deque[Playing] = deque()
        self._given = 0  # of those that are held, how many the shot has been given already
        self._reached = span.start  # the first timeline frame that shows what was decoded last

    def next(self) -> Iterator[Playing]:
        """What comes on screen in the next shot, at seconds from its start: what `extract` makes its proxy of. To be gone through."""
        span, first = self._span, self.first
        begins, since = self._begins(first), span.rate.seconds(first - span.start)
        opening: Frame | None = None
        for playing in self._of_shot():
            at, frame = playing
            if self._place(playing) <= begins:
                opening = frame
                continue
            if opening is not None:
                yield Fraction(0), opening
                opening = None
            yield at - since, frame
        if opening is not None:
            yield Fraction(0), opening
        self.frames = self.first - first

    def _of_shot(self) -> Iterator[Playing]:
        """The frames that belong to the shot, after those that may still be on screen when it begins."""
        self._given = 0
        cut = False
        while True:
            ends = self._ends(self._reached)
            while self._given < len(self._held) and self._place(self._held[self._given]) < ends:
                self._given += 1
                yield self._held[self._given - 1]
            if cut:
                self.first = self._reached
                return
            playing = next(self._playing, None)
            if playing is None:
                yield from list(self._held)[self._given :]
                self.first = self._span.end
                return
            cut = self._take(playing)

    def _take(self, playing: Playing) -> bool:
        """Hold a frame; whether a shot begins with it."""
        place = self._place(playing)
        while self._begins(self._reached) < place:
            self._reached += 1
        self._held.append(playing)
        while self._given and self._place(self._held[1]) <= self._begins(self._reached):
            self._held.popleft()
            self._given -= 1
        far = self._shortest <= min(self._reached - self.first, self._span.end - self._reached)
        return self._judge.score(playing[1]) >= THRESHOLD and far

    def _place(self, playing: Playing) -> Fraction:
        """Where a frame lies, in the seconds that the span is reckoned in."""
        at, frame = playing
        return frame.time if self._by_source else at

    def _begins(self, frame: int) -> Fraction:
        """On screen at a timeline frame is what lies last up to here."""
        if self._by_source:
            return looked_up(self._map.source(frame), self._source_rate) + ON_TIME
        return self._ends(frame) + ON_TIME

    def _ends(self, frame: int) -> Fraction:
        """What lies before this has come on screen before a timeline frame."""
        if self._by_source:
            return self._map.source(frame) - ON_TIME
        return self._span.rate.seconds(frame - self._span.start)


class Judge:
    """Scores frames, in their order, as ffmpeg's `scdet` does: how much each differs from the one before, and how suddenly."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._luma: npt.NDArray[np.float32] | None = None
        self._change = 0.0

    def score(self, frame: Frame) -> float:
        """How much of a hundred a cut it is. A frame that stays on screen is not looked at again: it is none."""
        if frame is self._frame:
            return 0.0
        before, self._frame, self._luma = self._luma, frame, small(frame)
        if before is None:
            return 0.0
        last, self._change = self._change, float(abs(self._luma - before).mean()) * 100 / 256
        return min(self._change, abs(self._change - last))


def small(frame: Frame) -> npt.NDArray[np.float32]:
    """A frame's luma with a short side of `SIDE` at most: each value is the mean of the pixels that it stands for."""
    import numpy as np  # noqa: PLC0415 - Blender pays for numpy only when something is analysed

    (width, height), each = frame.size, min(MOST_MEANED, -(-min(frame.size) // SIDE))
    luma = np.frombuffer(frame.data, np.uint8, width * height).reshape(height, width)
    luma = luma[: height // each * each, : width // each * each]
    # Row by row and column by column: three times as quick as the mean of blocks.
    rows = sum((luma[row::each] for row in range(1, each)), luma[::each].astype(np.uint16))
    squares = sum((rows[:, column::each] for column in range(1, each)), rows[:, ::each].copy())
    return squares.astype(np.float32) / np.float32(each**2)
