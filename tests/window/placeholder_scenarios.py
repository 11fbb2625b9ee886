"""Scenarios of placeholders: what lies there at once, follows the person, and is undone and redone in a real window."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import time
from typing import Any

import addon_utils  # type: ignore[import-not-found]
import bpy
from driver import FOLDER, PACKAGE, part, tell  # type: ignore[import-not-found]
from scenarios import (  # type: ignore[import-not-found]
    add_clip,
    laid,
    open_sequencer,
    sequencer,
    settled,
    use_clicker,
)

HOLD = FOLDER / "hold"
"""While it is there the clicking model does not answer."""

CHANGING = 10.0
"""Seconds for which a crowded timeline is changed while its jobs work."""


def timeline():
    """The scene that is edited: undo makes another of it."""
    return bpy.context.window_manager.windows[0].workspace.sequencer_scene


def held():
    """The strips that carry a cue, lowest channel first."""
    return sorted((s for s in timeline().sequence_editor.strips_all if "tracklay_cue" in s), key=lambda s: s.channel)


def shot(name: str):
    """A condition: the test has taken a picture of the window."""
    began = time.monotonic()

    def picture_was_taken():
        for area in bpy.context.window_manager.windows[0].screen.areas:
            area.tag_redraw()
        if time.monotonic() - began > 1.0:
            (FOLDER / f"{name}.ready").touch()
        return (FOLDER / f"{name}.taken").exists()

    return picture_was_taken


def zoomed(window, area):
    """All of the timeline in view."""
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.sequencer.view_all()


def follow():
    """A placeholder is moved and split while its model works, at two scales; the takes come; undo and redo go all the way."""
    window, area = yield from open_sequencer()
    scene, _ = add_clip(FOLDER / "flashes.mp4", 31)
    use_clicker(scene)
    scene.tracklay.takes = 2
    scene.frame_start, scene.frame_end = 1, 300
    HOLD.touch()
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.tracklay.generate()
    tell(at_once=[[s.left_handle, s.duration, s.channel, s.mute, s.name] for s in held()])
    lines = part("blender.runtime.cue_status").running_cues

    def models_work():
        return all("second" in line.message for line in lines().values())

    yield models_work
    zoomed(window, area)
    yield shot("working")
    bpy.context.preferences.view.ui_scale = 2.0
    yield shot("working-large")
    bpy.context.preferences.view.ui_scale = 1.0
    first = held()[0]
    first.content_start = 151
    first.channel = 6
    for strip in timeline().sequence_editor.strips_all:
        strip.select = strip == first
    timeline().sequence_editor.active_strip = first
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.sequencer.split(frame=200, ignore_connections=True)
        copy_about(window)
        bpy.ops.ed.undo_push(message="moved and split")
    HOLD.unlink()

    def takes_are_laid():
        area.tag_redraw()
        return len(laid(timeline())) == 4 and not part("blender.runtime.dispatcher").get_dispatcher().is_busy

    yield takes_are_laid
    tell(landed=sorted([s.left_handle, s.duration, s.channel, s.mute] for s in laid(timeline())))
    tell(elsewhere=[[s.left_handle, s.duration, s.content_start] for s in laid(bpy.data.scenes["Other"])])
    yield shot("landed")
    mix, scene = FOLDER / "mix.wav", timeline()
    scene.render.ffmpeg.audio_mixrate = 48_000
    with bpy.context.temp_override(window=window, scene=scene):
        bpy.ops.sound.mixdown(filepath=str(mix), container="WAV", codec="PCM", format="S24")
    yield settled(mix)
    counts = []
    for step in (*[bpy.ops.ed.undo] * 4, *[bpy.ops.ed.redo] * 4):
        with bpy.context.temp_override(window=window, area=area):
            step()

        def what_came_is_back():
            return not part("blender.runtime.dispatcher").get_dispatcher().is_busy

        yield what_came_is_back
        counts.append([len(held()), len(laid(timeline()))])
    tell(undone_and_redone=counts)


def copy_about(window):
    """The muted take's placeholder is duplicated, the copy slipped, and that pasted into another scene."""
    strips, scene = timeline().sequence_editor.strips, timeline()
    second = next(strip for strip in held() if strip.mute)
    for strip in strips:
        strip.select = strip == second
    bpy.ops.sequencer.duplicate()
    copy = next(strip for strip in held() if strip.mute and strip != second)
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
    """Two hundred jobs under way and two thousand strips: what each of our slices takes on Blender's own thread."""
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
    pump, slices = part("blender.runtime.dispatcher"), Slices()
    bpy.ops.ed.undo_push(message="before")
    for other in strips:
        other.select = other == strip
    began, spent = time.perf_counter(), time.thread_time()
    bpy.ops.tracklay.generate()
    tell(press_ms=[(time.perf_counter() - began) * 1000, (time.thread_time() - spent) * 1000], of_it=slices.told())
    for other in strips:
        other.select = other.type == "MOVIE" and other != strip
    began, spent = time.perf_counter(), time.thread_time()
    bpy.ops.tracklay.generate()
    tell(
        press_199_ms=[(time.perf_counter() - began) * 1000, (time.thread_time() - spent) * 1000], of_them=slices.told()
    )

    def models_work():
        return sum("second" in line.message for line in part("blender.runtime.cue_status").running_cues().values()) >= 8

    yield models_work
    ends = time.monotonic() + CHANGING

    def was_changed_for_a_while():
        strip.channel = 60 + int(time.monotonic() * 2) % 2  # twice a second, as fast as a person moves strips about
        return time.monotonic() > ends

    yield was_changed_for_a_while
    tell(strips=len(strips), lines=len(part("blender.runtime.cue_status").running_cues()), working=slices.told())
    yield from _drawn(area)
    slices.told()
    waits = _waits(pump)
    HOLD.unlink()

    def some_are_laid():
        return len(laid(scene)) >= 20

    yield some_are_laid
    tell(landed=len(laid(scene)), landing=slices.told())
    tell(result_to_strip_ms_and_ticks=sorted(waits))
    with _kept() as found:
        bpy.ops.preferences.addon_disable(module=PACKAGE)
    tell(disabling=found)


