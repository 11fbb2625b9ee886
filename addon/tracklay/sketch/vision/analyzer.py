"""Motion analysis of low-resolution luma: finds impacts and fast movement, and measures the speed on every frame.

One pass over the frames, through these modules:

    decoder frames        luma, 160 pixels wide, with the frames' times (the caller's work)
      cadence             drops repeated frames (24 fps film on faster frames) and restores even times
      camera_motion       transform of each frame to the first frame of its shot; detects cuts
      background          aligns frames, subtracts the median of nine: foreground probability of each pixel
        blobs             connected foreground patches
        tracker           blobs followed from frame to frame: tracks
      velocity_breaks     abrupt velocity changes in a finished track
      motion_windows      what moved in each part of the picture between two frames, from `dense_flow`, a dozen intervals at a time
        motion_losses     contacts: motion that is lost at once
        motion_starts     motion that begins at once
      event_detector      tracks, losses and starts to events: impacts, whooshes; speed and position on every frame
    events                the result, input of `tracklay.sketch.foley`

`image_ops` holds the kernels they share. The median needs frames from half a second ahead, so each frame is analysed half a
second late. About a second of frames is held, whatever the clip's length.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from .background import MEDIAN_FRAMES, MEDIAN_HALF_WINDOW_SECONDS, MEDIAN_STEP_SECONDS, AnalysisFrame, BackgroundModel
from .cadence import distinct_frames
from .camera_motion import CameraTracker
from .event_detector import EventDetector
from .events import MotionAnalysis
from .image_ops import Luma, smooth_image
from .motion_losses import LossDetector
from .motion_starts import StartDetector
from .motion_windows import MotionWindows, WindowRow
from .tracker import BlobTracker

LUMA_WIDTH = 160
"""Width in pixels of the frames for `analyze_motion`; their height follows the picture's shape."""
MIN_FRAME_SECONDS = 0.024
"""Frames that follow sooner are skipped, 60 fps becomes 30: the break of a path is interpolated between frames anyway."""
BUSY_FRAMES, BUSY_SECONDS = 8, 0.15
"""After this number of frames on which nothing could be tracked (water, leaves, a hand that fills the picture), tracking is
tried again at this interval only."""


def analyze_motion(frames: Iterable[Luma], times: Iterable[Fraction]) -> MotionAnalysis:
    """Return the events of a clip, and its motion on every frame.

    Args:
        frames: the luma pictures, each (height, `LUMA_WIDTH`) uint8, all of one shape; read once, in order.
        times: the frames' own times in seconds from the first, increasing; one for each frame.

    Returns:
        Events on frame times, and the speed and position of the fastest object on every frame.

    Raises:
        ValueError: the number of frames differs from the number of times.
    """
    camera = CameraTracker()
    shot: _ShotAnalysis | None = None
    detector: EventDetector | None = None
    frame_times: list[Fraction] = []
    analyzed_frames: list[int] = []
    last_time = -MIN_FRAME_SECONDS
    for source_frame in distinct_frames(_record_times(frames, times, frame_times)):
        luma, time, number = source_frame.luma, source_frame.time, source_frame.number
        if time - last_time < MIN_FRAME_SECONDS:
            continue
        last_time = time
        analyzed_frames.append(number)
        smoothed = smooth_image(luma)
        transform, is_cut = camera.add(smoothed, time)
        shape = (luma.shape[0], luma.shape[1])
        if detector is None:
            detector = EventDetector(shape)
        if shot is None or is_cut:
            if shot is not None:
                shot.finish()
            shot = _ShotAnalysis(shape, time, detector)
        shot.add(AnalysisFrame(number, luma, smoothed, time, transform))
    if shot is None or detector is None:
        return MotionAnalysis((), (), np.zeros(0, np.float32), np.zeros(0, np.float32))
    shot.finish()
    return detector.result(tuple(frame_times), np.array(analyzed_frames, np.intp))


def _record_times(
    frames: Iterable[Luma], times: Iterable[Fraction], frame_times: list[Fraction]
) -> Iterator[tuple[Luma, float]]:
    """Yield each frame with its time, and append the exact time to `frame_times`."""
    for luma, time in zip(frames, times, strict=True):
        frame_times.append(time)
        yield luma, float(time)


