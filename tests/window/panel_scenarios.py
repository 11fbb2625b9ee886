"""Scenarios of the panel and the list with real clicks and keys."""

from __future__ import annotations

import os

import bpy
from driver import FOLDER, extension_module, report  # type: ignore[import-not-found]
from interaction_scenarios import (  # type: ignore[import-not-found]
    LOOP,
    answer,
    drawn_twice,
    press_button,
    request,
    timeline,
    until,
)
from scenarios import RED, add_clip, laid_strips, open_sequencer, seconds_passed, use_clicker  # type: ignore[import-not-found]

LARGEST_BUTTON = 2000
"""Smallest area of Generate in pixels at 100 %: no other button of the sidebar is as large."""


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


SIZES = ((1920, 1080), (1280, 720))
"""Sizes of the window in pixels. The first is the display's; the window stays at its top left."""

SETTINGS = ((2.0, "de_DE"), (1.0, "en_US"))
"""Resolution scales and languages."""


def generate_in_sight():
    """Report whether Generate is in the sidebar in a large and a small window, at both scales, and press it last of all."""
    window, area, scene = yield from three_shots(use_key=False)
    sidebar = next(region for region in area.regions if region.type == "UI")
    scene.tracklay.model, scene.tracklay.prompt = "sketch/foley", "wooden mallet on wood, rubber ball"
    bpy.context.preferences.themes[0].user_interface.wcol_tool.inner = RED
    view, found = bpy.context.preferences.view, []
    view.use_translate_interface = True
    for size in SIZES:
        yield request(resize=size)
        yield until(lambda size=size: (window.width, window.height) == size)
        for view.ui_scale, view.language in SETTINGS:
            yield seconds_passed(0.7)
            found.append((yield from generate_box(window, sidebar)) is not None)
    report(in_sight=found)
    pressed = False
    while not pressed:
        x, y, width, _ = yield from generate_box(window, sidebar)
        yield request(press=[x + width // 4, y])
        pressed = answer()
    dispatcher = extension_module("blender.runtime.dispatcher")
    yield until(lambda: area.tag_redraw() or (laid_strips(timeline()) and not dispatcher.get_dispatcher().is_busy))
    report(explains=extension_module("blender.settings.first_run").is_explaining())
    report(sounds=sorted({strip.sound.name for strip in laid_strips(timeline())}))


def generate_box(window, sidebar):
    """Return the box of Generate on the display, if all of it is in the sidebar; else None."""
    below = SIZES[0][1] - window.height  # pixels of the display below the window
    least = LARGEST_BUTTON * bpy.context.preferences.system.ui_scale**2
    yield drawn_twice(sidebar)
    yield request(see="red")
    for x, y, width, height in answer():
        is_inside = x > sidebar.x and sidebar.y <= y - below - height // 2 and y - below < sidebar.y + sidebar.height
        if is_inside and width * height > least and height > 25 * bpy.context.preferences.system.ui_scale:
            return [x, y, width, height]
    return None


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
    """Press Solo, nudge with keys over the timeline, and undo both."""
    over = middle_of(area)
    rows = extension_module("blender.runtime.cue_rows")
    bpy.context.window_manager.tracklay.active = 1
    names = set(rows.cue_list_rows[1].strip_names)

    def audible():
        return {strip.name for strip in laid_strips(timeline()) if not strip.mute}

    before = audible()
    yield from press_button(LOOP, 1)
    yield until(lambda: audible() < before)
    report(soloed=audible() <= names)
    yield request(key="ctrl+z", at=over)
    yield until(lambda: audible() == before)
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
