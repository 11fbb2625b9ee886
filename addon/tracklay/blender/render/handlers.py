"""Render handlers: generate and lay the missing sound of a scene before it is rendered, if `scene.tracklay.sound_at_render` is on.

In background mode this happens before the first frame, on the main thread. With a window, Blender renders in a thread of its own: takes are
generated in that thread, so the window stays responsive, and everything that touches the scene is passed to the main thread by a timer.
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
from ..runtime import solo_playback
from ..sequencer import placement
from ..settings.i18n.translate import translate_error, translate_ui
from . import mixdown
from .requested_range import find_requested_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .scene_audio import SceneAudioBuilder, SceneAudioOptions, SceneAudioResult

    Result = TypeVar("Result")

EXIT_RENDER_ABORTED = 1
"""Exit status of a background Blender that must not render a film without sound."""

POLL_SECONDS = 0.1
"""Seconds between two checks whether a render has ended."""

INVALID_RENDER_SIZE = {"resolution_x": 4, "resolution_y": 4, "resolution_percentage": 1}
"""Settings that make Blender refuse to render, because a side has less than one pixel. A handler cannot stop a render otherwise (5.2)."""


class _RenderState:
    """State of the current render."""

    def __init__(self) -> None:
        self.is_suspended = False
        """Whether the handlers do nothing, because the script that renders generates the sound."""
        self.written_frames: tuple[int, int] | None = None
        """First and last frame written as a file."""
        self.original_codec: str | None = None
        """The scene's audio codec if it was replaced for the render."""
        self.messages: list[str] = []
        """What the panel shows of the last render: errors, and warnings about its sound."""


_state = _RenderState()


@contextlib.contextmanager
def suspend_handlers() -> Iterator[None]:
    """Make the handlers do nothing: for a script that has generated the sound before it renders."""
    _state.is_suspended = True
    try:
        yield
    finally:
        _state.is_suspended = False


def log_message(message: str) -> None:
    """Write a message to stderr, where a render farm logs it and Blender's console shows it."""
    print(f"tracklay: {' '.join(message.split())}", file=sys.stderr, flush=True)  # noqa: T201 - a render has no other output


def messages_of_last_render() -> tuple[str, ...]:
    """Return the errors and warnings of the last render of this session, for the panel; empty if all went well."""
    return tuple(_state.messages)


def _report(message: str) -> None:
    """Write a message to the log, and keep it for the panel."""
    log_message(message)
    _state.messages.append(message)


def _run_on_main_thread(function: Callable[[], Result]) -> Result:
    """Call a function on the main thread and wait for its result: Blender's data must not be used in another thread."""
    if threading.current_thread() is threading.main_thread():
        return function()
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            future.set_exception(error)

    bpy.app.timers.register(run)
    return future.result()


def _run_after_render(function: Callable[[], None]) -> None:
    """Call a function on the main thread after the render; in background mode, now."""
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
    """Return whether to generate sound for this render. A still image gets none: rendering a test frame must not cost money."""
    if _state.is_suspended or not scene.tracklay.sound_at_render:
        return False
    running = [operator for window in bpy.context.window_manager.windows for operator in window.modal_operators]
    renders = [operator for operator in running if operator.bl_idname == "RENDER_OT_render"]
    return all(operator.properties.animation for operator in renders)


@persistent  # type: ignore[untyped-decorator]
def on_render_init(scene: Any, *_: Any) -> None:
    """Generate and lay missing sound. On failure, the scene's setting decides whether to report it or to stop the render."""
    _state.written_frames = None
    _state.messages.clear()
    if solo_playback.has_solo():
        _run_on_main_thread(lambda: solo_playback.update_solo(is_heard=False))
    if not _run_on_main_thread(lambda: _should_make_sound(scene)):
        return
    from .scene_audio import SceneAudioOptions  # noqa: PLC0415 - imports the job runner, which most renders do not need

    try:
        frames = _run_on_main_thread(lambda: find_requested_range(scene))
        options = SceneAudioOptions(frames=frames)
        result = (_make_sound_in_background if bpy.app.background else _make_sound_with_window)(scene, options)
        errors = result.errors
    except TracklayError as error:
        errors = [translate_error(error)]
    except Exception as error:  # noqa: BLE001 - after a bug of ours, the film must not count as complete
        errors = [f"Internal error in Tracklay: {type(error).__name__}: {error}"]
    for message in errors:
        _report(message)
    if errors and scene.tracklay.if_sound_fails == "STOP":
        log_message(
            f"{scene.name} is not rendered, because sound is missing. Fix the errors above or set On Failure to render anyway."
        )
        if bpy.app.background:
            _exit_process()
        _run_on_main_thread(lambda: _abort_render(scene, errors))
        return
    _run_on_main_thread(lambda: _set_audio_codec(scene))
    if errors and not bpy.app.background:
        _run_on_main_thread(lambda: _show_errors(errors))


def _make_sound_in_background(scene: Any, options: SceneAudioOptions) -> SceneAudioResult:
    from .scene_audio import generate_scene_audio  # noqa: PLC0415

    return generate_scene_audio(scene, options, log_message)


