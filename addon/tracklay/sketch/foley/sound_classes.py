"""The classes of sounds that things make, and the synthesis of one sound of a class.

A class is what a prompt's words and the picture's events decide on; the layers that it is made of are data in `sounds`.
A sound is mono and dry: `renderer` places it in time and in the stereo image and adds the room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from ...listening.loudness import OFFSET_LUFS, k_weighting_response
from ..dsp import db_to_gain
from .sounds.blasts import BLASTS
from .sounds.calls import CALLS
from .sounds.drums import DRUMS
from .sounds.frictions import FRICTIONS
from .sounds.grounds import GROUNDS
from .sounds.hard_bodies import HARD_BODIES
from .sounds.layers import Strike, mix_layers
from .sounds.mechanisms import MECHANISMS
from .sounds.signals import SIGNALS
from .sounds.soft_bodies import SOFT_BODIES

if TYPE_CHECKING:
    from .noise import Mono
    from .sounds.recipe import SoundClass

PEAK_DBFS: Final = -1.5
"""Highest peak of a sound at full strength, dBFS; at strength 0 it is lower by the class's dynamic range."""


@dataclass(frozen=True, slots=True)
class RenderedSound:
    """One sound.

    Attributes:
        samples: mono at SAMPLE_RATE, float32; the first and the last are zero.
        attack: index of the sample at which the attack starts; sound before it leads up to it.
    """

    samples: Mono
    attack: int


def render_sound(
    class_id: str,
    *,
    strength: float,
    size: float,
    rng: np.random.Generator,
    duration: float | None = None,
    until_next: float | None = None,
) -> RenderedSound:
    """Return one sound of a class of SOUND_CLASSES.

    `strength` and `size` (share of the picture's width) range from 0 to 1. `duration` is that of a sustained sound in
    seconds, and is ignored for others. `until_next` is the time to the next hit in seconds: what rings is damped by it,
    as a hand or tool that is back so soon damps it. The same state of `rng` gives the same samples.

    Raises KeyError for an unknown class.
    """
    kind = SOUND_CLASSES[class_id]
    strength = min(max(strength, 0.0), 1.0)
    limit = None if until_next is None else max(kind.ring_share * until_next, 0.012)
    strike = Strike(strength, min(max(size, 0.0), 1.0), rng, duration if kind.sustained else None, limit)
    samples, attack = mix_layers([layer.render_layer(strike) for layer in kind.layers])
    quieter = kind.dynamic_range * (1 - strength) + rng.uniform(-1.0, 1.0)
    gain_db = kind.loudness - quieter - momentary_loudness(samples, attack)
    ceiling_db = PEAK_DBFS - max(quieter, 0.0)
    peak_db = 20 * float(np.log10(np.abs(samples).max() + 1e-9))
    gain_db = min(gain_db, ceiling_db + _MAX_ROUNDING_DB - peak_db)
    samples *= np.float32(db_to_gain(gain_db))
    if peak_db + gain_db > ceiling_db - _MAX_ROUNDING_DB:
        # Peaks are rounded, not cut: a burst of noise has rare peaks that would keep the rest of it quiet.
        ceiling = np.float32(db_to_gain(ceiling_db))
        samples = np.tanh(samples / ceiling) * ceiling
    return RenderedSound(_remove_offset(samples), attack)


def _remove_offset(samples: Mono) -> Mono:
    """Return the samples without their mean, with zero first and last samples."""
    window = np.sin(np.linspace(0, np.pi, len(samples), dtype=np.float32))
    samples -= window * np.float32(samples.sum(dtype=np.float64) / window.sum(dtype=np.float64))
    samples[0] = samples[-1] = 0.0
    return samples


_MAX_ROUNDING_DB = 6.0
"""Most that peaks are above the ceiling before they are rounded, dB."""
_LOUDNESS_SAMPLES = 19_200
_LOUDNESS_LEAD = 2_400


def momentary_loudness(samples: Mono, attack: int) -> float:
    """Return the loudness of the 400 ms from 50 ms before the attack, mono as one channel, in LUFS (ITU-R BS.1770)."""
    start = max(attack - _LOUDNESS_LEAD, 0)
    window = samples[start : start + _LOUDNESS_SAMPLES]
    size = next(size for size in (2_400, 4_800, 9_600, _LOUDNESS_SAMPLES) if size >= len(window))
    spectrum = np.fft.rfft(window, size)
    power = spectrum.real**2 + spectrum.imag**2
    weighted = float(np.dot(power, _k_weights(size))) * 2 / (size * _LOUDNESS_SAMPLES)
    return OFFSET_LUFS + 10 * float(np.log10(weighted + 1e-15))


@cache
def _k_weights(size: int) -> Mono:
    """Return the squared gain of the K-weighting in each bin."""
    weights: Mono = (np.abs(k_weighting_response(size)) ** 2).astype(np.float32)
    return weights


SOUND_CLASSES: Final[Mapping[str, SoundClass]] = MappingProxyType(
    {**SOFT_BODIES, **HARD_BODIES, **GROUNDS, **BLASTS, **DRUMS, **MECHANISMS, **FRICTIONS, **CALLS, **SIGNALS}
)
"""Every class by its name."""
