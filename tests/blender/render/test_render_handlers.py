"""Automatic sound: a scene that generates missing takes when it is rendered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from tracklay.blender.render import mixdown
from tracklay.blender.ui.render_panel import TRACKLAY_PT_at_render
from tracklay.errors import OutputError
from tracklay.media.probe import probe_media

from tests.clips import FFMPEG, clicks, hear

from ..conftest import laid
from ..fake_layout import Layout
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
    layout = Layout()
    TRACKLAY_PT_at_render.draw(SimpleNamespace(layout=layout), bpy.context)  # type: ignore[arg-type]
    assert "Last Render" in layout.words()
    assert "no audio codec" in layout.words()


@pytest.mark.parametrize("name", ["best", "repair"])
def test_the_panel_says_what_a_render_does_not_use(scene, name):
    """Only where it matters."""
    for value in (False, True):
        setattr(scene.tracklay, name, value)
        scene.tracklay.sound_at_render = True
        layout = Layout()
        TRACKLAY_PT_at_render.draw(SimpleNamespace(layout=layout), bpy.context)  # type: ignore[arg-type]
        assert ("Best Take and Repair are not used" in layout.words()) is value


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


def frames_output(scene, folder):
    """Let a scene render to PNG frames."""
    settings = scene.render.image_settings
    if "media_type" in settings.bl_rna.properties:
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.render.filepath = str(folder / f"{scene.name}_")


def clicking_scene(name, folder, second, suffix=".wav", *options):
    """Return a new scene of 50 frames with one sound that clicks at a second, and a black picture."""
    scene = bpy.data.scenes.new(name)
    scene.render.fps, scene.frame_start, scene.frame_end = 25, 1, 50
    samples = np.zeros(2 * 48_000, np.float32)
    samples[round(second * 48_000) :][:24] = 0.8
    sound = folder / f"{name}{suffix}"
    subprocess.run(
        [FFMPEG, "-v", "error", "-f", "f32le", "-ar", "48000", "-ac", "1", "-i", "-", *options, str(sound)],
        input=samples.tobytes(),
        check=True,
    )
    strips = scene.sequence_editor_create().strips
    strips.new_sound(name, str(sound), 1, 1)
    has_length = "length" in strips.bl_rna.functions["new_effect"].parameters
    strips.new_effect("black", "COLOR", 2, 1, **({"length": 50} if has_length else {"frame_end": 51}))
    frames_output(scene, folder)
    scene.tracklay.sound_at_render = True
    return scene


def mix(scene, first, last):
    """Return the WAV of a range of a scene's frames."""
    return mixdown.write_mixdown(mixdown.prepare_mixdown(scene, first, last))


@pytest.mark.parametrize(
    ("mix_rate", "layout", "channels"),
    [(44_100, "STEREO", "stereo"), (96_000, "STEREO", "stereo"), (48_000, "SURROUND51", "5.1")],
)
def test_the_wav_has_the_rate_and_the_channels_of_the_scene(tmp_path, mix_rate, layout, channels):
    """Blender's operator takes neither from the scene."""
    scene = clicking_scene("take", tmp_path, 1)
    scene.render.ffmpeg.audio_mixrate, scene.render.ffmpeg.audio_channels = mix_rate, layout
    media = probe_media(mix(scene, 1, 50))
    assert [(stream.sample_rate, stream.layout, stream.codec) for stream in media.audio] == [
        (mix_rate, channels, "pcm_s24le")
    ]
    sound = hear(media.path, rate=mix_rate)
    assert len(sound) == 2 * mix_rate
    first = int(np.argmax(np.abs(sound).max(axis=1) > 0.2))
    assert abs(first - mix_rate) <= 2


def test_another_scene_and_a_second_render_get_their_own_sound(tmp_path):
    """The sound is that of the rendered scene, not of the scene in the window, in every render of a session."""
    for name, second in (("first", 0.4), ("second", 0.8)):
        scene = clicking_scene(name, tmp_path, second)
        bpy.ops.render.render(animation=True, scene=scene.name)
        sound = hear(tmp_path / f"{name}_0001-0050.wav")
        assert len(sound) == 96_000
        assert abs(int(np.argmax(np.abs(sound).max(axis=1) > 0.2)) - round(second * 48_000)) <= 1


@pytest.mark.skipif(bpy.app.version < (5, 0, 0), reason="a render has a range of its own from Blender 5.0 on")
@pytest.mark.parametrize(
    ("options", "shots"), [({"frame_start": 21, "frame_end": 30}, 1), ({"frame_end": 5}, 0), ({}, 3)]
)
def test_only_shots_of_the_rendered_frames_get_sound(scene, cut, options, shots):
    """A script may render a part of the scene's range: the other shots would cost money."""
    frames_output(scene, Path(scene.render.filepath).parent)
    scene.tracklay.sound_at_render = True
    bpy.ops.render.render(animation=True, **options)
    assert len(laid(scene)) == shots


