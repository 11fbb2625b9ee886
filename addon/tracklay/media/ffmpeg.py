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

OWN_GROUP = 0
"""Popen's flags for a process group of its own, where the platform has flags for it."""

if sys.platform == "win32":
    OWN_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW

QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error")
TELLING = ("-hide_banner", "-nostdin", "-loglevel", "info", "-nostats")

PATIENCE_SECONDS = 60.0
"""How long ffmpeg may give nothing at all while something is read from it: a file on a lost network share never ends by itself."""


class NoStream(MediaError):
    """The file has no stream of the kind that was asked for."""


class Stop:
    """A person's wish to stop, which reaches whatever runs at that moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._wished = False

    def set(self) -> None:
        """Stop what runs now and whatever would begin later."""
        with self._lock:
            self._wished = True
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def check(self) -> None:
        """Raise `Cancelled` once the wish was made."""
        if self._wished:
            raise Cancelled("stopped: run the same command again to go on")

    @contextlib.contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` if the wish is made within the block; refuse to begin if it was made before."""
        with self._lock:
            if not self._wished:
                self._callbacks.append(callback)
        self.check()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)
        self.check()


@cache
def program(named: str | None = None) -> str:
    """The ffmpeg to call: `TRACKLAY_FFMPEG`, else the one on PATH, else imageio-ffmpeg's.

    Raises:
        MediaError: none is there, or the named one is none.
    """
    named = named or os.environ.get("TRACKLAY_FFMPEG")
    if named:
        if found := shutil.which(named):
            return found
        raise MediaError(f"TRACKLAY_FFMPEG names {named}, which is no program: correct it or unset it")
    return shutil.which("ffmpeg") or _bundled()


def _bundled() -> str:
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
        return _copied(path)
    raise MediaError("no ffmpeg found: install it, or name one in TRACKLAY_FFMPEG")


def _copied(path: Path) -> str:
    """A runnable copy, for a place that is read-only: kept, since 70 MB are not copied at each start."""
    copy = Path(tempfile.gettempdir()) / f"tracklay-{os.getuid() if hasattr(os, 'getuid') else 'user'}-{path.name}"
    if not copy.exists() or copy.stat().st_size != path.stat().st_size:
        beside = copy.with_suffix(f".{os.getpid()}")
        shutil.copyfile(path, beside)
        beside.chmod(0o755)
        beside.replace(copy)
    return str(copy)


def version() -> str:
    """The program's own version, as it says it.

    Raises:
        MediaError: there is no program.
    """
    told = subprocess.run([program(), "-version"], capture_output=True, text=True, errors="replace", check=False).stdout
    return " ".join(told.split()[1:3]) or "which does not say its version"


def source(path: Path, **options: Any) -> Any:
    """An ffmpeg-python input of a file, whatever its name holds: colons, percent signs, a leading dash."""
    import ffmpeg  # noqa: PLC0415 - slow to import, and not needed to register an add-on

    return ffmpeg.input(f"file:{path.absolute()}", **options)


def target(path: Path) -> str:
    """A file's name as ffmpeg takes it for output."""
    return f"file:{path.absolute()}"


