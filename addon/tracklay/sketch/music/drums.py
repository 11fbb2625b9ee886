"""The unpitched instruments of the music engine: drum kits, and how one stroke on each piece of them sounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from .dsp import Curve, Gain, Sound, balanced, band, bank, fall, noise, opened, seconds, shaped
from .form import RATE

Stroke = Callable[[float, np.random.Generator], Sound]  # velocity 0..1, chance

VARIANTS = 3
"""Different strokes of each drum, so that a roll is not one sample repeated."""

SWELL = 8 * RATE // 5
"""Samples from the start of a cymbal swell to the downbeat it leads to."""

_FADE = 240  # samples at the end of every stroke


def _closed(sound: Sound) -> Sound:
    """End a stroke at zero, and take its constant offset off."""
    sound[:, -_FADE:] *= np.linspace(1, 0, _FADE, dtype=np.float32)
    return balanced(sound)


def _membrane(
    velocity: float,
    rng: np.random.Generator,
    *,
    pitch: float,
    bend: float,
    slide: float,
    ring: float,
    slap: float = 0.2,
    slap_band: tuple[float, float] = (1500, 6000),
    overtones: float = 0.0,
) -> Sound:
    """A skin under the slap of stick or beater.

    Its tone falls from `bend` times `pitch` (Hz) within `slide` (s) and rings `ring` (s).
    """
    n = round((6 * ring + 0.05) * RATE)
    pitch *= 1 + 0.02 * (rng.random() - 0.5)
    turns = pitch * (seconds(n) + (bend - 1) * slide * (1 - fall(n, slide).astype(np.float64)))
    tone = _tone(turns) * fall(n, ring)
    for ratio, share in ((1.59, 1.0), (2.14, 0.6), (2.65, 0.4)):
        if overtones:
            tone += np.float32(overtones * share) * _tone(turns * ratio) * fall(n, ring / ratio / 1.5)
    tone *= 0.8
    sound = opened(np.stack((tone, tone)), 0.0015)
    hit = RATE // 10
    attack = noise(hit, band(*slap_band, 1), rng)
    sound[:, :hit] += attack * (np.float32(slap * (0.4 + velocity) / float(np.abs(attack).max())) * fall(hit, 0.012))
    return _closed(sound)


def _tone(turns: Curve) -> Gain:
    """The sine of so many whole turns."""
    tone: Gain = np.sin((turns - np.floor(turns)).astype(np.float32) * np.float32(2 * np.pi))
    return tone


def _snare(
    velocity: float,
    rng: np.random.Generator,
    *,
    pitch: float = 190,
    ring: float = 0.13,
    wires: float = 1.0,
    low: float = 1200,
    high: float = 9000,
) -> Sound:
    """Two modes of the skin under rattling wires."""
    n = round((7 * ring + 0.05) * RATE)
    modes = np.array([pitch, pitch * 1.62, pitch * 2.3])
    skin = bank(modes, np.tile([0.5, 0.25, 0.1], (2, 1)), np.array([1, 1.6, 2.5]) / (0.5 * ring), np.zeros((2, 3)), n)
    rattle = noise(n, band(low, high, 1), rng)
    rattle *= np.float32(wires / float(np.abs(rattle).max())) * fall(n, ring)
    return _closed(skin * np.float32(0.6 + 0.4 * velocity) + opened(rattle, 0.001))


def _clap(velocity: float, rng: np.random.Generator) -> Sound:
    """Many hands: four bursts, the last one ringing."""
    n = round(0.5 * RATE)
    t = seconds(n)
    env = np.zeros(n)
    for at, ring in ((0.0, 0.006), (0.011, 0.006), (0.022, 0.006), (0.031, 0.075)):
        env += np.where(t >= at, np.exp(-np.maximum(t - at, 0) / ring), 0) * (1.0 if ring > 0.01 else 0.8)
    hands = noise(n, band(900, 2800 + 1200 * velocity, 2), rng)
    return _closed(hands * (env / float(np.abs(hands).max())).astype(np.float32))


def _metal(
    velocity: float,
    rng: np.random.Generator,
    *,
    ring: float,
    low: float,
    high: float = 15000,
    tone: float = 0.3,
    ping: float = 0.0,
) -> Sound:
    """Cymbals and hats: a cluster of inharmonic partials within bright noise; `ping` is the stick on a ride."""
    ring *= 0.75 + 0.25 * velocity
    n = round((5 * ring + 0.03) * RATE)
    modes = np.exp(rng.uniform(np.log(low * 0.6), np.log(min(high, 14000)), 36))
    angles = rng.random(36) * np.pi / 2
    cluster = bank(
        modes,
        np.stack((np.cos(angles), np.sin(angles))),
        0.8 / ring * (modes / low) ** 0.3,
        2 * np.pi * rng.random((2, 36)),
        n,
    )
    cluster *= np.float32(tone / 6)
    hiss = noise(n, band(low, high, 2), rng)
    hiss *= fall(n, ring) / np.float32(np.abs(hiss).max())
    out = opened(hiss + cluster, 0.0008 if ring < 0.6 else 0.004)
    if ping:
        stick = bank(
            np.array([3150.0, 4480.0, 5900.0]), np.full((2, 3), ping / 3), np.full(3, 9.0), np.zeros((2, 3)), n
        )
        out = out * np.float32(0.35) + stick * fall(n, 1 / 6)
    return _closed(out * np.float32(0.5))


def _shaken(
    velocity: float, rng: np.random.Generator, *, low: float, ring: float, attack: float, jingle: float = 0.0
) -> Sound:
    """Grains in a shell, or jingles in a frame."""
    attack *= 1.3 - 0.3 * velocity
    n = round((6 * ring + attack) * RATE)
    grains = noise(n, band(low, 13000, 2), rng)
    grains *= fall(n, ring, attack) / np.float32(np.abs(grains).max())
    opened(grains, attack)
    if jingle:
        modes = np.array([6200.0, 7900.0, 9300.0, 11200.0]) * (1 + 0.02 * rng.random(4))
        grains += bank(modes, np.full((2, 4), jingle / 4), np.full(4, 0.7 / ring), np.zeros((2, 4)), n)
    return _closed(grains * np.float32(0.5))


def _knocked(
    velocity: float, rng: np.random.Generator, *, modes: tuple[float, ...], ring: float, level: float = 0.6
) -> Sound:
    """Wood or a rim: a few short modes."""
    n = round((8 * ring + 0.02) * RATE)
    count = len(modes)
    tone = bank(np.array(modes), np.full((2, count), level / count), np.full(count, 1 / ring), np.zeros((2, count)), n)
    click = noise(n, band(2000, 8000, 1), rng) * fall(n, 0.002)
    return _closed(tone + click * np.float32(0.2 * velocity / float(np.abs(click).max())))


def _swell(velocity: float, rng: np.random.Generator) -> Sound:
    """A cymbal rolled up to the next downbeat."""
    n = SWELL
    t = seconds(n)
    hiss = noise(n, band(2500, 10_000 + 4000 * velocity, 1), rng)
    return _closed(hiss * (0.4 * (t / t[-1]) ** 3 / float(np.abs(hiss).max())).astype(np.float32))


def _dulled(stroke: Stroke, top: float) -> Stroke:
    """The same drum from a worn tape: nothing much above `top` Hz."""

    def played(velocity: float, rng: np.random.Generator) -> Sound:
        return _closed(shaped(stroke(velocity, rng), band(20, top, 2)))

    return played


_ACOUSTIC: dict[str, Stroke] = {
    "kick": partial(_membrane, pitch=54, bend=3.2, slide=0.02, ring=0.13, slap=0.35, slap_band=(900, 5000)),
    "snare": _snare,
    "hat": partial(_metal, ring=0.035, low=6500),
    "open": partial(_metal, ring=0.28, low=6000),
    "ride": partial(_metal, ring=0.5, low=3800, ping=0.5),
    "crash": partial(_metal, ring=0.9, low=2600, tone=0.5),
    "high": partial(_membrane, pitch=185, bend=1.4, slide=0.04, ring=0.16, overtones=0.15),
    "mid": partial(_membrane, pitch=132, bend=1.4, slide=0.05, ring=0.2, overtones=0.15),
    "low": partial(_membrane, pitch=92, bend=1.4, slide=0.06, ring=0.25, overtones=0.15),
    "rim": partial(_knocked, modes=(1650.0, 2400.0, 430.0), ring=0.018),
    "shaker": partial(_shaken, low=5200, ring=0.035, attack=0.02),
    "tambourine": partial(_shaken, low=6000, ring=0.07, attack=0.003, jingle=0.8),
    "clap": _clap,
    "swell": _swell,
}
_ELECTRONIC: dict[str, Stroke] = {
    **_ACOUSTIC,
    "kick": partial(_membrane, pitch=50, bend=5.0, slide=0.028, ring=0.17, slap=0.25, slap_band=(1500, 7000)),
    "snare": partial(_snare, pitch=210, ring=0.15, low=900, high=7000),
    "hat": partial(_metal, ring=0.022, low=8000, tone=0.1),
    "open": partial(_metal, ring=0.16, low=7500, tone=0.1),
}

KITS: Mapping[str, Mapping[str, Stroke]] = {
    "acoustic": _ACOUSTIC,
    "brushes": {
        **_ACOUSTIC,
        "kick": partial(_membrane, pitch=58, bend=1.8, slide=0.02, ring=0.12, slap=0.1, slap_band=(300, 1500)),
        "snare": partial(_snare, pitch=180, ring=0.1, wires=1.2, low=2200, high=8000),
    },
    "electronic": _ELECTRONIC,
    "808": {
        **_ELECTRONIC,
        "kick": partial(_membrane, pitch=46, bend=3.0, slide=0.03, ring=0.32, slap=0.12),
        "snare": partial(_snare, pitch=185, ring=0.11, wires=0.8),
    },
    "gated": {**_ELECTRONIC, "snare": partial(_snare, pitch=170, ring=0.24, wires=1.0, low=600, high=7500)},
    "lo-fi": {name: _dulled(stroke, 4200) for name, stroke in _ACOUSTIC.items()},
    "orchestral": {
        **_ACOUSTIC,
        "kick": partial(
            _membrane, pitch=48, bend=1.9, slide=0.04, ring=0.45, slap=0.15, slap_band=(200, 2000), overtones=0.25
        ),
        "low": partial(
            _membrane, pitch=72, bend=1.5, slide=0.04, ring=0.4, slap=0.25, slap_band=(300, 3000), overtones=0.25
        ),
        "mid": partial(
            _membrane, pitch=104, bend=1.4, slide=0.04, ring=0.3, slap=0.3, slap_band=(400, 4000), overtones=0.25
        ),
        "high": partial(
            _membrane, pitch=150, bend=1.3, slide=0.03, ring=0.2, slap=0.35, slap_band=(600, 5000), overtones=0.2
        ),
        "tick": partial(_knocked, modes=(2900.0, 4700.0), ring=0.008, level=0.4),
    },
    "latin": {
        **_ACOUSTIC,
        "kick": partial(_membrane, pitch=62, bend=1.8, slide=0.02, ring=0.14, slap=0.12, slap_band=(300, 2000)),
        "high": partial(
            _membrane, pitch=330, bend=1.15, slide=0.02, ring=0.1, slap=0.4, slap_band=(800, 4000), overtones=0.2
        ),
        "mid": partial(
            _membrane, pitch=262, bend=1.15, slide=0.02, ring=0.14, slap=0.3, slap_band=(600, 3000), overtones=0.15
        ),
        "low": partial(
            _membrane, pitch=196, bend=1.15, slide=0.03, ring=0.2, slap=0.2, slap_band=(400, 2000), overtones=0.15
        ),
        "clave": partial(_knocked, modes=(2480.0,), ring=0.03),
    },
}

PLACES = {
    "hat": 0.35,
    "open": 0.35,
    "ride": -0.4,
    "crash": -0.5,
    "high": 0.3,
    "low": -0.35,
    "shaker": 0.55,
    "tambourine": -0.5,
    "tick": 0.4,
}
"""Where each drum stands, from -1 (left) to 1 (right); the others stand in the middle."""

LEVELS = {
    "kick": 1.0,
    "snare": 0.75,
    "clap": 0.6,
    "hat": 0.35,
    "open": 0.35,
    "ride": 0.4,
    "crash": 0.6,
    "shaker": 0.4,
    "tambourine": 0.35,
}
LEVEL = 0.65
"""Loudness of a full stroke beside the kick's; `LEVEL` for the drums that are not listed."""


def stroke(kit: str, drum: str, velocity: float, seed: int, variant: int) -> Sound:
    """One stroke, as bright as its velocity but always equally loud, the kick about full scale.

    The same arguments give the same samples.
    """
    rng = np.random.Generator(np.random.PCG64([seed, variant, sum(map(ord, drum))]))
    sound = KITS[kit][drum](velocity, rng)
    place = PLACES.get(drum, 0.0)
    level = LEVELS.get(drum, LEVEL)
    angle = np.pi / 4 * (1 + place)
    place_gain = np.array([np.cos(angle), np.sin(angle)]) * level * np.sqrt(2)
    sound *= place_gain.astype(np.float32)[:, None]
    return sound
