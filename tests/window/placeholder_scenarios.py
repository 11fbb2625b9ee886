"""Scenarios of placeholders: edited while a job runs, undone and redone, and timed on Blender's main thread."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import time
from typing import Any

import addon_utils  # type: ignore[import-not-found]
import bpy
from driver import FOLDER, PACKAGE, extension_module, report  # type: ignore[import-not-found]
from scenarios import (  # type: ignore[import-not-found]
    add_clip,
    file_is_complete,
    laid_strips,
    open_sequencer,
    sequencer,
    use_clicker,
)

HOLD = FOLDER / "hold"
"""While this file exists, the jobs of the fake provider do not end."""

EDITING_SECONDS = 10.0
"""How long a crowded timeline is edited while its jobs run."""


def timeline():
    """Return the edited scene. Undo replaces it by another object."""
    return bpy.context.window_manager.windows[0].workspace.sequencer_scene


def cue_strips():
    """Return the strips with a cue, from the lowest channel."""
    return sorted((s for s in timeline().sequence_editor.strips_all if "tracklay_cue" in s), key=lambda s: s.channel)


def picture_taken(name: str):
    """Return a condition: the test has taken a screenshot of the window."""
    began = time.monotonic()

    def picture_was_taken():
        for area in bpy.context.window_manager.windows[0].screen.areas:
            area.tag_redraw()
        if time.monotonic() - began > 1.0:
            (FOLDER / f"{name}.ready").touch()
        return (FOLDER / f"{name}.taken").exists()

    return picture_was_taken


def zoom_to_all(window, area):
    """Show the whole timeline."""
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.sequencer.view_all()


def follow():
    """Move and split a placeholder while its job runs, at two scales, wait for the takes, and undo and redo everything."""
    window, area = yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    scene.tracklay.takes = 2
    scene.frame_start, scene.frame_end = 1, 300
    HOLD.touch()
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.tracklay.generate()
    report(at_once=[[s.left_handle, s.duration, s.channel, s.mute, s.name] for s in cue_strips()])
    running_cues = extension_module("blender.runtime.cue_status").running_cues

    def jobs_run():
        return all("second" in line.message for line in running_cues().values())

    yield jobs_run
    zoom_to_all(window, area)
    yield picture_taken("working")
    bpy.context.preferences.view.ui_scale = 2.0
    yield picture_taken("working-large")
    bpy.context.preferences.view.ui_scale = 1.0
    first = cue_strips()[0]
    first.content_start = 151
    first.channel = 6
    for strip in timeline().sequence_editor.strips_all:
        strip.select = strip == first
    timeline().sequence_editor.active_strip = first
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.sequencer.split(frame=200, ignore_connections=True)
        copy_to_other_scene(window)
        bpy.ops.ed.undo_push(message="moved and split")
    HOLD.unlink()

    def takes_are_laid():
        area.tag_redraw()
        return (
            len(laid_strips(timeline())) == 4
            and not extension_module("blender.runtime.dispatcher").get_dispatcher().is_busy
        )

    yield takes_are_laid
    report(landed=sorted([s.left_handle, s.duration, s.channel, s.mute] for s in laid_strips(timeline())))
    report(elsewhere=[[s.left_handle, s.duration, s.content_start] for s in laid_strips(bpy.data.scenes["Other"])])
    yield picture_taken("landed")
    mix, scene = FOLDER / "mix.wav", timeline()
    scene.render.ffmpeg.audio_mixrate = 48_000
    with bpy.context.temp_override(window=window, scene=scene):
        bpy.ops.sound.mixdown(filepath=str(mix), container="WAV", codec="PCM", format="S24")
    yield file_is_complete(mix)
    counts = []
    for step in (*[bpy.ops.ed.undo] * 4, *[bpy.ops.ed.redo] * 4):
        with bpy.context.temp_override(window=window, area=area):
            step()

        def takes_are_restored():
            return not extension_module("blender.runtime.dispatcher").get_dispatcher().is_busy

        yield takes_are_restored
        counts.append([len(cue_strips()), len(laid_strips(timeline()))])
    report(undone_and_redone=counts)


def copy_to_other_scene(window):
    """Duplicate the placeholder of the muted take, slip the copy, and paste it into another scene."""
    strips, scene = timeline().sequence_editor.strips, timeline()
    second = next(strip for strip in cue_strips() if strip.mute)
    for strip in strips:
        strip.select = strip == second
    bpy.ops.sequencer.duplicate()
    copy = next(strip for strip in cue_strips() if strip.mute and strip != second)
    copy.content_start, copy.channel = 291, 9
    copy.left_handle, copy.right_handle = 301, 381
    for strip in strips:
        strip.select = strip == copy
    bpy.ops.sequencer.copy()
    other = bpy.data.scenes.new("Other")
    other.sequence_editor_create()
    window.workspace.sequencer_scene = other
    bpy.ops.sequencer.paste(keep_offset=True)
    window.workspace.sequencer_scene = scene


def crowd():
    """Time our slices on the main thread with two hundred jobs and two thousand strips."""
    _, area = yield from open_sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 1)
    use_clicker(scene)
    strips = scene.sequence_editor.strips
    for number in range(1599):
        strips.new_effect(f"title {number}", "COLOR", 100 + number % 20, 1 + number // 20 * 60, length=50)
    for number in range(199):
        strips.new_movie(f"clip {number}", str(FOLDER / "flashes.mp4"), 1, 101 + 100 * number).select = True
    strip.select = True
    HOLD.touch()
    dispatcher, slices = extension_module("blender.runtime.dispatcher"), SliceTimer()
    bpy.ops.ed.undo_push(message="before")
    for other in strips:
        other.select = other == strip
    began, spent = time.perf_counter(), time.thread_time()
    bpy.ops.tracklay.generate()
    report(
        press_ms=[(time.perf_counter() - began) * 1000, (time.thread_time() - spent) * 1000],
        slices=slices.take_longest(),
    )
    for other in strips:
        other.select = other.type == "MOVIE" and other != strip
    began, spent = time.perf_counter(), time.thread_time()
    bpy.ops.tracklay.generate()
    report(
        press_199_ms=[(time.perf_counter() - began) * 1000, (time.thread_time() - spent) * 1000],
        slices_199=slices.take_longest(),
    )

    def jobs_run():
        return (
            sum(
                "second" in line.message
                for line in extension_module("blender.runtime.cue_status").running_cues().values()
            )
            >= 8
        )

    yield jobs_run
    ends = time.monotonic() + EDITING_SECONDS

    def was_edited_long_enough():
        strip.channel = 60 + int(time.monotonic() * 2) % 2  # twice a second, as in fast editing
        return time.monotonic() > ends

    yield was_edited_long_enough
    report(
        strips=len(strips),
        lines=len(extension_module("blender.runtime.cue_status").running_cues()),
        working=slices.take_longest(),
    )
    yield from _measure_drawing(area)
    slices.take_longest()
    waits = _measure_waits(dispatcher)
    HOLD.unlink()

    def some_are_laid():
        return len(laid_strips(scene)) >= 20

    yield some_are_laid
    report(landed=len(laid_strips(scene)), landing=slices.take_longest())
    report(result_to_strip_ms_and_ticks=sorted(waits))
    with _measure() as found:
        bpy.ops.preferences.addon_disable(module=PACKAGE)
    report(disabling=found)


def enabling():
    """Time enabling the extension for the first time in a session and again, split into Blender's part and ours."""
    yield lambda: True
    for name in ("first", "off_and_on"):
        with _measure() as found, _split_enabling(found):
            bpy.ops.preferences.addon_enable(module=PACKAGE)
        report(**{f"enabling_{name}": found})
        bpy.ops.preferences.addon_disable(module=PACKAGE)


