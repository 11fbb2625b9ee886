"""Joined pictures: the pieces of several sources one after the other, each frame at its time, and black between them."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import av
import pytest
from tracklay.cue import Cue, Picture, PicturePiece
from tracklay.jobs.job_spec import JobSpec
from tracklay.jobs.pictures.stored_cue import cue_to_dict
from tracklay.media.extract import extract_proxy
from tracklay.media.fingerprint import source_files, span_fingerprint
from tracklay.media.shot_detection import find_cuts
from tracklay.timing import Rate, Span, TimeMap

from tests.media.numbered_clips import numbered, numbers

RATE = Rate(Fraction(25))


def piece(source, start: int, frames: int, first: int, rate: Fraction = Fraction(25)) -> PicturePiece:
    """Return the piece that shows a source's frames from `first` on, from timeline frame `start` on."""
    span = Span(start, frames, RATE)
    return PicturePiece(span, Picture(source, TimeMap.linear(span, first / rate), rate=Rate(rate)))


@pytest.fixture(scope="module")
def joined(tmp_path_factory) -> tuple[Picture, Span]:
    """Black, 8 frames of one clip, black, 6 of a clip of twice the rate, and 4 of the first again."""
    folder = tmp_path_factory.mktemp("joined")
    one = numbered(folder / "one.mp4", Fraction(25), 60)
    fast = numbered(folder / "fast.mp4", Fraction(50), 60)
    span = Span(100, 25, RATE)
    pieces = piece(one, 103, 8, 30), piece(fast, 115, 6, 40, Fraction(50)), piece(one, 121, 4, 7)
    return Picture(one, TimeMap.linear(span, Fraction(0)), pieces=pieces), span


def test_each_piece_shows_its_frames_at_their_times(joined, tmp_path):
    """Every frame of the pieces is there, those between two timeline frames too, and black before, between and after."""
    picture, span = joined
    proxy = extract_proxy(picture, span, tmp_path / "proxy.mp4")
    assert numbers(proxy.path) == [0] * 3 + [*range(30, 38)] + [0] * 4 + [*range(40, 52)] + [7, 8, 9, 10]
    starts = [Fraction(n, 25) for n in range(15)] + [Fraction(15, 25) + Fraction(n, 50) for n in range(12)]
    assert list(proxy.times) == [*starts, *(Fraction(n, 25) for n in range(21, 25))]
    assert proxy.seconds == 1


def test_a_part_of_it_is_cut_on_its_frames(joined, tmp_path):
    """The proxy of a part of the span begins and ends within pieces."""
    picture, _ = joined
    proxy = extract_proxy(picture, Span(107, 9, RATE), tmp_path / "proxy.mp4")
    assert numbers(proxy.path) == [34, 35, 36, 37, 0, 0, 0, 0, 40, 41]


def test_another_shape_has_black_bars(joined, tmp_path):
    """A wider picture is neither stretched nor cropped: it has bars above and below."""
    wide = numbered(tmp_path / "wide.mp4", Fraction(25), 10, size=(320, 96))
    picture = replace(joined[0], pieces=(joined[0].pieces[0], piece(wide, 111, 5, 0)))
    proxy = extract_proxy(picture, Span(108, 7, RATE), tmp_path / "proxy.mp4")
    with av.open(str(proxy.path)) as container:
        last = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][-1]
    height, width = last.shape[0], last.shape[1]
    assert (width, height) == (160, 96)
    assert last[:20].max() < 30
    assert last[-20:].max() < 30
    assert last[height // 2].max() > 60


def test_cuts_are_found_at_the_ends_of_its_pieces(joined, tmp_path):
    """Where black begins and ends, at the timeline's frames."""
    picture, span = joined
    assert find_cuts(picture, Span(span.start, 21, RATE), tmp_path) == (103, 111, 115)


def test_it_is_stored_with_the_job(joined):
    """A stored cue has the same picture again."""
    picture, span = joined
    cue = Cue("scene", span, picture, "clicker/clicks")
    data = json.loads(json.dumps({"cue": cue_to_dict(cue)}))
    assert JobSpec.cue_from_dict(data) == cue


def test_its_fingerprint_is_that_of_all_pieces(joined):
    """Another frame of one piece is another picture; the position on the timeline does not count."""
    picture, span = joined
    one, fast = picture.pieces[0].picture.source, picture.pieces[1].picture.source
    assert list(source_files(picture, span)) == [one, fast, one]
    assert list(source_files(picture, Span(112, 5, RATE))) == [fast]
    moved = Span(110, 25, RATE)
    pieces = piece(one, 113, 8, 30), piece(fast, 125, 6, 40, Fraction(50)), piece(one, 131, 4, 7)
    same = Picture(one, TimeMap.linear(moved, Fraction(0)), pieces=pieces)
    assert span_fingerprint(same, moved) == span_fingerprint(picture, span)
    other = Picture(one, TimeMap.linear(span, Fraction(0)), pieces=(*picture.pieces[:2], piece(one, 121, 4, 8)))
    assert span_fingerprint(other, span) != span_fingerprint(picture, span)
