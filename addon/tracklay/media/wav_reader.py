"""Reads WAV files with integer samples: their format, and stretches of their samples as floats."""

from __future__ import annotations

import struct
from os import SEEK_END
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Self

import numpy as np

from ..errors import MediaError
from .bwf import (
    BEXT_ORIGINATOR_OFFSET,
    BEXT_TIME_REFERENCE_OFFSET,
    BYTES_PER_SAMPLE,
    FULL_SCALE,
    ORIGINATOR,
    Chunk,
    find_chunks,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

PCM_FORMATS = (1, 0xFFFE)
"""Format tags of `fmt ` with integer samples: WAVE_FORMAT_PCM and WAVE_FORMAT_EXTENSIBLE."""

SAMPLE_BITS = (16, 24, 32)
"""Bits of a sample that can be read."""


OWN_ORIGINATOR = ORIGINATOR + b"\0"
OWN_HEAD_BYTES = 12 + 8 + BEXT_ORIGINATOR_OFFSET + len(OWN_ORIGINATOR)
"""Bytes of a file of ours up to the end of its originator: the heads of RIFF and of bext, its first chunk, come before."""


class WavFormat(NamedTuple):
    """The format of a WAV file, and where its samples and its chunks are.

    `frame_bytes` is the size of one sample of all channels. `samples` is their number as the header has it: the file may be truncated.
    """

    channels: int
    sample_rate: int
    bits: int
    frame_bytes: int
    samples: int
    data_offset: int
    chunks: dict[str, Chunk]


def read_wav_format(file: BinaryIO, name: str) -> WavFormat:
    """Return the format of an open WAV file.

    Args:
        file: open for binary reading, at its start.
        name: the file's name, for the error.

    Raises:
        MediaError: it is not a WAV with integer samples.
    """
    chunks = find_chunks(file, name)
    if "fmt " not in chunks or "data" not in chunks:
        raise MediaError("wav.no_audio", "The WAV file has no audio: {file}.", file=name)
    file.seek(chunks["fmt "].offset)
    kind, channels, sample_rate, _, frame, bits = struct.unpack("<HHIIHH", file.read(16))
    if kind not in PCM_FORMATS or bits not in SAMPLE_BITS or frame != channels * bits // 8:
        raise MediaError("wav.unsupported", "Not a WAV file with 16, 24 or 32-bit integer samples: {file}.", file=name)
    begin, size = chunks["data"]
    return WavFormat(channels, sample_rate, bits, frame, size // frame, begin, chunks)


def read_time_reference(file: BinaryIO, form: WavFormat) -> int | None:
    """Return bext's position of the first sample of an open file, in samples from the timeline's zero; None without a bext chunk."""
    if "bext" not in form.chunks:
        return None
    file.seek(form.chunks["bext"].offset + BEXT_TIME_REFERENCE_OFFSET)
    return int.from_bytes(file.read(8), "little")


def own_wav_format(path: Path, sample_rate: int) -> WavFormat | None:
    """Return the format of a complete WAV of one or two channels that `BwfWriter` wrote at a rate; None for any other file."""
    try:
        with path.open("rb") as file:
            head = file.read(OWN_HEAD_BYTES)
            if head[12:16] != b"bext" or head[OWN_HEAD_BYTES - len(OWN_ORIGINATOR) :] != OWN_ORIGINATOR:
                return None
            size = file.seek(0, SEEK_END)
            file.seek(0)
            form = read_wav_format(file, path.name)
    except (OSError, MediaError, struct.error):
        return None
    is_own = form.bits == BYTES_PER_SAMPLE * 8 and form.channels in (1, 2)
    is_complete = form.data_offset + form.samples * form.frame_bytes <= size
    return form if is_own and is_complete and form.sample_rate == sample_rate else None


def decode_samples(data: bytes, bits: int) -> npt.NDArray[np.int32]:
    """Return the integer samples of packed PCM, channels interleaved."""
    if bits != 24:
        return np.frombuffer(data, f"<i{bits // 8}").astype(np.int32, copy=False)
    # Every three bytes with the one before them are 32 bits, whose shift restores the value with its sign.
    wide: npt.NDArray[np.int32] = np.ndarray((len(data) // 3,), "<i4", b"\0" + data, strides=(3,))
    return wide >> 8


class WavReader:
    """An open WAV file whose samples are read in stretches, so that its length does not matter.

    The full scale is that of `BwfWriter`: what is read and written again is the same to the bit.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            MediaError: it cannot be read, or is not a WAV with integer samples.
        """
        self.path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise _unreadable_error(path, error) from error
        try:
            self.format = read_wav_format(self._file, path.name)
        except OSError as error:
            self._file.close()
            raise _unreadable_error(path, error) from error
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def time_reference(self) -> int | None:
        """Position of its first sample, in samples from the timeline's zero; None if the file does not say it."""
        return read_time_reference(self._file, self.format)

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return the samples from `start` to `stop`, (samples, channels), full scale at 1.

        Raises:
            MediaError: the file is truncated or cannot be read.
        """
        form = self.format
        count = max(0, stop - start)
        try:
            self._file.seek(form.data_offset + start * form.frame_bytes)
            data = self._file.read(count * form.frame_bytes)
        except OSError as error:
            raise _unreadable_error(self.path, error) from error
        if len(data) < count * form.frame_bytes:
            raise truncated_error(self.path.name, form.samples)
        scale = FULL_SCALE if form.bits == 24 else (1 << (form.bits - 1)) - 1
        return (decode_samples(data, form.bits) / np.float32(scale)).astype(np.float32).reshape(-1, form.channels)


def truncated_error(name: str, samples: int) -> MediaError:
    """Return the error for a file that ends before its samples do."""
    return MediaError(
        "wav.truncated", "{file} is truncated: it ends before its {samples} samples.", file=name, samples=samples
    )


def _unreadable_error(path: Path, error: OSError) -> MediaError:
    return MediaError("wav.unreadable", "Cannot read {file}: {reason}.", file=path.name, reason=error.strerror or error)