def _measure_waits(dispatcher) -> list[tuple[float, int]]:
    """Return the time from a result to its strip in milliseconds, and the ticks in between. Results that queue are left out.

    The list grows. Blender draws its window between two ticks.
    """
    arrived: dict[str, float] = {}
    found: list[tuple[float, int]] = []
    finished, placeholders, current = (
        extension_module("jobs").TakeFinished,
        extension_module("blender.sequencer.placeholders"),
        dispatcher.get_dispatcher(),
    )
    real_fill, events, real_tick = placeholders.fill_placeholders, current._runner.events, dispatcher.Dispatcher.process
    ticks: list[float] = []

    def tick(self):
        ticks.append(time.perf_counter())
        return real_tick(self)

    dispatcher.Dispatcher.process = tick

    class TimedEvents:
        get, get_nowait = staticmethod(events.get), staticmethod(events.get_nowait)

        def put(self, event):
            if isinstance(event, finished) and not current.inbox.fill_queue:
                arrived[event.cue.id] = time.perf_counter()
            events.put(event)

    def fill(refs, file, entry):
        scenes = real_fill(refs, file, entry)
        if refs and (since := arrived.pop(refs[0].tag.cue, None)) is not None:
            tick_count = sum(tick > since for tick in ticks)
            found.append((round((time.perf_counter() - since) * 1000, 1), tick_count))
        return scenes

    current._runner.events, placeholders.fill_placeholders = TimedEvents(), fill
    return found


