"""What is done inside Blender: each function is a scenario for `driver.py`."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path
from typing import Any

import bpy
from driver import FOLDER, PACKAGE, part, tell  # type: ignore[import-not-found]

WAVEFORM_SECONDS = 4.0
"""Blender draws waveforms when a thread of its own is done with them, and does not say when."""

RED = (1.0, 0.0, 0.0, 1.0)
"""No button of Blender's has it: the test finds Generate by it, to press it as a person does."""


TEMPLATE = Path(bpy.utils.system_resource("SCRIPTS")) / "startup/bl_app_templates_system/Video_Editing/startup.blend"


def sequencer():
    """The window and the sequencer's area, in the workspace that Blender has for editing."""
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window):
        bpy.ops.workspace.append_activate(idname="Video Editing", filepath=str(TEMPLATE))
    yield lambda: window.workspace.name.startswith("Video Editing")
    areas = [area for area in window.screen.areas if area.type == "SEQUENCE_EDITOR"]
    return window, next(area for area in areas if area.spaces[0].view_type == "SEQUENCER")


def open_sequencer():
    """The sidebar out, with Tracklay's tab in front. A part of a scenario, which gives the window and the area.

    Blender lets no script choose a tab, but keeps the one that is shown: so the others are away for a moment.
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


def waited(seconds: float):
    """A condition: so much time has passed. For what Blender does by itself and does not tell of."""
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
    """A clip on the timeline, selected."""
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
    """Measure every tick and every drawing of the panel: two lists of seconds on the main thread, filled as it goes."""
    ticks: list[float] = []
    draws: list[float] = []
    pump, panel = part("blender.runtime.dispatcher").Dispatcher, part("blender.ui.panels").TRACKLAY_PT_sidebar
    real_tick, real_draw = pump.process, panel.draw

    def tick(self):
        with _clock(ticks):
            return real_tick(self)

    def draw(self, context):  # Blender counts a draw function's arguments
        with _clock(draws):
            real_draw(self, context)

    pump.process, panel.draw = tick, draw
    return ticks, draws


def laid(scene):
    """The strips that Tracklay laid."""
    return [strip for strip in scene.sequence_editor.strips if "tracklay" in strip]


def use_clicker(scene):
    """The clicking model, chosen."""
    from clicking import clicker  # type: ignore[import-not-found]

    made = clicker()
    part("providers.base").register("clicker", lambda: made)
    part("jobs.pipeline").POLL_SECONDS = (0.05, 0.2)  # it is asked for nothing, and the test waits
    bpy.ops.tracklay.reload_models()
    scene.tracklay.model = "clicker/clicks"


def settled(path: Path):
    """A condition: the file is there and has stopped growing (5.2's mixdown returns before it is whole)."""
    seen = [-1.0, 0.0]

    def file_rests():
        size = path.stat().st_size if path.exists() else -1
        if size != seen[0] or size <= 0:
            seen[:] = [size, time.monotonic()]
        return time.monotonic() - seen[1] > 1.0

    return file_rests


def press_generate():
    """A person presses the button; the takes are laid by the timer; undo and redo go all the way; the mix clicks at the flashes."""
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
        return bool(part("blender.runtime.cue_status").running_cues())

    yield button_was_pressed
    pump = part("blender.runtime.dispatcher")

    def takes_are_laid():
        area.tag_redraw()
        return not pump.get_dispatcher().is_busy

    yield takes_are_laid
    tell(laid=[[take.left_handle, take.duration, take.channel, take.mute] for take in laid(scene)])
    tell(entry=json.loads(laid(scene)[0]["tracklay"]), connected=sorted(other.name for other in strip.connections))
    tell(longest_tick_ms=max(ticks) * 1000, ticks=len(ticks), longest_draw_ms=max(draws) * 1000)
    tell(middle_draw_ms=sorted(draws)[len(draws) // 2] * 1000, draws=len(draws))
    with bpy.context.temp_override(window=window, area=area):
        for _ in range(3):  # each take that came, and the Generate
            bpy.ops.ed.undo()
        tell(after_undo=len(laid(bpy.context.workspace.sequencer_scene)))
        for _ in range(3):
            bpy.ops.ed.redo()
        scene = bpy.context.workspace.sequencer_scene
        tell(after_redo=len(laid(scene)))
    scene.render.ffmpeg.audio_mixrate = 48_000
    mix = FOLDER / "mix.wav"
    with bpy.context.temp_override(window=window, scene=scene):
        bpy.ops.sound.mixdown(filepath=str(mix), container="WAV", codec="PCM", format="S24")
    yield settled(mix)


def stay_responsive():
    """A long strip and many strips: what a tick and a drawing take while all of it is under way."""
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
    tell(generate_ms=(time.perf_counter() - began) * 1000)
    pump = part("blender.runtime.dispatcher")

    def takes_are_laid():
        area.tag_redraw()
        return not pump.get_dispatcher().is_busy

    yield takes_are_laid
    tell(laid=len(laid(scene)), longest_tick_ms=max(ticks) * 1000, longest_draw_ms=max(draws) * 1000)
    tell(middle_draw_ms=sorted(draws)[len(draws) // 2] * 1000, middle_tick_ms=sorted(ticks)[len(ticks) // 2] * 1000)


def unregister_while_running():
    """The add-on is switched off in the midst of it: nothing is laid, nothing hangs, and it can be switched on again."""
    yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 1)
    use_clicker(scene)
    bpy.ops.tracklay.generate()
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    tell(threads=[thread.name for thread in threading.enumerate() if thread.name.startswith("tracklay")])
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    tell(model=scene.tracklay.model, laid=len(laid(scene)))
    yield lambda: True


def _render_scene(last: int):
    """A timeline with the clip, that a render makes a small movie of, and whose sound is seen to."""
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


def _begin_render(**how):
    """Render as a person does; the condition that it is over."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.render.render("INVOKE_DEFAULT", **how)
    seen = []

    def render_is_over():
        seen.append(bpy.app.is_job_running("RENDER"))
        return len(seen) > 10 and not any(seen[-10:])

    return render_is_over


def render_in_window():
    """Rendered with Blender's own command: the takes come first."""
    scene = yield from _render_scene(120)
    yield _begin_render(animation=True)
    tell(laid=len(laid(scene)), codec=scene.render.ffmpeg.audio_codec)


def render_stopped_in_window():
    """A still asks for nothing; a film whose sound fails is not rendered where it is to stop."""
    scene = yield from _render_scene(120)
    asked = []
    base, errors = part("providers.base"), part("errors")

    class Failing(base.Provider):  # type: ignore[name-defined,misc]
        name = "clicker"

        async def prepare(self, request):
            asked.append(request)
            raise errors.ModelFailed("the model has a cold")

        submit = poll = collect = prepare

    made = Failing()
    part("providers.base").register("clicker", lambda: made)
    scene.tracklay.if_sound_fails = "STOP"
    yield _begin_render()
    tell(asked_by_a_still=len(asked))
    yield _begin_render(animation=True)
    render = scene.render
    tell(asked_by_the_film=len(asked), size=[render.resolution_x, render.resolution_y, render.resolution_percentage])
    tell(files=[path.name for path in (FOLDER / "out").glob("*")])


def leave_a_file():
    """A saved file with takes in it, for a Blender that has never heard of Tracklay."""
    yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "film.blend"))
    bpy.ops.tracklay.generate(takes=2, wait=True)
    scene.frame_start, scene.frame_end = 1, 200
    bpy.ops.wm.save_mainfile()
    tell(laid=len(laid(scene)))


def update_while_running():
    """A newer zip is installed over this one while a job is at its provider: the new one brings the take."""
    yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    slow()
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "film.blend"))
    bpy.ops.tracklay.generate()

    def it_is_at_the_provider():
        return (FOLDER / "polled").exists()

    yield it_is_at_the_provider
    before = part("version").VERSION
    bpy.ops.extensions.package_install_files(
        filepath=str(FOLDER / "newer.zip"), repo="user_default", enable_on_install=True, overwrite=True
    )
    slow()
    tell(before=before, after=part("version").VERSION)
    (FOLDER / "go on").touch()

    def take_is_laid():
        return len(laid(scene)) == 1 and not part("blender.runtime.dispatcher").get_dispatcher().is_busy

    yield take_is_laid
    tell(threads=sum(thread.name == "tracklay" for thread in threading.enumerate()))
    ledger = part("jobs.ledger").Ledger()
    tell(jobs=[job.state for job in ledger.list_jobs(include_finished=True, limit=0)])
    ledger.close()
    tell(model=scene.tracklay.model, submitted=len((FOLDER / "submitted").read_text()))


