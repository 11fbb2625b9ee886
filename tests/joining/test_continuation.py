"""Continuations: the end of the given tail is found to the sample, through codecs, resampling and gain, and the music goes on."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tracklay.joining.continuation import find_continuation, join_continuation
from tracklay.joining.prediction import bridge_sounds
from tracklay.media.wav_reader import WavReader

from tests.clips import FFMPEG
from tests.joining.made_parts import RATE, Sound
from tests.landing.made_takes import music, write_wav

TAIL = 3 * RATE


@functools.cache
def made_music(seconds: float, seed: int = 1) -> Sound:
    """Return music, stereo: chords, with struck notes that do not repeat."""
    rng = np.random.default_rng(seed)
    length = round(seconds * RATE)
    sound = music(length, rng).reshape(length, -1)[:, 0] * 0.2
    time = np.arange(RATE // 2) / RATE
    for at in range(0, length - RATE // 2, RATE // 4):
        pitch = 110 * 2 ** (rng.integers(0, 24) / 12)
        sound[at : at + RATE // 2] += 0.15 * np.sin(2 * np.pi * pitch * time) * np.exp(-time / 0.15)
        sound[at : at + 2400] += 0.05 * rng.standard_normal(2400) * np.exp(-np.arange(2400) / 400)
    return np.stack([sound, 0.8 * sound], axis=1).astype(np.float32)


def through_codec(sound: Sound, folder: Path, codec: str) -> Sound:
    """Return a sound after a codec, or a resampler and back, as ffmpeg decodes it: without the encoder's delay."""
    write_wav(folder / "in.wav", [sound])
    suffix, options = {
        "mp3": ("mp3", ["-b:a", "128k"]),
        "aac": ("m4a", ["-b:a", "128k"]),
        "32 kHz": ("wav", ["-ar", "32000"]),
    }[codec]
    for source, target, extra in (("in.wav", f"x.{suffix}", options), (f"x.{suffix}", "out.wav", ["-ar", str(RATE)])):
        command = [FFMPEG, "-v", "error", "-y", "-i", str(folder / source), *extra, str(folder / target)]
        subprocess.run(command, check=True)
    with WavReader(folder / "out.wav") as wav:
        return wav.read(0, wav.format.samples)


@pytest.mark.parametrize("codec", ["mp3", "aac", "32 kHz"])
def test_both_kinds_of_reply(tmp_path, codec):
    """A reply with or without the tail is recognised after a codec and 5 dB less; the joined music is the whole music again."""
    whole = made_music(7)
    before = whole[: 5 * RATE]
    for contains, start, gain in ((True, 5 * RATE - TAIL, 0.56), (False, 5 * RATE, 1.0)):
        reply = through_codec(whole[start:], tmp_path, codec) * np.float32(gain)
        found = find_continuation(before[-TAIL:], reply, RATE)
        assert found.contains_tail == contains
        assert found.end == (TAIL if contains else 0)
        sound = join_continuation(before, reply, RATE, TAIL)
        assert abs(len(sound) - len(whole)) < 3000
        assert np.array_equal(sound[: 4 * RATE], whole[: 4 * RATE])
        # A slip by one sample or a wrong level would leave more than what the codec does.
        around = slice(5 * RATE - 4800, 5 * RATE + 4800)
        rest = np.mean((sound[around] - whole[around]) ** 2) / np.mean(whole[around] ** 2)
        assert rest < (0.03 if codec != "32 kHz" else 0.01)
        assert np.abs(np.diff(sound[around], axis=0)).max() < 1.3 * np.abs(np.diff(whole[around], axis=0)).max() + 0.01


@pytest.mark.parametrize("delay", [-30_000, -7, 13, 1105])
def test_tails_that_begin_early_or_late(delay):
    """A reply that has only the end of the tail, or begins with an encoder's delay, is found to the sample."""
    whole = made_music(7)
    start = 5 * RATE - TAIL - delay
    reply = (
        whole[start:].copy()
        if delay < 0
        else np.concatenate([np.zeros((delay, 2), np.float32), whole[5 * RATE - TAIL :]])
    )
    found = find_continuation(whole[5 * RATE - TAIL : 5 * RATE], reply, RATE)
    assert found.contains_tail
    assert found.end == TAIL + delay


@pytest.mark.parametrize("seed", range(2))
def test_other_music_is_no_tail(seed):
    """Music of the same kind is not taken for the tail; nor is silence."""
    whole = made_music(3, seed)
    assert not find_continuation(whole[:TAIL], made_music(4, seed + 50), RATE).contains_tail
    assert not find_continuation(whole[:TAIL], np.zeros((RATE, 1), np.float32), RATE).contains_tail
    assert not find_continuation(whole[:TAIL], whole[:100], RATE).contains_tail


def test_a_bridge_has_no_step():
    """A tone that is cut is continued: what follows begins where it ended, whatever comes."""
    tone = np.sin(np.arange(4800) * 0.05).astype(np.float32)[:, None] * 0.5
    bridged = bridge_sounds(tone, np.zeros((240, 1), np.float32))
    steps = np.abs(np.diff(np.concatenate([tone[-10:], bridged]), axis=0))
    assert steps.max() < 0.04
    assert abs(bridged[-1, 0]) < 0.02
