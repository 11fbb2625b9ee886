"""Reads events off the tracks of moving things: which breaks of a path are impacts, which stretches are whooshes.

Where a track is made of pieces put together otherwise from frame to frame its centre jumps without anything having moved; most of
what is written here keeps such jumps from being heard.
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

from .events import Event, MotionAnalysis
from .velocity_breaks import (
    MIN_PATH_LENGTH,
    FloatSeries,
    Trajectory,
    VelocityBreak,
    find_velocity_breaks,
    velocity_window_samples,
)

if TYPE_CHECKING:
    from .motion_stops import MotionStop
    from .tracker import Track

MERGE_SECONDS = 0.06
MERGE_DISTANCE = 0.25
"""Impacts closer than both (seconds, widths) are one."""
MIN_TRAVEL = 0.02
"""Widths that a thing must have gone before it can strike."""
MIN_APPROACH_SHARE = 0.15
"""Of its own radius that a thing must have gone just before it strikes."""
MIN_TRACKED_SECONDS = 0.04
"""A thing must have been followed this long before it can strike."""
MIN_SAMPLES = 4
MIN_USABLE_SHARE = 0.65
"""A track of which less than this can be used, within the border, is not of one thing."""
MAX_PATCHES = 4
"""Patches: where more differ from the ground no centre is to be trusted."""
MAX_MEDIAN_AREA_CHANGE = 0.05
RIM_AREA_CHANGE_PIXELS = 0.2
"""Change of the area from frame to frame, as a logarithm: what usually changes more is no solid thing (smoke, clouds). Of a small
thing more is rim: so many pixels over its diameter are added."""
AREA_WINDOW_SECONDS = 0.3
MIN_VISIBLE_SHARE = 0.35
"""Share of the largest area nearby below which a thing was seen only in part."""
MAX_EXPLAINED_SHARE = 0.4
"""Share of a jolt that a change of the thing's area may explain."""
MAX_AREA_CHANGE_AT_BREAK = 0.4
"""Of the area about a jolt, as a logarithm: more, and another thing came or went."""
FULL_STRENGTH_VELOCITY_CHANGE = 2.2
"""Widths a second: a change of velocity of full strength."""
FULL_STRENGTH_SIZE = 0.12
"""Widths across: a thing this large strikes with all of its strength, a speck with three quarters."""
TIP_SPEED_RATIO, SWING_SPEED_RATIO = 2.0, 1.5
"""Times the speed of what changes, and of the thing's middle where that was followed, at which the end of a swung thing strikes."""
STRENGTH_EXPONENT = 0.7
"""Exponent from change of velocity to strength: the ear's steps are finer where it is quiet."""
WHOOSH_MIN_SPEED = 1.0
WHOOSH_FULL_SPEED = 4.0
"""Widths a second: where a rush begins to be heard, and where it is at its loudest."""
WHOOSH_MIN_SECONDS = 0.08
"""A rush is at least this long."""


@dataclass(frozen=True, slots=True)
class _ImpactCandidate:
    """A strike: when (seconds), its change of velocity (widths a second), place (-1 to 1), size (widths)."""

    time: float
    velocity_change: float
    position: complex
    size: float
    from_motion_stop: bool = False
    """It was seen in the picture itself, not in a path that may be of pieces."""


@dataclass(frozen=True, slots=True)
class _TrackMotion:
    """A thing's way: frame numbers, speeds (widths a second), places (-1 to 1 across, in the same unit down), size (widths)."""

    frame_numbers: npt.NDArray[np.intp]
    speeds: FloatSeries
    positions: Trajectory
    size: float


