"""Measures Blender's mixdown of a timeline."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy

from tests.clips import clicks, hear

SAMPLE_RATE = 48_000


def mixed_clicks(scene: Any, folder: Path, last_frame: int, first_frame: int = 1) -> list[int]:
    """Return the samples of the clicks in a mixdown of the frames."""
    scene.frame_start, scene.frame_end = first_frame, last_frame
    scene.render.ffmpeg.audio_mixrate = SAMPLE_RATE
    path = folder / "mix.wav"
    bpy.ops.sound.mixdown(filepath=str(path), container="WAV", codec="PCM", format="S24")
    return clicks(hear(path, rate=SAMPLE_RATE))


def sample(frame: int, rate: Fraction, first_frame: int = 1) -> int:
    """Return the sample at which a timeline frame begins in a mixdown from `first_frame` on."""
    return round((frame - first_frame) / rate * SAMPLE_RATE)


def worst(found: list[int], expected: list[int]) -> int:
    """Return the largest distance in samples between found and expected clicks, which must be equally many."""
    assert len(found) == len(expected), (found, expected)
    return max(abs(a - b) for a, b in zip(found, expected, strict=True))
