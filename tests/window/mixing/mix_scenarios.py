"""Scenarios of the mix: pressed in the window, cancelled, undone and redone, mixed again over keys of the user's, and cleared."""

from __future__ import annotations

import json
from typing import Any

import bpy
from driver import FOLDER, extension_module, report  # type: ignore[import-not-found]
from scenarios import file_is_complete, open_sequencer, seconds_passed  # type: ignore[import-not-found]

FPS = 25


def _scene() -> Any:
    return bpy.context.window_manager.windows[0].workspace.sequencer_scene


def _keys() -> dict[str, list[tuple[float, ...]]]:
    """Return the keys of each volume curve by its path."""
    animation = _scene().animation_data
    if animation is None or animation.action is None:
        return {}
    bag = animation.action.layers[0].strips[0].channelbags[0]
    return {curve.data_path: [tuple(point.co) for point in curve.keyframe_points] for curve in bag.fcurves}


def _picture_taken(name: str):
    """Wait until the test has taken a screenshot of the window."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()
    yield seconds_passed(0.8)
    (FOLDER / f"{name}.ready").touch()
    yield (FOLDER / f"{name}.taken").exists


def _mix_has_ended():
    return extension_module("blender.runtime.mixing.mix_status").stage == ""


def mix_in_the_window():
    """Mix four sounds from the button, and report what the file holds after each step."""
    extension_module("blender.ui.mix_panel").TRACKLAY_PT_mix.bl_options = set()  # open, for the screenshots
    bpy.utils.unregister_class(bpy.types.TRACKLAY_PT_mix)
    bpy.utils.register_class(extension_module("blender.ui.mix_panel").TRACKLAY_PT_mix)
    window, area = yield from open_sequencer()
    others = [
        each
        for name in ("cue_list", "panels")
        for each in vars(extension_module(f"blender.ui.{name}")).values()
        if isinstance(each, type) and issubclass(each, bpy.types.Panel) and getattr(each, "is_registered", False)
    ]
    for other in others:  # room for the panel
        bpy.utils.unregister_class(other)
    scene = bpy.context.scene or bpy.data.scenes[0]
    window.workspace.sequencer_scene = scene
    scene.sequence_editor_create()
    scene.render.fps, scene.frame_start, scene.frame_end = FPS, 1, 12 * FPS
    for channel, path in enumerate(sorted(FOLDER.glob("*.wav")), 1):
        scene.sequence_editor.strips.new_sound(path.stem, str(path), channel, 1)
    scene.sequence_editor.active_strip = scene.sequence_editor.strips["Music"]
    region = next(region for region in area.regions if region.type == "WINDOW")

    def press(operator: Any):
        with bpy.context.temp_override(window=window, area=area, region=region):
            return operator("INVOKE_DEFAULT")

    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.sequencer.view_all()
        bpy.ops.ed.undo_push(message="Sounds")
    press(bpy.ops.tracklay.mix)
    yield seconds_passed(0.3)
    report(cancellable=not _mix_has_ended())
    press(bpy.ops.tracklay.cancel_mix)
    report(cancelled=[_mix_has_ended(), _keys(), len(bpy.data.actions)])
    press(bpy.ops.tracklay.mix)
    yield from _picture_taken("mixing")
    yield _mix_has_ended
    mixed = _keys()
    report(mixed=json.loads(_scene()["tracklay_mix_result"]), curves=len(mixed), actions=len(bpy.data.actions))
    yield from _picture_taken("mixed")
    bpy.ops.sound.mixdown(filepath=str(FOLDER / "out.wav"), container="WAV", codec="PCM", format="S24", mixrate=48000)
    yield file_is_complete(FOLDER / "out.wav")
    bpy.ops.ed.undo()
    undone = _keys()
    bpy.ops.ed.redo()
    report(undone=undone, redone=_keys() == mixed)
    curve = _scene().animation_data.action.layers[0].strips[0].channelbags[0].fcurves[0]
    curve.keyframe_points.insert(200, 0.25)
    _scene().sequence_editor.strips["room tone"].tracklay_mix_kind = "LEAVE"
    path = curve.data_path
    yield from _picture_taken("stale")
    press(bpy.ops.tracklay.mix)
    yield _mix_has_ended
    again = _keys()
    report(kept=(200.0, 0.25) in again[path], curves_again=len(again))
    press(bpy.ops.tracklay.clear_mix)
    yield _mix_has_ended
    report(cleared=_keys(), volumes=[strip.volume for strip in _scene().sequence_editor.strips])
    for other in others:
        bpy.utils.register_class(other)
