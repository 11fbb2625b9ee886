"""Fits of WAV files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from tracklay.media.wav_reader import WavReader
from tracklay.music_fit.fit_file import fit_wav
from tracklay.sketch.engine import _write_files

from tests.music_analysis.made_music import RATE, make_song


def test_a_file_is_fitted_again_from_the_same_music(tmp_path: Path) -> None:
    """The fitted file has exactly the span's samples; another fit of the same music later is the same, and the music is untouched."""
    song = make_song(120, "AB")
    music = tmp_path / "music.wav"
    _write_files({"master": music}, iter([{"master": song.samples}]))
    before = hashlib.sha256(music.read_bytes()).digest()
    spans: tuple[tuple[int, list[int]], ...] = (
        (25 * RATE + 7, [9 * RATE]),
        (11 * RATE, []),
        (25 * RATE + 7, [9 * RATE]),
    )
    results = []
    for index, (span, hits) in enumerate(spans):
        to = tmp_path / f"fit{index}.wav"
        result = fit_wav(music=str(music), to=str(to), span=span, hits=hits)
        assert result["samples"] == span
        assert json.loads(json.dumps(result)) == result
        assert [hit["at"] for hit in result["fit"]["hits"]] == hits
        assert sum(segment["samples"] for segment in result["fit"]["segments"]) <= span
        with WavReader(to) as wav:
            assert (wav.format.samples, wav.format.channels, wav.format.sample_rate) == (span, 2, RATE)
            results.append(wav.read(0, span))
    np.testing.assert_array_equal(results[0], results[2])
    assert hashlib.sha256(music.read_bytes()).digest() == before
