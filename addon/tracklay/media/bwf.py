"""Writes takes: 24-bit Broadcast Wave files (EBU Tech 3285, version 1), block by block, so that length costs no memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..errors import OutputError

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

BYTES = 3
FULL_SCALE = (1 << 23) - 1
RIFF_LIMIT = (1 << 32) - (1 << 20)
"""RIFF counts its bytes in 32 bits: over six hours of 48 kHz stereo fit."""


class Writer:
    """A BWF on an open file: `write` blocks of float samples, then `close`, which fills in the lengths.

    Args:
        file: opened for writing binary.
        channels: of each block written.
        sample_rate: Hz.
        description: bext's free text: what this is (256 ASCII bytes at most; longer is cut).
        reference: bext's originator reference (32 ASCII bytes at most).
        made: bext's origination date and time.
        time_reference: the take's first sample on its timeline, counted from the timeline's zero.
        history: bext's coding history: how it came to be.
    """

    def __init__(
        self,
        file: BinaryIO,
        channels: int,
        sample_rate: int,
        *,
        description: str,
        reference: str,
        made: datetime,
        time_reference: int,
        history: str,
    ) -> None:
        self._file = file
        self._channels = channels
        self.samples = 0
        coding = f"A=PCM,F={sample_rate},W=24,M={'mono' if channels == 1 else 'stereo'},T=Tracklay\r\n{history}\r\n"
        bext = struct.pack(
            "<256s32s32s10s8sQH64s190x",
            _ascii(description, 256),
            b"Tracklay",
            _ascii(reference, 32),
            made.strftime("%Y-%m-%d").encode(),
            made.strftime("%H:%M:%S").encode(),
            time_reference,
            1,
            bytes(64),
        ) + _ascii(coding, 1 << 20)
        frame = channels * BYTES
        fmt = struct.pack("<HHIIHH", 1, channels, sample_rate, sample_rate * frame, frame, 24)
        self._head = b"WAVE" + _chunk(b"bext", bext) + _chunk(b"fmt ", fmt)
        self._file.write(self._header())

    def _header(self) -> bytes:
        data = self.samples * self._channels * BYTES
        size = len(self._head) + 8 + data + data % 2
        return b"RIFF" + struct.pack("<I", size) + self._head + b"data" + struct.pack("<I", data)

    def write(self, block: npt.NDArray[np.float32]) -> None:
        """Append a block of shape (samples, channels), full scale at 1."""
        if (self.samples + len(block)) * self._channels * BYTES > RIFF_LIMIT:
            raise OutputError("a take this long does not fit into a WAV file: split the span")
        scaled = np.multiply(block, np.float32(FULL_SCALE), order="C")
        np.rint(scaled, out=scaled)
        np.clip(scaled, -FULL_SCALE - 1, FULL_SCALE, out=scaled)
        self._file.write(scaled.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :BYTES].tobytes())
        self.samples += len(block)

    def close(self) -> None:
        """Pad and fill in the lengths."""
        if self.samples * self._channels * BYTES % 2:
            self._file.write(b"\0")
        self._file.seek(0)
        self._file.write(self._header())


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _ascii(text: str, limit: int) -> bytes:
    """bext holds ASCII (Tech 3285): anything else is written as its escape."""
    return text.encode("ascii", "backslashreplace")[:limit]
