"""The take's own background: fills for what a moved unit leaves behind, and decays without the background in them.

A fill is taken from stretches of the take where no unit sounds, the nearest first. Where there are too few, noise with the spectrum
of the take's quietest moments takes their place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..listening.spectrum import padded

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ..listening.spectrum import ReadSamples, Samples

LEAST_STRETCH_SECONDS = 0.06
"""Shortest stretch that is used."""

CROSSFADE_SECONDS = 0.03
"""Crossfade between two stretches of a fill."""

SEARCH_SECONDS = 0.25
"""Reach of the search for where a stretch continues the sound before it best."""

CONTEXT_SECONDS = 0.02
"""Length of the sound before a fill that its beginning is compared with."""

FARTHEST_SECONDS = 30.0
"""A background changes: stretches farther away are not used while there are nearer ones."""

FFT_SAMPLES, FFT_HOP = 1024, 256
"""Transform of decays and of noise."""

OVERSUBTRACTION = 3.0
"""The background's power is subtracted with this factor: single bins of noise exceed its mean by this."""

NOISE_PERCENTILE = 20
"""The quietest fifth of the spectra is background. Its mean power is 4.5 times this percentile's, as that of any noise is."""
NOISE_MEAN_OVER_PERCENTILE = 1 / -np.log(1 - NOISE_PERCENTILE / 100)

SPECTRA_OF_NOISE = 400
"""Spectra that the noise is measured in, spread over the take."""


