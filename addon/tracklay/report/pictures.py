"""The pictures of a report's rows: a small proxy, a strip of frames and figures of what plays in a span, made once for all its takes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import timelines
from ..atomic_io import atomic_write
from ..errors import InvalidInput, MediaError
from ..media.extract import SHORT_SIDE
from ..media.proxy_cache import extract_cached, load_cached
from ..timelines.formats import BLEND_SUFFIX, is_otio_readable
from .filmstrip import analyze_proxy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..cancellation import CancelToken
    from ..cue import Cue
    from ..timelines.base import Timeline
    from .rows import ReportRow

PREVIEW_VERSION = 2
"""Part of the file names. Increase it when the same row gets other files or figures than before."""

PLAYER_SHORT_SIDE = 192
"""Pixels of the player's picture: the size for sketch/foley, so that its proxies are already in the cache."""

NAME_LENGTH = 16
"""Hexadecimal digits of file names: 64 bits, so that no two rows of a report share one."""


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """The picture that plays in a row's span.

    Attributes:
        proxy: the MP4.
        seconds: its length.
        filmstrip: a JPEG of frames side by side; None if there is nothing to see.
        motion: values of the motion curve, from 0 to 255.
        cuts: positions as fractions of the length.
    """

    proxy: Path
    seconds: float
    filmstrip: Path | None
    motion: bytes
    cuts: tuple[float, ...]


class PictureResolver:
    """Finds the picture of a row. Each timeline is opened once, for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timelines: dict[Path, tuple[Timeline, list[Cue]]] = {}

    def find_cue(self, row: ReportRow) -> Cue:
        """Return the row's cue with its span and picture. A row without a take is matched by the cue's id alone.

        Raises:
            InvalidInput: the picture is gone or cannot be opened.
            MediaError: the row names no picture, or the picture no longer has the cue.
        """
        if row.picture is None:
            raise MediaError("report.no_picture", "The picture was not found. Move it back to its folder.")
        with self._lock:
            if row.picture not in self._timelines:
                timeline = timelines.open_timeline(row.picture)
                self._timelines[row.picture] = timeline, timeline.cues(model=row.model)
            timeline, cues = self._timelines[row.picture]
        found = _matching_cue(cues, row)
        if found is None and row.span is not None:  # a part of a cue, or a cue that was removed
            with contextlib.suppress(InvalidInput):
                points = timeline.point_text(row.span.start), timeline.point_text(row.span.end)
                part = timeline.cues(*points, model=row.model)
                found = _matching_cue(part, row) or timeline.joined_cue(*points, model=row.model)
        if found is None:
            raise MediaError(
                "report.cue_removed",
                "{picture} was edited since: it no longer has the cue {cue} there.",
                picture=row.picture.name,
                cue=row.cue,
            )
        if found.picture.error:
            raise MediaError("cue.picture_error", "{reason}", reason=found.picture.error)
        return found


def _matching_cue(cues: Sequence[Cue], row: ReportRow) -> Cue | None:
    """Return the cue with the row's span, and with its id if several have that span; None if there is none."""
    candidates = [cue for cue in cues if row.span is None or cue.span == row.span]
    if row.span is None and len(cues) == 1:
        return cues[0]
    named = [cue for cue in candidates if cue.id == row.cue]
    # A cue may have been renamed since: the same span is enough.
    return next(iter([*named, *(candidates if row.span is not None else [])]), None)


class PictureStore:
    """The pictures of a report. Each is opened, extracted and analyzed once, however many rows show it.

    Args:
        media: folder of the strips.
        work: folder of the proxies, for as long as the report is written.
    """

    def __init__(self, media: Path, work: Path) -> None:
        self._media, self._work = media, work
        self._resolver = PictureResolver()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._pictures: dict[str, ShownPicture] = {}

    def show(self, row: ReportRow, cancel_token: CancelToken | None = None) -> ShownPicture:
        """Return the picture of a row.

        Raises:
            InvalidInput, MediaError: as `PictureResolver.find_cue`, and if it cannot be extracted.
            OutputError: a folder cannot be written to.
            Cancelled: the user cancelled.
        """
        name = _picture_name(row)
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:  # a failure is not kept: its sentence names the file of its own row
            if name not in self._pictures:
                self._pictures[name] = self._make(row, name, cancel_token)
            return self._pictures[name]

    def _make(self, row: ReportRow, name: str, cancel_token: CancelToken | None) -> ShownPicture:
        cue, path = self._resolver.find_cue(row), self._work / f"{name}.mp4"
        # A model's own proxy is larger than the player needs; reading it is a tenth of reading its source again.
        proxy = load_cached(cue.picture, cue.span, path, (PLAYER_SHORT_SIDE, SHORT_SIDE)) or extract_cached(
            cue.picture, cue.span, path, short_side=PLAYER_SHORT_SIDE, cancel_token=cancel_token
        )
        film = analyze_proxy(proxy, cancel_token=cancel_token)
        strip = self._media / f"{name}.jpg" if film.filmstrip else None
        if strip:
            with atomic_write(strip) as beside:
                beside.write_bytes(film.filmstrip)
        return ShownPicture(path, float(proxy.seconds), strip, film.motion, film.cuts)


def hash_name(content: Any) -> str:
    """Return a file name for plain data."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:NAME_LENGTH]


def file_state(path: Path | None) -> list[int] | None:
    """Return a file's size in bytes and modification time in nanoseconds; None if it is gone."""
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return found and [found.st_size, found.st_mtime_ns]


def _picture_name(row: ReportRow) -> str:
    """Return the name of what a row shows: the present state of its picture's file, and its span.

    Names of one file are one picture, unless it refers to others by their place.
    """
    path, identity = row.picture, None
    with contextlib.suppress(OSError):
        if path and path.suffix.lower() != BLEND_SUFFIX and stat.S_ISREG((found := path.stat()).st_mode):
            identity = None if is_otio_readable(path) else [found.st_dev, found.st_ino]
    span = row.span and [row.span.start, row.span.frames, str(row.span.rate)]
    return hash_name([PREVIEW_VERSION, identity or str(path), file_state(path), row.cue, span])
