"""What a take's file itself says: where it begins, how many samples it has, what it looks like. Nothing is taken from its manifest."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..errors import MediaError
from ..media.bwf import BEXT_TIME_REFERENCE_OFFSET, find_chunks

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ..timing import Span

WAVEFORM_BUCKETS = 320
"""How many values a waveform is drawn with."""

PCM_FORMATS = (1, 0xFFFE)
"""The formats of `fmt ` that hold whole numbers: plain, and extensible."""


@dataclass(frozen=True, slots=True)
class WavMeasurement:
    """A WAV, measured.

    `time_reference` is bext's: the first sample, counted from the timeline's zero, None where the file has no bext. `waveform` has `WAVEFORM_BUCKETS`
    bytes: each the root of the highest level in its part, 255 at full scale. `peak` is the highest of all, 1 at full scale.
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
    """How far a take lies from where it should, in samples.

    `start` is its first sample against the span's; `length` its number of samples against `round(n / rate * sample_rate)`; `drift` its end
    against the exact time of the span's end, in which up to one sample is the rounding of start and length. `start` and `drift` are None
    where the file does not say where it begins.
    """

    start: int | None
    length: int
    drift: Fraction | None

    @property
    def is_exact(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.start == 0 and self.length == 0 and self.drift is not None and abs(self.drift) <= 1


def measure_sync(measurement: WavMeasurement, span: Span) -> SyncMeasurement:
    """Hold a sound to the span that it was made for."""
    length = measurement.samples - span.samples(measurement.sample_rate)
    if measurement.time_reference is None:
        return SyncMeasurement(None, length, None)
    begins = span.rate.samples(max(0, span.start), measurement.sample_rate)
    ends = (max(Fraction(0), span.start_seconds) + span.seconds) * measurement.sample_rate
    return SyncMeasurement(
        measurement.time_reference - begins, length, measurement.time_reference + measurement.samples - ends
    )


def measure_wav(path: Path) -> WavMeasurement:
    """Read a WAV through, whatever its length, with little memory.

    Raises:
        MediaError: it is gone, is no WAV of whole numbers, or was cut short.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            return _measure_wav_file(file, path.name, digest)
    except OSError as error:
        raise MediaError(f"{path.name} cannot be read: {error.strerror or error}") from error


def _measure_wav_file(file: BinaryIO, name: str, digest: str) -> WavMeasurement:
    chunks = find_chunks(file, name)
    if "fmt " not in chunks or "data" not in chunks:
        raise MediaError(f"{name} is no WAV: it has no sound in it")
    file.seek(chunks["fmt "].offset)
    kind, channels, sample_rate, _, frame, bits = struct.unpack("<HHIIHH", file.read(16))
    if kind not in PCM_FORMATS or bits not in (16, 24, 32) or frame != channels * bits // 8:
        raise MediaError(f"{name} is a WAV of another kind than takes are")
    reference = None
    if "bext" in chunks:
        file.seek(chunks["bext"].offset + BEXT_TIME_REFERENCE_OFFSET)
        reference = int.from_bytes(file.read(8), "little")
    begin, size = chunks["data"]
    samples = size // frame
    wave = np.zeros(WAVEFORM_BUCKETS, np.float64)
    file.seek(begin)
    for bucket in range(WAVEFORM_BUCKETS):
        count = samples * (bucket + 1) // WAVEFORM_BUCKETS - samples * bucket // WAVEFORM_BUCKETS
        data = file.read(count * frame)
        if len(data) < count * frame:
            raise MediaError(f"{name} was cut short: it says that it has {samples} samples, and ends earlier")
        if count:
            wave[bucket] = _peak_level(data, bits)
    drawn = np.rint(np.sqrt(np.minimum(wave, 1)) * 255).astype(np.uint8).tobytes()
    return WavMeasurement(sample_rate, channels, samples, reference, drawn, float(wave.max()), digest)


def _peak_level(data: bytes, bits: int) -> float:
    """The highest level in PCM of any channels, 1 at full scale."""
    whole: npt.NDArray[np.int32]
    if bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        whole = wide.view("<i4")[:, 0] >> 8
    else:
        whole = np.frombuffer(data, f"<i{bits // 8}")
    return max(-int(whole.min()), int(whole.max())) / (1 << (bits - 1))
