"""Clips whose frames show their numbers as black and white blocks, which are read back from proxies and renders."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.clips import encode

BLOCK = 8
BITS = 10
SIZE = (2 * BLOCK * BITS, 96)


def drawn(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return the luma of one numbered frame, shape (height, width)."""
    frame = np.full((size[1], size[0]), 90, np.uint8)
    for bit in range(BITS):
        frame[: 2 * BLOCK, bit * 2 * BLOCK : (bit + 1) * 2 * BLOCK] = 235 if number >> bit & 1 else 16
    return frame


def numbered(path: Path, rate: Fraction, count: int, *options: str, size: tuple[int, int] = SIZE) -> Path:
    """Write a clip of `count` numbered frames."""
    return encode(path, (drawn(number, size) for number in range(count)), size, rate, *options)


def numbers(path: Path) -> list[int]:
    """Return the numbers on a file's frames, as PyAV decodes them."""
    import av  # Blender's own Python has none, and only writes clips

    with av.open(str(path)) as container:
        return [read(frame.to_ndarray(format="gray")) for frame in container.decode(container.streams.video[0])]


def read(frame: np.ndarray) -> int:
    """Return the number on a frame of any size."""
    step = frame.shape[1] / SIZE[0] * 2 * BLOCK
    return sum(1 << bit for bit in range(BITS) if frame[int(step / 2), int((bit + 0.5) * step)] > 128)


def expected(at: Fraction, rate: Fraction) -> int:
    """Return the number on screen at `at` seconds: the nearest, halves up."""
    return math.floor(at * rate + Fraction(1, 2))
