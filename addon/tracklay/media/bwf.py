"""WAV files: writes takes as 24-bit Broadcast Wave (EBU Tech 3285, version 1) and placeholders as silence, and finds a file's chunks.

Files are written and read in blocks, so that their length costs no memory.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ..errors import MediaError, OutputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BYTES_PER_SAMPLE = 3
FLOAT_BYTES_PER_SAMPLE = 4
FULL_SCALE = (1 << 23) - 1
INTEGER_FORMAT, FLOAT_FORMAT, EXTENSIBLE_FORMAT = 1, 3, 0xFFFE
"""Format tags of `fmt `."""

SPEAKERS = {6: 0x3F}
"""Loudspeakers of 5.1 as bits of WAVE_FORMAT_EXTENSIBLE: front left and right, centre, low frequencies, back left and right."""

SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""The end of a subformat's GUID, after its format tag."""

SILENCE_BYTES_PER_SAMPLE = 3
"""Bytes per sample of silent files. Blender opens one of 24 bits in an eighth of the time of one of 16 (bpy 4.5, 5.0, Blender 5.2)."""

MAX_RIFF_BYTES = (1 << 32) - (1 << 20)
"""RIFF counts its bytes in 32 bits. Over four hours of 48 kHz stereo fit; 1 MiB is left for the header."""

ORIGINATOR = b"Tracklay"
"""Originator in the bext of our files."""

BEXT_ORIGINATOR_OFFSET = 256
"""Bytes from the start of bext to its originator (EBU Tech 3285)."""

BEXT_TIME_REFERENCE_OFFSET = 338
"""Bytes from the start of bext to its 64-bit time reference (EBU Tech 3285)."""


XMP_CHUNK = b"_PMX"
"""Identifier of the chunk that holds an XMP packet (Adobe, XMP Specification Part 3, 1.1.5)."""

MAX_HISTORY_BYTES = 1 << 20
"""Bytes of bext's coding history that are written."""


class BwfWriter:
    """A Broadcast Wave file being written: `write` blocks of float samples, then `close`, which fills in the lengths.

    Args:
        file: open for binary writing, seekable.
        channels: number of channels: 1, 2, or 6 for 5.1.
        sample_rate: Hz.
        description: free text of bext, up to 256 ASCII bytes; the rest is cut off.
        originator_reference: identifier of bext, up to 32 ASCII bytes; the rest is cut off.
        created_at: date and time of bext.
        time_reference: position of the first sample, in samples from the timeline's zero.
        coding_history: free text of bext: how the sound was made.
        xmp: an XMP packet, which gets a chunk of its own; empty for none.
        is_float: write 32-bit float samples, which may exceed full scale, and not 24-bit integers.
    """

    def __init__(
        self,
        file: BinaryIO,
        channels: int,
        sample_rate: int,
        *,
        description: str,
        originator_reference: str,
        created_at: datetime,
        time_reference: int,
        coding_history: str,
        xmp: bytes = b"",
        is_float: bool = False,
    ) -> None:
        self._file = file
        self._is_float = is_float
        self._frame_bytes = channels * (FLOAT_BYTES_PER_SAMPLE if is_float else BYTES_PER_SAMPLE)
        self.samples = 0
        mode = {1: "mono", 2: "stereo"}.get(channels, "multitrack")
        bits = 8 * self._frame_bytes // channels
        coding = _to_ascii(f"A=PCM,F={sample_rate},W={bits},M={mode},T=Tracklay\r\n{coding_history}", MAX_HISTORY_BYTES)
        # An even length: a program that edits the header in place and forgets the padding of RIFF would destroy the file.
        coding += b" \r\n" if len(coding) % 2 else b"\r\n"
        bext = struct.pack(
            "<256s32s32s10s8sQH64s190x",
            _to_ascii(description, 256),
            ORIGINATOR,
            _to_ascii(originator_reference, 32),
            created_at.strftime("%Y-%m-%d").encode(),
            created_at.strftime("%H:%M:%S").encode(),
            time_reference,
            1,
            bytes(64),
        )
        fmt = _pack_format(channels, sample_rate, self._frame_bytes // channels, is_float=is_float)
        self._header_chunks = b"WAVE" + _pack_chunk(b"bext", bext + coding) + fmt
        if xmp:
            self._header_chunks += _pack_chunk(XMP_CHUNK, xmp)
        self._file.write(self._pack_header())

    def _pack_header(self) -> bytes:
        data = self.samples * self._frame_bytes
        size = len(self._header_chunks) + 8 + data + data % 2
        return b"RIFF" + struct.pack("<I", size) + self._header_chunks + b"data" + struct.pack("<I", data)

    def write(self, block: npt.NDArray[np.float32] | npt.NDArray[np.float64]) -> None:
        """Append samples.

        Args:
            block: shape (samples, channels), full scale at 1; louder samples are clipped, unless the file has float samples.

        Raises:
            OutputError: the file would exceed `MAX_RIFF_BYTES`.
        """
        import numpy as np  # noqa: PLC0415 - the header and the chunks need none, and Blender starts without

        if (self.samples + len(block)) * self._frame_bytes > MAX_RIFF_BYTES:
            raise OutputError("wav.too_long", "The take is too long for a WAV file. Split the span.")
        if self._is_float:
            self._file.write(np.ascontiguousarray(block, "<f4").tobytes())
            self.samples += len(block)
            return
        scaled = np.multiply(block, np.float32(FULL_SCALE), order="C")
        np.rint(scaled, out=scaled)
        np.clip(scaled, -FULL_SCALE - 1, FULL_SCALE, out=scaled)
        self._file.write(scaled.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :BYTES_PER_SAMPLE].tobytes())
        self.samples += len(block)

    def close(self) -> None:
        """Pad the data to an even length and fill in the lengths."""
        if self.samples * self._frame_bytes % 2:
            self._file.write(b"\0")
        self._file.seek(0)
        self._file.write(self._pack_header())


