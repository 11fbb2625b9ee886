"""Runs inside a Blender without a window: saves a film of three shots (`cut FOLDER`), renders two scenes (`scenes FOLDER`) or the film.

Started as `blender -b … --python headless.py -- …`. It renders with `scripts/render_with_sound.py` and the fake clicking provider.
"""

from __future__ import annotations

import runpy
import sys
import wave
from pathlib import Path

import bpy

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
STARTS = (11, 121, 231)
"""Start frames of the three clips, each 100 frames long."""

LAST = 340


def cut(folder: Path) -> None:
    """Save a film: the clip three times, without sound."""
    scene = bpy.context.scene
    scene.sequence_editor_create()
    scene.render.fps, scene.frame_end = 25, LAST
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = 192, 108, 100
    render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.audio_codec = "MKV", "FLAC"
    render.filepath = "//out/film_"
    for number, start in enumerate(STARTS):
        scene.sequence_editor.strips.new_movie(f"shot{number}", str(folder / "flashes.mp4"), 1, start)
    film = str(folder / "film.blend")
    bpy.ops.wm.save_as_mainfile(filepath=film)
    bpy.ops.file.make_paths_relative()  # each test copies the film to the folder of its own clip
    bpy.ops.wm.save_as_mainfile(filepath=film)


def scenes(folder: Path) -> None:
    """Render two scenes to 25 frames each in one session. In each a sound clicks at another frame, that of its name."""
    for frame in (6, 16):
        with wave.open(str(folder / f"{frame}.wav"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(48_000)
            sound.writeframes(bytes(2 * 1920 * (frame - 1)) + 24 * b"\x00\x60" + bytes(2 * 1920 * (26 - frame) - 48))
        scene = bpy.data.scenes.new(str(frame))
        scene.render.fps, scene.frame_end = 25, 25
        scene.render.resolution_x = scene.render.resolution_y = 16
        scene.render.image_settings.file_format = "PNG"
        scene.render.filepath = str(folder / f"scene{frame}_")
        strips = scene.sequence_editor_create().strips
        strips.new_sound("sound", str(folder / f"{frame}.wav"), 1, 1)
        strips.new_effect("black", "COLOR", 2, 1, length=25)
        scene.tracklay.sound_at_render = True
        bpy.ops.render.render(animation=True, scene=scene.name)


def main() -> None:
    """Save the film, or render it, or two scenes."""
    arguments = sys.argv[sys.argv.index("--") + 1 :]
    if arguments[0] == "scenes":
        scenes(Path(arguments[1]))
        return
    if arguments[0] == "cut":
        cut(Path(arguments[1]))
        return
    from clicking import clicker  # type: ignore[import-not-found]
    from driver import extension_module  # type: ignore[import-not-found]

    extension_module("providers.base").register("clicker", clicker)
    bpy.ops.tracklay.reload_models()
    runpy.run_path(str(HERE.parents[1] / "scripts" / "render_with_sound.py"), run_name="__main__")


main()
