"""The eye of the sketch engine: finds in low-resolution luma where things strike, where they rush past, and how fast all moves.

One pass over the frames: those shown again are left out (`_film`), the camera's motion is taken out (`_camera`), what moves is told
from the ground (`_background`) and followed (`_tracker`), and its path searched for breaks (`_jolts`, `_detector`); what is too fast to be
followed is caught where its motion ends (`_stop_detector`). About a second of frames is held at a time, whatever the length.
Decoding is the caller's; what the events sound like is `foley`'s.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from .background import MEDIAN_FRAMES, MEDIAN_HALF_WINDOW_SECONDS, MEDIAN_STEP_SECONDS, AnalysisFrame, BackgroundModel
from .cadence import distinct_frames
from .camera_motion import CameraTracker
from .event_detector import EventDetector
from .events import MotionAnalysis
from .image_ops import Luma, smooth_image
from .motion_stops import StopDetector
from .tracker import BlobTracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction

LUMA_WIDTH = 160
"""Pixels across of the frames that `analyze_motion` wants; their height follows the picture's shape."""
MIN_FRAME_SECONDS = 0.024
"""Frames that follow faster are passed over: the paths of things tell between frames when they broke."""


def analyze_motion(frames: Iterable[Luma], times: Iterable[Fraction]) -> MotionAnalysis:
    """What is seen in a picture.

    Args:
        frames: the luma pictures, each (height, `LUMA_WIDTH`) uint8, all of one shape; read once, in order.
        times: the frames' own times in seconds from the first, growing; one for each frame.

    Returns:
        Events on frame times, and the speed and place of the fastest thing on every frame.

    Raises:
        ValueError: there are more frames than times, or fewer.
    """
    steadier = CameraTracker()
    shot: _ShotAnalysis | None = None
    notes: EventDetector | None = None
    clock: list[Fraction] = []
    looked: list[int] = []
    latest = -MIN_FRAME_SECONDS
    for exposure in distinct_frames(_record_times(frames, times, clock)):
        luma, now, number = exposure.luma, exposure.time, exposure.number
        if now - latest < MIN_FRAME_SECONDS:
            continue
        latest = now
        looked.append(number)
        picture = smooth_image(luma)
        view, cut = steadier.add(picture, now)
        shape = (luma.shape[0], luma.shape[1])
        if notes is None:
            notes = EventDetector(shape)
        if shot is None or cut:
            if shot is not None:
                shot.finish()
            shot = _ShotAnalysis(shape, now, notes)
        shot.add(AnalysisFrame(number, luma, picture, now, view))
    if shot is None or notes is None:
        return MotionAnalysis((), (), np.zeros(0, np.float32), np.zeros(0, np.float32))
    shot.finish()
    return notes.result(tuple(clock), np.array(looked, np.intp))


def _record_times(
    frames: Iterable[Luma], times: Iterable[Fraction], frame_times: list[Fraction]
) -> Iterator[tuple[Luma, float]]:
    """Each frame with its time, which is put down in `frame_times`."""
    for luma, time in zip(frames, times, strict=True):
        frame_times.append(time)
        yield luma, float(time)


class _ShotAnalysis:
    """The work on one shot: frames go in, and half a second later what was seen of them goes into the notes."""

    def __init__(self, shape: tuple[int, int], start_time: float, detector: EventDetector) -> None:
        self._detector = detector
        self._background = BackgroundModel(shape)
        self._tracker = BlobTracker(shape)
        self._stop_detector = StopDetector(self._background)
        self._frames: deque[AnalysisFrame] = deque()
        self._start_time = start_time
        self._next_index = 0  # the first of `_frames` that has not been looked at

    def add(self, frame: AnalysisFrame) -> None:
        """Take a frame in and look at those whose half second ahead is there."""
        self._frames.append(frame)
        while (
            frame.time
            >= max(self._frames[self._next_index].time, self._start_time + MEDIAN_HALF_WINDOW_SECONDS)
            + MEDIAN_HALF_WINDOW_SECONDS
        ):
            self._analyze_next(frame.time)

    def finish(self) -> None:
        """Look at all that is left."""
        while self._next_index < len(self._frames):
            self._analyze_next(self._frames[-1].time)
        for track in self._tracker.tracks:
            self._detector.add_track(track)

    def _analyze_next(self, newest_time: float) -> None:
        """Look at the next frame, with the ground from about it or, near an end of the shot, from that end's second."""
        frame = self._frames[self._next_index]
        latest = max(frame.time - MEDIAN_HALF_WINDOW_SECONDS, newest_time - MEDIAN_HALF_WINDOW_SECONDS)
        middle = min(max(frame.time, self._start_time + MEDIAN_HALF_WINDOW_SECONDS), latest)
        held = [other.time for other in self._frames]
        around = []
        for k in range(MEDIAN_FRAMES):
            wanted = middle + MEDIAN_STEP_SECONDS * (k - MEDIAN_FRAMES // 2)
            after = min(bisect_left(held, wanted), len(held) - 1)
            nearer = after > 0 and wanted <= (held[after - 1] + held[after]) / 2
            around.append(self._frames[after - nearer])
        way = self._background.recenter(frame.transform)
        if way is not None:
            self._tracker.recenter(way)
        keep = self._tracker.followed_regions(frame.time)
        sure = self._background.estimate_foreground(frame, around, keep)
        laid, canvas = self._background.align(frame), self._background.canvas_transform
        for track in self._tracker.add(frame.number, frame.time, sure, laid, canvas, frame.transform):
            self._detector.add_track(track)
        for stop in self._stop_detector.add(frame):
            self._detector.add_stop(stop)
        self._next_index += 1
        while self._next_index > 1 and self._frames[0].time < newest_time - 2 * (
            MEDIAN_HALF_WINDOW_SECONDS + MEDIAN_STEP_SECONDS
        ):
            self._frames.popleft()
            self._next_index -= 1
