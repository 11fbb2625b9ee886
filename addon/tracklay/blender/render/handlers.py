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
from ..settings.i18n.translate import translate_error, translate_ui
from . import mixdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .scene_audio import SceneAudioBuilder, SceneAudioResult

    Result = TypeVar("Result")

EXIT_RENDER_ABORTED = 1
"""The exit status of a Blender without a window that must not render a silent film."""

POLL_SECONDS = 0.1

INVALID_RENDER_SIZE = {"resolution_x": 4, "resolution_y": 4, "resolution_percentage": 1}
"""Blender refuses to begin a render of less than a pixel: there is no other way to stop one from within (seen in 5.2)."""


class _RenderState:
    """What is known of the render that is under way."""

    def __init__(self) -> None:
        self.is_suspended = False
        """Whoever renders sees to the sound: a script of ours."""
        self.frames_written = 0
        """How many were written as files."""
        self.original_codec: str | None = None
        """The scene's own, where it was changed for the render."""


_state = _RenderState()


@contextlib.contextmanager
def suspend_handlers() -> Iterator[None]:
    """The handlers do nothing meanwhile: whoever renders has seen to the sound."""
    _state.is_suspended = True
    try:
        yield
    finally:
        _state.is_suspended = False


def log_message(message: str) -> None:
    """Say something where a farm's log and a window's console show it."""
    print(f"tracklay: {' '.join(message.split())}", file=sys.stderr, flush=True)  # noqa: T201 - it is the only place


def _run_on_main_thread(function: Callable[[], Result]) -> Result:
    """Have Blender's main thread do something, and wait for it; nothing of Blender's may be touched from another."""
    if threading.current_thread() is threading.main_thread():
        return function()
    came: Future[Result] = Future()

    def run() -> None:
        try:
            came.set_result(function())
        except BaseException as error:  # noqa: BLE001 - it is for the thread that waits
            came.set_exception(error)

    bpy.app.timers.register(run)
    return came.result()


def _run_after_render(function: Callable[[], None]) -> None:
    """Have the main thread do something when the render is over; at once where there is no window."""
    if bpy.app.background:
        function()
        return

    def poll() -> float | None:
        if bpy.app.is_job_running("RENDER"):
            return POLL_SECONDS
        function()
        return None

    bpy.app.timers.register(poll, first_interval=POLL_SECONDS)


def _should_make_sound(scene: Any) -> bool:
    """Whether this render is to have its sound seen to. A still has none: a test of one frame must not cost money."""
    if _state.is_suspended or not scene.tracklay.sound_at_render:
        return False
    running = [operator for window in bpy.context.window_manager.windows for operator in window.modal_operators]
    renders = [operator for operator in running if operator.bl_idname == "RENDER_OT_render"]
    return all(operator.properties.animation for operator in renders)


@persistent  # type: ignore[untyped-decorator]
def on_render_init(scene: Any, *_: Any) -> None:
    """Make and lay what the scene lacks; as the scene has it, a failure is told, or nothing is rendered."""
    _state.frames_written = 0
    if not _run_on_main_thread(lambda: _should_make_sound(scene)):
        return
    try:
        came = _make_sound_in_background(scene) if bpy.app.background else _make_sound_with_window(scene)
        errors = came.errors
    except TracklayError as error:
        errors = [translate_error(error)]
    except Exception as error:  # noqa: BLE001 - a fault of ours must not be taken for a film with its sound in
        errors = [f"a fault in Tracklay itself: {type(error).__name__}: {error}"]
    for sentence in errors:
        log_message(sentence)
    if errors and scene.tracklay.if_sound_fails == "STOP":
        log_message(
            f"{scene.name} is not rendered, for it would lack sound: mend that, or have it rendered all the same"
        )
        if bpy.app.background:
            _exit_process()
        _run_on_main_thread(lambda: _abort_render(scene, errors))
        return
    _run_on_main_thread(lambda: _set_audio_codec(scene))
    if errors and not bpy.app.background:
        _run_on_main_thread(lambda: _show_errors(errors))


