"""A scene that has its sound seen to whenever it is rendered, by whomever."""

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
FAILS = """\
import sys
import bpy
import addon
addon.register()
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
bpy.ops.render.render(animation=True)
"""


@pytest.fixture
def cut(scene, clips, tmp_path):
    """The film of three shots, rendered to a movie that by itself would have no sound."""
    path = three_shots(scene, clips, tmp_path)
    movie(scene, "MKV", "NONE", tmp_path / "out" / "film_")
    return path


def test_a_render_that_anybody_starts_has_its_sound_in(scene, cut, tmp_path):
    """Switched on, Blender's own render lays what is lacking and writes it, click for flash; the output's settings stay."""
    scene.tracklay.sound_at_render = True
    bpy.ops.render.render(animation=True)
    assert worst(clicks(hear(tmp_path / "out" / f"film_0001-{LAST:04}.mkv")), flashes()) <= 1
    assert len(laid(scene)) == 3
    assert scene.render.ffmpeg.audio_codec == "NONE"


def test_frames_get_their_wav(scene, cut, tmp_path):
    """A render to frames has the sound of its range beside it."""
    scene.tracklay.sound_at_render = True
    made = scene.render.image_settings
    if "media_type" in made.bl_rna.properties:
        made.media_type = "IMAGE"
    made.file_format = "PNG"
    scene.frame_start, scene.frame_end = 16, 25
    bpy.ops.render.render(animation=True)
    sound = hear(tmp_path / "out" / "film_0016-0025.wav")
    assert len(sound) == 10 * 1920
    assert worst(clicks(sound), [(21 - 16) * 1920]) <= 1


def test_it_is_off_until_it_is_switched_on(scene, cut, tmp_path):
    """Nobody's render makes anything by itself."""
    scene.frame_end = 12
    bpy.ops.render.render(animation=True)
    assert laid(scene) == []
    assert not (tmp_path / "tracklay").exists()


@pytest.mark.parametrize(("policy", "status", "files"), [("STOP", 1, 0), ("WARN", 0, 1)])
def test_a_failure_ends_a_render_without_a_window_or_is_told(scene, cut, tmp_path, policy, status, files):
    """With `stop` nothing is rendered and the status is 1; with `warn` it is rendered; each time one sentence says what is wrong."""
    scene.tracklay.sound_at_render = True
    scene.tracklay.if_sound_fails = policy
    scene.tracklay.model = "sketch/foley"
    scene.frame_end = 12
    save(cut)
    (tmp_path / "shot0.mp4").unlink()
    (tmp_path / "shot0.mp4").write_text("no picture")
    ended = subprocess.run(
        [sys.executable, "-c", FAILS, str(cut)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == status, ended.stderr
    told = [line for line in ended.stderr.splitlines() if line.startswith("tracklay: shot0")]
    assert len(told) == 1, ended.stderr
    assert "shot0.mp4" in told[0]
    assert len(list((tmp_path / "out").glob("*"))) == files


def test_a_saved_film_keeps_what_was_chosen(scene, cut):
    """The switch and the policy are the scene's own."""
    scene.tracklay.sound_at_render = True
    scene.tracklay.if_sound_fails = "STOP"
    save(cut)
    kept = opened(cut).tracklay
    assert (kept.sound_at_render, kept.if_sound_fails) == (True, "STOP")
