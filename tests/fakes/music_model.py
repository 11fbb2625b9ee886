"""A fake music model without a picture: it returns a piece with an ending of its own, of the length that it is asked for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from tracklay.cue import SAMPLE_RATE, Cost
from tracklay.providers.base import JobHandle, JobProgress, Output, Provider, Request, Submission

from . import click_model

CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
"""Semitones above middle C, a chord for each bar of four beats."""


def play(samples: int) -> np.ndarray:
    """Return music at 120 beats a minute that ends on a long chord, (samples,) float32."""
    music = np.zeros(samples + SAMPLE_RATE, np.float32)
    beat = SAMPLE_RATE // 2
    last = max(0, samples // beat - 4) // 4 * 4  # the last chord begins a bar and rings for one to two
    time = np.arange(beat) / SAMPLE_RATE
    drum = np.float32(0.3) * np.exp(-time * 18) * np.sin(2 * np.pi * 60 * time)
    for number in range(last):
        start = number * beat
        music[start : start + beat] += drum * (1.5 if number % 4 == 0 else 0.8)
        music[start : start + beat] += chord(CHORDS[number // 4 % 4], beat, 6.0)
    ring = samples - last * beat
    music[last * beat : samples] += chord(CHORDS[0], ring, 2.5) * np.linspace(1, 0, ring)
    played: np.ndarray = music[:samples]
    return played


def chord(semitones: tuple[int, ...], samples: int, decay: float) -> np.ndarray:
    """Return a struck chord, whose level falls by `decay` nepers a second."""
    time = np.arange(samples) / SAMPLE_RATE
    tones = [np.sin(2 * np.pi * 261.63 * 2 ** (step / 12) * time) for step in semitones]
    struck: np.ndarray = 0.12 * np.exp(-time * decay) * np.sum(tones, axis=0)
    return struck.astype(np.float32)


class Band(Provider):
    """The fake provider. `asked` collects the seconds of its requests, `words` their prompts and tempos.

    A model that gives stems has two, whose sum is the music.
    """

    name = "band"

    def __init__(self, asked: list[Fraction], words: list[tuple[str, object]] | None = None) -> None:
        self.asked = asked
        self.words = [] if words is None else words

    async def prepare(self, request: Request) -> Submission:
        assert request.proxy is None
        self.asked.append(request.seconds)
        self.words.append((request.prompt, request.params.get("bpm")))
        data = {"seconds": str(request.seconds), "seed": request.seed, "gives": request.model.gives}
        return Submission.new(self.name, data)

    async def submit(self, submission: Submission) -> JobHandle:
        return JobHandle(self.name, submission.id, submission.data)

    async def poll(self, handle: JobHandle) -> JobProgress:
        return JobProgress("done")

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        music = play(round(Fraction(handle.data["seconds"]) * SAMPLE_RATE))
        low = np.convolve(music, np.full(64, 1 / 64, np.float32))[: len(music)].astype(np.float32)
        sounds = {"low": low, "high": music - low} if handle.data["gives"] == "stems" else {}
        stems = {
            name: click_model.write(sound, SAMPLE_RATE, "wav", folder).rename(folder / f"{name}.wav")
            for name, sound in sounds.items()
        }
        file = click_model.write(music, SAMPLE_RATE, "wav", folder)
        return Output(file, handle.data["seed"], "1", Cost("0.2", "USD", estimated=False), stems)


MODEL = """\
id = "band/music"
title = "Music"
summary = "A fake model."
task = "music"
provider = "band"
endpoint = "music"
needs = ["text"]
gives = "audio"
price = { amount = "0.02", per = "second" }
licence = { name = "CC0" }

[parameters.length]
type = "number"
role = "seconds"
help = "Length."
default = 10
minimum = 1
maximum = 60
"""
