"""Script for a second Blender process: opens the copy of a timeline and renders one strip of it, or all of it, to a small movie.

Its only argument is JSON: `copy` (the file), `scene`, `strip`, `whole` (render all that is on the strip's level), `first` and `frames`
(timeline frames), `min_side` (least length of the shorter side in pixels), `output_path` (the movie).

It imports nothing of Tracklay, because that process has no extensions.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import bpy


def open_level(editor: Any, name: str) -> Any:
    """Open the level of a strip, and return its owner: Blender renders only the level that is open."""
    meta = editor.strips_all[name].parent_meta()
    editor.display_stack(meta)
    return meta or editor


def isolate_strip(level: Any, name: str) -> None:
    """Mute everything on a level except a strip and the effects over it."""
    wanted: set[str] = set()
    found = {name}  # effects over effects are found in further rounds
    while found:
        wanted |= found
        found = {
            each.name
            for each in level.strips
            if each.name not in wanted and not each.mute and wanted & {one.name for one in effect_inputs(each)}
        }
    for each in level.strips:
        each.mute = each.name not in wanted
        if each.name in wanted:
            level.channels[each.channel].mute = False


def effect_inputs(strip: Any) -> list[Any]:
    """Return the input strips of an effect."""
    return [one for one in (getattr(strip, "input_1", None), getattr(strip, "input_2", None)) if one is not None]


def configure_render(render: Any, min_side: int, output_path: str) -> None:
    """Render to a lossless movie whose shorter side has at least `min_side` pixels, if the picture has that many.

    QuickTime stores exact frame times.
    """
    shorter = min(render.resolution_x, render.resolution_y)
    render.resolution_percentage = max(1, min(100, math.ceil(100 * min_side / shorter)))
    render.use_sequencer = True
    render.use_border = render.use_crop_to_border = render.use_stamp = render.use_multiview = False
    settings = render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    settings.color_mode = "RGB"
    render.ffmpeg.format, render.ffmpeg.codec = "QUICKTIME", "PNG"
    render.ffmpeg.audio_codec = "NONE"
    render.use_file_extension, render.filepath = False, output_path


def main(request: dict[str, Any]) -> None:
    """Render what the request names."""
    bpy.ops.wm.open_mainfile(filepath=request["copy"], load_ui=False)
    scene = bpy.data.scenes[request["scene"]]
    level = open_level(scene.sequence_editor, request["strip"])
    if not request["whole"]:
        isolate_strip(level, request["strip"])
    configure_render(scene.render, request["min_side"], request["output_path"])
    scene.frame_start, scene.frame_end = request["first"], request["first"] + request["frames"] - 1
    scene.frame_step = 1
    bpy.ops.render.render(animation=True, scene=scene.name)


main(json.loads(sys.argv[-1]))
