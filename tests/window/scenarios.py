"""Scenarios for `driver.py`, which run inside Blender, and helpers that all scenario files use."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path
from typing import Any

import bpy
from driver import FOLDER, PACKAGE, extension_module, report  # type: ignore[import-not-found]

WAVEFORM_SECONDS = 4.0
"""Longest time until Blender has drawn the waveforms, which it computes on a thread without any signal."""

RED = (1.0, 0.0, 0.0, 1.0)
"""Theme colour that no other widget of Blender has. The test finds the buttons on a screenshot by it."""


TEMPLATE = Path(bpy.utils.system_resource("SCRIPTS")) / "startup/bl_app_templates_system/Video_Editing/startup.blend"


def sequencer():
    """Open Blender's Video Editing workspace; return the window and the area of the sequencer."""
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window):
        bpy.ops.workspace.append_activate(idname="Video Editing", filepath=str(TEMPLATE))
    yield lambda: window.workspace.name.startswith("Video Editing")
    areas = [area for area in window.screen.areas if area.type == "SEQUENCE_EDITOR"]
    return window, next(area for area in areas if area.spaces[0].view_type == "SEQUENCER")


def open_sequencer():
    """Open the sequencer's sidebar with the Tracklay tab in front; return the window and the area.

    A script cannot select a tab, but Blender keeps the visible one: all other panels are unregistered for a moment.
    """
    window, area = yield from sequencer()
    area.spaces[0].show_region_ui = True
    others = sorted(
        filter(_is_other_tab, _subclasses(bpy.types.Panel)), key=lambda panel: hasattr(panel, "bl_parent_id")
    )
    for panel in reversed(others):
        bpy.utils.unregister_class(panel)
    region = next(region for region in area.regions if region.type == "UI")

    def tab_is_in_front():
        area.tag_redraw()
        return region.active_panel_category == "Tracklay"

    yield tab_is_in_front
    for panel in others:
        bpy.utils.register_class(panel)
    return window, area


def seconds_passed(seconds: float):
    """Return a condition: this time has passed. For work of Blender that has no signal."""
    began = time.monotonic()

    def time_has_passed():
        return time.monotonic() - began > seconds

    return time_has_passed


def _subclasses(kind):
    for each in kind.__subclasses__():
        yield from _subclasses(each)
        yield each


def _is_other_tab(panel) -> bool:
    where = (getattr(panel, "bl_space_type", ""), getattr(panel, "bl_region_type", ""))
    return (
        where == ("SEQUENCE_EDITOR", "UI") and panel.is_registered and getattr(panel, "bl_category", "") != "Tracklay"
    )


def add_clip(path: Path, start: int, fps: int = 25):
    """Add a movie strip, select it, and return the scene and the strip."""
    scene = bpy.context.window_manager.windows[0].scene
    workspace = bpy.context.window_manager.windows[0].workspace
    if workspace.sequencer_scene is None:
        workspace.sequencer_scene = scene
    scene = workspace.sequencer_scene
    scene.sequence_editor_create()
    scene.render.fps, scene.render.fps_base = fps, 1.0
    strip = scene.sequence_editor.strips.new_movie(path.stem, str(path), 1, start)
    strip.select = True
    return scene, strip


@contextlib.contextmanager
def _clock(slices: list[float]):
    began = time.perf_counter()
    try:
        yield
    finally:
        slices.append(time.perf_counter() - began)


def measure():
    """Time every tick and every draw of the panel: return two lists of seconds on the main thread, which grow."""
    ticks: list[float] = []
    draws: list[float] = []
    dispatcher, panel = (
        extension_module("blender.runtime.dispatcher").Dispatcher,
        extension_module("blender.ui.panels").TRACKLAY_PT_sidebar,
    )
    real_tick, real_draw = dispatcher.process, panel.draw

    def tick(self):
        with _clock(ticks):
            return real_tick(self)

    def draw(self, context):  # Blender counts the arguments of a draw function
        with _clock(draws):
            real_draw(self, context)

    dispatcher.process, panel.draw = tick, draw
    return ticks, draws


def laid_strips(scene):
    """Return the strips of laid takes."""
    return [strip for strip in scene.sequence_editor.strips if "tracklay" in strip]


