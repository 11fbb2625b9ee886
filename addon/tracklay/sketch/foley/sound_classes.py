"""The classes of sounds that things make, and the synthesis of one sound of a class.

A class is what a prompt's words and the picture's events decide on; the layers that it is made of are data in `sounds`.
A sound is mono and dry: `renderer` places it in time and in the stereo image and adds the room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from ...cue import SAMPLE_RATE
from ..dsp import db_to_gain, fft_frequencies
from .sounds.layers import BurstLayer, Layer, Mono, Strike, mix_layers

PEAK_DBFS: Final = -1.5
"""Highest peak of a sound at full strength, dBFS; at strength 0 it is lower by the class's dynamic range."""


@dataclass(frozen=True, slots=True)
class SoundClass:
    """One kind of sound.

    Attributes:
        layers: what it is made of.
        loudness: momentary loudness (ITU-R BS.1770, the 400 ms from 50 ms before the attack) at strength 1, LUFS.
        sustained: it lasts as long as its event, not as long as it decays.
        dynamic_range: difference between strength 0 and 1, dB.
        ring_share: share of the time to the next hit in which a ringing part falls by 20 dB.
    """

    layers: tuple[Layer, ...]
    loudness: float
    sustained: bool = False
    dynamic_range: float = 20.0
    ring_share: float = 0.4


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
    gain_db = min(
        kind.loudness - quieter - momentary_loudness(samples, attack),
        PEAK_DBFS - max(quieter, 0.0) - 20 * float(np.log10(np.abs(samples).max() + 1e-9)),
    )
    return RenderedSound(samples * np.float32(db_to_gain(gain_db)), attack)


_LOUDNESS_SAMPLES = 19_200
_LOUDNESS_LEAD = 2_400


def momentary_loudness(samples: Mono, attack: int) -> float:
    """Return the loudness of the 400 ms from 50 ms before the attack, mono as one channel, in LUFS (ITU-R BS.1770)."""
    start = max(attack - _LOUDNESS_LEAD, 0)
    power = np.abs(np.fft.rfft(samples[start : start + _LOUDNESS_SAMPLES], _LOUDNESS_SAMPLES)) ** 2
    weighted = float((power * _K_WEIGHTS).sum()) * 2 / _LOUDNESS_SAMPLES**2
    return -0.691 + 10 * float(np.log10(weighted + 1e-15))


def _k_weights() -> Mono:
    """Return the squared gain of the K-weighting at each bin: the shelf and the high-pass of BS.1770 at 48 kHz."""
    z = np.exp(-2j * np.pi * fft_frequencies(_LOUDNESS_SAMPLES) / SAMPLE_RATE)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    weights: Mono = (np.abs(shelf * high_pass) ** 2).astype(np.float32)
    return weights


_K_WEIGHTS: Final = _k_weights()

_THUD = (BurstLayer(((60, -10), (160, 0), (900, -7), (4000, -20), (14000, -40)), 0.06),)

SOUND_CLASSES: Final[Mapping[str, SoundClass]] = MappingProxyType(
    {
        name: SoundClass(_THUD, -22.0)
        for name in [
            "food",
            "flesh",
            "cloth",
            "paper",
            "cardboard",
            "plastic",
            "leather",
            "metal_damped",
            "metal_ringing",
            "glass",
            "glass_break",
            "ceramic",
            "wood_small",
            "wood_large",
            "wood_hollow",
            "stone",
            "gravel",
            "soil",
            "water",
            "snow",
            "leaves",
            "rubber",
            "shot",
            "explosion",
            "thunder",
            "kick_drum",
            "snare",
            "hihat",
            "cymbal",
            "tom",
            "clap",
            "door",
            "switch",
            "lock",
            "whip",
            "shutter",
            "heartbeat",
            "bark",
            "meow",
            "bird",
            "growl",
        ]
    }
    | {
        name: SoundClass(_THUD, -24.0, sustained=True)
        for name in ["scrape", "roll", "squeak", "zipper", "engine", "breath", "scream", "voice", "whoosh"]
    }
)
"""Every class by its name."""
