"""Measures of one struck or voiced sound: how fast it starts, how bright it is, how fast it decays.

The ranges of `sound_ranges` were measured with the same function, so that a synthesised sound and a recording compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tracklay.cue import SAMPLE_RATE

_HOP = 24
"""Samples between two values of an envelope, 0.5 ms."""
_LONGEST_SECONDS = 2.5


@dataclass(frozen=True)
class SoundMeasures:
    """Measures of a sound.

    Attributes:
        attack_ms: from a tenth to nine tenths of the highest level, in windows of 2 ms.
        centroid_hz: centre of gravity of the power spectrum from 30 Hz to 16 kHz.
        decay_ms: from the highest level until a hundredth of the energy remains (20 dB).
    """

    attack_ms: float
    centroid_hz: float
    decay_ms: float


def measure_sound(samples: npt.NDArray[np.float32]) -> SoundMeasures:
    """Return the measures of the loudest event of `samples`, mono at SAMPLE_RATE; a later onset ends it."""
    padded = np.concatenate([np.zeros(2400), samples.astype(float)])
    level = _rms_envelope(padded, 96)
    peak = int(level.argmax())
    start = max(peak - SAMPLE_RATE // 4 // _HOP, 0)
    below = np.nonzero(level[start : peak + 1] < 0.1 * level[peak])[0]
    onset = start + int(below[-1]) if len(below) else start
    nearly = onset + int(np.argmax(level[onset : peak + 1] > 0.9 * level[peak]))
    end = _find_next_onset(_rms_envelope(padded, 960), peak, len(level))
    first = max(onset * _HOP - 240, 0)
    event = padded[first : min(end * _HOP, first + int(_LONGEST_SECONDS * SAMPLE_RATE))]
    size = 2**17
    power = np.abs(np.fft.rfft(event[:size], size)) ** 2
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    audible = (hertz > 30) & (hertz < 16_000)
    left = np.cumsum(padded[peak * _HOP : first + len(event)][::-1] ** 2)[::-1]
    faded = np.nonzero(left < 0.01 * left[0])[0]
    return SoundMeasures(
        (nearly - onset) * _HOP * 1000 / SAMPLE_RATE,
        float((power * hertz)[audible].sum() / power[audible].sum()),
        float(faded[0] if len(faded) else len(left)) * 1000 / SAMPLE_RATE,
    )


def _rms_envelope(samples: npt.NDArray[np.float64], window: int) -> npt.NDArray[np.float64]:
    total = np.concatenate([[0.0], np.cumsum(samples**2)])
    centre = np.arange(0, len(samples), _HOP)
    first, last = np.clip(centre - window // 2, 0, len(samples)), np.clip(centre + window // 2, 1, len(samples))
    level: npt.NDArray[np.float64] = np.sqrt(np.maximum(total[last] - total[first], 0) / np.maximum(last - first, 1))
    return level


def _find_next_onset(level: npt.NDArray[np.float64], peak: int, end: int) -> int:
    """Return the place before a rise of 12 dB to a fifth of the peak that comes 50 ms or more after it, or the end."""
    end = min(end, peak + int(_LONGEST_SECONDS * SAMPLE_RATE / _HOP))
    lowest = level[peak]
    for place in range(peak + 100, end):
        lowest = min(lowest, level[place])
        if level[place] > 4 * lowest and level[place] > 0.18 * level[peak]:
            return place - 30
    return end
