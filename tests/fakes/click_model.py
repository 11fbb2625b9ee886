"""A fake model that clicks at each flash of the video, and returns the containers that real models use.

It decodes the proxy with PyAV, as MMAudio does, and so shares no code with the product.
"""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from tracklay.cue import Cost
from tracklay.providers.base import JobHandle, JobProgress, Output, Provider, Request, Submission

CLICK = 0.9


def flashes(path: Path) -> list[Fraction]:
    """Return the times of the white frames in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = []
        for frame in container.decode(stream):
            assert frame.pts is not None
            assert frame.time_base is not None
            if frame.to_ndarray(format="gray").mean() > 128:
                times.append(frame.pts * frame.time_base)
    return times


def click_track(times: list[Fraction], seconds: Fraction, rate: int) -> np.ndarray:
    """Return a track with one sample of full level at each time."""
    track = np.zeros(round(seconds * rate), np.float32)
    for time in times:
        track[min(len(track) - 1, round(time * rate))] = CLICK
    return track


def write(track: np.ndarray, rate: int, kind: str, folder: Path) -> Path:
    """Write the track as `wav`, `flac`, `mp3`, or `mp4` with a picture as MMAudio writes it, and return the file."""
    path = folder / f"output.{kind}"
    if kind == "wav":
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(np.repeat((track * 32767).astype("<i2"), 2).tobytes())
        return path
    codec = {"flac": "flac", "mp3": "mp3", "mp4": "aac"}[kind]
    with av.open(str(path), "w") as container:
        if kind == "mp4":
            picture = container.add_stream("libx264", rate=25)
            picture.width = picture.height = 64
            picture.pix_fmt = "yuv420p"
        sound = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(sound, av.AudioStream)
        if kind == "mp4":
            for _ in range(round(len(track) / rate * 25)):
                frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                container.mux(picture.encode(frame))
            container.mux(picture.encode())
        samples = (track * 32767).astype(np.int16)[None] if kind == "flac" else track[None]
        audio = av.AudioFrame.from_ndarray(samples, format="s16" if kind == "flac" else "fltp", layout="mono")
        audio.sample_rate = rate
        container.mux(sound.encode(audio))
        container.mux(sound.encode(None))
    return path


class Clicker(Provider):
    """The fake provider. `kind` and `rate` are those of its files; they are `seconds_more` longer than requested."""

    name = "clicker"

    def __init__(self, kind: str = "wav", rate: int = 44_100, seconds_more: Fraction = Fraction(0)) -> None:
        self.kind, self.rate, self.seconds_more = kind, rate, seconds_more

    async def prepare(self, request: Request) -> Submission:
        assert request.proxy is not None
        return Submission.new(
            self.name, {"proxy": str(request.proxy.path), "seconds": str(request.seconds), "seed": request.seed}
        )

    async def submit(self, submission: Submission) -> JobHandle:
        # A provider has the picture itself, also when the proxy on this disk is gone.
        seen = [str(time) for time in flashes(Path(submission.data["proxy"]))] if "proxy" in submission.data else []
        return JobHandle(self.name, submission.id, {**submission.data, "flashes": seen})

    async def poll(self, handle: JobHandle) -> JobProgress:
        return JobProgress("done")

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        length = Fraction(handle.data["seconds"]) + self.seconds_more
        track = click_track([Fraction(time) for time in handle.data["flashes"]], length, self.rate)
        file = write(track, self.rate, self.kind, folder)
        return Output(file, handle.data["seed"], "1", Cost("0", "USD", estimated=False))


MODEL = """\
id = "clicker/clicks"
title = "Clicks at flashes"
summary = "A fake model."
task = "foley"
provider = "clicker"
endpoint = "clicks"
needs = ["video"]
gives = "audio"
price = { amount = "0" }
licence = { name = "CC0" }
"""
