"""Change of time without change of pitch: every beat loses or repeats some milliseconds in its steady part.

As in waveform similarity overlap-add (W. Verhelst and M. Roelands, ICASSP 1993), a lag is chosen at which the sound is most like
itself. But the sound is cut once in a beat and away from its attacks, not every few milliseconds: in between it is untouched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..listening.spectrum import padded

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..listening.spectrum import ReadSamples

FADE_SECONDS = 0.016
"""Length of a correction's crossfade."""

LEAST_LAG_SECONDS, MOST_LAG_SECONDS = 0.003, 0.02
"""Range of a correction. Shorter ones colour the sound, longer ones are heard as a stumble."""

FREEDOM_SECONDS = 0.004
"""A lag may be this much longer or shorter than needed, if the sound is more like itself there. The next beat makes up for it."""

STEADY = (0.3, 0.55, 0.8)
"""Places in a beat at which a correction is tried, as shares of its length."""


class Correction(NamedTuple):
    """A jump inside the music.

    Attributes:
        source: sample at which the sound that was playing ends its fade.
        lag: samples that are left out there; negative repeats them.
    """

    source: int
    lag: int


def plan_corrections(
    read: ReadSamples, length: int, rate: int, beats: npt.NDArray[np.int64], stop: int, amount: int
) -> list[Correction]:
    """Return corrections that together leave out `amount` samples (negative repeats) of a stretch of music.

    Args:
        read: reads a stretch of the music, (samples, channels).
        length: samples of the music.
        rate: Hz.
        beats: first samples of the stretch's beats.
        stop: its end.
        amount: samples, at most about 4 % of the stretch.
    """
    if not amount or not len(beats):
        return []
    edges = np.append(beats, stop)
    least, most = round(LEAST_LAG_SECONDS * rate), round(MOST_LAG_SECONDS * rate)
    freedom = round(FREEDOM_SECONDS * rate)
    found: list[Correction] = []
    left = amount
    count = len(beats)
    for index in range(count):
        # What is due by this beat; all that is left on the last.
        due = left - round(amount * (count - 1 - index) / count)
        is_last = index == count - 1
        parts = -(-abs(due) // most)
        if not is_last and abs(due) < max(least, freedom):
            continue
        inner = np.rint(np.linspace(edges[index], edges[index + 1], parts + 1)).astype(int)
        for part in range(parts):
            lag = round(due / (parts - part))
            reach = 0 if is_last and part == parts - 1 else freedom
            found.append(_best_correction(read, length, rate, inner[part], inner[part + 1], lag, reach, least))
            due -= found[-1].lag
            left -= found[-1].lag
    return found


def _best_correction(
    read: ReadSamples, length: int, rate: int, start: int, stop: int, lag: int, reach: int, least: int
) -> Correction:
    """Return the correction in a beat, of about a lag, at which the sound is most like itself."""
    fade = round(FADE_SECONDS * rate)
    best = (-2.0, Correction(int((start + stop) // 2), lag))
    low, high = lag - reach, lag + reach
    if reach:
        low, high = (max(low, least), high) if lag > 0 else (low, min(high, -least))
    if low > high:
        low = high = lag
    for share in STEADY:
        at = int(start + share * (stop - start))
        mono = padded(read, at - fade + low, at + high, length).mean(axis=1)
        before = padded(read, at - fade, at, length).mean(axis=1)
        size = 1 << (len(mono) + fade).bit_length()
        product = np.fft.irfft(np.fft.rfft(mono, size) * np.conj(np.fft.rfft(before, size)), size)[: high - low + 1]
        energy = np.concatenate([[0.0], np.cumsum(mono.astype(np.float64) ** 2)])
        power = energy[fade : fade + high - low + 1] - energy[: high - low + 1]
        likeness = product / np.sqrt(np.maximum(power * float(before @ before), 1e-12))
        # Silence is like itself.
        likeness = np.where(power < 1e-9, 1.0, likeness)
        chosen = int(np.argmax(likeness))
        best = max(best, (float(likeness[chosen]), Correction(at, low + chosen)))
    return best[1]
