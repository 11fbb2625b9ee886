"""Strips that Blender plays at another time or volume than the timeline says are found, and others are not."""

from __future__ import annotations

import subprocess
import wave
from fractions import Fraction

import bpy
import numpy as np
import pytest
from tracklay.blender.sequencer import compat
from tracklay.blender.sequencer.playback_faults import find_playback_faults
from tracklay.cli.main import main

from tests.blender.strips import add_from_menu
from tests.clips import FFMPEG, clicks, flash_clip, hear


@pytest.fixture
def strips(scene):
    """Return the strips of an empty scene at 25 frames per second."""
    scene.render.fps, scene.render.fps_base = 25, 1.0
    return scene.sequence_editor_create().strips


def add_sound(strips, folder, suffix, *options, trim=0):
    """Add two seconds of a tone, with its start trimmed."""
    path = folder / f"tone{suffix}"
    tone = [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "sine=d=2", *options, str(path)]
    subprocess.run(tone, check=True)
    strip = strips.new_sound(f"tone{suffix}", str(path), 1, 1)
    if trim:
        compat.set_strip_start(strip, 1 + trim)
    return strip


@pytest.mark.parametrize(
    ("suffix", "options", "trim", "words"),
    [
        (".mp3", (), 0, "1,105 samples early"),
        (".mp3", (), 5, None),
        (".ogg", ("-c:a", "flac"), 5, "0.9 s off"),
        (".ogg", ("-c:a", "flac"), 0, None),
        (".wav", (), 0, None),
        (".wav", (), 5, None),
    ],
)
def test_compressed_sounds_are_found_by_their_trim(scene, strips, tmp_path, suffix, options, trim, words):
    """An MP3 is early until it is trimmed, an Ogg is off once it is; with its cache on, neither is."""
    strip = add_sound(strips, tmp_path, suffix, *options, trim=trim)
    found = find_playback_faults(scene)
    assert [fault.strip for fault in found] == ([strip.name] if words else [])
    assert all(words in fault.detail for fault in found)
    strip.sound.use_memory_cache = True
    assert find_playback_faults(scene) == []


def late_video(path, delay, *codecs):
    """Write a video of 4 seconds at 25 frames per second whose sound starts late and clicks at second 2 of the picture."""
    sound = np.zeros(round((4 - delay) * 48000), np.int16)
    sound[round((2 - delay) * 48000)] = 29000
    with wave.open(str(path.with_suffix(".wav")), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    command = [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "color=black:s=64x64:r=25:d=4"]
    command += [
        "-itsoffset",
        str(delay),
        "-i",
        str(path.with_suffix(".wav")),
        "-map",
        "0",
        "-map",
        "1",
        "-c:v",
        "libx264",
        *codecs,
        str(path),
    ]
    subprocess.run(command, check=True)
    return path


def heard_early(scene, folder, name):
    """Return the milliseconds by which the click of second 2 is early in Blender's own mix."""
    scene.frame_start, scene.frame_end = 1, 100
    path = folder / f"{name}.mix.wav"
    bpy.ops.sound.mixdown(filepath=str(path), container="WAV", codec="PCM", format="S24", mixrate=48000)
    return (96000 - clicks(hear(path))[0]) / 48


@pytest.mark.parametrize(
    ("name", "delay", "codecs", "ms"),
    [
        ("late.mov", 0.033, ("-c:a", "pcm_s16le"), 66),
        ("frame_late.mov", 0.050, ("-c:a", "pcm_s16le"), 20),
        ("late.mp4", 0.100, ("-c:a", "aac"), 77),
        ("whole.mov", 0.080, ("-c:a", "pcm_s16le"), 0),
        ("prompt.mp4", 0, ("-c:a", "aac"), 0),
    ],
)
def test_a_video_whose_sound_starts_late_is_found_with_its_milliseconds(scene, tmp_path, name, delay, codecs, ms):
    """Blender moves the sound by whole frames and then skips the rest of the delay: it is early by twice that."""
    scene.render.fps, scene.render.fps_base = 25, 1.0
    scene.sequence_editor_create()
    clip = late_video(tmp_path / name, delay, *codecs)
    add_from_menu(scene, clip, 1, sound=True)
    assert heard_early(scene, tmp_path, name) == pytest.approx(ms, abs=2)
    details = [fault.detail for fault in find_playback_faults(scene)]
    assert [int(detail.partition(" ms early")[0].rpartition(" ")[2]) for detail in details] == ([ms] if ms else [])


def test_late_sound_that_a_script_adds_is_early_by_its_whole_delay(scene, strips, tmp_path):
    """Beside its video it is a fault; moved by hand it is not."""
    clip = late_video(tmp_path / "late.mov", 0.05, "-c:a", "pcm_s16le")
    sound = strips.new_sound("sound", str(clip), 2, 1)
    assert find_playback_faults(scene) == []
    strips.new_movie("late", str(clip), 1, 1)
    assert heard_early(scene, tmp_path, "script") == pytest.approx(50, abs=2)
    assert [(fault.strip, " 50 ms early" in fault.detail) for fault in find_playback_faults(scene)] == [("sound", True)]
    setattr(sound, compat.time_property("content_start", bpy.types.Strip), 2)
    assert find_playback_faults(scene) == []


def test_volume_keys_on_neighbouring_frames_are_found(scene, strips, tmp_path):
    """Two frames apart they are not."""
    strip = add_sound(strips, tmp_path, ".wav")
    for frame, volume in ((10, 1.0), (12, 0.0)):
        strip.volume = volume
        strip.keyframe_insert("volume", frame=frame)
    assert find_playback_faults(scene) == []
    strip.keyframe_insert("volume", frame=13)
    assert [fault.strip for fault in find_playback_faults(scene)] == [strip.name]


def test_doctor_lists_the_strips_of_a_film(scene, strips, tmp_path, capsys):
    """One line for each, and exit status 1; without any, one line that says so."""
    strip = add_sound(strips, tmp_path, ".mp3")
    film = tmp_path / "film.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(film))
    assert main(["doctor", str(film)]) == 1
    assert "tone.mp3  Blender plays this file up to 1,105 samples early." in " ".join(
        capsys.readouterr().out.split("\n")
    )
    strip.sound.use_memory_cache = True
    bpy.ops.wm.save_as_mainfile(filepath=str(film))
    assert main(["doctor", str(film)]) == 0
    assert "Blender plays every strip where the timeline has it." in capsys.readouterr().out
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 5, ())
    assert main(["doctor", str(clip)]) == 2
    assert f"Not a .blend file: {clip}" in capsys.readouterr().err