def slow():
    """Have the clicking stand-in wait at its provider until the scenario lets it go on, and count what was submitted."""
    from clicking import clicker

    base = part("providers.base")

    kind: Any = type(clicker())

    class Slow(kind):  # type: ignore[misc]
        async def submit(self, intent):
            with (FOLDER / "submitted").open("a") as file:
                file.write("x")
            return await super().submit(intent)

        async def poll(self, ticket):
            (FOLDER / "polled").touch()
            return base.JobProgress("done" if (FOLDER / "go on").exists() else "running", 0.5)

    made = Slow()
    part("providers.base").register("clicker", lambda: made)


def read_the_keymap():
    """Which of our keys Blender has for something else in the sequencer, and which words of ours are in German."""
    yield from sequencer()
    keys = part("blender.ui.keymap")
    taken = []
    for keymap in bpy.context.window_manager.keyconfigs.default.keymaps:
        if keymap.name in ("Sequencer", "Video Sequence Editor", "Frames", "Screen", "Window", "Markers", "View2D"):
            for item in keymap.keymap_items:
                for operator, key, _ in keys.KEY_BINDINGS:
                    wanted = {"ctrl": False, "shift": False, "alt": False, **key}
                    if all(getattr(item, name) == value for name, value in wanted.items()):
                        taken.append([operator, keymap.name, item.idname])
    tell(taken=taken)
    view = bpy.context.preferences.view
    view.language, view.use_translate_interface = "de_DE", True
    translations = part("blender.settings.i18n.translate")
    pgettext = bpy.app.translations.pgettext_iface
    shown = {(context, text): pgettext(text, context) for context, text in translations.TRANSLATIONS["de_DE"]}
    # Where Blender has a word of its own for it, that is shown.
    tell(english=[text for key, text in shown.items() if text == key[1] != translations.TRANSLATIONS["de_DE"][key]])
    view.language = "en_US"  # Blender keeps its preferences when it ends, and others come after this