def _make_sound_with_window(scene: Any, options: SceneAudioOptions) -> SceneAudioResult:
    from ...jobs.shared_claims import SharedClaims  # noqa: PLC0415
    from .scene_audio import RECORDS_FOLDER, SceneAudioBuilder, find_missing_audio  # noqa: PLC0415

    def collect() -> tuple[SceneAudioBuilder, Path | None, list[str]]:
        missing, errors = find_missing_audio(scene, options)
        return (
            SceneAudioBuilder(missing, options, log_message),
            missing[0].order.folder / RECORDS_FOLDER if missing else None,
            errors,
        )

    builder, records_folder, errors = _run_on_main_thread(collect)
    if records_folder is not None:
        with SharedClaims(records_folder) as claims:
            builder.generate(claims)
        _run_on_main_thread(lambda: _lay_sound(builder, scene))
    builder.result.errors[:0] = errors
    return builder.result


def _lay_sound(builder: SceneAudioBuilder, scene: Any) -> None:
    builder.lay()
    if builder.result.laid:
        placement.push_undo(scene)


def _exit_process() -> None:
    """End a background Blender during a render. With `sys.exit` the bpy module of 4.5 hangs."""
    sys.stdout.flush()
    sys.stderr.flush()
    shutil.rmtree(bpy.app.tempdir, ignore_errors=True)
    os._exit(EXIT_RENDER_ABORTED)


def _abort_render(scene: Any, errors: list[str]) -> None:
    """Stop the render that is about to begin in a window, and restore the scene afterwards."""
    original = {name: getattr(scene.render, name) for name in INVALID_RENDER_SIZE}
    for name, value in INVALID_RENDER_SIZE.items():
        setattr(scene.render, name, value)

    def restore() -> None:
        for name, value in original.items():
            setattr(scene.render, name, value)
        _show_errors(errors)

    _run_after_render(restore)


def _show_errors(errors: list[str]) -> None:
    """Show errors in a popup."""

    def draw(menu: Any, _context: Any) -> None:
        for error in errors:
            menu.layout.label(text=error)

    bpy.context.window_manager.popup_menu(draw, title=translate_ui("Sound at Render"), icon="ERROR")


def _set_audio_codec(scene: Any) -> None:
    original = scene.render.ffmpeg.audio_codec
    if message := mixdown.ensure_audio_codec(scene):
        _state.original_codec = original
        _report(message)
    if message := mixdown.describe_mix_faults(scene):
        _report(message)


@persistent  # type: ignore[untyped-decorator]
def on_render_write(scene: Any, *_: Any) -> None:
    """Note the frames written as files: no handler sees the range that a render was started with."""
    frame, written = scene.frame_current, _state.written_frames
    _state.written_frames = (min(frame, written[0]), max(frame, written[1])) if written else (frame, frame)


def _rendered_range(scene: Any) -> tuple[int, int] | None:
    """Return the first and last frame of this render; None if it wrote no frames.

    A render that leaves out what other machines have written belongs to the whole range of the scene.
    """
    written = _state.written_frames
    if written is None:
        return None
    if not scene.render.use_overwrite and scene.frame_start <= written[0] and written[1] <= scene.frame_end:
        return scene.frame_start, scene.frame_end
    # With a step, the last frame written stands for those that are left out after it.
    last = written[1] + scene.frame_step - 1
    return written[0], max(written[1], min(last, scene.frame_end))


@persistent  # type: ignore[untyped-decorator]
def on_render_complete(scene: Any, *_: Any) -> None:
    """Restore the scene's audio codec, and write the WAV of rendered frames."""
    if solo_playback.has_solo():
        _run_after_render(solo_playback.update_solo)
    codec, _state.original_codec = _state.original_codec, None
    frames = _rendered_range(scene)
    needs_mixdown = not _state.is_suspended and scene.tracklay.sound_at_render and not mixdown.is_movie_output(scene)

    def restore_and_mix() -> None:
        if codec is not None:
            scene.render.ffmpeg.audio_codec = codec
        if frames is not None and needs_mixdown:
            _mix_frames(scene, frames)

    if codec is not None or (frames is not None and needs_mixdown):
        _run_after_render(restore_and_mix)


def _mix_frames(scene: Any, frames: tuple[int, int]) -> None:
    """Write the WAV beside rendered frames. With a window, in a thread: the window stays responsive, and quitting waits for it."""
    first, last = frames
    if first < 0:
        _report(
            f"Blender mixes no sound before frame 0: that of the frames begins there. {scene.name} renders from {first}."
        )
    if last < 0:
        return
    try:
        request = mixdown.prepare_mixdown(scene, max(0, first), last)
    except TracklayError as error:
        _report(translate_error(error))
        return

    def mix() -> None:
        try:
            log_message(f"Sound of the frames: {mixdown.write_mixdown(request)}")
        except TracklayError as error:
            _report(translate_error(error))

    if bpy.app.background:
        mix()
    else:
        threading.Thread(target=mix, name="tracklay mix").start()


@persistent  # type: ignore[untyped-decorator]
def on_render_cancel(scene: Any, *_: Any) -> None:
    """Restore the scene's audio codec; a cancelled render gets no WAV."""
    _state.written_frames = None
    on_render_complete(scene)


HANDLERS = {
    "render_init": on_render_init,
    "render_write": on_render_write,
    "render_complete": on_render_complete,
    "render_cancel": on_render_cancel,
}


def register() -> None:
    """Add the render handlers."""
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Remove the render handlers."""
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(handler)
