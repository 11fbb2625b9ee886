"""Building blocks of instruments and drums: banks of decaying partials, a harmonic oscillator, noise, filters, envelopes.

Sounds are float32 of shape (2, n), one row per channel: arithmetic along a contiguous row is several times faster than
across interleaved pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...cue import SAMPLE_RATE
from ..dsp import Curve, fft_frequencies

StereoSignal = npt.NDArray[np.float32]
Gain = npt.NDArray[np.float32]

_ROW_SAMPLES = 256  # samples in a row of the bank's matrix product
_MAX_PARTIAL_HZ = 15_000.0  # partials above are omitted: hardly audible, and far enough from the Nyquist frequency
_FFT_GRID_SAMPLES = 480  # transform sizes are multiples of 480 = 2^5 * 3 * 5: a large prime factor would be slow


def partial_bank(frequencies: Curve, amplitudes: Curve, decays: Curve, phases: Curve, n: int) -> StereoSignal:
    """Return `n` samples of a sum of partials, each `amplitude * exp(-decay * t) * sin(2 pi frequency t + phase)`: (2, n).

    Frequencies (Hz) and decays (1/s) have one value per partial, amplitudes and phases (radians) one per channel and
    partial: (2, partials).
    """
    kept = frequencies < _MAX_PARTIAL_HZ
    frequencies, decays, amplitudes, phases = frequencies[kept], decays[kept], amplitudes[:, kept], phases[:, kept]
    # A partial is a complex exponential of the sample's number, row * _ROW_SAMPLES + column. It factors into one of the
    # row (coarse) and one of the column (fine), so the whole bank is one matrix product of real numbers.
    rows = -(-n // _ROW_SAMPLES)
    rate = (2j * np.pi * frequencies - decays) / SAMPLE_RATE
    fine = _powers(np.exp(rate), _ROW_SAMPLES).T
    coarse = _powers(np.exp(rate * _ROW_SAMPLES), rows)
    # -pi / 2 turns cosine into sine. `coarse` starts with the factor of one row instead of 1; the last term undoes that.
    start = (amplitudes * np.exp(1j * (phases - np.pi / 2) - rate * _ROW_SAMPLES)).astype(np.complex64)
    spun = start[:, None, :] * coarse.astype(np.complex64)
    left = np.concatenate((spun.real, -spun.imag), axis=-1).reshape(2 * rows, -1)
    right = np.concatenate((fine.real, fine.imag)).astype(np.float32)
    sound: StereoSignal = (left @ right).reshape(2, rows * _ROW_SAMPLES)[:, :n]
    return sound


def _powers(bases: npt.NDArray[np.complex128], count: int) -> npt.NDArray[np.complex128]:
    """Return the powers 1 to `count` of each base: (count, bases). Each pass doubles their number, with a short error."""
    powers = np.empty((count, len(bases)), np.complex128)
    powers[0] = bases
    have = 1
    while have < count:
        more = min(have, count - have)
        np.multiply(powers[:more], powers[have - 1], out=powers[have : have + more])
        have += more
    return powers


def harmonic_voice(frequency: Curve, amplitudes: Curve, brightness: Gain) -> StereoSignal:
    """Return a tone with harmonics of these amplitudes: (2, n). Frequency (Hz) and brightness have one value per sample.

    The k-th harmonic is scaled by brightness to the power k - 1, so that one curve opens and closes the timbre.
    """
    phase = np.cumsum(frequency) / SAMPLE_RATE
    turn = np.exp(2j * np.pi * (phase % 1.0)).astype(np.complex64)
    spin = turn * brightness
    # The sum over harmonics is a polynomial in `spin`, evaluated by Horner's rule: one multiplication per harmonic.
    most = max(1, min(len(amplitudes), int(_MAX_PARTIAL_HZ / float(frequency.max()))))
    total = np.full(len(turn), amplitudes[most - 1], dtype=np.complex64)
    for amplitude in amplitudes[most - 2 :: -1] if most > 1 else ():
        total *= spin
        total += np.float32(amplitude)
    total *= turn
    return np.stack((total.imag, total.imag))


def filtered_noise(n: int, response: Callable[[Curve], Curve], rng: np.random.Generator) -> StereoSignal:
    """Return `n` samples of noise with the spectrum `response`, a function of frequency in Hz: (2, n), uncorrelated."""
    size = _FFT_GRID_SAMPLES * -(-n // _FFT_GRID_SAMPLES)
    spectrum = np.fft.rfft(rng.random((2, size)) - 0.5)
    spectrum *= response(fft_frequencies(size))
    return np.fft.irfft(spectrum, size)[:, :n].astype(np.float32)


def apply_filter(sound: StereoSignal, response: Callable[[Curve], Curve]) -> StereoSignal:
    """Return a sound through a zero-phase filter with this response, a function of frequency in Hz."""
    length = sound.shape[1]
    # 10 ms of zeros, so that the filter's ringing at the start does not wrap around into the end.
    size = _FFT_GRID_SAMPLES * -(-(length + _FFT_GRID_SAMPLES) // _FFT_GRID_SAMPLES)
    spectrum = np.fft.rfft(sound, size)
    spectrum *= response(fft_frequencies(size))
    return np.fft.irfft(spectrum, size)[:, :length].astype(np.float32)


def bandpass_response(low: float, high: float, order: int = 2) -> Callable[[Curve], Curve]:
    """Return the response of a band-pass from `low` to `high` Hz, with slopes of 6 dB per octave and order."""

    def response(f: Curve) -> Curve:
        up = (f / low) ** (2 * order)
        with np.errstate(over="ignore"):  # far above a low `low` the power overflows to infinity
            return np.sqrt(up / (1 + up) / (1 + (f / high) ** (2 * order)))

    return response


def formant_response(*peaks: tuple[float, float, float], floor: float = 0.05) -> Callable[[Curve], Curve]:
    """Return the response of an instrument's body or a vocal tract: resonances (Hz, width in octaves, gain) over a floor."""

    def response(f: Curve) -> Curve:
        octaves = np.log2(np.maximum(f, 1.0))
        total = np.full(len(f), floor)
        for centre, width, gain in peaks:
            total += gain * np.exp(-0.5 * ((octaves - np.log2(centre)) / width) ** 2)
        return total

    return response


