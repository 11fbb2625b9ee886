"""Volumes for each frame: keys that make them, what the host plays of them, and limiting."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.mix.frame_gains import (
    KEY_TOLERANCE,
    FrameClock,
    frame_values,
    heard_curve,
    keys_of,
    limiter_values,
    values_of,
)
from tracklay.mix.gain_curve import GainCurve, ramp

CLOCKS = [FrameClock(Fraction(25), is_late=True, origin=1), FrameClock(Fraction(24000, 1001))]


@given(st.lists(st.floats(0, 2, width=32), min_size=1, max_size=60), st.integers(-5, 5))
def test_keys_make_the_values_of_frames(values, first):
    """Straight lines between them are within the tolerance, and keys are in order, each on a frame of its own."""
    keys = keys_of(np.array(values), first)
    frames = [frame for frame, _ in keys]
    assert frames == sorted(set(frames))
    made = values_of(keys, first, first + len(values) - 1)
    assert np.abs(made - values).max() <= 2 * KEY_TOLERANCE * max(*values, 0.001)


def test_a_steady_volume_is_one_key():
    """Its curve is constant, too."""
    values = np.full(50, 0.5)
    assert keys_of(values, 3) == [(3, 0.5)]
    assert heard_curve(values, 3, CLOCKS[0]).is_constant


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_duck_is_heard_at_its_time(clock):
    """A ramp of 12 dB over a second, halfway down at its middle."""
    curve = GainCurve(tuple(ramp(96_000, 144_000, 0, -12)))
    values = frame_values(curve, clock, 0, 100, (False, False))
    heard = heard_curve(values, 0, clock)
    times = np.arange(48_000, 180_000, 1000)
    assert np.abs(20 * np.log10(heard.at_samples(times) / curve.at_samples(times))).max() < 0.7


@pytest.mark.parametrize("clock", CLOCKS)
def test_limiting_holds_at_the_peak_and_lets_go_of_other_frames(clock):
    """The gain that is heard around a peak is the limiter's, but for the host's curves between frames; half a second away it is 1."""
    limiter = GainCurve(((99_000, 1.0), (99_500, 0.5), (100_500, 0.5), (101_000, 1.0)))
    heard = heard_curve(limiter_values(limiter, clock, 101), 0, clock)
    assert heard.at_samples(np.arange(99_500, 100_500, 50)).max() < 0.8
    assert heard.at(70_000) == heard.at(130_000) == 1