def test_the_log_names_the_sounds_that_blender_mixes_at_another_time(scene, cut, tmp_path):
    """An MP3 in a movie is early; beside rendered frames it is not, as it is decoded as a whole."""
    tone = tmp_path / "music.mp3"
    subprocess.run([FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=d=1", str(tone)], check=True)
    strip = scene.sequence_editor.strips.new_sound("music", str(tone), 9, 1)
    movie(scene, "MKV", "FLAC", tmp_path / "out" / "film_")
    assert "Blender mixes music of" in mixdown.describe_mix_faults(scene)
    strip.sound.use_memory_cache = True
    assert mixdown.describe_mix_faults(scene) == ""
    strip.sound.use_memory_cache = False
    frames_output(scene, tmp_path)
    assert mixdown.describe_mix_faults(scene) == ""


def test_the_wav_has_the_frames_that_were_rendered(tmp_path):
    """Not the scene's range, if the render was started with another; with a step, the frames after the last one too."""
    scene = clicking_scene("part", tmp_path, 1)
    if "frame_start" in bpy.ops.render.render.get_rna_type().properties:  # from 5.0 on
        bpy.ops.render.render(animation=True, scene=scene.name, frame_start=21, frame_end=30)
    else:
        scene.frame_start, scene.frame_end = 21, 30
        bpy.ops.render.render(animation=True, scene=scene.name)
    assert len(hear(tmp_path / "part_0021-0030.wav")) == 10 * 1920
    scene.frame_start, scene.frame_end, scene.frame_step = 1, 10, 4
    bpy.ops.render.render(animation=True, scene=scene.name)
    assert len(hear(tmp_path / "part_0001-0010.wav")) == 10 * 1920


@pytest.mark.parametrize(
    ("output", "wav"),
    [
        ("{blend_name}/f_", "{saved}/f_0007-0008.wav"),
        ("{fps}_##", "25.0_0007-0008.wav"),
        ("dir/", "dir/{name}_0007-0008.wav"),
        ("a.b-", "a.b-0007-0008.wav"),
    ],
)
def test_the_wav_lies_beside_the_frames(tmp_path, output, wav):
    """Where Blender puts them: an output path can hold variables."""
    scene = clicking_scene("beside", tmp_path, 1)
    scene.frame_start, scene.frame_end = 7, 8
    scene.render.filepath = f"{tmp_path}/out/{output}"
    saved = Path(bpy.data.filepath).stem
    path = tmp_path / "out" / wav.format(saved=saved or "Unsaved", name=saved or "sound")
    bpy.ops.render.render(animation=True, scene=scene.name)
    assert path.is_file()
    assert sorted(each.suffix for each in path.parent.iterdir()) == [".png", ".png", ".wav"]


def test_an_output_path_that_blender_does_not_know_is_an_error(tmp_path):
    """Blender renders nothing to it either."""
    scene = clicking_scene("bogus", tmp_path, 1)
    scene.render.filepath = f"{tmp_path}/{{bogus}}_"
    with pytest.raises(OutputError, match="Invalid output path of bogus"):
        mixdown.prepare_mixdown(scene, 1, 2)


@pytest.mark.skipif(bpy.app.version < (5, 0), reason="its operator renders the scene's own range, which begins at 0")
def test_the_wav_of_frames_below_0_begins_at_0(tmp_path, capsys):
    """Blender mixes nothing before: a message says so, and the sound is on its frames."""
    scene = clicking_scene("below", tmp_path, 0.2)
    bpy.ops.render.render(animation=True, scene=scene.name, frame_start=-3, frame_end=9)
    assert "no sound before frame 0" in capsys.readouterr().err
    sound = hear(tmp_path / "below_0000-0009.wav")
    assert len(sound) == 10 * 1920
    assert abs(int(np.argmax(np.abs(sound).max(axis=1) > 0.2)) - 1920 - 9600) <= 1


@pytest.mark.parametrize(("suffix", "options"), [(".mp3", ("-b:a", "320k")), (".ogg", ("-c:a", "flac"))])
def test_parts_of_a_farm_join_whatever_the_music_is(tmp_path, suffix, options):
    """Blender streams a whole MP3 early, and some Ogg late after a trim: the mix reads compressed sound as a whole."""
    scene = clicking_scene("music", tmp_path, 1, suffix, *options)
    whole = hear(mix(scene, 1, 50))
    part = hear(mix(scene, 21, 50))
    assert abs(int(np.argmax(np.abs(whole).max(axis=1) > 0.2)) - 48_000) <= 24
    assert np.abs(whole[20 * 1920 :] - part).max() < 1e-4


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