def use_clicker(scene):
    """Register the fake clicking provider and select its model."""
    from clicking import clicker  # type: ignore[import-not-found]

    provider = clicker()
    extension_module("providers.base").register("clicker", lambda: provider)
    extension_module("jobs.pipeline").POLL_SECONDS = (0.05, 0.2)  # the fake answers at once
    bpy.ops.tracklay.reload_models()
    scene.tracklay.model = "clicker/clicks"


def file_is_complete(path: Path):
    """Return a condition: the file exists and has stopped growing. The mixdown of Blender 5.2 returns before it is complete."""
    previous = [-1.0, 0.0]

    def has_stopped_growing():
        size = path.stat().st_size if path.exists() else -1
        if size != previous[0] or size <= 0:
            previous[:] = [size, time.monotonic()]
        return time.monotonic() - previous[1] > 1.0

    return has_stopped_growing


def press_generate():
    """Wait for a click on Generate and for the laid takes, undo and redo everything, and write a mixdown."""
    window, area = yield from open_sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    scene.tracklay.takes = 2
    scene.frame_start, scene.frame_end = 1, 200
    ticks, draws = measure()
    bpy.context.preferences.themes[0].user_interface.wcol_tool.inner = RED
    area.tag_redraw()

    def panel_is_drawn():
        return len(draws) > 2 or area.tag_redraw()

    yield panel_is_drawn
    bpy.ops.ed.undo_push(message="before")
    (FOLDER / "press").touch()

    def button_was_pressed():
        area.tag_redraw()
        return bool(extension_module("blender.runtime.cue_status").running_cues())

    yield button_was_pressed
    dispatcher = extension_module("blender.runtime.dispatcher")

    def takes_are_laid():
        area.tag_redraw()
        return not dispatcher.get_dispatcher().is_busy

    yield takes_are_laid
    report(laid=[[take.left_handle, take.duration, take.channel, take.mute] for take in laid_strips(scene)])
    report(
        entry=json.loads(laid_strips(scene)[0]["tracklay"]), connected=sorted(other.name for other in strip.connections)
    )
    report(longest_tick_ms=max(ticks) * 1000, ticks=len(ticks), longest_draw_ms=max(draws) * 1000)
    report(middle_draw_ms=sorted(draws)[len(draws) // 2] * 1000, draws=len(draws))
    with bpy.context.temp_override(window=window, area=area):
        for _ in range(3):  # one for each laid take, and one for Generate
            bpy.ops.ed.undo()
        report(after_undo=len(laid_strips(bpy.context.workspace.sequencer_scene)))
        for _ in range(3):
            bpy.ops.ed.redo()
        scene = bpy.context.workspace.sequencer_scene
        report(after_redo=len(laid_strips(scene)))
    scene.render.ffmpeg.audio_mixrate = 48_000
    mix = FOLDER / "mix.wav"
    with bpy.context.temp_override(window=window, scene=scene):
        bpy.ops.sound.mixdown(filepath=str(mix), container="WAV", codec="PCM", format="S24")
    yield file_is_complete(mix)


def stay_responsive():
    """Time the ticks and the draws of the panel while twelve clips are generated."""
    _, area = yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 1)
    for number in range(11):
        strip = scene.sequence_editor.strips.new_movie(
            f"clip {number}", str(FOLDER / "flashes.mp4"), 1, 101 + 100 * number
        )
        strip.select = True
    use_clicker(scene)
    ticks, draws = measure()
    began = time.perf_counter()
    bpy.ops.tracklay.generate()
    report(generate_ms=(time.perf_counter() - began) * 1000)
    dispatcher = extension_module("blender.runtime.dispatcher")

    def takes_are_laid():
        area.tag_redraw()
        return not dispatcher.get_dispatcher().is_busy

    yield takes_are_laid
    report(laid=len(laid_strips(scene)), longest_tick_ms=max(ticks) * 1000, longest_draw_ms=max(draws) * 1000)
    report(middle_draw_ms=sorted(draws)[len(draws) // 2] * 1000, middle_tick_ms=sorted(ticks)[len(ticks) // 2] * 1000)


def unregister_while_running():
    """Disable the extension while a job runs, and enable it again."""
    yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 1)
    use_clicker(scene)
    bpy.ops.tracklay.generate()
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    report(threads=[thread.name for thread in threading.enumerate() if thread.name.startswith("tracklay")])
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    report(model=scene.tracklay.model, laid=len(laid_strips(scene)))
    yield lambda: True


def _render_scene(last: int):
    """Set up a scene with the clip that renders to a small movie and generates its sound first."""
    yield from sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 11)
    use_clicker(scene)
    bpy.context.preferences.view.render_display_type = "NONE"
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = 192, 108, 100
    render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.audio_codec = "MKV", "NONE"
    render.filepath = str(FOLDER / "out" / "film_")
    scene.frame_start, scene.frame_end = 1, last
    scene.tracklay.sound_at_render = True
    return scene


def _begin_render(**options):
    """Start a render from the menu; return the condition that it has ended."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.render.render("INVOKE_DEFAULT", **options)
    states = []

    def render_has_ended():
        # The job starts some checks later, and rendering pauses between handler and render: ten in a row count.
        states.append(bpy.app.is_job_running("RENDER"))
        return len(states) > 10 and not any(states[-10:])

    return render_has_ended


def render_in_window():
    """Render a part of the animation with Blender's own operator; a shot lies after it."""
    scene = yield from _render_scene(240)
    add_clip(FOLDER / "flashes.mp4", 131)
    yield _begin_render(animation=True, frame_start=1, frame_end=120)
    report(laid=len(laid_strips(scene)), codec=scene.render.ffmpeg.audio_codec)


def render_stopped_in_window():
    """Render a still, then an animation whose sound fails, with the setting Stop."""
    scene = yield from _render_scene(120)
    requests = []
    base, errors = extension_module("providers.base"), extension_module("errors")

    class Failing(base.Provider):  # type: ignore[name-defined,misc]
        name = "clicker"

        async def prepare(self, request):
            requests.append(request)
            raise errors.ModelFailed("Out of memory.")

        submit = poll = collect = prepare

    provider = Failing()
    extension_module("providers.base").register("clicker", lambda: provider)
    scene.tracklay.if_sound_fails = "STOP"
    yield _begin_render()
    report(requests_of_still=len(requests))
    yield _begin_render(animation=True)
    render = scene.render
    report(
        requests_of_film=len(requests), size=[render.resolution_x, render.resolution_y, render.resolution_percentage]
    )
    report(files=[path.name for path in (FOLDER / "out").glob("*")])


def leave_a_file():
    """Save a file with laid takes, for a Blender without the extension."""
    yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "film.blend"))
    bpy.ops.tracklay.generate(takes=2, wait=True)
    scene.frame_start, scene.frame_end = 1, 200
    bpy.ops.wm.save_mainfile()
    report(laid=len(laid_strips(scene)))