class Background:
    """The background of a take, from its clean stretches."""

    def __init__(
        self,
        read: ReadSamples,
        length: int,
        sample_rate: int,
        units: Sequence[tuple[int, int]],
    ) -> None:
        """Find the clean stretches: all of the take but `units`, pairs of first and last sample, in order."""
        self._read, self._length, self._rate = read, length, sample_rate
        least = round(LEAST_STRETCH_SECONDS * sample_rate)
        edges = [0, *(edge for unit in units for edge in unit), length]
        self._clean = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= least]
        self._channels = read(0, 1).shape[1]
        self._noise: npt.NDArray[np.float32] | None = None

    @property
    def power(self) -> float:
        """The background's mean power, of one channel."""
        return float(self._noise_power().sum(axis=0).mean() * 2 / (FFT_SAMPLES * np.sum(np.hanning(FFT_SAMPLES) ** 2)))

    def fill(self, count: int, near: int, before: Samples) -> Samples:
        """Return `count` samples of background.

        Args:
            count: number of samples.
            near: position in the take of what is replaced.
            before: the sound that the fill continues, (samples, channels); it may be empty.
        """
        crossfade = round(CROSSFADE_SECONDS * self._rate)
        rng = np.random.default_rng(
            (self._length, near)
        )  # the same gap gets the same fill, however often it is rendered
        out = np.zeros((0, self._channels), np.float32)
        nearest = sorted(self._clean, key=lambda stretch: max(stretch[0] - near, near - stretch[1], 0))
        nearest = [each for each in nearest if abs(each[0] - near) < FARTHEST_SECONDS * self._rate] or nearest[:3]
        whole = [stretch for stretch in nearest if stretch[1] - stretch[0] >= count]
        if not whole and sum(b - a for a, b in nearest) < count / 4:
            return self._make_noise(count, rng)
        turn = 0
        while len(out) < count:
            missing = count - len(out) + (crossfade if len(out) else 0)
            start, stop = whole[0] if whole else nearest[turn % len(nearest)]
            context = out[-round(CONTEXT_SECONDS * self._rate) :] if len(out) else before
            begin = self._best_start((start, stop), missing, context, rng, at_end=bool(len(out)))
            part = self._read(begin, min(stop, begin + missing))
            out = crossfade_onto(out, part, min(crossfade, len(out), len(part) // 2))
            turn += 1
        return out[:count]

    def _best_start(
        self, stretch: tuple[int, int], count: int, context: Samples, rng: np.random.Generator, *, at_end: bool
    ) -> int:
        """Return where in a clean stretch the sound continues `context` best. `at_end`: it overlaps the context, else follows it."""
        start, stop = stretch
        slack = min(stop - start - count, round(SEARCH_SECONDS * self._rate))
        if slack <= 0 and stop - start > 2 * count // 3:
            return start
        # A stretch that is too short is used from a random place in its first half: repeated, it is no loop.
        slack = slack if slack > 0 else (stop - start) // 2
        if len(context) < 64 or (not at_end and start < len(context)):
            return start + int(rng.integers(slack + 1))
        lead = 0 if at_end else len(context)
        sound = padded(self._read, start - lead, start - lead + slack + len(context), self._length).mean(axis=1)
        wanted = context.mean(axis=1)
        size = 1 << (len(sound) + len(wanted)).bit_length()
        product = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(wanted, size))
        correlation = np.fft.irfft(product, size)[: slack + 1]
        energy = np.concatenate([[0.0], np.cumsum(sound.astype(np.float64) ** 2)])
        energies = energy[len(wanted) : len(wanted) + slack + 1] - energy[: slack + 1]
        return start + int(np.argmax(correlation / np.sqrt(energies + 1e-9)))

    def _noise_power(self) -> npt.NDArray[np.float32]:
        """Return the background's power in each bin, (bins, channels), of `FFT_SAMPLES` under a Hann window."""
        if self._noise is None:
            window = np.hanning(FFT_SAMPLES).astype(np.float32)
            places = np.linspace(0, max(0, self._length - FFT_SAMPLES), SPECTRA_OF_NOISE).astype(int).tolist()
            # The percentile is of the last axis: the values of a bin are then neighbours in memory.
            power = np.empty((FFT_SAMPLES // 2 + 1, self._channels, SPECTRA_OF_NOISE), np.float32)
            for number, at in enumerate(places):
                block = padded(self._read, at, at + FFT_SAMPLES, self._length)
                spectrum = np.fft.rfft(block.T * window)
                power[:, :, number] = (spectrum.real**2 + spectrum.imag**2).T
            quiet = np.percentile(power, NOISE_PERCENTILE, axis=-1, overwrite_input=True) * NOISE_MEAN_OVER_PERCENTILE
            self._noise = quiet.astype(np.float32)
        return self._noise

    def _make_noise(self, count: int, rng: np.random.Generator) -> Samples:
        """Return noise with the background's spectrum."""
        amplitude = np.sqrt(self._noise_power() / (np.sum(np.hanning(FFT_SAMPLES) ** 2) / FFT_SAMPLES))
        frames = count // FFT_HOP + FFT_SAMPLES // FFT_HOP + 1
        out = np.zeros((frames * FFT_HOP + FFT_SAMPLES, self._channels), np.float32)
        window = np.sqrt(np.hanning(FFT_SAMPLES + 1)[:-1] / (FFT_SAMPLES / FFT_HOP / 2)).astype(np.float32)[:, None]
        for frame in range(frames):
            phase = rng.uniform(0, 2 * np.pi, amplitude.shape)
            grain = np.fft.irfft(amplitude * np.exp(1j * phase), FFT_SAMPLES, axis=0)
            out[frame * FFT_HOP : frame * FFT_HOP + FFT_SAMPLES] += (grain * window).astype(np.float32)
        return out[FFT_SAMPLES : FFT_SAMPLES + count]

    def decay_alone(self, start: int, stop: int) -> Samples:
        """Return a stretch of the take without its background, by spectral subtraction: what rings in it."""
        window = np.sqrt(np.hanning(FFT_SAMPLES + 1)[:-1]).astype(np.float32)[:, None]
        noise = OVERSUBTRACTION * self._noise_power()
        first, count = start - FFT_SAMPLES, stop - start + 2 * FFT_SAMPLES
        sound = padded(self._read, first, first + count, self._length)
        out = np.zeros_like(sound)
        for at in range(0, count - FFT_SAMPLES + 1, FFT_HOP):
            spectrum = np.fft.rfft(sound[at : at + FFT_SAMPLES] * window, axis=0)
            power = spectrum.real**2 + spectrum.imag**2
            # The window here has another sum of squares than the noise's: 4/3 of it.
            gain = np.maximum(0, 1 - noise * np.float32(4 / 3) / np.maximum(power, 1e-20))
            out[at : at + FFT_SAMPLES] += np.fft.irfft(spectrum * gain, FFT_SAMPLES, axis=0).astype(np.float32) * window
        return out[FFT_SAMPLES : FFT_SAMPLES + stop - start] / np.float32(FFT_SAMPLES / FFT_HOP / 2)


def crossfade_onto(sound: Samples, following: Samples, count: int) -> Samples:
    """Return two sounds joined with `count` samples of overlap, at constant power."""
    if not count:
        return np.concatenate([sound, following])
    overlap = crossfade(sound[-count:], following[:count])
    return np.concatenate([sound[:-count], overlap, following[count:]])


def crossfade(leaving: Samples, coming: Samples) -> Samples:
    """Return the crossfade of two sounds of one length at constant power, whatever their correlation."""
    angle = ((np.arange(len(leaving)) + 0.5) / max(1, len(leaving)) * (np.pi / 2))[:, None]
    energy = float(np.sum(leaving.astype(np.float64) ** 2) * np.sum(coming.astype(np.float64) ** 2))
    alike = float(np.sum(leaving.astype(np.float64) * coming)) / np.sqrt(energy) if energy > 0 else 0.0
    # Opposite phases would ask for an endless gain.
    level = 1 / np.sqrt(1 + max(alike, 0.0) * np.sin(2 * angle))
    return ((leaving * np.cos(angle) + coming * np.sin(angle)) * level).astype(np.float32)
