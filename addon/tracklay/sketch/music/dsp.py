"""How sound is made out of numbers: banks of decaying partials, a singing oscillator, shaped noise, envelopes.

`recipes` and `drums` are built of these. Sounds are float32, a row for left and one for right: arithmetic along a row is several
times faster than across pairs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .form import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable

StereoSignal = npt.NDArray[np.float32]
Curve = npt.NDArray[np.float64]
Gain = npt.NDArray[np.float32]

_ROW_SAMPLES = 256  # samples in a row of the bank's matrix product
_MAX_PARTIAL_HZ = 15_000.0  # Hz; partials above are left out


def partial_bank(frequencies: Curve, amplitudes: Curve, decays: Curve, phases: Curve, n: int) -> StereoSignal:
    """`n` samples of a sum of partials, each `amplitude * exp(-decay * t) * sin(2 pi frequency t + phase)`.

    Frequencies (Hz) and decays (1/s) have one value a partial; amplitudes and phases (radians) have one for left
    and one for right: (2, partials).
    An exponential splits into a coarse and a fine factor, so that the whole bank is one matrix product.
    """
    kept = frequencies < _MAX_PARTIAL_HZ
    frequencies, decays, amplitudes, phases = frequencies[kept], decays[kept], amplitudes[:, kept], phases[:, kept]
    rows = -(-n // _ROW_SAMPLES)
    rate = (2j * np.pi * frequencies - decays) / SAMPLE_RATE
    fine = np.cumprod(np.broadcast_to(np.exp(rate)[:, None], (len(rate), _ROW_SAMPLES)), axis=1)
    coarse = np.cumprod(np.broadcast_to(np.exp(rate * _ROW_SAMPLES), (rows, len(rate))), axis=0)
    start = (amplitudes * np.exp(1j * (phases - np.pi / 2) - rate * _ROW_SAMPLES)).astype(np.complex64)
    spun = start[:, None, :] * coarse.astype(np.complex64)
    left = np.concatenate((spun.real, -spun.imag), axis=-1).reshape(2 * rows, -1)
    right = np.concatenate((fine.real, fine.imag)).astype(np.float32)
    sound: StereoSignal = (left @ right).reshape(2, rows * _ROW_SAMPLES)[:, :n]
    return sound


def harmonic_voice(frequency: Curve, amplitudes: Curve, brightness: Gain) -> StereoSignal:
    """One voice with harmonics of these amplitudes, its frequency (Hz) and brightness given sample by sample.

    The k-th harmonic is scaled by brightness to the power k - 1, so one curve opens and closes the tone.
    """
    phase = np.cumsum(frequency) / SAMPLE_RATE
    turn = np.exp(2j * np.pi * (phase % 1.0)).astype(np.complex64)
    spin = turn * brightness
    most = max(1, min(len(amplitudes), int(_MAX_PARTIAL_HZ / float(frequency.max()))))
    total = np.full(len(turn), amplitudes[most - 1], dtype=np.complex64)
    for amplitude in amplitudes[most - 2 :: -1] if most > 1 else ():
        total *= spin
        total += np.float32(amplitude)
    total *= turn
    return np.stack((total.imag, total.imag))


def filtered_noise(n: int, response: Callable[[Curve], Curve], rng: np.random.Generator) -> StereoSignal:
    """`n` samples of noise whose spectrum follows `response`, a function of frequency in Hz; left and right differ."""
    size = 480 * -(-n // 480)
    spectrum = np.fft.rfft(rng.random((2, size)) - 0.5)
    spectrum *= response(_fft_frequencies(size))
    return np.fft.irfft(spectrum, size)[:, :n].astype(np.float32)


def apply_filter(sound: StereoSignal, response: Callable[[Curve], Curve]) -> StereoSignal:
    """A sound through a filter of zero phase with this response, a function of frequency in Hz."""
    length = sound.shape[1]
    size = 480 * -(-(length + 480) // 480)
    spectrum = np.fft.rfft(sound, size)
    spectrum *= response(_fft_frequencies(size))
    return np.fft.irfft(spectrum, size)[:, :length].astype(np.float32)


def _fft_frequencies(size: int) -> Curve:
    """The frequencies of a transform of `size` samples."""
    return np.arange(size // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / size)


def bandpass_response(low: float, high: float, order: int = 2) -> Callable[[Curve], Curve]:
    """A band from `low` to `high` Hz with slopes of 6 dB per octave and order."""

    def response(f: Curve) -> Curve:
        up = (f / low) ** (2 * order)
        with np.errstate(over="ignore"):
            return np.sqrt(up / (1 + up) / (1 + (f / high) ** (2 * order)))

    return response


def formant_response(*peaks: tuple[float, float, float], floor: float = 0.05) -> Callable[[Curve], Curve]:
    """A body or a mouth: resonances as (Hz, width in octaves, gain) over a floor."""

    def response(f: Curve) -> Curve:
        octaves = np.log2(np.maximum(f, 1.0))
        total = np.full(len(f), floor)
        for centre, width, gain in peaks:
            total += gain * np.exp(-0.5 * ((octaves - np.log2(centre)) / width) ** 2)
        return total

    return response


def remove_dc(sound: StereoSignal) -> StereoSignal:
    """The sound without its constant offset, taken off under a slow bump at its start so that no step is left."""
    n = min(sound.shape[1], SAMPLE_RATE // 5)
    bump = np.hanning(n + 2)[1:-1]
    sound[:, :n] -= (bump / bump.sum() * sound.sum(axis=1, dtype=np.float64)[:, None]).astype(np.float32)
    return sound


def fade_in(sound: StereoSignal, length: float) -> StereoSignal:
    """The sound, risen evenly from nothing over its first `length` (s)."""
    count = round(length * SAMPLE_RATE)
    sound[:, :count] *= np.arange(count, dtype=np.float32) / np.float32(count)
    return sound


def sample_times(n: int) -> Curve:
    """The times of `n` samples."""
    return np.arange(n) / SAMPLE_RATE


def adsr_envelope(n: int, duration: int, *, attack: float, decay: float, sustain: float, release: float) -> Gain:
    """A note's loudness: rise (s), fall with time constant `decay` (s) to `sustain`, and die within `release` (s).

    It dies once `duration` samples have passed, and ends at zero.
    """
    out = np.full(n, sustain, np.float32)
    if sustain < 1:
        out += np.float32(1 - sustain) * exp_decay(n, decay, attack)
    rise = min(n, math.ceil(attack * SAMPLE_RATE))
    out[:rise] *= (0.5 - 0.5 * np.cos(np.pi / (attack * SAMPLE_RATE) * np.arange(rise))).astype(np.float32)
    if duration < n:
        out[duration:] *= exp_decay(n - duration, release / 5)
    end = min(n, 240)
    out[n - end :] *= np.linspace(1, 0, end, dtype=np.float32)
    return out


def exp_decay(n: int, length: float, delay: float = 0.0) -> Gain:
    """An exponential fall with time constant `length` (s), from one, after a wait (s) at one."""
    steps = np.arange(n, dtype=np.float32)
    steps -= np.float32(delay * SAMPLE_RATE)
    np.maximum(steps, 0, out=steps)
    steps *= np.float32(-1 / (length * SAMPLE_RATE))
    return np.exp(steps, out=steps)
