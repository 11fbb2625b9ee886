"""The unpitched instruments of the music engine: drum kits, and the synthesis of a stroke on each drum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from ...cue import SAMPLE_RATE
from ..dsp import Curve, pan_gains
from .dsp import (
    Gain,
    StereoSignal,
    apply_filter,
    bandpass_response,
    exp_decay,
    fade_in,
    filtered_noise,
    partial_bank,
    remove_dc,
    sample_times,
)

DrumSynth = Callable[[float, np.random.Generator], StereoSignal]
"""Renders one stroke from a velocity (0 to 1) and random numbers."""

STROKE_VARIANTS = 3
"""Variants of each drum, so that a roll is not one repeated sample."""

SWELL_SAMPLES = 8 * SAMPLE_RATE // 5
"""Length of a cymbal swell in samples, which ends on the next downbeat."""

_FADE_SAMPLES = 240  # fade at the end of every stroke, 5 ms


def _fade_out(sound: StereoSignal) -> StereoSignal:
    """Fade out the end of a stroke and remove its constant offset."""
    sound[:, -_FADE_SAMPLES:] *= np.linspace(1, 0, _FADE_SAMPLES, dtype=np.float32)
    return remove_dc(sound)


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
) -> StereoSignal:
    """Return a drum with a membrane: a tone that slides down, and the noise of the stick or beater.

    Args:
        velocity: 0 to 1.
        rng: random numbers.
        pitch: pitch of the tone after the slide, Hz.
        bend: factor on the pitch at the start: the hit stretches the membrane.
        slide: time constant of the slide, seconds.
        ring: time constant of the tone's decay, seconds.
        slap: level of the noise.
        slap_band: lowest and highest frequency of the noise, Hz.
        overtones: level of the membrane's upper modes.
    """
    n = round((6 * ring + 0.05) * SAMPLE_RATE)  # six time constants: 52 dB down
    pitch *= 1 + 0.02 * (rng.random() - 0.5)
    turns = pitch * (sample_times(n) + (bend - 1) * slide * (1 - exp_decay(n, slide).astype(np.float64)))
    tone = _sine(turns) * exp_decay(n, ring)
    # The modes of an ideal circular membrane; higher ones decay faster.
    for ratio, share in ((1.59, 1.0), (2.14, 0.6), (2.65, 0.4)):
        if overtones:
            tone += np.float32(overtones * share) * _sine(turns * ratio) * exp_decay(n, ring / ratio / 1.5)
    tone *= 0.8
    sound = fade_in(np.stack((tone, tone)), 0.0015)
    hit = SAMPLE_RATE // 10
    attack = filtered_noise(hit, bandpass_response(*slap_band, 1), rng)
    sound[:, :hit] += attack * (
        np.float32(slap * (0.4 + velocity) / float(np.abs(attack).max())) * exp_decay(hit, 0.012)
    )
    return _fade_out(sound)


def _sine(cycles: Curve) -> Gain:
    """Return the sine of an angle in cycles. The whole cycles are removed in float64: float32 would lose the phase."""
    tone: Gain = np.sin((cycles - np.floor(cycles)).astype(np.float32) * np.float32(2 * np.pi))
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
) -> StereoSignal:
    """Return a snare drum: three modes of the membrane and the noise of the wires (level `wires`, `low` to `high` Hz)."""
    n = round((7 * ring + 0.05) * SAMPLE_RATE)
    modes = np.array([pitch, pitch * 1.62, pitch * 2.3])
    skin = partial_bank(
        modes, np.tile([0.5, 0.25, 0.1], (2, 1)), np.array([1, 1.6, 2.5]) / (0.5 * ring), np.zeros((2, 3)), n
    )
    rattle = filtered_noise(n, bandpass_response(low, high, 1), rng)
    rattle *= np.float32(wires / float(np.abs(rattle).max())) * exp_decay(n, ring)
    return _fade_out(skin * np.float32(0.6 + 0.4 * velocity) + fade_in(rattle, 0.001))


def _clap(velocity: float, rng: np.random.Generator) -> StereoSignal:
    """Return hand claps: four bursts of noise 10 ms apart, the last one with a tail."""
    n = round(0.5 * SAMPLE_RATE)
    t = sample_times(n)
    env = np.zeros(n)
    for at, ring in ((0.0, 0.006), (0.011, 0.006), (0.022, 0.006), (0.031, 0.075)):
        env += np.where(t >= at, np.exp(-np.maximum(t - at, 0) / ring), 0) * (1.0 if ring > 0.01 else 0.8)
    hands = filtered_noise(n, bandpass_response(900, 2800 + 1200 * velocity, 2), rng)
    return _fade_out(hands * (env / float(np.abs(hands).max())).astype(np.float32))


def _cymbal(
    velocity: float,
    rng: np.random.Generator,
    *,
    ring: float,
    low: float,
    high: float = 15000,
    tone: float = 0.3,
    ping: float = 0.0,
) -> StereoSignal:
    """Return a cymbal or a hi-hat: a cluster of inharmonic partials in bright noise.

    `ring` is the decay time in seconds, `low` and `high` bound the noise in Hz, `tone` is the level of the partials, `ping`
    that of the stick on a ride cymbal.
    """
    ring *= 0.75 + 0.25 * velocity
    n = round((5 * ring + 0.03) * SAMPLE_RATE)
    modes = np.exp(rng.uniform(np.log(low * 0.6), np.log(min(high, 14000)), 36))
    angles = rng.random(36) * np.pi / 2
    cluster = partial_bank(
        modes,
        np.stack((np.cos(angles), np.sin(angles))),
        0.8 / ring * (modes / low) ** 0.3,
        2 * np.pi * rng.random((2, 36)),
        n,
    )
    cluster *= np.float32(tone / 6)
    hiss = filtered_noise(n, bandpass_response(low, high, 2), rng)
    hiss *= exp_decay(n, ring) / np.float32(np.abs(hiss).max())
    out = fade_in(hiss + cluster, 0.0008 if ring < 0.6 else 0.004)
    if ping:
        stick = partial_bank(
            np.array([3150.0, 4480.0, 5900.0]), np.full((2, 3), ping / 3), np.full(3, 9.0), np.zeros((2, 3)), n
        )
        out = out * np.float32(0.35) + stick * exp_decay(n, 1 / 6)
    return _fade_out(out * np.float32(0.5))


def _shaker(
    velocity: float, rng: np.random.Generator, *, low: float, ring: float, attack: float, jingle: float = 0.0
) -> StereoSignal:
    """Return a shaker or a tambourine: noise above `low` Hz that swells for `attack` seconds; `jingle` is the level of metal."""
    attack *= 1.3 - 0.3 * velocity
    n = round((6 * ring + attack) * SAMPLE_RATE)
    grains = filtered_noise(n, bandpass_response(low, 13000, 2), rng)
    grains *= exp_decay(n, ring, attack) / np.float32(np.abs(grains).max())
    fade_in(grains, attack)
    if jingle:
        modes = np.array([6200.0, 7900.0, 9300.0, 11200.0]) * (1 + 0.02 * rng.random(4))
        grains += partial_bank(modes, np.full((2, 4), jingle / 4), np.full(4, 0.7 / ring), np.zeros((2, 4)), n)
    return _fade_out(grains * np.float32(0.5))


def _woodblock(
    velocity: float, rng: np.random.Generator, *, modes: tuple[float, ...], ring: float, level: float = 0.6
) -> StereoSignal:
    """Return a wood block or a rim: a few short modes (Hz) and a click."""
    n = round((8 * ring + 0.02) * SAMPLE_RATE)
    count = len(modes)
    tone = partial_bank(
        np.array(modes), np.full((2, count), level / count), np.full(count, 1 / ring), np.zeros((2, count)), n
    )
    click = filtered_noise(n, bandpass_response(2000, 8000, 1), rng) * exp_decay(n, 0.002)
    return _fade_out(tone + click * np.float32(0.2 * velocity / float(np.abs(click).max())))


def _cymbal_swell(velocity: float, rng: np.random.Generator) -> StereoSignal:
    """Return a cymbal roll that grows up to the next downbeat."""
    n = SWELL_SAMPLES
    t = sample_times(n)
    hiss = filtered_noise(n, bandpass_response(2500, 10_000 + 4000 * velocity, 1), rng)
    return _fade_out(hiss * (0.4 * (t / t[-1]) ** 3 / float(np.abs(hiss).max())).astype(np.float32))


def _lowpass(synth: DrumSynth, cutoff: float) -> DrumSynth:
    """Return a synth of the same drum with little above `cutoff` Hz, as on a worn tape."""

    def filtered(velocity: float, rng: np.random.Generator) -> StereoSignal:
        return _fade_out(apply_filter(synth(velocity, rng), bandpass_response(20, cutoff, 2)))

    return filtered


_ACOUSTIC_KIT: dict[str, DrumSynth] = {
    "kick": partial(_membrane, pitch=54, bend=3.2, slide=0.02, ring=0.13, slap=0.35, slap_band=(900, 5000)),
    "snare": _snare,
    "hat": partial(_cymbal, ring=0.035, low=6500),
    "open": partial(_cymbal, ring=0.28, low=6000),
    "ride": partial(_cymbal, ring=0.5, low=3800, ping=0.5),
    "crash": partial(_cymbal, ring=0.9, low=2600, tone=0.5),
    "high": partial(_membrane, pitch=185, bend=1.4, slide=0.04, ring=0.16, overtones=0.15),
    "mid": partial(_membrane, pitch=132, bend=1.4, slide=0.05, ring=0.2, overtones=0.15),
    "low": partial(_membrane, pitch=92, bend=1.4, slide=0.06, ring=0.25, overtones=0.15),
    "rim": partial(_woodblock, modes=(1650.0, 2400.0, 430.0), ring=0.018),
    "shaker": partial(_shaker, low=5200, ring=0.035, attack=0.02),
    "tambourine": partial(_shaker, low=6000, ring=0.07, attack=0.003, jingle=0.8),
    "clap": _clap,
    "clave": partial(_woodblock, modes=(2480.0,), ring=0.03),
    "swell": _cymbal_swell,
}
_ELECTRONIC_KIT: dict[str, DrumSynth] = {
    **_ACOUSTIC_KIT,
    "kick": partial(_membrane, pitch=50, bend=5.0, slide=0.028, ring=0.17, slap=0.25, slap_band=(1500, 7000)),
    "snare": partial(_snare, pitch=210, ring=0.15, low=900, high=7000),
    "hat": partial(_cymbal, ring=0.022, low=8000, tone=0.1),
    "open": partial(_cymbal, ring=0.16, low=7500, tone=0.1),
}

KITS: Mapping[str, Mapping[str, DrumSynth]] = {
    "acoustic": _ACOUSTIC_KIT,
    "brushes": {
        **_ACOUSTIC_KIT,
        "kick": partial(_membrane, pitch=58, bend=1.8, slide=0.02, ring=0.12, slap=0.1, slap_band=(300, 1500)),
        "snare": partial(_snare, pitch=180, ring=0.1, wires=1.2, low=2200, high=8000),
        "hat": partial(_cymbal, ring=0.03, low=4500, high=8000),
        "ride": partial(_cymbal, ring=0.45, low=2600, high=6500, tone=0.4, ping=0.7),
    },
    "electronic": _ELECTRONIC_KIT,
    "808": {
        **_ELECTRONIC_KIT,
        "kick": partial(_membrane, pitch=46, bend=3.0, slide=0.03, ring=0.32, slap=0.12),
        "snare": partial(_snare, pitch=185, ring=0.11, wires=0.8),
    },
    "gated": {**_ELECTRONIC_KIT, "snare": partial(_snare, pitch=170, ring=0.24, wires=1.0, low=600, high=7500)},
    "lo-fi": {name: _lowpass(stroke, 4200) for name, stroke in _ACOUSTIC_KIT.items()},
    "orchestral": {
        **_ACOUSTIC_KIT,
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
        "tick": partial(_woodblock, modes=(2900.0, 4700.0), ring=0.008, level=0.4),
    },
    "latin": {
        **_ACOUSTIC_KIT,
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
    },
}

DRUM_PANS = {
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
"""Pan of each drum, from -1 (left) to 1 (right); the others are in the centre."""

DRUM_LEVELS = {
    "kick": 1.0,
    "snare": 0.75,
    "clap": 0.6,
    "hat": 0.5,
    "open": 0.45,
    "ride": 0.3,
    "crash": 0.6,
    "shaker": 0.5,
    "tambourine": 0.4,
}
"""Level of a full stroke on each drum, relative to the kick."""
DEFAULT_DRUM_LEVEL = 0.65
"""Level of a drum that DRUM_LEVELS does not list."""


def render_stroke(kit: str, drum: str, velocity: float, seed: int, variant: int) -> StereoSignal:
    """Return one stroke: (2, n), a kick at about full scale. Velocity changes its brightness, not its level.

    The same arguments give the same samples.
    """
    rng = np.random.Generator(np.random.PCG64([seed, variant, sum(map(ord, drum))]))
    sound = KITS[kit][drum](velocity, rng)
    level = DRUM_LEVELS.get(drum, DEFAULT_DRUM_LEVEL)
    # The root of 2 makes the gain of a drum in the centre 1.
    gains = np.array(pan_gains(DRUM_PANS.get(drum, 0.0))) * level * np.sqrt(2)
    sound *= gains.astype(np.float32)[:, None]
    return sound
