"""Writes takes: 24-bit Broadcast Wave files (EBU Tech 3285, version 1), block by block, so that length costs no memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..errors import OutputError

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

BYTES_PER_SAMPLE = 3
FULL_SCALE = (1 << 23) - 1
MAX_RIFF_BYTES = (1 << 32) - (1 << 20)
"""RIFF counts its bytes in 32 bits: over six hours of 48 kHz stereo fit."""


class BwfWriter:
    """A BWF on an open file: `write` blocks of float samples, then `close`, which fills in the lengths.

    Args:
        file: opened for writing binary.
        channels: of each block written.
        sample_rate: Hz.
        description: bext's free text: what this is (256 ASCII bytes at most; longer is cut).
        originator_reference: bext's originator reference (32 ASCII bytes at most).
        created_at: bext's origination date and time.
        time_reference: the take's first sample on its timeline, counted from the timeline's zero.
        coding_history: bext's coding history: how it came to be.
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
    ) -> None:
        self._file = file
        self._channels = channels
        self.samples = 0
        coding = (
            f"A=PCM,F={sample_rate},W=24,M={'mono' if channels == 1 else 'stereo'},T=Tracklay\r\n{coding_history}\r\n"
        )
        bext = struct.pack(
            "<256s32s32s10s8sQH64s190x",
            _to_ascii(description, 256),
            b"Tracklay",
            _to_ascii(originator_reference, 32),
            created_at.strftime("%Y-%m-%d").encode(),
            created_at.strftime("%H:%M:%S").encode(),
            time_reference,
            1,
            bytes(64),
        ) + _to_ascii(coding, 1 << 20)
        frame = channels * BYTES_PER_SAMPLE
        fmt = struct.pack("<HHIIHH", 1, channels, sample_rate, sample_rate * frame, frame, 24)
        self._header_chunks = b"WAVE" + _pack_chunk(b"bext", bext) + _pack_chunk(b"fmt ", fmt)
        self._file.write(self._pack_header())

    def _pack_header(self) -> bytes:
        data = self.samples * self._channels * BYTES_PER_SAMPLE
        size = len(self._header_chunks) + 8 + data + data % 2
        return b"RIFF" + struct.pack("<I", size) + self._header_chunks + b"data" + struct.pack("<I", data)

    def write(self, block: npt.NDArray[np.float32]) -> None:
        """Append a block of shape (samples, channels), full scale at 1."""
        if (self.samples + len(block)) * self._channels * BYTES_PER_SAMPLE > MAX_RIFF_BYTES:
            raise OutputError("a take this long does not fit into a WAV file: split the span")
        scaled = np.multiply(block, np.float32(FULL_SCALE), order="C")
        np.rint(scaled, out=scaled)
        np.clip(scaled, -FULL_SCALE - 1, FULL_SCALE, out=scaled)
        self._file.write(scaled.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :BYTES_PER_SAMPLE].tobytes())
        self.samples += len(block)

    def close(self) -> None:
        """Pad and fill in the lengths."""
        if self.samples * self._channels * BYTES_PER_SAMPLE % 2:
            self._file.write(b"\0")
        self._file.seek(0)
        self._file.write(self._pack_header())


def _pack_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _to_ascii(text: str, max_bytes: int) -> bytes:
    """bext holds ASCII (Tech 3285): anything else is written as its escape."""
    return text.encode("ascii", "backslashreplace")[:max_bytes]
