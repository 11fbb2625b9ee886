"""Finds Content Credentials (C2PA) in a file without the library that reads them: to say that a vendor's are there, or were dropped.

Source: C2PA Technical Specification 2.1, appendix A (embedding): a RIFF chunk, a BMFF box, an ID3v2 frame, a FLAC block.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ...errors import MediaError
from ..bwf import find_chunks
from .xmp import find_uuid_box

if TYPE_CHECKING:
    from pathlib import Path

BOX_UUID = bytes.fromhex("D8FEC3D61B0E483C92975828877EC481")
"""Identifier of the `uuid` box of C2PA."""

ID3_TYPE = b"application/c2pa"
"""MIME type of the ID3v2 frame (GEOB) that holds the manifest store in MP3 and FLAC files."""

MAX_ID3_BYTES = 64 << 20
"""Bytes of an ID3v2 tag that are searched."""


def has_credentials(path: Path) -> bool:
    """Return whether a file has Content Credentials, valid or not. False for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
            file.seek(0)
            if head[:4] == b"RIFF":
                return "C2PA" in find_chunks(file, path.name)
            if head[4:8] == b"ftyp":
                return find_uuid_box(file, BOX_UUID) is not None
            if head[:3] == b"ID3":
                # The tag's length has seven bits in each byte (ID3v2.4, 6.2).
                seven = struct.unpack("4B", head[6:10])
                length = sum(value << shift for value, shift in zip(seven, (21, 14, 7, 0), strict=True))
                return ID3_TYPE in file.read(min(10 + length, MAX_ID3_BYTES))
    except (OSError, MediaError):
        pass
    return False