@contextlib.contextmanager
def _measure(name: str = "total", found: dict[str, list[float]] | None = None):
    """Measure a block: yield a dictionary that then has wall and processor time in milliseconds by name."""
    found = {} if found is None else found
    began, spent = time.perf_counter(), time.thread_time()
    yield found
    now = time.perf_counter(), time.thread_time()
    found[name] = [round((after - before) * 1000, 2) for after, before in zip(now, (began, spent), strict=True)]


@contextlib.contextmanager
def _split_enabling(found: dict[str, list[float]]):
    """Measure the parts of enabling the extension: Blender's wheels, our import and our `register`."""
    real_refresh, real_import = addon_utils.extensions_refresh, importlib.import_module

    def refresh(*args, **named):
        with _measure("Blender: wheels", found):
            return real_refresh(*args, **named)

    def imported(name, package=None):
        if name != PACKAGE:
            return real_import(name, package)
        with _measure("Tracklay: import", found):
            module: Any = real_import(name)
            real_import(f"{name}.blender")
        real_register = module.register

        def register():
            module.register = real_register
            with _measure("Tracklay: register", found):
                real_register()

        module.register = register
        return module

    addon_utils.extensions_refresh, importlib.import_module = refresh, imported
    try:
        yield
    finally:
        addon_utils.extensions_refresh, importlib.import_module = real_refresh, real_import


