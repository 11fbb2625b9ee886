"""The proxy cache: extracted proxies, stored by source, span and recipe, and bounded in size.

    TRACKLAY_HOME/cache/proxies/<key>.mp4, .json    an entry: the proxy, and its times. Evicted when not used for longest.
    TRACKLAY_HOME/proxies/<pin>/                     a pin: the proxy of open jobs, and its still. Removed by `unpin`.

A pin is a hard link to its entry's file, so both take the space of one, and an entry that another process evicts at the same moment
is not lost to the job. Where the file system has no hard links, a pin is a copy.

Several processes use one cache without locks. An entry is complete or absent. A cache that cannot be written is no error for
`extract_cached`: the proxy was made.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import settings
from ..atomic_io import atomic_write, fsync_folder
from ..cue import ProxySpec
from ..errors import MediaError, OutputError
from ..paths import ensure_folder, tracklay_home
from .encoder import DEFAULT_CRF
from .extract import SHORT_SIDE, Proxy, extract_proxy, extract_still
from .fingerprint import digest, source_file_ids, source_files, span_fingerprint

if TYPE_CHECKING:
    from ..cancellation import CancelToken
    from ..cue import Picture
    from ..timing import Span
    from .fingerprint import FileIds

TRIM_TARGET_RATIO = 0.9
"""Part of the limit that is left after trimming, so that not every new entry trims again."""

CACHE_VERSION = 1
"""Raised whenever the same request makes another proxy than before."""

PIN_NOTE = "note.json"
"""File in a pin's folder that describes it. It is written last: without it the pin is incomplete."""


class PinnedProxy(NamedTuple):
    """A proxy that stays where it is until `unpin`, and its still if one was requested."""

    proxy: Proxy
    still: Path | None


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
    """Write the proxy of a span to `to`: a copy of the cached one, or a new one, which is then cached. Parameters as `extract_proxy`.

    Raises:
        MediaError: as `extract_proxy`, and if the source changed while it was read.
        InvalidInput, OutputError, Cancelled: as `extract_proxy`.
    """
    spec = ProxySpec(short_side, square, min_seconds)
    file_ids = source_file_ids(picture, span)
    if file_ids is not None and (cached := load_proxy(_cache_key(picture, span, spec, file_ids), to)) is not None:
        return cached
    proxy = extract_proxy(picture, span, to, **spec._asdict(), cancel_token=cancel_token)
    if file_ids is not None:
        store_span_proxy(picture, span, spec, file_ids, proxy)
    return proxy


def load_cached(picture: Picture, span: Span, to: Path, short_sides: Iterable[int]) -> Proxy | None:
    """Write a cached proxy of a span to `to`: of the first size that is there, the whole picture. None if there is none."""
    file_ids = source_file_ids(picture, span)
    sizes = () if file_ids is None else short_sides
    keys = (_cache_key(picture, span, ProxySpec(size), file_ids or {}) for size in sizes)
    return next((proxy for key in keys if (proxy := load_proxy(key, to))), None)


def extract_pinned(
    pin: str,
    picture: Picture,
    span: Span,
    spec: ProxySpec,
    work_dir: Path,
    *,
    with_still: bool = False,
    cancel_token: CancelToken | None = None,
) -> PinnedProxy:
    """Return the proxy of a span, pinned: its files stay, across processes and restarts, until `unpin`.

    A source that cannot be cached (it changed a moment ago) has a pin without an entry.

    Args:
        pin: name of the pin, valid as a folder name. The same name must mean the same request.
        picture: as `extract_proxy`.
        span: as `extract_proxy`.
        spec: the proxy's size and shape.
        work_dir: folder for temporary files, on the file system of TRACKLAY_HOME.
        with_still: write the proxy's middle frame too.
        cancel_token: cancels the extraction.

    Raises:
        OutputError: as `extract_proxy`, and if the pin cannot be written.
        InvalidInput, MediaError, Cancelled: as `extract_cached`.
    """
    file_ids, made = source_file_ids(picture, span), work_dir / "proxy.mp4"
    key = None if file_ids is None else _cache_key(picture, span, spec, file_ids)
    cached = None if key is None else load_proxy(key, made, transfer=_link_or_copy)
    proxy = cached or extract_proxy(picture, span, made, **spec._asdict(), cancel_token=cancel_token)
    if file_ids is not None and cached is None:
        _check_unchanged(picture, span, file_ids, proxy)
    # The pin comes before the entry: storing trims the cache, which must not evict the entry at once.
    pinned = _write_pin(pin, key, proxy, with_still=with_still, cancel_token=cancel_token)
    if key is not None and cached is None:
        store_proxy(key, proxy, transfer=_link_or_copy)
    return pinned