def plain_bwf_writer(
    file: BinaryIO,
    channels: int,
    sample_rate: int,
    description: str = "",
    created_at: datetime | None = None,
    *,
    time_reference: int = 0,
    xmp: bytes = b"",
    is_float: bool = False,
) -> BwfWriter:
    """Return the writer of a file without provenance: an intermediate one, or one that is no take.

    Arguments as `BwfWriter`; without `created_at` it is created now.
    """
    return BwfWriter(
        file,
        channels,
        sample_rate,
        description=description,
        originator_reference="",
        created_at=created_at or datetime.now(UTC),
        time_reference=time_reference,
        coding_history="",
        xmp=xmp,
        is_float=is_float,
    )


def _pack_format(channels: int, sample_rate: int, bytes_per_sample: int, *, is_float: bool = False) -> bytes:
    """Return the `fmt ` chunk of PCM; of more than two channels with the places of their loudspeakers."""
    frame = channels * bytes_per_sample
    kind = FLOAT_FORMAT if is_float else INTEGER_FORMAT
    values = channels, sample_rate, sample_rate * frame, frame, bytes_per_sample * 8
    if channels <= 2:
        return _pack_chunk(b"fmt ", struct.pack("<HHIIHH", kind, *values))
    mask = SPEAKERS.get(channels, 0)
    extension = struct.pack("<HHIH14s", 22, bytes_per_sample * 8, mask, kind, SUBFORMAT_TAIL)
    return _pack_chunk(b"fmt ", struct.pack("<HHIIHH", EXTENSIBLE_FORMAT, *values) + extension)


def write_silence(file: BinaryIO, samples: int, sample_rate: int) -> None:
    """Write a silent mono WAV to an open file. Only its header is written: the data is a hole, which takes no disk space.

    With 24 bits silence is zeros, as a hole reads; with 8 bits it would be 128.
    """
    data = samples * SILENCE_BYTES_PER_SAMPLE
    fmt = _pack_format(1, sample_rate, SILENCE_BYTES_PER_SAMPLE)
    size = len(b"WAVE") + len(fmt) + 8 + data
    header = b"RIFF" + struct.pack("<I", size) + b"WAVE" + fmt + b"data" + struct.pack("<I", data)
    file.write(header)
    file.truncate(len(header) + data)


class Chunk(NamedTuple):
    """A chunk of a WAV file: offset of its content in the file, and its size, both in bytes."""

    offset: int
    size: int


def find_chunks(file: BinaryIO, name: str) -> dict[str, Chunk]:
    """Return the chunks of an open WAV file by their identifiers, as `fmt ` and `data`. Of equal identifiers the first counts.

    Args:
        file: open for binary reading, at its start.
        name: the file's name, for the error.

    Raises:
        MediaError: the file is not a WAV.
    """
    riff = file.read(12)
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        raise MediaError("wav.not_a_wav", "Not a WAV file: {name}.", name=name)
    found: dict[str, Chunk] = {}
    offset = len(riff)
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        found.setdefault(head[:4].decode("latin-1"), Chunk(offset + 8, size))
        offset += 8 + size + size % 2  # chunks begin at even offsets
        file.seek(offset)
    return found


def _pack_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _to_ascii(text: str, max_bytes: int) -> bytes:
    """Return text for a bext field, which holds ASCII (Tech 3285): other characters become their escapes."""
    return text.encode("ascii", "backslashreplace")[:max_bytes]
