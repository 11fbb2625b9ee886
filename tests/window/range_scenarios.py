"""A scenario of one cue over a range: its placeholder fills, it becomes stale when a shot moves, and is tidied away and back."""

from __future__ import annotations

import bpy
from driver import FOLDER, extension_module, report  # type: ignore[import-not-found]
from scenarios import add_clip, laid_strips, open_sequencer, use_clicker  # type: ignore[import-not-found]


def timeline():
    """Return the edited scene. Undo replaces it by another object."""
    return bpy.context.window_manager.windows[0].workspace.sequencer_scene


def one_cue():
    """Generate one take over two shots and a gap, move the second shot, undo that, and tidy the channels after scattering the take."""
    _, area = yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 31)
    add_clip(FOLDER / "flashes.mp4", 151)
    for strip in scene.sequence_editor.strips:
        strip.select = True
    use_clicker(scene)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.tracklay.generate(as_one=True)
    report(at_once=[[s.left_handle, s.duration, s.name] for s in scene.sequence_editor.strips if "tracklay_cue" in s])
    dispatcher = extension_module("blender.runtime.dispatcher")

    def take_is_laid():
        area.tag_redraw()
        return len(laid_strips(timeline())) == 1 and not dispatcher.get_dispatcher().is_busy

    yield take_is_laid
    (take,) = laid_strips(timeline())
    report(laid=[take.left_handle, take.duration, timeline().sequence_editor.channels[take.channel].name])
    report(connected=len(take.connections))

    def is_stale():
        area.tag_redraw()
        return bool(laid_strips(timeline())[0].get("tracklay_stale"))

    def is_fresh():
        return not is_stale()

    last = next(s for s in timeline().sequence_editor.strips if s.left_handle == 151)
    last.content_start += 5
    bpy.ops.ed.undo_push(message="moved")
    yield is_stale
    bpy.ops.ed.undo()
    yield is_fresh
    (take,) = laid_strips(timeline())
    take.channel = 20
    bpy.ops.ed.undo_push(message="scattered")
    # As a button does it: an operator that a script calls makes no undo step by itself.
    tidied = bpy.ops.tracklay.tidy_channels("EXEC_DEFAULT", True)  # noqa: FBT003 - Blender's own signature
    report(tidied=list(tidied), channel=laid_strips(timeline())[0].channel)
    bpy.ops.ed.undo()
    report(untidied=laid_strips(timeline())[0].channel)


def hand_over():
    """Export a turnover of a laid take from File > Export, while the window goes on."""
    window, area = yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    bpy.ops.tracklay.generate(wait=True)
    out = FOLDER / "out"
    with bpy.context.temp_override(window=window, area=area):
        arguments = {"directory": str(out), "formats": {"aaf", "rpp", "otio", "fcpxml", "xml", "edl", "wav"}}
        began = list(bpy.ops.tracklay.turnover("EXEC_DEFAULT", name="film", **arguments))
    running = extension_module("blender.ops.common").running_operators

    def files_are_written():
        area.tag_redraw()
        return not running()

    yield files_are_written
    entries = [function.__name__ for function in bpy.types.TOPBAR_MT_file_export._dyn_ui_initialize()]
    report(began=began, written=sorted(path.name for path in out.iterdir()), entries=entries)
