"""The scenes of docs/screenshots.md: each is set up in Blender and waits until its screenshot is taken."""

from __future__ import annotations

import asyncio
import json
import os

import bpy
from clicking import clicker  # type: ignore[import-not-found]
from driver import FOLDER, PACKAGE, extension_module  # type: ignore[import-not-found]
from scenarios import WAVEFORM_SECONDS, add_clip, laid_strips, open_sequencer, seconds_passed  # type: ignore[import-not-found]

FPS = 24
SHOT = 48
"""Length of a shot in frames."""


def picture(name: str, *parts):
    """Wait for a screenshot of these areas or regions together, or of the whole window."""
    box = None
    if parts:
        left, bottom = min(each.x for each in parts), min(each.y for each in parts)
        box = [left, bottom, max(each.x + each.width for each in parts), max(each.y + each.height for each in parts)]
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()
    yield seconds_passed(0.6)
    part = FOLDER / f"{name}.part"
    part.write_text(json.dumps(box))
    part.rename(FOLDER / f"{name}.ready")

    def picture_was_taken():
        return (FOLDER / f"{name}.taken").exists()

    yield picture_was_taken


def scripted_provider():
    """Return a clicking provider whose jobs end as the prompt says: slow, without sound, or lost."""
    base, errors = extension_module("providers.base"), extension_module("errors")
    kind = type(clicker())

    class ScriptedClicker(kind):  # type: ignore[misc,valid-type]
        async def prepare(self, request):
            submission = await super().prepare(request)
            return base.Submission(
                submission.provider, submission.id, submission.created_at, {**submission.data, "prompt": request.prompt}
            )

        async def submit(self, submission):
            if "silence" in submission.data["prompt"]:
                raise errors.ModelFailed("No sound found in this picture.")
            if "lost" in submission.data["prompt"]:
                raise errors.SubmissionUnknown(
                    "provider.submission_unknown",
                    "{provider} did not respond: the job may have started.",
                    provider="Fake Provider",
                )
            return base.JobHandle(
                self.name, submission.id, {**submission.data, "left": "slow" in submission.data["prompt"]}
            )

        async def poll(self, handle):
            if handle.data["left"] and not (FOLDER / "go on").exists():
                await asyncio.sleep(0.2)
                return base.JobProgress("running", 0.46, "step 12 of 25")
            return base.JobProgress("done")

    return ScriptedClicker()


class Stage:
    """The window and its sequencer, with the actions that scenes share."""

    def __init__(self, window, area):
        self.window, self.dispatcher = window, extension_module("blender.runtime.dispatcher")
        self.set(area)

    def set(self, area):
        """Use this area from now on."""
        self.area = area
        self.region = next(region for region in area.regions if region.type == "WINDOW")
        self.sidebar = next(region for region in area.regions if region.type == "UI")

    def over(self):
        """Return a context override for the timeline."""
        return bpy.context.temp_override(window=self.window, area=self.area, region=self.region)

    def view_all(self):
        """Show all strips in the timeline."""
        with self.over():
            bpy.ops.sequencer.view_all()

    def takes_are_laid(self):
        """Return whether all jobs are done; a condition."""
        return not self.dispatcher.get_dispatcher().is_busy

    def generate(self, scene, model, prompt, **more):
        """Generate a sound for the selection."""
        settings = scene.tracklay
        settings.model, settings.prompt, settings.seed = model, prompt, 4
        bpy.ops.tracklay.generate(**more)

    def whole_window(self):
        """Toggle the sequencer between the whole window and its own area."""
        with self.over():
            bpy.ops.screen.screen_full_area()
        yield seconds_passed(1.0)
        areas = [area for area in self.window.screen.areas if area.type == "SEQUENCE_EDITOR"]
        self.set(next(area for area in areas if area.spaces[0].view_type == "SEQUENCER"))


def all_of_it():
    """Show every scene in turn, in one Blender."""
    stage = Stage(*(yield from open_sequencer()))
    provider = scripted_provider()
    extension_module("providers.base").register("clicker", lambda: provider)
    bpy.ops.tracklay.reload_models()
    scene, strip = add_clip(FOLDER / "demo.mp4", 1, fps=FPS)
    yield from readme(stage, scene, strip)
    yield from states(stage, scene, strip)
    yield from many(stage, scene)
    yield from views(stage)


