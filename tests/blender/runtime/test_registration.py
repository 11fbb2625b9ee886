"""Registering and unregistering the add-on."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import bpy
import tracklay

ROOT = tracklay.__path__[0] + "/../.."


ENABLED = """
import json, sys
import bpy
before = set(sys.modules)
import addon
addon.register()
print(json.dumps(sorted(set(sys.modules) - before)))
bpy.context.scene.tracklay.prompt = 'rain'
"""

SLOW = {
    "anyio",
    "asyncio",
    "ffmpeg",
    "httpcore",
    "httpx",
    "imageio_ffmpeg",
    "moviepy",
    "numpy",
    "rich",
    "sqlite3",
    "ssl",
}
"""Modules that only running jobs need: each takes as long to import as all of Tracklay's panels."""

LIGHT = re.compile(
    r"tracklay(\.(blender(\.\w+){0,3}|models(\.(catalogue|model|loader|plan_terms))?|jobs(\.(costs(\.\w+)?|delivery|job_spec|pictures(\.stored(_cue)?)?))?|providers(\.credentials)?|media(\.(bwf|ffmpeg(_program)?|input_formats))?"
    r"|atomic_io|cancellation|cue|errors|hits|log|manifest|mix(\.(kinds|notes|presets))?|parts(\.(sizes|redo|handles))?|paths|processes|scoring(\.ranking)?|settings|source_type|timing|trash|untrusted_data|version))?"
)
"""Tracklay's own modules that a panel needs."""


def test_enabling_imports_only_what_a_panel_needs():
    """It imports no runner, provider or media, and a script that never unregisters ends (4.5 would hang on property classes)."""
    done = subprocess.run(
        [sys.executable, "-c", ENABLED], cwd=ROOT, timeout=60, check=True, capture_output=True, text=True
    )
    imported = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("[")))
    assert {name.partition(".")[0] for name in imported} & SLOW == set()
    assert [name for name in imported if name.partition(".")[0] == "tracklay" and not LIGHT.fullmatch(name)] == []
    assert "tracklay.blender.render.scene_audio" not in imported


def test_it_can_be_unregistered_and_registered_again(scene):
    """Unregistering removes all classes, and a scene keeps its settings."""
    scene.tracklay.prompt = "rain"
    tracklay.unregister()
    try:
        assert not hasattr(bpy.types.Scene, "tracklay")
        assert not hasattr(bpy.types, "TRACKLAY_PT_sidebar")
    finally:
        tracklay.register()
    assert bpy.context.scene.tracklay.prompt == "rain"


def test_unregistering_stops_running_jobs(scene, clips):
    """No thread of the add-on is left."""
    import threading
    from fractions import Fraction

    from ..conftest import add
    from ..helpers import submit_blocking_batch

    add(scene, clips(Fraction(25), 60, (20,)), 11)
    scene.render.fps = 25
    submit_blocking_batch(scene)
    tracklay.unregister()
    try:
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("tracklay")]
    finally:
        tracklay.register()