def draw_many():
    """Two thousand strips, most of them takes of cues: what each drawing of the panels takes, and each slice of the list's maker."""
    _, area = yield from open_sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 1)
    use_clicker(scene)
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid(scene)
    kept = {name: take[name] for name in take.keys()}  # noqa: SIM118 - it is no dict
    for number in range(MANY):
        # Colours are made in no time, and whoever lists cues asks no strip for its type.
        copy = scene.sequence_editor.strips.new_effect(
            f"take {number}", "COLOR", 3 + number % 20, 1 + 101 * (number // 20), length=100
        )
        for name, value in kept.items():
            copy[name] = value
        copy["tracklay_cue"] = json.dumps({"cue": f"cue {number // 2}", "take": number % 2})
    for each in scene.sequence_editor.strips:
        each.select = each == strip
    part("blender.sequencer.cue_index").shared_cue_index.is_dirty = True
    spotting = part("blender.ui.cue_list")
    drawn = timed(spotting.TRACKLAY_PT_cues, "draw")
    above = timed(part("blender.ui.panels").TRACKLAY_PT_sidebar, "draw")

    def list_is_made():
        return len(part("blender.runtime.cue_rows").cue_list_rows) > MANY // 2

    area.tag_redraw()
    yield list_is_made
    for taken in (drawn, above):
        taken[:-1] = []
    began = time.monotonic()

    def it_was_drawn_often():
        area.tag_redraw()
        return len(drawn) > 40 or (len(drawn) > 2 and time.monotonic() - began > 5)

    yield it_was_drawn_often
    tell(
        strips=len(scene.sequence_editor.strips),
        rows=len(part("blender.runtime.cue_rows").cue_list_rows),
        draws=len(drawn),
    )
    for name, taken in (("cues", drawn), ("panel", above)):
        tell(**{f"{name}_middle_ms": sorted(taken)[len(taken) // 2] * 1000, f"{name}_longest_ms": max(taken) * 1000})
    began = time.perf_counter()
    part("blender.sequencer.cue_index").shared_cue_index.refresh()
    tell(look_ms=(time.perf_counter() - began) * 1000)


MANY = 2000


def timed(owner: type, name: str) -> list[float]:
    """Measure each call of a function from now on: seconds, as they come."""
    real = getattr(owner, name)
    taken: list[float] = []

    def method(self, context):  # Blender counts a draw function's arguments
        with _clock(taken):
            return real(self, context)

    setattr(owner, name, method)
    return taken
