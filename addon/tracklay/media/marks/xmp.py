"""XMP packets with the mark of generated sound, in a WAV's `_PMX` chunk and in a box at the end of MP4 and QuickTime files.

Source: Adobe, XMP Specification Part 3 (storage in files): section 1.1.5 for RIFF, 1.1.7 for MP4. Of QuickTime files the same box is read.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from xml.sax.saxutils import quoteattr, unescape

from ...errors import MediaError
from ...source_type import MIXED_SOURCE_TYPES, TRAINED, URI_PREFIX, source_type_uri
from ...version import VERSION
from ..bwf import XMP_CHUNK, find_chunks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BOX_UUID = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
"""Identifier of the `uuid` box that holds an XMP packet."""

MAX_PACKET_BYTES = 1 << 20
"""Bytes of an XMP packet that are read."""

_SOURCE_TYPE, _SYSTEM = (
    re.compile(rf"""{name}(?:\s*=\s*"([^"<]*)"|\s*=\s*'([^'<]*)'|>\s*([^<]*))""")
    for name in ("DigitalSourceType", "AISystemUsed")
)
"""A property of IPTC: as an attribute in either kind of quotes, or as an element."""


@dataclass(frozen=True, slots=True)
class XmpMark:
    """The mark of generated sound.

    Attributes:
        source_type: term of IPTC's scheme of digital source types.
        system: the model that generated the sound (IPTC Photo Metadata 2025.1, *AI System Used*); of several, all.
    """

    source_type: str
    system: str

    @property
    def packet(self) -> bytes:
        """The XMP packet, in UTF-8."""
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
            'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
            f"xmp:CreatorTool={quoteattr(f'Tracklay {VERSION}')} "
            f"Iptc4xmpExt:DigitalSourceType={quoteattr(source_type_uri(self.source_type))} "
            f"Iptc4xmpExt:AISystemUsed={quoteattr(self.system)}/>"
            '</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
        ).encode()


def mark_of_film(sounds: Iterable[tuple[str, str]]) -> XmpMark:
    """Return the mark of a film with sounds, each a source type and its model, under a picture that Tracklay did not make.

    Of several source types, that of the trained model counts.
    """
    listed = list(sounds)
    term = TRAINED if any(kind == TRAINED for kind, _ in listed) else listed[0][0]
    return XmpMark(MIXED_SOURCE_TYPES.get(term, term), ", ".join(dict.fromkeys(model for _, model in listed)))


def append_xmp_box(path: Path, packet: bytes) -> None:
    """Append a `uuid` box with an XMP packet to an MP4 or QuickTime file that has none of ours.

    A box at the end moves no byte of the others, so the offsets in the file's tables stay right.
    """
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 24 + len(packet), b"uuid") + BOX_UUID + packet)


def read_xmp_box(file: BinaryIO) -> bytes | None:
    """Return the XMP packet of an open MP4 or QuickTime file; None if it has none."""
    return find_uuid_box(file, BOX_UUID)


def read_xmp(path: Path) -> bytes:
    """Return the XMP packet of a WAV, an MP4 or a QuickTime file; empty if it has none, and of every other file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[4:8] == b"ftyp":
            return read_xmp_box(file) or b""
        try:
            chunk = find_chunks(file, path.name).get(XMP_CHUNK.decode())
        except MediaError:
            return b""
        if chunk is None:
            return b""
        file.seek(chunk.offset)
        return file.read(min(chunk.size, MAX_PACKET_BYTES))


def find_uuid_box(file: BinaryIO, identifier: bytes) -> bytes | None:
    """Return the content of an open MP4 or QuickTime file's `uuid` box, at most `MAX_PACKET_BYTES`; None if there is none.

    Of several with this identifier, the last counts. Boxes within others are not looked at.
    """
    found, offset = None, 0
    end = file.seek(0, 2)
    while offset + 8 <= end:
        file.seek(offset)
        head = file.read(32)
        size, kind = struct.unpack(">I4s", head[:8])
        start = 8
        if size == 1:
            size, start = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:
            size = end - offset
        if size < start:
            break
        if kind == b"uuid" and head[start : start + 16] == identifier:
            file.seek(offset + start + 16)
            found = file.read(min(size - start - 16, MAX_PACKET_BYTES))
        offset += size
    return found


def find_source_type(packet: bytes) -> str:
    """Return the identifier of the digital source type in an XMP packet; empty if it has none.

    It may be an attribute or an element, in any program's packet.
    """
    return _find(_SOURCE_TYPE, packet)


def find_system(packet: bytes) -> str:
    """Return what an XMP packet says that the sound was generated with; empty if it says nothing."""
    return _find(_SYSTEM, packet)


def describe_mark(packet: bytes) -> str:
    """Return what an XMP packet says of generated sound as the text of a bext chunk has it; empty if it says nothing."""
    term, system = find_source_type(packet).removeprefix(URI_PREFIX), find_system(packet)
    return f"Generated sound ({term}), {system}" if term else ""


def _find(pattern: re.Pattern[str], packet: bytes) -> str:
    found = pattern.search(packet[:MAX_PACKET_BYTES].decode("utf-8", "replace"))
    return unescape(next(filter(None, found.groups()), ""), {"&quot;": '"'}).strip() if found else ""
