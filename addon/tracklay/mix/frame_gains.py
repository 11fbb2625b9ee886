"""Gains of a host that holds one volume for each frame, as Blender does: the keys that make a curve, and what the host makes of them.

Blender reads a sound's volume where a frame begins, and in its mixdown every 1,024 samples besides; in between it is a straight line to the
value before. Between frames it takes a cubic curve through the volumes of the frames around; up to Blender 5.0 that of the frame before.
`findings/bpy-volume-keys-overshoot.sh` shows it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..cue import SAMPLE_RATE
from .gain_curve import FADE_SAMPLES, GainCurve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Key = tuple[int, float]

MIXDOWN_BLOCK: Final = 1024
"""Samples that Blender's mixdown reads at a time."""

KEY_TOLERANCE: Final = 0.003
"""Part of a volume by which the line between two keys may differ from the frames that it stands for: 0.03 dB."""

_SILENT: Final = 1e-6


@dataclass(frozen=True, slots=True)
class FrameClock:
    """The frames of a timeline against the samples of its mix. Frame 0 is the one on which the mix begins.

    Attributes:
        rate: frames per second.
        is_late: between frames the host takes the volumes of the frame before (Blender up to 5.0).
        origin: the host's number of frame 0.
    """

    rate: Fraction
    is_late: bool = False
    origin: int = 0

    @property
    def frame_samples(self) -> float:
        """Samples of one frame."""
        return float(SAMPLE_RATE / self.rate)

    @property
    def lead(self) -> float:
        """Frames by which the volume that is heard is late on average: keys are as much earlier."""
        return 1.25 if self.is_late else 0.4

    @property
    def reach(self) -> float:
        """Frames before and after in which a volume is most of what is heard."""
        return 0.75 if self.is_late else 0.5

    def first_sample(self, frame: int) -> int:
        """Return the first sample of a frame."""
        return round(frame * SAMPLE_RATE / self.rate)

    # The host's own arithmetic: whether a frame is met exactly, or a sample late, depends on the rounding of its 32-bit floats.

    @property
    def _host_start(self) -> int:
        return int(self.origin * SAMPLE_RATE / self.rate)

    def read_samples(self, frames: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the samples at which the host reads the volumes of frames."""
        seconds = (frames + self.origin).astype(np.float32) / np.float32(self.rate)
        return np.ceil(seconds.astype(np.float64) * SAMPLE_RATE).astype(np.int64) - self._host_start

    def read_frames(self, samples: npt.NDArray[np.int64]) -> Values:
        """Return the frames, whole or not, from which the host reads the volume at samples."""
        frames = ((samples + self._host_start) / SAMPLE_RATE * float(np.float32(self.rate))).astype(np.float32)
        return np.asarray(frames, np.float64) - self.origin


def frame_values(curve: GainCurve, clock: FrameClock, first: int, stop: int, fades: tuple[bool, bool]) -> Values:
    """Return the gain of each frame from `first` to `stop`, both included, so that the curve is heard at its time.

    A fade of the curve that is shorter than a frame takes one: two at the end where the host is late.

    Args:
        curve: level, duck and fades of a sound.
        clock: the frames.
        first: first frame of the sound.
        stop: first frame after it.
        fades: the curve fades in at its start, and out at its end.
    """
    values = inner_values(curve, clock, first, stop, fades)
    if fades[0]:
        values[0] = 0.0
    if fades[1] and stop - first > 1:
        values[-3 if clock.is_late and stop - first > 2 else -2 :] = 0.0
    return values


def inner_values(
    curve: GainCurve, clock: FrameClock, first: int, stop: int, fades: tuple[bool, bool] = (True, True)
) -> Values:
    """Return the gain of each frame as `frame_values` does, without the fades: what is next to them stands in for them."""
    samples = (np.arange(first, stop + 1) + clock.lead) * clock.frame_samples
    begin, end = clock.first_sample(first), clock.first_sample(stop)
    fade = min(FADE_SAMPLES, (end - begin) // 2)
    values: Values = curve.at_samples(np.clip(samples, begin + fade * fades[0], end - fade * fades[1]))
    return values


def limiter_values(limiter: GainCurve, clock: FrameClock, frames: int) -> Values:
    """Return the gain of each frame of a mix with which the host is close to a limiter's gain where it takes most away.

    Each frame has the lowest gain of the time in which its volume is most of what is heard. A peak between two such times is heard a
    little higher than the limiter has it: who needs it lower limits again what is left.

    Args:
        limiter: the limiter's curve.
        clock: the frames.
        frames: frames of the mix.
    """
    middles = np.arange(frames) + clock.lead
    # Within such a time a curve of straight lines is lowest at its ends or at a point.
    begin, end = ((middles + shift) * clock.frame_samples for shift in (-clock.reach, clock.reach))
    values: Values = np.minimum(limiter.at_samples(begin), limiter.at_samples(end))
    for sample, gain in limiter.points:
        place = sample / clock.frame_samples - clock.lead
        first, last = math.ceil(place - clock.reach), math.floor(place + clock.reach)
        values[max(0, first) : max(0, last + 1)] = np.minimum(values[max(0, first) : max(0, last + 1)], gain)
    return values


def keys_of(values: Values, first: int) -> list[Key]:
    """Return the keys between which straight lines make the values of frames, within `KEY_TOLERANCE`: one key if they never change."""
    keys = [(first, float(values[0]))]
    anchor, low, high = 0, -np.inf, np.inf
    for index in range(1, len(values)):
        value, start, run = float(values[index]), float(values[anchor]), index - anchor
        slope = (value - start) / run
        if not low <= slope <= high:
            anchor = index - 1
            keys.append((first + anchor, float(values[anchor])))
            start, run = float(values[anchor]), 1
            slope, low, high = value - start, -np.inf, np.inf
        room = max(_SILENT, KEY_TOLERANCE * value)
        # Lines from the last key that pass this frame closely enough: later keys have to lie within all of these.
        low, high = max(low, slope - room / run), min(high, slope + room / run)
    if len(keys) > 1 or abs(float(values[-1]) - keys[0][1]) > max(_SILENT, KEY_TOLERANCE * keys[0][1]):
        keys.append((first + len(values) - 1, float(values[-1])))
    return keys


def values_of(keys: Sequence[tuple[float, float]], first: int, stop: int) -> Values:
    """Return the values that keys make of the frames from `first` to `stop`, both included."""
    frames, values = zip(*keys, strict=True)
    made: Values = np.interp(np.arange(first, stop + 1), frames, values)
    return made


def heard_curve(values: Values, first: int, clock: FrameClock) -> GainCurve:
    """Return the gain that the host's mixdown makes of the volumes of frames.

    Args:
        values: volume of each frame from `first` on, with one for the frame after the sound.
        first: first frame of the sound.
        clock: the frames.
    """
    begin, end = clock.first_sample(first), clock.first_sample(first + len(values) - 1)
    if np.ptp(values) <= _SILENT:
        return GainCurve(((begin, float(values[0])),))
    frames = clock.read_samples(np.arange(first, first + len(values)))
    blocks = np.arange(-(-begin // MIXDOWN_BLOCK), end // MIXDOWN_BLOCK + 1) * MIXDOWN_BLOCK
    exact = np.append(blocks, begin)
    # A frame that is met exactly where a block begins is not met again a sample late.
    starts = np.unique(np.concatenate([exact, frames[~np.isin(frames - 1, exact)]]))
    starts = starts[(starts >= begin) & (starts < end)]
    read = _between_frames(values, clock.read_frames(starts) - first, is_late=clock.is_late)
    points = zip([begin, *starts[1:].tolist(), end], [float(read[0]), *read.tolist()], strict=True)
    return GainCurve(tuple(points)).simplified()


def _between_frames(values: Values, places: Values, *, is_late: bool) -> Values:
    """Return the host's cubic curve through values at places in frames."""
    whole = np.floor(places).astype(np.int64)
    part = places - whole
    last = len(values) - 1

    def at(shift: int) -> Values:
        taken: Values = values[np.clip(whole + shift, 0, last)]
        return taken

    before, here, after, then = at(-1), at(0), at(1), at(2)
    start, stop = (before, here) if is_late else (here, after)
    square, cube = part**2, part**3
    curve: Values = (
        (2 * cube - 3 * square + 1) * start
        + (cube - 2 * square + part) * (after - before) / 2
        + (3 * square - 2 * cube) * stop
        + (cube - square) * (then - here) / 2
    )
    return np.where(part > 0, curve, here)
