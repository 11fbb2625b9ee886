"""The sounds of many people: one voice of a murmur or of a cheer, one pair of hands, one clink of crockery. `ambience` lays many."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...cue import SAMPLE_RATE
from .noise import Mono, shaped_noise
from .sounds.calls import CALLS
from .sounds.hard_bodies import HARD_BODIES
from .sounds.layers import Strike, mix_layers
from .sounds.voices import VoiceLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sounds.layers import Layer

_CLAP_HZ = (420.0, 2400.0)
"""Lowest and highest main resonance of a clap: flat hands to cupped ones (Peltola, Erkut, Cook and Välimäki, 2007)."""


def render_murmur(rng: np.random.Generator) -> Mono:
    """Return one or two phrases of a voice some metres away, 0.6 to 2 s, peak 1."""
    (speech,) = (layer for layer in CALLS["voice"].layers if isinstance(layer, VoiceLayer))
    # Half of the voices are a man's, half a woman's or a child's, an octave apart.
    factor = 2.0 ** float(rng.choice((0.0, 0.75, 1.1)))
    pitch = tuple((at, hertz * factor) for at, hertz in speech.pitch)
    talker = replace(speech, pitch=pitch, variation=0.2)
    return _normalised([talker], Strike(rng.uniform(0.3, 0.8), 0.15, rng, rng.uniform(0.6, 2.0)))


def render_cheer(rng: np.random.Generator) -> Mono:
    """Return one cheering voice, 0.5 to 1.6 s, peak 1: an open vowel with effort, that rises and falls."""
    (scream,) = (layer for layer in CALLS["scream"].layers if isinstance(layer, VoiceLayer))
    top = 430 * 2.0 ** rng.uniform(-0.9, 0.5)
    pitch = ((0, 0.7 * top), (rng.uniform(0.15, 0.4), top), (0.8, 0.95 * top), (1, 0.65 * top))
    cheer = replace(
        scream, pitch=pitch, breath_db=-14.0, pulse=0.07, vibrato=(rng.uniform(4, 7), 0.03), rise=0.12, fall=0.3
    )
    return _normalised([cheer], Strike(rng.uniform(0.6, 1.0), 0.15, rng, rng.uniform(0.5, 1.6)))


def render_clap(rng: np.random.Generator) -> Mono:
    """Return one clap, 15 to 45 ms, peak 1: noise in the band of the hands' hollow."""
    samples = int(rng.uniform(0.015, 0.045) * SAMPLE_RATE) // 2 * 2
    centre = _CLAP_HZ[0] * (_CLAP_HZ[1] / _CLAP_HZ[0]) ** rng.random()
    shape = ((centre / 5, -26), (centre / 1.6, -8), (centre, 0), (1.7 * centre, -7), (5 * centre, -20), (20_000, -40))
    clap = shaped_noise(shape, samples, rng) * np.exp(-6.0 * np.arange(samples) / samples).astype(np.float32)
    clap[:24] *= np.linspace(0, 1, 24, dtype=np.float32)
    return clap / np.float32(np.abs(clap).max() + 1e-9)


def render_clink(rng: np.random.Generator) -> Mono:
    """Return one small contact of crockery, glass or cutlery, peak 1."""
    body = HARD_BODIES[str(rng.choice(("ceramic", "ceramic", "glass", "metal_damped")))]
    return _normalised(body.layers, Strike(rng.uniform(0.1, 0.6), rng.uniform(0.05, 0.2), rng, None, 0.12))


def _normalised(layers: Sequence[Layer], strike: Strike) -> Mono:
    """Return the sum of layers with peak 1."""
    samples, _ = mix_layers([layer.render_layer(strike) for layer in layers])
    return samples / np.float32(np.abs(samples).max() + 1e-9)
