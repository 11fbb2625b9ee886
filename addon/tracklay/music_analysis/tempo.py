"""Tempo: the period of the beat, in the octave in which people tap.

The onset strength is compared with itself, shifted. A period is likely when the sound repeats after one, two, three and four of it,
and when people tap at it: they prefer the middle tempos (L. van Noorden and D. Moelants, "Resonance in the perception of musical
pulse", Journal of New Music Research 28, 1999). Of related tempos, that one is right whose beats make bars: chords change
on one beat in three or four, not on every one or on one in eight; and a beat has some two or three onsets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .beats import follow_period, onset_strength, pitch_changes

if TYPE_CHECKING:
    from .beats import Strength
    from .features import MusicFeatures

LOWEST_TEMPO, HIGHEST_TEMPO = 60.0, 180.0
"""Range of tempos, beats per minute."""

RANGE_SLACK = 1.02
"""Factor by which a found tempo may be outside: a piece at 180 is found at 180.3."""

PREFERRED_TEMPO, PREFERENCE_OCTAVES = 114.0, 0.6
"""Centre and standard deviation, in octaves, of the tempos at which people tap."""

STEP_OCTAVES = 0.005
"""Distance of the tempos that are tried: 0.35 %."""

MULTIPLES = 4
"""Multiples of a period after which the sound repeats."""

LOW_WEIGHT = 0.5
"""Weight of the low bands: kick drum and bass play on beats."""

BAR_WEIGHT = 3.0
"""Weight of the correlation between changes of chord and first beats of bars, against the logarithm of the pulse."""

RATIOS = (1.0, 0.5, 2.0, 1.5, 2 / 3)
"""Tempos that are compared with the most likely one, as factors."""

ONSETS_PER_BEAT = 2.5
"""Usual number of onsets in a beat. One octave more or less is as unusual as a tempo 0.6 octaves from the preferred one."""

LEAST_PULSE = 0.05
"""Lowest likeness, 0 to 1, of the shifted strength for a sound with a beat."""


def find_tempo(features: MusicFeatures) -> tuple[float, float]:
    """Return the tempo, beats per minute, and how clear it is, 0 to 1. With no beat, the tempo is 120 and 0 is returned."""
    low, high = LOWEST_TEMPO / RANGE_SLACK, HIGHEST_TEMPO * RANGE_SLACK
    tempos = low * 2 ** np.arange(0, np.log2(high / low), STEP_OCTAVES)
    rate = features.frame_rate
    longest = int(MULTIPLES * 60 * rate / low) + 2
    strength = onset_strength(features.broad_onset, rate)
    if len(strength) < longest or not strength.any():
        return 120.0, 0.0
    lags = 60 * rate / tempos
    pulse = _repetition(strength, lags, longest)
    likelihood = np.log(
        np.maximum(pulse + LOW_WEIGHT * _repetition(onset_strength(features.low_onset, rate), lags, longest), 1e-3)
    )
    likelihood -= 0.5 * (np.log2(tempos / PREFERRED_TEMPO) / PREFERENCE_OCTAVES) ** 2
    best = int(np.argmax(likelihood))
    if pulse[best] < LEAST_PULSE:
        return 120.0, 0.0
    shifts = [round(np.log2(ratio) / STEP_OCTAVES) for ratio in RATIOS]
    choices = [_peak_near(likelihood, best + shift) for shift in shifts if -3 < best + shift < len(tempos) + 3]
    onsets = _onsets_per_second(strength, rate)
    merits = [
        likelihood[at]
        + BAR_WEIGHT * _bar_contrast(features, strength, lags[at])
        - 0.5 * float(np.log2(max(onsets * 60 / tempos[at], 0.05) / ONSETS_PER_BEAT)) ** 2
        for at in choices
    ]
    chosen = choices[int(np.argmax(merits))]
    return float(tempos[chosen]), float(np.clip(pulse[chosen], 0, 1))


def _peak_near(values: Strength, at: int) -> int:
    """Return the index of the greatest value within 1.5 % of tempo."""
    first = min(max(0, at - 4), len(values) - 1)
    return first + int(np.argmax(values[first : max(first + 1, at + 5)]))


def _onsets_per_second(strength: Strength, rate: float) -> float:
    middle = strength[1:-1]
    peaks = (middle > strength[:-2]) & (middle >= strength[2:]) & (middle > 1)
    return float(peaks.sum()) * rate / len(strength)


def _bar_contrast(features: MusicFeatures, strength: Strength, period: float) -> float:
    """Return the correlation of changes of chord with the best first beats of bars of three or four, -1 to 1."""
    beats = follow_period(strength, period) * (features.hop / features.pitch_hop)
    if len(beats) < 8:
        return 0.0
    changes = pitch_changes(features.pitches, beats, 0.8 * period * features.hop / features.pitch_hop)
    if changes.std() < 1e-6:
        return 0.0
    index = np.arange(len(changes))
    return max(float(np.corrcoef(changes, index % meter == phase)[0, 1]) for meter in (3, 4) for phase in range(meter))


def _repetition(strength: Strength, lags: Strength, longest: int) -> Strength:
    """Return for each lag, in frames, how alike the strength is to itself after multiples of it, -1 to 1."""
    frames = len(strength)
    size = 1 << (2 * frames - 1).bit_length()
    spectrum = np.fft.rfft(strength - strength.mean(), size)
    product = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[:longest] / (frames - np.arange(longest))
    if product[0] <= 0:
        return np.zeros_like(lags)
    smooth = np.convolve(product / product[0], (0.25, 0.5, 0.25), mode="same")
    frames_later = np.arange(longest)
    total: Strength = np.mean(
        [np.interp(times * lags, frames_later, smooth) for times in range(1, MULTIPLES + 1)], axis=0
    )
    return total
