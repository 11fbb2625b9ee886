"""Small scenes with known truth for the tests and the benchmark of the mix, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tracklay.media.bwf import plain_bwf_writer
from tracklay.mix.gain_curve import GainCurve
from tracklay.mix.sources import MixSource

from tests.mix.spoken import RATE, SENTENCES, speak

Sound = npt.NDArray[np.float32]


def make_dialogue(
    seconds: float, times: tuple[float, ...], voice: str = "en-us"
) -> tuple[Sound, list[tuple[int, int]]]:
    """Return sentences that begin at times, (samples,), with an RMS level of -23 dBFS, and their spans in samples."""
    sound = np.zeros(round(seconds * RATE), np.float32)
    spans = []
    language = voice.partition("+")[0]
    for number, time in enumerate(times):
        spoken = speak(SENTENCES[language][number % 3], voice)
        first = round(time * RATE)
        spoken = spoken[: len(sound) - first]
        sound[first : first + len(spoken)] += spoken
        spans.append((first, first + len(spoken)))
    level = np.sqrt(np.mean(np.concatenate([sound[a:b] for a, b in spans]) ** 2))
    return sound * np.float32(10 ** (-23 / 20) / level), spans


def make_chords(seconds: float, level_db: float = -20.0) -> Sound:
    """Return steady chords of plain tones, (samples,): music whose level is the same throughout."""
    times = np.arange(round(seconds * RATE)) / RATE
    roots = np.array([220.0, 174.6, 196.0, 164.8])[(times // 2).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(roots) / RATE
    sound = sum(np.sin(phase * ratio) for ratio in (1, 1.25, 1.5, 2))
    return np.asarray(sound * 10 ** (level_db / 20) / np.sqrt(np.mean(sound**2)), np.float32)


def make_noise(seconds: float, level_db: float, seed: int = 1) -> Sound:
    """Return a room tone, (samples,)."""
    white = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    spectrum = np.fft.rfft(white) / (1 + np.fft.rfftfreq(len(white), 1 / RATE) / 300)
    sound = np.fft.irfft(spectrum, len(white))
    return np.asarray(sound * 10 ** (level_db / 20) / np.sqrt(np.mean(sound**2)), np.float32)


def make_hits(seconds: float, level_db: float = -20.0, seed: int = 1) -> Sound:
    """Return foley, (samples,): steps and knocks, noise that dies away with a resonance of its own each."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round((seconds + 1) * RATE))
    times = np.arange(RATE // 3) / RATE
    for at in np.cumsum(rng.uniform(0.25, 0.8, round(4 * seconds))):
        first = round(at * RATE)
        if first + len(times) > len(sound):
            break
        body = np.sin(2 * np.pi * rng.uniform(90, 900) * times) * np.exp(-times * rng.uniform(20, 60))
        knock = rng.standard_normal(len(times)) * np.exp(-times * rng.uniform(40, 300))
        sound[first : first + len(times)] += (body + knock) * rng.uniform(0.3, 1)
    sound = sound[: round(seconds * RATE)]
    return np.asarray(sound * 10 ** (level_db / 20) / np.sqrt(np.mean(sound**2)), np.float32)


def write_wav(path: Path, sound: Sound, rate: int = RATE) -> Path:
    """Write a sound, (samples,) or (samples, channels), as a 24-bit WAV."""
    frames = sound.reshape(len(sound), -1)
    with path.open("wb") as file:
        writer = plain_bwf_writer(file, frames.shape[1], rate)
        writer.write(frames)
        writer.close()
    return path


def wav_source(folder: Path, name: str, sound: Sound, start: int = 0, **fields: Any) -> MixSource:
    """Write a sound and return it as a source of a mix."""
    return MixSource(name, name, write_wav(folder / f"{name}.wav", sound), start, len(sound), **fields)


def curve_db(curve: GainCurve, seconds: float) -> float:
    """Return the gain of a curve at a time, in decibels."""
    return float(20 * np.log10(curve.at(round(seconds * RATE))))
