"""A silent .blend file of three shots, saved and opened again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy

from .conftest import Clips, add, set_rate
from .render.mix import sample

RATE = Fraction(25)
FRAMES = 50
SHOTS = ((11, (10, 30)), (61, (5, 49)), (111, (20,)))
"""First frame of each shot, and its flashes in frames from there."""

LAST = 170


def three_shots(scene: Any, clips: Clips, folder: Path) -> Path:
    """Build three silent shots on a timeline at 25 fps, and save it as `film.blend`."""
    set_rate(scene, RATE)
    for number, (start, flashes) in enumerate(SHOTS):
        clip = folder / f"shot{number}.mp4"
        clip.symlink_to(clips(RATE, FRAMES, flashes))
        add(scene, clip, start).name = f"shot{number}"
    scene.frame_end = LAST
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 192, 108, 100
    return save(folder / "film.blend")


def flashes(first_frame: int = 1) -> list[int]:
    """Return the samples of the flashes in the film's sound from `first_frame` on."""
    return [sample(start + flash, RATE, first_frame) for start, found in SHOTS for flash in found]


def save(path: Path) -> Path:
    """Save the open file."""
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def opened(path: Path) -> Any:
    """Open a film and return its scene."""
    bpy.ops.wm.open_mainfile(filepath=str(path))
    return bpy.context.scene


def movie(scene: Any, container: str, codec: str, to: Path) -> None:
    """Set a scene's render output to a movie."""
    settings = scene.render.image_settings
    if "media_type" in settings.bl_rna.properties:
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.audio_codec = container, codec
    scene.render.filepath = str(to)
