"""Strips that Blender plays at another time or volume than the timeline says are found, and others are not."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import bpy
import pytest
from tracklay.blender.sequencer import compat
from tracklay.blender.sequencer.playback_faults import find_playback_faults
from tracklay.cli.main import main

from tests.clips import FFMPEG, flash_clip


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
