"""Levels of parts: their difference over an overlap, and the gains of all parts that take the differences out.

The gains of all parts are solved together, with a pull to 0 dB: a chain of corrections, each on top of the one before, would drift.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..cue import SAMPLE_RATE
from ..listening.loudness import OFFSET_LUFS, SILENCE_LUFS, k_weighting_response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from ..listening.spectrum import Samples

    Curve = npt.NDArray[np.float64]

SEAM_LIMIT_DB = 6.0
"""Highest gain of a side at a seam. It is eased back over the part."""

LEVEL_LIMIT_DB = 4.0
"""Highest gain of a whole part, used where both sides of a seam at their limits still differ: with it parts up to 10 dB from their mean
meet."""

FRAME_SECONDS, HOP_SECONDS = 0.05, 0.025
"""Frames in which the levels of an overlap are compared."""

OUTLIER_DB = 6.0
"""A frame whose level difference is this far from the median has an event on one side only, and does not count."""

LEAST_SECONDS, SURE_SECONDS = 0.1, 0.25
"""Sound of both sides from which a level difference counts, and from which it counts fully: less is single events."""

MATCH_WEIGHT, SLOPE_WEIGHT, LEVEL_WEIGHT = 1e4, 0.5, 20.0
"""Weights of a seam's remaining step, of a part's change of gain and of a whole part's gain, against the gains at seams."""

STEP_DB = 0.02
"""A remaining step above this is worth moving a whole part."""

ROUNDS = 60
"""Solutions at most: each changes which gains are at their limits, and a few are enough."""


class PartGains(NamedTuple):
    """Gains of parts in dB, (parts,) each: at the part's start and end, beyond `level`, which holds for the whole part."""

    start: Curve
    end: Curve
    level: Curve


