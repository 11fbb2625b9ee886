"""Kinds of files of which Blender shows other frames, or other pictures, than the file's own times and pixels say.

Blender seeks by the times of decoding. Where a container has no others, or guesses them, its sequencer shows B-frames one to three frames
late (seen in renders of numbered frames: bpy 5.0.1, Blender 5.2.2). Only a few kilobytes of a file are read, and each file once a minute.
"""

from __future__ import annotations

import contextlib
import functools
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER_BYTES = 1 << 14
"""Bytes of a movie in which its kind is looked for: an AVI's stream headers are in the first few hundred."""

CHECK_SECONDS = 60
"""Seconds for which the kind of a file is remembered."""

CODECS_WITH_B_FRAMES = frozenset(
    b"H264 X264 AVC1 DAVC VSSH HEVC HVC1 H265 X265 XVID DIVX DX50 DIV3 FMP4 MP4V 3IV2 MPEG MPG1 MPG2 MP42 MP43".split()
)
"""FourCCs of codecs that may hold B-frames, in an AVI's `strf` chunk."""

REASON_TIMES = "Blender shows its frames at other times than the file says"
REASON_INDEX = "its file has no index, and Blender seeks in it by guess"
REASON_LAYERS = "its images hold layers"

MXF_PARTITION = bytes.fromhex("060e2b34020501010d010201")
"""Key of a partition pack (SMPTE ST 377-1), without its kind and status."""


def movie_blocker(path: Path) -> str:
    """Return why Blender shows other frames of a movie than its file; empty if it does not."""
    return _movie_blocker(path, int(time.monotonic() // CHECK_SECONDS))


@functools.lru_cache(maxsize=1024)
def _movie_blocker(path: Path, _minute: int) -> str:
    # A pipe or a missing file is the error of a later check: opening a pipe would block.
    if not path.is_file():
        return ""
    with contextlib.suppress(OSError, struct.error):
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        is_avi = header.startswith(b"RIFF") and header[8:12] == b"AVI "
        # A GIF; and a program stream, of whose times Blender takes the decoder's guesses.
        if header.startswith((b"GIF87a", b"GIF89a", b"\0\0\1\xba")) or (
            is_avi and _avi_codec(header) in CODECS_WITH_B_FRAMES
        ):
            return REASON_TIMES
        is_raw = header.startswith((b"\0\0\0\1", b"\0\0\1\xb3"))
        if is_raw or (header.startswith(MXF_PARTITION) and not _has_index(path, header)):
            return REASON_INDEX
    return ""


def _avi_codec(header: bytes) -> bytes:
    """Return the FourCC of an AVI's video stream in capitals: `biCompression` of the `strf` chunk after a `vids` header."""
    at = header.find(b"strf", header.find(b"vids"))
    return header[at + 24 : at + 28].upper() if at > 0 else b""


def _has_index(path: Path, header: bytes) -> bool:
    """Return True if an MXF file has an index in its first or its last partition. Of a file that was cut off the last one is gone."""
    footer_at, in_header = _partition_fields(header)
    if not footer_at:
        return False
    with path.open("rb") as file:
        file.seek(footer_at)
        footer = file.read(HEADER_BYTES)
    return footer.startswith(MXF_PARTITION) and bool(in_header or _partition_fields(footer)[1])


def _partition_fields(pack: bytes) -> tuple[int, int]:
    """Return a partition pack's offset of the footer partition, and its number of bytes of index tables."""
    length = pack[16]
    at = 17 + (length & 0x7F if length & 0x80 else 0)
    (footer_at,) = struct.unpack_from(">Q", pack, at + 24)
    (index_bytes,) = struct.unpack_from(">Q", pack, at + 40)
    return footer_at, index_bytes


def image_blocker(folder: Path, names: Sequence[str]) -> str:
    """Return why Blender shows another picture of an image sequence than its files' plain pixels; empty if it does not."""
    return _image_blocker(folder / names[0], int(time.monotonic() // CHECK_SECONDS)) if names else ""


@functools.lru_cache(maxsize=1024)
def _image_blocker(path: Path, _minute: int) -> str:
    if path.suffix.lower() != ".exr" or not path.is_file():
        return ""
    from ...media.image_sequence import exr_channels  # noqa: PLC0415 - loads what enabling the extension must not

    channels = exr_channels(path)
    return REASON_LAYERS if channels and not channels & {"R", "Y"} else ""
