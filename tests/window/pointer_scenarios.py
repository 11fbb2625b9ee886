"""A scenario of the panel, its menus and its help in windows of two sizes, at two scales and in two languages, with a real pointer.

Each kind of widget is found by the colour that the theme gives it for a moment.
"""

from __future__ import annotations

import contextlib
import os
import time
import webbrowser

import bpy
from driver import PACKAGE, extension_module, report  # type: ignore[import-not-found]
from interaction_scenarios import (  # type: ignore[import-not-found]
    answer,
    buttons,
    drawn_twice,
    press_button,
    request,
    timeline,
    until,
)
from panel_scenarios import full_area, three_shots  # type: ignore[import-not-found]
from scenarios import RED, laid_strips, seconds_passed  # type: ignore[import-not-found]

LARGE, SMALL = (1920, 1080), (1280, 720)
"""Sizes of the window in pixels. The first is the display's."""

SETTINGS = ((LARGE, 2.0, "de_DE"), (LARGE, 1.0, "en_US"), (SMALL, 2.0, "de_DE"), (SMALL, 1.0, "en_US"))
"""Sizes of the window, resolution scales and languages."""

LARGEST_BUTTON = 2000
"""Smallest area of Generate in pixels at 100 %: no other button of the sidebar is as large."""

ENTRY = 23
"""Height of a menu entry in pixels at 100 %."""

HELP_FROM_RIGHT = 31
"""Distance of the help button from the right edge of a panel's header, in pixels at 100 %."""

MODEL, EXAMPLES, LIST = 0, 1, -1
"""Rows of the menu buttons in the sidebar."""

SEARCH, SHOW_MORE = -1, 0.99
"""Row of the search among the text fields, and where the menu of the list is in its row of menu buttons."""

PATIENCE_SECONDS = 2.0
"""Longest time until Blender has done what was clicked."""


def panel_by_pointer():
    """Work with the panel in each setting: each action in one of them, Generate in all."""
    window, area, scene = yield from three_shots(use_key=False)
    scene.tracklay.model, scene.tracklay.prompt = "sketch/foley", "wooden mallet on wood, rubber ball"
    yield from generate_in_sight(window, area)
    os.environ["FAL_KEY"] = "id:0123456789"  # with a key there are no first steps, so that the list is in sight
    yield from use_setting(window, LARGE, 1.0, "en_US")
    yield from show_tab(window, area)
    area = yield from full_area(window, area)
    for strip in timeline().sequence_editor.strips:
        strip.select = strip.name == "Attic"
    sidebar = next(region for region in area.regions if region.type == "UI")
    yield from change_volume(sidebar)
    yield from use_setting(window, LARGE, 2.0, "de_DE")
    yield from open_help(sidebar)
    yield from use_example()
    yield from use_setting(window, SMALL, 1.0, "en_US")
    yield from choose_models()
    yield from filter_list(sidebar)
    yield from use_setting(window, SMALL, 2.0, "de_DE")
    yield from loop_cue(window, sidebar)


def use_setting(window, size, scale, language):
    """Set the size of the window, the resolution scale and the language."""
    view = bpy.context.preferences.view
    view.use_translate_interface, view.ui_scale, view.language = True, scale, language
    yield request(resize=size)
    yield until(lambda: (window.width, window.height) == size)
    yield seconds_passed(0.7)


@contextlib.contextmanager
def painted(name):
    """Paint a kind of widget, or the headers of panels, red."""
    theme = bpy.context.preferences.themes[0].user_interface
    owner, field = (getattr(theme, name), "inner") if name.startswith("wcol") else (theme, name)
    plain = tuple(getattr(owner, field))
    setattr(owner, field, RED)
    try:
        yield
    finally:
        setattr(owner, field, plain)


def happened(condition):
    """Return a condition: another one holds, or it has not for too long."""
    began = time.monotonic()
    return lambda: condition() or time.monotonic() - began > PATIENCE_SECONDS


def scale():
    """Return the resolution scale."""
    return bpy.context.preferences.system.ui_scale