def enabling():
    """Tracklay is switched on in a Blender that has not seen it yet, and once more after it was off: whose time that takes."""
    yield lambda: True
    for name in ("first", "off_and_on"):
        with _kept() as found, _whose(found):
            bpy.ops.preferences.addon_enable(module=PACKAGE)
        tell(**{f"enabling_{name}": found})
        bpy.ops.preferences.addon_disable(module=PACKAGE)


def _waits(pump) -> list[tuple[float, int]]:
    """Milliseconds by the clock from a result to its strip, and our ticks meanwhile, of each that comes when no other waits to be laid.

    Between two ticks Blender draws its window.
    """
    came: dict[str, float] = {}
    found: list[tuple[float, int]] = []
    ended, placeholders, one = part("jobs").TakeFinished, part("blender.sequencer.placeholders"), pump.get_dispatcher()
    real_fill, hear, real_tick = placeholders.fill_placeholders, one._runner.events, pump.Dispatcher.process
    ticks: list[float] = []

    def tick(self):
        ticks.append(time.perf_counter())
        return real_tick(self)

    pump.Dispatcher.process = tick

    class Stamped:
        get, get_nowait = staticmethod(hear.get), staticmethod(hear.get_nowait)

        def put(self, news):
            if isinstance(news, ended) and not one.inbox.fill_queue:
                came[news.cue.id] = time.perf_counter()
            hear.put(news)

    def fill(places, file, text):
        scenes = real_fill(places, file, text)
        if places and (since := came.pop(places[0].tag.cue, None)) is not None:
            looks = sum(tick > since for tick in ticks)
            found.append((round((time.perf_counter() - since) * 1000, 1), looks))
        return scenes

    one._runner.events, placeholders.fill_placeholders = Stamped(), fill
    return found


