"""The proxy cache: the same request is extracted once, any other again; the size is bounded; pinned proxies stay."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tracklay import settings
from tracklay.cue import Picture, ProxySpec
from tracklay.errors import MediaError, OutputError
from tracklay.media import fingerprint, proxy_cache
from tracklay.media.extract import Proxy, extract_proxy
from tracklay.media.proxy_cache import extract_cached
from tracklay.paths import tracklay_home
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import encode
from tests.media.numbered_clips import drawn, numbered, numbers

RATE = Rate(Fraction(25))
SPAN = Span(5, 10, RATE)
MAP = TimeMap.linear(SPAN, SPAN.start_seconds)


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A clip that counts as unchanged for long enough from its first moment."""
    monkeypatch.setattr(fingerprint, "MIN_SOURCE_AGE_SECONDS", -1)
    return numbered(tmp_path / "source.mp4", RATE.fps, 30)


@pytest.fixture
def extractions(monkeypatch):
    """The calls that really extract."""
    calls = []
    real = extract_proxy

    def counted(*arguments, **options):
        calls.append(arguments)
        return real(*arguments, **options)

    monkeypatch.setattr(proxy_cache, "extract_proxy", counted)
    return calls


def test_the_same_request_is_extracted_once(source, extractions, tmp_path):
    """The second proxy is a copy of the first, with the same times; changing a copy changes no other."""
    first = extract_cached(Picture(source, MAP), SPAN, tmp_path / "first.mp4")
    second = extract_cached(Picture(source, MAP), SPAN, tmp_path / "second.mp4")
    assert len(extractions) == 1
    assert (first.times, first.seconds) == (second.times, second.seconds)
    assert first.path.read_bytes() == second.path.read_bytes()
    first.path.unlink()
    second.path.write_bytes(b"changed")
    third = extract_cached(Picture(source, MAP), SPAN, tmp_path / "third.mp4")
    assert numbers(third.path) == list(range(5, 15))
    assert len(extractions) == 1


def test_a_strip_that_moved_and_a_file_of_another_name_are_the_same(source, extractions, tmp_path):
    """The position on the timeline is not part of the key."""
    extract_cached(Picture(source, MAP), SPAN, tmp_path / "first.mp4")
    moved = Span(105, 10, RATE)
    extract_cached(Picture(source, TimeMap.linear(moved, SPAN.start_seconds)), moved, tmp_path / "second.mp4")
    assert len(extractions) == 1


def test_a_rendered_movie_is_identified_by_its_pixels(extractions, tmp_path):
    """It was written a moment ago, and the same strip is rendered to another file each time; a user's file has no such note."""
    movie = numbered(tmp_path / "movie.mp4", RATE.fps, 30)
    for number, folder in enumerate((tracklay_home() / "one", tracklay_home() / "two", tmp_path / "mine")):
        folder.mkdir(parents=True)
        source = Path(shutil.copy(movie, folder / f"{number}.mp4"))
        source.with_suffix(".sha256").write_text("5f" * 32)
        extract_cached(Picture(source, MAP), SPAN, tmp_path / f"proxy{number}.mp4")
    assert [picture.source.parent.name for picture, *_ in extractions] == ["one", "mine"]


@pytest.mark.parametrize("other", ["span", "map", "side", "square", "length"])
def test_any_other_request_is_extracted_again(source, extractions, tmp_path, other):
    """Another span, time map or recipe makes another proxy."""
    extract_cached(Picture(source, MAP), SPAN, tmp_path / "first.mp4")
    span = Span(5, 11, RATE) if other == "span" else SPAN
    time_map = TimeMap.linear(SPAN, SPAN.start_seconds, Fraction(1, 2)) if other == "map" else MAP
    options: dict[str, dict[str, Any]] = {
        "side": {"short_side": 64},
        "square": {"square": "left"},
        "length": {"min_seconds": Fraction(1)},
    }
    extract_cached(Picture(source, time_map), span, tmp_path / "second.mp4", **options.get(other, {}))
    assert len(extractions) == 2


