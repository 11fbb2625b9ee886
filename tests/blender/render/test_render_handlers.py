"""Automatic sound: a scene that generates missing takes when it is rendered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bpy
import pytest

from tests.clips import clicks, hear

from ..conftest import laid
from ..films import LAST, flashes, movie, opened, save, three_shots
from .mix import worst

ROOT = Path(__file__).parents[3]
RENDER_SCRIPT = """\
import sys
import bpy
import addon
addon.register()
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
bpy.ops.render.render(animation=True)
"""


@pytest.fixture
def cut(scene, clips, tmp_path):
    """A .blend file of three shots whose render output is a movie without an audio codec."""
    path = three_shots(scene, clips, tmp_path)
    movie(scene, "MKV", "NONE", tmp_path / "out" / "film_")
    return path


def test_a_render_generates_and_includes_the_sound(scene, cut, tmp_path):
    """Blender's render lays the missing takes and writes them in sync; the output settings do not change."""
    scene.tracklay.sound_at_render = True
    bpy.ops.render.render(animation=True)
    assert worst(clicks(hear(tmp_path / "out" / f"film_0001-{LAST:04}.mkv")), flashes()) <= 1
    assert len(laid(scene)) == 3
    assert scene.render.ffmpeg.audio_codec == "NONE"


def test_a_frame_render_gets_a_wav(scene, cut, tmp_path):
    """It has the sound of the frame range."""
    scene.tracklay.sound_at_render = True
    settings = scene.render.image_settings
    if "media_type" in settings.bl_rna.properties:
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    scene.frame_start, scene.frame_end = 16, 25
    bpy.ops.render.render(animation=True)
    sound = hear(tmp_path / "out" / "film_0016-0025.wav")
    assert len(sound) == 10 * 1920
    assert worst(clicks(sound), [(21 - 16) * 1920]) <= 1


def test_automatic_sound_is_off_by_default(scene, cut, tmp_path):
    """A render generates nothing."""
    scene.frame_end = 12
    bpy.ops.render.render(animation=True)
    assert laid(scene) == []
    assert not (tmp_path / "tracklay").exists()


@pytest.mark.parametrize(("policy", "status", "files"), [("STOP", 1, 0), ("WARN", 0, 1)])
def test_a_failure_stops_a_background_render_or_is_reported(scene, cut, tmp_path, policy, status, files):
    """`STOP` renders nothing and exits with 1, `WARN` renders; both print one error sentence."""
    scene.tracklay.sound_at_render = True
    scene.tracklay.if_sound_fails = policy
    scene.tracklay.model = "sketch/foley"
    scene.frame_end = 12
    save(cut)
    (tmp_path / "shot0.mp4").unlink()
    (tmp_path / "shot0.mp4").write_text("no picture")
    ended = subprocess.run(
        [sys.executable, "-c", RENDER_SCRIPT, str(cut)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == status, ended.stderr
    errors = [line for line in ended.stderr.splitlines() if line.startswith("tracklay: shot0")]
    assert len(errors) == 1, ended.stderr
    assert "shot0.mp4" in errors[0]
    assert len(list((tmp_path / "out").glob("*"))) == files


def test_a_saved_film_keeps_the_settings(scene, cut):
    """The switch and the policy are stored in the scene."""
    scene.tracklay.sound_at_render = True
    scene.tracklay.if_sound_fails = "STOP"
    save(cut)
    kept = opened(cut).tracklay
    assert (kept.sound_at_render, kept.if_sound_fails) == (True, "STOP")
