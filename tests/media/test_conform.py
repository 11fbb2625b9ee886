"""Conforming: any sound becomes exactly the span's samples at 48 kHz, not shifted, without clicks and without clipping."""

from __future__ import annotations

import struct
import subprocess
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tracklay.cue import SAMPLE_RATE
from tracklay.errors import ModelFailed
from tracklay.media.bwf import BwfWriter
from tracklay.media.conform import conform_audio
from tracklay.media.wav_reader import WavReader

from tests.clips import FFMPEG, clicks, hear
from tests.fakes.click_model import click_track, write

CLICKS = [Fraction(0), Fraction(1, 3), Fraction(1001, 1500), Fraction(5, 4)]
SECONDS = Fraction(3, 2)


def bwf(file, channels):
    """Return a writer with a simple bext."""
    created_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return BwfWriter(
        file,
        channels,
        SAMPLE_RATE,
        description="what",
        originator_reference="ref",
        created_at=created_at,
        time_reference=1234,
        coding_history='{"k": 1}',
    )


def conformed(output: Path, to: Path, samples: int = round(SECONDS * SAMPLE_RATE)):
    """Return the take's samples, and the result of conforming."""
    result = conform_audio(output, samples, to, bwf)
    return hear(to), result


def sound_file(path: Path, sound: np.ndarray, rate: int, *options: str) -> Path:
    """Write (samples, channels) floats with ffmpeg."""
    command = [
        FFMPEG,
        "-v",
        "error",
        "-y",
        "-f",
        "f32le",
        "-ar",
        str(rate),
        "-ac",
        str(sound.shape[1]),
        "-i",
        "-",
        *options,
        str(path),
    ]
    subprocess.run(command, input=sound.astype("<f4").tobytes(), check=True)
    return path


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "mp4"])
def test_every_click_stays_within_a_sample(each_ffmpeg, tmp_path, kind, rate):
    """WAV, FLAC, MP3, and AAC in MP4 as MMAudio's own writer makes it: neither priming nor resampling shifts the sound."""
    made = write(click_track(CLICKS, SECONDS, rate), rate, kind, tmp_path)
    sound, result = conformed(made, tmp_path / "take.wav")
    assert len(sound) == result.samples == round(SECONDS * SAMPLE_RATE)
    # A click is on a sample of the model's own rate.
    expected = [round(time * rate) / rate * SAMPLE_RATE for time in CLICKS]
    found = clicks(sound)
    assert len(found) == len(expected)
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("m4a", ("-c:a", "aac")),
        ("aac", ("-c:a", "aac")),
        ("ogg", ("-c:a", "libopus", "-b:a", "192k")),
        ("webm", ("-c:a", "libopus", "-b:a", "192k")),
        ("mp3", ("-write_xing", "0")),
        ("mp3", ("-b:a", "128k")),
        ("ogg", ("-c:a", "libvorbis")),
        ("mkv", ("-c:a", "aac")),
        ("wav", ("-c:a", "pcm_u8")),
        ("wav", ("-c:a", "pcm_f32le")),
        ("aiff", ()),
    ],
)
def test_priming_is_removed_in_every_container(each_ffmpeg, tmp_path, suffix, options):
    """With and without edit lists, gapless tags and pre-skips."""
    rate = 48_000
    track = np.repeat(click_track(CLICKS[1:], SECONDS, rate)[:, None], 2, axis=1)
    sound, _ = conformed(sound_file(tmp_path / f"output.{suffix}", track, rate, *options), tmp_path / "take.wav")
    found = clicks(sound, threshold=0.5)
    assert max(abs(a - round(b * rate)) for a, b in zip(found, CLICKS[1:], strict=True)) <= 1


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000])
def test_each_sample_rate_becomes_48_khz_in_place(tmp_path, rate):
    """The middle and the level of a burst stay the same."""
    time = np.arange(round(SECONDS * rate)) / rate
    burst = np.exp(-(((time - 0.75) / 0.01) ** 2)) * np.sin(2 * np.pi * 1000 * time)
    sound, result = conformed(
        sound_file(tmp_path / "output.wav", burst[:, None], rate, "-c:a", "pcm_f32le"), tmp_path / "take.wav"
    )
    reference = np.arange(len(sound)) / SAMPLE_RATE
    wanted = np.exp(-(((reference - 0.75) / 0.01) ** 2)) * np.sin(2 * np.pi * 1000 * reference)
    assert abs(result.source_samples - len(wanted)) <= SAMPLE_RATE / rate  # the source has whole samples only
    assert np.abs(sound[:, 0] - wanted).max() < 0.01


