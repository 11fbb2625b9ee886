"""WAV files: silence that takes no space, and the chunks of a file."""

from __future__ import annotations

import io
import wave

import pytest
from tracklay.errors import MediaError
from tracklay.media import bwf


def test_silence_is_a_wav_of_exact_length(tmp_path):
    """Python's own reader takes it; all its samples are 0."""
    path = tmp_path / "silence.wav"
    with path.open("wb") as file:
        bwf.write_silence(file, 12_345, 8_000)
    with wave.open(str(path)) as silence:
        assert (silence.getnchannels(), silence.getsampwidth(), silence.getframerate()) == (1, 3, 8_000)
        assert silence.getnframes() == 12_345
        assert not any(silence.readframes(12_345))
    assert path.stat().st_blocks * 512 < 12_345 * 3


def test_chunks_are_found_by_name():
    """Offset and size of the content; chunks of odd size are padded, and of equal names the first counts."""
    data = b"RIFF\0\0\0\0WAVE" + b"abc \3\0\0\0xyz\0" + b"data\2\0\0\0hi" + b"abc \0\0\0\0"
    chunks = bwf.find_chunks(io.BytesIO(data), "a.wav")
    assert chunks == {"abc ": (20, 3), "data": (32, 2)}


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFX\0\0\0\0WAVE", b"RIFF\0\0\0\0AVI "])
def test_other_files_are_refused(data):
    """The message names the file."""
    with pytest.raises(MediaError, match=r"Not a WAV file: a\.wav\."):
        bwf.find_chunks(io.BytesIO(data), "a.wav")
