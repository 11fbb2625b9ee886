"""Made takes with known events: struck wood, ringing metal, dry clicks, over silence, rain, or music, dry or in a room."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]
Kind = Literal["wood", "metal", "click", "mixed"]
Bed = Literal["silence", "rain", "music"]

RATE = 48_000
"""Hz."""

BED_DB = {"silence": None, "rain": -42.0, "music": -32.0}
"""RMS level of each bed, dB of full scale."""


@dataclass(frozen=True)
class MadeTake:
    """A take whose events are known.

    Attributes:
        samples: (samples, 2).
        contacts: where each event belongs, in seconds.
        sounds: where each contact's event sounds, in seconds; None where it was dropped.
        extra: where further events sound, in seconds: doubles.
    """

    samples: Sound
    contacts: tuple[float, ...]
    sounds: tuple[float | None, ...]
    extra: tuple[float, ...]


def strike(kind: str, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return one event, mono, which begins on its first sample; peak 1."""
    seconds = {"wood": 0.25, "metal": 1.6, "click": 0.03}[kind]
    time = np.arange(round(seconds * RATE)) / RATE
    noise = rng.standard_normal(len(time))
    if kind == "click":
        sound = noise * np.exp(-time / 0.003)
    elif kind == "wood":
        base = rng.uniform(180, 500)
        sound = 0.25 * noise * np.exp(-time / 0.004)
        for ratio, decay in ((1.0, 0.035), (2.57, 0.022), (4.95, 0.014)):
            sound += np.sin(2 * np.pi * base * ratio * time + rng.uniform(0, 6)) * np.exp(-time / decay)
    else:
        base = rng.uniform(500, 1100)
        sound = 0.3 * noise * np.exp(-time / 0.002)
        for ratio in (1.0, 2.76, 5.4, 8.93):
            decay = rng.uniform(0.09, 0.22) / ratio**0.3
            sound += np.sin(2 * np.pi * base * ratio * time + rng.uniform(0, 6)) * np.exp(-time / decay)
    fade = min(len(time), 480)
    sound[-fade:] *= np.linspace(1, 0, fade)
    return np.asarray(sound / np.abs(sound).max())


def rain(samples: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return steady rain, (samples, 2): noise shaped by octaves, and drops."""
    spectrum = np.fft.rfft(rng.standard_normal((samples, 2)), axis=0)
    hertz = np.fft.rfftfreq(samples, 1 / RATE)
    spectrum *= (1 / (1 + (hertz / 2500) ** 2) ** 0.5 * np.minimum(1, hertz / 300))[:, None]
    bed = np.fft.irfft(spectrum, samples, axis=0)
    return np.asarray(bed / np.sqrt(np.mean(bed**2)))


def music(samples: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return soft chords, (samples, 2), a new one every 0.6 s."""
    bed = np.zeros((samples + 2 * RATE, 2))
    for at in range(0, samples, round(0.6 * RATE)):
        time = np.arange(round(1.4 * RATE)) / RATE
        envelope = np.minimum(time / 0.06, 1) * np.exp(-time / 0.5) * np.clip((1.4 - time) / 0.1, 0, 1)
        for semitones in rng.choice([0, 3, 5, 7, 10, 12], 3, replace=False):
            pitch = 196 * 2 ** (semitones / 12)
            note = (
                sum(np.sin(2 * np.pi * pitch * k * time + rng.uniform(0, 6)) / k**1.5 for k in range(1, 6)) * envelope
            )
            pan = rng.uniform(0.3, 0.7)
            bed[at : at + len(time)] += np.outer(note, [pan, 1 - pan])
    bed = bed[:samples]
    return np.asarray(bed / np.sqrt(np.mean(bed**2)))


def room(sound: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a mono sound in a room with 0.5 s of reverberation, (longer, 2); the direct sound first."""
    count = round(0.5 * RATE)
    response = rng.standard_normal((count, 2)) * np.exp(-6.9 * np.arange(count) / count)[:, None]
    response *= 0.35 / np.sqrt((response**2).sum(axis=0))
    response[: round(0.004 * RATE)] = 0
    response[0] = 1
    size = 1 << (len(sound) + count).bit_length()
    spectrum = np.fft.rfft(sound, size)[:, None] * np.fft.rfft(response, size, axis=0)
    return np.fft.irfft(spectrum, size, axis=0)[: len(sound) + count]


def make_take(
    seed: int,
    *,
    seconds: float = 20.0,
    kind: Kind = "mixed",
    bed: Bed = "rain",
    reverb: bool = False,
    jitter: tuple[float, float] = (0.05, 0.5),
    lag: float = 0.0,
    dropped: float = 0.0,
    doubled: float = 0.0,
    spacing: tuple[float, float] = (0.9, 2.0),
) -> MadeTake:
    """Return a take whose events are off their contacts by `jitter` (least and most, seconds, early or late) and by `lag`.

    `dropped` and `doubled` are the shares of contacts without a sound, and with a second one 0.12 to 0.2 s after it.
    """
    rng = np.random.default_rng(seed)
    samples = round(seconds * RATE)
    contacts, at = [], rng.uniform(0.6, 1.0)
    while at < seconds - 0.7:
        contacts.append(at)
        at += rng.uniform(*spacing)
    level = BED_DB[bed]
    out = np.zeros((samples, 2))
    if level is not None:
        out += {"rain": rain, "music": music}[bed](samples, rng) * 10 ** (level / 20)
    sounds: list[float | None] = []
    extra: list[float] = []
    for contact in contacts:
        if rng.uniform() < dropped:
            sounds.append(None)
            continue
        place = contact + lag + rng.choice([-1, 1]) * rng.uniform(*jitter)
        start = round(min(max(place, 0.02), seconds - 0.1) * RATE)
        sounds.append(start / RATE)
        starts = [start]
        if rng.uniform() < doubled:
            starts.append(start + round(rng.uniform(0.12, 0.2) * RATE))
            extra.append(starts[1] / RATE)
        name = kind if kind != "mixed" else str(rng.choice(["wood", "metal", "click"]))
        for number, begin in enumerate(starts):
            sound = strike(name, rng) * 10 ** (rng.uniform(-14, -8 if number == 0 else -12) / 20)
            heard = room(sound, rng) if reverb else np.outer(sound, [0.8, 0.6])
            heard = heard[: samples - begin]
            out[begin : begin + len(heard)] += heard
    return MadeTake(out.astype(np.float32), tuple(contacts), tuple(sounds), tuple(extra))


def write_wav(path: Path, parts: Iterable[Sound]) -> None:
    """Write sounds one after the other as a 24-bit WAV of two channels."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(RATE)
        for part in parts:
            whole = np.rint(part.astype(np.float64) * ((1 << 23) - 1)).astype("<i4")
            file.writeframes(np.ascontiguousarray(whole).view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
