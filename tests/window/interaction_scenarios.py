"""Scenarios with real clicks and keys: the scenario requests them, the test moves the pointer and presses the keys."""

from __future__ import annotations

import json
import os
import time

import bpy
from driver import FOLDER, extension_module, report  # type: ignore[import-not-found]
from scenarios import RED, add_clip, laid_strips, open_sequencer, seconds_passed, use_clicker  # type: ignore[import-not-found]

ROW_TOLERANCE = 8
"""Largest vertical distance between the centres of buttons in one row, in pixels."""


def request(**actions):
    """Request actions of the test; return a condition that they were done. `answer` then returns the result."""
    (FOLDER / "ask.part").write_text(json.dumps(actions))
    (FOLDER / "answer.json").unlink(missing_ok=True)
    (FOLDER / "ask.part").rename(FOLDER / "ask.json")

    def test_has_answered():
        for area in bpy.context.window_manager.windows[0].screen.areas:
            area.tag_redraw()
        return (FOLDER / "answer.json").exists()

    return test_has_answered


def until(condition):
    """Return a condition that is named after its line, for the error message of a timeout."""
    condition.__name__ = f"line {condition.__code__.co_firstlineno}"
    return condition


def answer():
    """Return the answer of the test to the last request."""
    return json.loads((FOLDER / "answer.json").read_text())


def drawn_twice(region):
    """Return a condition: the region was drawn twice from now on, so the first of these draws is on the screen."""
    draws = []
    handle = bpy.types.SpaceSequenceEditor.draw_handler_add(lambda: draws.append(1), (), "UI", "POST_PIXEL")

    def region_was_drawn_twice():
        if len(draws) < 2:
            return region.tag_redraw()
        bpy.types.SpaceSequenceEditor.draw_handler_remove(handle, "UI")
        return True

    return region_was_drawn_twice


def buttons(region):
    """Return the red buttons of a region as rows from the top, each a list of (x, y, width, height) from the left."""
    yield drawn_twice(region)
    yield request(see="red")
    rows: list[list[list[int]]] = []
    within = [box for box in answer() if box[0] > region.x and region.y < box[1] < region.y + region.height]
    for each in sorted(within, key=lambda box: -box[1]):
        if rows and abs(rows[-1][0][1] - each[1]) < ROW_TOLERANCE:
            rows[-1].append(each)
        else:
            rows.append([each])
    return [sorted(row) for row in rows]


GO_TO, TAKE, NEW_SEED, LOOP = range(-4, 0)
"""Rows of the buttons below the list, from the end of the sidebar."""


def press_button(row, which=0, across=0.0):
    """Click a button of the sidebar. It is located again while Blender does not highlight it under the pointer.

    Aligned buttons are one: `across` is where it is clicked, as a fraction of its width.
    """
    area = next(each for each in bpy.context.window_manager.windows[0].screen.areas if each.type == "SEQUENCE_EDITOR")
    sidebar = next(region for region in area.regions if region.type == "UI")
    while True:
        rows = yield from buttons(sidebar)
        if len(rows) < abs(row) or len(rows[row]) <= which:
            continue  # the panel was just drawn otherwise
        x, y, width, _ = rows[row][which]
        yield request(press=[x + round(across * width), y])
        if answer():
            return


def audible_takes():
    """Return for each take, from the lowest channel, whether it is audible."""
    return [not take.mute for take in sorted(laid_strips(timeline()), key=lambda take: take.channel)]


def timeline():
    """Return the edited scene."""
    return bpy.context.window_manager.windows[0].workspace.sequencer_scene


