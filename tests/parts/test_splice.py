"""A stretch in a copy of a take: joined without a step, and the take to the bit everywhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tracklay.errors import MediaError
from tracklay.media.bwf import BwfWriter
from tracklay.media.wav_reader import WavReader
from tracklay.parts.splice import splice_stretch

RATE = 48_000


def noise(seed: int, seconds: float, level: float = 0.1, channels: int = 2) -> np.ndarray:
    """Return noise."""
    return (np.random.default_rng(seed).standard_normal((round(seconds * RATE), channels)) * level).astype(np.float32)


def write_channels(path: Path, sound: np.ndarray) -> None:
    """Write a 24-bit WAV of as many channels as the sound has."""
    with path.open("wb") as file:
        writer = BwfWriter(
            file,
            sound.shape[1],
            RATE,
            description="",
            originator_reference="",
            created_at=datetime.now(UTC),
            time_reference=0,
            coding_history="",
        )
        writer.write(sound)
        writer.close()


def spliced(
    tmp_path, take: np.ndarray, stretch: np.ndarray, start: int
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return the take as it was stored, the splice, and what was reported."""
    write_channels(tmp_path / "take.wav", take)
    write_channels(tmp_path / "stretch.wav", stretch)
    names = {name: str(tmp_path / f"{name}.wav") for name in ("take", "stretch", "to")}
    report = splice_stretch(**names, start=start, samples=len(take))
    sounds = []
    for name in ("take", "to"):
        with WavReader(tmp_path / f"{name}.wav") as wav:
            sounds.append(wav.read(0, wav.format.samples))
    return sounds[0], sounds[1], report


def test_everything_else_and_the_power_are_kept(tmp_path):
    """Outside the samples are the same to the bit; in the crossfades of two noises the power stays within 1.5 dB."""
    take, joined, report = spliced(tmp_path, noise(1, 4), noise(2, 2), RATE)
    first, end = report["samples"]
    assert RATE <= first < end <= 3 * RATE
    assert np.array_equal(joined[:first], take[:first])
    assert np.array_equal(joined[end:], take[end:])
    assert not np.allclose(joined[RATE * 2], take[RATE * 2])
    for seam in report["seams"]:
        faded = joined[seam["position"] : seam["position"] + seam["length"]]
        assert abs(10 * np.log10(np.mean(faded**2) / 0.01)) < 1.5


def test_ends_of_the_take_have_no_seam(tmp_path):
    """A stretch that is the whole take replaces all of it."""
    _, joined, report = spliced(tmp_path, noise(1, 1), noise(2, 1), 0)
    assert report["samples"] == [0, RATE]
    assert report["seams"] == []
    assert len(joined) == RATE


def test_mono_and_stereo(tmp_path):
    """A mono take with a stereo stretch becomes stereo."""
    _, joined, report = spliced(tmp_path, noise(1, 3, channels=1), noise(2, 1), RATE)
    assert joined.shape == (3 * RATE, 2)
    assert report["channels"] == 2


def test_another_take(tmp_path):
    """A take of another length than the one that the stretch was made for is refused."""
    write_channels(tmp_path / "take.wav", noise(1, 1))
    write_channels(tmp_path / "stretch.wav", noise(1, 0.5))
    names = {name: str(tmp_path / f"{name}.wav") for name in ("take", "stretch", "to")}
    with pytest.raises(MediaError, match="samples instead of"):
        splice_stretch(**names, start=0, samples=RATE - 1)
