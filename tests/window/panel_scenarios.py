"""Scenarios of the list with real clicks and keys, of one cue over a range, and of the turnover."""

from __future__ import annotations

import os

import bpy
from driver import FOLDER, extension_module, report  # type: ignore[import-not-found]
from interaction_scenarios import (  # type: ignore[import-not-found]
    LOOP,
    press_button,
    request,
    timeline,
    until,
)
from scenarios import RED, add_clip, laid_strips, open_sequencer, seconds_passed, use_clicker  # type: ignore[import-not-found]


def three_shots(*, use_key=True):
    """Open the sequencer on three selected shots; return the window, the area and the scene."""
    if use_key:
        os.environ["FAL_KEY"] = "id:0123456789"  # with a key there are no first steps, so that the list is in sight
    window, area = yield from open_sequencer()
    for number, name in enumerate(("Door", "Attic", "Cellar")):
        scene, strip = add_clip(FOLDER / "flashes.mp4", 1 + 100 * number)
        strip.name = name
    use_clicker(scene)
    scene.frame_start, scene.frame_end = 1, 300
    for strip in scene.sequence_editor.strips:
        strip.select = True
    return window, area, scene


def full_area(window, area):
    """Show the sequencer in the whole window; return its area."""
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.screen.screen_full_area()
    yield seconds_passed(1.0)
    return next(each for each in window.screen.areas if each.type == "SEQUENCE_EDITOR")


STALE = 1
"""Row of the buttons about stale cues, from the first button of the sidebar, which is Generate."""


def work_on_the_list():
    """Generate stale cues again from the button and its dialog, hear one cue alone, nudge it, keep all, and undo each."""
    window, area, _ = yield from three_shots()
    bpy.ops.tracklay.generate(takes=2, wait=True)
    area = yield from full_area(window, area)
    rows = extension_module("blender.runtime.cue_rows").cue_list_rows
    bpy.context.preferences.themes[0].user_interface.wcol_tool.inner = RED
    yield until(lambda: area.tag_redraw() or len(rows) == 3)
    shot = timeline().sequence_editor.strips["Attic"]
    shot.use_reverse_frames = True
    for strip in timeline().sequence_editor.strips:
        strip.select = False
    bpy.ops.ed.undo_push(message="before")
    yield until(lambda: area.tag_redraw() or any(row.is_stale for row in rows))
    yield from press_button(STALE, 1)
    yield seconds_passed(0.6)
    yield request(key="Return")
    yield until(lambda: area.tag_redraw() or len(laid_strips(timeline())) == 7)
    yield until(lambda: area.tag_redraw() or not any(row.is_stale for row in rows))
    report(regenerated=[row.take_count for row in rows])
    yield from hear(area)
    yield from keep_all(area)


def hear(area):
    """Press Solo, play, nudge with keys over the timeline, and undo both."""
    over = middle_of(area)
    rows = extension_module("blender.runtime.cue_rows")
    bpy.context.window_manager.tracklay.active = 1
    names = set(rows.cue_list_rows[1].strip_names)

    def audible():
        return {strip.name for strip in laid_strips(timeline()) if not strip.mute}

    before, first = audible(), timeline().frame_current
    yield from press_button(LOOP, 1)
    yield until(lambda: "tracklay_solo" in timeline())
    stays = audible() == before  # so a render has all sounds
    yield request(key="space", at=over)
    yield until(lambda: audible() < before)
    report(soloed=[stays, audible() <= names])
    yield request(key="space", at=over)
    yield until(lambda: audible() == before)
    if timeline().frame_current != first:  # Blender makes an undo step of the playhead's move at the end of playback
        yield request(key="ctrl+z", at=over)
        yield until(lambda: timeline().frame_current == first)
    yield request(key="ctrl+z", at=over)
    yield until(lambda: "tracklay_solo" not in timeline())
    for strip in timeline().sequence_editor.strips:
        strip.select = strip.name in names
    offset = {strip.name: strip.sound_offset for strip in laid_strips(timeline())}
    for key in ("alt+shift+Right", "ctrl+shift+Right"):
        yield request(key=key, at=over)
    moved = lambda: [round((s.sound_offset - offset[s.name]) * 1000) for s in laid_strips(timeline())]  # noqa: E731
    yield until(lambda: max(moved()) == 41)
    report(nudged=sorted(moved()))
    yield request(key="ctrl+z", at=over)
    yield until(lambda: max(moved()) == 40)
    report(after_undo=sorted(moved()))


def keep_all(area):
    """Run Keep All from the search, and undo it."""
    over = middle_of(area)
    yield from search_and_run("Keep All", over)
    yield until(lambda: len(laid_strips(timeline())) == 3)
    yield request(key="ctrl+z", at=over)
    yield until(lambda: len(laid_strips(timeline())) == 7)
    report(restored=len(laid_strips(timeline())))


def search_and_run(name, over):
    """Run an operator from the search menu (F3)."""
    yield request(key="F3", at=over)
    yield seconds_passed(0.5)
    yield request(type=name)
    yield seconds_passed(0.5)
    yield request(key="Return", at=over)


def middle_of(area):
    """Return the middle of the timeline."""
    region = next(region for region in area.regions if region.type == "WINDOW")
    return [region.x + region.width // 2, region.y + region.height // 2]


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
