"""Scenarios of placeholders: what lies there at once, follows the person, and is undone and redone in a real window."""

from __future__ import annotations

import gc
import json
import time

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
    lines = part("blender.pump").lines

    def models_work():
        return all("second" in line.words for line in lines().values())

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
        bpy.ops.ed.undo_push(message="moved and split")
    HOLD.unlink()

    def takes_are_laid():
        area.tag_redraw()
        return len(laid(timeline())) == 3 and not part("blender.pump").pump().busy

    yield takes_are_laid
    tell(landed=sorted([s.left_handle, s.duration, s.channel, s.mute] for s in laid(timeline())))
    yield shot("landed")
    mix, scene = FOLDER / "mix.wav", timeline()
    scene.render.ffmpeg.audio_mixrate = 48_000
    with bpy.context.temp_override(window=window, scene=scene):
        bpy.ops.sound.mixdown(filepath=str(mix), container="WAV", codec="PCM", format="S24")
    yield settled(mix)
    counts = []
    with bpy.context.temp_override(window=window, area=area):
        for step in (*[bpy.ops.ed.undo] * 4, *[bpy.ops.ed.redo] * 4):
            step()
            counts.append([len(held()), len(laid(timeline()))])
    tell(undone_and_redone=counts)


def crowd():
    """Two hundred jobs under way and two thousand strips: what each of our slices takes on Blender's own thread."""
    _, area = yield from sequencer()
    scene, strip = add_clip(FOLDER / "flashes.mp4", 1)
    use_clicker(scene)
    strips = scene.sequence_editor.strips
    for number in range(1599):
        strips.new_effect(f"title {number}", "COLOR", 100 + number % 20, 1 + number // 20 * 60, length=50)
    for number in range(199):
        strips.new_movie(f"clip {number}", str(FOLDER / "flashes.mp4"), 1, 101 + 100 * number).select = True
    strip.select = True
    HOLD.touch()
    pump, slices = part("blender.pump"), Slices()
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
        return sum("second" in line.words for line in pump.lines().values()) >= 8

    yield models_work
    ends = time.monotonic() + CHANGING

    def was_changed_for_a_while():
        strip.channel = 60 + int(time.monotonic() * 2) % 2  # twice a second, as fast as a person moves strips about
        return time.monotonic() > ends

    yield was_changed_for_a_while
    tell(strips=len(strips), lines=len(pump.lines()), working=slices.told())
    draws = _draws()

    def was_drawn():
        area.tag_redraw()
        return len(draws) > 10

    yield was_drawn
    tell(overlay_ms=sorted(draws)[len(draws) // 2] * 1000, longest_overlay_ms=max(draws) * 1000)
    slices.told()
    HOLD.unlink()

    def some_are_laid():
        return len(laid(scene)) >= 20

    yield some_are_laid
    tell(landed=len(laid(scene)), landing=slices.told())
    began = time.perf_counter()
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    middle = time.perf_counter()
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    tell(disable_ms=(middle - began) * 1000, enable_ms=(time.perf_counter() - middle) * 1000)


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
    pump, slices = part("blender.pump"), Slices()
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
    yield lambda: not pump.lines()


class Slices:
    """The longest of each kind of work of ours, and of Blender's own within it: milliseconds by the clock, and of the processor."""

    def __init__(self) -> None:
        self.longest: dict[str, tuple[float, float]] = {}
        self._collected_since = (0.0, 0.0)
        laying, cues, pictures = part("blender.laying"), part("blender.cues"), part("blender.pictures")
        placeholders, pump, staleness = part("blender.placeholders"), part("blender.pump"), part("blender.staleness")
        takes = part("blender.takes")
        for owner, name, told in (
            (laying, "remember", "Blender's undo step"),
            (laying, "sound", "Blender's new sound strip"),
            (laying, "hold", "all placeholders"),
            (laying, "asked_for", "what was asked for"),
            (pictures, "spots", "reading the pictures"),
            (part("blender.copies"), "write", "Blender's copy of the timeline"),
            (placeholders, "fill", "filling a strip"),
            (placeholders, "silence", "writing silence"),
            (cues.Index, "look", "looking through the timeline"),
            (staleness, "mark", "whether a take is stale"),
            (takes, "landed", "letting one take be heard"),
            (pump.Pump, "_hear_some", "hearing news"),
            (pump.Pump, "_look_on", "a slice of looking"),
            (pump.Pump, "_saw", "what was seen"),
            (pump.Pump, "_let_back", "letting takes back"),
            (pump.Pump, "_look_at_strips", "what is stale"),
            (pump.Pump, "_land", "laying a take"),
            (pump.Pump, "tick", "a whole tick"),
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


def _draws() -> list[float]:
    """Seconds of the processor for each drawing of the overlay."""
    overlay = part("blender.overlay")
    found: list[float] = []
    real = overlay.draw

    def draw():
        began = time.thread_time()
        real()
        found.append(time.thread_time() - began)

    overlay.unregister()
    overlay.draw = draw
    overlay.register()
    return found
