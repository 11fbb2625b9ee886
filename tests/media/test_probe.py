"""Probing: exact rates, starts and ends, from any ffmpeg, without ffprobe."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import pytest
from tracklay.errors import InvalidInput
from tracklay.media.probe import frame_times, key_times, probe_media, probe_video

from tests.clips import FFMPEG, flash_clip

RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(60000, 1001)]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts"])
def test_rate_and_length_are_exact_in_each_container(each_ffmpeg, tmp_path, rate, suffix):
    """Matroska's milliseconds and MPEG-TS's late start change neither the rate nor the number of frames."""
    clip = flash_clip(tmp_path / f"clip.{suffix}", rate, 61, [0])
    media, video = probe_video(clip)
    assert video.rate.fps == rate
    assert video.frames == 61
    assert video.codec == "h264"
    assert media.audio == ()


def test_audio_streams_are_described(tmp_path):
    """Codec, sample rate and layout; no video stream if there is none."""
    sound = tmp_path / "sound.flac"
    subprocess.run(
        [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=d=0.2:r=22050", "-ac", "2", str(sound)], check=True
    )
    media = probe_media(sound)
    assert media.video is None
    assert [(a.codec, a.sample_rate, a.layout) for a in media.audio] == [("flac", 22050, "stereo")]


def test_a_cover_picture_is_not_a_video(tmp_path):
    """Music with a cover has no video stream."""
    cover, music = tmp_path / "cover.png", tmp_path / "music.mp3"
    subprocess.run(
        [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "color=d=0.1:s=32x32", "-frames:v", "1", str(cover)], check=True
    )
    making = [
        "-f",
        "lavfi",
        "-i",
        "sine=d=0.2",
        "-i",
        str(cover),
        "-map",
        "0",
        "-map",
        "1",
        "-disposition:v",
        "attached_pic",
    ]
    subprocess.run([FFMPEG, "-v", "error", *making, str(music)], check=True)
    assert probe_media(music).video is None
    with pytest.raises(InvalidInput, match="has no video"):
        probe_video(music)


def test_the_video_ends_with_its_last_frame(tmp_path):
    """Also if the sound is far longer."""
    silent, clip = flash_clip(tmp_path / "silent.mp4", Fraction(25), 25, [0]), tmp_path / "clip.mp4"
    making = ["-i", str(silent), "-f", "lavfi", "-i", "sine=d=12", "-c:v", "copy", "-c:a", "aac"]
    subprocess.run([FFMPEG, "-v", "error", *making, str(clip)], check=True)
    assert probe_video(clip)[1].frames == 25


def test_frames_that_an_edit_list_hides_are_not_counted(tmp_path):
    """A clip that was cut without encoding begins at its cut; its file has earlier frames, for the decoder only."""
    whole, clip = flash_clip(tmp_path / "whole.mp4", Fraction(25), 100, [0]), tmp_path / "clip.mp4"
    subprocess.run([FFMPEG, "-v", "error", "-ss", "3", "-i", str(whole), "-c", "copy", str(clip)], check=True)
    video = probe_video(clip)[1]
    assert (video.start, video.frames) == (Fraction(0), 25)
    assert frame_times(clip) == tuple(Fraction(n, 25) for n in range(25))


def test_key_frames_are_found_without_decoding(tmp_path):
    """Their times, between two times."""
    options = ("-c:v", "libx264", "-g", "10", "-pix_fmt", "yuv420p", "-x264-params", "scenecut=0")
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 50, [0], *options)
    assert key_times(clip, Fraction(3, 10), Fraction(6, 5)) == (Fraction(2, 5), Fraction(4, 5), Fraction(6, 5))


@pytest.mark.parametrize("name", ["-dash.mp4", 'it\'s a 100% "ünïcode" clip: take 1.mp4', "spaced name.mp4"])
def test_any_file_name_works(tmp_path, monkeypatch, name):
    """Dashes, quotes, percent signs, colons, spaces and Unicode."""
    made = flash_clip(tmp_path / "clip.mp4", Fraction(25), 10, [0])
    made.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert probe_video(tmp_path.__class__(name))[1].frames == 10


def test_other_files_are_refused_in_one_line(tmp_path):
    """A missing file, a folder, an empty file, a text file with the suffix .mp4."""
    empty, text = tmp_path / "empty.mp4", tmp_path / "text.mp4"
    empty.touch()
    text.write_text("hello")
    for path, message in (
        (tmp_path / "none.mp4", "File not found"),
        (tmp_path, "Not a file"),
        (empty, "The file is empty"),
        (text, "Could not read .*: the file is damaged or not a media file"),
    ):
        with pytest.raises(InvalidInput, match=message) as error:
            probe_media(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