@pytest.mark.parametrize(("layout", "channels", "kept"), [("mono", 1, 1), ("stereo", 2, 2), ("5.1", 6, 2)])
def test_mono_stays_mono_and_wider_becomes_stereo(tmp_path, layout, channels, kept):
    """5.1 is downmixed; mono is not doubled."""
    sound = np.full((4800, channels), 0.1) * np.sin(np.arange(4800) / 20)[:, None]
    made = sound_file(tmp_path / "output.flac", sound, 48_000, "-channel_layout", layout)
    taken, result = conformed(made, tmp_path / "take.wav", 4800)
    assert result.channels == kept == taken.shape[1]


def test_a_short_sound_is_padded_with_silence_and_a_note(tmp_path):
    """The padding is silent, and the sound's own end does not click."""
    tone = 0.5 * np.sin(2 * np.pi * 100.3 * np.arange(24_000) / 48_000)[:, None]
    sound, result = conformed(sound_file(tmp_path / "output.wav", tone, 48_000), tmp_path / "take.wav", 48_000)
    assert len(sound) == 48_000
    assert not np.any(sound[24_000:])
    assert result.source_samples == 24_000
    assert "0.500 s of silence" in result.notes[0]
    assert _largest_step(sound) < 0.02


def test_a_silent_sound_has_a_note(tmp_path):
    """Digital silence and noise of the last bit are noted; a faint room tone at -60 dBFS is sound."""
    rng = np.random.default_rng(0)
    for level, expected in ((0.0, True), (3e-5, True), (3e-3, False)):
        noise = level * rng.uniform(-1, 1, (24_000, 1))
        _, result = conformed(sound_file(tmp_path / "output.wav", noise, 48_000), tmp_path / "take.wav", 24_000)
        assert ("the model's sound is silent" in result.notes) is expected


def test_a_long_sound_is_cut_at_the_end_with_a_fade(tmp_path):
    """The last 5 ms are faded; all before is unchanged."""
    tone = 0.5 * np.cos(2 * np.pi * 100 * np.arange(96_000) / 48_000)[:, None]
    sound, result = conformed(
        sound_file(tmp_path / "output.wav", tone, 48_000, "-c:a", "pcm_f32le"), tmp_path / "take.wav", 48_000
    )
    assert len(sound) == 48_000
    assert abs(sound[-1, 0]) < 0.01
    assert np.abs(sound[100 : 48_000 - 240] - tone[100 : 48_000 - 240]).max() < 1e-4
    assert "1.000 s cut" in result.notes[0]


def test_a_sound_that_begins_abruptly_does_not_click(tmp_path):
    """A tone that begins at its peak is faded in for 1 ms; a hit on the first sample is kept."""
    tone = 0.5 * np.cos(2 * np.pi * 100 * np.arange(48_000) / 48_000)[:, None]
    sound, _ = conformed(sound_file(tmp_path / "tone.wav", tone, 48_000), tmp_path / "a.wav", 48_000)
    assert abs(sound[0, 0]) < 0.02
    hit = np.zeros((48_000, 1))
    hit[0], hit[1:2400, 0] = 0.9, 0.1 * np.exp(-np.arange(2399) / 400) * np.sin(np.arange(2399))
    sound, _ = conformed(sound_file(tmp_path / "hit.wav", hit, 48_000), tmp_path / "b.wav", 48_000)
    assert sound[0, 0] == pytest.approx(0.9, abs=1e-3)


