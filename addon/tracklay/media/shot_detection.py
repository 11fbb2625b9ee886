"""Shot boundary detection: finds the timeline frames on which a new shot begins, and caches each shot's proxy on the way.

The source is decoded once. Its frames are scored as they come, and each shot is written as `extract_proxy` would write it, and stored
where `extract_cached` finds it: generating sound for the shots then decodes nothing.
"""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ..atomic_io import temp_dir
from ..cancellation import CancelToken
from ..cue import ProxySpec
from ..timing import Span
from . import proxy_cache
from .editor_render import render_in_editor
from .extract import ProxyExtractor
from .fingerprint import source_file_ids
from .frame_plan import snap_to_frame
from .frame_timing.frame_rate import TIME_TOLERANCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from ..cue import Picture
    from .decoder import DecodedFrame
    from .frame_plan import PlannedFrame
    from .playback.plan_decoder import TimedFrame

ANALYSIS_SHORT_SIDE = 96
"""Pixels of the shorter side of frames that are compared: cuts are as clear as at full size, and film grain averages out."""

CUT_THRESHOLD = 10.0
"""Score, from 0 to 100, from which a frame begins a new shot: the default of ffmpeg's `scdet` filter."""

MIN_CUT_THRESHOLD = 3.0
"""Lowest threshold that a user may choose: below it, motion and flicker are cuts."""

MAX_BLOCK_SIDE = 16
"""Largest side of a block whose 8-bit pixels can be summed in 16 bits: 16 x 16 x 255 < 65,536."""


def find_cuts(
    picture: Picture,
    span: Span,
    folder: Path,
    *,
    min_shot_frames: int = 1,
    proxy_spec: ProxySpec | None = None,
    cancel_token: CancelToken | None = None,
    scored_frames: list[tuple[int, float]] | None = None,
) -> tuple[int, ...]:
    """Return the first timeline frame of each shot of a span but the first shot, in order.

    Args:
        picture: the picture; if it must be rendered, with its timeline copy.
        span: timeline frames.
        folder: folder for temporary files.
        min_shot_frames: frames. A cut closer than this to the cut before, or to either end, is ignored: a flash is not a shot.
        proxy_spec: size and shape of the proxies to cache; None for no proxies.
        cancel_token: cancels the detection.
        scored_frames: receives (timeline frame, score) of each frame whose score is at least `MIN_CUT_THRESHOLD`, in order.
            `choose_cuts` finds the cuts at another threshold in it.

    Raises:
        InvalidInput, MediaError, OutputError, Cancelled: as `extract_cached`.
    """
    if picture.render:  # no proxies: each shot is rendered by itself when it is extracted
        picture, proxy_spec = (
            render_in_editor(picture, span, ANALYSIS_SHORT_SIDE, cancel_token=cancel_token or CancelToken()).as_picture(
                picture, span
            ),
            None,
        )
    file_ids = source_file_ids(picture, span) if proxy_spec else None
    with temp_dir(folder) as work:
        extraction = ProxyExtractor.prepare(
            picture, span, proxy_spec or ProxySpec(ANALYSIS_SHORT_SIDE), work, cancel_token=cancel_token
        )
        planned = extraction.plan_span(span)
        if len(planned) > 1 and any(frame.pass_through for frame in planned):
            # Retimed in pieces: the unit of a proxy's times depends on where its shot ends, which is not known when it begins.
            file_ids = None
        if file_ids is None:
            extraction = replace(extraction, spec=ProxySpec(ANALYSIS_SHORT_SIDE))
        starts = []
        with closing(extraction.decode(planned, cancel_token)) as decoded:
            shots = ShotSplitter(decoded, planned, span, extraction, min_shot_frames)
            while shots.next_start < span.end:
                starts.append(shots.next_start)
                if file_ids is None or proxy_spec is None:
                    deque(shots.next_shot(), maxlen=0)
                    continue
                first_frame = extraction.plan_span(Span(shots.next_start, 1, span.rate))
                proxy = extraction.write_proxy(
                    shots.next_shot(),
                    first_frame,
                    work / "proxy.mp4",
                    lambda: shots.last_shot_frames,
                    cancel_token=cancel_token,
                )
                proxy_cache.store_span_proxy(
                    picture, Span(starts[-1], shots.last_shot_frames, span.rate), proxy_spec, file_ids, proxy
                )
        if scored_frames is not None:
            scored_frames += shots.scored_frames
    return tuple(starts[1:])


