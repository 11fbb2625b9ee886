"""How sound is made out of numbers: banks of decaying partials, a singing oscillator, shaped noise, envelopes.

`recipes` and `drums` are built of these. Sounds are float32, one row a sample, left and right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .form import RATE

if TYPE_CHECKING:
    from collections.abc import Callable

Sound = npt.NDArray[np.float32]
Curve = npt.NDArray[np.float64]

_ROW = 256  # samples in a row of the bank's matrix product
_CEILING = 15_000.0  # Hz; partials above are left out


def bank(frequencies: Curve, amplitudes: Curve, decays: Curve, phases: Curve, n: int) -> Sound:
    """`n` samples of a sum of partials, each `amplitude * exp(-decay * t) * sin(2 pi frequency t + phase)`.

    Frequencies (Hz) and decays (1/s) have one value a partial; amplitudes and phases (radians) have one for left
    and one for right: (2, partials).
    An exponential splits into a coarse and a fine factor, so that the whole bank is one matrix product.
    """
    kept = frequencies < _CEILING
    frequencies, decays, amplitudes, phases = frequencies[kept], decays[kept], amplitudes[:, kept], phases[:, kept]
    rows = -(-n // _ROW)
    rate = (2j * np.pi * frequencies - decays) / RATE
    fine = np.cumprod(np.broadcast_to(np.exp(rate)[:, None], (len(rate), _ROW)), axis=1)
    coarse = np.cumprod(np.broadcast_to(np.exp(rate * _ROW), (rows, len(rate))), axis=0)
    start = (amplitudes * np.exp(1j * (phases - np.pi / 2) - rate * _ROW)).astype(np.complex64)
    spun = start[:, None, :] * coarse.astype(np.complex64)
    left = np.concatenate((spun.real, -spun.imag), axis=-1).reshape(2 * rows, -1)
    right = np.concatenate((fine.real, fine.imag)).astype(np.float32)
    return np.ascontiguousarray((left @ right).reshape(2, rows * _ROW)[:, :n].T)


def sing(frequency: Curve, amplitudes: Curve, brightness: Curve) -> Sound:
    """One voice with harmonics of these amplitudes, its frequency (Hz) and brightness given sample by sample.

    The k-th harmonic is scaled by brightness to the power k - 1, so one curve opens and closes the tone.
    """
    phase = np.cumsum(frequency) / RATE
    turn = np.exp(2j * np.pi * (phase % 1.0)).astype(np.complex64)
    spin = turn * brightness.astype(np.float32)
    most = max(1, min(len(amplitudes), int(_CEILING / float(frequency.max()))))
    total = np.full(len(turn), amplitudes[most - 1], dtype=np.complex64)
    for amplitude in amplitudes[most - 2 :: -1] if most > 1 else ():
        total *= spin
        total += np.float32(amplitude)
    total *= turn
    return np.repeat(total.imag[:, None], 2, axis=1)


def noise(n: int, shape: Callable[[Curve], Curve], rng: np.random.Generator) -> Sound:
    """`n` samples of noise whose spectrum follows `shape`, a function of frequency in Hz; left and right differ."""
    size = 480 * -(-n // 480)
    spectrum = np.fft.rfft(rng.random((2, size)) - 0.5)
    spectrum *= shape(_hertz(size))
    return np.ascontiguousarray(np.fft.irfft(spectrum, size)[:, :n].T.astype(np.float32))


def shaped(sound: Sound, shape: Callable[[Curve], Curve]) -> Sound:
    """A sound through a filter of zero phase with this response, a function of frequency in Hz."""
    size = 480 * -(-(len(sound) + 480) // 480)
    spectrum = np.fft.rfft(sound, size, axis=0)
    spectrum *= shape(_hertz(size))[:, None]
    return np.fft.irfft(spectrum, size, axis=0)[: len(sound)].astype(np.float32)


def _hertz(size: int) -> Curve:
    """The frequencies of a transform of `size` samples."""
    return np.arange(size // 2 + 1, dtype=np.float64) * (RATE / size)


def band(low: float, high: float, order: int = 2) -> Callable[[Curve], Curve]:
    """A band from `low` to `high` Hz with slopes of 6 dB per octave and order."""

    def response(f: Curve) -> Curve:
        up = (f / low) ** (2 * order)
        with np.errstate(over="ignore"):
            return np.sqrt(up / (1 + up) / (1 + (f / high) ** (2 * order)))

    return response


def formants(*peaks: tuple[float, float, float], floor: float = 0.05) -> Callable[[Curve], Curve]:
    """A body or a mouth: resonances as (Hz, width in octaves, gain) over a floor."""

    def response(f: Curve) -> Curve:
        octaves = np.log2(np.maximum(f, 1.0))
        total = np.full(len(f), floor)
        for centre, width, gain in peaks:
            total += gain * np.exp(-0.5 * ((octaves - np.log2(centre)) / width) ** 2)
        return total

    return response


def balanced(sound: Sound) -> Sound:
    """The sound without its constant offset, taken off under a slow bump at its start so that no step is left."""
    n = min(len(sound), RATE // 5)
    bump = np.hanning(n + 2)[1:-1]
    sound[:n] -= ((bump / bump.sum())[:, None] * sound.sum(axis=0, dtype=np.float64)).astype(np.float32)
    return sound


def seconds(n: int) -> Curve:
    """The times of `n` samples."""
    return np.arange(n) / RATE


def envelope(n: int, held: int, *, attack: float, decay: float, sustain: float, release: float) -> Curve:
    """A note's loudness: rise (s), fall with time constant `decay` (s) to `sustain`, and die within `release` (s).

    It dies once `held` samples have passed, and ends at zero.
    """
    t = seconds(n)
    out = sustain + (1 - sustain) * np.exp(-np.maximum(t - attack, 0) / decay)
    rise = t < attack
    out[rise] *= 0.5 - 0.5 * np.cos(np.pi * t[rise] / attack)
    if held < n:
        out[held:] *= np.exp(-5 * (t[held:] - t[held]) / release)
    end = min(n, 240)
    out[n - end :] *= np.linspace(1, 0, end)
    return out
