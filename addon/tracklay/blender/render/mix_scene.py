"""Script for a second Blender process: opens the copy of a timeline and mixes the sound of a range of its frames.

Its only argument is JSON: `copy` (the file), `scene`, `first` and `last` (timeline frames), `mixrate` (Hz), `channels` (Blender's
name), `min_bytes` (least size of the complete mix), `output_path` (the WAV, 24 bits).

A process of its own, because the operator mixes the scene of the window whatever scene it is given, because in Blender 5.2 a second mix
of one session in the background writes nothing, and because it changes how the sounds are read. It imports nothing of Tracklay.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import bpy

UNCOMPRESSED_SUFFIXES = (".wav", ".aif", ".aiff", ".flac")
"""Suffixes of sounds that Blender hears at their own time without its cache, which needs 1.4 GB for an hour of stereo."""

STABLE_SECONDS = 0.5
"""Seconds without a change after which a file of the expected size is complete: Blender 5.2 mixes in a thread and reports no end."""

STALLED_SECONDS = 120.0
"""Seconds without growth after which a mix has failed."""

POLL_SECONDS = 0.05
"""Seconds between two checks of the file's size."""


def wait_until_stable(path: Path, min_bytes: int) -> None:
    """Wait until a file has at least `min_bytes` and has stopped growing; end the process with an error if it stops before."""
    size, since = -1, time.monotonic()
    while True:
        now = path.stat().st_size if path.exists() else -1
        if now != size:
            size, since = now, time.monotonic()
        unchanged = time.monotonic() - since
        if size >= min_bytes and unchanged >= STABLE_SECONDS:
            return
        if unchanged >= STALLED_SECONDS:
            sys.exit(f"Error: Blender wrote only {max(size, 0)} of {min_bytes} bytes; the disk may be full")
        time.sleep(POLL_SECONDS)


def main(request: dict[str, Any]) -> None:
    """Mix the range that the request names."""
    bpy.ops.wm.open_mainfile(filepath=request["copy"], load_ui=False)
    scene, window = bpy.data.scenes[request["scene"]], bpy.context.window_manager.windows[0]
    window.scene = scene
    if hasattr(window.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = scene
    scene.frame_start, scene.frame_end = request["first"], request["last"]
    for sound in bpy.data.sounds:
        if sound.filepath.lower().endswith(UNCOMPRESSED_SUFFIXES):
            continue
        # Decoded as a whole, a sound is heard at its own time: read as a stream, an MP3 is 1,105 samples early until it is trimmed, and
        # Ogg FLAC most of a second off after a trim (bpy 4.5, 5.0).
        sound.use_memory_cache = True
    with bpy.context.temp_override(window=window, scene=scene):
        bpy.ops.sound.mixdown(
            filepath=request["output_path"],
            check_existing=False,
            container="WAV",
            codec="PCM",
            format="S24",
            mixrate=request["mixrate"],
            channels=request["channels"],
        )
    wait_until_stable(Path(request["output_path"]), request["min_bytes"])


main(json.loads(sys.argv[-1]))