def update_while_running():
    """Install a newer version of the extension while a job runs at its provider; the new version lays the take."""
    yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    use_slow_clicker()
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "film.blend"))
    bpy.ops.tracklay.generate()

    def job_was_polled():
        return (FOLDER / "polled").exists()

    yield job_was_polled
    before = extension_module("version").VERSION
    bpy.ops.extensions.package_install_files(
        filepath=str(FOLDER / "newer.zip"), repo="user_default", enable_on_install=True, overwrite=True
    )
    use_slow_clicker()
    report(before=before, after=extension_module("version").VERSION)
    (FOLDER / "go on").touch()

    def take_is_laid():
        return (
            len(laid_strips(scene)) == 1 and not extension_module("blender.runtime.dispatcher").get_dispatcher().is_busy
        )

    yield take_is_laid
    report(threads=sum(thread.name == "tracklay" for thread in threading.enumerate()))
    ledger = extension_module("jobs.ledger").Ledger()
    report(jobs=[job.state for job in ledger.all_jobs()])
    ledger.close()
    report(model=scene.tracklay.model, submitted=len((FOLDER / "submitted").read_text()))


def use_slow_clicker():
    """Register a clicking provider that counts submissions and runs until the scenario creates the file `go on`."""
    from clicking import clicker

    base = extension_module("providers.base")

    kind: Any = type(clicker())

    class Slow(kind):  # type: ignore[misc]
        async def submit(self, submission):
            with (FOLDER / "submitted").open("a") as file:
                file.write("x")
            return await super().submit(submission)

        async def poll(self, handle):
            (FOLDER / "polled").touch()
            return base.JobProgress("done" if (FOLDER / "go on").exists() else "running", 0.5)

    provider = Slow()
    extension_module("providers.base").register("clicker", lambda: provider)


