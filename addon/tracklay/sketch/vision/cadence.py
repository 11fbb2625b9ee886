"""Cadence removal: drops repeated frames and restores the times at which the others were shot.

Film of 24 frames per second on 25, 30 or 60 fps is shown by repeating frames. A repeated frame would look like an object that stops,
and the uneven times of the others like one that speeds up and slows down. So repeats are dropped, and the frames around them
get the evenly spaced times at which they must have been shot.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .image_ops import Luma

REPEAT_MAX_CHANGE, RECENT_REPEAT_MAX_CHANGE = 0.2, 0.4
"""Largest change of a repeat, as a share of the change before and after it. A codec does not repeat a frame exactly, so it is
not zero. The second value is for material that had a repeat recently: another one is then likely."""
REPEAT_MIN_MOTION, RECENT_REPEAT_MIN_MOTION = 30.0, 15.0
"""Smallest change between frames (as `_frame_difference` measures it) that counts as motion: below it a repeat and a still
picture look the same. The second value is again for material that had a repeat recently."""
RECENT_SECONDS = 0.25
"""Time for which a repeat counts as recent: 24 fps on 30 repeats every sixth of a second, on 25 once a second."""
DOUBLED_MAX_CHANGE = 3.0
"""Largest change (as `_frame_difference` measures it) of a repeat in material that shows every frame twice, also while nothing moves."""
MAX_RETIME_FRAMES = 0.75
"""Largest correction of a time, in frames: a repeat delays a frame by less than one."""
MAX_REPEAT_SECONDS = 0.09
"""A frame shown for longer is not film (whose frames last 0.042 s) but a picture in which nothing moves."""
INTERVAL_RATIO_RANGE = (0.55, 2.2)
"""Range of the intervals that belong to one cadence, relative to the interval of the frame. A longer or shorter one marks a change:
where nothing moves, for example, every frame is kept, repeats included."""
RETIME_NEIGHBOURS = 8
"""Frames to each side over which the times are fitted: a third of a second, two periods of 24 fps on 30."""


@dataclass(slots=True)
class SourceFrame:
    """A frame that was shot, as opposed to a repeat."""

    number: int
    """Index of the first frame of the clip that shows it."""
    luma: Luma
    time: float
    """Seconds at which it was shot, or first shown where no repeat is nearby."""
    is_repeated: bool = False
    frame_seconds: float = 0.0
    """Interval between the clip's frames there."""


def distinct_frames(frames: Iterable[tuple[Luma, float]]) -> Iterator[SourceFrame]:
    """Yield the frames that were shot, in order, with their times.

    Args:
        frames: each frame of the clip with its time in seconds. A third of a second of them is held.
    """
    buffer: deque[SourceFrame] = deque()
    next_index = 0  # of the first frame in the buffer that was not yielded
    for frame in _drop_repeats(frames):
        buffer.append(frame)
        if len(buffer) - next_index > RETIME_NEIGHBOURS:
            yield _retime(buffer, next_index)
            next_index += 1
            if next_index > RETIME_NEIGHBOURS:
                buffer.popleft()
                next_index -= 1
    for index in range(next_index, len(buffer)):
        yield _retime(buffer, index)


def _retime(buffer: deque[SourceFrame], index: int) -> SourceFrame:
    """Return one of the frames with its time from a line fitted through its neighbours, if any of them is repeated."""
    frame = buffer[index]
    if not any(other.is_repeated for other in buffer):
        return frame
    # The neighbours of the same cadence: outwards until an interval differs too much from those beside the frame.
    first, last = index, index
    interval = (buffer[min(index + 1, len(buffer) - 1)].time - buffer[max(index - 1, 0)].time) / 2
    shortest, longest = INTERVAL_RATIO_RANGE[0] * interval, INTERVAL_RATIO_RANGE[1] * interval
    while (
        first > max(0, index - RETIME_NEIGHBOURS) and shortest <= buffer[first].time - buffer[first - 1].time <= longest
    ):
        first -= 1
    while (
        last < min(len(buffer) - 1, index + RETIME_NEIGHBOURS)
        and shortest <= buffer[last + 1].time - buffer[last].time <= longest
    ):
        last += 1
    indices = range(first, last + 1)
    neighbours = [buffer[k] for k in indices]
    if first == last or not any(other.is_repeated for other in neighbours):
        return frame
    # Linear regression of time over index: film has even times, so the line through them is the film's clock.
    mean_index = sum(indices) / len(indices)
    spread = sum((k - mean_index) ** 2 for k in indices)
    slope = sum((k - mean_index) * other.time for k, other in zip(indices, neighbours, strict=True)) / spread
    fitted = sum(other.time for other in neighbours) / len(neighbours) + slope * (index - mean_index)
    limit = MAX_RETIME_FRAMES * frame.frame_seconds
    correction = min(max(fitted - frame.time, -limit), limit)
    return SourceFrame(frame.number, frame.luma, frame.time + correction, frame.is_repeated, frame.frame_seconds)


