"""How the pitched instruments sound: strings, bars, ensembles, soloists, synthesizers, each a recipe with settings.

A recipe takes a pitch (Hz), samples, samples held, a velocity (0 to 1) and chance, and gives a sound at any level;
`instruments` gives the recipes their settings and evens the level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .dsp import (
    Curve,
    StereoSignal,
    adsr_envelope,
    apply_filter,
    bandpass_response,
    exp_decay,
    filtered_noise,
    harmonic_voice,
    partial_bank,
    sample_times,
)
from .form import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable


def _random_pan_gains(count: int, rng: np.random.Generator, width: float) -> Curve:
    """Where `count` partials sit from left to right, as gains (2, count)."""
    angle = np.pi / 4 * (1 + width * (2 * rng.random(count) - 1))
    return np.stack((np.cos(angle), np.sin(angle)))


def synth_plucked_string(
    f: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    place: float,
    ring: float,
    damping: float,
    slope: float,
    stiffness: float = 0.0001,
    strings: int = 1,
    knock: float = 0.05,
    release: float = 0.15,
) -> StereoSignal:
    """A string struck or plucked at `place` of its length.

    `ring` is the fundamental's decay time at middle C (s), `damping` how much faster each further partial dies, `slope`
    how dull the tone is, `knock` the share of noise at the attack.
    """
    k = np.arange(1, max(2, min(40, int(9000 / f))) + 1, dtype=np.float64)
    amp = np.abs(np.sin(np.pi * k * place)) / k ** (slope - 0.5 * velocity)
    decay = (1 / ring) * (f / 261.6) ** 0.5 * (1 + damping * (k - 1))
    partials, amps, decays = [], [], []
    for string in range(strings):
        cents = (string - (strings - 1) / 2) * 0.9 + 0.2 * (rng.random() - 0.5)
        partials.append(f * k * np.sqrt(1 + stiffness * k * k) * 2 ** (cents / 1200))
        amps.append(amp * 0.7**string)
        decays.append(decay * (1.0 if string else 1.8 if strings > 1 else 1.0))
    count = strings * len(k)
    gains = np.concatenate(amps) * _random_pan_gains(count, rng, 0.35)
    sound = partial_bank(np.concatenate(partials), gains, np.concatenate(decays), np.zeros((2, count)), n)
    hit = min(n, SAMPLE_RATE // 40)
    peak = float(np.abs(sound[:, : SAMPLE_RATE // 10]).max())
    thump = filtered_noise(hit, bandpass_response(max(80.0, 0.7 * f), 5 * f + 800, 1), rng) * exp_decay(hit, 1 / 250)
    sound[:, :hit] += np.float32(knock * peak * velocity / max(float(np.abs(thump).max()), 1e-9)) * thump
    sound *= adsr_envelope(n, duration, attack=0.002, decay=1.0, sustain=1.0, release=release)
    return sound


def synth_struck_bar(
    f: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    ratios: tuple[float, ...],
    levels: tuple[float, ...],
    rings: tuple[float, ...],
    tremolo: float = 0.0,
    release: float = 0.6,
) -> StereoSignal:
    """A struck bar, tine or bell: its own partials, each with its level and decay time at middle C (s)."""
    partials = f * np.repeat(np.array(ratios), 2) * np.tile([0.9997, 1.0003], len(ratios))
    amps = np.repeat(np.array(levels) * velocity ** np.linspace(0, 1, len(levels)), 2)
    decay = (f / 261.6) ** 0.4 / np.repeat(np.array(rings), 2)
    sound = partial_bank(
        partials, amps * _random_pan_gains(len(partials), rng, 0.5), decay, np.zeros((2, len(partials))), n
    )
    sound *= adsr_envelope(n, duration, attack=0.0015, decay=1.0, sustain=1.0, release=release)
    if tremolo:
        turn = (0.5 * tremolo * np.cos(2 * np.pi * 4.6 * sample_times(n))).astype(np.float32)
        sound[0] *= np.float32(1 - 0.5 * tremolo) - turn
        sound[1] *= np.float32(1 - 0.5 * tremolo) + turn
    return sound


def synth_ensemble(
    f: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    players: int,
    cents: float,
    slope: float,
    attack: float,
    body: Callable[[Curve], Curve] | None = None,
    cutoff: float = 6000.0,
    bloom: float = 0.0,
    decay: float = 1.0,
    sustain: float = 0.85,
    release: float = 0.4,
    breath: float = 0.0,
) -> StereoSignal:
    """Several players or oscillators on one note, up to `cents` apart.

    `slope` is the tilt of the spectrum, `cutoff` (Hz) where it falls off, `body` the resonances, `bloom` the seconds
    the upper harmonics take to open, `decay` and `sustain` the envelope after the attack, `breath` the share of noise.
    """
    k = np.arange(1, max(2, min(32, int(9000 / f))) + 1, dtype=np.float64)
    amp = k**-slope / (1 + (f * k / (cutoff * (0.5 + 0.5 * velocity))) ** 4) ** 0.5
    if body is not None:
        amp *= body(f * k)
    detune = (
        2 ** (cents * np.linspace(-1, 1, players) * (0.8 + 0.4 * rng.random(players)) / 1200)
        if players > 1
        else np.ones(1)
    )
    partials = (f * k * detune[:, None]).ravel()
    gains = np.tile(amp, players) * np.repeat(_random_pan_gains(players, rng, 0.9), len(k), axis=1)
    phases = 2 * np.pi * rng.random((2, len(partials)))
    still = np.zeros(len(partials))
    if bloom:
        upper = np.tile(k > 3, players)
        sound = partial_bank(partials[~upper], gains[:, ~upper], still[~upper], phases[:, ~upper], n)
        if upper.any():
            opening = 1 - exp_decay(n, bloom)
            sound += opening * partial_bank(partials[upper], gains[:, upper], still[upper], phases[:, upper], n)
    else:
        sound = partial_bank(partials, gains, still, phases, n)
    if breath:
        level = float(np.sqrt(np.mean(sound**2)))
        hiss = filtered_noise(n, bandpass_response(1500, 7000, 1), rng)
        sound += np.float32(breath * level / max(float(np.sqrt(np.mean(hiss**2))), 1e-9)) * hiss
    sound *= adsr_envelope(
        n, duration, attack=min(attack, 0.5 * duration / SAMPLE_RATE), decay=decay, sustain=sustain, release=release
    )
    return sound


def synth_solo(
    f: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    slope: float,
    attack: float,
    vibrato: float,
    harmonics: int = 16,
    even: float = 1.0,
    body: Callable[[Curve], Curve] | None = None,
    dull: float = 0.85,
    breath: float = 0.0,
    scoop: float = 0.0,
    release: float = 0.12,
) -> StereoSignal:
    """One player with breath or bow, whose tone opens with the attack.

    `vibrato` (cents) comes in late, `scoop` (cents) is slid up into the note, `even` is the share of even harmonics,
    `dull` the brightness at rest, `breath` the share of noise.
    """
    t = sample_times(n)
    rate = 5.2 + 0.5 * rng.random()
    depth = vibrato * np.clip((t - 0.18) / 0.35, 0, 1)
    drift = depth * np.sin(2 * np.pi * rate * t + rng.random()) - scoop * np.exp(-t / 0.04)
    k = np.arange(1, harmonics + 1, dtype=np.float64)
    amp = k**-slope
    amp[1::2] *= even
    if body is not None:
        amp *= body(f * k)
    env = adsr_envelope(
        n, duration, attack=min(attack, 0.4 * duration / SAMPLE_RATE), decay=0.6, sustain=0.8, release=release
    )
    sound = harmonic_voice(
        f * 2 ** (drift / 1200), amp, (dull + (1 - dull) * env * (0.4 + 0.6 * velocity)).astype(np.float32)
    )
    sound *= env
    if breath:
        air = filtered_noise(n, bandpass_response(f, 4 * f + 2000, 1), rng)
        puff = env * (np.float32(0.5) + 2 * exp_decay(n, 0.05))
        sound += air * (np.float32(breath * np.abs(sound).max() / np.abs(air).max()) * puff)
    return sound


def synth_filtered_saw(
    f: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    close: float,
    slope: float = 1.0,
    sub: float = 0.0,
    decay: float = 0.8,
) -> StereoSignal:
    """A synth bass or pluck: a saw over a sub octave, its harmonics dying sooner the higher they are.

    `close` is how much sooner, per harmonic and second.
    """
    k = np.arange(1, max(2, min(40, int(8000 / f))) + 1, dtype=np.float64)
    amp = np.concatenate((k**-slope, [sub]))
    partials = np.concatenate((f * k, [f / 2]))
    fading = np.concatenate((close * (k - 1) * (1.3 - 0.6 * velocity), [0.0]))
    sound = partial_bank(
        partials, amp * _random_pan_gains(len(partials), rng, 0.05), fading, np.zeros((2, len(partials))), n
    )
    sound *= adsr_envelope(n, duration, attack=0.004, decay=decay, sustain=0.6, release=0.08)
    return sound


def synth_overdriven_guitar(
    f: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    intervals: tuple[int, ...],
    ring: float,
) -> StereoSignal:
    """An electric guitar through an overdriven valve amplifier and its cabinet.

    `intervals` are the strings of a power chord, in semitones.
    """
    clean = np.zeros((2, n), dtype=np.float32)
    for interval in intervals:
        clean += synth_plucked_string(
            f * 2 ** (interval / 12),
            n,
            duration,
            velocity,
            rng,
            place=0.13,
            ring=ring,
            damping=0.08,
            slope=1.1,
            release=0.06,
        )
    clean *= np.float32(6.0 * (0.5 + velocity) / np.abs(clean).max())
    sound = apply_filter(
        np.tanh(clean),
        lambda x: (
            bandpass_response(90, 4200, 2)(x)
            * (0.7 + 0.6 * np.exp(-0.5 * (np.log2(np.maximum(x, 1) / 2400) / 0.5) ** 2))
        ),
    )
    edge = np.linspace(0, 1, SAMPLE_RATE // 500, dtype=np.float32)  # the cabinet's filter rings to both sides
    sound[:, : len(edge)] *= edge
    sound[:, -len(edge) :] *= edge[::-1]
    return sound
