"""Onset detection on made takes whose events are known to the sample."""

from __future__ import annotations

import numpy as np
import pytest
from tracklay.listening.onsets import detect_onsets

from tests.landing.made_takes import RATE, Bed, Kind, make_take, strike


@pytest.mark.parametrize("bed", ["silence", "rain", "music"])
@pytest.mark.parametrize("kind", ["wood", "metal", "click"])
def test_every_event_has_an_onset_within_a_millisecond(kind: Kind, bed: Bed) -> None:
    """Each made event is found within a millisecond, in a room and out of it, and stands out of what else is found."""
    take = make_take(11, seconds=12, kind=kind, bed=bed, reverb=True)
    onsets = detect_onsets(take.samples, RATE)
    matched = []
    for second in take.sounds:
        assert second is not None
        nearest = min(onsets, key=lambda onset: abs(onset.sample / RATE - second))
        assert abs(nearest.sample / RATE - second) < 0.001
        matched.append(nearest)
    others = [onset.strength for onset in onsets if onset not in matched]
    assert max(others, default=0) < min(onset.strength for onset in matched)


@pytest.mark.parametrize("bed", ["silence", "rain"])
def test_a_steady_sound_has_no_onset(bed: Bed) -> None:
    """Rain and silence have at most one onset by chance in ten seconds."""
    take = make_take(3, seconds=10, bed=bed, dropped=1.0)
    assert len(detect_onsets(take.samples, RATE)) <= 1


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_any_rate_and_number_of_channels(rate: int, channels: int) -> None:
    """A click is found to the sample at any rate and in any number of channels."""
    rng = np.random.default_rng(1)
    sound = rng.standard_normal((rate, channels)) * 1e-3
    sound[rate // 2 : rate // 2 + 400] += (rng.standard_normal(400) * np.exp(-np.arange(400) / 100) * 0.3)[:, None]
    found = detect_onsets(sound.astype(np.float32), rate)
    assert [abs(onset.sample - rate // 2) <= 2 for onset in found] == [True]
    assert found[0].quiet <= found[0].sample


def test_a_hit_on_the_first_sample_is_an_onset() -> None:
    """A take may begin with a hit; a bed that merely begins is no onset."""
    sound = np.zeros((RATE, 1), np.float32)
    sound[: RATE // 4, 0] = strike("wood", np.random.default_rng(2))[: RATE // 4] * 0.5
    assert [onset.sample for onset in detect_onsets(sound, RATE)] == [0]


def test_an_empty_sound_has_no_onset() -> None:
    """No samples, no onsets."""
    assert detect_onsets(np.zeros((0, 2), np.float32), RATE) == ()
    assert detect_onsets(np.zeros((5, 1), np.float32), RATE) == ()
