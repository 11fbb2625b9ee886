"""The visible picture strips: the fast search finds what a search frame by frame finds."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tracklay.blender.sequencer.occlusion import StripExtent, topmost_spans, visible_indices

STRIPS = st.lists(
    st.tuples(st.integers(-5, 30), st.integers(1, 20), st.integers(1, 5), st.booleans()).map(
        lambda drawn: StripExtent(drawn[0], drawn[0] + drawn[1], drawn[2], drawn[3])
    ),
    max_size=12,
)


@given(STRIPS, st.integers(-8, 25), st.integers(1, 40))
def test_the_topmost_picture_is_the_one_on_the_highest_channel(strips, first, frames):
    """On each frame; spans are in order, and adjacent spans are of different strips."""
    parts = list(topmost_spans(strips, first, first + frames))
    assert all(one[2] <= other[1] for one, other in pairwise(parts))
    assert all(one[0] != other[0] for one, other in pairwise(parts) if one[2] == other[1])
    for frame in range(first, first + frames):
        there = [strip.channel for strip in strips if strip.start <= frame < strip.end]
        shown = [strips[index].channel for index, left, right in parts if left <= frame < right]
        assert shown == ([max(there)] if there else [])


@given(STRIPS, st.integers(-8, 25), st.integers(1, 40))
def test_a_strip_is_visible_where_no_opaque_strip_is_above_it(strips, first, frames):
    """On at least one frame of the range."""

    def shows(strip, frame):
        above = (other for other in strips if other.channel > strip.channel and other.is_opaque)
        return strip.start <= frame < strip.end and not any(other.start <= frame < other.end for other in above)

    wanted = [
        index
        for index, strip in enumerate(strips)
        if any(shows(strip, frame) for frame in range(first, first + frames))
    ]
    assert visible_indices(strips, first, first + frames) == wanted