@contextlib.contextmanager
def _kept(name: str = "all of it", found: dict[str, list[float]] | None = None):
    """Milliseconds by the clock and of the processor that something takes, by its name."""
    found = {} if found is None else found
    began, spent = time.perf_counter(), time.thread_time()
    yield found
    now = time.perf_counter(), time.thread_time()
    found[name] = [round((after - before) * 1000, 2) for after, before in zip(now, (began, spent), strict=True)]


@contextlib.contextmanager
def _whose(found: dict[str, list[float]]):
    """Tell apart what Blender does when it enables an extension, and what we do."""
    real_refresh, real_import = addon_utils.extensions_refresh, importlib.import_module

    def refresh(*args, **named):
        with _kept("of it, Blender's: wheels", found):
            return real_refresh(*args, **named)

    def imported(name, package=None):
        if name != PACKAGE:
            return real_import(name, package)
        with _kept("of it, ours: import", found):
            module: Any = real_import(name)
            real_import(f"{name}.blender")
        real_register = module.register

        def register():
            module.register = real_register
            with _kept("of it, ours: register", found):
                real_register()

        module.register = register
        return module

    addon_utils.extensions_refresh, importlib.import_module = refresh, imported
    try:
        yield
    finally:
        addon_utils.extensions_refresh, importlib.import_module = real_refresh, real_import


