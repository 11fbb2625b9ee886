"""Splices the WAV file of a stretch into that of a take, and finds the stretch of a take's file that is worth replacing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MediaError
from ..media.wav_reader import WavReader
from .stretches import find_worst_stretch, place_splices, replace_stretch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt


def splice_files(
    take: Path, stretch: Path, start: int, samples: int, crossfade: int
) -> tuple[npt.NDArray[np.float32], int, int]:
    """Return a take with a stretch replaced, [samples, channels], and the first sample that was replaced and the one after the last.

    The ends are put where both sounds are quiet, inside the stretch.

    Args:
        take: WAV of the take.
        stretch: WAV of the other sound.
        start: its first sample in the take.
        samples: length that the take must have.
        crossfade: length of the crossfades in samples.

    Raises:
        MediaError: a file cannot be read, or the take has another length.
    """
    with WavReader(take) as wav:
        old = wav.read(0, wav.format.samples)
        rate = wav.format.sample_rate
    with WavReader(stretch) as wav:
        new = wav.read(0, wav.format.samples)
    if len(old) != samples or start + len(new) > samples:
        raise MediaError(
            "splice.other_take",
            "{take} has {found} samples instead of {wanted}.",
            take=take,
            found=len(old),
            wanted=samples,
        )
    channels = max(old.shape[1], new.shape[1])
    # A mono take with a stereo stretch becomes stereo: both keep their sound.
    old, new = (np.repeat(part, channels, axis=1) if part.shape[1] == 1 else part for part in (old, new))
    if old.shape[1] != new.shape[1]:
        new = np.repeat(new.mean(axis=1, keepdims=True), old.shape[1], axis=1)
    first, end = place_splices(old, new, start, rate, crossfade)
    return replace_stretch(old, new[first - start : end - start], first, end, crossfade), first, end


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
