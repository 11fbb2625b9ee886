"""Motion analysis of low-resolution luma: finds impacts and fast movement, and measures the speed on every frame.

One pass over the frames, through these modules:

    decoder frames        luma, 160 pixels wide, with the frames' times (the caller's work); of more than 42 a second every second one
      cadence             drops repeated frames (24 fps film on faster frames) and restores even times
      camera_motion       transform of each frame to the first frame of its shot; detects cuts
        standstill        its least squares; the frames in which a camera that stands still has not moved, a dozen at a time
      background          aligns frames, subtracts the median of nine: foreground probability of each pixel
        blobs             connected foreground patches
        tracker           blobs followed from frame to frame: tracks
      velocity_breaks     abrupt velocity changes in a finished track
      motion_windows      what moved in each part of the picture between two frames, from `dense_flow`, a dozen intervals at a time
        motion_losses     contacts: motion that is lost at once
          contact_timing  when a contact was, between two frames
        motion_starts     motion that begins at once
      event_detector      tracks, losses and starts to events: impacts, whooshes; speed and position on every frame
    events                the result, input of `tracklay.sketch.foley`

`image_ops` holds the kernels they share. The median needs frames from half a second ahead, so each frame is analysed half a
second late, eight at a time. About two seconds of frames are held, whatever the clip's length.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice, pairwise, takewhile

import numpy as np

from .background import MEDIAN_FRAMES, MEDIAN_HALF_WINDOW_SECONDS, MEDIAN_STEP_SECONDS, AnalysisFrame, BackgroundModel
from .cadence import SourceFrame, distinct_frames
from .camera_motion import CameraTracker
from .event_detector import EventDetector
from .events import MotionAnalysis
from .image_ops import Luma, smooth_image
from .motion_losses import LossDetector
from .motion_starts import StartDetector
from .motion_windows import MotionWindows, WindowRow
from .tracker import BlobTracker, Track

LUMA_WIDTH = 160
"""Width in pixels of the frames for `analyze_motion`; their height follows the picture's shape."""
MIN_FRAME_SECONDS = 0.024
"""Frames that follow sooner are skipped, 60 fps becomes 30: contacts are interpolated between frames anyway."""
CAMERA_BATCH_FRAMES = 12
"""Frames over which a camera that stands still is examined together."""
RUN_FRAMES = 8
"""Frames that are compared at a time: a call to numpy costs more than the arithmetic of so small a picture."""
FRUITLESS_FRAMES, FRUITLESS_FRAMES_AGAIN = 10, 5
PAUSE_SECONDS, PAUSE_SECONDS_AGAIN = 0.3, 0.6
"""After the first number of frames without anything like a solid object (water, leaves, an arm, a hand that fills the picture), tracking
pauses for the first time in seconds. The second number and the second time count for further attempts, until a solid object is seen."""


def choose_frame_step(times: Sequence[Fraction]) -> int:
    """Return n if the analysis needs every n-th frame of a clip only, the first included; 1 where some frames are not too close.

    It is a power of two: of a clip that shows every frame twice, every third one would be unevenly spaced.

    Args:
        times: the times of all frames in seconds, increasing.
    """
    seconds, step = [float(time) for time in times], 1
    while step < len(seconds) and all(
        after - before < MIN_FRAME_SECONDS for before, after in pairwise(seconds[::step])
    ):
        step *= 2
    return step


def analyze_motion(frames: Iterable[Luma], times: Iterable[Fraction], frame_step: int = 1) -> MotionAnalysis:
    """Return the events of a clip, and its motion on every frame.

    Args:
        frames: the luma pictures, each (height, `LUMA_WIDTH`) uint8, all of one shape; read once, in order.
        times: the times of all frames of the clip in seconds from the first, increasing.
        frame_step: 2 if `frames` has only every second of them, and so on; see `choose_frame_step`.

    Returns:
        Events on frame times, and the speed and position of the fastest object on every frame.

    Raises:
        ValueError: the number of frames differs from that of their times.
    """
    frame_times = tuple(times)
    camera = CameraTracker()
    shot: _ShotAnalysis | None = None
    detector: EventDetector | None = None
    analyzed_frames: list[int] = []
    step = choose_frame_step(frame_times[::frame_step])
    needed = zip(islice(frames, None, None, step), map(float, frame_times[:: step * frame_step]), strict=True)
    for batch in _batches(_skip_close_frames(distinct_frames(needed))):
        pictures = [smooth_image(source_frame.luma) for source_frame in batch]
        motions = camera.add_all(pictures, [source_frame.time for source_frame in batch])
        for source_frame, smoothed, (transform, is_cut) in zip(batch, pictures, motions, strict=True):
            luma, time = source_frame.luma, source_frame.time
            analyzed_frames.append(source_frame.number * step * frame_step)
            shape = (luma.shape[0], luma.shape[1])
            if detector is None:
                detector = EventDetector(shape)
            if shot is None or is_cut:
                if shot is not None:
                    shot.finish()
                shot = _ShotAnalysis(shape, time, detector)
            shot.add(AnalysisFrame(analyzed_frames[-1], luma, smoothed, time, transform))
    if shot is None or detector is None:
        return MotionAnalysis((), (), np.zeros(0, np.float32), np.zeros(0, np.float32))
    shot.finish()
    return detector.result(frame_times, np.array(analyzed_frames, np.intp))


