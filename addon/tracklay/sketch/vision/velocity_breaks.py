"""Detects abrupt velocity changes in a tracked path, which indicate impacts.

For each interval between two samples the velocity just before it is compared with the velocity just after. Gravity and the
turn of a pendulum change it little in so short a time, and a soft stop changes it before and after as well. An impact changes
it on one interval and nowhere around. Lengths are in frame widths, times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

FloatSeries = npt.NDArray[np.float64]
"""One number for each sample of a track."""
Trajectory = npt.NDArray[np.complex128]
"""One position for each sample of a track: x + iy."""

VELOCITY_WINDOW_SECONDS = 0.034
"""Time over which a velocity is measured: one frame at 24 to 30 fps, two at 60, where one would measure mostly noise."""
MAX_GAP_SECONDS = 0.11
"""No break is reported across a longer gap in the samples: the path in between is unknown."""
MERGE_SECONDS = 0.06
"""Only the strongest of several breaks closer than this is reported."""
MIN_VELOCITY_CHANGE = 0.19
MIN_SPEED_BEFORE = 0.1
"""Widths per second: with a smaller change, or a slower approach, an impact would be inaudible and is mostly noise."""
MAX_CHANGE_COSINE = -0.5
"""Cosine of the angle between the velocity before and its change: an impact takes motion away or reverses it, so it is negative.
A start or a push from behind is not."""
CONTEXT_SECONDS = 0.15
"""Time before and after a break in which the velocity must be steady."""
MIN_CHANGE_SHARE = 0.85
"""Least share of the whole velocity change within the context that falls on the one interval."""
LARGE_VELOCITY_CHANGE = 0.5
MIN_LARGE_CHANGE_SHARE = 0.75
"""The same for a change of at least that many widths per second, which is hardly noise."""
MIN_CHANGE_TO_NOISE = 3.0
"""Least ratio of the change to the median deviation of the velocity from sample to sample nearby."""
MIN_PATH_LENGTH = 0.006
"""Least length of the path just before, about one pixel: shorter ones are jitter."""
INTERSECTION_TOLERANCE = 0.75
"""Share of the interval by which the two straight lines may intersect outside it: their slopes are noisy."""


@dataclass(frozen=True, slots=True)
class VelocityBreak:
    """One abrupt change of velocity.

    Attributes:
        time: seconds, interpolated between the samples.
        sample_index: index of the last sample before it.
        velocity_before: widths per second.
        velocity_after: widths per second.
    """

    time: float
    sample_index: int
    velocity_before: complex
    velocity_after: complex


def velocity_window_samples(times: FloatSeries) -> int:
    """Return the number of samples over which a velocity is measured."""
    interval: float = median(np.diff(times).tolist())
    return max(1, round(VELOCITY_WINDOW_SECONDS / interval))


def find_velocity_breaks(
    times: FloatSeries, trajectory: Trajectory, min_path_length: float = MIN_PATH_LENGTH
) -> list[VelocityBreak]:
    """Return the breaks of a path, largest first.

    Args:
        times: seconds, increasing.
        trajectory: the position at each time, in widths, camera motion removed.
        min_path_length: least length of the path before a break, in widths.
    """
    if times.size < 4:
        return []
    window = velocity_window_samples(times)
    if times.size < 2 * window + 2:
        return []
    # velocity[k]: from sample k to sample k + window.
    velocity = (trajectory[window:] - trajectory[:-window]) / (times[window:] - times[:-window])
    before, after = velocity[: -window - 1], velocity[window + 1 :]
    last_sample = np.arange(before.size) + window  # the sample before each interval
    change = after - before
    magnitude = np.abs(change)
    is_opposed = (change * before.conjugate()).real <= MAX_CHANGE_COSINE * magnitude * np.abs(before)
    is_gapless = (
        times[last_sample + 1 + window] - times[last_sample - window] < MAX_GAP_SECONDS + 2 * VELOCITY_WINDOW_SECONDS
    )
    is_candidate = (magnitude >= MIN_VELOCITY_CHANGE) & (np.abs(before) >= MIN_SPEED_BEFORE) & is_opposed & is_gapless
    found: list[VelocityBreak] = []
    tried: list[float] = []
    # Largest first: of neighbouring intervals that share one impact, the largest change is the interval that contains it.
    for k in np.argsort(-magnitude):
        if magnitude[k] < MIN_VELOCITY_CHANGE:
            break
        middle = float(times[last_sample[k]] + times[last_sample[k] + 1]) / 2
        if not is_candidate[k] or any(abs(middle - other) < MERGE_SECONDS for other in tried):
            continue
        tried.append(middle)
        index = int(last_sample[k])
        direction = complex(change[k] / magnitude[k])
        time = _intersection_time(times, trajectory, index, complex(before[k]), complex(after[k]))
        other_breaks = [velocity_break.sample_index for velocity_break in found]
        if time is not None and _is_abrupt(
            times, trajectory, index, window, direction, float(magnitude[k]), min_path_length, other_breaks
        ):
            found.append(VelocityBreak(time, index, complex(before[k]), complex(after[k])))
    return found


def _intersection_time(
    times: FloatSeries, trajectory: Trajectory, sample_index: int, velocity_before: complex, velocity_after: complex
) -> float | None:
    """Return the time at which the line up to sample `sample_index` intersects the line from the next sample on.

    In two dimensions the lines hardly ever meet; the time is that of their smallest distance along the velocity change. None
    where it is too far outside the interval: the path then changed on more than one interval.
    """
    change = velocity_after - velocity_before
    interval = float(times[sample_index + 1] - times[sample_index])
    # The distance between the two lines at the time of `sample_index`.
    gap = trajectory[sample_index + 1] - velocity_after * interval - trajectory[sample_index]
    delay = -float((gap * change.conjugate()).real) / abs(change) ** 2
    if not -INTERSECTION_TOLERANCE * interval <= delay <= (1 + INTERSECTION_TOLERANCE) * interval:
        return None
    return float(times[sample_index]) + min(max(delay, -interval / 2), 1.5 * interval)


def _is_abrupt(
    times: FloatSeries,
    trajectory: Trajectory,
    sample_index: int,
    window: int,
    direction: complex,
    velocity_change: float,
    min_path_length: float,
    other_breaks: list[int],
) -> bool:
    """Return whether the velocity changes on this interval and hardly around it, and exceeds the noise there.

    Only the component along the change is examined. The context ends at other breaks of the path.
    """
    begin = int(np.searchsorted(times, times[sample_index] - CONTEXT_SECONDS))
    end = int(np.searchsorted(times, times[sample_index + 1] + CONTEXT_SECONDS, side="right"))
    begin = max([begin, *(other + 1 for other in other_breaks if other < sample_index - window)])
    end = min([end, *(other + 1 for other in other_breaks if other > sample_index + window)])
    along = (trajectory[begin:end] * direction.conjugate()).real
    context_times, index = times[begin:end], sample_index - begin
    speed = (along[window:] - along[:-window]) / (context_times[window:] - context_times[:-window])
    # Without the velocities measured across the interval itself.
    before, after = speed[: index - window + 1], speed[index + 1 :]
    if not before.size or not after.size or np.ptp(along[: index + 1]) < min_path_length:
        return False
    whole_change = float(after.max() - before.min())
    accelerations = np.concatenate([np.diff(before), np.diff(after)])
    # The median removed: a constant acceleration, gravity, is not noise.
    noise = median(np.abs(accelerations - median(accelerations.tolist())).tolist()) if accelerations.size > 2 else 0.0
    min_share = MIN_CHANGE_SHARE if velocity_change < LARGE_VELOCITY_CHANGE else MIN_LARGE_CHANGE_SHARE
    return velocity_change >= min_share * whole_change and velocity_change > MIN_CHANGE_TO_NOISE * noise
