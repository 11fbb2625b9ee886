"""The eye of the sketch engine: finds in low-resolution luma where things strike, where they rush past, and how fast all moves.

One pass over the frames: those shown again are left out (`_film`), the camera's motion is taken out (`_camera`), what moves is told
from the ground (`_ground`) and followed (`_things`), and its path searched for breaks (`_jolts`, `_notes`); what is too fast to be
followed is caught where its motion ends (`_stops`). About a second of frames is held at a time, whatever the length.
Decoding is the caller's; what the events sound like is `foley`'s.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from .background import MEDIAN_OF, REACH_SECONDS, SPREAD_SECONDS, Frame, Ground
from .cadence import exposures
from .camera_motion import Luma, Steadier, smooth
from .event_detector import Notes
from .events import Sight
from .motion_stops import Stops
from .tracker import Things

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction

LUMA_WIDTH = 160
"""Pixels across of the frames that `watch` wants; their height follows the picture's shape."""
STEP_SECONDS = 0.024
"""Frames that follow faster are passed over: the paths of things tell between frames when they broke."""


def watch(frames: Iterable[Luma], times: Iterable[Fraction]) -> Sight:
    """What is seen in a picture.

    Args:
        frames: the luma pictures, each (height, `LUMA_WIDTH`) uint8, all of one shape; read once, in order.
        times: the frames' own times in seconds from the first, growing; one for each frame.

    Returns:
        Events on frame times, and the speed and place of the fastest thing on every frame.

    Raises:
        ValueError: there are more frames than times, or fewer.
    """
    steadier = Steadier()
    shot: _Shot | None = None
    notes: Notes | None = None
    clock: list[Fraction] = []
    looked: list[int] = []
    latest = -STEP_SECONDS
    for exposure in exposures(_timed(frames, times, clock)):
        luma, now, number = exposure.luma, exposure.time, exposure.number
        if now - latest < STEP_SECONDS:
            continue
        latest = now
        looked.append(number)
        picture = smooth(luma)
        view, cut = steadier.add(picture, now)
        shape = (luma.shape[0], luma.shape[1])
        if notes is None:
            notes = Notes(shape)
        if shot is None or cut:
            if shot is not None:
                shot.end()
            shot = _Shot(shape, now, notes)
        shot.add(Frame(number, luma, picture, now, view))
    if shot is None or notes is None:
        return Sight((), (), np.zeros(0, np.float32), np.zeros(0, np.float32))
    shot.end()
    return notes.sight(tuple(clock), np.array(looked, np.intp))


def _timed(frames: Iterable[Luma], times: Iterable[Fraction], clock: list[Fraction]) -> Iterator[tuple[Luma, float]]:
    """Each frame with its time, which is put down in `clock`."""
    for luma, time in zip(frames, times, strict=True):
        clock.append(time)
        yield luma, float(time)


class _Shot:
    """The work on one shot: frames go in, and half a second later what was seen of them goes into the notes."""

    def __init__(self, shape: tuple[int, int], time: float, notes: Notes) -> None:
        self._notes = notes
        self._ground = Ground(shape)
        self._things = Things(shape)
        self._stops = Stops(self._ground)
        self._held: deque[Frame] = deque()
        self._first = time
        self._next = 0  # the first of `_held` that has not been looked at

    def add(self, frame: Frame) -> None:
        """Take a frame in and look at those whose half second ahead is there."""
        self._held.append(frame)
        while frame.time >= max(self._held[self._next].time, self._first + REACH_SECONDS) + REACH_SECONDS:
            self._look(frame.time)

    def end(self) -> None:
        """Look at all that is left."""
        while self._next < len(self._held):
            self._look(self._held[-1].time)
        for track in self._things.tracks:
            self._notes.read(track)

    def _look(self, newest: float) -> None:
        """Look at the next frame, with the ground from about it or, near an end of the shot, from that end's second."""
        frame = self._held[self._next]
        latest = max(frame.time - REACH_SECONDS, newest - REACH_SECONDS)
        middle = min(max(frame.time, self._first + REACH_SECONDS), latest)
        held = [other.time for other in self._held]
        around = []
        for k in range(MEDIAN_OF):
            wanted = middle + SPREAD_SECONDS * (k - MEDIAN_OF // 2)
            after = min(bisect_left(held, wanted), len(held) - 1)
            nearer = after > 0 and wanted <= (held[after - 1] + held[after]) / 2
            around.append(self._held[after - nearer])
        way = self._ground.follow(frame.view)
        if way is not None:
            self._things.recanvas(way)
        keep = self._things.regions(frame.time)
        sure = self._ground.motion(frame, around, keep)
        laid, canvas = self._ground.lay(frame), self._ground.canvas
        for track in self._things.add(frame.number, frame.time, sure, laid, canvas, frame.view):
            self._notes.read(track)
        for stop in self._stops.add(frame):
            self._notes.stopped(stop)
        self._next += 1
        while self._next > 1 and self._held[0].time < newest - 2 * (REACH_SECONDS + SPREAD_SECONDS):
            self._held.popleft()
            self._next -= 1
