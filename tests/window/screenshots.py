"""The scenes of the gallery: each is set up as a person would come to it, and waits until its picture is taken."""

from __future__ import annotations

import asyncio
import json

import bpy
from clicking import clicker  # type: ignore[import-not-found]
from driver import FOLDER, PACKAGE, part  # type: ignore[import-not-found]
from scenarios import WAVEFORM_SECONDS, add_clip, laid, open_sequencer, waited  # type: ignore[import-not-found]

FPS = 24
SHOT = 48
"""Frames."""


def picture(name: str, *parts):
    """Have a picture taken: of these areas or regions together, or of all."""
    box = None
    if parts:
        left, bottom = min(each.x for each in parts), min(each.y for each in parts)
        box = [left, bottom, max(each.x + each.width for each in parts), max(each.y + each.height for each in parts)]
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()
    yield waited(0.6)
    (FOLDER / f"{name}.ready").write_text(json.dumps(box))

    def picture_was_taken():
        return (FOLDER / f"{name}.taken").exists()

    yield picture_was_taken


def moody():
    """The clicking stand-in in moods: what the prompt says becomes of the work."""
    base, errors = part("providers.base"), part("errors")
    kind = type(clicker())

    class Moody(kind):  # type: ignore[misc,valid-type]
        async def prepare(self, request):
            intent = await super().prepare(request)
            return base.Submission(
                intent.provider, intent.id, intent.created_at, {**intent.data, "prompt": request.prompt}
            )

        async def submit(self, submission):
            if "silence" in submission.data["prompt"]:
                raise errors.ModelFailed("the model found nothing to sound in this picture: write what should be heard")
            if "lost" in submission.data["prompt"]:
                raise errors.SubmissionUnknown("the answer of clicker was lost: nobody knows whether the work began")
            return base.JobHandle(
                self.name, submission.id, {**submission.data, "left": "slow" in submission.data["prompt"]}
            )

        async def poll(self, handle):
            if handle.data["left"] and not (FOLDER / "go on").exists():
                await asyncio.sleep(0.2)
                return base.JobProgress("running", 0.46, "step 12 of 25")
            return base.JobProgress("done")

    return Moody()


class Stage:
    """The window, its sequencer, and what scenes do again and again."""

    def __init__(self, window, area):
        self.window, self.dispatcher = window, part("blender.runtime.dispatcher")
        self.set(area)

    def set(self, area):
        """Work in this area from now on."""
        self.area = area
        self.region = next(region for region in area.regions if region.type == "WINDOW")
        self.sidebar = next(region for region in area.regions if region.type == "UI")

    def over(self):
        """The context of the timeline."""
        return bpy.context.temp_override(window=self.window, area=self.area, region=self.region)

    def view_all(self):
        """Bring all strips into view."""
        with self.over():
            bpy.ops.sequencer.view_all()

    def takes_are_laid(self):
        """A condition: nothing is under way."""
        return not self.dispatcher.get_dispatcher().is_busy

    def generate(self, scene, model, prompt, **more):
        """Press Generate."""
        settings = scene.tracklay
        settings.model, settings.prompt, settings.seed = model, prompt, 4
        bpy.ops.tracklay.generate(**more)

    def whole_window(self):
        """Give the sequencer the whole window, or its old place."""
        with self.over():
            bpy.ops.screen.screen_full_area()
        yield waited(1.0)
        areas = [area for area in self.window.screen.areas if area.type == "SEQUENCE_EDITOR"]
        self.set(next(area for area in areas if area.spaces[0].view_type == "SEQUENCER"))


def all_of_it():
    """Every scene, one after another, in one Blender."""
    stage = Stage(*(yield from open_sequencer()))
    provider = moody()
    part("providers.base").register("clicker", lambda: provider)
    bpy.ops.tracklay.reload_models()
    scene, strip = add_clip(FOLDER / "demo.mp4", 1, fps=FPS)
    yield from readme(stage, scene, strip)
    yield from states(stage, scene, strip)
    yield from many(stage, scene)
    yield from views(stage)


def readme(stage, scene, strip):
    """A clip with foley and music, and the panel."""
    strip.name = "Workshop"
    scene.frame_start, scene.frame_end = 1, strip.duration
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    stage.generate(scene, "sketch/music", "playful jazz, piano and bass")
    yield stage.takes_are_laid
    stage.generate(scene, "sketch/foley", "rubber ball, wooden mallet on wood")
    yield stage.takes_are_laid
    stage.area.spaces[0].timeline_overlay.show_strip_source = False
    scene.frame_current = 86
    browser = next(each for each in stage.window.screen.areas if each.type == "FILE_BROWSER")
    browser.type = "OUTLINER"
    browser.spaces[0].display_mode = "SEQUENCE"
    stage.view_all()
    yield waited(WAVEFORM_SECONDS)
    yield from picture("blender")


def states(stage, scene, strip):
    """The list, with a cue in each state."""
    strip.select = False
    yield from stage.whole_window()
    for number, prompt in enumerate(("footsteps, slow", "a silence", "a lost answer", "door slams")):
        each = scene.sequence_editor.strips.new_movie(
            f"Shot {number + 2}", str(FOLDER / "demo.mp4"), 1, 200 + SHOT * number
        )
        each.duration = SHOT
        for other in scene.sequence_editor.strips:
            other.select = other == each
        stage.generate(scene, "clicker/clicks", prompt, takes=3 if number == 3 else 1)
    yield lambda: len([take for take in laid(scene) if take.left_handle > 300]) == 3
    yield waited(2.0)
    stage.view_all()
    listed, spotting = bpy.context.window_manager.tracklay, part("blender.runtime.cue_rows")
    yield waited(1.0)
    for name, wanted in (("running", "running"), ("failed", "failed"), ("unclear", "unclear"), ("takes", "laid")):
        listed.active = max(
            number for number, row in enumerate(spotting.cue_list_rows) if row.current_status()[0] == wanted
        )
        yield from picture(name)
    (FOLDER / "go on").touch()
    yield from stage.whole_window()


def many(stage, scene):
    """Effects at markers, and the menus."""
    scene.timeline_markers.new("sfx: mallet on wood", frame=31)
    scene.timeline_markers.new("sfx: ball bounces", frame=80)
    bpy.ops.tracklay.effects_at_markers(model="sketch/foley")
    yield stage.takes_are_laid
    stage.view_all()
    yield waited(2.0)
    yield from picture("markers", stage.area)
    for name, menu in (("models", "TRACKLAY_MT_models"), ("menu", "TRACKLAY_MT_strip")):
        with stage.over():
            bpy.ops.wm.call_menu(name=menu)
        yield from picture(name)
        yield from escape()


def views(stage):
    """Twice as large, in another language, and the preferences."""
    yield from stage.whole_window()
    view = bpy.context.preferences.view
    view.ui_scale = 2.0
    yield waited(1.0)
    yield from picture("twice-as-large")
    view.ui_scale = 1.0
    view.language = "de_DE"
    view.use_translate_interface = True
    yield waited(1.0)
    yield from picture("german", stage.sidebar)
    view.language = "en_US"
    bpy.ops.screen.userpref_show()
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Tracklay"
    bpy.ops.preferences.addon_expand(module=PACKAGE)
    (FOLDER / "move").touch()
    yield waited(2.0)
    yield from picture("preferences")


def escape():
    """Put a menu away, as the script that takes the pictures does with a key."""
    (FOLDER / "escape").touch()
    yield lambda: not (FOLDER / "escape").exists()
    yield waited(0.5)