def add_treble(sound: StereoSignal, amount: float) -> StereoSignal:
    """Lift the treble, in place, by a factor of 1 + amount * (1 - cos(3 w)), w being the frequency in radians a sample.

    An amount of 1 is 2 dB at 2 kHz, 6 dB at 4 kHz and 9.5 dB at 8 kHz, and nothing at 16 kHz, where only noise would rise.
    """
    if amount and sound.shape[1] > 6:
        lift = sound[:, 3:-3] - np.float32(0.5) * (sound[:, :-6] + sound[:, 6:])
        sound[:, 3:-3] += np.float32(amount) * lift
    return sound


def remove_dc(sound: StereoSignal) -> StereoSignal:
    """Remove the constant offset, in place. It is subtracted as a 0.2 s bump at the start, which leaves no step."""
    n = min(sound.shape[1], SAMPLE_RATE // 5)
    bump = np.hanning(n + 2)[1:-1]
    sound[:, :n] -= (bump / bump.sum() * sound.sum(axis=1, dtype=np.float64)[:, None]).astype(np.float32)
    return sound


def fade_in(sound: StereoSignal, length: float) -> StereoSignal:
    """Fade in the first `length` seconds linearly, in place."""
    count = round(length * SAMPLE_RATE)
    sound[:, :count] *= np.arange(count, dtype=np.float32) / np.float32(count)
    return sound


def sample_times(n: int) -> Curve:
    """Return the times of `n` samples in seconds."""
    return np.arange(n) / SAMPLE_RATE


def adsr_envelope(n: int, duration: int, *, attack: float, decay: float, sustain: float, release: float) -> Gain:
    """Return the envelope of a note that is held for `duration` of `n` samples.

    It rises for `attack` seconds, falls with the time constant `decay` (seconds) to the level `sustain`, and falls to
    nothing within `release` seconds after `duration`. The last sample is zero.
    """
    out = np.full(n, sustain, np.float32)
    if sustain < 1:
        out += np.float32(1 - sustain) * exp_decay(n, decay, attack)
    rise = min(n, math.ceil(attack * SAMPLE_RATE))
    out[:rise] *= (0.5 - 0.5 * np.cos(np.pi / (attack * SAMPLE_RATE) * np.arange(rise))).astype(np.float32)
    if duration < n:
        out[duration:] *= exp_decay(n - duration, release / 5)  # five time constants: 43 dB down
    end = min(n, 240)  # 5 ms
    out[n - end :] *= np.linspace(1, 0, end, dtype=np.float32)
    return out


def exp_decay(n: int, length: float, delay: float = 0.0) -> Gain:
    """Return an exponential fall from 1 with the time constant `length` (seconds), after `delay` seconds at 1."""
    steps = np.arange(n, dtype=np.float32)
    steps -= np.float32(delay * SAMPLE_RATE)
    np.maximum(steps, 0, out=steps)
    steps *= np.float32(-1 / (length * SAMPLE_RATE))
    return np.exp(steps, out=steps)
