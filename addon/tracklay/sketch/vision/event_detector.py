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

from .events import Event, Sight
from .velocity_breaks import LEAST_PATH, Jolt, Path, Points, jolts, window

if TYPE_CHECKING:
    from .motion_stops import Stop
    from .tracker import Track

ONE_SOUND_SECONDS = 0.06
ONE_PLACE = 0.25
"""Impacts closer than both (seconds, widths) are one."""
LEAST_TRAVEL = 0.02
"""Widths that a thing must have gone before it can strike."""
LEAST_SHARE = 0.15
"""Of its own radius that a thing must have gone just before it strikes."""
KNOWN_SECONDS = 0.04
"""A thing must have been followed this long before it can strike."""
LEAST_SAMPLES = 4
USED_SHARE = 0.65
"""A track of which less than this can be used, within the border, is not of one thing."""
CROWD = 4
"""Patches: where more differ from the ground no centre is to be trusted."""
RESTLESS = 0.05
UNEVEN = 0.2
"""Change of the area from frame to frame, as a logarithm: what usually changes more is no solid thing (smoke, clouds). Of a small
thing more is rim: so many pixels over its diameter are added."""
NEARBY_SECONDS = 0.3
WHOLE = 0.35
"""Share of the largest area nearby below which a thing was seen only in part."""
PIECES = 0.4
"""Share of a jolt that a change of the thing's area may explain."""
MOST_CHANGE = 0.4
"""Of the area about a jolt, as a logarithm: more, and another thing came or went."""
FULL_JUMP = 2.2
"""Widths a second: a change of velocity of full strength."""
FULL_SIZE = 0.12
"""Widths across: a thing this large strikes with all of its strength, a speck with three quarters."""
TIP, SWUNG = 2.0, 1.5
"""Times the speed of what changes, and of the thing's middle where that was followed, at which the end of a swung thing strikes."""
LOUDER = 0.7
"""Exponent from change of velocity to strength: the ear's steps are finer where it is quiet."""
WHOOSH_SPEED = 1.0
WHOOSH_FULL = 4.0
"""Widths a second: where a rush begins to be heard, and where it is at its loudest."""
WHOOSH_SECONDS = 0.08
"""A rush is at least this long."""


@dataclass(frozen=True, slots=True)
class _Impact:
    """A strike: when (seconds), its change of velocity (widths a second), place (-1 to 1), size (widths)."""

    time: float
    jump: float
    place: complex
    size: float
    sure: bool = False
    """It was seen in the picture itself, not in a path that may be of pieces."""


@dataclass(frozen=True, slots=True)
class _Move:
    """A thing's way: frame numbers, speeds (widths a second), places (-1 to 1 across, in the same unit down), size (widths)."""

    frames: npt.NDArray[np.intp]
    speeds: Points
    places: Path
    size: float


