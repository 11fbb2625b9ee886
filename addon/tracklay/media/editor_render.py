"""Has an editor's own program render what only it can show, and gives it on as a movie like any other.

The program is plain to us: a command, a script of ours, one JSON argument. It runs in a process group of its own, and what it says is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..atomic_io import atomic_write, output_error
from ..errors import MediaError
from ..timing import TimeMap
from . import ffmpeg
from .probe import frame_times

if TYPE_CHECKING:
    from ..cue import Picture
    from ..timing import Span

RENDER_SCRIPT = Path(__file__).parents[1] / "blender" / "render" / "render_strip.py"
"""What the program runs."""

STALL_TIMEOUT_SECONDS = 1800.0
"""How long the program may say and write nothing: a frame of a scene in 3D may take minutes, a drive that is gone for ever."""

POLL_SECONDS = 1.0
"""How often it is seen to."""

ERROR_LOG_LINES = 20
"""Lines of the program's own that are looked through for its reason."""


@dataclass(frozen=True, slots=True)
class RenderedMovie:
    """A lossless movie of a span's timeline frames; `sha256` is that of their pixels, whatever they were rendered from."""

    path: Path
    sha256: str

    def as_picture(self, picture: Picture, span: Span) -> Picture:
        """What was to be rendered, as a picture that is read from this movie."""
        return replace(
            picture, source=self.path, time_map=TimeMap.linear(span, Fraction(0)), rate=span.rate, render=None
        )


def render_in_editor(
    picture: Picture, span: Span, short_side: int, *, cancel_token: ffmpeg.CancelToken
) -> RenderedMovie:
    """The movie of a picture that must be rendered, beside the copy that it is rendered from; made once for each span and size.

    Args:
        picture: with a `render` whose copy is written.
        span: the timeline frames.
        short_side: pixels of the shorter side at least, where the timeline has as many.
        cancel_token: the person's wish to stop.

    Raises:
        MediaError: the copy is gone, or the program does not start, fails, or renders other frames; its words are kept.
        OutputError: there is no room.
        Cancelled: it was stopped.
    """
    render, name = picture.render, picture.source.name
    if render is None or render.timeline_copy is None or not render.timeline_copy.is_file():
        raise MediaError(f"the copy of the timeline that {name} is rendered from is gone: generate again")
    parts = [render.scene, render.strip, span.start, span.frames, str(span.rate), short_side]
    movie = render.timeline_copy.with_name(f"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}.mov")
    note = movie.with_suffix(".sha256")
    if movie.is_file() and note.is_file():
        return RenderedMovie(movie, note.read_text("ascii"))
    with atomic_write(movie) as beside:
        asked = {
            "copy": str(render.timeline_copy),
            "scene": render.scene,
            "strip": render.strip,
            "first": span.start,
            "frames": span.frames,
            "short": short_side,
            "to": str(beside),
        }
        _run_editor(
            [*render.program, str(RENDER_SCRIPT), "--", json.dumps(asked)],
            movie.with_suffix(".txt"),
            beside,
            name,
            cancel_token,
        )
        count = len(frame_times(beside, cancel_token=cancel_token)) if beside.is_file() and beside.stat().st_size else 0
        if count != span.frames:
            raise MediaError(
                f"Blender rendered {count} of the {span.frames} frames of {name}: what it said is in {movie.with_suffix('.txt')}"
            )
        found = _pixel_sha256(beside, name, cancel_token)
    with atomic_write(note) as beside:
        beside.write_text(found, "ascii")
    return RenderedMovie(movie, found)


def _pixel_sha256(movie: Path, name: str, cancel_token: ffmpeg.CancelToken) -> str:
    stream = ffmpeg.input_stream(movie)["V:0"].output("pipe:", format="hash", hash="sha256")
    text, _ = ffmpeg.capture_stdout(stream, f"could not look at what was rendered of {name}", cancel_token=cancel_token)
    return text.strip().rpartition("=")[2].lower()


def _run_editor(
    command: list[str], log_path: Path, output_path: Path, name: str, cancel_token: ffmpeg.CancelToken
) -> None:
    """Run to the end; what it says goes to a file, which is gone again when all went well. `output_path` is what it writes."""
    if shutil.which(command[0]) is None:
        raise MediaError(f"{name} must be rendered, and {command[0]} is not there any more: generate again in Blender")
    try:
        with log_path.open("wb") as said:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=sys.platform != "win32",
                creationflags=ffmpeg.NEW_GROUP_FLAGS,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )
    except OSError as error:
        raise output_error(error, log_path.parent) from error

    def kill() -> None:
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)

    try:
        with cancel_token.on_cancel(kill):
            status = _wait_for_exit(process, (log_path, output_path), name)
    finally:
        if process.poll() is None:
            kill()
            process.wait()
    if status:
        raise MediaError(
            f"Blender could not render {name}: {_failure_reason(log_path)}; all that it said is in {log_path}"
        )
    log_path.unlink(missing_ok=True)


def _wait_for_exit(process: subprocess.Popen[bytes], progress_files: tuple[Path, ...], name: str) -> int:
    """Wait for its end as long as any of the signs that it lives grows; its status."""
    seen, since = -1, time.monotonic()
    while True:
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            now = sum(sign.stat().st_size for sign in progress_files if sign.exists())
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > STALL_TIMEOUT_SECONDS:
            raise MediaError(
                f"Blender could not render {name}: nothing came of it for {STALL_TIMEOUT_SECONDS / 60:.0f} minutes; is a drive gone?"
            )


def _failure_reason(log_path: Path) -> str:
    """The last line that tells something."""
    lines = [line.strip() for line in log_path.read_text("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines[-ERROR_LOG_LINES:] if "Error" in line]
    return (telling or lines or ["it ended without a word"])[-1]
