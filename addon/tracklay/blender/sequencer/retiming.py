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

    Floats = npt.NDArray[np.float32]
    Whole = npt.NDArray[np.int64]

MOST_POINTS = 20_000
"""Of a map: minutes of a source that is slower than its timeline, frame by frame. Beyond, its own clock must do: a frame off at most."""

INSTANT = Fraction(1, 1024)
"""Timeline frames: how long before a frame the source jumps to where it is on it. No frame is shown in between."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where the source is by its own clock: `at` source frames on the first timeline frame, `step` more on each after it."""

    at: Fraction
    step: Fraction


@dataclass(frozen=True, slots=True)
class Key:
    """A retiming key: on frame `frame` of the content as it was, `place` of it is shown, from 0, its start, to 1, its end.

    `eases` says that from here to the next key the speed goes from one to another.
    """

    frame: float
    place: float
    eases: bool = False


@dataclass(frozen=True, slots=True)
class Plays:
    """How a strip plays its content.

    Args:
        start: the timeline frame on which the content begins.
        length: how many timeline frames it lasts.
        frames: how many frames of its own it has.
        trimmed: how many frames of the source come before it.
        factor: its own frames a timeline frame: (float of its rate, float of the scene's), None where it is one for one.
        exact: the same as a fraction.
        backwards: whether it plays so.
        strobe: only each so manyth frame is shown; 1 shows all.
        remembers: whether Blender keeps frames that it has shown by the whole part of their place, as it does from 5.0 on: it then
            shows them again wherever that part is the same, and does not round.
        keys: its retiming keys, none of which eases; none where it is not retimed.
        to_end: whether the last key stands at the end of the last frame, and not on it.
    """

    start: float
    length: int
    frames: int
    trimmed: int = 0
    factor: tuple[float, float] | None = None
    exact: Fraction = Fraction(1)
    backwards: bool = False
    strobe: float = 1.0
    remembers: bool = False
    keys: tuple[Key, ...] = ()
    to_end: bool = False

    def index(self, timeline: Floats) -> Floats:
        """The place in its content, in frames of its own, on each of these timeline frames."""
        import numpy as np  # noqa: PLC0415 - only where something is read

        start = np.float32(self.start)
        end = np.float32(start + np.float32(self.length)) - np.float32(1)
        found: Floats = np.maximum((end - timeline) if self.backwards else (timeline - start), np.float32(0))
        if self.factor is not None:
            found = found * (np.float32(self.factor[0]) / np.float32(self.factor[1]))
        if self.keys:
            found = self._retimed(found) * np.float32(self.frames if self.to_end else self.frames - 1)
        found = np.clip(found, np.float32(0), np.float32(self.frames - 1))
        if self.strobe > 1:
            found = found - np.fmod(found.astype(np.float64), float(np.float32(self.strobe))).astype(np.float32)
        return found.astype(np.float32)

    def _retimed(self, found: Floats) -> Floats:
        """Which part of the content is shown where it would be so many frames from its start (`strip_retiming.cc`)."""
        import numpy as np  # noqa: PLC0415

        frames = np.array([key.frame for key in self.keys])
        places = np.array([key.place for key in self.keys], np.float32)
        steps = (np.diff(places).astype(np.float64) / np.diff(frames)).astype(np.float32)
        since = np.clip(np.searchsorted(frames, found.astype(np.float64), side="right") - 1, 0, len(steps) - 1)
        beyond = (found - frames[since]).astype(np.float32)
        part: Floats = places[since] + steps[since] * beyond
        return np.minimum(part, np.float32(1))

    def numbers(self, timeline: Floats) -> Whole:
        """The number of the source's frame on each of these timeline frames, which are shown one after the other."""
        import numpy as np  # noqa: PLC0415

        found: Whole = np.floor(self.index(timeline) + np.float32(0.5)).astype(np.int64) + self.trimmed
        if self.remembers:
            kept = np.trunc(self.index(np.floor(timeline + np.float32(0.5)))).astype(np.int64)
            _, first, which = np.unique(kept, return_index=True, return_inverse=True)
            found = found[first][which]
        return found

    def line(self, first: int) -> Line | None:
        """Where the source is by its own clock from a timeline frame on; None where it stops and goes, or is retimed."""
        if self.strobe > 1 or self.keys:
            return None
        start = Fraction(self.start)
        if self.backwards:
            return Line((start + self.length - 1 - first) * self.exact + self.trimmed, -self.exact)
        return Line((first - start) * self.exact + self.trimmed, self.exact)


