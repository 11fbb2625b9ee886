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

from ..atomic_io import temp_dir
from ..cue import ProxySpec
from ..timing import Span
from . import proxy_cache
from .editor_render import render_in_editor
from .extract import ProxyExtractor
from .ffmpeg import CancelToken
from .frame_plan import snap_to_frame
from .probe import TIME_TOLERANCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from ..cue import Picture
    from ..timing import Rate, TimeMap
    from .decoder import DecodedFrame
    from .extract import TimedFrame
    from .frame_plan import PlannedFrame

ANALYSIS_SHORT_SIDE = 96
"""Pixels of the short side where a cut is looked for: as plain as in all of them, and grain is no motion."""

CUT_THRESHOLD = 10.0
"""How much of a hundred a frame differs from the one before: ffmpeg's own number for a cut (its `scdet`)."""

MAX_BLOCK_SIDE = 16
"""So many pixels squared are summed in 16 bits."""


def find_cuts(
    picture: Picture,
    span: Span,
    folder: Path,
    *,
    min_shot_frames: int = 1,
    proxy_spec: ProxySpec | None = None,
    cancel_token: CancelToken | None = None,
) -> tuple[int, ...]:
    """The first frames of the shots of a span, all but its own first, in order.

    Args:
        picture: what plays; where it must be rendered, with its copy.
        span: the timeline frames.
        folder: where files of the moment may lie.
        min_shot_frames: frames. A cut nearer than this to the one before, or to either end, is none: a flash is no shot.
        proxy_spec: what the shots' pictures must be like, to be kept for whoever wants them next; None: nobody does.
        cancel_token: the person's wish to stop.

    Raises:
        BadInput, MediaError, OutputError, Cancelled: as `media.cache.extracted`.
    """
    if picture.render:  # each shot will be rendered by itself, and only then extracted
        picture, proxy_spec = (
            render_in_editor(picture, span, ANALYSIS_SHORT_SIDE, cancel_token=cancel_token or CancelToken()).as_picture(
                picture, span
            ),
            None,
        )
    known = proxy_cache.source_file_ids(picture, span) if proxy_spec else None
    with temp_dir(folder) as work:
        extraction = ProxyExtractor.prepare(
            picture, span, proxy_spec or ProxySpec(ANALYSIS_SHORT_SIDE), work, cancel_token=cancel_token
        )
        shown = extraction.plan_span(span)
        if len(shown) > 1 and any(each.pass_through for each in shown):
            known = None  # retimed in pieces: a proxy's ticks depend on where its shot ends, and each is left to be made by itself
        if known is None:
            extraction = replace(extraction, spec=ProxySpec(ANALYSIS_SHORT_SIDE))
        found = []
        with closing(extraction.decode(shown, cancel_token)) as playing:
            shots = ShotSplitter(playing, shown, span, extraction.time_map, extraction.source.rate, min_shot_frames)
            while shots.next_start < span.end:
                found.append(shots.next_start)
                if known is None or proxy_spec is None:
                    deque(shots.next_shot(), maxlen=0)
                    continue
                begins = extraction.plan_span(Span(shots.next_start, 1, span.rate))
                proxy = extraction.write_proxy(
                    shots.next_shot(),
                    begins,
                    work / "proxy.mp4",
                    lambda: shots.last_shot_frames,
                    cancel_token=cancel_token,
                )
                proxy_cache.store_span_proxy(
                    picture, Span(found[-1], shots.last_shot_frames, span.rate), proxy_spec, known, proxy
                )
    return tuple(found[1:])


