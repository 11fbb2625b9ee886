"""Generates foley for a whole timeline, in a copy of the film, with the markers as prompts.

    blender -b film.blend --python scripts/examples/foley_timeline.py -- film_foley.blend

Name markers after sounds (`heels on marble`). The markers within a shot are its prompt; a shot without one uses the scene's prompt.
The extension must be enabled in that Blender.
"""

from __future__ import annotations

import sys

import bpy

scene = bpy.context.scene
pictures = [strip for strip in scene.sequence_editor.strips if strip.type == "MOVIE" and not strip.mute]
failed = 0


def frames(strip: bpy.types.Strip) -> tuple[int, int]:
    """Return a strip's first frame and the one after its last. Blender 5.1 renamed both properties."""
    if hasattr(strip, "left_handle"):
        return int(strip.left_handle), int(strip.right_handle)
    return int(strip.frame_final_start), int(strip.frame_final_end)


for shot in pictures:
    first, end = frames(shot)
    prompts = [marker.name for marker in scene.timeline_markers if first <= marker.frame < end]
    for strip in scene.sequence_editor.strips:
        strip.select = strip == shot
    try:
        # `wait` blocks until the take is laid; without it Blender would exit first.
        bpy.ops.tracklay.generate(
            model="sketch/foley", prompt=", ".join(prompts) or scene.tracklay.prompt, seed=1, wait=True
        )
    except RuntimeError as error:
        failed += 1
        print(f"{shot.name}: {error}", file=sys.stderr)

bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1], copy=True)
if failed:
    sys.exit(1)