def readme(stage, scene, strip):
    """Show a clip with foley and music, and the panel."""
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
    yield seconds_passed(WAVEFORM_SECONDS)
    yield from picture("blender")


def states(stage, scene, strip):
    """Show the cue list with a cue in each state, then grouped with a stale cue."""
    os.environ["FAL_KEY"] = "id:0123456789"  # with a key there are no first steps
    extension_module("blender.settings.first_run").hide_explanation()
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
    yield lambda: len([take for take in laid_strips(scene) if take.left_handle > 300]) == 3
    yield seconds_passed(2.0)
    stage.view_all()
    listed, rows = bpy.context.window_manager.tracklay, extension_module("blender.runtime.cue_rows")
    yield seconds_passed(1.0)
    for name, wanted in (("running", "running"), ("failed", "failed"), ("unclear", "unclear"), ("takes", "laid")):
        listed.active = max(
            number for number, row in enumerate(rows.cue_list_rows) if row.current_status()[0] == wanted
        )
        stage.area.tag_redraw()
        # The box of the active cue is below the edge of so small a window.
        yield from scroll(stage, down=True)
        yield from picture(name)
    yield from grouped(stage, scene, strip)
    (FOLDER / "go on").touch()
    yield from stage.whole_window()


def scroll(stage, *, down):
    """Scroll the sidebar to its end or its beginning. It scrolls over what it has drawn, so until it stays."""
    before = None
    while before != (before := stage.sidebar.view2d.view_to_region(0, 0, clip=False)):
        stage.area.tag_redraw()
        yield seconds_passed(0.6)
        with bpy.context.temp_override(window=stage.window, area=stage.area, region=stage.sidebar):
            (bpy.ops.view2d.scroll_down if down else bpy.ops.view2d.scroll_up)(deltay=3000, page=False)
        stage.area.tag_redraw()
        yield seconds_passed(0.6)


def grouped(stage, scene, strip):
    """Show the list grouped by shot, with a stale cue, and one cue over three shots before it is made."""
    listed, rows = bpy.context.window_manager.tracklay, extension_module("blender.runtime.cue_rows").cue_list_rows
    strip.use_reverse_frames = True
    yield lambda: stage.area.tag_redraw() or any(row.is_stale for row in rows)
    listed.is_grouped = True
    listed.active = next(number for number, row in enumerate(rows) if row.is_stale)
    yield from scroll(stage, down=True)
    yield from picture("list")
    listed.is_grouped, strip.use_reverse_frames = False, False
    settings, before = scene.tracklay, scene.tracklay.model
    settings.model, settings.prompt = "sketch/music", "tense percussion, fast"
    for each in scene.sequence_editor.strips:
        each.select = each.name in ("Shot 2", "Shot 3", "Shot 4")
    yield from scroll(stage, down=False)
    yield from picture("one-cue")
    settings.model = before


def many(stage, scene):
    """Show effects at markers, and the menus."""
    scene.timeline_markers.new("sfx: mallet on wood", frame=31)
    scene.timeline_markers.new("sfx: ball bounces", frame=80)
    bpy.ops.tracklay.effects_at_markers(model="sketch/foley")
    yield stage.takes_are_laid
    stage.view_all()
    yield seconds_passed(2.0)
    yield from picture("markers", stage.area)
    for name, menu in (("models", "TRACKLAY_MT_models"), ("menu", "TRACKLAY_MT_strip")):
        with stage.over():
            bpy.ops.wm.call_menu(name=menu)
        yield from picture(name)
        yield from escape()


def views(stage):
    """Show twice the resolution scale, the German interface and the preferences."""
    yield from stage.whole_window()
    view = bpy.context.preferences.view
    view.ui_scale = 2.0
    yield seconds_passed(1.0)
    yield from scroll(stage, down=False)
    yield from picture("twice-as-large")
    view.ui_scale = 1.0
    view.language = "de_DE"
    view.use_translate_interface = True
    yield seconds_passed(1.0)
    yield from picture("german", stage.sidebar)
    view.language = "en_US"
    bpy.ops.screen.userpref_show()
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Tracklay"
    bpy.ops.preferences.addon_expand(module=PACKAGE)
    (FOLDER / "move").touch()
    yield seconds_passed(2.0)
    yield from picture("preferences")


def escape():
    """Close a menu: the script that takes the screenshots presses Escape."""
    (FOLDER / "escape").touch()
    yield lambda: not (FOLDER / "escape").exists()
    yield seconds_passed(0.5)
