"""Attacks to a millisecond, and beats that are placed on them."""

from __future__ import annotations

import numpy as np
import pytest
from tracklay.music_analysis.analyzer import analyze_samples
from tracklay.music_analysis.attacks import find_attack_samples

from .made_music import RATE, make_song

TIME = np.arange(RATE // 5) / RATE
SOUNDS = {
    "noise": np.random.default_rng(0).standard_normal(len(TIME)) * np.exp(-20 * TIME),
    "pluck": np.sin(2 * np.pi * 440 * TIME) * np.minimum(1, TIME / 0.002) * np.exp(-9 * TIME),
    "bow": np.sin(2 * np.pi * 220 * TIME) * np.minimum(1, TIME / 0.01) * np.exp(-6 * TIME),
}


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_an_attack_is_found_near_its_place(sound: str, rate: int) -> None:
    """Within 1 ms, or within 2 ms of a sound that takes 10 ms to rise; the place is up to 12 ms late or 4 ms early."""
    rng = np.random.default_rng(1)
    samples = (1e-4 * rng.standard_normal((6 * rate, 2))).astype(np.float32)
    attacks = np.arange(rate // 2, 5 * rate, rate // 2) + rng.integers(0, 400, 9)
    for attack in attacks:
        samples[attack : attack + len(TIME)] += 0.3 * SOUNDS[sound][:, None]
    places = attacks + rng.integers(-rate // 250, rate * 12 // 1000, 9)
    found = find_attack_samples(lambda start, stop: samples[start:stop], len(samples), rate, places)
    assert np.abs(found - attacks).max() <= rate * (0.0022 if sound == "bow" else 0.001)


def test_where_nothing_begins_there_is_no_attack() -> None:
    """Steady noise and silence."""
    noise = np.random.default_rng(2).standard_normal((2 * RATE, 1)).astype(np.float32)
    places = np.arange(RATE // 2, 3 * RATE // 2, RATE // 8)
    silence = np.zeros_like(noise)
    assert (find_attack_samples(lambda start, stop: noise[start:stop], len(noise), RATE, places) == -1).all()
    assert (find_attack_samples(lambda start, stop: silence[start:stop], len(noise), RATE, places) == -1).all()


def test_the_beats_of_a_song_are_on_its_attacks() -> None:
    """The median distance is below 2 ms: a crossfade that ends 3 ms before a beat leaves the attack whole."""
    song = make_song(121.3)
    beats = analyze_samples(song.samples, song.rate).beats
    away = [beats[np.abs(beats - beat).argmin()] - beat for beat in song.beats]
    assert abs(float(np.median(away))) < 0.002 * RATE
