"""What a person's hands do beside Generate: the scenario says where and what, the test moves the real pointer and presses real keys."""

from __future__ import annotations

import json
import time

import bpy
from driver import FOLDER, part, tell  # type: ignore[import-not-found]
from scenarios import RED, add_clip, laid, open_sequencer, use_clicker, waited  # type: ignore[import-not-found]

ROW = 8
"""Pixels: buttons whose middles are no further apart in height stand in one row."""


def asked(**wanted):
    """Have the test do something; a condition that it was done. It answers with what it sees."""
    (FOLDER / "ask.part").write_text(json.dumps(wanted))
    (FOLDER / "answer.json").unlink(missing_ok=True)
    (FOLDER / "ask.part").rename(FOLDER / "ask.json")

    def hands_have_done_it():
        for area in bpy.context.window_manager.windows[0].screen.areas:
            area.tag_redraw()
        return (FOLDER / "answer.json").exists()

    return hands_have_done_it


def until(condition):
    """A condition, called by the line that waits for it."""
    condition.__name__ = f"line {condition.__code__.co_firstlineno}"
    return condition


def answer():
    """What the test answered."""
    return json.loads((FOLDER / "answer.json").read_text())


def drawn(region):
    """A condition: what is the case now was drawn, and drawn again, so that the first of these is on the screen."""
    drawings = []
    handle = bpy.types.SpaceSequenceEditor.draw_handler_add(lambda: drawings.append(1), (), "UI", "POST_PIXEL")

    def region_was_drawn_twice():
        if len(drawings) < 2:
            return region.tag_redraw()
        bpy.types.SpaceSequenceEditor.draw_handler_remove(handle, "UI")
        return True

    return region_was_drawn_twice


def buttons(region):
    """The buttons of a region, rows of (x, y, width, height) from above, each row from the left."""
    yield drawn(region)
    yield asked(see="red")
    rows: list[list[list[int]]] = []
    within = [box for box in answer() if box[0] > region.x and region.y < box[1] < region.y + region.height]
    for each in sorted(within, key=lambda box: -box[1]):
        if rows and abs(rows[-1][0][1] - each[1]) < ROW:
            rows[-1].append(each)
        else:
            rows.append([each])
    return [sorted(row) for row in rows]


MODEL, MODE = range(2)
"""Rows of menu buttons in the sidebar."""

ENTRY = 20
"""Pixels: the height of a menu's entry."""

GO_TO, TAKE, NEW_SEED = range(-3, 0)
"""Rows of buttons below the list, the sidebar's last."""


def pressed(row, which=0):
    """Look for a button below the list and press it; looked for again while it is not under the pointer for Blender."""
    area = next(each for each in bpy.context.window_manager.windows[0].screen.areas if each.type == "SEQUENCE_EDITOR")
    sidebar = next(region for region in area.regions if region.type == "UI")
    while True:
        rows = yield from buttons(sidebar)
        yield asked(press=rows[row][which][:2])
        if answer():
            return


def heard():
    """Which takes are heard, lowest channel first."""
    return [not take.mute for take in sorted(laid(timeline()), key=lambda take: take.channel)]


def timeline():
    """The scene that is edited."""
    return bpy.context.window_manager.windows[0].workspace.sequencer_scene


