"""Partitioned convolution: a reverb of an endless sound, block by block, at a cost that does not grow with the block's number."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt


def partition_response(response: npt.NDArray[np.float64], hop_samples: int) -> npt.NDArray[np.complex64]:
    """Return the spectra of an impulse response's hops: (hops, channels, bins) of (channels, samples).

    The response is padded with silence to whole hops.
    """
    channels, samples = response.shape
    padded = np.zeros((channels, -(-samples // hop_samples) * hop_samples))
    padded[:, :samples] = response
    hops = padded.reshape(channels, -1, hop_samples).transpose(1, 0, 2)
    spectra: npt.NDArray[np.complex64] = np.fft.rfft(hops, 2 * hop_samples).astype(np.complex64)
    return spectra


class ConvolutionReverb:
    """Convolution of one mono sound with a partitioned impulse response, continuous from hop to hop."""

    def __init__(self, spectra: npt.NDArray[np.complex64]) -> None:
        self._spectra = spectra
        self._hop_samples = spectra.shape[2] - 1
        self._input_spectra: deque[npt.NDArray[np.complex64]] = deque(maxlen=len(spectra))
        self._overlap = np.zeros((spectra.shape[1], self._hop_samples), np.float32)
        self._product = np.empty_like(spectra[0])

    def process(self, mono: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the reverb (channels, hop) of the next hop (mono)."""
        self._input_spectra.appendleft(np.fft.rfft(mono, 2 * self._hop_samples).astype(np.complex64))
        total = np.zeros_like(self._product)
        # Each earlier input hop meets the part of the response that is as many hops late. The inputs are newest first and
        # at most as many as the response has hops; at the start there are fewer, so zip is not strict.
        for hop, sent in zip(self._spectra, self._input_spectra, strict=False):
            total += np.multiply(hop, sent, out=self._product)
        # The transform is two hops long, so that the convolution does not wrap around: the second half is due next.
        wet = np.fft.irfft(total, 2 * self._hop_samples).astype(np.float32)
        output: npt.NDArray[np.float32] = wet[:, : self._hop_samples] + self._overlap
        self._overlap = wet[:, self._hop_samples :].copy()
        return output