@pytest.mark.parametrize("how", ["rewritten", "same size and time", "same size, time put back, one byte"])
def test_a_changed_file_is_never_served_stale(source, extractions, tmp_path, how):
    """Even if size and modification time are the same: the new picture is extracted."""
    extract_cached(Picture(source, MAP), SPAN, tmp_path / "first.mp4")
    was = source.stat()
    if how == "rewritten":
        encode(source, (drawn(number + 100) for number in range(30)), (160, 96), RATE.fps)
    else:
        data = bytearray(source.read_bytes())
        data[-1 if how.endswith("byte") else 5] ^= 1
        source.write_bytes(data)
        os.utime(source, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert fingerprint.source_file_ids(Picture(source, MAP), SPAN) is not None
    extract_cached(Picture(source, MAP), SPAN, tmp_path / "second.mp4")
    assert len(extractions) == 2
    if how == "rewritten":
        assert numbers(tmp_path / "second.mp4") == list(range(105, 115))


def test_a_file_that_changed_a_moment_ago_is_not_trusted(source, extractions, tmp_path, monkeypatch):
    """Its modification time may not show the next change: it is extracted each time until it is old enough."""
    monkeypatch.setattr(fingerprint, "MIN_SOURCE_AGE_SECONDS", 3600)
    for name in ("first.mp4", "second.mp4"):
        extract_cached(Picture(source, MAP), SPAN, tmp_path / name)
    assert len(extractions) == 2
    assert not proxy_cache.proxy_cache_dir().exists()


def test_a_file_that_changes_while_it_is_read_is_an_error(source, tmp_path, monkeypatch):
    """The proxy may be half of the old and half of the new picture: it is deleted."""
    real = extract_proxy

    def extract_and_change(picture, span, to, **options):
        proxy = real(picture, span, to, **options)
        with source.open("ab") as file:
            file.write(b"more")
        return proxy

    monkeypatch.setattr(proxy_cache, "extract_proxy", extract_and_change)
    with pytest.raises(MediaError, match=r"source\.mp4 changed while it was read\.") as caught:
        extract_cached(Picture(source, MAP), SPAN, tmp_path / "proxy.mp4")
    assert caught.value.code == "source.changed_while_read"
    assert not (tmp_path / "proxy.mp4").exists()


def test_a_sequence_is_identified_by_the_images_that_play(source, extractions, tmp_path):
    """A change to an image within the span is noticed; one elsewhere is ignored."""
    folder = tmp_path / "frames"
    folder.mkdir()
    encode(folder / "%03d.png", (drawn(number) for number in range(30)), (160, 96), RATE.fps, "-c:v", "png")
    names = tuple(sorted(path.name for path in folder.iterdir()))
    picture = Picture(folder, MAP, names, RATE)
    extract_cached(picture, SPAN, tmp_path / "first.mp4")
    shutil.copyfile(folder / names[0], folder / names[29])
    extract_cached(picture, SPAN, tmp_path / "second.mp4")
    assert len(extractions) == 1
    shutil.copyfile(folder / names[0], folder / names[9])
    assert numbers(extract_cached(picture, SPAN, tmp_path / "third.mp4").path) == [5, 6, 7, 8, 0, 10, 11, 12, 13, 14]


def fake_proxy(path, size: int) -> Proxy:
    """Write a file that is stored like a proxy, and recognized by its size."""
    path.write_bytes(bytes([size % 256]) * size)
    return Proxy(path, (Fraction(0), Fraction(size, 1001)), Fraction(1))


def test_the_least_recently_used_entries_are_evicted_first(tmp_path):
    """The folder stays within its limit, and an entry that was loaded lately stays in it."""
    for number in range(10):
        proxy_cache.store_proxy(f"{number:064}", fake_proxy(tmp_path / "made.mp4", 1000))
        os.utime(proxy_cache.proxy_cache_dir() / f"{number:064}.json", (number, number))
    assert proxy_cache.load_proxy(f"{0:064}", tmp_path / "taken.mp4") is not None
    proxy_cache.trim_cache(5000)
    left = [number for number in range(10) if proxy_cache.load_proxy(f"{number:064}", tmp_path / "taken.mp4")]
    assert left == [0, 7, 8, 9]
    assert len(list(proxy_cache.proxy_cache_dir().iterdir())) == 8


def test_an_incomplete_entry_counts_as_absent(tmp_path):
    """A proxy without its note, a note without its proxy, a truncated proxy, a note that is no JSON."""
    for key, broken in (("a" * 64, "json"), ("b" * 64, "mp4"), ("c" * 64, "short"), ("d" * 64, "nonsense")):
        proxy_cache.store_proxy(key, fake_proxy(tmp_path / "made.mp4", 1000))
        kept = proxy_cache.proxy_cache_dir() / f"{key}.mp4"
        if broken == "short":
            kept.write_bytes(b"short")
        elif broken == "nonsense":
            kept.with_suffix(".json").write_text("[")
        else:
            kept.with_suffix(f".{broken}").unlink()
        assert proxy_cache.load_proxy(key, tmp_path / "taken.mp4") is None
        assert not (tmp_path / "taken.mp4").exists()


def test_a_cache_that_cannot_be_written_is_no_error(source, tmp_path, monkeypatch):
    """The proxy is made nevertheless."""
    (tmp_path / "home").write_text("a file where the folder should be")
    monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / "home"))
    assert numbers(extract_cached(Picture(source, MAP), SPAN, tmp_path / "proxy.mp4").path) == list(range(5, 15))


