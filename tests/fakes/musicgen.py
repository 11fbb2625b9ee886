"""A fake of MusicGen that plays one endless piece: from its beginning, or on from where a given sound ends.

Whether the real one returns the given sound too is not documented, so this one does either.
"""

from __future__ import annotations

import io
import wave

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]

RATE = 48_000
GAINS = (0.8, 0.5, 0.9, 0.6)
"""Levels of its sounds, by the second they go on from: each is normalized by itself. A sound without the given one keeps its level."""

COMPARED = RATE // 4
"""Samples of the given sound's end by which it is found in the piece."""


def make_piece(seconds: float) -> Sound:
    """Return music at 120, mono: a kick on each bar, ticks on beats, and struck notes that do not repeat."""
    rng = np.random.default_rng(4)
    length, beat = round(seconds * RATE), RATE // 2
    piece = rng.standard_normal(length + 2 * beat) * 0.002
    time = np.arange(beat) / RATE
    for number, at in enumerate(range(0, length, beat)):
        bar = number // 4
        hertz = (60, 1800, 1200, 1800)[number % 4]
        piece[at : at + beat] += (
            (0.3 if number % 4 == 0 else 0.1) * np.sin(2 * np.pi * hertz * time) * np.exp(-time * 20)
        )
        for half in (0, beat // 2):
            pitch = 110 * 2 ** (((0, 5, 7, 3)[bar % 4] + int(rng.choice([0, 4, 7, 12]))) / 12)
            piece[at + half : at + half + beat] += 0.12 * np.sin(2 * np.pi * pitch * time) * np.exp(-time * 7)
    return piece[:length].astype(np.float32)


class MusicGen:
    """The model. `ends` collects the sample of the piece from which each request's sound is new."""

    def __init__(self, seconds: float = 30, *, returns_tail: bool = True) -> None:
        self.piece, self.returns_tail = make_piece(seconds), returns_tail
        self.ends: list[int] = []

    def make(self, given: bytes | None, seconds: float) -> bytes:
        """Return the sound of a request as a WAV: `seconds` of it, the given sound counted if it is returned too."""
        count, start, tail = round(seconds * RATE), 0, 0
        if given is not None:
            sound = read_wav(given)
            start, tail = self.find(sound[-COMPARED:]), len(sound) if self.returns_tail else 0
        self.ends.append(start)
        gain = GAINS[start // RATE % len(GAINS)] if self.returns_tail else 1.0
        return write_wav(self.piece[start - tail : start - tail + count] * np.float32(gain))

    def find(self, end: Sound) -> int:
        """Return where in the piece a sound ends."""
        size = 1 << len(self.piece).bit_length()
        correlation = np.fft.irfft(np.fft.rfft(self.piece, size) * np.conj(np.fft.rfft(end, size)), size)
        energy = np.concatenate([[0.0], np.cumsum(self.piece.astype(np.float64) ** 2)])
        count = len(self.piece) - len(end)
        likeness = correlation[:count] / np.sqrt(energy[len(end) : len(end) + count] - energy[:count] + 1e-9)
        return int(np.argmax(likeness)) + len(end)


def read_wav(data: bytes) -> Sound:
    """Return a 24-bit WAV's first channel."""
    with wave.open(io.BytesIO(data)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, file.getnchannels(), 3)
    whole = (
        raw[:, 0, 0].astype(np.int32)
        | raw[:, 0, 1].astype(np.int32) << 8
        | raw[:, 0, 2].astype(np.int8).astype(np.int32) << 16
    )
    sound: Sound = (whole / (1 << 23)).astype(np.float32)
    return sound


def write_wav(sound: Sound) -> bytes:
    """Return a sound as a 16-bit WAV of two channels."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.repeat(np.rint(sound * 32767).astype("<i2"), 2).tobytes())
    return buffer.getvalue()
