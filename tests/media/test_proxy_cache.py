"""The cache of proxies: the same again costs nothing, anything else is made anew, and it never grows for ever."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from fractions import Fraction
from typing import Any

import pytest
from tracklay.cue import Picture
from tracklay.errors import MediaError
from tracklay.media import fingerprint, proxy_cache
from tracklay.media.extract import Proxy, extract_proxy
from tracklay.media.proxy_cache import extract_cached
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import encode
from tests.media.numbered_clips import drawn, numbered, numbers

RATE = Rate(Fraction(25))
SPAN = Span(5, 10, RATE)
MAP = TimeMap.linear(SPAN, SPAN.start_seconds)


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A clip that counts as settled from its first moment."""
    monkeypatch.setattr(fingerprint, "MIN_SOURCE_AGE_SECONDS", -1)
    return numbered(tmp_path / "source.mp4", RATE.fps, 30)


@pytest.fixture
def made(monkeypatch):
    """Count what is really extracted."""
    calls = []
    real = extract_proxy

    def counted(*arguments, **options):
        calls.append(arguments)
        return real(*arguments, **options)

    monkeypatch.setattr(proxy_cache, "extract_proxy", counted)
    return calls


def test_the_same_again_is_not_made_again(source, made, tmp_path):
    """The second proxy is the first one's copy, with the same times; each is its owner's own file."""
    first = extract_cached(Picture(source, MAP), SPAN, tmp_path / "first.mp4")
    second = extract_cached(Picture(source, MAP), SPAN, tmp_path / "second.mp4")
    assert len(made) == 1
    assert (first.times, first.seconds) == (second.times, second.seconds)
    assert first.path.read_bytes() == second.path.read_bytes()
    first.path.unlink()
    second.path.write_bytes(b"spoilt")
    third = extract_cached(Picture(source, MAP), SPAN, tmp_path / "third.mp4")
    assert numbers(third.path) == list(range(5, 15))
    assert len(made) == 1


def test_a_strip_that_moved_and_a_file_of_another_name_are_the_same(source, made, tmp_path):
    """Where on the timeline it plays is nothing to the picture."""
    extract_cached(Picture(source, MAP), SPAN, tmp_path / "first.mp4")
    moved = Span(105, 10, RATE)
    extract_cached(Picture(source, TimeMap.linear(moved, SPAN.start_seconds)), moved, tmp_path / "second.mp4")
    assert len(made) == 1


@pytest.mark.parametrize("other", ["span", "map", "side", "square", "least"])
def test_anything_else_is_made_anew(source, made, tmp_path, other):
    """Another span, map or recipe is another proxy."""
    extract_cached(Picture(source, MAP), SPAN, tmp_path / "first.mp4")
    span = Span(5, 11, RATE) if other == "span" else SPAN
    time_map = TimeMap.linear(SPAN, SPAN.start_seconds, Fraction(1, 2)) if other == "map" else MAP
    options: dict[str, dict[str, Any]] = {
        "side": {"short_side": 64},
        "square": {"square": "left"},
        "least": {"min_seconds": Fraction(1)},
    }
    extract_cached(Picture(source, time_map), span, tmp_path / "second.mp4", **options.get(other, {}))
    assert len(made) == 2


@pytest.mark.parametrize("how", ["rewritten", "same size and time", "same size, time put back, one byte"])
def test_a_changed_file_is_never_served_stale(source, made, tmp_path, how):
    """Whatever was done to hide it: the new picture is extracted."""
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
    assert len(made) == 2
    if how == "rewritten":
        assert numbers(tmp_path / "second.mp4") == list(range(105, 115))


def test_a_file_that_changed_a_moment_ago_is_not_trusted(source, made, tmp_path, monkeypatch):
    """Its time of change may not show the next change: it is extracted each time until it rests."""
    monkeypatch.setattr(fingerprint, "MIN_SOURCE_AGE_SECONDS", 3600)
    for name in ("first.mp4", "second.mp4"):
        extract_cached(Picture(source, MAP), SPAN, tmp_path / name)
    assert len(made) == 2
    assert not proxy_cache.proxy_cache_dir().exists()


