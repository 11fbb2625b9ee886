"""Fingerprints: their stored formats never change, and equal playback has an equal one at any position."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import pytest
from tracklay.cancellation import CancelToken
from tracklay.cue import Picture
from tracklay.errors import Cancelled
from tracklay.media import fingerprint
from tracklay.media.fingerprint import ledger_span_fingerprint, source_id, span_fingerprint
from tracklay.timing import Rate, Span, TimeMap

RATE = Rate(Fraction(25))
BENT = TimeMap(((Fraction(90), Fraction(0)), (Fraction(110), Fraction(1)), (Fraction(130), Fraction(3, 2))))


def test_stored_formats_stay_as_they_are():
    """These very values are in caches, ledgers and records: a change would have everything made, and paid for, again."""
    span = Span(100, 20, RATE)
    picture = Picture(Path("frames"), BENT, ("1.png", "2.png"), Rate(Fraction(24)))
    assert span_fingerprint(picture, span) == [[["0", "1/2", "1/20"], ["10", "1", "1/40"]], 20, "25/1", "24/1"]
    assert ledger_span_fingerprint(picture, span) == [
        [["0", "1/2"], ["10", "1"], ["20", "5/4"]],
        20,
        "25/1",
        ["1.png", "2.png"],
        "24/1",
    ]
    of_a_file = Picture(Path("clip.mp4"), TimeMap.linear(span, Fraction(2)))
    assert span_fingerprint(of_a_file, span) == [[["0", "2", "1/25"]], 20, "25/1", None]
    assert ledger_span_fingerprint(of_a_file, span) == [[["0", "2"], ["20", "14/5"]], 20, "25/1", [], "None"]


@pytest.mark.parametrize("of", [span_fingerprint, ledger_span_fingerprint])
def test_the_position_on_the_timeline_does_not_count(of):
    """A strip that moved plays the same."""
    here, there = Span(100, 20, RATE), Span(7, 20, RATE)
    first = Picture(Path("clip.mp4"), TimeMap.linear(here, Fraction(2)))
    second = Picture(Path("clip.mp4"), TimeMap.linear(there, Fraction(2)))
    assert of(first, here) == of(second, there)
    assert of(first, here) != of(Picture(Path("clip.mp4"), TimeMap.linear(here, Fraction(3))), here)


def test_the_three_identities_of_a_file(tmp_path):
    """Content in full, content by samples, size and time."""
    path = tmp_path / "clip.mp4"
    data = bytes(range(256)) * 4000
    path.write_bytes(data)
    assert source_id(path, "full") == hashlib.sha256(data).hexdigest()
    assert source_id(path, "stat") == [len(data), path.stat().st_mtime_ns]
    size, samples = source_id(path, "sampled")
    assert (size, len(samples)) == (len(data), 64)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(data)
    assert source_id(copy, "sampled") == [size, samples]
    copy.write_bytes(data[:-1] + b"x")
    assert source_id(copy, "sampled") != [size, samples]
    for mode in ("full", "sampled", "stat"):
        with pytest.raises(FileNotFoundError):
            source_id(tmp_path / "gone.mp4", mode)


def test_a_full_digest_can_be_cancelled(tmp_path):
    """Reading an hour of video takes minutes."""
    (tmp_path / "clip.mp4").write_bytes(b"x")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        source_id(tmp_path / "clip.mp4", "full", cancel_token=token)


def test_a_source_that_is_gone_has_no_identity():
    """None instead of an error: there is nothing to reuse."""
    span = Span(0, 10, RATE)
    picture = Picture(Path("gone.mp4"), TimeMap.linear(span, Fraction(0)))
    assert fingerprint.source_content_id(picture, span) is None
    assert fingerprint.source_file_ids(picture, span) is None