def generate_in_sight(window, area):
    """Report whether Generate is in the sidebar in each setting, and press it in the last."""
    sidebar = next(region for region in area.regions if region.type == "UI")
    found = []
    with painted("wcol_tool"):
        for setting in SETTINGS:
            yield from use_setting(window, *setting)
            found.append((yield from generate_box(sidebar)) is not None)
        report(in_sight=found)
        pressed = False
        while not pressed:
            x, y, width, _ = yield from generate_box(sidebar)
            yield request(press=[x + width // 4, y])
            pressed = answer()
    dispatcher = extension_module("blender.runtime.dispatcher")
    yield until(lambda: area.tag_redraw() or (laid_strips(timeline()) and not dispatcher.get_dispatcher().is_busy))
    report(explains=extension_module("blender.settings.first_run").is_explaining())
    report(sounds=sorted({strip.sound.name for strip in laid_strips(timeline())}))


def generate_box(sidebar):
    """Return the box of Generate, if all of it is in the sidebar; else None."""
    yield drawn_twice(sidebar)
    yield request(see="red")
    for x, y, width, height in answer():
        is_inside = x > sidebar.x and sidebar.y <= y - height // 2 and y < sidebar.y + sidebar.height
        if is_inside and width * height > LARGEST_BUTTON * scale() ** 2 and height > 25 * scale():
            return [x, y, width, height]
    return None


def show_tab(window, area):
    """Press Show Tab in the preferences, which replace the preview for a moment."""
    sidebar = next(region for region in area.regions if region.type == "UI")
    other = next(each for each in window.screen.areas if each.type == "SEQUENCE_EDITOR" and each != area)
    sidebar.active_panel_category = "Tool"
    other.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Tracklay"
    with bpy.context.temp_override(window=window, area=other):
        bpy.ops.preferences.addon_expand(module=PACKAGE)
    with painted("wcol_tool"):
        while sidebar.active_panel_category != "Tracklay":
            other.tag_redraw()
            yield seconds_passed(0.7)
            yield request(see="red")
            inside = [box for box in answer() if other.x < box[0] and other.y < box[1] < other.y + other.height]
            row = [box for box in inside if sum(abs(box[1] - each[1]) < ENTRY for each in inside) == 3]
            if row:
                yield request(press=min(row)[:2])
                yield happened(lambda: sidebar.active_panel_category == "Tracklay")
    other.type = "SEQUENCE_EDITOR"
    other.spaces[0].view_type = "PREVIEW"
    report(tab=sidebar.active_panel_category)


def choose(row, is_chosen, places, across=0.0):
    """Open a menu and click until its item is chosen.

    Args:
        row: row of the menu's button.
        is_chosen: whether the item is chosen.
        places: returns from the menu's width and height the places to click at, from its top left, until it is chosen.
        across: where in its row the button is, from 0 to 1.
    """
    tried = 0
    while not is_chosen():
        with painted("wcol_menu"):
            yield from press_button(row, across=across)
        with painted("wcol_menu_back"):
            yield request(see="red")
        x, middle, width, height = max(answer(), key=lambda box: box[2] * box[3], default=(0, 0, 0, 0))
        if height < 2 * ENTRY * scale():
            continue  # it is not open yet
        right, down = places(width, height)[tried]
        tried += 1
        yield request(click=[x + right, middle + height // 2 - down])
        yield happened(is_chosen)
        if not is_chosen():
            yield request(key="Escape")


def items(place, count):
    """Return the places of an item of an enumeration: below the title, or the same from the bottom if the menu opens up."""

    def places(_width, height):
        down = round(height * (place + 1.5) / (count + 1))
        return [(40, down), (40, height - down)]

    return places


def change_volume(sidebar):
    """Open Volume and Position, type a volume and a pan, and fade with the dialog."""
    rows = extension_module("blender.runtime.cue_rows")
    (name,) = rows.cue_list_rows[bpy.context.window_manager.tracklay.active].strip_names
    take = lambda: timeline().sequence_editor.strips[name]  # noqa: E731 - undo replaces it
    take().sound.use_mono = True
    with painted("wcol_num"):
        closed = found = yield from buttons(sidebar)
    while len(found) == len(closed):  # a click while a panel moves is lost
        with painted("wcol_tool"):
            tools = yield from buttons(sidebar)
        x, y, _, height = tools[-1][0]  # Loop and Solo; the sub-panel is below
        yield request(click=[x, y - height - round(10 * scale())])
        for _ in range(5):  # until the panel has opened, which takes a while on a busy machine
            with painted("wcol_num"):
                found = yield from buttons(sidebar)
            if len(found) > len(closed):
                break
    for row, (name_of_value, value) in ((-2, ("volume", 0.5)), (-1, ("pan", 0.25))):
        x, y, width, _ = found[row][0]
        is_set = lambda name=name_of_value, value=value: getattr(take(), name) == value  # noqa: E731
        while not is_set():
            yield request(at=[x + width // 2, y], key="Return")  # edits the field under the pointer
            yield request(type=str(value))
            yield request(key="Return")
            yield happened(is_set)
            if not is_set():
                yield request(key="Escape")
    report(volume=take().volume, pan=take().pan)
    with painted("wcol_tool"):
        yield from press_button(FADES, across=0.1)
    yield seconds_passed(0.7)
    yield request(key="Return")
    yield seconds_passed(0.5)
    report(mono=take().sound.use_mono)


FADES = 5
"""Row of the button of the fades, from Generate."""


def open_help(sidebar):
    """Click the help button in the header of each panel."""
    opened: list[str] = []

    def note(url, *_, **__):
        opened.append(url)
        return True

    webbrowser.open = note
    with painted("panel_header"):
        found = yield from buttons(sidebar)
    for x, y, width, _ in (row[0] for row in found[:2]):
        before = len(opened)
        yield request(click=[x + width - round(HELP_FROM_RIGHT * scale()) - 9, y])
        yield happened(lambda before=before: len(opened) > before)
    report(help=[url.rpartition("/")[2] for url in opened])


def use_example():
    """Choose an example of a prompt from the menu beside it."""
    settings = timeline().tracklay
    examples = extension_module("blender.settings.catalogue").MODELS[settings.model].examples
    settings.prompt = ""
    entry = round(ENTRY * scale())
    yield from choose(
        EXAMPLES, lambda: settings.prompt != "", lambda _, height: [(40, height - entry // 2), (40, entry // 2)]
    )
    report(example=settings.prompt in examples)


def choose_models():
    """Choose the last model of each column, and each mode of a model."""
    settings, models = timeline().tracklay, extension_module("blender.settings.catalogue").MODELS
    by_task = {
        task: [each.id for each in models.values() if each.task == task] for task in ("foley", "effect", "music")
    }
    modes = next(each for each in models.values() if each.parameter_for_role("mode"))
    settings.model = modes.id
    wanted = [(of_task[-1], column, len(of_task) - 1) for column, of_task in enumerate(by_task.values())]
    chosen = []
    for model, column, row in wanted:

        def places(width, _height, column=column, row=row):
            return [(width * column // 3 + (40, 80, 80)[column], round(ENTRY * (row + 1.5)))]

        yield from choose(MODEL, lambda model=model: settings.model == model, places)
        chosen.append(settings.model)
    report(models=chosen, ends=[model for model, _, _ in wanted])
    settings.model, mode = modes.id, modes.parameter_for_role("mode")
    params, chosen = getattr(settings.params, modes.id.replace("/", "_").replace("-", "_")), []
    for index, choice in reversed(list(enumerate(mode.choices))):
        is_chosen = lambda choice=choice: getattr(params, mode.name) == choice  # noqa: E731
        entry = round(ENTRY * (index + 0.6))
        yield from choose(EXAMPLES, is_chosen, lambda _, height, down=entry: [(40, down), (40, height - down)])
        chosen.append(getattr(params, mode.name))
    report(modes=chosen, choices=list(mode.choices))
    settings.model = "sketch/foley"


def filter_list(sidebar):
    """Filter the list, search in it, and group it by shot."""
    listed, kind = bpy.context.window_manager.tracklay, extension_module("blender.ui.cue_list").TRACKLAY_UL_cues
    shown: list[int] = []
    real = kind.filter_items

    def filter_items(self, context, data, name):
        flags, order = real(self, context, data, name)
        shown[:] = [sum(map(bool, flags)) if flags else len(listed.rows)]
        return flags, order

    kind.filter_items = filter_items
    filters = [each[0] for each in extension_module("blender.runtime.cue_rows").LIST_FILTERS]
    found = []
    for show in ("KEPT", "ALL"):
        yield from choose(LIST, lambda show=show: listed.show == show, items(filters.index(show), len(filters)))
        yield drawn_twice(sidebar)
        found += shown
    with painted("wcol_text"):
        rows = yield from buttons(sidebar)
    yield request(click=rows[SEARCH][-1][:2])
    yield request(type="cellar")
    yield request(key="Return")
    yield drawn_twice(sidebar)
    found += shown
    listed.search = ""
    first = lambda _, height: [(40, ENTRY // 2), (40, ENTRY * 3 // 2), (40, ENTRY * 2), (40, height - ENTRY // 2)]  # noqa: E731
    yield from choose(LIST, lambda: listed.is_grouped, first, SHOW_MORE)
    yield drawn_twice(sidebar)
    report(shown=[*found, *shown])
    listed.is_grouped, kind.filter_items = False, real


def loop_cue(window, sidebar):
    """Scroll to the button with the wheel, loop the cue, and end the loop."""
    yield request(at=[sidebar.x + 20, sidebar.y + sidebar.height // 2], wheel=30)
    with painted("wcol_tool"):
        found = yield from buttons(sidebar)
    x, y, width, _ = found[LOOP_ROW][0]
    loops = []
    for is_wanted in (True, False):
        yield request(click=[x + width // 4, y])
        yield happened(lambda is_wanted=is_wanted: window.screen.is_animation_playing == is_wanted)
        loops.append([timeline().use_preview_range, window.screen.is_animation_playing])
    report(loops=loops)


LOOP_ROW = -3
"""Row of Loop and Solo from the end of the sidebar, above the fades and the nudging."""