def _drawn(area):
    """What drawing takes: the bars on the strips, the panel, and the list."""
    overlay, panels, spotting = part("blender.ui.overlay"), part("blender.ui.panels"), part("blender.ui.cue_list")
    kinds: dict[str, list[list[float]]] = {"bars and words": [], "panel": [], "list": []}
    overlay.unregister()
    for name, owner in (
        ("bars and words", overlay),
        ("panel", panels.TRACKLAY_PT_sidebar),
        ("list", spotting.TRACKLAY_PT_cues),
    ):
        _watch(owner, kinds[name])
    overlay.register()

    def was_drawn():
        area.tag_redraw()
        return all(len(each) > 20 for each in kinds.values())

    yield was_drawn
    for name, costs in kinds.items():
        middle = [round(sorted(column)[len(column) // 2], 2) for column in zip(*costs, strict=True)]
        tell(
            **{
                f"drawing the {name}": {
                    "in the middle": middle,
                    "at most": [max(column) for column in zip(*costs, strict=True)],
                }
            }
        )


def _watch(owner, costs: list[list[float]]) -> None:
    real = owner.draw

    def measured(function):
        found: dict[str, list[float]] = {}
        with _kept("", found):
            function()
        costs.append(found[""])

    def method(self, context):  # Blender counts a draw function's arguments
        measured(lambda: real(self, context))

    owner.draw = method if isinstance(owner, type) else lambda: measured(real)


def extract_fifty():
    """Fifty clips at once, read from their file."""
    yield from _fifty(rendered=False, until=50)


def render_fifty():
    """Fifty clips at once that only Blender shows, until some of them are there: each wants another Blender for seconds."""
    yield from _fifty(rendered=True, until=6)


def _fifty(*, rendered: bool, until: int):
    """What each of our slices takes on Blender's own thread while fifty clips, each of other frames, are extracted."""
    _, area = yield from sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 1)
    use_clicker(scene)
    strips = scene.sequence_editor.strips
    clips = [strip, *(strips.new_movie(f"clip {n}", str(FOLDER / "flashes.mp4"), 1, 1 + 100 * n) for n in range(1, 50))]
    for number, clip in enumerate(clips):
        clip.left_handle += number
        clip.crop.min_y = 4 if rendered else 0
        clip.select = True
    slices = Slices()
    bpy.ops.ed.undo_push(message="before")
    began, spent = time.perf_counter(), time.thread_time()
    bpy.ops.tracklay.generate()
    pressed = [(time.perf_counter() - began) * 1000, (time.thread_time() - spent) * 1000]
    tell(pressed={"Generate, all of it": [round(each, 2) for each in pressed]} | slices.told())

    def enough_are_laid():
        area.tag_redraw()
        return len(laid(scene)) >= until

    yield enough_are_laid
    tell(clips=len(clips), landed=len(laid(scene)), meanwhile=slices.told())
    tell(ways=sorted({json.loads(take["tracklay"])["picture_by"]["way"] for take in laid(scene)}))
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    yield lambda: not part("blender.runtime.cue_status").running_cues()


class Slices:
    """The longest of each kind of work of ours, and of Blender's own within it: milliseconds by the clock, and of the processor."""

    def __init__(self) -> None:
        self.longest: dict[str, tuple[float, float]] = {}
        self._collected_since = (0.0, 0.0)
        laying, cues, pictures = (
            part("blender.sequencer.placement"),
            part("blender.sequencer.cue_index"),
            part("blender.sequencer.selection"),
        )
        placeholders, pump, staleness = (
            part("blender.sequencer.placeholders"),
            part("blender.runtime.dispatcher"),
            part("blender.sequencer.staleness"),
        )
        takes = part("blender.sequencer.takes")
        for owner, name, told in (
            (laying, "push_undo", "Blender's undo step"),
            (laying, "add_sound_strip", "Blender's new sound strip"),
            (laying, "place_placeholders", "all placeholders"),
            (laying, "make_cue_request", "what was asked for"),
            (pictures, "spot_ranges", "reading the pictures"),
            (part("blender.sequencer.timeline_copy"), "write_scene_copy", "Blender's copy of the timeline"),
            (placeholders, "fill_placeholders", "filling a strip"),
            (placeholders, "write_silence", "writing silence"),
            (cues.CueIndex, "refresh", "looking through the timeline"),
            (staleness, "update_stale_flag", "whether a take is stale"),
            (takes, "on_takes_filled", "letting one take be heard"),
            (pump.Dispatcher, "_process_events", "hearing news"),
            (part("blender.runtime.timeline_scan").TimelineScan, "run_slice", "a slice of looking"),
            (pump.Dispatcher, "_on_scan_finished", "what was seen"),
            (pump.Dispatcher, "_refill", "letting takes back"),
            (pump.Dispatcher, "_check_staleness", "what is stale"),
            (pump.Dispatcher, "_fill_next", "laying a take"),
            (pump.Dispatcher, "process", "a whole tick"),
        ):
            self._time(owner, name, told)
        gc.callbacks.append(self._collects)

    def _collects(self, phase: str, _about) -> None:
        """Python's collector comes whenever it likes, within our work and within any other add-on's."""
        now = time.perf_counter(), time.thread_time()
        if phase == "start":
            self._collected_since = now
        else:
            self._keep(
                "Python's collector",
                *(after - before for after, before in zip(now, self._collected_since, strict=True)),
            )

    def _keep(self, told: str, clock: float, processor: float) -> None:
        kept = self.longest.get(told, (0.0, 0.0))
        self.longest[told] = max(kept[0], clock * 1000), max(kept[1], processor * 1000)

    def _time(self, owner, name: str, told: str) -> None:
        real = getattr(owner, name)

        def measured(*args, **named):
            began, spent = time.perf_counter(), time.thread_time()
            try:
                return real(*args, **named)
            finally:
                self._keep(told, time.perf_counter() - began, time.thread_time() - spent)

        setattr(owner, name, measured)

    def told(self) -> dict[str, list[float]]:
        """What was longest since this was asked before."""
        found = {name: [round(each, 2) for each in pair] for name, pair in self.longest.items()}
        self.longest.clear()
        return found