def _drop_repeats(frames: Iterable[tuple[Luma, float]]) -> Iterator[SourceFrame]:
    """Yield each frame that is not a repeat, at its own time.

    A candidate for a repeat is confirmed only when the picture moves on after it: it changed little, the frames before and
    after it much. Otherwise the candidates are frames of something that slows down, and all are kept. Two confirmed repeats with one
    frame between them show that every frame is shown twice: then each second one is a repeat until one changed, as motion that stops
    must not change how the frames after it are counted.
    """
    current: SourceFrame | None = None
    candidates: list[SourceFrame] = []  # possible repeats of `current`
    change_before = largest_change = 0.0  # from the frame before `current` to it; among the candidates
    last_repeat_time = last_time = -RECENT_SECONDS
    last_repeat, is_doubled = -1, False  # the last frame that was the only repeat of another
    for number, (luma, time) in enumerate(frames):
        frame = SourceFrame(number, luma, time, frame_seconds=time - last_time)
        last_time = time
        if current is None:
            frame.frame_seconds = 0.0
            current = frame
            continue
        previous = candidates[-1] if candidates else current
        change = _frame_difference(previous.luma, luma)
        if is_doubled and number == last_repeat + 2:
            is_doubled = change < max(DOUBLED_MAX_CHANGE, RECENT_REPEAT_MAX_CHANGE * change_before)
            if is_doubled:
                current.is_repeated = True
                last_repeat, last_repeat_time = number, time
                continue
        max_change, min_motion = (
            (RECENT_REPEAT_MAX_CHANGE, RECENT_REPEAT_MIN_MOTION)
            if time - last_repeat_time < RECENT_SECONDS
            else (REPEAT_MAX_CHANGE, REPEAT_MIN_MOTION)
        )
        # While every frame is shown twice, the one after a repeat is none.
        is_short = not is_doubled and time - current.time <= MAX_REPEAT_SECONDS
        if is_short and change_before > min_motion and change < max_change * change_before:
            candidates.append(frame)
            largest_change = max(largest_change, change)
            continue
        if is_short and candidates and change > min_motion and largest_change < max_change * change:
            current.is_repeated = True
            last_repeat_time = time
            is_doubled = len(candidates) == 1 and number - 1 == last_repeat + 2
            last_repeat = number - 1 if len(candidates) == 1 else -1
            yield current
        else:
            yield current
            yield from candidates
        current, candidates, change_before, largest_change = frame, [], change, 0.0
    if current is not None:
        yield current
        # At the end nothing confirms the candidates; those shortly after a repeat are taken for repeats.
        if candidates and candidates[-1].time - last_repeat_time >= RECENT_SECONDS:
            yield from candidates


def _frame_difference(first: Luma, second: Luma) -> float:
    """Return the difference of two frames: the fourth root of the sum of the fourth powers over all pixels.

    A few pixels that differ much, a small moving object, count for more than many that differ little, the codec's noise.
    """
    # In bytes as long as possible: sixteen of them are processed at a time. The square of a byte fits in 16 bits.
    difference = np.maximum(first, second)
    difference -= np.minimum(first, second)
    squared = difference.astype(np.uint16)
    squared *= squared
    squares = squared.astype(np.float32).ravel()
    return math.sqrt(math.sqrt(squares @ squares))
