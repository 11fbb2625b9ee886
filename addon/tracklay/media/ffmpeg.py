"""The one way to call ffmpeg: built with ffmpeg-python, run in a process group of its own, never through a shell.

Where the program comes from, how it is stopped, and what its complaints mean to a person are settled here.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled, MediaError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STDERR_LINES = 400
"""How much of ffmpeg's own words is kept: its reasons stand at the end, its description of the input at the start."""

NEW_GROUP_FLAGS = 0
"""Popen's flags for a process group of its own, where the platform has flags for it."""

if sys.platform == "win32":
    NEW_GROUP_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW

QUIET_FLAGS = ("-hide_banner", "-nostdin", "-loglevel", "error")
INFO_FLAGS = ("-hide_banner", "-nostdin", "-loglevel", "info", "-nostats")

READ_TIMEOUT_SECONDS = 60.0
"""How long ffmpeg may give nothing at all while something is read from it: a file on a lost network share never ends by itself."""


class StreamNotFound(MediaError):
    """The file has no stream of the kind that was asked for."""


class CancelToken:
    """A person's wish to stop, which reaches whatever runs at that moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._cancelled = False

    def cancel(self) -> None:
        """Stop what runs now and whatever would begin later."""
        with self._lock:
            self._cancelled = True
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` once the wish was made."""
        if self._cancelled:
            raise Cancelled("stopped: run the same command again to go on")

    @contextlib.contextmanager
    def on_cancel(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` if the wish is made within the block; refuse to begin if it was made before."""
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
        self.raise_if_cancelled()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)
        self.raise_if_cancelled()


@cache
def find_ffmpeg(override: str | None = None) -> str:
    """The ffmpeg to call: `TRACKLAY_FFMPEG`, else the one on PATH, else imageio-ffmpeg's.

    Raises:
        MediaError: none is there, or the named one is none.
    """
    override = override or os.environ.get("TRACKLAY_FFMPEG")
    if override:
        if found := shutil.which(override):
            return found
        raise MediaError(f"TRACKLAY_FFMPEG names {override}, which is no program: correct it or unset it")
    return shutil.which("ffmpeg") or _bundled_ffmpeg()


def _bundled_ffmpeg() -> str:
    """imageio-ffmpeg's program, made runnable: Blender unpacks wheels without their run bits (facts, measured in 5.2.2)."""
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - only where no other ffmpeg is
    except ImportError:
        raise MediaError("no ffmpeg found: install it, or name one in TRACKLAY_FFMPEG") from None
    binaries = Path(imageio_ffmpeg.__file__).parent / "binaries"
    for path in sorted(binaries.glob("ffmpeg-*")):
        if os.access(path, os.X_OK):
            return str(path)
        with contextlib.suppress(OSError):
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
            return str(path)
        return _executable_copy(path)
    raise MediaError("no ffmpeg found: install it, or name one in TRACKLAY_FFMPEG")


def _executable_copy(path: Path) -> str:
    """A runnable copy, for a place that is read-only: kept, since 70 MB are not copied at each start."""
    copy = Path(tempfile.gettempdir()) / f"tracklay-{os.getuid() if hasattr(os, 'getuid') else 'user'}-{path.name}"
    if not copy.exists() or copy.stat().st_size != path.stat().st_size:
        beside = copy.with_suffix(f".{os.getpid()}")
        shutil.copyfile(path, beside)
        beside.chmod(0o755)
        beside.replace(copy)
    return str(copy)


def ffmpeg_version() -> str:
    """The program's own version, as it says it.

    Raises:
        MediaError: there is no program.
    """
    told = subprocess.run(
        [find_ffmpeg(), "-version"], capture_output=True, text=True, errors="replace", check=False
    ).stdout
    return " ".join(told.split()[1:3]) or "which does not say its version"


def input_stream(path: Path, **options: Any) -> Any:
    """An ffmpeg-python input of a file, whatever its name holds: colons, percent signs, a leading dash."""
    import ffmpeg  # noqa: PLC0415 - slow to import, and not needed to register an add-on

    return ffmpeg.input(f"file:{path.absolute()}", **options)


def output_url(path: Path) -> str:
    """A file's name as ffmpeg takes it for output."""
    return f"file:{path.absolute()}"


class FfmpegProcess:
    """A running ffmpeg: its stdout to read, its stderr kept for the error message."""

    def __init__(
        self,
        stream: Any,
        log_flags: tuple[str, ...],
        *,
        stdout: Any = subprocess.DEVNULL,
        stdin: Any = None,
        on_stderr_line: Callable[[str | None], bool] | None = None,
    ) -> None:
        """Start it. `collect_line` is told each line of its words, and None at the end, on another thread; True keeps a line out of `stderr_tail`."""
        import ffmpeg  # noqa: PLC0415

        command: list[str] = ffmpeg.compile(stream.global_args(*log_flags), cmd=find_ffmpeg(), overwrite_output=True)
        self.stderr_tail: deque[str] = deque(maxlen=STDERR_LINES)
        self._on_stderr_line = on_stderr_line or (lambda _: False)
        try:
            self.popen = subprocess.Popen(
                command,
                stdin=stdin or subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.PIPE,
                start_new_session=sys.platform != "win32",
                creationflags=NEW_GROUP_FLAGS,
            )
        except OSError as error:
            raise MediaError(f"{command[0]} does not start: {error.strerror or error}") from error
        self._stderr_thread = threading.Thread(target=self._read_stderr, daemon=True, name="ffmpeg's stderr")
        self._stderr_thread.start()

    def _read_stderr(self) -> None:
        assert self.popen.stderr is not None  # noqa: S101 - made with a pipe above
        with self.popen.stderr as words:
            for raw in words:
                line = raw.decode("utf-8", "replace").rstrip()
                if not self._on_stderr_line(line):
                    self.stderr_tail.append(line)
        self._on_stderr_line(None)

    def kill(self) -> None:
        """End it and whatever it started."""
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self.popen.kill()
            else:
                os.killpg(self.popen.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for it; its status."""
        if self.popen.stdout:
            self.popen.stdout.close()  # whoever was stopped before reading left it open
        status = self.popen.wait()
        self._stderr_thread.join()
        return status


class OutputPipe:
    """A process's stdout. Whoever waits for it too long ends it: `timed_out` says that this happened."""

    def __init__(self, process: FfmpegProcess, timeout_seconds: float) -> None:
        self._process, self._timeout_seconds = process, timeout_seconds
        self._waiting_since: float | None = None
        self._closed = threading.Event()
        self.reached_end = False
        self.timed_out = False
        if math.isfinite(timeout_seconds):
            threading.Thread(target=self._watch_timeout, daemon=True, name="ffmpeg's patience").start()

    @contextlib.contextmanager
    def timed_wait(self) -> Iterator[None]:
        """Within the block something is awaited from it."""
        self._waiting_since = time.monotonic()
        try:
            yield
        finally:
            self._waiting_since = None

    def read(self, size: int) -> bytes:
        """The next `chunk_bytes` bytes, fewer at the end."""
        assert self._process.popen.stdout is not None  # noqa: S101 - a pipe has one
        with self.timed_wait():
            piece: bytes = self._process.popen.stdout.read(size)
        self.reached_end = self.reached_end or len(piece) < size
        return piece

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()

    def _watch_timeout(self) -> None:
        while not self._closed.wait(self._timeout_seconds / 4):
            since = self._waiting_since
            if since is not None and time.monotonic() - since > self._timeout_seconds:
                self.timed_out = True
                self._process.kill()
                return


def run_ffmpeg(stream: Any, error_prefix: str, *, cancel_token: CancelToken | None = None) -> None:
    """Run to the end. `error_prefix` begins the sentence of an error: `could not extract clip.mp4`.

    Raises:
        MediaError: ffmpeg failed.
        OutputError: there was no room or no permission to write.
        Cancelled: it was stopped.
    """
    for _ in read_stdout(stream, error_prefix, 1 << 16, cancel_token=cancel_token, timeout_seconds=math.inf):
        pass


@contextlib.contextmanager
def open_stdout(
    stream: Any,
    error_prefix: str,
    *,
    cancel_token: CancelToken | None = None,
    log_flags: tuple[str, ...] = QUIET_FLAGS,
    on_stderr_line: Callable[[str | None], bool] | None = None,
    timeout_seconds: float = READ_TIMEOUT_SECONDS,
) -> Iterator[OutputPipe]:
    """Give ffmpeg's stdout to read from.

    Leaving the block before its end ends ffmpeg. `timeout_seconds` is how many seconds one read may wait.
    Raises as `run_ffmpeg` does, when the block is left after the end.
    """
    process = FfmpegProcess(stream, log_flags, stdout=subprocess.PIPE, on_stderr_line=on_stderr_line)
    pipe = OutputPipe(process, timeout_seconds)
    try:
        with (cancel_token or CancelToken()).on_cancel(process.kill):
            yield pipe
    finally:
        pipe.close()
        if not pipe.reached_end:
            process.kill()
        status = process.wait()
    if pipe.timed_out:
        raise MediaError(
            f"{error_prefix}: nothing came of it for {timeout_seconds:.0f} s; is it on a drive or a network that is gone?"
        )
    if status and pipe.reached_end:
        raise error_from_stderr(process.stderr_tail, error_prefix)


def read_stdout(
    stream: Any,
    error_prefix: str,
    chunk_bytes: int,
    *,
    cancel_token: CancelToken | None = None,
    stderr_lines: deque[str] | None = None,
    timeout_seconds: float = READ_TIMEOUT_SECONDS,
) -> Iterator[bytes]:
    """What ffmpeg writes to its stdout, in pieces of `chunk_bytes` bytes (the last may be shorter), as it comes.

    Leaving the iterator early ends ffmpeg. With `stderr_lines`, ffmpeg describes its input, and its words are put there.
    Raises as `run_ffmpeg` does, after the last piece.
    """

    def collect_line(line: str | None) -> bool:
        if stderr_lines is not None and line is not None:
            stderr_lines.append(line)
        return False

    loud = QUIET_FLAGS if stderr_lines is None else INFO_FLAGS
    with open_stdout(
        stream,
        error_prefix,
        cancel_token=cancel_token,
        log_flags=loud,
        on_stderr_line=collect_line,
        timeout_seconds=timeout_seconds,
    ) as pipe:
        while piece := pipe.read(chunk_bytes):
            yield piece


def capture_stdout(
    stream: Any, error_prefix: str, *, cancel_token: CancelToken | None = None
) -> tuple[str, tuple[str, ...]]:
    """All of ffmpeg's stdout as text, and the lines it said about its input. Raises as `run_ffmpeg` does."""
    said: deque[str] = deque()
    text = b"".join(read_stdout(stream, error_prefix, 1 << 16, cancel_token=cancel_token, stderr_lines=said))
    return text.decode("ascii", "replace"), tuple(said)


def error_from_stderr(stderr_lines: Any, error_prefix: str) -> MediaError | OutputError:
    """ffmpeg's words as one sentence."""
    lines = [line for line in stderr_lines if line.strip()]
    text = "\n".join(lines)
    if "No space left on device" in text:
        return OutputError(f"{error_prefix}: no room left on the disk; free some space or choose another folder")
    if "Permission denied" in text or "Read-only file system" in text:
        return OutputError(f"{error_prefix}: permission denied; choose another folder or file")
    if "Invalid data found when processing input" in text or "moov atom not found" in text:
        return MediaError(f"{error_prefix}: it is no video or sound that ffmpeg can read, or it is damaged")
    if "matches no streams" in text or "does not contain any stream" in text:
        return StreamNotFound(f"{error_prefix}: it has no such stream")
    reason = lines[-1].strip() if lines else "it ended without a word"
    return MediaError(f"{error_prefix}: ffmpeg says: {reason}")
