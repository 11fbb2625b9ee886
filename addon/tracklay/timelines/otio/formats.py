"""Opens every kind of timeline that OpenTimelineIO reads: .otio, its bundles, and other formats through its adapters.

Each becomes the text of one .otio timeline, and the folder that its relative paths start from.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import opentimelineio as otio

from ...atomic_io import atomic_write
from ...errors import InvalidInput, OutputError
from ..formats import BUNDLE_FOLDER_SUFFIX, BUNDLE_SUFFIX, describe_format
from .edl import read_edl
from .text_patch import parse_document

BUNDLE_TIMELINE = "content.otio"
"""Name of the timeline in OTIO's bundles."""

MAX_TIMELINE_BYTES = 512 << 20
"""Bytes of an unpacked timeline. Compressed, a small file may claim any number."""

BUNDLE_MEDIA = "media"
"""Folder of the media in OTIO's bundles: the only other part that is read."""


@dataclass(frozen=True, slots=True)
class TimelineText:
    """A timeline as the text of an .otio file.

    Attributes:
        text: the JSON.
        timeline: OTIO's object of it.
        base: the folder that relative paths in it start from.
    """

    text: str
    timeline: Any
    base: Path


def read_timeline(path: Path) -> TimelineText:
    """Return the timeline of a file.

    The media of an .otioz are unpacked beside the takes: editors open only files.

    Raises:
        InvalidInput: it is not a timeline, contains several, or OpenTimelineIO cannot read it.
        OutputError: the media of an .otioz cannot be unpacked.
    """
    suffix = path.suffix.lower()
    if suffix == BUNDLE_FOLDER_SUFFIX:
        return _from_text(_read_text(path / BUNDLE_TIMELINE), path, path)
    if suffix == BUNDLE_SUFFIX:
        text, base = _unpack_bundle(path, path.parent / "tracklay")
        return _from_text(text, path, base)
    if suffix == ".otio":
        return _from_text(_read_text(path), path, path.parent)
    return _from_text(_read_with_adapter(path, suffix), path, path.parent)


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidInput(
            "otio.unreadable", "Cannot read {path}: {reason}.", path=path, reason=error.strerror or error
        ) from error
    except UnicodeDecodeError:
        raise InvalidInput(
            "otio.not_utf8", "Not an .otio file: {path} is not UTF-8 text. Export the timeline again.", path=path
        ) from None


def _from_text(text: str, path: Path, base: Path) -> TimelineText:
    # Before OTIO: these errors name the line, and what kind of document it is instead.
    document = parse_document(text, str(path))
    timelines = list(_find_timelines(document))
    if len(timelines) != 1:
        schema = str(document.get("OTIO_SCHEMA", "")).partition(".")[0] or "no timeline"
        if not timelines:
            raise InvalidInput(
                "otio.not_a_timeline",
                "Not a timeline: {name} contains {schema}. Export one timeline as .otio.",
                name=path,
                schema=schema,
            )
        raise InvalidInput(
            "otio.several_timelines",
            "{path} contains {count} timelines: {names}. Export one of them.",
            path=path,
            count=len(timelines),
            names=", ".join(str(each.get("name") or "unnamed") for each in timelines[:12]),
        )
    if timelines[0] is not document:
        # A collection of one timeline, as adapters make of a project with one sequence: the timeline is what was meant.
        text = json.dumps(timelines[0], indent=4, ensure_ascii=False)
    try:
        timeline = otio.core.deserialize_json_from_string(text)
    except otio.exceptions.UnsupportedSchemaError:
        raise InvalidInput(
            "otio.newer_schema",
            "Timeline needs a newer OpenTimelineIO than {version}: {path}. Upgrade it, or export for this version.",
            version=otio.__version__,
            path=path,
        ) from None
    except (otio.exceptions.OTIOError, ValueError, KeyError, TypeError) as error:
        raise _read_error(path, error) from error
    if timeline.tracks is None:  # OTIO accepts null
        raise _read_error(path, ValueError("it has no tracks"))
    return TimelineText(text, timeline, base)


