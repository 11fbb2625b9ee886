"""Foley under a whole timeline, in a copy of the film: each shot by the words of the marker that stands in it.

    blender -b film.blend --python scripts/examples/foley_timeline.py -- film_foley.blend

Name markers after what is heard (`heels on marble`): a shot with such a marker gets it as its prompt, all others get the scene's own.
The extension must be on in that Blender.
"""

from __future__ import annotations

import sys

import bpy

scene = bpy.context.scene
pictures = [strip for strip in scene.sequence_editor.strips if strip.type == "MOVIE" and not strip.mute]
failed = 0


def frames(strip: bpy.types.Strip) -> tuple[int, int]:
    """A strip's first frame and the one after its last; Blender 5.1 gave them new names."""
    if hasattr(strip, "left_handle"):
        return int(strip.left_handle), int(strip.right_handle)
    return int(strip.frame_final_start), int(strip.frame_final_end)


for shot in pictures:
    first, end = frames(shot)
    words = [marker.name for marker in scene.timeline_markers if first <= marker.frame < end]
    for strip in scene.sequence_editor.strips:
        strip.select = strip == shot
    try:
        # `wait` blocks until the take is laid; without it Blender would end before anything has come.
        bpy.ops.tracklay.generate(
            model="sketch/foley", prompt=", ".join(words) or scene.tracklay.prompt, seed=1, wait=True
        )
    except RuntimeError as error:
        failed += 1
        print(f"{shot.name}: {error}", file=sys.stderr)

bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1], copy=True)
if failed:
    sys.exit(1)
