"""Made music whose beats, bars, sections and ending are known to the sample: drums, a bass and chords with a song's form."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE = 48_000
CHORDS = {"A": ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14)), "B": ((2, 5, 9), (7, 11, 14), (0, 4, 7), (9, 12, 16))}
"""Chords of each bar of a section, semitones above C."""


@dataclass(frozen=True)
class Song:
    """Made music; times are samples."""

    samples: npt.NDArray[np.float32]
    rate: int
    beats: list[int]
    meter: int
    sections: list[int]
    final: int


def make_song(
    tempo: float,
    order: str = "ABAB",
    *,
    meter: int = 4,
    rate: int = RATE,
    seed: int = 0,
    drums: bool = True,
    ring: float = 2.0,
) -> Song:
    """Return a song: sections of four bars in an order, then a final chord that rings."""
    rng = np.random.default_rng(seed)
    beat = 60 * rate / tempo
    bars = 4 * len(order)
    final = round(bars * meter * beat)
    out = np.zeros((final + round(ring * rate), 2), np.float32)
    noise = rng.standard_normal(rate).astype(np.float32)

    def put(sound: npt.NDArray[np.float32], at: float, gain: float, pan: float = 0.0) -> None:
        start = round(at)
        part = sound[: len(out) - start] * gain
        out[start : start + len(part)] += np.stack([part * (1 - pan), part * (1 + pan)], axis=1)

    kick, snare = _tone((55.0,), 0.12, rate), noise[: rate // 8] * _decay(0.05, rate // 8, rate)
    hat = np.diff(noise[: rate // 30], prepend=0).astype(np.float32) * _decay(0.01, rate // 30, rate)
    for bar in range(bars):
        section = order[bar // 4]
        chord = CHORDS[section][bar % 4]
        start = bar * meter * beat
        put(_tone(tuple(130.8 * 2 ** (note / 12) for note in chord), meter * beat / rate * 0.25, rate), start, 0.1)
        for place in range(meter):
            at = start + place * beat
            put(_tone((65.4 * 2 ** (chord[0] / 12),), 0.25, rate), at, 0.12)
            if drums:
                put(kick if place % 2 == 0 and (meter == 4 or place == 0) else snare, at, 0.3)
                put(hat, at + beat / 2, 0.08, 0.3)
                if section == "B":
                    put(_tone((523.3 * 2 ** (chord[place % 3] / 12),), 0.2, rate), at + beat / 2, 0.08, -0.4)
    put(_tone((65.4, 130.8, 164.8, 196.0, 261.6), ring * 0.25, rate), final, 0.12)
    if drums:
        put(kick, final, 0.3)
    fade = round(0.3 * rate)
    out[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    beats = [round(index * beat) for index in range(bars * meter + 1)]
    return Song(out, rate, beats, meter, [round(4 * index * meter * beat) for index in range(len(order))], final)


def _decay(seconds: float, samples: int, rate: int) -> npt.NDArray[np.float32]:
    return np.exp(-np.arange(samples) / (seconds * rate)).astype(np.float32)


@functools.cache
def _tone(frequencies: tuple[float, ...], seconds: float, rate: int) -> npt.NDArray[np.float32]:
    """Return plucked tones with three overtones that decay with a time constant."""
    samples = round(4 * seconds * rate)
    time = np.arange(samples) / rate
    wave = sum(np.sin(2 * np.pi * part * hertz * time) / part**1.5 for hertz in frequencies for part in (1, 2, 3, 4))
    attack = np.minimum(1, time / 0.002)
    return (wave * attack * np.exp(-time / seconds)).astype(np.float32)