def read_the_keymap():
    """Report the shortcuts that Blender uses itself in the sequencer, and the texts that stay English in German."""
    yield from sequencer()
    keymap_module = extension_module("blender.ui.keymap")
    taken = []
    for keymap in bpy.context.window_manager.keyconfigs.default.keymaps:
        if keymap.name in ("Sequencer", "Video Sequence Editor", "Frames", "Screen", "Window", "Markers", "View2D"):
            for item in keymap.keymap_items:
                for operator, key, _ in keymap_module.KEY_BINDINGS:
                    wanted = {"ctrl": False, "shift": False, "alt": False, **key}
                    if all(getattr(item, name) == value for name, value in wanted.items()):
                        taken.append([operator, keymap.name, item.idname])
    report(taken=taken)
    view = bpy.context.preferences.view
    view.language, view.use_translate_interface = "de_DE", True
    translations = extension_module("blender.settings.i18n.translate")
    pgettext = bpy.app.translations.pgettext_iface
    shown = {(context, text): pgettext(text, context) for context, text in translations.TRANSLATIONS["de_DE"]}
    # A text that Blender translates itself may differ from our translation.
    report(english=[text for key, text in shown.items() if text == key[1] != translations.TRANSLATIONS["de_DE"][key]])
    view.language = "en_US"  # Blender saves its preferences when it quits: the next scenario is English


def draw_many():
    """Time the draws of the panels and a scan of the timeline with two thousand strips, most of them takes of cues."""
    _, area = yield from open_sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 1)
    use_clicker(scene)
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid_strips(scene)
    properties = {name: take[name] for name in take.keys()}  # noqa: SIM118 - a strip is not iterable
    for number in range(MANY):
        # Colour strips are created fast, and the list of cues does not depend on the strip type.
        copy = scene.sequence_editor.strips.new_effect(
            f"take {number}", "COLOR", 3 + number % 20, 1 + 101 * (number // 20), length=100
        )
        for name, value in properties.items():
            copy[name] = value
        copy["tracklay_cue"] = json.dumps({"cue": f"cue {number // 2}", "take": number % 2})
    for each in scene.sequence_editor.strips:
        each.select = each == strip
    extension_module("blender.sequencer.cue_index").shared_cue_index.is_dirty = True
    cue_list = extension_module("blender.ui.cue_list")
    drawn = timed(cue_list.TRACKLAY_PT_cues, "draw")
    above = timed(extension_module("blender.ui.panels").TRACKLAY_PT_sidebar, "draw")

    def list_is_built():
        return len(extension_module("blender.runtime.cue_rows").cue_list_rows) > MANY // 2

    area.tag_redraw()
    yield list_is_built
    for taken in (drawn, above):
        taken[:-1] = []
    began = time.monotonic()

    def was_drawn_often():
        area.tag_redraw()
        return len(drawn) > 40 or (len(drawn) > 2 and time.monotonic() - began > 5)

    yield was_drawn_often
    report(
        strips=len(scene.sequence_editor.strips),
        rows=len(extension_module("blender.runtime.cue_rows").cue_list_rows),
        draws=len(drawn),
    )
    for name, taken in (("cues", drawn), ("panel", above)):
        report(**{f"{name}_middle_ms": sorted(taken)[len(taken) // 2] * 1000, f"{name}_longest_ms": max(taken) * 1000})
    began = time.perf_counter()
    extension_module("blender.sequencer.cue_index").shared_cue_index.refresh()
    report(scan_ms=(time.perf_counter() - began) * 1000)
    filtered = timed_filter(cue_list.TRACKLAY_UL_cues)
    listed = bpy.context.window_manager.tracklay
    listed.is_grouped, listed.search, listed.order = True, "click", "STATUS"

    def was_filtered_often():
        area.tag_redraw()
        return len(filtered) > 10

    yield was_filtered_often
    report(filter_middle_ms=sorted(filtered)[len(filtered) // 2] * 1000)


MANY = 2000


def timed(owner: type, name: str) -> list[float]:
    """Time each call of a method from now on; return the list of seconds, which grows."""
    real = getattr(owner, name)
    taken: list[float] = []

    def method(self, context):  # Blender counts the arguments of a draw function
        with _clock(taken):
            return real(self, context)

    setattr(owner, name, method)
    return taken


def timed_filter(kind: Any) -> list[float]:
    """Time each call of a list's filter from now on; return the list of seconds, which grows."""
    real = kind.filter_items
    taken: list[float] = []

    def filter_items(self, context, data, name):
        with _clock(taken):
            return real(self, context, data, name)

    kind.filter_items = filter_items
    return taken