def choose_cuts(
    scored_frames: Sequence[tuple[int, float]], span: Span, threshold: float, min_shot_frames: int = 1
) -> tuple[int, ...]:
    """Return the first timeline frame of each shot but the first, at a threshold: the frames that `find_cuts` returns at `CUT_THRESHOLD`.

    Args:
        scored_frames: as `find_cuts` fills it.
        span: timeline frames.
        threshold: score, from `MIN_CUT_THRESHOLD` to 100, from which a frame begins a new shot.
        min_shot_frames: as `find_cuts`.
    """
    cuts: list[int] = []
    last = span.start
    for frame, score in scored_frames:
        if score >= threshold and min(frame - last, span.end - frame) >= min_shot_frames:
            cuts.append(frame)
            last = frame
    return tuple(cuts)


class ShotSplitter:
    """Splits the frames of a span into shots while they are decoded: call `next_shot` until `next_start` is the span's end.

    Frames are held back for one timeline frame: a shot ends on a timeline frame, and source frames between two of them belong to the
    shot before or after, depending on the next.

    Attributes:
        next_start: first timeline frame of the next shot.
        last_shot_frames: length of the last shot, in timeline frames.
        scored_frames: (timeline frame, score) of the frames so far whose score is at least `MIN_CUT_THRESHOLD`.
    """

    def __init__(
        self,
        decoded: Iterator[TimedFrame],
        planned: Sequence[PlannedFrame],
        span: Span,
        extraction: ProxyExtractor,
        min_shot_frames: int,
    ) -> None:
        """Create a splitter.

        Args:
            decoded: the frames of the span.
            planned: the plan of the span.
            span: timeline frames.
            extraction: what is decoded.
            min_shot_frames: minimum length of a shot, in timeline frames.
        """
        self.next_start, self.last_shot_frames = span.start, 0
        self.scored_frames: list[tuple[int, float]] = []
        self._decoded, self._scorer = decoded, CutScorer()
        # If the whole span passes through, a plan selects frames by their source time. This must do the same, to the last frame.
        self._uses_source_time = len(planned) == 1 and planned[0].pass_through is not None
        self._span, self._extraction, self._min_shot_frames = span, extraction, min_shot_frames
        self._buffer: deque[TimedFrame] = deque()
        self._emitted = 0  # frames of the buffer that were yielded already
        self._timeline_frame = span.start  # the first timeline frame that shows the last decoded frame

    def next_shot(self) -> Iterator[TimedFrame]:
        """Yield the frames of the next shot, at seconds from its start: those of its proxy. Must be exhausted before the next call."""
        span, first = self._span, self.next_start
        latest, offset = self._latest_start(first), span.rate.seconds(first - span.start)
        opening: DecodedFrame | None = None
        for timed_frame in self._iter_shot():
            at, frame = timed_frame
            # The shot opens with the last frame that has begun by its start.
            if self._position(timed_frame) <= latest:
                opening = frame
                continue
            if opening is not None:
                yield Fraction(0), opening
                opening = None
            yield at - offset, frame
        if opening is not None:
            yield Fraction(0), opening
        self.last_shot_frames = self.next_start - first

    def _iter_shot(self) -> Iterator[TimedFrame]:
        """Yield the frames that belong to the shot, after those that may still be on screen when it begins."""
        self._emitted = 0
        cut = False
        while True:
            # Frames before the current timeline frame belong to this shot, even if the next begins on it.
            end = self._earliest_start(self._timeline_frame)
            while self._emitted < len(self._buffer) and self._position(self._buffer[self._emitted]) < end:
                self._emitted += 1
                yield self._buffer[self._emitted - 1]
            if cut:
                self.next_start = self._timeline_frame
                return
            timed_frame = next(self._decoded, None)
            if timed_frame is None:
                yield from list(self._buffer)[self._emitted :]
                self.next_start = self._span.end
                return
            cut = self._push(timed_frame)

    def _push(self, timed_frame: TimedFrame) -> bool:
        """Add a frame to the buffer. Return True if a shot begins with it."""
        position = self._position(timed_frame)
        while self._latest_start(self._timeline_frame) < position:
            self._timeline_frame += 1
        self._buffer.append(timed_frame)
        # A frame that was yielded is kept while it may be the opening of the next shot.
        while self._emitted and self._position(self._buffer[1]) <= self._latest_start(self._timeline_frame):
            self._buffer.popleft()
            self._emitted -= 1
        shortest = min(self._timeline_frame - self.next_start, self._span.end - self._timeline_frame)
        score = self._scorer.score(timed_frame[1])
        if score >= MIN_CUT_THRESHOLD:
            self.scored_frames.append((self._timeline_frame, score))
        return score >= CUT_THRESHOLD and shortest >= self._min_shot_frames

    def _position(self, timed_frame: TimedFrame) -> Fraction:
        """Return a frame's position in seconds: source time, or time on screen."""
        at, frame = timed_frame
        return frame.time if self._uses_source_time else at

    def _latest_start(self, frame: int) -> Fraction:
        """Return the latest position of a frame that is on screen at a timeline frame."""
        if self._uses_source_time:
            extraction = self._extraction
            at = extraction.time_map.source_seconds(frame)
            return snap_to_frame(at, extraction.source.rate, extraction.frame_rule) + TIME_TOLERANCE_SECONDS
        return self._earliest_start(frame) + TIME_TOLERANCE_SECONDS

    def _earliest_start(self, frame: int) -> Fraction:
        """Return the position before which a frame has come on screen before a timeline frame."""
        if self._uses_source_time:
            return self._extraction.time_map.source_seconds(frame) - TIME_TOLERANCE_SECONDS
        return self._span.rate.seconds(frame - self._span.start)