def _make_sound_in_background(scene: Any) -> SceneAudioResult:
    from .scene_audio import SceneAudioOptions, generate_scene_audio  # noqa: PLC0415 - the runner comes along, and most renders want none of it

    return generate_scene_audio(scene, SceneAudioOptions(), log_message)


def _make_sound_with_window(scene: Any) -> SceneAudioResult:
    from ...jobs.shared_claims import SharedClaims  # noqa: PLC0415
    from .scene_audio import RECORDS_FOLDER, SceneAudioBuilder, SceneAudioOptions, find_missing_audio  # noqa: PLC0415

    def collect() -> tuple[SceneAudioBuilder, Path | None, list[str]]:
        wanted, errors = find_missing_audio(scene, SceneAudioOptions())
        return (
            SceneAudioBuilder(wanted, SceneAudioOptions(), log_message),
            wanted[0].order.folder / RECORDS_FOLDER if wanted else None,
            errors,
        )

    made, place, errors = _run_on_main_thread(collect)
    if place is not None:
        with SharedClaims(place) as claims:
            made.generate(claims)
        _run_on_main_thread(lambda: _lay_sound(made, scene))
    made.result.errors[:0] = errors
    return made.result


def _lay_sound(made: SceneAudioBuilder, scene: Any) -> None:
    made.lay()
    if made.result.laid:
        placement.push_undo(scene)


def _exit_process() -> None:
    """End a Blender without a window in the midst of a render; by Python's own way out the module of 4.5 never comes to its end."""
    sys.stdout.flush()
    sys.stderr.flush()
    shutil.rmtree(bpy.app.tempdir, ignore_errors=True)
    os._exit(EXIT_RENDER_ABORTED)


def _abort_render(scene: Any, errors: list[str]) -> None:
    """Stop the render that is about to begin, in a window, and put the scene right again."""
    kept = {name: getattr(scene.render, name) for name in INVALID_RENDER_SIZE}
    for name, value in INVALID_RENDER_SIZE.items():
        setattr(scene.render, name, value)

    def restore() -> None:
        for name, value in kept.items():
            setattr(scene.render, name, value)
        _show_errors(errors)

    _run_after_render(restore)


def _show_errors(errors: list[str]) -> None:
    """Show what went wrong where the person works."""

    def draw(menu: Any, _context: Any) -> None:
        for error in errors:
            menu.layout.label(text=error)

    bpy.context.window_manager.popup_menu(draw, title=translate_ui("Sound at Render"), icon="ERROR")


def _set_audio_codec(scene: Any) -> None:
    own = scene.render.ffmpeg.audio_codec
    if words := mixdown.ensure_audio_codec(scene):
        _state.original_codec = own
        log_message(words)


@persistent  # type: ignore[untyped-decorator]
def on_render_write(_scene: Any, *_: Any) -> None:
    """Count the frames that became files."""
    _state.frames_written += 1


@persistent  # type: ignore[untyped-decorator]
def on_render_complete(scene: Any, *_: Any) -> None:
    """Put the scene's codec back; frames get their WAV."""
    codec, _state.original_codec = _state.original_codec, None
    mixes = (
        bool(_state.frames_written)
        and not _state.is_suspended
        and scene.tracklay.sound_at_render
        and not mixdown.is_movie_output(scene)
    )

    def restore_and_mix() -> None:
        if codec is not None:
            scene.render.ffmpeg.audio_codec = codec
        if mixes:
            try:
                log_message(f"the sound of the frames: {mixdown.write_mixdown(scene, mixdown.mixdown_path(scene))}")
            except TracklayError as error:
                log_message(translate_error(error))

    if codec is not None or mixes:
        _run_after_render(restore_and_mix)


@persistent  # type: ignore[untyped-decorator]
def on_render_cancel(scene: Any, *_: Any) -> None:
    """Put the scene's codec back: the person stopped the render."""
    _state.frames_written = 0
    on_render_complete(scene)


HANDLERS = {
    "render_init": on_render_init,
    "render_write": on_render_write,
    "render_complete": on_render_complete,
    "render_cancel": on_render_cancel,
}


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