class _ShotAnalysis:
    """The analysis of one shot: a frame is analysed half a second after it was added. What was found goes to the event detector."""

    def __init__(self, shape: tuple[int, int], start_time: float, detector: EventDetector) -> None:
        self._detector = detector
        self._background = BackgroundModel(shape)
        self._tracker = BlobTracker(shape)
        self._motion_windows = MotionWindows(self._background)
        self._loss_detector, self._start_detector = LossDetector(shape), StartDetector(shape)
        self._frames: deque[AnalysisFrame] = deque()
        self._start_time = start_time
        self._busy_until = start_time
        self._next_index = 0  # of the first frame in `_frames` that is not analysed yet

    def add(self, frame: AnalysisFrame) -> None:
        """Add a frame, and analyse those whose half second ahead is complete."""
        self._frames.append(frame)
        # Frames of the first half second share its window, whose end is one whole window after the shot's start.
        while (
            frame.time
            >= max(self._frames[self._next_index].time, self._start_time + MEDIAN_HALF_WINDOW_SECONDS)
            + MEDIAN_HALF_WINDOW_SECONDS
        ):
            self._analyze_next(frame.time)

    def finish(self) -> None:
        """Analyse the remaining frames, and end all tracks."""
        while self._next_index < len(self._frames):
            self._analyze_next(self._frames[-1].time)
        for track in self._tracker.tracks:
            self._detector.add_track(track)
        self._detect(self._motion_windows.take_rows(all_rows=True))
        for loss in self._loss_detector.finish():
            self._detector.add_loss(loss)
        for start in self._start_detector.finish():
            self._detector.add_start(start)

    def _analyze_next(self, newest_time: float) -> None:
        """Analyse the next frame with the background from around it; near an end of the shot from the last second there."""
        frame = self._frames[self._next_index]
        neighbours = self._median_frames(frame, newest_time)
        canvas_motion = self._background.recenter(frame.transform)
        if canvas_motion is not None:
            self._tracker.recenter(canvas_motion)
        is_still = self._motion_windows.add(frame)
        self._detect(self._motion_windows.take_rows())
        if self._tracker.tracks or not (is_still or frame.time < self._busy_until):
            self._track(frame, neighbours)
        self._next_index += 1
        # Frames older than any later median needs are dropped, but the last analysed one stays: at a low frame rate it may be
        # the nearest to a wanted time.
        while self._next_index > 1 and self._frames[0].time < newest_time - 2 * (
            MEDIAN_HALF_WINDOW_SECONDS + MEDIAN_STEP_SECONDS
        ):
            self._frames.popleft()
            self._next_index -= 1

    def _detect(self, rows: Sequence[WindowRow]) -> None:
        """Look for losses of motion and starts in the next intervals."""
        for row in rows:
            self._loss_detector.add(row)
            self._start_detector.add(row)

    def _track(self, frame: AnalysisFrame, neighbours: list[AnalysisFrame]) -> None:
        """Track the objects of a frame."""
        followed = self._tracker.followed_regions(frame.time)
        probability = self._background.estimate_foreground(frame, neighbours, followed)
        aligned, canvas_transform = self._background.align(frame), self._background.canvas_transform
        for track in self._tracker.add(
            frame.number, frame.time, probability, aligned, canvas_transform, frame.transform
        ):
            self._detector.add_track(track)
        if self._tracker.busy_frames >= BUSY_FRAMES:
            self._busy_until = frame.time + BUSY_SECONDS

    def _median_frames(self, frame: AnalysisFrame, newest_time: float) -> list[AnalysisFrame]:
        """Return the frames of the median: those nearest to nine evenly spaced times around the frame, within the shot."""
        middle = max(frame.time, self._start_time + MEDIAN_HALF_WINDOW_SECONDS)
        middle = min(middle, newest_time - MEDIAN_HALF_WINDOW_SECONDS)
        held_times = [other.time for other in self._frames]
        neighbours = []
        for k in range(MEDIAN_FRAMES):
            wanted = middle + MEDIAN_STEP_SECONDS * (k - MEDIAN_FRAMES // 2)
            after = min(bisect_left(held_times, wanted), len(held_times) - 1)
            before_is_nearer = after > 0 and wanted <= (held_times[after - 1] + held_times[after]) / 2
            neighbours.append(self._frames[after - before_is_nearer])
        return neighbours
