"""Sees to a scene's sound whenever it is rendered, where the person has switched that on: `scene.tracklay.sound_at_render`.

In the background it works before the first frame, on the main thread. In a window Blender renders in a thread of its own: the takes
are made there, while the window goes on, and whatever touches the scene is handed to the main thread by a timer.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

import bpy
from bpy.app.handlers import persistent

from ...errors import TracklayError
from ..sequencer import placement
from ..settings.i18n.translate import said
from . import mixdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .scene_audio import Outcome, Sound

    Result = TypeVar("Result")

STOPPED = 1
"""The exit status of a Blender without a window that must not render a silent film."""

LOOK_SECONDS = 0.1

TOO_SMALL = {"resolution_x": 4, "resolution_y": 4, "resolution_percentage": 1}
"""Blender refuses to begin a render of less than a pixel: there is no other way to stop one from within (seen in 5.2)."""


class _Render:
    """What is known of the render that is under way."""

    def __init__(self) -> None:
        self.in_hand = False
        """Whoever renders sees to the sound: a script of ours."""
        self.frames = 0
        """How many were written as files."""
        self.codec: str | None = None
        """The scene's own, where it was changed for the render."""


_render = _Render()


@contextlib.contextmanager
def in_hand() -> Iterator[None]:
    """The handlers do nothing meanwhile: whoever renders has seen to the sound."""
    _render.in_hand = True
    try:
        yield
    finally:
        _render.in_hand = False


def tell(words: str) -> None:
    """Say something where a farm's log and a window's console show it."""
    print(f"tracklay: {' '.join(words.split())}", file=sys.stderr, flush=True)  # noqa: T201 - it is the only place


def _on_main(function: Callable[[], Result]) -> Result:
    """Have Blender's main thread do something, and wait for it; nothing of Blender's may be touched from another."""
    if threading.current_thread() is threading.main_thread():
        return function()
    came: Future[Result] = Future()

    def do() -> None:
        try:
            came.set_result(function())
        except BaseException as error:  # noqa: BLE001 - it is for the thread that waits
            came.set_exception(error)

    bpy.app.timers.register(do)
    return came.result()


def _when_over(function: Callable[[], None]) -> None:
    """Have the main thread do something when the render is over; at once where there is no window."""
    if bpy.app.background:
        function()
        return

    def look() -> float | None:
        if bpy.app.is_job_running("RENDER"):
            return LOOK_SECONDS
        function()
        return None

    bpy.app.timers.register(look, first_interval=LOOK_SECONDS)


def _wanted(scene: Any) -> bool:
    """Whether this render is to have its sound seen to. A still has none: a test of one frame must not cost money."""
    if _render.in_hand or not scene.tracklay.sound_at_render:
        return False
    running = [operator for window in bpy.context.window_manager.windows for operator in window.modal_operators]
    renders = [operator for operator in running if operator.bl_idname == "RENDER_OT_render"]
    return all(operator.properties.animation for operator in renders)


@persistent  # type: ignore[untyped-decorator]
def before(scene: Any, *_: Any) -> None:
    """Make and lay what the scene lacks; as the scene has it, a failure is told, or nothing is rendered."""
    _render.frames = 0
    if not _on_main(lambda: _wanted(scene)):
        return
    try:
        came = _at_once(scene) if bpy.app.background else _beside_the_window(scene)
        errors = came.errors
    except TracklayError as error:
        errors = [str(error)]
    except Exception as error:  # noqa: BLE001 - a fault of ours must not be taken for a film with its sound in
        errors = [f"a fault in Tracklay itself: {type(error).__name__}: {error}"]
    for sentence in errors:
        tell(sentence)
    if errors and scene.tracklay.if_sound_fails == "STOP":
        tell(f"{scene.name} is not rendered, for it would lack sound: mend that, or have it rendered all the same")
        if bpy.app.background:
            _end()
        _on_main(lambda: _stop(scene, errors))
        return
    _on_main(lambda: _give_codec(scene))
    if errors and not bpy.app.background:
        _on_main(lambda: _show(errors))


