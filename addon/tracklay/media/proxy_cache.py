"""Proxies that were made before: kept by what their source is, how it plays and how they were made, bounded in size.

Several processes share one folder without locks: an entry is whole or not there, whoever uses one takes a copy, and one that another
process throws away in that moment is made again. A cache that cannot be written to is no error: the proxy was made.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

from ..atomic_io import atomic_write
from ..cue import ProxySpec
from ..errors import MediaError, OutputError
from ..paths import tracklay_home
from . import room
from .encoder import DEFAULT_CRF
from .extract import SHORT_SIDE, Proxy, extract_proxy
from .image_sequence import DEFAULT_SEQUENCE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..cue import Picture
    from ..timing import Span
    from .ffmpeg import CancelToken

TRIM_TARGET_RATIO = 0.9
"""The part of the limit that is left when the oldest are thrown away, so that it is not done each time."""

SAMPLE_BLOCKS, SAMPLE_BLOCK_BYTES = 16, 1 << 14
"""How many blocks of a source are read to know it again, spread from its first to its last byte, and how long each is."""

MIN_SOURCE_AGE_SECONDS = 2.0
"""A source that changed more recently may change again without its time of change showing it (FAT counts two seconds)."""

CACHE_VERSION = 1
"""Raised whenever the same request makes another proxy than before."""


def extract_cached(
    picture: Picture,
    span: Span,
    to: Path,
    *,
    short_side: int = SHORT_SIDE,
    square: str = "",
    min_seconds: Fraction = Fraction(0),
    cancel_token: CancelToken | None = None,
) -> Proxy:
    """What `extract_proxy` gives, from the cache where it was made before of just this source.

    Raises:
        MediaError: also where the source changed while it was read.
        BadInput, OutputError, Cancelled: as `extract_proxy`.
    """
    sized = ProxySpec(short_side, square, min_seconds)
    known = source_file_ids(picture, span)
    if known is not None and (kept := load_proxy(_cache_key(picture, span, sized, known), to)) is not None:
        return kept
    proxy = extract_proxy(picture, span, to, **sized._asdict(), cancel_token=cancel_token)
    if known is not None:
        store_span_proxy(picture, span, sized, known, proxy)
    return proxy


FileIds = Mapping["Path", list[Any]]
"""What tells each file of a source from any other."""


def store_span_proxy(picture: Picture, span: Span, spec: ProxySpec, file_ids: FileIds, proxy: Proxy) -> None:
    """Keep the proxy of a span, for whoever asks `extract_cached` for just that. `file_ids` is the source as it was before it was read.

    Raises:
        MediaError: it changed since; the proxy is gone.
    """
    if source_file_ids(picture, span) != {path: file_ids[path] for path in _source_files(picture, span)}:
        proxy.path.unlink(missing_ok=True)
        raise MediaError(f"{picture.source.name} changed while it was read: try again when it is whole")
    store_proxy(_cache_key(picture, span, spec, file_ids), proxy)


def _cache_key(picture: Picture, span: Span, spec: ProxySpec, file_ids: FileIds) -> str:
    recipe = [CACHE_VERSION, *spec[:2], str(spec.min_seconds), DEFAULT_CRF]
    return _digest([[file_ids[path] for path in _source_files(picture, span)], span_fingerprint(picture, span), recipe])


def source_file_ids(picture: Picture, span: Span) -> FileIds | None:
    """What tells the source from any other: of each file that is read for a span its size, its times of change, and samples of it.

    None where it cannot be told: a file is gone, or changed a moment ago.
    """
    try:
        return {path: _file_id(path) for path in _source_files(picture, span)}
    except OSError:
        return None


def source_content_id(picture: Picture, span: Span) -> list[Any] | None:
    """What tells the source from any other on every machine: of each file its size and samples of what is in it.

    None where a file is gone.
    """
    try:
        found = [sampled_file_id(path) for path in _source_files(picture, span)]
    except OSError:
        return None
    return None if None in found else found


def sampled_file_id(path: Path) -> list[Any] | None:
    """A file's size, and a digest of blocks of it; None where it is gone."""
    try:
        with path.open("rb") as file:
            return _sampled_id(file)
    except OSError:
        return None


