"""What is heard in a take: its loudness, the sounds that begin in it, and whether it is silent."""

from __future__ import annotations

import wave

import numpy as np
import pytest
from tracklay.listening.heard import measure_heard


def written(path, sound: np.ndarray, rate: int):
    """Write a take of float samples, (samples, channels), and return its path."""
    with wave.open(str(path), "wb") as file:
        file.setparams((sound.shape[1], 4, rate, len(sound), "NONE", ""))
        file.writeframes((sound * (2**31 - 1)).astype("<i4").tobytes())
    return path


def bursts(rate: int, channels: int, *seconds: float) -> np.ndarray:
    """Return 4 s of silence with bursts of 60 ms of a tone of 1 kHz."""
    sound = np.zeros((4 * rate, channels))
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(round(0.06 * rate)) / rate)
    for at in seconds:
        sound[round(at * rate) :][: len(tone)] += tone[:, None]
    return sound


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (96_000, 2), (44_100, 1)])
def test_each_burst_is_an_event(tmp_path, rate, channels):
    """Four sounds are counted, one on the first sample, at any rate."""
    heard = measure_heard(written(tmp_path / "take.wav", bursts(rate, channels, 0, 1, 1.5, 3.2), rate))
    assert heard["events"] == 4
    assert "silent" not in heard


def test_a_tone_has_the_loudness_of_the_standard(tmp_path):
    """A sine of 997 Hz at -20 dBFS in both channels is -20 LUFS (BS.1770-4), and one event."""
    tone = 0.1 * np.sin(2 * np.pi * 997 * np.arange(3 * 48_000) / 48_000)
    heard = measure_heard(written(tmp_path / "take.wav", np.stack((tone, tone), axis=1), 48_000))
    assert heard["lufs"] == pytest.approx(-20, abs=0.1)
    assert heard["events"] == 1


@pytest.mark.parametrize(("level", "is_silent"), [(0.0, True), (0.0004, True), (0.0017, True), (0.008, False)])
def test_what_cannot_be_heard_is_silent(tmp_path, level, is_silent):
    """True silence, noise below -60 LUFS, and noise at the -50 LUFS of a room tone; a quiet ambience is heard."""
    noise = level * np.random.default_rng(1).standard_normal((3 * 48_000, 2))
    heard = measure_heard(written(tmp_path / "take.wav", noise, 48_000))
    assert ("silent" in heard) == is_silent
    assert heard["lufs"] >= -70


def test_one_soft_sound_on_a_room_tone_is_heard(tmp_path):
    """A tap at -38 LUFS in 4 s of a tone at -50: the take is not silent."""
    sound = 0.0017 * np.random.default_rng(1).standard_normal((4 * 48_000, 2))
    sound += 0.03 * bursts(48_000, 2, 2)
    heard = measure_heard(written(tmp_path / "take.wav", sound, 48_000))
    assert "silent" not in heard
    assert heard["events"] == 2
