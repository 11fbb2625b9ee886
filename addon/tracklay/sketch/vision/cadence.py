"""Gives back the pictures that were shot where each is shown for more frames than one: film of 24 pictures a second on 25, 30 or 60 frames.

A frame that repeats the one before would look like a thing that stops, and the uneven times of the others like one that speeds up and
slows down. So repeats are left out, and about them the pictures get the even times at which they must have been shot.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .camera_motion import Luma

SAME, SAME_AGAIN = 0.2, 0.4
"""Share of the change before and after it that a repeat may have, and where there lately was one: the codec does not repeat exactly."""
LEAST, LEAST_AGAIN = 30.0, 15.0
"""Change between frames below which nothing moves that a repeat could be told by, and where there lately was one."""
LATELY_SECONDS = 0.25
NEAR = 0.75
"""Frames by which a picture may have been shot before or after it is first shown."""
RUN_SECONDS = 0.09
"""A picture shown for longer is one in which nothing moves."""
ALIKE = (0.55, 2.2)
"""Times the time between pictures there that there may be between others for both to be of one film: where nothing moves, every
frame is kept."""
EVEN = 8
"""Pictures to each side over which times are evened."""


@dataclass(slots=True)
class Exposure:
    """A picture: the number of the first frame that shows it, its luma, when it was shot (seconds); whether it is shown again."""

    number: int
    luma: Luma
    time: float
    again: bool = False
    frame: float = 0.0
    """Seconds between frames there."""


def exposures(frames: Iterable[tuple[Luma, float]]) -> Iterator[Exposure]:
    """The pictures that were shot, in order; a third of a second of them is held."""
    held: deque[Exposure] = deque()
    at = 0  # the first of `held` that has not been given
    for shot in _once(frames):
        held.append(shot)
        if len(held) - at > EVEN:
            yield _evened(held, at)
            at += 1
            if at > EVEN:
                held.popleft()
                at -= 1
    for k in range(at, len(held)):
        yield _evened(held, k)


def _evened(held: deque[Exposure], at: int) -> Exposure:
    """One of the pictures, at its time on the straight line through those about it where any of them is shown again."""
    shot = held[at]
    if not any(each.again for each in held):
        return shot
    first, last = at, at
    gap = (held[min(at + 1, len(held) - 1)].time - held[max(at - 1, 0)].time) / 2
    least, most = ALIKE[0] * gap, ALIKE[1] * gap
    while first > max(0, at - EVEN) and least <= held[first].time - held[first - 1].time <= most:
        first -= 1
    while last < min(len(held) - 1, at + EVEN) and least <= held[last + 1].time - held[last].time <= most:
        last += 1
    places = range(first, last + 1)
    about = [held[k] for k in places]
    if first == last or not any(each.again for each in about):
        return shot
    middle = sum(places) / len(places)
    span = sum((k - middle) ** 2 for k in places)
    slope = sum((k - middle) * each.time for k, each in zip(places, about, strict=True)) / span
    even = sum(each.time for each in about) / len(about) + slope * (at - middle)
    off = min(max(even - shot.time, -NEAR * shot.frame), NEAR * shot.frame)
    return Exposure(shot.number, shot.luma, shot.time + off, shot.again, shot.frame)


def _once(frames: Iterable[tuple[Luma, float]]) -> Iterator[Exposure]:
    """Each frame that is no repeat, at its own time."""
    shot: Exposure | None = None
    run: list[Exposure] = []  # what may be repeats of it
    before = most = 0.0
    lately = -LATELY_SECONDS  # when the last picture was shown again
    for number, (luma, time) in enumerate(frames):
        now = Exposure(number, luma, time)
        if shot is None:
            shot = now
            continue
        last = run[-1] if run else shot
        now.frame = time - last.time
        change = _change(last.luma, luma)
        same, least = (SAME_AGAIN, LEAST_AGAIN) if time - lately < LATELY_SECONDS else (SAME, LEAST)
        short = time - shot.time <= RUN_SECONDS
        if short and before > least and change < same * before:
            run.append(now)
            most = max(most, change)
            continue
        if short and run and change > least and most < same * change:
            shot.again = True
            lately = time
            yield shot
        else:
            yield shot
            yield from run
        shot, run, before, most = now, [], change, 0.0
    if shot is not None:
        yield shot
        if run and run[-1].time - lately >= LATELY_SECONDS:  # else the last picture of a film, shown again
            yield from run


def _change(one: Luma, other: Luma) -> float:
    """How much two frames differ; a few pixels that differ much count for more than many that differ little."""
    apart = one.astype(np.float32)
    apart -= other
    apart *= apart
    flat = apart.ravel()
    return math.sqrt(math.sqrt(flat @ flat))
