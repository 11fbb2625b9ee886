"""Finds out how a sound or film file came about: from its marks, its Content Credentials, and the manifest beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInput, MediaError
from ...manifest import read_manifest
from ...untrusted_data import clean_json
from ..bwf import find_chunks
from ..fingerprint import source_id
from .credentials import has_credentials
from .signing import Credentials, read_credentials
from .xmp import MAX_PACKET_BYTES, find_source_type, find_system, read_xmp

if TYPE_CHECKING:
    from pathlib import Path

BEXT_HISTORY_OFFSET = 602
"""Bytes from the start of bext to its coding history (EBU Tech 3285)."""

MAX_MANIFESTS = 200
"""Manifests in the file's folder that are searched for it."""


@dataclass(frozen=True, slots=True)
class FileOrigin:
    """The origin of a file, as far as it is known.

    Attributes:
        source_type: identifier of its digital source type; empty if it has no mark.
        system: the model that generated it, as the mark names it.
        provenance: the take's entry of the manifest, or what its header repeats of it; empty for other files.
        manifest: the manifest that lists the file; None if none in its folder does.
        is_unchanged: the file is the one that the manifest lists, byte for byte; None if that is unknown.
        is_signed: it has Content Credentials.
        credentials: what they say; None without, or if they cannot be read here.
    """

    source_type: str
    system: str
    provenance: dict[str, Any]
    manifest: Path | None
    is_unchanged: bool | None
    is_signed: bool
    credentials: Credentials | None


def examine_file(path: Path) -> FileOrigin:
    """Return how a file came about.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        packet, header = read_xmp(path), _read_take_header(path)
    except OSError as error:
        raise InvalidInput(
            "marks.unreadable", "Cannot read {file}: {reason}.", file=path, reason=error.strerror
        ) from error
    manifest, entry = _find_in_manifests(path)
    sha256 = entry.get("sha256")
    is_signed = has_credentials(path)
    return FileOrigin(
        find_source_type(packet),
        find_system(packet),
        entry or header,
        manifest,
        source_id(path, "full") == sha256 if sha256 else None,
        is_signed,
        read_credentials(path) if is_signed else None,
    )


def _read_take_header(path: Path) -> dict[str, Any]:
    """Return what a take's header repeats of its entry; empty for other files."""
    with path.open("rb") as file:
        try:
            chunk = find_chunks(file, path.name).get("bext")
        except MediaError:
            return {}
        if chunk is None or chunk.size <= BEXT_HISTORY_OFFSET:
            return {}
        file.seek(chunk.offset + BEXT_HISTORY_OFFSET)
        history = file.read(min(chunk.size - BEXT_HISTORY_OFFSET, MAX_PACKET_BYTES))
    return _parse_history(history.decode("ascii", "replace"))


def _parse_history(history: str) -> dict[str, Any]:
    """Return the entry that a take's coding history repeats; empty for other programs' histories."""
    _, tracklay, rest = history.partition("T=Tracklay\r\n")
    try:
        entry = clean_json(json.loads(rest)) if tracklay else {}
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _find_in_manifests(path: Path) -> tuple[Path | None, dict[str, Any]]:
    """Return the manifest in the file's folder that lists it, and its entry with its hash; empty for the film that it lists."""
    for candidate in sorted(path.parent.glob("*.tracklay.json"))[:MAX_MANIFESTS]:
        try:
            manifest = read_manifest(candidate)
        except InvalidInput:
            continue
        for take in manifest["takes"]:
            if isinstance(take, dict) and take.get("file") == path.name:
                return candidate, take
        if manifest.get("laid") == path.name:
            return candidate, {}
    return None, {}
