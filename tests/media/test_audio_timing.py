"""The place of sound in its own file: priming by codec, container and ffmpeg, late starts, and what is damaged or too long."""

from __future__ import annotations

import functools
import shutil
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tracklay.errors import ModelFailed
from tracklay.media.bwf import BwfWriter
from tracklay.media.conform import MAX_EXCESS_SECONDS, conform_audio
from tracklay.media.ffmpeg_program import find_ffmpeg

from tests.clips import clicks
from tests.media.test_conform import bwf, conformed, sound_file

RATE = 48_000
CLICKS = (12_000, 30_000, 60_000)
SECONDS = 1.5

ENCODERS = {"mp3": "libmp3lame", "opus": "libopus", "pcm": "pcm_s16le", "latm": "aac"}
PICTURES = {
    "mkv": "libx264",
    "mp4": "libx264",
    "mov": "libx264",
    "ts": "libx264",
    "avi": "mpeg4",
    "flv": "flv",
    "mpg": "mpeg2video",
}

WHOLE_MILLISECONDS = {"mkv", "webm", "flv", "wma", "late mp4"}
"""Containers whose timestamps are rounded so; ffmpeg 5.1 rounds the empty edit of MP4, too."""


def answer(folder: Path, container: str, codec: str, *, picture: bool = False, late: float = 0.0) -> Path:
    """Write clicks with the ffmpeg that is in use, as it times them. `late` seconds of the file come before the sound."""
    sound = np.zeros(round(SECONDS * RATE), np.float32)
    for at in CLICKS:
        sound[at : at + 24] = 0.6
    path = folder / f"answer.{container}"
    command = [find_ffmpeg(), "-v", "error", "-y"]
    if picture:
        command += ["-f", "lavfi", "-i", f"testsrc=s=64x64:r=25:d={SECONDS}"]
    command += ["-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "-"]
    if picture:
        command += ["-map", "0:v", "-map", "1:a", "-c:v", PICTURES[container]]
    command += ["-af", f"asetpts=PTS+{late}/TB"] if late else []
    command += ["-mpegts_flags", "latm"] if codec == "latm" else []
    command += ["-c:a", ENCODERS.get(codec, codec), "-b:a", "256k", "-strict", "-2", str(path)]
    subprocess.run(command, input=sound.tobytes(), check=True)
    return path


CASES = [
    *(("ts", codec, False, 0.0) for codec in ("aac", "latm", "mp3", "ac3", "mp2", "opus")),
    *(("ts", codec, True, 0.0) for codec in ("aac", "opus")),
    *(("mkv", codec, False, 0.0) for codec in ("aac", "mp3", "ac3", "eac3", "wmav2", "opus")),
    *(("mkv", codec, True, 0.0) for codec in ("ac3", "opus")),
    ("mp4", "aac", True, 0.0),
    ("mp4", "ac3", False, 0.0),
    ("avi", "mp3", True, 0.0),
    ("caf", "ac3", False, 0.0),
    ("wma", "wmav2", False, 0.0),
    ("aac", "aac", False, 0.0),
    ("mp4", "aac", True, 0.25),
    ("mov", "pcm", False, 5.0),
    ("mkv", "aac", False, 0.25),
    ("mkv", "flac", True, 5.0),
    ("ts", "aac", True, 0.25),
    *(("ts", codec, False, 0.25) for codec in ("aac", "mp2", "opus")),
    *(
        (container, "dts", picture, 0.25)
        for container, picture in (("ts", False), ("ts", True), ("mpg", True), ("mkv", False))
    ),
]


@pytest.mark.parametrize(("container", "codec", "picture", "late"), CASES)
def test_sound_is_where_its_file_says(each_ffmpeg, tmp_path, container, codec, picture, late):
    """Whatever removes the priming, and however late the sound begins."""
    made = answer(tmp_path, container, codec, picture=picture, late=late)
    total = round((SECONDS + late) * RATE)
    sound, result = conformed(made, tmp_path / "take.wav", total)
    off = [a - b - round(late * RATE) for a, b in zip(clicks(sound), CLICKS, strict=True)]
    # A lossy click peaks within its 24 samples.
    tolerance = 48 if container in WHOLE_MILLISECONDS or (late and container in ("mp4", "mov")) else 0
    assert max(off) - min(off) <= 24
    assert -tolerance - 2 <= min(off) <= max(off) <= 24 + tolerance, (off, result)
    assert result.damage == ""
    assert (result.start_seconds > 0.2) is (late > 0)


SPEECH_CASES = [
    ("spx", "libspeex", 16_000, False),
    ("wav", "g722", 16_000, False),
    ("wma", "wmav1", 32_000, False),
    ("mkv", "wmav2", 16_000, True),
    ("webm", "libopus", 16_000, True),
    ("webm", "libvorbis", 44_100, False),
]
"""A codec each whose priming depends on its rate, its container or the ffmpeg that wrote it."""


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Return a function that gives a case's file with clicks, written once, and the samples of its clicks."""

    @functools.cache
    def write(container, encoder, rate, picture):
        at = [rate // 4, rate * 5 // 8, rate * 5 // 4]
        sound = np.zeros(rate * 3 // 2, np.float32)
        for first in at:
            sound[first : first + rate // 2000] = 0.6
        path = tmp_path_factory.mktemp("speech") / f"answer.{container}"
        command = ["ffmpeg", "-v", "error", "-y"]
        if picture:
            command += ["-f", "lavfi", "-i", "testsrc=s=64x64:r=25:d=1.5"]
        command += ["-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "-"]
        if picture:
            command += ["-map", "0:v", "-map", "1:a", "-c:v", "libvpx" if container == "webm" else "mpeg4"]
        subprocess.run([*command, "-c:a", encoder, "-strict", "-2", path], input=sound.tobytes(), check=True)
        return path, at

    return write


@pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="the second ffmpeg writes Speex, and Matroska in another way"
)
@pytest.mark.parametrize(("container", "encoder", "rate", "picture"), SPEECH_CASES)
def test_sound_of_any_rate_is_where_its_file_says(each_ffmpeg, speech, tmp_path, container, encoder, rate, picture):
    """Files of one ffmpeg, read by each: the priming depends on the rate, and on both versions."""
    path, at = speech(container, encoder, rate, picture)
    found, _ = conformed(path, tmp_path / "take.wav", round(1.5 * RATE))
    off = [a - b * RATE / rate for a, b in zip(clicks(found), at, strict=True)]
    # A click of half a millisecond peaks within its 24 samples.
    assert -3 <= min(off) <= max(off) <= 26


@pytest.mark.parametrize("codec", ["ac3", "eac3", "opus"])
def test_a_codecs_header_in_flash_video_is_no_sound(tmp_path, codec):
    """Newer writers of FLV put a packet without data before the sound, with a time of its own. Only newer ones write these codecs."""
    for late in (0.0, 0.25):
        made = answer(tmp_path, "flv", codec, late=late)
        sound, _ = conformed(made, tmp_path / "take.wav", round((SECONDS + late) * RATE))
        off = [a - b - round(late * RATE) for a, b in zip(clicks(sound), CLICKS, strict=True)]
        assert -2 <= min(off) <= max(off) <= 24 + 48, off


def test_the_clock_of_a_transport_stream_of_another_writer_says_nothing(tmp_path):
    """It may begin anywhere. Without a picture the sound begins at its own first sample."""
    made = answer(tmp_path, "ts", "aac", late=0.25)
    other = made.with_name("other.ts")
    command = [
        find_ffmpeg(),
        "-v",
        "error",
        "-i",
        str(made),
        "-c",
        "copy",
        "-metadata",
        "service_provider=Other",
        str(other),
    ]
    subprocess.run(command, check=True)
    sound, result = conformed(other, tmp_path / "take.wav", round(SECONDS * RATE))
    assert [a - b for a, b in zip(clicks(sound), CLICKS, strict=True)] == pytest.approx([0, 0, 0], abs=24)
    assert result.start_seconds == 0


def test_a_start_beyond_the_span_is_no_start(tmp_path):
    """A part of a stream keeps the stream's clock: its sound begins at its own first sample."""
    made = answer(tmp_path, "mkv", "flac", late=3600.0)
    sound, result = conformed(made, tmp_path / "take.wav", round(SECONDS * RATE))
    assert clicks(sound) == list(CLICKS)
    assert result.start_seconds == 0


def test_a_peak_behind_the_span_does_not_turn_the_take_down(tmp_path):
    """What is cut is not heard."""
    tone = 0.5 * np.sin(np.arange(2 * RATE) / 20)[:, None]
    tone[RATE + 1000 : RATE + 1100] = 8.0
    sound, result = conformed(sound_file(tmp_path / "a.wav", tone, RATE, "-c:a", "pcm_f32le"), tmp_path / "t.wav", RATE)
    assert result.gain_db == 0
    assert abs(float(np.abs(sound).max()) - 0.5) < 0.01


def test_hours_of_sound_are_not_decoded(tmp_path):
    """A minute past the span is enough to say how much is cut."""
    path = tmp_path / "long.wav"
    command = [
        find_ffmpeg(),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "anoisesrc=r=8000:d=600:a=0.1",
        "-c:a",
        "pcm_u8",
        str(path),
    ]
    subprocess.run(command, check=True)
    result = conform_audio(path, RATE, tmp_path / "take.wav", bwf)
    assert result.source_samples < (MAX_EXCESS_SECONDS + 3) * RATE
    assert "more than 6" in result.notes[0]


def damaged(folder: Path, how: str) -> Path:
    """Write a tone that is damaged in one of several ways."""
    tone = 0.3 * np.sin(np.arange(3 * RATE) / 20)[:, None]
    suffix, *options = {"flac": ("flac",), "mp4": ("mp4", "-c:a", "aac", "-movflags", "+faststart")}.get(how, ("wav",))
    path = sound_file(folder / f"output.{suffix}", tone, RATE, *options)
    data = bytearray(path.read_bytes())
    match how:
        case "wav cut":
            del data[len(data) // 2 :]
        case "flac":
            for at in range(len(data) // 3, len(data), 4000):
                data[at : at + 40] = bytes(40)
        case "mp4":
            del data[len(data) * 2 // 3 :]
        case "html":
            data[:] = b"<html><body>Not found</body></html>"
        case "nothing":
            data[:] = b"\x00" * 4000
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("how", ["wav cut", "flac", "mp4"])
def test_damage_is_an_error_first_and_then_a_note(each_ffmpeg, tmp_path, how):
    """The file is downloaded again; if that is damaged, too, what can be decoded is kept, and the take says so."""
    path = damaged(tmp_path, how)
    with pytest.raises(ModelFailed, match=r"is damaged: .+") as caught:
        conform_audio(path, 3 * RATE, tmp_path / "take.wav", bwf, accept_damaged=False)
    assert caught.value.code == "output.damaged"
    result = conform_audio(path, 3 * RATE, tmp_path / "take.wav", bwf)
    assert any(note.startswith("the model's file is damaged") for note in result.notes)


@pytest.mark.parametrize("how", ["html", "nothing"])
def test_what_is_no_sound_at_all_is_a_failure_of_the_model(each_ffmpeg, tmp_path, how):
    """Not of the user's input."""
    path = damaged(tmp_path, how)
    for accept in (False, True):
        with pytest.raises(ModelFailed):
            conform_audio(path, RATE, tmp_path / "take.wav", bwf, accept_damaged=accept)


@pytest.mark.parametrize("history", ["", "a", "ab"])
def test_the_header_has_an_even_length(tmp_path, history):
    """A program that forgets RIFF's padding byte destroys nothing."""
    with (tmp_path / "x.wav").open("wb") as file:
        BwfWriter(
            file,
            1,
            RATE,
            description="",
            originator_reference="",
            created_at=datetime.now(UTC),
            time_reference=0,
            coding_history=history,
        ).close()
    data = (tmp_path / "x.wav").read_bytes()
    (size,) = struct.unpack("<I", data[16:20])
    assert size % 2 == 0
    assert data[20 : 20 + size].endswith(b"\r\n")