def _write_pin(
    pin: str, key: str | None, proxy: Proxy, *, with_still: bool, cancel_token: CancelToken | None
) -> PinnedProxy:
    folder = ensure_folder(pins_dir() / pin)
    path = folder / proxy.path.name
    with atomic_write(path) as beside:
        _link_or_copy(proxy.path, beside)
    still = extract_still(proxy, folder / "still.png", cancel_token=cancel_token) if with_still else None
    note = {"proxy": path.name, "entry": key, **_proxy_to_json(proxy)}
    with atomic_write(folder / PIN_NOTE) as beside:
        beside.write_text(json.dumps(note), "utf-8")
    # The ledger is about to say that these files exist: their names must survive a power failure.
    fsync_folder(folder)
    fsync_folder(folder.parent)
    return PinnedProxy(replace(proxy, path=path), still)


def _link_or_copy(source: Path, to: Path) -> None:
    try:
        os.link(source, to)
    except OSError:  # no hard links on this file system, or too many of this file
        shutil.copyfile(source, to)


def find_pinned(pin: str) -> PinnedProxy | None:
    """Return a pinned proxy; None if there is no such pin, or an incomplete one."""
    folder = pins_dir() / pin
    try:
        note = _read_note(folder / PIN_NOTE)
        proxy = _proxy_from_json(folder / note["proxy"], note)
    except (OSError, ValueError, KeyError):
        return None
    still = folder / "still.png"
    return PinnedProxy(proxy, still if still.exists() else None)


def list_pins() -> list[str]:
    """Return the names of all pins, complete or not."""
    with contextlib.suppress(OSError):
        return [path.name for path in pins_dir().iterdir()]
    return []


def unpin(pin: str) -> None:
    """Remove a pin. Its entry stays in the cache, and may be evicted from now on."""
    shutil.rmtree(pins_dir() / pin, ignore_errors=True)
    trim_cache(settings.current().cache_bytes)


def pins_dir() -> Path:
    """Return the folder of the pins. Up to version 0.1 it held proxies of open jobs: those are pins without an entry."""
    return tracklay_home() / "proxies"


def _pinned_keys() -> set[str]:
    keys = set()
    for pin in list_pins():
        with contextlib.suppress(OSError, ValueError):
            keys.add(_read_note(pins_dir() / pin / PIN_NOTE).get("entry"))
    return {key for key in keys if key}


def store_span_proxy(picture: Picture, span: Span, spec: ProxySpec, file_ids: FileIds, proxy: Proxy) -> None:
    """Store a copy of a span's proxy, for `extract_cached` to find. `file_ids` is the source's identity from before it was read.

    Raises:
        MediaError: the source changed since; the proxy is deleted.
    """
    _check_unchanged(picture, span, file_ids, proxy)
    store_proxy(_cache_key(picture, span, spec, file_ids), proxy)


def _check_unchanged(picture: Picture, span: Span, file_ids: FileIds, proxy: Proxy) -> None:
    # `file_ids` may be those of a longer span.
    if source_file_ids(picture, span) != {path: file_ids[path] for path in source_files(picture, span)}:
        proxy.path.unlink(missing_ok=True)
        raise MediaError(
            "source.changed_while_read",
            "{name} changed while it was read. Try again when the file is complete.",
            name=picture.source.name,
        )