def hammer(home: str, work: str, seed: int) -> int:
    """Store, load and trim the same few entries; return how many were loaded, all complete."""
    os.environ["TRACKLAY_HOME"] = home
    mine = Path(work) / str(seed)
    mine.mkdir()
    loaded = 0
    for turn in range(60):
        size = 1000 + (turn + seed) % 7
        proxy_cache.store_proxy(f"{size:064}", fake_proxy(mine / "made.mp4", size))
        proxy_cache.trim_cache(3500)
        size = 1000 + (turn * 3 + seed) % 7
        if (taken := proxy_cache.load_proxy(f"{size:064}", mine / "taken.mp4")) is not None:
            assert taken.path.read_bytes() == bytes([size % 256]) * size
            assert taken.times[1] == Fraction(size, 1001)
            loaded += 1
    return loaded


def test_several_processes_share_the_cache(home, tmp_path):
    """Stores, loads and evictions at the same time: an entry is complete or absent."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        taken = pool.starmap(hammer, [(str(home), str(tmp_path), seed) for seed in range(3)])
    assert sum(taken) > 0
    assert not [path for path in proxy_cache.proxy_cache_dir().iterdir() if path.name.startswith(".")]


SPEC = ProxySpec(64)


def pin(source, work, name="pin", **options):
    """Pin the proxy of `SPAN`, by way of a work folder that is empty again afterwards."""
    work.mkdir()
    pinned = proxy_cache.extract_pinned(name, Picture(source, MAP), SPAN, SPEC, work, **options)
    shutil.rmtree(work)
    return pinned


def inodes(folder):
    """Every MP4 below a folder, by its file on disk."""
    found: dict[int, list[Path]] = {}
    for path in folder.rglob("*.mp4"):
        found.setdefault(path.stat().st_ino, []).append(path)
    return found


def test_a_pinned_proxy_is_on_disk_once(source, home, extractions, tmp_path):
    """Pin and cache entry are two names of one file, whichever came first; the same request is extracted once."""
    pinned = pin(source, tmp_path / "work")
    assert numbers(pinned.proxy.path) == list(range(5, 15))
    assert [len(paths) for paths in inodes(home).values()] == [2]
    pin(source, tmp_path / "work", "other")
    assert [len(paths) for paths in inodes(home).values()] == [3]
    extract_cached(Picture(source, MAP), SPAN, tmp_path / "copy.mp4", short_side=SPEC.short_side)
    assert len(extractions) == 1


def test_a_file_system_without_hard_links_has_copies(source, home, tmp_path, monkeypatch):
    """The pin is complete all the same."""

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    assert numbers(pin(source, tmp_path / "work").proxy.path) == list(range(5, 15))
    assert [len(paths) for paths in inodes(home).values()] == [1, 1]


def test_a_pinned_entry_is_not_evicted(source, home, extractions, tmp_path):
    """Not even by a limit of nothing, set before or after; once it is not pinned any more, it is evicted at once."""
    settings.override(cache_bytes=0)
    try:
        pin(source, tmp_path / "work")
        other = proxy_cache.proxy_cache_dir() / f"{0:064}.mp4"
        proxy_cache.store_proxy(f"{0:064}", fake_proxy(tmp_path / "made.mp4", 1000))
        assert not other.exists()
        assert proxy_cache.trim_cache(0) > 0
        pin(source, tmp_path / "work", "other")
        proxy_cache.unpin("pin")
        extract_cached(Picture(source, MAP), SPAN, tmp_path / "copy.mp4", short_side=SPEC.short_side)
        assert len(extractions) == 1
        proxy_cache.unpin("other")
        assert inodes(home) == {}
    finally:
        settings.override(cache_bytes=None)


def test_a_pin_survives_the_loss_of_its_entry(source, home, tmp_path):
    """The cache may be cleared, or another process evict the entry as it is pinned: the job keeps its proxy."""
    pinned = pin(source, tmp_path / "work")
    assert proxy_cache.clear_cache() == 0
    assert list(proxy_cache.proxy_cache_dir().iterdir()) == []
    assert proxy_cache.find_pinned("pin") == pinned
    assert numbers(pinned.proxy.path) == list(range(5, 15))


def test_a_source_that_changed_a_moment_ago_is_pinned_without_an_entry(source, home, tmp_path, monkeypatch):
    """It cannot be cached, and the job needs its proxy nevertheless."""
    monkeypatch.setattr(fingerprint, "MIN_SOURCE_AGE_SECONDS", 3600)
    pinned = pin(source, tmp_path / "work")
    assert proxy_cache.find_pinned("pin") == pinned
    assert not proxy_cache.proxy_cache_dir().exists()


def test_a_still_is_pinned_with_its_proxy(source, tmp_path):
    """It is the proxy's middle frame, a PNG."""
    pinned = pin(source, tmp_path / "work", with_still=True)
    assert pinned.still is not None
    assert pinned.still.read_bytes().startswith(b"\x89PNG")
    assert proxy_cache.find_pinned("pin") == pinned


