"""Finds where a path breaks: the instants at which a thing's velocity changes at once, as it does when it strikes something.

The velocity just before and just after each frame interval is compared. Gravity and a swing's slow turn change it little in so
short a time, a smooth stop changes it before and after as well; only a strike changes it there and nowhere about.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Path = npt.NDArray[np.complex128]

SPEED_SECONDS = 0.034
"""A velocity is taken over this long, or over one frame where frames are longer."""
LOST_SECONDS = 0.11
"""Across a longer gap nothing is said."""
ONE_SECONDS = 0.06
"""Breaks of one path closer than this are one."""
LEAST_JUMP = 0.19
LEAST_SPEED = 0.1
"""Widths a second: change of velocity and speed before, below which nothing struck."""
AGAINST = -0.5
"""Cosine between the velocity before and its change: a strike takes motion away."""
NEAR_SECONDS = 0.15
"""To each side: what a break is held against."""
AT_ONCE = 0.85
"""Share of the whole change of velocity nearby that must fall on the one interval."""
PLAIN_JUMP = 0.5
AT_ONCE_PLAIN = 0.75
"""A change of velocity as large as that (widths a second) need not stand so much alone."""
STANDS_OUT = 3.0
"""Times the usual unevenness of the velocity nearby."""
LEAST_PATH = 0.006
"""Widths gone just before, about one pixel of luma."""
BESIDE = 0.75
"""Share of the interval by which the two lines may meet outside it."""


@dataclass(frozen=True, slots=True)
class Jolt:
    """One break: when (seconds), the number of the sample before it, velocity before and after (widths a second)."""

    time: float
    sample: int
    before: complex
    after: complex


def window(times: Points) -> int:
    """Samples over which a velocity is taken."""
    step: float = median(np.diff(times).tolist())
    return max(1, round(SPEED_SECONDS / step))


def jolts(times: Points, path: Path, least_path: float = LEAST_PATH) -> list[Jolt]:
    """The breaks of a path; `times` in seconds, `path` complex in widths, one place for each time."""
    if times.size < 4:
        return []
    count = window(times)
    if times.size < 2 * count + 2:
        return []
    velocity = (path[count:] - path[:-count]) / (times[count:] - times[:-count])  # [k]: from sample k to k + count
    before, after = velocity[: -count - 1], velocity[count + 1 :]
    last = np.arange(before.size) + count  # the sample before each interval
    jump = after - before
    size = np.abs(jump)
    against = (jump * before.conjugate()).real <= AGAINST * size * np.abs(before)
    short = times[last + 1 + count] - times[last - count] < LOST_SECONDS + 2 * SPEED_SECONDS
    may = (size >= LEAST_JUMP) & (np.abs(before) >= LEAST_SPEED) & against & short
    found: list[Jolt] = []
    tried: list[float] = []
    for k in np.argsort(-size):
        middle = float(times[last[k]] + times[last[k] + 1]) / 2
        if size[k] < LEAST_JUMP:
            break
        if not may[k] or any(abs(middle - other) < ONE_SECONDS for other in tried):
            continue
        tried.append(middle)
        b = int(last[k])
        towards = complex(jump[k] / size[k])
        time = _meeting(times, path, b, complex(before[k]), complex(after[k]))
        others = [jolt.sample for jolt in found]
        if time is not None and _at_once(times, path, b, count, towards, float(size[k]), least_path, others):
            found.append(Jolt(time, b, complex(before[k]), complex(after[k])))
    return found


def _meeting(times: Points, path: Path, b: int, before: complex, after: complex) -> float | None:
    """When the line that led to sample `b` meets the line that leads from the next, or None where they miss the interval."""
    jump = after - before
    step = float(times[b + 1] - times[b])
    came = path[b + 1] - after * step - path[b]
    wait = -float((came * jump.conjugate()).real) / abs(jump) ** 2
    if not -BESIDE * step <= wait <= (1 + BESIDE) * step:
        return None
    return float(times[b]) + min(max(wait, -step / 2), 1.5 * step)


def _at_once(
    times: Points, path: Path, b: int, count: int, towards: complex, jump: float, least_path: float, others: list[int]
) -> bool:
    """Whether the velocity changes on that interval and little about it, and stands out from its unevenness there."""
    lo = int(np.searchsorted(times, times[b] - NEAR_SECONDS))
    hi = int(np.searchsorted(times, times[b + 1] + NEAR_SECONDS, side="right"))
    lo = max([lo, *(other + 1 for other in others if other < b - count)])
    hi = min([hi, *(other + 1 for other in others if other > b + count)])
    along = (path[lo:hi] * towards.conjugate()).real
    t, at = times[lo:hi], b - lo
    speed = (along[count:] - along[:-count]) / (t[count:] - t[:-count])
    before, after = speed[: at - count + 1], speed[at + 1 :]
    if not before.size or not after.size or np.ptp(along[: at + 1]) < least_path:
        return False
    whole = float(after.max() - before.min())
    turns = np.concatenate([np.diff(before), np.diff(after)])
    rough = median(np.abs(turns - median(turns.tolist())).tolist()) if turns.size > 2 else 0.0
    share = AT_ONCE if jump < PLAIN_JUMP else AT_ONCE_PLAIN
    return jump >= share * whole and jump > STANDS_OUT * rough
