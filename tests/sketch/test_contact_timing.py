"""The instant of a contact between two frames, from the motion of one window."""

from __future__ import annotations

import numpy as np
import pytest
from tracklay.sketch.vision import contact_timing
from tracklay.sketch.vision.background import SimilarityTransform
from tracklay.sketch.vision.contact_timing import LossWindow, contact_time, correction_features, first_estimate
from tracklay.sketch.vision.motion_windows import AREA, CHANGE, CHANNELS, DIRECTIONS, SPEED, WindowRow

INTERVAL = 1 / 25
DOWN, UP = 2, 6
LOST = 4
"""The interval in which the motion is lost."""


def make_window(share: float, rebound: float = 0.0) -> tuple[list[WindowRow], LossWindow]:
    """Return eight intervals of something that moves down and stops, or rebounds at a share of its speed, after a share of one."""
    values = np.zeros((8, CHANNELS), np.float32)
    net = np.array([1.0] * LOST + [share - rebound * (1 - share)] + [-rebound] * (7 - LOST))
    values[:, DOWN], values[:, UP] = 0.1 * net.clip(0), 0.1 * (-net).clip(0)
    values[:, SPEED] = values[:, AREA] = values[:, CHANGE] = 0.1 * np.abs(net)
    picture = np.zeros((2, 2), np.uint16)
    rows = [
        WindowRow(
            (k + 1) * INTERVAL, values[k, :, None, None], 0.1, is_still=False, is_global=False,
            to_frame=SimilarityTransform(), picture=picture, canvas_id=0,
        )
        for k in range(8)
    ]  # fmt: skip
    return rows, LossWindow(LOST, values, values[:, :DIRECTIONS], DOWN, INTERVAL, 1.0)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("rebound", [0.0, 0.5])
def test_the_first_estimate_is_geometric(share: float, rebound: float) -> None:
    """The motion of the interval is that before and that after the contact, by the time that each lasted."""
    rows, window = make_window(share, rebound)
    assert first_estimate(rows, window) == pytest.approx((LOST + share) * INTERVAL, abs=1e-6)


def test_motion_that_remains_in_the_next_interval_makes_a_contact_later() -> None:
    """The correction learnt from made scenes: what still moves there had not struck yet."""
    rows, window = make_window(0.5)
    without = contact_time(rows, window) - first_estimate(rows, window)
    window.spread[LOST + 1, DOWN] = 0.4 * window.spread[LOST - 1, DOWN]
    assert contact_time(rows, window) - first_estimate(rows, window) > without + 0.4 * INTERVAL


def test_a_correction_is_at_most_an_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """However unusual a loss is, its contact stays beside it."""
    rows, window = make_window(0.5)
    assert len(correction_features(window)) == len(contact_timing.CORRECTION_WEIGHTS)
    monkeypatch.setattr(contact_timing, "CORRECTION_BIAS", 50.0)
    assert contact_time(rows, window) == pytest.approx(first_estimate(rows, window) + INTERVAL)
