"""Registering, ending, and doing it again."""

from __future__ import annotations

import subprocess
import sys

import bpy

import addon

ROOT = addon.__path__[0] + "/.."


def test_a_script_ends_that_never_unregisters():
    """Python's end comes at once, though property classes are still registered (4.5's module would hang on them)."""
    script = "import addon; addon.register(); import bpy; bpy.context.scene.tracklay.prompt = 'rain'"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60, check=True)


def test_it_can_be_taken_out_and_put_in_again(scene):
    """Nothing is left behind, and what a scene holds is still there."""
    scene.tracklay.prompt = "rain"
    addon.unregister()
    try:
        assert not hasattr(bpy.types.Scene, "tracklay")
        assert not hasattr(bpy.types, "TRACKLAY_PT_sidebar")
    finally:
        addon.register()
    assert bpy.context.scene.tracklay.prompt == "rain"


def test_taking_it_out_ends_what_runs(scene, clips):
    """No thread outlives the add-on, and no timer."""
    import threading
    from fractions import Fraction

    from .conftest import add
    from .test_laying import ordered

    add(scene, clips(Fraction(25), 60, (20,)), 11)
    scene.render.fps = 25
    ordered(scene)
    addon.unregister()
    try:
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("tracklay")]
    finally:
        addon.register()