CRASHING = """
import os, sys
from pathlib import Path
from tracklay.cue import Picture, ProxySpec
from tracklay.media import fingerprint, proxy_cache
from tracklay.timing import Rate, Span, TimeMap

fingerprint.MIN_SOURCE_AGE_SECONDS = -1
source, work, crash_in = sys.argv[1:]
if crash_in:
    setattr(proxy_cache, crash_in, lambda *_, **__: os._exit(9))
span = Span(5, 10, Rate.from_value("25"))
picture = Picture(Path(source), TimeMap.linear(span, span.start_seconds))
proxy_cache.extract_pinned("pin", picture, span, ProxySpec(64), Path(work), with_still=True)
os._exit(9)
"""


@pytest.mark.parametrize(
    ("crash_in", "complete"), [("extract_still", False), ("fsync_folder", True), ("store_proxy", True), ("", True)]
)
def test_a_crash_leaves_a_pin_that_is_complete_or_absent(source, home, tmp_path, crash_in, complete):
    """An incomplete one is listed, so that it is collected, and the next run completes it."""
    work = tmp_path / "crashed"
    work.mkdir()
    done = subprocess.run([sys.executable, "-c", CRASHING, str(source), str(work), crash_in], check=False)
    assert done.returncode == 9
    assert proxy_cache.list_pins() == ["pin"]
    assert (proxy_cache.find_pinned("pin") is not None) == complete
    pinned = pin(source, tmp_path / "work", with_still=True)
    assert proxy_cache.find_pinned("pin") == pinned
    proxy_cache.unpin("pin")
    assert proxy_cache.list_pins() == []


def test_a_proxy_of_an_earlier_version_is_a_pin(home, tmp_path):
    """Its folder has no cache entry: it is found, listed, and removed as any other."""
    folder = home / "proxies" / "abc-video"
    folder.mkdir(parents=True)
    fake_proxy(folder / "proxy.mp4", 1000)
    (folder / "note.json").write_text('{"proxy": "proxy.mp4", "times": ["0", "1/25"], "seconds": "2/25"}')
    found = proxy_cache.find_pinned("abc-video")
    assert found == (Proxy(folder / "proxy.mp4", (Fraction(0), Fraction(1, 25)), Fraction(2, 25)), None)
    assert proxy_cache.trim_cache(0) == 0
    assert proxy_cache.list_pins() == ["abc-video"]
    proxy_cache.unpin("abc-video")
    assert not folder.exists()


def test_a_pin_that_cannot_be_written_is_an_error(source, home, tmp_path):
    """Unlike the cache: without its proxy a job cannot run."""
    (home / "proxies").write_text("a file where the folder should be")
    with pytest.raises(OutputError):
        pin(source, tmp_path / "work")
