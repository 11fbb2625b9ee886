"""Cuts are found on their frame, at any rate and after any trim; what is no cut is none."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from addon.cue import Picture
from addon.media.cuts import cuts
from addon.timing import Rate, Span, TimeMap
from tests.pictures import encode

SIZE = (128, 72)


def shots(lengths: list[int]):
    """Frames of shots that follow each other: a bright thing that moves a little over a ground of its own."""
    for number, length in enumerate(lengths):
        ground = np.random.default_rng(number).integers(20, 230, (6, 8)).repeat(12, 0).repeat(16, 1)
        for frame in range(length):
            picture = ground.copy()
            picture[30:40, 10 + frame % 60 : 20 + frame % 60] = 235
            yield picture


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(24000, 1001), Fraction(60)])
def test_each_shots_first_frame_is_found(rate, tmp_path):
    """Whatever the rate, counted on the timeline's own frames."""
    clip = encode(tmp_path / "film.mp4", shots([30, 41, 20, 29]), SIZE, rate)
    span = Span(101, 120, Rate(rate))
    picture = Picture(clip, TimeMap.straight(span, Fraction(0)))
    assert cuts(picture, span, tmp_path) == (131, 172, 192)


def test_a_part_of_the_clip_has_the_cuts_of_that_part(tmp_path):
    """Trimmed at both ends, and moved: what does not play has no cuts."""
    clip = encode(tmp_path / "film.mp4", shots([30, 41, 20, 29]), SIZE, Fraction(25))
    span = Span(1000, 50, Rate(Fraction(25)))
    picture = Picture(clip, TimeMap.straight(span, Fraction(40, 25)))
    assert cuts(picture, span, tmp_path) == (1000 + 71 - 40,)


def test_what_is_too_short_for_a_shot_is_none(tmp_path):
    """A flash of three frames, and a last shot of four."""
    clip = encode(tmp_path / "film.mp4", shots([30, 3, 40, 4]), SIZE, Fraction(25))
    span = Span(1, 77, Rate(Fraction(25)))
    picture = Picture(clip, TimeMap.straight(span, Fraction(0)))
    assert cuts(picture, span, tmp_path, shortest=12) == (31,)


def test_one_shot_has_no_cuts(tmp_path):
    """However much moves in it."""
    clip = encode(tmp_path / "film.mp4", shots([60]), SIZE, Fraction(25))
    span = Span(1, 60, Rate(Fraction(25)))
    assert cuts(Picture(clip, TimeMap.straight(span, Fraction(0))), span, tmp_path) == ()
