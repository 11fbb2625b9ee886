"""Matching of onsets to contacts, on times alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from tracklay.landing.matching import estimate_lag, match_onsets


def match(onsets, contacts, *, strengths=None, confidences=None, lag=0.0):
    """Return the pairs of indices."""
    found = match_onsets(
        np.array(onsets, float),
        np.ones(len(onsets)) if strengths is None else np.array(strengths),
        np.array(contacts, float),
        np.ones(len(contacts)) if confidences is None else np.array(confidences),
        lag,
    )
    return [(pair.onset, pair.contact) for pair in found]


def test_pairs_are_in_order_and_one_to_one():
    """Jittered onsets get their contacts; a dropped one leaves its contact free, a doubled one stays alone."""
    contacts = [1.0, 2.2, 3.1, 4.5, 5.9]
    onsets = [1.3, 2.0, 4.2, 4.35, 6.2]
    pairs = match(onsets, contacts, strengths=[1, 1, 1, 0.3, 1])
    assert pairs == [(0, 0), (1, 1), (2, 3), (4, 4)]


@pytest.mark.parametrize("seed", range(20))
def test_any_times_give_an_order_preserving_matching(seed):
    """Whatever the times, no onset and no contact is used twice, and the pairs do not cross."""
    rng = np.random.default_rng(seed)
    onsets, contacts = np.sort(rng.uniform(0, 20, 40)), np.sort(rng.uniform(0, 20, 35))
    pairs = match(onsets, contacts, strengths=rng.uniform(0.1, 1, 40), confidences=rng.uniform(0.1, 1, 35))
    for one, next_one in pairwise(pairs):
        assert one[0] < next_one[0]
        assert one[1] < next_one[1]


def test_what_is_unsure_or_far_is_not_matched():
    """A contact with two equal onsets, one without confidence, and one too far from any onset stay alone."""
    assert match([0.8, 1.2], [1.0]) == []
    assert match([1.0], [1.1], confidences=[0.02]) == []
    assert match([1.0], [1.9]) == []
    assert match([], [1.0]) == match([1.0], []) == []


def test_many_contacts_are_matched_in_windows():
    """Of a thousand events each gets its own contact."""
    rng = np.random.default_rng(1)
    contacts = np.cumsum(rng.uniform(1.5, 2.5, 1000))
    onsets = contacts + rng.uniform(-0.3, 0.3, 1000)
    pairs = match(onsets, contacts)
    assert len(pairs) > 990
    assert all(onset == contact for onset, contact in pairs)


def test_a_constant_lag_is_found_and_a_jitter_is_none():
    """Onsets that are all 0.32 s late have that lag, also with some missing; jittered ones have none."""
    rng = np.random.default_rng(2)
    contacts = np.cumsum(rng.uniform(0.8, 1.6, 20))
    late = np.delete(contacts + 0.32 + rng.uniform(-0.01, 0.01, 20), [3, 11])
    ones = np.ones(20)
    assert estimate_lag(late, ones[:18], contacts, ones) == pytest.approx(0.32, abs=0.01)
    jittered = np.sort(contacts + rng.choice([-1, 1], 20) * rng.uniform(0.1, 0.5, 20))
    assert estimate_lag(jittered, ones, contacts, ones) == 0


def test_a_roll_has_no_lag():
    """A dense roll has an onset near every contact at any lag: none is the take's."""
    onsets = np.arange(1, 6, 0.05)
    contacts = np.array([0.708, 1.708, 2.417, 2.958, 3.333, 3.5, 3.583, 4.5, 5.25, 6.0])
    assert estimate_lag(onsets, np.ones(len(onsets)), contacts, np.ones(len(contacts))) == 0
