"""Films of three shots without a sound, saved and opened again."""

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
"""First frame, and the flashes, which fall on the timeline's frames that many later."""

LAST = 170


def three_shots(scene: Any, clips: Clips, folder: Path) -> Path:
    """Three shots on a timeline at 25, saved as `film.blend`; nothing makes a sound."""
    set_rate(scene, RATE)
    for number, (start, flashes) in enumerate(SHOTS):
        clip = folder / f"shot{number}.mp4"
        clip.symlink_to(clips(RATE, FRAMES, flashes))
        add(scene, clip, start).name = f"shot{number}"
    scene.frame_end = LAST
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 192, 108, 100
    return save(folder / "film.blend")


def flashes(first_frame: int = 1) -> list[int]:
    """The samples of the flashes in the film's sound from a frame on."""
    return [sample(start + flash, RATE, first_frame) for start, found in SHOTS for flash in found]


def save(path: Path) -> Path:
    """Save what is open."""
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def opened(path: Path) -> Any:
    """The scene of a film."""
    bpy.ops.wm.open_mainfile(filepath=str(path))
    return bpy.context.scene


def movie(scene: Any, container: str, codec: str, to: Path) -> None:
    """Have renders of a scene become a movie."""
    made = scene.render.image_settings
    if "media_type" in made.bl_rna.properties:
        made.media_type = "VIDEO"
    made.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.audio_codec = container, codec
    scene.render.filepath = str(to)