def _measure_drawing(area):
    """Time the draws of the overlay, the panel and the cue list."""
    overlay, panels, cue_list = (
        extension_module("blender.ui.overlay"),
        extension_module("blender.ui.panels"),
        extension_module("blender.ui.cue_list"),
    )
    kinds: dict[str, list[list[float]]] = {"overlay": [], "panel": [], "list": []}
    overlay.unregister()
    for name, owner in (
        ("overlay", overlay),
        ("panel", panels.TRACKLAY_PT_sidebar),
        ("list", cue_list.TRACKLAY_PT_cues),
    ):
        _time_draw(owner, kinds[name])
    overlay.register()

    def was_drawn():
        area.tag_redraw()
        return all(len(each) > 20 for each in kinds.values())

    yield was_drawn
    for name, costs in kinds.items():
        middle = [round(sorted(column)[len(column) // 2], 2) for column in zip(*costs, strict=True)]
        report(
            **{
                f"drawing the {name}": {
                    "median": middle,
                    "longest": [max(column) for column in zip(*costs, strict=True)],
                }
            }
        )


def _time_draw(owner, costs: list[list[float]]) -> None:
    real = owner.draw

    def measured(function):
        found: dict[str, list[float]] = {}
        with _measure("", found):
            function()
        costs.append(found[""])

    def method(self, context):  # Blender counts the arguments of a draw function
        measured(lambda: real(self, context))

    owner.draw = method if isinstance(owner, type) else lambda: measured(real)


def extract_fifty():
    """Generate for fifty clips at once that are read from their file."""
    yield from _fifty(rendered=False, until=50)


def render_fifty():
    """Generate for fifty clips at once that Blender must render, until six are laid: each render takes seconds."""
    yield from _fifty(rendered=True, until=6)


def _fifty(*, rendered: bool, until: int):
    """Time our slices on the main thread while fifty clips with different frames are extracted."""
    _, area = yield from sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 1)
    use_clicker(scene)
    strips = scene.sequence_editor.strips
    clips = [strip, *(strips.new_movie(f"clip {n}", str(FOLDER / "flashes.mp4"), 1, 1 + 100 * n) for n in range(1, 50))]
    for number, clip in enumerate(clips):
        clip.left_handle += number
        clip.crop.min_y = 4 if rendered else 0
        clip.select = True
    # A user needs longer to select a clip than the import of the runner, which a thread has begun, takes.
    imported = extension_module("blender.runtime.dispatcher").get_dispatcher()._start_executor.submit(int)
    yield imported.done
    slices = SliceTimer()
    bpy.ops.ed.undo_push(message="before")
    # Every operator that a script calls first updates the scene: fifty new movies, which are no work of ours.
    slices.time_call("Blender: update of the scene", bpy.context.view_layer.update)
    slices.time_call("Generate", bpy.ops.tracklay.generate)
    report(pressed=slices.take_longest())

    def enough_are_laid():
        area.tag_redraw()
        return len(laid_strips(scene)) >= until

    yield enough_are_laid
    report(clips=len(clips), landed=len(laid_strips(scene)), meanwhile=slices.take_longest())
    report(ways=sorted({json.loads(take["tracklay"])["picture_by"]["way"] for take in laid_strips(scene)}))
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    yield lambda: not extension_module("blender.runtime.cue_status").running_cues()


class SliceTimer:
    """The longest call of each function that we run on the main thread: wall and processor time in milliseconds."""

    def __init__(self) -> None:
        self.longest: dict[str, tuple[float, float]] = {}
        self._collection_began = (0.0, 0.0)
        placement, cue_index, selection = (
            extension_module("blender.sequencer.placement"),
            extension_module("blender.sequencer.cue_index"),
            extension_module("blender.sequencer.selection"),
        )
        placeholders, dispatcher, staleness = (
            extension_module("blender.sequencer.placeholders"),
            extension_module("blender.runtime.dispatcher"),
            extension_module("blender.sequencer.staleness"),
        )
        takes = extension_module("blender.sequencer.takes")
        for owner, name, label in (
            (placement, "push_undo", "Blender: undo step"),
            (placement, "add_sound_strip", "Blender: new sound strip"),
            (placement, "place_placeholders", "place all placeholders"),
            (placement, "make_cue_request", "build the request"),
            (selection, "spot_ranges", "read the selection"),
            (extension_module("blender.sequencer.timeline_copy"), "write_scene_copy", "Blender: copy of the timeline"),
            (placeholders, "fill_placeholders", "fill a strip"),
            (placeholders, "write_silence", "write silence"),
            (cue_index.CueIndex, "refresh", "scan the timeline"),
            (staleness, "update_stale_flag", "check staleness of a strip"),
            (takes, "on_takes_filled", "mute other takes"),
            (dispatcher.Dispatcher, "_process_events", "process events"),
            (extension_module("blender.runtime.timeline_scan").TimelineScan, "run_slice", "slice of a scan"),
            (dispatcher.Dispatcher, "_on_scan_finished", "handle a scan"),
            (dispatcher.Dispatcher, "_refill", "refill strips"),
            (dispatcher.Dispatcher, "_check_staleness", "check staleness"),
            (dispatcher.Dispatcher, "_lay_next", "lay a take"),
            (dispatcher.Dispatcher, "process", "whole tick"),
        ):
            self._time(owner, name, label)
        gc.callbacks.append(self._on_collection)

    def _on_collection(self, phase: str, _about) -> None:
        """Time a run of the garbage collector, which may begin within any of our calls."""
        now = time.perf_counter(), time.thread_time()
        if phase == "start":
            self._collection_began = now
        else:
            self._record(
                "garbage collector",
                *(after - before for after, before in zip(now, self._collection_began, strict=True)),
            )

    def _record(self, label: str, clock: float, processor: float) -> None:
        longest = self.longest.get(label, (0.0, 0.0))
        self.longest[label] = max(longest[0], clock * 1000), max(longest[1], processor * 1000)

    def _time(self, owner, name: str, label: str) -> None:
        real = getattr(owner, name)
        setattr(owner, name, lambda *args, **named: self.time_call(label, real, *args, **named))

    def time_call(self, label: str, function, *args, **named):
        """Call a function, record the time that it takes, and return its result."""
        began, spent = time.perf_counter(), time.thread_time()
        try:
            return function(*args, **named)
        finally:
            self._record(label, time.perf_counter() - began, time.thread_time() - spent)

    def take_longest(self) -> dict[str, list[float]]:
        """Return the longest calls since the last call of this method."""
        found = {name: [round(each, 2) for each in pair] for name, pair in self.longest.items()}
        self.longest.clear()
        return found