@cache
def _weighting(size: int, sample_rate: int) -> Curve:
    """Return the K-weighting's gain of power in each bin of a transform, for a Hann window's frames to mean power."""
    response = np.abs(k_weighting_response(8192)) ** 2
    known = np.arange(len(response)) * (SAMPLE_RATE / 8192)
    gains = np.interp(np.arange(size // 2 + 1) * (sample_rate / size), known, response)
    weights: Curve = gains * 2 / (size * np.sum(np.hanning(size + 1)[:-1] ** 2))
    return weights


def weighted_powers(sound: Samples, sample_rate: int) -> Curve:
    """Return the K-weighted power of each frame of a sound (BS.1770), all channels added. A sound shorter than a frame is one frame."""
    size, hop = round(FRAME_SECONDS * sample_rate), round(HOP_SECONDS * sample_rate)
    if len(sound) < size:
        sound = np.pad(sound, ((0, size - len(sound)), (0, 0)))
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(sound, size, axis=0)[::hop]
    spectra = np.fft.rfft(frames * window, axis=2)
    powers: Curve = (spectra.real**2 + spectra.imag**2).sum(axis=1) @ _weighting(size, sample_rate)
    return powers


def weighted_correlation(left: Samples, right: Samples, sample_rate: int) -> float:
    """Return the K-weighted correlation of the two sides of a crossfade, -1 to 1: its middle, where both are heard, counts most.

    With it the crossfade keeps the loudness; with the plain one it would keep the power, to which bass adds more than is heard.
    """
    count = len(left)
    shape = np.sqrt(np.sin((np.arange(count) + 0.5) * (np.pi / count)))[:, None]
    size = 1 << (count - 1).bit_length()
    weights = np.sqrt(_weighting(size, sample_rate))[:, None]
    one, other = (np.fft.rfft(sound * shape, size, axis=0) * weights for sound in (left, right))
    energy = float(np.vdot(one, one).real) * float(np.vdot(other, other).real)
    return float(np.vdot(one, other).real) / float(np.sqrt(energy)) if energy > 0 else 0.0


class LevelDifference(NamedTuple):
    """Level of the left of two sounds over that of the right, in dB (K-weighted), and how sure that is, 0 to 1."""

    decibels: float
    sureness: float


def level_difference(left: Samples, right: Samples, sample_rate: int) -> LevelDifference | None:
    """Return the level difference of two sounds of one length; None where one of them is silent or the two sound too briefly.

    Events that only one of the two has do not count.
    """
    silence = 10 ** ((SILENCE_LUFS - OFFSET_LUFS) / 10)
    powers = np.stack([weighted_powers(left, sample_rate), weighted_powers(right, sample_rate)])
    powers = powers[:, (powers > silence).all(axis=0)]
    if not powers.shape[1]:
        return None
    steps = 10 * np.log10(powers[0] / powers[1])
    counted = powers[:, np.abs(steps - np.median(steps)) <= OUTLIER_DB]
    seconds = HOP_SECONDS * counted.shape[1]
    if seconds < LEAST_SECONDS:
        return None
    return LevelDifference(float(10 * np.log10(counted[0].sum() / counted[1].sum())), min(1.0, seconds / SURE_SECONDS))


def beside_difference(left: Samples, right: Samples, sample_rate: int) -> LevelDifference | None:
    """Return the level difference of two sounds of different moments, as `level_difference`. Events of either do not count."""
    silence = 10 ** ((SILENCE_LUFS - OFFSET_LUFS) / 10)
    means, seconds = [], []
    for sound in (left, right):
        powers = weighted_powers(sound, sample_rate)
        powers = powers[powers > silence]
        if not len(powers):
            return None
        powers = powers[powers <= np.median(powers) * 10 ** (OUTLIER_DB / 10)]
        means.append(float(powers.mean()))
        seconds.append(HOP_SECONDS * len(powers))
    if min(seconds) < LEAST_SECONDS:
        return None
    return LevelDifference(float(10 * np.log10(means[0] / means[1])), min(1.0, min(seconds) / SURE_SECONDS))


def solve_gains(
    differences: Sequence[LevelDifference | None], headroom_db: Sequence[float], fixed: Sequence[bool]
) -> PartGains:
    """Return the gains that make neighbours equally loud at every seam, as far as the limits allow.

    Args:
        differences: for each seam; of an unsure one, a part is taken out. None where it is unknown.
        headroom_db: for each part, how far it may be raised.
        fixed: for each part, whether it keeps its level.
    """
    count = len(headroom_db)
    low, high = np.zeros((count, 3)), np.zeros((count, 3))
    headroom = np.clip(np.array(headroom_db), 0, None)
    movable = ~np.array(fixed)
    # The first part's start and the last one's end keep their level: gains are eased back to 0 there.
    low[1:, 0], high[1:, 0] = -SEAM_LIMIT_DB, np.minimum(SEAM_LIMIT_DB, headroom)[1:]
    low[:-1, 1], high[:-1, 1] = -SEAM_LIMIT_DB, np.minimum(SEAM_LIMIT_DB, headroom)[:-1]
    low[~movable], high[~movable] = 0, 0
    matched = {
        seam: difference.decibels * difference.sureness
        for seam, difference in enumerate(differences)
        if difference is not None
    }
    system = _ChainSystem(count, matched)
    while True:
        gains = system.solve(low, high)
        steps = np.zeros(count)
        for seam, difference in matched.items():
            left, right = gains[seam, 1] + gains[seam, 2], gains[seam + 1, 0] + gains[seam + 1, 2]
            step = abs(left - right + difference) > STEP_DB
            steps[seam : seam + 2] = np.maximum(steps[seam : seam + 2], step)
        freed = (steps > 0) & movable & (low[:, 2] == 0) & (high[:, 2] == 0)
        if not freed.any():
            return PartGains(gains[:, 0], gains[:, 1], gains[:, 2])
        low[freed, 2] = -LEVEL_LIMIT_DB
        # With the gain at a seam, a part stays within its headroom.
        high[freed, 2] = np.clip(headroom[freed] - SEAM_LIMIT_DB, 1e-6, LEVEL_LIMIT_DB)


class _ChainSystem:
    """The normal equations of the gains of all parts, which are coupled to their neighbours' only."""

    def __init__(self, count: int, matched: Mapping[int, float]) -> None:
        own = np.array(
            [[1 + SLOPE_WEIGHT, -SLOPE_WEIGHT, 0], [-SLOPE_WEIGHT, 1 + SLOPE_WEIGHT, 0], [0, 0, LEVEL_WEIGHT]]
        )
        self.own = np.tile(own, (count, 1, 1))
        self.coupling = np.zeros((max(0, count - 1), 3, 3))
        self.right_side = np.zeros((count, 3))
        at_end, at_start = np.array([0.0, 1, 1]), np.array([1.0, 0, 1])
        for seam, difference in matched.items():
            self.own[seam] += MATCH_WEIGHT * np.outer(at_end, at_end)
            self.own[seam + 1] += MATCH_WEIGHT * np.outer(at_start, at_start)
            self.coupling[seam] -= MATCH_WEIGHT * np.outer(at_end, at_start)
            self.right_side[seam] -= MATCH_WEIGHT * difference * at_end
            self.right_side[seam + 1] += MATCH_WEIGHT * difference * at_start

    def solve(self, low: Curve, high: Curve) -> Curve:
        """Return the gains within limits, (parts, 3), by the primal-dual active set method."""
        at_low = at_high = np.zeros(low.shape, bool)
        gains = np.zeros(low.shape)
        for _ in range(ROUNDS):
            held = at_low | at_high
            gains = self._solve_held(held, np.where(at_low, low, high))
            pressure = self.right_side - self._product(gains)
            pressure[~held] = 0
            push = gains + pressure / self.own[:, range(3), range(3)]
            now_low, now_high = push < low, push > high
            now_low |= (low == high) & ~now_high
            if np.array_equal(now_low, at_low) and np.array_equal(now_high, at_high):
                break
            at_low, at_high = now_low, now_high
        return np.clip(gains, low, high)

    def _product(self, gains: Curve) -> Curve:
        product: Curve = np.einsum("pij,pj->pi", self.own, gains)
        product[:-1] += np.einsum("pij,pj->pi", self.coupling, gains[1:])
        product[1:] += np.einsum("pji,pj->pi", self.coupling, gains[:-1])
        return product

    def _solve_held(self, held: npt.NDArray[np.bool_], values: Curve) -> Curve:
        """Return the solution with some gains held at values: a block elimination along the chain."""
        count = len(held)
        fixed = np.where(held, values, 0.0)
        right = np.where(held, values, self.right_side - self._product(fixed))
        free = ~held
        own = self.own * (free[:, :, None] & free[:, None, :])
        own[:, range(3), range(3)] = np.where(held, 1.0, own[:, range(3), range(3)])
        coupling = self.coupling * (free[:-1, :, None] & free[1:, None, :])
        for part in range(1, count):
            factor = np.linalg.solve(own[part - 1], coupling[part - 1]).T
            own[part] -= factor @ coupling[part - 1]
            right[part] -= factor @ right[part - 1]
        solution = np.zeros(held.shape)
        for part in range(count - 1, -1, -1):
            beyond = coupling[part] @ solution[part + 1] if part + 1 < count else 0.0
            solution[part] = np.linalg.solve(own[part], right[part] - beyond)
        return solution
