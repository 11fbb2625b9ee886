"""Synthesis of the pitched instruments: strings, bars, ensembles, solo instruments and synthesizers.

Each function takes a pitch in Hz, a length in samples, the samples held, a velocity (0 to 1) and random numbers, and returns
a sound (2, samples) at an arbitrary level. `instruments` has the settings and normalises the level.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...cue import SAMPLE_RATE
from ..dsp import Curve, pan_gains
from .dsp import (
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


def _random_pan_gains(count: int, rng: np.random.Generator, width: float) -> Curve:
    """Return the gains (2, count) of partials at random positions, up to `width` (0 to 1) from the centre."""
    return np.stack(pan_gains(width * (2 * rng.random(count) - 1)))


def synth_plucked_string(
    pitch_hz: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    pluck_position: float,
    ring_seconds: float,
    damping: float,
    slope: float,
    stiffness: float = 0.0001,
    strings: int = 1,
    attack_noise: float = 0.05,
    release: float = 0.15,
) -> StereoSignal:
    """Return a string that is struck or plucked.

    Args:
        pitch_hz: pitch, Hz.
        n: length in samples.
        duration: samples until the note is released.
        velocity: 0 to 1.
        rng: random numbers.
        pluck_position: point of excitation, as a share of the string's length.
        ring_seconds: decay time of the fundamental at middle C, seconds.
        damping: each further partial decays faster by this share of the fundamental's rate.
        slope: tilt of the spectrum; a larger one is duller.
        stiffness: inharmonicity coefficient.
        strings: strings per note.
        attack_noise: level of the attack noise.
        release: time in which the released note falls to nothing, seconds.
    """
    # Partials up to 12 kHz, at most 40: the higher ones of a string are inaudible.
    k = np.arange(1, max(2, min(40, int(12_000 / pitch_hz))) + 1, dtype=np.float64)
    # A partial with a node at the point of excitation is silent.
    amp = np.abs(np.sin(np.pi * k * pluck_position)) / k ** (slope - 0.5 * velocity)
    decay = (1 / ring_seconds) * (pitch_hz / 261.6) ** 0.5 * (1 + damping * (k - 1))
    partials, amps, decays = [], [], []
    # Strings of one note are up to a cent apart, as a piano tuner leaves them: they beat slowly. The first decays faster
    # and the others sustain, which gives the two-stage decay of a piano.
    for string in range(strings):
        tuning = (string - (strings - 1) / 2) * 0.9 + 0.2 * (rng.random() - 0.5)
        # Stiffness raises the upper partials: f_k = k f sqrt(1 + B k^2).
        partials.append(pitch_hz * k * np.sqrt(1 + stiffness * k * k) * 2 ** (tuning / 1200))
        amps.append(amp * 0.7**string)
        decays.append(decay * (1.0 if string else 1.8 if strings > 1 else 1.0))
    count = strings * len(k)
    gains = np.concatenate(amps) * _random_pan_gains(count, rng, 0.35)
    sound = partial_bank(np.concatenate(partials), gains, np.concatenate(decays), np.zeros((2, count)), n)
    hit = min(n, SAMPLE_RATE // 40)  # the attack noise lasts 25 ms
    peak = float(np.abs(sound[:, : SAMPLE_RATE // 10]).max())
    thump = filtered_noise(hit, bandpass_response(max(80.0, 0.7 * pitch_hz), 5 * pitch_hz + 800, 1), rng) * exp_decay(
        hit, 1 / 250
    )
    sound[:, :hit] += np.float32(attack_noise * peak * velocity / max(float(np.abs(thump).max()), 1e-9)) * thump
    sound *= adsr_envelope(n, duration, attack=0.002, decay=1.0, sustain=1.0, release=release)
    return sound


def synth_struck_bar(
    pitch_hz: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    ratios: tuple[float, ...],
    levels: tuple[float, ...],
    ring_seconds: tuple[float, ...],
    tremolo: float = 0.0,
    release: float = 0.6,
) -> StereoSignal:
    """Return a struck bar, tine or bell.

    Its partials are `ratios` to the pitch, each with its level and its decay time at middle C (seconds). `tremolo` is the
    depth of a stereo tremolo, 0 to 1. The other arguments are those of `synth_plucked_string`.
    """
    # Each partial twice, 0.06 % apart: no real bar is symmetric, and the slow beating keeps the tone alive.
    partials = pitch_hz * np.repeat(np.array(ratios), 2) * np.tile([0.9997, 1.0003], len(ratios))
    amps = np.repeat(np.array(levels) * velocity ** np.linspace(0, 1, len(levels)), 2)
    decay = (pitch_hz / 261.6) ** 0.4 / np.repeat(np.array(ring_seconds), 2)
    sound = partial_bank(
        partials, amps * _random_pan_gains(len(partials), rng, 0.5), decay, np.zeros((2, len(partials))), n
    )
    sound *= adsr_envelope(n, duration, attack=0.0015, decay=1.0, sustain=1.0, release=release)
    if tremolo:  # left and right in opposite phase, as on a vibraphone or an electric piano
        turn = (0.5 * tremolo * np.cos(2 * np.pi * 4.6 * sample_times(n))).astype(np.float32)
        sound[0] *= np.float32(1 - 0.5 * tremolo) - turn
        sound[1] *= np.float32(1 - 0.5 * tremolo) + turn
    return sound


def synth_ensemble(
    pitch_hz: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    voices: int,
    detune_cents: float,
    slope: float,
    attack: float,
    resonance: Callable[[Curve], Curve] | None = None,
    cutoff_hz: float = 6000.0,
    bloom_seconds: float = 0.0,
    decay: float = 1.0,
    sustain: float = 0.85,
    release: float = 0.4,
    breath_noise: float = 0.0,
) -> StereoSignal:
    """Return several players or oscillators on one note.

    Args:
        pitch_hz: pitch, Hz.
        n: length in samples.
        duration: samples until the note is released.
        velocity: 0 to 1.
        rng: random numbers.
        voices: number of voices.
        detune_cents: detuning of the outermost voices, about, in cents.
        slope: tilt of the spectrum.
        attack: rise time, seconds.
        resonance: resonances, as a function of Hz.
        cutoff_hz: frequency above which the spectrum falls off, Hz.
        bloom_seconds: time constant with which the upper harmonics fade in, seconds.
        decay: time constant of the fall to `sustain`, seconds.
        sustain: level of the held note, 0 to 1.
        release: time in which the released note falls to nothing, seconds.
        breath_noise: level of the breath noise, relative to the tone.
    """
    k = np.arange(1, max(2, min(32, int(9000 / pitch_hz))) + 1, dtype=np.float64)
    amp = k**-slope / (1 + (pitch_hz * k / (cutoff_hz * (0.5 + 0.5 * velocity))) ** 4) ** 0.5
    if resonance is not None:
        amp *= resonance(pitch_hz * k)
    # Voices are spread evenly and then varied by up to 20 %: even spacing would beat regularly.
    detune = (
        2 ** (detune_cents * np.linspace(-1, 1, voices) * (0.8 + 0.4 * rng.random(voices)) / 1200)
        if voices > 1
        else np.ones(1)
    )
    partials = (pitch_hz * k * detune[:, None]).ravel()
    gains = np.tile(amp, voices) * np.repeat(_random_pan_gains(voices, rng, 0.9), len(k), axis=1)
    phases = 2 * np.pi * rng.random((2, len(partials)))
    still = np.zeros(len(partials))
    if bloom_seconds:
        upper = np.tile(k > 3, voices)  # the first three harmonics define the pitch, the others the timbre
        sound = partial_bank(partials[~upper], gains[:, ~upper], still[~upper], phases[:, ~upper], n)
        if upper.any():
            opening = 1 - exp_decay(n, bloom_seconds)
            sound += opening * partial_bank(partials[upper], gains[:, upper], still[upper], phases[:, upper], n)
    else:
        sound = partial_bank(partials, gains, still, phases, n)
    if breath_noise:
        level = float(np.sqrt(np.mean(sound**2)))
        hiss = filtered_noise(n, bandpass_response(1500, 7000, 1), rng)
        sound += np.float32(breath_noise * level / max(float(np.sqrt(np.mean(hiss**2))), 1e-9)) * hiss
    sound *= adsr_envelope(
        n, duration, attack=min(attack, 0.5 * duration / SAMPLE_RATE), decay=decay, sustain=sustain, release=release
    )
    return sound


def synth_solo(
    pitch_hz: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    slope: float,
    attack: float,
    vibrato_cents: float,
    harmonics: int = 16,
    even_share: float = 1.0,
    resonance: Callable[[Curve], Curve] | None = None,
    rest_brightness: float = 0.85,
    breath_noise: float = 0.0,
    scoop_cents: float = 0.0,
    release: float = 0.12,
) -> StereoSignal:
    """Return one bowed, blown or sung voice, whose brightness follows its level.

    Args:
        pitch_hz: pitch, Hz.
        n: length in samples.
        duration: samples until the note is released.
        velocity: 0 to 1.
        rng: random numbers.
        slope: tilt of the spectrum.
        attack: rise time, seconds.
        vibrato_cents: depth of the vibrato, cents.
        harmonics: number of harmonics.
        even_share: level of the even harmonics; near 0 for a tube that is closed at one end, like a clarinet.
        resonance: resonances, as a function of Hz.
        rest_brightness: brightness when the note is silent, 0 to 1.
        breath_noise: level of the breath noise, relative to the tone.
        scoop_cents: the note starts this far below its pitch, cents.
        release: time in which the released note falls to nothing, seconds.
    """
    t = sample_times(n)
    rate = 5.2 + 0.5 * rng.random()
    # Vibrato starts after 0.18 s and reaches its full depth at 0.53 s, as players do it: short notes have none.
    depth = vibrato_cents * np.clip((t - 0.18) / 0.35, 0, 1)
    drift = depth * np.sin(2 * np.pi * rate * t + rng.random()) - scoop_cents * np.exp(-t / 0.04)
    k = np.arange(1, harmonics + 1, dtype=np.float64)
    amp = k**-slope
    amp[1::2] *= even_share
    if resonance is not None:
        amp *= resonance(pitch_hz * k)
    env = adsr_envelope(
        n, duration, attack=min(attack, 0.4 * duration / SAMPLE_RATE), decay=0.6, sustain=0.8, release=release
    )
    sound = harmonic_voice(
        pitch_hz * 2 ** (drift / 1200),
        amp,
        (rest_brightness + (1 - rest_brightness) * env * (0.4 + 0.6 * velocity)).astype(np.float32),
    )
    sound *= env
    if breath_noise:
        air = filtered_noise(n, bandpass_response(pitch_hz, 4 * pitch_hz + 2000, 1), rng)
        puff = env * (np.float32(0.5) + 2 * exp_decay(n, 0.05))
        sound += air * (np.float32(breath_noise * np.abs(sound).max() / np.abs(air).max()) * puff)
    return sound


def synth_filtered_saw(
    pitch_hz: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    harmonic_damping: float,
    slope: float = 1.0,
    sub_level: float = 0.0,
    decay: float = 0.8,
) -> StereoSignal:
    """Return a synth bass or pluck: a sawtooth and a sine an octave below it (level `sub_level`), through a closing filter.

    The filter is imitated by the decay of each harmonic, which is faster than that of the one below by about
    `harmonic_damping` nepers per second. The other arguments are those of `synth_ensemble`.
    """
    k = np.arange(1, max(2, min(40, int(8000 / pitch_hz))) + 1, dtype=np.float64)
    amp = np.concatenate((k**-slope, [sub_level]))
    partials = np.concatenate((pitch_hz * k, [pitch_hz / 2]))
    fading = np.concatenate((harmonic_damping * (k - 1) * (1.3 - 0.6 * velocity), [0.0]))
    sound = partial_bank(
        partials, amp * _random_pan_gains(len(partials), rng, 0.05), fading, np.zeros((2, len(partials))), n
    )
    sound *= adsr_envelope(n, duration, attack=0.004, decay=decay, sustain=0.6, release=0.08)
    return sound


def synth_overdriven_guitar(
    pitch_hz: float,
    n: int,
    duration: int,
    velocity: float,
    rng: np.random.Generator,
    *,
    intervals: tuple[int, ...],
    ring_seconds: float,
) -> StereoSignal:
    """Return an electric guitar through an overdriven amplifier and its cabinet.

    `intervals` are the strings of a power chord in semitones above the pitch, `ring_seconds` is the decay time at middle C in
    seconds. The other arguments are those of `synth_plucked_string`.
    """
    clean = np.zeros((2, n), dtype=np.float32)
    for interval in intervals:
        clean += synth_plucked_string(
            pitch_hz * 2 ** (interval / 12),
            n,
            duration,
            velocity,
            rng,
            pluck_position=0.13,
            ring_seconds=ring_seconds,
            damping=0.08,
            slope=1.1,
            release=0.06,
        )
    # Six times full scale drives the tanh far into saturation: the strings are distorted together, which makes the
    # difference tones of a power chord.
    clean *= np.float32(6.0 * (0.5 + velocity) / np.abs(clean).max())
    sound = apply_filter(
        np.tanh(clean),
        lambda x: (  # a loudspeaker passes 90 Hz to 4.2 kHz, with a resonance at 2.4 kHz
            bandpass_response(90, 4200, 2)(x)
            * (0.7 + 0.6 * np.exp(-0.5 * (np.log2(np.maximum(x, 1) / 2400) / 0.5) ** 2))
        ),
    )
    # The zero-phase filter rings in both directions: fade 2 ms at either end.
    edge = np.linspace(0, 1, SAMPLE_RATE // 500, dtype=np.float32)
    sound[:, : len(edge)] *= edge
    sound[:, -len(edge) :] *= edge[::-1]
    return sound
