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

    from .image_ops import Luma

REPEAT_MAX_CHANGE, RECENT_REPEAT_MAX_CHANGE = 0.2, 0.4
"""Share of the change before and after it that a repeat may have, and where there lately was one: the codec does not repeat exactly."""
REPEAT_MIN_MOTION, RECENT_REPEAT_MIN_MOTION = 30.0, 15.0
"""Change between frames below which nothing moves that a repeat could be told by, and where there lately was one."""
RECENT_SECONDS = 0.25
MAX_RETIME_FRAMES = 0.75
"""Frames by which a picture may have been shot before or after it is first shown."""
MAX_REPEAT_SECONDS = 0.09
"""A picture shown for longer is one in which nothing moves."""
INTERVAL_RATIO_RANGE = (0.55, 2.2)
"""Times the time between pictures there that there may be between others for both to be of one film: where nothing moves, every
frame is kept."""
RETIME_NEIGHBOURS = 8
"""Pictures to each side over which times are evened."""


@dataclass(slots=True)
class SourceFrame:
    """A picture: the number of the first frame that shows it, its luma, when it was shot (seconds); whether it is shown again."""

    number: int
    luma: Luma
    time: float
    is_repeated: bool = False
    frame_seconds: float = 0.0
    """Seconds between frames there."""


def distinct_frames(frames: Iterable[tuple[Luma, float]]) -> Iterator[SourceFrame]:
    """The pictures that were shot, in order; a third of a second of them is held."""
    held: deque[SourceFrame] = deque()
    at = 0  # the first of `buffer` that has not been given
    for shot in _drop_repeats(frames):
        held.append(shot)
        if len(held) - at > RETIME_NEIGHBOURS:
            yield _retime(held, at)
            at += 1
            if at > RETIME_NEIGHBOURS:
                held.popleft()
                at -= 1
    for k in range(at, len(held)):
        yield _retime(held, k)


def _retime(buffer: deque[SourceFrame], index: int) -> SourceFrame:
    """One of the pictures, at its time on the straight line through those about it where any of them is shown again."""
    shot = buffer[index]
    if not any(each.is_repeated for each in buffer):
        return shot
    first, last = index, index
    gap = (buffer[min(index + 1, len(buffer) - 1)].time - buffer[max(index - 1, 0)].time) / 2
    least, most = INTERVAL_RATIO_RANGE[0] * gap, INTERVAL_RATIO_RANGE[1] * gap
    while first > max(0, index - RETIME_NEIGHBOURS) and least <= buffer[first].time - buffer[first - 1].time <= most:
        first -= 1
    while (
        last < min(len(buffer) - 1, index + RETIME_NEIGHBOURS)
        and least <= buffer[last + 1].time - buffer[last].time <= most
    ):
        last += 1
    places = range(first, last + 1)
    about = [buffer[k] for k in places]
    if first == last or not any(each.is_repeated for each in about):
        return shot
    middle = sum(places) / len(places)
    span = sum((k - middle) ** 2 for k in places)
    slope = sum((k - middle) * each.time for k, each in zip(places, about, strict=True)) / span
    even = sum(each.time for each in about) / len(about) + slope * (index - middle)
    off = min(max(even - shot.time, -MAX_RETIME_FRAMES * shot.frame_seconds), MAX_RETIME_FRAMES * shot.frame_seconds)
    return SourceFrame(shot.number, shot.luma, shot.time + off, shot.is_repeated, shot.frame_seconds)


def _drop_repeats(frames: Iterable[tuple[Luma, float]]) -> Iterator[SourceFrame]:
    """Each frame that is no repeat, at its own time."""
    shot: SourceFrame | None = None
    run: list[SourceFrame] = []  # what may be repeats of it
    before = most = 0.0
    lately = -RECENT_SECONDS  # when the last picture was shown again
    for number, (luma, time) in enumerate(frames):
        now = SourceFrame(number, luma, time)
        if shot is None:
            shot = now
            continue
        last = run[-1] if run else shot
        now.frame_seconds = time - last.time
        change = _frame_difference(last.luma, luma)
        same, least = (
            (RECENT_REPEAT_MAX_CHANGE, RECENT_REPEAT_MIN_MOTION)
            if time - lately < RECENT_SECONDS
            else (REPEAT_MAX_CHANGE, REPEAT_MIN_MOTION)
        )
        short = time - shot.time <= MAX_REPEAT_SECONDS
        if short and before > least and change < same * before:
            run.append(now)
            most = max(most, change)
            continue
        if short and run and change > least and most < same * change:
            shot.is_repeated = True
            lately = time
            yield shot
        else:
            yield shot
            yield from run
        shot, run, before, most = now, [], change, 0.0
    if shot is not None:
        yield shot
        if run and run[-1].time - lately >= RECENT_SECONDS:  # else the last picture of a film, shown again
            yield from run


def _frame_difference(first: Luma, second: Luma) -> float:
    """How much two frames differ; a few pixels that differ much count for more than many that differ little."""
    apart = first.astype(np.float32)
    apart -= second
    apart *= apart
    flat = apart.ravel()
    return math.sqrt(math.sqrt(flat @ flat))
