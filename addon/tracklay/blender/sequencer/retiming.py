"""Which frame of its source a strip shows on a timeline frame, counted as Blender counts: in 32-bit floats, halves going up.

Pure arithmetic; what a strip says of itself is read elsewhere. Blender's own rule is `give_frame_index` in its `strip_time.cc`, the
same from 4.5 to 5.2; `tests/blender/test_frame_accuracy.py` holds this file to Blender's renders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from ...timing import TimeMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float32]
    IntArray = npt.NDArray[np.int64]

MAX_MAP_POINTS = 20_000
"""Of a map: minutes of a source that is slower than its timeline, frame by frame. Beyond, its own clock must do: a frame off at most."""

JUMP_FRAMES = Fraction(1, 1024)
"""Timeline frames: how long before a frame the source jumps to where it is on it. No frame is shown in between."""


@dataclass(frozen=True, slots=True)
class LinearClock:
    """Where the source is by its own clock: `position` source frames on the first timeline frame, `step` more on each after it."""

    position: Fraction
    step: Fraction


@dataclass(frozen=True, slots=True)
class RetimingKey:
    """A retiming key: on frame `frame` of the content as it was, `position` of it is shown, from 0, its start, to 1, its end.

    `is_transition` says that from here to the next key the speed goes from one to another.
    """

    frame: float
    position: float
    is_transition: bool = False


@dataclass(frozen=True, slots=True)
class StripTiming:
    """How a strip plays its content.

    Args:
        start: the timeline frame on which the content begins.
        timeline_frames: how many timeline frames it lasts.
        content_frames: how many frames of its own it has.
        trim_start: how many frames of the source come before it.
        rate_factor: its own frames a timeline frame: (float of its rate, float of the scene's), None where it is one for one.
        exact_factor: the same as a fraction.
        is_reversed: whether it plays so.
        strobe: only each so manyth frame is shown; 1 shows all.
        caches_source_frames: whether Blender keeps frames that it has shown by the whole part of their place, as it does from 5.0 on: it then
            shows them again wherever that part is the same, and does not round.
        retiming_keys: its retiming keys, none of which eases; none where it is not retimed.
        last_key_at_end: whether the last key stands at the end of the last frame, and not on it.
    """

    start: float
    timeline_frames: int
    content_frames: int
    trim_start: int = 0
    rate_factor: tuple[float, float] | None = None
    exact_factor: Fraction = Fraction(1)
    is_reversed: bool = False
    strobe: float = 1.0
    caches_source_frames: bool = False
    retiming_keys: tuple[RetimingKey, ...] = ()
    last_key_at_end: bool = False

    def content_positions(self, timeline: FloatArray) -> FloatArray:
        """The place in its content, in frames of its own, on each of these timeline frames."""
        import numpy as np  # noqa: PLC0415 - only where something is read

        start = np.float32(self.start)
        end = np.float32(start + np.float32(self.timeline_frames)) - np.float32(1)
        found: FloatArray = np.maximum((end - timeline) if self.is_reversed else (timeline - start), np.float32(0))
        if self.rate_factor is not None:
            found = found * (np.float32(self.rate_factor[0]) / np.float32(self.rate_factor[1]))
        if self.retiming_keys:
            found = self._apply_retiming(found) * np.float32(
                self.content_frames if self.last_key_at_end else self.content_frames - 1
            )
        found = np.clip(found, np.float32(0), np.float32(self.content_frames - 1))
        if self.strobe > 1:
            found = found - np.fmod(found.astype(np.float64), float(np.float32(self.strobe))).astype(np.float32)
        return found.astype(np.float32)

    def _apply_retiming(self, positions: FloatArray) -> FloatArray:
        """Which part of the content is shown where it would be so many frames from its start (`strip_retiming.cc`)."""
        import numpy as np  # noqa: PLC0415

        frames = np.array([key.frame for key in self.retiming_keys])
        places = np.array([key.position for key in self.retiming_keys], np.float32)
        steps = (np.diff(places).astype(np.float64) / np.diff(frames)).astype(np.float32)
        since = np.clip(np.searchsorted(frames, positions.astype(np.float64), side="right") - 1, 0, len(steps) - 1)
        beyond = (positions - frames[since]).astype(np.float32)
        part: FloatArray = places[since] + steps[since] * beyond
        return np.minimum(part, np.float32(1))

    def source_frames(self, timeline: FloatArray) -> IntArray:
        """The number of the source's frame on each of these timeline frames, which are shown one after the other."""
        import numpy as np  # noqa: PLC0415

        found: IntArray = (
            np.floor(self.content_positions(timeline) + np.float32(0.5)).astype(np.int64) + self.trim_start
        )
        if self.caches_source_frames:
            kept = np.trunc(self.content_positions(np.floor(timeline + np.float32(0.5)))).astype(np.int64)
            _, first, which = np.unique(kept, return_index=True, return_inverse=True)
            found = found[first][which]
        return found

    def linear_clock(self, first: int) -> LinearClock | None:
        """Where the source is by its own clock from a timeline frame on; None where it stops and goes, or is retimed."""
        if self.strobe > 1 or self.retiming_keys:
            return None
        start = Fraction(self.start)
        if self.is_reversed:
            return LinearClock(
                (start + self.timeline_frames - 1 - first) * self.exact_factor + self.trim_start, -self.exact_factor
            )
        return LinearClock((first - start) * self.exact_factor + self.trim_start, self.exact_factor)


@dataclass(frozen=True, slots=True)
class _LinearSegment:
    """From timeline frame `start` to `end` the source runs evenly, from frame `position` on, `step` frames a timeline frame."""

    start: int
    end: int
    position: Fraction
    step: Fraction


def build_time_map(
    first: int,
    source_frames: IntArray,
    clock: LinearClock | None,
    frame_seconds: Fraction,
    *,
    is_continuous: bool = False,
) -> TimeMap:
    """The map by which just these source frames are on screen.

    Where the source runs as its own clock does, the map does too, with the times between frames; everywhere else it goes from
    frame to frame.

    Args:
        first: the first timeline frame.
        source_frames: the source frame on it and on each after it.
        clock: the source's own clock, where there is one.
        frame_seconds: how long a source frame is.
        is_continuous: where there is none, whether the source runs on from frame to frame all the same, and each is not held.
    """
    points: list[tuple[Fraction, Fraction]] = []
    before: _LinearSegment | None = None
    for part in _linear_segments(source_frames, clock, is_continuous=is_continuous):
        at = Fraction(first + part.start)
        if before is not None and before.position + before.step * (before.end - before.start) != part.position:
            until = before.end - before.start - JUMP_FRAMES
            points.append((at - JUMP_FRAMES, (before.position + before.step * until) * frame_seconds))
        points.append((at, part.position * frame_seconds))
        before = part
    if before is not None:
        end = before.position + before.step * (before.end - before.start)
        points.append((Fraction(first + before.end), end * frame_seconds))
    if len(points) > MAX_MAP_POINTS and clock is not None:
        ends = (
            (Fraction(0), clock.position),
            (Fraction(len(source_frames)), clock.position + clock.step * len(source_frames)),
        )
        return TimeMap(tuple((first + frame, at * frame_seconds) for frame, at in ends))
    return TimeMap(tuple(points))


def _linear_segments(
    source_frames: IntArray, clock: LinearClock | None, *, is_continuous: bool
) -> Iterator[_LinearSegment]:
    import numpy as np  # noqa: PLC0415

    steps = np.diff(source_frames, append=source_frames[-1:])
    if clock is None and is_continuous:
        yield from _stepped_segments(source_frames, steps, 0, np.diff(steps) != 0)
        return
    if clock is None:
        yield from _stepped_segments(
            source_frames, np.zeros(len(source_frames), np.int64), 0, np.diff(source_frames) != 0
        )
        return
    whole = math.lcm(clock.position.denominator, clock.step.denominator)
    at, step = int(clock.position * whole), int(clock.step * whole)
    on_it = (2 * (at + step * np.arange(len(source_frames), dtype=np.int64)) + whole) // (2 * whole) == source_frames
    turns = [0, *(int(turn) + 1 for turn in np.flatnonzero(np.diff(on_it))), len(source_frames)]
    for begin, end in pairwise(turns):
        if on_it[begin]:
            yield _LinearSegment(begin, end, clock.position + clock.step * begin, clock.step)
        else:
            yield from _stepped_segments(
                source_frames[begin:end], steps[begin:end], begin, np.diff(steps[begin:end]) != 0
            )


def _stepped_segments(
    source_frames: IntArray, steps: IntArray, begin: int, turns: npt.NDArray[np.bool_]
) -> Iterator[_LinearSegment]:
    """From frame to frame, by so many frames each time; a part ends at each turn.

    A source frame that is passed over, as Blender does where it remembers, comes between the timeline's frames, and is not lost.
    """
    ends = [*(place + 1 for place, turn in enumerate(turns) if turn), len(source_frames)]
    for first, until in pairwise([0, *ends]):
        yield _LinearSegment(
            begin + first, begin + until, Fraction(int(source_frames[first])), Fraction(int(steps[first]))
        )
