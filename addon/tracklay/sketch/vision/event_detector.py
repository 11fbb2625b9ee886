"""Derives events from finished tracks and sudden motion: which breaks of a path are impacts, which stretches are whooshes.

A track whose blob is assembled from different fragments on each frame has a centre that jumps although nothing moved. Most of
the thresholds here reject such jumps.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .events import Event, MotionAnalysis, Trigger
from .velocity_breaks import (
    MIN_PATH_LENGTH,
    FloatSeries,
    Trajectory,
    VelocityBreak,
    find_velocity_breaks,
    velocity_window_samples,
)

if TYPE_CHECKING:
    from .motion_losses import MotionLoss
    from .motion_starts import MotionStart
    from .tracker import Track

MERGE_SECONDS = 0.06
MERGE_DISTANCE = 0.4
"""Impacts closer than both (seconds, widths) are one: two objects that collide both break their path."""
MIN_TRAVEL = 0.02
"""Widths that an object must have moved at all; what moves less is a flicker or a shadow."""
MIN_APPROACH_SHARE = 0.15
"""Share of its own radius that an object must move just before an impact: the centre of a large blob wobbles more."""
MIN_DIAMETERS_CHANGE = 2.6
"""Diameters per second that the velocity must change by: the centre of an arm or a body wanders by less as it turns or bends."""
MIN_TRACKED_SECONDS = 0.04
"""Time that an object must have been tracked before an impact: while an object emerges, its centre moves by itself."""
MIN_SAMPLES = 4
"""A velocity before and one after need two samples each."""
MIN_USABLE_SHARE = 0.65
"""Least share of the samples inside the border that show the whole object; with fewer the track is not of one object."""
MAX_MEDIAN_AREA_CHANGE = 0.05
RIM_AREA_CHANGE_PIXELS = 0.2
"""Largest median change of the area from frame to frame, as a logarithm; what usually changes more is not solid (smoke, clouds).
The rim of a small object is a larger share of it: this many pixels over its diameter are added."""
AREA_WINDOW_SECONDS = 0.3
MIN_VISIBLE_SHARE = 0.35
"""A sample with less than this share of the largest area within the window shows only a part of the object."""
MAX_EXPLAINED_SHARE = 0.4
"""Largest share of a break that a change of the area may explain, by a piece that appears or vanishes at the object's end."""
MAX_ROUND_LENGTH = 1.18
"""Length over the diameter of a disk of the same area: more is a tool or a limb, which swings."""
MAX_AREA_CHANGE_AT_BREAK = 0.4
"""Largest change of the area around a break, as a logarithm: with more, another object joined or left the blob."""
FULL_STRENGTH_VELOCITY_CHANGE = 2.2
"""Widths per second: the velocity change of an impact of strength 1."""
FULL_STRENGTH_SIZE = 0.12
"""Widths: an object of this diameter has its full strength, a speck three quarters of it."""
TIP_SPEED_RATIO, SWING_SPEED_RATIO = 2.0, 1.5
"""The end of a swung object, which strikes, is faster than what is measured: by the first factor than the mean of what
moves, by the second than the centre of the tracked object."""
TRACK_CONFIDENCE = 0.9
"""Share of the impacts found in tracks that are contacts."""
STRENGTH_EXPONENT = 0.7
"""Exponent from velocity change to strength: hearing resolves quiet sounds more finely than loud ones."""
WHOOSH_MIN_SPEED = 1.0
WHOOSH_FULL_SPEED = 4.0
"""Widths per second: the speed at which a whoosh begins, and that of strength 1."""
WHOOSH_MIN_SECONDS = 0.08
"""Shorter fast passages are two or three frames, too short to be heard as a movement."""


@dataclass(frozen=True, slots=True)
class _ImpactCandidate:
    """A possible impact, before those close to each other are merged."""

    time: float
    """Seconds."""
    velocity_change: float
    """Widths per second."""
    position: complex
    """-1 (left edge) to 1 (right edge), and in the same unit downwards."""
    size: float
    """Diameter in widths."""
    confidence: float
    """Share of such candidates that are contacts, 0 to 1."""
    trigger: Trigger = "stop"
    from_motion: bool = False
    """Found in the motion of the picture, not in a track: it does not depend on how an object's fragments were joined."""
    is_round: bool = False
    """Of a tracked object without an end that is faster than its centre: the track knows its velocity best."""


