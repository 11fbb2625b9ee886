"""Finds where a path breaks: the instants at which a thing's velocity changes at once, as it does when it strikes something.

The velocity just before and just after each frame interval is compared. Gravity and a swing's slow turn change it little in so
short a time, a smooth stop changes it before and after as well; only a strike changes it there and nowhere about.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

FloatSeries = npt.NDArray[np.float64]
Trajectory = npt.NDArray[np.complex128]

VELOCITY_WINDOW_SECONDS = 0.034
"""A velocity is taken over this long, or over one frame where frames are longer."""
MAX_GAP_SECONDS = 0.11
"""Across a longer gap nothing is said."""
MERGE_SECONDS = 0.06
"""Breaks of one path closer than this are one."""
MIN_VELOCITY_CHANGE = 0.19
MIN_SPEED_BEFORE = 0.1
"""Widths a second: change of velocity and speed before, below which nothing struck."""
MAX_CHANGE_COSINE = -0.5
"""Cosine between the velocity before and its change: a strike takes motion away."""
CONTEXT_SECONDS = 0.15
"""To each side: what a break is held against."""
MIN_CHANGE_SHARE = 0.85
"""Share of the whole change of velocity nearby that must fall on the one interval."""
LARGE_VELOCITY_CHANGE = 0.5
MIN_LARGE_CHANGE_SHARE = 0.75
"""A change of velocity as large as that (widths a second) need not stand so much alone."""
MIN_CHANGE_TO_NOISE = 3.0
"""Times the usual unevenness of the velocity nearby."""
MIN_PATH_LENGTH = 0.006
"""Widths gone just before, about one pixel of luma."""
INTERSECTION_TOLERANCE = 0.75
"""Share of the interval by which the two lines may meet outside it."""


@dataclass(frozen=True, slots=True)
class VelocityBreak:
    """One break: when (seconds), the number of the sample before it, velocity before and after (widths a second)."""

    time: float
    sample_index: int
    velocity_before: complex
    velocity_after: complex


def velocity_window_samples(times: FloatSeries) -> int:
    """Samples over which a velocity is taken."""
    step: float = median(np.diff(times).tolist())
    return max(1, round(VELOCITY_WINDOW_SECONDS / step))


def find_velocity_breaks(
    times: FloatSeries, trajectory: Trajectory, min_path_length: float = MIN_PATH_LENGTH
) -> list[VelocityBreak]:
    """The breaks of a path; `times` in seconds, `trajectory` complex in widths, one place for each time."""
    if times.size < 4:
        return []
    count = velocity_window_samples(times)
    if times.size < 2 * count + 2:
        return []
    velocity = (trajectory[count:] - trajectory[:-count]) / (
        times[count:] - times[:-count]
    )  # [k]: from sample k to k + count
    before, after = velocity[: -count - 1], velocity[count + 1 :]
    last = np.arange(before.size) + count  # the sample before each interval
    jump = after - before
    size = np.abs(jump)
    against = (jump * before.conjugate()).real <= MAX_CHANGE_COSINE * size * np.abs(before)
    short = times[last + 1 + count] - times[last - count] < MAX_GAP_SECONDS + 2 * VELOCITY_WINDOW_SECONDS
    may = (size >= MIN_VELOCITY_CHANGE) & (np.abs(before) >= MIN_SPEED_BEFORE) & against & short
    found: list[VelocityBreak] = []
    tried: list[float] = []
    for k in np.argsort(-size):
        middle = float(times[last[k]] + times[last[k] + 1]) / 2
        if size[k] < MIN_VELOCITY_CHANGE:
            break
        if not may[k] or any(abs(middle - other) < MERGE_SECONDS for other in tried):
            continue
        tried.append(middle)
        b = int(last[k])
        towards = complex(jump[k] / size[k])
        time = _intersection_time(times, trajectory, b, complex(before[k]), complex(after[k]))
        others = [jolt.sample_index for jolt in found]
        if time is not None and _is_abrupt(
            times, trajectory, b, count, towards, float(size[k]), min_path_length, others
        ):
            found.append(VelocityBreak(time, b, complex(before[k]), complex(after[k])))
    return found


def _intersection_time(
    times: FloatSeries, trajectory: Trajectory, sample_index: int, velocity_before: complex, velocity_after: complex
) -> float | None:
    """When the line that led to sample `sample_index` meets the line that leads from the next, or None where they miss the interval."""
    jump = velocity_after - velocity_before
    step = float(times[sample_index + 1] - times[sample_index])
    came = trajectory[sample_index + 1] - velocity_after * step - trajectory[sample_index]
    wait = -float((came * jump.conjugate()).real) / abs(jump) ** 2
    if not -INTERSECTION_TOLERANCE * step <= wait <= (1 + INTERSECTION_TOLERANCE) * step:
        return None
    return float(times[sample_index]) + min(max(wait, -step / 2), 1.5 * step)


def _is_abrupt(
    times: FloatSeries,
    trajectory: Trajectory,
    sample_index: int,
    window_samples: int,
    direction: complex,
    velocity_change: float,
    min_path_length: float,
    other_breaks: list[int],
) -> bool:
    """Whether the velocity changes on that interval and little about it, and stands out from its unevenness there."""
    lo = int(np.searchsorted(times, times[sample_index] - CONTEXT_SECONDS))
    hi = int(np.searchsorted(times, times[sample_index + 1] + CONTEXT_SECONDS, side="right"))
    lo = max([lo, *(other + 1 for other in other_breaks if other < sample_index - window_samples)])
    hi = min([hi, *(other + 1 for other in other_breaks if other > sample_index + window_samples)])
    along = (trajectory[lo:hi] * direction.conjugate()).real
    t, at = times[lo:hi], sample_index - lo
    speed = (along[window_samples:] - along[:-window_samples]) / (t[window_samples:] - t[:-window_samples])
    before, after = speed[: at - window_samples + 1], speed[at + 1 :]
    if not before.size or not after.size or np.ptp(along[: at + 1]) < min_path_length:
        return False
    whole = float(after.max() - before.min())
    turns = np.concatenate([np.diff(before), np.diff(after)])
    rough = median(np.abs(turns - median(turns.tolist())).tolist()) if turns.size > 2 else 0.0
    share = MIN_CHANGE_SHARE if velocity_change < LARGE_VELOCITY_CHANGE else MIN_LARGE_CHANGE_SHARE
    return velocity_change >= share * whole and velocity_change > MIN_CHANGE_TO_NOISE * rough