def _cache_key(picture: Picture, span: Span, spec: ProxySpec, file_ids: FileIds) -> str:
    recipe = [CACHE_VERSION, *spec[:2], str(spec.min_seconds), DEFAULT_CRF]
    return digest([[file_ids[path] for path in source_files(picture, span)], span_fingerprint(picture, span), recipe])


def proxy_cache_dir() -> Path:
    """Return the folder of the entries."""
    return tracklay_home() / "cache" / "proxies"


def load_proxy(key: str, to: Path, *, transfer: Callable[[Path, Path], object] = shutil.copyfile) -> Proxy | None:
    """Write an entry's proxy to `to`, and mark the entry as used. None if there is no entry, or an incomplete one.

    `transfer` copies by default, so that the caller may change its file.
    """
    entry = proxy_cache_dir() / f"{key}.mp4"
    try:
        note = _read_note(entry.with_suffix(".json"))
        with atomic_write(to) as beside:
            transfer(entry, beside)
            # Another process may replace or evict the entry between the two reads.
            if beside.stat().st_size != note["bytes"]:
                raise FileNotFoundError(entry)
        os.utime(entry.with_suffix(".json"))
        return _proxy_from_json(to, note)
    except (OSError, OutputError, ValueError, KeyError):
        return None


def store_proxy(key: str, proxy: Proxy, *, transfer: Callable[[Path, Path], object] = shutil.copyfile) -> None:
    """Store a proxy as an entry, and trim the cache. Nothing happens if the cache cannot be written."""
    note = {"bytes": proxy.path.stat().st_size, **_proxy_to_json(proxy)}
    with contextlib.suppress(OSError, OutputError):
        folder = proxy_cache_dir()
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / f"{key}.mp4") as beside:
            transfer(proxy.path, beside)
        with atomic_write(folder / f"{key}.json") as beside:
            beside.write_text(json.dumps(note), "utf-8")
        trim_cache(settings.current().cache_bytes)


def _proxy_to_json(proxy: Proxy) -> dict[str, Any]:
    return {
        "times": [str(at) for at in proxy.times],
        "seconds": str(proxy.seconds),
        "held_images": list(proxy.held_images),
    }


def _proxy_from_json(path: Path, note: dict[str, Any]) -> Proxy:
    times = tuple(Fraction(at) for at in note["times"])
    # Entries of earlier versions do not know of images that were held.
    return Proxy(path, times, Fraction(note["seconds"]), tuple(note.get("held_images", ())))


def _read_note(path: Path) -> dict[str, Any]:
    note = json.loads(path.read_text("utf-8"))
    if not isinstance(note, dict):
        raise ValueError(f"not a note: {path}")  # noqa: TRY004 - callers treat it as JSON that cannot be read
    return note


def trim_cache(limit_bytes: int) -> int:
    """Evict the entries that were not used for longest, if all together exceed `limit_bytes`. Pinned entries stay.

    Returns:
        Bytes of the entries that are left.
    """
    entries = list(_entries())
    total = sum(size for _, size, _ in entries)
    if total <= limit_bytes:
        return total
    pinned = _pinned_keys()
    for _, size, note in sorted(entries):
        if total <= limit_bytes * TRIM_TARGET_RATIO:
            break
        if note.stem in pinned:
            continue
        _delete_entry(note)
        total -= size
    return total


def clear_cache() -> int:
    """Delete all entries, pinned ones too: a pin has its own link to the file.

    Returns:
        Bytes of the entries that could not be deleted.
    """
    for _, _, note in list(_entries()):
        _delete_entry(note)
    return sum(size for _, size, _ in _entries())


def _delete_entry(note: Path) -> None:
    # The note first: without it the entry is absent, so that no reader finds half of one.
    for path in (note, note.with_suffix(".mp4")):
        with contextlib.suppress(OSError):
            path.unlink()


def _entries() -> Iterator[tuple[float, int, Path]]:
    """Yield each entry's time of last use, size in bytes, and note."""
    for note in proxy_cache_dir().glob("[!.]*.json"):
        with contextlib.suppress(OSError):
            stat = note.stat()
            yield stat.st_mtime, stat.st_size + note.with_suffix(".mp4").stat().st_size, note