def _read_error(path: Path, error: Exception) -> InvalidInput:
    reason = str(error.args[0] if error.args else error).strip().partition("\n")[0].rstrip(".")
    return InvalidInput(
        "otio.invalid",
        "OpenTimelineIO cannot read {path}: {reason}. Export the timeline again.",
        path=path,
        reason=reason or type(error).__name__,
    )


def _find_timelines(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a document, if it is a timeline, or the timelines in a collection, in bins too."""
    schema = str(document.get("OTIO_SCHEMA", ""))
    if schema.startswith("Timeline."):
        yield document
    elif schema.startswith("SerializableCollection."):
        for child in document.get("children") or ():
            if isinstance(child, dict):
                yield from _find_timelines(child)


def _read_with_adapter(path: Path, suffix: str) -> str:
    """Return the JSON of a timeline in another format."""
    known = describe_format(path)
    if suffix.removeprefix(".") not in otio.adapters.suffixes_with_defined_adapters(read=True):
        raise InvalidInput(
            "otio.no_adapter",
            "{path} is {kind}. To read it, {remedy}.",
            path=path,
            kind=known.kind,
            remedy=known.remedy,
        )
    try:
        found = read_edl(path) if suffix == ".edl" else otio.adapters.read_from_file(str(path))
        return str(otio.adapters.write_to_string(found, "otio_json"))
    except InvalidInput:
        raise
    except Exception as error:
        # Adapters are other people's plugins: they raise whatever their parsers raise.
        raise _read_error(path, error) from error


def _unpack_bundle(path: Path, folder: Path) -> tuple[str, Path]:
    """Unpack the media of an .otioz below a folder, once; return its timeline's text and the folder that its paths start from."""
    try:
        with zipfile.ZipFile(path) as bundle:
            with bundle.open(BUNDLE_TIMELINE) as packed:
                text = packed.read(MAX_TIMELINE_BYTES).decode("utf-8-sig")
            media = [info for info in bundle.infolist() if _is_media(info)]
            # Another version of the bundle gets another folder: nothing that was laid changes.
            contents = json.dumps(sorted((info.filename, info.file_size, info.CRC) for info in media))
            base = folder / f"{path.stem}.{hashlib.sha256(contents.encode()).hexdigest()[:8]}.media"
            if not media:
                return text, path.parent
            free = shutil.disk_usage(path.parent).free
            needed = sum(info.file_size for info in media if not (base / info.filename).is_file())
            if needed > free:
                raise OutputError(
                    "otio.bundle_too_large",
                    "Not enough space to unpack {path}: it needs {needed} MB, and {free} MB are free.",
                    path=path,
                    needed=-(-needed // 1_000_000),
                    free=free // 1_000_000,
                )
            for info in media:
                # Written whole or not at all: a file that is there is complete.
                if not (base / info.filename).is_file():
                    (base / info.filename).parent.mkdir(parents=True, exist_ok=True)
                    with (
                        bundle.open(info) as packed,
                        atomic_write(base / info.filename) as beside,
                        beside.open("wb") as file,
                    ):
                        shutil.copyfileobj(packed, file)
            return text, base
    # RuntimeError: an encrypted entry, or a compression that this Python lacks (NotImplementedError).
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, KeyError, ValueError, RuntimeError, EOFError) as error:
        raise InvalidInput(
            "otio.damaged_bundle", "Not a complete .otioz bundle: {path}. Export it again.", path=path
        ) from error
    except OSError as error:
        raise OutputError(
            "otio.cannot_unpack",
            "Cannot unpack {path} into {folder}: {reason}.",
            path=path,
            folder=folder,
            reason=error.strerror or error,
        ) from error


def _is_media(info: zipfile.ZipInfo) -> bool:
    """Return True for a media file of a bundle. Any name that could lead out of the folder is left out."""
    parts = PurePosixPath(info.filename).parts
    is_inside = parts[:1] == (BUNDLE_MEDIA,) and len(parts) > 1 and not {"..", "."} & set(parts)
    return is_inside and not info.is_dir() and "\\" not in info.filename and ":" not in info.filename
