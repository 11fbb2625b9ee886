"""Joins on a downbeat: the bars go on, and the join is where both pieces are alike."""

from __future__ import annotations

import numpy as np
from tracklay.joining.beats import find_beat_join
from tracklay.joining.join import PartSound, plan_join
from tracklay.listening.onsets import detect_onsets

from tests.joining.made_parts import RATE, Sound

BEAT = RATE // 2


def drums(bars: int, offset: int, seed: int, fill: tuple[int, ...] = ()) -> tuple[Sound, list[int]]:
    """Return a piece in 4/4 at 120 and its downbeats: a kick on the downbeat, ticks on beats; the bars of `fill` have noise."""
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal((offset + bars * 4 * BEAT, 1)) * 1e-4
    time = np.arange(BEAT // 2) / RATE
    downbeats = []
    for beat in range(bars * 4):
        at = offset + beat * BEAT
        hertz = 60 if beat % 4 == 0 else 2000
        sound[at : at + len(time), 0] += 0.5 * np.sin(2 * np.pi * hertz * time + 1) * np.exp(-time / 0.05)
        if beat % 4 == 0:
            downbeats.append(at)
        if beat // 4 in fill:
            sound[at : at + BEAT, 0] += rng.standard_normal(BEAT) * 0.1
    return sound.astype(np.float32), downbeats


def test_bars_go_on():
    """The second piece is shifted so that its downbeat falls on the first one's; every beat of the joined music is half a second apart."""
    left, left_bars = drums(5, 1000, 1)
    right, right_bars = drums(5, 9000, 2)
    expected = 3 * 4 * BEAT
    found = find_beat_join(left, right, RATE, left_bars, right_bars, BEAT, expected)
    assert found is not None
    assert found.downbeat in left_bars
    assert found.right_downbeat in right_bars
    assert abs(found.start - expected) <= 2 * BEAT
    parts = [
        PartSound(lambda start, stop: left[start:stop], 0, len(left)),
        PartSound(lambda start, stop: right[start:stop], found.start, len(right), crossfade=found.crossfade_span(RATE)),
    ]
    length = found.start + len(right)
    sound = np.concatenate(list(plan_join(parts, RATE, length, 1).blocks()))
    onsets = [onset.sample for onset in detect_onsets(sound, RATE) if onset.level_db > -30]
    assert np.abs(np.diff(onsets) - BEAT).max() < RATE // 100


def test_the_most_similar_bars_are_joined():
    """Bars with something else in them are not joined to bars without."""
    left, left_bars = drums(5, 1000, 1, fill=(2, 3))
    right, right_bars = drums(5, 9000, 2, fill=(0, 1))
    found = find_beat_join(left, right, RATE, left_bars, right_bars, BEAT)
    assert found is not None
    assert found.unlike_db < 6
    assert find_beat_join(left, right, RATE, [], right_bars, BEAT) is None
