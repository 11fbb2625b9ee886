"""The WAV reader: what is read and written again is the same to the bit; damaged files are errors."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from tracklay.errors import MediaError
from tracklay.media.bwf import BwfWriter
from tracklay.media.wav_reader import WavReader


def write(path, blocks, channels=2):
    """Write a take's WAV."""
    with path.open("wb") as file:
        writer = BwfWriter(
            file,
            channels,
            48_000,
            description="",
            originator_reference="",
            created_at=datetime.now(UTC),
            time_reference=0,
            coding_history="",
        )
        for block in blocks:
            writer.write(block)
        writer.close()


@pytest.mark.parametrize("channels", [1, 2])
def test_reading_and_writing_again_gives_the_same_bytes(tmp_path, channels):
    """All 24 bits survive, at full scale and at the smallest level."""
    rng = np.random.default_rng(1)
    sound = rng.uniform(-1, 1, (5000, channels)).astype(np.float32)
    sound[:4, 0] = 1, -1, 2**-23, -(2**-23)
    write(tmp_path / "a.wav", [sound], channels)
    with WavReader(tmp_path / "a.wav") as wav:
        assert (wav.format.samples, wav.format.channels, wav.format.sample_rate, wav.format.bits) == (
            5000,
            channels,
            48_000,
            24,
        )
        parts = [wav.read(start, min(start + 777, 5000)) for start in range(0, 5000, 777)]
        assert wav.read(10, 10).shape == (0, channels)
    write(tmp_path / "b.wav", parts, channels)
    assert (tmp_path / "a.wav").read_bytes()[-15000 * channels :] == (tmp_path / "b.wav").read_bytes()[
        -15000 * channels :
    ]


def test_damaged_files_are_errors(tmp_path):
    """A missing file, one of another kind, and one that is cut off have their own errors."""
    with pytest.raises(MediaError, match="Cannot read gone"):
        WavReader(tmp_path / "gone.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(MediaError, match="Not a WAV"):
        WavReader(tmp_path / "text.wav")
    write(tmp_path / "cut.wav", [np.zeros((100, 2), np.float32)])
    whole = (tmp_path / "cut.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[:-60])
    with WavReader(tmp_path / "cut.wav") as wav, pytest.raises(MediaError, match="truncated"):
        wav.read(0, 100)