def _source_files(picture: Picture, span: Span) -> Iterator[Path]:
    """The files that are read for a span."""
    if not picture.images:
        yield picture.source
        return
    rate = picture.rate or DEFAULT_SEQUENCE_RATE
    sources = [
        picture.time_map.source_seconds(at)
        for piece in picture.time_map.segments(span)
        for at in (piece.start, piece.end)
    ]
    last = len(picture.images) - 1
    first, end = (min(max(math.floor(at * rate.fps), 0), last) for at in (min(sources), max(sources)))
    for name in picture.images[first : end + 2]:
        yield picture.source / name


def _file_id(path: Path) -> list[Any]:
    with path.open("rb") as file:
        stat = os.fstat(file.fileno())
        if time.time() - max(stat.st_mtime, stat.st_ctime) < MIN_SOURCE_AGE_SECONDS:
            raise OSError("it changed a moment ago")
        size, samples = _sampled_id(file)
    return [size, stat.st_mtime_ns, stat.st_ctime_ns, samples]


def _sampled_id(file: BinaryIO) -> list[Any]:
    """A file's size, and a digest of blocks of it."""
    size = os.fstat(file.fileno()).st_size
    digest = hashlib.sha256()
    last = max(0, size - SAMPLE_BLOCK_BYTES)
    for number in range(SAMPLE_BLOCKS):
        file.seek(last * number // (SAMPLE_BLOCKS - 1))
        digest.update(file.read(SAMPLE_BLOCK_BYTES))
    return [size, digest.hexdigest()]


def span_fingerprint(picture: Picture, span: Span) -> list[Any]:
    """How the source plays in the span, wherever on the timeline that is."""
    pieces = [
        [str(piece.start - span.start), str(piece.source_start), str(piece.slope)]
        for piece in picture.time_map.segments(span)
    ]
    return [pieces, span.frames, str(span.rate), None if picture.rate is None else str(picture.rate)]


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def proxy_cache_dir() -> Path:
    """Where proxies are kept."""
    return tracklay_home() / "cache" / "proxies"


def load_proxy(key: str, to: Path) -> Proxy | None:
    """Copy a kept proxy to `to`, and note that it was used; None where there is none."""
    kept = proxy_cache_dir() / f"{key}.mp4"
    try:
        note = json.loads(kept.with_suffix(".json").read_text("utf-8"))
        with atomic_write(to) as beside:
            shutil.copyfile(kept, beside)
            if beside.stat().st_size != note["bytes"]:
                raise FileNotFoundError(kept)
        os.utime(kept.with_suffix(".json"))
    except (OSError, OutputError, ValueError, KeyError):
        return None
    return Proxy(to, tuple(Fraction(at) for at in note["times"]), Fraction(note["seconds"]))


def store_proxy(key: str, proxy: Proxy) -> None:
    """Keep a copy of a proxy."""
    place = proxy_cache_dir()
    note = {
        "bytes": proxy.path.stat().st_size,
        "times": [str(at) for at in proxy.times],
        "seconds": str(proxy.seconds),
    }
    with contextlib.suppress(OSError, OutputError):
        place.mkdir(parents=True, exist_ok=True)
        with atomic_write(place / f"{key}.mp4") as beside:
            shutil.copyfile(proxy.path, beside)
        with atomic_write(place / f"{key}.json") as beside:
            beside.write_text(json.dumps(note), "utf-8")
        trim_cache(room.cache_limit_bytes)


def trim_cache(limit_bytes: int) -> int:
    """Throw away those that were not used for longest, where all together are more than `limit_bytes` bytes; how many bytes are left."""
    entries: list[tuple[float, int, Path]] = []
    for note in proxy_cache_dir().glob("[!.]*.json"):
        with contextlib.suppress(OSError):
            size = note.stat().st_size + note.with_suffix(".mp4").stat().st_size
            entries.append((note.stat().st_mtime, size, note))
    total = sum(size for _, size, _ in entries)
    if total <= limit_bytes:
        return total
    for _, size, note in sorted(entries):
        if total <= limit_bytes * TRIM_TARGET_RATIO:
            break
        for path in (note, note.with_suffix(".mp4")):
            with contextlib.suppress(OSError):
                path.unlink()
        total -= size
    return total