class Process:
    """A running ffmpeg: its stdout to read, its stderr kept for the error message."""

    def __init__(
        self,
        stream: Any,
        said: tuple[str, ...],
        *,
        into: Any = subprocess.DEVNULL,
        from_: Any = None,
        hear: Callable[[str | None], bool] | None = None,
    ) -> None:
        """Start it. `hear` is told each line of its words, and None at the end, on another thread; True keeps a line out of `words`."""
        import ffmpeg  # noqa: PLC0415

        command: list[str] = ffmpeg.compile(stream.global_args(*said), cmd=program(), overwrite_output=True)
        self.words: deque[str] = deque(maxlen=STDERR_LINES)
        self._hear = hear or (lambda _: False)
        try:
            self.popen = subprocess.Popen(
                command,
                stdin=from_ or subprocess.DEVNULL,
                stdout=into,
                stderr=subprocess.PIPE,
                start_new_session=sys.platform != "win32",
                creationflags=OWN_GROUP,
            )
        except OSError as error:
            raise MediaError(f"{command[0]} does not start: {error.strerror or error}") from error
        self._listener = threading.Thread(target=self._listen, daemon=True, name="ffmpeg's stderr")
        self._listener.start()

    def _listen(self) -> None:
        assert self.popen.stderr is not None  # noqa: S101 - made with a pipe above
        with self.popen.stderr as words:
            for raw in words:
                line = raw.decode("utf-8", "replace").rstrip()
                if not self._hear(line):
                    self.words.append(line)
        self._hear(None)

    def kill(self) -> None:
        """End it and whatever it started."""
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self.popen.kill()
            else:
                os.killpg(self.popen.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait for it; its status."""
        if self.popen.stdout:
            self.popen.stdout.close()  # whoever was stopped before reading left it open
        status = self.popen.wait()
        self._listener.join()
        return status


class Pipe:
    """A process's stdout. Whoever waits for it too long ends it: `ran_out` says that this happened."""

    def __init__(self, process: Process, patience: float) -> None:
        self._process, self._patience = process, patience
        self._since: float | None = None
        self._over = threading.Event()
        self.ended = False
        self.ran_out = False
        if math.isfinite(patience):
            threading.Thread(target=self._watch, daemon=True, name="ffmpeg's patience").start()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Within the block something is awaited from it."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end."""
        assert self._process.popen.stdout is not None  # noqa: S101 - a pipe has one
        with self.waiting():
            piece: bytes = self._process.popen.stdout.read(size)
        self.ended = self.ended or len(piece) < size
        return piece

    def close(self) -> None:
        """Watch no more."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(self._patience / 4):
            since = self._since
            if since is not None and time.monotonic() - since > self._patience:
                self.ran_out = True
                self._process.kill()
                return


def run(stream: Any, what: str, *, stop: Stop | None = None) -> None:
    """Run to the end. `what` begins the sentence of an error: `could not extract clip.mp4`.

    Raises:
        MediaError: ffmpeg failed.
        OutputError: there was no room or no permission to write.
        Cancelled: it was stopped.
    """
    for _ in read(stream, what, 1 << 16, stop=stop, patience=math.inf):
        pass


@contextlib.contextmanager
def reading(
    stream: Any,
    what: str,
    *,
    stop: Stop | None = None,
    said: tuple[str, ...] = QUIET,
    hear: Callable[[str | None], bool] | None = None,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[Pipe]:
    """Give ffmpeg's stdout to read from.

    Leaving the block before its end ends ffmpeg. `patience` is how many seconds one read may wait.
    Raises as `run` does, when the block is left after the end.
    """
    process = Process(stream, said, into=subprocess.PIPE, hear=hear)
    pipe = Pipe(process, patience)
    try:
        with (stop or Stop()).calling(process.kill):
            yield pipe
    finally:
        pipe.close()
        if not pipe.ended:
            process.kill()
        status = process.end()
    if pipe.ran_out:
        raise MediaError(
            f"{what}: nothing came of it for {patience:.0f} s; is it on a drive or a network that is gone?"
        )
    if status and pipe.ended:
        raise complaint(process.words, what)


def read(
    stream: Any,
    what: str,
    size: int,
    *,
    stop: Stop | None = None,
    said: deque[str] | None = None,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[bytes]:
    """What ffmpeg writes to its stdout, in pieces of `size` bytes (the last may be shorter), as it comes.

    Leaving the iterator early ends ffmpeg. With `said`, ffmpeg describes its input, and its words are put there.
    Raises as `run` does, after the last piece.
    """

    def hear(line: str | None) -> bool:
        if said is not None and line is not None:
            said.append(line)
        return False

    loud = QUIET if said is None else TELLING
    with reading(stream, what, stop=stop, said=loud, hear=hear, patience=patience) as pipe:
        while piece := pipe.read(size):
            yield piece


def capture(stream: Any, what: str, *, stop: Stop | None = None) -> tuple[str, tuple[str, ...]]:
    """All of ffmpeg's stdout as text, and the lines it said about its input. Raises as `run` does."""
    said: deque[str] = deque()
    text = b"".join(read(stream, what, 1 << 16, stop=stop, said=said))
    return text.decode("ascii", "replace"), tuple(said)


def complaint(words: Any, what: str) -> MediaError | OutputError:
    """ffmpeg's words as one sentence."""
    lines = [line for line in words if line.strip()]
    text = "\n".join(lines)
    if "No space left on device" in text:
        return OutputError(f"{what}: no room left on the disk; free some space or choose another folder")
    if "Permission denied" in text or "Read-only file system" in text:
        return OutputError(f"{what}: permission denied; choose another folder or file")
    if "Invalid data found when processing input" in text or "moov atom not found" in text:
        return MediaError(f"{what}: it is no video or sound that ffmpeg can read, or it is damaged")
    if "matches no streams" in text or "does not contain any stream" in text:
        return NoStream(f"{what}: it has no such stream")
    reason = lines[-1].strip() if lines else "it ended without a word"
    return MediaError(f"{what}: ffmpeg says: {reason}")