@dataclass(frozen=True, slots=True)
class _Part:
    """From timeline frame `start` to `end` the source runs evenly, from frame `at` on, `step` frames a timeline frame."""

    start: int
    end: int
    at: Fraction
    step: Fraction


def time_map(first: int, numbers: Whole, line: Line | None, seconds: Fraction, *, runs: bool = False) -> TimeMap:
    """The map by which just these source frames are on screen.

    Where the source runs as its own clock does, the map does too, with the times between frames; everywhere else it goes from
    frame to frame.

    Args:
        first: the first timeline frame.
        numbers: the source frame on it and on each after it.
        line: the source's own clock, where there is one.
        seconds: how long a source frame is.
        runs: where there is none, whether the source runs on from frame to frame all the same, and each is not held.
    """
    points: list[tuple[Fraction, Fraction]] = []
    before: _Part | None = None
    for part in _parts(numbers, line, runs=runs):
        at = Fraction(first + part.start)
        if before is not None and before.at + before.step * (before.end - before.start) != part.at:
            until = before.end - before.start - INSTANT
            points.append((at - INSTANT, (before.at + before.step * until) * seconds))
        points.append((at, part.at * seconds))
        before = part
    if before is not None:
        end = before.at + before.step * (before.end - before.start)
        points.append((Fraction(first + before.end), end * seconds))
    if len(points) > MOST_POINTS and line is not None:
        ends = ((Fraction(0), line.at), (Fraction(len(numbers)), line.at + line.step * len(numbers)))
        return TimeMap(tuple((first + frame, at * seconds) for frame, at in ends))
    return TimeMap(tuple(points))


def _parts(numbers: Whole, line: Line | None, *, runs: bool) -> Iterator[_Part]:
    import numpy as np  # noqa: PLC0415

    steps = np.diff(numbers, append=numbers[-1:])
    if line is None and runs:
        yield from _steps(numbers, steps, 0, np.diff(steps) != 0)
        return
    if line is None:
        yield from _steps(numbers, np.zeros(len(numbers), np.int64), 0, np.diff(numbers) != 0)
        return
    whole = math.lcm(line.at.denominator, line.step.denominator)
    at, step = int(line.at * whole), int(line.step * whole)
    on_it = (2 * (at + step * np.arange(len(numbers), dtype=np.int64)) + whole) // (2 * whole) == numbers
    turns = [0, *(int(turn) + 1 for turn in np.flatnonzero(np.diff(on_it))), len(numbers)]
    for begin, end in pairwise(turns):
        if on_it[begin]:
            yield _Part(begin, end, line.at + line.step * begin, line.step)
        else:
            yield from _steps(numbers[begin:end], steps[begin:end], begin, np.diff(steps[begin:end]) != 0)


def _steps(numbers: Whole, steps: Whole, begin: int, turns: npt.NDArray[np.bool_]) -> Iterator[_Part]:
    """From frame to frame, by so many frames each time; a part ends at each turn.

    A source frame that is passed over, as Blender does where it remembers, comes between the timeline's frames, and is not lost.
    """
    ends = [*(place + 1 for place, turn in enumerate(turns) if turn), len(numbers)]
    for first, until in pairwise([0, *ends]):
        yield _Part(begin + first, begin + until, Fraction(int(numbers[first])), Fraction(int(steps[first])))