class Notes:
    """What the tracks of a picture say, gathered as they end."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._impacts: list[_Impact] = []
        self._moves: list[_Move] = []

    def read(self, track: Track) -> None:
        """Take down what a track that ended says."""
        width = self._shape[1]
        inside = _inside(track)
        use = inside & _whole(track)
        if np.count_nonzero(use) < max(LEAST_SAMPLES, USED_SHARE * np.count_nonzero(inside)):
            return
        areas = np.array(track.areas)[use]
        lengths = np.array(track.lengths)[use] / width
        times = np.array(track.times)[use]
        path: Path = np.array(track.world, np.complex128)[use] / width
        places: Path = np.array(track.seen, np.complex128)[use] / (width / 2)
        restless, across = median(np.abs(np.diff(np.log(areas))).tolist()), _across(areas)
        if restless > RESTLESS + UNEVEN / across or np.abs(path - path[0]).max() < LEAST_TRAVEL:
            return
        move = _Move(
            np.array(track.frames, np.intp)[use],
            _speeds(times, path),
            places,
            across / width,
        )
        self._moves.append(move)
        for jolt in jolts(times, path, max(LEAST_PATH, LEAST_SHARE * move.size / 2)):
            if times[jolt.sample] - track.times[0] >= KNOWN_SECONDS and _holds(jolt, areas, times, lengths):
                self._impacts.append(self._impact(jolt, times, move, areas))

    def stopped(self, stop: Stop) -> None:
        """Take down a stop of fast motion."""
        width = self._shape[1]
        self._impacts.append(
            _Impact(stop.time, TIP * stop.speed, stop.place / (width / 2), stop.size / width, sure=True)
        )

    def _impact(self, jolt: Jolt, times: Points, move: _Move, areas: Points) -> _Impact:
        b = jolt.sample
        near = min((b, b + 1), key=lambda k: abs(times[k] - jolt.time))
        size = _across(areas[max(0, b - 3) : b + 5]) / self._shape[1]
        jump = abs(jolt.after - jolt.before)
        return _Impact(jolt.time, jump, complex(move.places[near]), size)

    def sight(self, clock: tuple[Fraction, ...], looked: npt.NDArray[np.intp]) -> Sight:
        """Everything seen; `clock` are the times of all frames, `looked` the numbers of those that were looked at, growing."""
        aspect = self._shape[1] / self._shape[0]
        speed, x, y, size = np.zeros((4, len(clock)), np.float32)
        for move in self._moves:
            faster = move.speeds > speed[move.frames]
            at = move.frames[faster]
            speed[at], size[at] = move.speeds[faster], move.size
            x[at], y[at] = move.places.real[faster], move.places.imag[faster] * aspect
        last = looked[np.searchsorted(looked, np.arange(len(clock)), side="right") - 1]
        speed, x, y, size = speed[last], x[last], y[last], size[last]
        np.clip(x, -1, 1, out=x)
        np.clip(y, -1, 1, out=y)
        seconds = [float(time) for time in clock]
        events = [self._strike(impact, clock[_nearest(seconds, impact.time)]) for impact in self._heard()]
        fast = np.concatenate([[False], speed > WHOOSH_SPEED, [False]])
        turns = np.flatnonzero(fast[1:] != fast[:-1])
        for a, b in zip(turns[::2], turns[1::2], strict=True):
            length = clock[min(b, len(clock) - 1)] - clock[a]
            if length < WHOOSH_SECONDS:
                continue
            k = a + int(speed[a:b].argmax())
            strength = min(1.0, float(speed[k]) / WHOOSH_FULL)
            events.append(
                Event("whoosh", clock[a], length, strength, float(x[k]), float(y[k]), min(1.0, float(size[k])))
            )
        return Sight(clock, tuple(sorted(events, key=lambda event: event.time)), speed, x)

    def _heard(self) -> list[_Impact]:
        """The impacts, strongest first, without those that another drowns at its time and place; one seen both ways is the harder."""
        heard: list[_Impact] = []
        for impact in sorted(self._impacts, key=lambda impact: (not impact.sure, -impact.jump)):
            near = [
                k
                for k, other in enumerate(heard)
                if abs(impact.time - other.time) <= ONE_SOUND_SECONDS
                and abs(impact.place - other.place) <= 2 * ONE_PLACE
            ]
            if not near:
                heard.append(impact)
            elif heard[near[0]].sure and not impact.sure:
                heard[near[0]] = replace(heard[near[0]], jump=max(heard[near[0]].jump, SWUNG * impact.jump))
        return heard

    def _strike(self, impact: _Impact, time: Fraction) -> Event:
        """The event of an impact, at the time of the frame nearest to it."""
        weight = 0.75 + 0.25 * min(1.0, impact.size / FULL_SIZE)
        strength = min(1.0, (impact.jump / FULL_JUMP) ** LOUDER * weight)
        x = min(1.0, max(-1.0, impact.place.real))
        y = min(1.0, max(-1.0, impact.place.imag * self._shape[1] / self._shape[0]))
        return Event("impact", time, Fraction(0), strength, x, y, min(1.0, impact.size))


def _nearest(seconds: list[float], time: float) -> int:
    """The number of the frame nearest to a time."""
    after = min(bisect_left(seconds, time), len(seconds) - 1)
    return after - (after > 0 and time - seconds[after - 1] <= seconds[after] - time)


def _across(areas: Points) -> float:
    """The diameter of a disk of the usual area, in pixels."""
    return math.sqrt(median(areas.tolist()) * 4 / math.pi)


def _inside(track: Track) -> npt.NDArray[np.bool_]:
    """Which samples do not reach over the border; of a thing that mostly does, all."""
    clipped = np.array(track.clipped)
    return ~clipped if np.count_nonzero(clipped) * 2 < clipped.size else np.ones(clipped.size, bool)


def _whole(track: Track) -> npt.NDArray[np.bool_]:
    """Which samples show the thing by itself and not just a piece of it."""
    areas = np.array(track.areas)
    whole = areas >= WHOLE * _largest_nearby(areas, np.array(track.times))
    whole &= np.array(track.crowd) <= CROWD
    return whole


def _largest_nearby(areas: Points, times: Points) -> Points:
    """For each sample the largest area (of a running median of three) within `NEARBY_SECONDS`."""
    before, after = np.concatenate([areas[:1], areas[:-1]]), np.concatenate([areas[1:], areas[-1:]])
    calm = np.median(np.stack([before, areas, after]), 0)
    step = median(np.diff(times).tolist()) if times.size > 1 else NEARBY_SECONDS
    count = max(1, round(NEARBY_SECONDS / max(step, 1e-3)))
    largest: Points = np.lib.stride_tricks.sliding_window_view(np.pad(calm, count, mode="edge"), 2 * count + 1).max(1)
    return largest


def _holds(jolt: Jolt, areas: Points, times: Points, lengths: Points) -> bool:
    """Whether the thing's area changed too little about the jolt for a piece come or gone at its end to have moved its centre so."""
    count = window(times)
    around = slice(max(0, jolt.sample - count - 1), jolt.sample + 3 + count)
    change = float(np.ptp(np.log(areas[around])))
    shift = change * median(lengths[around].tolist()) / 2
    return change < MOST_CHANGE and shift < PIECES * abs(jolt.after - jolt.before) * count * median(
        np.diff(times).tolist()
    )


def _speeds(times: Points, path: Path) -> Points:
    """Speed at each sample, over its two neighbours, without single outliers."""
    steps = np.abs(np.diff(path)) / np.diff(times)
    padded = np.concatenate([steps[:1], steps, steps[-1:]])
    both = (padded[1:] + padded[:-1]) / 2
    wide = np.concatenate([both[:1], both, both[-1:]])
    calm: Points = np.median(np.stack([wide[:-2], wide[1:-1], wide[2:]]), 0)
    return calm