class CutScorer:
    """Scores consecutive frames as ffmpeg's `scdet` does: by how much, and how suddenly, each differs from the one before."""

    def __init__(self) -> None:
        self._last_frame: DecodedFrame | None = None
        self._luma: npt.NDArray[np.float32] | None = None
        self._change = 0.0

    def score(self, frame: DecodedFrame) -> float:
        """Return the score of a frame, from 0 to 100. It is 0 for the first frame, and for the same frame again."""
        if frame is self._last_frame:
            return 0.0
        self._last_frame = frame
        return self.score_luma(downscaled_luma(frame))

    def score_luma(self, luma: npt.NDArray[np.float32] | npt.NDArray[np.uint8]) -> float:
        """Return the score of a frame by its luma, 0 to 255, shape (height, width): for a caller that has scaled it itself."""
        before, self._luma = self._luma, luma.astype("float32", copy=False)
        if before is None:
            return 0.0
        # The smaller of the change and its increase: in fast motion every frame differs much, and none is a cut.
        last, self._change = self._change, float(abs(self._luma - before).mean()) * 100 / 256
        return min(self._change, abs(self._change - last))


def downscaled_luma(frame: DecodedFrame) -> npt.NDArray[np.float32]:
    """Return a frame's luma, shape (height, width), averaged in blocks to a shorter side of about `ANALYSIS_SHORT_SIDE` pixels."""
    import numpy as np  # noqa: PLC0415 - Blender imports numpy only when frames are analysed

    (width, height), side = frame.size, min(MAX_BLOCK_SIDE, -(-min(frame.size) // ANALYSIS_SHORT_SIDE))
    luma = np.frombuffer(frame.data, np.uint8, width * height).reshape(height, width)
    luma = luma[: height // side * side, : width // side * side]
    # Row by row and column by column: three times as fast as `mean` over blocks.
    rows = sum((luma[row::side] for row in range(1, side)), luma[::side].astype(np.uint16))
    blocks = sum((rows[:, column::side] for column in range(1, side)), rows[:, ::side].copy())
    return blocks.astype(np.float32) / np.float32(side**2)