def test_a_file_that_changes_while_it_is_read_is_told(source, tmp_path, monkeypatch):
    """Half of the one and half of the other is no picture."""
    real = extract_proxy

    def meddled(picture, span, to, **options):
        proxy = real(picture, span, to, **options)
        with source.open("ab") as file:
            file.write(b"more")
        return proxy

    monkeypatch.setattr(proxy_cache, "extract_proxy", meddled)
    with pytest.raises(MediaError, match=r"source\.mp4 changed while it was read"):
        extract_cached(Picture(source, MAP), SPAN, tmp_path / "proxy.mp4")
    assert not (tmp_path / "proxy.mp4").exists()


def test_a_sequence_is_known_by_the_images_that_play(source, made, tmp_path):
    """A change to an image within the span is seen; one elsewhere changes nothing."""
    folder = tmp_path / "frames"
    folder.mkdir()
    encode(folder / "%03d.png", (drawn(number) for number in range(30)), (160, 96), RATE.fps, "-c:v", "png")
    names = tuple(sorted(path.name for path in folder.iterdir()))
    picture = Picture(folder, MAP, names, RATE)
    extract_cached(picture, SPAN, tmp_path / "first.mp4")
    shutil.copyfile(folder / names[0], folder / names[29])
    extract_cached(picture, SPAN, tmp_path / "second.mp4")
    assert len(made) == 1
    shutil.copyfile(folder / names[0], folder / names[9])
    assert numbers(extract_cached(picture, SPAN, tmp_path / "third.mp4").path) == [5, 6, 7, 8, 0, 10, 11, 12, 13, 14]


def a_proxy(path, size: int) -> Proxy:
    """Something that is kept like a proxy, and known again by its size."""
    path.write_bytes(bytes([size % 256]) * size)
    return Proxy(path, (Fraction(0), Fraction(size, 1001)), Fraction(1))


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    """The folder stays within its bounds, and what was taken lately stays in it."""
    for number in range(10):
        proxy_cache.store_proxy(f"{number:064}", a_proxy(tmp_path / "made.mp4", 1000))
        os.utime(proxy_cache.proxy_cache_dir() / f"{number:064}.json", (number, number))
    assert proxy_cache.load_proxy(f"{0:064}", tmp_path / "taken.mp4") is not None
    proxy_cache.trim_cache(5000)
    left = [number for number in range(10) if proxy_cache.load_proxy(f"{number:064}", tmp_path / "taken.mp4")]
    assert left == [0, 7, 8, 9]
    assert len(list(proxy_cache.proxy_cache_dir().iterdir())) == 8


def test_half_an_entry_is_none(tmp_path):
    """A picture without its note, a note without its picture, a picture cut short: made again, never served."""
    for key, broken in (("a" * 64, "json"), ("b" * 64, "mp4"), ("c" * 64, "short"), ("d" * 64, "nonsense")):
        proxy_cache.store_proxy(key, a_proxy(tmp_path / "made.mp4", 1000))
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
    """The proxy was made all the same."""
    (tmp_path / "home").write_text("a file where the folder should be")
    monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / "home"))
    assert numbers(extract_cached(Picture(source, MAP), SPAN, tmp_path / "proxy.mp4").path) == list(range(5, 15))


def hammer(home: str, work: str, seed: int) -> int:
    """Keep, take and trim the same few entries; how many were whole."""
    from pathlib import Path

    os.environ["TRACKLAY_HOME"] = home
    mine = Path(work) / str(seed)
    mine.mkdir()
    whole = 0
    for turn in range(60):
        size = 1000 + (turn + seed) % 7
        proxy_cache.store_proxy(f"{size:064}", a_proxy(mine / "made.mp4", size))
        proxy_cache.trim_cache(3500)
        size = 1000 + (turn * 3 + seed) % 7
        if (taken := proxy_cache.load_proxy(f"{size:064}", mine / "taken.mp4")) is not None:
            assert taken.path.read_bytes() == bytes([size % 256]) * size
            assert taken.times[1] == Fraction(size, 1001)
            whole += 1
    return whole


def test_several_processes_share_it(home, tmp_path):
    """Whoever keeps, takes and throws away at the same time: an entry is whole or not there."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        taken = pool.starmap(hammer, [(str(home), str(tmp_path), seed) for seed in range(3)])
    assert sum(taken) > 0
    assert not [path for path in proxy_cache.proxy_cache_dir().iterdir() if path.name.startswith(".")]