def _at_once(scene: Any) -> Outcome:
    from .scene_audio import Wishes, sound  # noqa: PLC0415 - the runner comes along, and most renders want none of it

    return sound(scene, Wishes(), tell)


def _beside_the_window(scene: Any) -> Outcome:
    from ...jobs.shared_claims import Claims  # noqa: PLC0415
    from .scene_audio import PLACE, Sound, Wishes, needs  # noqa: PLC0415

    def looked() -> tuple[Sound, Path | None, list[str]]:
        wanted, errors = needs(scene, Wishes())
        return Sound(wanted, Wishes(), tell), wanted[0].order.folder / PLACE if wanted else None, errors

    made, place, errors = _on_main(looked)
    if place is not None:
        with Claims(place) as claims:
            made.make(claims)
        _on_main(lambda: _lay(made, scene))
    made.outcome.errors[:0] = errors
    return made.outcome


def _lay(made: Sound, scene: Any) -> None:
    made.lay()
    if made.outcome.laid:
        placement.remember(scene)


def _end() -> None:
    """End a Blender without a window in the midst of a render; by Python's own way out the module of 4.5 never comes to its end."""
    sys.stdout.flush()
    sys.stderr.flush()
    shutil.rmtree(bpy.app.tempdir, ignore_errors=True)
    os._exit(STOPPED)


def _stop(scene: Any, errors: list[str]) -> None:
    """Stop the render that is about to begin, in a window, and put the scene right again."""
    kept = {name: getattr(scene.render, name) for name in TOO_SMALL}
    for name, value in TOO_SMALL.items():
        setattr(scene.render, name, value)

    def put_back() -> None:
        for name, value in kept.items():
            setattr(scene.render, name, value)
        _show(errors)

    _when_over(put_back)


def _show(errors: list[str]) -> None:
    """Show what went wrong where the person works."""

    def draw(menu: Any, _context: Any) -> None:
        for error in errors:
            menu.layout.label(text=error)

    bpy.context.window_manager.popup_menu(draw, title=said("Sound at Render"), icon="ERROR")


def _give_codec(scene: Any) -> None:
    own = scene.render.ffmpeg.audio_codec
    if words := mixdown.audible(scene):
        _render.codec = own
        tell(words)


@persistent  # type: ignore[untyped-decorator]
def written(_scene: Any, *_: Any) -> None:
    """Count the frames that became files."""
    _render.frames += 1


@persistent  # type: ignore[untyped-decorator]
def after(scene: Any, *_: Any) -> None:
    """Put the scene's codec back; frames get their WAV."""
    codec, _render.codec = _render.codec, None
    mixes = (
        bool(_render.frames) and not _render.in_hand and scene.tracklay.sound_at_render and not mixdown.is_movie(scene)
    )

    def put_right() -> None:
        if codec is not None:
            scene.render.ffmpeg.audio_codec = codec
        if mixes:
            try:
                tell(f"the sound of the frames: {mixdown.mixdown(scene, mixdown.beside(scene))}")
            except TracklayError as error:
                tell(str(error))

    if codec is not None or mixes:
        _when_over(put_right)


@persistent  # type: ignore[untyped-decorator]
def given_up(scene: Any, *_: Any) -> None:
    """Put the scene's codec back: the person stopped the render."""
    _render.frames = 0
    after(scene)


HANDLERS = {"render_init": before, "render_write": written, "render_complete": after, "render_cancel": given_up}


class TRACKLAY_PT_at_render(bpy.types.Panel):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Where it is switched on: beside what a render writes."""

    bl_label = "Tracklay"
    bl_idname = "TRACKLAY_PT_at_render"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        """Show the two."""
        layout, settings = self.layout, context.scene.tracklay
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "sound_at_render")
        row = layout.row()
        row.enabled = settings.sound_at_render
        row.prop(settings, "if_sound_fails")


CLASSES = (TRACKLAY_PT_at_render,)


def register() -> None:
    """Listen to renders."""
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Listen no more."""
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(handler)