def _skip_close_frames(frames: Iterable[SourceFrame]) -> Iterator[SourceFrame]:
    """Yield the frames that follow the last one yielded by at least `MIN_FRAME_SECONDS`: of uneven ones."""
    last_time = -math.inf
    for frame in frames:
        if frame.time - last_time >= MIN_FRAME_SECONDS:
            last_time = frame.time
            yield frame


def _batches(frames: Iterator[SourceFrame]) -> Iterator[list[SourceFrame]]:
    """Yield the frames in lists of at most `CAMERA_BATCH_FRAMES`."""
    while batch := list(islice(frames, CAMERA_BATCH_FRAMES)):
        yield batch


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
        self._pause_until, self._has_paused = start_time, False
        self._next_index = 0  # of the first frame in `_frames` that is not analysed yet

    def add(self, frame: AnalysisFrame) -> None:
        """Add a frame, and analyse those whose half second ahead is complete, `RUN_FRAMES` at a time."""
        self._frames.append(frame)
        # Frames of the first half second share its window, whose end is one whole window after the shot's start.
        last = (
            self._frames[self._next_index + RUN_FRAMES - 1]
            if len(self._frames) - self._next_index >= RUN_FRAMES
            else None
        )
        if last is not None and (
            frame.time >= max(last.time, self._start_time + MEDIAN_HALF_WINDOW_SECONDS) + MEDIAN_HALF_WINDOW_SECONDS
        ):
            self._analyze_next(RUN_FRAMES, frame.time)

    def finish(self) -> None:
        """Analyse the remaining frames, and end all tracks."""
        while remaining := len(self._frames) - self._next_index:
            self._analyze_next(min(remaining, RUN_FRAMES), self._frames[-1].time)
        for track in self._tracker.tracks:
            self._add_track(track)
        self._detect(self._motion_windows.take_rows(all_rows=True))
        for loss in self._loss_detector.finish():
            self._detector.add_loss(loss)
        for start in self._start_detector.finish():
            self._detector.add_start(start)

    def _analyze_next(self, count: int, newest_time: float) -> None:
        """Analyse the next `count` frames, those of one canvas together."""
        frames = [self._frames[k] for k in range(self._next_index, self._next_index + count)]
        while frames:
            canvas_motion = self._background.recenter(frames[0].transform)
            if canvas_motion is not None:
                self._tracker.recenter(canvas_motion)
            run = [frames[0], *takewhile(lambda frame: self._background.covers(frame.transform), frames[1:])]
            frames = frames[len(run) :]
            for frame, is_still in zip(run, self._motion_windows.add(run), strict=True):
                if self._tracker.tracks or not (is_still or frame.time < self._pause_until):
                    self._track(frame, self._median_frames(frame, newest_time))
                self._next_index += 1
        self._detect(self._motion_windows.take_rows())
        # Frames older than any later median needs are dropped, but the last analysed one stays: at a low frame rate it may be
        # the nearest to a wanted time. Near an end of the shot the median is of the last second there.
        oldest = min(frame.time - MEDIAN_HALF_WINDOW_SECONDS, newest_time - 2 * MEDIAN_HALF_WINDOW_SECONDS)
        while self._next_index > 1 and self._frames[0].time < oldest - 2 * MEDIAN_STEP_SECONDS:
            self._frames.popleft()
            self._next_index -= 1

    def _detect(self, rows: Sequence[WindowRow]) -> None:
        """Look for losses of motion and starts in the next intervals."""
        self._start_detector.add(rows)
        for row in rows:
            self._loss_detector.add(row)

    def _track(self, frame: AnalysisFrame, neighbours: list[AnalysisFrame]) -> None:
        """Track the objects of a frame."""
        followed = self._tracker.followed_regions(frame.time)
        probability = self._background.estimate_foreground(frame, neighbours, followed)
        aligned, canvas_transform = self._background.align(frame), self._background.canvas_transform
        for track in self._tracker.add(
            frame.number, frame.time, probability, aligned, canvas_transform, frame.transform
        ):
            self._add_track(track)
        fruitless = self._tracker.fruitless_frames
        if fruitless >= (FRUITLESS_FRAMES_AGAIN if self._has_paused else FRUITLESS_FRAMES):
            self._tracker.drop_tracks()
            self._pause_until = frame.time + (PAUSE_SECONDS_AGAIN if self._has_paused else PAUSE_SECONDS)
            self._has_paused = True
        elif not fruitless and any(len(track.times) > FRUITLESS_FRAMES for track in self._tracker.tracks):
            self._has_paused = False

    def _add_track(self, track: Track) -> None:
        """Add a finished track; where nothing solid was seen lately, one of a few samples is of fragments and ignored."""
        if not self._has_paused or len(track.times) > FRUITLESS_FRAMES:
            self._detector.add_track(track)

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
