"""Renders, in a process of the editor's own program, a picture that only the editor can show, to a movie that is extracted as any other.

The program is opaque here: a command, a script, and one JSON argument. Its output is kept as a log if it fails.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..atomic_io import atomic_write, output_error
from ..errors import MediaError
from ..processes import find_program, kill_process_group, start_process
from ..timing import TimeMap
from . import ffmpeg
from .fingerprint import rendered_digest_path
from .probe import frame_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..cancellation import CancelToken
    from ..cue import Picture
    from ..timing import Span

STALL_TIMEOUT_SECONDS = 1800.0
"""Seconds without any output after which the program is killed. One frame of a 3D scene may take minutes; a lost drive never returns."""

POLL_SECONDS = 1.0
"""Seconds between two looks at the program."""

ERROR_LOG_LINES = 20
"""Last lines of the log that are searched for the reason of a failure."""


@dataclass(frozen=True, slots=True)
class RenderedMovie:
    """A lossless movie of a span's timeline frames. `sha256` is that of its decoded pixels: equal frames have an equal one."""

    path: Path
    sha256: str

    def as_picture(self, picture: Picture, span: Span) -> Picture:
        """Return the picture that was rendered, read from this movie instead."""
        return replace(
            picture, source=self.path, time_map=TimeMap.linear(span, Fraction(0)), rate=span.rate, render=None
        )


def render_in_editor(picture: Picture, span: Span, short_side: int, *, cancel_token: CancelToken) -> RenderedMovie:
    """Render a picture to a movie beside its timeline copy. The movie of the same span and size is reused.

    Args:
        picture: a picture with `render`, whose timeline copy is written.
        span: timeline frames to render.
        short_side: pixels of the shorter side, at least, as far as the timeline has as many.
        cancel_token: cancels the render.

    Raises:
        MediaError: the copy or the program is missing, or the program fails, stalls, or renders another number of frames.
        OutputError: no space or no permission to write.
        Cancelled: the token was cancelled.
    """
    render, name = picture.render, picture.source.name
    if render is None or render.timeline_copy is None or not render.timeline_copy.is_file():
        raise MediaError(
            "render.copy_missing",
            "The timeline copy from which {name} is rendered is missing. Generate again.",
            name=name,
        )
    parts = [render.scene, render.strip, span.start, span.frames, str(span.rate), short_side]
    parts += [True] if render.whole else []
    movie = render.timeline_copy.with_name(f"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}.mov")
    # The digest is written after the movie: without it the movie is not used.
    digest_file = rendered_digest_path(movie)
    if movie.is_file() and digest_file.is_file():
        return RenderedMovie(movie, digest_file.read_text("ascii"))
    log_path = movie.with_suffix(".txt")
    with atomic_write(movie) as beside:
        request = {
            "copy": str(render.timeline_copy),
            "scene": render.scene,
            "strip": render.strip,
            "whole": render.whole,
            "first": span.start,
            "frames": span.frames,
            "min_side": short_side,
            "output_path": str(beside),
        }
        run_editor_script(render.program, render.script, request, log_path, beside, name, cancel_token=cancel_token)
        count = len(frame_times(beside, cancel_token=cancel_token)) if beside.is_file() and beside.stat().st_size else 0
        if count != span.frames:
            raise MediaError(
                "render.wrong_frame_count",
                "Blender rendered {count} of the {frames} frames of {name}. Full log: {log}.",
                count=count,
                frames=span.frames,
                name=name,
                log=log_path,
            )
        pixel_sha256 = _pixel_sha256(beside, name, cancel_token)
    with atomic_write(digest_file) as beside:
        beside.write_text(pixel_sha256, "ascii")
    return RenderedMovie(movie, pixel_sha256)


def _pixel_sha256(movie: Path, name: str, cancel_token: CancelToken) -> str:
    # Of the pixels, not of the file: its header has the time at which it was written.
    stream = ffmpeg.input_stream(movie)["V:0"].output("pipe:", format="hash", hash="sha256")
    text, _ = ffmpeg.capture_stdout(stream, f"Could not read the render of {name}", cancel_token=cancel_token)
    return text.strip().rpartition("=")[2].lower()


def run_editor_script(
    program: tuple[str, ...],
    script: Path | None,
    request: Mapping[str, object],
    log_path: Path,
    output_path: Path,
    name: str,
    *,
    cancel_token: CancelToken,
) -> None:
    """Run a script in a process of the editor, to its end.

    Args:
        program: command that runs a script inside the editor.
        script: the script; None if the job was created by a version that had none.
        request: its only argument, as JSON.
        log_path: gets the output of the process; deleted if it succeeds.
        output_path: the file that the script writes: the process is not stalled as long as it or the log grows.
        name: name of the picture or sound, for errors.
        cancel_token: cancels the process.

    Raises:
        MediaError: the program or its script is missing: the editor was removed or updated since the job was created. Or it fails or
            stalls.
        OutputError: the log cannot be written.
        Cancelled: the token was cancelled.
    """
    missing = program[0] if find_program(program[0]) is None else None
    if missing is None and (script is None or not script.is_file()):
        missing = str(script or "its render script")
    if missing is not None:
        raise MediaError(
            "render.program_missing",
            "{name} must be rendered, and {program} is missing. Generate again in Blender.",
            name=name,
            program=missing,
        )
    command = [*program, str(script), "--", json.dumps(request)]
    try:
        with log_path.open("wb") as log:
            process = start_process(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
    except OSError as error:
        raise output_error(error, log_path.parent) from error
    try:
        with cancel_token.on_cancel(lambda: kill_process_group(process)):
            status = _wait_for_exit(process, (log_path, output_path), name)
    finally:
        if process.poll() is None:
            kill_process_group(process)
            process.wait()
    if status:
        raise MediaError(
            "render.failed",
            "Could not render {name}: {reason}. Full log: {log}.",
            name=name,
            reason=_failure_reason(log_path),
            log=log_path,
        )
    log_path.unlink(missing_ok=True)


def _wait_for_exit(process: subprocess.Popen[bytes], progress_files: tuple[Path, ...], name: str) -> int:
    """Wait for the exit as long as one of the files grows; return the status."""
    last_size, last_change = -1, time.monotonic()
    while True:
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            size = sum(path.stat().st_size for path in progress_files if path.exists())
        if size != last_size:
            last_size, last_change = size, time.monotonic()
        elif time.monotonic() - last_change > STALL_TIMEOUT_SECONDS:
            raise MediaError(
                "render.stalled",
                "Could not render {name}: no output for {minutes} minutes. Check that all drives are available.",
                name=name,
                minutes=round(STALL_TIMEOUT_SECONDS / 60),
            )


def _failure_reason(log_path: Path) -> str:
    """Return the last line of the log that names an error, or its last line."""
    lines = [line.strip() for line in log_path.read_text("utf-8", "replace").splitlines() if line.strip()]
    errors = [line for line in lines[-ERROR_LOG_LINES:] if "Error" in line]
    return (errors or lines or ["no message"])[-1].rstrip(".")