def test_sound_over_full_scale_is_turned_down(tmp_path):
    """All samples by the same gain instead of clipping, with a note."""
    tone = 1.6 * np.sin(2 * np.pi * 100 * np.arange(48_000) / 48_000)[:, None]
    sound, result = conformed(
        sound_file(tmp_path / "output.wav", tone, 48_000, "-c:a", "pcm_f32le"), tmp_path / "take.wav", 48_000
    )
    middle = sound[4800:43_200, 0]
    assert np.abs(middle).max() == pytest.approx(10 ** (-0.1 / 20), abs=1e-3)
    assert np.abs(middle - tone[4800:43_200, 0] / 1.6 * np.abs(middle).max()).max() < 1e-3
    assert "turned down by 4.2 dB" in result.notes[-1]


def test_the_take_is_a_24_bit_broadcast_wave(tmp_path):
    """bext has description, date, position on the timeline, and coding history (EBU Tech 3285)."""
    conformed(write(click_track(CLICKS, SECONDS, 44_100), 44_100, "wav", tmp_path), tmp_path / "take.wav")
    data = (tmp_path / "take.wav").read_bytes()
    assert data[:4] == b"RIFF"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    assert data[12:16] == b"bext"
    size = struct.unpack("<I", data[16:20])[0]
    bext = data[20 : 20 + size]
    assert bext[:4] == b"what"
    assert bext[256:264] == b"Tracklay"
    assert bext[320:338] == b"2026-01-0203:04:05"
    assert struct.unpack("<QH", bext[338:348]) == (1234, 1)
    assert b'A=PCM,F=48000,W=24,M=stereo,T=Tracklay\r\n{"k": 1}' in bext[602:]
    fmt = data[20 + size + size % 2 :]
    assert fmt[:4] == b"fmt "
    assert struct.unpack("<HHIIHH", fmt[8:24]) == (1, 2, 48_000, 288_000, 6, 24)


def test_an_output_without_sound_is_a_failure_of_the_model(tmp_path):
    """A video without audio, and audio without samples."""
    silent = tmp_path / "silent.mp4"
    subprocess.run([FFMPEG, "-v", "error", "-f", "lavfi", "-i", "color=d=0.1:s=32x32", str(silent)], check=True)
    empty = sound_file(tmp_path / "empty.wav", np.zeros((0, 1)), 48_000)
    for output in (silent, empty):
        with pytest.raises(ModelFailed, match=output.name):
            conform_audio(output, 100, tmp_path / "take.wav", bwf)


def _largest_step(sound: np.ndarray) -> float:
    return float(np.abs(np.diff(sound, axis=0)).max())


def test_a_wav_of_our_own_is_taken_as_it_is_without_ffmpeg(tmp_path, monkeypatch):
    """To the sample: the lowest integer is not over full scale. A truncated one is decoded by ffmpeg as far as it goes."""
    sound = np.random.default_rng(1).uniform(-1, 1, (4800, 2)).astype(np.float32)
    sound[100] = (-1.1, 1.1)
    with (tmp_path / "own.wav").open("wb") as file:
        writer = bwf(file, 2)
        writer.write(sound)
        writer.close()
    (tmp_path / "short.wav").write_bytes((tmp_path / "own.wav").read_bytes()[:-6000])
    cut = conform_audio(tmp_path / "short.wav", 4800, tmp_path / "cut.wav", bwf, fade=False)
    assert 3800 <= cut.source_samples < 4800
    monkeypatch.setenv("TRACKLAY_FFMPEG", str(tmp_path / "none"))
    result = conform_audio(tmp_path / "own.wav", 4800, tmp_path / "take.wav", bwf, fade=False)
    assert (result.notes, result.channels, result.source_samples) == ((), 2, 4800)
    with WavReader(tmp_path / "own.wav") as own, WavReader(tmp_path / "take.wav") as take:
        assert np.array_equal(take.read(0, 4800), np.maximum(own.read(0, 4800), -1))