class ShotSplitter:
    """Parts what plays in a span into shots while it is decoded: `next_shot` until `next_start` is the span's end.

    `next_start` is the first frame of the shot that comes next, `last_shot_frames` how many the last one had. What is held meanwhile is what is
    decoded for one timeline frame: a shot ends on one of those, and up to it nobody knows to which shot a frame belongs.
    """

    def __init__(
        self,
        decoded: Iterator[TimedFrame],
        planned: Sequence[PlannedFrame],
        span: Span,
        time_map: TimeMap,
        source_rate: Rate,
        min_shot_frames: int,
    ) -> None:
        """Begin.

        Args:
            decoded: what comes on screen in the span, as it is decoded.
            planned: the plan of the span.
            span: the timeline frames.
            time_map: where the source is on each.
            source_rate: the source's.
            min_shot_frames: frames: a cut nearer than this to the one before, or to either end, is none.
        """
        self.next_start, self.last_shot_frames = span.start, 0
        self._decoded, self._scorer = decoded, CutScorer()
        # In one piece that keeps its frames' own times, it is by the source's time that a plan says which of them are a span's.
        self._uses_source_time = len(planned) == 1 and planned[0].pass_through is not None
        self._span, self._time_map, self._source_rate, self._min_shot_frames = (
            span,
            time_map,
            source_rate,
            min_shot_frames,
        )
        self._buffer: deque[TimedFrame] = deque()
        self._emitted = 0  # of those that are held, how many the shot has been given already
        self._timeline_frame = span.start  # the first timeline frame that shows what was decoded last

    def next_shot(self) -> Iterator[TimedFrame]:
        """What comes on screen in the next shot, at seconds from its start: what `extract` makes its proxy of. To be gone through."""
        span, first = self._span, self.next_start
        begins, since = self._latest_start(first), span.rate.seconds(first - span.start)
        opening: DecodedFrame | None = None
        for playing in self._iter_shot():
            at, frame = playing
            if self._position(playing) <= begins:
                opening = frame
                continue
            if opening is not None:
                yield Fraction(0), opening
                opening = None
            yield at - since, frame
        if opening is not None:
            yield Fraction(0), opening
        self.last_shot_frames = self.next_start - first

    def _iter_shot(self) -> Iterator[TimedFrame]:
        """The frames that belong to the shot, after those that may still be on screen when it begins."""
        self._emitted = 0
        cut = False
        while True:
            ends = self._earliest_start(self._timeline_frame)
            while self._emitted < len(self._buffer) and self._position(self._buffer[self._emitted]) < ends:
                self._emitted += 1
                yield self._buffer[self._emitted - 1]
            if cut:
                self.next_start = self._timeline_frame
                return
            playing = next(self._decoded, None)
            if playing is None:
                yield from list(self._buffer)[self._emitted :]
                self.next_start = self._span.end
                return
            cut = self._push(playing)

    def _push(self, timed_frame: TimedFrame) -> bool:
        """Hold a frame; whether a shot begins with it."""
        place = self._position(timed_frame)
        while self._latest_start(self._timeline_frame) < place:
            self._timeline_frame += 1
        self._buffer.append(timed_frame)
        while self._emitted and self._position(self._buffer[1]) <= self._latest_start(self._timeline_frame):
            self._buffer.popleft()
            self._emitted -= 1
        far = self._min_shot_frames <= min(
            self._timeline_frame - self.next_start, self._span.end - self._timeline_frame
        )
        return self._scorer.score(timed_frame[1]) >= CUT_THRESHOLD and far

    def _position(self, timed_frame: TimedFrame) -> Fraction:
        """Where a frame lies, in the seconds that the span is reckoned in."""
        at, frame = timed_frame
        return frame.time if self._uses_source_time else at

    def _latest_start(self, frame: int) -> Fraction:
        """On screen at a timeline frame is what lies last up to here."""
        if self._uses_source_time:
            return snap_to_frame(self._time_map.source_seconds(frame), self._source_rate) + TIME_TOLERANCE_SECONDS
        return self._earliest_start(frame) + TIME_TOLERANCE_SECONDS

    def _earliest_start(self, frame: int) -> Fraction:
        """What lies before this has come on screen before a timeline frame."""
        if self._uses_source_time:
            return self._time_map.source_seconds(frame) - TIME_TOLERANCE_SECONDS
        return self._span.rate.seconds(frame - self._span.start)


class CutScorer:
    """Scores frames, in their order, as ffmpeg's `scdet` does: how much each differs from the one before, and how suddenly."""

    def __init__(self) -> None:
        self._last_frame: DecodedFrame | None = None
        self._luma: npt.NDArray[np.float32] | None = None
        self._change = 0.0

    def score(self, frame: DecodedFrame) -> float:
        """How much of a hundred a cut it is. A frame that stays on screen is not looked at again: it is none."""
        if frame is self._last_frame:
            return 0.0
        before, self._last_frame, self._luma = self._luma, frame, downscaled_luma(frame)
        if before is None:
            return 0.0
        last, self._change = self._change, float(abs(self._luma - before).mean()) * 100 / 256
        return min(self._change, abs(self._change - last))


def downscaled_luma(frame: DecodedFrame) -> npt.NDArray[np.float32]:
    """A frame's luma with a short side of `ANALYSIS_SHORT_SIDE` at most: each value is the mean of the pixels that it stands for."""
    import numpy as np  # noqa: PLC0415 - Blender pays for numpy only when something is analysed

    (width, height), each = frame.size, min(MAX_BLOCK_SIDE, -(-min(frame.size) // ANALYSIS_SHORT_SIDE))
    luma = np.frombuffer(frame.data, np.uint8, width * height).reshape(height, width)
    luma = luma[: height // each * each, : width // each * each]
    # Row by row and column by column: three times as quick as the mean of blocks.
    rows = sum((luma[row::each] for row in range(1, each)), luma[::each].astype(np.uint16))
    squares = sum((rows[:, column::each] for column in range(1, each)), rows[:, ::each].copy())
    return squares.astype(np.float32) / np.float32(each**2)