def by_hand():
    """Go to a cue, switch takes by key and by button, generate with a new seed, run an operator by name, stop a search for cuts."""
    os.environ["FAL_KEY"] = "id:0123456789"  # with a key there are no first steps, so that the list is in sight
    window, area = yield from open_sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    scene.frame_start, scene.frame_end = 1, 200
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.screen.screen_full_area()
    yield seconds_passed(1.0)
    area = next(each for each in window.screen.areas if each.type == "SEQUENCE_EDITOR")
    region = next(region for region in area.regions if region.type == "WINDOW")
    over = [region.x + region.width // 2, region.y + region.height // 2]
    bpy.ops.tracklay.generate(takes=2, wait=True)
    bpy.context.preferences.themes[0].user_interface.wcol_tool.inner = RED
    rows = extension_module("blender.runtime.cue_rows").cue_list_rows
    yield until(lambda: area.tag_redraw() or len(rows) == 1)
    yield from go_to_cue(scene, strip)
    yield from switch_takes(window, over)
    yield from press_button(NEW_SEED)
    yield until(lambda: audible_takes() == [False, False, True])
    report(after_new_seed=len(laid_strips(timeline())))
    yield from search_operator(over)
    yield from find_cuts(window, area, over)


def go_to_cue(scene, strip):
    """Go to a cue with the button below the list."""
    scene.frame_current, strip.select = 1, True
    yield from press_button(GO_TO)
    yield until(lambda: scene.frame_current == 31)
    report(selected=sorted(each.name for each in scene.sequence_editor.strips if each.select))


def switch_takes(window, over):
    """Switch takes by key during playback, and with the buttons below the list."""
    yield request(key="space", at=over)
    yield until(lambda: window.screen.is_animation_playing)
    states = [audible_takes()]
    yield request(key="alt+Up", at=over)
    yield until(lambda: audible_takes() != states[0])
    report(playing=window.screen.is_animation_playing)
    states.append(audible_takes())
    yield request(key="alt+Down", at=over)
    yield until(lambda: audible_takes() == states[0])
    yield request(key="space", at=over)
    yield until(lambda: not window.screen.is_animation_playing)
    yield from press_button(TAKE, 1)
    yield until(lambda: audible_takes() == states[1])
    yield from press_button(TAKE, 0)
    yield until(lambda: audible_takes() == states[0])
    report(switched=states)


def search_operator(over):
    """Run an operator from the search menu (F3)."""
    before = len(laid_strips(timeline()))
    timeline().timeline_markers.new("sfx: a click", frame=60)
    yield request(key="F3", at=over)
    yield seconds_passed(0.5)
    yield request(type="Effects at Markers")
    yield seconds_passed(0.5)
    yield request(key="Return", at=over)
    yield until(lambda: len(laid_strips(timeline())) == before + 1)
    report(frame_of_searched=max(take.left_handle for take in laid_strips(timeline())))


def find_cuts(window, area, over):
    """Stop a long search for cuts with Escape, then let one finish: a dialog asks before it makes a cue of each shot."""
    detection, operators = extension_module("media.shot_detection"), extension_module("blender.ops.common")
    real, before = detection.find_cuts, len(timeline().sequence_editor.strips)

    def long(*_, cancel_token, **__):
        while True:
            cancel_token.raise_if_cancelled()
            time.sleep(0.01)

    for each in timeline().sequence_editor.strips:
        each.select = each.type == "MOVIE"
    region = next(region for region in area.regions if region.type == "WINDOW")
    for function in (long, real):
        detection.find_cuts = function
        with bpy.context.temp_override(window=window, area=area, region=region):
            bpy.ops.tracklay.cues_from_cuts("INVOKE_DEFAULT")
        if function is long:
            report(searches=len(operators.running_operators()))
            yield request(key="Escape", at=over)
        yield until(lambda: not operators.running_operators())
        if function is real:
            yield seconds_passed(0.8)
            report(before_dialog=len(timeline().sequence_editor.strips) - before)
            yield request(key="Return")
            yield until(lambda: len(timeline().sequence_editor.strips) > before)
        report(
            **{"after_escape" if function is long else "after_cuts": len(timeline().sequence_editor.strips) - before}
        )
    yield until(lambda: not extension_module("blender.runtime.dispatcher").get_dispatcher().is_busy)


def delete_dropped_files():
    """Keep a take, open the dialog that lists the dropped file, and confirm it with the keyboard."""
    window, area = yield from open_sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "film.blend"))
    bpy.ops.tracklay.generate(takes=2, wait=True)
    strip.select, scene.frame_current = False, 40
    files = sorted((FOLDER / "tracklay").glob("*.wav"))
    report(before=len(files))
    bpy.ops.tracklay.keep_take()
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.tracklay.delete_dropped("INVOKE_DEFAULT")
    yield seconds_passed(1.0)
    report(shown=len(list((FOLDER / "tracklay").glob("*.wav"))))
    yield request(key="Return")
    yield until(lambda: sum(file.exists() for file in files) == 1)
    report(after=[file.exists() for file in files])
