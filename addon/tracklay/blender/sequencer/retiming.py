"""Maps timeline frames to source frames exactly as Blender does: in 32-bit floats, rounding half up.

Pure arithmetic. The rule is `give_frame_index` in Blender's `strip_time.cc`, the same from 4.5 to 5.2. 64-bit floats would be more precise
and would show another frame than Blender: every `np.float32` here is one of Blender's own roundings.
`tests/blender/test_frame_accuracy.py` compares this file with Blender's renders.
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
"""Points of a time map: minutes of a source that is slower than its timeline. A longer map follows the source's clock instead, which is
at most one frame off."""

JUMP_FRAMES = Fraction(1, 1024)
"""Timeline frames before a frame at which the source jumps to its next position. No frame is shown in between."""


@dataclass(frozen=True, slots=True)
class LinearClock:
    """A constant speed: source frame `position` on the first timeline frame, and `step` source frames more on each after it."""

    position: Fraction
    step: Fraction


@dataclass(frozen=True, slots=True)
class RetimingKey:
    """A retiming key.

    Attributes:
        frame: frame of the content before retiming.
        position: part of the content shown there, from 0 (start) to 1 (end).
        is_transition: whether the speed changes gradually from here to the next key.
    """

    frame: float
    position: float
    is_transition: bool = False


@dataclass(frozen=True, slots=True)
class StripTiming:
    """The way a strip plays its content.

    Attributes:
        start: timeline frame on which the content begins.
        timeline_frames: its length in timeline frames.
        content_frames: its length in source frames.
        trim_start: source frames before the content.
        rate_factor: (rate of the source, rate of the scene) as Blender's floats; None if one source frame plays per timeline frame.
        exact_factor: the same ratio as a fraction.
        is_reversed: whether the content plays backwards.
        strobe: only every `strobe`-th frame is shown; 1 shows all.
        caches_source_frames: whether Blender caches shown frames by the integer part of their position, as from 5.0 on. A cached frame
            is then shown again for every position with the same integer, without rounding.
        retiming_keys: its retiming keys, none with a transition; empty if it is not retimed.
        last_key_at_end: whether the last key is at the end of the last frame, not on it.
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
        """Return the position in the content, in source frames, on each of these timeline frames."""
        import numpy as np  # noqa: PLC0415 - imported only when a strip is read

        start = np.float32(self.start)
        end = np.float32(start + np.float32(self.timeline_frames)) - np.float32(1)
        # The order of operations is Blender's. `end` is the last frame itself, so 1 is subtracted.
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
        """Return the part of the content (0 to 1) that is shown at positions before retiming (`strip_retiming.cc`)."""
        import numpy as np  # noqa: PLC0415

        frames = np.array([key.frame for key in self.retiming_keys])
        key_positions = np.array([key.position for key in self.retiming_keys], np.float32)
        steps = (np.diff(key_positions).astype(np.float64) / np.diff(frames)).astype(np.float32)
        since = np.clip(np.searchsorted(frames, positions.astype(np.float64), side="right") - 1, 0, len(steps) - 1)
        # `since` is the key before each position; after the last key the last segment continues.
        beyond = (positions - frames[since]).astype(np.float32)
        part: FloatArray = key_positions[since] + steps[since] * beyond
        return np.minimum(part, np.float32(1))

    def source_frames(self, timeline: FloatArray) -> IntArray:
        """Return the source frame on each of these timeline frames, which are shown in this order."""
        import numpy as np  # noqa: PLC0415

        found: IntArray = (
            np.floor(self.content_positions(timeline) + np.float32(0.5)).astype(np.int64) + self.trim_start
        )
        if self.caches_source_frames:
            # The first frame with a given integer part was rounded and cached; all others with the same one show it again.
            kept = np.trunc(self.content_positions(np.floor(timeline + np.float32(0.5)))).astype(np.int64)
            _, first, which = np.unique(kept, return_index=True, return_inverse=True)
            found = found[first][which]
        return found

    def linear_clock(self, first: int) -> LinearClock | None:
        """Return the constant speed of the source from a timeline frame on; None if the strip is strobed or retimed."""
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
    """A stretch of constant speed: from timeline frame `start` to before `end`, from source frame `position`, `step` per frame."""

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
    """Return the time map that shows exactly these source frames.

    While the source plays at constant speed, the map follows it with sub-frame precision; elsewhere it steps from frame to frame.

    Args:
        first: first timeline frame.
        source_frames: the source frame on it and on each frame after it.
        clock: the constant speed of the source; None if it has none.
        frame_seconds: duration of a source frame in seconds.
        is_continuous: without a clock, whether the source plays on between frames instead of holding each.
    """
    points: list[tuple[Fraction, Fraction]] = []
    before: _LinearSegment | None = None
    for part in _linear_segments(source_frames, clock, is_continuous=is_continuous):
        at = Fraction(first + part.start)
        # Where two segments do not join, the map jumps shortly before the frame, so that no interpolation between them is shown.
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
    # Rounded as integers, without any float: 2 * position + 1 over 2 is rounding half up.
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
    """Yield segments that step from frame to frame; a segment ends where the step changes.

    A source frame that Blender skips (because of its cache) falls between two timeline frames of the map and is not lost.
    """
    ends = [*(place + 1 for place, turn in enumerate(turns) if turn), len(source_frames)]
    for first, until in pairwise([0, *ends]):
        yield _LinearSegment(
            begin + first, begin + until, Fraction(int(source_frames[first])), Fraction(int(steps[first]))
        )
