"""Measures a take's WAV: its start, its length, its waveform. The manifest is not used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..errors import MediaError
from ..media.wav_reader import decode_samples, read_time_reference, read_wav_format, truncated_error

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ..timing import Span

WAVEFORM_BUCKETS = 320
"""Values of a waveform."""

READ_BYTES = 1 << 18
"""Bytes of samples in memory at a time, unless one value of the waveform covers more."""


@dataclass(frozen=True, slots=True)
class WavMeasurement:
    """The measurement of a WAV.

    Attributes:
        time_reference: bext's position of the first sample, in samples from the timeline's zero; None without a bext chunk.
        waveform: `WAVEFORM_BUCKETS` bytes, each the square root of the highest level in its part, 255 at full scale.
        peak: the highest level, 1 at full scale.
        sha256: hash of the whole file.
    """

    sample_rate: int
    channels: int
    samples: int
    time_reference: int | None
    waveform: bytes
    peak: float
    sha256: str


@dataclass(frozen=True, slots=True)
class SyncMeasurement:
    """The deviation of a take from its span, in samples.

    Attributes:
        start: its first sample minus the span's; None if the file has no time reference.
        length: its number of samples minus `round(n / rate * sample_rate)`.
        drift: its end minus the exact end of the span; None without a time reference. Rounding of start and length alone causes up to
            one sample.
    """

    start: int | None
    length: int
    drift: Fraction | None

    @property
    def is_exact(self) -> bool:
        """True if the take is in sync to the sample."""
        return self.start == 0 and self.length == 0 and self.drift is not None and abs(self.drift) <= 1


def measure_sync(measurement: WavMeasurement, span: Span) -> SyncMeasurement:
    """Compare a measured take with its span."""
    length = measurement.samples - span.samples(measurement.sample_rate)
    if measurement.time_reference is None:
        return SyncMeasurement(None, length, None)
    # bext's time reference is unsigned: a take before the timeline's zero has 0.
    start = span.rate.samples(max(0, span.start), measurement.sample_rate)
    end = (max(Fraction(0), span.start_seconds) + span.seconds) * measurement.sample_rate
    return SyncMeasurement(
        measurement.time_reference - start, length, measurement.time_reference + measurement.samples - end
    )


def measure_wav(path: Path) -> WavMeasurement:
    """Measure a WAV of any length. It is read in parts.

    Raises:
        MediaError: the file is gone, truncated, or not a WAV with integer samples.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            return _measure_wav_file(file, path.name, digest)
    except OSError as error:
        raise MediaError(
            "wav.unreadable", "Cannot read {file}: {reason}.", file=path.name, reason=error.strerror or error
        ) from error


def _measure_wav_file(file: BinaryIO, name: str, digest: str) -> WavMeasurement:
    form = read_wav_format(file, name)
    reference = read_time_reference(file, form)
    samples, frame = form.samples, form.frame_bytes
    edges = np.array([samples * bucket // WAVEFORM_BUCKETS for bucket in range(WAVEFORM_BUCKETS + 1)])
    wave = np.zeros(WAVEFORM_BUCKETS, np.float64)
    file.seek(form.data_offset)
    first = 0
    while first < WAVEFORM_BUCKETS:
        last = first + 1
        while last < WAVEFORM_BUCKETS and (edges[last + 1] - edges[first]) * frame <= READ_BYTES:
            last += 1
        size = int(edges[last] - edges[first]) * frame
        data = file.read(size)
        if len(data) < size:
            raise truncated_error(name, samples)
        wave[first:last] = _peak_levels(data, form.bits, (edges[first : last + 1] - edges[first]) * form.channels)
        first = last
    drawn = np.rint(np.sqrt(np.minimum(wave, 1)) * 255).astype(np.uint8).tobytes()
    return WavMeasurement(form.sample_rate, form.channels, samples, reference, drawn, float(wave.max()), digest)


def _peak_levels(data: bytes, bits: int, edges: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the highest level of all channels between each two edges, in values of the data; 1 at full scale, 0 where there is none."""
    whole = decode_samples(data, bits)
    levels = np.zeros(len(edges) - 1, np.float64)
    filled = np.flatnonzero(np.diff(edges))
    if len(filled):
        starts = edges[filled]
        lowest = np.minimum.reduceat(whole, starts).astype(np.float64)
        levels[filled] = np.maximum(-lowest, np.maximum.reduceat(whole, starts))
    return levels / (1 << (bits - 1))
