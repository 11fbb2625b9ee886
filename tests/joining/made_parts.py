"""Made parts of a long sound, each as another model run would make it: same picture, other noise, level and colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]
Signal = npt.NDArray[np.float64]
Kind = Literal["noise", "tones", "rain", "foley", "clicks"]

RATE = 48_000
"""Hz."""

CUT_OVERLAP_SECONDS = 0.12
"""Overlap at a picture cut: three frames of 25 a second."""


class Event(NamedTuple):
    """An event of the picture: its sample in the joined sound, and a number that makes its sound."""

    sample: int
    number: int


@dataclass(frozen=True)
class MadePart:
    """A part: its first sample in the joined sound, its samples, and where it put each event of the picture in it."""

    start: int
    samples: Sound
    events: dict[int, int]
    hard_cut: bool


def picture_events(length: int, seed: int, every: float = 0.6) -> list[Event]:
    """Return the events of a picture of some length: at random times, `every` seconds on average, at least 0.15 s apart."""
    rng = np.random.default_rng((seed, 99))
    events: list[Event] = []
    at = 0.3 * RATE
    while at < length - 0.3 * RATE:
        events.append(Event(round(at), len(events)))
        at += (0.15 + rng.exponential(every - 0.15)) * RATE
    return events


def part_spans(length: int, part_seconds: float, overlap_seconds: float) -> list[tuple[int, int]]:
    """Return the first sample of each part and the one after its last."""
    step, overlap = round((part_seconds - overlap_seconds) * RATE), round(overlap_seconds * RATE)
    return [(start, min(length, start + step + overlap)) for start in range(0, max(1, length - overlap), step)]


def tilt(sound: Signal, slope_db: float) -> Signal:
    """Return a sound whose spectrum falls or rises by `slope_db` per octave from 1 kHz, its power unchanged."""
    spectrum = np.fft.rfft(sound)
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    octaves = np.log2(np.clip(frequencies, 40, 16_000) / 1000)
    coloured = np.fft.irfft(spectrum * 10 ** (slope_db * octaves / 20), len(sound))
    tilted: Signal = coloured * (np.sqrt(np.mean(sound**2)) / (np.sqrt(np.mean(coloured**2)) + 1e-12))
    return tilted


def strike_sound(number: int, take: int) -> Signal:
    """Return the sound of an event as one run makes it: it begins on its first sample; peak 1."""
    rng = np.random.default_rng((number, take))
    time = np.arange(round(0.18 * RATE)) / RATE
    base = 250 + 60 * (number % 7)
    sound = 0.6 * rng.standard_normal(len(time)) * np.exp(-time / 0.006)
    for ratio, decay in ((1.0, 0.04), (2.57, 0.025), (4.95, 0.015)):
        sound += np.sin(2 * np.pi * base * ratio * time + rng.uniform(0, 6)) * np.exp(-time / decay)
    sound[-480:] *= np.linspace(1, 0, 480)
    scaled: Signal = sound / np.abs(sound).max()
    return scaled


def texture(kind: Kind, samples: int, rng: np.random.Generator) -> Signal:
    """Return a texture at -30 dB of full scale."""
    if kind in ("noise", "foley"):
        return rng.standard_normal(samples) * 10 ** (-30 / 20)
    if kind == "rain":
        drops = np.zeros(samples)
        count = samples * 400 // RATE
        drops[rng.integers(0, samples, count)] = rng.lognormal(0, 0.8, count) * rng.choice([-1, 1], count)
        ring = np.exp(-np.arange(480) / 60.0) * np.sin(np.arange(480) * 0.55)
        size = samples + 480
        wet = np.fft.irfft(np.fft.rfft(drops, size) * np.fft.rfft(ring, size), size)[:samples]
        rain: Signal = wet / np.sqrt(np.mean(wet**2)) + 0.7 * rng.standard_normal(samples)
        return rain * 10 ** (-32 / 20)
    if kind == "tones":
        time = np.arange(samples) / RATE
        sound = np.zeros(samples)
        for hertz in (110.0, 220.0, 277.2, 331.0, 660.0):
            drift = 1 + 0.05 * np.sin(2 * np.pi * rng.uniform(0.1, 0.4) * time + rng.uniform(0, 6))
            sound += drift * np.sin(2 * np.pi * hertz * time + rng.uniform(0, 2 * np.pi)) * 220 / hertz
        return sound * 10 ** (-30 / 20)
    return np.zeros(samples)


def make_part(
    kind: Kind,
    span: tuple[int, int],
    events: list[Event],
    take: int,
    *,
    level_db: float,
    slope_db: float,
    jitter_seconds: float = 0.0,
    hard_cut: bool = False,
) -> MadePart:
    """Return one part, stereo. `take` is the run's seed; events are late by up to `jitter_seconds`, each run in its own way."""
    rng = np.random.default_rng((take, 7))
    count = span[1] - span[0]
    sound = np.stack([texture(kind, count, rng) for _ in range(2)], axis=1)
    if kind == "tones":
        sound[:, 1] = sound[:, 0]
    elif kind != "clicks":
        sound = np.stack([tilt(channel, slope_db) for channel in sound.T], axis=1)
    placed: dict[int, int] = {}
    for event in events if kind in ("foley", "clicks") else []:
        at = event.sample - span[0] + round(rng.uniform(-jitter_seconds, jitter_seconds) * RATE)
        if 0 <= at < count:
            hit = np.array([0.9]) if kind == "clicks" else strike_sound(event.number, take) * 0.35
            hit = hit[: count - at]
            sound[at : at + len(hit)] += hit[:, None]
            placed[event.number] = at + span[0]
    # Conformed takes fade where they begin and end while they sound.
    fade_in, fade_out = round(0.001 * RATE), round(0.005 * RATE)
    if kind != "clicks":
        sound[:fade_in] *= np.linspace(0, 1, fade_in)[:, None]
        sound[-fade_out:] *= np.linspace(1, 0, fade_out)[:, None]
    scaled = (np.clip(sound * 10 ** (level_db / 20), -1, 1)).astype(np.float32)
    return MadePart(span[0], scaled, placed, hard_cut)


def make_parts(
    kind: Kind,
    seconds: float,
    seed: int,
    *,
    part_seconds: float = 8.0,
    overlap_seconds: float = 0.75,
    level_db: float = 10.0,
    slope_db: float = 3.0,
    jitter_seconds: float = 0.0,
    hard_cuts: bool = False,
) -> list[MadePart]:
    """Return the parts of a sound, each at a random level (plus or minus `level_db`) and colour (plus or minus `slope_db` per octave).

    With `hard_cuts` each part but the first begins at a picture cut, one frame before it, and the part before ends on it.
    """
    length = round(seconds * RATE)
    rng = np.random.default_rng((seed, 5))
    events = picture_events(length, seed)
    parts: list[MadePart] = []
    for number, span in enumerate(part_spans(length, part_seconds, overlap_seconds)):
        start, end = span
        level, slope = (float(rng.uniform(-limit, limit)) for limit in (level_db, slope_db))
        if hard_cuts and parts:
            start = parts[-1].start + len(parts[-1].samples) - round(CUT_OVERLAP_SECONDS * RATE)
        parts.append(
            make_part(
                kind,
                (start, end),
                events,
                seed * 10_000 + number,
                level_db=level,
                slope_db=slope,
                jitter_seconds=jitter_seconds,
                hard_cut=hard_cuts and number > 0,
            )
        )
    return parts