@dataclass(frozen=True, slots=True)
class _TrackMotion:
    """The motion of one object, one value for each usable sample of its track."""

    frame_numbers: npt.NDArray[np.intp]
    speeds: FloatSeries
    """Widths per second."""
    positions: Trajectory
    """-1 (left edge) to 1 (right edge), and in the same unit downwards."""
    size: float
    """Diameter in widths."""


class EventDetector:
    """Collects the tracks and the sudden motion of all shots of a clip and derives the events."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._impacts: list[_ImpactCandidate] = []
        self._motions: list[_TrackMotion] = []

    def add_track(self, track: Track) -> None:
        """Add a finished track; one that is not of a solid moving object is ignored."""
        width = self._shape[1]
        # The test that most tracks of noise fail, before those that cost more: no two of its points are far enough apart.
        if len(track.times) < MIN_SAMPLES or 2 * track.travel < MIN_TRAVEL * width:
            return
        unclipped = _unclipped_samples(track)
        usable = unclipped & _fully_visible_samples(track)
        frames = np.count_nonzero(unclipped) + track.busy_frames
        if np.count_nonzero(usable) < max(MIN_SAMPLES, MIN_USABLE_SHARE * frames):
            return
        areas = np.array(track.areas)[usable]
        lengths = np.array(track.lengths)[usable] / width
        times = np.array(track.times)[usable]
        # The path in the world, without the camera, has the breaks; the positions in the frame are where the sound is.
        path: Trajectory = np.array(track.world_positions, np.complex128)[usable] / width
        positions: Trajectory = np.array(track.frame_positions, np.complex128)[usable] / (width / 2)
        area_change, diameter = median(np.abs(np.diff(np.log(areas))).tolist()), _median_diameter(areas)
        if (
            area_change > MAX_MEDIAN_AREA_CHANGE + RIM_AREA_CHANGE_PIXELS / diameter
            or np.abs(path - path[0]).max() < MIN_TRAVEL
        ):
            return
        motion = _TrackMotion(
            np.array(track.frame_numbers, np.intp)[usable],
            _smoothed_speeds(times, path),
            positions,
            diameter / width,
        )
        self._motions.append(motion)
        min_path_length = max(MIN_PATH_LENGTH, MIN_APPROACH_SHARE * motion.size / 2)
        for velocity_break in find_velocity_breaks(times, path, min_path_length):
            tracked_seconds = times[velocity_break.sample_index] - track.times[0]
            change = abs(velocity_break.velocity_after - velocity_break.velocity_before)
            if (
                tracked_seconds >= MIN_TRACKED_SECONDS
                and change >= MIN_DIAMETERS_CHANGE * motion.size
                and _is_area_stable(velocity_break, areas, times, lengths)
            ):
                self._impacts.append(self._impact_from_break(velocity_break, times, motion, areas, lengths))

    def add_loss(self, loss: MotionLoss) -> None:
        """Add a sudden loss of motion."""
        self._impacts.append(self._impact_from_motion(loss, "stop"))

    def add_start(self, start: MotionStart) -> None:
        """Add a sudden start."""
        self._impacts.append(self._impact_from_motion(start, "start"))

    def _impact_from_motion(self, motion: MotionLoss | MotionStart, trigger: Trigger) -> _ImpactCandidate:
        width = self._shape[1]
        position, size = motion.position / (width / 2), motion.size / width
        return _ImpactCandidate(
            motion.time, TIP_SPEED_RATIO * motion.speed, position, size, motion.confidence, trigger, from_motion=True
        )

    def _impact_from_break(
        self,
        velocity_break: VelocityBreak,
        times: FloatSeries,
        motion: _TrackMotion,
        areas: FloatSeries,
        lengths: FloatSeries,
    ) -> _ImpactCandidate:
        index = velocity_break.sample_index
        nearest = min((index, index + 1), key=lambda k: abs(times[k] - velocity_break.time))
        around = slice(max(0, index - 3), index + 5)
        size = _median_diameter(areas[around]) / self._shape[1]
        velocity_change = abs(velocity_break.velocity_after - velocity_break.velocity_before)
        return _ImpactCandidate(
            velocity_break.time,
            velocity_change,
            complex(motion.positions[nearest]),
            size,
            TRACK_CONFIDENCE,
            is_round=median(lengths[around].tolist()) <= MAX_ROUND_LENGTH * size,
        )

    def result(self, frame_times: tuple[Fraction, ...], analyzed_frames: npt.NDArray[np.intp]) -> MotionAnalysis:
        """Return the events and the motion on every frame.

        Args:
            frame_times: the times of all frames of the clip, in seconds.
            analyzed_frames: the indices of the frames that were analysed, increasing. The others repeat the one before.
        """
        aspect = self._shape[1] / self._shape[0]
        speed, x, y, size = np.zeros((4, len(frame_times)), np.float32)
        for motion in self._motions:
            is_fastest = motion.speeds > speed[motion.frame_numbers]
            numbers = motion.frame_numbers[is_fastest]
            speed[numbers], size[numbers] = motion.speeds[is_fastest], motion.size
            x[numbers], y[numbers] = motion.positions.real[is_fastest], motion.positions.imag[is_fastest] * aspect
        source = analyzed_frames[np.searchsorted(analyzed_frames, np.arange(len(frame_times)), side="right") - 1]
        speed, x, y, size = speed[source], x[source], y[source], size[source]
        np.clip(x, -1, 1, out=x)
        np.clip(y, -1, 1, out=y)
        seconds = [float(time) for time in frame_times]
        events = [
            self._impact_event(impact, frame_times[_nearest_frame(seconds, impact.time)])
            for impact in self._merge_impacts()
        ]
        is_fast = np.concatenate([[False], speed > WHOOSH_MIN_SPEED, [False]])
        edges = np.flatnonzero(is_fast[1:] != is_fast[:-1])
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            duration = frame_times[min(end, len(frame_times) - 1)] - frame_times[begin]
            if duration < WHOOSH_MIN_SECONDS:
                continue
            k = begin + int(speed[begin:end].argmax())
            strength = min(1.0, float(speed[k]) / WHOOSH_FULL_SPEED)
            events.append(
                Event(
                    "whoosh",
                    frame_times[begin],
                    duration,
                    strength,
                    float(x[k]),
                    float(y[k]),
                    min(1.0, float(size[k])),
                    "start",
                )
            )
        return MotionAnalysis(frame_times, tuple(sorted(events, key=lambda event: event.time)), speed, x)

    def _merge_impacts(self) -> list[_ImpactCandidate]:
        """Return the impacts without those that have a stronger one near in time and place.

        Those found in the motion come first, as their time is more exact. One that a track confirms gets the higher confidence, and the
        strength of the larger of the two; that of the track if its object is round.
        """
        merged: list[_ImpactCandidate] = []
        for impact in sorted(self._impacts, key=lambda impact: (not impact.from_motion, -impact.velocity_change)):
            near = [
                k
                for k, other in enumerate(merged)
                if impact.trigger == other.trigger
                and abs(impact.time - other.time) <= MERGE_SECONDS
                and abs(impact.position - other.position) <= 2 * MERGE_DISTANCE  # positions span 2 over the width
            ]
            if not near:
                merged.append(impact)
            elif merged[near[0]].from_motion and not impact.from_motion:
                larger = max(merged[near[0]].velocity_change, SWING_SPEED_RATIO * impact.velocity_change)
                merged[near[0]] = replace(
                    merged[near[0]],
                    velocity_change=impact.velocity_change if impact.is_round else larger,
                    confidence=max(merged[near[0]].confidence, impact.confidence),
                )
        return merged

    def _impact_event(self, impact: _ImpactCandidate, time: Fraction) -> Event:
        """Return the event of an impact; `time` is that of the nearest frame."""
        weight = 0.75 + 0.25 * min(1.0, impact.size / FULL_STRENGTH_SIZE)
        strength = min(1.0, (impact.velocity_change / FULL_STRENGTH_VELOCITY_CHANGE) ** STRENGTH_EXPONENT * weight)
        x = min(1.0, max(-1.0, impact.position.real))
        y = min(1.0, max(-1.0, impact.position.imag * self._shape[1] / self._shape[0]))
        return Event(
            "impact", time, Fraction(0), strength, x, y, min(1.0, impact.size), impact.trigger, impact.confidence
        )


def _nearest_frame(frame_seconds: list[float], time: float) -> int:
    """Return the index of the frame nearest to a time; of two equally near the earlier one."""
    after = min(bisect_left(frame_seconds, time), len(frame_seconds) - 1)
    return after - (after > 0 and time - frame_seconds[after - 1] <= frame_seconds[after] - time)


def _median_diameter(areas: FloatSeries) -> float:
    """Return the diameter of a disk of the median area, in pixels."""
    return math.sqrt(median(areas.tolist()) * 4 / math.pi)


def _unclipped_samples(track: Track) -> npt.NDArray[np.bool_]:
    """Return which samples do not touch the border; all where most do, as then there is nothing better."""
    clipped = np.array(track.clipped)
    return ~clipped if np.count_nonzero(clipped) * 2 < clipped.size else np.ones(clipped.size, bool)


def _fully_visible_samples(track: Track) -> npt.NDArray[np.bool_]:
    """Return which samples show the object alone and not just a part of it."""
    areas = np.array(track.areas)
    return areas >= MIN_VISIBLE_SHARE * _largest_nearby_area(areas, np.array(track.times))


def _largest_nearby_area(areas: FloatSeries, times: FloatSeries) -> FloatSeries:
    """Return for each sample the largest area within `AREA_WINDOW_SECONDS`.

    Of a running median of three, so that one frame on which two objects touch does not count.
    """
    before, after = np.concatenate([areas[:1], areas[:-1]]), np.concatenate([areas[1:], areas[-1:]])
    smoothed = np.median(np.stack([before, areas, after]), 0)
    interval = median(np.diff(times).tolist()) if times.size > 1 else AREA_WINDOW_SECONDS
    count = max(1, round(AREA_WINDOW_SECONDS / max(interval, 1e-3)))
    largest: FloatSeries = np.lib.stride_tricks.sliding_window_view(
        np.pad(smoothed, count, mode="edge"), 2 * count + 1
    ).max(1)
    return largest


def _is_area_stable(
    velocity_break: VelocityBreak, areas: FloatSeries, times: FloatSeries, lengths: FloatSeries
) -> bool:
    """Return whether the area changed too little around a break to explain it.

    A piece that appears or vanishes at one end of the object shifts its centre by up to half the object's length times the
    relative change of the area. The break itself is a shift of its velocity change times the window.
    """
    window = velocity_window_samples(times)
    around = slice(max(0, velocity_break.sample_index - window - 1), velocity_break.sample_index + 3 + window)
    area_change = float(np.ptp(np.log(areas[around])))
    centre_shift = area_change * median(lengths[around].tolist()) / 2
    return area_change < MAX_AREA_CHANGE_AT_BREAK and centre_shift < MAX_EXPLAINED_SHARE * abs(
        velocity_break.velocity_after - velocity_break.velocity_before
    ) * window * median(np.diff(times).tolist())


def _smoothed_speeds(times: FloatSeries, trajectory: Trajectory) -> FloatSeries:
    """Return the speed at each sample: the mean of the two intervals beside it, then a running median of three."""
    speeds = np.abs(np.diff(trajectory)) / np.diff(times)
    padded = np.concatenate([speeds[:1], speeds, speeds[-1:]])
    means = (padded[1:] + padded[:-1]) / 2
    padded_means = np.concatenate([means[:1], means, means[-1:]])
    smoothed: FloatSeries = np.median(np.stack([padded_means[:-2], padded_means[1:-1], padded_means[2:]]), 0)
    return smoothed