class EventDetector:
    """What the tracks of a picture say, gathered as they end."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._impacts: list[_ImpactCandidate] = []
        self._motions: list[_TrackMotion] = []

    def add_track(self, track: Track) -> None:
        """Take down what a track that ended says."""
        width = self._shape[1]
        inside = _unclipped_samples(track)
        use = inside & _fully_visible_samples(track)
        if np.count_nonzero(use) < max(MIN_SAMPLES, MIN_USABLE_SHARE * np.count_nonzero(inside)):
            return
        areas = np.array(track.areas)[use]
        lengths = np.array(track.lengths)[use] / width
        times = np.array(track.times)[use]
        path: Trajectory = np.array(track.world_positions, np.complex128)[use] / width
        places: Trajectory = np.array(track.frame_positions, np.complex128)[use] / (width / 2)
        restless, across = median(np.abs(np.diff(np.log(areas))).tolist()), _median_diameter(areas)
        if (
            restless > MAX_MEDIAN_AREA_CHANGE + RIM_AREA_CHANGE_PIXELS / across
            or np.abs(path - path[0]).max() < MIN_TRAVEL
        ):
            return
        move = _TrackMotion(
            np.array(track.frame_numbers, np.intp)[use],
            _smoothed_speeds(times, path),
            places,
            across / width,
        )
        self._motions.append(move)
        for jolt in find_velocity_breaks(times, path, max(MIN_PATH_LENGTH, MIN_APPROACH_SHARE * move.size / 2)):
            if times[jolt.sample_index] - track.times[0] >= MIN_TRACKED_SECONDS and _is_area_stable(
                jolt, areas, times, lengths
            ):
                self._impacts.append(self._impact_from_break(jolt, times, move, areas))

    def add_stop(self, stop: MotionStop) -> None:
        """Take down a stop of fast motion."""
        width = self._shape[1]
        self._impacts.append(
            _ImpactCandidate(
                stop.time,
                TIP_SPEED_RATIO * stop.speed,
                stop.position / (width / 2),
                stop.size / width,
                from_motion_stop=True,
            )
        )

    def _impact_from_break(
        self, velocity_break: VelocityBreak, times: FloatSeries, motion: _TrackMotion, areas: FloatSeries
    ) -> _ImpactCandidate:
        b = velocity_break.sample_index
        near = min((b, b + 1), key=lambda k: abs(times[k] - velocity_break.time))
        size = _median_diameter(areas[max(0, b - 3) : b + 5]) / self._shape[1]
        jump = abs(velocity_break.velocity_after - velocity_break.velocity_before)
        return _ImpactCandidate(velocity_break.time, jump, complex(motion.positions[near]), size)

    def result(self, frame_times: tuple[Fraction, ...], analyzed_frames: npt.NDArray[np.intp]) -> MotionAnalysis:
        """Everything seen; `frame_times` are the times of all frames, `analyzed_frames` the numbers of those that were looked at, growing."""
        aspect = self._shape[1] / self._shape[0]
        speed, x, y, size = np.zeros((4, len(frame_times)), np.float32)
        for move in self._motions:
            faster = move.speeds > speed[move.frame_numbers]
            at = move.frame_numbers[faster]
            speed[at], size[at] = move.speeds[faster], move.size
            x[at], y[at] = move.positions.real[faster], move.positions.imag[faster] * aspect
        last = analyzed_frames[np.searchsorted(analyzed_frames, np.arange(len(frame_times)), side="right") - 1]
        speed, x, y, size = speed[last], x[last], y[last], size[last]
        np.clip(x, -1, 1, out=x)
        np.clip(y, -1, 1, out=y)
        seconds = [float(time) for time in frame_times]
        events = [
            self._impact_event(impact, frame_times[_nearest_frame(seconds, impact.time)])
            for impact in self._merge_impacts()
        ]
        fast = np.concatenate([[False], speed > WHOOSH_MIN_SPEED, [False]])
        turns = np.flatnonzero(fast[1:] != fast[:-1])
        for a, b in zip(turns[::2], turns[1::2], strict=True):
            length = frame_times[min(b, len(frame_times) - 1)] - frame_times[a]
            if length < WHOOSH_MIN_SECONDS:
                continue
            k = a + int(speed[a:b].argmax())
            strength = min(1.0, float(speed[k]) / WHOOSH_FULL_SPEED)
            events.append(
                Event("whoosh", frame_times[a], length, strength, float(x[k]), float(y[k]), min(1.0, float(size[k])))
            )
        return MotionAnalysis(frame_times, tuple(sorted(events, key=lambda event: event.time)), speed, x)

    def _merge_impacts(self) -> list[_ImpactCandidate]:
        """The impacts, strongest first, without those that another drowns at its time and place; one seen both ways is the harder."""
        heard: list[_ImpactCandidate] = []
        for impact in sorted(self._impacts, key=lambda impact: (not impact.from_motion_stop, -impact.velocity_change)):
            near = [
                k
                for k, other in enumerate(heard)
                if abs(impact.time - other.time) <= MERGE_SECONDS
                and abs(impact.position - other.position) <= 2 * MERGE_DISTANCE
            ]
            if not near:
                heard.append(impact)
            elif heard[near[0]].from_motion_stop and not impact.from_motion_stop:
                heard[near[0]] = replace(
                    heard[near[0]],
                    velocity_change=max(heard[near[0]].velocity_change, SWING_SPEED_RATIO * impact.velocity_change),
                )
        return heard

    def _impact_event(self, impact: _ImpactCandidate, time: Fraction) -> Event:
        """The event of an impact, at the time of the frame nearest to it."""
        weight = 0.75 + 0.25 * min(1.0, impact.size / FULL_STRENGTH_SIZE)
        strength = min(1.0, (impact.velocity_change / FULL_STRENGTH_VELOCITY_CHANGE) ** STRENGTH_EXPONENT * weight)
        x = min(1.0, max(-1.0, impact.position.real))
        y = min(1.0, max(-1.0, impact.position.imag * self._shape[1] / self._shape[0]))
        return Event("impact", time, Fraction(0), strength, x, y, min(1.0, impact.size))


def _nearest_frame(frame_seconds: list[float], time: float) -> int:
    """The number of the frame nearest to a time."""
    after = min(bisect_left(frame_seconds, time), len(frame_seconds) - 1)
    return after - (after > 0 and time - frame_seconds[after - 1] <= frame_seconds[after] - time)


def _median_diameter(areas: FloatSeries) -> float:
    """The diameter of a disk of the usual area, in pixels."""
    return math.sqrt(median(areas.tolist()) * 4 / math.pi)


def _unclipped_samples(track: Track) -> npt.NDArray[np.bool_]:
    """Which samples do not reach over the border; of a thing that mostly does, all."""
    clipped = np.array(track.clipped)
    return ~clipped if np.count_nonzero(clipped) * 2 < clipped.size else np.ones(clipped.size, bool)


def _fully_visible_samples(track: Track) -> npt.NDArray[np.bool_]:
    """Which samples show the thing by itself and not just a piece of it."""
    areas = np.array(track.areas)
    whole = areas >= MIN_VISIBLE_SHARE * _largest_nearby_area(areas, np.array(track.times))
    whole &= np.array(track.patch_counts) <= MAX_PATCHES
    return whole


def _largest_nearby_area(areas: FloatSeries, times: FloatSeries) -> FloatSeries:
    """For each sample the largest area (of a running median of three) within `AREA_WINDOW_SECONDS`."""
    before, after = np.concatenate([areas[:1], areas[:-1]]), np.concatenate([areas[1:], areas[-1:]])
    calm = np.median(np.stack([before, areas, after]), 0)
    step = median(np.diff(times).tolist()) if times.size > 1 else AREA_WINDOW_SECONDS
    count = max(1, round(AREA_WINDOW_SECONDS / max(step, 1e-3)))
    largest: FloatSeries = np.lib.stride_tricks.sliding_window_view(
        np.pad(calm, count, mode="edge"), 2 * count + 1
    ).max(1)
    return largest


def _is_area_stable(
    velocity_break: VelocityBreak, areas: FloatSeries, times: FloatSeries, lengths: FloatSeries
) -> bool:
    """Whether the thing's area changed too little about the jolt for a piece come or gone at its end to have moved its centre so."""
    count = velocity_window_samples(times)
    around = slice(max(0, velocity_break.sample_index - count - 1), velocity_break.sample_index + 3 + count)
    change = float(np.ptp(np.log(areas[around])))
    shift = change * median(lengths[around].tolist()) / 2
    return change < MAX_AREA_CHANGE_AT_BREAK and shift < MAX_EXPLAINED_SHARE * abs(
        velocity_break.velocity_after - velocity_break.velocity_before
    ) * count * median(np.diff(times).tolist())


def _smoothed_speeds(times: FloatSeries, trajectory: Trajectory) -> FloatSeries:
    """Speed at each sample, over its two neighbours, without single outliers."""
    steps = np.abs(np.diff(trajectory)) / np.diff(times)
    padded = np.concatenate([steps[:1], steps, steps[-1:]])
    both = (padded[1:] + padded[:-1]) / 2
    wide = np.concatenate([both[:1], both, both[-1:]])
    calm: FloatSeries = np.median(np.stack([wide[:-2], wide[1:-1], wide[2:]]), 0)
    return calm
