"""A picture with takes under it: its own sound is kept, whatever ffmpeg thinks of its codec in the container."""

from __future__ import annotations

import subprocess
from fractions import Fraction

from tracklay.media.film.mux import mux_takes
from tracklay.media.probe import probe_video

from tests.clips import FFMPEG


def test_flac_is_copied_into_mp4(each_ffmpeg, tmp_path):
    """ffmpeg 5.1 calls it experimental, and players read it."""
    source, take, to = tmp_path / "a.mkv", tmp_path / "take.wav", tmp_path / "out.mp4"
    made = [
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=64x64:r=25:d=1",
        "-f",
        "lavfi",
        "-i",
        "sine=d=1",
        "-c:v",
        "libx264",
        "-c:a",
        "flac",
    ]
    subprocess.run([FFMPEG, "-v", "error", *made, str(source)], check=True)
    subprocess.run([FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=d=1:r=48000", str(take)], check=True)
    media, video = probe_video(source)
    mux_takes(media, video, [(take, Fraction(0))], to)
    assert [audio.codec for audio in probe_video(to)[0].audio] == ["aac", "flac"]
