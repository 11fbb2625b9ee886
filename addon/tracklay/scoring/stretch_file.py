"""Finds the stretch of a take's file that is worth replacing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..media.wav_reader import WavReader
from .stretches import find_worst_stretch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def find_worst_stretch_of_file(
    take: Path, score: Mapping[str, Any], min_seconds: float, max_seconds: float | None
) -> tuple[int, int] | None:
    """Return the stretch of a take's file that is worth replacing, in samples, by its score in the manifest; None if none is.

    Raises:
        MediaError: the file cannot be read.
    """
    with WavReader(take) as wav:
        samples = wav.read(0, wav.format.samples)
        return find_worst_stretch(samples, wav.format.sample_rate, score, min_seconds, max_seconds)