def by_hand():
    """Go to a cue, switch takes by key while it plays and by button, make one anew, search for an operator, stop a search for cuts."""
    window, area = yield from open_sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    scene.frame_start, scene.frame_end = 1, 200
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.screen.screen_full_area()
    yield waited(1.0)
    area = next(each for each in window.screen.areas if each.type == "SEQUENCE_EDITOR")
    region = next(region for region in area.regions if region.type == "WINDOW")
    over = [region.x + region.width // 2, region.y + region.height // 2]
    bpy.ops.tracklay.generate(takes=2, wait=True)
    bpy.context.preferences.themes[0].user_interface.wcol_tool.inner = RED
    rows = part("blender.runtime.cue_rows").cue_list_rows
    yield until(lambda: area.tag_redraw() or len(rows) == 1)
    yield from going_to(scene, strip)
    yield from switching(window, over)
    yield from pressed(NEW_SEED)
    yield until(lambda: heard() == [False, False, True])
    tell(anew=len(laid(timeline())))
    yield from searching(over)
    yield from cutting(window, area, over)


def going_to(scene, strip):
    """By the button of the list."""
    scene.frame_current, strip.select = 1, True
    yield from pressed(GO_TO)
    yield until(lambda: scene.frame_current == 31)
    tell(gone_to=sorted(each.name for each in scene.sequence_editor.strips if each.select))


def switching(window, over):
    """By key while it plays, and by the buttons of the list."""
    yield asked(key="space", at=over)
    yield until(lambda: window.screen.is_animation_playing)
    seen = [heard()]
    yield asked(key="alt+Up", at=over)
    yield until(lambda: heard() != seen[0])
    tell(playing=window.screen.is_animation_playing)
    seen.append(heard())
    yield asked(key="alt+Down", at=over)
    yield until(lambda: heard() == seen[0])
    yield asked(key="space", at=over)
    yield until(lambda: not window.screen.is_animation_playing)
    yield from pressed(TAKE, 1)
    yield until(lambda: heard() == seen[1])
    yield from pressed(TAKE, 0)
    yield until(lambda: heard() == seen[0])
    tell(switched=seen)


def searching(over):
    """An operator by its name, as F3 finds it."""
    before = len(laid(timeline()))
    timeline().timeline_markers.new("sfx: a click", frame=60)
    yield asked(key="F3", at=over)
    yield waited(0.5)
    yield asked(type="Effects at Markers")
    yield waited(0.5)
    yield asked(key="Return", at=over)
    yield until(lambda: len(laid(timeline())) == before + 1)
    tell(searched=max(take.left_handle for take in laid(timeline())))


def cutting(window, area, over):
    """A search for cuts that takes long is stopped with Escape, and leaves nothing; one that ends makes a cue of each shot."""
    cuts, markers = part("media.shot_detection"), part("blender.ops.shot_ops")
    real, before = cuts.find_cuts, len(timeline().sequence_editor.strips)

    def long(*_, cancel_token, **__):
        while True:
            cancel_token.raise_if_cancelled()
            time.sleep(0.01)

    for each in timeline().sequence_editor.strips:
        each.select = each.type == "MOVIE"
    region = next(region for region in area.regions if region.type == "WINDOW")
    for function in (long, real):
        cuts.find_cuts = function
        with bpy.context.temp_override(window=window, area=area, region=region):
            bpy.ops.tracklay.cues_from_cuts()
        if function is long:
            tell(looking=len(markers._running_operators))
            yield asked(key="Escape", at=over)
        yield until(lambda: not markers._running_operators)
        tell(**{"after_escape" if function is long else "after_cuts": len(timeline().sequence_editor.strips) - before})
    yield until(lambda: not part("blender.runtime.dispatcher").get_dispatcher().is_busy)


def choose_from_menus():
    """Press each entry of the menus whose entries come from the catalogue: the models, and a model's modes."""
    window, area = yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 31)
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.screen.screen_full_area()
    yield waited(1.0)
    settings = scene.tracklay
    modes = next(
        model for model in part("blender.settings.catalogue").MODELS.values() if model.parameter_for_role("mode")
    )
    settings.model = modes.id
    chosen = yield from pressed_entries(MODEL, lambda: settings.model)
    tell(models=chosen, catalogue=list(part("blender.settings.catalogue").MODELS))
    settings.model, mode = modes.id, modes.parameter_for_role("mode")
    chosen = yield from pressed_entries(MODE, lambda: getattr(settings.params, mode.name))
    tell(modes=chosen, choices=list(mode.choices))


def pressed_entries(row, value):
    """Open a menu and press it at every entry's height, from above; the values that this sets."""
    theme = bpy.context.preferences.themes[0].user_interface
    plain = tuple(theme.wcol_menu.inner), tuple(theme.wcol_menu_back.inner)
    area = next(each for each in bpy.context.window_manager.windows[0].screen.areas if each.type == "SEQUENCE_EDITOR")
    sidebar = next(region for region in area.regions if region.type == "UI")
    theme.wcol_menu.inner = RED
    rows = yield from buttons(sidebar)
    theme.wcol_menu.inner, theme.wcol_menu_back.inner = plain[0], RED
    button = rows[row][0][:2]
    yield asked(click=button)
    yield asked(see="red")
    x, middle, _, high = max(answer(), key=lambda box: box[2] * box[3])
    found = []
    for y in range(middle + high // 2 - ENTRY // 2, middle - high // 2, -ENTRY):
        yield asked(click=[x + 2 * ENTRY, y])
        found.append(value())
        yield asked(key="Escape")  # a heading leaves the menu open
        yield asked(click=button)
    yield asked(key="Escape")
    theme.wcol_menu_back.inner = plain[1]
    return found


def delete_dropped_files():
    """Keep a take, open the dialog that names the dropped file, and confirm it with the keyboard."""
    window, area = yield from open_sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "film.blend"))
    bpy.ops.tracklay.generate(takes=2, wait=True)
    strip.select, scene.frame_current = False, 40
    files = sorted((FOLDER / "tracklay").glob("*.wav"))
    tell(before=len(files))
    bpy.ops.tracklay.keep_take()
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.tracklay.delete_dropped("INVOKE_DEFAULT")
    yield waited(1.0)
    tell(shown=len(list((FOLDER / "tracklay").glob("*.wav"))))
    yield asked(key="Return")
    yield until(lambda: sum(file.exists() for file in files) == 1)
    tell(after=[file.exists() for file in files])
